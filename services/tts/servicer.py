"""gRPC: ``voxcart.tts.v1.SpeechSynthesis``. Translates requests to the engine's terms and audio back."""

import time
import unicodedata
from collections.abc import AsyncIterator

import grpc

from voxcart.audio.pcm import to_pcm_s16le, to_samples
from voxcart.audio.resample import StreamingResampler
from voxcart.errors import InvalidInput
from voxcart_api.common.v1.common_pb2 import ServerTiming
from voxcart_api.tts.v1 import tts_pb2, tts_pb2_grpc
from voxcart_services.tts.metrics import TIME_TO_FIRST_AUDIO_SECONDS
from voxcart_services.tts.speaking.audio import SUPPORTED_SAMPLE_RATES_HZ, chunks
from voxcart_services.tts.speaking.synthesizer import ClauseAudio, Delivery, SpeechSynthesizer, checked_speaking_rate
from voxcart_services.tts.text.frontend import language_of
from voxcart_services.tts.voices.kokoro.model import SAMPLE_RATE_HZ
from voxcart_services.tts.voices.library import Voice, VoiceLibrary

_CHUNK_SECONDS = 0.5
_LANGUAGES = ("", "zh", "en")
_ALLOWED_CONTROLS = "\n\r\t"


class SpeechSynthesisServicer(tts_pb2_grpc.SpeechSynthesisServicer):
    """Speech synthesis for direct use, beside the bus worker; both call one engine."""

    def __init__(self, synthesizer: SpeechSynthesizer, voices: VoiceLibrary, max_text_characters: int) -> None:
        """``max_text_characters``: longer texts are refused."""
        self._synthesizer = synthesizer
        self._voices = voices
        self._max_text_characters = max_text_characters

    async def Synthesize(
        self, request: tts_pb2.SynthesizeRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[tts_pb2.SynthesizeResponse]:
        """Audio of a text, clause by clause."""
        text = request.text
        self._check_text(text)
        if not any(character.isalnum() for character in text):
            raise InvalidInput("text has nothing that can be said")
        outgoing = _Outgoing(request.config.sample_rate_hz)
        delivery = self._delivery(request.config, text)
        async for audio in self._synthesizer.speak(text, delivery):
            for response in outgoing.responses(audio):
                yield response

    async def StreamingSynthesize(
        self, request_iterator: AsyncIterator[tts_pb2.StreamingSynthesizeRequest], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[tts_pb2.SynthesizeResponse]:
        """Audio of a text that arrives in pieces."""
        requests = aiter(request_iterator)
        first = await anext(requests, None)
        if first is None or first.WhichOneof("request") != "config":
            raise InvalidInput("the first message of a stream must be its config")
        outgoing = _Outgoing(first.config.sample_rate_hz)
        pieces = self._pieces(requests)
        opening = await anext(pieces, None)
        if opening is None:
            raise InvalidInput("the stream ended without any text")
        delivery = self._delivery(first.config, opening)
        async for audio in self._synthesizer.speak_pieces(_chained(opening, pieces), delivery):
            for response in outgoing.responses(audio):
                yield response

    async def ListVoices(
        self, request: tts_pb2.ListVoicesRequest, context: grpc.aio.ServicerContext
    ) -> tts_pb2.ListVoicesResponse:
        """The voices, all or of one language."""
        return tts_pb2.ListVoicesResponse(
            voices=[
                tts_pb2.Voice(
                    name=voice.name,
                    language=voice.language,
                    gender=voice.gender,
                    is_default=self._voices.is_default(voice),
                )
                for voice in self._voices.all(_checked_language(request.language))
            ]
        )

    async def _pieces(self, requests: AsyncIterator[tts_pb2.StreamingSynthesizeRequest]) -> AsyncIterator[str]:
        """The pieces of text of a stream that hold something."""
        total = 0
        async for request in requests:
            if request.WhichOneof("request") != "text":
                raise InvalidInput("config may be sent once only, as the first message")
            total += len(request.text)
            _check_length(total, self._max_text_characters)
            _check_controls(request.text)
            if request.text:
                yield request.text

    def _check_text(self, text: str) -> None:
        if not text.strip():
            raise InvalidInput("text is empty")
        _check_length(len(text), self._max_text_characters)
        _check_controls(text)

    def _delivery(self, config: tts_pb2.SynthesisConfig, text: str) -> Delivery:
        language = _checked_language(config.language) or language_of(text)
        return Delivery(
            voice=self._voice(config.voice, language),
            speaking_rate=checked_speaking_rate(config.speaking_rate) if config.HasField("speaking_rate") else 1.0,
            language=language,
        )

    def _voice(self, name: str, language: str) -> Voice:
        return self._voices.get(name) if name else self._voices.default_for(language)


class _Outgoing:
    """Turns clauses into responses at the rate that the caller wants, and keeps the offset."""

    def __init__(self, sample_rate_hz: int) -> None:
        self._rate_hz = sample_rate_hz or SAMPLE_RATE_HZ
        if self._rate_hz not in SUPPORTED_SAMPLE_RATES_HZ:
            rates = ", ".join(map(str, SUPPORTED_SAMPLE_RATES_HZ))
            raise InvalidInput(f"sample_rate_hz must be one of {rates} or 0, not {sample_rate_hz}")
        self._resampler = StreamingResampler(SAMPLE_RATE_HZ, self._rate_hz)
        self._sent_samples = 0
        self._asked_at = time.perf_counter()

    def responses(self, audio: ClauseAudio) -> list[tts_pb2.SynthesizeResponse]:
        """The responses that one clause becomes."""
        responses: list[tts_pb2.SynthesizeResponse] = []
        for pcm in chunks(self._at_rate(audio), 2 * int(self._rate_hz * _CHUNK_SECONDS)):
            response = tts_pb2.SynthesizeResponse(audio=pcm, sample_rate_hz=self._rate_hz, clause=audio.index)
            response.offset.FromNanoseconds(self._sent_samples * 1_000_000_000 // self._rate_hz)
            if not responses:
                response.clause_text = audio.text
                response.timing.append(timing_of(audio))
            if self._sent_samples == 0:
                TIME_TO_FIRST_AUDIO_SECONDS.labels("grpc").observe(time.perf_counter() - self._asked_at)
            self._sent_samples += len(pcm) // 2
            responses.append(response)
        return responses

    def _at_rate(self, audio: ClauseAudio) -> bytes:
        if self._rate_hz == SAMPLE_RATE_HZ:
            return audio.pcm_s16le
        pcm = to_pcm_s16le(self._resampler.push(to_samples(audio.pcm_s16le)))
        return pcm + to_pcm_s16le(self._resampler.flush()) if audio.is_last else pcm


def timing_of(audio: ClauseAudio) -> ServerTiming:
    """Where the time of a clause went."""
    return ServerTiming(
        stage="tts.cache" if audio.source == "cache" else "tts.model",
        queue_ms=audio.queue_seconds * 1000,
        compute_ms=audio.compute_seconds * 1000,
    )


def _check_length(length: int, limit: int) -> None:
    if length > limit:
        raise InvalidInput(f"text has {length} characters or more; the limit is {limit}")


def _check_controls(text: str) -> None:
    for position, character in enumerate(text):
        if unicodedata.category(character) == "Cc" and character not in _ALLOWED_CONTROLS:
            raise InvalidInput(f"text has the control character U+{ord(character):04X} at position {position}")


def _checked_language(language: str) -> str:
    if language not in _LANGUAGES:
        raise InvalidInput(f"language must be 'zh', 'en' or empty, not {language[:32]!r}")
    return language


async def _chained(first: str, rest: AsyncIterator[str]) -> AsyncIterator[str]:
    yield first
    async for piece in rest:
        yield piece
