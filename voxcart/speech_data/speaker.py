"""Speaks sentences with the project's own speech synthesis, in one process, without a service."""

import asyncio

import numpy as np
import soxr
from numpy.typing import NDArray

from voxcart.audio.pcm import to_samples
from voxcart.paths import models_dir
from voxcart.serving.sessions import SessionOptions
from voxcart_services.tts.speaking.cache import CacheLimits, PhraseCache
from voxcart_services.tts.speaking.scheduler import ClauseScheduler
from voxcart_services.tts.speaking.synthesizer import Delivery, SpeechSynthesizer
from voxcart_services.tts.text.clauses import ClauseLimits
from voxcart_services.tts.text.phonemes import Phonemizer
from voxcart_services.tts.voices.kokoro.loading import LoadedVoiceModel, load
from voxcart_services.tts.voices.kokoro.model import SAMPLE_RATE_HZ
from voxcart_services.tts.voices.library import Voice, VoiceLibrary

OUTPUT_RATE_HZ = 16_000
_DEFAULT_VOICES = {"zh": "zf_xiaobei", "en": "af_heart"}
_LONGEST_CLAUSE = 60


class Speaker:
    """Speaks texts. Use inside ``async with``; the synthesis runs in its own thread."""

    def __init__(self, loaded: LoadedVoiceModel) -> None:
        self.voices: VoiceLibrary = loaded.voices
        self._scheduler = ClauseScheduler(max_waiting=8)
        self._synthesizer = SpeechSynthesizer(
            loaded.model,
            Phonemizer(),
            self._scheduler,
            PhraseCache(None, CacheLimits()),
            model_version=loaded.version,
            limits=ClauseLimits(first=_LONGEST_CLAUSE, second=_LONGEST_CLAUSE, largest=_LONGEST_CLAUSE),
        )

    @classmethod
    def load(cls, threads: int = 2) -> "Speaker":
        """Loads the voice model from the model store; blocks for seconds.

        Raises:
            ModelMissing, ModelCorrupt: A file is not in the store or has other bytes.
        """
        return cls(load(models_dir(), SessionOptions(provider="cpu", threads=threads), _DEFAULT_VOICES, "float"))

    async def __aenter__(self) -> "Speaker":
        self._task = asyncio.create_task(self._scheduler.run(), name="speech scheduler")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def speak(self, text: str, lang: str, voice: Voice, speaking_rate: float = 1.0) -> NDArray[np.float32]:
        """float32 samples at 16 kHz, with the little silence around them that the voice makes."""
        delivery = Delivery(voice, speaking_rate, "en" if lang == "en" else "zh")
        pcm = b"".join([audio.pcm_s16le async for audio in self._synthesizer.speak(text, delivery)])
        return soxr.resample(to_samples(pcm), SAMPLE_RATE_HZ, OUTPUT_RATE_HZ)


def trim_silence(samples: NDArray[np.float32], floor_db: float = -45.0, margin_s: float = 0.02) -> NDArray[np.float32]:
    """Cuts what lies ``floor_db`` under the loudest sample before and after the speech."""
    loud = np.flatnonzero(np.abs(samples) > np.abs(samples).max(initial=0.0) * 10 ** (floor_db / 20))
    if not loud.size:
        return samples
    margin = int(margin_s * OUTPUT_RATE_HZ)
    return samples[max(loud[0] - margin, 0) : loud[-1] + margin].astype(np.float32)


def blend(one: Voice, other: Voice) -> Voice:
    """A voice between two: the mean of their styles."""
    return Voice(f"{one.name}+{other.name}", (one.styles + other.styles) / 2)
