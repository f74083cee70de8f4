"""Refunds: cancelling what has not been shipped, asking for money back, and the merchant's decision."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.errors import InvalidInput, NotFound, WrongState
from voxcart_services.shop import audit, schema
from voxcart_services.shop.lifecycle import RefundStatus, Step, require, stock_returns
from voxcart_services.shop.models import Actor, Order, Page, Refund, checked_id, checked_text
from voxcart_services.shop.order_store import load_order
from voxcart_services.shop.orders import end_unshipped

MAX_REASON_LENGTH = 500

_COUNT = text("SELECT count(*) FROM refunds WHERE tenant = :tenant AND order_id = :order_id")
_ORDER_OF = text("SELECT order_id FROM refunds WHERE tenant = :tenant AND refund_id = :refund_id")
_DECIDE = text(
    "UPDATE refunds SET status = :status, decision_reason = :reason WHERE tenant = :tenant AND refund_id = :refund_id"
)
_COLUMNS = "refund_id, order_id, status, amount_cents, reason, decision_reason, created_at"


async def cancel_order(conn: AsyncConnection, actor: Actor, order_id: str, reason: str) -> Order:
    """Cancels an order that has not been shipped; what was paid is approved to be given back.

    Raises:
        NotFound: No such order. ``WrongState``: shipped, or cancelled already.
    """
    reason = checked_text(reason, "reason", MAX_REASON_LENGTH, required=False)
    order = await load_order(conn, actor, order_id, lock=True)
    require(Step.CANCEL, order_id, order.status)
    if order.status != "pending_payment":
        if order.refund is not None and order.refund.status == RefundStatus.REQUESTED:
            await _decide(conn, actor, order.refund.refund_id, RefundStatus.APPROVED, reason)
        else:
            await _insert(conn, actor, order, RefundStatus.APPROVED, reason, exchange=False)
    await end_unshipped(conn, actor, order)
    await audit.record(conn, actor, "cancel_order", order_id, before=order.status, reason=reason)
    return await load_order(conn, actor, order_id)


async def request_refund(conn: AsyncConnection, actor: Actor, order_id: str, reason: str, *, exchange: bool) -> Refund:
    """Asks for the money of a paid order, or for an exchange of its goods.

    Raises:
        NotFound: No such order. ``WrongState``: not paid, or asked already.
    """
    reason = checked_text(reason, "reason", MAX_REASON_LENGTH, required=False)
    order = await load_order(conn, actor, order_id, lock=True)
    require(Step.REQUEST_REFUND, order_id, order.status)
    if order.refund is not None and order.refund.status != RefundStatus.REJECTED:
        sentence = f"order {order_id} has a refund already, it is {order.refund.status}"
        raise WrongState(sentence, reason="refund_exists")
    await _insert(conn, actor, order, RefundStatus.REQUESTED, reason, exchange=exchange)
    await audit.record(conn, actor, "request_refund", order_id, reason=reason, exchange=exchange)
    return await _of_order(conn, actor, order_id)


async def process_refund(
    conn: AsyncConnection, actor: Actor, refund_id: str, order_id: str, *, approve: bool, reason: str
) -> Refund:
    """The merchant's decision. Goods that have not been shipped go back on sale with an approval.

    Raises:
        NotAllowed: Not the merchant. ``NotFound``: no such refund. ``WrongState``: decided already.
    """
    actor.need_merchant()
    reason = checked_text(reason, "reason", MAX_REASON_LENGTH, required=False)
    order_id = order_id or await _order_of(conn, actor, refund_id)
    order = await load_order(conn, actor, order_id, lock=True)
    refund = order.refund
    if refund is None or (refund_id and refund.refund_id != refund_id):
        raise NotFound(f"order {order_id} has no such refund")
    if refund.status != RefundStatus.REQUESTED:
        raise WrongState(f"the refund of order {order_id} is {refund.status} already", reason="wrong_state")
    status = RefundStatus.APPROVED if approve else RefundStatus.REJECTED
    await _decide(conn, actor, refund.refund_id, status, reason)
    if approve and stock_returns(order.status):
        await end_unshipped(conn, actor, order)
    await audit.record(conn, actor, "process_refund", order_id, decision=status.value, reason=reason)
    return await _of_order(conn, actor, order_id)


async def list_refunds(conn: AsyncConnection, actor: Actor, statuses: list[str], page_size: int) -> Page:
    """Refunds of the shop, the newest first.

    Raises:
        NotAllowed: Not the merchant.
    """
    actor.need_merchant()
    known = {status.value for status in RefundStatus}
    if not known.issuperset(statuses):
        raise InvalidInput(f"a refund is one of {', '.join(sorted(known))}")
    where = "tenant = :tenant AND status = ANY(:statuses)"
    values: dict[str, Any] = {"tenant": actor.tenant, "statuses": list(statuses) or sorted(known), "limit": page_size}
    total = (await conn.execute(text(f"SELECT count(*) FROM refunds WHERE {where}"), values)).scalar_one()
    rows = await conn.execute(
        text(f"SELECT {_COLUMNS} FROM refunds WHERE {where} ORDER BY created_at DESC, refund_id LIMIT :limit"), values
    )
    return Page(tuple(Refund(**row._mapping) for row in rows), total)


async def _order_of(conn: AsyncConnection, actor: Actor, refund_id: str) -> str:
    if not refund_id:
        raise InvalidInput("refund_id or order_id is required")
    checked_id(refund_id, "refund_id")
    order_id = (await conn.execute(_ORDER_OF, {"tenant": actor.tenant, "refund_id": refund_id})).scalar()
    if order_id is None:
        raise NotFound(f"there is no refund {refund_id!r}")
    return order_id


async def _of_order(conn: AsyncConnection, actor: Actor, order_id: str) -> Refund:
    order = await load_order(conn, actor, order_id)
    if order.refund is None:
        raise NotFound(f"order {order_id} has no refund")
    return order.refund


async def _decide(conn: AsyncConnection, actor: Actor, refund_id: str, status: RefundStatus, reason: str) -> None:
    values = {"tenant": actor.tenant, "refund_id": refund_id, "status": status.value, "reason": reason}
    await conn.execute(_DECIDE, values)


async def _insert(
    conn: AsyncConnection, actor: Actor, order: Order, status: RefundStatus, reason: str, *, exchange: bool
) -> None:
    place = {"tenant": actor.tenant, "order_id": order.order_id}
    earlier = (await conn.execute(_COUNT, place)).scalar_one()
    suffix = f"-{earlier + 1}" if earlier else ""
    await conn.execute(
        schema.refunds.insert(),
        place
        | {
            "refund_id": f"R{order.order_id}{suffix}",
            "status": status.value,
            "amount_cents": order.total_cents,
            "reason": reason,
            "exchange": exchange,
            "created_at": datetime.now(UTC),
        },
    )
