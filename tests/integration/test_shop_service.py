"""The shop over gRPC on a real PostgreSQL: buying, paying, cancelling, refunds, and the merchant's side."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc import StatusCode
from grpc.aio import AioRpcError
from support.shop import Shop, refused

from voxcart.error_details import DETAILS_METADATA
from voxcart_api.shop.v1 import shop_pb2 as pb
from voxcart_services.shop.schema import metadata
from voxcart_services.shop.tenancy import SYSTEM

pytestmark = pytest.mark.integration
pytest_plugins = ("support.shop",)

APPLE = "新鲜红富士苹果"
MILK = "纯牛奶"


def stamp(moment: datetime) -> Timestamp:
    """A protobuf timestamp."""
    result = Timestamp()
    result.FromDatetime(moment)
    return result


async def test_a_purchase_from_cart_to_door(shop: Shop) -> None:
    before = (await shop.product(APPLE)).stock
    cart = await shop.add(APPLE, 2)
    assert [(line.product.name_zh, line.quantity) for line in cart.lines] == [(APPLE, 2)]
    assert cart.total.cents == 7800
    assert (await shop.product(APPLE)).stock == before
    checkout = pb.CheckoutRequest(actor=shop.shopper(), idempotency_key=shop.key(), expected_total_cents=7800)
    order = await shop.rpc.Checkout(checkout)
    assert (order.status, order.total.cents, order.address.label) == ("pending_payment", 7800, "家")
    assert len(order.order_id) >= 6
    assert not (await shop.rpc.GetCart(pb.GetCartRequest(actor=shop.shopper()))).lines
    assert (await shop.product(APPLE)).stock == before - 2
    paid = await shop.rpc.Pay(pb.PayRequest(actor=shop.shopper(), idempotency_key=shop.key(), method="alipay"))
    assert (paid.order_id, paid.status, paid.payment_method) == (order.order_id, "paid", "alipay")
    confirm = pb.ConfirmOrderRequest(actor=shop.merchant, idempotency_key=shop.key(), order_id=order.order_id)
    assert (await shop.rpc.ConfirmOrder(confirm)).status == "confirmed"
    ship = pb.ShipOrderRequest(
        actor=shop.merchant, idempotency_key=shop.key(), order_id=order.order_id, carrier="顺丰", tracking_no="SF8866"
    )
    shipped = await shop.rpc.ShipOrder(ship)
    assert (shipped.status, shipped.shipment.tracking_no) == ("shipped", "SF8866")
    assert (await shop.product(APPLE)).stock == before - 2
    await refused(
        shop.rpc.CancelOrder(
            pb.CancelOrderRequest(actor=shop.shopper(), idempotency_key=shop.key(), order_id=order.order_id)
        ),
        StatusCode.FAILED_PRECONDITION,
        "is shipped",
        "wrong_state",
    )


async def test_the_same_key_does_a_thing_once(shop: Shop) -> None:
    apple = await shop.product(APPLE)
    add = pb.AddToCartRequest(actor=shop.shopper(), idempotency_key="u/1/0", sku=apple.sku, quantity=2)
    first, again = await shop.rpc.AddToCart(add), await shop.rpc.AddToCart(add)
    assert not first.replayed
    assert again.replayed
    assert again.lines == first.lines
    add.quantity = 3
    await refused(shop.rpc.AddToCart(add), StatusCode.ABORTED, "another request")
    clear = pb.ClearCartRequest(actor=shop.shopper(), idempotency_key="u/1/0")
    await refused(shop.rpc.ClearCart(clear), StatusCode.ABORTED, "another request")
    checkout = pb.CheckoutRequest(actor=shop.shopper(), idempotency_key="u/2/0")
    order, replay = await shop.rpc.Checkout(checkout), await shop.rpc.Checkout(checkout)
    assert (replay.order_id, replay.replayed) == (order.order_id, True)
    pay = pb.PayRequest(actor=shop.shopper(), idempotency_key="u/3/0")
    paid, replay = await shop.rpc.Pay(pay), await shop.rpc.Pay(pay)
    assert (replay.order_id, replay.status, replay.replayed) == (paid.order_id, "paid", True)
    assert (await shop.product(APPLE)).stock == apple.stock - 2


async def test_another_persons_key_is_another_key(shop: Shop) -> None:
    apple = await shop.product(APPLE)
    for user in ("a", "b"):
        add = pb.AddToCartRequest(actor=shop.shopper(user), idempotency_key="same", sku=apple.sku, quantity=1)
        assert not (await shop.rpc.AddToCart(add)).replayed


async def test_a_refused_change_may_be_tried_again_under_its_key(shop: Shop) -> None:
    checkout = pb.CheckoutRequest(actor=shop.shopper(), idempotency_key="later")
    await refused(shop.rpc.Checkout(checkout), StatusCode.FAILED_PRECONDITION, "empty", "empty_cart")
    await shop.add(APPLE)
    assert (await shop.rpc.Checkout(checkout)).status == "pending_payment"


async def test_cart_lines_change_and_go(shop: Shop) -> None:
    await shop.add(APPLE, 1)
    await shop.add(MILK, 1)
    cart = await shop.add(APPLE, 2)
    assert [line.quantity for line in cart.lines] == [3, 1]
    update = pb.UpdateCartLineRequest(actor=shop.shopper(), idempotency_key=shop.key(), line_id=cart.lines[1].line_id)
    update.quantity = 5
    cart = await shop.rpc.UpdateCartLine(update)
    assert [line.quantity for line in cart.lines] == [3, 5]
    update.idempotency_key, update.quantity = shop.key(), 0
    assert [line.quantity for line in (await shop.rpc.UpdateCartLine(update)).lines] == [3]
    update.idempotency_key = shop.key()
    await refused(shop.rpc.UpdateCartLine(update), StatusCode.NOT_FOUND, "no line")
    clear = pb.ClearCartRequest(actor=shop.shopper(), idempotency_key=shop.key())
    assert not (await shop.rpc.ClearCart(clear)).lines


async def test_cancelling_gives_stock_and_money_back(shop: Shop) -> None:
    before = await shop.product(APPLE)
    order = await shop.order(APPLE, 3)
    assert (await shop.product(APPLE)).units_sold == before.units_sold + 3
    cancel = pb.CancelOrderRequest(actor=shop.shopper(), idempotency_key=shop.key(), order_id=order.order_id)
    cancelled = await shop.rpc.CancelOrder(cancel)
    assert cancelled.status == "cancelled"
    after = await shop.product(APPLE)
    assert (after.stock, after.units_sold) == (before.stock, before.units_sold)
    again = await shop.rpc.GetOrder(pb.GetOrderRequest(actor=shop.shopper(), order_id=order.order_id))
    assert (again.refund.status, again.refund.amount.cents) == ("refunded", order.total.cents)
    assert (await shop.rpc.CancelOrder(cancel)).replayed
    assert (await shop.product(APPLE)).stock == before.stock


async def test_a_declined_payment_leaves_the_order_waiting(shop: Shop) -> None:
    order = await shop.order(APPLE, paid=False)
    pay = pb.PayRequest(actor=shop.shopper(), idempotency_key=shop.key(), payment_token="tok_no_funds")
    for _ in range(2):
        await refused(shop.rpc.Pay(pay), StatusCode.FAILED_PRECONDITION, "not enough money", "declined")
    pay = pb.PayRequest(actor=shop.shopper(), idempotency_key=shop.key(), method="card")
    assert (await shop.rpc.Pay(pay)).order_id == order.order_id
    pay.idempotency_key = shop.key()
    await refused(shop.rpc.Pay(pay), StatusCode.FAILED_PRECONDITION, "no order waits", "nothing_to_pay")


async def test_refunds_are_asked_for_and_decided(shop: Shop) -> None:
    orders = await shop.rpc.ListOrders(pb.ListOrdersRequest(actor=shop.shopper(), statuses=["delivered"]))
    (order,) = orders.orders
    ask = pb.RequestRefundRequest(
        actor=shop.shopper(), idempotency_key=shop.key(), order_id=order.order_id, reason="尺码不合适"
    )
    refund = await shop.rpc.RequestRefund(ask)
    assert (refund.status, refund.reason, refund.amount.cents) == ("requested", "尺码不合适", order.total.cents)
    ask.idempotency_key = shop.key()
    await refused(shop.rpc.RequestRefund(ask), StatusCode.FAILED_PRECONDITION, "already", "refund_exists")
    waiting = await shop.rpc.ListRefunds(pb.ListRefundsRequest(actor=shop.merchant, statuses=["requested"]))
    assert {r.order_id for r in waiting.refunds} == {"123321", order.order_id}
    decide = pb.ProcessRefundRequest(
        actor=shop.merchant, idempotency_key=shop.key(), refund_id=refund.refund_id, approve=True
    )
    assert (await shop.rpc.ProcessRefund(decide)).status == "refunded"
    assert (await shop.rpc.ProcessRefund(decide)).status == "refunded"
    reject = pb.ProcessRefundRequest(
        actor=shop.merchant, idempotency_key=shop.key(), order_id="123321", approve=False, reason="已拆封"
    )
    rejected = await shop.rpc.ProcessRefund(reject)
    assert (rejected.status, rejected.decision_reason) == ("rejected", "已拆封")
    reject.idempotency_key = shop.key()
    await refused(shop.rpc.ProcessRefund(reject), StatusCode.FAILED_PRECONDITION, "rejected already")


async def test_an_exchange_keeps_the_money(shop: Shop) -> None:
    ask = pb.RequestRefundRequest(
        actor=shop.shopper(), idempotency_key=shop.key(), order_id="100198", reason="换大一号", exchange=True
    )
    refund = await shop.rpc.RequestRefund(ask)
    decide = pb.ProcessRefundRequest(
        actor=shop.merchant, idempotency_key=shop.key(), refund_id=refund.refund_id, approve=True
    )
    assert (await shop.rpc.ProcessRefund(decide)).status == "approved"


async def test_addresses(shop: Shop) -> None:
    known = await shop.rpc.ListAddresses(pb.ListAddressesRequest(actor=shop.shopper()))
    assert [(a.label, a.is_default) for a in known.addresses] == [("家", True), ("公司", False)]
    change = pb.ChangeAddressRequest(actor=shop.shopper(), idempotency_key=shop.key(), address="公司")
    assert (await shop.rpc.ChangeAddress(change)).is_default
    change = pb.ChangeAddressRequest(
        actor=shop.shopper(), idempotency_key=shop.key(), address="杭州市西湖区文三路1号", order_id="100245"
    )
    await shop.rpc.ChangeAddress(change)
    order = await shop.rpc.GetOrder(pb.GetOrderRequest(actor=shop.shopper(), order_id="100245"))
    assert order.address.text == "杭州市西湖区文三路1号"
    change.idempotency_key, change.order_id = shop.key(), "100236"
    await refused(shop.rpc.ChangeAddress(change), StatusCode.FAILED_PRECONDITION, "shipped", "wrong_state")


async def test_a_newcomer_needs_an_address_first(shop: Shop) -> None:
    await shop.add(APPLE, user_id="newcomer")
    checkout = pb.CheckoutRequest(actor=shop.shopper("newcomer"), idempotency_key="n/1")
    await refused(shop.rpc.Checkout(checkout), StatusCode.FAILED_PRECONDITION, "address", "no_address")
    change = pb.ChangeAddressRequest(actor=shop.shopper("newcomer"), idempotency_key="n/2", address="北京路1号")
    await shop.rpc.ChangeAddress(change)
    assert (await shop.rpc.Checkout(checkout)).address.text == "北京路1号"


async def test_the_price_that_was_read_out_must_hold(shop: Shop) -> None:
    await shop.add(APPLE, 1)
    apple = await shop.product(APPLE)
    dearer = pb.UpdateProductRequest(
        actor=shop.merchant, idempotency_key=shop.key(), sku=apple.sku, price=pb.Change(add=100)
    )
    assert (await shop.rpc.UpdateProduct(dearer)).price_before_cents == 3900
    checkout = pb.CheckoutRequest(actor=shop.shopper(), idempotency_key=shop.key(), expected_total_cents=3900)
    await refused(shop.rpc.Checkout(checkout), StatusCode.FAILED_PRECONDITION, "4000 cents", "price_changed")


async def test_the_merchant_changes_prices_and_stock(shop: Shop) -> None:
    apple = await shop.product(APPLE)

    async def update(**change: Any) -> pb.UpdateProductResponse:
        request = pb.UpdateProductRequest(actor=shop.merchant, idempotency_key=shop.key(), sku=apple.sku, **change)
        return await shop.rpc.UpdateProduct(request)

    assert (await update(price=pb.Change(set=3500))).product.price.cents == 3500
    assert (await update(price=pb.Change(percent=80))).product.price.cents == 2800
    assert (await update(stock=pb.Change(add=100))).product.stock == apple.stock + 100
    assert (await update(stock=pb.Change(set=5))).stock_before == apple.stock + 100
    await refused(update(stock=pb.Change(subtract=6)), StatusCode.INVALID_ARGUMENT, "stock")
    await refused(update(price=pb.Change(subtract=99_999)), StatusCode.INVALID_ARGUMENT, "price")
    await refused(update(price=pb.Change(percent=float("nan"))), StatusCode.INVALID_ARGUMENT, "finite")
    await refused(update(), StatusCode.INVALID_ARGUMENT, "nothing to change")
    dress = await shop.product("连衣裙")
    total = sum(v.stock for v in dress.variants)
    request = pb.UpdateProductRequest(actor=shop.merchant, idempotency_key=shop.key(), sku=dress.sku)
    request.stock.subtract = total - 1
    assert (await shop.rpc.UpdateProduct(request)).product.stock == 1


async def test_a_new_product_is_found_at_once_and_a_delisted_one_no_more(shop: Shop) -> None:
    new = pb.AddProductRequest(
        actor=shop.merchant, idempotency_key=shop.key(), name="星空投影蓝牙耳机", price_cents=19_900, stock=500
    )
    product = await shop.rpc.AddProduct(new)
    assert (product.kind, product.category, product.stock) == ("蓝牙耳机", "影音耳机", 500)
    assert (await shop.find("星空投影蓝牙耳机"))[0].sku == product.sku
    assert product.sku in {p.sku for p in await shop.find("耳机")}
    twin = pb.AddProductRequest(
        actor=shop.merchant, idempotency_key=shop.key(), name="星空投影蓝牙耳机", price_cents=100, stock=1
    )
    await refused(shop.rpc.AddProduct(twin), StatusCode.FAILED_PRECONDITION, "on sale already", "name_taken")
    banana = await shop.product("海南香蕉")
    delist = pb.DelistProductRequest(actor=shop.merchant, idempotency_key=shop.key(), sku=banana.sku)
    assert (await shop.rpc.DelistProduct(delist)).delisted
    assert "海南香蕉" not in {p.name_zh for p in await shop.find("香蕉")}
    add = pb.AddToCartRequest(actor=shop.shopper(), idempotency_key=shop.key(), sku=banana.sku, quantity=1)
    await refused(shop.rpc.AddToCart(add), StatusCode.FAILED_PRECONDITION, "no longer sold", "delisted")


async def test_reports_add_up(shop: Shop) -> None:
    now = datetime.now(UTC)
    period = {"from": stamp(now - timedelta(days=40)), "to": stamp(now + timedelta(minutes=1))}
    whole = await shop.rpc.SalesReport(pb.SalesReportRequest(actor=shop.merchant, top=3, **period))
    assert whole.amount.cents > 0
    assert whole.previous_amount.cents > 0
    assert 3.5 < whole.rating < 5
    assert len(whole.best_sellers) == 3
    units = [sold.units for sold in whole.best_sellers]
    assert units == sorted(units, reverse=True)
    apple = await shop.product(APPLE)
    before = await shop.rpc.SalesReport(pb.SalesReportRequest(actor=shop.merchant, sku=apple.sku, **period))
    order = await shop.order(APPLE, 2)
    period["to"] = stamp(datetime.now(UTC) + timedelta(minutes=1))
    after = await shop.rpc.SalesReport(pb.SalesReportRequest(actor=shop.merchant, sku=apple.sku, **period))
    assert (after.units - before.units, after.amount.cents - before.amount.cents) == (2, 7800)
    assert after.orders == before.orders + 1
    cancel = pb.CancelOrderRequest(actor=shop.shopper(), idempotency_key=shop.key(), order_id=order.order_id)
    await shop.rpc.CancelOrder(cancel)
    undone = await shop.rpc.SalesReport(pb.SalesReportRequest(actor=shop.merchant, sku=apple.sku, **period))
    assert undone.amount.cents == before.amount.cents
    fruit = await shop.rpc.SalesReport(pb.SalesReportRequest(actor=shop.merchant, category="水果", **period))
    assert before.amount.cents <= fruit.amount.cents < whole.amount.cents


async def test_what_the_merchant_has_to_do(shop: Shop) -> None:
    todo = pb.ListShopOrdersRequest(actor=shop.merchant, statuses=["paid", "confirmed"], page_size=100)
    orders = (await shop.rpc.ListShopOrders(todo)).orders
    assert {"123456", "123457", "123460", "123461", "100245"} <= {order.order_id for order in orders}
    low = await shop.rpc.ListLowStock(pb.ListLowStockRequest(actor=shop.merchant, threshold=5, page_size=50))
    assert low.total >= 3
    assert all(product.stock <= 5 for product in low.products)
    reviews = await shop.rpc.ReviewSummary(pb.ReviewSummaryRequest(actor=shop.merchant))
    assert reviews.count > 500
    assert 3.5 < reviews.mean_stars < 5
    assert reviews.praised
    assert reviews.blamed
    worst = await shop.rpc.ReviewSummary(pb.ReviewSummaryRequest(actor=shop.merchant, max_stars=2))
    assert all(review.stars <= 2 for review in worst.examples)


def _merchant_calls(shop: Shop, actor: pb.Actor) -> list[Callable[[], Awaitable[Any]]]:
    rpc, key = shop.rpc, shop.key()
    sku, order = "FR0001", "123456"
    period = {"from": stamp(datetime(2026, 1, 1, tzinfo=UTC)), "to": stamp(datetime(2026, 2, 1, tzinfo=UTC))}
    change = pb.Change(set=1)
    return [
        lambda: rpc.AddProduct(
            pb.AddProductRequest(actor=actor, idempotency_key=key, name="x", price_cents=1, stock=1)
        ),
        lambda: rpc.UpdateProduct(
            pb.UpdateProductRequest(actor=actor, idempotency_key=key + "1", sku=sku, price=change)
        ),
        lambda: rpc.DelistProduct(pb.DelistProductRequest(actor=actor, idempotency_key=key + "2", sku=sku)),
        lambda: rpc.ListLowStock(pb.ListLowStockRequest(actor=actor)),
        lambda: rpc.ListShopOrders(pb.ListShopOrdersRequest(actor=actor)),
        lambda: rpc.ConfirmOrder(pb.ConfirmOrderRequest(actor=actor, idempotency_key=key + "3", order_id=order)),
        lambda: rpc.ShipOrder(pb.ShipOrderRequest(actor=actor, idempotency_key=key + "4", order_id=order)),
        lambda: rpc.ListRefunds(pb.ListRefundsRequest(actor=actor)),
        lambda: rpc.ProcessRefund(
            pb.ProcessRefundRequest(actor=actor, idempotency_key=key + "5", order_id="123321", approve=True)
        ),
        lambda: rpc.SalesReport(pb.SalesReportRequest(actor=actor, **period)),
    ]


async def test_a_shopper_does_no_merchants_work(shop: Shop) -> None:
    for call in _merchant_calls(shop, shop.shopper()):
        await refused(call(), StatusCode.PERMISSION_DENIED, "merchant")


async def test_a_shopper_sees_no_other_persons_orders(shop: Shop) -> None:
    get = pb.GetOrderRequest(actor=shop.shopper(), order_id="123456")
    await refused(shop.rpc.GetOrder(get), StatusCode.NOT_FOUND, "123456")
    get.actor.CopyFrom(shop.merchant)
    assert (await shop.rpc.GetOrder(get)).order_id == "123456"


async def test_tenants_are_apart(shop: Shop) -> None:
    await shop.add(APPLE, 2)
    other = pb.Actor(user_id="demo-shopper")
    assert not (await shop.rpc.GetCart(pb.GetCartRequest(actor=other))).lines
    order = await shop.order(APPLE)
    await refused(
        shop.rpc.GetOrder(pb.GetOrderRequest(actor=other, order_id=order.order_id)), StatusCode.NOT_FOUND, "order"
    )


async def test_demo_tenants_are_made_once_and_dated(shop: Shop) -> None:
    make = pb.CreateDemoTenantRequest(tenant="demo~dated")
    make.now.FromDatetime(datetime(2025, 5, 5, 4, 0))
    made = await shop.rpc.CreateDemoTenant(make)
    await refused(shop.rpc.CreateDemoTenant(make), StatusCode.ALREADY_EXISTS, "demo~dated")
    actor = pb.Actor(tenant="demo~dated", user_id=made.shopper_user_id)
    paid = await shop.rpc.ListOrders(pb.ListOrdersRequest(actor=actor, statuses=["paid"]))
    (order,) = paid.orders
    assert order.created_at.ToDatetime(UTC).date() == datetime(2025, 5, 4).date()
    drop = pb.DropDemoTenantRequest(tenant="demo~dated")
    await shop.rpc.DropDemoTenant(drop)
    await refused(shop.rpc.DropDemoTenant(drop), StatusCode.NOT_FOUND, "demo~dated")
    await refused(shop.rpc.DropDemoTenant(pb.DropDemoTenantRequest(tenant="demo")), StatusCode.INVALID_ARGUMENT, "demo")
    await refused(
        shop.rpc.CreateDemoTenant(pb.CreateDemoTenantRequest(tenant=".x")), StatusCode.INVALID_ARGUMENT, "dot"
    )


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        ({"idempotency_key": ""}, StatusCode.INVALID_ARGUMENT, "idempotency_key"),
        ({"idempotency_key": "k" * 201}, StatusCode.INVALID_ARGUMENT, "idempotency_key"),
        ({"idempotency_key": "a\nb"}, StatusCode.INVALID_ARGUMENT, "idempotency_key"),
        ({"sku": "NOPE"}, StatusCode.NOT_FOUND, "NOPE"),
        ({"sku": "x" * 10_000}, StatusCode.INVALID_ARGUMENT, "sku"),
        ({"sku": "'; DROP TABLE products; --"}, StatusCode.NOT_FOUND, "DROP"),
        ({"sku": "a\x00b"}, StatusCode.INVALID_ARGUMENT, "control"),
        ({"quantity": 0}, StatusCode.INVALID_ARGUMENT, "quantity"),
        ({"quantity": -3}, StatusCode.INVALID_ARGUMENT, "quantity"),
        ({"quantity": 2**62}, StatusCode.INVALID_ARGUMENT, "quantity"),
        ({"quantity": 999}, StatusCode.FAILED_PRECONDITION, "only"),
        ({"variant_id": "plaid"}, StatusCode.NOT_FOUND, "plaid"),
        ({"actor": pb.Actor(user_id="")}, StatusCode.INVALID_ARGUMENT, "user_id"),
        ({"actor": pb.Actor(user_id="u" * 200)}, StatusCode.INVALID_ARGUMENT, "user_id"),
        ({"actor": pb.Actor(tenant="nowhere", user_id="u")}, StatusCode.NOT_FOUND, "nowhere"),
    ],
)
async def test_bad_input_is_refused_with_a_sentence(
    seeded_shop: Shop, fields: dict[str, Any], code: StatusCode, words: str
) -> None:
    good: dict[str, Any] = {
        "actor": seeded_shop.shopper("careless"),
        "idempotency_key": seeded_shop.key(),
        "sku": "FR0001",
        "quantity": 1,
    }
    await refused(seeded_shop.rpc.AddToCart(pb.AddToCartRequest(**good | fields)), code, words)
    cart = await seeded_shop.rpc.GetCart(pb.GetCartRequest(actor=seeded_shop.shopper("careless")))
    assert not cart.lines


async def test_more_bad_input(seeded_shop: Shop) -> None:
    rpc, shopper, key = seeded_shop.rpc, seeded_shop.shopper(), seeded_shop.key
    bad = StatusCode.INVALID_ARGUMENT
    pay = pb.PayRequest(actor=shopper, idempotency_key=key(), order_id="100245", method="shells")
    await refused(rpc.Pay(pay), bad, "payment method")
    await refused(rpc.ListOrders(pb.ListOrdersRequest(actor=shopper, statuses=["lost"])), bad, "an order is")
    await refused(rpc.ListOrders(pb.ListOrdersRequest(actor=shopper, page_size=1000)), bad, "page_size")
    await refused(rpc.GetOrder(pb.GetOrderRequest(actor=shopper, order_id="0")), StatusCode.NOT_FOUND, "0")
    change = pb.ChangeAddressRequest(actor=shopper, idempotency_key=key(), address=" ")
    await refused(rpc.ChangeAddress(change), bad, "address")
    report = pb.SalesReportRequest(actor=seeded_shop.merchant)
    await refused(rpc.SalesReport(report), bad, "required")
    cancel = pb.CancelOrderRequest(actor=shopper, idempotency_key=key(), order_id="100236", reason="x" * 501)
    await refused(rpc.CancelOrder(cancel), bad, "reason")
    update = pb.UpdateProductRequest(
        actor=seeded_shop.merchant, idempotency_key=key(), sku="FR0001", price=pb.Change(set=2**62)
    )
    await refused(rpc.UpdateProduct(update), bad, "price")


async def _details_of(call: Awaitable[Any]) -> dict[str, Any]:
    """The details of a call that fails, by their kind."""
    with pytest.raises(AioRpcError) as failure:
        await call
    status = Status.FromString(dict(failure.value.trailing_metadata())[DETAILS_METADATA])
    assert status.code == failure.value.code().value[0]
    assert status.message == failure.value.details()
    kinds = {kind.DESCRIPTOR.full_name: kind for kind in (BadRequest, ErrorInfo, RetryInfo)}
    details = {}
    for packed in status.details:
        message = kinds[packed.type_url.rpartition("/")[2]]()
        packed.Unpack(message)
        details[type(message).__name__] = message
    return details


async def test_errors_have_details_for_programs(seeded_shop: Shop) -> None:
    actor = seeded_shop.shopper("careless")
    add = pb.AddToCartRequest(actor=actor, idempotency_key=seeded_shop.key(), sku="FR0001", quantity=-1)
    bad = await _details_of(seeded_shop.rpc.AddToCart(add))
    assert [v.field for v in bad["BadRequest"].field_violations] == ["quantity"]
    assert (bad["ErrorInfo"].reason, bad["ErrorInfo"].domain) == ("INVALID_ARGUMENT", "voxcart")
    assert "RetryInfo" not in bad
    add.quantity = 999
    gone = await _details_of(seeded_shop.rpc.AddToCart(add))
    assert gone["ErrorInfo"].reason == "OUT_OF_STOCK"
    assert "BadRequest" not in gone
    too_long = pb.GetProductRequest(actor=actor, sku="x" * 500)
    assert (await _details_of(seeded_shop.rpc.GetProduct(too_long)))["BadRequest"].field_violations[0].field == "sku"


async def test_lists_come_in_pages(seeded_shop: Shop) -> None:
    async def pages(method: Any, request: Any, field: str) -> list[Any]:
        found: list[Any] = []
        while True:
            answer = await method(request)
            found += getattr(answer, field)
            request.page_token = answer.next_page_token
            if not request.page_token:
                assert len(found) == answer.total
                return found

    merchant = seeded_shop.merchant
    low = pb.ListLowStockRequest(actor=merchant, threshold=100, page_size=20)
    skus = [product.sku for product in await pages(seeded_shop.rpc.ListLowStock, low, "products")]
    refunds = pb.ListRefundsRequest(actor=merchant, page_size=7)
    ids = [refund.refund_id for refund in await pages(seeded_shop.rpc.ListRefunds, refunds, "refunds")]
    assert len(skus) == len(set(skus)) > 20
    assert len(ids) == len(set(ids)) > 7
    for bad in ("x", "-1", "9" * 9):
        request = pb.ListRefundsRequest(actor=merchant, page_token=bad)
        await refused(seeded_shop.rpc.ListRefunds(request), StatusCode.INVALID_ARGUMENT, "page_token")


async def test_the_migrations_make_the_schema(seeded_shop: Shop) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    def compare(connection: Any) -> list[Any]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return compare_metadata(context, metadata)

    async with seeded_shop.parts.database.transaction(SYSTEM) as conn:
        assert await conn.run_sync(compare) == []
