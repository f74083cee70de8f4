"""Log mel filter banks as icefall models are trained on: Kaldi's, 25 ms every 10 ms, Povey window, no dither.

A frame depends on the 400 samples around it and on nothing else, so frames are computed where they are wanted from a
piece of the audio; no extractor has to be kept or copied for an utterance.
"""

from __future__ import annotations

import kaldi_native_fbank as knf
import numpy as np

SAMPLE_RATE_HZ = 16_000
FRAME_SHIFT_SAMPLES = 160
FRAME_SHIFT_MS = 10
_FRAME_SAMPLES = 400
# Frame i begins here, relative to sample 160 * i: frames are centred, their edges mirrored at the ends of the audio.
_FRAME_BEGIN = (FRAME_SHIFT_SAMPLES - _FRAME_SAMPLES) // 2
_HIGH_FREQ_HZ = -400.0


def num_frames(num_samples: int, *, is_whole: bool) -> int:
    """Frames of so many samples; those whose window ends in audio to come are counted only if there is none."""
    if is_whole:
        return (num_samples + FRAME_SHIFT_SAMPLES // 2) // FRAME_SHIFT_SAMPLES
    beyond = num_samples - (_FRAME_BEGIN + _FRAME_SAMPLES)
    return beyond // FRAME_SHIFT_SAMPLES + 1 if beyond >= 0 else 0


def first_sample_needed(frame: int) -> int:
    """Where the audio has to begin for `fbank` to compute this frame and later ones."""
    return max(0, frame - 1) * FRAME_SHIFT_SAMPLES


class Fbank:
    """Computes log mel filter bank frames. Without state; safe to share."""

    def __init__(self, num_mels: int = 80) -> None:
        options = knf.FbankOptions()
        options.frame_opts.samp_freq = SAMPLE_RATE_HZ
        options.frame_opts.dither = 0.0
        options.frame_opts.snip_edges = False
        options.mel_opts.num_bins = num_mels
        options.mel_opts.high_freq = _HIGH_FREQ_HZ
        self._options = options
        self.num_mels = num_mels

    def frames(self, audio: np.ndarray, audio_start: int, begin: int, end: int, *, is_whole: bool) -> np.ndarray:
        """Frames `begin` to `end` of the utterance.

        Args:
            audio: float32 `[num_samples]` in [-1, 1] at 16 kHz, from `first_sample_needed(begin)` or earlier.
            audio_start: Position of `audio[0]` in the utterance.
            begin, end: Frame numbers; `end` is at most `num_frames` of the samples up to the end of `audio`.
            is_whole: The utterance ends with `audio`.

        Returns:
            float32 `[end - begin, num_mels]`.
        """
        if end <= begin:
            return np.zeros((0, self.num_mels), dtype=np.float32)
        piece_start = first_sample_needed(begin)
        piece = audio[piece_start - audio_start :]
        if not is_whole:
            piece = piece[: (end - 1) * FRAME_SHIFT_SAMPLES + _FRAME_BEGIN + _FRAME_SAMPLES - piece_start]
        extractor = knf.OnlineFbank(self._options)
        extractor.accept_waveform(SAMPLE_RATE_HZ, piece.tolist())
        if is_whole:
            extractor.input_finished()
        # The first frame of a piece that does not begin the utterance has a mirrored edge; it is never asked for.
        offset = piece_start // FRAME_SHIFT_SAMPLES
        frames = np.empty((end - begin, self.num_mels), dtype=np.float32)
        for row, frame in enumerate(range(begin - offset, end - offset)):
            frames[row] = extractor.get_frame(frame)
        return frames
