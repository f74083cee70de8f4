"""The bus on Apache Kafka, with aiokafka: idempotent producer, consumer groups, long polls woken by data."""

import asyncio
import random
import time
from collections import deque
from collections.abc import Awaitable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, errors
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.structs import ConsumerRecord

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
from voxcart.bus.envelope import Record
from voxcart.bus.errors import BusClosed, BusUnavailable, MessageTooLarge
from voxcart.bus.metrics import PUBLISH_FAILURES_TOTAL, PUBLISH_SECONDS
from voxcart.bus.topics import DEFAULT_PARTITIONS, TOPICS, Topic, partition_for
from voxcart.telemetry.logs import get_logger

log = get_logger(__name__)

Answer = TypeVar("Answer")

_REQUEST_TIMEOUT_S = 10.0
_MAX_REQUEST_BYTES = 1_000_000
_CHECK_POSITIONS_S = 10.0


@dataclass(frozen=True, slots=True)
class KafkaOptions:
    """How to reach and use the cluster.

    Attributes:
        bootstrap_servers: host:port[,host:port...].
        num_partitions: Partitions that new topics get.
        replication: Copies of new topics; at most the number of brokers is used.
        start_timeout_s: How long ``start`` waits for the cluster.
        publish_timeout_s: How long ``publish`` tries unless told otherwise.
        session_timeout_s: After how long without a sign of life a member's partitions go to others. The broker's
            lower bound is 6 s by default.
        member: Name of this process that stays the same over restarts (e.g. a StatefulSet pod's name). With it a
            restarted process gets its partitions back at once (static membership).
        long_poll_ms: How long the broker may hold a fetch until data comes.
    """

    bootstrap_servers: str
    num_partitions: int = DEFAULT_PARTITIONS
    replication: int = 3
    start_timeout_s: float = 120.0
    publish_timeout_s: float = 30.0
    session_timeout_s: float = 6.0
    member: str | None = None
    long_poll_ms: int = 500


async def _ask(answer: Awaitable[Answer], what: str, timeout_s: float = _REQUEST_TIMEOUT_S) -> Answer:
    """Waits for an answer of the cluster.

    Raises:
        BusUnavailable: None came in time.
    """
    try:
        async with asyncio.timeout(timeout_s):
            return await answer
    except (errors.KafkaError, OSError, TimeoutError) as error:
        raise BusUnavailable(f"Kafka did not {what}: {type(error).__name__}") from error


