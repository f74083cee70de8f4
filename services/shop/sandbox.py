"""A payment company that behaves like a real one, on tables of its own. No money moves.

It answers at once or later, declines, loses answers, and tells every change of a charge by signed webhooks over HTTP,
some of them late, repeated or in the wrong order. What a charge does is chosen by its payment token
(:data:`BEHAVIOURS`, :data:`DECLINING_TOKENS`). Shop and sandbox agree only through ids, calls and webhooks, as if it
were another company's servers.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import httpx
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.errors import DeadlineMissed, NotFound, VoxcartError, WrongState
from voxcart.telemetry.logs import get_logger
from voxcart_services.shop.database import Database
from voxcart_services.shop.metrics import SANDBOX_WEBHOOKS_TOTAL
from voxcart_services.shop.payment_provider import Charge, PaymentProvider
from voxcart_services.shop.signatures import SIGNATURE_HEADER, sign
from voxcart_services.shop.tenancy import SYSTEM

log = get_logger(__name__)

Result = TypeVar("Result")

DECLINING_TOKENS = {
    "tok_declined": "the bank declined",
    "tok_no_funds": "not enough money",
    "tok_expired": "the card has expired",
}
"""Tokens that are declined at once, with the reason."""


USUAL_DELAY_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a charge goes.

    Attributes:
        pending: The answer to the call is ``pending``; the result comes by webhook.
        declines: Why the result is a decline; empty for none.
        loses_answer: The call does its work, but its answer never arrives.
        delay_seconds: How long the webhook of the first change takes; those of later changes may overtake it.
        copies: How often that webhook is sent.
    """

    pending: bool = False
    declines: str = ""
    loses_answer: bool = False
    delay_seconds: float = USUAL_DELAY_SECONDS
    copies: int = 1


BEHAVIOURS = {
    "tok_async": Behaviour(pending=True),
    "tok_async_declined": Behaviour(pending=True, declines="the bank declined"),
    "tok_timeout": Behaviour(loses_answer=True),
    "tok_duplicate": Behaviour(pending=True, copies=3),
    "tok_late": Behaviour(pending=True, delay_seconds=3600.0),
    "tok_unordered": Behaviour(delay_seconds=3.0, copies=2),
}
"""What the sandbox does for a token; any other token is authorised at once."""

BATCH = 20
LEASE_SECONDS = 10.0
"""How long a webhook is left to the process that is sending it."""
MAX_ATTEMPTS = 12
LONGEST_WAIT_SECONDS = 5.0
POST_SECONDS = 2.0

_AUTHORISE = text(
    "INSERT INTO sandbox_charges (charge_id, status, amount_cents, decline_reason) "
    "VALUES (:charge_id, :status, :amount, :reason) ON CONFLICT DO NOTHING RETURNING charge_id"
)
_FIND = "SELECT * FROM sandbox_charges WHERE charge_id = :charge_id"
_LOCK = text(_FIND + " FOR UPDATE")
_SET_STATUS = text("UPDATE sandbox_charges SET status = :status WHERE charge_id = :charge_id")
_REFUND = text(
    "INSERT INTO sandbox_refunds (refund_id, charge_id, amount_cents) VALUES (:refund_id, :charge_id, :amount) "
    "ON CONFLICT DO NOTHING RETURNING refund_id"
)
_GIVE_BACK = text("UPDATE sandbox_charges SET refunded_cents = refunded_cents + :amount WHERE charge_id = :charge_id")
_TELL = text(
    "INSERT INTO sandbox_events (event_id, charge_id, type, due_at, copies) "
    "VALUES (:event_id, :charge_id, :type, now() + make_interval(secs => :delay), :copies) ON CONFLICT DO NOTHING"
)
_APPLY = text(
    "UPDATE sandbox_charges SET status = :type WHERE charge_id = :charge_id AND status = 'pending' "
    "AND :type IN ('authorised', 'declined')"
)
_TAKE = text(
    "UPDATE sandbox_events e SET attempts = e.attempts + 1, "
    "due_at = now() + make_interval(secs => :lease * (e.attempts + 1)) FROM sandbox_charges c "
    "WHERE c.charge_id = e.charge_id AND e.event_id IN (SELECT d.event_id FROM sandbox_events d "
    "WHERE d.due_at <= now() + make_interval(secs => :ahead) ORDER BY d.due_at LIMIT :batch FOR UPDATE SKIP LOCKED) "
    "RETURNING e.event_id, e.charge_id, e.type, e.copies, e.attempts, c.amount_cents"
)
_SENT = text("DELETE FROM sandbox_events WHERE event_id = :event_id")
_NEXT = text("SELECT extract(epoch FROM min(due_at) - now())::float8 FROM sandbox_events")


