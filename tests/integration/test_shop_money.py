"""Coupons and quotes, partial refunds and returns: what is paid and given back, to the cent."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from grpc import StatusCode
from sqlalchemy import text
from support.shop import Shop, refused

from voxcart_api.shop.v1 import shop_pb2 as pb
from voxcart_services.shop.tenants import SEEDED_COUPONS

pytestmark = pytest.mark.integration
pytest_plugins = ("support.shop",)

APPLE = "新鲜红富士苹果"
MILK = "纯牛奶"
SEEDED = sorted(coupon["code"] for coupon in SEEDED_COUPONS)


async def add_coupon(shop: Shop, **fields: Any) -> pb.Coupon:
    """Puts a coupon out as the merchant."""
    coupon = pb.Coupon(**fields)
    return await shop.rpc.AddCoupon(pb.AddCouponRequest(actor=shop.merchant, idempotency_key=shop.key(), coupon=coupon))


async def checkout(shop: Shop, **fields: Any) -> pb.Order:
    """Checks the demo shopper's cart out."""
    return await shop.rpc.Checkout(pb.CheckoutRequest(actor=shop.shopper(), idempotency_key=shop.key(), **fields))


async def quote(shop: Shop, coupon_code: str = "") -> pb.Quote:
    """What the demo shopper's cart costs."""
    return await shop.rpc.GetQuote(pb.GetQuoteRequest(actor=shop.shopper(), coupon_code=coupon_code))


async def pay(shop: Shop, order: pb.Order) -> pb.Order:
    """Pays for an order."""
    request = pb.PayRequest(actor=shop.shopper(), idempotency_key=shop.key(), order_id=order.order_id)
    return await shop.rpc.Pay(request)


async def ask(shop: Shop, order: pb.Order, *lines: tuple[int, int], **fields: Any) -> pb.Refund:
    """Asks for money back; lines are (line_no, quantity)."""
    wanted = [pb.RefundLine(line_no=line_no, quantity=quantity) for line_no, quantity in lines]
    request = pb.RequestRefundRequest(
        actor=shop.shopper(), idempotency_key=shop.key(), order_id=order.order_id, lines=wanted, **fields
    )
    return await shop.rpc.RequestRefund(request)


async def decide(shop: Shop, refund: pb.Refund, *, approve: bool = True, **fields: Any) -> pb.Refund:
    """The merchant decides."""
    request = pb.ProcessRefundRequest(
        actor=shop.merchant, idempotency_key=shop.key(), refund_id=refund.refund_id, approve=approve, **fields
    )
    return await shop.rpc.ProcessRefund(request)


async def current(shop: Shop, order: pb.Order) -> pb.Order:
    """The order as it is now."""
    return await shop.rpc.GetOrder(pb.GetOrderRequest(actor=shop.shopper(), order_id=order.order_id))


async def ship(shop: Shop, order: pb.Order) -> pb.Order:
    """The merchant ships an order."""
    request = pb.ShipOrderRequest(actor=shop.merchant, idempotency_key=shop.key(), order_id=order.order_id)
    return await shop.rpc.ShipOrder(request)


async def test_a_coupon_reduces_quote_and_order_alike(shop: Shop) -> None:
    await add_coupon(shop, code="满100减15", cents_off=1500, threshold_cents=10_000, per_user_limit=1)
    await shop.add(APPLE, 2)
    await refused(quote(shop, "满100减15"), StatusCode.FAILED_PRECONDITION, "10000", "coupon_threshold")
    await shop.add(MILK, 1)
    asked = await quote(shop, "满100减15")
    assert (asked.subtotal.cents, asked.discount.cents, asked.total.cents) == (14_300, 1500, 12_800)
    assert sum(line.discount.cents for line in asked.lines) == 1500
    order = await checkout(shop, coupon_code="满100减15", expected_total_cents=12_800)
    assert (order.total.cents, order.discount.cents, order.coupon_code) == (12_800, 1500, "满100减15")
    assert (await pay(shop, order)).payment.captured.cents == 12_800
    await shop.add(MILK, 4)
    await refused(quote(shop, "满100减15"), StatusCode.FAILED_PRECONDITION, "as often", "coupon_used_up")
    cancel = pb.CancelOrderRequest(actor=shop.shopper(), idempotency_key=shop.key(), order_id=order.order_id)
    cancelled = await shop.rpc.CancelOrder(cancel)
    assert cancelled.refund.amount.cents == 12_800
    assert (await quote(shop, "满100减15")).discount.cents == 1500


