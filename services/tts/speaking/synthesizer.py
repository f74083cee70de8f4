"""The synthesiser: text to audio, clause by clause and chunk by chunk. Knows neither gRPC nor Kafka.

A clause goes through: phrase cache -> front end -> engine -> fades -> chunks of 250 ms. Chunks are handed out as they
are made, up to 4 s ahead of the reader, so that a slow one holds little.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from dataclasses import replace

from voxcart.errors import InvalidInput
from voxcart_services.tts.metrics import AUDIO_SECONDS_TOTAL, CHARACTERS_TOTAL
from voxcart_services.tts.speaking.audio import ChunkCutter, duration_seconds, silence_pcm
from voxcart_services.tts.speaking.cache import PhraseCache, PhraseKey
from voxcart_services.tts.speaking.captions import WordTime
from voxcart_services.tts.speaking.chunks import ClauseSound, HeardWord, SpeechChunk
from voxcart_services.tts.speaking.clause_maker import (
    MAX_SPEAKING_RATE,
    MIN_SPEAKING_RATE,
    ClauseMaker,
    Delivery,
)
from voxcart_services.tts.speaking.frequent import FrequentPhrases
from voxcart_services.tts.speaking.scheduler import NEVER_DUE, Abort, Kind, PieceScheduler
from voxcart_services.tts.text.clauses import Clause, ClauseLimits, ClauseSplitter, split_clauses
from voxcart_services.tts.text.front_end import FrontEnd

FIRST_AUDIO_SECONDS = 0.2
"""First audio is due so long after it was asked for: before it, speech that would otherwise stop is made."""
_CHUNKS_AHEAD = 16


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
    """Shared by all sessions; a call of :meth:`speak` is the light per-stream part.

    Attributes:
        limits: How texts are cut into clauses.
    """

    def __init__(
        self,
        front_end: FrontEnd,
        scheduler: PieceScheduler,
        cache: PhraseCache,
        limits: ClauseLimits | None = None,
        frequent: FrequentPhrases | None = None,
    ) -> None:
        """Keep the shared parts.

        Args:
            front_end: Makes clauses into phonemes.
            scheduler: Decides whose audio is made next; must be running.
            cache: Of clauses that were said before.
            limits: How texts are cut into clauses.
            frequent: Is told of what is said, to learn what is said often.
        """
        self._front_end = front_end
        self._scheduler = scheduler
        self._cache = cache
        self.limits = limits or ClauseLimits()
        self._frequent = frequent

    async def speak(self, text: str, delivery: Delivery) -> AsyncGenerator[SpeechChunk, None]:
        """Audio of a whole text. Nothing is made after the iterator was closed.

        Raises:
            Overloaded: Too many clauses wait already.
            Unavailable: The service is shutting down.
        """
        async with contextlib.aclosing(self.speak_clauses(split_clauses(text, self.limits), delivery)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def speak_clauses(self, clauses: Iterable[Clause], delivery: Delivery) -> AsyncGenerator[SpeechChunk, None]:
        """Audio of clauses that are known, such as those of an SSML document."""
        async with contextlib.aclosing(self._spoken(_replay(clauses), delivery)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def speak_pieces(self, pieces: AsyncIterator[str], delivery: Delivery) -> AsyncGenerator[SpeechChunk, None]:
        """Audio of a text that arrives in pieces; a clause is spoken when the next one has begun."""
        clauses = _clauses_of(pieces, ClauseSplitter(self.limits))
        async with contextlib.aclosing(self._spoken(clauses, delivery)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def prefetch(self, text: str, delivery: Delivery) -> float:
        """Put the clauses of a phrase into the cache, behind all other work; returns the seconds it took to compute."""
        spent = 0.0
        for clause in split_clauses(text, self.limits):
            key = self._key(clause, delivery)
            if self._cache.may_hold(clause.text) and not await self._cache.holds(key):
                finished = await self._scheduler.submit(
                    lambda abort, clause=clause: self._whole(clause, delivery, abort), NEVER_DUE, Kind.PREFETCH
                )
                await self._cache.put(key, finished.value)
                spent += finished.compute_seconds
        return spent

    def warm_up(self, delivery: Delivery) -> float:
        """Load what is loaded lazily and run the model on a short clause; returns seconds. Blocks."""
        started = time.perf_counter()
        self._front_end.warm_up(delivery.language)
        self._whole(Clause(_WARM_UP_TEXT[delivery.language], 0, 0), delivery, Abort())
        return time.perf_counter() - started

    async def _spoken(
        self, clauses: AsyncGenerator[tuple[Clause, bool], None], delivery: Delivery
    ) -> AsyncGenerator[SpeechChunk, None]:
        """Chunks in order, made by a task that is at most some chunks ahead of the reader."""
        made: asyncio.Queue[SpeechChunk | None] = asyncio.Queue(_CHUNKS_AHEAD)
        maker = asyncio.create_task(self._make_all(clauses, delivery, made), name="tts reply audio")
        try:
            while (chunk := await made.get()) is not None:
                AUDIO_SECONDS_TOTAL.inc(duration_seconds(chunk.pcm_s16le))
                CHARACTERS_TOTAL.inc(len(chunk.clause_text))
                yield chunk
            await maker
        finally:
            maker.cancel()
            await asyncio.gather(maker, return_exceptions=True)

    async def _make_all(
        self,
        clauses: AsyncGenerator[tuple[Clause, bool], None],
        delivery: Delivery,
        made: asyncio.Queue[SpeechChunk | None],
    ) -> None:
        reply = _Reply(made)
        try:
            async with contextlib.aclosing(clauses):
                async for clause, is_last in clauses:
                    await self._make(reply.clause(clause, is_last=is_last, delivery=delivery), delivery)
        except Exception:
            await made.put(None)
            raise
        await made.put(None)

    async def _make(self, out: "_ClauseOut", delivery: Delivery) -> None:
        """Put the audio of one clause out, from the cache or as it is made."""
        clause = out.clause
        if not clause.text.strip():
            await out.finish(b"")
            return
        key = self._key(clause, delivery)
        if self._frequent is not None and self._cache.may_hold(clause.text):
            self._frequent.note(clause.text, delivery)
        found = await self._cache.get(key)
        if found is not None:
            out.source = "cache"
            out.words = found.words
            await out.finish(found.pcm_s16le)
            return
        maker = ClauseMaker(self._front_end, clause, delivery, out.lead)
        pcm: list[bytes] = []
        while True:
            finished = await self._scheduler.submit(maker.next_piece, out.due, out.kind)
            piece = finished.value
            pcm.append(piece.pcm_s16le)
            out.words = piece.words or out.words
            out.took(finished.queue_seconds, finished.compute_seconds)
            if piece.is_last:
                break
            await out.push(piece.pcm_s16le)
        await out.finish(pcm[-1])
        await self._cache.put(key, ClauseSound(b"".join(pcm), out.words))

    def _whole(self, clause: Clause, delivery: Delivery, abort: Abort) -> ClauseSound:
        """A clause in one go, for the cache. Blocks."""
        maker = ClauseMaker(self._front_end, clause, delivery, None)
        pieces = [maker.next_piece(abort)]
        while not pieces[-1].is_last:
            pieces.append(maker.next_piece(abort))
        return ClauseSound(b"".join(piece.pcm_s16le for piece in pieces), pieces[0].words)

    def _key(self, clause: Clause, delivery: Delivery) -> PhraseKey:
        engine = delivery.voice.engine
        return PhraseKey(
            text=clause.text,
            pronunciation=self._front_end.key(
                replace(clause, text=clause.text.rstrip()),
                language=delivery.language,
                british=delivery.voice.is_british,
                lexicon=delivery.lexicon,
            ),
            voice=delivery.voice.name,
            speaking_rate=delivery.rate_of(clause),
            engine_version=f"{engine.name}/{engine.version}",
        )


class _Reply:
    """The audio of one text on its way out: what its listener has, and until when it lasts."""

    def __init__(self, made: asyncio.Queue[SpeechChunk | None]) -> None:
        self.made = made
        self.asked_at = time.perf_counter()
        self.began_at: float | None = None
        self.out_seconds = 0.0
        self.num_clauses = 0

    def clause(self, clause: Clause, *, is_last: bool, delivery: Delivery) -> "_ClauseOut":
        """The next clause."""
        self.num_clauses += 1
        return _ClauseOut(self, self.num_clauses - 1, clause, is_last, round(clause.pause_ms / delivery.speaking_rate))

    @property
    def due(self) -> float:
        """When the listener's audio runs out."""
        if self.began_at is None:
            return self.asked_at + FIRST_AUDIO_SECONDS
        return self.began_at + self.out_seconds


