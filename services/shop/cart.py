"""The cart: one a user. The cart's row is locked first, so changes of one cart come one after the other."""

from collections.abc import Iterable

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.bus.topics import Topic
from voxcart.errors import NotFound, WrongState
from voxcart_api.bus.v1.bus_pb2 import Envelope, UserEvent
from voxcart_services.shop.effects import undoable
from voxcart_services.shop.models import Actor, CartLine, Product, checked_id
from voxcart_services.shop.outbox import add_events, user_event
from voxcart_services.shop.pricing import MAX_QUANTITY, checked_quantity
from voxcart_services.shop.products import load_product, load_products

MAX_LINES = 200

_LOCK = text(
    "WITH person AS (INSERT INTO users (tenant, user_id, role) VALUES (:tenant, :user_id, :role) "
    "ON CONFLICT DO NOTHING) "
    "INSERT INTO carts (tenant, user_id) VALUES (:tenant, :user_id) "
    "ON CONFLICT (tenant, user_id) DO UPDATE SET next_line = carts.next_line RETURNING next_line"
)
_LINES = text(
    "SELECT line_id, sku, variant_id, quantity FROM cart_lines WHERE tenant = :tenant AND user_id = :user_id "
    "ORDER BY length(line_id), line_id"
)
_PUT = text(
    "INSERT INTO cart_lines (tenant, user_id, line_id, sku, variant_id, quantity) "
    "VALUES (:tenant, :user_id, :line_id, :sku, :variant_id, :quantity) "
    "ON CONFLICT (tenant, user_id, sku, variant_id) DO UPDATE SET quantity = :quantity"
)
_NEXT_LINE = text("UPDATE carts SET next_line = next_line + 1 WHERE tenant = :tenant AND user_id = :user_id")
_SET_NEXT_LINE = text("UPDATE carts SET next_line = :next_line WHERE tenant = :tenant AND user_id = :user_id")
_SET = text(
    "UPDATE cart_lines SET quantity = :quantity WHERE tenant = :tenant AND user_id = :user_id AND line_id = :line_id"
)
_REMOVE = text("DELETE FROM cart_lines WHERE tenant = :tenant AND user_id = :user_id AND line_id = :line_id")
_CLEAR = text("DELETE FROM cart_lines WHERE tenant = :tenant AND user_id = :user_id")


def _ids(actor: Actor) -> dict[str, str]:
    return {"tenant": actor.tenant, "user_id": actor.user_id}


async def load_cart(conn: AsyncConnection, actor: Actor) -> list[CartLine]:
    """The lines in the order they were added, at the prices of now. Delisted products are left out."""
    rows = list(await conn.execute(_LINES, _ids(actor)))
    products = await load_products(conn, actor.tenant, (row.sku for row in rows))
    return [
        CartLine(row.line_id, products[row.sku], row.variant_id, row.quantity)
        for row in rows
        if not products[row.sku].delisted
    ]


async def lock_cart(conn: AsyncConnection, actor: Actor) -> int:
    """Locks the actor's cart until the transaction ends, making it if there is none; number of the next line."""
    values = _ids(actor) | {"role": actor.role.value}
    return (await conn.execute(_LOCK, values)).scalar_one()


async def add_to_cart(
    conn: AsyncConnection, actor: Actor, key: str, sku: str, variant_id: str, quantity: int
) -> list[CartLine]:
    """Adds units of a product; more of what is in the cart already raises that line.

    Raises:
        NotFound: Unknown product or variant. ``InvalidInput``: bad quantity.
        WrongState: Delisted, or not enough in stock.
    """
    checked_quantity(quantity)
    product = await load_product(conn, actor.tenant, sku)
    if product.delisted:
        raise WrongState(f"{product.name_zh} is no longer sold", reason="delisted")
    next_line = await lock_cart(conn, actor)
    lines = await load_cart(conn, actor)
    if len(lines) >= MAX_LINES:
        raise WrongState(f"the cart holds {MAX_LINES} lines already", reason="cart_full")
    chosen = _choose_variant(product, variant_id)
    held = next((line for line in lines if (line.product.sku, line.variant_id) == (sku, chosen)), None)
    wanted = quantity + (held.quantity if held else 0)
    _check_available(product, chosen, wanted)
    line_id = held.line_id if held else str(next_line)
    place = _ids(actor) | {"line_id": line_id, "sku": sku, "variant_id": chosen, "quantity": wanted}
    await conn.execute(_PUT, place)
    if held is None:
        await conn.execute(_NEXT_LINE, _ids(actor))
    await add_events(conn, [_event(actor, UserEvent.TYPE_ADD_TO_CART, product.sku, key, quantity)])
    undoable({"cart": [[sku, chosen, quantity]]})
    return await load_cart(conn, actor)


