"""The gRPC face over a real server: audio at the rate asked for, and a clear status for every bad request."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import grpc
import numpy as np
import pytest
from support.tts import Studio, running_studio, until

from voxcart.audio.opus import OpusDecoder
from voxcart.grpc_support import ErrorsAndMetrics
from voxcart_api.tts.v1 import tts_pb2, tts_pb2_grpc
from voxcart_services.tts.servicer import SpeechSynthesisServicer

pytestmark = pytest.mark.unit

Config = tts_pb2.SynthesisConfig


@asynccontextmanager
async def served(studio: Studio) -> AsyncIterator[tts_pb2_grpc.SpeechSynthesisStub]:
    server = grpc.aio.server(interceptors=[ErrorsAndMetrics()])
    servicer = SpeechSynthesisServicer(studio.synthesizer, studio.voices, studio.front_end, 5000)
    tts_pb2_grpc.add_SpeechSynthesisServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield tts_pb2_grpc.SpeechSynthesisStub(channel)
    await server.stop(None)


@pytest.fixture
async def stub() -> AsyncIterator[tts_pb2_grpc.SpeechSynthesisStub]:
    async with running_studio() as studio, served(studio) as stub:
        yield stub


async def synthesize(stub: tts_pb2_grpc.SpeechSynthesisStub, text: str, **config: object) -> list:
    request = tts_pb2.SynthesizeRequest(text=text, config=Config(**config))
    return [response async for response in stub.Synthesize(request, timeout=60)]


async def synthesize_ssml(stub: tts_pb2_grpc.SpeechSynthesisStub, ssml: str, text: str = "") -> list:
    request = tts_pb2.SynthesizeRequest(ssml=ssml, text=text)
    return [response async for response in stub.Synthesize(request, timeout=60)]


async def stream(stub: tts_pb2_grpc.SpeechSynthesisStub, messages: Iterable[object]) -> list:
    requests = [
        tts_pb2.StreamingSynthesizeRequest(**{"text" if isinstance(message, str) else "config": message})
        for message in messages
    ]
    return [response async for response in stub.StreamingSynthesize(iter(requests), timeout=60)]


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


async def test_opus_packets_play_as_long_as_the_pcm(stub: tts_pb2_grpc.SpeechSynthesisStub) -> None:
    pcm = await synthesize(stub, "好的，已经加入购物车。")
    packets = await synthesize(
        stub, "好的，已经加入购物车。", encoding=tts_pb2.AUDIO_ENCODING_OPUS, sample_rate_hz=48_000
    )
    decoder = OpusDecoder()
    samples = np.concatenate([decoder.push(packet.audio) for packet in packets])
    assert len(samples) / 48_000 == pytest.approx(sum(len(r.audio) for r in pcm) / 48_000, abs=0.05)
    assert np.abs(samples).max() > 0.2
    assert "".join(packet.clause_text for packet in packets) == "好的，已经加入购物车。"
    assert [packet.offset.ToMilliseconds() for packet in packets] == list(range(0, 20 * len(packets), 20))


@pytest.mark.parametrize("rate_hz", [16_000, 24_000])
async def test_words_come_with_the_first_audio_of_their_clause(
    stub: tts_pb2_grpc.SpeechSynthesisStub, rate_hz: int
) -> None:
    responses = await synthesize(stub, "好的，已经加入购物车，一共78元。", sample_rate_hz=rate_hz)
    with_words = [response for response in responses if response.words]
    assert [bool(response.clause_text) for response in with_words] == [True] * len(with_words)
    words = [word for response in with_words for word in response.words]
    assert "78" in "".join(word.text for word in words)
    times = [time.ToMilliseconds() for word in words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert times[-1] <= sum(len(response.audio) // 2 for response in responses) / rate_hz * 1000 + 50


async def test_ssml_is_spoken_with_its_breaks(stub: tts_pb2_grpc.SpeechSynthesisStub) -> None:
    short = await synthesize_ssml(stub, '<speak>好的<break time="100ms"/>马上来</speak>')
    long = await synthesize_ssml(stub, '<speak>好的<break time="1100ms"/>马上来</speak>')
    seconds = [sum(len(response.audio) for response in responses) / 48_000 for responses in (short, long)]
    assert seconds[1] - seconds[0] == pytest.approx(1.0, abs=0.01)
    assert "".join(response.clause_text for response in long) == "好的马上来"


@pytest.mark.parametrize(
    ("ssml", "text"),
    [
        ("<speak>好的", ""),
        ("好的", ""),
        ("<speak>好的</speak>", "好的"),
        ("<speak></speak>", ""),
        ("<speak><audio src='x'/>好</speak>", ""),
        ("<speak>" + "好" * 5001 + "</speak>", ""),
        ("<speak>" + "<s>好</s>" * 5000 + "</speak>", ""),
    ],
)
async def test_bad_ssml(stub: tts_pb2_grpc.SpeechSynthesisStub, ssml: str, text: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await synthesize_ssml(stub, ssml, text)
    assert failure.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert failure.value.details()


async def test_text_in_pieces(stub: tts_pb2_grpc.SpeechSynthesisStub) -> None:
    pieces = await stream(stub, [Config(), "好的，已", "经加入", "购物车。"])
    assert b"".join(r.audio for r in pieces) == b"".join(
        r.audio for r in await synthesize(stub, "好的，已经加入购物车。")
    )


async def test_voices_by_language_and_their_defaults(stub: tts_pb2_grpc.SpeechSynthesisStub) -> None:
    voices = (await stub.ListVoices(tts_pb2.ListVoicesRequest())).voices
    assert [(v.name, v.language, v.gender, v.is_default, v.engine, v.sample_rate_hz) for v in voices] == [
        ("zf_xiaobei", "zh", "female", True, "kokoro", 24_000),
        ("zm_yunxi", "zh", "male", False, "kokoro", 24_000),
        ("af_heart", "en", "female", True, "kokoro", 24_000),
        ("bm_george", "en", "male", False, "kokoro", 24_000),
    ]
    assert len((await stub.ListVoices(tts_pb2.ListVoicesRequest(language="en"))).voices) == 2


@pytest.mark.parametrize(
    ("text", "config", "code", "words"),
    [
        ("", {}, grpc.StatusCode.INVALID_ARGUMENT, "empty"),
        (" \n ", {}, grpc.StatusCode.INVALID_ARGUMENT, "empty"),
        ("😀！", {}, grpc.StatusCode.INVALID_ARGUMENT, "nothing that can be said"),
        ("好" * 5001, {}, grpc.StatusCode.INVALID_ARGUMENT, "5000"),
        ("好" * 50_000, {}, grpc.StatusCode.INVALID_ARGUMENT, "5000"),
        ("สวัสดี", {}, grpc.StatusCode.INVALID_ARGUMENT, "nothing that can be said"),
        ("好", {"voice": "zf_xiaobei:x+zm_yunxi:1"}, grpc.StatusCode.INVALID_ARGUMENT, "share"),
        ("好", {"voice": "zf_xiaobei:1+zf_nobody:1"}, grpc.StatusCode.NOT_FOUND, "zf_nobody"),
        ("好", {"voice": "v" * 1000}, grpc.StatusCode.INVALID_ARGUMENT, "256"),
        ("好", {"encoding": 7}, grpc.StatusCode.INVALID_ARGUMENT, "encoding"),
        ("好", {"encoding": 2, "sample_rate_hz": 44_100}, grpc.StatusCode.INVALID_ARGUMENT, "sample_rate_hz"),
        ("好", {"lexicon": "x" * 100}, grpc.StatusCode.INVALID_ARGUMENT, "lexicon"),
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
        ([Config(), "😀", "！"], "can be said"),
        ([Config(), "好的，", Config()], "once only"),
        ([Config(), "好" * 10, "好" * 5000], "5000"),
    ],
)
async def test_bad_streams(stub: tts_pb2_grpc.SpeechSynthesisStub, messages: list[object], words: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await stream(stub, messages)
    assert failure.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert words in failure.value.details()


async def test_an_unknown_voice_of_a_stream_is_refused_before_any_text(stub: tts_pb2_grpc.SpeechSynthesisStub) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await stream(stub, [Config(voice="nobody")])
    assert failure.value.code() is grpc.StatusCode.NOT_FOUND


async def test_a_reader_that_leaves_ends_the_work() -> None:
    async with running_studio() as studio, served(studio) as stub:
        studio.encoder.may_run.clear()
        call = stub.Synthesize(tts_pb2.SynthesizeRequest(text="没有人要听了，" * 9))
        reading = asyncio.create_task(call.read())
        await until(lambda: studio.scheduler.is_busy)
        call.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await until(lambda: studio.encoder.aborted == 1 and not studio.scheduler.is_busy)


async def test_a_blend_speaks(stub: tts_pb2_grpc.SpeechSynthesisStub) -> None:
    assert await synthesize(stub, "好的。", voice="zf_xiaobei:0.6+zm_yunxi:0.4")
