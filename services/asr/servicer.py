"""The gRPC contract of speech recognition, usable without the bus."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc

from voxcart.audio.intake import PcmIntake
from voxcart.errors import InvalidInput
from voxcart_api.asr.v1 import asr_pb2, asr_pb2_grpc
from voxcart_services.asr.proto import Results
from voxcart_services.asr.recognizer import Recognizer
from voxcart_services.asr.requests import CallOptions, call_options
from voxcart_services.asr.results import Final
from voxcart_services.asr.stream import RecognitionStream

MAX_RECORDING_SECONDS = 60
MAX_CHUNK_BYTES = 65_536
_PATIENCE_SECONDS = 5.0


class SpeechRecognitionServicer(asr_pb2_grpc.SpeechRecognitionServicer):
    """Translates between the contract and recognition streams."""

    def __init__(self, recognizer: Recognizer) -> None:
        self._recognizer = recognizer

    async def Recognize(
        self, request: asr_pb2.RecognizeRequest, context: grpc.aio.ServicerContext
    ) -> asr_pb2.RecognizeResponse:
        """Recognises one recording."""
        options = self._call_options(request.config)
        bytes_per_second = 2 * options.num_channels * options.sample_rate_hz
        if not request.audio:
            raise InvalidInput("the recording is empty")
        if len(request.audio) > MAX_RECORDING_SECONDS * bytes_per_second:
            raise InvalidInput(f"a recording has at most {MAX_RECORDING_SECONDS} s; use StreamingRecognize for more")
        intake = PcmIntake(options.sample_rate_hz, options.num_channels)
        pieces = (intake.push(request.audio), intake.finish())
        results = self._results(options)
        response = asr_pb2.RecognizeResponse()
        response.audio_duration.FromNanoseconds(len(request.audio) * 1_000_000_000 // bytes_per_second)
        stream = self._open(options)
        try:
            for events in (*map(stream.push_audio, pieces), stream.end_input()):
                async for event in events:
                    if isinstance(event, Final):
                        response.results.append(results.final(event))
        finally:
            await stream.aclose()
        return response

    async def StreamingRecognize(
        self, request_iterator: AsyncIterator[asr_pb2.StreamingRecognizeRequest], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[asr_pb2.StreamingRecognizeResponse]:
        """Recognises live audio; the first request is the configuration."""
        options = self._call_options(await _first_config(request_iterator))
        results = self._results(options)
        intake = PcmIntake(options.sample_rate_hz, options.num_channels)
        stream = self._open(options)
        try:
            async for request in request_iterator:
                async for event in stream.push_audio(intake.push(_audio(request))):
                    yield results.response(event)
                    if options.single_utterance and isinstance(event, Final):
                        await stream.aclose()
                        await _ignore_rest(request_iterator)
                        return
            for events in (stream.push_audio(intake.finish()), stream.end_input()):
                async for event in events:
                    yield results.response(event)
                    if options.single_utterance and isinstance(event, Final):
                        return
        finally:
            await stream.aclose()

    def _call_options(self, config: asr_pb2.RecognitionConfig) -> CallOptions:
        return call_options(config, self._recognizer.rules.turns)

    def _results(self, options: CallOptions) -> Results:
        parts = self._recognizer.parts
        return Results(parts.engine_name, parts.model_name, with_diagnostics=options.with_diagnostics)

    def _open(self, options: CallOptions) -> RecognitionStream:
        stream = self._recognizer.stream(options.stream)
        stream.context.set_request(options.hot_words)
        stream.set_awaiting(options.awaiting)
        return stream


async def _first_config(requests: AsyncIterator[asr_pb2.StreamingRecognizeRequest]) -> asr_pb2.RecognitionConfig:
    async for request in requests:
        if request.WhichOneof("request") != "config":
            break
        return request.config
    raise InvalidInput("the first message of StreamingRecognize must be the configuration")


async def _ignore_rest(requests: AsyncIterator[asr_pb2.StreamingRecognizeRequest]) -> None:
    """Lets the client finish what it is sending: a call that ends before looks broken to some clients."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            async for _ in requests:
                pass
    except TimeoutError:
        return


def _audio(request: asr_pb2.StreamingRecognizeRequest) -> bytes:
    kind = request.WhichOneof("request")
    if kind == "config":
        raise InvalidInput(
            "the configuration is sent once, as the first message; for another sample rate open a new stream"
        )
    if kind is None:
        raise InvalidInput("every message after the configuration carries audio")
    if len(request.audio) > MAX_CHUNK_BYTES:
        raise InvalidInput(f"an audio message has at most {MAX_CHUNK_BYTES} bytes, not {len(request.audio)}")
    return request.audio
