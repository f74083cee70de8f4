"""Prefetching: openers are the first clauses of replies, and are made only while nobody else wants speech."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from support.tts import DEFAULTS, running_studio, scripted_engine, until

from voxcart_services.tts.speaking.clause_maker import Delivery
from voxcart_services.tts.speaking.frequent import FrequentLimits, FrequentPhrase, FrequentPhrases
from voxcart_services.tts.speaking.prefetch import PrefetchPace, keep_prefetched, prefetch_phrases, read_openers
from voxcart_services.tts.text.clauses import split_clauses
from voxcart_services.tts.voices.library import VoiceLibrary

pytestmark = pytest.mark.unit


def test_every_opener_is_the_first_clause_of_a_reply_that_begins_with_it() -> None:
    openers = read_openers(VoiceLibrary([scripted_engine()], DEFAULTS))
    assert len(openers) > 20
    for phrase, delivery in openers:
        rest = "已经加入购物车。" if delivery.language == "zh" else " two boxes of milk are in your cart."
        assert split_clauses(phrase + rest)[0].text.strip() == phrase


async def test_phrases_are_made_when_the_service_is_idle() -> None:
    async with running_studio() as studio:
        openers = read_openers(studio.voices)[:3]
        idle = itertools.chain([0.0], itertools.repeat(30.0))
        await asyncio.wait_for(
            prefetch_phrases(studio.synthesizer, openers, lambda: next(idle), PrefetchPace(0.01, 1.0)), 10
        )
        calls = len(studio.encoder.calls)
        for phrase, delivery in openers:
            assert await studio.synthesizer.prefetch(phrase, delivery) == 0
    assert calls == 3


async def test_phrases_wait_while_sessions_speak() -> None:
    async with running_studio() as studio:
        task = asyncio.create_task(
            prefetch_phrases(studio.synthesizer, read_openers(studio.voices), lambda: 0.0, PrefetchPace(5.0, 1.0))
        )
        await asyncio.sleep(0)
        assert not studio.encoder.calls
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class ScriptedLearning(FrequentPhrases):
    """What was learned, without Redis."""

    def __init__(self, phrases: list[FrequentPhrase]) -> None:
        super().__init__(None)
        self.phrases = phrases

    async def learned(self, most: int) -> list[FrequentPhrase]:
        return self.phrases[:most]


async def test_what_was_learned_is_made_after_the_openers_and_gone_voices_are_left_out() -> None:
    learned = [FrequentPhrase("马上就来。", "zh", "zf_gone"), FrequentPhrase("马上就来。", "zh", "zm_yunxi")]
    async with running_studio() as studio:
        voice = studio.voices.get("zm_yunxi")
        task = asyncio.create_task(
            keep_prefetched(
                studio.synthesizer, studio.voices, ScriptedLearning(learned), lambda: 30.0, PrefetchPace(0.01, 1.0)
            )
        )
        await until(lambda: len(studio.cache) == len(read_openers(studio.voices)) + 1)
        assert await studio.synthesizer.prefetch("马上就来。", Delivery(voice)) == 0
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class ScriptedRedis:
    """A sorted set in a dictionary, behind the calls that are used."""

    def __init__(self) -> None:
        self.scores: dict[str, float] = {}
        self.is_away = False

    @asynccontextmanager
    async def pipeline(self) -> AsyncIterator["ScriptedRedis"]:
        yield self

    def zincrby(self, key: str, amount: float, member: str) -> None:
        self.scores[member] = self.scores.get(member, 0) + amount

    def zremrangebyrank(self, key: str, first: int, last: int) -> None:
        ranked = sorted(self.scores, key=self.scores.__getitem__)
        for member in ranked[: max(len(ranked) + last + 1, 0)]:
            del self.scores[member]

    def expire(self, key: str, seconds: int) -> None:
        assert seconds > 0

    async def execute(self) -> None:
        if self.is_away:
            raise ConnectionError("away")

    async def zrevrange(self, key: str, first: int, last: int) -> list[bytes]:
        if self.is_away:
            raise ConnectionError("away")
        return [member.encode() for member in sorted(self.scores, key=self.scores.__getitem__)[::-1][first : last + 1]]


async def test_only_what_is_said_often_is_written_down() -> None:
    voice = VoiceLibrary([scripted_engine()], DEFAULTS).get("zf_xiaobei")
    frequent = FrequentPhrases(ScriptedRedis(), FrequentLimits(fewest_uses=2, kept=2))
    for text, times in (("好的，", 4), ("只说一次。", 1), ("订单号 20261111", 5), ("有货，", 3), ("改好了，", 2)):
        for _ in range(times):
            frequent.note(text, Delivery(voice))
    frequent.note("好的，", Delivery(voice, 1.5))
    await frequent.save()
    await frequent.save()
    assert [phrase.text for phrase in await frequent.learned(10)] == ["好的，", "有货，"]


async def test_frequent_phrases_do_without_redis() -> None:
    voice = VoiceLibrary([scripted_engine()], DEFAULTS).get("zf_xiaobei")
    redis = ScriptedRedis()
    redis.is_away = True
    for frequent in (FrequentPhrases(redis, FrequentLimits(fewest_uses=1)), FrequentPhrases(None)):
        frequent.note("好的，", Delivery(voice))
        await frequent.save()
        assert await frequent.learned(10) == []
