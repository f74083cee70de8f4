"""The merchant's sales reports: amount, units, orders and rating of a period, best sellers, and the period before."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.errors import InvalidInput
from voxcart_services.shop.lexicon_store import LexiconStore
from voxcart_services.shop.lifecycle import SOLD
from voxcart_services.shop.models import Actor, Product
from voxcart_services.shop.products import load_product, load_products

DEFAULT_TOP = 5
MAX_TOP = 100

_SALES = """
FROM orders o JOIN order_lines l USING (tenant, order_id) LEFT JOIN products p USING (tenant, sku)
CROSS JOIN LATERAL (SELECT coalesce(sum(b.quantity), 0) AS units, coalesce(sum(b.amount_cents), 0) AS cents
    FROM refunds r JOIN refund_lines b USING (tenant, refund_id)
    WHERE r.tenant = o.tenant AND r.order_id = o.order_id AND b.line_no = l.line_no
      AND r.status IN ('approved', 'refunded') AND NOT r.exchange) back
WHERE o.tenant = :tenant AND o.status = ANY(:sold) AND o.created_at >= :since AND o.created_at < :until
  AND o.total_cents > (SELECT coalesce(sum(r.amount_cents), 0) FROM refunds r WHERE r.tenant = o.tenant
                       AND r.order_id = o.order_id AND r.status IN ('approved', 'refunded') AND NOT r.exchange)
"""
_TOTALS = (
    "SELECT coalesce(sum(l.quantity * l.unit_price_cents - l.discount_cents - back.cents), 0) AS amount, "
    "coalesce(sum(l.quantity - back.units), 0) AS units, "
    "count(DISTINCT o.order_id) AS orders "
)
_BEST = (
    "SELECT l.sku, sum(l.quantity * l.unit_price_cents - l.discount_cents - back.cents) AS amount, "
    "sum(l.quantity - back.units) AS units "
)
_RATING = (
    "SELECT avg(v.stars) FROM reviews v JOIN products p USING (tenant, sku) "
    "WHERE v.tenant = :tenant AND v.created_at >= :since AND v.created_at < :until"
)


@dataclass(frozen=True, slots=True)
class ReportQuery:
    """A period [since, until) and, if not empty, one product or one category by name."""

    since: datetime | None
    until: datetime | None
    sku: str = ""
    category: str = ""
    top: int = 0


@dataclass(frozen=True, slots=True)
class ProductSales:
    """What was sold of one product."""

    product: Product
    amount_cents: int
    units: int


@dataclass(frozen=True, slots=True)
class SalesReport:
    """Sales of a period: paid, without cancelled and refunded orders. ``rating`` is ``None`` without reviews."""

    amount_cents: int
    units: int
    orders: int
    rating: float | None
    best_sellers: tuple[ProductSales, ...]
    previous_amount_cents: int


async def sales_report(conn: AsyncConnection, actor: Actor, lexicons: LexiconStore, query: ReportQuery) -> SalesReport:
    """Computes a report.

    Raises:
        NotAllowed: Not the merchant. ``NotFound``: no such product. ``InvalidInput``: no period, or no such category.
    """
    actor.need_merchant()
    if query.since is None or query.until is None or query.until <= query.since:
        raise InvalidInput("from and to are required, and to must be after from")
    scope, values = await _scope(conn, actor, lexicons, query)
    values |= {"tenant": actor.tenant, "sold": sorted(SOLD), "since": query.since, "until": query.until}
    totals = (await conn.execute(text(_TOTALS + _SALES + scope), values)).one()
    rating = (await conn.execute(text(_RATING + scope), values)).scalar()
    before = values | {"since": query.since - (query.until - query.since), "until": query.since}
    previous = (await conn.execute(text(_TOTALS + _SALES + scope), before)).one()
    return SalesReport(
        amount_cents=int(totals.amount),
        units=int(totals.units),
        orders=totals.orders,
        rating=float(rating) if rating is not None else None,
        best_sellers=await _best_sellers(conn, actor, scope, values, query.top),
        previous_amount_cents=int(previous.amount),
    )


async def _scope(
    conn: AsyncConnection, actor: Actor, lexicons: LexiconStore, query: ReportQuery
) -> tuple[str, dict[str, Any]]:
    if query.sku:
        await load_product(conn, actor.tenant, query.sku)
        return " AND p.sku = :sku", {"sku": query.sku}
    if not query.category:
        return "", {}
    reading = (await lexicons.get(conn, actor.tenant)).goods(query.category)
    if not reading.has_target:
        raise InvalidInput(f"there is no category {query.category[:64]!r}")
    scope = " AND (p.kind = ANY(:kinds) OR p.category = ANY(:categories) OR p.department = ANY(:departments))"
    return scope, {
        "kinds": sorted(reading.kinds),
        "categories": sorted(reading.categories),
        "departments": sorted(reading.departments),
    }


async def _best_sellers(
    conn: AsyncConnection, actor: Actor, scope: str, values: dict[str, Any], top: int
) -> tuple[ProductSales, ...]:
    if not 0 <= top <= MAX_TOP:
        raise InvalidInput(f"top must be 0 to {MAX_TOP}")
    ranked = text(f"{_BEST}{_SALES}{scope} GROUP BY l.sku ORDER BY units DESC, amount DESC, l.sku LIMIT :top")
    rows = list(await conn.execute(ranked, values | {"top": top or DEFAULT_TOP}))
    products = await load_products(conn, actor.tenant, (row.sku for row in rows))
    return tuple(
        ProductSales(products[row.sku], int(row.amount), int(row.units)) for row in rows if row.sku in products
    )
