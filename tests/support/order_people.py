"""Random shoppers and a merchant: what they do, and what they know must have come of it.

Each shopper has a model of the cart and of the events that its changes must leave; every answer is compared with it.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from support.order_desk import Asked, Desk, ShopBroken
from voxcart_api.bus.v1.bus_pb2 import UserEvent
from voxcart_api.common.v1.common_pb2 import ROLE_MERCHANT
from voxcart_api.shop.v1 import shop_pb2 as pb

HOT = ("FR0001", "FR0002", "FR0003")
TENANT = "demo"
COUPON = "FAULTS"
MOST_UNITS = 999
TOKENS = (
    "", "", "", "tok_async", "tok_duplicate", "tok_unordered", "tok_timeout", "tok_late", "tok_declined",
    "tok_async_declined",
)  # fmt: skip

Place = tuple[str, str]
"""SKU and variant."""


@dataclass
class Shopper:
    """One person with a cart, who does one thing after another.

    Attributes:
        cart: Units by place, as they must be now.
        events: Units by id of every event that the cart's changes must have left.
        orders: The ids of the person's orders.
    """

    desk: Desk
    user_id: str
    chance: random.Random
    cart: dict[Place, int] = field(default_factory=dict)
    events: dict[str, tuple[int, str, int]] = field(default_factory=dict)
    orders: list[str] = field(default_factory=list)
    _lines: dict[str, Place] = field(default_factory=dict)
    _changes: dict[str, list[tuple[Place, int]]] = field(default_factory=dict)
    _checkouts: dict[str, list[tuple[Place, int]]] = field(default_factory=dict)
    _undone: set[str] = field(default_factory=set)
    _number: int = 0

    @property
    def _todo(self) -> dict[Callable[[], Awaitable[Any]], int]:
        return {
            self.add: 30, self.update: 7, self.clear: 2, self.check_out: 18, self.pay: 18, self.cancel: 4,
            self.pay_and_cancel: 3, self.ask_refund: 7, self.send_back: 4, self.undo: 7, self.repeat: 9,
        }  # fmt: skip

    async def live(self, stopping: asyncio.Event) -> None:
        """Does random things until told to stop."""
        address = pb.ChangeAddressRequest(address="某路1号")
        await self._ask("ChangeAddress", address)
        todo = self._todo
        while not stopping.is_set():
            (what,) = self.chance.choices(list(todo), list(todo.values()))
            await what()

    def _named(self, request: Any) -> Any:
        self._number += 1
        request.actor.CopyFrom(pb.Actor(tenant=TENANT, user_id=self.user_id))
        request.idempotency_key = f"{self.user_id}/{self._number}"
        return request

    async def _ask(self, call: str, request: Any, **options: Any) -> Asked:
        return await self.desk.ask(call, self._named(request), **options)

    def _event(self, key: str, place: Place, change: int) -> None:
        """Notes an event that must be on the bus in the end."""
        kind = UserEvent.TYPE_ADD_TO_CART if change > 0 else UserEvent.TYPE_REMOVE_FROM_CART
        self.events[f"cart/{TENANT}/{self.user_id}/{key}"] = (kind, place[0], abs(change))

    def _check(self, cart: pb.Cart, after: str) -> None:
        """The cart is the one that the model has."""
        held = {(line.product.sku, line.variant_id): line.quantity for line in cart.lines}
        if held != self.cart:
            raise ShopBroken(f"the cart of {self.user_id} after {after} is {held}, not {self.cart}")
        self._lines = {line.line_id: (line.product.sku, line.variant_id) for line in cart.lines}

    async def add(self) -> None:
        """Puts units of a hot product into the cart."""
        sku, units = self.chance.choice(HOT), self.chance.randint(1, 3)
        asked = await self._ask("AddToCart", pb.AddToCartRequest(sku=sku, quantity=units))
        if asked.answer is None:
            return
        place = next((place for place in self._places(asked.answer) if place[0] == sku), (sku, ""))
        self.cart[place] = self.cart.get(place, 0) + units
        self._changes[asked.key] = [(place, units)]
        self._event(asked.key, place, units)
        self._check(asked.answer, asked.key)

    @staticmethod
    def _places(cart: pb.Cart) -> list[Place]:
        return [(line.product.sku, line.variant_id) for line in cart.lines]

    async def update(self) -> None:
        """Gives a line another quantity; 0 takes it out."""
        if not self._lines:
            return
        line_id, units = self.chance.choice(sorted(self._lines)), self.chance.randint(0, 5)
        place = self._lines[line_id]
        asked = await self._ask("UpdateCartLine", pb.UpdateCartLineRequest(line_id=line_id, quantity=units))
        if asked.answer is None:
            return
        change = units - self.cart[place]
        self._set(place, units)
        self._changes[asked.key] = [(place, change)]
        if change:
            self._event(asked.key, place, change)
        self._check(asked.answer, asked.key)

    def _set(self, place: Place, units: int) -> None:
        if units:
            self.cart[place] = units
        else:
            self.cart.pop(place, None)

    async def clear(self) -> None:
        """Empties the cart."""
        asked = await self._ask("ClearCart", pb.ClearCartRequest())
        if asked.answer is None:
            return
        self._changes[asked.key] = [(place, -units) for place, units in self.cart.items()]
        for line_id, place in self._lines.items():
            self._event(f"{asked.key}/{line_id}", place, -self.cart[place])
        self.cart = {}
        self._check(asked.answer, asked.key)

    async def check_out(self) -> None:
        """Makes an order of the cart, sometimes with a coupon or at the prices of a quote."""
        request = pb.CheckoutRequest()
        how = self.chance.random()
        if how < 0.25:
            request.coupon_code = COUPON
        asked = await self._ask("Checkout", request)
        if asked.answer is None:
            return
        order = asked.answer
        bought = {(line.sku, line.variant_id): line.quantity for line in order.lines}
        if bought != self.cart:
            raise ShopBroken(f"order {order.order_id} of {self.user_id} has {bought}, the cart had {self.cart}")
        self.orders.append(order.order_id)
        self._checkouts[asked.key] = list(self.cart.items())
        self.cart, self._lines = {}, {}

    def _order(self) -> str:
        return self.chance.choice(self.orders[-4:])

    async def pay(self, order_id: str = "") -> None:
        """Pays for an order with one of the sandbox's tokens."""
        if self.orders:
            request = pb.PayRequest(order_id=order_id or self._order(), payment_token=self.chance.choice(TOKENS))
            await self._ask("Pay", request, tries=3)

    async def cancel(self, order_id: str = "") -> None:
        """Cancels an order."""
        if self.orders:
            await self._ask("CancelOrder", pb.CancelOrderRequest(order_id=order_id or self._order()))

    async def pay_and_cancel(self) -> None:
        """Pays for an order and cancels it at the same time."""
        if self.orders:
            order_id = self.orders[-1]
            await asyncio.gather(self.pay(order_id), self.cancel(order_id))

    async def ask_refund(self) -> None:
        """Asks for money back, in whole or in part, or to send goods back for it."""
        if not self.orders:
            return
        request = pb.RequestRefundRequest(order_id=self._order(), send_back=self.chance.random() < 0.4)
        how = self.chance.random()
        if how < 0.4:
            request.lines.add(line_no=1, quantity=1)
        elif how < 0.6:
            request.amount_cents = self.chance.choice([1, 500, 3900])
        await self._ask("RequestRefund", request)

    async def send_back(self) -> None:
        """Hands a parcel back that the merchant waits for."""
        awaited = [
            refund.answer.return_id
            for refund in self._accepted("RequestRefund")
            if refund.answer.return_id and self.chance.random() < 0.5
        ]
        if awaited:
            request = pb.SendReturnRequest(return_id=awaited[-1], carrier="中通", tracking_no="ZT1")
            await self._ask("SendReturn", request)

    def _accepted(self, call: str) -> list[Asked]:
        mine = (asked for (user, _), asked in self.desk.asked.items() if user == self.user_id)
        return [asked for asked in mine if asked.call == call and asked.answer is not None]

    async def undo(self) -> None:
        """Takes the last change back."""
        asked = await self._ask("UndoLast", pb.UndoLastRequest())
        if asked.answer is None:
            return
        undone = asked.answer.effect_key
        if undone in self._undone:
            raise ShopBroken(f"{undone} was undone twice")
        self._undone.add(undone)
        back = [(place, -units) for place, units in self._changes.get(undone, [])]
        if asked.answer.operation == "Checkout" and asked.answer.order.payment.status != "captured":
            back = self._checkouts[undone]
        for place, units in back:
            before = self.cart.get(place, 0)
            after = min(MOST_UNITS, max(0, before + units))
            self._set(place, after)
            if after != before:
                self._event(f"{asked.key}/{place[0]}/{place[1]}", place, after - before)
        if asked.answer.HasField("cart"):
            self._check(asked.answer.cart, f"{asked.key}, which undid {undone}")

    async def repeat(self) -> None:
        """Sends something again that was accepted at any time before."""
        mine = [asked for (user, _), asked in self.desk.asked.items() if user == self.user_id]
        accepted = [asked for asked in mine if asked.answer is not None]
        for asked in self.chance.sample(accepted, min(len(accepted), 3)):
            await self.desk.repeat(asked)


