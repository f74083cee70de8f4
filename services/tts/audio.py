"""Samples on their way out: fades, pauses, PCM, chunks, other sample rates."""

from collections.abc import Iterator

import numpy as np
import soxr

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


def to_pcm_s16le(samples: np.ndarray) -> bytes:
    """float32 [num_samples] to 16-bit PCM; what is outside [-1, 1] is clipped."""
    return (np.clip(samples, -1.0, 1.0) * 32767.0).astype("<i2").tobytes()


def from_pcm_s16le(pcm: bytes) -> np.ndarray:
    """16-bit PCM to float32 [num_samples] in [-1, 1]."""
    return np.frombuffer(pcm, "<i2").astype(np.float32) / 32768.0


def silence_pcm(duration_ms: int, sample_rate_hz: int) -> bytes:
    """Silence as 16-bit PCM."""
    return bytes(2 * (sample_rate_hz * duration_ms // 1000))


def resampled_pcm(pcm: bytes, from_hz: int, to_hz: int) -> bytes:
    """16-bit PCM at another rate; the same bytes when the rates are equal."""
    if from_hz == to_hz or not pcm:
        return pcm
    return to_pcm_s16le(soxr.resample(from_pcm_s16le(pcm), from_hz, to_hz, quality="HQ"))


def chunks(pcm: bytes, chunk_bytes: int) -> Iterator[bytes]:
    """Cut PCM into pieces of at most ``chunk_bytes`` (an even number)."""
    for start in range(0, len(pcm), chunk_bytes):
        yield pcm[start : start + chunk_bytes]
