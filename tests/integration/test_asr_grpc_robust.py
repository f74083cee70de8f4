"""What clients do to the gRPC contract of speech recognition: cancel, vanish, never read, send without end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import grpc
import pytest

from tests.integration.test_asr_grpc import Config, Response, collected, cut, refusal, requests, serving
from tests.support.asr import LengthEngine, audio, make_recognizer, silence, speech
from voxcart.audio.pcm import to_pcm_s16le
from voxcart_api.asr.v1 import asr_pb2, asr_pb2_grpc
from voxcart_services.asr.recognition import Hypothesis, Word
from voxcart_services.asr.recognizer import Recognizer

pytestmark = pytest.mark.integration

PCM = to_pcm_s16le(audio(silence(0.5), speech(0.8), silence(1.2)))
SILENT_SECOND = to_pcm_s16le(silence(1.0))
Stub = asr_pb2_grpc.SpeechRecognitionStub


async def until(condition: Callable[[], object]) -> None:
    """Waits until the condition holds."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def finals(stub: Stub, size: int) -> list[str]:
    """Final texts of a stream that sends `PCM` in messages of `size` bytes."""
    call = stub.StreamingRecognize(iter(requests(Config(interim_results=True), cut(PCM, size))), timeout=30)
    return [r.result.raw_text for r in await collected(call) if r.HasField("result") and r.result.is_final]


def is_free(recognizer: Recognizer, engine: LengthEngine) -> bool:
    return recognizer.open_streams == 0 and engine.open_utterances == 0


async def test_a_call_cancelled_while_its_final_is_decoded_frees_everything_and_disturbs_nobody() -> None:
    engine = LengthEngine()
    async with serving(make_recognizer(engine)) as (stub, recognizer):
        alone = await finals(stub, 3_200)
        engine.hold = True
        held = stub.StreamingRecognize(iter(requests(Config(), cut(PCM, 3_200))), timeout=30)
        await until(lambda: engine.held)
        (decoding,) = engine.held
        engine.hold = False
        others = [asyncio.create_task(finals(stub, size)) for size in (640, 3_200, 10_000, 65_536)]
        held.cancel()
        assert await asyncio.gather(*others) == [alone] * 4
        await until(lambda: is_free(recognizer, engine))
        assert decoding.future.cancelled()


async def test_a_cancelled_recording_frees_everything() -> None:
    engine = LengthEngine(hold=True)
    async with serving(make_recognizer(engine)) as (stub, recognizer):
        call = stub.Recognize(asr_pb2.RecognizeRequest(audio=PCM), timeout=30)
        await until(lambda: engine.held)
        call.cancel()
        await until(lambda: is_free(recognizer, engine))
        assert engine.held[0].future.cancelled()


async def test_a_deadline_that_passes_frees_everything() -> None:
    engine = LengthEngine(hold=True)
    async with serving(make_recognizer(engine)) as (stub, recognizer):
        for call in (
            stub.Recognize(asr_pb2.RecognizeRequest(audio=PCM), timeout=0.5),
            collected(stub.StreamingRecognize(iter(requests(Config(), cut(PCM, 3_200))), timeout=0.5)),
        ):
            assert (await refusal(call)).code() == grpc.StatusCode.DEADLINE_EXCEEDED
        await until(lambda: is_free(recognizer, engine))


async def test_no_task_outlives_its_call() -> None:
    engine = LengthEngine(hold=True)
    async with serving(make_recognizer(engine)) as (stub, recognizer):
        await finals_of_nobody(stub)
        before = len(asyncio.all_tasks())
        calls = [stub.StreamingRecognize(iter(requests(Config(), cut(PCM, 3_200))), timeout=30) for _ in range(8)]
        await until(lambda: len(engine.held) == 8)
        for call in calls:
            call.cancel()
        await until(lambda: is_free(recognizer, engine))
        await until(lambda: len(asyncio.all_tasks()) <= before)


async def finals_of_nobody(stub: Stub) -> None:
    """A stream of silence: lets the channel and the server start what they keep running."""
    await collected(stub.StreamingRecognize(iter(requests(Config(), [SILENT_SECOND])), timeout=30))


