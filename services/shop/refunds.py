"""Refunds: cancelling what has not been shipped, asking for money back, and the merchant's decision.

A refund is of all that is left of an order, of some units of its lines, or of an amount. All refunds of an order that
were not rejected never sum to more than was paid for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.errors import InvalidInput, NotFound, WrongState
from voxcart_services.shop import audit, returns, schema
from voxcart_services.shop.amounts import refund_of
from voxcart_services.shop.effects import undoable
from voxcart_services.shop.lifecycle import RefundStatus, Step, require, stock_returns
from voxcart_services.shop.models import Actor, Order, Page, Refund, RefundLine, checked_id, checked_text
from voxcart_services.shop.order_store import load_order, read_refund
from voxcart_services.shop.orders import count_sold, end_unshipped
from voxcart_services.shop.paging import PageRequest
from voxcart_services.shop.stock import Units, release

MAX_REASON_LENGTH = 500
WITHDRAWN = "withdrawn"
"""Why a request was rejected that the shopper took back."""

_ORDER_OF = text("SELECT order_id FROM refunds WHERE tenant = :tenant AND refund_id = :refund_id")
_DECIDE = text(
    "UPDATE refunds SET status = :status, decision_reason = :reason, amount_cents = :amount "
    "WHERE tenant = :tenant AND refund_id = :refund_id"
)
_DROP_LINES = text("DELETE FROM refund_lines WHERE tenant = :tenant AND refund_id = :refund_id")
_TAKE_OUT = text(
    "UPDATE order_lines SET taken_out = taken_out + :units "
    "WHERE tenant = :tenant AND order_id = :order_id AND line_no = :line_no"
)
_PAGE = """
SELECT json_build_array(r.refund_id, r.order_id, r.status, r.amount_cents, r.reason, r.decision_reason, r.created_at,
                        r.exchange,
       (SELECT json_agg(json_build_array(b.line_no, b.quantity, b.amount_cents) ORDER BY b.line_no)
          FROM refund_lines b WHERE b.tenant = r.tenant AND b.refund_id = r.refund_id),
       (SELECT min(t.return_id) FROM returns t WHERE t.tenant = r.tenant AND t.refund_id = r.refund_id)) AS refund
  FROM refunds r WHERE r.tenant = :tenant AND r.status = ANY(:statuses)
   AND (CAST(:after_at AS timestamptz) IS NULL
        OR (r.created_at, r.refund_id) < (CAST(:after_at AS timestamptz), CAST(:after_id AS text)))
 ORDER BY r.created_at DESC, r.refund_id DESC LIMIT :limit
"""
_OPEN = (RefundStatus.REQUESTED, RefundStatus.APPROVED)


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """What a shopper asks for.

    Attributes:
        lines: (line_no, quantity); empty for all that is left.
        amount_cents: Less than the lines cost, or an amount alone.
        send_back: The goods come back first.
    """

    order_id: str
    reason: str = ""
    exchange: bool = False
    lines: Sequence[tuple[int, int]] = ()
    amount_cents: int | None = None
    send_back: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What the merchant decides about a refund, named by itself or its order."""

    refund_id: str
    order_id: str
    approve: bool
    reason: str = ""
    amount_cents: int | None = None


def money_left(order: Order, without: str = "") -> int:
    """What was paid and not asked back, in cents; ``without`` names a refund that does not count."""
    asked = (r for r in order.refunds if r.status != RefundStatus.REJECTED and not r.exchange)
    return order.total_cents - sum(r.amount_cents for r in asked if r.refund_id != without)


async def cancel_order(conn: AsyncConnection, actor: Actor, order_id: str, reason: str) -> Order:
    """Cancels an order that has not been shipped; what was paid is approved to be given back.

    Raises:
        NotFound: No such order. ``WrongState``: shipped, or cancelled already.
    """
    reason = checked_text(reason, "reason", MAX_REASON_LENGTH, required=False)
    order = await load_order(conn, actor, order_id, lock=True)
    require(Step.CANCEL, order_id, order.status)
    if order.status != "pending_payment":
        await _refund_rest(conn, actor, order, reason)
    await end_unshipped(conn, actor, order, reason)
    await audit.record(conn, actor, "cancel_order", order_id, before=order.status, reason=reason)
    return await load_order(conn, actor, order_id)


