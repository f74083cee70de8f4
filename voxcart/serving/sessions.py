"""One factory for ONNX Runtime sessions: the provider that was asked for is the one that runs, or it fails.

Errors::

    VoxcartError
    └── SessionError             a model file cannot be served as asked
        ├── ProviderUnavailable  the execution provider is not in this build or did not start
        └── SignatureMismatch    the model's inputs or outputs are not those the code was written for
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort

from voxcart.errors import VoxcartError
from voxcart.serving.metrics import MODEL_LOAD_SECONDS, PROVIDER_FALLBACKS_TOTAL
from voxcart.telemetry.logs import get_logger

_log = get_logger(__name__)

PROVIDERS: Mapping[str, str] = {
    "tensorrt": "TensorrtExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
"""Choices in the order of preference of ``auto``, and what ONNX Runtime calls them."""

_DTYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(int8)": "int8",
    "tensor(uint8)": "uint8",
    "tensor(bool)": "bool",
    "tensor(string)": "string",
}
_ONLY_ERRORS = 3


class SessionError(VoxcartError):
    """A model file cannot be served as asked."""


class ProviderUnavailable(SessionError):
    """The execution provider is not in this build of ONNX Runtime, or it did not start."""


class SignatureMismatch(SessionError):
    """The model's inputs or outputs are not those the code was written for."""


@dataclass(frozen=True)
class SessionOptions:
    """How a model runs.

    Attributes:
        provider: ``auto``, ``cpu``, ``cuda`` or ``tensorrt``. ``auto`` takes the first of TensorRT, CUDA and CPU
            that starts and logs what it passed over; the others start or fail.
        threads: threads inside one operator on the CPU, at least 1.
        spinning: whether idle threads spin for work. Off: a server's idle CPU time matters more than the
            few microseconds per call.
        memory_arena: keep freed CPU memory for the next call. Switch off for models that run rarely.
        device_id: which GPU.
        engine_cache: where TensorRT keeps built engines; without it every start builds them again.
    """

    provider: str = "auto"
    threads: int = 1
    spinning: bool = False
    memory_arena: bool = True
    device_id: int = 0
    engine_cache: Path | None = None

    def __post_init__(self) -> None:
        if self.provider != "auto" and self.provider not in PROVIDERS:
            raise ValueError(f"provider must be auto, {', '.join(PROVIDERS)}; got {self.provider!r}")
        if self.threads < 1:
            raise ValueError(f"threads must be at least 1; got {self.threads}")


@dataclass(frozen=True)
class TensorSpec:
    """What the code expects of one input or output: its name, numpy dtype name, and rank (None: any)."""

    name: str
    dtype: str
    rank: int | None = None


def create_session(
    path: Path,
    options: SessionOptions | None = None,
    *,
    model_id: str | None = None,
    inputs: Sequence[TensorSpec] = (),
    outputs: Sequence[TensorSpec] = (),
    warm_up: Sequence[Mapping[str, np.ndarray]] = (),
) -> ort.InferenceSession:
    """Load a model, check it, run it once per warm-up feed, and log what it runs on. Blocks.

    Args:
        path: the ONNX file. Verify it first (``ModelStore.require``).
        options: how it runs; CPU-friendly defaults with ``provider="auto"`` when None.
        model_id: name in logs and metrics; ``<folder>/<file>`` when None.
        inputs: expected inputs; the model may have no others. Not checked when empty.
        outputs: expected outputs; the model may have more. Not checked when empty.
        warm_up: feeds of the shapes that will be served.

    Raises:
        ProviderUnavailable: the provider that was asked for does not run.
        SignatureMismatch: an input or output differs from what is expected.
        SessionError: the file is not a model that ONNX Runtime can load.
    """
    chosen = options or SessionOptions()
    name = model_id or f"{path.parent.name}/{path.name}"
    started = time.perf_counter()
    session, provider = _start(path, chosen, name)
    _check_signature(name, "input", session.get_inputs(), inputs, exact=True)
    _check_signature(name, "output", session.get_outputs(), outputs, exact=False)
    for feed in warm_up:
        session.run(None, dict(feed))
    seconds = time.perf_counter() - started
    MODEL_LOAD_SECONDS.labels(name, provider).set(seconds)
    _log.info("model loaded", model=name, provider=provider, threads=chosen.threads, seconds=round(seconds, 3))
    return session


