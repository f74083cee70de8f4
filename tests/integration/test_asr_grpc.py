"""The gRPC contract of speech recognition on a real server over scripted models."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterable
from contextlib import asynccontextmanager

import grpc
import numpy as np
import pytest

from tests.support.asr import LengthEngine, audio, make_recognizer, silence, speech
from voxcart.audio.pcm import to_pcm_s16le
from voxcart.grpc_support import ErrorsAndMetrics
from voxcart_api.asr.v1 import asr_pb2, asr_pb2_grpc
from voxcart_services.asr.recognizer import Recognizer, RecognizerRules
from voxcart_services.asr.servicer import SpeechRecognitionServicer

pytestmark = pytest.mark.integration

Response = asr_pb2.StreamingRecognizeResponse
Config = asr_pb2.RecognitionConfig
TWO_UTTERANCES = to_pcm_s16le(audio(silence(0.5), speech(0.8), silence(1.2), speech(0.6), silence(1.0)))


@asynccontextmanager
async def serving(
    recognizer: Recognizer | None = None,
) -> AsyncIterator[tuple[asr_pb2_grpc.SpeechRecognitionStub, Recognizer]]:
    used = recognizer or make_recognizer()
    server = grpc.aio.server(interceptors=[ErrorsAndMetrics()])
    asr_pb2_grpc.add_SpeechRecognitionServicer_to_server(SpeechRecognitionServicer(used), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield asr_pb2_grpc.SpeechRecognitionStub(channel), used
    await server.stop(1)
    await used.aclose()


def requests(config: Config | None, pieces: Iterable[bytes]) -> list[asr_pb2.StreamingRecognizeRequest]:
    first = [] if config is None else [asr_pb2.StreamingRecognizeRequest(config=config)]
    return first + [asr_pb2.StreamingRecognizeRequest(audio=piece) for piece in pieces]


def cut(pcm: bytes, size: int) -> list[bytes]:
    return [pcm[start : start + size] for start in range(0, len(pcm), size)]


async def collected(call: AsyncIterator[Response]) -> list[Response]:
    return [response async for response in call]


async def refusal(call: Awaitable[object]) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


async def test_a_recording_gives_its_utterances() -> None:
    async with serving() as (stub, _):
        response = await stub.Recognize(asr_pb2.RecognizeRequest(audio=TWO_UTTERANCES), timeout=10)
    assert [result.is_final for result in response.results] == [True, True]
    assert response.results[0].raw_text.startswith("voiced 800 ")
    assert 0 < response.results[0].confidence <= 1
    assert response.audio_duration.ToMilliseconds() == 4_100
    assert response.results[1].start.ToMilliseconds() == pytest.approx(2_500, abs=40)
    assert {timing.stage for timing in response.results[0].timing} >= {"asr.encoder", "asr.decoder"}


@pytest.mark.parametrize("size", [333, 2_048, 65_536])
async def test_a_stream_gives_events_in_order_however_it_is_cut(size: int) -> None:
    async with serving() as (stub, _):
        call = stub.StreamingRecognize(
            iter(requests(Config(interim_results=True), cut(TWO_UTTERANCES, size))), timeout=10
        )
        responses = [response async for response in call]
    events = [
        response.event for response in responses if not (response.HasField("result") and not response.result.is_final)
    ]
    assert events == [Response.EVENT_START_OF_SPEECH, Response.EVENT_END_OF_SPEECH, Response.EVENT_RESULT] * 2
    assert any(response.HasField("result") and response.result.HasField("stability") for response in responses)


async def test_stereo_at_48_khz_is_taken() -> None:
    mono = np.repeat(np.frombuffer(TWO_UTTERANCES, "<i2"), 3)
    stereo = np.stack([mono, mono], axis=1).tobytes()
    config = Config(sample_rate_hz=48_000, num_channels=2)
    async with serving() as (stub, _):
        response = await stub.Recognize(asr_pb2.RecognizeRequest(config=config, audio=stereo), timeout=20)
    assert len(response.results) == 2


@pytest.mark.parametrize(
    ("config", "pcm", "sentence"),
    [
        (Config(), b"", "empty"),
        (Config(), b"\x00\x01\x02", "even number of bytes"),
        (Config(sample_rate_hz=4_000), b"\x00\x00", "sample rate"),
        (Config(sample_rate_hz=-16_000), b"\x00\x00", "sample rate"),
        (Config(num_channels=7), b"\x00\x00", "channels"),
        (Config(language="klingon"), b"\x00\x00", "language"),
        (Config(awaiting="miracle"), b"\x00\x00", "awaiting"),
        (Config(hot_words=[asr_pb2.HotWord(text="苹\x00果")]), b"\x00\x00", "control characters"),
        (Config(hot_words=[asr_pb2.HotWord(text="长" * 65)]), b"\x00\x00", "64 characters"),
        (Config(hot_words=[asr_pb2.HotWord(text=f"词{n}") for n in range(5_001)]), b"\x00\x00", "5000 hot words"),
        (Config(hot_words=[asr_pb2.HotWord(text="苹果", boost=11)]), b"\x00\x00", "boost"),
        (Config(), b"\x00\x00" * 16_000 * 61, "60 s"),
    ],
)
async def test_bad_recordings_are_refused_with_a_sentence(config: Config, pcm: bytes, sentence: str) -> None:
    async with serving() as (stub, recognizer):
        error = await refusal(stub.Recognize(asr_pb2.RecognizeRequest(config=config, audio=pcm), timeout=10))
        assert recognizer.open_streams == 0
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert sentence in error.details()


@pytest.mark.parametrize(
    ("messages", "sentence"),
    [
        ([], "first message"),
        (requests(None, [b"\x00\x00"]), "first message"),
        (requests(Config(), []) * 2, "once"),
        (requests(Config(), [b"\x00" * 65_537]), "65536"),
        (requests(Config(), [b"\x00\x00", b"\x00"]), "even number of bytes"),
    ],
)
async def test_bad_streams_are_refused_with_a_sentence(
    messages: list[asr_pb2.StreamingRecognizeRequest], sentence: str
) -> None:
    async with serving() as (stub, recognizer):
        error = await refusal(collected(stub.StreamingRecognize(iter(messages), timeout=10)))
        assert recognizer.open_streams == 0
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert sentence in error.details()


async def test_streams_over_the_limit_are_refused_and_a_vanished_client_frees_its_own() -> None:
    recognizer, freed = make_recognizer(LengthEngine(), rules=RecognizerRules(max_streams=1)), asyncio.Event()
    release = recognizer.release_stream
    recognizer.release_stream = lambda: (release(), freed.set())
    async with serving(recognizer) as (stub, _):
        first = stub.StreamingRecognize(timeout=10)
        await first.write(requests(Config(), [])[0])
        await first.write(requests(None, [TWO_UTTERANCES[:30_000]])[0])
        assert (await first.read()).event == Response.EVENT_START_OF_SPEECH
        error = await refusal(collected(stub.StreamingRecognize(iter(requests(Config(), [])), timeout=10)))
        assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        first.cancel()
        await asyncio.wait_for(freed.wait(), 10)
        response = await stub.Recognize(asr_pb2.RecognizeRequest(audio=TWO_UTTERANCES), timeout=10)
    assert len(response.results) == 2


async def test_a_broken_engine_is_an_internal_error() -> None:
    recognizer = make_recognizer(LengthEngine(error=RuntimeError("secret path")))
    async with serving(recognizer) as (stub, _):
        error = await refusal(stub.Recognize(asr_pb2.RecognizeRequest(audio=TWO_UTTERANCES), timeout=10))
    assert error.code() == grpc.StatusCode.INTERNAL
    assert "secret" not in error.details()
