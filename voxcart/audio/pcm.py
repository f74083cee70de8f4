"""PCM s16le bytes to float samples and back."""

import numpy as np
from numpy.typing import NDArray

from voxcart.errors import InvalidInput

FULL_SCALE = 32_768.0
BYTES_PER_SAMPLE = 2


def to_samples(pcm_s16le: bytes, num_channels: int = 1) -> NDArray[np.float32]:
    """Mono samples of interleaved PCM; several channels are averaged.

    Args:
        pcm_s16le: Whole frames of all channels, signed 16 bit, little endian.
        num_channels: Channels that are interleaved, 1 or more.

    Returns:
        float32 ``[num_samples]`` in [-1, 1).

    Raises:
        InvalidInput: The bytes are not whole frames.
    """
    frame_bytes = BYTES_PER_SAMPLE * num_channels
    if len(pcm_s16le) % frame_bytes:
        raise InvalidInput(
            f"PCM audio must be whole frames of {frame_bytes} bytes "
            f"({num_channels} channel(s) of 16 bit), not {len(pcm_s16le)} bytes"
        )
    samples = np.frombuffer(pcm_s16le, dtype="<i2").astype(np.float32) / np.float32(FULL_SCALE)
    if num_channels > 1:
        samples = samples.reshape(-1, num_channels).mean(axis=1, dtype=np.float32)
    return samples


def to_pcm_s16le(samples: NDArray[np.floating]) -> bytes:
    """Signed 16-bit little-endian PCM of float samples; what is beyond [-1, 1] is clipped.

    Args:
        samples: float ``[num_samples]``.

    Raises:
        InvalidInput: A sample is NaN or infinite.
    """
    if not np.isfinite(samples).all():
        raise InvalidInput("audio holds samples that are no finite numbers")
    scaled = np.clip(np.round(samples * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1)
    return scaled.astype("<i2").tobytes()
