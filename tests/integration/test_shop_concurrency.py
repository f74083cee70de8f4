"""Many clients, few products, repeated and cancelled calls: nothing is lost, doubled or negative."""

import asyncio
import contextlib
import random
from dataclasses import dataclass, field, replace
from typing import Any

import grpc
import pytest
from sqlalchemy import text
from support.shop import Shop

from voxcart_api.shop.v1 import shop_pb2 as pb
from voxcart_services.shop.adapters.postgres import postgres_adapter
from voxcart_services.shop.database import Database
from voxcart_services.shop.sandbox import SandboxProvider
from voxcart_services.shop.servicer import ShopServicer
from voxcart_services.shop.tenancy import SYSTEM

pytestmark = pytest.mark.integration
pytest_plugins = ("support.shop",)

USERS = 12
ROUNDS = 6
PRODUCTS = ("新鲜红富士苹果", "纯牛奶", "抽纸")
EXPECTED = {
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
}


@dataclass
class Client:
    """Sends each request one to three times, at once or after one another, and cuts some of the calls off."""

    shop: Shop
    user_id: str
    random: random.Random
    orders: set[str] = field(default_factory=set)

    async def call(self, method: Any, request: Any) -> Any:
        """The answer, ``None`` if the request was refused. All answers to one key are the same."""
        copies = self.random.choice([1, 1, 2, 3])
        tries = [self._try(method, request) for _ in range(copies)]
        answers = [answer for answer in await asyncio.gather(*tries) if answer is not None]
        if not answers:
            answer = await self._finally(method, request)
            answers = [answer] if answer is not None else []
        for answer in answers:
            if "replayed" in answer.DESCRIPTOR.fields_by_name:
                answer.replayed = False
        assert all(answer == answers[0] for answer in answers)
        return answers[0] if answers else None

    async def _try(self, method: Any, request: Any) -> Any:
        timeout = self.random.choice([5.0, 5.0, 5.0, self.random.uniform(0.001, 0.05)])
        try:
            return await method(request, timeout=timeout)
        except grpc.aio.AioRpcError as error:
            if error.code() not in EXPECTED:
                raise
            return None

    async def _finally(self, method: Any, request: Any) -> Any:
        """After calls that were cut off: the same key again, until it is clear what came of it."""
        while True:
            try:
                return await method(request, timeout=10.0)
            except grpc.aio.AioRpcError as error:
                if error.code() not in EXPECTED:
                    raise
                if error.code() is grpc.StatusCode.FAILED_PRECONDITION:
                    return None
                await asyncio.sleep(0.05)

    async def shop_around(self, skus: list[str]) -> None:
        """Some rounds of filling the cart, buying and changing one's mind."""
        rpc, actor = self.shop.rpc, self.shop.shopper(self.user_id)
        for number in range(ROUNDS):
            prefix = f"{self.user_id}/{number}"
            for sku in self.random.sample(skus, 2):
                quantity = self.random.randint(1, 4)
                add = pb.AddToCartRequest(actor=actor, idempotency_key=f"{prefix}/{sku}", sku=sku, quantity=quantity)
                await self.call(rpc.AddToCart, add)
            checkout = pb.CheckoutRequest(actor=actor, idempotency_key=f"{prefix}/checkout")
            order = await self.call(rpc.Checkout, checkout)
            if order is None:
                continue
            self.orders.add(order.order_id)
            todo = [
                (rpc.Pay, pb.PayRequest(actor=actor, idempotency_key=f"{prefix}/pay", order_id=order.order_id)),
                (
                    rpc.CancelOrder,
                    pb.CancelOrderRequest(actor=actor, idempotency_key=f"{prefix}/cancel", order_id=order.order_id),
                ),
            ]
            await asyncio.gather(*(self.call(*step) for step in todo[: self.random.choice([1, 1, 2])]))


async def _value(shop: Shop, query: str) -> Any:
    async with shop.parts.database.transaction(SYSTEM) as conn:
        return (await conn.execute(text(query), {"tenant": shop.tenant})).scalar_one()


