"""Samples on their way out: fades at the edges of a clause, pauses, even chunks."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from voxcart.audio.pcm import to_pcm_s16le
from voxcart.audio.resample import StreamingResampler

OUTPUT_RATE_HZ = 24_000
"""Rate of all audio inside the service, whatever engine made it."""
FADE_MS = 4
CHUNK_MS = 250
CHUNK_BYTES = 2 * OUTPUT_RATE_HZ * CHUNK_MS // 1000


def with_fades(samples: NDArray[np.float32], sample_rate_hz: int) -> NDArray[np.float32]:
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


def silence_pcm(duration_ms: int) -> bytes:
    """Silence as PCM s16le at 24 kHz."""
    return bytes(2 * (OUTPUT_RATE_HZ * duration_ms // 1000))


def duration_seconds(pcm_s16le: bytes) -> float:
    """How long PCM s16le at 24 kHz plays."""
    return len(pcm_s16le) / 2 / OUTPUT_RATE_HZ


def chunks(pcm_s16le: bytes, chunk_bytes: int) -> Iterator[bytes]:
    """Cut PCM into pieces of at most ``chunk_bytes`` (an even number). Nothing for no PCM."""
    for start in range(0, len(pcm_s16le), chunk_bytes):
        yield pcm_s16le[start : start + chunk_bytes]


class ClausePcm:
    """Makes the pieces of one clause into PCM at 24 kHz whose first and last 4 ms rise from and fall to zero.

    However the clause is cut into pieces, the PCM is the same.
    """

    def __init__(self, sample_rate_hz: int) -> None:
        """``sample_rate_hz``: of the pieces."""
        self._resampler = StreamingResampler(sample_rate_hz, OUTPUT_RATE_HZ)
        self._fade = OUTPUT_RATE_HZ * FADE_MS // 1000
        self._held = np.zeros(0, np.float32)
        self._is_begun = False

    def push(self, samples: NDArray[np.float32], *, is_last: bool) -> bytes:
        """PCM that is known after a piece; the last 4 ms are held until more comes or the clause ends."""
        ready = np.concatenate([self._held, self._resampler.push(samples)])
        if is_last:
            ready = np.concatenate([ready, self._resampler.flush()])
        if not self._is_begun:
            if len(ready) < 2 * self._fade and not is_last:
                self._held = ready
                return b""
            self._is_begun = True
            length = min(self._fade, len(ready) // 2)
            ready[:length] *= np.linspace(0.0, 1.0, length, dtype=np.float32)
        length = min(self._fade, len(ready) // 2)
        if not is_last:
            ready, self._held = ready[: len(ready) - length], ready[len(ready) - length :].copy()
        elif length:
            ready[-length:] *= np.linspace(1.0, 0.0, length, dtype=np.float32)
        return to_pcm_s16le(ready)


class ChunkCutter:
    """Cuts the PCM of one clause into chunks of 250 ms, whatever pieces it comes in. The last one may be shorter."""

    def __init__(self) -> None:
        self._rest = b""

    def push(self, pcm_s16le: bytes) -> list[bytes]:
        """The chunks that are whole, and behind which more is known to come."""
        self._rest += pcm_s16le
        whole = (len(self._rest) - 1) // CHUNK_BYTES * CHUNK_BYTES if self._rest else 0
        ready, self._rest = self._rest[:whole], self._rest[whole:]
        return list(chunks(ready, CHUNK_BYTES))

    def finish(self, pcm_s16le: bytes) -> list[bytes]:
        """The chunks that are left, after the last PCM."""
        ready, self._rest = self._rest + pcm_s16le, b""
        return list(chunks(ready, CHUNK_BYTES))