async def _refund_rest(conn: AsyncConnection, actor: Actor, order: Order, reason: str) -> None:
    """Approves what is left of an order; a request that is open grows to it."""
    asked = order.refund
    if asked is not None and asked.status == RefundStatus.REQUESTED:
        place = {"tenant": actor.tenant, "refund_id": asked.refund_id}
        left = money_left(order, without=asked.refund_id)
        await conn.execute(_DROP_LINES, place)
        await conn.execute(
            text("UPDATE refunds SET exchange = FALSE WHERE tenant = :tenant AND refund_id = :refund_id"), place
        )
        await _decide(conn, actor, asked, RefundStatus.APPROVED, reason, left)
        return
    left = money_left(order)
    if left > 0:
        await _insert(conn, actor, order, RefundStatus.APPROVED, RefundRequest(order.order_id, reason), [], left)


async def request_refund(conn: AsyncConnection, actor: Actor, wanted: RefundRequest) -> Refund:
    """Asks for money of a paid order, or for an exchange of its goods.

    Raises:
        NotFound: No such order. ``InvalidInput``: a line or an amount that cannot be.
        WrongState: Not paid, a refund is open, more than is left, or goods to send back that were not shipped.
    """
    reason = checked_text(wanted.reason, "reason", MAX_REASON_LENGTH, required=False)
    order_id = wanted.order_id
    order = await load_order(conn, actor, order_id, lock=True)
    require(Step.REQUEST_REFUND, order_id, order.status)
    if wanted.send_back:
        require(Step.SEND_BACK, order_id, order.status)
    is_open = next((r for r in order.refunds if r.status in _OPEN), None)
    if is_open is not None:
        sentence = f"order {order_id} has a refund already, it is {is_open.status}"
        raise WrongState(sentence, reason="refund_exists")
    lines, amount = refund_of(order, wanted.lines, wanted.amount_cents, money_left(order))
    refund_id = await _insert(conn, actor, order, RefundStatus.REQUESTED, wanted, lines, amount)
    if wanted.send_back:
        await returns.open_return(conn, actor, order_id, refund_id)
    await audit.record(conn, actor, "request_refund", order_id, reason=reason, exchange=wanted.exchange, cents=amount)
    undoable({"refund": refund_id})
    return await _of_order(conn, actor, order_id, refund_id)


async def withdraw_refund(conn: AsyncConnection, actor: Actor, refund_id: str) -> Order:
    """The shopper takes back a request that was not decided yet.

    Raises:
        NotFound: No such refund of this shopper. ``WrongState``: decided already.
    """
    order = await load_order(conn, actor, await _order_of(conn, actor, refund_id), lock=True)
    refund = next(r for r in order.refunds if r.refund_id == refund_id)
    if refund.status != RefundStatus.REQUESTED:
        raise WrongState(f"the refund of order {order.order_id} is {refund.status} already", reason="wrong_state")
    await _decide(conn, actor, refund, RefundStatus.REJECTED, WITHDRAWN, refund.amount_cents)
    await returns.decide_return(conn, actor, refund_id, approve=False)
    await audit.record(conn, actor, "withdraw_refund", order.order_id)
    return await load_order(conn, actor, order.order_id)


async def process_refund(conn: AsyncConnection, actor: Actor, decision: Decision) -> Refund:
    """The merchant's decision. Goods that have not been shipped go back on sale with an approval.

    Raises:
        NotAllowed: Not the merchant. ``NotFound``: no such refund. ``WrongState``: decided already.
        InvalidInput: An amount that is 0 or less, or more than was asked for.
    """
    actor.need_merchant()
    reason = checked_text(decision.reason, "reason", MAX_REASON_LENGTH, required=False)
    order_id = decision.order_id or await _order_of(conn, actor, decision.refund_id)
    order = await load_order(conn, actor, order_id, lock=True)
    refund = next((r for r in order.refunds if decision.refund_id in ("", r.refund_id)), None)
    if refund is None:
        raise NotFound(f"order {order_id} has no such refund")
    if refund.status != RefundStatus.REQUESTED:
        raise WrongState(f"the refund of order {order_id} is {refund.status} already", reason="wrong_state")
    amount = refund.amount_cents if decision.amount_cents is None else decision.amount_cents
    if not 0 < amount <= refund.amount_cents:
        raise InvalidInput(f"the amount must be 1 to {refund.amount_cents} cents")
    status = RefundStatus.APPROVED if decision.approve else RefundStatus.REJECTED
    await _decide(conn, actor, refund, status, reason, amount)
    await returns.decide_return(conn, actor, refund.refund_id, approve=decision.approve)
    if decision.approve and stock_returns(order.status):
        await _free_goods(conn, actor, order, refund, reason)
    await audit.record(conn, actor, "process_refund", order_id, decision=status.value, reason=reason, cents=amount)
    return await _of_order(conn, actor, order_id, refund.refund_id)


