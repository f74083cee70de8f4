"""Orders from the cart until they are shipped or ended: checkout, confirming, cancelling. Each is one transaction."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.errors import InvalidInput, WrongState
from voxcart_api.bus.v1.bus_pb2 import UserEvent
from voxcart_services.shop import audit, schema
from voxcart_services.shop.addresses import delivery_address
from voxcart_services.shop.cart import load_cart, lock_cart
from voxcart_services.shop.coupons import give_back_coupon, use_coupon
from voxcart_services.shop.effects import undoable
from voxcart_services.shop.lifecycle import Step, require
from voxcart_services.shop.models import Actor, Address, CartLine, Order
from voxcart_services.shop.order_store import load_order, units_of
from voxcart_services.shop.outbox import add_events, product_changed, user_event
from voxcart_services.shop.products import load_products
from voxcart_services.shop.quotes import Priced, note_quote_used, price_now, take_quote
from voxcart_services.shop.stock import Units, lock_stock, release, reserve

_CLEAR = text("DELETE FROM cart_lines WHERE tenant = :tenant AND user_id = :user_id")
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


@dataclass(frozen=True, slots=True)
class CheckoutRequest:
    """What a shopper asks for with a cart; empty fields ask nothing."""

    address_id: str = ""
    expected_total_cents: int | None = None
    coupon_code: str = ""
    quote_id: str = ""


async def checkout(conn: AsyncConnection, actor: Actor, wanted: CheckoutRequest, rules: OrderRules) -> Order:
    """Turns the cart into an order that waits for payment and holds its goods back for a while.

    Raises:
        WrongState: Empty cart, not enough in stock, no address, another total than expected, or a quote or coupon that
            cannot be used. ``NotFound``: no such address, quote or coupon. ``InvalidInput``: quote and coupon together.
    """
    if wanted.quote_id and wanted.coupon_code:
        raise InvalidInput("give a quote_id or a coupon_code, not both")
    await lock_cart(conn, actor)
    lines = await load_cart(conn, actor)
    if not lines:
        raise WrongState("the cart is empty", reason="empty_cart")
    address = await delivery_address(conn, actor, wanted.address_id)
    if wanted.quote_id:
        priced = await take_quote(conn, actor, wanted.quote_id, lines)
    else:
        priced = await price_now(conn, actor, lines, wanted.coupon_code, lock=True)
    total = priced.total_cents
    if wanted.expected_total_cents is not None and total != wanted.expected_total_cents:
        sentence = f"the total is {total} cents now, not {wanted.expected_total_cents}; prices changed"
        raise WrongState(sentence, reason="price_changed")
    units = [Units(line.product.sku, line.variant_id, line.quantity) for line in lines]
    available = await lock_stock(conn, actor.tenant, units)
    for line in lines:
        _check_stock(line, available.get((line.product.sku, line.variant_id), 0))
    await reserve(conn, actor.tenant, units)
    order_id = str((await conn.execute(text("SELECT nextval('order_numbers')"))).scalar_one())
    await _insert(conn, actor, order_id, priced, address, datetime.now(UTC) + rules.reserve_for)
    if priced.coupon_code:
        await use_coupon(conn, actor, priced.coupon_code, order_id)
    if wanted.quote_id:
        await note_quote_used(conn, actor, wanted.quote_id, order_id)
    await conn.execute(_CLEAR, {"tenant": actor.tenant, "user_id": actor.user_id})
    await audit.record(conn, actor, "checkout", order_id, total_cents=total)
    await _publish_sold_out(conn, actor.tenant, lines, available)
    undoable({"order": order_id})
    return await load_order(conn, actor, order_id)


def _check_stock(line: CartLine, available: int) -> None:
    if available < line.quantity:
        name = line.product.name_zh
        sentence = f"{name} is out of stock" if available == 0 else f"only {available} of {name} are left"
        raise WrongState(sentence, reason="out_of_stock")


async def _insert(
    conn: AsyncConnection, actor: Actor, order_id: str, priced: Priced, address: Address, expires_at: datetime
) -> None:
    place = {"tenant": actor.tenant, "order_id": order_id}
    order = {
        "user_id": actor.user_id,
        "status": "pending_payment",
        "total_cents": priced.total_cents,
        "discount_cents": priced.discount_cents,
        "coupon_code": priced.coupon_code,
        "address": address.as_json(),
        "expires_at": expires_at,
    }
    await conn.execute(schema.orders.insert(), place | order)
    rows = []
    for line_no, item in enumerate(priced.lines, start=1):
        line, variant = item.line, item.line.variant
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
                "unit_price_cents": item.unit_price_cents,
                "discount_cents": item.discount_cents,
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
