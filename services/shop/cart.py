"""The cart: one a user. The cart's row is locked first, so changes of one cart come one after the other."""

from collections.abc import Iterable

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.bus.topics import Topic
from voxcart_api.bus.v1.bus_pb2 import Envelope, UserEvent
from voxcart_services.shop.models import Actor, CartLine
from voxcart_services.shop.outbox import add_events, user_event
from voxcart_services.shop.pricing import MAX_QUANTITY
from voxcart_services.shop.products import load_products

LOCK = (
    "WITH person AS (INSERT INTO users (tenant, user_id, role) VALUES (:tenant, :user_id, :role) "
    "ON CONFLICT DO NOTHING) "
    "INSERT INTO carts (tenant, user_id) VALUES (:tenant, :user_id) "
    "ON CONFLICT (tenant, user_id) DO UPDATE SET next_line = carts.next_line + 1 RETURNING next_line"
)
LINES = (
    "SELECT line_id, sku, variant_id, quantity FROM cart_lines WHERE tenant = :tenant AND user_id = :user_id "
    "ORDER BY length(line_id), line_id"
)
PUT = (
    "INSERT INTO cart_lines (tenant, user_id, line_id, sku, variant_id, quantity) "
    "VALUES (:tenant, :user_id, :line_id, :sku, :variant_id, :quantity) "
    "ON CONFLICT (tenant, user_id, sku, variant_id) DO UPDATE SET quantity = excluded.quantity"
)
REMOVE = "DELETE FROM cart_lines WHERE tenant = :tenant AND user_id = :user_id AND line_id = :line_id"

_LOCK, _LINES, _PUT, _REMOVE = text(LOCK), text(LINES), text(PUT), text(REMOVE)
_SET_NEXT_LINE = text("UPDATE carts SET next_line = :next_line WHERE tenant = :tenant AND user_id = :user_id")


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
    """Locks the actor's cart until the transaction ends, making it if there is none; a number for a new line."""
    values = _ids(actor) | {"role": actor.role.value}
    return (await conn.execute(_LOCK, values)).scalar_one()


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
            events.append(cart_event(actor, kind, sku, f"{key}/{sku}/{variant_id}", abs(after - before)))
    await conn.execute(_SET_NEXT_LINE, _ids(actor) | {"next_line": next_line})
    await add_events(conn, events)
    return await load_cart(conn, actor)


def cart_event(actor: Actor, kind: "UserEvent.Type", sku: str, key: str, quantity: int) -> tuple[Topic, str, Envelope]:
    """The event of a change of the cart."""
    event_id = f"cart/{actor.tenant}/{actor.user_id}/{key}"
    return user_event(actor, kind, sku, event_id=event_id, quantity=quantity)
