"""What a turn of a written dialogue may expect, and the check of each expectation.

The keys are those of the language schema's section on dialogue evaluation. Prices are in yuan.
"""

import itertools
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message

from voxcart_api.bus.v1 import bus_pb2
from voxcart_api.common.v1 import common_pb2
from voxcart_api.shop.v1 import shop_pb2, shop_pb2_grpc

PAGE = 100
_PRODUCT_SLOTS = {"product", "category"}


@dataclass
class TurnResult:
    """What one turn gave, and what was wrong with it."""

    user: str
    understanding: common_pb2.Understanding
    replies: list[bus_pb2.Reply]
    latency_ms: float
    problems: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All that was said."""
        return " ".join(reply.text for reply in self.replies)

    @property
    def cards(self) -> list[common_pb2.Card]:
        """All that was shown."""
        return [card for reply in self.replies for card in reply.cards]

    @property
    def awaiting(self) -> str:
        """What is waited for after the turn."""
        return self.replies[-1].awaiting if self.replies else "none"

    @property
    def effects(self) -> int:
        """Changes that the replies report as done."""
        return sum(action.status == "done" for reply in self.replies for action in reply.actions)


class ShopView:
    """One shop copy as its owner and its customer see it, with what it was like when the dialogue began."""

    def __init__(
        self, shop: shop_pb2_grpc.ShopStub, tenant: str, shopper: str, merchant: str, timeout_seconds: float
    ) -> None:
        self._shop = shop
        self._timeout_seconds = timeout_seconds
        self._shopper = shop_pb2.Actor(tenant=tenant, user_id=shopper, role=common_pb2.ROLE_SHOPPER)
        self._merchant = shop_pb2.Actor(tenant=tenant, user_id=merchant, role=common_pb2.ROLE_MERCHANT)
        self._names: list[str] = []
        self._first_products: dict[str, shop_pb2.Product] = {}
        self._first_orders: dict[str, tuple[str, str]] = {}
        self._digest = b""

    async def start(self, expectations: Iterable[dict[str, Any]]) -> None:
        """Notes orders and the products that the dialogue's expectations name, before its first turn."""
        for expect in expectations:
            for key in ("stock_of", "price_of"):
                if key in expect:
                    self._names.append(expect[key]["name_contains"])
        for name in self._names:
            product = await self.product(name)
            if product is not None:
                self._first_products[name] = product
        self._first_orders = {order.order_id: _states(order) for order in await self.all_orders()}
        self._digest = await self.digest()

    async def cart(self) -> shop_pb2.Cart:
        """The shopper's cart."""
        return await self._call("GetCart", shop_pb2.GetCartRequest(actor=self._shopper))

    async def orders(self) -> list[shop_pb2.Order]:
        """The shopper's orders, newest first."""
        request = shop_pb2.ListOrdersRequest(actor=self._shopper, page_size=PAGE)
        return list((await self._call("ListOrders", request)).orders)

    async def all_orders(self) -> list[shop_pb2.Order]:
        """The newest orders of all customers."""
        request = shop_pb2.ListShopOrdersRequest(actor=self._merchant, page_size=PAGE)
        newest = list((await self._call("ListShopOrders", request)).orders)
        known = {order.order_id for order in newest}
        return newest + [order for order in await self.orders() if order.order_id not in known]

    async def refunds(self) -> list[shop_pb2.Refund]:
        """Refunds of all states."""
        return list((await self._call("ListRefunds", shop_pb2.ListRefundsRequest(actor=self._merchant))).refunds)

    async def product(self, name: str) -> shop_pb2.Product | None:
        """The product of this name; an exact name wins, then the best hit that holds it."""
        request = shop_pb2.SearchProductsRequest(actor=self._merchant, query=name, page_size=PAGE)
        products = [hit.product for hit in (await self._call("SearchProducts", request)).hits]
        exact = [product for product in products if name in (product.name_zh, product.name_en)]
        holding = [product for product in products if name in product.name_zh or name in product.name_en]
        return next(iter(exact or holding), None)

    def product_at_start(self, name: str) -> shop_pb2.Product | None:
        """The same before the first turn."""
        return self._first_products.get(name)

    async def created_orders(self) -> list[shop_pb2.Order]:
        """The shopper's orders that were not there at the start."""
        return [order for order in await self.orders() if order.order_id not in self._first_orders]

    async def changed_orders(self) -> list[shop_pb2.Order]:
        """Orders that are new or in another state than at the start."""
        return [order for order in await self.all_orders() if _states(order) != self._first_orders.get(order.order_id)]

    async def unchanged_since_last_look(self) -> bool:
        """Whether cart, orders, refunds, addresses and named products are as at the last call; looks anew."""
        before, self._digest = self._digest, await self.digest()
        return before == self._digest

    async def digest(self) -> bytes:
        """All that a dialogue can change, as bytes."""
        addresses = await self._call("ListAddresses", shop_pb2.ListAddressesRequest(actor=self._shopper))
        messages: list[Message] = [await self.cart(), addresses, *await self.all_orders(), *await self.refunds()]
        messages += [product for name in self._names if (product := await self.product(name)) is not None]
        return b"|".join(message.SerializeToString(deterministic=True) for message in messages)

    async def _call(self, rpc: str, request: Message) -> Any:
        return await getattr(self._shop, rpc)(request, timeout=self._timeout_seconds)


