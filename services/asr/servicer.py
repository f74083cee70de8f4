"""The gRPC contract of speech recognition, usable without the bus."""

from __future__ import annotations

from collections.abc import AsyncIterator

import grpc

from voxcart.audio.intake import MODEL_RATE_HZ, PcmIntake
from voxcart.errors import InvalidInput
from voxcart_api.asr.v1 import asr_pb2, asr_pb2_grpc
from voxcart_services.asr import proto
from voxcart_services.asr.recognizer import Recognizer
from voxcart_services.asr.results import EndOfSpeech, Final, Interim, RecognitionEvent, StartOfSpeech
from voxcart_services.asr.stream import RecognitionStream, StreamOptions

MAX_RECORDING_SECONDS = 60
MAX_CHUNK_BYTES = 65_536
_AWAITING = frozenset({"", "none", "confirmation", "phone_number", "address", "order_id"})


class SpeechRecognitionServicer(asr_pb2_grpc.SpeechRecognitionServicer):
    """Translates between the contract and recognition streams."""

    def __init__(self, recognizer: Recognizer) -> None:
        self._recognizer = recognizer

    async def Recognize(
        self, request: asr_pb2.RecognizeRequest, context: grpc.aio.ServicerContext
    ) -> asr_pb2.RecognizeResponse:
        """Recognises one recording."""
        intake = _intake(request.config)
        options = _options(request.config, interim_results=False)
        if not request.audio:
            raise InvalidInput("the recording is empty")
        bytes_per_second = 2 * (request.config.num_channels or 1) * (request.config.sample_rate_hz or MODEL_RATE_HZ)
        if len(request.audio) > MAX_RECORDING_SECONDS * bytes_per_second:
            raise InvalidInput(f"a recording has at most {MAX_RECORDING_SECONDS} s; use StreamingRecognize for more")
        response = asr_pb2.RecognizeResponse()
        response.audio_duration.FromNanoseconds(len(request.audio) * 1_000_000_000 // bytes_per_second)
        pieces = [intake.push(request.audio), intake.finish()]
        stream = self._open(request.config, options)
        try:
            for samples in pieces:
                async for event in stream.push_audio(samples):
                    _collect(event, response)
            async for event in stream.end_input():
                _collect(event, response)
        finally:
            await stream.aclose()
        return response

    async def StreamingRecognize(
        self, request_iterator: AsyncIterator[asr_pb2.StreamingRecognizeRequest], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[asr_pb2.StreamingRecognizeResponse]:
        """Recognises live audio; the first request is the configuration."""
        config = await _first_config(request_iterator)
        intake = _intake(config)
        stream = self._open(config, _options(config, interim_results=config.interim_results))
        try:
            async for request in request_iterator:
                if request.WhichOneof("request") != "audio":
                    raise InvalidInput("the configuration is sent once, as the first message; then audio follows")
                if len(request.audio) > MAX_CHUNK_BYTES:
                    raise InvalidInput(f"an audio message has at most {MAX_CHUNK_BYTES} bytes")
                async for event in stream.push_audio(intake.push(request.audio)):
                    yield _response(event)
            async for event in stream.push_audio(intake.finish()):
                yield _response(event)
            async for event in stream.end_input():
                yield _response(event)
        finally:
            await stream.aclose()

    def _open(self, config: asr_pb2.RecognitionConfig, options: StreamOptions) -> RecognitionStream:
        stream = self._recognizer.stream(options)
        stream.set_awaiting(config.awaiting or "none")
        return stream


async def _first_config(requests: AsyncIterator[asr_pb2.StreamingRecognizeRequest]) -> asr_pb2.RecognitionConfig:
    async for request in requests:
        if request.WhichOneof("request") != "config":
            break
        return request.config
    raise InvalidInput("the first message of StreamingRecognize must be the configuration")


def _intake(config: asr_pb2.RecognitionConfig) -> PcmIntake:
    return PcmIntake(config.sample_rate_hz or MODEL_RATE_HZ, config.num_channels or 1)


def _options(config: asr_pb2.RecognitionConfig, *, interim_results: bool) -> StreamOptions:
    if config.awaiting not in _AWAITING:
        raise InvalidInput(f"awaiting must be one of {', '.join(sorted(_AWAITING - {''}))}, not {config.awaiting!r}")
    for word in config.hot_words:
        if word.HasField("boost") and not 0 <= word.boost <= 10:
            raise InvalidInput(f"the boost of a hot word is 0..10, not {word.boost}")
    wanted = [word.text for word in config.hot_words if word.boost > 0 or not word.HasField("boost")]
    return StreamOptions(
        language=config.language or None,
        hot_words=proto.checked_hot_words(wanted),
        interim_results=interim_results,
        raw_only=config.raw_only,
    )


def _collect(event: RecognitionEvent, response: asr_pb2.RecognizeResponse) -> None:
    if isinstance(event, Final):
        response.results.append(proto.result(event.transcript, is_final=True))


def _response(event: RecognitionEvent) -> asr_pb2.StreamingRecognizeResponse:
    kinds = asr_pb2.StreamingRecognizeResponse
    if isinstance(event, StartOfSpeech):
        return kinds(event=kinds.EVENT_START_OF_SPEECH, at=proto.position(event.at_sample))
    if isinstance(event, EndOfSpeech):
        return kinds(event=kinds.EVENT_END_OF_SPEECH, at=proto.position(event.at_sample), no_speech=event.no_speech)
    if isinstance(event, Interim):
        found = proto.result(event.transcript, is_final=False, stability=event.stability)
        return kinds(event=kinds.EVENT_RESULT, result=found)
    return kinds(event=kinds.EVENT_RESULT, result=proto.result(event.transcript, is_final=True))
