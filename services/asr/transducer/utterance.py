"""What the engine keeps of one utterance: audio not yet used up, features, encoder caches, paths.

Audio turns into steps of the encoder at places that depend on the audio alone, never on when it was asked about, so the
same audio gives the same tokens however it came. The end of an utterance is found out on a copy: silence is put behind
the audio, as sherpa-onnx does, so that the encoder's right context is filled and the last tokens come out; the
utterance itself goes on from where it was if more is said.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from voxcart_services.asr.biasing import ContextGraph
from voxcart_services.asr.transducer.features import Fbank, first_sample_needed, num_frames
from voxcart_services.asr.transducer.model import EncoderState, TransducerModel
from voxcart_services.asr.transducer.search import SearchState, SearchTask

_NOTHING = np.zeros(0, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far recognition is. Immutable: the copy for a tail is the thing itself.

    Attributes:
        encoder: The encoder's caches.
        search: The paths.
        frames: Features not yet advanced over, float32 `[num_frames, num_mels]`.
        first_frame: Number of the first of them.
    """

    encoder: EncoderState
    search: SearchState
    frames: np.ndarray
    first_frame: int = 0

    @property
    def end_frame(self) -> int:
        """Number of the frame after the last one computed."""
        return self.first_frame + len(self.frames)

    def extended(self, frames: np.ndarray) -> Progress:
        """With more features."""
        return replace(self, frames=np.concatenate([self.frames, frames])) if len(frames) else self

    def advanced(self, shift_frames: int, encoder: EncoderState, search: SearchState) -> Progress:
        """After a step."""
        return Progress(encoder, search, self.frames[shift_frames:].copy(), self.first_frame + shift_frames)


class UtteranceState:
    """Used by the engine's thread only."""

    def __init__(self, model: TransducerModel, fbank: Fbank, beam_size: int, graph: ContextGraph | None) -> None:
        self._model = model
        self._fbank = fbank
        self._beam_size = beam_size
        self._graph = graph
        self._audio = _NOTHING
        self._audio_start = 0
        empty = np.zeros((0, fbank.num_mels), dtype=np.float32)
        self._main = Progress(model.initial_state(), SearchState(), empty)
        self._tail: Progress | None = None

    @property
    def current(self) -> Progress:
        """What the next step advances: the tail if one was begun."""
        return self._tail or self._main

    @property
    def has_tail(self) -> bool:
        """Whether silence was put behind the audio."""
        return self._tail is not None

    def append(self, samples: np.ndarray) -> None:
        """Takes audio, float32 `[num_samples]`, that follows what it has."""
        self._audio = np.concatenate([self._audio, samples])

    def chunk(self, end_sample: int) -> np.ndarray | None:
        """The features of the next step, float32 `[window_frames, num_mels]`; `None` when they are not all there.

        Args:
            end_sample: Audio from here on is not looked at yet; does not matter for a tail.
        """
        if self._tail is None:
            self._compute(end_sample)
        frames = self.current.frames
        window = self._model.window_frames
        # One frame more than the window must be there, as sherpa-onnx wants it: both then step at the same places.
        return frames[:window] if len(frames) > window else None

    def task(self) -> SearchTask:
        """What the search is to go on from."""
        return SearchTask(self.current.search, self._beam_size, self._graph)

    def advance(self, encoder: EncoderState, search: SearchState) -> None:
        """Takes the outcome of a step over `chunk`."""
        advanced = self.current.advanced(self._model.shift_frames, encoder, search)
        if self._tail is None:
            self._main = advanced
        else:
            self._tail = advanced

    def begin_tail(self, end_sample: int, tail_samples: int) -> None:
        """Puts silence behind the audio up to `end_sample`, on a copy; `drop_tail` goes back."""
        self._compute(end_sample)
        audio = np.concatenate([self._audio[: end_sample - self._audio_start], np.zeros(tail_samples, np.float32)])
        end = num_frames(end_sample + tail_samples, is_whole=True)
        begin = self._main.end_frame
        self._tail = self._main.extended(self._fbank.frames(audio, self._audio_start, begin, end, is_whole=True))

    def drop_tail(self) -> None:
        """Back to the audio without silence behind it."""
        self._tail = None

    def _compute(self, end_sample: int) -> None:
        """Features of all frames that end by `end_sample`; audio that no later frame needs is forgotten."""
        begin, end = self._main.end_frame, num_frames(end_sample, is_whole=False)
        if end <= begin:
            return
        frames = self._fbank.frames(self._audio, self._audio_start, begin, end, is_whole=False)
        self._main = self._main.extended(frames)
        keep_from = first_sample_needed(end)
        self._audio = self._audio[keep_from - self._audio_start :].copy()
        self._audio_start = keep_from
