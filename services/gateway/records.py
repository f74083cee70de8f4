"""What Redis keeps of a session, so that it can go on after its connection, or its gateway process, is gone."""

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Awaitable
from dataclasses import asdict, dataclass
from typing import TypeVar

from redis.asyncio import Redis
from redis.exceptions import RedisError

from voxcart.errors import Unavailable
from voxcart.telemetry.logs import get_logger
from voxcart_api.gateway.v1.gateway_pb2 import Config
from voxcart_services.gateway.metrics import RECORD_FAILURES_TOTAL

log = get_logger(__name__)

KEY_PREFIX = "voxcart:gateway:session:"
CALL_S = 1.0
"""Deadline of each call to Redis."""

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """The record of one session.

    Attributes:
        session_id: Its id.
        config_base64: Serialised ``Config`` that it was opened with.
        token_sha256: Hash of the secret part of the resume token; hexadecimal.
        owner: The gateway process that serves it.
        last_sequence: Newest response known to be sent when the record was written.
        next_sample: No audio at or behind this position (16 kHz) was published.
        next_typed: No typed text with this number or a higher one was published.
        resumable_until: Seconds since the epoch, UTC; 0 when the session was closed.
    """

    session_id: str
    config_base64: str
    token_sha256: str
    owner: str
    last_sequence: int
    next_sample: int
    next_typed: int
    resumable_until: float

    @property
    def config(self) -> Config:
        """The config that the session was opened with."""
        return Config.FromString(base64.b64decode(self.config_base64))

    @property
    def is_resumable(self) -> bool:
        """Whether its time to be resumed is not over."""
        return time.time() < self.resumable_until


class SessionRecords:
    """Records of all sessions, shared by the gateway processes. Errors of Redis become :class:`Unavailable`."""

    def __init__(self, redis: Redis, retention_s: float) -> None:
        self._redis = redis
        self._retention_s = max(1, round(retention_s))

    async def read(self, session_id: str) -> SessionRecord | None:
        """The record of a session, ``None`` if there is none.

        Raises:
            Unavailable: Redis does not answer.
        """
        value = await self._call(self._redis.get(KEY_PREFIX + session_id))
        if value is None:
            return None
        try:
            return SessionRecord(**json.loads(value))
        except (ValueError, TypeError):
            log.warning("session record is broken", session_id=session_id)
            return None

    async def write(self, record: SessionRecord) -> None:
        """Stores a record for the retention time.

        Raises:
            Unavailable: Redis does not answer.
        """
        key = KEY_PREFIX + record.session_id
        await self._call(self._redis.set(key, json.dumps(asdict(record)), ex=self._retention_s))

    async def try_write(self, record: SessionRecord) -> bool:
        """Stores a record if Redis answers; says whether it did. A failure is counted and logged."""
        try:
            await self.write(record)
        except Unavailable:
            RECORD_FAILURES_TOTAL.inc()
            log.warning("session record not stored", session_id=record.session_id)
            return False
        return True

    async def _call(self, call: Awaitable[Value]) -> Value:
        try:
            async with asyncio.timeout(CALL_S):
                return await call
        except (RedisError, OSError, TimeoutError) as error:
            raise Unavailable("the session store (Redis) does not answer") from error


def new_secret() -> str:
    """A random secret, 256 bits."""
    return secrets.token_urlsafe(32)


def hash_of(secret: str) -> str:
    """What is stored of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def join_token(session_id: str, secret: str) -> str:
    """The resume token of a session."""
    return f"{session_id}.{secret}"


def split_token(token: str) -> tuple[str, str]:
    """Session id and secret of a resume token; both empty if it is none."""
    session_id, _, secret = token.rpartition(".")
    return (session_id, secret) if session_id and len(token) <= 256 else ("", "")


def secret_matches(secret: str, token_sha256: str) -> bool:
    """Compares in constant time."""
    return hmac.compare_digest(hash_of(secret), token_sha256)


def encode_config(config: Config) -> str:
    """A config as the record holds it."""
    return base64.b64encode(config.SerializeToString()).decode()
