"""A conversation over gRPC: typed and spoken turns, order, duplicates, formats."""

import pytest

from voxcart_api.bus.v1.bus_pb2 import TRANSCRIPT_SOURCE_TYPED
from voxcart_api.gateway.v1.gateway_pb2 import (
    AUDIO_ENCODING_OPUS,
    AudioFormat,
    Config,
    ConverseRequest,
    EndOfAudio,
)

pytestmark = pytest.mark.unit


async def test_typed_text_is_answered_in_order_with_gapless_sequence(rig, caller):
    started = await caller.open()
    assert started.sequence == 1
    assert started.session_started.session_id
    await caller.say("我想\n买\x00苹果")
    await caller.until("audio", is_last=True)
    assert caller.kinds() == ["session_started", "transcript", "understanding", "reply"] + ["audio"] * 4
    assert [response.sequence for response in caller.received] == list(range(1, 9))
    transcript = caller.received[1].transcript
    assert transcript.is_final
    assert transcript.text == "我想 买苹果"
    typed = rig.backend.typed[0].envelope
    assert typed.transcript.source == TRANSCRIPT_SOURCE_TYPED
    assert typed.transcript.utterance_id == f"{started.session_started.session_id}/t0"
    assert typed.event_id == f"{started.session_started.session_id}/t0/final"


async def test_spoken_turn_measures_from_the_end_of_speech(rig, caller):
    await caller.open()
    await caller.speak()
    await caller.until("audio", is_last=True)
    assert caller.kinds()[:6] == [
        "session_started",
        "speech_started",
        "speech_stopped",
        "transcript",
        "understanding",
        "reply",
    ]
    stages = {timing.stage for response in caller.received for timing in response.transcript.timing}
    assert "gateway.speech_end_to_final" in stages
    audio = next(response.audio for response in caller.received if response.HasField("audio"))
    assert [timing.stage for timing in audio.timing] == ["gateway.speech_end_to_first_audio"]


async def test_chunks_on_the_bus_are_gapless_64_ms(rig, caller, wait_until):
    await caller.open(Config(input_audio=AudioFormat(sample_rate_hz=48_000)))
    await caller.speak(48_000)
    await caller.call.write(ConverseRequest(end_of_audio=EndOfAudio()))
    await wait_until(lambda: any(message.envelope.audio.end_of_input for message in rig.backend.audio))
    chunks = [message.envelope.audio for message in rig.backend.audio]
    position = 0
    for chunk in chunks:
        assert chunk.first_sample == position
        assert len(chunk.pcm_s16le) <= 2048
        position += len(chunk.pcm_s16le) // 2
    assert position == pytest.approx(16_000, abs=20)
    assert len({message.event_id for message in rig.backend.audio}) == len(chunks)


async def test_hot_words_ride_in_front_and_every_five_seconds(rig, caller, wait_until):
    await caller.open(Config(hot_words=["红富士", "Ｍａｔｅ 60", "红富士"]))
    for _ in range(11):
        await caller.speak(16_000)
    await caller.call.write(ConverseRequest(end_of_audio=EndOfAudio()))
    await wait_until(lambda: any(message.envelope.audio.end_of_input for message in rig.backend.audio))
    heard = [message.envelope for message in rig.backend.audio if message.envelope.session.hot_words]
    assert [list(envelope.session.hot_words) for envelope in heard] == [["红富士", "Mate 60"]] * 3
    assert [envelope.audio.first_sample for envelope in heard] == [0, 80_896, 161_792]
    assert {message.envelope.session.user_id for message in rig.backend.audio} == {heard[0].session.user_id}


async def test_every_event_twice_reaches_the_client_once(rig, caller):
    rig.backend.script.copies = 2
    await caller.open()
    await caller.say("你好")
    await caller.until("audio", is_last=True)
    await caller.say("再见")
    await caller.until("audio", is_last=True)
    assert caller.kinds().count("reply") == 2
    assert caller.kinds().count("transcript") == 2
    assert caller.kinds().count("audio") == 8


async def test_causal_order_is_restored_across_topics(rig, caller):
    rig.backend.script.unordered = True
    await caller.open()
    await caller.speak()
    await caller.until("audio", is_last=True)
    kinds = caller.kinds()
    order = [kinds.index(kind) for kind in ("transcript", "understanding", "reply", "audio")]
    assert order == sorted(order)
    assert kinds.count("understanding") == 1


async def test_opus_out_is_one_packet_a_message(caller):
    from voxcart.audio.opus import OpusDecoder

    await caller.open(Config(output_audio=AudioFormat(encoding=AUDIO_ENCODING_OPUS, sample_rate_hz=48_000)))
    await caller.say("你好")
    await caller.until("audio", is_last=True)
    packets = [response.audio.data for response in caller.received if response.audio.data]
    decoder = OpusDecoder()
    num_samples = sum(len(decoder.push(packet)) for packet in packets)
    assert num_samples == pytest.approx(0.3 * 48_000, rel=0.15)


async def test_opus_in_is_recognised(rig, caller):
    import numpy as np

    from voxcart.audio.opus import OpusEncoder

    await caller.open(Config(input_audio=AudioFormat(encoding=AUDIO_ENCODING_OPUS, sample_rate_hz=16_000)))
    encoder = OpusEncoder(16_000)
    tone = (np.sin(np.arange(8000) * 2 * np.pi * 300 / 16_000) * 9000).astype("<i2")
    for packet in encoder.push(np.concatenate([tone, np.zeros(12_000, "<i2")]).tobytes()):
        await caller.send_audio(packet)
    await caller.until("transcript", is_final=True)


@pytest.mark.parametrize("rate_hz", [8_000, 22_050, 44_100, 48_000])
async def test_pcm_out_has_the_rate_asked_for(caller, rate_hz):
    started = await caller.open(Config(output_audio=AudioFormat(sample_rate_hz=rate_hz)))
    assert started.session_started.output_audio.sample_rate_hz == rate_hz
    await caller.say("你好")
    await caller.until("audio", is_last=True)
    num_bytes = sum(len(response.audio.data) for response in caller.received)
    assert num_bytes / 2 == pytest.approx(0.3 * rate_hz, abs=4)


async def test_text_only_session_gets_no_audio(caller):
    await caller.open(Config(text_only=True))
    await caller.say("你好")
    await caller.until("reply")
    await caller.call.done_writing()
    with pytest.raises(EOFError):
        await caller.next()


async def test_closing_the_sending_side_still_gives_what_is_awaited(rig, caller, wait_until):
    await caller.open()
    await caller.say("你好")
    await caller.call.done_writing()
    await caller.until("audio", is_last=True)
    with pytest.raises(EOFError):
        await caller.next()
    await wait_until(lambda: rig.backend.control_events("session_ended"))
    assert rig.backend.control_events("session_ended")[0].session_ended.reason == "client_closed"
    await wait_until(lambda: len(rig.registry) == 0)
