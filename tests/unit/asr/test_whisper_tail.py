"""What stands for silence that is not computed, and the features of what is."""

import numpy as np
import pytest

from voxcart_services.asr.whisper import features
from voxcart_services.asr.whisper.features import level_gain, log_mel
from voxcart_services.asr.whisper.tail import SilenceTail

pytestmark = pytest.mark.unit

POSITIONS, DEPTH = 300, 4


def numbered(stride: int) -> SilenceTail:
    """A tail whose keys and values tell their position."""
    places = np.arange(POSITIONS, dtype=np.float32)
    keys = np.broadcast_to(places, (1, 1, DEPTH, POSITIONS))
    values = np.broadcast_to(places[:, None], (1, 1, POSITIONS, DEPTH))
    names = ("key.0", "cross_key.0"), ("value.0", "cross_value.0")
    return SilenceTail(
        {name: array for group, array in zip(names, (keys, values), strict=True) for name in group}, stride
    )


@pytest.mark.parametrize("stride", [1, 7, 10])
@pytest.mark.parametrize("start", [5, 100, 249, 251, 299])
def test_every_position_of_the_rest_is_stood_for(start: int, stride: int) -> None:
    tail = numbered(stride)
    feeds, weights = tail.feeds(start), tail.weights(start)
    assert weights.sum() == POSITIONS - start
    np.testing.assert_allclose(np.exp(feeds["tail_bias"]), weights, rtol=1e-5)
    keys, values = feeds["tail_key.0"][0, 0, 0], feeds["cross_tail_value.0"][0, 0, :, 0]
    np.testing.assert_array_equal(keys, values)
    assert keys[0] == start
    assert (np.diff(keys) > 0).all()
    assert keys[-1] < POSITIONS
    whole = min(50, POSITIONS - start)
    np.testing.assert_array_equal(keys[:whole], np.arange(start, start + whole))
    if stride > 1 and start < 200:
        assert len(keys) < (POSITIONS - start) / 2 + 50


def test_an_entry_is_the_middle_of_what_it_stands_for() -> None:
    keys, weights = numbered(10).feeds(100)["tail_key.0"][0, 0, 0], numbered(10).weights(100)
    ends = 100 + np.cumsum(weights)
    assert (np.abs(keys - (ends - weights / 2)) <= 1).all()


@pytest.mark.parametrize("num_mels", [80, 128])
def test_features_have_a_frame_every_10_ms_and_follow_the_pitch(num_mels: int) -> None:
    time = np.arange(16_000) / 16_000
    low, high = (log_mel(np.sin(2 * np.pi * hz * time).astype(np.float32), num_mels) for hz in (300, 3_000))
    assert low.shape == high.shape == (num_mels, 100)
    assert low.dtype == np.float32
    assert low[:, 50].argmax() < high[:, 50].argmax()
    assert low.max() - low.min() == pytest.approx(2.0, abs=1e-3)


def test_the_same_sound_at_any_level_is_brought_to_one_level() -> None:
    rng = np.random.default_rng(0)
    sound = np.concatenate([rng.normal(0, 0.001, 16_000), rng.normal(0, 0.1, 16_000)]).astype(np.float32)
    features = [log_mel(sound * np.float32(level) * level_gain(sound * np.float32(level), -17.0)) for level in (1, 0.2)]
    np.testing.assert_allclose(features[0], features[1], atol=1e-4)
    loud = (sound * level_gain(sound, -17.0))[16_000:]
    assert 10 * np.log10(np.mean(loud**2)) == pytest.approx(-17.0, abs=0.3)


def test_silence_stays_silent_and_noise_is_raised_by_30_db_at_most() -> None:
    assert level_gain(np.zeros(8_000, np.float32), -17.0) == 1
    assert level_gain(np.ones(100, np.float32), -17.0) == 1
    hiss = np.random.default_rng(0).normal(0, 1e-4, 8_000).astype(np.float32)
    assert level_gain(hiss, -17.0) == pytest.approx(10 ** (30 / 20))


@pytest.mark.parametrize("num_mels", [80, 128])
def test_bands_are_the_product_with_the_filters_without_their_zeros(num_mels: int) -> None:
    power = np.random.default_rng(0).random((30, 201), dtype=np.float32)
    bands = features._mel_bands(power, num_mels)
    assert bands.shape == (num_mels, 30)
    np.testing.assert_allclose(bands, features._mel_filters(num_mels) @ power.T, atol=1e-6)
