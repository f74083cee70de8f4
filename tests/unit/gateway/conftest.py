"""A gateway on the in-memory bus with a real gRPC server, and the services behind it scripted on the bus."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import grpc
import numpy as np
import pytest

from voxcart.bus import (
    AUDIO,
    CONTROL,
    REPLIES,
    SPEECH,
    TRANSCRIPTS,
    UNDERSTANDING,
    BroadcastReader,
    MemoryBroker,
    MemoryBus,
    Message,
    ReturnReader,
    SessionIdMinter,
    Topic,
    make_envelope,
)
from voxcart.errors import Unavailable
from voxcart.grpc_support import ErrorsAndMetrics, server_options
from voxcart_api.bus.v1.bus_pb2 import TRANSCRIPT_SOURCE_TYPED, Envelope, Reply, SpeechChunk, Transcript
from voxcart_api.common.v1.common_pb2 import SessionContext, Understanding
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
class Script:
    """What the services behind the gateway do.

    Attributes:
        answers: Whether the dialogue answers at all.
        speech_chunks: Chunks of each reply's speech, 100 ms each; 0 for no speech.
        copies: How often each event is published.
        unordered: Speech is published before the reply, and the reply before the transcript.
    """

    answers: bool = True
    speech_chunks: int = 3
    copies: int = 1
    unordered: bool = False


@dataclass
class Backend:
    """asr, nlu, dialogue and tts in one: hears the bus and answers by its script."""

    bus: MemoryBus
    script: Script = field(default_factory=Script)
    audio: list[Message] = field(default_factory=list)
    control: list[Message] = field(default_factory=list)
    typed: list[Message] = field(default_factory=list)
    spoken: dict[str, int] = field(default_factory=dict)
    open_utterances: dict[str, int] = field(default_factory=dict)
    silent_chunks: dict[str, int] = field(default_factory=dict)

    async def hear(self, message: Message) -> None:
        """Takes one message of audio, control or transcripts."""
        envelope = message.envelope
        match message.payload_name:
            case "audio":
                self.audio.append(message)
                await self._recognise(envelope)
            case "transcript" if envelope.transcript.source == TRANSCRIPT_SOURCE_TYPED:
                self.typed.append(message)
                await self.answer(envelope.session, envelope.transcript.utterance_id, envelope.transcript.text)
            case "interrupt" | "session_started" | "session_ended" | "playback":
                self.control.append(message)

    def control_events(self, kind: str) -> list[Envelope]:
        """Control events of one kind that came so far."""
        return [message.envelope for message in self.control if message.payload_name == kind]

    async def say(self, topic: Topic, session: SessionContext, payload: object, event_id: str) -> None:
        """Publishes an event, as often as the script says."""
        for _ in range(self.script.copies):
            await self.bus.publish(topic, session.session_id, make_envelope(session, payload, event_id=event_id))

    async def answer(self, session: SessionContext, utterance_id: str, text: str) -> None:
        """What nlu, dialogue and tts do with a final transcript."""
        if not self.script.answers:
            return
        understood = Understanding(utterance_id=utterance_id, text=text, intent="search_product")
        reply = Reply(utterance_id=utterance_id, text=f"你说的是{text}", is_last=True, understanding=understood)
        steps = [
            (UNDERSTANDING, understood, f"{utterance_id}/understanding"),
            (REPLIES, reply, f"{utterance_id}/reply/0"),
        ]
        chunks = self.script.speech_chunks
        steps += [
            (SPEECH, speech_chunk(utterance_id, index, is_last=index == chunks - 1), f"{utterance_id}/speech/0/{index}")
            for index in range(chunks)
        ]
        if self.script.unordered:
            steps = steps[2:] + steps[1:2] + steps[:1]
        for topic, payload, event_id in steps:
            await self.say(topic, session, payload, event_id)

    async def transcribe(self, session: SessionContext, kind: int, number: int, **fields: object) -> str:
        """Publishes one step of recognising utterance ``number``."""
        utterance_id = f"{session.session_id}/{number}"
        transcript = Transcript(utterance_id=utterance_id, kind=kind, **fields)
        await self.say(TRANSCRIPTS, session, transcript, f"{utterance_id}/{Transcript.Kind.Name(kind)}")
        return utterance_id

    async def _recognise(self, envelope: Envelope) -> None:
        session, chunk = envelope.session, envelope.audio
        session_id = session.session_id
        loud = bool(np.abs(np.frombuffer(chunk.pcm_s16le, "<i2")).max(initial=0) > 1000)
        number = self.spoken.get(session_id, 0)
        if loud:
            self.silent_chunks[session_id] = 0
            if session_id not in self.open_utterances:
                await self.transcribe(
                    session, Transcript.KIND_SPEECH_STARTED, number, speech_start_sample=chunk.first_sample
                )
            self.open_utterances[session_id] = chunk.first_sample + len(chunk.pcm_s16le) // 2
            return
        self.silent_chunks[session_id] = self.silent_chunks.get(session_id, 0) + 1
        if session_id in self.open_utterances and (chunk.end_of_input or self.silent_chunks[session_id] >= 4):
            end = self.open_utterances.pop(session_id)
            self.spoken[session_id] = number + 1
            stop, final = Transcript.KIND_SPEECH_STOPPED, Transcript.KIND_FINAL
            await self.transcribe(session, stop, number, speech_end_sample=end)
            utterance_id = await self.transcribe(
                session, final, number, text="我想买苹果", raw_text="我想买平果", speech_end_sample=end
            )
            await self.answer(session, utterance_id, "我想买苹果")


def speech_chunk(utterance_id: str, index: int, *, is_last: bool = False) -> SpeechChunk:
    """100 ms of a tone at 24 kHz."""
    tone = (np.sin(np.arange(2400) * 0.1) * 8000).astype("<i2").tobytes()
    return SpeechChunk(utterance_id=utterance_id, chunk=index, pcm_s16le=tone, sample_rate_hz=24_000, is_last=is_last)


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


def utterance_pcm(sample_rate_hz: int = 16_000) -> list[bytes]:
    """Half a second of tone and half a second of silence, mono PCM, in pieces of 20 ms."""
    half = sample_rate_hz // 2
    tone = (np.sin(np.arange(half) * 2 * np.pi * 300 / sample_rate_hz) * 9000).astype("<i2")
    pcm = np.concatenate([tone, np.zeros(half, "<i2")]).tobytes()
    piece = sample_rate_hz // 50 * 2
    return [pcm[start : start + piece] for start in range(0, len(pcm), piece)]


async def eventually(condition: object, timeout_s: float = 5.0) -> None:
    """Returns when the condition holds; the loop runs meanwhile."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - the condition has no event of its own
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