async def _address(shop: Shop, user_id: str) -> None:
    change = pb.ChangeAddressRequest(actor=shop.shopper(user_id), idempotency_key=f"{user_id}/a", address="某路1号")
    await shop.rpc.ChangeAddress(change)


STOCK = "SELECT coalesce(sum(available + reserved), 0) FROM stock WHERE tenant = :tenant"
NEW = "o.tenant = :tenant AND NOT o.seeded"
HELD = (
    "SELECT coalesce(sum(l.quantity), 0) FROM orders o JOIN order_lines l USING (tenant, order_id) "
    f"WHERE {NEW} AND o.status IN ('pending_payment', 'paid')"
)
RESERVED = "SELECT coalesce(sum(reserved), 0) FROM stock WHERE tenant = :tenant"
MISPAID = (
    "SELECT count(*) FROM orders o LEFT JOIN payments p ON p.tenant = o.tenant AND p.order_id = o.order_id "
    f"AND p.status = 'captured' WHERE {NEW} AND ("
    "(o.status = 'paid' AND (p.amount_cents IS DISTINCT FROM o.total_cents OR p.refunded_cents <> 0)) OR "
    "(o.status = 'cancelled' AND p.refunded_cents <> p.amount_cents))"
)
UNSETTLED = (
    "SELECT count(*) FROM payments p JOIN sandbox_charges c ON c.charge_id = p.tenant || '/' || p.payment_id "
    "WHERE p.tenant = :tenant AND (p.refunded_cents <> c.refunded_cents OR p.status = 'started')"
)


@pytest.mark.parametrize("seed", [1, 2])
async def test_nothing_is_lost_doubled_or_negative(shop: Shop, seed: int) -> None:
    chance = random.Random(seed)
    products = [await shop.product(name) for name in PRODUCTS]
    for product in products:
        scarce = pb.UpdateProductRequest(
            actor=shop.merchant, idempotency_key=shop.key(), sku=product.sku, stock=pb.Change(set=40)
        )
        await shop.rpc.UpdateProduct(scarce)
    users = [f"user-{number}" for number in range(USERS)]
    await asyncio.gather(*(_address(shop, user) for user in users))
    stock_before, reserved_before = await _value(shop, STOCK), await _value(shop, RESERVED)
    clients = [Client(shop, user, random.Random(chance.random())) for user in users]
    await asyncio.gather(*(client.shop_around([p.sku for p in products]) for client in clients))
    await asyncio.sleep(0)
    await shop.parts.settlement.sweep()

    seen = set().union(*(client.orders for client in clients))
    made = await _value(shop, f"SELECT array_agg(o.order_id) FROM orders o WHERE {NEW}")
    assert set(made) == seen
    assert len(seen) >= USERS
    assert await _value(shop, STOCK) == stock_before
    assert await _value(shop, RESERVED) == reserved_before + await _value(shop, HELD)
    assert await _value(shop, MISPAID) == 0
    assert await _value(shop, UNSETTLED) == 0
    bought = "SELECT count(*) FROM outbox WHERE topic = 'voxcart.events.v1' AND key LIKE 'user-%'"
    assert await _value(shop, bought) > 0


async def test_a_call_that_is_cut_off_leaves_its_connection_clean(shop: Shop) -> None:
    """One connection for all, calls cancelled at any moment: none gets the answer of another, each is done once."""
    chance = random.Random(7)
    database = Database.open(shop.parts.database._engine.url, pool_size=1, pool_wait_seconds=30.0)
    service = ShopServicer(postgres_adapter(replace(shop.parts, database=database)))
    sku = (await shop.product(PRODUCTS[0])).sku
    actor = shop.shopper("hasty")

    async def add(number: int, seconds: float) -> None:
        request = pb.AddToCartRequest(actor=actor, idempotency_key=f"hasty/{number}", sku=sku, quantity=1)
        async with asyncio.timeout(seconds):
            await service.AddToCart(request, None)

    try:
        for number in range(40):
            with contextlib.suppress(TimeoutError):
                await add(number, chance.uniform(0.0, 0.03))
            product = await service.GetProduct(pb.GetProductRequest(actor=actor, sku=sku), None)
            assert product.sku == sku
        for number in range(40):
            await add(number, 30.0)
        cart = await service.GetCart(pb.GetCartRequest(actor=actor), None)
    finally:
        await database.aclose()
    assert [(line.product.sku, line.quantity) for line in cart.lines] == [(sku, 40)]