async def test_a_client_that_never_reads_is_held_back_until_its_deadline() -> None:
    """Its responses fill the connection's window; then the service reads no more of what it sends."""
    words = tuple(Word("长", 10 * n, 10 * n + 10, 0.9) for n in range(2_000))
    engine = LengthEngine(answer=lambda *_: Hypothesis("长", (1,), 0.9, -0.1, 0.0, "zh", words=words))
    sent, last_sent, polls = 0, 0, 0

    async def endless() -> AsyncIterator[asr_pb2.StreamingRecognizeRequest]:
        nonlocal sent
        yield requests(Config(enable_word_times=True), [])[0]
        while True:
            for request in requests(None, cut(PCM, 65_536)):
                yield request
                sent += 1

    def is_held_back() -> bool:
        nonlocal last_sent, polls
        polls = polls + 1 if sent == last_sent else 0
        last_sent = sent
        return polls > 100

    async with serving(make_recognizer(engine)) as (stub, recognizer):
        call = stub.StreamingRecognize(endless(), timeout=8)
        await until(is_held_back)
        assert recognizer.open_streams == 1
        await until(lambda: is_free(recognizer, engine))
        call.cancel()


async def test_a_stream_that_breaks_off_in_a_bad_message_leaves_others_alone() -> None:
    engine = LengthEngine()
    async with serving(make_recognizer(engine)) as (stub, recognizer):
        alone = await finals(stub, 3_200)
        bad = requests(Config(), [*cut(PCM[:30_000], 3_200), b"\x00" * 70_000])
        twice = [*requests(Config(), cut(PCM[:30_000], 3_200)), *requests(Config(sample_rate_hz=8_000), [])]
        results = await asyncio.gather(
            refusal(collected(stub.StreamingRecognize(iter(bad), timeout=30))),
            finals(stub, 3_200),
            refusal(collected(stub.StreamingRecognize(iter(twice), timeout=30))),
        )
        await until(lambda: is_free(recognizer, engine))
    assert results[0].code() == results[2].code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "another sample rate" in results[2].details()
    assert results[1] == alone


async def test_an_engine_that_is_overloaded_says_so_and_keeps_what_it_has() -> None:
    engine = LengthEngine(is_overloaded=True)
    async with serving(make_recognizer(engine)) as (stub, recognizer):
        error = await refusal(stub.Recognize(asr_pb2.RecognizeRequest(audio=PCM), timeout=10))
        assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        await until(lambda: is_free(recognizer, engine))
        engine.is_overloaded = False
        assert len(await finals(stub, 3_200)) == 1


async def test_an_empty_stream_and_empty_messages_give_nothing() -> None:
    async with serving() as (stub, _):
        assert await collected(stub.StreamingRecognize(iter(requests(Config(), [])), timeout=10)) == []
        empty = requests(Config(), [b"", SILENT_SECOND, b"", b""])
        assert await collected(stub.StreamingRecognize(iter(empty), timeout=10)) == []
        nothing = [*requests(Config(), []), asr_pb2.StreamingRecognizeRequest()]
        error = await refusal(collected(stub.StreamingRecognize(iter(nothing), timeout=10)))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "carries audio" in error.details()


async def test_half_an_hour_through_grpc_keeps_memory_flat() -> None:
    """Speech and silence in turn, far faster than real time."""
    block = PCM * 24

    async def half_an_hour() -> AsyncIterator[asr_pb2.StreamingRecognizeRequest]:
        yield requests(Config(), [])[0]
        for minute in range(30):
            for request in requests(None, cut(block, 64_000)):
                yield request
            used.append(resident_bytes())
            assert len(used) == minute + 1

    used: list[int] = []
    num_finals = 0
    async with serving() as (stub, _):
        async for response in stub.StreamingRecognize(half_an_hour(), timeout=300):
            num_finals += response.event == Response.EVENT_RESULT
    assert num_finals == 30 * 24
    assert max(used[20:]) - max(used[5:10]) < 16 * 1024 * 1024


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4_096
