"""Speech on its way to a gRPC client: the sample rate and the encoding that it asked for, captions, timing."""

import time

from voxcart.audio.opus import OPUS_RATES_HZ, PACKET_MS, OpusEncoder
from voxcart.audio.pcm import to_pcm_s16le, to_samples
from voxcart.audio.resample import StreamingResampler
from voxcart.errors import InvalidInput
from voxcart_api.common.v1.common_pb2 import ServerTiming
from voxcart_api.tts.v1 import tts_pb2
from voxcart_services.tts.metrics import TIME_TO_FIRST_AUDIO_SECONDS
from voxcart_services.tts.speaking.audio import OUTPUT_RATE_HZ
from voxcart_services.tts.speaking.chunks import SpeechChunk

PCM_RATES_HZ = (8_000, 16_000, 22_050, 24_000, 44_100, 48_000)
_RATES_HZ = {
    tts_pb2.AUDIO_ENCODING_UNSPECIFIED: PCM_RATES_HZ,
    tts_pb2.AUDIO_ENCODING_PCM_S16LE: PCM_RATES_HZ,
    tts_pb2.AUDIO_ENCODING_OPUS: OPUS_RATES_HZ,
}


class OutgoingAudio:
    """Makes the chunks of one text into responses, and keeps their offset."""

    def __init__(self, encoding: int, sample_rate_hz: int) -> None:
        """Begin a text.

        Args:
            encoding: One of ``AudioEncoding``.
            sample_rate_hz: What the client wants to hear; 0: 24,000.

        Raises:
            InvalidInput: An encoding or a rate that is not served.
        """
        if encoding not in _RATES_HZ:
            raise InvalidInput(f"encoding must be absent, PCM_S16LE or OPUS, not {encoding}")
        self._rate_hz = sample_rate_hz or OUTPUT_RATE_HZ
        if self._rate_hz not in _RATES_HZ[encoding]:
            rates = ", ".join(map(str, _RATES_HZ[encoding]))
            raise InvalidInput(f"sample_rate_hz must be one of {rates} or 0 for this encoding, not {sample_rate_hz}")
        self._resampler = StreamingResampler(OUTPUT_RATE_HZ, self._rate_hz)
        self._opus = OpusEncoder(self._rate_hz) if encoding == tts_pb2.AUDIO_ENCODING_OPUS else None
        self._head = tts_pb2.SynthesizeResponse()
        self._sent_samples = 0
        self._asked_at = time.perf_counter()

    def responses(self, chunk: SpeechChunk) -> list[tts_pb2.SynthesizeResponse]:
        """What a chunk gives: one response of PCM, or one for each Opus packet; none while the coder waits for more.

        What belongs to the first chunk of a clause goes out with the first audio that the chunk gives.
        """
        if chunk.clause_text:
            self._head = tts_pb2.SynthesizeResponse(clause_text=chunk.clause_text, timing=[timing_of(chunk)])
            for word in chunk.words:
                added = self._head.words.add(text=word.text)
                added.start.FromMilliseconds(word.start_ms)
                added.end.FromMilliseconds(word.end_ms)
        responses = []
        for audio, num_samples in self._coded(self._at_rate(chunk), is_last=chunk.is_last):
            response, self._head = self._head, tts_pb2.SynthesizeResponse()
            response.audio = audio
            response.sample_rate_hz = self._rate_hz
            response.clause = chunk.clause
            response.offset.FromNanoseconds(self._sent_samples * 1_000_000_000 // self._rate_hz)
            if self._sent_samples == 0:
                TIME_TO_FIRST_AUDIO_SECONDS.labels("grpc").observe(time.perf_counter() - self._asked_at)
            self._sent_samples += num_samples
            responses.append(response)
        return responses

    def _coded(self, pcm_s16le: bytes, *, is_last: bool) -> list[tuple[bytes, int]]:
        """Audio of responses and its number of samples."""
        if self._opus is None:
            return [(pcm_s16le, len(pcm_s16le) // 2)] if pcm_s16le else []
        packets = self._opus.push(pcm_s16le)
        if is_last:
            packets += self._opus.flush()
        return [(packet, self._rate_hz * PACKET_MS // 1000) for packet in packets]

    def _at_rate(self, chunk: SpeechChunk) -> bytes:
        if self._rate_hz == OUTPUT_RATE_HZ:
            return chunk.pcm_s16le
        pcm = to_pcm_s16le(self._resampler.push(to_samples(chunk.pcm_s16le)))
        return pcm + to_pcm_s16le(self._resampler.flush()) if chunk.is_last else pcm


def timing_of(chunk: SpeechChunk) -> ServerTiming:
    """Where the time of a chunk's piece went."""
    return ServerTiming(
        stage="tts.cache" if chunk.source == "cache" else "tts.model",
        queue_ms=chunk.queue_seconds * 1000,
        compute_ms=chunk.compute_seconds * 1000,
    )
