"""What the Kafka bus and its readers share: options, bounded requests, and the two notations of a partition."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, errors
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.structs import ConsumerRecord

from voxcart.bus.base import TopicPartition
from voxcart.bus.envelope import Record
from voxcart.bus.errors import BusUnavailable
from voxcart.bus.topics import DEFAULT_PARTITIONS
from voxcart.telemetry.logs import get_logger

log = get_logger(__name__)

Answer = TypeVar("Answer")

REQUEST_TIMEOUT_S = 10.0


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


async def ask(answer: Awaitable[Answer], what: str, timeout_s: float = REQUEST_TIMEOUT_S) -> Answer:
    """Waits for an answer of the cluster.

    Raises:
        BusUnavailable: None came in time.
    """
    try:
        async with asyncio.timeout(timeout_s):
            return await answer
    except (errors.KafkaError, OSError, TimeoutError) as error:
        raise BusUnavailable(f"Kafka did not {what}: {type(error).__name__}") from error


async def stop(client: AIOKafkaConsumer | AIOKafkaProducer) -> None:
    """Stops a client of aiokafka, for at most the request time-out; what goes wrong is logged.

    Runs as a task after one turn of the loop, because aiokafka lets a cancellation out of ``stop`` when a task of its
    own had not begun yet.
    """
    await asyncio.sleep(0)
    stopping = asyncio.create_task(client.stop(), name="stop a Kafka client")
    _, late = await asyncio.wait({stopping}, timeout=REQUEST_TIMEOUT_S)
    if late:
        stopping.cancel()
        await asyncio.wait({stopping}, timeout=1.0)
        log.warning("a Kafka client did not stop in time")
    elif stopping.cancelled() or stopping.exception() is not None:
        log.warning("a Kafka client did not stop cleanly")


def kafka_partition(place: TopicPartition) -> KafkaPartition:
    return KafkaPartition(place.topic, place.partition)


def bus_partition(place: KafkaPartition) -> TopicPartition:
    return TopicPartition(place.topic, place.partition)


def as_record(one: ConsumerRecord) -> Record:
    headers = tuple((name, value or b"") for name, value in one.headers)
    return Record(one.topic, one.partition, one.offset, one.key, one.value, headers, one.timestamp)
