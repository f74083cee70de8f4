"""The merchant's sales reports: figures of a period and of the one before, its course, products and categories.

Everything is computed from the orders themselves, so that a refund of today corrects the report of its order's day. One
statement reads the period once, orders by time with their lines, less what was given back of each line, into sums by
day (week, month) and product, of which all the rest is made. A refund of an amount alone is shared out over the lines
of its order to the cent.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.errors import InvalidInput
from voxcart_services.shop.lexicon_store import LexiconStore
from voxcart_services.shop.lifecycle import SOLD
from voxcart_services.shop.models import Actor, Product
from voxcart_services.shop.products import group_names, load_product, load_products
from voxcart_services.shop.report_periods import Bucket, bucket_start, chosen_bucket, split
from voxcart_services.shop.shop_settings import read_settings

DEFAULT_TOP = 5
MAX_TOP = 100
LONGEST = timedelta(days=3660)

_PREPARE = (text("SET LOCAL work_mem = '32MB'"), text("SET LOCAL jit = off"))
"""A year of orders is joined in memory; compiling the statement would take longer than running it."""
_GRANTED = "r.tenant = :tenant AND r.status IN ('approved', 'refunded') AND NOT r.exchange"
_LINES = f"""
WITH given AS MATERIALIZED (
    SELECT r.order_id, sum(r.amount_cents)::bigint AS cents FROM refunds r
      JOIN orders o ON o.tenant = r.tenant AND o.order_id = r.order_id
     WHERE {_GRANTED} AND o.created_at >= :since AND o.created_at < :until GROUP BY r.order_id
), shares AS (
    SELECT l.order_id, l.line_no, l.amount, o.total_cents,
           sum(l.amount) OVER (PARTITION BY l.order_id ORDER BY l.line_no) AS up_to
      FROM given g JOIN orders o ON o.tenant = :tenant AND o.order_id = g.order_id
      JOIN LATERAL (SELECT order_id, line_no, quantity * unit_price_cents - discount_cents AS amount
           FROM order_lines WHERE tenant = :tenant AND order_id = g.order_id) l ON TRUE
), back AS MATERIALIZED (
    SELECT order_id, line_no, sum(units)::bigint AS units, sum(cents)::bigint AS cents FROM (
        SELECT r.order_id, b.line_no, b.quantity AS units, b.amount_cents AS cents
          FROM given g JOIN refunds r ON r.order_id = g.order_id
          JOIN refund_lines b ON b.tenant = r.tenant AND b.refund_id = r.refund_id WHERE {_GRANTED}
        UNION ALL
        SELECT s.order_id, s.line_no, 0, round(r.amount_cents * s.up_to / nullif(s.total_cents, 0))
               - round(r.amount_cents * (s.up_to - s.amount) / nullif(s.total_cents, 0))
          FROM shares s JOIN refunds r ON r.order_id = s.order_id
         WHERE {_GRANTED}
           AND NOT EXISTS (SELECT 1 FROM refund_lines b WHERE b.tenant = r.tenant AND b.refund_id = r.refund_id)
    ) parts GROUP BY order_id, line_no
), lines AS (
    SELECT o.order_id, o.created_at, l.sku, l.line_no, l.quantity - coalesce(b.units, 0) AS units,
           l.quantity * l.unit_price_cents - l.discount_cents - coalesce(b.cents, 0) AS cents
      FROM orders o JOIN order_lines l ON l.tenant = :tenant AND l.order_id = o.order_id
      LEFT JOIN given g ON g.order_id = o.order_id
      LEFT JOIN back b ON b.order_id = l.order_id AND b.line_no = l.line_no
     WHERE o.tenant = :tenant AND o.status = ANY(:sold) AND o.created_at >= :since AND o.created_at < :until
       AND coalesce(g.cents, 0) < o.total_cents {{scope}}
)
"""
_TOTALS = "SELECT coalesce(sum(cents), 0) AS amount, coalesce(sum(units), 0) AS units, {orders} AS orders FROM lines"
_FIRST_LINES = "count(*) FILTER (WHERE line_no = 1)"
"""How many orders the lines of a whole shop are of: every order has a first line."""
_DISTINCT = "count(DISTINCT order_id)"
_COURSE = """, cells AS MATERIALIZED (
    SELECT date_trunc(:bucket, created_at, :zone) AS at, sku, sum(units)::bigint AS units, sum(cents)::bigint AS cents,
           count(*) FILTER (WHERE line_no = 1) AS firsts
      FROM lines GROUP BY 1, 2
), by_sku AS (
    SELECT sku, sum(units) AS units, sum(cents) AS cents FROM cells GROUP BY sku
), points AS (
    {points}
), never AS (
    SELECT p.sku FROM products p WHERE p.tenant = :tenant AND NOT p.delisted AND p.created_at < :since {products}
       AND NOT EXISTS (SELECT 1 FROM by_sku b WHERE b.sku = p.sku) ORDER BY p.sku LIMIT :top
)
SELECT 'point' AS what, NULL AS name, at, amount, units, orders FROM points
UNION ALL
(SELECT 'best', sku, NULL, cents, units, 0 FROM by_sku ORDER BY units DESC, cents DESC, sku LIMIT :top)
UNION ALL
(SELECT 'never', sku, NULL, 0, 0, 0 FROM never)
UNION ALL
(SELECT 'worst', b.sku, NULL, b.cents, b.units, 0 FROM by_sku b JOIN products p ON p.tenant = :tenant AND p.sku = b.sku
  WHERE NOT p.delisted AND p.created_at < :since ORDER BY b.units, b.cents, b.sku LIMIT :top)
