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
from voxcart_api.common.v1.common_pb2 import SessionContext
from voxcart_services.asr import proto
from voxcart_services.asr.metrics import UTTERANCES_TOTAL
from voxcart_services.asr.outbox import Outbox
from voxcart_services.asr.recognizer import Recognizer
from voxcart_services.asr.results import RecognitionEvent
from voxcart_services.asr.stream import RecognitionStream, StreamOptions
from voxcart_services.asr.text.correction import Corrector

log = get_logger(__name__)

_IDLE_SECONDS = 300.0
_REMEMBERED_SESSIONS = 10_000
_NUMBERING_SAMPLES = 1_024


@dataclass
class _Session:
    """A session whose audio comes to this process."""

    stream: RecognitionStream
    outbox: Outbox
    held: deque[tuple[int, int]] = field(default_factory=deque)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    finished: tuple[int, int] = (-1, -1)
    hot_words: tuple[str, ...] = ()
    awaiting: str = "none"
    last_seen: float = field(default_factory=time.monotonic)


class AudioHandler(UtteranceHandler):
    """Feeds the audio of the sessions to their streams and publishes what they tell."""

    def __init__(self, bus: Bus, recognizer: Recognizer, max_sessions: int) -> None:
        self._bus = bus
        self._recognizer = recognizer
        self._sessions: dict[str, _Session] = {}
        self._checkpoints: OrderedDict[str, Checkpoint] = OrderedDict()
        self._expectations: OrderedDict[str, str] = OrderedDict()
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
            awaiting = message.envelope.expectation.awaiting or "none"
            if session is None:
                _remember(self._expectations, session_id, awaiting)
            else:
                session.awaiting = awaiting
                session.stream.set_awaiting(awaiting)
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
        chunk = message.envelope.audio
        number = chunk.first_sample // _NUMBERING_SAMPLES + 1 if chunk.first_sample else 1
        first_sample = chunk.first_sample
        awaiting = self._expectations.pop(message.session_id, "none")
        if checkpoint is not None:
            number = int(checkpoint["next_utterance"])
            first_sample = max(first_sample, int(checkpoint["sample"]))
            awaiting = str(checkpoint.get("awaiting", awaiting))
        stream = self._new_stream(message.envelope.session, first_sample, number)
        stream.set_awaiting(awaiting)
        session = _Session(stream, Outbox(self._bus), awaiting=awaiting)
        self._sessions[message.session_id] = session
        return session

    def _new_stream(self, context: SessionContext, first_sample: int, number: int) -> RecognitionStream:
        return self._recognizer.stream(
            StreamOptions(
                preferred_language="en" if context.locale.lower().startswith("en") else "zh",
                tenant=catalogue_tenant(context.tenant),
                first_sample=first_sample,
                first_utterance=number,
            )
        )

    def _update(self, session: _Session, context: SessionContext) -> None:
        hot_words = tuple(context.hot_words)
        if hot_words != session.hot_words:
            session.stream.set_hot_words(proto.checked_hot_words(hot_words))
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
        chunk = message.envelope.audio
        session.stream = self._new_stream(message.envelope.session, chunk.first_sample, number)
        session.stream.set_awaiting(session.awaiting)
        session.stream.set_hot_words(session.hot_words)

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
        checkpoint = {"next_utterance": state[1], "sample": resume, "awaiting": session.awaiting}
        self.worker.finish(message.session_id, before_offset, checkpoint)

    async def _fail(self, session: _Session, message: Message, error: Exception) -> None:
        """Recognition broke: the client is told, and the session goes on behind the broken audio."""
        UTTERANCES_TOTAL.labels("failed").inc()
        log.error("recognition failed", session_id=message.session_id, exc_info=error)
        number, end = session.stream.next_utterance, session.stream.end_sample
        await session.outbox.add_failure(message, number)
        await session.stream.aclose()
        session.stream = self._new_stream(message.envelope.session, end, number + 1)
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
                state = {"next_utterance": session.stream.next_utterance, "sample": session.stream.end_sample}
                _remember(self._checkpoints, session_id, state)
                await self._close(session_id)


class CatalogueFeed:
    """Keeps the corrector's words those of the live catalogue."""

    def __init__(self, corrector: Corrector) -> None:
        self._corrector = corrector

    async def on_product(self, message: Message) -> None:
        """One product was added, changed or delisted."""
        if message.payload_name != "product":
            return
        product = message.envelope.product
        names = [] if product.delisted else [product.name_zh, product.brand, product.category, *product.aliases]
        self._corrector.set_product(product.tenant, product.sku, names)


def control_reader(bus: Bus, handler: AudioHandler) -> BroadcastReader:
    """Reads the control topic for a handler."""
    return BroadcastReader(bus, [CONTROL], handler.on_control)


def catalogue_reader(bus: Bus, feed: CatalogueFeed) -> BroadcastReader:
    """Reads the catalogue topic for a corrector."""
    return BroadcastReader(bus, [CATALOGUE], feed.on_product)


def _remember(memory: OrderedDict, key: str, value: object) -> None:
    """Keeps the newest 10,000 entries."""
    memory[key] = value
    memory.move_to_end(key)
    while len(memory) > _REMEMBERED_SESSIONS:
        memory.popitem(last=False)
