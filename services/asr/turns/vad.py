"""Silero VAD: the probability of speech for each frame of 32 ms.

Silero VAD v6 (MIT) takes 512 new samples at 16 kHz preceded by the last 64 samples of the frame before, and a
recurrent state that the stream owns.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np

from voxcart.serving.sessions import SessionOptions, create_session
from voxcart_services.asr.whisper.features import SAMPLE_RATE_HZ

FRAME_SAMPLES = 512
FRAME_MS = FRAME_SAMPLES * 1000 // SAMPLE_RATE_HZ
_CONTEXT_SAMPLES = 64


class VadStream(ABC):
    """Speech probabilities of one audio stream."""

    @abstractmethod
    def push_frame(self, frame: np.ndarray) -> float:
        """Probability of speech, 0..1, in the next frame; float32 `[512]`. Blocks for well under a millisecond."""


class Vad(ABC):
    """A voice activity model; makes streams."""

    @abstractmethod
    def stream(self) -> VadStream:
        """A stream that starts in silence."""


class SileroVad(Vad):
    """Silero VAD on ONNX Runtime, one thread."""

    def __init__(self, path: Path) -> None:
        self._session = create_session(path, SessionOptions(provider="cpu", threads=1))

    def stream(self) -> VadStream:
        return _SileroStream(self)

    def infer(self, window: np.ndarray, state: np.ndarray) -> tuple[float, np.ndarray]:
        """One step: float32 `[1, 576]` and state `[2, 1, 128]` to probability and next state."""
        probability, state = self._session.run(None, {"input": window, "state": state, "sr": _RATE})
        return float(probability[0, 0]), state


class _SileroStream(VadStream):
    def __init__(self, model: SileroVad) -> None:
        self._model = model
        self._state = np.zeros((2, 1, 128), dtype=np.float32)
        self._window = np.zeros((1, _CONTEXT_SAMPLES + FRAME_SAMPLES), dtype=np.float32)

    def push_frame(self, frame: np.ndarray) -> float:
        self._window[0, :_CONTEXT_SAMPLES] = self._window[0, -_CONTEXT_SAMPLES:]
        self._window[0, _CONTEXT_SAMPLES:] = frame
        probability, self._state = self._model.infer(self._window, self._state)
        return probability


_RATE = np.array(SAMPLE_RATE_HZ, dtype=np.int64)
