"""Speech of one reply from the bus, made into what the client asked for."""

import numpy as np

from voxcart.audio.opus import OpusEncoder
from voxcart.audio.pcm import to_pcm_s16le, to_samples
from voxcart.audio.resample import StreamingResampler
from voxcart_services.gateway.validation import StreamFormat


class ReplyAudio:
    """Resamples and codes the speech of one reply, in order."""

    def __init__(self, audio_format: StreamFormat, source_rate_hz: int) -> None:
        """Starts a reply.

        Args:
            audio_format: What the client hears.
            source_rate_hz: Rate of the PCM that :meth:`push` is given.
        """
        self._resampler = StreamingResampler(source_rate_hz, audio_format.sample_rate_hz)
        self._encoder = OpusEncoder(audio_format.sample_rate_hz) if audio_format.is_opus else None

    def push(self, pcm_s16le: bytes, *, is_last: bool) -> list[bytes]:
        """Messages for the client: one of PCM, or one for each Opus packet. May be empty; ``is_last`` ends the reply.

        Raises:
            InvalidInput: An odd number of bytes.
        """
        samples = self._resampler.push(to_samples(pcm_s16le))
        if is_last:
            samples = np.concatenate([samples, self._resampler.flush()])
        pcm = to_pcm_s16le(samples)
        if self._encoder is None:
            return [pcm] if pcm else []
        packets = self._encoder.push(pcm)
        return packets + self._encoder.flush() if is_last else packets