def _states(order: shop_pb2.Order) -> tuple[str, str]:
    return order.status, order.refund.status


Check = Callable[[Any, TurnResult, ShopView], Awaitable[str]]


async def check_turn(expect: dict[str, Any], turn: TurnResult, view: ShopView) -> list[str]:
    """What does not hold, one sentence each; empty when all holds."""
    problems = []
    for key, wanted in expect.items():
        problem = await _CHECKS[key](wanted, turn, view)
        if problem:
            problems.append(f"{key}: {problem}")
    if "effects" not in expect:
        await view.unchanged_since_last_look()
    return problems


def _strings(wanted: Any) -> list[str]:
    return [wanted] if isinstance(wanted, str) else [str(entry) for entry in wanted]


async def _intent(wanted: Any, turn: TurnResult, view: ShopView) -> str:
    return "" if turn.understanding.intent in _strings(wanted) else f"got {turn.understanding.intent}"


async def _slots(wanted: dict[str, Any], turn: TurnResult, view: ShopView) -> str:
    for name, value in wanted.items():
        names = _PRODUCT_SLOTS if name in _PRODUCT_SLOTS else {name}
        found = [slot for slot in turn.understanding.slots if slot.name in names]
        if not any(_same_value(value, slot) for slot in found):
            return f"{name} should be {value!r}, got {[slot.value for slot in found]}"
    return ""


def _same_value(wanted: Any, slot: common_pb2.Slot) -> bool:
    normalized = json_format.MessageToDict(slot.normalized) if slot.HasField("normalized") else None
    if isinstance(wanted, dict):
        got = normalized if isinstance(normalized, dict) else {}
        return all(_same(got.get(key), value) for key, value in wanted.items() if key != "unit")
    if isinstance(wanted, (int, float)):
        got_number = _number(normalized.get("value") if isinstance(normalized, dict) else normalized)
        return got_number is not None and abs(got_number - wanted) < 1e-6
    return str(wanted) in (str(normalized), slot.value)


def _same(got: Any, wanted: Any) -> bool:
    number = _number(wanted)
    return got == wanted or (number is not None and _number(got) == number)


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _names_of(card: common_pb2.Card) -> str:
    facts = json_format.MessageToDict(card.facts)
    return "\n".join([card.name, str(facts.get("name_zh", "")), str(facts.get("name_en", ""))])


async def _cards_contain(wanted: Any, turn: TurnResult, view: ShopView) -> str:
    names = [_names_of(card).lower() for card in turn.cards]
    missing = [text for text in _strings(wanted) if not any(text.lower() in name for name in names)]
    return f"no card holds {missing}; cards: {[card.name for card in turn.cards]}" if missing else ""


async def _cards_all(wanted: dict[str, Any], turn: TurnResult, view: ShopView) -> str:
    wrong = [card.name for card in turn.cards if card.kind == "product" and not _meets(card, wanted)]
    return f"do not meet {wanted}: {wrong}" if wrong else ""


def _meets(card: common_pb2.Card, wanted: dict[str, Any]) -> bool:
    facts = json_format.MessageToDict(card.facts)
    price = card.price.cents / 100
    brand = f"{facts.get('brand', '')}\n{facts.get('brand_en', '')}\n{_names_of(card)}".lower()
    colors = {*facts.get("color_codes", []), *facts.get("colors", [])}
    return (
        price <= wanted.get("price_max", price)
        and price >= wanted.get("price_min", price)
        and ("color" not in wanted or wanted["color"] in colors)
        and str(wanted.get("brand_contains", "")).lower() in brand
    )


