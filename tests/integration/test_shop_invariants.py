"""Random lives of a shop: whatever is retried, repeated, reordered, expired or undone, goods and money add up.

A Hypothesis state machine works on the service with a real PostgreSQL. Every request is sent one to three times at
once; webhooks are lost, repeated and reordered. After each step the books are checked; at the end, when everything has
settled, shop and payment company must agree to the cent.
"""

import asyncio
import random
import uuid
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import text
from support.shop import WEBHOOK_SECRET, WEBHOOK_SECRETS, PostgresForTests

from voxcart.errors import VoxcartError
from voxcart_api.common.v1.common_pb2 import ROLE_MERCHANT
from voxcart_api.shop.v1 import shop_pb2 as pb
from voxcart_services.shop.adapters.postgres import postgres_adapter
from voxcart_services.shop.database import Database
from voxcart_services.shop.http_endpoint import Posted
from voxcart_services.shop.parts import Options, assemble
from voxcart_services.shop.sandbox import SandboxWebhooks
from voxcart_services.shop.servicer import ShopServicer
from voxcart_services.shop.tenancy import SYSTEM

pytestmark = pytest.mark.integration
pytest_plugins = ("support.shop",)

EXAMPLES = 4
STEPS = 25
SKUS = ("FR0001", "FR0002", "FR0003")
UNITS = 8
USERS = ("ann", "ben")
TOKENS = ("", "", "tok_async", "tok_duplicate", "tok_unordered", "tok_timeout", "tok_late", "tok_declined")

BOOKS = """
SELECT (SELECT count(*) FROM stock WHERE available < 0 OR reserved < 0) AS negative,
       (SELECT sum(available) FROM stock WHERE sku = ANY(:skus)) AS available,
       (SELECT sum(reserved) FROM stock WHERE sku = ANY(:skus)) AS reserved,
       (SELECT coalesce(sum(l.quantity - l.taken_out), 0) FROM orders o JOIN order_lines l USING (tenant, order_id)
         WHERE NOT o.seeded AND o.status IN ('pending_payment', 'paid', 'confirmed')) AS held,
       (SELECT coalesce(sum(l.quantity - l.taken_out), 0) FROM orders o JOIN order_lines l USING (tenant, order_id)
         WHERE NOT o.seeded AND o.status IN ('shipped', 'delivered', 'completed')) AS gone,
       (SELECT count(*) FROM payments p WHERE p.captured_cents - p.refunded_cents <>
         (SELECT coalesce(sum(cents), 0) FROM ledger g WHERE g.tenant = p.tenant AND g.payment_id = p.payment_id)
       ) AS unbooked,
       (SELECT count(*) FROM orders o WHERE NOT o.seeded AND (SELECT coalesce(sum(r.amount_cents), 0) FROM refunds r
         WHERE r.tenant = o.tenant AND r.order_id = o.order_id AND r.status <> 'rejected') > o.total_cents) AS overpaid,
       (SELECT count(*) FROM coupons c WHERE c.used <> (SELECT count(*) FROM coupon_uses u
         WHERE u.tenant = c.tenant AND u.code = c.code)) AS miscounted,
       (SELECT coalesce(array_agg(order_id), '{}') FROM orders WHERE NOT seeded) AS orders
"""
SETTLED = """
SELECT (SELECT count(*) FROM payments p JOIN sandbox_charges c ON c.charge_id = p.provider_id
         WHERE p.tenant = :tenant AND (p.status IN ('started', 'authorised') OR (p.status = 'voided' AND NOT p.settled)
           OR p.captured_cents <> CASE WHEN c.status = 'captured' THEN c.amount_cents ELSE 0 END
           OR p.refunded_cents <> c.refunded_cents)) AS disagreements,
       (SELECT count(*) FROM orders o WHERE o.tenant = :tenant AND NOT o.seeded AND o.status = 'cancelled'
         AND (SELECT coalesce(sum(cents), 0) FROM ledger g
               WHERE g.tenant = o.tenant AND g.order_id = o.order_id) <> 0) AS kept,
       (SELECT count(*) FROM orders o WHERE o.tenant = :tenant AND NOT o.seeded
         AND o.status IN ('paid', 'shipped') AND NOT EXISTS (SELECT 1 FROM payments p WHERE p.tenant = o.tenant
           AND p.order_id = o.order_id AND p.status = 'captured')) AS unpaid
"""


class UnreliablePost:
    """Carries webhooks to the shop: some get lost, some arrive twice."""

    def __init__(self, parts: Any, chance: random.Random) -> None:
        self._parts = parts
        self._chance = chance

    async def post(self, url: str, content: bytes, headers: dict[str, str]) -> httpx.Response:
        """Delivers a message none to two times at once; the company hears of one of them."""
        copies = self._chance.choice([0, 1, 1, 2])
        if not copies:
            raise httpx.ConnectError("lost on the way")
        answers = await asyncio.gather(*(self._parts.webhooks.payment(Posted(headers, content)) for _ in range(copies)))
        return httpx.Response(answers[0].status)


