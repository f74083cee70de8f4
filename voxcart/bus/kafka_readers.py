"""Readers of the Kafka bus: one that shares a group's partitions, one that reads what it is told to."""

import asyncio
import time
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, errors
from aiokafka import TopicPartition as KafkaPartition

from voxcart.bus.base import (
    BEGINNING,
    END,
    Assigned,
    AssignedReader,
    GroupReader,
    Reader,
    Revoked,
    TopicPartition,
)
from voxcart.bus.envelope import Record
from voxcart.bus.errors import BusUnavailable
from voxcart.bus.kafka_client import REQUEST_TIMEOUT_S, as_record, ask, bus_partition, kafka_partition, stop
from voxcart.bus.topics import Topic
from voxcart.telemetry.logs import get_logger

if TYPE_CHECKING:
    from voxcart.bus.kafka import KafkaBus

log = get_logger(__name__)

_CHECK_POSITIONS_S = 10.0


class _KafkaReader(Reader):
    """An aiokafka consumer behind the reader interface."""

    def __init__(self, bus: "KafkaBus", group: str | None) -> None:
        options = bus.options
        self._bus = bus
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=options.bootstrap_servers,
            client_id=f"voxcart-{bus.client_id}",
            group_id=group,
            group_instance_id=f"{group}-{options.member}" if group and options.member else None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=options.long_poll_ms,
            request_timeout_ms=int(REQUEST_TIMEOUT_S * 1000),
            session_timeout_ms=int(options.session_timeout_s * 1000),
            heartbeat_interval_ms=int(options.session_timeout_s * 1000 / 4),
            max_poll_interval_ms=600_000,
            metadata_max_age_ms=30_000,
        )
        self._is_started = False
        self._check_at = 0.0

    async def lag(self) -> dict[TopicPartition, int]:
        places = [bus_partition(place) for place in self._consumer.assignment()]
        ends = await self._bus.end_offsets(places)
        lags = {}
        for place in places:
            position = await ask(self._consumer.position(kafka_partition(place)), "tell a position")
            lags[place] = max(0, ends[place] - position)
        return lags

    async def aclose(self) -> None:
        if self._is_started:
            self._is_started = False
            await stop(self._consumer)

    async def _start_consumer(self) -> None:
        await self._bus.wait_reachable()
        self._is_started = True
        await ask(self._consumer.start(), "take a consumer", self._bus.options.start_timeout_s)

    async def _get(self, max_records: int, timeout_s: float) -> list[Record]:
        await self._check_positions()
        try:
            batches = await self._consumer.getmany(timeout_ms=int(timeout_s * 1000), max_records=max_records)
        except errors.KafkaError as error:
            log.warning("fetch failed", error=type(error).__name__)
            await asyncio.sleep(min(timeout_s, 0.5))
            return []
        return [as_record(one) for batch in batches.values() for one in batch]

    async def _check_positions(self) -> None:
        """A topic that was deleted and made anew counts from 0: a position behind its end is put back to its start."""
        if time.monotonic() < self._check_at:
            return
        self._check_at = time.monotonic() + _CHECK_POSITIONS_S
        try:
            behind = [place for place, lag in (await self._overshoot()).items() if lag > 0]
        except BusUnavailable:
            return
        if behind:
            log.warning("topics were made anew, reading them from the start", partitions=len(behind))
            self.num_losses += 1
            await ask(self._consumer.seek_to_beginning(*map(kafka_partition, behind)), "seek")

    async def _overshoot(self) -> dict[TopicPartition, int]:
        places = [bus_partition(place) for place in self._consumer.assignment()]
        if not places:
            return {}
        ends = await self._bus.end_offsets(places)
        return {
            place: await ask(self._consumer.position(kafka_partition(place)), "tell a position") - ends[place]
            for place in places
        }