async def _free_goods(conn: AsyncConnection, actor: Actor, order: Order, refund: Refund, reason: str) -> None:
    """Gives the refunded units of an unshipped order back for sale; an order with none left is cancelled."""
    if refund.exchange:
        return
    if refund.lines and all(line.refunded_quantity == line.quantity for line in order.lines):
        await end_unshipped(conn, actor, order, reason)
        return
    by_number = {line.line_no: line for line in order.lines}
    freed = [Units(by_number[r.line_no].sku, by_number[r.line_no].variant_id, r.quantity) for r in refund.lines]
    await count_sold(conn, actor.tenant, freed, -1)
    await release(conn, actor.tenant, freed)
    place = {"tenant": actor.tenant, "order_id": order.order_id}
    for line in refund.lines:
        await conn.execute(_TAKE_OUT, place | {"line_no": line.line_no, "units": line.quantity})


async def list_refunds(conn: AsyncConnection, actor: Actor, statuses: list[str], page: PageRequest) -> Page:
    """Refunds of the shop, the newest first.

    Raises:
        NotAllowed: Not the merchant. ``InvalidInput``: an unknown status.
    """
    actor.need_merchant()
    known = {status.value for status in RefundStatus}
    if not known.issuperset(statuses):
        raise InvalidInput(f"a refund is one of {', '.join(sorted(known))}")
    values: dict[str, Any] = {"tenant": actor.tenant, "statuses": list(statuses) or sorted(known)}
    count = text("SELECT count(*) FROM refunds WHERE tenant = :tenant AND status = ANY(:statuses)")
    total = (await conn.execute(count, values)).scalar_one()
    after_at, after_id = page.after or (None, None)
    where = values | {"limit": page.size + 1, "after_at": after_at, "after_id": after_id}
    found = [read_refund(row.refund) for row in await conn.execute(text(_PAGE), where)]
    return page.of_rows(found, total, lambda refund: (refund.created_at, refund.refund_id))


async def _order_of(conn: AsyncConnection, actor: Actor, refund_id: str) -> str:
    if not refund_id:
        raise InvalidInput("refund_id or order_id is required")
    checked_id(refund_id, "refund_id")
    order_id = (await conn.execute(_ORDER_OF, {"tenant": actor.tenant, "refund_id": refund_id})).scalar()
    if order_id is None:
        raise NotFound(f"there is no refund {refund_id!r}")
    return order_id


async def _of_order(conn: AsyncConnection, actor: Actor, order_id: str, refund_id: str) -> Refund:
    order = await load_order(conn, actor, order_id)
    return next(refund for refund in order.refunds if refund.refund_id == refund_id)


async def _decide(
    conn: AsyncConnection, actor: Actor, refund: Refund, status: RefundStatus, reason: str, amount_cents: int
) -> None:
    values = {"status": status.value, "reason": reason, "amount": amount_cents}
    await conn.execute(_DECIDE, values | {"tenant": actor.tenant, "refund_id": refund.refund_id})


async def _insert(
    conn: AsyncConnection,
    actor: Actor,
    order: Order,
    status: RefundStatus,
    wanted: RefundRequest,
    lines: Sequence[RefundLine],
    amount_cents: int,
) -> str:
    """Writes a refund of a locked order; its id."""
    suffix = f"-{len(order.refunds) + 1}" if order.refunds else ""
    place = {"tenant": actor.tenant, "refund_id": f"R{order.order_id}{suffix}"}
    await conn.execute(
        schema.refunds.insert(),
        place
        | {
            "order_id": order.order_id,
            "status": status.value,
            "amount_cents": amount_cents,
            "reason": wanted.reason.strip(),
            "exchange": wanted.exchange,
            "created_at": datetime.now(UTC),
        },
    )
    rows = [
        place | {"line_no": line.line_no, "quantity": line.quantity, "amount_cents": line.amount_cents}
        for line in lines
    ]
    if rows:
        await conn.execute(schema.refund_lines.insert(), rows)
    return place["refund_id"]
