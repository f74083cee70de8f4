"""Speaks sentences with the project's own speech synthesis, in one process, without a service."""

import asyncio

import numpy as np
import soxr
from numpy.typing import NDArray

from voxcart.audio.pcm import to_samples
from voxcart.paths import models_dir
from voxcart.serving.sessions import SessionOptions
from voxcart_services.tts.speaking.audio import OUTPUT_RATE_HZ as SPEECH_RATE_HZ
from voxcart_services.tts.speaking.cache import CacheLimits, PhraseCache
from voxcart_services.tts.speaking.clause_maker import Delivery
from voxcart_services.tts.speaking.scheduler import PieceScheduler
from voxcart_services.tts.speaking.synthesizer import SpeechSynthesizer
from voxcart_services.tts.text.clauses import ClauseLimits
from voxcart_services.tts.text.front_end import FrontEnd
from voxcart_services.tts.voices.engine import Voice
from voxcart_services.tts.voices.kokoro.engine import KokoroEngine
from voxcart_services.tts.voices.kokoro.loading import load_kokoro
from voxcart_services.tts.voices.kokoro.windows import WindowLimits
from voxcart_services.tts.voices.library import VoiceLibrary

OUTPUT_RATE_HZ = 16_000
_DEFAULT_VOICES = {"zh": "zf_xiaobei", "en": "af_heart"}
_LONGEST_CLAUSE = 60
_LONGEST_CLAUSE_FRAMES = 100_000


class Speaker:
    """Speaks texts. Use inside ``async with``; the synthesis runs in its own thread."""

    def __init__(self, engine: KokoroEngine) -> None:
        self.voices = VoiceLibrary([engine], _DEFAULT_VOICES)
        self._scheduler = PieceScheduler(max_waiting=8)
        self._synthesizer = SpeechSynthesizer(
            FrontEnd(),
            self._scheduler,
            PhraseCache(None, CacheLimits()),
            ClauseLimits(first=_LONGEST_CLAUSE, second=_LONGEST_CLAUSE, largest=_LONGEST_CLAUSE),
        )

    @classmethod
    def load(cls, threads: int = 2) -> "Speaker":
        """Loads the voice model from the model store; blocks for seconds. Clauses are decoded whole, in float.

        Raises:
            Unavailable: A file is not in the store or has other bytes.
        """
        whole = WindowLimits(first_frames=_LONGEST_CLAUSE_FRAMES)
        return cls(load_kokoro(models_dir(), SessionOptions(provider="cpu", threads=threads), "float", whole))

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
        return soxr.resample(to_samples(pcm), SPEECH_RATE_HZ, OUTPUT_RATE_HZ)


def trim_silence(samples: NDArray[np.float32], floor_db: float = -45.0, margin_s: float = 0.02) -> NDArray[np.float32]:
    """Cuts what lies ``floor_db`` under the loudest sample before and after the speech."""
    loud = np.flatnonzero(np.abs(samples) > np.abs(samples).max(initial=0.0) * 10 ** (floor_db / 20))
    if not loud.size:
        return samples
    margin = int(margin_s * OUTPUT_RATE_HZ)
    return samples[max(loud[0] - margin, 0) : loud[-1] + margin].astype(np.float32)