async def test_percentages_have_a_most_and_periods_an_end(shop: Shop) -> None:
    now = datetime.now(UTC)
    await add_coupon(shop, code="fifth", percent_off=20, max_discount_cents=500)
    ended = pb.Coupon(code="ended", percent_off=20)
    ended.expires_at.FromDatetime(now - timedelta(minutes=1))
    later = pb.Coupon(code="later", percent_off=20)
    later.starts_at.FromDatetime(now + timedelta(minutes=1))
    for coupon in (ended, later):
        add = pb.AddCouponRequest(actor=shop.merchant, idempotency_key=shop.key(), coupon=coupon)
        await shop.rpc.AddCoupon(add)
    await shop.add(APPLE, 1)
    assert (await quote(shop, " FIFTH ")).discount.cents == 500
    await refused(quote(shop, "ended"), StatusCode.FAILED_PRECONDITION, "expired", "coupon_expired")
    await refused(quote(shop, "later"), StatusCode.FAILED_PRECONDITION, "yet", "coupon_not_valid")
    await refused(quote(shop, "none"), StatusCode.NOT_FOUND, "NONE")
    await refused(quote(shop, "no such!"), StatusCode.INVALID_ARGUMENT, "letters")
    mine = await shop.rpc.ListCoupons(pb.ListCouponsRequest(actor=shop.shopper()))
    assert [c.code for c in mine.coupons] == ["FIFTH", *SEEDED]
    pages = [await shop.rpc.ListCoupons(pb.ListCouponsRequest(actor=shop.merchant, page_size=2))]
    more = pb.ListCouponsRequest(actor=shop.merchant, page_size=2, page_token=pages[0].next_page_token)
    pages.append(await shop.rpc.ListCoupons(more))
    assert [c.code for page in pages for c in page.coupons] == ["ENDED", "FIFTH", "LATER", SEEDED[0]]


async def test_the_demo_shop_has_coupons_to_show(shop: Shop) -> None:
    await shop.add(APPLE, 2)
    first = await checkout(shop, coupon_code="新人立减10")
    assert (first.discount.cents, first.total.cents) == (1000, 6800)
    await shop.add(APPLE, 2)
    await refused(checkout(shop, coupon_code="新人立减10"), StatusCode.FAILED_PRECONDITION, reason="coupon_used_up")
    await refused(quote(shop, "满300减40"), StatusCode.FAILED_PRECONDITION, reason="coupon_threshold")
    await shop.add(MILK, 4)
    assert (await quote(shop, "满300减40")).discount.cents == 4000


@pytest.mark.parametrize(
    "fields",
    [
        {"code": "x"},
        {"code": "", "percent_off": 10},
        {"code": "x", "percent_off": 0},
        {"code": "x", "percent_off": 100},
        {"code": "x", "cents_off": -5},
        {"code": "x", "cents_off": 2**62},
        {"code": "x", "cents_off": 5, "threshold_cents": -1},
        {"code": "x", "cents_off": 5, "per_user_limit": -1},
        {"code": "x" * 40, "cents_off": 5},
    ],
)
async def test_coupons_that_cannot_be_are_refused(seeded_shop: Shop, fields: dict[str, Any]) -> None:
    await refused(add_coupon(seeded_shop, **fields), StatusCode.INVALID_ARGUMENT)


async def test_a_coupon_is_the_merchants_and_its_code_taken_once(shop: Shop) -> None:
    await add_coupon(shop, code="once", cents_off=100)
    await refused(add_coupon(shop, code="ONCE", cents_off=200), StatusCode.ALREADY_EXISTS, "ONCE")
    mine = pb.AddCouponRequest(
        actor=shop.shopper(), idempotency_key=shop.key(), coupon=pb.Coupon(code="mine", percent_off=99)
    )
    await refused(shop.rpc.AddCoupon(mine), StatusCode.PERMISSION_DENIED, "merchant")


