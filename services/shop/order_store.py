"""Reading orders with their lines, shipment and refund, and listing them page by page."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.errors import NotFound
from voxcart_services.shop.models import (
    Actor,
    Order,
    OrderLine,
    Page,
    Payment,
    Refund,
    RefundLine,
    Return,
    Role,
    Shipment,
    checked_id,
)
from voxcart_services.shop.paging import PageRequest
from voxcart_services.shop.stock import Units

_SELECT = """
SELECT o.order_id, o.user_id, o.status, o.total_cents, o.discount_cents, o.coupon_code, o.cancel_reason, o.expires_at,
       o.payment_method, o.address, o.created_at,
       (SELECT json_agg(json_build_array(l.sku, l.variant_id, l.name_zh, l.name_en, l.color, l.size, l.quantity,
                                         l.unit_price_cents, l.line_no, l.discount_cents, l.taken_out,
               coalesce((SELECT sum(b.quantity) FROM refund_lines b JOIN refunds r USING (tenant, refund_id)
                          WHERE b.tenant = l.tenant AND r.order_id = l.order_id AND b.line_no = l.line_no
                            AND r.status <> 'rejected' AND NOT r.exchange), 0)) ORDER BY l.line_no)
          FROM order_lines l WHERE l.tenant = o.tenant AND l.order_id = o.order_id) AS lines,
       s.carrier, s.tracking_no, s.shipped_at, s.expected_at, s.last_event, s.status AS shipment_status,
       s.delivered_at AS parcel_delivered_at,
       (SELECT json_agg(json_build_array(r.refund_id, r.order_id, r.status, r.amount_cents, r.reason, r.decision_reason,
                                         r.created_at, r.exchange,
               (SELECT json_agg(json_build_array(b.line_no, b.quantity, b.amount_cents) ORDER BY b.line_no)
                  FROM refund_lines b WHERE b.tenant = r.tenant AND b.refund_id = r.refund_id),
               (SELECT min(t.return_id) FROM returns t WHERE t.tenant = r.tenant AND t.refund_id = r.refund_id))
               ORDER BY r.created_at DESC, r.refund_id DESC)
          FROM refunds r WHERE r.tenant = o.tenant AND r.order_id = o.order_id) AS refunds,
       (SELECT json_agg(json_build_array(t.return_id, t.order_id, t.refund_id, t.status, t.carrier, t.tracking_no,
                                         t.created_at) ORDER BY t.created_at DESC, t.return_id DESC)
          FROM returns t WHERE t.tenant = o.tenant AND t.order_id = o.order_id) AS returns,
       (SELECT json_build_array(p.status, p.method, p.captured_cents, p.refunded_cents, p.decline_reason)
          FROM payments p WHERE p.tenant = o.tenant AND p.order_id = o.order_id
         ORDER BY p.status = 'captured' DESC, p.created_at DESC LIMIT 1) AS payment
  FROM orders o
  LEFT JOIN shipments s ON s.tenant = o.tenant AND s.order_id = o.order_id
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
    page: PageRequest = field(default_factory=lambda: PageRequest(10))


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
    page = wanted.page
    values: dict[str, Any] = {"tenant": tenant, "limit": page.size + 1}
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
    if page.after is not None:
        where += " AND (o.created_at, o.order_id) < (CAST(:after_at AS timestamptz), :after_id)"
        values["after_at"], values["after_id"] = page.after
    rows = await conn.execute(
        text(f"{_SELECT} WHERE {where} ORDER BY o.created_at DESC, o.order_id DESC LIMIT :limit"), values
    )
    return page.of_rows([_order(row) for row in rows], total, lambda order: (order.created_at, order.order_id))


def units_of(order: Order) -> list[Units]:
    """What an order holds back in the stock: its units without those that were taken out before shipping."""
    held = ((line, line.quantity - line.taken_out) for line in order.lines)
    return [Units(line.sku, line.variant_id, units) for line, units in held if units > 0]


def read_refund(values: list[Any]) -> Refund:
    """A refund from its JSON array."""
    *head, created_at, exchange, lines, return_id = values
    return Refund(
        *head,
        created_at=datetime.fromisoformat(created_at),
        exchange=exchange,
        lines=tuple(RefundLine(*line) for line in lines or ()),
        return_id=return_id or "",
    )


def _order(row: Any) -> Order:
    shipment = None
    if row.carrier is not None:
        shipment = Shipment(
            row.carrier,
            row.tracking_no,
            row.shipped_at,
            row.expected_at,
            row.last_event,
            row.shipment_status,
            row.parcel_delivered_at,
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
        refunds=tuple(read_refund(values) for values in row.refunds or ()),
        discount_cents=row.discount_cents,
        coupon_code=row.coupon_code,
        cancel_reason=row.cancel_reason,
        expires_at=row.expires_at,
        payment=Payment(*row.payment) if row.payment else None,
        returns=tuple(Return(*values[:6], datetime.fromisoformat(values[6])) for values in row.returns or ()),
    )
