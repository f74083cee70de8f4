"""The synthesiser: text to audio, clause by clause. Knows neither gRPC nor Kafka.

A clause goes through: phrase cache -> spoken form -> phonemes -> tokens -> model -> fades. While one clause is handed
out, the next one is already being made; no more than one ahead, so that a slow reader holds little.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnxruntime import RunOptions

from voxcart.audio.pcm import to_pcm_s16le
from voxcart.errors import InvalidInput
from voxcart.telemetry.logs import get_logger
from voxcart_services.tts.metrics import (
    AUDIO_SECONDS_TOTAL,
    CHARACTERS_TOTAL,
    RTF,
    SYNTHESIS_SECONDS,
    UNKNOWN_PHONEMES_TOTAL,
)
from voxcart_services.tts.speaking.audio import duration_ms, silence_pcm, with_fades
from voxcart_services.tts.speaking.cache import PhraseCache, PhraseKey
from voxcart_services.tts.speaking.scheduler import Abort, ClauseScheduler, Priority
from voxcart_services.tts.text import frontend
from voxcart_services.tts.text.clauses import Clause, ClauseLimits, ClauseSplitter, split_clauses
from voxcart_services.tts.text.phonemes import Phonemizer
from voxcart_services.tts.voices.kokoro.model import MAX_TOKENS, SAMPLE_RATE_HZ, KokoroModel
from voxcart_services.tts.voices.library import Voice

log = get_logger(__name__)

MIN_SPEAKING_RATE = 0.5
MAX_SPEAKING_RATE = 2.0


@dataclass(frozen=True)
class Delivery:
    """How a text is spoken.

    Attributes:
        voice: Whose voice.
        speaking_rate: 0.5 to 2; 1 is the voice's own pace.
        language: ``zh`` or ``en``: how numbers are read.
    """

    voice: Voice
    speaking_rate: float = 1.0
    language: str = "zh"


@dataclass(frozen=True)
class ClauseAudio:
    """The audio of one clause.

    Attributes:
        index: Counts the clauses of the text from 0.
        text: The clause as written.
        pcm_s16le: Mono, 24 kHz, with the pause that follows it. Empty if nothing in it can be said.
        is_last: No further clause follows.
        source: ``cache`` when nothing had to be computed, else ``model``.
        queue_seconds: Waiting for the synthesis thread.
        compute_seconds: Front end and model.
    """

    index: int
    text: str
    pcm_s16le: bytes
    is_last: bool
    source: str
    queue_seconds: float
    compute_seconds: float


def checked_speaking_rate(speaking_rate: float) -> float:
    """The rate, if it is allowed.

    Raises:
        InvalidInput: It is outside 0.5 to 2, or no number.
    """
    if not MIN_SPEAKING_RATE <= speaking_rate <= MAX_SPEAKING_RATE:
        raise InvalidInput(
            f"speaking_rate must be between {MIN_SPEAKING_RATE} and {MAX_SPEAKING_RATE}, not {speaking_rate}"
        )
    return speaking_rate


class SpeechSynthesizer:
    """Shared by all sessions; a call of :meth:`speak` is the light per-stream part."""

    def __init__(
        self,
        model: KokoroModel,
        phonemizer: Phonemizer,
        scheduler: ClauseScheduler,
        cache: PhraseCache,
        *,
        model_version: str,
        limits: ClauseLimits | None = None,
    ) -> None:
        """``model_version`` tells the audio of one set of weights from that of another in the cache."""
        self._model = model
        self._phonemizer = phonemizer
        self._scheduler = scheduler
        self._cache = cache
        self._model_version = model_version
        self._limits = limits or ClauseLimits()

    async def speak(self, text: str, delivery: Delivery) -> AsyncIterator[ClauseAudio]:
        """Audio of a whole text, clause by clause. Nothing is made after the iterator was closed.

        Raises:
            Overloaded: Too many clauses wait already.
            Unavailable: The service is shutting down.
        """
        async for audio in self._speak_clauses(_replay(split_clauses(text, self._limits)), delivery):
            yield audio

    async def speak_pieces(self, pieces: AsyncIterator[str], delivery: Delivery) -> AsyncIterator[ClauseAudio]:
        """Audio of a text that arrives in pieces; a clause is spoken when the next one has begun."""
        async for audio in self._speak_clauses(_clauses_of(pieces, ClauseSplitter(self._limits)), delivery):
            yield audio

    async def prefetch(self, text: str, delivery: Delivery) -> float:
        """Put the clauses of a phrase into the cache, behind all other work; returns the seconds it took to compute."""
        spent = 0.0
        for clause in split_clauses(text, self._limits):
            key = self._key(clause.text, delivery)
            if self._cache.may_hold(clause.text) and await self._cache.get(key) is None:
                _, _, _, compute_seconds = await self._clause_pcm(clause.text, delivery, Priority.PREFETCH)
                spent += compute_seconds
        return spent

    def warm_up(self, delivery: Delivery) -> float:
        """Load what is loaded lazily and run the model on a short clause; returns seconds. Blocks."""
        started = time.perf_counter()
        self._make(_WARM_UP_TEXT[delivery.language], delivery, Abort())
        return time.perf_counter() - started

    async def _speak_clauses(
        self, clauses: AsyncIterator[tuple[Clause, bool]], delivery: Delivery
    ) -> AsyncIterator[ClauseAudio]:
        """Hand out audio in order, with one clause being made ahead."""
        room = asyncio.Semaphore(2)
        made: asyncio.Queue[asyncio.Task[ClauseAudio] | None] = asyncio.Queue()
        tasks: set[asyncio.Task[Any]] = set()

        async def feed() -> None:
            index = 0
            try:
                async for clause, is_last in clauses:
                    await room.acquire()
                    task = asyncio.create_task(self._speak_clause(index, clause, is_last, delivery), name="tts clause")
                    tasks.add(task)
                    made.put_nowait(task)
                    index += 1
            finally:
                made.put_nowait(None)

        feeder = asyncio.create_task(feed(), name="tts clauses")
        tasks.add(feeder)
        try:
            while (task := await made.get()) is not None:
                audio = await task
                tasks.discard(task)
                yield audio
                room.release()
            await feeder
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _speak_clause(self, index: int, clause: Clause, is_last: bool, delivery: Delivery) -> ClauseAudio:
        priority = Priority.FIRST_CLAUSE if index == 0 else Priority.LATER_CLAUSE
        pcm, source, queued, computed = await self._clause_pcm(clause.text, delivery, priority)
        if pcm and not is_last:
            pcm += silence_pcm(round(clause.pause_ms / delivery.speaking_rate), SAMPLE_RATE_HZ)
        AUDIO_SECONDS_TOTAL.inc(duration_ms(pcm, SAMPLE_RATE_HZ) / 1000)
        CHARACTERS_TOTAL.inc(len(clause.text))
        return ClauseAudio(index, clause.text, pcm, is_last, source, queued, computed)

    async def _clause_pcm(self, text: str, delivery: Delivery, priority: Priority) -> tuple[bytes, str, float, float]:
        """PCM without the pause after it, where it came from, seconds queued, seconds computed."""
        key = self._key(text, delivery)
        found = await self._cache.get(key)
        if found is not None:
            return found, "cache", 0.0, 0.0
        finished = await self._scheduler.submit(lambda abort: self._make(text, delivery, abort), priority)
        await self._cache.put(key, finished.value)
        return finished.value, "model", finished.queue_seconds, finished.compute_seconds

    def _key(self, text: str, delivery: Delivery) -> PhraseKey:
        return PhraseKey(
            text.strip(),
            delivery.language,
            delivery.voice.name,
            delivery.speaking_rate,
            self._model_version,
            frontend.VERSION,
        )

    def _make(self, text: str, delivery: Delivery, abort: Abort) -> bytes:
        """Front end and model for one clause. Blocks; runs in the synthesis thread."""
        started = time.perf_counter()
        run_options = RunOptions()
        abort.on_abort(lambda: setattr(run_options, "terminate", True))
        said = frontend.spoken_form(text, delivery.language)
        tokens, unknown = self._model.tokens(self._phonemizer(said, british=delivery.voice.is_british))
        if unknown:
            UNKNOWN_PHONEMES_TOTAL.inc(len(unknown))
        SYNTHESIS_SECONDS.labels("front_end").observe(time.perf_counter() - started)
        pieces: list[np.ndarray] = []
        for start in range(0, len(tokens), MAX_TOKENS):
            part = tokens[start : start + MAX_TOKENS]
            acoustics = self._model.infer(part, delivery.voice, delivery.speaking_rate, run_options)
            SYNTHESIS_SECONDS.labels("encoder").observe(acoustics.encode_seconds)
            SYNTHESIS_SECONDS.labels("decoder").observe(acoustics.decode_seconds)
            pieces.append(with_fades(acoustics.samples, SAMPLE_RATE_HZ))
        if not pieces:
            return b""
        samples = np.concatenate(pieces)
        RTF.observe((time.perf_counter() - started) / (len(samples) / SAMPLE_RATE_HZ))
        return to_pcm_s16le(samples)


_WARM_UP_TEXT = {"zh": "好的。", "en": "Okay."}


async def _replay(clauses: Iterable[Clause]) -> AsyncIterator[tuple[Clause, bool]]:
    known = list(clauses)
    for position, clause in enumerate(known):
        yield clause, position == len(known) - 1


async def _clauses_of(pieces: AsyncIterator[str], splitter: ClauseSplitter) -> AsyncIterator[tuple[Clause, bool]]:
    async for piece in pieces:
        for clause in splitter.push(piece):
            yield clause, False
    rest = splitter.flush()
    for position, clause in enumerate(rest):
        yield clause, position == len(rest) - 1