async def update_line(conn: AsyncConnection, actor: Actor, key: str, line_id: str, quantity: int) -> list[CartLine]:
    """Sets the quantity of a line; 0 removes it.

    Raises:
        NotFound: No such line. ``WrongState``: not enough in stock.
    """
    checked_quantity(quantity, least=0)
    checked_id(line_id, "line_id")
    await lock_cart(conn, actor)
    lines = await load_cart(conn, actor)
    line = next((line for line in lines if line.line_id == line_id), None)
    if line is None:
        raise NotFound(f"there is no line {line_id!r} in the cart")
    values = _ids(actor) | {"line_id": line_id, "quantity": quantity}
    if quantity == 0:
        await conn.execute(_REMOVE, values)
    else:
        if quantity > line.quantity:
            _check_available(line.product, line.variant_id, quantity)
        await conn.execute(_SET, values)
    change = quantity - line.quantity
    undoable({"cart": [[line.product.sku, line.variant_id, change]]})
    if change:
        kind = UserEvent.TYPE_ADD_TO_CART if change > 0 else UserEvent.TYPE_REMOVE_FROM_CART
        await add_events(conn, [_event(actor, kind, line.product.sku, key, abs(change))])
    return await load_cart(conn, actor)


async def clear_cart(conn: AsyncConnection, actor: Actor, key: str) -> list[CartLine]:
    """Empties the cart."""
    await lock_cart(conn, actor)
    lines = await load_cart(conn, actor)
    await conn.execute(_CLEAR, _ids(actor))
    undoable({"cart": [[line.product.sku, line.variant_id, -line.quantity] for line in lines]})
    removed = UserEvent.TYPE_REMOVE_FROM_CART
    await add_events(
        conn,
        [_event(actor, removed, line.product.sku, f"{key}/{line.line_id}", line.quantity) for line in lines],
    )
    return []


async def take_back_changes(
    conn: AsyncConnection, actor: Actor, key: str, changes: Iterable[tuple[str, str, int]]
) -> list[CartLine]:
    """Reverses changes (SKU, variant, units added) of the cart; what was changed since stays as far as it can."""
    next_line = await lock_cart(conn, actor)
    held = {(row.sku, row.variant_id): row for row in await conn.execute(_LINES, _ids(actor))}
    events = []
    for sku, variant_id, added in changes:
        line = held.get((sku, variant_id))
        before = line.quantity if line else 0
        after = min(MAX_QUANTITY, max(0, before - added))
        line_id = line.line_id if line else str(next_line)
        place = _ids(actor) | {"line_id": line_id, "sku": sku, "variant_id": variant_id, "quantity": after}
        if after == 0:
            await conn.execute(_REMOVE, place)
        else:
            await conn.execute(_PUT, place)
            next_line += line is None
        if after != before:
            kind = UserEvent.TYPE_ADD_TO_CART if after > before else UserEvent.TYPE_REMOVE_FROM_CART
            events.append(_event(actor, kind, sku, f"{key}/{sku}/{variant_id}", abs(after - before)))
    await conn.execute(_SET_NEXT_LINE, _ids(actor) | {"next_line": next_line})
    await add_events(conn, events)
    return await load_cart(conn, actor)


def _event(actor: Actor, kind: "UserEvent.Type", sku: str, key: str, quantity: int) -> tuple[Topic, str, Envelope]:
    event_id = f"cart/{actor.tenant}/{actor.user_id}/{key}"
    return user_event(actor, kind, sku, event_id=event_id, quantity=quantity)


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
