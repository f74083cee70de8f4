"""The engine on scripted sessions: order, pauses, look-ahead, cancellation, cache, fairness, limits."""

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest
from redis.asyncio import Redis
from support.tts import SILENT_FRAMES, Studio, running_studio, until

from voxcart.errors import InvalidInput, NotFound, Overloaded, Unavailable
from voxcart_services.tts.speaking.audio import silence_pcm, with_fades
from voxcart_services.tts.speaking.cache import CacheLimits, PhraseCache, PhraseKey
from voxcart_services.tts.speaking.scheduler import Priority
from voxcart_services.tts.speaking.synthesizer import ClauseAudio, Delivery, checked_speaking_rate
from voxcart_services.tts.voices.kokoro.model import FRAME_SAMPLES, spoken_frames

pytestmark = pytest.mark.unit

REPLY = "好的，已经为您把两份苹果加入购物车，一共78元。要现在下单吗？"


def delivery(studio: Studio, voice: str = "zf_xiaobei", rate: float = 1.0) -> Delivery:
    return Delivery(studio.voices.get(voice), rate)


async def spoken(studio: Studio, text: str, rate: float = 1.0) -> list[ClauseAudio]:
    return [audio async for audio in studio.synthesizer.speak(text, delivery(studio, rate=rate))]


async def test_clauses_come_in_order_and_cover_the_text() -> None:
    async with running_studio() as studio:
        clauses = await spoken(studio, REPLY)
    assert "".join(audio.text for audio in clauses) == REPLY
    assert [audio.index for audio in clauses] == list(range(len(clauses)))
    assert [audio.is_last for audio in clauses] == [False] * (len(clauses) - 1) + [True]
    assert all(audio.pcm_s16le and len(audio.pcm_s16le) % 2 == 0 for audio in clauses)


async def test_text_in_pieces_sounds_like_the_whole_text() -> None:
    async def pieces() -> AsyncIterator[str]:
        for start in range(0, len(REPLY), 3):
            yield REPLY[start : start + 3]

    async with running_studio() as studio:
        whole = b"".join(audio.pcm_s16le for audio in await spoken(studio, REPLY))
        in_pieces = [audio async for audio in studio.synthesizer.speak_pieces(pieces(), delivery(studio))]
    assert b"".join(audio.pcm_s16le for audio in in_pieces) == whole


async def test_a_clause_of_a_stream_is_spoken_before_the_text_has_ended() -> None:
    more = asyncio.Event()

    async def pieces() -> AsyncIterator[str]:
        yield "好的，已经加"
        await more.wait()
        yield "入购物车。"

    async with running_studio() as studio:
        stream = studio.synthesizer.speak_pieces(pieces(), delivery(studio))
        first = await asyncio.wait_for(anext(stream), 5)
        assert first.text == "好的，"
        more.set()
        assert (await anext(stream)).is_last
        await stream.aclose()


async def test_silence_around_speech_is_not_computed_and_edges_are_faded() -> None:
    async with running_studio() as studio:
        (audio,) = await spoken(studio, "好的")
        tokens = len(studio.encoder.calls[0]) - 2
    samples = np.frombuffer(audio.pcm_s16le, "<i2")
    assert len(samples) < (3 * tokens + SILENT_FRAMES) * FRAME_SAMPLES
    assert samples[0] == samples[-1] == 0


async def test_a_pause_follows_every_clause_but_the_last() -> None:
    async with running_studio() as studio:
        first, *_, last = await spoken(studio, REPLY)
    pause = silence_pcm(100, 24_000)
    assert first.pcm_s16le.endswith(pause)
    assert not last.pcm_s16le.endswith(pause)


async def test_a_faster_rate_gives_shorter_audio() -> None:
    async with running_studio() as studio:
        slow, fast = await spoken(studio, "已经加入购物车了", 1.0), await spoken(studio, "已经加入购物车了", 2.0)
    assert len(fast[0].pcm_s16le) < 0.75 * len(slow[0].pcm_s16le)


async def test_a_repeated_phrase_comes_from_the_cache_bit_for_bit() -> None:
    async with running_studio() as studio:
        first = await spoken(studio, REPLY)
        calls = len(studio.encoder.calls)
        again = await spoken(studio, REPLY)
        assert len(studio.encoder.calls) == calls
    assert [audio.pcm_s16le for audio in again] == [audio.pcm_s16le for audio in first]
    assert {audio.source for audio in again} == {"cache"}


async def test_closing_the_stream_stops_the_synthesis() -> None:
    async with running_studio() as studio:
        stream = studio.synthesizer.speak(REPLY * 10, delivery(studio))
        await anext(stream)
        await stream.aclose()
        made = len(studio.encoder.calls)
        await spoken(studio, "别的话")
        assert len(studio.encoder.calls) <= made + 2
    assert not [task for task in asyncio.all_tasks() if task.get_name() in ("tts clause", "tts clauses")]


