"""Change of sampling rate for audio that arrives in pieces."""

import numpy as np
import soxr
from numpy.typing import NDArray


class StreamingResampler:
    """Resamples one mono stream (soxr, high quality); any way of cutting the input gives the same output.

    Holds a few milliseconds of the input until more comes or :meth:`flush` is called. Equal rates pass through.
    """

    def __init__(self, from_rate_hz: int, to_rate_hz: int) -> None:
        self._rates_hz = (from_rate_hz, to_rate_hz)
        self._stream: soxr.ResampleStream | None = None
        if from_rate_hz != to_rate_hz:
            self._stream = self._new_stream()

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """What is known of the output after ``samples``, float32 ``[num_samples]``; may be empty."""
        if self._stream is None:
            return samples
        return self._stream.resample_chunk(samples)

    def flush(self) -> NDArray[np.float32]:
        """The rest of the output. The next ``push`` starts a new stream."""
        if self._stream is None:
            return np.zeros(0, np.float32)
        rest = self._stream.resample_chunk(np.zeros(0, np.float32), last=True)
        self._stream = self._new_stream()
        return rest

    def _new_stream(self) -> soxr.ResampleStream:
        return soxr.ResampleStream(*self._rates_hz, 1, dtype="float32", quality="HQ")
