"""Learns which phrases are said often, so that they can be made beforehand after a restart or a new model.

Only short phrases that this process has said several times are written down (in Redis), none with a long number: what
is said once, to one person, is not.
"""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.exceptions import RedisError

from voxcart.telemetry.logs import get_logger
from voxcart_services.tts.metrics import CACHE_FAILURES_TOTAL
from voxcart_services.tts.speaking.cache import PhraseCache
from voxcart_services.tts.speaking.clause_maker import Delivery

log = get_logger(__name__)

_KEY = "voxcart:tts:frequent"
_SEPARATOR = "\x1f"


@dataclass(frozen=True)
class FrequentLimits:
    """Bounds of what is learned.

    Attributes:
        fewest_uses: How often a phrase must have been said by this process before it is written down.
        longest_characters: Longer phrases are not learned.
        counted: Phrases that are counted in the process; those not said for longest make room.
        kept: Phrases that are kept in Redis; the rarest make room.
        ttl_seconds: How long Redis keeps them when nothing is added.
        timeout_seconds: For one call to Redis.
    """

    fewest_uses: int = 3
    longest_characters: int = 24
    counted: int = 4096
    kept: int = 512
    ttl_seconds: int = 30 * 24 * 3600
    timeout_seconds: float = 1.0


@dataclass(frozen=True)
class FrequentPhrase:
    """A phrase and whose voice said it."""

    text: str
    language: str
    voice: str


class FrequentPhrases:
    """Counts phrases. Failures of Redis are counted and change nothing else."""

    def __init__(self, redis: Redis | None, limits: FrequentLimits | None = None) -> None:
        """``redis`` may be None: then nothing is written down."""
        self._redis = redis
        self._limits = limits or FrequentLimits()
        self._counts: OrderedDict[FrequentPhrase, int] = OrderedDict()
        self._saved: dict[FrequentPhrase, int] = {}

    def note(self, text: str, delivery: Delivery) -> None:
        """A phrase is said. Counts only what is said at the voice's own pace and with no shop's own pronunciations."""
        plain = text.strip()
        if delivery.speaking_rate != 1.0 or len(plain) > self._limits.longest_characters:
            return
        if not plain or not PhraseCache.may_hold(plain):
            return
        phrase = FrequentPhrase(plain, delivery.language, delivery.voice.name)
        self._counts[phrase] = self._counts.get(phrase, 0) + 1
        self._counts.move_to_end(phrase)
        while len(self._counts) > self._limits.counted:
            dropped, _ = self._counts.popitem(last=False)
            self._saved.pop(dropped, None)

    async def save(self) -> None:
        """Write down what was said often since the last call."""
        added = {
            phrase: count - self._saved.get(phrase, 0)
            for phrase, count in self._counts.items()
            if count >= self._limits.fewest_uses and count > self._saved.get(phrase, 0)
        }
        if self._redis is None or not added:
            return
        try:
            async with asyncio.timeout(self._limits.timeout_seconds), self._redis.pipeline() as pipeline:
                for phrase, count in added.items():
                    pipeline.zincrby(_KEY, count, _SEPARATOR.join((phrase.language, phrase.voice, phrase.text)))
                pipeline.zremrangebyrank(_KEY, 0, -self._limits.kept - 1)
                pipeline.expire(_KEY, self._limits.ttl_seconds)
                await pipeline.execute()
        except (RedisError, OSError, TimeoutError) as error:
            _failed("save", error)
            return
        self._saved |= {phrase: self._counts[phrase] for phrase in added if phrase in self._counts}

    async def learned(self, most: int) -> list[FrequentPhrase]:
        """The phrases that are said most, most frequent first; none when Redis is away."""
        if self._redis is None:
            return []
        try:
            async with asyncio.timeout(self._limits.timeout_seconds):
                members = await self._redis.zrevrange(_KEY, 0, most - 1)
        except (RedisError, OSError, TimeoutError) as error:
            _failed("learned", error)
            return []
        parts = (bytes(member).decode("utf-8", "replace").split(_SEPARATOR) for member in members)
        return [FrequentPhrase(part[2], part[0], part[1]) for part in parts if len(part) == 3]


def _failed(operation: str, error: Exception) -> None:
    CACHE_FAILURES_TOTAL.labels(operation).inc()
    log.warning("frequent phrases are away", operation=operation, error=type(error).__name__)
