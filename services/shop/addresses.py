"""Delivery addresses: reading them, changing the default one or that of an order that has not been shipped."""

import uuid
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.errors import NotFound, WrongState
from voxcart_services.shop import schema
from voxcart_services.shop.effects import undoable
from voxcart_services.shop.lifecycle import Step, require
from voxcart_services.shop.models import Actor, Address, checked_id, checked_text

MAX_ADDRESS_LENGTH = 300

_SELECT = text(
    "SELECT address_id, label, recipient, phone, text, is_default FROM addresses "
    "WHERE tenant = :tenant AND user_id = :user_id ORDER BY is_default DESC, address_id"
)
_LOCK_USER = text(
    "INSERT INTO users (tenant, user_id, role) VALUES (:tenant, :user_id, :role) "
    "ON CONFLICT (tenant, user_id) DO UPDATE SET role = users.role RETURNING user_id"
)

_NO_DEFAULT = text(
    "UPDATE addresses SET is_default = FALSE WHERE tenant = :tenant AND user_id = :user_id AND is_default"
)
_DEFAULT = text(
    "UPDATE addresses SET is_default = TRUE WHERE tenant = :tenant AND user_id = :user_id AND address_id = :address_id"
)


async def list_addresses(conn: AsyncConnection, actor: Actor) -> list[Address]:
    """The actor's addresses, the default one first."""
    rows = await conn.execute(_SELECT, {"tenant": actor.tenant, "user_id": actor.user_id})
    return [Address(**row._mapping) for row in rows]


def chosen_address(known: list[Address], address_id: str) -> Address:
    """The address to deliver to: the one asked for, or the default one, which is the first.

    Raises:
        NotFound: No such address. ``WrongState``: none is known yet.
    """
    if address_id:
        found = next((a for a in known if a.address_id == address_id), None)
        if found is None:
            raise NotFound(f"there is no address {checked_id(address_id, 'address_id')!r}")
        return found
    if not known:
        raise WrongState("there is no delivery address yet; give one first", reason="no_address")
    return known[0]


async def change_address(conn: AsyncConnection, actor: Actor, words: str, order_id: str) -> Address:
    """Makes a known address (by label) or a new one the default, or that of one order.

    Raises:
        NotFound: No such order of this shopper. ``WrongState``: it was shipped.
    """
    words = checked_text(words, "address", MAX_ADDRESS_LENGTH)
    checked_id(order_id, "order_id")
    await conn.execute(_LOCK_USER, {"tenant": actor.tenant, "user_id": actor.user_id, "role": actor.role.value})
    known = await list_addresses(conn, actor)
    found = next((a for a in known if words in (a.label, a.text)), None)
    address = found or await _add(conn, actor, words, known)
    if order_id:
        before = await set_on_order(conn, actor, order_id, address.as_json())
        undoable({"order_address": [order_id, before]})
        return address
    undoable({"default_address": next((a.address_id for a in known if a.is_default), "")})
    await make_default(conn, actor, address.address_id)
    return Address(address.address_id, address.label, address.recipient, address.phone, address.text, True)


async def _add(conn: AsyncConnection, actor: Actor, words: str, known: list[Address]) -> Address:
    """A new address; recipient and phone are those of the one before."""
    recipient, phone = (known[0].recipient, known[0].phone) if known else ("", "")
    address = Address(uuid.uuid4().hex[:12], "", recipient, phone, words, False)
    await conn.execute(
        schema.addresses.insert(),
        address.as_json() | {"tenant": actor.tenant, "user_id": actor.user_id, "is_default": False},
    )
    return address


async def make_default(conn: AsyncConnection, actor: Actor, address_id: str) -> None:
    """Makes an address the default one; an empty id leaves none."""
    values = {"tenant": actor.tenant, "user_id": actor.user_id, "address_id": address_id}
    await conn.execute(_NO_DEFAULT, values)
    await conn.execute(_DEFAULT, values)


async def set_on_order(conn: AsyncConnection, actor: Actor, order_id: str, address: dict[str, Any]) -> dict[str, Any]:
    """Sends an order that has not been shipped elsewhere; the address before.

    Raises:
        NotFound: No such order of this shopper. ``WrongState``: it was shipped.
    """
    orders = schema.orders
    mine = (orders.c.tenant == actor.tenant, orders.c.user_id == actor.user_id, orders.c.order_id == order_id)
    order = (await conn.execute(orders.select().where(*mine).with_for_update())).one_or_none()
    if order is None:
        raise NotFound(f"there is no order {order_id!r}")
    require(Step.CHANGE_ADDRESS, order_id, order.status)
    await conn.execute(orders.update().where(*mine).values(address=address))
    return order.address