async def test_a_quote_holds_its_prices_once_and_for_a_while(shop: Shop) -> None:
    await shop.add(APPLE, 2)
    asked = await quote(shop)
    apple = await shop.product(APPLE)
    dearer = pb.UpdateProductRequest(
        actor=shop.merchant, idempotency_key=shop.key(), sku=apple.sku, price=pb.Change(add=100)
    )
    await shop.rpc.UpdateProduct(dearer)
    order = await checkout(shop, quote_id=asked.quote_id)
    assert (order.total.cents, order.lines[0].unit_price.cents) == (7800, 3900)
    await shop.add(APPLE, 2)
    await refused(checkout(shop, quote_id=asked.quote_id), StatusCode.FAILED_PRECONDITION, "was used", "quote_used")
    second = await quote(shop)
    await shop.add(MILK, 1)
    await refused(
        checkout(shop, quote_id=second.quote_id), StatusCode.FAILED_PRECONDITION, "not the one", "quote_changed"
    )
    third = await quote(shop)
    async with shop.parts.database.transaction(shop.tenant) as conn:
        await conn.execute(text("UPDATE quotes SET expires_at = now()"))
    await refused(checkout(shop, quote_id=third.quote_id), StatusCode.FAILED_PRECONDITION, "expired", "quote_expired")
    await refused(checkout(shop, quote_id="nothing"), StatusCode.NOT_FOUND, "nothing")
    both = checkout(shop, quote_id=third.quote_id, coupon_code="x")
    await refused(both, StatusCode.INVALID_ARGUMENT, "not both")
    stranger = pb.CheckoutRequest(actor=shop.shopper("b"), idempotency_key="b/1", quote_id=third.quote_id)
    await shop.add(APPLE, 1, "b")
    change = pb.ChangeAddressRequest(actor=shop.shopper("b"), idempotency_key="b/2", address="某路1号")
    await shop.rpc.ChangeAddress(change)
    await refused(shop.rpc.Checkout(stranger), StatusCode.NOT_FOUND, "quote")


async def test_an_order_is_refunded_in_parts_and_never_over(shop: Shop) -> None:
    await add_coupon(shop, code="off", cents_off=1000)
    await shop.add(APPLE, 3)
    await shop.add(MILK, 1)
    order = await pay(shop, await checkout(shop, coupon_code="off"))
    assert order.total.cents == 3 * 3900 + 6500 - 1000
    order = await ship(shop, order)
    first = await ask(shop, order, (1, 1))
    assert [(line.line_no, line.quantity) for line in first.lines] == [(1, 1)]
    refused_again = ask(shop, order, (2, 1))
    await refused(refused_again, StatusCode.FAILED_PRECONDITION, "already", "refund_exists")
    assert (await decide(shop, first)).status == "refunded"
    second = await decide(shop, await ask(shop, order, (1, 2)), amount_cents=1000)
    assert (second.status, second.amount.cents) == ("refunded", 1000)
    await refused(ask(shop, order, (1, 1)), StatusCode.FAILED_PRECONDITION, "only 0", "too_much")
    third = await decide(shop, await ask(shop, order, amount_cents=500))
    assert (third.amount.cents, list(third.lines)) == (500, [])
    left = order.total.cents - first.amount.cents - 1500
    await refused(ask(shop, order, amount_cents=left + 1), StatusCode.FAILED_PRECONDITION, str(left), "too_much")
    rest = await decide(shop, await ask(shop, order))
    assert rest.amount.cents == left
    await refused(ask(shop, order), StatusCode.FAILED_PRECONDITION, "no money left", "refund_exists")
    after = await current(shop, order)
    assert after.payment.refunded.cents == after.payment.captured.cents == order.total.cents
    assert after.refunds[0].refund_id == rest.refund_id
    held = text("SELECT sum(cents) FROM ledger WHERE order_id = :order_id")
    async with shop.parts.database.transaction(shop.tenant) as conn:
        assert (await conn.execute(held, {"order_id": order.order_id})).scalar_one() == 0


async def test_reports_count_what_was_kept(shop: Shop) -> None:
    apple = await shop.product(APPLE)
    since, until = datetime.now(UTC) - timedelta(minutes=1), datetime.now(UTC) + timedelta(hours=1)

    async def sales() -> tuple[int, int, int]:
        request = pb.SalesReportRequest(actor=shop.merchant, sku=apple.sku)
        getattr(request, "from").FromDatetime(since)
        request.to.FromDatetime(until)
        report = await shop.rpc.SalesReport(request)
        return report.amount.cents, report.units, report.orders

    order = await shop.order(APPLE, 3)
    assert await sales() == (3 * 3900, 3, 1)
    await decide(shop, await ask(shop, order, (1, 1)))
    assert await sales() == (2 * 3900, 2, 1)
    await decide(shop, await ask(shop, order))
    assert await sales() == (0, 0, 0)


