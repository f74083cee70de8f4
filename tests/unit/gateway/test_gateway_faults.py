"""Clients that vanish, resume and interrupt; services that are late or away."""

import asyncio

import grpc
import pytest

from voxcart.bus import REPLIES, SPEECH
from voxcart_api.bus.v1.bus_pb2 import Reply, Transcript, TurnFailed
from voxcart_api.gateway.v1.gateway_pb2 import AudioOutput, Config, ConverseRequest, InterruptInput, Playback

pytestmark = pytest.mark.unit


async def resume(new_caller, started, last_received=0, **fields):
    """A further connection of the session that was started."""
    caller = new_caller()
    token = started.session_started.resume_token
    greeting = await caller.open(Config(resume_token=token, last_received_sequence=last_received, **fields))
    assert greeting.session_started.resumed
    assert greeting.sequence == 0
    return caller


async def lose(caller, rig, wait_until):
    """Breaks the connection; returns when the gateway has seen it."""
    caller.call.cancel()
    await wait_until(lambda: all(entry.session.connection is None for entry in rig.registry._entries.values()))


async def test_resumed_session_goes_on_where_it_was(rig, caller, new_caller, wait_until):
    started = await caller.open()
    rig.backend.script.answers = False
    await caller.speak()
    final = await caller.until("transcript", is_final=True)
    num_before = sum(len(message.envelope.audio.pcm_s16le) for message in rig.backend.audio)
    await lose(caller, rig, wait_until)
    rig.backend.script.answers = True
    session = rig.backend.audio[0].envelope.session
    await rig.backend.answer(session, final.transcript.utterance_id, "我想买苹果")
    again = await resume(new_caller, started, last_received=2)
    await again.until("audio", is_last=True)
    sequences = [response.sequence for response in again.received[1:]]
    assert sequences == list(range(3, 3 + len(sequences)))
    await again.speak()
    await again.until("audio", is_last=True)
    first_new = next(m.envelope.audio for m in rig.backend.audio if m.envelope.audio.first_sample * 2 >= num_before)
    assert first_new.first_sample * 2 == num_before
    assert rig.backend.spoken[session.session_id] == 2


async def test_second_connection_takes_the_session_over(caller, new_caller):
    started = await caller.open()
    await resume(new_caller, started)
    with pytest.raises(grpc.aio.AioRpcError) as ended:
        await caller.next()
    assert ended.value.code() == grpc.StatusCode.ABORTED


async def test_session_goes_on_in_another_gateway_process(rig, caller, wait_until):
    started = await caller.open(Config(user_id="u1"))
    await caller.say("你好")
    await caller.until("audio", is_last=True)
    await caller.speak()
    await caller.until("transcript", is_final=True)
    last = caller.received[-1].sequence
    other = await rig.another_gateway()
    token = started.session_started.resume_token
    connection = await other.connect(Config(resume_token=token, last_received_sequence=last))
    session = connection.session
    assert connection.resumed
    assert session.session_id == started.session_started.session_id
    assert session.context.user_id == "u1"
    assert session.next_typed > 1
    assert session.next_sample > 16_000
    assert session.outbox.last_sequence == last
    await lose(caller, rig, wait_until)
    entry = next(iter(rig.registry._entries.values()))
    rig.registry.end(entry.session, "client_lost")
    await wait_until(lambda: len(rig.registry) == 0)
    assert rig.backend.control_events("session_ended") == []
    await other.aclose()


async def test_closed_session_is_continued_with_new_numbers(rig, caller, new_caller, wait_until):
    started = await caller.open(Config(user_id="u1", text_only=True))
    session_id = started.session_started.session_id
    await caller.say("你好")
    await caller.until("reply")
    await caller.call.done_writing()
    await wait_until(lambda: len(rig.registry) == 0)
    again = new_caller()
    greeting = await again.open(Config(user_id="u1", text_only=True, session_id=session_id))
    assert greeting.session_started.session_id == session_id
    assert not greeting.session_started.resumed
    await again.say("再来")
    reply = await again.until("reply")
    assert reply.reply.utterance_id == f"{session_id}/t1"


async def test_session_of_another_person_is_not_given_away(rig, caller, new_caller, wait_until):
    started = await caller.open(Config(user_id="u1"))
    await caller.call.done_writing()
    await wait_until(lambda: len(rig.registry) == 0)
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await new_caller().open(Config(user_id="u2", session_id=started.session_started.session_id))
    assert error.value.code() == grpc.StatusCode.PERMISSION_DENIED