class _ClauseOut:
    """One clause of a reply on its way out."""

    def __init__(self, reply: _Reply, index: int, clause: Clause, is_last: bool, pause_ms: int) -> None:
        self.clause = clause
        self.words: tuple[WordTime, ...] = ()
        self.source = "model"
        self._reply = reply
        self._index = index
        self._is_last = is_last
        self._pause_ms = 0 if is_last and clause.text else pause_ms
        self._cutter = ChunkCutter()
        self._number = 0
        self._took = (0.0, 0.0)

    def lead(self) -> float:
        """Seconds of audio that the listener still has, if it plays them as they come."""
        return 0.0 if self._reply.began_at is None else max(self._reply.due - time.perf_counter(), 0.0)

    @property
    def due(self) -> float:
        """When the next piece is needed."""
        return self._reply.due

    @property
    def kind(self) -> Kind:
        """What the next piece is, for the metrics."""
        return Kind.FIRST_AUDIO if self._reply.began_at is None else Kind.MORE_AUDIO

    def took(self, queue_seconds: float, compute_seconds: float) -> None:
        """Where the time of the piece that comes next went."""
        self._took = (queue_seconds, compute_seconds)

    async def push(self, pcm_s16le: bytes) -> None:
        """Put out what is known; waits while the reader is behind."""
        for chunk in self._cutter.push(pcm_s16le):
            await self._put(chunk, is_end=False)

    async def finish(self, pcm_s16le: bytes) -> None:
        """Put out the rest and the pause after the clause."""
        chunks = self._cutter.finish(pcm_s16le + silence_pcm(self._pause_ms))
        if not chunks and self._number == 0:
            chunks = [b""]
        for position, chunk in enumerate(chunks):
            await self._put(chunk, is_end=position == len(chunks) - 1)

    async def _put(self, pcm_s16le: bytes, *, is_end: bool) -> None:
        reply, is_first = self._reply, self._number == 0
        queue_seconds, compute_seconds = self._took
        chunk = SpeechChunk(
            clause=self._index,
            number=self._number,
            pcm_s16le=pcm_s16le,
            clause_text=self.clause.text if is_first else "",
            words=self._heard_words() if is_first else (),
            is_last=self._is_last and is_end,
            source=self.source,
            queue_seconds=queue_seconds,
            compute_seconds=compute_seconds,
        )
        self._took = (0.0, 0.0)
        self._number += 1
        await reply.made.put(chunk)
        if pcm_s16le and reply.began_at is None:
            reply.began_at = time.perf_counter()
        reply.out_seconds += duration_seconds(pcm_s16le)

    def _heard_words(self) -> tuple[HeardWord, ...]:
        start_ms = round(self._reply.out_seconds * 1000)
        return tuple(
            HeardWord(
                self.clause.text[word.text_start : word.text_end], start_ms + word.start_ms, start_ms + word.end_ms
            )
            for word in self.words
        )


_WARM_UP_TEXT = {"zh": "好的。", "en": "Okay."}


async def _replay(clauses: Iterable[Clause]) -> AsyncGenerator[tuple[Clause, bool], None]:
    known = list(clauses)
    for position, clause in enumerate(known):
        yield clause, position == len(known) - 1


async def _clauses_of(
    pieces: AsyncIterator[str], splitter: ClauseSplitter
) -> AsyncGenerator[tuple[Clause, bool], None]:
    async for piece in pieces:
        for clause in splitter.push(piece):
            yield clause, False
    rest = splitter.flush()
    for position, clause in enumerate(rest):
        yield clause, position == len(rest) - 1