def provider_of(session: ort.InferenceSession) -> str:
    """``cpu``, ``cuda`` or ``tensorrt``: the provider that a session runs on first."""
    first = session.get_providers()[0]
    return next((choice for choice, name in PROVIDERS.items() if name == first), first)


def _start(path: Path, options: SessionOptions, name: str) -> tuple[ort.InferenceSession, str]:
    if options.provider != "auto":
        return _start_on(options.provider, path, options), options.provider
    available = ort.get_available_providers()
    for provider, provider_name in PROVIDERS.items():
        if provider_name not in available:
            continue
        try:
            return _start_on(provider, path, options), provider
        except ProviderUnavailable as error:
            PROVIDER_FALLBACKS_TOTAL.labels(name, provider).inc()
            _log.warning("provider passed over", model=name, provider=provider, reason=str(error))
    raise ProviderUnavailable(f"no execution provider starts; this build has {', '.join(available)}")


def _start_on(provider: str, path: Path, options: SessionOptions) -> ort.InferenceSession:
    wanted = PROVIDERS[provider]
    available = ort.get_available_providers()
    if wanted not in available:
        raise ProviderUnavailable(
            f"provider {provider} was asked for, but this build of ONNX Runtime has only {', '.join(available)}"
            + ("; install voxcart with the extra 'gpu'" if provider != "cpu" else "")
        )
    if provider != "cpu" and hasattr(ort, "preload_dlls"):
        ort.preload_dlls()
    try:
        session = ort.InferenceSession(
            str(path), sess_options=_ort_options(options), providers=_provider_list(provider, options)
        )
    except Exception as error:  # ONNX Runtime's exceptions have no common base but Exception
        raise SessionError(f"{path.name} cannot be loaded on {provider}: {error}") from error
    if session.get_providers()[0] != wanted:
        raise ProviderUnavailable(
            f"provider {provider} was asked for, but ONNX Runtime fell back to {session.get_providers()[0]}; "
            "its libraries or driver are missing on this machine"
        )
    return session


def _ort_options(options: SessionOptions) -> ort.SessionOptions:
    chosen = ort.SessionOptions()
    chosen.intra_op_num_threads = options.threads
    chosen.inter_op_num_threads = 1
    chosen.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    chosen.enable_cpu_mem_arena = options.memory_arena
    chosen.log_severity_level = _ONLY_ERRORS
    spinning = "1" if options.spinning else "0"
    chosen.add_session_config_entry("session.intra_op.allow_spinning", spinning)
    chosen.add_session_config_entry("session.inter_op.allow_spinning", spinning)
    return chosen


def _provider_list(provider: str, options: SessionOptions) -> list[str | tuple[str, dict[str, str]]]:
    """The provider and those it may hand single operators to."""
    cuda = (PROVIDERS["cuda"], {"device_id": str(options.device_id)})
    if provider == "cpu":
        return [PROVIDERS["cpu"]]
    if provider == "cuda":
        return [cuda, PROVIDERS["cpu"]]
    engine = {"device_id": str(options.device_id)}
    if options.engine_cache is not None:
        engine |= {"trt_engine_cache_enable": "1", "trt_engine_cache_path": str(options.engine_cache)}
    return [(PROVIDERS["tensorrt"], engine), cuda, PROVIDERS["cpu"]]


def _check_signature(
    name: str, kind: str, actual: Sequence[ort.NodeArg], expected: Sequence[TensorSpec], *, exact: bool
) -> None:
    if not expected:
        return
    found = {tensor.name: tensor for tensor in actual}
    for spec in expected:
        tensor = found.get(spec.name)
        if tensor is None:
            raise SignatureMismatch(f"model {name} has no {kind} {spec.name!r}; it has {', '.join(found)}")
        dtype = _DTYPES.get(tensor.type, tensor.type)
        if dtype != spec.dtype:
            raise SignatureMismatch(f"{kind} {spec.name!r} of model {name} is {dtype}, expected {spec.dtype}")
        if spec.rank is not None and len(tensor.shape) != spec.rank:
            raise SignatureMismatch(
                f"{kind} {spec.name!r} of model {name} has rank {len(tensor.shape)}, expected {spec.rank}"
            )
    unexpected = sorted(set(found) - {spec.name for spec in expected})
    if exact and unexpected:
        raise SignatureMismatch(f"model {name} has unexpected {kind}s: {', '.join(unexpected)}")
