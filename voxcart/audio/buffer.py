"""The recent samples of an endless stream, addressed by their position in it."""

import numpy as np
from numpy.typing import NDArray


class SampleBuffer:
    """Keeps a window of a mono stream; memory is bounded by the capacity.

    Positions count samples since the start of the stream.
    """

    def __init__(self, capacity_samples: int, start: int = 0) -> None:
        """
        Args:
            capacity_samples: Most samples that may be kept at a time.
            start: Position of the first sample that will be appended.
        """
        self._samples = np.zeros(max(1, min(capacity_samples, 16_000)), dtype=np.float32)
        self._capacity = capacity_samples
        self._offset = 0
        self._length = 0
        self._start = start

    @property
    def start(self) -> int:
        """Position of the oldest sample that is kept."""
        return self._start

    @property
    def end(self) -> int:
        """Position after the newest sample."""
        return self._start + self._length

    def append(self, samples: NDArray[np.float32]) -> None:
        """Adds samples at the end.

        Raises:
            ValueError: More samples would be kept than the capacity allows; drop some first.
        """
        if self._length + len(samples) > self._capacity:
            raise ValueError(f"the buffer holds at most {self._capacity} samples")
        self._make_room(len(samples))
        begin = self._offset + self._length
        self._samples[begin : begin + len(samples)] = samples
        self._length += len(samples)

    def drop_before(self, position: int) -> None:
        """Forgets what is older than `position`."""
        count = min(max(0, position - self._start), self._length)
        self._offset += count
        self._start += count
        self._length -= count

    def view(self, start: int, end: int) -> NDArray[np.float32]:
        """A view of the samples in [start, end), valid until the next `append`.

        Raises:
            ValueError: Some of them are not kept.
        """
        if not self._start <= start <= end <= self.end:
            raise ValueError(f"samples {start}..{end} are not in {self._start}..{self.end}")
        begin = self._offset + start - self._start
        return self._samples[begin : begin + end - start]

    def _make_room(self, count: int) -> None:
        needed = self._length + count
        if self._offset + needed <= len(self._samples):
            return
        kept = self._samples[self._offset : self._offset + self._length]
        size = len(self._samples)
        while size < needed:
            size *= 2
        target = self._samples if size == len(self._samples) else np.zeros(size, dtype=np.float32)
        target[: self._length] = kept.copy()
        self._samples, self._offset = target, 0
