"""The synthesiser on scripted sessions: order, pauses, captions, look-ahead, cancellation, fairness, limits."""

import asyncio
from collections.abc import AsyncIterator
from itertools import groupby

import numpy as np
import pytest
from support.tts import SILENT_FRAMES, Studio, running_studio, until

from voxcart.errors import InvalidInput, Overloaded, Unavailable
from voxcart_services.tts.speaking.audio import CHUNK_BYTES, duration_seconds, silence_pcm
from voxcart_services.tts.speaking.chunks import SpeechChunk
from voxcart_services.tts.speaking.clause_maker import Delivery
from voxcart_services.tts.speaking.scheduler import NEVER_DUE, Kind
from voxcart_services.tts.speaking.synthesizer import checked_speaking_rate
from voxcart_services.tts.text.clauses import Clause
from voxcart_services.tts.voices.kokoro.model import FRAME_SAMPLES

pytestmark = pytest.mark.unit

REPLY = "好的，已经为您把两份苹果加入购物车，一共78元。要现在下单吗？"


def delivery(studio: Studio, voice: str = "zf_xiaobei", rate: float = 1.0) -> Delivery:
    return Delivery(studio.voices.get(voice), rate)


async def spoken(studio: Studio, text: str, rate: float = 1.0) -> list[SpeechChunk]:
    return [chunk async for chunk in studio.synthesizer.speak(text, delivery(studio, rate=rate))]


def by_clause(chunks: list[SpeechChunk]) -> list[list[SpeechChunk]]:
    return [list(group) for _, group in groupby(chunks, key=lambda chunk: chunk.clause)]


def pcm_of(chunks: list[SpeechChunk]) -> bytes:
    return b"".join(chunk.pcm_s16le for chunk in chunks)


