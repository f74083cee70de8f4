"""Opus packets to mono samples and back, by libopus through PyAV."""

import fractions

import av
import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from voxcart.audio.pcm import FULL_SCALE
from voxcart.errors import InvalidInput

OPUS_RATES_HZ = (8_000, 12_000, 16_000, 24_000, 48_000)
"""Rates that Opus codes."""
DECODED_RATE_HZ = 48_000
"""Opus packets are decoded to this rate whatever rate they were made from."""
PACKET_MS = 20


class OpusDecoder:
    """Decodes one stream of packets to mono samples at 48 kHz. A stereo stream is mixed down by the decoder."""

    def __init__(self) -> None:
        self._codec = av.CodecContext.create("libopus", "r")
        self._codec.sample_rate = DECODED_RATE_HZ
        self._codec.layout = "mono"

    def push(self, packet: bytes) -> NDArray[np.float32]:
        """Samples of one packet, float32 ``[num_samples]`` at 48 kHz in [-1, 1).

        Raises:
            InvalidInput: The bytes are no Opus packet.
        """
        try:
            frames = self._codec.decode(av.Packet(packet))
        except av.FFmpegError as error:
            raise InvalidInput("audio data is not a valid Opus packet") from error
        if not frames:
            return np.zeros(0, np.float32)
        pcm = np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames])
        return pcm.astype(np.float32) / np.float32(FULL_SCALE)


class OpusEncoder:
    """Codes one mono stream to packets of 20 ms. :meth:`flush` ends it; then make a new one."""

    def __init__(self, sample_rate_hz: int, bit_rate: int = 32_000) -> None:
        """Starts a stream.

        Args:
            sample_rate_hz: One of :data:`OPUS_RATES_HZ`.
            bit_rate: Bits a second; 32,000 is transparent for speech.

        Raises:
            InvalidInput: A rate that Opus does not code.
        """
        if sample_rate_hz not in OPUS_RATES_HZ:
            raise InvalidInput(f"Opus codes {', '.join(map(str, OPUS_RATES_HZ))} Hz, not {sample_rate_hz}")
        self._rate_hz = sample_rate_hz
        self._frame_samples = sample_rate_hz * PACKET_MS // 1000
        self._pending = np.zeros(0, np.int16)
        self._position = 0
        self._codec = av.CodecContext.create("libopus", "w")
        self._codec.sample_rate = sample_rate_hz
        self._codec.layout = "mono"
        self._codec.format = "s16"
        self._codec.bit_rate = bit_rate
        self._codec.time_base = fractions.Fraction(1, sample_rate_hz)
        self._codec.options = {"frame_duration": str(PACKET_MS), "application": "voip"}
        self._codec.open()

    def push(self, pcm_s16le: bytes) -> list[bytes]:
        """Packets that are complete after these samples."""
        self._pending = np.concatenate([self._pending, np.frombuffer(pcm_s16le, "<i2")])
        packets = []
        while len(self._pending) >= self._frame_samples:
            packets += self._encode(self._pending[: self._frame_samples])
            self._pending = self._pending[self._frame_samples :]
        return packets

    def flush(self) -> list[bytes]:
        """The last packets, the end padded with silence to a whole packet."""
        packets = []
        if len(self._pending):
            missing = self._frame_samples - len(self._pending)
            packets += self._encode(np.pad(self._pending, (0, missing)))
            self._pending = np.zeros(0, np.int16)
        return packets + [bytes(packet) for packet in self._codec.encode(None)]

    def _encode(self, frame_samples: NDArray[np.int16]) -> list[bytes]:
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(frame_samples[None]), format="s16", layout="mono")
        frame.sample_rate = self._rate_hz
        frame.pts = self._position
        self._position += len(frame_samples)
        return [bytes(packet) for packet in self._codec.encode(frame)]
