"""The brokers that the bus contract is run on, each behind the same few verbs."""

import shutil
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

from voxcart.bus import Bus, MemoryBroker, MemoryBus, Topic, TopicPartition
from voxcart.bus.embedded import EmbeddedBus
from voxcart.bus.kafka import KafkaBus
from voxcart.bus.kafka_client import KafkaOptions
from voxcart.embedded import ApacheKafka, EmbeddedBroker


class BrokerUnderTest(ABC):
    """A broker that can be taken away and brought back."""

    name: str

    @property
    @abstractmethod
    def address(self) -> str:
        """host:port."""

    @abstractmethod
    async def start(self) -> None:
        """Starts it, or brings it back after :meth:`stop`."""

    @abstractmethod
    async def stop(self) -> None:
        """Takes it away."""

    @abstractmethod
    def bus(self, client_id: str, publish_timeout_s: float = 30.0) -> Bus:
        """A connection, not started."""

    async def new_group(self, bus: Bus, topics: Sequence[Topic]) -> str:
        """A consumer group that has finished everything that is on the topics now."""
        group = f"test-{uuid4().hex[:8]}"

        async def ignore(_: object) -> dict[TopicPartition, int]:
            return {}

        reader = bus.group_reader(group, topics, ignore, ignore)
        places = [TopicPartition(t.name, partition) for t in topics for partition in range(bus.num_partitions)]
        ends = await bus.end_offsets(places)
        await reader.start()
        try:
            await reader.poll(1, 0.0)
            await reader.commit(ends)
        finally:
            await reader.aclose()
        return group


class InMemory(BrokerUnderTest):
    name = "memory"
    address = "memory"

    def __init__(self) -> None:
        self.broker = MemoryBroker()

    async def start(self) -> None:
        self.broker.is_up = True

    async def stop(self) -> None:
        self.broker.is_up = False
        self.broker.lose_data()

    def bus(self, client_id: str, publish_timeout_s: float = 30.0) -> Bus:
        return MemoryBus(self.broker, client_id, publish_timeout_s)


class Embedded(BrokerUnderTest):
    name = "embedded"

    def __init__(self, directory: Path) -> None:
        self._server = EmbeddedBroker(directory)

    @property
    def address(self) -> str:
        return self._server.address

    async def start(self) -> None:
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop()

    def bus(self, client_id: str, publish_timeout_s: float = 30.0) -> Bus:
        return EmbeddedBus(self._server.address, client_id, start_timeout_s=10.0, publish_timeout_s=publish_timeout_s)


class Apache(BrokerUnderTest):
    name = "kafka"

    def __init__(self, directory: Path) -> None:
        self._server = ApacheKafka(directory)

    @property
    def address(self) -> str:
        return self._server.address

    async def start(self) -> None:
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop()

    def bus(self, client_id: str, publish_timeout_s: float = 30.0) -> Bus:
        options = KafkaOptions(self._server.address, start_timeout_s=30.0, publish_timeout_s=publish_timeout_s)
        return KafkaBus(options, client_id)


def missing_for_kafka() -> str | None:
    """Why Apache Kafka cannot run here; None if it can."""
    missing = [program for program in ("java", "mvn") if shutil.which(program) is None]
    return f"Apache Kafka needs {' and '.join(missing)}" if missing else None
