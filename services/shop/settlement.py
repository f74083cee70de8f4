"""Finishes with the payment company what was decided: approved refunds, and payments cut off by a crash."""

import asyncio
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.errors import VoxcartError
from voxcart.telemetry.logs import get_logger
from voxcart_api.bus.v1.bus_pb2 import UserEvent
from voxcart_services.shop.database import Database
from voxcart_services.shop.models import Actor, Role
from voxcart_services.shop.order_store import load_order
from voxcart_services.shop.outbox import add_events, user_event
from voxcart_services.shop.payment_provider import PaymentProvider
from voxcart_services.shop.payments import Payments
from voxcart_services.shop.tenancy import SYSTEM

log = get_logger(__name__)

SWEEP_SECONDS = 15.0
"""How often what was left over is looked for, besides at start."""
STARTED_SECONDS = 10
"""A payment started longer ago than this was cut off."""

_APPROVED = text("SELECT tenant, order_id, refund_id FROM refunds WHERE status = 'approved' AND NOT exchange LIMIT 100")
_STARTED = text(
    "SELECT * FROM payments WHERE status = 'started' AND created_at < now() - make_interval(secs => :age) LIMIT 100"
)
_VOIDED = text("SELECT * FROM payments WHERE status = 'voided' AND refunded_cents < amount_cents LIMIT 100")
_REFUND = text(
    "SELECT r.order_id, r.amount_cents, p.payment_id FROM refunds r "
    "JOIN payments p ON p.tenant = r.tenant AND p.order_id = r.order_id AND p.status = 'captured' "
    "WHERE r.tenant = :tenant AND r.refund_id = :refund_id AND r.status = 'approved' "
    "AND NOT r.exchange"
)
_SETTLE = text(
    "UPDATE refunds SET status = 'refunded' WHERE tenant = :tenant AND refund_id = :refund_id AND status = 'approved' "
    "RETURNING refund_id"
)
_GIVE_BACK = text(
    "UPDATE payments SET refunded_cents = refunded_cents + :amount WHERE tenant = :tenant AND payment_id = :payment_id"
)


class Settlement:
    """Gives back approved refunds and ends payments that were cut off. Every step may be repeated."""

    def __init__(self, database: Database, provider: PaymentProvider, payments: Payments) -> None:
        self._database = database
        self._provider = provider
        self._payments = payments

    async def refund(self, tenant: str, refund_id: str) -> None:
        """Gives the money of an approved refund back; nothing if it was done."""
        place = {"tenant": tenant, "refund_id": refund_id}

        async def look(conn: AsyncConnection) -> Any:
            return (await conn.execute(_REFUND, place)).one_or_none()

        row = await self._database.run(tenant, look)
        if row is None:
            return
        await self._provider.refund(f"{tenant}/{row.payment_id}", f"{tenant}/{refund_id}", row.amount_cents)

        async def settle(conn: AsyncConnection) -> None:
            if (await conn.execute(_SETTLE, place)).first() is None:
                return
            values = {"tenant": tenant, "payment_id": row.payment_id, "amount": row.amount_cents}
            await conn.execute(_GIVE_BACK, values)
            order = await load_order(conn, Actor(tenant, "", Role.MERCHANT), row.order_id)
            buyer = Actor(tenant, order.user_id, Role.SHOPPER)
            events = [
                user_event(
                    buyer,
                    UserEvent.TYPE_REFUND,
                    line.sku,
                    event_id=f"refund/{tenant}/{refund_id}/{number}",
                    quantity=line.quantity,
                    order_id=row.order_id,
                )
                for number, line in enumerate(order.lines, start=1)
            ]
            await add_events(conn, events)

        await self._database.run(tenant, settle)

    async def try_refund(self, tenant: str, refund_id: str) -> None:
        """:meth:`refund`, leaving it to the next sweep if that is not possible now."""
        try:
            await self.refund(tenant, refund_id)
        except VoxcartError as error:
            log.warning("refund is left to the next sweep", code=error.code.name)

    async def sweep(self) -> None:
        """Looks for everything that is left over and finishes it."""

        async def look(conn: AsyncConnection) -> tuple[list[Any], list[Any]]:
            refunds = list(await conn.execute(_APPROVED))
            started = list(await conn.execute(_STARTED, {"age": STARTED_SECONDS}))
            return refunds, [*started, *await conn.execute(_VOIDED)]

        refunds, payments = await self._database.run(SYSTEM, look)
        for row in refunds:
            await self.try_refund(row.tenant, row.refund_id)
        for row in payments:
            try:
                await self._end_payment(row)
            except VoxcartError as error:
                log.warning("payment is left to the next sweep", code=error.code.name)

    async def _end_payment(self, payment: Any) -> None:
        if payment.status == "voided":
            await self._payments.give_back(payment.tenant, payment)
        else:
            await self._payments.finish(Actor(payment.tenant, "", Role.MERCHANT), payment)

    async def run(self) -> None:
        """Sweeps at start and then every 15 s until cancelled; waits out an absent database."""
        while True:
            try:
                await self.sweep()
            except VoxcartError as error:
                log.warning("settlement cannot work now", code=error.code.name)
            await asyncio.sleep(SWEEP_SECONDS)
