"""Tenants are apart in the database itself: a query without a tenant filter finds nothing of another shop."""

import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from grpc import StatusCode
from sqlalchemy import exc, make_url, text
from support.shop import PostgresForTests, Shop, refused, running_shop

from voxcart.errors import WrongState
from voxcart_api.shop.v1 import shop_pb2 as pb
from voxcart_services.shop import schema
from voxcart_services.shop.bootstrap import prepare
from voxcart_services.shop.database import Database
from voxcart_services.shop.tenancy import APP_ROLE, SYSTEM, SYSTEM_TABLES

pytestmark = pytest.mark.integration
pytest_plugins = ("support.shop",)

APPLE = "新鲜红富士苹果"
TENANT_TABLES = sorted(name for name, table in schema.metadata.tables.items() if "tenant" in table.columns)


async def test_every_table_of_tenants_has_a_policy_that_holds_its_owner_too(seeded_shop: Shop) -> None:
    forced = text(
        "SELECT c.relname FROM pg_class c JOIN pg_policies p ON p.tablename = c.relname "
        "WHERE c.relrowsecurity AND c.relforcerowsecurity"
    )
    async with seeded_shop.parts.database.transaction(SYSTEM) as conn:
        held = {row.relname for row in await conn.execute(forced)}
    assert held.issuperset({*TENANT_TABLES, "outbox"})


async def test_a_query_without_a_filter_finds_nothing_of_another_shop(shop: Shop) -> None:
    await shop.order(APPLE)
    await shop.add(APPLE)
    for table in TENANT_TABLES:
        async with shop.parts.database.transaction(shop.tenant) as conn:
            seen = {row.tenant for row in await conn.execute(text(f"SELECT DISTINCT tenant FROM {table}"))}
        assert seen <= {shop.tenant}, table
        async with shop.parts.database.transaction("nobody") as conn:
            assert (await conn.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one() == 0, table


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE products SET price_cents = 1",
        "UPDATE stock SET available = 0",
        "DELETE FROM orders",
        "DELETE FROM users",
        "UPDATE payments SET refunded_cents = amount_cents",
    ],
)
async def test_a_change_without_a_filter_changes_nothing_of_another_shop(seeded_shop: Shop, statement: str) -> None:
    async with seeded_shop.parts.database.transaction("nobody") as conn:
        assert (await conn.execute(text(statement))).rowcount == 0


async def test_a_row_of_another_shop_cannot_be_written(seeded_shop: Shop) -> None:
    insert = text("INSERT INTO users (tenant, user_id) VALUES ('demo', 'intruder')")
    with pytest.raises(exc.ProgrammingError, match="row-level security"):
        async with seeded_shop.parts.database.transaction("nobody") as conn:
            await conn.execute(insert)


@pytest.mark.parametrize("table", sorted(SYSTEM_TABLES))
async def test_the_payment_companys_books_are_closed_to_tenants(seeded_shop: Shop, table: str) -> None:
    with pytest.raises(exc.ProgrammingError, match="permission denied"):
        async with seeded_shop.parts.database.transaction("demo") as conn:
            await conn.execute(text(f"SELECT count(*) FROM {table}"))


async def test_events_are_left_by_tenants_and_read_by_none(shop: Shop) -> None:
    await shop.add(APPLE)
    async with shop.parts.database.transaction(SYSTEM) as conn:
        assert (await conn.execute(text("SELECT count(*) FROM outbox"))).scalar_one() > 0
    async with shop.parts.database.transaction(shop.tenant) as conn:
        assert (await conn.execute(text("SELECT count(*) FROM outbox"))).scalar_one() == 0
        assert (await conn.execute(text("DELETE FROM outbox"))).rowcount == 0


async def test_a_tenants_transaction_cannot_take_the_system_mode(shop: Shop) -> None:
    async with shop.parts.database.transaction(shop.tenant) as conn:
        await conn.execute(text("SELECT set_config('voxcart.mode', 'system', true)"))
        assert (await conn.execute(text("SELECT count(DISTINCT tenant) FROM products"))).scalar_one() == 1


async def test_a_transaction_leaves_no_trace_on_its_connection(shop: Shop) -> None:
    """Connections are used again; neither tenant nor mode may stay with them."""
    for _ in range(20):
        async with shop.parts.database.transaction(SYSTEM):
            pass
        async with shop.parts.database.transaction("nobody") as conn:
            assert (await conn.execute(text("SELECT count(*) FROM tenants"))).scalar_one() == 0


