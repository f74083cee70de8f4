"""The interface of a bus: publishing, and the readers that workers are built on.

``Bus`` has a Kafka form (:mod:`voxcart.bus.kafka`) and an in-memory one (:mod:`voxcart.bus.memory`). Services use
:class:`~voxcart.bus.worker.SessionWorker`, :class:`~voxcart.bus.utterances.UtteranceWorker`,
:class:`~voxcart.bus.readers.BroadcastReader` and :class:`~voxcart.bus.readers.ReturnReader`, which are the same for
every broker.
"""

import asyncio
import itertools
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from types import TracebackType
from typing import Any, NamedTuple, Self

from voxcart.bus.envelope import SCHEMA, Message, Record, current_traceparent, decode
from voxcart.bus.errors import UndecodableMessage
from voxcart.bus.metrics import UNDECODABLE_TOTAL
from voxcart.bus.topics import DEAD_LETTER, DEFAULT_PARTITIONS, Topic, partition_for
from voxcart.telemetry.trace import new_traceparent
from voxcart_api.bus.v1.bus_pb2 import DeadLetter, Envelope

MAX_DEAD_LETTER_BYTES = 65_536

BEGINNING = -2
"""As a start offset: the oldest record there is."""
END = -1
"""As a start offset: behind the newest record."""


class TopicPartition(NamedTuple):
    """A partition by topic name and index."""

    topic: str
    partition: int


class Position(NamedTuple):
    """Where a record was stored."""

    topic: str
    partition: int
    offset: int


Headers = Sequence[tuple[str, bytes]]
Assigned = Callable[[Mapping[TopicPartition, int]], Awaitable[Mapping[TopicPartition, int]]]
"""Told the partitions a group reader got, with the offsets it will start at; returns offsets that differ."""
Revoked = Callable[[Collection[TopicPartition]], Awaitable[None]]