async def test_session_in_use_is_not_given_away(caller, new_caller):
    started = await caller.open()
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await new_caller().open(Config(session_id=started.session_started.session_id))
    assert error.value.code() == grpc.StatusCode.ABORTED


class TestVanished:
    @pytest.fixture
    def gateway_settings(self):
        return {"gateway_resume_seconds": 0.3}

    async def test_client_that_vanishes_mid_sentence_leaves_nothing(self, rig, caller, new_caller, wait_until):
        tasks_before = {task.get_name() for task in asyncio.all_tasks()}
        started = await caller.open()
        await caller.send_audio(b"\x10\x27" * 8000)
        await caller.until("speech_started")
        await lose(caller, rig, wait_until)
        assert len(rig.registry) == 1
        await wait_until(lambda: len(rig.registry) == 0)
        assert rig.backend.control_events("session_ended")[0].session_ended.reason == "client_lost"
        names = {task.get_name() for task in asyncio.all_tasks()} - tasks_before
        session_id = started.session_started.session_id
        await wait_until(lambda: not any(session_id in task.get_name() for task in asyncio.all_tasks()))
        assert not any(session_id in name for name in names)
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await new_caller().open(Config(resume_token=started.session_started.resume_token))
        assert error.value.code() == grpc.StatusCode.NOT_FOUND


class TestIdle:
    @pytest.fixture
    def gateway_settings(self):
        return {"gateway_idle_seconds": 0.4, "gateway_reply_timeout_seconds": 0.2}

    async def test_idle_session_is_closed(self, rig, caller, wait_until):
        await caller.open()
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await caller.next()
        assert error.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        await wait_until(lambda: len(rig.registry) == 0)
        assert rig.backend.control_events("session_ended")[0].session_ended.reason == "idle"


class TestOverdue:
    @pytest.fixture
    def gateway_settings(self):
        return {"gateway_reply_timeout_seconds": 0.3, "gateway_speech_timeout_seconds": 0.3}

    async def test_overdue_turn_is_reported_once_and_the_late_reply_still_comes_once(self, rig, caller):
        rig.backend.script.answers = False
        await caller.open()
        await caller.say("你好")
        error = (await caller.until("error")).error
        assert error.code == "DEADLINE_EXCEEDED"
        assert error.utterance_id.endswith("/t0")
        rig.backend.script.answers = True
        rig.backend.script.copies = 2
        typed = rig.backend.typed[0].envelope
        await rig.backend.answer(typed.session, typed.transcript.utterance_id, "你好")
        await caller.until("audio", is_last=True)
        await caller.say("再见")
        await caller.until("audio", is_last=True)
        assert caller.kinds().count("reply") == 2
        assert caller.kinds().count("error") == 1

    async def test_reply_without_speech_is_reported(self, rig, caller):
        rig.backend.script.speech_chunks = 0
        await caller.open()
        await caller.say("你好")
        await caller.until("reply")
        error = (await caller.until("error")).error
        assert error.code == "UNAVAILABLE"
        assert "text is complete" in error.message

    async def test_recognition_that_stops_is_reported(self, rig, caller):
        await caller.open()
        await caller.send_audio(b"\x10\x27" * 8000)
        await caller.until("speech_started")
        error = (await caller.until("error")).error
        assert "Recognition" in error.message


async def test_failed_turn_is_told(rig, caller):
    rig.backend.script.answers = False
    await caller.open()
    await caller.say("你好")
    await caller.until("transcript")
    typed = rig.backend.typed[0].envelope
    failed = TurnFailed(
        utterance_id=typed.transcript.utterance_id, code="unavailable", message="商店暂时不可用。", retryable=True
    )
    await rig.backend.say(REPLIES, typed.session, failed, f"{failed.utterance_id}/failed")
    error = (await caller.until("error")).error
    assert (error.code, error.message, error.retryable) == ("UNAVAILABLE", "商店暂时不可用。", True)


async def test_bus_away_refuses_new_sessions_and_keeps_live_ones(rig, caller, new_caller):
    await caller.open()
    rig.broker.is_up = False
    await caller.say("你好")
    error = (await caller.until("error")).error
    assert error.code == "UNAVAILABLE"
    assert "kept" in error.message
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await new_caller().open()
    assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
    rig.broker.is_up = True
    await caller.until("audio", is_last=True)
    assert caller.kinds().count("reply") == 1
    assert len({message.event_id for message in rig.backend.typed}) == 1
    await new_caller().open()


