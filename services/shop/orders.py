"""Orders from the cart until they are shipped or ended: checkout, confirming, cancelling. Each is one transaction."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart_api.bus.v1.bus_pb2 import UserEvent
from voxcart_services.shop import audit
from voxcart_services.shop.coupons import give_back_coupon
from voxcart_services.shop.lifecycle import Step, require
from voxcart_services.shop.models import Actor, Order
from voxcart_services.shop.order_store import load_order, units_of
from voxcart_services.shop.outbox import add_events, product_changed, user_event
from voxcart_services.shop.pipelined import Connection
from voxcart_services.shop.products import load_products
from voxcart_services.shop.stock import Units, release

_SET_STATUS = text(
    "UPDATE orders SET status = :status, "
    "confirmed_at = CASE WHEN :status = 'confirmed' THEN now() ELSE confirmed_at END, "
    "delivered_at = CASE WHEN :status = 'delivered' THEN now() ELSE delivered_at END, "
    "completed_at = CASE WHEN :status = 'completed' THEN now() ELSE completed_at END "
    "WHERE tenant = :tenant AND order_id = :order_id"
)
_CANCEL = text(
    "UPDATE orders SET status = 'cancelled', cancelled_at = now(), cancel_reason = :reason "
    "WHERE tenant = :tenant AND order_id = :order_id"
)
_SOLD = text(
    "UPDATE products p SET units_sold = greatest(0, p.units_sold + w.units) "
    "FROM unnest(CAST(:skus AS text[]), CAST(:units AS bigint[])) AS w(sku, units) "
    "WHERE p.tenant = :tenant AND p.sku = w.sku"
)
_LOCK_PRODUCTS = text(
    "SELECT sku FROM products WHERE tenant = :tenant AND sku = ANY(:skus) ORDER BY sku FOR NO KEY UPDATE"
)


@dataclass(frozen=True, slots=True)
class OrderRules:
    """How long things hold.

    Attributes:
        reserve_for: How long an order waits for its payment before its goods are free again.
        quote_life: How long the prices of a quote hold.
        complete_after: How long after delivery an order is complete.
    """

    reserve_for: timedelta = timedelta(minutes=30)
    quote_life: timedelta = timedelta(minutes=10)
    complete_after: timedelta = timedelta(days=10)


async def publish_products(conn: Connection, tenant: str, skus: set[str]) -> None:
    """Puts products as they are now on the catalogue topic, as a new version."""
    if not skus:
        return
    raise_version = text("UPDATE products SET version = version + 1 WHERE tenant = :tenant AND sku = ANY(:skus)")
    await conn.execute(_LOCK_PRODUCTS, {"tenant": tenant, "skus": sorted(skus)})
    await conn.execute(raise_version, {"tenant": tenant, "skus": sorted(skus)})
    products = await load_products(conn, tenant, skus)
    await add_events(conn, [product_changed(tenant, product) for product in products.values()])


async def set_status(conn: AsyncConnection, tenant: str, order_id: str, status: str) -> None:
    """Moves a locked order on."""
    await conn.execute(_SET_STATUS, {"tenant": tenant, "order_id": order_id, "status": status})


async def count_sold(conn: AsyncConnection, tenant: str, sold: Iterable[Units], sign: int) -> None:
    """Adds units to the products' sales, or takes them back."""
    units: dict[str, int] = {}
    for item in sold:
        units[item.sku] = units.get(item.sku, 0) + sign * item.quantity
    skus = sorted(units)
    await conn.execute(_LOCK_PRODUCTS, {"tenant": tenant, "skus": skus})
    await conn.execute(_SOLD, {"tenant": tenant, "skus": skus, "units": [units[sku] for sku in skus]})


async def confirm_order(conn: AsyncConnection, actor: Actor, order_id: str) -> Order:
    """The merchant accepts a paid order.

    Raises:
        NotAllowed: Not the merchant. ``WrongState``: not paid, or past that.
    """
    actor.need_merchant()
    order = await load_order(conn, actor, order_id, lock=True)
    require(Step.CONFIRM, order_id, order.status)
    await set_status(conn, actor.tenant, order_id, "confirmed")
    await audit.record(conn, actor, "confirm_order", order_id)
    return await load_order(conn, actor, order_id)


async def end_unshipped(conn: AsyncConnection, actor: Actor, order: Order, reason: str = "") -> None:
    """Cancels a locked order whose goods are still in the house, and gives them and its coupon back."""
    held = units_of(order)
    if order.status != "pending_payment":
        await count_sold(conn, actor.tenant, held, -1)
    await release(conn, actor.tenant, held)
    await give_back_coupon(conn, actor.tenant, order.order_id)
    await conn.execute(_CANCEL, {"tenant": actor.tenant, "order_id": order.order_id, "reason": reason})
    buyer = Actor(actor.tenant, order.user_id, actor.role)
    await add_events(
        conn,
        [
            user_event(
                buyer,
                UserEvent.TYPE_CANCEL_ORDER,
                line.sku,
                event_id=f"cancel/{actor.tenant}/{order.order_id}/{number}",
                quantity=line.quantity,
                order_id=order.order_id,
            )
            for number, line in enumerate(order.lines)
        ],
    )
