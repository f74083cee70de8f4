"""What users did, in Redis: bounded history per user, co-visitation counts per product, popularity per shop.

All keys of a tenant share a hash tag, so that one script may touch them on a Redis cluster. Recording is one script:
a repeated event id changes nothing.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from redis.asyncio import Redis
from redis.exceptions import RedisError

from voxcart.errors import Unavailable
from voxcart_api.bus.v1 import bus_pb2

Type = bus_pb2.UserEvent

WEIGHTS: dict[int, float] = {
    Type.TYPE_SEARCH: 0.3,
    Type.TYPE_VIEW: 1.0,
    Type.TYPE_ADD_TO_CART: 3.0,
    Type.TYPE_BUY: 5.0,
    Type.TYPE_LIKE: 4.0,
    Type.TYPE_REMOVE_FROM_CART: -1.0,
    Type.TYPE_CANCEL_ORDER: -1.0,
    Type.TYPE_REFUND: -3.0,
    Type.TYPE_DISLIKE: -4.0,
}
"""How much an event says for (or against) its product."""

PAIRED = {Type.TYPE_BUY, Type.TYPE_ADD_TO_CART}
"""Events that count as wanting two products together."""

# KEYS: seen, history, skus, popularity; ARGV: event id, time (s), event bytes, history bound, seen bound, sku, weight,
# pair window (0: no pairs), co-visitation key prefix.
_RECORD = """
if redis.call('ZADD', KEYS[1], 'NX', ARGV[2], ARGV[1]) == 0 then return 0 end
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -tonumber(ARGV[5]) - 1)
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[3])
redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -tonumber(ARGV[4]) - 1)
local sku = ARGV[6]
if sku == '' then return 1 end
redis.call('ZINCRBY', KEYS[4], ARGV[7], sku)
local window = tonumber(ARGV[8])
if window > 0 then
  local others = redis.call('ZREVRANGE', KEYS[3], 0, window)
  for _, other in ipairs(others) do
    if other ~= sku then
      redis.call('ZINCRBY', ARGV[9] .. sku, 1, other)
      redis.call('ZINCRBY', ARGV[9] .. other, 1, sku)
    end
  end
  redis.call('ZADD', KEYS[3], ARGV[2], sku)
  redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -2 * window - 1)
end
return 1
"""


@dataclass(frozen=True)
class HistoryBounds:
    """How much is kept per user, in events; see ``RecsysSettings``."""

    history_events: int = 200
    seen_events: int = 2_000
    pair_window: int = 10


class History:
    """Reads and writes events. Does not own the Redis client.

    Every method raises ``Unavailable`` when Redis does not answer.
    """

    def __init__(self, redis: Redis, bounds: HistoryBounds | None = None) -> None:
        self._redis = redis
        self._bounds = bounds or HistoryBounds()
        self._record = redis.register_script(_RECORD)

    async def record(self, event_id: str, event: bus_pb2.UserEvent) -> bool:
        """Records one event; False if its id was known. Events without a user count for popularity only."""
        at = event.at.seconds or int(datetime.now(UTC).timestamp())
        user = event.user_id or "-"
        prefix = _prefix(event.tenant)
        pairs = event.type in PAIRED and bool(event.user_id)
        try:
            added = await self._record(
                keys=[
                    f"{prefix}:seen:{user}",
                    f"{prefix}:history:{user}",
                    f"{prefix}:skus:{user}",
                    f"{prefix}:popularity",
                ],
                args=[
                    event_id,
                    at,
                    event.SerializeToString(deterministic=True) + b"\x00" + event_id.encode(),
                    self._bounds.history_events,
                    self._bounds.seen_events,
                    event.sku,
                    WEIGHTS.get(event.type, 0.0),
                    self._bounds.pair_window if pairs else 0,
                    f"{prefix}:pairs:",
                ],
            )
        except RedisError as error:
            raise Unavailable("the history store does not answer") from error
        return bool(added)

    async def events(self, tenant: str, user_id: str, limit: int) -> list[bus_pb2.UserEvent]:
        """Events of a user, newest first."""
        if not user_id:
            return []
        try:
            rows = await self._redis.zrevrange(f"{_prefix(tenant)}:history:{user_id}", 0, limit - 1)
        except RedisError as error:
            raise Unavailable("the history store does not answer") from error
        return [bus_pb2.UserEvent.FromString(row[: row.rindex(b"\x00")]) for row in rows]

    async def paired(self, tenant: str, skus: list[str], limit: int = 50) -> dict[str, dict[str, float]]:
        """For each product the products wanted together with it, with counts."""
        try:
            pipeline = self._redis.pipeline(transaction=False)
            for sku in skus:
                pipeline.zrevrange(f"{_prefix(tenant)}:pairs:{sku}", 0, limit - 1, withscores=True)
            rows = await pipeline.execute() if skus else []
        except RedisError as error:
            raise Unavailable("the history store does not answer") from error
        return {sku: {other.decode(): count for other, count in row} for sku, row in zip(skus, rows, strict=True)}

    async def popularity(self, tenant: str, limit: int = 200) -> dict[str, float]:
        """Weight of all events by product, the heaviest ``limit``."""
        try:
            rows = await self._redis.zrevrange(f"{_prefix(tenant)}:popularity", 0, limit - 1, withscores=True)
        except RedisError as error:
            raise Unavailable("the history store does not answer") from error
        return {sku.decode(): weight for sku, weight in rows}


def _prefix(tenant: str) -> str:
    return f"recsys:{{{tenant or 'demo'}}}"
