"""Bus worker: audio in, transcripts out.

Each session has a recognition stream. Audio messages stay uncommitted from the stream's `resume_sample` on, so that
after a crash the next owner of the partition plays the unfinished utterance again and gives the same ids. An interrupt
does not concern recognition; transcripts are kept on barge-in.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from voxcart.audio.pcm import to_samples
from voxcart.bus import AUDIO, CATALOGUE, CONTROL, BroadcastReader, Bus, Message, UtteranceHandler, UtteranceWorker
from voxcart.bus.offsets import Checkpoint
from voxcart.bus.worker import WorkerOptions
from voxcart.errors import InvalidInput, VoxcartError
from voxcart.telemetry.logs import get_logger
from voxcart.tenants import catalogue_tenant
from voxcart_api.bus.v1.bus_pb2 import Expectation
from voxcart_api.common.v1.common_pb2 import SessionContext
from voxcart_services.asr.context import (
    MAX_DIALOGUE_WORDS,
    MAX_SESSION_WORDS,
    ShopWords,
    checked_words,
)
from voxcart_services.asr.metrics import UTTERANCES_TOTAL
from voxcart_services.asr.outbox import Outbox
from voxcart_services.asr.recognition import HotWord
from voxcart_services.asr.recognizer import Recognizer
from voxcart_services.asr.results import RecognitionEvent
from voxcart_services.asr.stream import RecognitionStream, StreamOptions
from voxcart_services.asr.text.correction import Corrector

log = get_logger(__name__)

_IDLE_SECONDS = 300.0
_REMEMBERED_SESSIONS = 10_000
_NUMBERING_SAMPLES = 1_024


@dataclass(frozen=True)
class _Place:
    """Where a stream begins: its first sample, the number of its first utterance, the speaker's level so far."""

    sample: int
    number: int
    speech_level: tuple[float, ...] = ()


@dataclass(frozen=True)
class _Expectation:
    """What the dialogue waits for, and the words it expects."""

    message: Expectation
    words: tuple[HotWord, ...] = ()

    @classmethod
    def of(cls, message: Expectation) -> _Expectation:
        """
        Raises:
            InvalidInput: A word is bad.
        """
        return cls(message, checked_words(message.hot_words, MAX_DIALOGUE_WORDS))

    @property
    def awaiting(self) -> str:
        """What is waited for."""
        return self.message.awaiting or "none"


@dataclass
class _Session:
    """A session whose audio comes to this process."""

    stream: RecognitionStream
    outbox: Outbox
    held: deque[tuple[int, int]] = field(default_factory=deque)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    finished: tuple[int, int] = (-1, -1)
    hot_words: tuple[str, ...] = ()
    expectation: _Expectation = field(default_factory=lambda: _Expectation(Expectation()))
    last_seen: float = field(default_factory=time.monotonic)