async def test_chunks_come_in_order_and_cover_the_text() -> None:
    async with running_studio() as studio:
        chunks = await spoken(studio, REPLY)
    assert "".join(chunk.clause_text for chunk in chunks) == REPLY
    places = [(chunk.clause, chunk.number) for chunk in chunks]
    assert places == [
        (clause, number) for clause, group in enumerate(by_clause(chunks)) for number in range(len(group))
    ]
    assert [chunk.is_last for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert all(0 < len(chunk.pcm_s16le) <= CHUNK_BYTES and len(chunk.pcm_s16le) % 2 == 0 for chunk in chunks)
    for group in by_clause(chunks):
        assert all(len(chunk.pcm_s16le) == CHUNK_BYTES for chunk in group[:-1])


async def test_text_in_pieces_sounds_like_the_whole_text() -> None:
    async def pieces() -> AsyncIterator[str]:
        for start in range(0, len(REPLY), 3):
            yield REPLY[start : start + 3]

    async with running_studio() as studio:
        whole = await spoken(studio, REPLY)
    async with running_studio() as studio:
        in_pieces = [chunk async for chunk in studio.synthesizer.speak_pieces(pieces(), delivery(studio))]
    for one, other in zip(in_pieces, whole, strict=True):
        assert (len(one.pcm_s16le), one.clause_text, one.words) == (
            len(other.pcm_s16le),
            other.clause_text,
            other.words,
        )


async def test_a_clause_of_a_stream_is_spoken_before_the_text_has_ended() -> None:
    more = asyncio.Event()

    async def pieces() -> AsyncIterator[str]:
        yield "好的，已经加"
        await more.wait()
        yield "入购物车。"

    async with running_studio() as studio:
        stream = studio.synthesizer.speak_pieces(pieces(), delivery(studio))
        first = await asyncio.wait_for(anext(stream), 5)
        assert first.clause_text == "好的，"
        more.set()
        assert [chunk async for chunk in stream][-1].is_last


async def test_words_lie_in_the_audio_of_their_clause() -> None:
    async with running_studio() as studio:
        chunks = await spoken(studio, REPLY)
    start_ms = 0.0
    for group in by_clause(chunks):
        end_ms = start_ms + 1000 * duration_seconds(pcm_of(group))
        words = group[0].words
        assert words
        times = [time for word in words for time in (word.start_ms, word.end_ms)]
        assert times == sorted(times)
        assert start_ms - 1 <= times[0]
        assert times[-1] <= end_ms + 1
        assert all(word.text in group[0].clause_text for word in words)
        start_ms = end_ms


async def test_cached_clauses_have_the_same_words() -> None:
    async with running_studio() as studio:
        made, cached = await spoken(studio, REPLY), await spoken(studio, REPLY)
    assert {chunk.source for chunk in cached} == {"cache"}
    assert [(c.pcm_s16le, c.words, c.clause_text) for c in cached] == [
        (c.pcm_s16le, c.words, c.clause_text) for c in made
    ]


async def test_silence_around_speech_is_not_handed_out_and_edges_are_faded() -> None:
    async with running_studio() as studio:
        samples = np.frombuffer(pcm_of(await spoken(studio, "好的")), "<i2")
        tokens = len(studio.encoder.calls[0]) - 2
    assert len(samples) < (3 * tokens + SILENT_FRAMES) * FRAME_SAMPLES
    assert samples[0] == samples[-1] == 0


async def test_a_pause_follows_every_clause_but_the_last() -> None:
    async with running_studio() as studio:
        first, *_, last = by_clause(await spoken(studio, REPLY))
    pause = silence_pcm(100)
    assert pcm_of(first).endswith(pause)
    assert not pcm_of(last).endswith(pause)


async def test_silence_of_a_clause_without_text_is_kept_at_both_ends() -> None:
    clauses = [Clause("", 0, 300), Clause("好的。", 0, 280), Clause("", 3, 500)]
    async with running_studio() as studio:
        chunks = [chunk async for chunk in studio.synthesizer.speak_clauses(clauses, delivery(studio))]
    pcm = pcm_of(chunks)
    assert pcm.startswith(silence_pcm(300))
    assert pcm.endswith(silence_pcm(280 + 500))
    assert chunks[-1].is_last
    (word,) = (word for chunk in chunks for word in chunk.words[:1])
    assert word.start_ms >= 300


async def test_a_faster_rate_gives_shorter_audio_and_a_clause_has_its_own() -> None:
    async with running_studio() as studio:
        slow, fast = await spoken(studio, "已经加入购物车了", 1.0), await spoken(studio, "已经加入购物车了", 2.0)
        clause = Clause("已经加入购物车了", 0, 0, speaking_rate=2.0)
        same = [chunk async for chunk in studio.synthesizer.speak_clauses([clause], delivery(studio))]
    assert len(pcm_of(fast)) < 0.75 * len(pcm_of(slow))
    assert len(pcm_of(same)) == len(pcm_of(fast))


async def test_closing_the_stream_stops_the_synthesis() -> None:
    async with running_studio() as studio:
        stream = studio.synthesizer.speak(REPLY * 10, delivery(studio))
        await anext(stream)
        await stream.aclose()
        made = len(studio.encoder.calls)
        await spoken(studio, "别的话")
        assert len(studio.encoder.calls) <= made + 2
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "tts reply audio"]


async def test_audio_that_nobody_waits_for_is_aborted() -> None:
    async with running_studio() as studio:
        studio.encoder.may_run.clear()
        running = asyncio.create_task(spoken(studio, "没有人要听了"))
        await until(lambda: studio.scheduler.is_busy)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await until(lambda: studio.encoder.aborted == 1 and not studio.scheduler.is_busy)
        studio.encoder.may_run.set()
        assert await spoken(studio, "下一句")


async def test_cancelling_one_reply_leaves_another_as_it_was() -> None:
    async with running_studio() as studio:
        alone = await spoken(studio, REPLY)
    async with running_studio() as studio:
        leaver = studio.synthesizer.speak("没有人要听了，" * 9, delivery(studio))
        await anext(leaver)
        stays = asyncio.create_task(spoken(studio, REPLY))
        await asyncio.sleep(0)
        await leaver.aclose()
        assert [len(chunk.pcm_s16le) for chunk in await stays] == [len(chunk.pcm_s16le) for chunk in alone]


