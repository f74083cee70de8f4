"""Bad input around orders and money: what cannot be is refused with a sentence, and nothing is lost by it."""

import asyncio
from typing import Any

import grpc
import pytest
from grpc import StatusCode
from sqlalchemy import text
from support.shop import Shop, refused

from voxcart_api.shop.v1 import shop_pb2 as pb

pytestmark = pytest.mark.integration
pytest_plugins = ("support.shop",)

APPLE = "新鲜红富士苹果"
MILK = "纯牛奶"
HUGE = 2**63 - 1
MOST_CENTS = 10_000_000_000


async def checkout(shop: Shop, **fields: Any) -> pb.Order:
    """Checks the demo shopper's cart out."""
    return await shop.rpc.Checkout(pb.CheckoutRequest(actor=shop.shopper(), idempotency_key=shop.key(), **fields))


async def update(shop: Shop, sku: str, **changes: pb.Change) -> pb.UpdateProductResponse:
    """Changes a product as the merchant."""
    request = pb.UpdateProductRequest(actor=shop.merchant, idempotency_key=shop.key(), sku=sku, **changes)
    return await shop.rpc.UpdateProduct(request)


@pytest.mark.parametrize(
    "changes",
    [
        {"price": pb.Change(add=HUGE)},
        {"price": pb.Change(subtract=HUGE)},
        {"price": pb.Change(set=-HUGE)},
        {"price": pb.Change(set=MOST_CENTS + 1)},
        {"price": pb.Change(percent=1e300)},
        {"price": pb.Change(percent=float("nan"))},
        {"price": pb.Change(percent=float("inf"))},
        {"stock": pb.Change(add=HUGE)},
        {"stock": pb.Change(subtract=HUGE)},
        {"stock": pb.Change(percent=-1.0)},
    ],
)
async def test_prices_and_stocks_that_cannot_be_are_refused(seeded_shop: Shop, changes: dict[str, pb.Change]) -> None:
    before = await seeded_shop.product(APPLE)
    await refused(update(seeded_shop, before.sku, **changes), StatusCode.INVALID_ARGUMENT)
    after = await seeded_shop.product(APPLE)
    assert (after.price.cents, after.stock) == (before.price.cents, before.stock)


@pytest.mark.parametrize(
    "fields",
    [
        {"amount_cents": HUGE},
        {"amount_cents": -HUGE},
        {"lines": [pb.RefundLine(line_no=1, quantity=HUGE)]},
        {"lines": [pb.RefundLine(line_no=1, quantity=-HUGE)]},
        {"lines": [pb.RefundLine(line_no=2**31 - 1, quantity=1)]},
        {"lines": [pb.RefundLine(line_no=-1, quantity=1)]},
    ],
)
async def test_refunds_of_huge_amounts_are_refused(seeded_shop: Shop, fields: dict[str, Any]) -> None:
    ask = pb.RequestRefundRequest(actor=seeded_shop.shopper(), idempotency_key=seeded_shop.key(), order_id="100198")
    ask.MergeFrom(pb.RequestRefundRequest(**fields))
    await refused(seeded_shop.rpc.RequestRefund(ask), StatusCode.INVALID_ARGUMENT)


async def test_the_dearest_cart_is_counted_to_the_cent_and_too_large_to_order(shop: Shop) -> None:
    apple, milk = await shop.product(APPLE), await shop.product(MILK)
    for product in (apple, milk):
        await update(shop, product.sku, price=pb.Change(set=MOST_CENTS), stock=pb.Change(set=1_000_000_000))
        cart = await shop.add(product.name_zh, 999)
    assert cart.total.cents == 2 * 999 * MOST_CENTS
    await refused(checkout(shop), StatusCode.FAILED_PRECONDITION, "too large", "too_large")
    more = pb.AddToCartRequest(actor=shop.shopper(), idempotency_key=shop.key(), sku=apple.sku, quantity=1)
    await refused(shop.rpc.AddToCart(more), StatusCode.FAILED_PRECONDITION, "at most 999", "too_many")
    await refused(checkout(shop, expected_total_cents=HUGE), StatusCode.INVALID_ARGUMENT, "expected_total_cents")


