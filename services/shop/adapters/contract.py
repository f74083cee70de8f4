"""What every shop adapter promises, as tests that anybody can run against theirs, through real gRPC.

In a test module of your own::

    import pytest
    from voxcart_services.shop.adapters.contract import ShopAdapterContract, ShopUnderTest, serving

    pytest_plugins = ["pytest_asyncio"]

    class TestOurPlatform(ShopAdapterContract):
        @pytest.fixture
        async def shop(self):
            async with serving(await open_our_adapter()) as rpc:
                yield ShopUnderTest(rpc, tenant="demo", ...)

The tests take new shoppers for themselves where they can, buy a few units of ``product`` and the last ones of
``scarce``, and leave carts and orders behind: give them a test installation. Needs pytest and pytest-asyncio.
"""

import asyncio
import itertools
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from grpc import StatusCode

from voxcart.grpc_support import REASON_METADATA, ErrorsAndMetrics, open_channel
from voxcart_api.common.v1.common_pb2 import ROLE_MERCHANT, ROLE_SHOPPER
from voxcart_api.shop.v1 import shop_pb2 as pb
from voxcart_api.shop.v1 import shop_pb2_grpc
from voxcart_services.shop.adapters.adapter import ShopAdapter
from voxcart_services.shop.servicer import ShopServicer

_numbers = itertools.count(1)


@dataclass
class ShopUnderTest:
    """A running shop, and what a test needs to know of it.

    Attributes:
        tenant: The shop that is tested.
        foreign_tenant: Another shop of the installation.
        product: SKU of a product without variants, at least 100 in stock.
        words: What it is searched by.
        scarce: SKU of a product without variants, of which 1 to 20 are left.
        prepare: Makes a new shopper able to check out (an address, an account); called with the actor.
        merchant_id: The user who is the merchant.
        missing: Optional calls that the platform does not offer.
    """

    rpc: shop_pb2_grpc.ShopStub
    tenant: str
    foreign_tenant: str
    product: str
    words: str
    scarce: str
    prepare: Callable[[pb.Actor], Awaitable[None]]
    merchant_id: str = "merchant"
    missing: frozenset[str] = field(default_factory=frozenset)

    async def shopper(self) -> pb.Actor:
        """A shopper with an empty cart who can check out."""
        user_id = f"contract-{uuid.uuid4().hex[:12]}"
        actor = pb.Actor(tenant=self.tenant, user_id=user_id, role=ROLE_SHOPPER)
        await self.prepare(actor)
        return actor

    @property
    def merchant(self) -> pb.Actor:
        """The merchant."""
        return pb.Actor(tenant=self.tenant, user_id=self.merchant_id, role=ROLE_MERCHANT)

    async def stock(self, sku: str) -> int:
        """Units that can be bought now."""
        actor = pb.Actor(tenant=self.tenant, user_id="contract-reader")
        return (await self.rpc.GetProduct(pb.GetProductRequest(actor=actor, sku=sku))).stock

    async def add(self, actor: pb.Actor, sku: str, quantity: int, key: str = "") -> pb.Cart:
        """Puts a product into the actor's cart."""
        request = pb.AddToCartRequest(actor=actor, idempotency_key=key or new_key(), sku=sku, quantity=quantity)
        return await self.rpc.AddToCart(request)

    async def order(self, actor: pb.Actor, quantity: int = 1) -> pb.Order:
        """An order of ``product`` that waits for its payment."""
        await self.add(actor, self.product, quantity)
        return await self.rpc.Checkout(pb.CheckoutRequest(actor=actor, idempotency_key=new_key()))


def new_key() -> str:
    """An idempotency key that was never used."""
    return f"contract/{uuid.uuid4().hex}/{next(_numbers)}"


