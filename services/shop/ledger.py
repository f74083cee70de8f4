"""The ledger: every movement of money between shop and payment company, once, never changed.

The sum of an order's entries is what the shop holds for it: captured minus given back.
"""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_ENTER = text(
    "INSERT INTO ledger (tenant, entry_id, order_id, payment_id, cents) "
    "VALUES (:tenant, :entry_id, :order_id, :payment_id, :cents)"
)


async def enter(conn: AsyncConnection, tenant: str, payment: Any, entry_id: str, cents: int) -> None:
    """Notes money that came in (positive) or went back (negative) with a payment, in the transaction that counts it."""
    place = {"tenant": tenant, "entry_id": entry_id, "order_id": payment.order_id, "payment_id": payment.payment_id}
    await conn.execute(_ENTER, place | {"cents": cents})
