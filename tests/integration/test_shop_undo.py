"""Taking back what was done last, exactly once, while its life cycle allows."""

import asyncio
from typing import Any

import grpc
import pytest
from grpc import StatusCode
from support.shop import Shop, refused

from voxcart_api.shop.v1 import shop_pb2 as pb

pytestmark = pytest.mark.integration
pytest_plugins = ("support.shop",)

APPLE = "新鲜红富士苹果"
MILK = "纯牛奶"


async def undo(shop: Shop, effect_key: str = "", key: str = "") -> pb.UndoLastResponse:
    """Takes the demo shopper's last change back."""
    request = pb.UndoLastRequest(actor=shop.shopper(), idempotency_key=key or shop.key(), effect_key=effect_key)
    return await shop.rpc.UndoLast(request)


async def put(shop: Shop, name: str, quantity: int, key: str) -> pb.Cart:
    """Puts a product into the cart under a key."""
    sku = (await shop.product(name)).sku
    add = pb.AddToCartRequest(actor=shop.shopper(), idempotency_key=key, sku=sku, quantity=quantity)
    return await shop.rpc.AddToCart(add)


def content(cart: pb.Cart) -> list[tuple[str, int]]:
    """Names and quantities."""
    return [(line.product.name_zh, line.quantity) for line in cart.lines]


async def test_changes_of_the_cart_are_taken_back_one_by_one(shop: Shop) -> None:
    await put(shop, APPLE, 2, "s/1/0")
    cart = await put(shop, APPLE, 1, "s/2/0")
    update = pb.UpdateCartLineRequest(actor=shop.shopper(), idempotency_key="s/3/0", line_id=cart.lines[0].line_id)
    update.quantity = 9
    await shop.rpc.UpdateCartLine(update)
    await put(shop, MILK, 1, "s/4/0")
    await shop.rpc.ClearCart(pb.ClearCartRequest(actor=shop.shopper(), idempotency_key="s/5/0"))
    undone = await undo(shop)
    assert (undone.operation, undone.effect_key) == ("ClearCart", "s/5/0")
    assert sorted(content(undone.cart)) == sorted([(APPLE, 9), (MILK, 1)])
    assert content((await undo(shop)).cart) == [(APPLE, 9)]
    assert content((await undo(shop)).cart) == [(APPLE, 3)]
    assert content((await undo(shop)).cart) == [(APPLE, 2)]
    assert content((await undo(shop)).cart) == []
    await refused(undo(shop), StatusCode.FAILED_PRECONDITION, "nothing", "nothing_to_undo")


async def test_an_undo_happens_once(shop: Shop) -> None:
    await put(shop, APPLE, 2, "u/1/0")
    await put(shop, APPLE, 3, "u/2/0")
    answers = await asyncio.gather(*(undo(shop, "u/2", "u/3/0") for _ in range(5)))
    assert {answer.effect_key for answer in answers} == {"u/2/0"}
    assert sum(not answer.replayed for answer in answers) == 1
    assert content(answers[0].cart) == [(APPLE, 2)]
    await refused(undo(shop, "u/2"), StatusCode.FAILED_PRECONDITION, "nothing", "nothing_to_undo")
    again = await put(shop, APPLE, 3, "u/2/0")
    assert again.replayed
    assert content(await shop.rpc.GetCart(pb.GetCartRequest(actor=shop.shopper()))) == [(APPLE, 2)]


async def test_undos_at_the_same_time_take_different_changes_back(shop: Shop) -> None:
    for number in range(4):
        await put(shop, APPLE, 1, f"p/{number}/0")

    async def one() -> str:
        try:
            return (await undo(shop)).effect_key
        except grpc.aio.AioRpcError as error:
            if error.code() is not StatusCode.FAILED_PRECONDITION:
                raise
            return ""

    taken = [key for key in await asyncio.gather(*(one() for _ in range(6))) if key]
    assert sorted(taken) == sorted({*taken})
    assert 1 <= len(taken) <= 4
    cart = await shop.rpc.GetCart(pb.GetCartRequest(actor=shop.shopper()))
    assert sum(line.quantity for line in cart.lines) == 4 - len(taken)


async def test_an_order_is_taken_back_and_its_goods_are_in_the_cart_again(shop: Shop) -> None:
    before = (await shop.product(APPLE)).stock
    order = await shop.order(APPLE, 2, paid=False)
    undone = await undo(shop)
    assert (undone.operation, undone.order.order_id, undone.order.status) == ("Checkout", order.order_id, "cancelled")
    assert (undone.order.cancel_reason, content(undone.cart)) == ("undone", [(APPLE, 2)])
    assert (await shop.product(APPLE)).stock == before


async def test_a_payment_is_taken_back_with_its_order_and_money(shop: Shop) -> None:
    order = await shop.order(APPLE, 2)
    undone = await undo(shop)
    assert (undone.operation, undone.order.status) == ("Pay", "cancelled")
    now = await shop.rpc.GetOrder(pb.GetOrderRequest(actor=shop.shopper(), order_id=order.order_id))
    assert (now.refund.status, now.payment.refunded.cents) == ("refunded", order.total.cents)
    await refused(undo(shop), StatusCode.FAILED_PRECONDITION, "cancelled already", "wrong_state")


async def test_what_was_shipped_is_not_taken_back(shop: Shop) -> None:
    order = await shop.order(APPLE)
    ship = pb.ShipOrderRequest(actor=shop.merchant, idempotency_key=shop.key(), order_id=order.order_id)
    await shop.rpc.ShipOrder(ship)
    await refused(undo(shop), StatusCode.FAILED_PRECONDITION, "is shipped", "wrong_state")
    await refused(undo(shop), StatusCode.FAILED_PRECONDITION, "is shipped", "wrong_state")


async def test_addresses_and_refund_requests_are_taken_back(shop: Shop) -> None:
    async def change(**fields: Any) -> None:
        await shop.rpc.ChangeAddress(
            pb.ChangeAddressRequest(actor=shop.shopper(), idempotency_key=shop.key(), **fields)
        )

    await change(address="公司")
    undone = await undo(shop)
    assert (undone.operation, undone.address.label) == ("ChangeAddress", "家")
    await change(address="杭州市文三路1号", order_id="100245")
    assert (await undo(shop)).order.address.label == "家"
    ask = pb.RequestRefundRequest(actor=shop.shopper(), idempotency_key=shop.key(), order_id="100198")
    await shop.rpc.RequestRefund(ask)
    assert (await undo(shop)).order.refund.status == "rejected"
    ask.idempotency_key = shop.key()
    assert (await shop.rpc.RequestRefund(ask)).status == "requested"


async def test_a_change_that_cannot_be_taken_back_says_so(shop: Shop) -> None:
    await put(shop, APPLE, 1, "c/1/0")
    cancel = pb.CancelOrderRequest(actor=shop.shopper(), idempotency_key="c/2/0", order_id="100245")
    await shop.rpc.CancelOrder(cancel)
    await refused(undo(shop), StatusCode.FAILED_PRECONDITION, "CancelOrder", "cannot_undo")
    assert content((await undo(shop, "c/1")).cart) == []
    await refused(undo(shop, "x" * 300), StatusCode.INVALID_ARGUMENT, "effect_key")
    stranger = pb.UndoLastRequest(actor=shop.shopper("other"), idempotency_key="o/1", effect_key="c/1")
    await refused(shop.rpc.UndoLast(stranger), StatusCode.FAILED_PRECONDITION, "nothing", "nothing_to_undo")
