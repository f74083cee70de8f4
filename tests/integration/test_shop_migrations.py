"""A shop of the first version keeps its orders and money when it is brought to the newest."""

from typing import Any

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import make_url, text
from support.shop import PostgresForTests

from voxcart_services.shop.database import MIGRATIONS, Database
from voxcart_services.shop.tenancy import SYSTEM

pytestmark = pytest.mark.integration
pytest_plugins = ("support.shop",)

OLD_DATA = """
INSERT INTO tenants (tenant, lexicon_version) VALUES ('old', 'v1');
INSERT INTO users (tenant, user_id) VALUES ('old', 'ann');
INSERT INTO carts (tenant, user_id, next_line) VALUES ('old', 'ann', 4);
INSERT INTO orders (tenant, order_id, user_id, status, total_cents, delivered_at) VALUES
    ('old', '1', 'ann', 'paid', 3900, NULL), ('old', '2', 'ann', 'cancelled', 500, NULL),
    ('old', '3', 'ann', 'pending_payment', 700, NULL), ('old', '4', 'ann', 'delivered', 900, now());
INSERT INTO payments (tenant, payment_id, order_id, status, method, amount_cents, refunded_cents) VALUES
    ('old', 'p1', '1', 'captured', 'card', 3900, 0), ('old', 'p2', '2', 'captured', 'card', 500, 500),
    ('old', 'p3', '3', 'declined', 'card', 700, 0), ('old', 'p4', '4', 'captured', 'card', 900, 0),
    ('old', 'p5', '2', 'voided', 'card', 500, 500), ('old', 'p6', '3', 'started', 'card', 700, 0);
INSERT INTO refunds (tenant, refund_id, order_id, status, amount_cents) VALUES ('old', 'R2', '2', 'refunded', 500);
INSERT INTO shipments (tenant, order_id, carrier) VALUES ('old', '4', '顺丰');
"""


def _to_first(connection: Any) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "0001")


async def test_an_old_shop_keeps_its_orders_and_money(shop_postgres: PostgresForTests) -> None:
    url = make_url(shop_postgres.url)
    with psycopg.connect(url.set(drivername="postgresql").render_as_string(False), autocommit=True) as conn:
        conn.execute("CREATE DATABASE old_shop")
    database = Database.open(url.set(database="old_shop").render_as_string(False))
    try:
        async with database.transaction(SYSTEM) as conn:
            await conn.run_sync(_to_first)
        async with database.transaction(SYSTEM) as conn:
            for statement in OLD_DATA.split(";\n"):
                if statement.strip():
                    await conn.execute(text(statement))
        await database.migrate()
        await database.migrate()
        async with database.transaction("old") as conn:
            payments = {
                row.payment_id: (row.status, row.captured_cents, row.refunded_cents, row.settled)
                for row in await conn.execute(text("SELECT * FROM payments"))
            }
            entries = {row.entry_id: row.cents for row in await conn.execute(text("SELECT * FROM ledger"))}
            waiting = await conn.execute(text("SELECT order_id FROM orders WHERE expires_at > now()"))
            expiring = [row.order_id for row in waiting]
            parcel = (await conn.execute(text("SELECT status FROM shipments"))).scalar_one()
    finally:
        await database.aclose()
    assert payments == {
        "p1": ("captured", 3900, 0, False),
        "p2": ("captured", 500, 500, False),
        "p3": ("declined", 0, 0, False),
        "p4": ("captured", 900, 0, False),
        "p5": ("voided", 500, 500, True),
        "p6": ("started", 0, 0, False),
    }
    assert entries == {
        "capture/p1": 3900,
        "capture/p2": 500,
        "refund/p2": -500,
        "capture/p4": 900,
        "capture/p5": 500,
        "refund/p5": -500,
    }
    assert expiring == ["3"]
    assert parcel == "delivered"