UNION ALL
(SELECT 'category', p.category, NULL, sum(b.cents), sum(b.units), 0
   FROM by_sku b JOIN products p ON p.tenant = :tenant AND p.sku = b.sku
  GROUP BY p.category ORDER BY sum(b.cents) DESC, p.category LIMIT :top)
"""
_POINTS = "SELECT at, sum(cents) AS amount, sum(units) AS units, sum(firsts) AS orders FROM cells GROUP BY at"
_SCOPED_POINTS = (
    "SELECT date_trunc(:bucket, created_at, :zone) AS at, sum(cents) AS amount, sum(units) AS units, "
    "count(DISTINCT order_id) AS orders FROM lines GROUP BY 1"
)
_RATING = (
    "SELECT avg(v.stars) FROM reviews v WHERE v.tenant = :tenant AND v.created_at >= :since "
    "AND v.created_at < :until {scope}"
)
_REFUNDED = """
SELECT coalesce(sum(cents), 0) AS cents, count(DISTINCT refund_id) AS refunds FROM (
    SELECT r.refund_id, CASE WHEN b.refund_id IS NULL
           THEN round(r.amount_cents * (l.quantity * l.unit_price_cents - l.discount_cents) / nullif(o.total_cents, 0))
           ELSE b.amount_cents END AS cents
      FROM refunds r JOIN orders o USING (tenant, order_id) JOIN order_lines l USING (tenant, order_id)
      LEFT JOIN refund_lines b ON b.tenant = r.tenant AND b.refund_id = r.refund_id AND b.line_no = l.line_no
     WHERE r.tenant = :tenant AND r.created_at >= :since AND r.created_at < :until
       AND r.status IN ('approved', 'refunded') AND NOT r.exchange
       AND (b.refund_id IS NOT NULL OR NOT EXISTS
            (SELECT 1 FROM refund_lines x WHERE x.tenant = r.tenant AND x.refund_id = r.refund_id)) {scope}
) given
"""
_REFUNDED_WHOLE = """
SELECT coalesce(sum(amount_cents), 0) AS cents, count(*) AS refunds FROM refunds
 WHERE tenant = :tenant AND created_at >= :since AND created_at < :until
   AND status IN ('approved', 'refunded') AND NOT exchange
