"""Audio intake: PCM cut anywhere, bad formats, and the sample buffer."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxcart.audio.buffer import SampleBuffer
from voxcart.audio.intake import PcmIntake, check_format, check_samples
from voxcart.errors import InvalidInput

pytestmark = pytest.mark.unit

TONE = (np.sin(np.arange(4_000) / 9) * 12_000).astype("<i2").tobytes()


@settings(max_examples=30, deadline=None)
@given(
    cuts=st.lists(st.integers(0, len(TONE)), max_size=20),
    rate_hz=st.sampled_from([8_000, 16_000, 44_100, 48_000]),
    channels=st.sampled_from([1, 2]),
)
def test_any_cutting_gives_the_same_samples(cuts: list[int], rate_hz: int, channels: int) -> None:
    whole = PcmIntake(rate_hz, channels)
    expected = np.concatenate([whole.push(TONE), whole.finish()])
    intake, pieces, last = PcmIntake(rate_hz, channels), [], 0
    for cut in [*sorted(cuts), len(TONE)]:
        pieces.append(intake.push(TONE[last:cut]))
        last = cut
    np.testing.assert_allclose(np.concatenate([*pieces, intake.finish()]), expected, atol=1e-6)


def test_single_bytes_are_put_together() -> None:
    intake = PcmIntake()
    samples = np.concatenate([intake.push(TONE[i : i + 1]) for i in range(200)])
    np.testing.assert_array_equal(samples, np.frombuffer(TONE[:200], "<i2") / np.float32(32_768))


def test_an_odd_number_of_bytes_is_told_at_the_end() -> None:
    intake = PcmIntake()
    intake.push(TONE[:101])
    with pytest.raises(InvalidInput, match="1 byte"):
        intake.finish()


@pytest.mark.parametrize(("rate_hz", "channels"), [(0, 1), (7_999, 1), (96_000, 1), (-1, 1), (16_000, 0), (16_000, 3)])
def test_bad_formats_are_refused(rate_hz: int, channels: int) -> None:
    with pytest.raises(InvalidInput):
        check_format(rate_hz, channels)


@pytest.mark.parametrize("bad", [[np.nan], [np.inf], [[0.0]]])
def test_samples_that_are_no_signal_are_refused(bad: list) -> None:
    with pytest.raises(InvalidInput):
        check_samples(np.array(bad))


def test_nothing_is_fine() -> None:
    intake = PcmIntake(8_000, 2)
    assert len(intake.push(b"")) == 0
    assert len(intake.finish()) == 0


@settings(max_examples=50, deadline=None)
@given(sizes=st.lists(st.integers(0, 3_000), max_size=30), keep=st.integers(0, 5_000))
def test_the_buffer_keeps_the_newest_samples_at_their_positions(sizes: list[int], keep: int) -> None:
    buffer, position = SampleBuffer(40_000, start=70), 70
    for size in sizes:
        buffer.append(np.arange(position, position + size, dtype=np.float32))
        position += size
        buffer.drop_before(position - keep)
        assert buffer.end == position
        start = max(buffer.start, position - keep)
        np.testing.assert_array_equal(buffer.view(start, position), np.arange(start, position, dtype=np.float32))


def test_the_buffer_refuses_what_it_does_not_have() -> None:
    buffer = SampleBuffer(10)
    with pytest.raises(ValueError, match="at most 10"):
        buffer.append(np.zeros(11, np.float32))
    buffer.append(np.zeros(10, np.float32))
    buffer.drop_before(5)
    with pytest.raises(ValueError, match="not in"):
        buffer.view(0, 7)
