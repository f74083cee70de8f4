"""The phrase cache: what was said once is not computed again.

Two layers: a small one in the process, and Redis, shared by all processes and kept over restarts. Only audio and times
of words under a hash are stored, never text. A clause with a run of four or more digits (order, phone or card number)
is personal data and unlikely to come again: it is not stored.
"""

import asyncio
import hashlib
import re
import struct
import time
from collections import OrderedDict
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.exceptions import RedisError

from voxcart.telemetry.logs import get_logger
from voxcart_services.tts.metrics import CACHE_FAILURES_TOTAL, CACHE_TOTAL
from voxcart_services.tts.speaking.captions import WordTime
from voxcart_services.tts.speaking.chunks import ClauseSound

log = get_logger(__name__)

_PREFIX = "voxcart:tts:"
_ENTRY_VERSION = 2
_COUNT = struct.Struct("<I")
_WORD = struct.Struct("<HHII")
_LONG_DIGITS = re.compile(r"\d[\d \-]{2,}\d")


@dataclass(frozen=True)
class PhraseKey:
    """Everything that the sound of a clause depends on.

    Attributes:
        text: The clause as written; it decides whether the phrase may be stored.
        pronunciation: The front end's key: rules version, text, marks, language, lexicon entries that occur.
        voice: Name of the voice or expression of the blend.
        speaking_rate: Of the request times that of the clause.
        engine_version: Tells one set of weights and way of decoding from another.
    """

    text: str
    pronunciation: str
    voice: str
    speaking_rate: float
    engine_version: str

    @property
    def digest(self) -> str:
        """The key in both layers."""
        parts = (
            str(_ENTRY_VERSION),
            self.pronunciation,
            self.voice,
            f"{self.speaking_rate:.3f}",
            self.engine_version,
        )
        return _PREFIX + hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


@dataclass(frozen=True)
class CacheLimits:
    """Bounds of the cache.

    Attributes:
        memory_bytes: Kept in the process.
        entry_bytes: Longer entries are not stored.
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
    """The sound of clauses. Never raises for Redis: a failure is counted and counts as a miss."""

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

    def __len__(self) -> int:
        """How many phrases the process holds."""
        return len(self._memory)

    async def get(self, key: PhraseKey) -> ClauseSound | None:
        """The sound of the phrase, or None."""
        if not self.may_hold(key.text):
            return None
        digest = key.digest
        if digest in self._memory:
            self._memory.move_to_end(digest)
            CACHE_TOTAL.labels("memory").inc()
            return _unpacked(self._memory[digest])
        entry = await self._redis_get(digest)
        sound = _unpacked(entry) if entry is not None else None
        if entry is None or sound is None:
            CACHE_TOTAL.labels("miss").inc()
            return None
        CACHE_TOTAL.labels("redis").inc()
        self._remember(digest, entry)
        return sound

    async def holds(self, key: PhraseKey) -> bool:
        """Whether the phrase is in one of the layers; does not count as a use."""
        if key.digest in self._memory:
            return True
        return await self._redis_get(key.digest) is not None

    async def put(self, key: PhraseKey, sound: ClauseSound) -> None:
        """Store the sound of a phrase, if it may be and fits."""
        entry = _packed(sound)
        if not self.may_hold(key.text) or not sound.pcm_s16le or len(entry) > self._limits.entry_bytes:
            return
        self._remember(key.digest, entry)
        if not self._redis_is_up():
            return
        try:
            async with asyncio.timeout(1.0):
                await self._redis.set(key.digest, entry, ex=self._limits.ttl_seconds)  # type: ignore[union-attr]
        except (RedisError, OSError, TimeoutError) as error:
            self._redis_failed("put", error)

    async def _redis_get(self, digest: str) -> bytes | None:
        if not self._redis_is_up():
            return None
        try:
            async with asyncio.timeout(self._limits.timeout_seconds):
                entry = await self._redis.getex(digest, ex=self._limits.ttl_seconds)  # type: ignore[union-attr]
        except (RedisError, OSError, TimeoutError) as error:
            self._redis_failed("get", error)
            return None
        return entry if isinstance(entry, bytes) else None

    def _redis_is_up(self) -> bool:
        return self._redis is not None and time.monotonic() >= self._redis_away_until

    def _redis_failed(self, operation: str, error: Exception) -> None:
        CACHE_FAILURES_TOTAL.labels(operation).inc()
        self._redis_away_until = time.monotonic() + self._limits.retry_seconds
        log.warning("phrase cache is away", operation=operation, error=type(error).__name__)

    def _remember(self, digest: str, entry: bytes) -> None:
        self._memory_bytes += len(entry) - len(self._memory.pop(digest, b""))
        self._memory[digest] = entry
        while self._memory_bytes > self._limits.memory_bytes:
            _, dropped = self._memory.popitem(last=False)
            self._memory_bytes -= len(dropped)


def _packed(sound: ClauseSound) -> bytes:
    """An entry, little-endian: u32 number of words; per word u16 text start and end, u32 start and end in ms; PCM."""
    words = (_WORD.pack(w.text_start, w.text_end, w.start_ms, w.end_ms) for w in sound.words)
    return b"".join((_COUNT.pack(len(sound.words)), *words, sound.pcm_s16le))


def _unpacked(entry: bytes) -> ClauseSound | None:
    """What :func:`_packed` wrote; None for anything else."""
    if len(entry) < _COUNT.size:
        return None
    end_of_words = _COUNT.size + _COUNT.unpack_from(entry)[0] * _WORD.size
    if len(entry) <= end_of_words or (len(entry) - end_of_words) % 2:
        return None
    words = tuple(WordTime(*fields) for fields in _WORD.iter_unpack(entry[_COUNT.size : end_of_words]))
    return ClauseSound(entry[end_of_words:], words)