async def test_the_last_unit_is_sold_once(shop: Shop) -> None:
    apple = await shop.product(PRODUCTS[0])
    last = pb.UpdateProductRequest(
        actor=shop.merchant, idempotency_key=shop.key(), sku=apple.sku, stock=pb.Change(set=1)
    )
    await shop.rpc.UpdateProduct(last)
    users = [f"rival-{number}" for number in range(8)]
    for user in users:
        await _address(shop, user)
        await shop.add(PRODUCTS[0], 1, user)

    async def buy(user: str) -> bool:
        try:
            await shop.rpc.Checkout(pb.CheckoutRequest(actor=shop.shopper(user), idempotency_key=f"{user}/buy"))
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.FAILED_PRECONDITION:
                raise
            return False
        return True

    assert sum(await asyncio.gather(*map(buy, users))) == 1
    assert (await shop.product(PRODUCTS[0])).stock == 0


async def test_a_payment_cut_off_between_its_steps_is_finished_by_a_retry_or_the_sweep(shop: Shop) -> None:
    order = await shop.order(PRODUCTS[0], paid=False)
    await _started_payment(shop, order, "cut-off")
    pay = pb.PayRequest(actor=shop.shopper(), idempotency_key=shop.key(), order_id=order.order_id)
    with pytest.raises(grpc.aio.AioRpcError, match="under way"):
        await shop.rpc.Pay(pay)
    await shop.parts.settlement.sweep()
    paid = await shop.rpc.GetOrder(pb.GetOrderRequest(actor=shop.shopper(), order_id=order.order_id))
    assert (paid.status, paid.payment_method) == ("paid", "card")


async def _started_payment(shop: Shop, order: pb.Order, payment_id: str) -> None:
    """A payment whose process was cut off after its first step, a minute ago."""
    async with shop.parts.database.transaction(SYSTEM) as conn:
        await conn.execute(
            text(
                "INSERT INTO payments (tenant, payment_id, order_id, status, method, amount_cents, created_at) "
                "VALUES (:tenant, :payment_id, :order_id, 'started', 'card', :cents, now() - interval '1 minute')"
            ),
            {
                "tenant": shop.tenant,
                "payment_id": payment_id,
                "order_id": order.order_id,
                "cents": order.total.cents,
            },
        )


@pytest.mark.parametrize(("reached", "given_back"), [("", 0), ("authorised", 0), ("captured", 3900)])
async def test_an_order_cancelled_while_it_is_paid_takes_no_money(shop: Shop, reached: str, given_back: int) -> None:
    """However far the payment company had come: a charge is voided, and captured money goes back."""
    order = await shop.order(PRODUCTS[0], paid=False)
    await _started_payment(shop, order, "overtaken")
    charge_id = f"{shop.tenant}/overtaken"
    provider = SandboxProvider(shop.parts.database)
    if reached:
        await provider.authorise(charge_id, order.total.cents, "card", "")
    if reached == "captured":
        await provider.capture(charge_id)
    cancel = pb.CancelOrderRequest(actor=shop.shopper(), idempotency_key=shop.key(), order_id=order.order_id)
    await shop.rpc.CancelOrder(cancel)
    for _ in range(2):
        await shop.parts.settlement.sweep()
    paid = await shop.rpc.GetOrder(pb.GetOrderRequest(actor=shop.shopper(), order_id=order.order_id))
    assert (paid.status, paid.payment.status) == ("cancelled", "voided")
    assert (paid.payment.captured.cents, paid.payment.refunded.cents) == (given_back, given_back)
    charge = "SELECT status || refunded_cents FROM sandbox_charges WHERE charge_id = :tenant || '/overtaken'"
    assert await _value(shop, charge) == (f"captured{given_back}" if given_back else "voided0")
    held = "SELECT coalesce(sum(cents), 0) FROM ledger WHERE tenant = :tenant AND payment_id = 'overtaken'"
    assert await _value(shop, held) == 0
