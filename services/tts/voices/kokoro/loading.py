"""Loads the model, its voices and its vocabulary from the model store."""

import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from voxcart.errors import Unavailable
from voxcart.models import ModelError, ModelStore
from voxcart.models.conversion import ConversionLock
from voxcart.serving.sessions import SessionOptions, TensorSpec, create_session
from voxcart_services.tts.voices.kokoro.model import KokoroModel
from voxcart_services.tts.voices.library import VoiceLibrary

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


@dataclass(frozen=True)
class LoadedVoiceModel:
    """What the store holds for speech synthesis.

    Attributes:
        version: Tells these weights from others: part of the decoder's SHA-256.
    """

    model: KokoroModel
    voices: VoiceLibrary
    version: str


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
    """File name of the decoder: ``auto`` is int8 on a CPU that is made for it, else float."""
    if wanted == "auto":
        return _DECODERS["int8" if provider in ("auto", "cpu") and has_int8_dot_product() else "float"]
    return _DECODERS[wanted]


def load(
    models_dir: Path, options: SessionOptions, default_voices: dict[str, str], decoder_choice: DecoderChoice = "auto"
) -> LoadedVoiceModel:
    """Verify and load everything. Blocks for a second or two.

    Args:
        default_voices: Voice names by language, ``zh`` and ``en``.

    Raises:
        Unavailable: Files are missing or altered; the message names the command that repairs it.
        NotFound: There is no voice of a default's name.
        SessionError: ONNX Runtime cannot run a graph as asked.
    """
    store = ModelStore(models_dir)
    spec = store.manifest.get(MODEL)
    voices = [name for name in store.file_names(spec) if name.startswith("voices/")]
    decoder_file = choose_decoder(decoder_choice, options.provider)
    try:
        folder = store.require(MODEL, [_ENCODER, decoder_file, _VOCABULARY, *voices])
    except ModelError as error:
        raise Unavailable(str(error)) from error
    encoder = create_session(
        folder / _ENCODER,
        options,
        inputs=(TensorSpec("tokens", "int64", 2), _STYLE, TensorSpec("speed", "float32", 1)),
        outputs=(*_FEATURES, TensorSpec("frames_per_token", "float32", 2)),
    )
    decoder = create_session(
        folder / decoder_file, options, inputs=(*_FEATURES, _STYLE), outputs=(TensorSpec("audio", "float32", 1),)
    )
    pinned = ConversionLock(folder).output(decoder_file)
    return LoadedVoiceModel(
        model=KokoroModel(encoder, decoder, KokoroModel.read_vocabulary(folder / _VOCABULARY)),
        voices=VoiceLibrary.load(folder / "voices", default_voices),
        version=pinned.sha256[:16] if pinned else "unpinned",
    )