@asynccontextmanager
async def serving(adapter: ShopAdapter) -> AsyncIterator[shop_pb2_grpc.ShopStub]:
    """The shop service in front of an adapter on a free port of the loopback, and a stub for it."""
    server = grpc.aio.server(interceptors=[ErrorsAndMetrics()])
    shop_pb2_grpc.add_ShopServicer_to_server(ShopServicer(adapter), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with open_channel(f"127.0.0.1:{port}") as channel:
            yield shop_pb2_grpc.ShopStub(channel)
    finally:
        await server.stop(None)


async def refused(call: Any, code: StatusCode, reason: str = "") -> str:
    """Awaits a call that must fail with this status and a sentence; the sentence."""
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await call
    error = failure.value
    assert error.code() is code, f"{error.code()}: {error.details()}"
    assert error.details(), "a refusal needs a sentence"
    if reason:
        assert dict(error.trailing_metadata() or ()).get(REASON_METADATA) == reason
    return error.details() or ""


def unmarked(answer: Any) -> Any:
    """An answer without its mark of being a repeated one."""
    copy = type(answer)()
    copy.CopyFrom(answer)
    copy.replayed = False
    return copy


class ShopAdapterContract:
    """The tests. Subclasses give the fixture ``shop``."""

    async def test_a_product_is_found_and_shown_alike(self, shop: ShopUnderTest) -> None:
        actor = await shop.shopper()
        search = pb.SearchProductsRequest(actor=actor, query=shop.words)
        found = await shop.rpc.SearchProducts(search)
        by_sku = {hit.product.sku: hit.product for hit in found.hits}
        assert shop.product in by_sku
        assert found.total >= len(found.hits)
        shown = await shop.rpc.GetProduct(pb.GetProductRequest(actor=actor, sku=shop.product))
        assert (shown.name_zh, shown.price) == (by_sku[shop.product].name_zh, by_sku[shop.product].price)
        assert shown.price.cents > 0
        assert shown.stock >= 100

    async def test_guests_may_look_but_not_buy(self, shop: ShopUnderTest) -> None:
        guest = pb.Actor(tenant=shop.tenant)
        assert (await shop.rpc.GetProduct(pb.GetProductRequest(actor=guest, sku=shop.product))).sku == shop.product
        await refused(shop.rpc.GetCart(pb.GetCartRequest(actor=guest)), StatusCode.INVALID_ARGUMENT)
        await refused(shop.add(guest, shop.product, 1), StatusCode.INVALID_ARGUMENT)

    async def test_filters_and_order_hold(self, shop: ShopUnderTest) -> None:
        actor = await shop.shopper()
        product = await shop.rpc.GetProduct(pb.GetProductRequest(actor=actor, sku=shop.product))
        cents = product.price.cents
        search = pb.SearchProductsRequest(
            actor=actor, query=shop.words, price_min_cents=cents, price_max_cents=cents, page_size=100
        )
        skus = {hit.product.sku for hit in (await shop.rpc.SearchProducts(search)).hits}
        assert shop.product in skus
        search.price_min_cents = cents + 1
        search.price_max_cents = cents + 1
        assert shop.product not in {hit.product.sku for hit in (await shop.rpc.SearchProducts(search)).hits}
        cheapest = pb.SearchProductsRequest(actor=actor, sort_by=pb.SORT_BY_PRICE_ASC, page_size=20)
        prices = [hit.product.price.cents for hit in (await shop.rpc.SearchProducts(cheapest)).hits]
        assert len(prices) > 1
        assert prices == sorted(prices)

    async def test_search_comes_in_pages(self, shop: ShopUnderTest) -> None:
        actor = await shop.shopper()
        search = pb.SearchProductsRequest(actor=actor, sort_by=pb.SORT_BY_PRICE_ASC, page_size=2)
        first = await shop.rpc.SearchProducts(search)
        search.page_token = first.next_page_token
        second = await shop.rpc.SearchProducts(search)
        skus = [hit.product.sku for page in (first, second) for hit in page.hits]
        assert len(skus) == len(set(skus)) == 4
        for bad in ("x", "0", first.next_page_token[:-2], "é" * 10, "A" * 2000):
            search.page_token = bad
            await refused(shop.rpc.SearchProducts(search), StatusCode.INVALID_ARGUMENT)
        search.page_token = first.next_page_token
        search.sort_by = pb.SORT_BY_PRICE_DESC
        await refused(shop.rpc.SearchProducts(search), StatusCode.INVALID_ARGUMENT)
        search.sort_by = pb.SORT_BY_PRICE_ASC
        search.actor.tenant = shop.foreign_tenant
        await refused(shop.rpc.SearchProducts(search), StatusCode.INVALID_ARGUMENT)

    async def test_a_cart_is_filled_changed_and_emptied(self, shop: ShopUnderTest) -> None:
        actor = await shop.shopper()
        assert not (await shop.rpc.GetCart(pb.GetCartRequest(actor=actor))).lines
        await shop.add(actor, shop.product, 2)
        cart = await shop.add(actor, shop.product, 3)
        (line,) = cart.lines
        assert (line.product.sku, line.quantity) == (shop.product, 5)
        assert cart.total.cents == line.total.cents == 5 * line.unit_price.cents
        change = pb.UpdateCartLineRequest(actor=actor, idempotency_key=new_key(), line_id=line.line_id, quantity=1)
        assert (await shop.rpc.UpdateCartLine(change)).lines[0].quantity == 1
        remove = pb.UpdateCartLineRequest(actor=actor, idempotency_key=new_key(), line_id=line.line_id)
        assert not (await shop.rpc.UpdateCartLine(remove)).lines
        await shop.add(actor, shop.product, 1)
        assert not (await shop.rpc.ClearCart(pb.ClearCartRequest(actor=actor, idempotency_key=new_key()))).lines
        assert not (await shop.rpc.GetCart(pb.GetCartRequest(actor=actor))).lines

    async def test_a_change_happens_once(self, shop: ShopUnderTest) -> None:
        actor, key = await shop.shopper(), new_key()
        first = await shop.add(actor, shop.product, 2, key)
        again = await shop.add(actor, shop.product, 2, key)
        assert not first.replayed
        assert again.replayed
        assert unmarked(again) == unmarked(first)
        await refused(shop.add(actor, shop.product, 3, key), StatusCode.ABORTED)
        assert (await shop.rpc.GetCart(pb.GetCartRequest(actor=actor))).lines[0].quantity == 2

    async def test_many_copies_at_once_are_one_change(self, shop: ShopUnderTest) -> None:
        actor, key = await shop.shopper(), new_key()
        answers = await asyncio.gather(*(shop.add(actor, shop.product, 1, key) for _ in range(8)))
        assert len({unmarked(answer).SerializeToString(deterministic=True) for answer in answers}) == 1
        assert (await shop.rpc.GetCart(pb.GetCartRequest(actor=actor))).lines[0].quantity == 1

    async def test_keys_are_of_one_user(self, shop: ShopUnderTest) -> None:
        one, other, key = await shop.shopper(), await shop.shopper(), new_key()
        await shop.add(one, shop.product, 1, key)
        cart = await shop.add(other, shop.product, 2, key)
        assert not cart.replayed
        assert cart.lines[0].quantity == 2

    async def test_a_refused_change_leaves_nothing_behind(self, shop: ShopUnderTest) -> None:
        actor, key = await shop.shopper(), new_key()
        too_many = await shop.stock(shop.scarce) + 1
        await refused(shop.add(actor, shop.scarce, too_many, key), StatusCode.FAILED_PRECONDITION, "out_of_stock")
        assert not (await shop.rpc.GetCart(pb.GetCartRequest(actor=actor))).lines
        assert (await shop.add(actor, shop.product, 1, key)).lines[0].quantity == 1

    async def test_checkout_makes_one_order(self, shop: ShopUnderTest) -> None:
        actor, key = await shop.shopper(), new_key()
        empty = pb.CheckoutRequest(actor=actor, idempotency_key=new_key())
        await refused(shop.rpc.Checkout(empty), StatusCode.FAILED_PRECONDITION, "empty_cart")
        before = await shop.stock(shop.product)
        cart = await shop.add(actor, shop.product, 2)
        request = pb.CheckoutRequest(actor=actor, idempotency_key=key, expected_total_cents=cart.total.cents)
        order = await shop.rpc.Checkout(request)
        assert order.status == "pending_payment"
        assert order.total.cents == cart.total.cents
        assert [(line.sku, line.quantity) for line in order.lines] == [(shop.product, 2)]
        assert (await shop.rpc.Checkout(request)).order_id == order.order_id
        assert not (await shop.rpc.GetCart(pb.GetCartRequest(actor=actor))).lines
        assert await shop.stock(shop.product) == before - 2
        assert (await shop.rpc.ListOrders(pb.ListOrdersRequest(actor=actor))).total == 1

    async def test_an_order_goes_to_the_address_that_was_given(self, shop: ShopUnderTest) -> None:
        actor = await shop.shopper()
        change = pb.ChangeAddressRequest(actor=actor, idempotency_key=new_key(), address="契约路8号")
        assert "契约路8号" in (await shop.rpc.ChangeAddress(change)).text
        book = (await shop.rpc.ListAddresses(pb.ListAddressesRequest(actor=actor))).addresses
        assert ["契约路8号" in address.text for address in book if address.is_default] == [True]
        assert "契约路8号" in (await shop.order(actor)).address.text
        empty = pb.ChangeAddressRequest(actor=actor, idempotency_key=new_key(), address=" ")
        await refused(shop.rpc.ChangeAddress(empty), StatusCode.INVALID_ARGUMENT)

    async def test_a_price_that_was_not_agreed_is_not_taken(self, shop: ShopUnderTest) -> None:
        actor = await shop.shopper()
        cart = await shop.add(actor, shop.product, 1)
        request = pb.CheckoutRequest(actor=actor, idempotency_key=new_key(), expected_total_cents=cart.total.cents + 1)
        await refused(shop.rpc.Checkout(request), StatusCode.FAILED_PRECONDITION, "price_changed")
        assert (await shop.rpc.GetCart(pb.GetCartRequest(actor=actor))).lines

    async def test_an_order_is_paid_once(self, shop: ShopUnderTest) -> None:
        actor = await shop.shopper()
        order = await shop.order(actor)
        declined = pb.PayRequest(
            actor=actor, idempotency_key=new_key(), order_id=order.order_id, payment_token="tok_declined"
        )
        await refused(shop.rpc.Pay(declined), StatusCode.FAILED_PRECONDITION, "declined")
        pay = pb.PayRequest(actor=actor, idempotency_key=new_key(), order_id=order.order_id)
        paid = await shop.rpc.Pay(pay)
        assert (paid.order_id, paid.status) == (order.order_id, "paid")
        assert (await shop.rpc.Pay(pay)).replayed
        twice = pb.PayRequest(actor=actor, idempotency_key=new_key(), order_id=order.order_id)
        await refused(shop.rpc.Pay(twice), StatusCode.FAILED_PRECONDITION, "wrong_state")

    async def test_the_newest_open_order_is_paid_if_none_is_named(self, shop: ShopUnderTest) -> None:
        actor = await shop.shopper()
        nothing = pb.PayRequest(actor=actor, idempotency_key=new_key())
        await refused(shop.rpc.Pay(nothing), StatusCode.FAILED_PRECONDITION, "nothing_to_pay")
        await shop.order(actor)
        newest = await shop.order(actor)
        assert (await shop.rpc.Pay(pb.PayRequest(actor=actor, idempotency_key=new_key()))).order_id == newest.order_id

    async def test_a_cancelled_order_gives_its_goods_back(self, shop: ShopUnderTest) -> None:
        actor = await shop.shopper()
        before = await shop.stock(shop.product)
        order = await shop.order(actor, 3)
        await shop.rpc.Pay(pb.PayRequest(actor=actor, idempotency_key=new_key(), order_id=order.order_id))
        cancel = pb.CancelOrderRequest(actor=actor, idempotency_key=new_key(), order_id=order.order_id)
        assert (await shop.rpc.CancelOrder(cancel)).status == "cancelled"
        assert (await shop.rpc.CancelOrder(cancel)).replayed
        again = pb.CancelOrderRequest(actor=actor, idempotency_key=new_key(), order_id=order.order_id)
        await refused(shop.rpc.CancelOrder(again), StatusCode.FAILED_PRECONDITION, "wrong_state")
        assert await shop.stock(shop.product) == before

    async def test_nobody_sees_what_is_not_theirs(self, shop: ShopUnderTest) -> None:
        actor, other = await shop.shopper(), await shop.shopper()
        order = await shop.order(actor)
        foreigner = pb.Actor(tenant=shop.foreign_tenant, user_id=actor.user_id)
        for stranger in (other, foreigner):
            look = pb.GetOrderRequest(actor=stranger, order_id=order.order_id)
            await refused(shop.rpc.GetOrder(look), StatusCode.NOT_FOUND)
            take = pb.CancelOrderRequest(actor=stranger, idempotency_key=new_key(), order_id=order.order_id)
            await refused(shop.rpc.CancelOrder(take), StatusCode.NOT_FOUND)
            orders = await shop.rpc.ListOrders(pb.ListOrdersRequest(actor=stranger))
            assert order.order_id not in {known.order_id for known in orders.orders}
        assert (await shop.rpc.GetOrder(pb.GetOrderRequest(actor=actor, order_id=order.order_id))).status

    async def test_pages_of_orders_stay_whole_while_orders_come_in(self, shop: ShopUnderTest) -> None:
        actor = await shop.shopper()
        made = [(await shop.order(actor)).order_id for _ in range(5)]
        request = pb.ListOrdersRequest(actor=actor, page_size=2)
        page = await shop.rpc.ListOrders(request)
        seen = [order.order_id for order in page.orders]
        await shop.order(actor)
        while page.next_page_token:
            request.page_token = page.next_page_token
            page = await shop.rpc.ListOrders(request)
            seen += [order.order_id for order in page.orders]
        assert seen == made[::-1]
        request.statuses.append("paid")
        request.page_token = (await shop.rpc.ListOrders(pb.ListOrdersRequest(actor=actor, page_size=1))).next_page_token
        await refused(shop.rpc.ListOrders(request), StatusCode.INVALID_ARGUMENT)

    async def test_the_last_units_are_sold_once(self, shop: ShopUnderTest) -> None:
        left = await shop.stock(shop.scarce)
        rivals = [await shop.shopper() for _ in range(3)]
        for rival in rivals:
            await shop.add(rival, shop.scarce, left)

        async def buy(rival: pb.Actor) -> Any:
            return await shop.rpc.Checkout(pb.CheckoutRequest(actor=rival, idempotency_key=new_key()))

        outcomes = await asyncio.gather(*map(buy, rivals), return_exceptions=True)
        orders = [outcome for outcome in outcomes if isinstance(outcome, pb.Order)]
        refusals = [outcome.code() for outcome in outcomes if isinstance(outcome, grpc.aio.AioRpcError)]
        assert refusals == [StatusCode.FAILED_PRECONDITION] * 2
        assert len(orders) == 1
        assert await shop.stock(shop.scarce) == 0
        owner = pb.Actor(tenant=shop.tenant, user_id=orders[0].user_id)
        cancel = pb.CancelOrderRequest(actor=owner, idempotency_key=new_key(), order_id=orders[0].order_id)
        await shop.rpc.CancelOrder(cancel)
        assert await shop.stock(shop.scarce) == left

    async def test_merchants_work_is_the_merchants(self, shop: ShopUnderTest) -> None:
        shopper = await shop.shopper()
        await refused(shop.rpc.ListShopOrders(pb.ListShopOrdersRequest(actor=shopper)), StatusCode.PERMISSION_DENIED)
        change = pb.UpdateProductRequest(
            actor=shopper, idempotency_key=new_key(), sku=shop.product, price=pb.Change(set=1)
        )
        await refused(shop.rpc.UpdateProduct(change), StatusCode.PERMISSION_DENIED)

    async def test_what_is_missing_says_so(self, shop: ShopUnderTest) -> None:
        actors = {"user_id": shop.merchant_id, "tenant": shop.tenant, "role": ROLE_MERCHANT}
        for call in sorted(shop.missing):
            request = getattr(pb, f"{call}Request")(actor=pb.Actor(**actors))
            if "idempotency_key" in request.DESCRIPTOR.fields_by_name:
                request.idempotency_key = new_key()
            sentence = await refused(getattr(shop.rpc, call)(_with_least(request)), StatusCode.UNIMPLEMENTED)
            assert "does not offer" in sentence

    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"idempotency_key": ""}, StatusCode.INVALID_ARGUMENT),
            ({"idempotency_key": "k" * 201}, StatusCode.INVALID_ARGUMENT),
            ({"idempotency_key": "a\nb"}, StatusCode.INVALID_ARGUMENT),
            ({"quantity": 0}, StatusCode.INVALID_ARGUMENT),
            ({"quantity": -1}, StatusCode.INVALID_ARGUMENT),
            ({"quantity": 1000}, StatusCode.INVALID_ARGUMENT),
            ({"quantity": 2**62}, StatusCode.INVALID_ARGUMENT),
            ({"sku": ""}, StatusCode.NOT_FOUND),
            ({"sku": "no-such-product"}, StatusCode.NOT_FOUND),
            ({"sku": "../cart"}, StatusCode.NOT_FOUND),
            ({"sku": "x" * 500}, StatusCode.INVALID_ARGUMENT),
            ({"sku": "a\0b"}, StatusCode.INVALID_ARGUMENT),
            ({"variant_id": "no-such-variant"}, StatusCode.NOT_FOUND),
            ({"actor": pb.Actor(tenant="no-such-shop", user_id="u")}, StatusCode.NOT_FOUND),
            ({"actor": pb.Actor(tenant="t" * 500, user_id="u")}, StatusCode.INVALID_ARGUMENT),
        ],
    )
    async def test_bad_input_is_refused(self, shop: ShopUnderTest, fields: dict[str, Any], code: StatusCode) -> None:
        good = {"actor": await shop.shopper(), "idempotency_key": new_key(), "sku": shop.product, "quantity": 1}
        await refused(shop.rpc.AddToCart(pb.AddToCartRequest(**good | fields)), code)
        assert not (await shop.rpc.GetCart(pb.GetCartRequest(actor=good["actor"]))).lines

    @pytest.mark.parametrize("bad_id", ["0", "..", "a/b", "?x=1", "#", "订单", "9" * 100])
    async def test_ids_that_are_none_are_not_found(self, shop: ShopUnderTest, bad_id: str) -> None:
        actor = await shop.shopper()
        await refused(shop.rpc.GetOrder(pb.GetOrderRequest(actor=actor, order_id=bad_id)), StatusCode.NOT_FOUND)
        await refused(shop.rpc.GetProduct(pb.GetProductRequest(actor=actor, sku=bad_id)), StatusCode.NOT_FOUND)
        change = pb.UpdateCartLineRequest(actor=actor, idempotency_key=new_key(), line_id=bad_id, quantity=1)
        await refused(shop.rpc.UpdateCartLine(change), StatusCode.NOT_FOUND)

    async def test_names_of_any_writing_reach_the_platform_whole(self, shop: ShopUnderTest) -> None:
        actor = pb.Actor(tenant=shop.tenant, user_id=f"顾客 %2F é/{uuid.uuid4().hex[:8]}")
        key = f"会话/1 %20+é{uuid.uuid4().hex}"
        await shop.add(actor, shop.product, 1, key)
        assert (await shop.add(actor, shop.product, 1, key)).replayed
        assert (await shop.rpc.GetCart(pb.GetCartRequest(actor=actor))).lines[0].quantity == 1


def _with_least(request: Any) -> Any:
    """A request with what its checks ask for at least."""
    for name, value in {"sku": "x", "name": "x", "price_cents": 1, "order_id": "1"}.items():
        if name in request.DESCRIPTOR.fields_by_name:
            setattr(request, name, value)
    return request
