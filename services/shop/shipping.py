"""Parcels: handing orders to a carrier, what the carrier tells of them, and completing what was delivered."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.errors import InvalidInput, NotFound, WrongState
from voxcart_services.shop import audit, schema
from voxcart_services.shop.lifecycle import OrderStatus, RefundStatus, Step, require
from voxcart_services.shop.models import Actor, Order, checked_id, checked_text
from voxcart_services.shop.order_store import load_order, units_of
from voxcart_services.shop.orders import set_status
from voxcart_services.shop.stock import consume

USUAL_CARRIER = "顺丰"
DELIVERY_TIME = timedelta(days=2)
CLOCK_TOLERANCE = timedelta(minutes=10)
PARCEL_STATES = ("in_transit", "out_for_delivery", "delivered", "failed")

_BY_TRACKING = text(
    "SELECT order_id FROM shipments WHERE tenant = :tenant AND tracking_no = :tracking_no "
    "ORDER BY shipped_at DESC LIMIT 2"
)
_MOVE = text(
    "UPDATE shipments SET status = :status, last_event = :description, last_event_at = :at, "
    "delivered_at = CASE WHEN :status = 'delivered' THEN :at ELSE delivered_at END "
    "WHERE tenant = :tenant AND order_id = :order_id AND status <> 'delivered' "
    "AND (last_event_at IS NULL OR last_event_at <= :at)"
)
_SPOKEN = {
    "in_transit": "运输途中",
    "out_for_delivery": "正在派送途中",
    "delivered": "已签收",
    "failed": "派送失败，等待再次派送",
}


@dataclass(frozen=True, slots=True)
class CarrierEvent:
    """What a carrier says about a parcel; named by its order or its tracking number."""

    order_id: str
    tracking_no: str
    status: str
    description: str = ""
    at: datetime | None = None


async def ship_order(conn: AsyncConnection, actor: Actor, order_id: str, carrier: str, tracking_no: str) -> Order:
    """The merchant hands an order to a carrier; a paid order is confirmed on the way.

    Raises:
        NotAllowed: Not the merchant. ``WrongState``: not paid, or shipped already.
    """
    actor.need_merchant()
    carrier = checked_text(carrier, "carrier", 64, required=False) or USUAL_CARRIER
    tracking_no = checked_text(tracking_no, "tracking_no", 64, required=False)
    order = await load_order(conn, actor, order_id, lock=True)
    require(Step.SHIP, order_id, order.status)
    if any(refund.status == RefundStatus.REQUESTED for refund in order.refunds):
        raise WrongState(f"order {order_id} has an open refund; decide it first", reason="open_refund")
    if order.status == OrderStatus.PAID:
        await set_status(conn, actor.tenant, order_id, OrderStatus.CONFIRMED)
    await consume(conn, actor.tenant, units_of(order))
    await set_status(conn, actor.tenant, order_id, OrderStatus.SHIPPED)
    now = datetime.now(UTC)
    await conn.execute(
        schema.shipments.insert(),
        {
            "tenant": actor.tenant,
            "order_id": order_id,
            "carrier": carrier,
            "tracking_no": tracking_no,
            "shipped_at": now,
            "expected_at": now + DELIVERY_TIME,
            "last_event": "商家已发货，等待揽收",
        },
    )
    await audit.record(conn, actor, "ship_order", order_id, carrier=carrier, tracking_no=tracking_no)
    return await load_order(conn, actor, order_id)


async def record_carrier_event(conn: AsyncConnection, actor: Actor, event: CarrierEvent) -> Order:
    """Notes where a parcel is. Events may come late and out of order: only the newest counts, and delivered is final.

    Raises:
        NotAllowed: Not the merchant. ``InvalidInput``: an unknown status, or a time in the future.
        NotFound: No such order or tracking number. ``WrongState``: the order has not been shipped.
    """
    actor.need_merchant()
    if event.status not in PARCEL_STATES:
        raise InvalidInput(f"a parcel is one of {', '.join(PARCEL_STATES)}")
    at = event.at or datetime.now(UTC)
    if at > datetime.now(UTC) + CLOCK_TOLERANCE:
        raise InvalidInput("the time of a carrier's event lies in the future")
    description = checked_text(event.description, "description", 200, required=False) or _SPOKEN[event.status]
    order_id = event.order_id or await _by_tracking(conn, actor, event.tracking_no)
    order = await load_order(conn, actor, order_id, lock=True)
    if order.shipment is None:
        raise WrongState(f"order {order_id} has not been shipped", reason="wrong_state")
    values = {
        "tenant": actor.tenant,
        "order_id": order_id,
        "status": event.status,
        "description": description,
        "at": at,
    }
    await conn.execute(schema.shipment_events.insert(), values)
    await conn.execute(_MOVE, values)
    if event.status == "delivered" and order.status == OrderStatus.SHIPPED:
        require(Step.DELIVER, order_id, order.status)
        await set_status(conn, actor.tenant, order_id, OrderStatus.DELIVERED)
        await audit.record(conn, actor, "deliver_order", order_id)
    return await load_order(conn, actor, order_id)


async def _by_tracking(conn: AsyncConnection, actor: Actor, tracking_no: str) -> str:
    if not tracking_no:
        raise InvalidInput("order_id or tracking_no is required")
    values = {"tenant": actor.tenant, "tracking_no": checked_id(tracking_no, "tracking_no")}
    rows = list(await conn.execute(_BY_TRACKING, values))
    if not rows:
        raise NotFound(f"there is no parcel {tracking_no!r}")
    if len(rows) > 1:
        raise WrongState(f"several orders have the tracking number {tracking_no}; name the order", reason="ambiguous")
    return rows[0].order_id


async def complete_order(conn: AsyncConnection, actor: Actor, order: Order) -> None:
    """Ends a locked order whose time to complain is over."""
    require(Step.COMPLETE, order.order_id, order.status)
    await set_status(conn, actor.tenant, order.order_id, OrderStatus.COMPLETED)
    await audit.record(conn, actor, "complete_order", order.order_id)
