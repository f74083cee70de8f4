"""The client SDK against a gateway: typed and spoken turns, resume, errors."""

import asyncio
import wave

import numpy as np
import pytest

from voxcart_client import (
    Clip,
    ConnectionLost,
    ConversationConfig,
    Refused,
    SyncVoxcartClient,
    TurnFailed,
    TurnTimedOut,
    VoxcartClient,
    read_clip,
    write_wav,
)
from voxcart_client.events import Audio, Reply, Transcript

pytestmark = pytest.mark.unit


def spoken(sample_rate_hz: int = 16_000, seconds: float = 0.4) -> Clip:
    """A tone between silences of 0.1 s."""
    tone = np.sin(np.arange(int(seconds * sample_rate_hz)) * 2 * np.pi * 300 / sample_rate_hz) * 0.3
    silence = np.zeros(sample_rate_hz // 10)
    return Clip(np.concatenate([silence, tone, silence]).astype(np.float32), sample_rate_hz)


async def test_typed_and_spoken_turns_in_one_session(rig):
    async with VoxcartClient(rig.address) as client, client.converse(ConversationConfig(user_id="u1")) as talk:
        typed = await talk.ask_text("你好", timeout_s=5)
        heard = await talk.ask_audio(spoken(22_050), timeout_s=5)
    assert typed.transcript == "你好"
    assert typed.reply == "你说的是你好"
    assert typed.intent == "search_product"
    assert typed.timing.speech_end_to_final_ms is None
    assert typed.timing.text_to_first_audio_ms > 0
    assert len(typed.audio) == 3 * 4800
    assert heard.transcript == "我想买苹果"
    assert heard.raw_transcript == "我想买平果"
    assert heard.session_id == typed.session_id == talk.session_id
    assert 0 < heard.timing.speech_end_to_final_ms < 2000
    assert heard.timing.speech_end_to_final_ms <= heard.timing.speech_end_to_first_audio_ms
    assert "gateway.speech_end_to_final" in {timing.stage for timing in heard.timing.server}
    assert set(heard.to_json()) == {
        *("transcript", "raw_transcript", "edits", "intent", "slots", "sentiment"),
        *("reply", "cards", "actions", "session_id", "timing"),
    }


async def test_a_collected_turn_counts_as_heard(rig, wait_until):
    rig.backend.script.speech_chunks = 40
    async with VoxcartClient(rig.address) as client, client.converse() as talk:
        await talk.ask_audio(spoken(), timeout_s=5)
        await talk.ask_audio(spoken(), timeout_s=5)
    assert rig.backend.control_events("interrupt") == []


async def test_silent_recording_gives_an_empty_turn(rig):
    async with VoxcartClient(rig.address) as client, client.converse() as talk:
        turn = await talk.ask_audio(Clip(np.zeros(1600, np.float32), 16_000), timeout_s=10)
    assert turn.transcript == ""
    assert turn.error is None
    assert any(message.envelope.audio.end_of_input for message in rig.backend.audio)


async def test_events_can_be_iterated(rig):
    kinds = []
    async with VoxcartClient(rig.address) as client, client.converse() as talk:
        await talk.send_text("你好")
        async for event in talk:
            kinds.append(type(event))
            if isinstance(event, Audio) and event.is_last:
                break
    assert kinds.index(Transcript) < kinds.index(Reply) < kinds.index(Audio)


async def test_broken_connection_is_resumed_without_loss_or_repeat(rig):
    proxy = Proxy(rig.address)
    async with proxy, VoxcartClient(proxy.address) as client, client.converse() as talk:
        first = await talk.ask_text("一", timeout_s=5)
        rig.backend.script.answers = False
        await talk.send_text("二")
        async for event in talk:
            if isinstance(event, Transcript):
                break
        await proxy.cut()
        session = rig.backend.typed[-1].envelope.session
        rig.backend.script.answers = True
        await rig.backend.answer(session, rig.backend.typed[-1].envelope.transcript.utterance_id, "二")
        replies = []
        async with asyncio.timeout(10):
            async for event in talk:
                replies += [event.text] if isinstance(event, Reply) else []
                if isinstance(event, Audio) and event.is_last:
                    break
        third = await talk.ask_text("三", timeout_s=5)
    assert replies == ["你说的是二"]
    assert first.session_id == third.session_id == session.session_id
    assert third.reply == "你说的是三"
    assert len(rig.backend.control_events("session_started")) == 1


async def test_refusals_carry_code_and_sentence(rig):
    async with VoxcartClient(rig.address) as client:
        with pytest.raises(Refused, match="locale") as refused:
            async with client.converse(ConversationConfig(locale="xx")):
                pass
    assert refused.value.code == "INVALID_ARGUMENT"


async def test_no_gateway_is_told_within_the_time_allowed():
    async with VoxcartClient("127.0.0.1:1") as client:
        with pytest.raises(ConnectionLost, match="cannot be reached"):
            async with client.converse(connect_timeout_s=0.3):
                pass


async def test_turn_without_answer_times_out(rig):
    rig.backend.script.answers = False
    async with VoxcartClient(rig.address) as client, client.converse() as talk:
        with pytest.raises(TurnTimedOut):
            await talk.ask_text("你好", timeout_s=0.3)


class TestOverdue:
    @pytest.fixture
    def gateway_settings(self):
        return {"gateway_reply_timeout_seconds": 0.3}

    async def test_failed_turn_says_why(self, rig):
        rig.backend.script.answers = False
        async with VoxcartClient(rig.address) as client, client.converse() as talk:
            turn = await talk.ask_text("你好", timeout_s=5)
        assert turn.transcript == "你好"
        with pytest.raises(TurnFailed) as failed:
            turn.raise_for_error()
        assert failed.value.code == "DEADLINE_EXCEEDED"


async def test_sync_client_works_from_a_thread(rig):
    def talk() -> str:
        with SyncVoxcartClient(rig.address) as client, client.converse() as conversation:
            return conversation.ask_text("你好", timeout_s=5).reply

    assert await asyncio.to_thread(talk) == "你说的是你好"


def test_voice_end_is_found_by_energy():
    clip = spoken(16_000, 0.5)
    assert clip.voiced_end_s == pytest.approx(0.6, abs=0.011)
    assert Clip(np.zeros(1600, np.float32), 16_000).voiced_end_s == 0.0


@pytest.mark.parametrize("rate_hz", [8_000, 24_000, 44_100])
def test_resampling_keeps_the_tone(rate_hz):
    clip = spoken(16_000, 0.5).at_rate(rate_hz)
    assert clip.sample_rate_hz == rate_hz
    assert len(clip.samples) == pytest.approx(0.7 * rate_hz, abs=1)
    spectrum = np.abs(np.fft.rfft(clip.samples))
    assert np.argmax(spectrum) * rate_hz / len(clip.samples) == pytest.approx(300, abs=3)


def test_wav_is_read_back(tmp_path):
    path = tmp_path / "a.wav"
    write_wav(path, spoken().to_pcm_s16le(), 16_000)
    assert np.allclose(read_clip(path).samples, spoken().samples, atol=1e-4)
    with wave.open(str(path)) as reader:
        assert reader.getframerate() == 16_000


def test_what_is_no_recording_is_refused(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF but nothing else")
    with pytest.raises(ValueError, match="no recording"):
        read_clip(path)


class Proxy:
    """A TCP proxy whose connections can be cut."""

    def __init__(self, target: str) -> None:
        self._host, _, port = target.rpartition(":")
        self._port = int(port)
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> "Proxy":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.address = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self.cut()

    async def cut(self) -> None:
        """Breaks all connections."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(self._host, self._port)
        self._writers |= {writer, far_writer}
        try:
            await asyncio.gather(self._copy(reader, far_writer), self._copy(far_reader, writer))
        finally:
            for one in (writer, far_writer):
                one.transport.abort()
                self._writers.discard(one)

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()
