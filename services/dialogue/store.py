"""Session state in Redis.

One hash a session, all keys with the session as hash tag, so that a Redis cluster keeps them together:

* ``voxcart:dialogue:{<session>}``: ``version``, ``state`` (JSON), ``utterance`` (the last one), ``recent`` (ids, newest
  first), and one field ``outcome:<utterance_id>`` for each of the recent utterances.
* ``voxcart:dialogue:{<session>}:journal:<utterance_id>``: answers of the shop that an unfinished utterance has seen.
"""

import asyncio
import base64
import json
import time
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from voxcart.errors import Unavailable
from voxcart_api.bus.v1 import bus_pb2
from voxcart_services.dialogue.ports import StateStore, StoredSession, TurnOutcome
from voxcart_services.dialogue.state import SessionState

KEPT_OUTCOMES = 64
JOURNAL_SECONDS = 3600

_SAVE = """
local version = tonumber(redis.call('HGET', KEYS[1], 'version') or '0')
if version ~= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'version', version + 1, 'state', ARGV[2])
if ARGV[3] ~= '' then
  redis.call('HSET', KEYS[1], 'utterance', ARGV[3], 'outcome:' .. ARGV[3], ARGV[4])
  local recent = cjson.decode(redis.call('HGET', KEYS[1], 'recent') or '[]')
  table.insert(recent, 1, ARGV[3])
  while #recent > tonumber(ARGV[5]) do
    redis.call('HDEL', KEYS[1], 'outcome:' .. table.remove(recent))
  end
  redis.call('HSET', KEYS[1], 'recent', cjson.encode(recent))
end
redis.call('EXPIRE', KEYS[1], ARGV[6])
return 1
"""


class RedisStateStore(StateStore):
    """State that any dialogue worker can go on with."""

    def __init__(self, redis: Redis, ttl_seconds: int) -> None:
        """``redis`` returns bytes and is closed by its owner; a session unused for ``ttl_seconds`` is forgotten."""
        self._redis = redis
        self._ttl_seconds = ttl_seconds
        self._save = redis.register_script(_SAVE)

    async def load(self, session_id: str, utterance_id: str) -> StoredSession:
        """See :meth:`StateStore.load`."""
        try:
            async with self._redis.pipeline(transaction=True) as pipe:
                fields = ["version", "state", "utterance", f"outcome:{utterance_id}"]
                pipe.hmget(_session_key(session_id), fields)
                pipe.hgetall(_journal_key(session_id, utterance_id))
                (version, state, last, outcome), journal = await pipe.execute()
        except (RedisError, OSError) as error:
            raise _away(error) from error
        return StoredSession(
            version=int(version or 0),
            state=SessionState.model_validate_json(state) if state else None,
            last_utterance_id=last.decode() if last else "",
            outcome=outcome_from_json(outcome) if outcome else None,
            journal={name.decode(): answer for name, answer in journal.items()},
        )

    async def write_journal(self, session_id: str, utterance_id: str, entries: dict[str, bytes]) -> None:
        """See :meth:`StateStore.write_journal`."""
        key = _journal_key(session_id, utterance_id)
        try:
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hset(key, mapping=entries)  # type: ignore[arg-type]
                pipe.expire(key, JOURNAL_SECONDS)
                await pipe.execute()
        except (RedisError, OSError) as error:
            raise _away(error) from error

    async def save(
        self, session_id: str, version: int, state: SessionState, utterance_id: str, outcome: TurnOutcome
    ) -> bool:
        """See :meth:`StateStore.save`."""
        return await self._write(session_id, version, state, utterance_id, outcome_to_json(outcome))

    async def save_state(self, session_id: str, version: int, state: SessionState) -> bool:
        """See :meth:`StateStore.save_state`."""
        return await self._write(session_id, version, state, "", "")

    async def _write(self, session_id: str, version: int, state: SessionState, utterance_id: str, outcome: str) -> bool:
        arguments: list[Any] = [version, state.model_dump_json(), utterance_id, outcome, KEPT_OUTCOMES]
        try:
            written = await self._save(keys=[_session_key(session_id)], args=[*arguments, self._ttl_seconds])
        except (RedisError, OSError) as error:
            raise _away(error) from error
        return bool(written)


async def wait_for_redis(redis: Redis, timeout_seconds: float) -> None:
    """Returns when Redis answers.

    Raises:
        voxcart.errors.Unavailable: It did not within ``timeout_seconds``.
    """
    end = time.monotonic() + timeout_seconds
    while True:
        try:
            await redis.ping()
            return
        except (RedisError, OSError) as error:
            if time.monotonic() >= end:
                raise _away(error) from error
            await asyncio.sleep(0.5)


def outcome_to_json(outcome: TurnOutcome) -> str:
    """The stored form: base64 of the messages, by kind, and the words as they are."""
    kinds = {"replies": outcome.replies, "user_events": outcome.user_events, "feedback": outcome.feedback}
    stored = {
        kind: [base64.b64encode(message.SerializeToString()).decode() for message in messages]  # type: ignore[attr-defined]
        for kind, messages in kinds.items()
    }
    return json.dumps({**stored, "hot_words": outcome.hot_words}, ensure_ascii=False)


def outcome_from_json(text: bytes | str) -> TurnOutcome:
    """Reads what :func:`outcome_to_json` wrote."""
    stored = json.loads(text)
    hot_words = stored.pop("hot_words", [])
    kinds = {kind: [base64.b64decode(entry) for entry in entries] for kind, entries in stored.items()}
    return TurnOutcome(
        replies=[bus_pb2.Reply.FromString(entry) for entry in kinds["replies"]],
        user_events=[bus_pb2.UserEvent.FromString(entry) for entry in kinds["user_events"]],
        feedback=[bus_pb2.Feedback.FromString(entry) for entry in kinds["feedback"]],
        hot_words=hot_words,
    )


def _session_key(session_id: str) -> str:
    return f"voxcart:dialogue:{{{session_id}}}"


def _journal_key(session_id: str, utterance_id: str) -> str:
    return f"{_session_key(session_id)}:journal:{utterance_id}"


def _away(error: Exception) -> Unavailable:
    return Unavailable(f"the state of the conversation cannot be reached ({type(error).__name__})")
