"""One connection to a single-node Kafka-protocol broker, and the few requests that the embedded bus makes.

aiokafka's producer and consumer are made for clusters: they keep metadata, long polls and group memberships. The
embedded broker has one node, does not wake long polls and takes 11 s to hand a dead member's partitions on, so the
embedded bus speaks the protocol itself on aiokafka's connection and message classes.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka import errors
from aiokafka.conn import AIOKafkaConnection, create_conn
from aiokafka.protocol.admin import CreateTopicsRequest
from aiokafka.protocol.commit import OffsetCommitRequest, OffsetFetchRequest
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.offset import OffsetRequest
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from voxcart.bus.base import Headers, TopicPartition
from voxcart.bus.envelope import Record
from voxcart.bus.errors import BusUnavailable, MessageTooLarge
from voxcart.bus.topics import Topic

_REQUEST_TIMEOUT_S = 5.0
_MAX_FETCH_BYTES = 4 * 1024 * 1024
_MAX_PARTITION_BYTES = 1024 * 1024


class UnknownTopic(BusUnavailable):
    """The broker does not have the topic (it was restarted without its data)."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a fetch brought for one partition."""

    place: TopicPartition
    end_offset: int
    records: list[Record]


class BrokerLink:
    """A connection that opens when it is needed and opens again after it broke. Requests may overlap."""

    def __init__(self, host: str, port: int, client_id: str, on_replaced: Callable[[], None] | None = None) -> None:
        """
        Args:
            on_replaced: Called when another broker, or the same after a restart, answers at the address. The request
                that met it fails, so that it can be made again with offsets that mean something.
        """
        self._host = host
        self._port = port
        self._client_id = client_id
        self._connection: AIOKafkaConnection | None = None
        self._connecting = asyncio.Lock()
        self._on_replaced = on_replaced
        self._cluster_id: str | None = None

    async def aclose(self) -> None:
        """Closes the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def create_topics(self, topics: Sequence[Topic], num_partitions: int) -> None:
        """Creates the topics that are not there.

        Raises:
            BusUnavailable: The broker did not answer or refused.
        """
        wanted = [
            (topic.name, num_partitions, 1, [], [("cleanup.policy", "compact")] if topic.compacted else [])
            for topic in topics
        ]
        response = await self._send(CreateTopicsRequest(wanted, int(_REQUEST_TIMEOUT_S * 1000), False))
        for name, code, *_ in response.topic_errors:
            if code not in (0, errors.TopicAlreadyExistsError.errno):
                raise BusUnavailable(f"the broker did not create {name}: {errors.for_code(code).__name__}")

    async def produce(
        self, place: TopicPartition, key: bytes | None, value: bytes, headers: Headers, timeout_s: float
    ) -> int:
        """Stores a record; returns its offset.

        Raises:
            BusUnavailable: Not acknowledged.
            UnknownTopic: The topic is not there.
        """
        builder = DefaultRecordBatchBuilder(
            magic=2,
            compression_type=0,
            is_transactional=0,
            producer_id=-1,
            producer_epoch=-1,
            base_sequence=-1,
            batch_size=len(value) + 16_384,
        )
        if builder.append(0, time.time_ns() // 1_000_000, key, value, list(headers)) is None:
            raise MessageTooLarge(f"key and headers of a record for {place.topic} are over 16 kB")
        request = ProduceRequest(
            None, -1, int(timeout_s * 1000), [(place.topic, [(place.partition, bytes(builder.build()))])]
        )
        response = await self._send(request, timeout_s)
        partition, code, offset = response.topics[0][1][0][:3]
        _check(code, f"{place.topic}[{partition}]")
        return offset

    async def list_offsets(self, places: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """Resolves -1 (end) and -2 (beginning) to offsets.

        Raises:
            BusUnavailable: The broker did not answer.
            UnknownTopic: A topic is not there.
        """
        if not places:
            return {}
        response = await self._send(OffsetRequest(-1, 0, _by_topic({p: (at,) for p, at in places.items()})))
        found = {}
        for topic, partitions in response.topics:
            for partition, code, _, offset in partitions:
                _check(code, f"{topic}[{partition}]")
                found[TopicPartition(topic, partition)] = max(offset, 0)
        return found

    async def fetch(self, positions: Mapping[TopicPartition, int], wait_ms: int) -> list[Fetched]:
        """Records from the given positions on; partitions without any are left out.

        Raises:
            BusUnavailable: The broker did not answer.
        """
        wanted = _by_topic({place: (at, _MAX_PARTITION_BYTES) for place, at in positions.items()})
        response = await self._send(FetchRequest(wait_ms, 1, _MAX_FETCH_BYTES, 0, wanted))
        fetched = []
        for topic, partitions in response.topics:
            for partition, code, end_offset, *rest in partitions:
                place = TopicPartition(topic, partition)
                _check(code, f"{topic}[{partition}]")
                if rest[-1]:
                    fetched.append(Fetched(place, end_offset, _parse(place, rest[-1], positions[place])))
        return fetched

    async def committed(self, group: str, places: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """The group's committed offsets; partitions without one are left out.

        Raises:
            BusUnavailable: The broker did not answer.
        """
        wanted: dict[str, list[int]] = {}
        for place in places:
            wanted.setdefault(place.topic, []).append(place.partition)
        response = await self._send(OffsetFetchRequest(group, list(wanted.items())))
        return {
            TopicPartition(topic, partition): offset
            for topic, partitions in response.topics
            for partition, offset, *_ in partitions
            if offset >= 0
        }

    async def commit(self, group: str, offsets: Mapping[TopicPartition, int]) -> None:
        """Commits as a group without members.

        Raises:
            BusUnavailable: The broker did not take it.
        """
        wanted = _by_topic({place: (offset, "") for place, offset in offsets.items()})
        response = await self._send(OffsetCommitRequest(group, -1, "", -1, wanted))
        for topic, partitions in response.topics:
            for partition, code in partitions:
                _check(code, f"{topic}[{partition}]")

    async def _send(self, request: Any, timeout_s: float = _REQUEST_TIMEOUT_S) -> Any:
        try:
            async with asyncio.timeout(timeout_s):
                return await (await self._connected()).send(request)
        except (errors.KafkaError, OSError, TimeoutError) as error:
            await self.aclose()
            raise BusUnavailable(f"the broker at {self._host}:{self._port} does not answer") from error

    async def _connected(self) -> AIOKafkaConnection:
        async with self._connecting:
            if self._connection is None or not self._connection.connected():
                connection = await create_conn(
                    self._host,
                    self._port,
                    client_id=self._client_id,
                    request_timeout_ms=int(_REQUEST_TIMEOUT_S * 1000),
                )
                try:
                    await self._check_identity(connection)
                except BaseException:
                    connection.close()
                    raise
                self._connection = connection
            return self._connection

    async def _check_identity(self, connection: AIOKafkaConnection) -> None:
        """Each start of the embedded broker has a cluster id of its own."""
        cluster_id = (await connection.send(MetadataRequest([]))).cluster_id
        is_replaced = self._cluster_id not in (None, cluster_id)
        self._cluster_id = cluster_id
        if is_replaced and self._on_replaced is not None:
            self._on_replaced()
            raise BusUnavailable(f"another broker answers at {self._host}:{self._port} now")


def _check(code: int, where: str) -> None:
    if code == errors.UnknownTopicOrPartitionError.errno:
        raise UnknownTopic(f"the broker has no {where}")
    if code == errors.MessageSizeTooLargeError.errno:
        raise MessageTooLarge(f"the broker takes no record of that size for {where}")
    if code:
        raise BusUnavailable(f"the broker refused a request for {where}: {errors.for_code(code).__name__}")


def _by_topic(partitions: Mapping[TopicPartition, tuple[Any, ...]]) -> list[tuple[str, list[tuple[Any, ...]]]]:
    grouped: dict[str, list[tuple[Any, ...]]] = {}
    for place, values in partitions.items():
        grouped.setdefault(place.topic, []).append((place.partition, *values))
    return list(grouped.items())


def _parse(place: TopicPartition, data: bytes, first_offset: int) -> list[Record]:
    records = []
    batches = MemoryRecords(data)
    while batches.has_next():
        for record in batches.next_batch():
            if record.offset >= first_offset:
                headers = tuple((name, value or b"") for name, value in record.headers)
                records.append(Record(*place, record.offset, record.key, record.value, headers, record.timestamp))
    return records
