"""First start: schema, seed, embeddings, the default shop and its first events. Safe if several start at once."""

import asyncio
import time

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.telemetry.logs import get_logger
from voxcart.tenants import DEFAULT_TENANT
from voxcart_api.bus.v1.bus_pb2 import UserEvent
from voxcart_services.shop.catalogue_file import CatalogueRow, read_catalogue
from voxcart_services.shop.database import MIGRATION_LOCK, Database
from voxcart_services.shop.embedding import Embedder
from voxcart_services.shop.lifecycle import SOLD
from voxcart_services.shop.models import Actor, Role
from voxcart_services.shop.outbox import add_events, product_changed, user_event
from voxcart_services.shop.products import load_all_products
from voxcart_services.shop.seed_embeddings import embed_seed
from voxcart_services.shop.seed_history import History, HistoryWriter
from voxcart_services.shop.tenancy import SYSTEM
from voxcart_services.shop.tenants import TEMPLATE_TENANT, copy_template, roll_dates, tenant_exists, write_template

log = get_logger(__name__)

_BOUGHT = text(
    "SELECT o.order_id, o.user_id, o.created_at, l.line_no, l.sku, l.quantity FROM orders o "
    "JOIN order_lines l USING (tenant, order_id) WHERE o.tenant = :tenant AND o.status = ANY(:sold) "
    "ORDER BY o.created_at, o.order_id, l.line_no"
)


async def prepare(database: Database, embedder: Embedder | None, *, seed: bool, demo: bool) -> None:
    """Brings an empty or older database to what this version needs.

    Args:
        embedder: Computes the embeddings of the seed, once. Without one the seed has none.
        seed: Write the demo shop if there is none.
        demo: Move the seeded history to today.
    """
    await database.migrate()
    started = time.monotonic()

    async def work(conn: AsyncConnection) -> bool:
        await conn.execute(text("SET LOCAL statement_timeout = 0"))
        await conn.execute(text("SET LOCAL lock_timeout = 0"))
        await conn.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        await conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        made = seed and await _seed(conn, embedder)
        if demo:
            await roll_dates(conn, DEFAULT_TENANT)
        return made

    async with database.transaction(SYSTEM) as conn:
        if await work(conn):
            log.info("demo shop written", seconds=round(time.monotonic() - started, 2))


async def _seed(conn: AsyncConnection, embedder: Embedder | None) -> bool:
    """Writes the template and the default shop if they are not there; whether it did."""
    if await tenant_exists(conn, DEFAULT_TENANT):
        return False
    if not await tenant_exists(conn, TEMPLATE_TENANT):
        catalogue, history = await asyncio.to_thread(_made_up)
        await write_template(conn, catalogue, history)
        if embedder is not None:
            await embed_seed(conn, TEMPLATE_TENANT, catalogue, embedder)
    await copy_template(conn, DEFAULT_TENANT)
    await _first_events(conn)
    return True


def _made_up() -> tuple[list[CatalogueRow], History]:
    catalogue = read_catalogue()
    return catalogue, HistoryWriter(catalogue).write()


async def _first_events(conn: AsyncConnection) -> None:
    """The whole catalogue, and who bought what: services that follow the bus start with the shop's history."""
    products = await load_all_products(conn, DEFAULT_TENANT)
    await add_events(conn, [product_changed(DEFAULT_TENANT, product) for product in products])
    rows = await conn.execute(_BOUGHT, {"tenant": DEFAULT_TENANT, "sold": sorted(SOLD)})
    await add_events(
        conn,
        [
            user_event(
                Actor(DEFAULT_TENANT, row.user_id, Role.SHOPPER),
                UserEvent.TYPE_BUY,
                row.sku,
                event_id=f"buy/{DEFAULT_TENANT}/{row.order_id}/{row.line_no}",
                quantity=row.quantity,
                order_id=row.order_id,
                at=row.created_at,
            )
            for row in rows
        ],
    )