async def _stop(client: AIOKafkaConsumer | AIOKafkaProducer) -> None:
    """Stops a client of aiokafka, for at most the request time-out; what goes wrong is logged.

    Runs as a task after one turn of the loop, because aiokafka lets a cancellation out of ``stop`` when a task of its
    own had not begun yet.
    """
    await asyncio.sleep(0)
    stopping = asyncio.create_task(client.stop(), name="stop a Kafka client")
    _, late = await asyncio.wait({stopping}, timeout=_REQUEST_TIMEOUT_S)
    if late:
        stopping.cancel()
        await asyncio.wait({stopping}, timeout=1.0)
        log.warning("a Kafka client did not stop in time")
    elif stopping.cancelled() or stopping.exception() is not None:
        log.warning("a Kafka client did not stop cleanly")


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
            request_timeout_ms=int(_REQUEST_TIMEOUT_S * 1000),
            session_timeout_ms=int(options.session_timeout_s * 1000),
            heartbeat_interval_ms=int(options.session_timeout_s * 1000 / 4),
            max_poll_interval_ms=600_000,
            metadata_max_age_ms=30_000,
        )
        self._is_started = False
        self._check_at = 0.0

    async def lag(self) -> dict[TopicPartition, int]:
        places = [_ours(place) for place in self._consumer.assignment()]
        ends = await self._bus.end_offsets(places)
        lags = {}
        for place in places:
            position = await _ask(self._consumer.position(_theirs(place)), "tell a position")
            lags[place] = max(0, ends[place] - position)
        return lags

    async def aclose(self) -> None:
        if self._is_started:
            self._is_started = False
            await _stop(self._consumer)

    async def _start_consumer(self) -> None:
        await self._bus.wait_reachable()
        self._is_started = True
        await _ask(self._consumer.start(), "take a consumer", self._bus.options.start_timeout_s)

    async def _get(self, max_records: int, timeout_s: float) -> list[Record]:
        await self._check_positions()
        try:
            batches = await self._consumer.getmany(timeout_ms=int(timeout_s * 1000), max_records=max_records)
        except errors.KafkaError as error:
            log.warning("fetch failed", error=type(error).__name__)
            await asyncio.sleep(min(timeout_s, 0.5))
            return []
        return [_record(one) for batch in batches.values() for one in batch]

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
            await _ask(self._consumer.seek_to_beginning(*map(_theirs, behind)), "seek")

    async def _overshoot(self) -> dict[TopicPartition, int]:
        places = [_ours(place) for place in self._consumer.assignment()]
        if not places:
            return {}
        ends = await self._bus.end_offsets(places)
        return {
            place: await _ask(self._consumer.position(_theirs(place)), "tell a position") - ends[place]
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
        await _ask(self._consumer.commit({_theirs(place): at for place, at in offsets.items()}), "take a commit")

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
            self._consumer.seek(_theirs(place), start)
        self._settled.update(starts)

    async def on_partitions_revoked(self, revoked: set[KafkaPartition]) -> None:
        """Called by aiokafka before a rebalance."""
        self._settled.clear()
        if revoked:
            await self._revoked([_ours(place) for place in revoked])

    async def _agree_on_starts(self, assigned: Sequence[KafkaPartition]) -> dict[TopicPartition, int]:
        """Where to begin: at the committed offset (the oldest record if there is none) unless the owner says other."""
        while True:
            try:
                starts: dict[TopicPartition, int] = {}
                for place in assigned:
                    starts[_ours(place)] = await _ask(self._consumer.committed(place), "tell a commit") or 0
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
        self._consumer.assign([_theirs(place) for place in self._positions])
        for place, position in self._positions.items():
            self._consumer.seek(_theirs(place), position)
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


class KafkaBus(Bus):
    """A connection to an Apache Kafka cluster."""

    def __init__(self, options: KafkaOptions, client_id: str) -> None:
        super().__init__(client_id, options.num_partitions)
        self.options = options
        self._producer: AIOKafkaProducer | None = None
        self._probe: AIOKafkaConsumer | None = None
        self._probing = asyncio.Lock()

    async def start(self) -> None:
        await self.wait_reachable()
        producer = AIOKafkaProducer(
            bootstrap_servers=self.options.bootstrap_servers,
            client_id=f"voxcart-{self.client_id}",
            acks="all",
            enable_idempotence=True,
            max_request_size=_MAX_REQUEST_BYTES + 16_384,
            request_timeout_ms=int(_REQUEST_TIMEOUT_S * 1000),
            metadata_max_age_ms=30_000,
        )
        try:
            await _ask(producer.start(), "take a producer", self.options.start_timeout_s)
        except BusUnavailable:
            await _stop(producer)
            raise
        self._producer = producer

    async def aclose(self) -> None:
        producer, self._producer = self._producer, None
        probe, self._probe = self._probe, None
        if producer is not None:
            await _stop(producer)
        if probe is not None:
            await _stop(probe)

    async def wait_reachable(self) -> None:
        """Waits for the cluster and creates missing topics.

        Raises:
            BusUnavailable: It did not answer within the start time.
        """
        give_up_at = time.monotonic() + self.options.start_timeout_s
        while True:
            try:
                await self.ensure_topics()
                return
            except BusUnavailable:
                if time.monotonic() >= give_up_at:
                    raise
            await asyncio.sleep(0.5)

    async def ensure_topics(self) -> None:
        admin = AIOKafkaAdminClient(
            bootstrap_servers=self.options.bootstrap_servers,
            client_id=f"voxcart-{self.client_id}",
            request_timeout_ms=int(_REQUEST_TIMEOUT_S * 1000),
        )
        try:
            await _ask(admin.start(), "answer")
            there = set(await _ask(admin.list_topics(), "list topics"))
            missing = [topic for topic in TOPICS if topic.name not in there]
            if missing:
                cluster = await _ask(admin.describe_cluster(), "describe itself")
                copies = max(1, min(self.options.replication, len(cluster["brokers"])))
                response = await _ask(
                    admin.create_topics([self._new_topic(topic, copies) for topic in missing]), "create topics"
                )
                _check_created(response.topic_errors)
        finally:
            await admin.close()

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
        if self._producer is None:
            raise BusClosed("the bus is not started, or closed")
        if len(value) > _MAX_REQUEST_BYTES:
            raise MessageTooLarge(f"{len(value)} bytes are over the limit of {_MAX_REQUEST_BYTES} for {topic}")
        if partition is None:
            partition = partition_for(key or b"", self.num_partitions)
        started = time.monotonic()
        limit_s = self.options.publish_timeout_s if timeout_s is None else timeout_s
        try:
            async with asyncio.timeout(limit_s):
                stored = await self._send(topic, key, value, headers, partition)
        except TimeoutError as error:
            PUBLISH_FAILURES_TOTAL.labels(topic).inc()
            raise BusUnavailable(f"the broker did not take an event for {topic} in {limit_s:g} s") from error
        PUBLISH_SECONDS.labels(topic).observe(time.monotonic() - started)
        return stored

    async def _send(self, topic: str, key: bytes | None, value: bytes, headers: Headers, partition: int) -> Position:
        pause_s = 0.1
        while self._producer is not None:
            try:
                stored = await self._producer.send_and_wait(
                    topic, value, key=key, partition=partition, headers=list(headers)
                )
                return Position(stored.topic, stored.partition, stored.offset)
            except errors.MessageSizeTooLargeError as error:
                raise MessageTooLarge(f"the broker takes no {len(value)} bytes for {topic}") from error
            except errors.KafkaError as error:
                log.warning("publishing failed, trying again", topic=topic, error=type(error).__name__)
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))
            pause_s = min(pause_s * 2, 2.0)
        raise BusClosed("the bus was closed while publishing")

    async def end_offsets(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        return await self.resolve_offsets(partitions, END)

    async def resolve_offsets(self, places: Collection[TopicPartition], which: int) -> dict[TopicPartition, int]:
        """Offsets of the beginnings or ends of partitions.

        Raises:
            BusUnavailable: The cluster did not answer.
        """
        if not places:
            return {}
        probe = await self._started_probe()
        theirs = [_theirs(place) for place in places]
        asked = probe.end_offsets(theirs) if which == END else probe.beginning_offsets(theirs)
        return {_ours(place): offset for place, offset in (await _ask(asked, "tell offsets")).items()}

    async def _started_probe(self) -> AIOKafkaConsumer:
        """A consumer without group that only asks for offsets, on a connection that no long poll holds up."""
        async with self._probing:
            if self._probe is None:
                probe = AIOKafkaConsumer(
                    bootstrap_servers=self.options.bootstrap_servers,
                    client_id=f"voxcart-{self.client_id}-offsets",
                    request_timeout_ms=int(_REQUEST_TIMEOUT_S * 1000),
                    metadata_max_age_ms=30_000,
                )
                try:
                    await _ask(probe.start(), "take a consumer")
                except BusUnavailable:
                    await _stop(probe)
                    raise
                self._probe = probe
            return self._probe

    def group_reader(
        self, group: str, topics: Sequence[Topic], assigned: Assigned, revoked: Revoked
    ) -> KafkaGroupReader:
        return KafkaGroupReader(self, group, topics, assigned, revoked)

    def assigned_reader(self) -> KafkaAssignedReader:
        return KafkaAssignedReader(self)

    async def is_reachable(self, timeout_s: float = 2.0) -> bool:
        try:
            async with asyncio.timeout(timeout_s):
                await self.end_offsets([TopicPartition(TOPICS[0].name, 0)])
        except (BusUnavailable, TimeoutError):
            return False
        return True

    def _new_topic(self, topic: Topic, copies: int) -> NewTopic:
        config = {"cleanup.policy": "compact"} if topic.compacted else {"retention.ms": str(topic.retention_ms)}
        return NewTopic(topic.name, self.num_partitions, copies, topic_configs=config)


def _check_created(results: Sequence[Sequence[object]]) -> None:
    for name, code, *_ in results:
        if code not in (0, errors.TopicAlreadyExistsError.errno):
            raise BusUnavailable(f"the broker did not create {name}: {errors.for_code(code).__name__}")


def _theirs(place: TopicPartition) -> KafkaPartition:
    return KafkaPartition(place.topic, place.partition)


def _ours(place: KafkaPartition) -> TopicPartition:
    return TopicPartition(place.topic, place.partition)


def _record(one: ConsumerRecord) -> Record:
    headers = tuple((name, value or b"") for name, value in one.headers)
    return Record(one.topic, one.partition, one.offset, one.key, one.value, headers, one.timestamp)
