"""Finishes what was left over: approved refunds, payments cut off, orders not paid in time, orders that are complete.

Every step may be repeated, and any number of processes may sweep at once: each order is locked while it is dealt with,
and one that another process holds is left to that process.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.errors import VoxcartError
from voxcart.telemetry.logs import get_logger
from voxcart_api.bus.v1.bus_pb2 import UserEvent
from voxcart_services.shop import audit, ledger
from voxcart_services.shop.database import Database
from voxcart_services.shop.metrics import SWEPT_TOTAL
from voxcart_services.shop.models import Actor, Role
from voxcart_services.shop.order_store import load_order
from voxcart_services.shop.orders import OrderRules, end_unshipped
from voxcart_services.shop.outbox import add_events, user_event
from voxcart_services.shop.payment_provider import PaymentProvider
from voxcart_services.shop.payments import Payments, charge_id
from voxcart_services.shop.shipping import complete_order
from voxcart_services.shop.tenancy import SYSTEM

log = get_logger(__name__)

SWEEP_SECONDS = 15.0
"""How often what was left over is looked for, besides at start."""
STARTED_SECONDS = 10
"""A payment started longer ago than this was cut off, or is answered late."""
BATCH = 100
KEEP_DAYS = 30
"""How long keys of changes and webhooks, and expired quotes, are kept."""
EXPIRED = "expired"
"""Why an order that was not paid in time is cancelled."""

_PARCEL_AWAITED = (
    "EXISTS (SELECT 1 FROM returns t WHERE t.tenant = r.tenant AND t.refund_id = r.refund_id "
    "AND t.status IN ('requested', 'awaited', 'sent'))"
)
_APPROVED = text(
    "SELECT r.tenant, r.refund_id FROM refunds r WHERE r.status = 'approved' AND NOT r.exchange "
    f"AND NOT {_PARCEL_AWAITED} ORDER BY r.created_at LIMIT {BATCH}"
)
_LEFT = text(
    "SELECT * FROM payments WHERE (status IN ('started', 'authorised') AND created_at < now() "
    "- make_interval(secs => :age)) OR (status = 'voided' AND NOT settled) "
    f"ORDER BY random() LIMIT {BATCH}"
)
_EXPIRED = text(
    "SELECT tenant, order_id FROM orders WHERE status = 'pending_payment' AND expires_at <= now() "
    f"ORDER BY expires_at LIMIT {BATCH}"
)
_COMPLETE = text(
    "SELECT o.tenant, o.order_id FROM orders o WHERE o.status = 'delivered' AND NOT o.seeded "
    "AND o.delivered_at <= now() - CAST(:after AS interval) AND NOT EXISTS (SELECT 1 FROM refunds r "
    "WHERE r.tenant = o.tenant AND r.order_id = o.order_id "
    "AND (r.status = 'requested' OR (r.status = 'approved' AND NOT r.exchange))) "
    f"ORDER BY o.delivered_at LIMIT {BATCH}"
)
_HOLD = text(
    "SELECT status, expires_at <= now() AS is_late FROM orders WHERE tenant = :tenant AND order_id = :order_id "
    "FOR UPDATE SKIP LOCKED"
)
_FORGET = (
    text("DELETE FROM webhook_events WHERE received_at < now() - make_interval(days => :days)"),
    text("DELETE FROM quotes WHERE expires_at < now() - make_interval(days => :days)"),
    text("DELETE FROM idempotency WHERE created_at < now() - make_interval(days => :days)"),
)
_REFUND = text(
    "SELECT r.order_id, r.amount_cents, p.payment_id FROM refunds r "
    "JOIN payments p ON p.tenant = r.tenant AND p.order_id = r.order_id AND p.status = 'captured' "
    "WHERE r.tenant = :tenant AND r.refund_id = :refund_id AND r.status = 'approved' "
    f"AND NOT r.exchange AND NOT {_PARCEL_AWAITED}"
)
_SETTLE = text(
    "UPDATE refunds SET status = 'refunded' WHERE tenant = :tenant AND refund_id = :refund_id AND status = 'approved' "
    "RETURNING refund_id"
)
_GIVE_BACK = text(
    "UPDATE payments SET refunded_cents = refunded_cents + :amount WHERE tenant = :tenant AND payment_id = :payment_id"
)


class Settlement:
    """Gives back approved refunds, ends payments that were cut off, and lets orders expire and complete."""

    def __init__(
        self,
        database: Database,
        provider: PaymentProvider,
        payments: Payments,
        rules: OrderRules,
        sweep_seconds: float = SWEEP_SECONDS,
    ) -> None:
        self._database = database
        self._provider = provider
        self._payments = payments
        self._rules = rules
        self._sweep_seconds = sweep_seconds

    async def refund(self, tenant: str, refund_id: str) -> None:
        """Gives the money of an approved refund back; nothing if it was done, or its goods are still awaited."""
        place = {"tenant": tenant, "refund_id": refund_id}

        async def look(conn: AsyncConnection) -> Any:
            return (await conn.execute(_REFUND, place)).one_or_none()

        row = await self._database.run(tenant, look)
        if row is None:
            return
        await self._provider.refund(charge_id(tenant, row.payment_id), f"{tenant}/{refund_id}", row.amount_cents)
        await self._database.run(tenant, lambda conn: _settle(conn, tenant, refund_id, row))

    async def try_refund(self, tenant: str, refund_id: str) -> None:
        """:meth:`refund`, leaving it to the next sweep if that is not possible now."""
        try:
            await self.refund(tenant, refund_id)
        except VoxcartError as error:
            log.warning("refund is left to the next sweep", code=error.code.name)

    async def sweep(self) -> None:
        """Looks for everything that is left over and finishes it."""
        for row in await self._look(_APPROVED, {}):
            await self.try_refund(row.tenant, row.refund_id)
        for row in await self._look(_LEFT, {"age": STARTED_SECONDS}):
            await self._try("payment", lambda row=row: self._end_payment(row))
        for row in await self._look(_EXPIRED, {}):
            await self._try("expiry", lambda row=row: self._expire(row.tenant, row.order_id))
        for row in await self._look(_COMPLETE, {"after": self._rules.complete_after}):
            await self._try("completion", lambda row=row: self._complete(row.tenant, row.order_id))
        await self._database.run(SYSTEM, _forget)

    async def _look(self, query: Any, values: dict[str, Any]) -> Sequence[Any]:
        async def work(conn: AsyncConnection) -> Sequence[Any]:
            return list(await conn.execute(query, values))

        return await self._database.run(SYSTEM, work)

    async def _try(self, what: str, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except VoxcartError as error:
            log.warning("left to the next sweep", what=what, code=error.code.name)
        else:
            SWEPT_TOTAL.labels(what).inc()

    async def _end_payment(self, payment: Any) -> None:
        if payment.status == "voided":
            await self._payments.give_back(payment.tenant, payment)
        else:
            await self._payments.take_up(payment.tenant, payment)

    async def _expire(self, tenant: str, order_id: str) -> None:
        """Cancels an order that was not paid in time, unless another process is at it."""
        actor = Actor(tenant, "", Role.MERCHANT)
        place = {"tenant": tenant, "order_id": order_id}

        async def work(conn: AsyncConnection) -> None:
            held = (await conn.execute(_HOLD, place)).one_or_none()
            if held is None or held.status != "pending_payment" or not held.is_late:
                return
            await end_unshipped(conn, actor, await load_order(conn, actor, order_id), EXPIRED)
            await audit.record(conn, actor, "expire_order", order_id)

        await self._database.run(tenant, work)

    async def _complete(self, tenant: str, order_id: str) -> None:
        """Completes an order whose time to complain is over, unless another process is at it."""
        actor = Actor(tenant, "", Role.MERCHANT)

        async def work(conn: AsyncConnection) -> None:
            held = (await conn.execute(_HOLD, {"tenant": tenant, "order_id": order_id})).one_or_none()
            if held is not None and held.status == "delivered":
                await complete_order(conn, actor, await load_order(conn, actor, order_id))

        await self._database.run(tenant, work)

    async def run(self) -> None:
        """Sweeps at start and then every ``sweep_seconds`` until cancelled; waits out an absent database."""
        while True:
            try:
                await self.sweep()
            except VoxcartError as error:
                log.warning("settlement cannot work now", code=error.code.name)
            await asyncio.sleep(self._sweep_seconds)


async def _settle(conn: AsyncConnection, tenant: str, refund_id: str, row: Any) -> None:
    """Notes that the money of a refund is back; the first of several does it."""
    place = {"tenant": tenant, "refund_id": refund_id}
    if (await conn.execute(_SETTLE, place)).first() is None:
        return
    values = {"tenant": tenant, "payment_id": row.payment_id, "amount": row.amount_cents}
    await conn.execute(_GIVE_BACK, values)
    await ledger.enter(conn, tenant, row, f"refund/{refund_id}", -row.amount_cents)
    order = await load_order(conn, Actor(tenant, "", Role.MERCHANT), row.order_id)
    refund = next(r for r in order.refunds if r.refund_id == refund_id)
    by_number = {line.line_no: line for line in order.lines}
    given = [(by_number[line.line_no], line.quantity) for line in refund.lines]
    if not given and refund.amount_cents == order.total_cents:
        given = [(line, line.quantity) for line in order.lines]
    buyer = Actor(tenant, order.user_id, Role.SHOPPER)
    events = [
        user_event(
            buyer,
            UserEvent.TYPE_REFUND,
            line.sku,
            event_id=f"refund/{tenant}/{refund_id}/{number}",
            quantity=quantity,
            order_id=row.order_id,
        )
        for number, (line, quantity) in enumerate(given, start=1)
    ]
    await add_events(conn, events)


async def _forget(conn: AsyncConnection) -> None:
    """Drops what nobody will ask for again."""
    for statement in _FORGET:
        await conn.execute(statement, {"days": KEEP_DAYS})