class KafkaGroupReader(_KafkaReader, GroupReader, ConsumerRebalanceListener):
    """See :class:`~voxcart.bus.base.GroupReader`."""

    def __init__(
        self, bus: "KafkaBus", group: str, topics: Sequence[Topic], assigned: Assigned, revoked: Revoked
    ) -> None:
        super().__init__(bus, group)
        self._group = group
        self._topics = tuple(topics)
        self._assigned = assigned
        self._revoked = revoked
        self._settled: set[TopicPartition] = set()
        self._failure: Exception | None = None

    async def start(self) -> None:
        self._consumer.subscribe([topic.name for topic in self._topics], listener=self)
        await self._start_consumer()

    async def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        records = await self._get(max_records, timeout_s)
        if self._failure is not None:
            raise self._failure
        return [record for record in records if TopicPartition(record.topic, record.partition) in self._settled]

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        await ask(self._consumer.commit({kafka_partition(place): at for place, at in offsets.items()}), "take a commit")

    async def on_partitions_assigned(self, assigned: set[KafkaPartition]) -> None:
        """Called by aiokafka after a rebalance.

        aiokafka may hand out records while this still runs; ``poll`` drops them, and the seek at the end brings them
        again.
        """
        self._check_at = time.monotonic() + _CHECK_POSITIONS_S
        try:
            starts = await self._agree_on_starts(sorted(assigned))
        except Exception as error:
            self._failure = error
            raise
        for place, start in starts.items():
            self._consumer.seek(kafka_partition(place), start)
        self._settled.update(starts)

    async def on_partitions_revoked(self, revoked: set[KafkaPartition]) -> None:
        """Called by aiokafka before a rebalance."""
        self._settled.clear()
        if revoked:
            await self._revoked([bus_partition(place) for place in revoked])

    async def _agree_on_starts(self, assigned: Sequence[KafkaPartition]) -> dict[TopicPartition, int]:
        """Where to begin: at the committed offset (the oldest record if there is none) unless the owner says other."""
        while True:
            try:
                starts: dict[TopicPartition, int] = {}
                for place in assigned:
                    starts[bus_partition(place)] = await ask(self._consumer.committed(place), "tell a commit") or 0
                starts.update(await self._assigned(starts))
                return starts
            except BusUnavailable as error:
                log.warning("assignment waits for the broker", group=self._group, reason=str(error))
                await asyncio.sleep(0.5)


class KafkaAssignedReader(_KafkaReader, AssignedReader):
    """See :class:`~voxcart.bus.base.AssignedReader`. Changes of the assignment take effect between two fetches."""

    def __init__(self, bus: "KafkaBus") -> None:
        super().__init__(bus, None)
        self._positions: dict[TopicPartition, int] = {}
        self._ready: deque[Record] = deque()
        self._is_changed = False
        self._wake = asyncio.Event()

    async def start(self) -> None:
        await self._start_consumer()

    async def assign(self, starts: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        resolved = dict(starts)
        for special in (BEGINNING, END):
            places = [place for place, start in starts.items() if start == special]
            if places:
                resolved.update(await self._bus.resolve_offsets(places, special))
        self._positions.update(resolved)
        self._change()
        return resolved

    async def unassign(self, partitions: Collection[TopicPartition]) -> None:
        for place in partitions:
            self._positions.pop(place, None)
        self._ready = deque(r for r in self._ready if TopicPartition(r.topic, r.partition) in self._positions)
        self._change()

    async def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        if self._is_changed:
            self._apply()
        if not self._positions:
            await self._wait_for_change(timeout_s)
            return []
        for record in await self._get_until_change(max_records, timeout_s):
            place = TopicPartition(record.topic, record.partition)
            if place in self._positions:
                self._positions[place] = record.offset + 1
                self._ready.append(record)
        records, self._ready = list(self._ready), deque()
        return records

    def _change(self) -> None:
        self._is_changed = True
        self._wake.set()

    def _apply(self) -> None:
        """Gives aiokafka the whole new assignment; it forgets positions, so they are set again."""
        self._is_changed = False
        self._wake.clear()
        if not self._positions:
            self._consumer.unsubscribe()
            return
        self._consumer.assign([kafka_partition(place) for place in self._positions])
        for place, position in self._positions.items():
            self._consumer.seek(kafka_partition(place), position)
        self._check_at = time.monotonic() + _CHECK_POSITIONS_S

    async def _wait_for_change(self, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _get_until_change(self, max_records: int, timeout_s: float) -> list[Record]:
        """Fetches, but returns early when the assignment changes; a cancelled call leaves its records with aiokafka."""
        fetching = asyncio.create_task(self._get(max_records, timeout_s), name="fetch")
        waking = asyncio.create_task(self._wake.wait(), name="assignment change")
        try:
            await asyncio.wait({fetching, waking}, return_when=asyncio.FIRST_COMPLETED)
            return fetching.result() if fetching.done() else []
        finally:
            for task in (fetching, waking):
                task.cancel()
            await asyncio.gather(fetching, waking, return_exceptions=True)
