"""Takes a constant offset (DC) out of a stream, frame by frame.

Cheap sound cards add a constant to every sample, which voice activity and turn models were not trained on. The offset
is followed by an exponential mean of the frames' means. Audio without a noticeable offset passes unchanged, bit for
bit; frames are those of the stream, so the result does not depend on how it was cut.
"""

from __future__ import annotations

import numpy as np

_NEW_SHARE = 1 / 16
_NOTICEABLE = 0.004


class OffsetRemover:
    """The offset of one stream; starts with the mean of its first frame."""

    def __init__(self) -> None:
        self._offset: float | None = None

    def reset(self) -> None:
        """Forgets the offset: the next frame is the first."""
        self._offset = None

    def remove(self, frames: np.ndarray) -> np.ndarray:
        """Takes the next frames.

        Args:
            frames: float32 `[num_frames, frame_samples]`.

        Returns:
            The frames themselves when no noticeable offset was found, else new ones without it.
        """
        offset = self._offset
        offsets = []
        scale = 1 / frames.shape[1]
        for total in np.add.reduce(frames, axis=1).tolist():
            mean = total * scale
            offset = mean if offset is None else offset + _NEW_SHARE * (mean - offset)
            offsets.append(offset if abs(offset) > _NOTICEABLE else 0.0)
        self._offset = offset
        if not any(offsets):
            return frames
        return frames - np.array(offsets, dtype=np.float32)[:, None]