async def test_a_cart_that_was_left_for_long_says_what_is_no_more(shop: Shop) -> None:
    """What was delisted is not in it any more, what is short is said, and prices are those of now."""
    await shop.add(APPLE, 3)
    await shop.add(MILK, 1)
    apple, milk = await shop.product(APPLE), await shop.product(MILK)
    delist = pb.DelistProductRequest(actor=shop.merchant, idempotency_key=shop.key(), sku=milk.sku)
    await shop.rpc.DelistProduct(delist)
    await update(shop, apple.sku, stock=pb.Change(set=2))
    left = await shop.rpc.GetCart(pb.GetCartRequest(actor=shop.shopper()))
    assert [line.product.sku for line in left.lines] == [apple.sku]
    await refused(checkout(shop), StatusCode.FAILED_PRECONDITION, "only 2", "out_of_stock")
    await update(shop, apple.sku, stock=pb.Change(set=0))
    await refused(checkout(shop), StatusCode.FAILED_PRECONDITION, "out of stock", "out_of_stock")
    await update(shop, apple.sku, stock=pb.Change(set=3), price=pb.Change(set=4100))
    order = await checkout(shop)
    assert (order.total.cents, (await shop.product(APPLE)).stock) == (12_300, 0)


async def test_a_price_that_changes_during_a_checkout_is_the_old_one_or_the_new_one(shop: Shop) -> None:
    apple = await shop.product(APPLE)
    for number in range(8):
        cart = await shop.add(APPLE, 2)
        price = cart.lines[0].unit_price.cents
        change = update(shop, apple.sku, price=pb.Change(set=4000 + number))
        results = await asyncio.gather(checkout(shop, expected_total_cents=2 * price), change, return_exceptions=True)
        order = results[0]
        if isinstance(order, grpc.aio.AioRpcError):
            assert "prices changed" in order.details()
            order = await checkout(shop)
            assert order.total.cents == 2 * (4000 + number)
        else:
            assert order.total.cents == 2 * order.lines[0].unit_price.cents == 2 * price


async def test_double_clicks_with_keys_of_their_own_buy_and_pay_once(shop: Shop) -> None:
    await shop.add(APPLE, 1)
    clicks = await asyncio.gather(*(checkout(shop) for _ in range(4)), return_exceptions=True)
    orders = [click for click in clicks if isinstance(click, pb.Order)]
    assert len(orders) == 1
    assert {c.code() for c in clicks if isinstance(c, grpc.aio.AioRpcError)} == {StatusCode.FAILED_PRECONDITION}

    async def pay() -> pb.Order:
        key, order_id = shop.key(), orders[0].order_id
        return await shop.rpc.Pay(pb.PayRequest(actor=shop.shopper(), idempotency_key=key, order_id=order_id))

    paid = await asyncio.gather(*(pay() for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(answer, pb.Order) for answer in paid) == 1
    captured = text("SELECT count(*), sum(captured_cents) FROM payments WHERE order_id = :order_id")
    async with shop.parts.database.transaction(shop.tenant) as conn:
        count = (await conn.execute(captured, {"order_id": orders[0].order_id})).one()
    assert tuple(count) == (1, orders[0].total.cents)


async def test_the_last_units_are_sold_though_a_guess_at_plenty_was_wrong(shop: Shop) -> None:
    """Buyers who saw enough in stock are told what is left when others were faster; the last unit is sold too."""
    apple = await shop.product(APPLE)
    await update(shop, apple.sku, stock=pb.Change(set=7))
    users = [f"buyer-{number}" for number in range(6)]
    for user in users:
        address = pb.ChangeAddressRequest(actor=shop.shopper(user), idempotency_key=f"{user}/a", address="某路1号")
        await shop.rpc.ChangeAddress(address)
        await shop.add(APPLE, 2, user)

    async def buy(user: str) -> str:
        try:
            await shop.rpc.Checkout(pb.CheckoutRequest(actor=shop.shopper(user), idempotency_key=f"{user}/buy"))
        except grpc.aio.AioRpcError as error:
            return error.details()
        return ""

    told = await asyncio.gather(*map(buy, users))
    assert told.count("") == 3
    assert {sentence for sentence in told if sentence} == {f"only 1 of {APPLE} are left"}
    await shop.add(APPLE, 1, "demo-shopper")
    await checkout(shop)
    assert (await shop.product(APPLE)).stock == 0
