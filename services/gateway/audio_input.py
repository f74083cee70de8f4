"""What the client sends, made into the chunks that go on the bus: mono s16le, 16 kHz, 64 ms."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxcart.audio.opus import DECODED_RATE_HZ, OpusDecoder
from voxcart.audio.pcm import to_pcm_s16le, to_samples
from voxcart.audio.resample import StreamingResampler
from voxcart_services.gateway.validation import StreamFormat

BUS_RATE_HZ = 16_000
CHUNK_SAMPLES = 1_024
CHUNK_BYTES = 2 * CHUNK_SAMPLES


@dataclass(frozen=True, slots=True)
class InputChunk:
    """Audio for the bus.

    Attributes:
        first_sample: Position since the session's start, at 16 kHz.
        pcm_s16le: Mono, 16 kHz; empty on a pure end of input.
        end_of_input: No more follows for now.
    """

    first_sample: int
    pcm_s16le: bytes
    end_of_input: bool = False

    @property
    def end_sample(self) -> int:
        """Position behind the last sample."""
        return self.first_sample + len(self.pcm_s16le) // 2


class AudioInput:
    """Decodes, resamples and cuts the audio of one client. Any way of cutting the input gives the same samples."""

    def __init__(self, audio_format: StreamFormat, next_sample: int = 0) -> None:
        """Starts at a position.

        Args:
            audio_format: What :meth:`push` will be given.
            next_sample: Position of the first sample, at 16 kHz.
        """
        self._format = audio_format
        self._decoder = OpusDecoder() if audio_format.is_opus else None
        rate_hz = DECODED_RATE_HZ if audio_format.is_opus else audio_format.sample_rate_hz
        self._resampler = StreamingResampler(rate_hz, BUS_RATE_HZ)
        self._pending = b""
        self._next_sample = next_sample
        self._open = False

    @property
    def next_sample(self) -> int:
        """Position of the next chunk."""
        return self._next_sample

    @property
    def is_open(self) -> bool:
        """Whether audio came since the last end."""
        return self._open

    def push(self, data: bytes) -> list[InputChunk]:
        """The whole chunks that are known after one message.

        Raises:
            InvalidInput: Broken frames or a broken Opus packet.
        """
        samples = self._decoder.push(data) if self._decoder else to_samples(data, self._format.num_channels)
        self._open = True
        self._append(self._resampler.push(samples))
        chunks = []
        while len(self._pending) >= CHUNK_BYTES:
            chunks.append(self._cut(CHUNK_BYTES))
        return chunks

    def end(self) -> list[InputChunk]:
        """The rest, marked as the end, in at least one chunk; nothing if no audio came since the last end."""
        if not self._open:
            return []
        self._append(self._resampler.flush())
        self._open = False
        chunks = []
        while len(self._pending) > CHUNK_BYTES:
            chunks.append(self._cut(CHUNK_BYTES))
        chunks.append(self._cut(CHUNK_BYTES, end_of_input=True))
        return chunks

    def _append(self, samples: NDArray[np.float32]) -> None:
        if len(samples):
            self._pending += to_pcm_s16le(samples)

    def _cut(self, size: int, *, end_of_input: bool = False) -> InputChunk:
        piece, self._pending = self._pending[:size], self._pending[size:]
        chunk = InputChunk(self._next_sample, piece, end_of_input)
        self._next_sample = chunk.end_sample
        return chunk


class RealTimePacer:
    """Says how long to wait so that audio runs ahead of real time by a bounded lead only.

    The lead grows by the audio that comes and shrinks by the time that passes, never below zero: a pause in sending
    earns no credit.
    """

    def __init__(self, max_lead_s: float) -> None:
        self._max_lead_s = max_lead_s
        self._lead_s = 0.0
        self._at_s: float | None = None

    def delay_s(self, audio_s: float, now_s: float) -> float:
        """Seconds to wait before more is taken, after ``audio_s`` of audio came at ``now_s`` (monotonic)."""
        if self._at_s is not None:
            self._lead_s = max(0.0, self._lead_s - (now_s - self._at_s))
        self._at_s = now_s
        self._lead_s += audio_s
        return max(0.0, self._lead_s - self._max_lead_s)
