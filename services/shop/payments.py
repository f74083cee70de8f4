"""Paying for an order: steps that can stop anywhere and be taken up again, by whoever comes first.

1. A transaction notes that a payment was started, under an id made from the caller's key.
2. The payment company authorises, under the same id. It may answer at once, later by a webhook, or not at all.
3. A transaction notes the authorisation if the order still waits; otherwise the payment is voided.
4. The company captures; a transaction marks payment and order as paid, and enters the ledger.

A retry of the caller, a webhook and the settlement (:mod:`voxcart_services.shop.settlement`) all take a payment from
where it is to where the company says it is (:meth:`Payments.follow`); repeating that changes nothing. Money that
arrives for an order that was cancelled or has expired meanwhile goes back.
"""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.errors import Conflict, DeadlineMissed, InvalidInput, Unavailable, WrongState
from voxcart.telemetry.logs import get_logger
from voxcart_api.bus.v1.bus_pb2 import UserEvent
from voxcart_services.shop import audit, ledger
from voxcart_services.shop.database import Database
from voxcart_services.shop.effects import Effect, Outcome, check_key, claim, find, store, undoable
from voxcart_services.shop.lifecycle import Step, require
from voxcart_services.shop.metrics import EFFECTS_TOTAL, PAYMENTS_TOTAL
from voxcart_services.shop.models import Actor, Order, Role, checked_id
from voxcart_services.shop.order_store import load_order, units_of
from voxcart_services.shop.orders import count_sold
from voxcart_services.shop.outbox import add_events, user_event
from voxcart_services.shop.payment_provider import Charge, PaymentProvider

log = get_logger(__name__)

METHODS = ("wechat_pay", "alipay", "unionpay", "card", "cash")
OPEN = ("started", "authorised")
ANSWER_SECONDS = 1.5
"""How long a call waits for a payment company that answers by webhook, or not at all."""
LOOK_SECONDS = 0.1

Encode = Callable[[Order], bytes]

_LATEST = text(
    "SELECT order_id FROM orders WHERE tenant = :tenant AND user_id = :user_id AND status = 'pending_payment' "
    "ORDER BY created_at DESC, order_id DESC LIMIT 1"
)
_PAYMENT = text("SELECT * FROM payments WHERE tenant = :tenant AND payment_id = :payment_id")
_OTHER = text(
    "SELECT 1 FROM payments WHERE tenant = :tenant AND order_id = :order_id AND status IN ('started', 'authorised') "
    "AND payment_id <> :payment_id"
)
_START = text(
    "INSERT INTO payments (tenant, payment_id, order_id, status, method, token, amount_cents, provider_id) "
    "VALUES (:tenant, :payment_id, :order_id, 'started', :method, :token, :amount, :charge_id)"
)
_MOVE = text(
    "UPDATE payments SET status = :status, decline_reason = :reason, captured_cents = :captured "
    "WHERE tenant = :tenant AND payment_id = :payment_id AND status IN ('started', 'authorised') RETURNING payment_id"
)
_GIVEN_BACK = text(
    "UPDATE payments SET refunded_cents = captured_cents, settled = TRUE WHERE tenant = :tenant "
    "AND payment_id = :payment_id AND NOT settled RETURNING captured_cents"
)
_LATE_CAPTURE = text(
    "UPDATE payments SET captured_cents = amount_cents WHERE tenant = :tenant AND payment_id = :payment_id "
    "AND NOT settled"
)
_PAID = text(
    "UPDATE orders SET status = 'paid', payment_method = :method, paid_at = now(), expires_at = NULL "
    "WHERE tenant = :tenant AND order_id = :order_id"
)


@dataclass(frozen=True, slots=True)
class PayRequest:
    """What to pay how. An empty order means the latest that waits for payment."""

    order_id: str
    method: str
    token: str


