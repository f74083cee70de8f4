"""The shop as one turn uses it: with its actor, its deadline, its keys and its memory of what it saw.

Reads are kept in a journal that is stored before the first effect. When a turn is cut off between an effect and the
write of the state, the next worker repeats it: the reads come from the journal, the effects give their first answers
by their idempotency keys, and so the reply is the same although the shop has changed meanwhile.
"""

import base64
import hashlib
from collections import Counter
from datetime import UTC, datetime
from typing import Any, TypeVar

from google.protobuf import message_factory
from google.protobuf.message import Message

from voxcart.errors import DeadlineMissed, Unavailable, VoxcartError
from voxcart_api.common.v1 import common_pb2
from voxcart_api.shop.v1 import shop_pb2
from voxcart_services.dialogue.cards import cart_words
from voxcart_services.dialogue.deadline import Deadline
from voxcart_services.dialogue.ports import ShopPort, StateStore
from voxcart_services.dialogue.state import LastChange, SearchFilters, SessionState, UnsureEffect

Request = TypeVar("Request", bound=Message)

MAX_CALL_SECONDS = 2.5
CLOCK_ENTRY = "clock"
CURRENCY = "CNY"

SORT_BY = {
    "price_asc": shop_pb2.SORT_BY_PRICE_ASC,
    "price_desc": shop_pb2.SORT_BY_PRICE_DESC,
    "sales_desc": shop_pb2.SORT_BY_SALES_DESC,
    "rating_desc": shop_pb2.SORT_BY_RATING_DESC,
    "newest": shop_pb2.SORT_BY_NEWEST,
}

_METHODS = shop_pb2.DESCRIPTOR.services_by_name["Shop"].methods_by_name


class TurnJournal:
    """Answers that a turn has seen, by call; written to the store before an effect."""

    def __init__(self, store: StateStore, session_id: str, utterance_id: str, entries: dict[str, bytes]) -> None:
        self._store = store
        self._session_id = session_id
        self._utterance_id = utterance_id
        self._entries = dict(entries)
        self._unwritten: dict[str, bytes] = {}
        self._calls: Counter[str] = Counter()

    def entry_name(self, rpc: str, request: Message) -> str:
        """Name of this call, counting equal calls of the turn."""
        digest = hashlib.sha256(request.SerializeToString(deterministic=True)).hexdigest()[:16]
        name = f"{rpc}:{digest}"
        self._calls[name] += 1
        return f"{name}:{self._calls[name]}"

    def recall(self, name: str) -> bytes | None:
        """The answer that was seen; None if the call is new."""
        return self._entries.get(name)

    def record(self, name: str, answer: bytes) -> None:
        """Keeps an answer."""
        self._entries[name] = self._unwritten[name] = answer

    async def flush(self) -> None:
        """Stores what is new."""
        if self._unwritten:
            await self._store.write_journal(self._session_id, self._utterance_id, self._unwritten)
            self._unwritten = {}

    def clock(self, now: datetime) -> datetime:
        """The turn's clock: ``now`` unless the turn was begun before."""
        known = self.recall(CLOCK_ENTRY)
        if known is not None:
            return datetime.fromisoformat(known.decode())
        self.record(CLOCK_ENTRY, now.astimezone(UTC).isoformat().encode())
        return now


