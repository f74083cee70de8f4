"""The bus on the embedded broker: one node on this machine, in memory.

What is different from Apache Kafka, and how this form deals with it:

- A waiting fetch is not woken by data: publishers ring the :mod:`~voxcart.bus.doorbell`.
- No idempotent producer: a record may be stored twice after a lost answer; consumers drop repeats by ``event_id``.
- Group rebalances take 11 s after a member died: each service is one process, which takes all partitions at once and
  commits as a group without members.
- A restarted broker has lost everything and counts from 0: readers notice, publishers create the topics again.
"""

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence

from voxcart.bus.base import (
    BEGINNING,
    END,
    Assigned,
    AssignedReader,
    Bus,
    GroupReader,
    Headers,
    Position,
    Reader,
    Revoked,
    TopicPartition,
)
from voxcart.bus.broker_link import BrokerLink, UnknownTopic
from voxcart.bus.doorbell import Doorbell, doorbell_dir
from voxcart.bus.envelope import Record
from voxcart.bus.errors import BusClosed, BusUnavailable, MessageTooLarge
from voxcart.bus.metrics import PUBLISH_FAILURES_TOTAL, PUBLISH_SECONDS
from voxcart.bus.topics import DEFAULT_PARTITIONS, TOPICS, Topic, partition_for
from voxcart.telemetry.logs import get_logger

log = get_logger(__name__)

MAX_VALUE_BYTES = 1_000_000
_LOOK_S = 1.0
_IDLE_LOOK_S = 3.0
_IDLE_AFTER_S = 30.0
_LOOK_WITHOUT_BELL_S = 0.02
_FETCH_WAIT_MS = 50