@dataclass
class Merchant:
    """Ships, decides refunds, takes returns in and orders new goods.

    Attributes:
        bought_in: Units added to the stock by SKU.
    """

    desk: Desk
    shoppers: list[Shopper]
    chance: random.Random
    bought_in: Counter[str] = field(default_factory=Counter)
    _number: int = 0

    async def _ask(self, call: str, request: Any) -> Asked:
        self._number += 1
        request.actor.CopyFrom(pb.Actor(tenant=TENANT, user_id="demo-merchant", role=ROLE_MERCHANT))
        request.idempotency_key = f"fault-merchant/{self._number}"
        return await self.desk.ask(call, request)

    async def stock(self, sku: str, units: int) -> None:
        """Sets the stock of a product."""
        await self._ask("UpdateProduct", pb.UpdateProductRequest(sku=sku, stock=pb.Change(set=units)))

    async def live(self, stopping: asyncio.Event) -> None:
        """Does random things until told to stop."""
        todo = {self.ship: 5, self.decide: 5, self.take_in: 2, self.buy_in: 3, self.confirm: 2}
        while not stopping.is_set():
            (what,) = self.chance.choices(list(todo), list(todo.values()))
            await what()
            await asyncio.sleep(self.chance.uniform(0.0, 0.1))

    def _order(self) -> str:
        buyers = [shopper for shopper in self.shoppers if shopper.orders]
        return self.chance.choice(self.chance.choice(buyers).orders[-4:]) if buyers else "0"

    async def ship(self) -> None:
        """Hands an order to the carrier."""
        await self._ask("ShipOrder", pb.ShipOrderRequest(order_id=self._order()))

    async def confirm(self) -> None:
        """Accepts an order."""
        await self._ask("ConfirmOrder", pb.ConfirmOrderRequest(order_id=self._order()))

    async def decide(self) -> None:
        """Approves or rejects a refund."""
        approve = self.chance.random() < 0.8
        await self._ask("ProcessRefund", pb.ProcessRefundRequest(order_id=self._order(), approve=approve))

    async def take_in(self) -> None:
        """Takes goods in that were sent back; some are as new."""
        refunds = [asked for asked in self.desk.asked.values() if asked.call == "RequestRefund" and asked.answer]
        returns = [asked.answer.return_id for asked in refunds if asked.answer.return_id]
        if returns:
            request = pb.ReceiveReturnRequest(return_id=self.chance.choice(returns[-6:]))
            request.restock = self.chance.random() < 0.5
            await self._ask("ReceiveReturn", request)

    async def buy_in(self) -> None:
        """New goods come in."""
        sku, units = self.chance.choice(HOT), self.chance.randint(1, 12)
        asked = await self._ask("UpdateProduct", pb.UpdateProductRequest(sku=sku, stock=pb.Change(add=units)))
        if asked.answer is not None:
            self.bought_in[sku] += units
