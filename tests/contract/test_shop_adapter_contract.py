"""One contract for the built-in shop on PostgreSQL and for a platform over HTTP."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
from support.shop import PostgresForTests, running_shop
from support.shop_platform import connected, example_platform

from voxcart.text_encoder import TextEncoder
from voxcart_api.shop.v1 import shop_pb2 as pb
from voxcart_api.shop.v1 import shop_pb2_grpc
from voxcart_services.shop.adapters.contract import ShopAdapterContract, ShopUnderTest, new_key, serving
from voxcart_services.shop.adapters.http.opening import http_adapter
from voxcart_services.shop.adapters.http.routes import ROUTES

pytestmark = pytest.mark.contract

pytest_plugins = ("support.shop",)

TENANT = "demo~contract"
SCARCE_UNITS = 5


@pytest.fixture(scope="module")
def built_in_shop(shop_postgres: PostgresForTests, shop_encoder: TextEncoder | None) -> Iterator[ShopUnderTest]:
    """A copy of the seeded shop, made once; what is known of it without a connection."""

    async def make() -> ShopUnderTest:
        async with running_shop(shop_postgres, shop_encoder, TENANT) as running:
            await running.rpc.CreateDemoTenant(pb.CreateDemoTenantRequest(tenant=TENANT))
            apple, scarce = await running.product("新鲜红富士苹果"), await running.product("海南香蕉")
            few = pb.UpdateProductRequest(
                actor=running.merchant, idempotency_key=new_key(), sku=scarce.sku, stock=pb.Change(set=SCARCE_UNITS)
            )
            await running.rpc.UpdateProduct(few)
            return ShopUnderTest(
                rpc=running.rpc,
                tenant=TENANT,
                foreign_tenant="demo",
                product=apple.sku,
                words="苹果",
                scarce=scarce.sku,
                prepare=lambda actor: _give_address(running.rpc, actor),
                merchant_id=running.merchant.user_id,
            )

    async def drop() -> None:
        async with running_shop(shop_postgres, shop_encoder, TENANT) as running:
            await running.rpc.DropDemoTenant(pb.DropDemoTenantRequest(tenant=TENANT))

    yield asyncio.run(make())
    asyncio.run(drop())


async def _give_address(rpc: shop_pb2_grpc.ShopStub, actor: pb.Actor) -> None:
    await rpc.ChangeAddress(pb.ChangeAddressRequest(actor=actor, idempotency_key=new_key(), address="某路1号"))


class TestPostgres(ShopAdapterContract):
    """The built-in shop."""

    @pytest.fixture
    async def shop(
        self, built_in_shop: ShopUnderTest, shop_postgres: PostgresForTests, shop_encoder: TextEncoder | None
    ) -> AsyncIterator[ShopUnderTest]:
        async with running_shop(shop_postgres, shop_encoder, TENANT) as running:
            rpc = running.rpc
            yield replace(built_in_shop, rpc=rpc, prepare=lambda actor: _give_address(rpc, actor))


@pytest.fixture(scope="module")
def platform_url() -> Iterator[str]:
    """The example platform, started once."""
    with example_platform() as url:
        yield url


class TestHttp(ShopAdapterContract):
    """A platform over HTTP: the example server."""

    @pytest.fixture
    async def shop(self, platform_url: str) -> AsyncIterator[ShopUnderTest]:
        async with connected(platform_url) as (_, platform), serving(http_adapter(platform)) as rpc:
            yield ShopUnderTest(
                rpc=rpc,
                tenant="demo",
                foreign_tenant="other",
                product="P-APPLE",
                words="苹果",
                scarce="P-LAMP",
                prepare=lambda actor: _give_address(rpc, actor),
                missing=frozenset(ROUTES) - frozenset(platform.calls),
            )
