"""From the cart to an order: two round trips while there is plenty in stock, and the stock is locked in the last only.

1. The key is claimed and the cart locked; cart, products, addresses and the order's number are read.
2. The stock is locked in the order of SKU and variant, and reserved as far as there is enough.
3. The order is written, the cart emptied, the answer kept, and all is committed.

If the first trip saw more of everything than is bought, the second and third are one, on the guess that it is still so.
The few rows of hot products are then locked no longer than PostgreSQL needs, whatever the shop's process is busy with.
A guess that fails is rolled back, and the three steps are taken one by one, which tells what is short or sold out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from voxcart.errors import InvalidInput, WrongState
from voxcart_services.shop.addresses import chosen_address
from voxcart_services.shop.audit import record_statement
from voxcart_services.shop.cart_changes import CLEAR, cart_reads, read_cart
from voxcart_services.shop.coupons import use_coupon
from voxcart_services.shop.effects import undoable
from voxcart_services.shop.models import Actor, Address, CartLine, Order, OrderLine
from voxcart_services.shop.orders import OrderRules, publish_products
from voxcart_services.shop.pipelined import Pipelined, Statement, merged, unless
from voxcart_services.shop.quotes import Priced, note_quote_used, price_now, take_quote

_ADDRESSES = (
    "SELECT address_id, label, recipient, phone, text, is_default FROM addresses "
    "WHERE tenant = %(tenant)s AND user_id = %(user_id)s ORDER BY is_default DESC, address_id"
)
_NUMBER = "SELECT nextval('order_numbers')::text AS order_id, now() AS at"
_WANTED = "unnest(%(skus)s::text[], %(variant_ids)s::text[], %(units)s::bigint[]) AS w(sku, variant_id, units)"
_LOCK_STOCK = (
    f"SELECT s.sku, s.variant_id, s.available FROM stock s JOIN {_WANTED} USING (sku, variant_id) "
    "WHERE s.tenant = %(tenant)s ORDER BY s.sku, s.variant_id FOR UPDATE OF s"
)
_RESERVE = (
    "UPDATE stock s SET available = s.available - w.units, reserved = s.reserved + w.units "
    f"FROM {_WANTED} WHERE s.tenant = %(tenant)s AND s.sku = w.sku AND s.variant_id = w.variant_id "
    "AND s.available >= w.units"
)
_RESERVE_AT_ONCE = (
    "WITH moved AS (UPDATE stock s SET available = s.available - w.units, reserved = s.reserved + w.units "
    f"FROM {_WANTED} WHERE s.tenant = %(tenant)s AND s.sku = w.sku AND s.variant_id = w.variant_id "
    f"AND s.available > w.units RETURNING 1) SELECT {unless('count(*) = %(lines)s')} FROM moved"
)
_ORDER = (
    "INSERT INTO orders (tenant, order_id, user_id, status, total_cents, discount_cents, coupon_code, address, "
    "created_at, expires_at) VALUES (%(tenant)s, %(order_id)s, %(user_id)s, 'pending_payment', %(total)s, "
    "%(discount)s, %(coupon)s, %(address)s, %(at)s, %(expires_at)s)"
)
_ORDER_LINES = (
    "INSERT INTO order_lines (tenant, order_id, line_no, sku, variant_id, name_zh, name_en, color, size, quantity, "
    "unit_price_cents, discount_cents) SELECT %(tenant)s, %(order_id)s, * FROM unnest(%(line_no)s::int[], "
    "%(sku)s::text[], %(variant_id)s::text[], %(name_zh)s::text[], %(name_en)s::text[], %(color)s::text[], "
    "%(size)s::text[], %(quantity)s::bigint[], %(unit_price_cents)s::bigint[], %(discount_cents)s::bigint[])"
)
_COLUMNS = (
    "line_no", "sku", "variant_id", "name_zh", "name_en", "color", "size", "quantity", "unit_price_cents",
    "discount_cents",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CheckoutRequest:
    """What a shopper asks for with a cart; empty fields ask nothing."""

    address_id: str = ""
    expected_total_cents: int | None = None
    coupon_code: str = ""
    quote_id: str = ""


def checkout_reads(actor: Actor) -> list[Statement]:
    """What :func:`check_out` needs to know; the cart is locked."""
    place = {"tenant": actor.tenant, "user_id": actor.user_id}
    return [*cart_reads(actor), (_ADDRESSES, place), (_NUMBER, {})]


async def check_out(
    tx: Pipelined, actor: Actor, wanted: CheckoutRequest, rules: OrderRules, rows: Sequence[list[Any]]
) -> tuple[Order, list[Statement]]:
    """Turns the cart into an order that waits for payment and holds its goods back for a while.

    Raises:
        WrongState: Empty cart, not enough in stock, no address, another total than expected, or a quote or coupon that
            cannot be used. ``NotFound``: no such address, quote or coupon. ``InvalidInput``: quote and coupon together.
    """
    if wanted.quote_id and wanted.coupon_code:
        raise InvalidInput("give a quote_id or a coupon_code, not both", field="coupon_code")
    _, lines, _ = read_cart(rows)
    if not lines:
        raise WrongState("the cart is empty", reason="empty_cart")
    address = chosen_address([Address(**row._asdict()) for row in rows[3]], wanted.address_id)
    priced = await _priced(tx, actor, wanted, lines)
    number = rows[4][0]
    emptied = await _reserve(tx, actor, lines)
    order = _order(actor, number.order_id, number.at, number.at + rules.reserve_for, priced, address)
    writes = [*_insert(actor, order), (CLEAR, {"tenant": actor.tenant, "user_id": actor.user_id})]
    writes.append(record_statement(actor, "checkout", order.order_id, total_cents=order.total_cents))
    if emptied or priced.coupon_code or wanted.quote_id:
        await tx.send(merged(writes))
        writes = []
        await publish_products(tx, actor.tenant, emptied)
        if priced.coupon_code:
            await use_coupon(tx, actor, priced.coupon_code, order.order_id)
        if wanted.quote_id:
            await note_quote_used(tx, actor, wanted.quote_id, order.order_id)
    undoable({"order": order.order_id})
    return order, writes


async def _priced(tx: Pipelined, actor: Actor, wanted: CheckoutRequest, lines: list[CartLine]) -> Priced:
    """The prices that count, if they are the expected ones."""
    if wanted.quote_id:
        priced = await take_quote(tx, actor, wanted.quote_id, lines)
    else:
        priced = await price_now(tx, actor, lines, wanted.coupon_code, lock=True)
    total = priced.total_cents
    if wanted.expected_total_cents is not None and total != wanted.expected_total_cents:
        sentence = f"the total is {total} cents now, not {wanted.expected_total_cents}; prices changed"
        raise WrongState(sentence, reason="price_changed")
    return priced


async def _reserve(tx: Pipelined, actor: Actor, lines: list[CartLine]) -> set[str]:
    """Holds the goods back; the SKUs of which nothing is left of a variant.

    Raises:
        WrongState: Not enough in stock.
    """
    values = {
        "tenant": actor.tenant,
        "skus": [line.product.sku for line in lines],
        "variant_ids": [line.variant_id for line in lines],
        "units": [line.quantity for line in lines],
    }
    if tx.may_guess and all(line.variant and line.variant.stock > line.quantity for line in lines):
        tx.before_next((_LOCK_STOCK, values), (_RESERVE_AT_ONCE, values | {"lines": len(lines)}))
        return set()
    locked, _ = await tx.send((_LOCK_STOCK, values), (_RESERVE, values))
    available = {(row.sku, row.variant_id): row.available for row in locked}
    emptied = set()
    for line in lines:
        left = available.get((line.product.sku, line.variant_id), 0) - line.quantity
        if left < 0:
            name, there = line.product.name_zh, left + line.quantity
            sentence = f"only {there} of {name} are left" if there else f"{name} is out of stock"
            raise WrongState(sentence, reason="out_of_stock")
        if left == 0:
            emptied.add(line.product.sku)
    return emptied


def _order(actor: Actor, order_id: str, at: datetime, expires_at: datetime, priced: Priced, address: Address) -> Order:
    lines = []
    for line_no, item in enumerate(priced.lines, start=1):
        line, variant = item.line, item.line.variant
        lines.append(
            OrderLine(
                sku=line.product.sku,
                variant_id=line.variant_id,
                name_zh=line.product.name_zh,
                name_en=line.product.name_en,
                color=variant.color if variant else "",
                size=variant.size if variant else "",
                quantity=line.quantity,
                unit_price_cents=item.unit_price_cents,
                line_no=line_no,
                discount_cents=item.discount_cents,
            )
        )
    return Order(
        order_id=order_id,
        user_id=actor.user_id,
        status="pending_payment",
        total_cents=priced.total_cents,
        payment_method="",
        address=address.as_json(),
        created_at=at,
        lines=tuple(lines),
        discount_cents=priced.discount_cents,
        coupon_code=priced.coupon_code,
        expires_at=expires_at,
    )


def _insert(actor: Actor, order: Order) -> list[Statement]:
    place = {"tenant": actor.tenant, "order_id": order.order_id}
    values = {
        "user_id": actor.user_id,
        "total": order.total_cents,
        "discount": order.discount_cents,
        "coupon": order.coupon_code,
        "address": Jsonb(order.address),
        "at": order.created_at,
        "expires_at": order.expires_at,
    }
    columns = {name: [getattr(line, name) for line in order.lines] for name in _COLUMNS}
    return [(_ORDER, place | values), (_ORDER_LINES, place | columns)]
