"""Reading orders with their lines, shipment and refund, and listing them page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.errors import NotFound
from voxcart_services.shop.models import Actor, Order, OrderLine, Page, Refund, Role, Shipment, checked_id
from voxcart_services.shop.stock import Units

_SELECT = """
SELECT o.order_id, o.user_id, o.status, o.total_cents, o.payment_method, o.address, o.created_at,
       (SELECT json_agg(json_build_array(l.sku, l.variant_id, l.name_zh, l.name_en, l.color, l.size, l.quantity,
                                         l.unit_price_cents) ORDER BY l.line_no)
          FROM order_lines l WHERE l.tenant = o.tenant AND l.order_id = o.order_id) AS lines,
       s.carrier, s.tracking_no, s.shipped_at, s.expected_at, s.last_event,
       r.refund_id, r.status AS refund_status, r.amount_cents, r.reason, r.decision_reason, r.created_at AS refund_at
  FROM orders o
  LEFT JOIN shipments s ON s.tenant = o.tenant AND s.order_id = o.order_id
  LEFT JOIN LATERAL (SELECT * FROM refunds x WHERE x.tenant = o.tenant AND x.order_id = o.order_id
                     ORDER BY x.created_at DESC, x.refund_id LIMIT 1) r ON TRUE
"""
_BY_ID = text(_SELECT + " WHERE o.tenant = :tenant AND o.order_id = :order_id")
_LOCK = text("SELECT 1 FROM orders WHERE tenant = :tenant AND order_id = :order_id FOR UPDATE")


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which orders to list, newest first. Empty fields ask nothing; times are [from, to)."""

    statuses: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None
    product_query: str = ""
    page_size: int = 10
    offset: int = 0


async def load_order(conn: AsyncConnection, actor: Actor, order_id: str, *, lock: bool = False) -> Order:
    """An order that the actor may see: a shopper their own, the merchant any of the shop.

    Args:
        lock: Hold the order until the transaction ends.

    Raises:
        NotFound: None with this id, or it is another person's.
    """
    checked_id(order_id, "order_id")
    place = {"tenant": actor.tenant, "order_id": order_id}
    if lock:
        await conn.execute(_LOCK, place)
    row = (await conn.execute(_BY_ID, place)).one_or_none()
    if row is None or (actor.role is not Role.MERCHANT and row.user_id != actor.user_id):
        raise NotFound(f"there is no order {order_id!r}")
    return _order(row)


async def list_orders(conn: AsyncConnection, tenant: str, wanted: OrderFilter, user_id: str | None) -> Page:
    """Orders of one user, or of the whole shop if ``user_id`` is ``None``."""
    conditions = ["o.tenant = :tenant"]
    values: dict[str, Any] = {"tenant": tenant, "limit": wanted.page_size, "offset": wanted.offset}
    if user_id is not None:
        conditions.append("o.user_id = :user_id")
        values["user_id"] = user_id
    if wanted.statuses:
        conditions.append("o.status = ANY(:statuses)")
        values["statuses"] = list(wanted.statuses)
    if wanted.since is not None:
        conditions.append("o.created_at >= :since")
        values["since"] = wanted.since
    if wanted.until is not None:
        conditions.append("o.created_at < :until")
        values["until"] = wanted.until
    if wanted.product_query:
        conditions.append(
            "EXISTS (SELECT 1 FROM order_lines l WHERE l.tenant = o.tenant AND l.order_id = o.order_id "
            "AND (strpos(lower(l.name_zh), :product) > 0 OR strpos(lower(l.name_en), :product) > 0))"
        )
        values["product"] = wanted.product_query.strip().lower()
    where = " AND ".join(conditions)
    total = (await conn.execute(text(f"SELECT count(*) FROM orders o WHERE {where}"), values)).scalar_one()
    rows = await conn.execute(
        text(f"{_SELECT} WHERE {where} ORDER BY o.created_at DESC, o.order_id DESC LIMIT :limit OFFSET :offset"), values
    )
    end = wanted.offset + wanted.page_size
    return Page(tuple(_order(row) for row in rows), total, end if end < total else None)


def units_of(order: Order) -> list[Units]:
    """What an order takes from the stock."""
    return [Units(line.sku, line.variant_id, line.quantity) for line in order.lines]


def _order(row: Any) -> Order:
    shipment = None
    if row.carrier is not None:
        shipment = Shipment(row.carrier, row.tracking_no, row.shipped_at, row.expected_at, row.last_event)
    refund = None
    if row.refund_id is not None:
        refund = Refund(
            row.refund_id,
            row.order_id,
            row.refund_status,
            row.amount_cents,
            row.reason,
            row.decision_reason,
            row.refund_at,
        )
    return Order(
        order_id=row.order_id,
        user_id=row.user_id,
        status=row.status,
        total_cents=row.total_cents,
        payment_method=row.payment_method,
        address=row.address,
        created_at=row.created_at,
        lines=tuple(OrderLine(*values) for values in row.lines or ()),
        shipment=shipment,
        refund=refund,
    )
