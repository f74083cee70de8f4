"""Filter bank frames computed in pieces are those of the whole, to the bit."""

from __future__ import annotations

import kaldi_native_fbank as knf
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.tiny_zipformer import tiny_speech

from voxcart_services.asr.transducer.features import Fbank, first_sample_needed, num_frames

pytestmark = pytest.mark.unit

SAMPLES = tiny_speech(1.0, 1)


def whole(samples: np.ndarray, is_finished: bool) -> np.ndarray:
    """By the library's own extractor, fed at once."""
    options = knf.FbankOptions()
    options.frame_opts.dither = 0
    options.frame_opts.snip_edges = False
    options.mel_opts.num_bins = 80
    options.mel_opts.high_freq = -400
    extractor = knf.OnlineFbank(options)
    extractor.accept_waveform(16_000, samples.tolist())
    if is_finished:
        extractor.input_finished()
    frames = [extractor.get_frame(frame).copy() for frame in range(extractor.num_frames_ready)]
    return np.array(frames, dtype=np.float32).reshape(-1, 80)


@pytest.mark.parametrize("num_samples", [0, 1, 80, 279, 280, 400, 439, 440, 8_000, 15_999])
@pytest.mark.parametrize("is_whole", [False, True])
def test_frames_are_counted_as_kaldi_counts(num_samples: int, is_whole: bool) -> None:
    if num_samples == 0 and is_whole:
        assert num_frames(0, is_whole=True) == 0
        return
    assert num_frames(num_samples, is_whole=is_whole) == len(whole(SAMPLES[:num_samples], is_whole))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 6_000), min_size=1, max_size=6), st.booleans())
def test_pieces_are_the_whole(lengths: list[int], is_whole: bool) -> None:
    fbank, found, begin = Fbank(), [], 0
    total = min(sum(lengths), len(SAMPLES))
    ends = [min(end, total) for end in np.cumsum(lengths).tolist()]
    for index, end_sample in enumerate(ends):
        is_last = index == len(ends) - 1 and is_whole
        end = num_frames(end_sample, is_whole=is_last)
        start = first_sample_needed(begin)
        found.append(fbank.frames(SAMPLES[start:end_sample], start, begin, end, is_whole=is_last))
        begin = max(begin, end)
    assert np.array_equal(np.concatenate(found), whole(SAMPLES[:total], is_whole))