async def test_a_clause_that_nobody_waits_for_is_aborted() -> None:
    async with running_studio() as studio:
        studio.encoder.may_run.clear()
        running = asyncio.create_task(spoken(studio, "没有人要听了"))
        await until(lambda: studio.scheduler.is_busy)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await until(lambda: studio.encoder.aborted == 1 and not studio.scheduler.is_busy)
        studio.encoder.may_run.set()
        assert await spoken(studio, "下一句")


async def test_only_one_clause_is_made_ahead_of_a_slow_reader() -> None:
    async with running_studio() as studio:
        stream = studio.synthesizer.speak(REPLY * 10, delivery(studio))
        await anext(stream)
        for _ in range(50):
            await asyncio.sleep(0)
        assert len(studio.encoder.calls) <= 3
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
        clauses = await spoken(studio, "😀")
    assert [audio.pcm_s16le for audio in clauses] == [b""]
    assert clauses[0].is_last


async def test_first_clauses_overtake_later_ones_and_prefetching_waits() -> None:
    order: list[str] = []
    async with running_studio() as studio:
        studio.encoder.may_run.clear()
        blocker = asyncio.create_task(spoken(studio, "占住"))
        await until(lambda: studio.scheduler.is_busy)
        jobs = [
            asyncio.create_task(studio.scheduler.submit(lambda _, name=name: order.append(name), priority))
            for name, priority in (
                ("prefetch", Priority.PREFETCH),
                ("later", Priority.LATER_CLAUSE),
                ("first", Priority.FIRST_CLAUSE),
            )
        ]
        await asyncio.sleep(0)
        studio.encoder.may_run.set()
        await asyncio.gather(blocker, *jobs)
    assert order == ["first", "later", "prefetch"]


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
        await blocker


async def test_prefetched_phrases_are_ready_in_the_cache() -> None:
    async with running_studio() as studio:
        assert await studio.synthesizer.prefetch("好的，", delivery(studio)) > 0
        assert await studio.synthesizer.prefetch("好的，", delivery(studio)) == 0
        assert (await spoken(studio, "好的，马上为您办理"))[0].source == "cache"


def key(text: str, voice: str = "zf_xiaobei") -> PhraseKey:
    return PhraseKey(text, "zh", voice, 1.0, "model", 1)


async def test_numbers_that_identify_somebody_are_not_cached() -> None:
    cache = PhraseCache(None, CacheLimits())
    await cache.put(key("订单号 2026111100"), b"\0\0")
    await cache.put(key("一共1299元"), b"\0\0")
    await cache.put(key("一共78元"), b"\0\0")
    assert await cache.get(key("订单号 2026111100")) is None
    assert await cache.get(key("一共78元")) == b"\0\0"
    assert await cache.get(key("一共78元", "zm_yunxi")) is None


async def test_the_memory_of_the_cache_is_bounded() -> None:
    cache = PhraseCache(None, CacheLimits(memory_bytes=1000, entry_bytes=400))
    for number in range(20):
        await cache.put(key(f"第{number}句"), bytes(300))
    assert await cache.get(key("第0句")) is None
    assert await cache.get(key("第19句")) == bytes(300)
    await cache.put(key("太长"), bytes(402))
    assert await cache.get(key("太长")) is None


async def test_speech_goes_on_without_redis() -> None:
    redis = Redis.from_url("redis://127.0.0.1:1/0", socket_connect_timeout=0.05)
    cache = PhraseCache(redis, CacheLimits())
    assert await cache.get(key("好的")) is None
    await cache.put(key("好的"), b"\0\0")
    assert await cache.get(key("好的")) == b"\0\0"
    await redis.aclose()


@pytest.mark.parametrize("rate", [0.49, 2.01, float("nan"), float("inf"), -1.0])
def test_speaking_rates_out_of_range_are_refused(rate: float) -> None:
    with pytest.raises(InvalidInput, match="speaking_rate"):
        checked_speaking_rate(rate)


def test_an_unknown_voice_is_named_in_the_error() -> None:
    with pytest.raises(NotFound, match="zf_nobody"):
        Studio().voices.get("zf_nobody")


def test_all_frames_are_kept_when_nothing_is_loud() -> None:
    assert spoken_frames(np.full(40, -9.0, np.float32)) == (0, 20)


def test_spoken_frames_keep_a_margin() -> None:
    log_energy = np.full(100, -9.0, np.float32)
    log_energy[40:60] = 5.0
    first, last = spoken_frames(log_energy)
    assert first < 20
    assert last > 30
    assert last - first < 20


def test_fades_leave_very_short_audio_alone() -> None:
    assert with_fades(np.ones(1, np.float32), 24_000).tolist() == [1.0]
    assert with_fades(np.zeros(0, np.float32), 24_000).size == 0