"""


@dataclass(frozen=True, slots=True)
class ReportQuery:
    """A period [since, until) and, if not empty, one product or one category by name."""

    since: datetime | None
    until: datetime | None
    sku: str = ""
    category: str = ""
    top: int = 0
    bucket: Bucket | None = None


@dataclass(frozen=True, slots=True)
class ProductSales:
    """What was sold of one product."""

    product: Product
    amount_cents: int
    units: int


@dataclass(frozen=True, slots=True)
class CategorySales:
    """What was sold of one category."""

    name_zh: str
    name_en: str
    amount_cents: int
    units: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Sales of a period: paid, less what was given back, without cancelled and wholly refunded orders.

    ``rating`` is ``None`` without reviews. ``refunded_cents`` and ``refunds`` count what was asked back in the period
    and granted, of whatever order.
    """

    amount_cents: int
    units: int
    orders: int
    rating: float | None
    refunded_cents: int
    refunds: int


@dataclass(frozen=True, slots=True)
class Point:
    """One day, week or month [since, until) of a report."""

    since: datetime
    until: datetime
    amount_cents: int = 0
    units: int = 0
    orders: int = 0


@dataclass(frozen=True, slots=True)
class SalesReport:
    """A period beside the one of the same length before."""

    figures: Figures
    previous: Figures
    best_sellers: tuple[ProductSales, ...]
    worst_sellers: tuple[ProductSales, ...]
    categories: tuple[CategorySales, ...]
    series: tuple[Point, ...]
    bucket: Bucket
    time_zone: str


def change_percent(now: float, before: float) -> float | None:
    """How much more there is than before, in percent; ``None`` if there was nothing."""
    return (now - before) * 100 / before if before > 0 else None


async def sales_report(conn: AsyncConnection, actor: Actor, lexicons: LexiconStore, query: ReportQuery) -> SalesReport:
    """Computes a report.

    Raises:
        NotAllowed: Not the merchant. ``NotFound``: no such product or shop.
        InvalidInput: A period that is missing, ends before it begins or is too long, or no such category.
    """
    actor.need_merchant()
    since, until = checked_period(query.since, query.until)
    if not 0 <= query.top <= MAX_TOP:
        raise InvalidInput(f"top must be 0 to {MAX_TOP}", field="top")
    settings = await read_settings(conn, actor.tenant)
    bucket = chosen_bucket(query.bucket, since, until)
    edges = split(since, until, bucket, settings.zone)
    scope, values = await _scope(conn, actor, lexicons, query)
    values |= {"tenant": actor.tenant, "sold": sorted(SOLD), "since": since, "until": until}
    asked = {"top": query.top or DEFAULT_TOP, "bucket": bucket.value, "zone": settings.time_zone}
    for setting in _PREPARE:
        await conn.execute(setting)
    parts = {"scope": _of(scope, "l.sku"), "products": scope and f"AND p.sku IN ({scope})"}
    parts |= {"points": _SCOPED_POINTS if scope else _POINTS, "orders": _DISTINCT if scope else _FIRST_LINES}
    rows: dict[str, list[Any]] = {}
    for row in await conn.execute(text((_LINES + _COURSE).format(**parts)), values | asked):
        rows.setdefault(row.what, []).append(row)
    before = values | {"since": since - (until - since), "until": since}
    previous = (await conn.execute(text((_LINES + _TOTALS).format(**parts)), before)).one()
    series = _series(edges, rows.get("point", ()), bucket, settings.zone)
    least = [*rows.get("never", ()), *rows.get("worst", ())][: asked["top"]]
    return SalesReport(
        figures=await _figures(conn, _sums(series), scope, values),
        previous=await _figures(conn, (previous.amount, previous.units, previous.orders), scope, before),
        best_sellers=await _products(conn, actor, rows.get("best", ())),
        worst_sellers=await _products(conn, actor, least),
        categories=tuple(
            CategorySales(*group_names(row.name), int(row.amount), int(row.units)) for row in rows.get("category", ())
        ),
        series=series,
        bucket=bucket,
        time_zone=settings.time_zone,
    )


