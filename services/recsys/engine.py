"""The recommender: gathers signals within a deadline, ranks, and says why. Knows nothing of gRPC or the bus."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from voxcart.errors import InvalidInput, NotFound, Unavailable
from voxcart.telemetry.logs import get_logger
from voxcart.tenants import catalogue_tenant, tenant_or_default
from voxcart_api.bus.v1 import bus_pb2
from voxcart_services.recsys.catalogue import Catalogue, Embed, Shelf
from voxcart_services.recsys.history import History
from voxcart_services.recsys.metrics import DEGRADED_TOTAL
from voxcart_services.recsys.ranking import Candidate, Signals, Wish, interest, recommend, similar
from voxcart_services.recsys.reasons import reason

log = get_logger(__name__)

MAX_ITEMS = 100
MAX_QUERY_CHARACTERS = 2_000


@dataclass(frozen=True)
class Suggestion:
    """One recommended product."""

    product: bus_pb2.ProductChanged
    score: float
    signal: str
    reason: str


@dataclass(frozen=True)
class Suggestions:
    """An answer, best first. ``degraded``: the history was not reachable, the popular choice was given."""

    items: list[Suggestion]
    degraded: bool = False


class Recommender:
    """Answers for all tenants.

    Args:
        embed: Encoder for wishes; runs in ``executor``.
        clock: The time now, UTC.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        history: History,
        embed: Embed,
        executor: Executor,
        *,
        half_life_days: float,
        timeout_seconds: float,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._catalogue = catalogue
        self._history = history
        self._embed = embed
        self._executor = executor
        self._half_life_days = half_life_days
        self._timeout_seconds = timeout_seconds
        self._clock = clock

    async def recommend(self, tenant: str, user_id: str, wish: Wish, language: str) -> Suggestions:
        """Products for a user and a wish.

        Raises:
            InvalidInput: ``wish.k`` is outside 1..100, the text too long, or the price range empty.
        """
        _check(wish)
        shelf = self._catalogue.shelf(catalogue_tenant(tenant))
        if wish.text:
            loop = asyncio.get_running_loop()
            wish = replace(wish, vector=(await loop.run_in_executor(self._executor, self._embed, [wish.text]))[0])
        signals, degraded = await self._signals(tenant_or_default(tenant), user_id, wish)
        now = self._clock()
        found = recommend(shelf, wish, signals, now, self._half_life_days)
        return Suggestions(_told(found, shelf, signals, now, language), degraded)

    async def similar(self, tenant: str, sku: str, k: int, language: str) -> Suggestions:
        """Products like one product.

        Raises:
            InvalidInput: ``k`` is outside 1..100.
            NotFound: The SKU is not sold.
        """
        _check(Wish(k=k))
        shelf = self._catalogue.shelf(catalogue_tenant(tenant))
        if sku not in shelf.products:
            raise NotFound(f"no product with SKU {sku[:64]!r} is sold")
        signals, degraded = await self._signals(tenant_or_default(tenant), "", Wish(k=k, cart_skus=(sku,)))
        found = similar(shelf, sku, signals.pairs.get(sku, {}), k)
        return Suggestions(_told(found, shelf, signals, self._clock(), language), degraded)

    async def record(self, event_id: str, event: bus_pb2.UserEvent) -> bool:
        """Records an event; False if its id was known.

        Raises:
            InvalidInput: No event id, no type, or the event lies more than a minute in the future.
            Unavailable: The history store does not answer.
        """
        if not event_id:
            raise InvalidInput("an event needs an event_id")
        if event.type == bus_pb2.UserEvent.TYPE_UNSPECIFIED:
            raise InvalidInput("an event needs a type")
        if event.at.seconds > self._clock().timestamp() + 60:
            raise InvalidInput("the event lies in the future")
        return await self._history.record(event_id, event)

    async def events(self, tenant: str, user_id: str, limit: int) -> list[bus_pb2.UserEvent]:
        """A user's events, newest first.

        Raises:
            InvalidInput: ``limit`` is outside 1..10,000.
            Unavailable: The history store does not answer.
        """
        if not 1 <= limit <= 10_000:
            raise InvalidInput("limit must be between 1 and 10000")
        return await self._history.events(tenant_or_default(tenant), user_id, limit)

    async def _signals(self, tenant: str, user_id: str, wish: Wish) -> tuple[Signals, bool]:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                events = await self._history.events(tenant, user_id, 200)
                liked = interest(events, self._clock(), self._half_life_days)
                anchors = sorted(liked, key=lambda sku: -liked[sku])[:20] + list(wish.cart_skus)
                pairs = await self._history.paired(tenant, [sku for sku in anchors if sku])
                return Signals(events, pairs, await self._history.popularity(tenant)), False
        except (Unavailable, TimeoutError) as error:
            DEGRADED_TOTAL.inc()
            log.warning("history not reachable, giving the popular choice", error=type(error).__name__)
            return Signals(), True


def _check(wish: Wish) -> None:
    if not 1 <= wish.k <= MAX_ITEMS:
        raise InvalidInput(f"k must be between 1 and {MAX_ITEMS}")
    if len(wish.text) > MAX_QUERY_CHARACTERS:
        raise InvalidInput(f"the query is longer than {MAX_QUERY_CHARACTERS} characters")
    low, high = wish.price_min_cents, wish.price_max_cents
    if low is not None and high is not None and low > high:
        raise InvalidInput("price_min_cents is above price_max_cents")


def _told(found: list[Candidate], shelf: Shelf, signals: Signals, now: datetime, language: str) -> list[Suggestion]:
    return [
        Suggestion(
            shelf.products[candidate.sku],
            candidate.score,
            candidate.signal,
            reason(candidate, shelf, signals.events, now, language),
        )
        for candidate in found
    ]