class AudioHandler(UtteranceHandler):
    """Feeds the audio of the sessions to their streams and publishes what they tell."""

    def __init__(self, bus: Bus, recognizer: Recognizer, max_sessions: int, *, word_times: bool = False) -> None:
        """
        Args:
            bus: Where audio comes from and transcripts go to.
            recognizer: Makes the sessions' streams.
            max_sessions: Sessions handled at a time.
            word_times: Whether finals carry words with times.
        """
        self._bus = bus
        self._recognizer = recognizer
        self._word_times = word_times
        self._sessions: dict[str, _Session] = {}
        self._checkpoints: OrderedDict[str, Checkpoint] = OrderedDict()
        self._expectations: OrderedDict[str, bytes] = OrderedDict()
        options = WorkerOptions(max_in_flight=64 * max_sessions, max_sessions=max_sessions)
        self.worker = UtteranceWorker(bus, "asr", AUDIO, self, options)

    async def handle(self, message: Message) -> None:
        """One audio message of a session; its events are published when it returns."""
        if message.payload_name != "audio":
            raise InvalidInput(f"the audio topic carries audio, not {message.payload_name}")
        samples = to_samples(message.envelope.audio.pcm_s16le)
        session = self._sessions.get(message.session_id)
        if session is None:
            session = await self._open(message)
        async with session.lock:
            session.last_seen = time.monotonic()
            self._update(session, message.envelope.session)
            await session.outbox.publish_pending()
            try:
                await self._recognize(session, message, samples)
            except (VoxcartError, asyncio.CancelledError):
                raise
            except Exception as error:
                await self._fail(session, message, error)
            self._finish(session, message)

    async def on_partition_assigned(self, partition: int, checkpoints: Mapping[str, Checkpoint]) -> None:
        """Remembers where each session of the partition goes on."""
        for session_id, checkpoint in checkpoints.items():
            _remember(self._checkpoints, session_id, checkpoint)

    async def on_partition_revoked(self, partition: int) -> None:
        """Drops the streams of the partition's sessions."""
        for session_id in [name for name in self._sessions if self._bus.partition_for(name) == partition]:
            await self._close(session_id)

    async def on_control(self, message: Message) -> None:
        """What the dialogue waits for, and the end of sessions."""
        name, session_id = message.payload_name, message.session_id
        session = self._sessions.get(session_id)
        if name == "expectation":
            found = message.envelope.expectation
            if session is None:
                _remember(self._expectations, session_id, found.SerializeToString())
            else:
                session.expectation = _Expectation.of(found)
                _apply(session.expectation, session.stream)
        elif name == "session_ended" and session is not None:
            async with session.lock:
                await self._close(session_id)
                self.worker.end_session(session_id)

    async def aclose(self) -> None:
        """Closes all streams; what they had open is played again by the next owner."""
        for session_id in list(self._sessions):
            await self._close(session_id)

    async def _open(self, message: Message) -> _Session:
        await self._close_idle()
        checkpoint = self._checkpoints.pop(message.session_id, None)
        expectation = _Expectation.of(Expectation.FromString(self._expectations.pop(message.session_id, b"")))
        place = _place_of(message.envelope.audio.first_sample, checkpoint)
        if checkpoint is not None:
            expectation.message.awaiting = str(checkpoint.get("awaiting", expectation.awaiting))
        stream = self._new_stream(message.envelope.session, place)
        _apply(expectation, stream)
        session = _Session(stream, Outbox(self._bus), expectation=expectation)
        self._sessions[message.session_id] = session
        return session

    def _new_stream(self, context: SessionContext, place: _Place) -> RecognitionStream:
        return self._recognizer.stream(
            StreamOptions(
                preferred_language="en" if context.locale.lower().startswith("en") else "zh",
                tenant=catalogue_tenant(context.tenant),
                word_times=self._word_times,
                first_sample=place.sample,
                first_utterance=place.number,
                speech_level=place.speech_level,
            )
        )

    def _replace_stream(self, session: _Session, context: SessionContext, sample: int, number: int) -> None:
        """Goes on with a new stream, of which the dialogue and the client want what they wanted of the old one."""
        level = session.stream.speech_level
        session.stream = self._new_stream(context, _Place(sample, number, level))
        session.stream.context.set_session(checked_words(session.hot_words, MAX_SESSION_WORDS))
        _apply(session.expectation, session.stream)

    def _update(self, session: _Session, context: SessionContext) -> None:
        """Takes the client's words; they come with some messages only, so none means no change."""
        hot_words = tuple(context.hot_words)
        if hot_words and hot_words != session.hot_words:
            session.stream.context.set_session(checked_words(hot_words, MAX_SESSION_WORDS))
            session.hot_words = hot_words

    async def _recognize(self, session: _Session, message: Message, samples: np.ndarray) -> None:
        chunk = message.envelope.audio
        if chunk.first_sample > session.stream.end_sample:
            await self._skip_gap(session, message)
        fresh = samples[max(0, session.stream.end_sample - chunk.first_sample) :]
        session.held.append((message.offset, chunk.first_sample + len(samples)))
        await self._publish(session, message, session.stream.push_audio(fresh))
        if chunk.end_of_input:
            await self._publish(session, message, session.stream.flush())
        await session.outbox.publish_pending()

    async def _skip_gap(self, session: _Session, message: Message) -> None:
        """Audio is missing: it counts as silence that ends what was being said."""
        await self._publish(session, message, session.stream.flush())
        number = session.stream.next_utterance
        await session.stream.aclose()
        self._replace_stream(session, message.envelope.session, message.envelope.audio.first_sample, number)

    async def _publish(self, session: _Session, message: Message, events: AsyncIterator[RecognitionEvent]) -> None:
        """Publishes events as they come; when the bus is away they wait in the outbox and the stream goes on."""
        async for event in events:
            await session.outbox.add(message, event)

    def _finish(self, session: _Session, message: Message) -> None:
        """Tells the worker up to where a replay would have nothing to do."""
        resume = session.stream.resume_sample
        while session.held and session.held[0][1] <= resume:
            session.held.popleft()
        before_offset = session.held[0][0] if session.held else message.offset + 1
        state = (before_offset, session.stream.next_utterance)
        if state == session.finished:
            return
        session.finished = state
        checkpoint = {
            "next_utterance": state[1],
            "sample": resume,
            "awaiting": session.expectation.awaiting,
            "speech_level": list(session.stream.speech_level),
        }
        self.worker.finish(message.session_id, before_offset, checkpoint)

    async def _fail(self, session: _Session, message: Message, error: Exception) -> None:
        """Recognition broke: the client is told, and the session goes on behind the broken audio."""
        UTTERANCES_TOTAL.labels("failed").inc()
        log.error("recognition failed", session_id=message.session_id, exc_info=error)
        number, end = session.stream.next_utterance, session.stream.end_sample
        await session.outbox.add_failure(message, number)
        await session.stream.aclose()
        self._replace_stream(session, message.envelope.session, end, number + 1)
        session.held.clear()
        await session.outbox.publish_pending()

    async def _close(self, session_id: str) -> None:
        session = self._sessions.pop(session_id, None)
        if session is not None:
            await session.stream.aclose()

    async def _close_idle(self) -> None:
        """Closes streams that had no audio for long, and remembers where they go on."""
        limit = time.monotonic() - _IDLE_SECONDS
        for session_id, session in list(self._sessions.items()):
            if session.last_seen < limit and not session.lock.locked():
                state = {
                    "next_utterance": session.stream.next_utterance,
                    "sample": session.stream.end_sample,
                    "awaiting": session.expectation.awaiting,
                    "speech_level": list(session.stream.speech_level),
                }
                _remember(self._checkpoints, session_id, state)
                _remember(self._expectations, session_id, session.expectation.message.SerializeToString())
                await self._close(session_id)


