"""Sessions: the provider that was asked for runs or it fails, signatures are checked; bound runs keep tensors."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper
from prometheus_client import REGISTRY

from voxcart.serving import sessions
from voxcart.serving.binding import BoundSession
from voxcart.serving.sessions import (
    ProviderUnavailable,
    SessionError,
    SessionOptions,
    SignatureMismatch,
    TensorSpec,
    create_session,
    provider_of,
)

pytestmark = pytest.mark.unit


@pytest.fixture
def model_path(tmp_path: Path) -> Path:
    """sum = state + x, twice = 2 * x; both float32 [n]."""
    graph = helper.make_graph(
        [helper.make_node("Add", ["state", "x"], ["sum"]), helper.make_node("Add", ["x", "x"], ["twice"])],
        "accumulator",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in ("state", "x")],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in ("sum", "twice")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
    model.ir_version = 10
    path = tmp_path / "accumulator.onnx"
    onnx.save(model, path)
    return path


INPUTS = [TensorSpec("state", "float32", 1), TensorSpec("x", "float32", 1)]


def test_a_session_loads_warms_up_and_reports_its_provider(model_path: Path) -> None:
    feed = {"state": np.zeros(3, np.float32), "x": np.ones(3, np.float32)}
    session = create_session(
        model_path, model_id="acc", inputs=INPUTS, outputs=[TensorSpec("sum", "float32", 1)], warm_up=[feed]
    )
    assert provider_of(session) == "cpu"
    np.testing.assert_array_equal(session.run(["sum"], feed)[0], np.ones(3, np.float32))
    labels = {"model": "acc", "provider": "cpu"}
    assert REGISTRY.get_sample_value("voxcart_model_load_seconds", labels) > 0


def test_idle_threads_do_not_spin_unless_told(model_path: Path) -> None:
    session = create_session(model_path, SessionOptions(threads=2))
    options = session.get_session_options()
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    assert options.intra_op_num_threads == 2


@pytest.mark.skipif("CUDAExecutionProvider" in ort.get_available_providers(), reason="this build has CUDA")
@pytest.mark.parametrize("provider", ["cuda", "tensorrt"])
def test_a_provider_that_is_not_there_is_an_error_and_not_a_silent_fallback(model_path: Path, provider: str) -> None:
    with pytest.raises(ProviderUnavailable, match=f"provider {provider} was asked for"):
        create_session(model_path, SessionOptions(provider=provider))


class _SessionOnCpu:
    """A session whose runtime fell back to the CPU, as ONNX Runtime does when CUDA libraries are missing."""

    def __init__(self, path: str, sess_options: object, providers: list[object]) -> None:
        self._real = ort.InferenceSession(path, sess_options, providers=["CPUExecutionProvider"])

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)


@pytest.fixture
def broken_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """A build with CUDA on a machine without a driver."""

    class Runtime:
        def __getattr__(self, name: str) -> object:
            return getattr(ort, name)

        InferenceSession = _SessionOnCpu

        @staticmethod
        def get_available_providers() -> list[str]:
            return ["CUDAExecutionProvider", "CPUExecutionProvider"]

        @staticmethod
        def preload_dlls() -> None:
            """Finds nothing."""

    monkeypatch.setattr(sessions, "ort", Runtime())


@pytest.mark.usefixtures("broken_cuda")
def test_a_provider_that_does_not_start_is_an_error(model_path: Path) -> None:
    with pytest.raises(ProviderUnavailable, match="fell back to CPUExecutionProvider"):
        create_session(model_path, SessionOptions(provider="cuda"))


@pytest.mark.usefixtures("broken_cuda")
def test_auto_passes_over_a_provider_that_does_not_start_and_counts_it(model_path: Path) -> None:
    session = create_session(model_path, SessionOptions(provider="auto"), model_id="fallback")
    assert provider_of(session) == "cpu"
    labels = {"model": "fallback", "provider": "cuda"}
    assert REGISTRY.get_sample_value("voxcart_provider_fallbacks_total", labels) == 1


@pytest.mark.parametrize(
    ("specs", "sentence"),
    [
        ([*INPUTS, TensorSpec("speed", "float32")], "has no input 'speed'"),
        ([INPUTS[0], TensorSpec("x", "int64")], "is float32, expected int64"),
        ([INPUTS[0], TensorSpec("x", "float32", 2)], "has rank 1, expected 2"),
        ([INPUTS[0]], "unexpected inputs: x"),
    ],
)
def test_another_signature_is_refused(model_path: Path, specs: list[TensorSpec], sentence: str) -> None:
    with pytest.raises(SignatureMismatch, match=sentence):
        create_session(model_path, inputs=specs)


def test_a_file_that_is_no_model_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"not a model")
    with pytest.raises(SessionError, match=r"broken\.onnx cannot be loaded on cpu"):
        create_session(path)


@pytest.mark.parametrize("options", [{"provider": "rocm"}, {"threads": 0}])
def test_senseless_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must be"):
        SessionOptions(**options)  # type: ignore[arg-type]


def test_a_bound_session_feeds_its_own_outputs_back(model_path: Path) -> None:
    bound = BoundSession(create_session(model_path), keep=["sum"])
    outputs = bound.run({"state": np.zeros(2, np.float32), "x": np.array([1, 2], np.float32)})
    assert isinstance(outputs["sum"], ort.OrtValue)
    again = bound.run({"state": outputs["sum"], "x": np.array([10, 20], np.float32)})
    np.testing.assert_array_equal(again["sum"].numpy(), [11, 22])
    np.testing.assert_array_equal(again["twice"], [20, 40])


def test_binding_an_output_that_is_not_there_is_refused(model_path: Path) -> None:
    with pytest.raises(ValueError, match="no outputs cache"):
        BoundSession(create_session(model_path), keep=["cache"])