class Shopping(RuleBasedStateMachine):
    """Two shoppers and a merchant on a fresh copy of the shop with few goods."""

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.keys = 0
        self.sent: list[tuple[str, Any]] = []
        self.orders: dict[str, str] = {}

    @initialize(seed=st.integers(0, 2**32))
    def open(self, seed: int) -> None:
        """Opens the shop."""
        self.chance = random.Random(seed)
        self.tenant = f"demo~life-{uuid.uuid4().hex[:8]}"
        self.database = Database.open(self.url, statement_seconds=30.0)
        options = Options(demo=True, webhook_secrets=WEBHOOK_SECRETS, answer_seconds=0.0)
        self.parts = assemble(self.database, None, lambda: None, options)
        self.service = ShopServicer(postgres_adapter(self.parts))
        self.messenger = SandboxWebhooks(self.database, WEBHOOK_SECRET)
        self.post = UnreliablePost(self.parts, self.chance)
        self.runner.run(self._open())

    async def _open(self) -> None:
        await self.service.CreateDemoTenant(pb.CreateDemoTenantRequest(tenant=self.tenant), None)
        async with self.database.transaction(self.tenant) as conn:
            scarce = text("UPDATE stock SET available = :units WHERE sku = ANY(:skus)")
            await conn.execute(scarce, {"units": UNITS, "skus": list(SKUS)})
        for user in USERS:
            request = pb.ChangeAddressRequest(address="某路1号")
            await self._send("ChangeAddress", request, user)
        coupon = pb.AddCouponRequest(coupon=pb.Coupon(code="ten", percent_off=10, total_limit=2))
        await self._send("AddCoupon", coupon, "")
        before = await self._books()
        self.units_before = before.available + before.reserved
        self.reserved_before = before.reserved

    def teardown(self) -> None:
        """Lets everything settle and compares shop and company."""
        try:
            if hasattr(self, "service"):
                self.runner.run(self._close())
        finally:
            self.runner.close()

    async def _close(self) -> None:
        try:
            await self._settle()
            async with self.database.transaction(SYSTEM) as conn:
                end = (await conn.execute(text(SETTLED), {"tenant": self.tenant})).one()
            assert (end.disagreements, end.kept, end.unpaid) == (0, 0, 0)
            await self.service.DropDemoTenant(pb.DropDemoTenantRequest(tenant=self.tenant), None)
        finally:
            await self.database.aclose()

    async def _settle(self) -> None:
        """All webhooks arrive, all payments are looked after, all refunds are made."""
        ready = text(
            "UPDATE payments SET created_at = now() - interval '1 hour' WHERE status IN ('started', 'authorised')"
        )
        async with self.database.transaction(self.tenant) as conn:
            await conn.execute(ready)
            await conn.execute(text("UPDATE orders SET expires_at = now() WHERE status = 'pending_payment'"))
        for _ in range(3):
            await self.messenger.deliver_due(self.post, "", ahead_seconds=7200)
            await self.parts.settlement.sweep()

    def _key(self) -> str:
        self.keys += 1
        return f"{self.tenant}/{self.keys}"

    async def _send(self, call: str, request: Any, user: str) -> Any:
        """Sends a request one to three times at once; all accepted copies have the same answer, ``None`` if refused."""
        role = {"role": ROLE_MERCHANT} if not user else {}
        request.actor.CopyFrom(pb.Actor(tenant=self.tenant, user_id=user or "demo-merchant", **role))
        request.idempotency_key = request.idempotency_key or self._key()
        self.sent.append((call, request))
        return await self._repeat(call, request)

    async def _repeat(self, call: str, request: Any) -> Any:
        answers = await asyncio.gather(*(self._once(call, request) for _ in range(self.chance.choice([1, 1, 2, 3]))))
        accepted = [answer for answer in answers if answer is not None]
        for answer in accepted:
            if "replayed" in answer.DESCRIPTOR.fields_by_name:
                answer.replayed = False
        if call not in ("ProcessRefund",):
            assert all(answer == accepted[0] for answer in accepted)
        if call == "Checkout" and accepted:
            self.orders[accepted[0].order_id] = request.actor.user_id
        return accepted[0] if accepted else None

    async def _once(self, call: str, request: Any) -> Any:
        try:
            return await getattr(self.service, call)(request, None)
        except VoxcartError:
            return None

    def _do(self, call: str, request: Any, user: str = "") -> Any:
        return self.runner.run(self._send(call, request, user))

    def _order(self, pick: int) -> tuple[str, str]:
        """One of the newest orders, and its buyer; now and then somebody else."""
        if not self.orders:
            return "0", USERS[0]
        order_id = sorted(self.orders)[-1 - pick % min(4, len(self.orders))]
        return order_id, self.chance.choice([self.orders[order_id]] * 9 + [USERS[0]])

    async def _books(self) -> Any:
        async with self.database.transaction(self.tenant) as conn:
            return (await conn.execute(text(BOOKS), {"skus": list(SKUS)})).one()

    @rule(user=st.sampled_from(USERS), sku=st.sampled_from(SKUS), quantity=st.integers(1, 4))
    def add(self, user: str, sku: str, quantity: int) -> None:
        """Puts goods into a cart."""
        self._do("AddToCart", pb.AddToCartRequest(sku=sku, quantity=quantity), user)

    @rule(user=st.sampled_from(USERS), sku=st.sampled_from(SKUS), coupon=st.sampled_from(["", "", "ten"]))
    def buy(self, user: str, sku: str, coupon: str) -> None:
        """Fills the cart and checks it out."""
        self._do("AddToCart", pb.AddToCartRequest(sku=sku, quantity=self.chance.randint(1, 3)), user)
        self._do("Checkout", pb.CheckoutRequest(coupon_code=coupon), user)

    @rule(pick=st.integers(0, 3), token=st.sampled_from(TOKENS))
    def pay(self, pick: int, token: str) -> None:
        """Pays for an order."""
        order_id, user = self._order(pick)
        self._do("Pay", pb.PayRequest(order_id=order_id, payment_token=token), user)

    @rule(pick=st.integers(0, 3))
    def cancel(self, pick: int) -> None:
        """Cancels an order."""
        order_id, user = self._order(pick)
        self._do("CancelOrder", pb.CancelOrderRequest(order_id=order_id), user)

    @rule(pick=st.integers(0, 3), token=st.sampled_from(TOKENS))
    def pay_and_cancel(self, pick: int, token: str) -> None:
        """Pays for an order and cancels it at the same time."""
        order_id, user = self._order(pick)

        async def work() -> None:
            await asyncio.gather(
                self._send("Pay", pb.PayRequest(order_id=order_id, payment_token=token), user),
                self._send("CancelOrder", pb.CancelOrderRequest(order_id=order_id), user),
            )

        self.runner.run(work())

    @rule(
        pick=st.integers(0, 3),
        units=st.integers(0, 2),
        cents=st.sampled_from([0, 1, 500, 4000]),
        approve=st.booleans(),
    )
    def refund(self, pick: int, units: int, cents: int, approve: bool) -> None:
        """Asks for money back, in whole or in part; the merchant decides."""
        order_id, user = self._order(pick)
        ask = pb.RequestRefundRequest(order_id=order_id)
        if units:
            ask.lines.add(line_no=1, quantity=units)
        if cents:
            ask.amount_cents = cents
        self._do("RequestRefund", ask, user)
        self._do("ProcessRefund", pb.ProcessRefundRequest(order_id=order_id, approve=approve))

    @rule(pick=st.integers(0, 3))
    def ship(self, pick: int) -> None:
        """Ships an order."""
        self._do("ShipOrder", pb.ShipOrderRequest(order_id=self._order(pick)[0]))

    @rule(user=st.sampled_from(USERS))
    def undo(self, user: str) -> None:
        """Takes the last change back."""
        self._do("UndoLast", pb.UndoLastRequest(), user)

    @rule(pick=st.integers(0, 999))
    def retry(self, pick: int) -> None:
        """Sends an earlier request again under its key."""
        if self.sent:
            call, request = self.sent[pick % len(self.sent)]
            self.runner.run(self._repeat(call, request))

    @rule(pick=st.integers(0, 3))
    def expire(self, pick: int) -> None:
        """Lets the time to pay an order be over, and two processes sweep."""

        async def work() -> None:
            late = text(
                "UPDATE orders SET expires_at = now() WHERE order_id = :order_id AND status = 'pending_payment'"
            )
            async with self.database.transaction(self.tenant) as conn:
                await conn.execute(late, {"order_id": self._order(pick)[0]})
            await asyncio.gather(self.parts.settlement.sweep(), self.parts.settlement.sweep())

        self.runner.run(work())

    @rule(ahead=st.sampled_from([1.0, 60.0, 7200.0]))
    def webhooks(self, ahead: float) -> None:
        """The company tells what is due; some of it gets lost or comes twice."""
        self.runner.run(self.messenger.deliver_due(self.post, "", ahead_seconds=ahead))

    @invariant()
    def the_books_are_right(self) -> None:
        """Goods and money add up, and every order was asked for."""
        if not hasattr(self, "units_before"):
            return
        books = self.runner.run(self._books())
        assert books.negative == 0
        assert books.reserved == self.reserved_before + books.held
        assert books.available + books.reserved + books.gone == self.units_before
        assert (books.unbooked, books.overpaid, books.miscounted) == (0, 0, 0)
        assert set(books.orders) == self.orders.keys()


def test_goods_and_money_add_up(shop_postgres: PostgresForTests) -> None:
    bounded = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    machine = type("ShoppingHere", (Shopping,), {"url": shop_postgres.url})
    run_state_machine_as_test(machine, settings=bounded)