class Payments:
    """Takes payments with one payment company."""

    def __init__(self, database: Database, provider: PaymentProvider, answer_seconds: float = ANSWER_SECONDS) -> None:
        self._database = database
        self._provider = provider
        self._answer_seconds = answer_seconds

    async def pay(self, effect: Effect, request: PayRequest, encode: Encode) -> Outcome:
        """Pays for an order once.

        Raises:
            InvalidInput: Bad method. ``NotFound``: no such order. ``Conflict``: the key was used otherwise.
            WrongState: Nothing to pay, paid already, declined, or a payment is under way, perhaps this one.
        """
        check_key(effect.key)
        effect.actor.need_user()
        request = _checked(request)
        tenant = effect.actor.tenant
        stored = await self._database.run(tenant, lambda conn: find(conn, effect))
        if stored is not None:
            EFFECTS_TOTAL.labels(effect.operation, "replayed").inc()
            return Outcome(stored, replayed=True)
        payment_id = _payment_id(effect)
        payment = await self._database.run(tenant, lambda conn: _start(conn, effect.actor, payment_id, request))
        payment = await self._settled(tenant, payment)
        if payment.status in OPEN:
            sentence = f"the payment company has not answered yet for order {payment.order_id}; it is paid when it does"
            raise WrongState(sentence, reason="payment_under_way")
        if payment.status != "captured":
            raise WrongState(_refusal(payment), reason=payment.status)
        outcome = await self._database.run(tenant, lambda conn: _answer(conn, effect, payment.order_id, encode))
        EFFECTS_TOTAL.labels(effect.operation, "done").inc()
        return outcome

    async def _settled(self, tenant: str, payment: Any) -> Any:
        """The payment after the company answered, or as it is when the wait is over."""
        if payment.status not in OPEN:
            return payment
        try:
            payment = await self.finish(tenant, payment)
        except (DeadlineMissed, Unavailable) as error:
            log.warning("the payment company does not answer", code=error.code.name)
        looks = round(self._answer_seconds / LOOK_SECONDS)
        while payment.status in OPEN and looks > 0:
            looks -= 1
            await asyncio.sleep(LOOK_SECONDS)
            payment = await self.load(tenant, payment.payment_id)
        return payment

    async def load(self, tenant: str, payment_id: str) -> Any:
        """The payment's row, ``None`` if there is none."""

        async def work(conn: AsyncConnection) -> Any:
            place = {"tenant": tenant, "payment_id": payment_id}
            return (await conn.execute(_PAYMENT, place)).one_or_none()

        return await self._database.run(tenant, work)

    async def finish(self, tenant: str, payment: Any) -> Any:
        """Asks the company for the money of a started payment and follows its answer; the payment's row after that."""
        charge = await self._provider.authorise(
            charge_id(tenant, payment.payment_id), payment.amount_cents, payment.method, payment.token
        )
        return await self.follow(tenant, payment, charge)

    async def follow(self, tenant: str, payment: Any, charge: Charge) -> Any:
        """Takes a payment to where the company says its charge is; the payment's row after that. May be repeated."""
        if payment.status in OPEN and charge.status == "authorised":
            payment = await self._move(tenant, payment, "authorised")
            if payment.status == "authorised":
                charge = await self._capture(charge)
        if payment.status in OPEN and charge.status in ("captured", "declined", "voided"):
            payment = await self._move(tenant, payment, charge.status, charge.decline_reason)
            PAYMENTS_TOTAL.labels(payment.status).inc()
        if payment.status == "voided" and not payment.settled:
            await self.give_back(tenant, payment)
        return payment

    async def take_up(self, tenant: str, payment: Any) -> None:
        """Goes on with a payment that was left: asks what became of it, and gives up one that nobody waits for."""
        charge = await self._provider.find(charge_id(tenant, payment.payment_id))
        if charge is None:
            await self.finish(tenant, payment)
            return
        payment = await self.follow(tenant, payment, charge)
        if payment.status in OPEN and not await self._is_awaited(tenant, payment):
            await self.follow(tenant, payment, await self._provider.void(charge.charge_id))

    async def _is_awaited(self, tenant: str, payment: Any) -> bool:
        actor = Actor(tenant, "", Role.MERCHANT)
        order = await self._database.run(tenant, lambda conn: load_order(conn, actor, payment.order_id))
        return order.status == "pending_payment"

    async def _capture(self, charge: Charge) -> Charge:
        """The charge after its capture, or as it is if another process has given it up meanwhile."""
        try:
            return await self._provider.capture(charge.charge_id)
        except WrongState:
            return await self._provider.find(charge.charge_id) or charge

    async def _move(self, tenant: str, payment: Any, status: str, reason: str = "") -> Any:
        return await self._database.run(tenant, lambda conn: _move(conn, tenant, payment, status, reason))

    async def give_back(self, tenant: str, payment: Any) -> None:
        """Gives up a voided payment: its charge is released, or its money returned. May be repeated."""
        charge = await self._provider.void(charge_id(tenant, payment.payment_id))
        if charge.status == "captured":
            await self._provider.refund(charge.charge_id, f"void/{charge.charge_id}", charge.amount_cents)
        place = {"tenant": tenant, "payment_id": payment.payment_id, "order_id": payment.order_id}
        late = charge.status == "captured" and payment.captured_cents == 0

        async def note(conn: AsyncConnection) -> None:
            if late:
                await conn.execute(_LATE_CAPTURE, place)
            cents = (await conn.execute(_GIVEN_BACK, place)).scalar()
            if late and cents:
                await ledger.enter(conn, tenant, payment, f"capture/{payment.payment_id}", cents)
            if cents:
                await ledger.enter(conn, tenant, payment, f"void/{payment.payment_id}", -cents)

        await self._database.run(tenant, note)


