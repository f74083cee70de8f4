"""Shops of one installation: the pristine demo shop, copies of it, and moving the dates of a copy.

The seed is written once into a template shop that nobody can address. The default shop and every demonstration tenant
are copies of the template, made with INSERT ... SELECT inside PostgreSQL, embeddings included.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.errors import AlreadyExists, InvalidInput
from voxcart.tenants import DEFAULT_TENANT
from voxcart_services.shop import schema
from voxcart_services.shop.catalogue_file import CatalogueRow, read_faq
from voxcart_services.shop.seed_history import DAY_ZERO, MERCHANT, SHOP_ZONE, SHOPPER, History

TEMPLATE_TENANT = ".seed"
"""Names that start with a dot cannot be given by a caller."""
MAX_TENANT_LENGTH = 64
SEEDED_COUPONS = (
    {"code": "新人立减10", "title": "新人立减10元", "cents_off": 1000, "threshold_cents": 5000, "per_user_limit": 1},
    {"code": "满300减40", "title": "满300元减40元", "cents_off": 4000, "threshold_cents": 30_000, "per_user_limit": 0},
)
"""What the demo shop takes off by code."""
EARLIEST = timedelta(minutes=5)
"""No copied event lies closer than this to the copy's now, or behind it."""

_LOW_ALREADY = sa.text(
    "INSERT INTO low_stock (tenant, sku) SELECT tenant, sku FROM stock JOIN tenants USING (tenant) "
    "WHERE tenant = :tenant GROUP BY tenant, sku, low_stock_threshold HAVING sum(available) <= low_stock_threshold"
)

_COPIED = (
    schema.users,
    schema.addresses,
    schema.products,
    schema.product_vectors,
    schema.variants,
    schema.stock,
    schema.low_stock,
    schema.orders,
    schema.order_lines,
    schema.payments,
    schema.shipments,
    schema.refunds,
    schema.reviews,
    schema.faq_documents,
    schema.faq_questions,
    schema.coupons,
)
_GROWN = (
    schema.carts,
    schema.cart_lines,
    schema.quotes,
    schema.ledger,
    schema.idempotency,
    schema.audit_log,
    schema.price_schedules,
    schema.staff,
    schema.low_stock_crossings,
)
"""What a shop has besides, made by its use."""
_FUTURE_TIMES = {"expected_at"}
_UNMOVED_TABLES = {"users", "products"}
_ROLLED = (schema.orders, schema.payments, schema.shipments, schema.refunds, schema.reviews)


def checked_tenant(name: str) -> str:
    """The name, if a new shop can have it.

    Raises:
        InvalidInput: Empty, longer than 64 characters, with control characters, or with a dot in front.
    """
    if not name or len(name) > MAX_TENANT_LENGTH or not name.isprintable() or name.startswith("."):
        raise InvalidInput(f"a tenant is named by 1 to {MAX_TENANT_LENGTH} printable characters, not a dot first")
    return name


async def tenant_exists(conn: AsyncConnection, tenant: str) -> bool:
    """Whether there is such a shop."""
    found = await conn.execute(sa.select(schema.tenants.c.tenant).where(schema.tenants.c.tenant == tenant))
    return found.first() is not None


async def write_template(conn: AsyncConnection, catalogue: list[CatalogueRow], history: History) -> None:
    """Writes the pristine demo shop."""
    await conn.execute(
        schema.tenants.insert(),
        {"tenant": TEMPLATE_TENANT, "anchored_at": DAY_ZERO},
    )
    for table, rows in _template_rows(catalogue, history):
        keyed = [{"tenant": TEMPLATE_TENANT, **row} for row in rows]
        for start in range(0, len(keyed), 500):
            await conn.execute(table.insert(), keyed[start : start + 500])
    await conn.execute(_LOW_ALREADY, {"tenant": TEMPLATE_TENANT})