async def test_redis_away_takes_only_what_needs_it(rig, caller, new_caller):
    rig.redis.is_up = False
    await caller.open(Config(text_only=True))
    await caller.say("你好")
    await caller.until("reply")
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await new_caller().open(Config(session_id="earlier"))
    assert error.value.code() == grpc.StatusCode.UNAVAILABLE
    assert "Redis" in error.value.details()


async def test_speech_cuts_the_reply_off_within_150_ms(rig, caller, wait_until):
    loop = asyncio.get_running_loop()
    rig.backend.script.speech_chunks = 0
    await caller.open()
    await caller.say("你好")
    reply = (await caller.until("reply")).reply
    session = rig.backend.typed[0].envelope.session
    from_tests = rig.backend

    async def say_chunk(index: int) -> None:
        chunk = tone(reply.utterance_id, index)
        await from_tests.say(SPEECH, session, chunk, f"{reply.utterance_id}/speech/0/{index}")

    for index in range(5):
        await say_chunk(index)
    await caller.until("audio")
    await caller.call.write(ConverseRequest(playback=Playback(utterance_id=reply.utterance_id, played_ms=120)))
    await wait_until(lambda: rig.backend.control_events("playback"))
    began_s = loop.time()
    await from_tests.transcribe(session, Transcript.KIND_SPEECH_STARTED, 0, speech_start_sample=0)
    last = (await caller.until("audio", is_last=True)).audio
    assert last.cancelled
    assert loop.time() - began_s < 0.15
    await say_chunk(5)
    await wait_until(lambda: rig.backend.control_events("interrupt"))
    interrupt = rig.backend.control_events("interrupt")[0].interrupt
    assert interrupt.utterance_id == reply.utterance_id
    assert 100 <= interrupt.heard_ms <= 500
    await caller.say("再见")
    await caller.until("reply")
    late = [r.audio for r in caller.received if r.HasField("audio") and r.audio.utterance_id == reply.utterance_id]
    assert sum(audio.is_last for audio in late) == 1
    assert late[-1].is_last


async def test_client_interrupt_before_the_reply_leaves_text_only(rig, caller, wait_until):
    rig.backend.script.answers = False
    await caller.open()
    await caller.say("你好")
    await caller.until("transcript")
    await caller.call.write(ConverseRequest(interrupt=InterruptInput()))
    await wait_until(lambda: rig.backend.control_events("interrupt"))
    assert not rig.backend.control_events("interrupt")[0].interrupt.HasField("heard_ms")
    rig.backend.script.answers = True
    typed = rig.backend.typed[0].envelope
    await rig.backend.answer(typed.session, typed.transcript.utterance_id, "你好")
    last = await caller.until("audio")
    assert last.audio == AudioOutput(utterance_id=typed.transcript.utterance_id, is_last=True, cancelled=True)
    assert "reply" in caller.kinds()


async def test_reply_without_its_transcript_comes_after_a_moment(rig, caller):
    await caller.open(Config(text_only=True))
    session = None
    await caller.say("你好")
    await caller.until("reply")
    session = rig.backend.typed[0].envelope.session
    lost = Reply(utterance_id=f"{session.session_id}/7", text="还在", is_last=True)
    await rig.backend.say(REPLIES, session, lost, f"{lost.utterance_id}/reply/0")
    assert (await caller.until("reply")).reply.text == "还在"


async def test_drain_ends_sessions_so_that_they_can_be_resumed_elsewhere(rig, caller):
    started = await caller.open()
    await rig.registry.drain()
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await caller.next()
    assert error.value.code() == grpc.StatusCode.UNAVAILABLE
    assert rig.backend.control_events("session_ended")[0].session_ended.reason == "drain"
    other = await rig.another_gateway()
    connection = await other.connect(Config(resume_token=started.session_started.resume_token))
    assert connection.resumed
    await other.aclose()


def tone(utterance_id: str, index: int):
    """100 ms of speech."""
    from voxcart_api.bus.v1.bus_pb2 import SpeechChunk

    return SpeechChunk(utterance_id=utterance_id, chunk=index, pcm_s16le=b"\x10\x27" * 2400, sample_rate_hz=24_000)
