"""Audio as clients send it, to what the models take: mono float samples at 16 kHz."""

import math

import numpy as np
from numpy.typing import NDArray

from voxcart.audio.pcm import BYTES_PER_SAMPLE, to_samples
from voxcart.audio.resample import StreamingResampler
from voxcart.errors import InvalidInput

MODEL_RATE_HZ = 16_000
MIN_RATE_HZ = 8_000
MAX_RATE_HZ = 48_000


def check_format(sample_rate_hz: int, num_channels: int) -> None:
    """
    Raises:
        InvalidInput: A rate outside 8,000..48,000 Hz, or other than 1 or 2 channels.
    """
    if not MIN_RATE_HZ <= sample_rate_hz <= MAX_RATE_HZ:
        raise InvalidInput(f"the sample rate must be {MIN_RATE_HZ}..{MAX_RATE_HZ} Hz, not {sample_rate_hz}")
    if num_channels not in (1, 2):
        raise InvalidInput(f"audio must have 1 or 2 channels, not {num_channels}")


def check_samples(samples: NDArray[np.floating]) -> NDArray[np.float32]:
    """Float samples fit for the models: one axis, finite, float32.

    Raises:
        InvalidInput: Another shape, or values that are NaN or infinite.
    """
    array = np.asarray(samples, dtype=np.float32)
    if array.ndim != 1:
        raise InvalidInput(f"samples must have one axis, not {array.ndim}")
    if not math.isfinite(np.dot(array, array)) and not np.isfinite(array).all():
        raise InvalidInput("audio holds samples that are no finite numbers")
    return array


class PcmIntake:
    """Turns the PCM bytes of one stream into 16 kHz mono samples; frames may be cut anywhere, even in a sample."""

    def __init__(self, sample_rate_hz: int = MODEL_RATE_HZ, num_channels: int = 1) -> None:
        """
        Raises:
            InvalidInput: As `check_format`.
        """
        check_format(sample_rate_hz, num_channels)
        self._num_channels = num_channels
        self._frame_bytes = BYTES_PER_SAMPLE * num_channels
        self._resampler = StreamingResampler(sample_rate_hz, MODEL_RATE_HZ)
        self._rest = b""

    def push(self, pcm_s16le: bytes) -> NDArray[np.float32]:
        """What is known of the 16 kHz signal after these bytes; may be empty."""
        data = self._rest + pcm_s16le
        whole = len(data) - len(data) % self._frame_bytes
        self._rest = data[whole:]
        if whole == 0:
            return np.zeros(0, dtype=np.float32)
        return self._resampler.push(to_samples(data[:whole], self._num_channels))

    def finish(self) -> NDArray[np.float32]:
        """The rest of the signal.

        Raises:
            InvalidInput: The bytes ended in the middle of a frame.
        """
        if self._rest:
            raise InvalidInput(
                f"the audio ended {len(self._rest)} byte(s) into a frame of {self._frame_bytes}: "
                "PCM s16le has an even number of bytes"
            )
        return self._resampler.flush()
