"""Goods on their way back: opened with a refund of shipped goods, sent by the shopper, received by the merchant.

The money of such a refund waits for the parcel.
"""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.errors import NotFound, WrongState
from voxcart_services.shop import audit
from voxcart_services.shop.lifecycle import ReturnStatus
from voxcart_services.shop.models import Actor, Return, Role, checked_id, checked_text

_OPEN = text(
    "INSERT INTO returns (tenant, return_id, order_id, refund_id, status) "
    "VALUES (:tenant, :return_id, :order_id, :refund_id, 'requested')"
)
_DECIDE = text(
    "UPDATE returns SET status = :status WHERE tenant = :tenant AND refund_id = :refund_id AND status = 'requested'"
)
_LOCK = text(
    "SELECT t.*, o.user_id FROM returns t JOIN orders o USING (tenant, order_id) "
    "WHERE t.tenant = :tenant AND t.return_id = :return_id FOR UPDATE OF t"
)
_SEND = text(
    "UPDATE returns SET status = 'sent', carrier = :carrier, tracking_no = :tracking_no "
    "WHERE tenant = :tenant AND return_id = :return_id"
)
_RECEIVE = text(
    "UPDATE returns SET status = 'received', received_at = now() WHERE tenant = :tenant AND return_id = :return_id"
)
_RESTOCK = text(
    "UPDATE stock s SET available = s.available + w.units FROM ("
    "SELECT l.sku, l.variant_id, sum(b.quantity) AS units FROM refund_lines b "
    "JOIN order_lines l ON l.tenant = b.tenant AND l.order_id = :order_id AND l.line_no = b.line_no "
    "WHERE b.tenant = :tenant AND b.refund_id = :refund_id GROUP BY l.sku, l.variant_id) w "
    "WHERE s.tenant = :tenant AND s.sku = w.sku AND s.variant_id = w.variant_id"
)


async def open_return(conn: AsyncConnection, actor: Actor, order_id: str, refund_id: str) -> None:
    """A return that goes with a refund just asked for."""
    values = {"tenant": actor.tenant, "return_id": f"B{refund_id[1:]}", "order_id": order_id, "refund_id": refund_id}
    await conn.execute(_OPEN, values)


async def decide_return(conn: AsyncConnection, actor: Actor, refund_id: str, *, approve: bool) -> None:
    """The return of a refund is decided with it; nothing if it has none."""
    status = ReturnStatus.AWAITED if approve else ReturnStatus.REJECTED
    await conn.execute(_DECIDE, {"tenant": actor.tenant, "refund_id": refund_id, "status": status.value})


async def send_return(conn: AsyncConnection, actor: Actor, return_id: str, carrier: str, tracking_no: str) -> Return:
    """The shopper has handed the goods to a carrier.

    Raises:
        NotFound: No such return of this shopper. ``WrongState``: not approved, or sent already.
    """
    carrier = checked_text(carrier, "carrier", 64)
    tracking_no = checked_text(tracking_no, "tracking_no", 64)
    row = await _locked(conn, actor, return_id)
    if row.status != ReturnStatus.AWAITED:
        raise WrongState(f"return {return_id} is {row.status} and cannot be sent now", reason="wrong_state")
    place = {"tenant": actor.tenant, "return_id": return_id}
    await conn.execute(_SEND, place | {"carrier": carrier, "tracking_no": tracking_no})
    await audit.record(conn, actor, "send_return", row.order_id, carrier=carrier, tracking_no=tracking_no)
    return _return(await _locked(conn, actor, return_id))


async def receive_return(conn: AsyncConnection, actor: Actor, return_id: str, *, restock: bool) -> Return:
    """The goods are back; their refund can be settled. What is as new goes back on sale.

    Raises:
        NotAllowed: Not the merchant. ``NotFound``: no such return.
        WrongState: Not approved, or received already.
    """
    actor.need_merchant()
    row = await _locked(conn, actor, return_id)
    if row.status not in (ReturnStatus.AWAITED, ReturnStatus.SENT):
        raise WrongState(f"return {return_id} is {row.status} and cannot be received now", reason="wrong_state")
    place = {"tenant": actor.tenant, "return_id": return_id}
    await conn.execute(_RECEIVE, place)
    if restock:
        values = {"tenant": actor.tenant, "order_id": row.order_id, "refund_id": row.refund_id}
        await conn.execute(_RESTOCK, values)
    await audit.record(conn, actor, "receive_return", row.order_id, restock=restock)
    return _return(await _locked(conn, actor, return_id))


async def _locked(conn: AsyncConnection, actor: Actor, return_id: str) -> Any:
    place = {"tenant": actor.tenant, "return_id": checked_id(return_id, "return_id")}
    row = (await conn.execute(_LOCK, place)).one_or_none()
    if row is None or (actor.role is not Role.MERCHANT and row.user_id != actor.user_id):
        raise NotFound(f"there is no return {return_id!r}")
    return row


def _return(row: Any) -> Return:
    return Return(row.return_id, row.order_id, row.refund_id, row.status, row.carrier, row.tracking_no, row.created_at)
