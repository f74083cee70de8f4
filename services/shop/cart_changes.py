"""What shoppers do most: adding to the cart, changing a line, emptying it. Each in two round trips to the database.

The cart's row is locked first, so changes of one cart come one after the other; no product is locked.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from voxcart.errors import NotFound, WrongState
from voxcart_api.bus.v1.bus_pb2 import UserEvent
from voxcart_services.shop import cart
from voxcart_services.shop.cart import cart_event
from voxcart_services.shop.effects import undoable
from voxcart_services.shop.models import Actor, CartLine, Product, checked_id
from voxcart_services.shop.outbox import events_statement
from voxcart_services.shop.pipelined import Statement, placeholders
from voxcart_services.shop.pricing import MAX_QUANTITY
from voxcart_services.shop.products import IN_CART, read_product

MAX_LINES = 200

CLEAR = "DELETE FROM cart_lines WHERE tenant = %(tenant)s AND user_id = %(user_id)s"
_LOCK, _LINES = placeholders(cart.LOCK), placeholders(cart.LINES)
_PUT, _REMOVE = placeholders(cart.PUT), placeholders(cart.REMOVE)
_SET = (
    "UPDATE cart_lines SET quantity = %(quantity)s "
    "WHERE tenant = %(tenant)s AND user_id = %(user_id)s AND line_id = %(line_id)s"
)

Changed = tuple[list[CartLine], list[Statement]]
"""The cart after a change, and the statements that make it so."""


def cart_reads(actor: Actor, sku: str = "") -> list[Statement]:
    """Locks the cart; then its lines, and their products and one more."""
    place = {"tenant": actor.tenant, "user_id": actor.user_id}
    return [
        (_LOCK, place | {"role": actor.role.value}),
        (_LINES, place),
        (IN_CART, place | {"sku": checked_id(sku, "sku")}),
    ]


def read_cart(rows: Sequence[list[Any]]) -> tuple[int, list[CartLine], dict[str, Product]]:
    """From the rows of :func:`cart_reads`: a number for a new line, the lines of what is still sold, the products."""
    locked, lines, found = rows[:3]
    products = {row.sku: read_product(row) for row in found}
    kept = [
        CartLine(row.line_id, products[row.sku], row.variant_id, row.quantity)
        for row in lines
        if not products[row.sku].delisted
    ]
    return locked[0].next_line, kept, products


def add_to_cart(actor: Actor, key: str, sku: str, variant_id: str, quantity: int, rows: Sequence[list[Any]]) -> Changed:
    """Adds units of a product; more of what is in the cart already raises that line.

    Raises:
        NotFound: Unknown product or variant.
        WrongState: Delisted, not enough in stock, or the cart is full.
    """
    number, lines, products = read_cart(rows)
    product = products.get(sku)
    if product is None:
        raise NotFound(f"there is no product {sku!r}")
    if product.delisted:
        raise WrongState(f"{product.name_zh} is no longer sold", reason="delisted")
    chosen = _choose_variant(product, variant_id)
    held = next((line for line in lines if (line.product.sku, line.variant_id) == (sku, chosen)), None)
    if held is None and len(lines) >= MAX_LINES:
        raise WrongState(f"the cart holds {MAX_LINES} lines already", reason="cart_full")
    wanted = quantity + (held.quantity if held else 0)
    _check_available(product, chosen, wanted)
    line = CartLine(held.line_id if held else str(number), product, chosen, wanted)
    after = [line if old is held else old for old in lines] if held else [*lines, line]
    place = {"tenant": actor.tenant, "user_id": actor.user_id, "line_id": line.line_id}
    put = (_PUT, place | {"sku": sku, "variant_id": chosen, "quantity": wanted})
    undoable({"cart": [[sku, chosen, quantity]]})
    event = cart_event(actor, UserEvent.TYPE_ADD_TO_CART, sku, key, quantity)
    return after, [put, events_statement([event])]


def update_line(actor: Actor, key: str, line_id: str, quantity: int, rows: Sequence[list[Any]]) -> Changed:
    """Sets the quantity of a line; 0 removes it.

    Raises:
        NotFound: No such line. ``WrongState``: not enough in stock.
    """
    _, lines, _ = read_cart(rows)
    line = next((line for line in lines if line.line_id == line_id), None)
    if line is None:
        raise NotFound(f"there is no line {checked_id(line_id, 'line_id')!r} in the cart")
    if quantity > line.quantity:
        _check_available(line.product, line.variant_id, quantity)
    change = quantity - line.quantity
    undoable({"cart": [[line.product.sku, line.variant_id, change]]})
    place = {"tenant": actor.tenant, "user_id": actor.user_id, "line_id": line_id}
    writes: list[Statement] = [(_SET, place | {"quantity": quantity}) if quantity else (_REMOVE, place)]
    if change:
        kind = UserEvent.TYPE_ADD_TO_CART if change > 0 else UserEvent.TYPE_REMOVE_FROM_CART
        writes.append(events_statement([cart_event(actor, kind, line.product.sku, key, abs(change))]))
    after = [replace(old, quantity=quantity) if old is line else old for old in lines if quantity or old is not line]
    return after, writes


def clear_cart(actor: Actor, key: str, rows: Sequence[list[Any]]) -> Changed:
    """Empties the cart."""
    _, lines, _ = read_cart(rows)
    undoable({"cart": [[line.product.sku, line.variant_id, -line.quantity] for line in lines]})
    removed = UserEvent.TYPE_REMOVE_FROM_CART
    events = [cart_event(actor, removed, line.product.sku, f"{key}/{line.line_id}", line.quantity) for line in lines]
    return [], [(CLEAR, {"tenant": actor.tenant, "user_id": actor.user_id}), events_statement(events)]


def _choose_variant(product: Product, variant_id: str) -> str:
    """The variant asked for, or the first in stock, or the first."""
    if variant_id:
        checked_id(variant_id, "variant_id")
        if all(v.variant_id != variant_id for v in product.variants):
            raise NotFound(f"{product.name_zh} has no variant {variant_id!r}")
        return variant_id
    in_stock = next((v for v in product.variants if v.stock > 0), None)
    if in_stock is None:
        raise WrongState(f"{product.name_zh} is out of stock", reason="out_of_stock")
    return in_stock.variant_id


def _check_available(product: Product, variant_id: str, wanted: int) -> None:
    variant = next(v for v in product.variants if v.variant_id == variant_id)
    if variant.stock < wanted:
        if variant.stock == 0:
            raise WrongState(f"{product.name_zh} is out of stock", reason="out_of_stock")
        raise WrongState(f"only {variant.stock} of {product.name_zh} are left", reason="out_of_stock")
    if wanted > MAX_QUANTITY:
        raise WrongState(f"at most {MAX_QUANTITY} of one product can be bought at a time", reason="too_many")
