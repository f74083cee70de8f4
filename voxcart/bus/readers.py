"""Readers outside of consumer groups: what every process hears, and what a gateway hears back for its sessions."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from voxcart.bus.base import BEGINNING, END, Bus, TopicPartition, run_until
from voxcart.bus.envelope import Message, decode
from voxcart.bus.errors import BusUnavailable, UndecodableMessage
from voxcart.bus.metrics import CALLBACK_FAILURES_TOTAL, TRANSIT_SECONDS, UNDECODABLE_TOTAL
from voxcart.bus.topics import RETURN_TOPICS, Topic, topic_named
from voxcart.bus.worker import POLL_S
from voxcart.telemetry.logs import get_logger

log = get_logger(__name__)

OnBroadcast = Callable[[Message], Awaitable[None]]
OnMessage = Callable[[Message], None]


class BroadcastReader:
    """Reads all partitions of topics in every process, without a group: ``control`` and ``catalogue``.

    Example::

        reader = BroadcastReader(bus, [CONTROL], on_control)
        context.supervise("control", reader.run())
        context.on_drain(reader.drain)

    A compacted topic is read from its beginning and then followed; any other from its end. Messages come in order
    within a partition. An error of the callback is logged and counted, and reading goes on.
    """

    def __init__(self, bus: Bus, topics: Sequence[Topic], on_message: OnBroadcast, timeout_s: float = 10.0) -> None:
        """
        Args:
            on_message: Called for one message after another; keep it short.
            timeout_s: A callback that takes longer is cancelled.
        """
        self._bus = bus
        self._topics = tuple(topics)
        self._on_message = on_message
        self._timeout_s = timeout_s
        self._reader = bus.assigned_reader()
        self._caught_up = asyncio.Event()
        self._stopping = asyncio.Event()
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        """Reads until :meth:`drain` or cancellation.

        Raises:
            BusUnavailable: The broker did not answer at start.
        """
        try:
            await run_until(self._stopping, self._read())
        finally:
            await self._reader.aclose()
            self._stopped.set()

    async def _read(self) -> None:
        await self._reader.start()
        starts = {
            TopicPartition(topic.name, partition): BEGINNING if topic.compacted else END
            for topic in self._topics
            for partition in range(self._bus.num_partitions)
        }
        ends = await self._bus.end_offsets(list(starts))
        begun = await self._reader.assign(starts)
        behind = {place for place, start in begun.items() if start < ends[place]}
        while not self._stopping.is_set():
            if not behind:
                self._caught_up.set()
            for record in await self._reader.poll(500, POLL_S):
                place = TopicPartition(record.topic, record.partition)
                if record.offset >= ends[place] - 1:
                    behind.discard(place)
                try:
                    await self._deliver(decode(record))
                except UndecodableMessage as error:
                    UNDECODABLE_TOTAL.labels(record.topic).inc()
                    log.warning("record left out", topic=record.topic, reason=str(error))

    async def wait_caught_up(self, timeout_s: float) -> None:
        """Returns when everything that was on the topics at start was delivered. :meth:`run` must be running.

        Raises:
            BusUnavailable: That took longer than ``timeout_s``.
        """
        try:
            await asyncio.wait_for(self._caught_up.wait(), timeout_s)
        except TimeoutError:
            names = ", ".join(topic.name for topic in self._topics)
            raise BusUnavailable(f"{names} could not be read to the end in {timeout_s:g} s") from None

    async def drain(self) -> None:
        """Stops reading; returns when :meth:`run` has ended."""
        self._stopping.set()
        await self._stopped.wait()

    async def _deliver(self, message: Message) -> None:
        TRANSIT_SECONDS.labels(message.topic).observe(max(0.0, time.time() - message.timestamp_ms / 1000))
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._on_message(message)
        except Exception as error:
            CALLBACK_FAILURES_TOTAL.labels(message.topic).inc()
            log.error("broadcast callback failed", topic=message.topic, exc_info=error)


@dataclass(slots=True)
class _Subscriber:
    on_message: OnMessage
    waiting: list[Message] | None = None
    next_offsets: dict[str, int] = field(default_factory=dict)


class ReturnReader:
    """Reads the return topics of exactly the partitions in which live sessions are.

    Example::

        reader = ReturnReader(bus)
        context.supervise("return path", reader.run())
        await reader.add_session(session_id, queue_put)   # then publish SessionStarted
        ...
        await reader.remove_session(session_id)

    There is no consumer group: no rebalance can part a client from its stream.
    """

    MAX_WAITING = 10_000

    def __init__(self, bus: Bus, topics: Sequence[Topic] = RETURN_TOPICS) -> None:
        self._bus = bus
        self._topics = tuple(topics)
        self._reader = bus.assigned_reader()
        self._sessions: dict[str, _Subscriber] = {}
        self._live: dict[int, int] = {}
        self._assigned_partitions: set[int] = set()
        self._known_losses = 0
        self._assigning = asyncio.Lock()
        self._started = asyncio.Event()
        self._stopping = asyncio.Event()
        self._stopped = asyncio.Event()

    @property
    def sessions_per_partition(self) -> Mapping[int, int]:
        """Live sessions by partition; partitions that are not read are absent."""
        return self._live

    async def run(self) -> None:
        """Reads until :meth:`drain` or cancellation.

        Raises:
            BusUnavailable: The broker did not answer at start.
        """
        try:
            await run_until(self._stopping, self._read())
        finally:
            await self._reader.aclose()
            self._stopped.set()

    async def _read(self) -> None:
        await self._reader.start()
        self._started.set()
        while not self._stopping.is_set():
            for record in await self._reader.poll(500, POLL_S):
                self._notice_loss()
                subscriber = self._sessions.get((record.key or b"").decode(errors="replace"))
                if subscriber is None:
                    continue
                try:
                    self._receive(subscriber, decode(record))
                except UndecodableMessage as error:
                    UNDECODABLE_TOTAL.labels(record.topic).inc()
                    log.warning("record left out", topic=record.topic, reason=str(error))

    async def add_session(
        self, session_id: str, on_message: OnMessage, since: Mapping[str, int] | None = None, timeout_s: float = 10.0
    ) -> None:
        """Delivers the session's messages from now on; returns when nothing published afterwards can be missed.

        Args:
            on_message: Called for each message, in order within a topic. Must not block: put it into the session's
                bounded queue. Its errors are logged and counted.
            since: Offsets by topic name, as :meth:`positions` gave them: what came after them is delivered first.
            timeout_s: How long assigning and catching up may take.

        Raises:
            BusUnavailable: The broker did not answer in time; the session was not added.
            ValueError: The session is already there.
        """
        if session_id in self._sessions:
            raise ValueError(f"session {session_id} is already read")
        partition = self._bus.partition_for(session_id)
        subscriber = _Subscriber(on_message, waiting=[])
        self._sessions[session_id] = subscriber
        self._live[partition] = self._live.get(partition, 0) + 1
        try:
            async with asyncio.timeout(timeout_s):
                await self._started.wait()
                await self._assign(partition)
                subscriber.next_offsets = dict(since) if since else await self._ends(partition)
                if since:
                    await self._catch_up(session_id, subscriber, partition, since)
                self._go_live(subscriber)
        except BaseException as error:
            await self.remove_session(session_id)
            if isinstance(error, TimeoutError):
                raise BusUnavailable(f"the return path could not be set up in {timeout_s:g} s") from error
            raise

    async def remove_session(self, session_id: str) -> None:
        """Stops delivering. Harmless if the session is not there."""
        if self._sessions.pop(session_id, None) is None:
            return
        partition = self._bus.partition_for(session_id)
        self._live[partition] -= 1
        if self._live[partition] == 0:
            del self._live[partition]
            async with self._assigning:
                if partition not in self._live:
                    await self._reader.unassign([TopicPartition(topic.name, partition) for topic in self._topics])
                    self._assigned_partitions.discard(partition)

    def positions(self, session_id: str) -> dict[str, int]:
        """By topic name, the offset behind the last message that was delivered to the session: for a resume."""
        subscriber = self._sessions.get(session_id)
        return dict(subscriber.next_offsets) if subscriber else {}

    async def drain(self) -> None:
        """Stops reading; returns when :meth:`run` has ended."""
        self._stopping.set()
        await self._stopped.wait()

    async def _assign(self, partition: int) -> None:
        async with self._assigning:
            if partition in self._assigned_partitions:
                return
            await self._reader.assign({TopicPartition(topic.name, partition): END for topic in self._topics})
            self._assigned_partitions.add(partition)

    async def _ends(self, partition: int) -> dict[str, int]:
        ends = await self._bus.end_offsets([TopicPartition(topic.name, partition) for topic in self._topics])
        return {place.topic: end for place, end in ends.items()}

    def _notice_loss(self) -> None:
        """A broker that lost its log starts again at 0; then older positions say nothing any more."""
        if self._reader.num_losses != self._known_losses:
            self._known_losses = self._reader.num_losses
            for subscriber in self._sessions.values():
                subscriber.next_offsets.clear()

    async def _catch_up(
        self, session_id: str, subscriber: _Subscriber, partition: int, since: Mapping[str, int]
    ) -> None:
        """Delivers what came before the live stream."""
        for name, offset in since.items():
            async for message in self._bus.read_from(topic_named(name), partition, offset):
                if message.key == session_id:
                    self._deliver(subscriber, message)

    def _go_live(self, subscriber: _Subscriber) -> None:
        """Delivers what the live stream brought meanwhile, and from now on at once."""
        waiting, subscriber.waiting = subscriber.waiting or [], None
        for message in waiting:
            self._deliver(subscriber, message)

    def _receive(self, subscriber: _Subscriber, message: Message) -> None:
        TRANSIT_SECONDS.labels(message.topic).observe(max(0.0, time.time() - message.timestamp_ms / 1000))
        if subscriber.waiting is None:
            self._deliver(subscriber, message)
        elif len(subscriber.waiting) < self.MAX_WAITING:
            subscriber.waiting.append(message)

    def _deliver(self, subscriber: _Subscriber, message: Message) -> None:
        if message.offset < subscriber.next_offsets.get(message.topic, 0):
            return
        subscriber.next_offsets[message.topic] = message.offset + 1
        try:
            subscriber.on_message(message)
        except Exception as error:
            CALLBACK_FAILURES_TOTAL.labels(message.topic).inc()
            log.error("return callback failed", topic=message.topic, exc_info=error)


class SessionIdMinter:
    """Mints session ids that fall into partitions which this gateway reads.

    Ids are unguessable: ``s-`` and 24 hex digits from the system's random source.
    """

    def __init__(self, bus: Bus, reader: ReturnReader, home: Iterable[int] | None = None) -> None:
        """
        Args:
            home: Partitions that this gateway uses. Default: all. Many gateways take a few each, so that none of them
                reads everything.
        """
        self._bus = bus
        self._reader = reader
        self._home = tuple(home) if home is not None else tuple(range(bus.num_partitions))
        if not self._home or any(not 0 <= partition < bus.num_partitions for partition in self._home):
            raise ValueError(f"home must name partitions from 0 to {bus.num_partitions - 1}, not {self._home}")

    def mint(self) -> str:
        """A new id in the home partition with the fewest live sessions."""
        live = self._reader.sessions_per_partition
        target = min(self._home, key=lambda partition: (live.get(partition, 0), secrets.randbelow(1024)))
        while True:
            session_id = f"s-{secrets.token_hex(12)}"
            if self._bus.partition_for(session_id) == target:
                return session_id
