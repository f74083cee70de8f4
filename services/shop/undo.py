"""Taking back what was done last (撤销), exactly once, while its life cycle allows.

Each change keeps with its idempotency key how it can be reversed. Undoing locks that key, reverses the change in the
same transaction and forgets how, so that a second undo goes on to the change before. The undo is itself a change under
a key of its own.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.errors import WrongState
from voxcart_services.shop import audit
from voxcart_services.shop.addresses import list_addresses, make_default, set_on_order
from voxcart_services.shop.cart import load_cart, take_back_changes
from voxcart_services.shop.effects import MAX_KEY_LENGTH
from voxcart_services.shop.models import Actor, Address, CartLine, Order, checked_text
from voxcart_services.shop.order_store import load_order
from voxcart_services.shop.refunds import cancel_order, withdraw_refund

UNDONE = "undone"
"""Why an order was cancelled that the shopper took back."""

_LAST = text(
    "SELECT key, operation, undo FROM idempotency WHERE tenant = :tenant AND user_id = :user_id "
    "AND operation <> '' AND operation <> 'UndoLast' AND response IS NOT NULL "
    "AND (:effect_key = '' OR key = :effect_key OR starts_with(key, :effect_key || '/')) "
    "ORDER BY number DESC LIMIT 1 FOR UPDATE"
)
_FORGET = text(
    "UPDATE idempotency SET operation = '', undo = NULL WHERE tenant = :tenant AND user_id = :user_id AND key = :key"
)


@dataclass(frozen=True, slots=True)
class Undone:
    """What was taken back, and what there is now as far as it was concerned."""

    operation: str
    effect_key: str
    cart: list[CartLine] | None = None
    order: Order | None = None
    address: Address | None = None


async def undo_last(conn: AsyncConnection, actor: Actor, key: str, effect_key: str) -> Undone:
    """Reverses the actor's last change.

    Args:
        key: The idempotency key of the undo.
        effect_key: Key of the change to undo, or what the keys of an utterance begin with; empty for the last change.

    Raises:
        WrongState: Nothing to undo, a change that cannot be undone, or one whose time is over.
    """
    effect_key = checked_text(effect_key, "effect_key", MAX_KEY_LENGTH, required=False).rstrip("/")
    place = {"tenant": actor.tenant, "user_id": actor.user_id}
    row = (await conn.execute(_LAST, place | {"effect_key": effect_key})).one_or_none()
    if row is None:
        raise WrongState("there is nothing to undo", reason="nothing_to_undo")
    if row.undo is None:
        raise WrongState(f"the last change, {row.operation}, cannot be undone", reason="cannot_undo")
    await conn.execute(_FORGET, place | {"key": row.key})
    undone = await _reverse(conn, actor, key, row)
    await audit.record(conn, actor, "undo", row.key, undone=row.operation)
    return undone


async def _reverse(conn: AsyncConnection, actor: Actor, key: str, row: Any) -> Undone:
    ((kind, how),) = row.undo.items()
    if kind == "cart":
        return Undone(row.operation, row.key, cart=await take_back_changes(conn, actor, key, how))
    if kind == "order":
        return await _cancel(conn, actor, key, row, how)
    if kind == "refund":
        return Undone(row.operation, row.key, order=await withdraw_refund(conn, actor, how))
    if kind == "order_address":
        order_id, before = how
        await set_on_order(conn, actor, order_id, before)
        return Undone(row.operation, row.key, order=await load_order(conn, actor, order_id))
    await make_default(conn, actor, how)
    known = [address for address in await list_addresses(conn, actor) if address.is_default]
    return Undone(row.operation, row.key, address=known[0] if known else None)


async def _cancel(conn: AsyncConnection, actor: Actor, key: str, row: Any, order_id: str) -> Undone:
    """Cancels an order that was made or paid; what was in the cart for an unpaid one is there again."""
    before = await load_order(conn, actor, order_id, lock=True)
    if before.status == "cancelled":
        raise WrongState(f"order {order_id} is cancelled already", reason="wrong_state")
    order = await cancel_order(conn, actor, order_id, UNDONE)
    if before.status != "pending_payment":
        return Undone(row.operation, row.key, order=order, cart=await load_cart(conn, actor))
    back = [(line.sku, line.variant_id, -line.quantity) for line in order.lines]
    cart = await take_back_changes(conn, actor, key, back)
    return Undone(row.operation, row.key, order=order, cart=cart)