class SandboxProvider(PaymentProvider):
    """The company's servers, as far as the shop calls them."""

    def __init__(self, database: Database, changed: Callable[[], None] = lambda: None) -> None:
        """Works on its own tables of ``database``; ``changed`` is called when a webhook is to be sent."""
        self._database = database
        self._changed = changed

    async def authorise(self, charge_id: str, amount_cents: int, method: str, token: str) -> Charge:
        """See the interface; the token chooses what happens."""
        behaviour = BEHAVIOURS.get(token, Behaviour(declines=DECLINING_TOKENS.get(token, "")))
        outcome = "declined" if behaviour.declines else "authorised"
        status = "pending" if behaviour.pending else outcome
        values = {"charge_id": charge_id, "status": status, "amount": amount_cents, "reason": behaviour.declines}

        async def work(conn: AsyncConnection) -> tuple[Charge, bool]:
            is_new = (await conn.execute(_AUTHORISE, values)).first() is not None
            if is_new:
                await _tell(conn, charge_id, outcome, behaviour.delay_seconds, behaviour.copies)
            return await _locked(conn, charge_id), is_new

        charge, is_new = await self._run(work)
        if behaviour.loses_answer and is_new:
            raise DeadlineMissed("the payment company did not answer")
        return charge

    async def capture(self, charge_id: str) -> Charge:
        """See the interface."""
        return await self._run(lambda conn: _move(conn, charge_id, "captured", {"authorised"}))

    async def void(self, charge_id: str) -> Charge:
        """See the interface."""

        async def work(conn: AsyncConnection) -> Charge:
            charge = await _locked(conn, charge_id)
            if charge.status in ("captured", "declined"):
                return charge
            return await _move(conn, charge_id, "voided", {"pending", "authorised"})

        return await self._run(work)

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
            await _tell(conn, charge_id, f"refunded/{refund_id}")

        await self._run(work)

    async def find(self, charge_id: str) -> Charge | None:
        """See the interface."""

        async def work(conn: AsyncConnection) -> Charge | None:
            row = (await conn.execute(text(_FIND), {"charge_id": charge_id})).one_or_none()
            return None if row is None else _charge(row)

        return await self._database.run(SYSTEM, work)

    async def _run(self, work: Callable[[AsyncConnection], Awaitable[Result]]) -> Result:
        result = await self._database.run(SYSTEM, work)
        self._changed()
        return result