async def run_until(stopping: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Runs ``work`` until it ends, fails (its error is raised) or ``stopping`` is set (it is cancelled)."""
    working = asyncio.create_task(work, name="until stopped")
    waiting = asyncio.create_task(stopping.wait(), name="stop")
    try:
        await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
    finally:
        working.cancel()
        waiting.cancel()
        await asyncio.gather(working, waiting, return_exceptions=True)


class Reader(ABC):
    """Reads records of partitions. Not safe for concurrent ``poll``.

    Attributes:
        num_losses: How often the broker lost its log while this reader was at it; each time it went on from offset 0.
    """

    num_losses: int = 0

    @abstractmethod
    async def start(self) -> None:
        """Connects. Waits for the broker up to the bus's start time.

        Raises:
            BusUnavailable: The broker did not answer.
        """

    @abstractmethod
    async def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        """The next records, in order within each partition; empty after ``timeout_s`` without any.

        While the broker is away it waits like for an empty topic, and goes on where it was when it is back. A cancelled
        call loses no record.
        """

    @abstractmethod
    async def lag(self) -> dict[TopicPartition, int]:
        """Records between the reader's position and the end, for each partition it reads."""

    @abstractmethod
    async def aclose(self) -> None:
        """Stops reading. Commits nothing."""


class GroupReader(Reader):
    """Reads the partitions of its share of topics as a member of a consumer group."""

    @abstractmethod
    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Stores for each partition the offset of the first record that is not finished.

        Raises:
            BusUnavailable: The broker did not answer or the partitions are no longer this reader's.
        """


class AssignedReader(Reader):
    """Reads exactly the partitions it is told to; belongs to no group."""

    @abstractmethod
    async def assign(self, starts: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """Adds partitions to read, each from an offset, :data:`BEGINNING` or :data:`END`.

        Returns:
            The offset that each starts at. Everything stored from then on is seen.
        """

    @abstractmethod
    async def unassign(self, partitions: Collection[TopicPartition]) -> None:
        """Stops reading these partitions."""


class Bus(ABC):
    """Publishes events and makes readers. One per process; closed by who opened it (``async with``).

    Attributes:
        client_id: Name of the service, sent as header ``producer``.
        num_partitions: Partitions of every session topic.
    """

    def __init__(self, client_id: str, num_partitions: int = DEFAULT_PARTITIONS) -> None:
        self.client_id = client_id
        self.num_partitions = num_partitions
        self._sequence = itertools.count()

    @abstractmethod
    async def start(self) -> None:
        """Connects and creates the topics.

        Raises:
            BusUnavailable: The broker did not answer within the start time.
        """

    @abstractmethod
    async def aclose(self) -> None:
        """Sends what is buffered and disconnects. Close readers first."""

    @abstractmethod
    async def ensure_topics(self) -> None:
        """Creates the topics that are not there. Safe from several processes at once."""

    @abstractmethod
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
        """Stores a value as it is; see :meth:`publish`."""

    @abstractmethod
    async def end_offsets(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """For each partition the offset that the next record will get.

        Raises:
            BusUnavailable: The broker did not answer.
        """

    @abstractmethod
    def group_reader(self, group: str, topics: Sequence[Topic], assigned: Assigned, revoked: Revoked) -> GroupReader:
        """A reader that shares the topics with the other members of the group; not started yet."""

    @abstractmethod
    def assigned_reader(self) -> AssignedReader:
        """A reader of partitions of one's choice; not started yet."""

    @abstractmethod
    async def is_reachable(self, timeout_s: float = 2.0) -> bool:
        """Whether the broker answers now."""

    async def publish(self, topic: Topic, key: str, envelope: Envelope, *, timeout_s: float | None = None) -> Position:
        """Stores an event; returns when the broker has it (all in-sync replicas).

        Retries with growing, jittered pauses while the broker is away. Events of one key keep the order in which
        ``publish`` was called and awaited. An event may be stored twice when an answer got lost: consumers recognise
        it by ``event_id``.

        Args:
            topic: Where to.
            key: ``session_id`` on session topics; decides the partition.
            timeout_s: How long to try. Default: the bus's ``publish_timeout_s`` (30 s).

        Raises:
            BusUnavailable: Not acknowledged in time.
            MessageTooLarge: Over the broker's limit.
        """
        traceparent = current_traceparent.get() or new_traceparent()
        return await self.publish_bytes(
            topic.name,
            key.encode(),
            envelope.SerializeToString(),
            headers=self._headers(traceparent),
            timeout_s=timeout_s,
        )

    async def publish_dead_letter(self, record: Record, reason: str, consumer: str) -> Position:
        """Puts a record that could not be handled on the dead-letter topic, with the reason."""
        letter = DeadLetter(
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            key=record.key or b"",
            value=(record.value or b"")[:MAX_DEAD_LETTER_BYTES],
            reason=reason,
            consumer=consumer,
        )
        event_id = f"dead-letter/{consumer}/{record.topic}/{record.partition}/{record.offset}"
        envelope = Envelope(event_id=event_id, dead_letter=letter)
        envelope.occurred_at.GetCurrentTime()
        trace = dict(record.headers).get("traceparent", b"").decode(errors="replace")
        return await self.publish_bytes(
            DEAD_LETTER.name,
            record.key,
            envelope.SerializeToString(),
            headers=self._headers(trace or new_traceparent()),
        )

    async def read_from(
        self, topic: Topic, partition: int, offset: int, end: int | None = None
    ) -> AsyncIterator[Message]:
        """The messages of one partition from ``offset`` up to, not including, ``end`` (default: the end as of now).

        Undecodable records are counted and left out.

        Raises:
            BusUnavailable: The broker did not answer.
        """
        place = TopicPartition(topic.name, partition)
        limit = (await self.end_offsets([place]))[place] if end is None else end
        if offset >= limit:
            return
        reader = self.assigned_reader()
        try:
            await reader.start()
            position = (await reader.assign({place: offset}))[place]
            while position < limit:
                records = await reader.poll(500, 5.0)
                if not records:
                    return
                for record in records:
                    position = record.offset + 1
                    if record.offset >= limit:
                        return
                    try:
                        yield decode(record)
                    except UndecodableMessage:
                        UNDECODABLE_TOTAL.labels(record.topic).inc()
        finally:
            await reader.aclose()

    def partition_for(self, key: str) -> int:
        """The partition of ``key`` on the session topics."""
        return partition_for(key, self.num_partitions)

    def _headers(self, traceparent: str) -> Headers:
        return (
            ("traceparent", traceparent.encode()),
            ("schema", SCHEMA.encode()),
            ("producer", self.client_id.encode()),
            ("sent-at", str(time.time_ns() // 1_000_000).encode()),
            ("sequence", str(next(self._sequence)).encode()),
        )

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