class _EmbeddedReader(Reader):
    """Positions over partitions of the broker; fetches what was announced, looks by itself every 1 to 3 s."""

    def __init__(self, bus: "EmbeddedBus") -> None:
        self._bus = bus
        self._link = bus.new_link(self._start_over)
        self._positions: dict[TopicPartition, int] = {}
        self._announced: dict[TopicPartition, int] = {}
        self._ready: deque[Record] = deque()
        self._topics: set[str] = set()
        self._rung = asyncio.Event()
        self._look_at = 0.0
        self._heard_at = time.monotonic()

    async def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        give_up_at = time.monotonic() + timeout_s
        while not self._ready:
            self._rung.clear()
            try:
                if time.monotonic() >= self._look_at:
                    await self._look()
                if self._announced:
                    await self._fetch()
            except UnknownTopic:
                await self._bus.try_ensure_topics()
                await asyncio.sleep(0.1)
            except BusUnavailable:
                self._look_at = 0.0
                await asyncio.sleep(min(0.25, max(0.0, give_up_at - time.monotonic())))
            left = give_up_at - time.monotonic()
            if self._ready or left <= 0:
                break
            if not self._announced:
                await self._wait(min(left, max(0.0, self._look_at - time.monotonic())))
        return [self._ready.popleft() for _ in range(min(max_records, len(self._ready)))]

    async def lag(self) -> dict[TopicPartition, int]:
        ends = await self._bus.end_offsets(list(self._positions))
        return {place: max(0, ends[place] - at) for place, at in self._positions.items()}

    async def aclose(self) -> None:
        for topic in self._topics:
            self._bus.doorbell.unlisten(topic, self._hear)
        self._topics.clear()
        self._positions.clear()
        self._ready.clear()
        await self._link.aclose()

    async def _wait(self, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await self._rung.wait()
        except TimeoutError:
            return

    def _hear(self, topic: str, partition: int, offset: int) -> None:
        place = TopicPartition(topic, partition)
        if offset >= self._positions.get(place, offset + 1):
            self._announced[place] = max(offset, self._announced.get(place, 0))
            self._heard_at = time.monotonic()
            self._rung.set()

    async def _look(self) -> None:
        """Asks for the ends of all partitions: finds records nobody announced, and a log that was lost."""
        ends = await self._link.list_offsets(dict.fromkeys(self._positions, END))
        now = time.monotonic()
        self._look_at = now + self._bus.look_interval_s(is_idle=now - self._heard_at > _IDLE_AFTER_S)
        for place, end in ends.items():
            at = self._positions.get(place)
            if at is None:
                continue
            if end < at:
                self._start_over()
                return
            if end > at:
                self._announced[place] = end - 1

    def _start_over(self) -> None:
        """The broker lost its log and counts from 0 again: all that it has now is new."""
        log.warning("the broker lost its log, reading it from the start", partitions=len(self._positions))
        self.num_losses += 1
        self._positions = dict.fromkeys(self._positions, 0)
        self._announced.clear()
        self._look_at = 0.0

    async def _fetch(self) -> None:
        wanted = {place: self._positions[place] for place in self._announced if place in self._positions}
        self._announced = {place: self._announced[place] for place in wanted}
        if not wanted:
            return
        for fetched in await self._link.fetch(wanted, _FETCH_WAIT_MS):
            if self._positions.get(fetched.place) != wanted[fetched.place] or not fetched.records:
                continue
            self._ready.extend(fetched.records)
            self._positions[fetched.place] = position = fetched.records[-1].offset + 1
            last = max(self._announced.get(fetched.place, -1), fetched.end_offset - 1)
            if last >= position:
                self._announced[fetched.place] = last
            else:
                self._announced.pop(fetched.place, None)
        if not self._ready:
            self._look_at = 0.0
            self._announced.clear()

    def _read(self, starts: Mapping[TopicPartition, int]) -> None:
        self._positions.update(starts)
        for topic in {place.topic for place in starts} - self._topics:
            self._topics.add(topic)
            self._bus.doorbell.listen(topic, self._hear)
        self._look_at = 0.0
        self._rung.set()


class EmbeddedAssignedReader(_EmbeddedReader, AssignedReader):
    """See :class:`~voxcart.bus.base.AssignedReader`."""

    async def start(self) -> None:
        await self._bus.wait_reachable()

    async def assign(self, starts: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        named = {place: at for place, at in starts.items() if at in (BEGINNING, END)}
        resolved = dict(starts)
        if named:
            resolved.update(await self._bus.resolve_offsets(named))
        self._read(resolved)
        return resolved

    async def unassign(self, partitions: Collection[TopicPartition]) -> None:
        gone = set(partitions)
        for place in gone:
            self._positions.pop(place, None)
            self._announced.pop(place, None)
        self._ready = deque(r for r in self._ready if TopicPartition(r.topic, r.partition) not in gone)


class EmbeddedGroupReader(_EmbeddedReader, GroupReader):
    """See :class:`~voxcart.bus.base.GroupReader`. The only member of its group: takes all partitions."""

    def __init__(
        self, bus: "EmbeddedBus", group: str, topics: Sequence[Topic], assigned: Assigned, revoked: Revoked
    ) -> None:
        super().__init__(bus)
        self._group = group
        self._assigned = assigned
        self._places = [TopicPartition(t.name, partition) for t in topics for partition in range(bus.num_partitions)]

    async def start(self) -> None:
        await self._bus.wait_reachable()
        committed = await self._link.committed(self._group, self._places)
        starts = {place: committed.get(place, 0) for place in self._places}
        starts.update(await self._assigned(starts))
        self._read(starts)

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        await self._link.commit(self._group, offsets)


class EmbeddedBus(Bus):
    """A connection to the embedded broker."""

    def __init__(
        self,
        address: str,
        client_id: str,
        num_partitions: int = DEFAULT_PARTITIONS,
        start_timeout_s: float = 120.0,
        publish_timeout_s: float = 30.0,
    ) -> None:
        """
        Args:
            address: host:port on this machine.
            start_timeout_s: How long :meth:`start` waits for the broker.
            publish_timeout_s: How long ``publish`` tries unless told otherwise.
        """
        super().__init__(client_id, num_partitions)
        host, _, port = address.rpartition(":")
        self._host = host
        self._port = int(port)
        self._start_timeout_s = start_timeout_s
        self._publish_timeout_s = publish_timeout_s
        self._link = self.new_link()
        self._is_open = False
        self.doorbell = Doorbell(doorbell_dir(self._port))

    def look_interval_s(self, *, is_idle: bool) -> float:
        """How often a reader looks for records that nobody announced, and for a log that was lost."""
        if not self.doorbell.works:
            return _LOOK_WITHOUT_BELL_S
        return _IDLE_LOOK_S if is_idle else _LOOK_S

    def new_link(self, on_replaced: Callable[[], None] | None = None) -> BrokerLink:
        """A connection of a reader's own."""
        return BrokerLink(self._host, self._port, f"voxcart-{self.client_id}", on_replaced)

    async def start(self) -> None:
        await self.wait_reachable()
        self._is_open = True

    async def wait_reachable(self) -> None:
        """Waits for the broker and its topics.

        Raises:
            BusUnavailable: The broker did not answer within the start time.
        """
        give_up_at = time.monotonic() + self._start_timeout_s
        while True:
            try:
                await self.ensure_topics()
                return
            except BusUnavailable:
                if time.monotonic() >= give_up_at:
                    raise
            await asyncio.sleep(0.2)

    async def aclose(self) -> None:
        self._is_open = False
        self.doorbell.close()
        await self._link.aclose()

    async def ensure_topics(self) -> None:
        await self._link.create_topics(TOPICS, self.num_partitions)

    async def try_ensure_topics(self) -> None:
        """Creates missing topics if the broker answers."""
        try:
            await self.ensure_topics()
        except BusUnavailable as error:
            log.warning("topics not created", reason=str(error))

    async def publish_bytes(
        self,
        topic: str,
        key: bytes | None,
        value: bytes,
        *,
        headers: Headers = (),
        partition: int | None = None,
        timeout_s: float | None = None,
    ) -> Position:
        if not self._is_open:
            raise BusClosed("the bus is not started, or closed")
        if len(value) > MAX_VALUE_BYTES:
            raise MessageTooLarge(f"{len(value)} bytes are over the limit of {MAX_VALUE_BYTES} for {topic}")
        if partition is None:
            partition = partition_for(key or b"", self.num_partitions)
        place = TopicPartition(topic, partition)
        started = time.monotonic()
        limit_s = self._publish_timeout_s if timeout_s is None else timeout_s
        pause_s = 0.05
        while True:
            left = started + limit_s - time.monotonic()
            try:
                offset = await self._link.produce(place, key, value, headers, max(0.05, min(left, 5.0)))
                break
            except BusUnavailable as error:
                if isinstance(error, UnknownTopic):
                    await self.try_ensure_topics()
                if time.monotonic() + pause_s >= started + limit_s:
                    PUBLISH_FAILURES_TOTAL.labels(topic).inc()
                    raise BusUnavailable(f"the broker did not take an event for {topic} in {limit_s:g} s") from error
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))
            pause_s = min(pause_s * 2, 1.0)
        self.doorbell.ring(topic, partition, offset)
        PUBLISH_SECONDS.labels(topic).observe(time.monotonic() - started)
        return Position(topic, partition, offset)

    async def end_offsets(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        return await self.resolve_offsets(dict.fromkeys(partitions, END))

    async def resolve_offsets(self, places: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """Offsets of the beginnings and ends of partitions.

        Raises:
            BusUnavailable: The broker did not answer.
        """
        try:
            return await self._link.list_offsets(places)
        except UnknownTopic:
            await self.ensure_topics()
            return await self._link.list_offsets(places)

    def group_reader(
        self, group: str, topics: Sequence[Topic], assigned: Assigned, revoked: Revoked
    ) -> EmbeddedGroupReader:
        return EmbeddedGroupReader(self, group, topics, assigned, revoked)

    def assigned_reader(self) -> EmbeddedAssignedReader:
        return EmbeddedAssignedReader(self)

    async def is_reachable(self, timeout_s: float = 2.0) -> bool:
        try:
            async with asyncio.timeout(timeout_s):
                await self._link.list_offsets({TopicPartition(TOPICS[0].name, 0): END})
        except (BusUnavailable, TimeoutError):
            return False
        return True