class ShopSession:
    """Calls of one turn. Records every effect as an :class:`Action` for the reply."""

    def __init__(
        self,
        port: ShopPort,
        actor: shop_pb2.Actor,
        state: SessionState,
        journal: TurnJournal,
        deadline: Deadline,
        utterance_id: str,
    ) -> None:
        self._port = port
        self._actor = actor
        self._state = state
        self._journal = journal
        self._deadline = deadline
        self._utterance_id = utterance_id
        self._num_effects = 0
        self.actions: list[common_pb2.Action] = []

    async def read(self, rpc: str, request: Message) -> Any:
        """A call that changes nothing.

        Raises:
            voxcart.errors.VoxcartError: By the shop's status.
        """
        self._sign(request)
        name = self._journal.entry_name(rpc, request)
        answer = self._journal.recall(name)
        if answer is not None:
            return self._noted(rpc, _response_class(rpc).FromString(answer))
        response = await self._port.call(rpc, request, self._deadline.timeout_seconds(MAX_CALL_SECONDS))
        self._journal.record(name, response.SerializeToString())
        return self._noted(rpc, response)

    async def change(self, rpc: str, request: Message, action: str, **details: Any) -> Any:
        """A call that changes the shop, under a key of this utterance, or of the earlier one that got no answer.

        Raises:
            voxcart.errors.VoxcartError: By the shop's status. After ``Unavailable`` and ``DeadlineMissed`` the request
                is remembered, and the same request said again keeps its key.
        """
        self._sign(request)
        bare = base64.b64encode(request.SerializeToString(deterministic=True)).decode()
        key = self._key(rpc, bare)
        request.idempotency_key = key  # type: ignore[attr-defined]
        await self._journal.flush()
        record = common_pb2.Action(name=action, idempotency_key=key, status="failed")
        record.details.update({name: value for name, value in details.items() if value is not None})
        self.actions.append(record)
        try:
            response = await self._port.call(rpc, request, self._deadline.timeout_seconds(MAX_CALL_SECONDS))
        except (Unavailable, DeadlineMissed):
            self._state.unsure = UnsureEffect(rpc=rpc, request_base64=bare, key=key)
            raise
        except VoxcartError:
            self._state.unsure = None
            raise
        self._state.unsure = None
        record.status = "done"
        self._state.last_change = LastChange(action=action, key=key.rpartition("/")[0])
        return self._noted(rpc, response)

    def _noted(self, rpc: str, response: Any) -> Any:
        """Remembers what is in the cart, whoever asked for it; an order empties it."""
        if isinstance(response, shop_pb2.Cart):
            self._state.cart_words = cart_words(response, self._state.language)
        elif rpc == "Checkout":
            self._state.cart_words = []
        return response

    def _key(self, rpc: str, bare: str) -> str:
        unsure = self._state.unsure
        index = self._num_effects
        self._num_effects += 1
        if unsure and (unsure.rpc, unsure.request_base64) == (rpc, bare):
            return unsure.key
        return f"{self._utterance_id}/{index}"

    def _sign(self, request: Message) -> None:
        request.actor.CopyFrom(self._actor)  # type: ignore[attr-defined]

    async def search(self, filters: SearchFilters, page_size: int = 10) -> shop_pb2.SearchProductsResponse:
        """Products that meet the filters, best first."""
        return await self.read("SearchProducts", search_request(filters, page_size))

    async def product(self, sku: str) -> shop_pb2.Product:
        """One product by its SKU."""
        return await self.read("GetProduct", shop_pb2.GetProductRequest(sku=sku))

    async def cart(self) -> shop_pb2.Cart:
        """The cart as it is now."""
        return await self.read("GetCart", shop_pb2.GetCartRequest())

    async def order(self, order_id: str) -> shop_pb2.Order:
        """One order by its number."""
        return await self.read("GetOrder", shop_pb2.GetOrderRequest(order_id=order_id))

    async def orders(self, **query: Any) -> shop_pb2.ListOrdersResponse:
        """The person's orders, newest first; arguments are fields of ``ListOrdersRequest``, ``from_`` for ``from``."""
        return await self.read("ListOrders", _with_from(shop_pb2.ListOrdersRequest, query))

    async def shop_orders(self, **query: Any) -> shop_pb2.ListOrdersResponse:
        """All orders of the merchant's shop, newest first."""
        return await self.read("ListShopOrders", _with_from(shop_pb2.ListShopOrdersRequest, query))


def search_request(filters: SearchFilters, page_size: int) -> shop_pb2.SearchProductsRequest:
    """The wire form of filters."""
    return shop_pb2.SearchProductsRequest(
        query=filters.query,
        price_min_cents=filters.price_min_cents,
        price_max_cents=filters.price_max_cents,
        brands=filters.brands,
        colors=filters.colors,
        sizes=filters.sizes,
        attributes=filters.attributes,
        excluded_brands=filters.excluded_brands,
        excluded_colors=filters.excluded_colors,
        sort_by=SORT_BY.get(filters.sort_by, shop_pb2.SORT_BY_UNSPECIFIED),
        page_size=page_size,
    )


def _with_from(kind: type[Request], query: dict[str, Any]) -> Request:
    fields = {("from" if name == "from_" else name): value for name, value in query.items() if value is not None}
    return kind(**fields)


def _response_class(rpc: str) -> type[Message]:
    return message_factory.GetMessageClass(_METHODS[rpc].output_type)
