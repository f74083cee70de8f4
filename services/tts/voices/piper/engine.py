"""Piper's voices (VITS: Kim et al., "Conditional Variational Autoencoder with Adversarial Learning for End-to-End
Text-to-Speech", ICML 2021) behind the interface of the voice engines."""

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnxruntime import RunOptions

from voxcart.serving.sessions import SessionOptions, TensorSpec, create_session
from voxcart.telemetry.logs import get_logger
from voxcart_services.tts.voices.engine import SpeechPiece, SpeechRequest, Voice, VoiceEngine
from voxcart_services.tts.voices.kokoro.model import OnnxSession
from voxcart_services.tts.voices.piper.config import PiperConfig, PiperVoiceBroken, read_piper_config
from voxcart_services.tts.voices.piper.phonemes import piper_symbols

log = get_logger(__name__)

_PAD, _BEGIN, _END = "_", "^", "$"
_INPUTS = (TensorSpec("input", "int64", 2), TensorSpec("input_lengths", "int64", 1), TensorSpec("scales", "float32", 1))
_SPEAKER = TensorSpec("sid", "int64", 1)


@dataclass(frozen=True, eq=False)
class PiperVoice(Voice):
    """A speaker of a Piper model.

    Attributes:
        speaker_id: None for a model of one speaker.
    """

    speaker_id: int | None = None


class PiperEngine(VoiceEngine):
    """One Piper model: one voice, or one for each of its speakers. A clause is made in one piece.

    The model does not tell how long each phoneme is, so the times of phonemes are the clause's length in even steps.
    """

    name = "piper"

    def __init__(self, session: OnnxSession, config: PiperConfig, name: str, version: str) -> None:
        """Make the voices.

        Args:
            session: The model.
            config: What its description says.
            name: Of the voice; that of a speaker is appended after a slash.
            version: Tells these weights from others.
        """
        self._session = session
        self._config = config
        self.version = version
        self.sample_rate_hz = config.sample_rate_hz
        self._voices = tuple(
            PiperVoice(
                name=f"{name}/{speaker}" if speaker else name,
                language=config.language,
                gender="",
                engine=self,
                is_british=config.is_british,
                languages=(config.language,),
                speaker_id=number,
            )
            for speaker, number in config.speakers.items()
        )

    @property
    def voices(self) -> Sequence[PiperVoice]:
        """Its speakers."""
        return self._voices

    def speak(self, request: SpeechRequest, run_options: RunOptions | None = None) -> Iterator[SpeechPiece]:
        """See :meth:`VoiceEngine.speak`."""
        voice = request.voice
        if not isinstance(voice, PiperVoice):
            raise TypeError(f"{voice.name} is not a voice of Piper")
        symbols, unknown = piper_symbols(request.phonemes, self._config.symbol_ids)
        num_times = len(request.phonemes) + 1
        if not any(symbol.isalnum() for symbol, _ in symbols):
            yield SpeechPiece(np.zeros(0, np.float32), True, np.zeros(num_times), {}, unknown)
            return
        started = time.perf_counter()
        (audio, *_) = self._session.run(None, self._feeds(symbols, voice, request.speaking_rate), run_options)
        samples = np.clip(np.asarray(audio, np.float32).reshape(-1), -1.0, 1.0)
        times = _even_times(symbols, num_times, len(samples) / self.sample_rate_hz)
        yield SpeechPiece(samples, True, times, {"vits": time.perf_counter() - started}, unknown)

    def _feeds(self, symbols: Sequence[tuple[str, int]], voice: PiperVoice, speaking_rate: float) -> dict[str, NDArray]:
        config = self._config
        pad = config.symbol_ids[_PAD]
        ids = [*config.symbol_ids[_BEGIN]]
        for symbol, _ in symbols:
            ids += [*config.symbol_ids[symbol], *pad]
        ids += config.symbol_ids[_END]
        scales = [config.noise_scale, config.length_scale / speaking_rate, config.noise_w]
        feeds = {
            "input": np.array([ids], np.int64),
            "input_lengths": np.array([len(ids)], np.int64),
            "scales": np.array(scales, np.float32),
        }
        if voice.speaker_id is not None:
            feeds["sid"] = np.array([voice.speaker_id], np.int64)
        return feeds


def _even_times(symbols: Sequence[tuple[str, int]], num_times: int, seconds: float) -> NDArray[np.float64]:
    """Times of phonemes when every symbol takes as long as another."""
    steps = np.zeros(num_times)
    for _, position in symbols:
        steps[position + 1] += 1
    return np.cumsum(steps) * (seconds / len(symbols))


def load_piper(folder: Path, options: SessionOptions) -> list[PiperEngine]:
    """Every voice of a folder: ``<name>.onnx`` with ``<name>.onnx.json`` beside it. Blocks for a second each.

    Raises:
        PiperVoiceBroken: The folder has no voice, or one of them has a broken description.
        SessionError: A model is not a VITS voice, or ONNX Runtime cannot run it as asked.
    """
    paths = sorted(folder.glob("*.onnx"))
    if not paths:
        raise PiperVoiceBroken(f"there is no Piper voice (name.onnx and name.onnx.json) in {folder}")
    return [_load_one(path, options) for path in paths]


def _load_one(path: Path, options: SessionOptions) -> PiperEngine:
    config = read_piper_config(path.with_name(f"{path.name}.json"))
    is_many = None not in config.speakers.values()
    session = create_session(path, options, inputs=(*_INPUTS, _SPEAKER) if is_many else _INPUTS)
    version = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    engine = PiperEngine(session, config, path.stem, version)
    log.info("piper voice loaded", voice=path.stem, speakers=len(engine.voices), language=config.language)
    return engine
