"""Payments as a real company makes them: answers that come later, never, twice or in the wrong order, and forgeries."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
from grpc import StatusCode
from prometheus_client import REGISTRY
from sqlalchemy import text
from support.shop import CARRIER_SECRET, WEBHOOK_SECRET, WEBHOOK_SECRETS, Shop, refused

from voxcart_api.shop.v1 import shop_pb2 as pb
from voxcart_services.shop.http_endpoint import Posted, http_endpoint
from voxcart_services.shop.sandbox import SandboxProvider, SandboxWebhooks
from voxcart_services.shop.signatures import SIGNATURE_HEADER, WebhookSecrets, sign
from voxcart_services.shop.tenancy import SYSTEM
from voxcart_services.shop.webhooks import CARRIER_PATH, PAYMENTS_PATH, Webhooks

pytestmark = pytest.mark.integration
pytest_plugins = ("support.shop",)

APPLE = "新鲜红富士苹果"


@dataclass
class Company:
    """The sandbox's messenger and the shop's endpoint that it posts to."""

    shop: Shop
    client: httpx.AsyncClient
    base: str

    async def deliver(self, ahead_seconds: float = 30.0) -> int:
        """Sends all webhooks that are due within this time."""
        messenger = SandboxWebhooks(self.shop.parts.database, WEBHOOK_SECRET)
        return await messenger.deliver_due(self.client, self.base + PAYMENTS_PATH, ahead_seconds)

    async def post(self, path: str, message: Any, *, secret: bytes = b"", age: int = 0) -> httpx.Response:
        """Posts a message, signed by the one who sends to this path unless another secret is given."""
        secret = secret or (WEBHOOK_SECRET if path == PAYMENTS_PATH else CARRIER_SECRET)
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        headers = {SIGNATURE_HEADER: sign(secret, body, int(time.time()) - age)}
        return await self.client.post(self.base + path, content=body, headers=headers)


@pytest.fixture
async def company(shop: Shop) -> AsyncIterator[Company]:
    async with shop.parts.database.transaction(SYSTEM) as conn:
        await conn.execute(text("DELETE FROM sandbox_events"))
    async with (
        http_endpoint("127.0.0.1", 0, shop.parts.webhooks.handlers()) as port,
        httpx.AsyncClient(trust_env=False) as client,
    ):
        yield Company(shop, client, f"http://127.0.0.1:{port}")


def counted(outcome: str, source: str = "payments") -> float:
    """Webhooks with this outcome so far."""
    labels = {"source": source, "outcome": outcome}
    return REGISTRY.get_sample_value("voxcart_shop_webhooks_total", labels) or 0.0


async def pay(shop: Shop, order: pb.Order, token: str, key: str = "") -> Any:
    """Pays for an order; the call, to be awaited."""
    request = pb.PayRequest(
        actor=shop.shopper(), idempotency_key=key or shop.key(), order_id=order.order_id, payment_token=token
    )
    return await shop.rpc.Pay(request)


async def current(shop: Shop, order: pb.Order) -> pb.Order:
    """The order as it is now."""
    return await shop.rpc.GetOrder(pb.GetOrderRequest(actor=shop.shopper(), order_id=order.order_id))


async def ledger_of(shop: Shop, order: pb.Order) -> int:
    """What the shop holds for an order, in cents."""
    query = text("SELECT coalesce(sum(cents), 0) FROM ledger WHERE order_id = :order_id")
    async with shop.parts.database.transaction(shop.tenant) as conn:
        return (await conn.execute(query, {"order_id": order.order_id})).scalar_one()


@pytest.mark.parametrize("token", ["tok_async", "tok_duplicate", "tok_unordered", "tok_timeout"])
async def test_an_answer_that_comes_by_webhook_pays_once(shop: Shop, company: Company, token: str) -> None:
    before = (await shop.product(APPLE)).units_sold
    order = await shop.order(APPLE, paid=False)
    paying = asyncio.create_task(pay(shop, order, token, "late/1"))
    while not paying.done():
        await company.deliver()
        await asyncio.sleep(0.02)
    paid = await paying
    assert (paid.status, paid.payment.status, paid.payment.captured.cents) == ("paid", "captured", 3900)
    assert (await pay(shop, order, token, "late/1")).replayed
    while await company.deliver():
        pass
    assert await ledger_of(shop, order) == 3900
    assert (await shop.product(APPLE)).units_sold == before + 1


async def test_a_decline_that_comes_later_leaves_the_order_waiting(shop: Shop, company: Company) -> None:
    order = await shop.order(APPLE, paid=False)
    paying = asyncio.create_task(pay(shop, order, "tok_async_declined"))
    while not paying.done():
        await company.deliver()
        await asyncio.sleep(0.02)
    await refused(paying, StatusCode.FAILED_PRECONDITION, "the bank declined", "declined")
    assert (await current(shop, order)).status == "pending_payment"
    assert (await pay(shop, order, "")).status == "paid"


async def test_an_answer_after_the_wait_is_found_by_the_same_key(shop: Shop, company: Company) -> None:
    order = await shop.order(APPLE, paid=False)
    await refused(
        pay(shop, order, "tok_late", "slow/1"), StatusCode.FAILED_PRECONDITION, "not answered", "payment_under_way"
    )
    assert (await current(shop, order)).payment.status == "started"
    await company.deliver(ahead_seconds=7200)
    paid = await pay(shop, order, "tok_late", "slow/1")
    assert (paid.status, paid.order_id) == ("paid", order.order_id)


async def test_money_that_comes_after_the_order_expired_is_not_kept(shop: Shop, company: Company) -> None:
    before = (await shop.product(APPLE)).stock
    order = await shop.order(APPLE, paid=False)
    await refused(pay(shop, order, "tok_late", "slow/2"), StatusCode.FAILED_PRECONDITION, reason="payment_under_way")
    await expire(shop, order)
    await shop.parts.settlement.sweep()
    await company.deliver(ahead_seconds=7200)
    late = await current(shop, order)
    assert (late.status, late.cancel_reason, late.payment.status) == ("cancelled", "expired", "voided")
    assert await ledger_of(shop, order) == 0
    assert (await shop.product(APPLE)).stock == before
    await refused(pay(shop, order, "tok_late", "slow/2"), StatusCode.FAILED_PRECONDITION, "has expired", "voided")


async def expire(shop: Shop, order: pb.Order) -> None:
    """Lets the time to pay an order be over."""
    late = text("UPDATE orders SET expires_at = now() - interval '1 second' WHERE order_id = :order_id")
    async with shop.parts.database.transaction(shop.tenant) as conn:
        assert (await conn.execute(late, {"order_id": order.order_id})).rowcount == 1


async def test_unpaid_orders_expire_once_however_many_sweep(shop: Shop) -> None:
    before = (await shop.product(APPLE)).stock
    orders = [await shop.order(APPLE, paid=False) for _ in range(3)]
    assert orders[0].expires_at.seconds - orders[0].created_at.seconds == pytest.approx(1800, abs=5)
    assert (await shop.product(APPLE)).stock == before - 3
    await shop.parts.settlement.sweep()
    assert (await current(shop, orders[0])).status == "pending_payment"
    for order in orders[:2]:
        await expire(shop, order)
    await asyncio.gather(*(shop.parts.settlement.sweep() for _ in range(4)))
    await shop.parts.settlement.sweep()
    assert [(await current(shop, order)).status for order in orders] == ["cancelled", "cancelled", "pending_payment"]
    assert (await shop.product(APPLE)).stock == before - 1
    events = text("SELECT count(*) FROM audit_log WHERE operation = 'expire_order'")
    async with shop.parts.database.transaction(shop.tenant) as conn:
        assert (await conn.execute(events)).scalar_one() == 2
    await refused(pay(shop, orders[0], ""), StatusCode.FAILED_PRECONDITION, "is cancelled", "wrong_state")


def _message(shop: Shop, cents: int = 3900, charge: str = "nobody") -> dict[str, Any]:
    return {
        "id": f"evt-{shop.key()}",
        "type": "charge.captured",
        "charge": {"id": f"{shop.tenant}/{charge}", "amount_cents": cents},
    }


async def test_forged_webhooks_are_refused_and_counted(shop: Shop, company: Company) -> None:
    order = await shop.order(APPLE, paid=False)
    await refused(pay(shop, order, "tok_late"), StatusCode.FAILED_PRECONDITION, reason="payment_under_way")
    before = counted("forged")
    url = company.base + PAYMENTS_PATH
    body = json.dumps(_message(shop)).encode()
    good = sign(WEBHOOK_SECRET, body, int(time.time()))
    answers = [
        await company.client.post(url, content=body),
        await company.client.post(url, content=body, headers={SIGNATURE_HEADER: "t=1,v1=" + "0" * 64}),
        await company.client.post(url, content=body + b" ", headers={SIGNATURE_HEADER: good}),
        await company.client.post(url, content=body, headers={SIGNATURE_HEADER: "nonsense"}),
        await company.post(PAYMENTS_PATH, _message(shop), secret=b"a secret of somebody else"),
        await company.post(PAYMENTS_PATH, _message(shop), age=301),
        await company.post(PAYMENTS_PATH, _message(shop), age=-400),
    ]
    assert [answer.status_code for answer in answers] == [401] * len(answers)
    assert counted("forged") == before + len(answers)
    assert (await current(shop, order)).status == "pending_payment"


async def test_a_signed_message_cannot_make_a_payment_up(shop: Shop, company: Company) -> None:
    """Even a stolen secret pays for nothing: what became of a charge is asked of the company."""
    order = await shop.order(APPLE, paid=False)
    await refused(pay(shop, order, "tok_late"), StatusCode.FAILED_PRECONDITION, reason="payment_under_way")
    async with shop.parts.database.transaction(shop.tenant) as conn:
        payment_id = (await conn.execute(text("SELECT payment_id FROM payments WHERE status = 'started'"))).scalar_one()
    assert (await company.post(PAYMENTS_PATH, _message(shop, charge=payment_id))).status_code == 200
    assert (await current(shop, order)).status == "pending_payment"
    wrong_amount = await company.post(PAYMENTS_PATH, _message(shop, 1, payment_id))
    assert wrong_amount.status_code == 400
    assert "3900" in wrong_amount.json()["message"]


async def test_a_secret_is_changed_without_losing_a_message(shop: Shop, company: Company) -> None:
    """Each sender has secrets of its own, and two of them are valid while one is changed."""
    parts = shop.parts
    old, new = b"the secret of last year", b"the secret of this year"

    def webhooks(*payments: bytes) -> Webhooks:
        secrets = replace(WEBHOOK_SECRETS, payments=payments)
        return Webhooks(parts.database, SandboxProvider(parts.database), parts.payments, secrets)

    async def status(taking: Webhooks, secret: bytes, path: str = PAYMENTS_PATH) -> int:
        body = json.dumps(_message(shop)).encode()
        headers = {SIGNATURE_HEADER: sign(secret, body, int(time.time()))}
        return (await taking.handlers()[path](Posted(headers, body))).status

    both, after = webhooks(new, old), webhooks(new)
    assert [await status(both, secret) for secret in (old, new)] == [404, 404]
    assert [await status(after, secret) for secret in (old, new)] == [401, 404]
    assert await status(both, CARRIER_SECRET) == await status(both, new, CARRIER_PATH) == 401
    unset = Webhooks(parts.database, SandboxProvider(parts.database), parts.payments, WebhookSecrets())
    assert await status(unset, b"") == await status(unset, b"", CARRIER_PATH) == 401


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[1, 2]", 400),
        (b"\xff\xfe", 400),
        ({}, 400),
        ({"id": 7}, 400),
        ({"id": "x" * 1000}, 400),
        ({"id": "a\nb"}, 400),
        ({"id": "e1"}, 400),
        ({"id": "e2", "charge": "c"}, 400),
        ({"id": "e3", "charge": {"id": "nobody/nothing", "amount_cents": 1}}, 404),
        ({"id": "e4", "charge": {"id": "", "amount_cents": 1}}, 400),
    ],
)
async def test_bad_messages_are_refused_with_a_sentence(company: Company, message: Any, status: int) -> None:
    answer = await company.post(PAYMENTS_PATH, message)
    assert answer.status_code == status
    assert answer.json()["message"]


async def test_the_endpoint_keeps_its_limits(company: Company) -> None:
    assert (await company.client.get(company.base + PAYMENTS_PATH)).status_code == 405
    assert (await company.client.post(company.base + "/elsewhere")).status_code == 404
    assert (await company.post(PAYMENTS_PATH, b"x" * 70_000)).status_code == 413
    port = int(company.base.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"this is no http\r\n\r\n")
    assert b"400" in await reader.readline()
    writer.close()
    assert (await company.post(PAYMENTS_PATH, {})).status_code == 400


async def test_carriers_tell_where_a_parcel_is(shop: Shop, company: Company) -> None:
    order = await shop.order(APPLE)
    ship = pb.ShipOrderRequest(
        actor=shop.merchant, idempotency_key=shop.key(), order_id=order.order_id, tracking_no="SF1234"
    )
    await shop.rpc.ShipOrder(ship)
    now = time.time()
    news = {"id": "c1", "tenant": shop.tenant, "tracking_no": "SF1234", "status": "out_for_delivery", "at": now - 60}
    assert (await company.post(CARRIER_PATH, news, secret=b"somebody else's key")).status_code == 401
    assert (await company.post(CARRIER_PATH, news, secret=WEBHOOK_SECRET)).status_code == 401
    assert (await company.post(CARRIER_PATH, news)).status_code == 200
    delivered = news | {"id": "c2", "status": "delivered", "description": "已由门卫签收", "at": now - 10}
    assert (await company.post(CARRIER_PATH, delivered)).status_code == 200
    before = counted("duplicate", "carrier")
    assert (await company.post(CARRIER_PATH, delivered)).status_code == 200
    assert counted("duplicate", "carrier") == before + 1
    late = news | {"id": "c3", "status": "in_transit", "at": now - 120}
    assert (await company.post(CARRIER_PATH, late)).status_code == 200
    there = await current(shop, order)
    assert (there.status, there.shipment.status, there.shipment.last_event) == (
        "delivered",
        "delivered",
        "已由门卫签收",
    )
    for bad, status in (
        ({"status": "lost"}, 400),
        ({"tracking_no": "XX"}, 404),
        ({"at": now + 9999}, 400),
        ({"at": "soon"}, 400),
        ({"tenant": "demo", "order_id": order.order_id}, 404),
    ):
        assert (await company.post(CARRIER_PATH, news | {"id": shop.key()} | bad)).status_code == status, bad


async def test_a_delivered_order_completes_by_itself(shop: Shop) -> None:
    order = await shop.order(APPLE)
    for request in (
        pb.ShipOrderRequest(actor=shop.merchant, idempotency_key=shop.key(), order_id=order.order_id),
        pb.RecordCarrierEventRequest(
            actor=shop.merchant, idempotency_key=shop.key(), order_id=order.order_id, status="delivered"
        ),
    ):
        name = type(request).__name__.removesuffix("Request")
        answer = await getattr(shop.rpc, name)(request)
    assert answer.status == "delivered"
    await shop.parts.settlement.sweep()
    assert (await current(shop, order)).status == "delivered"
    old = text("UPDATE orders SET delivered_at = now() - interval '11 days' WHERE order_id = :order_id")
    async with shop.parts.database.transaction(shop.tenant) as conn:
        await conn.execute(old, {"order_id": order.order_id})
    await shop.parts.settlement.sweep()
    assert (await current(shop, order)).status == "completed"
