"""The service as a process on the embedded broker: speaks, is killed in the middle and speaks the rest, drains."""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest

from voxcart.bus import END, REPLIES, SPEECH, Bus, TopicPartition, decode, make_envelope, open_bus
from voxcart.bus.base import AssignedReader
from voxcart.embedded.tansu import EmbeddedBroker
from voxcart.embedded.valkey import EmbeddedValkey
from voxcart.settings import ServiceSettings
from voxcart_api.bus.v1.bus_pb2 import Reply, SpeechChunk
from voxcart_api.common.v1.common_pb2 import SessionContext
from voxcart_api.tts.v1 import tts_pb2, tts_pb2_grpc

pytestmark = [pytest.mark.integration, pytest.mark.model]

SESSION = "tts-process"
LONG = "好的，已经为您把两份苹果加入购物车，一共七十八元，预计明天下午送到您家，还需要别的吗？"


class Service:
    """One process of the service, and the bus around it."""

    def __init__(self, environment: dict[str, str], bus: Bus, reader: AssignedReader, log: Path) -> None:
        self._environment = environment
        self._log = log
        self.bus = bus
        self.reader = reader
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with self._log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "voxcart_services.tts", env=self._environment, stderr=log
            )

    async def stop(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), 30)

    async def kill(self) -> None:
        assert self.process is not None
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    async def reply(self, utterance_id: str, text: str) -> None:
        reply = Reply(utterance_id=utterance_id, text=text, language="zh", is_last=True)
        context = SessionContext(session_id=SESSION)
        await self.bus.publish(REPLIES, SESSION, make_envelope(context, reply, event_id=f"{utterance_id}/reply/0"))

    async def speech(self, utterance_id: str, until_first: bool = False) -> dict[str, SpeechChunk]:
        """Chunks by event id, until the last one or the first one came."""
        found: dict[str, SpeechChunk] = {}
        async with asyncio.timeout(90):
            while True:
                for record in await self.reader.poll(100, 0.2):
                    envelope = decode(record).envelope
                    if envelope.speech.utterance_id == utterance_id:
                        found[envelope.event_id] = envelope.speech
                if found and (until_first or any(chunk.is_last for chunk in found.values())):
                    return found


@pytest.fixture
async def service(models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Service]:
    with tempfile.TemporaryDirectory(prefix="voxcart-tts-") as scratch:
        broker, valkey = EmbeddedBroker(Path(scratch) / "broker"), EmbeddedValkey(Path(scratch) / "valkey")
        await broker.start()
        await valkey.start()
        settings = {
            "VOXCART_BROKER": broker.address,
            "VOXCART_BROKER_KIND": "embedded",
            "VOXCART_REDIS_URL": valkey.url,
            "VOXCART_MODELS_DIR": str(models_dir),
            "VOXCART_PROVIDER": "cpu",
            "VOXCART_TTS_PREFETCH": "false",
        }
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        try:
            async with open_bus(ServiceSettings(), "test") as bus:
                reader = bus.assigned_reader()
                await reader.start()
                await reader.assign({TopicPartition(SPEECH.name, bus.partition_for(SESSION)): END})
                running = Service({**os.environ, **settings}, bus, reader, Path(scratch) / "tts.log")
                try:
                    yield running
                finally:
                    await running.kill()
                    await reader.aclose()
        finally:
            await valkey.stop()
            await broker.stop()


async def test_a_reply_is_spoken_and_the_rest_after_a_kill(service: Service) -> None:
    await service.start()
    await service.reply(f"{SESSION}/1", LONG)
    before = await service.speech(f"{SESSION}/1", until_first=True)
    await service.kill()
    await service.start()
    after = await service.speech(f"{SESSION}/1")
    chunks = {**before, **after}
    assert "".join(chunk.clause_text for chunk in after.values()) == LONG
    assert sum(chunk.is_last for chunk in chunks.values()) == 1
    assert all(after[event_id].pcm_s16le == chunk.pcm_s16le for event_id, chunk in before.items())
    assert await service.stop() == 0


async def test_a_missing_model_is_a_clear_refusal(service: Service, tmp_path: Path) -> None:
    service._environment["VOXCART_MODELS_DIR"] = str(tmp_path)
    await service.start()
    assert service.process is not None
    assert await asyncio.wait_for(service.process.wait(), 30) == 1
    assert "voxcart models pull kokoro-82m" in service._log.read_text(encoding="utf-8")


async def test_grpc_speaks_without_redis(service: Service, unused_tcp_port_factory) -> None:
    port = unused_tcp_port_factory()
    service._environment |= {"VOXCART_REDIS_URL": "redis://127.0.0.1:1/0", "VOXCART_LISTEN": f"127.0.0.1:{port}"}
    await service.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        request = tts_pb2.SynthesizeRequest(text="好的。", config=tts_pb2.SynthesisConfig(voice="zm_yunxi"))
        call = tts_pb2_grpc.SpeechSynthesisStub(channel).Synthesize(request, timeout=60, wait_for_ready=True)
        audio = b"".join([response.audio async for response in call])
    assert len(audio) > 0.4 * 48_000
