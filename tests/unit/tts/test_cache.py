"""The phrase cache: what belongs to its key, what it refuses to keep, how much it holds, how it does without Redis."""

from dataclasses import replace

import pytest
from redis.asyncio import Redis

from voxcart_services.tts.speaking.cache import CacheLimits, PhraseCache, PhraseKey, _packed, _unpacked
from voxcart_services.tts.speaking.captions import WordTime
from voxcart_services.tts.speaking.chunks import ClauseSound

pytestmark = pytest.mark.unit

SOUND = ClauseSound(b"\0\1", (WordTime(0, 2, 75, 410),))


def key(text: str) -> PhraseKey:
    return PhraseKey(text, f"1/{text}", "zf_xiaobei", 1.0, "kokoro/abc")


async def test_numbers_that_identify_somebody_are_not_cached() -> None:
    cache = PhraseCache(None, CacheLimits())
    for text in ("订单号 2026111100", "一共1299元", "一共78元"):
        await cache.put(key(text), SOUND)
    assert await cache.get(key("订单号 2026111100")) is None
    assert await cache.get(key("一共78元")) == SOUND


@pytest.mark.parametrize(
    "other",
    [
        {"pronunciation": "1/一共78元/lexicon"},
        {"voice": "zf_xiaobei:0.6+zf_xiaoni:0.4"},
        {"speaking_rate": 1.2},
        {"engine_version": "kokoro/def"},
    ],
)
async def test_what_changes_the_sound_changes_the_key(other: dict[str, object]) -> None:
    cache = PhraseCache(None, CacheLimits())
    await cache.put(key("一共78元"), SOUND)
    assert await cache.get(replace(key("一共78元"), **other)) is None


async def test_the_memory_of_the_cache_is_bounded() -> None:
    cache = PhraseCache(None, CacheLimits(memory_bytes=1000, entry_bytes=400))
    sound = ClauseSound(bytes(300), ())
    for number in range(20):
        await cache.put(key(f"第{number}句"), sound)
    assert await cache.get(key("第0句")) is None
    assert await cache.get(key("第19句")) == sound
    await cache.put(key("太长"), ClauseSound(bytes(402), ()))
    assert await cache.get(key("太长")) is None


async def test_speech_goes_on_without_redis() -> None:
    redis = Redis.from_url("redis://127.0.0.1:1/0", socket_connect_timeout=0.05)
    cache = PhraseCache(redis, CacheLimits())
    assert await cache.get(key("好的")) is None
    await cache.put(key("好的"), SOUND)
    assert await cache.get(key("好的")) == SOUND
    assert await cache.holds(key("好的"))
    await redis.aclose()


def test_an_entry_comes_back_as_it_was() -> None:
    assert _unpacked(_packed(SOUND)) == SOUND
    assert _unpacked(_packed(ClauseSound(b"\0\1", ()))) == ClauseSound(b"\0\1", ())


@pytest.mark.parametrize("entry", [b"", b"abc", b"\xff\xff\xff\xff12", _packed(SOUND)[:-1], _packed(SOUND)[:-2]])
def test_a_broken_entry_is_a_miss(entry: bytes) -> None:
    assert _unpacked(entry) is None
