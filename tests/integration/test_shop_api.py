"""The shop's gRPC face on PostgreSQL: deadlines, masks, page tokens, and input that cannot be."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest
from grpc import StatusCode
from sqlalchemy import text
from support.shop import PostgresForTests, Shop, refused

from voxcart.errors import DeadlineMissed
from voxcart_api.shop.v1 import shop_pb2 as pb
from voxcart_services.shop.database import Database
from voxcart_services.shop.deadline import ends_within

pytestmark = pytest.mark.integration

pytest_plugins = ("support.shop",)

APPLE = "新鲜红富士苹果"
WAITING = text(
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'voxcart-shop'"
)


async def test_a_statement_runs_no_longer_than_its_call(shop_postgres: PostgresForTests) -> None:
    database = Database.open(shop_postgres.url, statement_seconds=60.0)
    await database.wait_until_ready(20)
    try:

        async def limit(conn: Any) -> str:
            return (await conn.execute(text("SELECT current_setting('statement_timeout')"))).scalar_one()

        assert await database.run("demo", limit) == "1min"
        with ends_within(3600.0):
            assert await database.run("demo", limit) == "1min"
        with ends_within(0.3), pytest.raises(DeadlineMissed):
            await database.run("demo", lambda conn: conn.execute(text("SELECT pg_sleep(30)")))
        assert await database.run("demo", limit) == "1min"
        with pytest.raises(DeadlineMissed), ends_within(0.0):
            raise AssertionError("there was no time left")
    finally:
        await database.aclose()


async def test_a_call_that_is_over_waits_for_nothing_in_the_database(shop: Shop) -> None:
    apple = await shop.product(APPLE)
    await shop.add(APPLE)
    add = pb.AddToCartRequest(actor=shop.shopper(), idempotency_key=shop.key(), sku=apple.sku, quantity=1)
    async with shop.parts.database.transaction(shop.tenant) as conn:
        await conn.execute(text("SELECT 1 FROM carts WHERE tenant = :tenant FOR UPDATE"), {"tenant": shop.tenant})
        await refused(shop.rpc.AddToCart(add, timeout=0.5), StatusCode.DEADLINE_EXCEEDED)
        async with asyncio.timeout(20):
            while (await conn.execute(WAITING)).scalar_one():
                await asyncio.sleep(0.05)
    assert not (await shop.rpc.AddToCart(add)).replayed


async def test_a_read_mask_cuts_what_is_not_wanted(seeded_shop: Shop) -> None:
    rpc, actor = seeded_shop.rpc, seeded_shop.shopper()
    whole = await seeded_shop.product(APPLE)
    get = pb.GetProductRequest(actor=actor, sku=whole.sku, read_mask={"paths": ["name_zh", "price.cents"]})
    assert await rpc.GetProduct(get) == pb.Product(name_zh=whole.name_zh, price={"cents": whole.price.cents})
    get.read_mask.paths[:] = ["*"]
    assert await rpc.GetProduct(get) == whole
    search = pb.SearchProductsRequest(actor=actor, query=APPLE, read_mask={"paths": ["sku"]})
    found = await rpc.SearchProducts(search)
    assert found.hits[0].product == pb.Product(sku=whole.sku)
    assert found.hits[0].score > 0
    orders = pb.ListOrdersRequest(actor=actor, read_mask={"paths": ["order_id", "lines"]})
    for order in (await rpc.ListOrders(orders)).orders:
        assert order.lines
        assert not order.status


@pytest.mark.parametrize("path", ["nope", "price.nope", "hits.product", "", "variants.stock", "x" * 5000])
async def test_a_mask_that_names_nothing_is_refused(seeded_shop: Shop, path: str) -> None:
    get = pb.GetProductRequest(actor=seeded_shop.shopper(), sku="FR0001", read_mask={"paths": [path]})
    await refused(seeded_shop.rpc.GetProduct(get), StatusCode.INVALID_ARGUMENT, "read_mask")


async def test_an_update_mask_says_what_may_change(shop: Shop) -> None:
    apple = await shop.product(APPLE)

    def update(paths: list[str], **change: Any) -> Awaitable[pb.UpdateProductResponse]:
        request = pb.UpdateProductRequest(
            actor=shop.merchant, idempotency_key=shop.key(), sku=apple.sku, update_mask={"paths": paths}, **change
        )
        return shop.rpc.UpdateProduct(request)

    both = {"price": pb.Change(set=3500), "stock": pb.Change(set=7)}
    assert (await update(["stock"], **both)).product.stock == 7
    assert (await shop.product(APPLE)).price == apple.price
    assert (await update(["*"], **both)).product.price.cents == 3500
    for paths in (["nope"], ["sku"], ["price.set"], ["name_zh"]):
        await refused(update(paths, **both), StatusCode.INVALID_ARGUMENT)
