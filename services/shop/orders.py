"""Orders from the cart to the door: checkout, cancelling, confirming, shipping. Each is one transaction."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.errors import WrongState
from voxcart_api.bus.v1.bus_pb2 import UserEvent
from voxcart_services.shop import audit, schema
from voxcart_services.shop.addresses import delivery_address
from voxcart_services.shop.cart import load_cart, lock_cart
from voxcart_services.shop.lifecycle import Step, require
from voxcart_services.shop.models import Actor, Address, CartLine, Order, checked_text
from voxcart_services.shop.order_store import load_order, units_of
from voxcart_services.shop.outbox import add_events, product_changed, user_event
from voxcart_services.shop.pricing import MAX_PRICE_CENTS, total_cents
from voxcart_services.shop.products import load_products
from voxcart_services.shop.stock import Units, consume, lock_stock, release, reserve

USUAL_CARRIER = "顺丰"
DELIVERY_TIME = timedelta(days=2)

_CLEAR = text("DELETE FROM cart_lines WHERE tenant = :tenant AND user_id = :user_id")
_SET_STATUS = text(
    "UPDATE orders SET status = :status, "
    "confirmed_at = CASE WHEN :status = 'confirmed' THEN now() ELSE confirmed_at END, "
    "cancelled_at = CASE WHEN :status = 'cancelled' THEN now() ELSE cancelled_at END "
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


async def checkout(conn: AsyncConnection, actor: Actor, address_id: str, expected_total_cents: int | None) -> Order:
    """Turns the cart into an order that waits for payment and holds its goods back.

    Raises:
        WrongState: Empty cart, not enough in stock, no address, or another total than expected.
    """
    await lock_cart(conn, actor)
    lines = await load_cart(conn, actor)
    if not lines:
        raise WrongState("the cart is empty", reason="empty_cart")
    address = await delivery_address(conn, actor, address_id)
    units = [Units(line.product.sku, line.variant_id, line.quantity) for line in lines]
    available = await lock_stock(conn, actor.tenant, units)
    for line in lines:
        _check_stock(line, available.get((line.product.sku, line.variant_id), 0))
    total = total_cents((line.product.price_cents, line.quantity) for line in lines)
    if expected_total_cents is not None and total != expected_total_cents:
        sentence = f"the total is {total} cents now, not {expected_total_cents}; prices changed"
        raise WrongState(sentence, reason="price_changed")
    if total > MAX_PRICE_CENTS:
        raise WrongState("the order is too large", reason="too_large")
    await reserve(conn, actor.tenant, units)
    order_id = str((await conn.execute(text("SELECT nextval('order_numbers')"))).scalar_one())
    await _insert(conn, actor, order_id, lines, total, address)
    await conn.execute(_CLEAR, {"tenant": actor.tenant, "user_id": actor.user_id})
    await audit.record(conn, actor, "checkout", order_id, total_cents=total)
    await _publish_sold_out(conn, actor.tenant, lines, available)
    return await load_order(conn, actor, order_id)


def _check_stock(line: CartLine, available: int) -> None:
    if available < line.quantity:
        name = line.product.name_zh
        sentence = f"{name} is out of stock" if available == 0 else f"only {available} of {name} are left"
        raise WrongState(sentence, reason="out_of_stock")


async def _insert(
    conn: AsyncConnection, actor: Actor, order_id: str, lines: list[CartLine], total: int, address: Address
) -> None:
    place = {"tenant": actor.tenant, "order_id": order_id}
    order = {"user_id": actor.user_id, "status": "pending_payment", "total_cents": total, "address": address.as_json()}
    await conn.execute(schema.orders.insert(), place | order)
    rows = []
    for line_no, line in enumerate(lines, start=1):
        variant = line.variant
        rows.append(
            place
            | {
                "line_no": line_no,
                "sku": line.product.sku,
                "variant_id": line.variant_id,
                "name_zh": line.product.name_zh,
                "name_en": line.product.name_en,
                "color": variant.color if variant else "",
                "size": variant.size if variant else "",
                "quantity": line.quantity,
                "unit_price_cents": line.product.price_cents,
            }
        )
    await conn.execute(schema.order_lines.insert(), rows)


async def _publish_sold_out(
    conn: AsyncConnection, tenant: str, lines: list[CartLine], available: dict[tuple[str, str], int]
) -> None:
    """Tells the catalogue topic which products have just sold out; other changes of stock by sales do not go out."""
    emptied = {line.product.sku for line in lines if available[line.product.sku, line.variant_id] == line.quantity}
    await publish_products(conn, tenant, emptied)


async def publish_products(conn: AsyncConnection, tenant: str, skus: set[str]) -> None:
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


async def count_sold(conn: AsyncConnection, tenant: str, order: Order, sign: int) -> None:
    """Adds an order's units to the products' sales, or takes them back."""
    units: dict[str, int] = {}
    for line in order.lines:
        units[line.sku] = units.get(line.sku, 0) + sign * line.quantity
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
    if order.refund is not None and order.refund.status in ("requested", "approved"):
        raise WrongState(f"order {order_id} has an open refund; decide it first", reason="open_refund")
    if order.status == "paid":
        await set_status(conn, actor.tenant, order_id, "confirmed")
    await consume(conn, actor.tenant, units_of(order))
    await set_status(conn, actor.tenant, order_id, "shipped")
    await conn.execute(
        schema.shipments.insert(),
        {
            "tenant": actor.tenant,
            "order_id": order_id,
            "carrier": carrier,
            "tracking_no": tracking_no,
            "shipped_at": datetime.now(UTC),
            "expected_at": datetime.now(UTC) + DELIVERY_TIME,
            "last_event": "商家已发货，等待揽收",
        },
    )
    await audit.record(conn, actor, "ship_order", order_id, carrier=carrier, tracking_no=tracking_no)
    return await load_order(conn, actor, order_id)


async def end_unshipped(conn: AsyncConnection, actor: Actor, order: Order) -> None:
    """Cancels a locked order whose goods are still in the house, and gives them back for sale."""
    if order.status != "pending_payment":
        await count_sold(conn, actor.tenant, order, -1)
    await release(conn, actor.tenant, units_of(order))
    await set_status(conn, actor.tenant, order.order_id, "cancelled")
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