@pytest.mark.parametrize(
    ("lines", "fields", "words"),
    [
        ([(9, 1)], {}, "no line 9"),
        ([(1, 0)], {}, "quantity"),
        ([(1, -1)], {}, "quantity"),
        ([(1, 1), (1, 1)], {}, "twice"),
        ([], {"amount_cents": 0}, "amount"),
        ([], {"amount_cents": -5}, "amount"),
    ],
)
async def test_refunds_that_cannot_be_are_refused(
    seeded_shop: Shop, lines: list[tuple[int, int]], fields: dict[str, Any], words: str
) -> None:
    order = pb.Order(order_id="100198")
    await refused(ask(seeded_shop, order, *lines, **fields), StatusCode.INVALID_ARGUMENT, words)


async def test_units_refunded_before_shipping_are_free_again_and_not_shipped(shop: Shop) -> None:
    before = await shop.product(APPLE)
    order = await shop.order(APPLE, 3)
    await decide(shop, await ask(shop, order, (1, 2)))
    after = await shop.product(APPLE)
    assert (after.stock, after.units_sold) == (before.stock - 1, before.units_sold + 1)
    assert (await current(shop, order)).status == "paid"
    await ship(shop, order)
    reserved = text("SELECT sum(reserved) FROM stock WHERE sku = :sku")
    waiting = text(
        "SELECT coalesce(sum(quantity), 0) FROM order_lines JOIN orders USING (tenant, order_id) "
        "WHERE sku = :sku AND status IN ('paid', 'confirmed')"
    )
    async with shop.parts.database.transaction(shop.tenant) as conn:
        held = (await conn.execute(reserved, {"sku": before.sku})).scalar_one()
        assert held == (await conn.execute(waiting, {"sku": before.sku})).scalar_one()
    second = await shop.order(APPLE, 2)
    await decide(shop, await ask(shop, second, (1, 2)))
    ended = await current(shop, second)
    assert (ended.status, ended.payment.refunded.cents) == ("cancelled", second.total.cents)


async def test_money_of_goods_that_are_sent_back_waits_for_them(shop: Shop) -> None:
    order = await shop.order(APPLE, 2)
    await refused(ask(shop, order, send_back=True), StatusCode.FAILED_PRECONDITION, "sent back", "wrong_state")
    await ship(shop, order)
    stock = (await shop.product(APPLE)).stock
    refund = await ask(shop, order, (1, 1), send_back=True, reason="有一个坏了")
    assert refund.return_id
    send = pb.SendReturnRequest(
        actor=shop.shopper(), idempotency_key=shop.key(), return_id=refund.return_id, carrier="中通", tracking_no="ZT1"
    )
    await refused(shop.rpc.SendReturn(send), StatusCode.FAILED_PRECONDITION, "requested", "wrong_state")
    assert (await decide(shop, refund)).status == "approved"
    await shop.parts.settlement.sweep()
    assert (await current(shop, order)).refund.status == "approved"
    send.actor.user_id = "somebody-else"
    await refused(shop.rpc.SendReturn(send), StatusCode.NOT_FOUND, refund.return_id)
    send.actor.user_id = "demo-shopper"
    assert (await shop.rpc.SendReturn(send)).status == "sent"
    receive = pb.ReceiveReturnRequest(
        actor=shop.shopper(), idempotency_key=shop.key(), return_id=refund.return_id, restock=True
    )
    await refused(shop.rpc.ReceiveReturn(receive), StatusCode.PERMISSION_DENIED, "merchant")
    receive.actor.CopyFrom(shop.merchant)
    assert (await shop.rpc.ReceiveReturn(receive)).status == "received"
    assert (await shop.rpc.ReceiveReturn(receive)).replayed
    done = await current(shop, order)
    assert (done.refund.status, done.returns[0].status, done.returns[0].tracking_no) == ("refunded", "received", "ZT1")
    assert done.payment.refunded.cents == 3900
    assert (await shop.product(APPLE)).stock == stock + 1


async def test_an_order_too_large_for_money_is_refused(shop: Shop) -> None:
    apple = await shop.product(APPLE)
    change = pb.UpdateProductRequest(
        actor=shop.merchant, idempotency_key=shop.key(), sku=apple.sku, price=pb.Change(set=10_000_000_000)
    )
    change.stock.set = 900
    await shop.rpc.UpdateProduct(change)
    await shop.add(APPLE, 2)
    for call in (quote(shop), checkout(shop)):
        await refused(call, StatusCode.FAILED_PRECONDITION, "too large", "too_large")