class CatalogueFeed:
    """Keeps the words of correction and biasing those of the live catalogue."""

    def __init__(self, corrector: Corrector, shop_words: ShopWords) -> None:
        self._corrector = corrector
        self._shop_words = shop_words

    async def on_product(self, message: Message) -> None:
        """One product was added, changed or delisted."""
        if message.payload_name != "product":
            return
        product = message.envelope.product
        names = [] if product.delisted else [product.name_zh, product.brand, product.category, *product.aliases]
        spoken = [] if product.delisted else [product.name_zh, *product.aliases]
        self._corrector.set_product(product.tenant, product.sku, names)
        self._shop_words.set_product(product.tenant, product.sku, spoken, product.units_sold)


def control_reader(bus: Bus, handler: AudioHandler) -> BroadcastReader:
    """Reads the control topic for a handler."""
    return BroadcastReader(bus, [CONTROL], handler.on_control)


def catalogue_reader(bus: Bus, feed: CatalogueFeed) -> BroadcastReader:
    """Reads the catalogue topic for a corrector."""
    return BroadcastReader(bus, [CATALOGUE], feed.on_product)


def _apply(expectation: _Expectation, stream: RecognitionStream) -> None:
    stream.set_awaiting(expectation.awaiting)
    stream.context.set_dialogue(expectation.words)


def _place_of(first_sample: int, checkpoint: Checkpoint | None) -> _Place:
    """Where the stream of a session begins whose first message here starts at `first_sample`."""
    if checkpoint is None:
        return _Place(first_sample, first_sample // _NUMBERING_SAMPLES + 1 if first_sample else 1)
    return _Place(
        max(first_sample, int(checkpoint["sample"])),
        int(checkpoint["next_utterance"]),
        tuple(float(value) for value in checkpoint.get("speech_level", ())),
    )


def _remember(memory: OrderedDict, key: str, value: object) -> None:
    """Keeps the newest 10,000 entries."""
    memory[key] = value
    memory.move_to_end(key)
    while len(memory) > _REMEMBERED_SESSIONS:
        memory.popitem(last=False)