def checked_period(since: datetime | None, until: datetime | None) -> tuple[datetime, datetime]:
    """A period that a report can be made of.

    Raises:
        InvalidInput: Missing, ends before it begins, longer than ten years, or so early that nothing lies before it.
    """
    if since is None or until is None:
        raise InvalidInput("from and to are required", field="from" if since is None else "to")
    if until <= since:
        raise InvalidInput("to must be after from", field="to")
    if until - since > LONGEST:
        raise InvalidInput(f"a report spans at most {LONGEST.days} days", field="to")
    if since < datetime(1970, 1, 1, tzinfo=UTC):
        raise InvalidInput("a report begins in 1970 at the earliest", field="from")
    return since, until


async def _scope(
    conn: AsyncConnection, actor: Actor, lexicons: LexiconStore, query: ReportQuery
) -> tuple[str, dict[str, Any]]:
    """A query of the SKUs that the report is about, empty for all, and its values."""
    if query.sku:
        await load_product(conn, actor.tenant, query.sku)
        return "SELECT CAST(:sku AS text)", {"sku": query.sku}
    if not query.category:
        return "", {}
    reading = (await lexicons.get(conn, actor.tenant, query.category)).goods(query.category)
    if not reading.has_target:
        raise InvalidInput(f"there is no category {query.category[:64]!r}", field="category")
    scope = (
        "SELECT c.sku FROM products c WHERE c.tenant = :tenant "
        "AND (c.kind = ANY(:kinds) OR c.category = ANY(:categories) OR c.department = ANY(:departments))"
    )
    return scope, {
        "kinds": sorted(reading.kinds),
        "categories": sorted(reading.categories),
        "departments": sorted(reading.departments),
    }


def _of(scope: str, column: str) -> str:
    return f"AND {column} IN ({scope})" if scope else ""


def _sums(series: tuple[Point, ...]) -> tuple[int, int, int]:
    """Amount, units and orders of a whole period; an order is of one point only."""
    amounts = ((point.amount_cents, point.units, point.orders) for point in series)
    return tuple(map(sum, zip(*amounts, strict=True)))  # type: ignore[return-value]


async def _figures(conn: AsyncConnection, totals: tuple[int, int, int], scope: str, values: dict[str, Any]) -> Figures:
    rating = (await conn.execute(text(_RATING.format(scope=_of(scope, "v.sku"))), values)).scalar()
    statement = _REFUNDED.format(scope=_of(scope, "l.sku")) if scope else _REFUNDED_WHOLE
    refunded = (await conn.execute(text(statement), values)).one()
    return Figures(
        amount_cents=int(totals[0]),
        units=int(totals[1]),
        orders=int(totals[2]),
        rating=float(rating) if rating is not None else None,
        refunded_cents=int(refunded.cents),
        refunds=refunded.refunds,
    )


def _series(edges: list[tuple[datetime, datetime]], rows: Any, bucket: Bucket, zone: ZoneInfo) -> tuple[Point, ...]:
    """The sums of every bucket, empty ones included."""
    by_start = {row.at: row for row in rows}
    points = []
    for since, until in edges:
        row = by_start.get(bucket_start(since, bucket, zone))
        points.append(
            Point(since, until, int(row.amount), int(row.units), int(row.orders)) if row else Point(since, until)
        )
    return tuple(points)


async def _products(conn: AsyncConnection, actor: Actor, rows: Any) -> tuple[ProductSales, ...]:
    products = await load_products(conn, actor.tenant, (row.name for row in rows))
    return tuple(
        ProductSales(products[row.name], int(row.amount), int(row.units)) for row in rows if row.name in products
    )
