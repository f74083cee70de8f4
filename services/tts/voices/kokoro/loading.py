"""Loads Kokoro from the model store."""

import platform
from pathlib import Path
from typing import Literal

import onnxruntime as ort

from voxcart.errors import Unavailable
from voxcart.models import ModelError, ModelStore
from voxcart.models.conversion import ConversionLock
from voxcart.serving.binding import BoundSession
from voxcart.serving.sessions import SessionError, SessionOptions, TensorSpec, create_session, provider_of
from voxcart.telemetry.logs import get_logger
from voxcart_services.tts.voices.kokoro.engine import KokoroEngine
from voxcart_services.tts.voices.kokoro.model import DeviceKokoroModel, KokoroModel
from voxcart_services.tts.voices.kokoro.voices import read_styles
from voxcart_services.tts.voices.kokoro.windows import WindowLimits

log = get_logger(__name__)

DecoderChoice = Literal["auto", "float", "int8"]

MODEL = "kokoro-82m"
_ENCODER = "encoder.onnx"
_DECODERS = {"float": "decoder.onnx", "int8": "decoder-int8.onnx"}
_VOCABULARY = "vocab.json"
_FEATURES = (
    TensorSpec("text_features", "float32", 3),
    TensorSpec("pitch_hz", "float32", 2),
    TensorSpec("log_energy", "float32", 2),
)
_STYLE = TensorSpec("style", "float32", 2)


def has_int8_dot_product() -> bool:
    """Whether this CPU multiplies bytes without saturating (x86 VNNI, any ARM of 64 bit).

    Without it the int8 decoder would be no faster, and on AVX2 its 16-bit sums could overflow and sound rough.
    """
    if platform.machine().lower() in ("aarch64", "arm64"):
        return True
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return "avx512_vnni" in flags or "avx_vnni" in flags


def choose_decoder(wanted: DecoderChoice, provider: str) -> str:
    """File name of the decoder: ``auto`` is int8 on a CPU that is made for it, else float.

    Args:
        wanted: As configured.
        provider: ``cpu``, ``cuda`` or ``tensorrt``: what the encoder runs on.
    """
    if wanted == "auto":
        return _DECODERS["int8" if provider == "cpu" and has_int8_dot_product() else "float"]
    return _DECODERS[wanted]


def load_kokoro(
    models_dir: Path,
    options: SessionOptions,
    decoder_choice: DecoderChoice = "auto",
    limits: WindowLimits | None = None,
) -> KokoroEngine:
    """Verify and load everything. Blocks for a second or two.

    Args:
        models_dir: The model store.
        options: How the graphs run.
        decoder_choice: See :func:`choose_decoder`. With ``auto`` the float decoder, which has the published weights,
            stands in for an int8 one that ONNX Runtime refuses.
        limits: How clauses are cut for decoding.

    Raises:
        Unavailable: Files are missing or altered; the message names the command that repairs it.
        SessionError: ONNX Runtime cannot run a graph as asked.
    """
    store = ModelStore(models_dir)
    spec = store.manifest.get(MODEL)
    voices = [name for name in store.file_names(spec) if name.startswith("voices/")]
    folder = _required(store, [_ENCODER, _VOCABULARY, *voices])
    encoder = create_session(
        folder / _ENCODER,
        options,
        inputs=(TensorSpec("tokens", "int64", 2), _STYLE, TensorSpec("speed", "float32", 1)),
        outputs=(*_FEATURES, TensorSpec("frames_per_token", "float32", 2)),
    )
    decoder, decoder_file = _decoder(store, options, decoder_choice, provider_of(encoder))
    pinned = ConversionLock(folder).output(decoder_file)
    return KokoroEngine(
        _model(encoder, decoder, KokoroModel.read_vocabulary(folder / _VOCABULARY), options.device_id),
        read_styles(folder / "voices"),
        version=pinned.sha256[:16] if pinned else "unpinned",
        limits=limits,
    )


def _required(store: ModelStore, files: list[str]) -> Path:
    try:
        return store.require(MODEL, files)
    except ModelError as error:
        raise Unavailable(str(error)) from error


def _decoder(
    store: ModelStore, options: SessionOptions, choice: DecoderChoice, provider: str
) -> tuple[ort.InferenceSession, str]:
    """The decoder and its file name."""
    file = choose_decoder(choice, provider)
    signature = {"inputs": (*_FEATURES, _STYLE), "outputs": (TensorSpec("audio", "float32", 1),)}
    try:
        return create_session(_required(store, [file]) / file, options, **signature), file
    except SessionError as error:
        if choice != "auto" or file == _DECODERS["float"]:
            raise
        log.warning("the int8 decoder does not run here, the float one speaks", reason=str(error))
    file = _DECODERS["float"]
    return create_session(_required(store, [file]) / file, options, **signature), file


def _model(
    encoder: ort.InferenceSession, decoder: ort.InferenceSession, vocabulary: dict[str, int], device_id: int
) -> KokoroModel:
    """On the CPU plain sessions, else sessions bound to the GPU's memory."""
    if provider_of(encoder) == "cpu":
        return KokoroModel(encoder, decoder, vocabulary)
    features = [spec.name for spec in _FEATURES]
    return DeviceKokoroModel(
        BoundSession(encoder, keep=features, outputs=[*features, "frames_per_token"], device_id=device_id),
        BoundSession(decoder, keep=(), device_id=device_id),
        vocabulary,
    )
