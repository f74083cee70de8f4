"""The bus in memory: for unit tests and for services run inside one process.

A :class:`MemoryBroker` holds the logs, groups and commits; each :class:`MemoryBus` is one process's connection to it.
``broker.is_up = False`` makes it unreachable, ``broker.lose_data()`` empties it, ``bus.kill()`` drops a connection as
``kill -9`` would.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from voxcart.bus.base import (
    BEGINNING,
    END,
    Assigned,
    AssignedReader,
    Bus,
    GroupReader,
    Headers,
    Position,
    Revoked,
    TopicPartition,
)
from voxcart.bus.envelope import Record
from voxcart.bus.errors import BusClosed, BusUnavailable, MessageTooLarge
from voxcart.bus.metrics import PUBLISH_FAILURES_TOTAL, PUBLISH_SECONDS
from voxcart.bus.topics import DEFAULT_PARTITIONS, Topic, partition_for

MAX_VALUE_BYTES = 1_000_000


class MemoryBroker:
    """Logs of all partitions, committed offsets and group members. Use from one event loop."""

    def __init__(self, num_partitions: int = DEFAULT_PARTITIONS) -> None:
        self.num_partitions = num_partitions
        self.is_up = True
        self.logs: dict[TopicPartition, list[Record]] = defaultdict(list)
        self.commits: dict[str, dict[TopicPartition, int]] = defaultdict(dict)
        self.members: dict[str, list[MemoryGroupReader]] = defaultdict(list)
        self.wake = asyncio.Event()
        self.num_losses = 0

    def lose_data(self) -> None:
        """Forgets all records and commits, like a broker in memory that was restarted."""
        self.num_losses += 1
        self.logs.clear()
        self.commits.clear()

    def append(self, record: Record) -> Position:
        """Stores a record at the end of its partition."""
        place = TopicPartition(record.topic, record.partition)
        log = self.logs[place]
        stored = Record(*place, len(log), record.key, record.value, record.headers, record.timestamp_ms)
        log.append(stored)
        self.notify()
        return Position(*place, stored.offset)

    def notify(self) -> None:
        """Wakes every waiting reader."""
        self.wake.set()
        self.wake = asyncio.Event()

    def check_up(self) -> None:
        """
        Raises:
            BusUnavailable: The broker is down.
        """
        if not self.is_up:
            raise BusUnavailable("the broker does not answer")

    def shares(self, group: str) -> dict["MemoryGroupReader", set[TopicPartition]]:
        """Partitions of each member: round robin over the members in the order they joined."""
        members = self.members[group]
        shares: dict[MemoryGroupReader, set[TopicPartition]] = {member: set() for member in members}
        for partition in range(self.num_partitions):
            member = members[partition % len(members)]
            shares[member] |= {TopicPartition(topic.name, partition) for topic in member.topics}
        return shares


class _MemoryReader:
    """Positions over the broker's logs, shared by both kinds of reader."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self._positions: dict[TopicPartition, int] = {}
        self._known_losses = broker.num_losses
        self.num_losses = 0

    def _resolve(self, place: TopicPartition, start: int) -> int:
        return {BEGINNING: 0, END: len(self._broker.logs[place])}.get(start, start)

    def _ready(self, max_records: int) -> list[Record]:
        records: list[Record] = []
        if not self._broker.is_up:
            return records
        if self._known_losses != self._broker.num_losses:
            self._known_losses = self._broker.num_losses
            self.num_losses += 1
            self._positions = dict.fromkeys(self._positions, 0)
        for place, position in self._positions.items():
            log = self._broker.logs[place]
            batch = log[position : position + max_records - len(records)]
            self._positions[place] = position + len(batch)
            records += batch
        return records

    async def _next(self, max_records: int, timeout_s: float) -> list[Record]:
        give_up_at = time.monotonic() + timeout_s
        while True:
            wake = self._broker.wake
            records = self._ready(max_records)
            left = give_up_at - time.monotonic()
            if records or left <= 0:
                return records
            try:
                async with asyncio.timeout(left):  # unlike wait_for of Python 3.11 it never loses a cancellation
                    await wake.wait()
            except TimeoutError:
                return []

    async def lag(self) -> dict[TopicPartition, int]:
        self._broker.check_up()
        return {place: len(self._broker.logs[place]) - at for place, at in self._positions.items()}