def _template_rows(catalogue: list[CatalogueRow], history: History) -> list[tuple[sa.Table, list[dict[str, Any]]]]:
    documents = read_faq()
    products = [
        row.product
        | {
            "rating": row.rating,
            "units_sold": round(row.popularity * 20) + history.units.get(row.product["sku"], 0),
            "created_at": DAY_ZERO - timedelta(days=90 + (number * 37) % 300),
        }
        for number, row in enumerate(catalogue)
    ]
    choices = [(row.product["sku"], variant) for row in catalogue for variant in row.variants]
    variants = [{"sku": sku} | {k: v for k, v in variant.items() if k != "stock"} for sku, variant in choices]
    stock = [{"sku": sku, "variant_id": v["variant_id"], "available": v["stock"]} for sku, v in choices]
    questions = [{"faq_id": d["id"], **question} for d in documents for question in d["questions"]]
    answers = [
        {"faq_id": d["id"]} | {name: d[name] for name in ("title_zh", "title_en", "answer_zh", "answer_en")}
        for d in documents
    ]
    return [
        (schema.users, history.users),
        (schema.addresses, history.addresses),
        (schema.products, products),
        (schema.variants, variants),
        (schema.stock, _with_reservations(stock, history)),
        (schema.orders, [{"seeded": True, **order} for order in history.orders]),
        (schema.order_lines, history.order_lines),
        (schema.payments, history.payments),
        (schema.shipments, history.shipments),
        (schema.refunds, history.refunds),
        (schema.reviews, history.reviews),
        (schema.faq_documents, answers),
        (schema.faq_questions, questions),
        (schema.coupons, [dict(coupon) for coupon in SEEDED_COUPONS]),
    ]


def _with_reservations(stock: list[dict[str, Any]], history: History) -> list[dict[str, Any]]:
    """Adds what orders that have not been shipped hold back."""
    waiting = {order["order_id"] for order in history.orders if order["status"] in ("paid", "confirmed")}
    reserved: dict[tuple[str, str], int] = {}
    for line in history.order_lines:
        if line["order_id"] in waiting:
            place = (line["sku"], line["variant_id"])
            reserved[place] = reserved.get(place, 0) + line["quantity"]
    return [row | {"reserved": reserved.get((row["sku"], row["variant_id"]), 0)} for row in stock]


async def copy_template(conn: AsyncConnection, tenant: str, now: datetime | None = None) -> None:
    """Makes ``tenant`` a fresh copy of the pristine shop, with its dates moved so that its today is that of ``now``.

    Raises:
        AlreadyExists: The name is taken.
    """
    now = now or datetime.now(UTC)
    await conn.execute(text("SET LOCAL statement_timeout = '60s'"))  # one statement copies a whole table
    made = await conn.execute(
        text(
            "INSERT INTO tenants (tenant, copied_from, anchored_at) "
            "SELECT :tenant, tenant, :now FROM tenants WHERE tenant = :template "
            "ON CONFLICT DO NOTHING RETURNING tenant"
        ),
        {"tenant": tenant, "template": TEMPLATE_TENANT, "now": now},
    )
    if made.first() is None:
        raise AlreadyExists(f"there is a shop {tenant!r} already")
    values = {
        "tenant": tenant,
        "template": TEMPLATE_TENANT,
        "shift": _whole_days(DAY_ZERO, now),
        "latest": now - EARLIEST,
    }
    for table in _COPIED:
        await conn.execute(_copy_statement(table), values)
    await conn.execute(_COPY_CHARGES, values)
    await conn.execute(_COPY_LEDGER, values)
    # Without statistics the planner takes the new shop for empty, and reports over it take seconds.
    await conn.execute(text("ANALYZE " + ", ".join(table.name for table in _COPIED)))


_COPY_CHARGES = text(
    "INSERT INTO sandbox_charges (charge_id, status, amount_cents, refunded_cents) "
    "SELECT tenant || '/' || payment_id, 'captured', amount_cents, refunded_cents FROM payments WHERE tenant = :tenant"
)


