"""Samples on their way out: fades, pauses, chunks."""

from collections.abc import Iterator

import numpy as np

FADE_MS = 4
SUPPORTED_SAMPLE_RATES_HZ = (8_000, 16_000, 22_050, 24_000, 44_100, 48_000)


def with_fades(samples: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """A copy whose first and last 4 ms rise from and fall to zero, so that joins do not click.

    Args:
        samples: float32 [num_samples] in [-1, 1].
        sample_rate_hz: Their rate.
    """
    faded = np.array(samples, np.float32)
    length = min(sample_rate_hz * FADE_MS // 1000, len(faded) // 2)
    if length:
        ramp = np.linspace(0.0, 1.0, length, dtype=np.float32)
        faded[:length] *= ramp
        faded[-length:] *= ramp[::-1]
    return faded


def silence_pcm(duration_ms: int, sample_rate_hz: int) -> bytes:
    """Silence as PCM s16le."""
    return bytes(2 * (sample_rate_hz * duration_ms // 1000))


def duration_ms(pcm_s16le: bytes, sample_rate_hz: int) -> float:
    """How long PCM s16le plays."""
    return len(pcm_s16le) / 2 / sample_rate_hz * 1000


def chunks(pcm_s16le: bytes, chunk_bytes: int) -> Iterator[bytes]:
    """Cut PCM into pieces of at most ``chunk_bytes`` (an even number). Nothing for no PCM."""
    for start in range(0, len(pcm_s16le), chunk_bytes):
        yield pcm_s16le[start : start + chunk_bytes]
