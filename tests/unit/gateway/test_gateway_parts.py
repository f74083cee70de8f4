"""The gateway's parts on their own: audio in and out, outbox, playback, turns, load."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxcart.errors import InvalidInput
from voxcart_api.gateway.v1.gateway_pb2 import AudioOutput, ConverseResponse, ReplyResult
from voxcart_services.gateway.audio_input import AudioInput, RealTimePacer
from voxcart_services.gateway.load import LoadMonitor
from voxcart_services.gateway.outbox import Outbox
from voxcart_services.gateway.playback import Playback
from voxcart_services.gateway.turns import ReceiveTimes, SeenEvents
from voxcart_services.gateway.validation import StreamFormat

pytestmark = pytest.mark.unit


def pcm_of(seconds: float, sample_rate_hz: int, num_channels: int = 1) -> bytes:
    """A rising tone."""
    time_s = np.arange(int(seconds * sample_rate_hz)) / sample_rate_hz
    tone = (np.sin(2 * np.pi * (200 + 400 * time_s) * time_s) * 9000).astype("<i2")
    return np.repeat(tone, num_channels).tobytes()


def chunked(pcm: bytes, audio_format: StreamFormat, cuts: list[int]) -> list:
    """The chunks that come of ``pcm`` cut at ``cuts`` frames."""
    source = AudioInput(audio_format)
    frame_bytes = 2 * audio_format.num_channels
    bounds = [0, *sorted(cut * frame_bytes for cut in cuts), len(pcm)]
    chunks = []
    for begin, end in itertools.pairwise(bounds):
        if end > begin:
            chunks += source.push(pcm[begin:end])
    return chunks + source.end()


@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(0, 9600), max_size=8), rate_hz=st.sampled_from([8_000, 16_000, 44_100, 48_000]))
def test_any_way_of_cutting_the_input_gives_the_same_audio(cuts, rate_hz):
    audio_format = StreamFormat(False, rate_hz, 2)
    pcm = pcm_of(9600 / rate_hz, rate_hz, 2)
    whole, pieces = chunked(pcm, audio_format, []), chunked(pcm, audio_format, cuts)
    assert [chunk.first_sample for chunk in whole] == [chunk.first_sample for chunk in pieces]
    one = np.frombuffer(b"".join(chunk.pcm_s16le for chunk in whole), "<i2").astype(int)
    other = np.frombuffer(b"".join(chunk.pcm_s16le for chunk in pieces), "<i2").astype(int)
    assert np.abs(one - other).max() <= 1
    assert len(one) == pytest.approx(9600 * 16_000 / rate_hz, abs=2)


def test_end_comes_once_and_positions_go_on():
    source = AudioInput(StreamFormat(False, 16_000, 1), next_sample=5_000)
    assert source.end() == []
    chunks = source.push(bytes(2 * 1500)) + source.end()
    assert [(c.first_sample, len(c.pcm_s16le), c.end_of_input) for c in chunks] == [
        (5_000, 2048, False),
        (6_024, 952, True),
    ]
    assert source.end() == []
    chunks = source.push(bytes(2 * 1024)) + source.end()
    assert [(c.first_sample, len(c.pcm_s16le), c.end_of_input) for c in chunks] == [
        (6_500, 2048, False),
        (7_524, 0, True),
    ]


def test_pacer_bounds_the_lead_and_gives_no_credit_for_pauses():
    pacer = RealTimePacer(max_lead_s=10)
    assert pacer.delay_s(9, now_s=0) == 0
    assert pacer.delay_s(2, now_s=0) == pytest.approx(1)
    assert pacer.delay_s(1, now_s=100) == 0
    assert pacer.delay_s(12, now_s=100) == pytest.approx(3)


def response(size: int = 10, *, is_last: bool = False, utterance_id: str = "s/1") -> ConverseResponse:
    """A piece of audio."""
    return ConverseResponse(audio=AudioOutput(utterance_id=utterance_id, data=bytes(size), is_last=is_last))


def test_outbox_numbers_what_is_sent_and_repeats_what_was_lost():
    box = Outbox(10_000)
    box.connect(0)
    for _ in range(4):
        box.put(response())
    assert [box.take().sequence for _ in range(3)] == [1, 2, 3]
    box.disconnect()
    box.put(response())
    box.connect(1)
    assert [box.take().sequence for _ in range(4)] == [2, 3, 4, 5]
    assert box.take() is None
    with pytest.raises(InvalidInput):
        box.connect(6)


def test_outbox_of_a_lost_client_drops_the_oldest_audio_first():
    box = Outbox(1_000)
    box.put(ConverseResponse(reply=ReplyResult(text="你好")))
    for index in range(20):
        box.put(response(100, utterance_id=f"s/{index}"))
    box.put(response(0, is_last=True))
    box.connect(0)
    taken = []
    while (one := box.take()) is not None:
        taken.append(one)
    assert taken[0].reply.text == "你好"
    assert taken[-1].audio.is_last
    assert [one.sequence for one in taken] == list(range(1, len(taken) + 1))
    assert taken[1].audio.utterance_id > "s/1"
    assert sum(one.ByteSize() for one in taken) <= 1_100


def test_outbox_tells_when_a_connected_client_does_not_read():
    box = Outbox(1_000)
    box.connect(0)
    for _ in range(20):
        box.put(response(100))
    assert box.is_overflowing
    box.disconnect()
    assert not box.is_overflowing
    assert len(box) < 20


def test_dropped_responses_leave_no_gap():
    box = Outbox(10_000)
    box.connect(0)
    box.put(response(utterance_id="s/1"))
    box.put(response(utterance_id="s/2"))
    assert len(box.drop(lambda one: one.audio.utterance_id == "s/1")) == 1
    assert box.take().sequence == 1


def test_playback_ends_when_everything_sent_was_heard():
    playback = Playback()
    assert playback.current(0) == ""
    playback.audio_sent("s/1", 500, 0.0, is_last=False)
    playback.audio_sent("s/1", 500, 0.1, is_last=True)
    assert playback.current(0.9) == "s/1"
    assert playback.heard_ms(0.9) is None
    assert playback.current(1.0) == ""


def test_playback_trusts_reports():
    playback = Playback()
    playback.audio_sent("s/1", 2000, 0.0, is_last=True)
    playback.report("s/1", 100, 1.0)
    assert playback.heard_ms(1.5) == 600
    assert playback.current(2.5) == "s/1"
    playback.report("s/1", 2000, 2.6)
    assert playback.current(2.6) == ""


def test_next_reply_is_heard_after_the_one_before():
    playback = Playback()
    playback.audio_sent("s/1", 1000, 0.0, is_last=True)
    playback.audio_sent("s/2", 1000, 0.2, is_last=True)
    assert playback.current(1.9) == "s/2"
    assert playback.current(2.0) == ""


def test_seen_events_forget_the_oldest():
    seen = SeenEvents(capacity=2)
    assert seen.is_new("a")
    assert seen.is_new("b")
    assert not seen.is_new("a")
    assert seen.is_new("c")
    assert seen.is_new("b")


def test_receive_times_are_interpolated():
    times = ReceiveTimes(16_000)
    times.received(1_024, 10.0)
    times.received(2_048, 10.064)
    assert times.at_s(2_048) == pytest.approx(10.064)
    assert times.at_s(1_536) == pytest.approx(10.032)
    assert times.at_s(9_999) is None


def test_load_refuses_while_the_bus_or_the_answers_are_slow():
    load = LoadMonitor(max_publish_s=0.5, max_answer_s=5)
    assert load.trouble(0) == ""
    load.published(0.9, 0)
    assert "bus" in load.trouble(1)
    assert load.trouble(6) == ""
    for _ in range(3):
        load.turn_answered(9, 6)
    assert "answers" in load.trouble(7)
    assert load.trouble(60) == ""