_COPY_LEDGER = text(
    "INSERT INTO ledger (tenant, entry_id, order_id, payment_id, cents, at) "
    "SELECT tenant, kind || '/' || payment_id, order_id, payment_id, cents, created_at FROM payments, LATERAL "
    "(VALUES ('capture', captured_cents), ('refund', -refunded_cents)) AS moved(kind, cents) "
    "WHERE tenant = :tenant AND cents <> 0"
)


def _copy_statement(table: sa.Table) -> sa.TextClause:
    columns = [column.name for column in table.columns if column.computed is None]
    chosen = [":tenant" if name == "tenant" else _moved(table, name) for name in columns]
    return text(
        f"INSERT INTO {table.name} ({', '.join(columns)}) "
        f"SELECT {', '.join(chosen)} FROM {table.name} WHERE tenant = :template"
    )


def _moved(table: sa.Table, name: str) -> str:
    is_time = isinstance(table.columns[name].type, sa.DateTime)
    if not is_time:
        return name
    moved = f"{name} + CAST(:shift AS interval)"
    if name in _FUTURE_TIMES or table.name in _UNMOVED_TABLES:
        return moved
    return f"CASE WHEN {name} IS NOT NULL THEN LEAST({moved}, :latest) END"


def _whole_days(earlier: datetime, later: datetime) -> timedelta:
    """Days between two dates on the shop's calendar."""
    return timedelta(days=(later.astimezone(SHOP_ZONE).date() - earlier.astimezone(SHOP_ZONE).date()).days)


async def drop_tenant(conn: AsyncConnection, tenant: str) -> bool:
    """Deletes a copy and everything in it; whether there was one."""
    await conn.execute(
        text("DELETE FROM sandbox_charges c USING payments p WHERE p.tenant = :tenant "
             "AND c.charge_id = p.tenant || '/' || p.payment_id"),
        {"tenant": tenant},
    )  # fmt: skip
    for table in reversed((*_COPIED, *_GROWN)):
        await conn.execute(table.delete().where(table.c.tenant == tenant))
    gone = await conn.execute(schema.tenants.delete().where(schema.tenants.c.tenant == tenant))
    return gone.rowcount > 0


async def roll_dates(conn: AsyncConnection, tenant: str, now: datetime | None = None) -> int:
    """Moves the seeded history of a shop to today; by how many days.

    Orders that people made stay as they are, and so does a shop that is no copy of the template.
    """
    now = now or datetime.now(UTC)
    found = await conn.execute(
        text("SELECT anchored_at FROM tenants WHERE tenant = :tenant AND copied_from = :template FOR UPDATE"),
        {"tenant": tenant, "template": TEMPLATE_TENANT},
    )
    anchored_at = found.scalar()
    shift = _whole_days(anchored_at, now) if anchored_at else timedelta()
    if shift <= timedelta():
        return 0
    for table in _ROLLED:
        moved = ", ".join(
            f"{c.name} = {c.name} + CAST(:shift AS interval)" for c in table.columns if isinstance(c.type, sa.DateTime)
        )
        seeded = (
            ""
            if table is schema.reviews
            else ("AND order_id IN (SELECT order_id FROM orders WHERE tenant = :tenant AND seeded)")
        )
        await conn.execute(
            text(f"UPDATE {table.name} SET {moved} WHERE tenant = :tenant {seeded}"), {"tenant": tenant, "shift": shift}
        )
    await conn.execute(
        text("UPDATE tenants SET anchored_at = :now WHERE tenant = :tenant"), {"tenant": tenant, "now": now}
    )
    return shift.days


def demo_users() -> tuple[str, str]:
    """The seeded shopper and merchant."""
    return SHOPPER, MERCHANT


def is_protected(tenant: str) -> bool:
    """Whether a shop must not be dropped as a demonstration tenant."""
    return tenant in (DEFAULT_TENANT, TEMPLATE_TENANT)
