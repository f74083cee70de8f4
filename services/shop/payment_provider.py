"""What the shop needs of a payment company, and the sandbox that behaves like one.

The sandbox keeps its own tables and its own transactions, as a company's servers would: the shop and the sandbox agree
only through ids that make every call repeatable. No money moves.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.errors import NotFound, WrongState
from voxcart_services.shop.database import Database
from voxcart_services.shop.tenancy import SYSTEM

DECLINING_TOKENS = {
    "tok_declined": "the bank declined",
    "tok_no_funds": "not enough money",
    "tok_expired": "the card has expired",
}
"""Payment tokens of the sandbox that are refused, with the reason. Any other token is accepted."""


@dataclass(frozen=True, slots=True)
class Charge:
    """A charge as the company knows it.

    Attributes:
        status: ``authorised``, ``captured``, ``declined`` or ``voided``.
        decline_reason: Empty unless declined.
    """

    charge_id: str
    status: str
    amount_cents: int
    decline_reason: str = ""


class PaymentProvider(ABC):
    """A payment company. Every call may be repeated with the same ids and then gives the same answer."""

    @abstractmethod
    async def authorise(self, charge_id: str, amount_cents: int, method: str, token: str) -> Charge:
        """Asks for the money; ``authorised`` or ``declined``."""

    @abstractmethod
    async def capture(self, charge_id: str) -> Charge:
        """Takes authorised money.

        Raises:
            NotFound: Unknown charge. ``WrongState``: declined or voided.
        """

    @abstractmethod
    async def refund(self, charge_id: str, refund_id: str, amount_cents: int) -> None:
        """Gives captured money back.

        Raises:
            NotFound: Unknown charge. ``WrongState``: not captured, or more than is left.
        """


_AUTHORISE = text(
    "INSERT INTO sandbox_charges (charge_id, status, amount_cents, decline_reason) "
    "VALUES (:charge_id, :status, :amount, :reason) ON CONFLICT DO NOTHING"
)
_LOCK = text("SELECT * FROM sandbox_charges WHERE charge_id = :charge_id FOR UPDATE")
_SET_STATUS = text("UPDATE sandbox_charges SET status = :status WHERE charge_id = :charge_id")
_REFUND = text(
    "INSERT INTO sandbox_refunds (refund_id, charge_id, amount_cents) VALUES (:refund_id, :charge_id, :amount) "
    "ON CONFLICT DO NOTHING RETURNING refund_id"
)
_GIVE_BACK = text("UPDATE sandbox_charges SET refunded_cents = refunded_cents + :amount WHERE charge_id = :charge_id")


class SandboxProvider(PaymentProvider):
    """The company that always answers, on tables of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def authorise(self, charge_id: str, amount_cents: int, method: str, token: str) -> Charge:
        """See the interface; tokens in :data:`DECLINING_TOKENS` are declined."""
        reason = DECLINING_TOKENS.get(token, "")
        status = "declined" if reason else "authorised"
        values = {"charge_id": charge_id, "status": status, "amount": amount_cents, "reason": reason}

        async def work(conn: AsyncConnection) -> Charge:
            await conn.execute(_AUTHORISE, values)
            return await _locked(conn, charge_id)

        return await self._database.run(SYSTEM, work)

    async def capture(self, charge_id: str) -> Charge:
        """See the interface."""

        async def work(conn: AsyncConnection) -> Charge:
            charge = await _locked(conn, charge_id)
            if charge.status == "captured":
                return charge
            if charge.status != "authorised":
                raise WrongState(f"the charge is {charge.status}")
            await conn.execute(_SET_STATUS, {"charge_id": charge_id, "status": "captured"})
            return Charge(charge_id, "captured", charge.amount_cents)

        return await self._database.run(SYSTEM, work)

    async def refund(self, charge_id: str, refund_id: str, amount_cents: int) -> None:
        """See the interface."""

        async def work(conn: AsyncConnection) -> None:
            row = (await conn.execute(_LOCK, {"charge_id": charge_id})).one_or_none()
            if row is None:
                raise NotFound(f"there is no charge {charge_id!r}")
            values = {"refund_id": refund_id, "charge_id": charge_id, "amount": amount_cents}
            if (await conn.execute(_REFUND, values)).first() is None:
                return
            if row.status != "captured" or row.refunded_cents + amount_cents > row.amount_cents:
                raise WrongState("more than was taken cannot be given back")
            await conn.execute(_GIVE_BACK, values)

        await self._database.run(SYSTEM, work)


async def _locked(conn: AsyncConnection, charge_id: str) -> Charge:
    row = (await conn.execute(_LOCK, {"charge_id": charge_id})).one_or_none()
    if row is None:
        raise NotFound(f"there is no charge {charge_id!r}")
    return Charge(row.charge_id, row.status, row.amount_cents, row.decline_reason)
