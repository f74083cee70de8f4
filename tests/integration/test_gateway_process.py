"""The gateway as a process on the embedded broker and Valkey: turns, kill -9 with resume, SIGTERM, settings."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from support.scripted_backend import Backend, utterance_pcm

from voxcart.bus import AUDIO, CONTROL, TRANSCRIPTS, BroadcastReader, open_bus
from voxcart.embedded import EmbeddedBroker, EmbeddedValkey
from voxcart.ports import free_port
from voxcart.settings import ServiceSettings
from voxcart_client import Clip, ConversationConfig, VoxcartClient
from voxcart_client.events import Reply

pytestmark = pytest.mark.integration


@dataclass
class Running:
    """A gateway process and what it works with."""

    address: str
    environment: dict[str, str]
    broker: EmbeddedBroker
    valkey: EmbeddedValkey
    backend: Backend
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Starts the gateway; returns when it is serving."""
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "voxcart_services.gateway", env=self.environment
        )
        async with asyncio.timeout(30), grpc.aio.insecure_channel(self.address) as channel:
            while True:
                try:
                    request = health_pb2.HealthCheckRequest(service="voxcart.gateway.v1.VoiceGateway")
                    answer = await health_pb2_grpc.HealthStub(channel).Check(request, timeout=1)
                    if answer.status == health_pb2.HealthCheckResponse.SERVING:
                        return
                except grpc.aio.AioRpcError:
                    if self.process.returncode is not None:
                        raise
                await asyncio.sleep(0.1)

    async def stop(self, signum: int) -> int:
        """Sends a signal; returns the exit status."""
        if self.process is None or self.process.returncode is not None:
            return 0
        self.process.send_signal(signum)
        return await asyncio.wait_for(self.process.wait(), 20)


@asynccontextmanager
async def servers(directory: Path) -> AsyncIterator[tuple[EmbeddedBroker, EmbeddedValkey]]:
    """A broker and a Valkey of their own."""
    broker, valkey = EmbeddedBroker(directory / "broker"), EmbeddedValkey(directory / "valkey")
    try:
        await asyncio.gather(broker.start(), valkey.start())
        yield broker, valkey
    finally:
        await asyncio.gather(broker.stop(), valkey.stop())


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Running]:
    async with servers(tmp_path) as (broker, valkey):
        address = f"127.0.0.1:{free_port()}"
        environment = {
            **os.environ,
            "VOXCART_LISTEN": address,
            "VOXCART_BROKER": broker.address,
            "VOXCART_BROKER_KIND": broker.kind,
            "VOXCART_REDIS_URL": valkey.url,
            "VOXCART_DRAIN_SECONDS": "6",
        }
        settings = ServiceSettings(broker=broker.address, broker_kind=broker.kind)
        async with open_bus(settings, "test-backend") as bus:
            backend = Backend(bus)
            hearing = BroadcastReader(bus, [AUDIO, CONTROL, TRANSCRIPTS], backend.hear)
            task = asyncio.create_task(hearing.run())
            await hearing.wait_caught_up(20)
            running = Running(address, environment, broker, valkey, backend)
            await running.start()
            yield running
            await running.stop(signal.SIGTERM)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def freeze(broker: EmbeddedBroker, signum: int) -> None:
    """Stops the broker's process in its tracks (SIGSTOP), or lets it go on (SIGCONT); its memory stays."""
    if broker.pid is None:
        raise RuntimeError("the broker does not run")
    os.kill(broker.pid, signum)


def clip() -> Clip:
    """Half a second of tone and half a second of silence."""
    import numpy as np

    pcm = b"".join(utterance_pcm(16_000))
    return Clip(np.frombuffer(pcm, "<i2").astype(np.float32) / 32_768, 16_000)


async def test_turns_cross_the_bus_and_come_back(gateway: Running) -> None:
    async with VoxcartClient(gateway.address) as client, client.converse() as talk:
        typed = await talk.ask_text("你好", timeout_s=20)
        spoken = await talk.ask_audio(clip(), timeout_s=20)
    assert typed.reply == "你说的是你好"
    assert spoken.transcript == "我想买苹果"
    assert len(spoken.audio) == 3 * 4800


async def test_conversation_outlives_a_killed_gateway(gateway: Running) -> None:
    config = ConversationConfig(user_id="u1", text_only=True)
    async with VoxcartClient(gateway.address) as client, client.converse(config) as talk:
        before = await talk.ask_text("一", timeout_s=20)
        await gateway.stop(signal.SIGKILL)
        await gateway.start()
        await talk.send_text("二")
        async with asyncio.timeout(20):
            async for event in talk:
                if isinstance(event, Reply):
                    break
    assert event.text == "你说的是二"
    assert event.utterance_id.startswith(before.session_id)
    typed = [message.envelope.transcript.utterance_id for message in gateway.backend.typed]
    assert len(set(typed)) == 2
    assert {message.session_id for message in gateway.backend.typed} == {before.session_id}


async def test_sigterm_ends_sessions_and_the_process(gateway: Running) -> None:
    async with VoxcartClient(gateway.address) as client, client.converse() as talk:
        await talk.ask_text("你好", timeout_s=20)
        assert await gateway.stop(signal.SIGTERM) == 0
        await talk.aclose()
    async with asyncio.timeout(5):
        while not gateway.backend.control_events("session_ended"):
            await asyncio.sleep(0.05)
    assert gateway.backend.control_events("session_ended")[0].session_ended.reason == "drain"


async def test_broker_that_does_not_answer_for_a_while_loses_and_doubles_nothing(gateway: Running) -> None:
    async with VoxcartClient(gateway.address) as client, client.converse(ConversationConfig(text_only=True)) as talk:
        await talk.ask_text("一", timeout_s=20)
        freeze(gateway.broker, signal.SIGSTOP)
        await talk.send_text("二")
        await asyncio.sleep(4)
        freeze(gateway.broker, signal.SIGCONT)
        async with asyncio.timeout(40):
            async for event in talk:
                if isinstance(event, Reply):
                    break
        third = await talk.ask_text("三", timeout_s=20)
    assert event.text == "你说的是二"
    assert third.reply == "你说的是三"
    assert len({message.event_id for message in gateway.backend.typed}) == 3


async def test_port_in_use_is_one_clear_line(gateway: Running) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "voxcart_services.gateway",
        env=gateway.environment,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 1
    assert b"the port is in use" in errors


async def test_bad_setting_is_named() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "voxcart_services.gateway",
        env={**os.environ, "VOXCART_GATEWAY_MAX_SESSIONS": "0"},
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 2
    assert b"VOXCART_GATEWAY_MAX_SESSIONS" in errors
