"""A gateway on the in-memory bus with a real gRPC server, and the services behind it scripted on the bus."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import grpc
import pytest
from support.scripted_backend import Backend, utterance_pcm

from voxcart.bus import (
    AUDIO,
    CONTROL,
    TRANSCRIPTS,
    BroadcastReader,
    MemoryBroker,
    MemoryBus,
    ReturnReader,
    SessionIdMinter,
)
from voxcart.errors import Unavailable
from voxcart.grpc_support import ErrorsAndMetrics, server_options
from voxcart_api.gateway.v1.gateway_pb2 import AudioInput, Config, ConverseRequest, ConverseResponse, TextInput
from voxcart_api.gateway.v1.gateway_pb2_grpc import VoiceGatewayStub, add_VoiceGatewayServicer_to_server
from voxcart_services.gateway.config import GatewaySettings
from voxcart_services.gateway.records import SessionRecords
from voxcart_services.gateway.registry import SessionRegistry
from voxcart_services.gateway.servicer import VoiceGatewayServicer
from voxcart_services.gateway.voices import VoiceList
from voxcart_services.gateway.worker import BusReturnPath

VOICES = {"zf_xiaobei", "af_heart"}


class FakeRedis:
    """The two calls that the records use; ``is_up = False`` refuses connections."""

    def __init__(self) -> None:
        self.is_up = True
        self.values: dict[str, str] = {}

    async def get(self, key: str) -> str | None:
        self._check()
        return self.values.get(key)

    async def set(self, key: str, value: str, ex: int) -> None:
        self._check()
        self.values[key] = value

    def _check(self) -> None:
        if not self.is_up:
            raise ConnectionRefusedError("refused")


@dataclass
class Rig:
    """Everything a test needs to play with a gateway."""

    broker: MemoryBroker
    bus: MemoryBus
    backend: Backend
    redis: FakeRedis
    settings: GatewaySettings
    registry: SessionRegistry
    address: str
    stub: VoiceGatewayStub
    tasks: asyncio.TaskGroup
    stack: list[object]

    async def another_gateway(self, **changes: object) -> SessionRegistry:
        """The sessions of a second gateway process on the same bus and Redis."""
        settings = self.settings.model_copy(update=changes)
        bus = MemoryBus(self.broker, "gateway-2")
        await bus.start()
        return start_registry(bus, self.redis, settings, self.tasks, "gateway-2")


def start_registry(
    bus: MemoryBus, redis: FakeRedis, settings: GatewaySettings, tasks: asyncio.TaskGroup, gateway_id: str
) -> SessionRegistry:
    """A running registry; its tasks end with the task group."""

    async def fetch() -> set[str]:
        if not redis.is_up:
            raise Unavailable("the voice cannot be checked now")
        return VOICES

    reader = ReturnReader(bus)
    path = BusReturnPath(reader, SessionIdMinter(bus, reader))
    registry = SessionRegistry(bus, path, SessionRecords(redis, 3600), VoiceList(fetch), settings, gateway_id)
    tasks.create_task(reader.run())
    tasks.create_task(registry.run())
    return registry


@pytest.fixture
def gateway_settings() -> dict[str, object]:
    """Settings that differ from the defaults; a test module or class overrides this."""
    return {}


@pytest.fixture
async def rig(gateway_settings: dict[str, object]) -> AsyncIterator[Rig]:
    """A gateway that serves gRPC on a free port of the loopback."""
    broker = MemoryBroker()
    bus = MemoryBus(broker, "gateway")
    await bus.start()
    backend = Backend(bus)
    settings = GatewaySettings(**{"drain_seconds": 6.0, **gateway_settings})
    redis = FakeRedis()
    running: list[asyncio.Task[None]] = []
    async with asyncio.TaskGroup() as tasks:
        before = asyncio.all_tasks()
        registry = start_registry(bus, redis, settings, tasks, "gateway-1")
        hearing = BroadcastReader(bus, [AUDIO, CONTROL, TRANSCRIPTS], backend.hear)
        tasks.create_task(hearing.run())
        await hearing.wait_caught_up(5)
        server = grpc.aio.server(interceptors=[ErrorsAndMetrics()], options=server_options(settings.max_message_bytes))
        add_VoiceGatewayServicer_to_server(VoiceGatewayServicer(registry), server)
        address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        await server.start()
        async with grpc.aio.insecure_channel(address) as channel:
            stub = VoiceGatewayStub(channel)
            yield Rig(broker, bus, backend, redis, settings, registry, address, stub, tasks, [])
        broker.is_up = True
        await server.stop(0)
        await registry.aclose()
        running = [task for task in asyncio.all_tasks() - before if task is not asyncio.current_task()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


class Caller:
    """A client's side of one stream."""

    def __init__(self, stub: VoiceGatewayStub) -> None:
        self.call = stub.Converse()
        self.received: list[ConverseResponse] = []

    async def open(self, config: Config | None = None) -> ConverseResponse:
        """Sends the config; returns the greeting."""
        await self.call.write(ConverseRequest(config=config or Config()))
        return await self.next()

    async def next(self) -> ConverseResponse:
        """The next response.

        Raises:
            EOFError: The stream ended with status OK.
            grpc.aio.AioRpcError: It ended with another status.
        """
        response = await asyncio.wait_for(self.call.read(), 5)
        if response is grpc.aio.EOF:
            code = await self.call.code()
            if code != grpc.StatusCode.OK:
                raise grpc.aio.AioRpcError(
                    code, grpc.aio.Metadata(), await self.call.trailing_metadata(), await self.call.details()
                )
            raise EOFError
        self.received.append(response)
        return response

    async def until(self, kind: str, **fields: object) -> ConverseResponse:
        """Reads up to a response of this kind whose fields have these values."""
        while True:
            response = await self.next()
            if response.WhichOneof("response") != kind:
                continue
            payload = getattr(response, kind)
            if all(getattr(payload, name) == value for name, value in fields.items()):
                return response

    async def say(self, text: str) -> None:
        """Types a text."""
        await self.call.write(ConverseRequest(text=TextInput(text=text)))

    async def send_audio(self, data: bytes) -> None:
        """Sends one audio message."""
        await self.call.write(ConverseRequest(audio=AudioInput(data=data)))

    async def speak(self, sample_rate_hz: int = 16_000) -> None:
        """Half a second of tone and half a second of silence, PCM, in pieces of 20 ms."""
        for data in utterance_pcm(sample_rate_hz):
            await self.send_audio(data)

    def kinds(self) -> list[str]:
        """Kinds of what was received."""
        return [response.WhichOneof("response") for response in self.received]


async def eventually(condition: object, timeout_s: float = 5.0) -> None:
    """Returns when the condition holds; the loop runs meanwhile."""
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.fixture
def caller(rig: Rig) -> Caller:
    """A client that has not sent anything yet."""
    return Caller(rig.stub)


@pytest.fixture
def new_caller(rig: Rig) -> object:
    """Makes further clients."""
    return lambda: Caller(rig.stub)


@pytest.fixture
def wait_until() -> object:
    """See :func:`eventually`."""
    return eventually
