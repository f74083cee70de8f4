"""Loads the model, its voices and its vocabulary from the model store."""

from dataclasses import dataclass
from pathlib import Path

from voxcart.errors import Unavailable
from voxcart.models import ModelError, ModelStore
from voxcart.models.conversion import ConversionLock
from voxcart.serving.sessions import SessionOptions, TensorSpec, create_session
from voxcart_services.tts.kokoro import KokoroModel
from voxcart_services.tts.voices import VoiceLibrary

MODEL = "kokoro-82m"
_ENCODER = "encoder.onnx"
_DECODER = "decoder.onnx"
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


def load(models_dir: Path, options: SessionOptions, default_voices: dict[str, str]) -> LoadedVoiceModel:
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
    try:
        folder = store.require(MODEL, [_ENCODER, _DECODER, _VOCABULARY, *voices])
    except ModelError as error:
        raise Unavailable(str(error)) from error
    encoder = create_session(
        folder / _ENCODER,
        options,
        inputs=(TensorSpec("tokens", "int64", 2), _STYLE, TensorSpec("speed", "float32", 1)),
        outputs=(*_FEATURES, TensorSpec("frames_per_token", "float32", 2)),
    )
    decoder = create_session(
        folder / _DECODER, options, inputs=(*_FEATURES, _STYLE), outputs=(TensorSpec("audio", "float32", 1),)
    )
    pinned = ConversionLock(folder).output(_DECODER)
    return LoadedVoiceModel(
        model=KokoroModel(encoder, decoder, KokoroModel.read_vocabulary(folder / _VOCABULARY)),
        voices=VoiceLibrary.load(folder / "voices", default_voices),
        version=pinned.sha256[:16] if pinned else "unpinned",
    )
