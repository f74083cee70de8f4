"""The gRPC face over a real server: audio at the rate asked for, and a clear status for every bad request."""

from collections.abc import AsyncIterator, Iterable

import grpc
import numpy as np
import pytest
from support.tts import running_studio

from voxcart.grpc_support import ErrorsAndMetrics
from voxcart_api.tts.v1 import tts_pb2, tts_pb2_grpc
from voxcart_services.tts.servicer import SpeechSynthesisServicer

pytestmark = pytest.mark.unit

Config = tts_pb2.SynthesisConfig


@pytest.fixture
async def stub() -> AsyncIterator[tts_pb2_grpc.SpeechSynthesisStub]:
    async with running_studio() as studio:
        server = grpc.aio.server(interceptors=[ErrorsAndMetrics()])
        servicer = SpeechSynthesisServicer(studio.synthesizer, studio.voices, studio.front_end, 5000)
        tts_pb2_grpc.add_SpeechSynthesisServicer_to_server(servicer, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield tts_pb2_grpc.SpeechSynthesisStub(channel)
        await server.stop(None)


async def synthesize(stub: tts_pb2_grpc.SpeechSynthesisStub, text: str, **config: object) -> list:
    request = tts_pb2.SynthesizeRequest(text=text, config=Config(**config))
    return [response async for response in stub.Synthesize(request, timeout=10)]


async def stream(stub: tts_pb2_grpc.SpeechSynthesisStub, messages: Iterable[object]) -> list:
    requests = [
        tts_pb2.StreamingSynthesizeRequest(**{"text" if isinstance(message, str) else "config": message})
        for message in messages
    ]
    return [response async for response in stub.StreamingSynthesize(iter(requests), timeout=10)]


async def test_audio_with_clause_texts_and_growing_offsets(stub: tts_pb2_grpc.SpeechSynthesisStub) -> None:
    responses = await synthesize(stub, "好的，已经加入购物车，一共78元。")
    assert "".join(response.clause_text for response in responses) == "好的，已经加入购物车，一共78元。"
    assert {response.sample_rate_hz for response in responses} == {24_000}
    offsets = [response.offset.ToNanoseconds() for response in responses]
    assert offsets == sorted(offsets)
    sent = sum(len(response.audio) // 2 for response in responses[:-1])
    assert offsets[-1] == sent * 1_000_000_000 // 24_000
    assert all(response.timing for response in responses if response.clause_text)


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 44_100, 48_000])
async def test_other_sample_rates_have_the_same_duration(stub: tts_pb2_grpc.SpeechSynthesisStub, rate_hz: int) -> None:
    native = sum(len(response.audio) // 2 for response in await synthesize(stub, "已经加入购物车，谢谢。")) / 24_000
    responses = await synthesize(stub, "已经加入购物车，谢谢。", sample_rate_hz=rate_hz)
    samples = np.concatenate([np.frombuffer(response.audio, "<i2") for response in responses])
    assert len(samples) / rate_hz == pytest.approx(native, abs=0.002)
    assert np.abs(samples).max() > 8_000


async def test_text_in_pieces(stub: tts_pb2_grpc.SpeechSynthesisStub) -> None:
    pieces = await stream(stub, [Config(), "好的，已", "经加入", "购物车。"])
    assert b"".join(r.audio for r in pieces) == b"".join(
        r.audio for r in await synthesize(stub, "好的，已经加入购物车。")
    )


async def test_voices_by_language_and_their_defaults(stub: tts_pb2_grpc.SpeechSynthesisStub) -> None:
    voices = (await stub.ListVoices(tts_pb2.ListVoicesRequest())).voices
    assert [(v.name, v.language, v.gender, v.is_default) for v in voices] == [
        ("zf_xiaobei", "zh", "female", True),
        ("zm_yunxi", "zh", "male", False),
        ("af_heart", "en", "female", True),
        ("bm_george", "en", "male", False),
    ]
    assert len((await stub.ListVoices(tts_pb2.ListVoicesRequest(language="en"))).voices) == 2


@pytest.mark.parametrize(
    ("text", "config", "code", "words"),
    [
        ("", {}, grpc.StatusCode.INVALID_ARGUMENT, "empty"),
        (" \n ", {}, grpc.StatusCode.INVALID_ARGUMENT, "empty"),
        ("😀！", {}, grpc.StatusCode.INVALID_ARGUMENT, "nothing that can be said"),
        ("好" * 5001, {}, grpc.StatusCode.INVALID_ARGUMENT, "5000"),
        ("好\x07的", {}, grpc.StatusCode.INVALID_ARGUMENT, "U+0007"),
        ("好", {"voice": "nobody"}, grpc.StatusCode.NOT_FOUND, "nobody"),
        ("好", {"speaking_rate": 3.0}, grpc.StatusCode.INVALID_ARGUMENT, "speaking_rate"),
        ("好", {"speaking_rate": 0.0}, grpc.StatusCode.INVALID_ARGUMENT, "speaking_rate"),
        ("好", {"sample_rate_hz": 11_025}, grpc.StatusCode.INVALID_ARGUMENT, "sample_rate_hz"),
        ("好", {"sample_rate_hz": -1}, grpc.StatusCode.INVALID_ARGUMENT, "sample_rate_hz"),
        ("好", {"language": "fr"}, grpc.StatusCode.INVALID_ARGUMENT, "language"),
    ],
)
async def test_bad_requests(
    stub: tts_pb2_grpc.SpeechSynthesisStub, text: str, config: dict[str, object], code: grpc.StatusCode, words: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await synthesize(stub, text, **config)
    assert failure.value.code() is code
    assert words in failure.value.details()


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([], "first message"),
        (["好的"], "first message"),
        ([Config()], "without any text"),
        ([Config(), "好的，", Config()], "once only"),
        ([Config(), "好" * 3000, "好" * 3000], "5000"),
    ],
)
async def test_bad_streams(stub: tts_pb2_grpc.SpeechSynthesisStub, messages: list[object], words: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await stream(stub, messages)
    assert failure.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert words in failure.value.details()