class SandboxWebhooks:
    """The company's messenger: posts what charges did to the shop's webhook endpoint until the shop accepts it.

    Several processes may run one each; an event is left to the one that took it.
    """

    def __init__(self, database: Database, secret: bytes) -> None:
        """Signs with ``secret``."""
        self._database = database
        self._secret = secret
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Says that there may be something new to send."""
        self._woken.set()

    async def run(self, url: str) -> None:
        """Sends to ``url`` until cancelled."""
        async with httpx.AsyncClient(timeout=POST_SECONDS, trust_env=False) as client:
            while True:
                self._woken.clear()
                wait = 1.0
                try:
                    while await self.deliver_due(client, url):
                        pass
                    wait = await self._seconds_to_next()
                except VoxcartError as error:
                    log.warning("sandbox webhooks wait", code=error.code.name)
                await self._sleep(wait)

    async def _sleep(self, seconds: float) -> None:
        """Waits for the next event that is due, at most 5 s; a call wakes it so that it looks when that is."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()

    async def _seconds_to_next(self) -> float:
        async def look(conn: AsyncConnection) -> float | None:
            return (await conn.execute(_NEXT)).scalar()

        seconds = await self._database.run(SYSTEM, look)
        return min(LONGEST_WAIT_SECONDS, max(0.01, seconds)) if seconds is not None else LONGEST_WAIT_SECONDS

    async def deliver_due(self, client: httpx.AsyncClient, url: str, ahead_seconds: float = 0.0) -> int:
        """Sends what is due; how many events were taken.

        Args:
            ahead_seconds: Also what is due within this time.
        """

        async def take(conn: AsyncConnection) -> list[Any]:
            values = {"lease": LEASE_SECONDS, "ahead": ahead_seconds, "batch": BATCH}
            rows = list(await conn.execute(_TAKE, values))
            for row in rows:
                await conn.execute(_APPLY, {"charge_id": row.charge_id, "type": row.type})
            return rows

        rows = await self._database.run(SYSTEM, take)
        for row in rows:
            await self._deliver(client, url, row)
        return len(rows)

    async def _deliver(self, client: httpx.AsyncClient, url: str, row: Any) -> None:
        body = json.dumps(
            {
                "id": row.event_id,
                "type": f"charge.{row.type.partition('/')[0]}",
                "created": int(time.time()),
                "charge": {"id": row.charge_id, "amount_cents": row.amount_cents},
            }
        ).encode()
        answers = [await self._post(client, url, body) for _ in range(row.copies)]
        is_done = any(answers)
        SANDBOX_WEBHOOKS_TOTAL.labels("accepted" if is_done else "refused").inc()
        if is_done or row.attempts >= MAX_ATTEMPTS:

            async def forget(conn: AsyncConnection) -> None:
                await conn.execute(_SENT, {"event_id": row.event_id})

            await self._database.run(SYSTEM, forget)

    async def _post(self, client: httpx.AsyncClient, url: str, body: bytes) -> bool:
        headers = {SIGNATURE_HEADER: sign(self._secret, body, int(time.time())), "content-type": "application/json"}
        try:
            return (await client.post(url, content=body, headers=headers)).is_success
        except httpx.HTTPError as error:
            log.info("webhook was not taken", error=type(error).__name__)
            return False


async def _tell(
    conn: AsyncConnection, charge_id: str, kind: str, delay_seconds: float = USUAL_DELAY_SECONDS, copies: int = 1
) -> None:
    """Leaves a webhook to be sent about a change of a charge."""
    values = {"event_id": f"{charge_id}/{kind}", "charge_id": charge_id, "type": kind}
    await conn.execute(_TELL, values | {"delay": delay_seconds, "copies": copies})


async def _move(conn: AsyncConnection, charge_id: str, status: str, allowed: set[str]) -> Charge:
    charge = await _locked(conn, charge_id)
    if charge.status == status:
        return charge
    if charge.status not in allowed:
        raise WrongState(f"the charge is {charge.status}")
    await conn.execute(_SET_STATUS, {"charge_id": charge_id, "status": status})
    await _tell(conn, charge_id, status)
    return replace(charge, status=status)


async def _locked(conn: AsyncConnection, charge_id: str) -> Charge:
    row = (await conn.execute(_LOCK, {"charge_id": charge_id})).one_or_none()
    if row is None:
        raise NotFound(f"there is no charge {charge_id!r}")
    return _charge(row)


def _charge(row: Any) -> Charge:
    reason = row.decline_reason if row.status == "declined" else ""
    return Charge(row.charge_id, row.status, row.amount_cents, reason)
