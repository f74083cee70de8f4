"""What every call of the built-in shop is made of: its parts, reads in one transaction, and changes done once."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart_services.shop.charts import ChartMaker
from voxcart_services.shop.database import Database
from voxcart_services.shop.effects import Effect, Outcome, PipelinedWork, once, once_pipelined
from voxcart_services.shop.embedding import Embedder
from voxcart_services.shop.lexicon_store import LexiconStore, taxonomy_lexicon
from voxcart_services.shop.merchant import Merchant
from voxcart_services.shop.models import Actor
from voxcart_services.shop.orders import OrderRules
from voxcart_services.shop.payments import Payments
from voxcart_services.shop.pipelined import Statement
from voxcart_services.shop.price_clock import PriceClock
from voxcart_services.shop.search import ProductSearch
from voxcart_services.shop.settlement import Settlement
from voxcart_services.shop.webhooks import Webhooks

Response = TypeVar("Response", bound=Message)


@dataclass(frozen=True, slots=True)
class ShopParts:
    """What the servicer works with.

    Attributes:
        embedder: ``None`` searches by words only.
        changed: Called after a change, so that its events leave at once.
        webhooks: Deals with messages of the payment company and of carriers.
        rules: How long reservations and quotes hold.
        charts: Draws reports; closed by whoever made it.
        prices: Begins and ends timed prices.
        demo: Whether demonstration tenants may be made and dropped.
    """

    database: Database
    search: ProductSearch
    lexicons: LexiconStore
    merchant: Merchant
    payments: Payments
    settlement: Settlement
    webhooks: Webhooks
    rules: OrderRules
    charts: ChartMaker
    prices: PriceClock
    embedder: Embedder | None
    changed: Callable[[], None]
    demo: bool

    async def warm_up(self) -> None:
        """Reads the words that all shops share before the first request needs them."""
        await asyncio.to_thread(taxonomy_lexicon)


class Calls:
    """Base of the groups of calls."""

    def __init__(self, parts: ShopParts) -> None:
        self._parts = parts

    async def _read(self, actor: Actor, work: Callable[[AsyncConnection], Awaitable[Any]]) -> Any:
        return await self._parts.database.run(actor.tenant, work)

    async def _change(
        self, request: Any, actor: Actor, kind: type[Response], work: Callable[[AsyncConnection], Awaitable[Response]]
    ) -> Response:
        """Does ``work`` once for the request's key; the answer, marked if it is that of an earlier try."""

        async def serialised(conn: AsyncConnection) -> bytes:
            return (await work(conn)).SerializeToString()

        outcome = await once(self._parts.database, effect_of(request, actor), serialised)
        self._parts.changed()
        return response_of(kind, outcome)

    async def _change_pipelined(
        self, request: Any, actor: Actor, kind: type[Response], reads: list[Statement], work: PipelinedWork
    ) -> Response:
        """:meth:`_change` in few round trips."""
        outcome = await once_pipelined(self._parts.database, effect_of(request, actor), reads, work)
        self._parts.changed()
        return response_of(kind, outcome)


def effect_of(request: Any, actor: Actor) -> Effect:
    """The change that a request asks for; its key is not part of what the key is bound to."""
    plain = type(request)()
    plain.CopyFrom(request)
    plain.ClearField("idempotency_key")
    name = type(request).__name__.removesuffix("Request")
    return Effect(actor, name, request.idempotency_key, plain.SerializeToString(deterministic=True))


def response_of(kind: type[Response], outcome: Outcome) -> Response:
    response = kind.FromString(outcome.response)
    if outcome.replayed and "replayed" in kind.DESCRIPTOR.fields_by_name:
        response.replayed = True
    return response