class MemoryAssignedReader(_MemoryReader, AssignedReader):
    """See :class:`~voxcart.bus.base.AssignedReader`."""

    async def start(self) -> None:
        self._broker.check_up()

    async def assign(self, starts: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        self._broker.check_up()
        resolved = {place: self._resolve(place, start) for place, start in starts.items()}
        self._positions.update(resolved)
        self._broker.notify()
        return resolved

    async def unassign(self, partitions: Collection[TopicPartition]) -> None:
        for place in partitions:
            self._positions.pop(place, None)

    async def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        return await self._next(max_records, timeout_s)

    async def aclose(self) -> None:
        self._positions.clear()


class MemoryGroupReader(_MemoryReader, GroupReader):
    """See :class:`~voxcart.bus.base.GroupReader`. Rebalances at ``poll`` after a member came or went."""

    def __init__(
        self, broker: MemoryBroker, group: str, topics: Sequence[Topic], assigned: Assigned, revoked: Revoked
    ) -> None:
        super().__init__(broker)
        self.topics = tuple(topics)
        self._group = group
        self._assigned = assigned
        self._revoked = revoked

    async def start(self) -> None:
        self._broker.check_up()
        self._broker.members[self._group].append(self)
        await self._rebalance()
        self._broker.notify()

    async def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        await self._rebalance()
        return await self._next(max_records, timeout_s)

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        self._broker.check_up()
        if self not in self._broker.members[self._group] or offsets.keys() - self._positions.keys():
            raise BusUnavailable("the partitions are no longer this member's")
        self._broker.commits[self._group].update(offsets)

    async def aclose(self) -> None:
        self.leave()

    def leave(self) -> None:
        """Leaves the group without a commit."""
        members = self._broker.members[self._group]
        if self in members:
            members.remove(self)
        self._positions.clear()
        self._broker.notify()

    async def _rebalance(self) -> None:
        if self not in self._broker.members[self._group]:
            return
        share = self._broker.shares(self._group)[self]
        lost = self._positions.keys() - share
        if lost:
            await self._revoked(lost)
            for place in lost:
                self._positions.pop(place, None)
        held_by_others = {
            place for member in self._broker.members[self._group] if member is not self for place in member._positions
        }
        gained = share - self._positions.keys() - held_by_others
        if gained:
            commits = self._broker.commits[self._group]
            starts = {place: commits.get(place, 0) for place in sorted(gained)}
            starts.update(await self._assigned(starts))
            self._positions.update(starts)


class MemoryBus(Bus):
    """A connection to a :class:`MemoryBroker`."""

    def __init__(self, broker: MemoryBroker, client_id: str, publish_timeout_s: float = 30.0) -> None:
        super().__init__(client_id, broker.num_partitions)
        self._broker = broker
        self._publish_timeout_s = publish_timeout_s
        self._readers: list[MemoryGroupReader] = []
        self._is_open = False

    async def start(self) -> None:
        self._broker.check_up()
        self._is_open = True

    async def aclose(self) -> None:
        self._is_open = False

    def kill(self) -> None:
        """Drops the connection without commit or farewell."""
        self._is_open = False
        for reader in self._readers:
            reader.leave()

    async def ensure_topics(self) -> None:
        self._broker.check_up()

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
        started = time.monotonic()
        limit_s = self._publish_timeout_s if timeout_s is None else timeout_s
        while not self._broker.is_up:
            if time.monotonic() - started >= limit_s:
                PUBLISH_FAILURES_TOTAL.labels(topic).inc()
                raise BusUnavailable(f"the broker did not take an event for {topic} in {limit_s:g} s")
            await asyncio.sleep(0.01)
        if partition is None:
            partition = partition_for(key or b"", self.num_partitions)
        record = Record(topic, partition, 0, key, value, tuple(headers), time.time_ns() // 1_000_000)
        position = self._broker.append(record)
        PUBLISH_SECONDS.labels(topic).observe(time.monotonic() - started)
        return position

    async def end_offsets(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        self._broker.check_up()
        return {place: len(self._broker.logs[place]) for place in partitions}

    def group_reader(
        self, group: str, topics: Sequence[Topic], assigned: Assigned, revoked: Revoked
    ) -> MemoryGroupReader:
        reader = MemoryGroupReader(self._broker, group, topics, assigned, revoked)
        self._readers.append(reader)
        return reader

    def assigned_reader(self) -> MemoryAssignedReader:
        return MemoryAssignedReader(self._broker)

    async def is_reachable(self, timeout_s: float = 2.0) -> bool:
        return self._broker.is_up