def charge_id(tenant: str, payment_id: str) -> str:
    """The id under which the payment company knows a payment."""
    return f"{tenant}/{payment_id}"


def payment_of(charge: str) -> tuple[str, str]:
    """Tenant and payment of a charge, the reverse of :func:`charge_id`."""
    tenant, _, payment_id = charge.rpartition("/")
    return tenant, payment_id


def _checked(request: PayRequest) -> PayRequest:
    checked_id(request.order_id, "order_id")
    checked_id(request.token, "payment_token")
    method = request.method or METHODS[0]
    if method not in METHODS:
        raise InvalidInput(f"payment method must be one of {', '.join(METHODS)}", field="method")
    return PayRequest(request.order_id, method, request.token)


def _payment_id(effect: Effect) -> str:
    return hashlib.sha256(f"{effect.actor.user_id}\0{effect.key}".encode()).hexdigest()[:32]


def _refusal(payment: Any) -> str:
    if payment.status == "declined":
        return f"the payment was declined: {payment.decline_reason}"
    return f"order {payment.order_id} was cancelled or has expired before the payment was done; the money goes back"


async def _start(conn: AsyncConnection, actor: Actor, payment_id: str, request: PayRequest) -> Any:
    """The payment of this id, noted as started if it is new."""
    place = {"tenant": actor.tenant, "payment_id": payment_id}
    known = (await conn.execute(_PAYMENT, place)).one_or_none()
    if known is not None:
        if request.method != known.method or request.order_id not in ("", known.order_id):
            raise Conflict("this idempotency_key was used for another request")
        return known
    order_id = request.order_id
    if not order_id:
        order_id = (await conn.execute(_LATEST, place | {"user_id": actor.user_id})).scalar()
        if order_id is None:
            raise WrongState("no order waits for payment", reason="nothing_to_pay")
    order = await load_order(conn, actor, order_id, lock=True)
    known = (await conn.execute(_PAYMENT, place)).one_or_none()
    if known is not None:
        return known
    require(Step.PAY, order_id, order.status)
    if (await conn.execute(_OTHER, place | {"order_id": order_id})).first():
        raise WrongState(f"a payment for order {order_id} is under way", reason="payment_under_way")
    values = {"order_id": order_id, "method": request.method, "token": request.token, "amount": order.total_cents}
    await conn.execute(_START, place | values | {"charge_id": charge_id(actor.tenant, payment_id)})
    return (await conn.execute(_PAYMENT, place)).one()


async def _move(conn: AsyncConnection, tenant: str, payment: Any, status: str, reason: str) -> Any:
    """Writes what became of an open payment, and of the order's waiting; the first of several movers does it."""
    actor = Actor(tenant, "", Role.MERCHANT)
    order = await load_order(conn, actor, payment.order_id, lock=True)
    place = {"tenant": tenant, "payment_id": payment.payment_id, "order_id": payment.order_id}
    captured = payment.amount_cents if status == "captured" else 0
    if status in ("authorised", "captured") and order.status != "pending_payment":
        status = "voided"
        await audit.record(conn, actor, "void_payment", order.order_id, payment=payment.payment_id, order=order.status)
    values = {"status": status, "reason": reason, "captured": captured}
    is_moved = (await conn.execute(_MOVE, place | values)).first() is not None
    if is_moved and captured:
        await ledger.enter(conn, tenant, payment, f"capture/{payment.payment_id}", captured)
    if is_moved and status == "captured":
        await conn.execute(_PAID, place | {"method": payment.method})
        await count_sold(conn, tenant, units_of(order), +1)
        await add_events(conn, _bought(actor, order))
        await audit.record(conn, actor, "pay", order.order_id, method=payment.method, cents=order.total_cents)
    return (await conn.execute(_PAYMENT, place)).one()


def _bought(actor: Actor, order: Order) -> list[Any]:
    buyer = Actor(actor.tenant, order.user_id, actor.role)
    return [
        user_event(
            buyer,
            UserEvent.TYPE_BUY,
            line.sku,
            event_id=f"buy/{actor.tenant}/{order.order_id}/{number}",
            quantity=line.quantity,
            order_id=order.order_id,
        )
        for number, line in enumerate(order.lines, start=1)
    ]


async def _answer(conn: AsyncConnection, effect: Effect, order_id: str, encode: Encode) -> Outcome:
    stored = await claim(conn, effect)
    if stored is not None:
        return Outcome(stored, replayed=True)
    response = encode(await load_order(conn, effect.actor, order_id))
    undoable({"order": order_id})
    await store(conn, effect, response)
    return Outcome(response, replayed=False)
