"""The bus on Apache Kafka, with aiokafka: idempotent producer, consumer groups, long polls woken by data."""

import asyncio
import random
import time
from collections.abc import Collection, Sequence

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, errors
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from voxcart.bus.base import (
    END,
    Assigned,
    Bus,
    Headers,
    Position,
    Revoked,
    TopicPartition,
)
from voxcart.bus.errors import BusClosed, BusUnavailable, MessageTooLarge
from voxcart.bus.kafka_client import REQUEST_TIMEOUT_S, KafkaOptions, ask, bus_partition, kafka_partition, stop
from voxcart.bus.kafka_readers import KafkaAssignedReader, KafkaGroupReader
from voxcart.bus.metrics import PUBLISH_FAILURES_TOTAL, PUBLISH_SECONDS
from voxcart.bus.topics import TOPICS, Topic, partition_for
from voxcart.telemetry.logs import get_logger

log = get_logger(__name__)

_MAX_REQUEST_BYTES = 1_000_000


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
            request_timeout_ms=int(REQUEST_TIMEOUT_S * 1000),
            metadata_max_age_ms=30_000,
        )
        try:
            await ask(producer.start(), "take a producer", self.options.start_timeout_s)
        except BusUnavailable:
            await stop(producer)
            raise
        self._producer = producer

    async def aclose(self) -> None:
        producer, self._producer = self._producer, None
        probe, self._probe = self._probe, None
        if producer is not None:
            await stop(producer)
        if probe is not None:
            await stop(probe)

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
            request_timeout_ms=int(REQUEST_TIMEOUT_S * 1000),
        )
        try:
            await ask(admin.start(), "answer")
            there = set(await ask(admin.list_topics(), "list topics"))
            missing = [topic for topic in TOPICS if topic.name not in there]
            if missing:
                cluster = await ask(admin.describe_cluster(), "describe itself")
                copies = max(1, min(self.options.replication, len(cluster["brokers"])))
                response = await ask(
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
        theirs = [kafka_partition(place) for place in places]
        asked = probe.end_offsets(theirs) if which == END else probe.beginning_offsets(theirs)
        return {bus_partition(place): offset for place, offset in (await ask(asked, "tell offsets")).items()}

    async def _started_probe(self) -> AIOKafkaConsumer:
        """A consumer without group that only asks for offsets, on a connection that no long poll holds up."""
        async with self._probing:
            if self._probe is None:
                probe = AIOKafkaConsumer(
                    bootstrap_servers=self.options.bootstrap_servers,
                    client_id=f"voxcart-{self.client_id}-offsets",
                    request_timeout_ms=int(REQUEST_TIMEOUT_S * 1000),
                    metadata_max_age_ms=30_000,
                )
                try:
                    await ask(probe.start(), "take a consumer")
                except BusUnavailable:
                    await stop(probe)
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
