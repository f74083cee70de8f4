"""Messages from other companies: the payment company's webhooks, and a carrier's news about parcels.

A message is signed, is no older than the window allows, and is dealt with once. It is taken as a hint only: what
became of a charge is asked of the payment company itself, so late, repeated and reordered messages do no harm.
"""

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.errors import InvalidInput, NotFound, VoxcartError
from voxcart.telemetry.logs import get_logger
from voxcart_services.shop.database import Database
from voxcart_services.shop.http_endpoint import Answer, Handler, Posted
from voxcart_services.shop.metrics import WEBHOOKS_TOTAL
from voxcart_services.shop.models import Actor, Role, checked_id
from voxcart_services.shop.payment_provider import PaymentProvider
from voxcart_services.shop.payments import Payments, payment_of
from voxcart_services.shop.shipping import CarrierEvent, record_carrier_event
from voxcart_services.shop.signatures import (
    SIGNATURE_HEADER,
    TOLERANCE_SECONDS,
    BadSignature,
    WebhookSecrets,
    verify,
)
from voxcart_services.shop.tenancy import SYSTEM

log = get_logger(__name__)

PAYMENTS_PATH = "/webhooks/payments"
CARRIER_PATH = "/webhooks/carrier"
PAYMENTS, CARRIER = "payments", "carrier"
"""Who sends messages."""

_SEEN = text("SELECT 1 FROM webhook_events WHERE source = :source AND event_id = :event_id")
_NOTE = text("INSERT INTO webhook_events (source, event_id) VALUES (:source, :event_id) ON CONFLICT DO NOTHING")


@dataclass(frozen=True, slots=True)
class _Outcome:
    name: str
    answer: Answer


class Webhooks:
    """Checks and deals with messages that were posted to the shop."""

    def __init__(
        self,
        database: Database,
        provider: PaymentProvider,
        payments: Payments,
        secrets: WebhookSecrets,
        tolerance_seconds: float = TOLERANCE_SECONDS,
    ) -> None:
        """Accepts what its sender has signed and is at most ``tolerance_seconds`` away from now."""
        self._database = database
        self._provider = provider
        self._payments = payments
        self._secrets = {PAYMENTS: secrets.payments, CARRIER: secrets.carrier}
        self._tolerance_seconds = tolerance_seconds

    def handlers(self) -> dict[str, Handler]:
        """The paths that an HTTP endpoint serves."""
        return {PAYMENTS_PATH: self.payment, CARRIER_PATH: self.carrier}

    async def payment(self, posted: Posted) -> Answer:
        """News of a charge: ``{"id", "type", "charge": {"id", "amount_cents"}}``."""
        return await self._receive(PAYMENTS, posted, self._on_charge)

    async def carrier(self, posted: Posted) -> Answer:
        """News of a parcel: ``{"id", "tenant", "order_id" or "tracking_no", "status", "description", "at"}``."""
        return await self._receive(CARRIER, posted, self._on_parcel)

    async def _receive(self, source: str, posted: Posted, work: Any) -> Answer:
        outcome = await self._outcome(source, posted, work)
        WEBHOOKS_TOTAL.labels(source, outcome.name).inc()
        return outcome.answer

    async def _outcome(self, source: str, posted: Posted, work: Any) -> _Outcome:
        header = posted.headers.get(SIGNATURE_HEADER, "")
        try:
            verify(self._secrets[source], header, posted.body, time.time(), self._tolerance_seconds)
        except BadSignature as error:
            log.warning("a webhook was refused", source=source, why=str(error))
            return _Outcome("forged", Answer(401, str(error)))
        try:
            message = _parsed(posted.body)
            event = {"source": source, "event_id": _word(message, "id")}
            if await self._is_known(event):
                return _Outcome("duplicate", Answer(200, "this was dealt with before"))
            await work(message)
            await self._note(event)
        except InvalidInput as error:
            return _Outcome("malformed", Answer(400, str(error)))
        except NotFound as error:
            return _Outcome("unknown", Answer(404, str(error)))
        except VoxcartError as error:
            if error.retryable:
                return _Outcome("failed", Answer(503, "try again later"))
            return _Outcome("refused", Answer(409, str(error)))
        return _Outcome("done", Answer(200, "done"))

    async def _is_known(self, event: dict[str, str]) -> bool:
        async def look(conn: AsyncConnection) -> bool:
            return (await conn.execute(_SEEN, event)).first() is not None

        return await self._database.run(SYSTEM, look)

    async def _note(self, event: dict[str, str]) -> None:
        async def note(conn: AsyncConnection) -> None:
            await conn.execute(_NOTE, event)

        await self._database.run(SYSTEM, note)

    async def _on_charge(self, message: dict[str, Any]) -> None:
        """Takes the payment of the charge to where the company says it is."""
        told = message.get("charge")
        if not isinstance(told, dict):
            raise InvalidInput("the message has no charge")
        charge_id = _word(told, "id")
        tenant, payment_id = payment_of(charge_id)
        payment = await self._payments.load(tenant, payment_id)
        charge = await self._provider.find(charge_id)
        if payment is None or charge is None:
            raise NotFound(f"there is no payment of charge {charge_id!r}")
        if told.get("amount_cents") != payment.amount_cents or charge.amount_cents != payment.amount_cents:
            raise InvalidInput(f"charge {charge_id} is not of {payment.amount_cents} cents")
        await self._payments.follow(tenant, payment, charge)

    async def _on_parcel(self, message: dict[str, Any]) -> None:
        """Notes where a parcel is."""
        tenant = _word(message, "tenant")
        event = CarrierEvent(
            order_id=_word(message, "order_id", required=False),
            tracking_no=_word(message, "tracking_no", required=False),
            status=_word(message, "status"),
            description=_word(message, "description", required=False),
            at=_moment(message.get("at")),
        )
        actor = Actor(tenant, "carrier", Role.MERCHANT)
        await self._database.run(tenant, lambda conn: record_carrier_event(conn, actor, event))


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        message = json.loads(body)
    except ValueError as error:
        raise InvalidInput("the body is no JSON") from error
    if not isinstance(message, dict):
        raise InvalidInput("the body is no JSON object")
    return message


def _word(message: dict[str, Any], name: str, *, required: bool = True) -> str:
    value = message.get(name, "")
    if not isinstance(value, str) or (required and not value):
        raise InvalidInput(f"{name} must be a text")
    return checked_id(value, name)


def _moment(value: Any) -> datetime | None:
    """A Unix time in seconds."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidInput("at must be a Unix time")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise InvalidInput("at is out of range") from error
