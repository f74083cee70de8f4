"""Events of changes reach the bus once each, in order, also when bus or database are away for a while."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from grpc import StatusCode
from sqlalchemy import text
from support.shop import PostgresForTests, Shop, refused, running_shop

from voxcart.bus import EVENTS, MemoryBroker, MemoryBus
from voxcart.bus.base import Bus
from voxcart.bus.envelope import Message
from voxcart.bus.errors import BusUnavailable
from voxcart.bus.topics import CATALOGUE, Topic
from voxcart_api.bus.v1.bus_pb2 import UserEvent
from voxcart_api.shop.v1 import shop_pb2 as pb
from voxcart_services.shop.bootstrap import prepare
from voxcart_services.shop.database import Database
from voxcart_services.shop.tenancy import SYSTEM
from voxcart_services.shop.worker import OutboxPublisher

pytestmark = pytest.mark.integration
pytest_plugins = ("support.shop",)


@pytest.fixture
async def bus() -> AsyncIterator[Bus]:
    async with MemoryBus(MemoryBroker(), "shop") as opened:
        yield opened


async def published(bus: Bus, topic: Topic) -> list[Message]:
    """Everything on a topic."""
    return [message for partition in range(bus.num_partitions) async for message in bus.read_from(topic, partition, 0)]


async def drain(publisher: OutboxPublisher) -> None:
    """Publishes all that is in the outbox."""
    while await publisher.publish_batch():
        pass


async def test_a_purchase_is_told_once_and_in_order(shop: Shop, bus: Bus) -> None:
    publisher = OutboxPublisher(shop.parts.database, bus, 1.0)
    await drain(publisher)
    order = await shop.order("新鲜红富士苹果", 2)
    cancel = pb.CancelOrderRequest(actor=shop.shopper(), idempotency_key=shop.key(), order_id=order.order_id)
    await shop.rpc.CancelOrder(cancel)
    await shop.rpc.CancelOrder(cancel)
    await drain(publisher)
    mine = [m for m in await published(bus, EVENTS) if m.envelope.user_event.tenant == shop.tenant]
    kinds = [m.envelope.user_event.type for m in mine]
    expected = [
        UserEvent.TYPE_ADD_TO_CART,
        UserEvent.TYPE_BUY,
        UserEvent.TYPE_CANCEL_ORDER,
        UserEvent.TYPE_REFUND,
    ]
    assert kinds == expected
    assert {m.key for m in mine} == {"demo-shopper"}
    assert len({m.event_id for m in mine}) == len(mine)
    assert [m.envelope.user_event.quantity for m in mine] == [2, 2, 2, 2]


async def test_a_change_of_the_catalogue_is_told_with_its_words(shop: Shop, bus: Bus) -> None:
    publisher = OutboxPublisher(shop.parts.database, bus, 1.0)
    dress = await shop.product("连衣裙")
    change = pb.UpdateProductRequest(
        actor=shop.merchant, idempotency_key=shop.key(), sku=dress.sku, price=pb.Change(set=17_900)
    )
    await shop.rpc.UpdateProduct(change)
    await drain(publisher)
    (message,) = [m for m in await published(bus, CATALOGUE) if m.envelope.product.tenant == shop.tenant]
    product = message.envelope.product
    assert message.key == f"{shop.tenant}/{dress.sku}"
    assert (product.price.cents, product.category, product.aliases[0]) == (17_900, "女装", "连衣裙")
    assert list(product.attributes["color_codes"]) == ["red", "blue", "black", "white"]


async def test_an_emptied_broker_gets_the_catalogue_again(seeded_shop: Shop) -> None:
    publisher_bus = MemoryBus(MemoryBroker(), "shop")
    async with publisher_bus as bus:
        publisher = OutboxPublisher(seeded_shop.parts.database, bus, 0.1)
        async with seeded_shop.parts.database.transaction(SYSTEM) as conn:
            await conn.execute(text("DELETE FROM outbox"))
        working = asyncio.create_task(publisher.run())
        try:
            for _ in range(400):
                await asyncio.sleep(0.05)
                if len(await published(bus, CATALOGUE)) == 583:
                    break
        finally:
            working.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await working
        skus = [m.envelope.product.sku for m in await published(bus, CATALOGUE)]
        assert len(skus) == len(set(skus)) == 583


class BrokenBus(MemoryBus):
    """Loses the connection after a number of events."""

    def __init__(self, broker: MemoryBroker, left: int) -> None:
        super().__init__(broker, "shop")
        self.left = left

    async def publish(self, *args: object, **options: object) -> object:
        if self.left == 0:
            raise BusUnavailable("the broker is away")
        self.left -= 1
        return await super().publish(*args, **options)


async def test_events_wait_for_the_broker(shop: Shop) -> None:
    broker = MemoryBroker()
    async with BrokenBus(broker, 10_000) as ready:
        await drain(OutboxPublisher(shop.parts.database, ready, 1.0))
    for _ in range(3):
        await shop.add("新鲜红富士苹果")
    async with BrokenBus(broker, 1) as broken:
        with pytest.raises(BusUnavailable):
            await OutboxPublisher(shop.parts.database, broken, 1.0).publish_batch()
    async with MemoryBus(broker, "shop") as whole:
        await drain(OutboxPublisher(shop.parts.database, whole, 1.0))
        mine = [m for m in await published(whole, EVENTS) if m.envelope.user_event.tenant == shop.tenant]
    assert len({m.event_id for m in mine}) == 3


async def test_an_absent_database_is_unavailable_and_comes_back() -> None:
    postgres = PostgresForTests(Path(tempfile.mkdtemp(prefix="voxcart-shop-away-")))
    try:
        database = Database.open(postgres.url)
        await prepare(database, None, seed=True, demo=True)
        await prepare(database, None, seed=True, demo=True)
        await database.aclose()
        async with running_shop(postgres, None, "demo") as shop:
            add = pb.AddToCartRequest(actor=shop.shopper(), idempotency_key="once", sku="FR0001", quantity=1)
            await shop.rpc.AddToCart(add)
            await asyncio.to_thread(postgres.stop)
            for call in (
                lambda: shop.rpc.GetCart(pb.GetCartRequest(actor=shop.shopper())),
                lambda: shop.rpc.SearchProducts(pb.SearchProductsRequest(actor=shop.shopper(), query="苹果")),
                lambda: shop.rpc.AddToCart(add),
            ):
                await refused(call(), StatusCode.UNAVAILABLE, "database")
            await asyncio.to_thread(postgres.start)
            again = await shop.rpc.AddToCart(add)
            assert again.replayed
            assert [line.quantity for line in again.lines] == [1]
            assert (await shop.find("苹果"))[0].name_zh == "新鲜红富士苹果"
    finally:
        postgres.close()