async def _cart(wanted: list[dict[str, Any]], turn: TurnResult, view: ShopView) -> str:
    cart = await view.cart()
    lines = [(f"{line.product.name_zh}\n{line.product.name_en}", line.quantity) for line in cart.lines]
    if len(lines) == len(wanted):
        for order in itertools.permutations(lines):
            pairs = zip(wanted, order, strict=True)
            if all(w.get("name_contains", "") in name and w.get("quantity", n) == n for w, (name, n) in pairs):
                return ""
    return f"should hold {wanted}, holds {[(name.splitlines()[0], count) for name, count in lines]}"


async def _awaiting(wanted: Any, turn: TurnResult, view: ShopView) -> str:
    return "" if turn.awaiting in _strings(wanted) else f"got {turn.awaiting}"


async def _orders_created(wanted: int, turn: TurnResult, view: ShopView) -> str:
    created = len(await view.created_orders())
    return "" if created == wanted else f"should be {wanted}, is {created}"


async def _order_status(wanted: Any, turn: TurnResult, view: ShopView) -> str:
    """Of an order that the dialogue changed, else of one that the reply shows."""
    changed = await view.changed_orders()
    shown = {card.id for card in turn.cards if card.kind == "order"}
    orders = changed or [order for order in await view.all_orders() if order.order_id in shown]
    states = {order.order_id: order.status for order in orders}
    return "" if set(states.values()) & set(_strings(wanted)) else f"should be {wanted}, got {states}"


async def _refund_status(wanted: Any, turn: TurnResult, view: ShopView) -> str:
    changed = await view.changed_orders()
    states = {order.order_id: order.refund.status for order in changed if order.refund.status}
    touched = {card.id for card in turn.cards if card.kind == "refund"}
    states |= {refund.refund_id: refund.status for refund in await view.refunds() if refund.refund_id in touched}
    return "" if set(states.values()) & set(_strings(wanted)) else f"should be {wanted}, got {states}"


async def _stock_of(wanted: dict[str, Any], turn: TurnResult, view: ShopView) -> str:
    name = wanted["name_contains"]
    product, before = await view.product(name), view.product_at_start(name)
    if product is None:
        return f"no product holds {name}"
    value = wanted["value"] if "value" in wanted else (before.stock if before else 0) + wanted["delta"]
    return "" if product.stock == value else f"{product.name_zh} should have {value}, has {product.stock}"


async def _price_of(wanted: dict[str, Any], turn: TurnResult, view: ShopView) -> str:
    product = await view.product(wanted["name_contains"])
    if product is None:
        return f"no product holds {wanted['name_contains']}"
    price = product.price.cents / 100
    right = abs(price - wanted["value"]) < 0.005
    return "" if right else f"{product.name_zh} should cost {wanted['value']}, costs {price}"


async def _reply_contains(wanted: Any, turn: TurnResult, view: ShopView) -> str:
    missing = [text for text in _strings(wanted) if text not in turn.text]
    return f"{missing} not said" if missing else ""


async def _reply_contains_any(wanted: Any, turn: TurnResult, view: ShopView) -> str:
    return "" if any(text in turn.text for text in _strings(wanted)) else f"none of {wanted} said"


async def _reply_not_contains(wanted: Any, turn: TurnResult, view: ShopView) -> str:
    said = [text for text in _strings(wanted) if text in turn.text]
    return f"{said} said" if said else ""


async def _effects(wanted: int, turn: TurnResult, view: ShopView) -> str:
    """As reported, and for none also as the shop shows it."""
    unchanged = await view.unchanged_since_last_look()
    if turn.effects != wanted:
        return f"should be {wanted}, reported {turn.effects}"
    return "none reported, but the shop changed" if wanted == 0 and not unchanged else ""


_CHECKS: dict[str, Check] = {
    "intent": _intent,
    "slots": _slots,
    "cards_contain": _cards_contain,
    "cards_all": _cards_all,
    "cart": _cart,
    "awaiting": _awaiting,
    "orders_created": _orders_created,
    "order_status": _order_status,
    "refund_status": _refund_status,
    "stock_of": _stock_of,
    "price_of": _price_of,
    "reply_contains": _reply_contains,
    "reply_contains_any": _reply_contains_any,
    "reply_not_contains": _reply_not_contains,
    "effects": _effects,
}

KNOWN_KEYS = frozenset(_CHECKS)
"""Names of all expectations."""
