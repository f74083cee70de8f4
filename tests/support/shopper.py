"""A shopper who buys two apples whatever breaks meanwhile, and what the shop's books say afterwards."""

from collections.abc import Callable
from dataclasses import dataclass, field

import grpc

from voxcart_api.common.v1 import common_pb2
from voxcart_api.shop.v1 import shop_pb2, shop_pb2_grpc
from voxcart_client import SyncConversation, Turn, TurnTimedOut

APPLE = "新鲜红富士苹果"
MAX_ASKED = 14


class Books:
    """The shop's own view, by gRPC. Calls wait for a shop that is restarting."""

    def __init__(self, address: str) -> None:
        self._shop = shop_pb2_grpc.ShopStub(grpc.insecure_channel(address))

    def orders(self, user_id: str) -> list[shop_pb2.Order]:
        request = shop_pb2.ListOrdersRequest(actor=_actor(user_id))
        return list(self._shop.ListOrders(request, timeout=60, wait_for_ready=True).orders)

    def cart_quantity(self, user_id: str) -> int:
        cart = self._shop.GetCart(shop_pb2.GetCartRequest(actor=_actor(user_id)), timeout=60, wait_for_ready=True)
        return sum(line.quantity for line in cart.lines)

    def give_address(self, user_id: str) -> None:
        """What a shopper needs before the first order."""
        request = shop_pb2.ChangeAddressRequest(
            actor=_actor(user_id), idempotency_key=f"{user_id}/address", address="杭州市西湖区文三路1号"
        )
        self._shop.ChangeAddress(request, timeout=60, wait_for_ready=True)

    def apple_stock(self) -> int:
        request = shop_pb2.SearchProductsRequest(actor=_actor("books"), query=APPLE)
        hits = self._shop.SearchProducts(request, timeout=60, wait_for_ready=True).hits
        return next(hit.product.stock for hit in hits if hit.product.name_zh.startswith(APPLE))


@dataclass
class Shopping:
    """How a purchase went.

    Attributes:
        adds: How often "two of the first" was asked for.
        told: Failures the shopper was told of, as sentences.
        silent: Turns that neither completed nor failed in time.
    """

    user_id: str
    adds: int = 0
    told: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)


Ask = Callable[[SyncConversation, str], Turn]


def buy_apples(conversation: SyncConversation, books: Books, user_id: str, ask: Ask) -> Shopping:
    """Says what a person would say next until there is an order."""
    shopping = Shopping(user_id)
    books.give_address(user_id)
    awaiting = ""
    for _ in range(MAX_ASKED):
        if books.orders(user_id):
            return shopping
        if awaiting == "confirmation":
            said = "好的"
        elif books.cart_quantity(user_id):
            said = "下单吧"
        else:
            _ask(conversation, "我想买苹果", ask, shopping)
            said = "第一个来两份"
            shopping.adds += 1
        awaiting = _ask(conversation, said, ask, shopping)
    raise AssertionError(f"{user_id} has no order after {MAX_ASKED} turns: {shopping}")


def _ask(conversation: SyncConversation, said: str, ask: Ask, shopping: Shopping) -> str:
    """One turn; returns what the dialogue waits for."""
    try:
        turn = ask(conversation, said)
    except TurnTimedOut:
        shopping.silent.append(said)
        return ""
    if turn.error is not None:
        shopping.told.append(turn.error.message)
    return turn.awaiting


def _actor(user_id: str) -> shop_pb2.Actor:
    return shop_pb2.Actor(user_id=user_id, role=common_pb2.ROLE_SHOPPER)


def pay_order(conversation: SyncConversation, books: Books, shopping: Shopping, ask: Ask) -> None:
    """Says what a person would say next until the order is paid."""
    awaiting = ""
    for _ in range(MAX_ASKED):
        if books.orders(shopping.user_id)[0].status == "paid":
            return
        awaiting = _ask(conversation, "好的" if awaiting == "confirmation" else "用微信支付", ask, shopping)
    raise AssertionError(f"{shopping.user_id} could not pay in {MAX_ASKED} turns: {shopping}")
