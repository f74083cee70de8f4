"""PCM, resampling and Opus."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxcart.audio.opus import OpusDecoder, OpusEncoder
from voxcart.audio.pcm import to_pcm_s16le, to_samples
from voxcart.audio.resample import StreamingResampler
from voxcart.errors import InvalidInput

pytestmark = pytest.mark.unit


def tone(seconds: float, rate_hz: int, frequency_hz: float = 440.0) -> np.ndarray:
    """A sine at half of full scale."""
    return (np.sin(np.arange(int(seconds * rate_hz)) * 2 * np.pi * frequency_hz / rate_hz) * 0.5).astype(np.float32)


def test_pcm_there_and_back_is_exact():
    pcm = np.arange(-32_768, 32_767, 7, dtype="<i2").tobytes()
    assert to_pcm_s16le(to_samples(pcm)) == pcm


def test_stereo_is_averaged_and_odd_bytes_are_refused():
    left_right = np.array([100, 300, -100, -300], "<i2").tobytes()
    assert to_pcm_s16le(to_samples(left_right, 2)) == np.array([200, -200], "<i2").tobytes()
    with pytest.raises(InvalidInput, match="whole frames of 4 bytes"):
        to_samples(b"\0" * 6, 2)


def test_nan_is_refused_and_loud_samples_clip():
    with pytest.raises(InvalidInput, match="finite"):
        to_pcm_s16le(np.array([0.0, np.nan]))
    assert np.frombuffer(to_pcm_s16le(np.array([2.0, -2.0])), "<i2").tolist() == [32_767, -32_768]


@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(1, 4000), max_size=6))
def test_resampling_does_not_depend_on_the_cuts(cuts):
    samples = tone(0.1, 44_100)
    whole = StreamingResampler(44_100, 16_000)
    expected = np.concatenate([whole.push(samples), whole.flush()])
    pieces = StreamingResampler(44_100, 16_000)
    bounds = sorted({0, len(samples), *cuts})
    got = [pieces.push(samples[begin:end]) for begin, end in itertools.pairwise(bounds)]
    assert np.allclose(np.concatenate([*got, pieces.flush()]), expected, atol=1e-4)


def test_resampled_tone_keeps_frequency_and_level():
    resampler = StreamingResampler(8_000, 16_000)
    out = np.concatenate([resampler.push(tone(1, 8_000)), resampler.flush()])
    assert len(out) == pytest.approx(16_000, abs=2)
    spectrum = np.abs(np.fft.rfft(out))
    assert np.argmax(spectrum) * 16_000 / len(out) == pytest.approx(440, abs=1)
    assert np.abs(out[1000:-1000]).max() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 24_000, 48_000])
def test_opus_there_and_back_sounds_the_same(rate_hz):
    encoder, decoder = OpusEncoder(rate_hz), OpusDecoder()
    pcm = to_pcm_s16le(tone(1, rate_hz))
    packets = [*encoder.push(pcm[: 1001 * 2]), *encoder.push(pcm[1001 * 2 :]), *encoder.flush()]
    assert 50 <= len(packets) <= 52
    out = np.concatenate([decoder.push(packet) for packet in packets])
    spectrum = np.abs(np.fft.rfft(out))
    assert np.argmax(spectrum) * 48_000 / len(out) == pytest.approx(440, abs=2)
    assert np.sqrt(np.mean(out[4800:43_000] ** 2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.1)


def test_broken_packets_are_refused_and_the_stream_goes_on():
    encoder, decoder = OpusEncoder(16_000), OpusDecoder()
    first, second, *_ = encoder.push(to_pcm_s16le(tone(0.1, 16_000)))
    decoder.push(first)
    with pytest.raises(InvalidInput, match="Opus packet"):
        decoder.push(b"\xff\xfejunk")
    assert len(decoder.push(second)) == 960


def test_opus_does_not_code_44100():
    with pytest.raises(InvalidInput, match="44100"):
        OpusEncoder(44_100)
