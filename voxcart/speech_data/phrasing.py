"""Speaks one sentence in pieces: the voice does not know that there will be pauses.

The acoustic model is given the whole sentence, so melody and pace run through it; its features are then cut where the
model itself says that a stretch ends, and each stretch goes through the vocoder alone. The last syllable before a pause
is drawn out, as speakers do who look for a word. So a stretch before a pause does not sound like a sentence's end.
"""

from typing import Self

import numpy as np
import soxr
from numpy.typing import NDArray

from voxcart.errors import InvalidInput
from voxcart.models import ModelStore
from voxcart.paths import models_dir
from voxcart.serving.sessions import SessionOptions, create_session
from voxcart.speech_data.speaker import OUTPUT_RATE_HZ, trim_silence
from voxcart_services.tts.speaking.audio import with_fades
from voxcart_services.tts.text.normalization import spoken_form
from voxcart_services.tts.text.phonemes import Phonemizer
from voxcart_services.tts.voices.engine import Voice
from voxcart_services.tts.voices.kokoro.engine import KokoroEngine
from voxcart_services.tts.voices.kokoro.model import SAMPLE_RATE_HZ, KokoroModel, OnnxSession
from voxcart_services.tts.voices.kokoro.voices import KokoroVoice, read_styles
from voxcart_services.tts.voices.library import VoiceLibrary

_MODEL = "kokoro-82m"
_PAD_TOKEN = 0
_DEFAULT_VOICES = {"zh": "zf_xiaobei", "en": "af_heart"}
_LAST_SYLLABLE_FRAMES = 8
_FALLING_HALF_FRAMES = 4
_SILENT_LOG_ENERGY = -8.0


class PhraseSpeaker:
    """Speaks sentences with pauses; blocks while it does."""

    def __init__(self, encoder: OnnxSession, decoder: OnnxSession, engine: KokoroEngine, model: KokoroModel) -> None:
        self.voices = VoiceLibrary([engine], _DEFAULT_VOICES)
        self._encoder = encoder
        self._decoder = decoder
        self._model = model
        self._phonemizer = Phonemizer()

    @classmethod
    def load(cls, threads: int = 2) -> Self:
        """Loads the voice model from the model store; blocks for seconds.

        Raises:
            ModelMissing, ModelCorrupt: A file is not in the store or has other bytes.
        """
        store = ModelStore(models_dir())
        voices = [name for name in store.file_names(store.manifest.get(_MODEL)) if name.startswith("voices/")]
        folder = store.require(_MODEL, ["encoder.onnx", "decoder.onnx", "vocab.json", *voices])
        options = SessionOptions(provider="cpu", threads=threads)
        encoder = create_session(folder / "encoder.onnx", options)
        decoder = create_session(folder / "decoder.onnx", options)
        model = KokoroModel(encoder, decoder, KokoroModel.read_vocabulary(folder / "vocab.json"))
        return cls(encoder, decoder, KokoroEngine(model, read_styles(folder / "voices"), "float"), model)

    def speak(
        self, stretches: tuple[str, ...], lang: str, voice: Voice, speaking_rate: float, drawn_out: float
    ) -> list[NDArray[np.float32]]:
        """The stretches of one sentence, float32 at 16 kHz, without silence around them.

        Args:
            stretches: Words between the pauses.
            lang: `en`, or `zh` for anything else: how numbers are read.
            voice: Whose voice.
            speaking_rate: 1 is the voice's own pace.
            drawn_out: How much longer the last syllable before a pause is made; 1 leaves it.

        Raises:
            InvalidInput: A stretch has no sound.
        """
        language = "en" if lang == "en" else "zh"
        parts = [self._tokens(words, language, voice) for words in stretches]
        stop = [token for token in [self._model.token(".")] if token is not None]
        tokens = [_PAD_TOKEN, *(token for part in parts for token in part), *stop, _PAD_TOKEN]
        if not isinstance(voice, KokoroVoice):
            raise InvalidInput(f"{voice.name} is not a voice of Kokoro")
        style = voice.style(len(tokens) - 2)
        features, pitch_hz, log_energy, durations = self._encoder.run(
            ["text_features", "pitch_hz", "log_energy", "frames_per_token"],
            {"tokens": np.array([tokens], np.int64), "style": style, "speed": np.array([speaking_rate], np.float32)},
        )
        ends = np.cumsum(durations[0]).astype(int)
        bounds = [0, *(int(ends[n]) for n in np.cumsum([len(part) for part in parts])[:-1]), features.shape[2]]
        spoken = []
        for index in range(len(stretches)):
            goes_on = index < len(stretches) - 1
            frames = _frames(bounds[index], bounds[index + 1], drawn_out if goes_on else 1.0)
            halves = np.stack([2 * frames, 2 * frames + 1], axis=1).ravel()
            energy = log_energy[:, halves].copy()
            if goes_on:
                energy[0, -_FALLING_HALF_FRAMES:] = np.linspace(energy[0, -_FALLING_HALF_FRAMES], _SILENT_LOG_ENERGY, 4)
            feeds = {
                "text_features": features[:, :, frames],
                "pitch_hz": pitch_hz[:, halves],
                "log_energy": energy,
                "style": style,
            }
            (samples,) = self._decoder.run(["audio"], feeds)
            faded = with_fades(samples, SAMPLE_RATE_HZ)
            spoken.append(trim_silence(soxr.resample(faded, SAMPLE_RATE_HZ, OUTPUT_RATE_HZ).astype(np.float32)))
        return spoken

    def _tokens(self, words: str, language: str, voice: Voice) -> list[int]:
        phonemes = self._phonemizer(spoken_form(words, language), british=voice.is_british)
        tokens = [token for token in map(self._model.token, phonemes + " ") if token is not None]
        if not tokens:
            raise InvalidInput(f"nothing in {words!r} can be spoken")
        return tokens


def _frames(first: int, end: int, drawn_out: float) -> NDArray[np.int_]:
    """The model's frames of a stretch, those of its last syllable repeated."""
    frames = np.arange(first, end)
    last = frames[-_LAST_SYLLABLE_FRAMES:]
    longer = last[np.minimum((np.arange(round(len(last) * drawn_out)) / drawn_out).astype(int), len(last) - 1)]
    return np.concatenate([frames[: len(frames) - len(last)], longer])
