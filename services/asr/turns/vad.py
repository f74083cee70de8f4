"""Voice activity: the probability of speech for each frame of 32 ms."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

SAMPLE_RATE_HZ = 16_000
FRAME_SAMPLES = 512
FRAME_MS = FRAME_SAMPLES * 1000 // SAMPLE_RATE_HZ


class VadStream(ABC):
    """Speech probabilities of one audio stream. One caller; at most one push at a time."""

    @abstractmethod
    async def push_frames(self, frames: np.ndarray) -> np.ndarray:
        """Probabilities of speech, 0..1, float32 `[num_frames]`, of the next frames.

        A push that was cancelled leaves the stream as it was before.

        Args:
            frames: float32 `[num_frames, 512]` at 16 kHz; not kept after the call returns.

        Raises:
            InvalidInput: `frames` has another shape.
            Unavailable: The model is closing.
        """

    @abstractmethod
    def reset(self) -> None:
        """Forgets everything: the next frame is taken as the first. Cheap."""


class Vad(ABC):
    """A voice activity model shared by all streams; makes streams."""

    @abstractmethod
    def stream(self) -> VadStream:
        """A stream that starts in silence."""

    @abstractmethod
    async def aclose(self) -> None:
        """Answers what waits with `Unavailable` and stops the thread. May be called twice."""