def _foreign_calls(shop: Shop, order_id: str, refund_id: str) -> list[Callable[[], Awaitable[Any]]]:
    rpc, key = shop.rpc, shop.key
    actor, owner = pb.Actor(user_id="demo-shopper"), pb.Actor(user_id="demo-merchant", role=shop.merchant.role)
    return [
        lambda: rpc.GetOrder(pb.GetOrderRequest(actor=actor, order_id=order_id)),
        lambda: rpc.GetOrder(pb.GetOrderRequest(actor=owner, order_id=order_id)),
        lambda: rpc.Pay(pb.PayRequest(actor=actor, idempotency_key=key(), order_id=order_id)),
        lambda: rpc.CancelOrder(pb.CancelOrderRequest(actor=actor, idempotency_key=key(), order_id=order_id)),
        lambda: rpc.RequestRefund(pb.RequestRefundRequest(actor=actor, idempotency_key=key(), order_id=order_id)),
        lambda: rpc.ChangeAddress(
            pb.ChangeAddressRequest(actor=actor, idempotency_key=key(), order_id=order_id, address="某路1号")
        ),
        lambda: rpc.ConfirmOrder(pb.ConfirmOrderRequest(actor=owner, idempotency_key=key(), order_id=order_id)),
        lambda: rpc.ShipOrder(pb.ShipOrderRequest(actor=owner, idempotency_key=key(), order_id=order_id)),
        lambda: rpc.ProcessRefund(
            pb.ProcessRefundRequest(actor=owner, idempotency_key=key(), refund_id=refund_id, approve=True)
        ),
    ]


async def test_ids_of_another_shop_are_not_found(shop: Shop) -> None:
    order = await shop.order(APPLE)
    ask = pb.RequestRefundRequest(actor=shop.shopper(), idempotency_key=shop.key(), order_id=order.order_id)
    refund = await shop.rpc.RequestRefund(ask)
    for call in _foreign_calls(shop, order.order_id, refund.refund_id):
        await refused(call(), StatusCode.NOT_FOUND)
    again = await shop.rpc.GetOrder(pb.GetOrderRequest(actor=shop.shopper(), order_id=order.order_id))
    assert (again.status, again.refund.status) == ("paid", "requested")


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[PostgresForTests]:
    """A PostgreSQL in which the shop is not at home: users with fewer rights are made in it."""
    postgres = PostgresForTests(Path(tempfile.mkdtemp(prefix="voxcart-shop-users-")))
    try:
        yield postgres
    finally:
        postgres.close()


def _database_of(postgres: PostgresForTests, user: str, rights: str) -> str:
    """URL of a new database that belongs to a new user with these rights."""
    url = make_url(postgres.url)
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as conn:
        conn.execute(f"CREATE ROLE {user} LOGIN PASSWORD 'secret' {rights}")
        conn.execute(f"CREATE DATABASE {user} OWNER {user}")
    there = url.set(database=user)
    with psycopg.connect(there.set(drivername="postgresql").render_as_string(hide_password=False)) as conn:
        conn.execute("CREATE EXTENSION IF NOT EXISTS vector")
    return there.set(username=user, password="secret").render_as_string(hide_password=False)


async def test_an_owner_without_rights_to_make_roles_is_held_by_the_policies(own_postgres: PostgresForTests) -> None:
    url = _database_of(own_postgres, "plain_owner", "")
    database = Database.open(url)
    try:
        await prepare(database, None, seed=True, demo=True)
        await prepare(database, None, seed=True, demo=True)
        async with database.transaction("demo") as conn:
            assert (await conn.execute(text("SELECT current_user"))).scalar_one() == "plain_owner"
            assert (await conn.execute(text("SELECT count(DISTINCT tenant) FROM products"))).scalar_one() == 1
        async with database.transaction("nobody") as conn:
            assert (await conn.execute(text("SELECT count(*) FROM products"))).scalar_one() == 0
    finally:
        await database.aclose()

    async with running_shop(own_postgres, None, "demo", url) as shop:
        order = await shop.order(APPLE)
        assert order.status == "paid"


async def test_a_user_that_no_policy_holds_needs_the_role(own_postgres: PostgresForTests) -> None:
    url = _database_of(own_postgres, "unheld", "BYPASSRLS")
    plain = make_url(own_postgres.url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as conn:
        assert conn.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [APP_ROLE]).fetchone() is None
    database = Database.open(url)
    try:
        with pytest.raises(WrongState, match="may not create roles"):
            await database.migrate()
    finally:
        await database.aclose()