async def test_no_more_than_four_seconds_are_made_ahead_of_a_slow_reader() -> None:
    async with running_studio() as studio:
        stream = studio.synthesizer.speak(REPLY * 30, delivery(studio))
        await anext(stream)
        before = -1
        while before != len(studio.decoder.calls):
            before = len(studio.decoder.calls)
            await asyncio.sleep(0.05)
        assert sum(studio.decoder.calls) / 40 < 20
        await stream.aclose()


async def test_an_error_of_the_model_reaches_the_caller_and_the_next_call_works() -> None:
    async with running_studio() as studio:
        studio.encoder.error = RuntimeError("broken")
        with pytest.raises(RuntimeError, match="broken"):
            await spoken(studio, REPLY)
        studio.encoder.error = None
        assert await spoken(studio, REPLY)


async def test_text_that_cannot_be_said_gives_empty_audio() -> None:
    async with running_studio() as studio:
        (chunk,) = await spoken(studio, "😀")
    assert chunk.pcm_s16le == b""
    assert chunk.is_last


async def test_whose_audio_runs_out_first_is_served_first_and_prefetching_waits() -> None:
    order: list[str] = []
    async with running_studio() as studio:
        studio.encoder.may_run.clear()
        blocker = asyncio.create_task(spoken(studio, "占住"))
        await until(lambda: studio.scheduler.is_busy)
        jobs = [
            asyncio.create_task(studio.scheduler.submit(lambda _, name=name: order.append(name), due, kind))
            for name, due, kind in (
                ("prefetch", NEVER_DUE, Kind.PREFETCH),
                ("far ahead", 1e9 + 5, Kind.MORE_AUDIO),
                ("first audio", 1e9 + 0.2, Kind.FIRST_AUDIO),
                ("about to stop", 1e9 + 0.1, Kind.MORE_AUDIO),
            )
        ]
        await asyncio.sleep(0)
        studio.encoder.may_run.set()
        await asyncio.gather(blocker, *jobs)
    assert order == ["about to stop", "first audio", "far ahead", "prefetch"]


async def test_a_full_queue_refuses_and_cancelled_jobs_make_room() -> None:
    async with running_studio(max_waiting=2) as studio:
        studio.encoder.may_run.clear()
        blocker = asyncio.create_task(spoken(studio, "占住"))
        await until(lambda: studio.scheduler.is_busy)
        waiting = [asyncio.create_task(spoken(studio, text)) for text in ("一个", "两个")]
        await asyncio.sleep(0.01)
        with pytest.raises(Overloaded, match="2 clauses are waiting"):
            await spoken(studio, "三个")
        waiting[0].cancel()
        await asyncio.gather(waiting[0], return_exceptions=True)
        third = asyncio.create_task(spoken(studio, "三个"))
        studio.encoder.may_run.set()
        await asyncio.gather(blocker, waiting[1], third)


async def test_closing_the_scheduler_answers_every_waiter() -> None:
    async with running_studio() as studio:
        studio.encoder.may_run.clear()
        blocker = asyncio.create_task(spoken(studio, "占住"))
        await until(lambda: studio.scheduler.is_busy)
        waiting = asyncio.create_task(spoken(studio, "等着"))
        await asyncio.sleep(0.01)
        studio.scheduler.close()
        with pytest.raises(Unavailable):
            await asyncio.wait_for(waiting, 5)
        with pytest.raises(Unavailable):
            await spoken(studio, "新的")
        studio.encoder.may_run.set()
        await asyncio.gather(blocker, return_exceptions=True)


async def test_prefetched_phrases_are_ready_in_the_cache() -> None:
    async with running_studio() as studio:
        assert await studio.synthesizer.prefetch("好的，", delivery(studio)) > 0
        assert await studio.synthesizer.prefetch("好的，", delivery(studio)) == 0
        assert (await spoken(studio, "好的，马上为您办理"))[0].source == "cache"


@pytest.mark.parametrize("rate", [0.49, 2.01, float("nan"), float("inf"), -1.0])
def test_speaking_rates_out_of_range_are_refused(rate: float) -> None:
    with pytest.raises(InvalidInput, match="speaking_rate"):
        checked_speaking_rate(rate)
