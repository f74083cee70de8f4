"""A platform over HTTP on bad days: what it loses, repeats, delays and garbles, and what the caller hears of it."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator

import grpc
import pytest
from grpc import StatusCode
from support.faulty_proxy import FAULTS, FaultyProxy, Sent, faulty_proxy
from support.shop_platform import connected, example_platform

from voxcart_api.shop.v1 import shop_pb2 as pb
from voxcart_api.shop.v1 import shop_pb2_grpc
from voxcart_services.shop.adapters.contract import new_key, refused, serving
from voxcart_services.shop.adapters.http.opening import http_adapter

pytestmark = pytest.mark.integration

SKU = "P-APPLE"
QUICK = {"try_seconds": 0.5, "call_seconds": 3.0, "backoff_seconds": 0.01, "breaker_failures": 1000}
RETRIED = {StatusCode.UNAVAILABLE, StatusCode.DEADLINE_EXCEEDED, StatusCode.RESOURCE_EXHAUSTED, StatusCode.INTERNAL}


@pytest.fixture(scope="module")
def platform_url() -> Iterator[str]:
    """The example platform."""
    with example_platform() as url:
        yield url


@pytest.fixture
async def proxy(platform_url: str) -> AsyncIterator[FaultyProxy]:
    """A proxy in front of it that lets everything pass until it is told otherwise."""
    async with faulty_proxy(platform_url) as running:
        yield running


@pytest.fixture
async def rpc(proxy: FaultyProxy) -> AsyncIterator[shop_pb2_grpc.ShopStub]:
    """The shop service behind the proxy."""
    async with connected(proxy.url, **QUICK) as (_, platform), serving(http_adapter(platform)) as stub:
        yield stub


def shopper() -> pb.Actor:
    return pb.Actor(tenant="demo", user_id=new_key())


def add(actor: pb.Actor, quantity: int = 1, key: str = "") -> pb.AddToCartRequest:
    return pb.AddToCartRequest(actor=actor, idempotency_key=key or new_key(), sku=SKU, quantity=quantity)


async def insist(call: object, request: object) -> object:
    """Repeats a request until it is answered, as the dialogue does."""
    for _ in range(50):
        try:
            return await call(request)  # type: ignore[operator]
        except grpc.aio.AioRpcError as error:
            if error.code() not in RETRIED:
                raise
    raise AssertionError("never answered")


EXPECTED = {
    "unreachable": {StatusCode.UNAVAILABLE},
    "lost": {StatusCode.UNAVAILABLE},
    "slow": {StatusCode.DEADLINE_EXCEEDED},
    "error_before": {StatusCode.UNAVAILABLE},
    "error_after": {StatusCode.UNAVAILABLE},
    "busy": {StatusCode.RESOURCE_EXHAUSTED},
    "html": {StatusCode.INTERNAL},
    "cut_json": {StatusCode.INTERNAL},
    "wrong_types": {StatusCode.INTERNAL},
    "huge": {StatusCode.INTERNAL},
    "foreign_answer": {StatusCode.INTERNAL},
    "compressed": {StatusCode.INTERNAL},
}


@pytest.mark.parametrize("fault", sorted(EXPECTED))
async def test_a_fault_that_lasts_is_told_and_does_nothing_twice(
    proxy: FaultyProxy, rpc: shop_pb2_grpc.ShopStub, fault: str
) -> None:
    actor = shopper()
    request = add(actor, 2)
    proxy.plan = lambda sent: fault
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await rpc.AddToCart(request)
    assert failure.value.code() in EXPECTED[fault], failure.value.details()
    assert "platform" in (failure.value.details() or "")
    assert proxy.reached("/cart/lines") == 3
    keys = {sent.headers["idempotency-key"] for sent in proxy.seen if sent.path == "/cart/lines"}
    assert len(keys) == 1
    proxy.plan = lambda sent: ""
    assert (await rpc.AddToCart(request)).lines[0].quantity == 2
    assert (await rpc.GetCart(pb.GetCartRequest(actor=actor))).lines[0].quantity == 2


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_that_passes_is_not_noticed(proxy: FaultyProxy, rpc: shop_pb2_grpc.ShopStub, fault: str) -> None:
    actor = shopper()
    faults = iter([fault])
    proxy.plan = lambda sent: next(faults, "")
    assert (await rpc.AddToCart(add(actor, 3))).lines[0].quantity == 3
    for _ in range(3):
        cart = await rpc.GetCart(pb.GetCartRequest(actor=actor))
        assert [line.quantity for line in cart.lines] == [3]


async def test_everything_happens_once_on_a_day_when_much_goes_wrong(
    proxy: FaultyProxy, rpc: shop_pb2_grpc.ShopStub
) -> None:
    chance = random.Random(11)
    usual = [fault for fault in FAULTS if fault not in ("slow", "huge")]
    guest = pb.Actor(tenant="demo")
    proxy.plan = lambda sent: ""
    before = (await rpc.GetProduct(pb.GetProductRequest(actor=guest, sku=SKU))).stock

    def plan(sent: Sent) -> str:
        return chance.choice(usual) if chance.random() < 0.4 else ""

    proxy.plan = plan

    async def live(kept: bool) -> pb.Order:
        """Three additions, a checkout, a payment, and for some a cancellation; each request until it is answered."""
        actor = shopper()
        for quantity in (1, 2, 3):
            await insist(rpc.AddToCart, add(actor, quantity))
        await insist(
            rpc.ChangeAddress, pb.ChangeAddressRequest(actor=actor, idempotency_key=new_key(), address="某路1号")
        )
        order = await insist(rpc.Checkout, pb.CheckoutRequest(actor=actor, idempotency_key=new_key()))
        assert isinstance(order, pb.Order)
        place = {"actor": actor, "order_id": order.order_id}
        await insist(rpc.Pay, pb.PayRequest(idempotency_key=new_key(), **place))
        if not kept:
            await insist(rpc.CancelOrder, pb.CancelOrderRequest(idempotency_key=new_key(), **place))
        orders = await insist(rpc.ListOrders, pb.ListOrdersRequest(actor=actor))
        assert isinstance(orders, pb.ListOrdersResponse)
        (only,) = orders.orders
        assert only.order_id == order.order_id
        return only

    lives = await asyncio.gather(*(live(number % 3 > 0) for number in range(12)))
    assert {order.status for order in lives} == {"paid", "cancelled"}
    assert all([line.quantity for line in order.lines] == [6] for order in lives)
    proxy.plan = lambda sent: ""
    after = (await rpc.GetProduct(pb.GetProductRequest(actor=guest, sku=SKU))).stock
    assert after == before - 6 * sum(order.status == "paid" for order in lives)


async def test_a_call_ends_with_its_deadline_and_tells_later_what_became_of_it(
    proxy: FaultyProxy, rpc: shop_pb2_grpc.ShopStub
) -> None:
    request = add(shopper(), 2)
    proxy.plan = lambda sent: "slow"
    await refused(rpc.AddToCart(request, timeout=0.2), StatusCode.DEADLINE_EXCEEDED)
    proxy.plan = lambda sent: ""
    answer = await rpc.AddToCart(request)
    assert answer.replayed
    assert answer.lines[0].quantity == 2


async def test_a_platform_that_is_down_is_left_alone_for_a_while(proxy: FaultyProxy) -> None:
    options = QUICK | {"breaker_failures": 3, "breaker_pause_seconds": 0.3}
    async with connected(proxy.url, **options) as (_, platform), serving(http_adapter(platform)) as rpc:
        get = pb.GetProductRequest(actor=shopper(), sku=SKU)
        proxy.plan = lambda sent: "unreachable"
        await refused(rpc.GetProduct(get), StatusCode.UNAVAILABLE)
        tried = len(proxy.seen)
        await refused(rpc.GetProduct(get), StatusCode.UNAVAILABLE)
        assert len(proxy.seen) == tried
        proxy.plan = lambda sent: ""
        async with asyncio.timeout(20):
            while True:
                try:
                    assert (await rpc.GetProduct(get)).sku == SKU
                    break
                except grpc.aio.AioRpcError:
                    await asyncio.sleep(0.05)


async def test_the_platform_is_told_who_asks(proxy: FaultyProxy, rpc: shop_pb2_grpc.ShopStub) -> None:
    actor = pb.Actor(tenant="demo", user_id="顾客一")
    await rpc.AddToCart(add(actor, 1, "会话/1"))
    sent = proxy.seen[-1]
    assert sent.headers["voxcart-user"] == "%E9%A1%BE%E5%AE%A2%E4%B8%80"
    assert sent.headers["voxcart-role"] == "shopper"
    assert sent.headers["idempotency-key"] == "%E4%BC%9A%E8%AF%9D/1"
    assert sent.headers["authorization"].startswith("Bearer ")
    assert b"actor" not in sent.body


async def test_many_calls_at_once_wait_for_their_turn(proxy: FaultyProxy) -> None:
    options = QUICK | {"max_connections": 2, "try_seconds": 20.0, "call_seconds": 20.0}
    async with connected(proxy.url, **options) as (_, platform), serving(http_adapter(platform)) as rpc:
        get = pb.GetProductRequest(actor=shopper(), sku=SKU)
        answers = await asyncio.gather(*(rpc.GetProduct(get) for _ in range(30)))
    assert {answer.sku for answer in answers} == {SKU}


async def test_a_wrong_token_is_not_the_callers_fault(platform_url: str) -> None:
    from voxcart_services.shop.adapters.http.answers import PlatformFault
    from voxcart_services.shop.adapters.http.client import ClientOptions, PlatformClient
    from voxcart_services.shop.adapters.http.platform import Platform

    client = PlatformClient(ClientOptions(platform_url, "wrong"))
    try:
        with pytest.raises(PlatformFault, match="token"):
            await Platform(client).connect()
    finally:
        await client.aclose()
