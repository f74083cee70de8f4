"""The phrase cache: what was said once is not computed again.

Two layers: a small one in the process, and Redis, shared by all processes and kept over restarts. Only audio under a
hash is stored, never text. A clause with a run of four or more digits (order, phone or card number) is personal data
and unlikely to come again: it is not stored.
"""

import asyncio
import hashlib
import re
import time
from collections import OrderedDict
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.exceptions import RedisError

from voxcart.telemetry.logs import get_logger
from voxcart_services.tts.metrics import CACHE_FAILURES_TOTAL, CACHE_TOTAL

log = get_logger(__name__)

_PREFIX = "voxcart:tts:"
_LONG_DIGITS = re.compile(r"\d[\d \-]{2,}\d")


@dataclass(frozen=True)
class PhraseKey:
    """Everything that the sound of a clause depends on."""

    text: str
    language: str
    voice: str
    speaking_rate: float
    model_version: str
    frontend_version: int

    @property
    def digest(self) -> str:
        """The key in both layers."""
        parts = (
            self.text,
            self.language,
            self.voice,
            f"{self.speaking_rate:.3f}",
            self.model_version,
            str(self.frontend_version),
        )
        return _PREFIX + hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


@dataclass(frozen=True)
class CacheLimits:
    """Bounds of the cache.

    Attributes:
        memory_bytes: Audio kept in the process.
        entry_bytes: Longer audio is not stored.
        ttl_seconds: How long Redis keeps an entry that is not used; each use starts it anew.
        timeout_seconds: A slower Redis answer counts as a miss.
        retry_seconds: How long Redis is left alone after a failure.
    """

    memory_bytes: int = 16 * 1024 * 1024
    entry_bytes: int = 480_000
    ttl_seconds: int = 7 * 24 * 3600
    timeout_seconds: float = 0.05
    retry_seconds: float = 5.0


class PhraseCache:
    """Audio (PCM s16le) by phrase. Never raises for Redis: a failure is counted and counts as a miss."""

    def __init__(self, redis: Redis | None, limits: CacheLimits) -> None:
        """``redis`` may be None: then only the process's own layer is used."""
        self._redis = redis
        self._limits = limits
        self._memory: OrderedDict[str, bytes] = OrderedDict()
        self._memory_bytes = 0
        self._redis_away_until = 0.0

    @staticmethod
    def may_hold(text: str) -> bool:
        """Whether the clause may be stored: no number that could identify a person or an order."""
        return not _LONG_DIGITS.search(text)

    async def get(self, key: PhraseKey) -> bytes | None:
        """The audio of the phrase, or None."""
        if not self.may_hold(key.text):
            return None
        digest = key.digest
        if digest in self._memory:
            self._memory.move_to_end(digest)
            CACHE_TOTAL.labels("memory").inc()
            return self._memory[digest]
        pcm = await self._redis_get(digest)
        if pcm is None:
            CACHE_TOTAL.labels("miss").inc()
            return None
        CACHE_TOTAL.labels("redis").inc()
        self._remember(digest, pcm)
        return pcm

    async def put(self, key: PhraseKey, pcm: bytes) -> None:
        """Store the audio of a phrase, if it may be and fits."""
        if not self.may_hold(key.text) or not 0 < len(pcm) <= self._limits.entry_bytes:
            return
        self._remember(key.digest, pcm)
        if not self._redis_is_up():
            return
        try:
            async with asyncio.timeout(1.0):
                await self._redis.set(key.digest, pcm, ex=self._limits.ttl_seconds)  # type: ignore[union-attr]
        except (RedisError, OSError, TimeoutError) as error:
            self._redis_failed("put", error)

    async def _redis_get(self, digest: str) -> bytes | None:
        if not self._redis_is_up():
            return None
        try:
            async with asyncio.timeout(self._limits.timeout_seconds):
                pcm = await self._redis.getex(digest, ex=self._limits.ttl_seconds)  # type: ignore[union-attr]
        except (RedisError, OSError, TimeoutError) as error:
            self._redis_failed("get", error)
            return None
        return pcm if isinstance(pcm, bytes) and pcm and len(pcm) % 2 == 0 else None

    def _redis_is_up(self) -> bool:
        return self._redis is not None and time.monotonic() >= self._redis_away_until

    def _redis_failed(self, operation: str, error: Exception) -> None:
        CACHE_FAILURES_TOTAL.labels(operation).inc()
        self._redis_away_until = time.monotonic() + self._limits.retry_seconds
        log.warning("phrase cache is away", operation=operation, error=type(error).__name__)

    def _remember(self, digest: str, pcm: bytes) -> None:
        self._memory_bytes += len(pcm) - len(self._memory.pop(digest, b""))
        self._memory[digest] = pcm
        while self._memory_bytes > self._limits.memory_bytes:
            _, dropped = self._memory.popitem(last=False)
            self._memory_bytes -= len(dropped)
