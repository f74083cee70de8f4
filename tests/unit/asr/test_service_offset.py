"""A constant offset is taken out, and audio without one is left alone."""

import numpy as np
import pytest

from voxcart_services.asr.offset import OffsetRemover

pytestmark = pytest.mark.unit

RNG = np.random.default_rng(3)
NOISE = RNG.normal(0, 0.002, (200, 512)).astype(np.float32)
TONE = (0.3 * np.sin(2 * np.pi * 173 * np.arange(200 * 512) / 16_000)).astype(np.float32).reshape(200, 512)


@pytest.mark.parametrize("offset", [0.05, -0.3])
def test_an_offset_is_taken_out_from_the_first_frame_on(offset: float) -> None:
    clean = OffsetRemover().remove(NOISE + np.float32(offset))
    assert np.abs(clean.mean(axis=1)).max() < 0.002
    assert np.abs(clean - NOISE).max() < 0.002


def test_audio_without_an_offset_passes_as_it_is() -> None:
    assert OffsetRemover().remove(NOISE) is NOISE
    loud = OffsetRemover().remove(TONE)
    assert np.abs(loud - TONE).max() < 0.02


def test_how_the_frames_come_does_not_matter() -> None:
    frames = TONE + np.float32(0.1)
    whole, pieces = OffsetRemover(), OffsetRemover()
    expected = whole.remove(frames)
    cuts = np.split(frames, [1, 2, 7, 64, 65, 150])
    assert np.array_equal(np.concatenate([pieces.remove(piece) for piece in cuts]), expected)


def test_a_reset_begins_anew() -> None:
    remover = OffsetRemover()
    remover.remove(NOISE + np.float32(0.2))
    remover.reset()
    assert remover.remove(NOISE) is NOISE
