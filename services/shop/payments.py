"""Paying for an order: three steps that can stop anywhere and be taken up again.

1. A transaction notes that a payment was started, under an id made from the caller's key.
2. The payment company authorises and captures, under the same id; repeating it changes nothing.
3. A transaction marks the payment captured and the order paid, and stores the answer under the caller's key.

A crash between the steps leaves a started payment; a retry of the caller or the settlement (see
:mod:`voxcart_services.shop.settlement`) finishes it. If the order was cancelled meanwhile, the money goes back.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.errors import Conflict, InvalidInput, WrongState
from voxcart_api.bus.v1.bus_pb2 import UserEvent
from voxcart_services.shop import audit
from voxcart_services.shop.database import Database
from voxcart_services.shop.effects import Effect, Outcome, check_key, claim, find, store
from voxcart_services.shop.lifecycle import Step, require
from voxcart_services.shop.metrics import EFFECTS_TOTAL, PAYMENTS_TOTAL
from voxcart_services.shop.models import Actor, Order, checked_id
from voxcart_services.shop.order_store import load_order
from voxcart_services.shop.orders import count_sold
from voxcart_services.shop.outbox import add_events, user_event
from voxcart_services.shop.payment_provider import PaymentProvider

METHODS = ("wechat_pay", "alipay", "unionpay", "card", "cash")

Encode = Callable[[Order], bytes]

_LATEST = text(
    "SELECT order_id FROM orders WHERE tenant = :tenant AND user_id = :user_id AND status = 'pending_payment' "
    "ORDER BY created_at DESC, order_id DESC LIMIT 1"
)
_PAYMENT = text("SELECT * FROM payments WHERE tenant = :tenant AND payment_id = :payment_id")
_OTHER = text(
    "SELECT 1 FROM payments WHERE tenant = :tenant AND order_id = :order_id AND status = 'started' "
    "AND payment_id <> :payment_id"
)
_START = text(
    "INSERT INTO payments (tenant, payment_id, order_id, status, method, token, amount_cents) "
    "VALUES (:tenant, :payment_id, :order_id, 'started', :method, :token, :amount)"
)
_FINISH = text(
    "UPDATE payments SET status = :status, decline_reason = :reason, provider_id = :charge_id "
    "WHERE tenant = :tenant AND payment_id = :payment_id AND status = 'started' RETURNING payment_id"
)
_GIVEN_BACK = text(
    "UPDATE payments SET refunded_cents = amount_cents WHERE tenant = :tenant AND payment_id = :payment_id"
)
_PAID = text(
    "UPDATE orders SET status = 'paid', payment_method = :method, paid_at = now() "
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

    def __init__(self, database: Database, provider: PaymentProvider) -> None:
        self._database = database
        self._provider = provider

    async def pay(self, effect: Effect, request: PayRequest, encode: Encode) -> Outcome:
        """Pays for an order once.

        Raises:
            InvalidInput: Bad method. ``NotFound``: no such order. ``Conflict``: the key was used otherwise.
            WrongState: Nothing to pay, paid already, declined, or another payment is under way.
        """
        check_key(effect.key)
        effect.actor.need_user()
        request = _checked(request)
        stored = await self._database.run(effect.actor.tenant, lambda conn: find(conn, effect))
        if stored is not None:
            EFFECTS_TOTAL.labels(effect.operation, "replayed").inc()
            return Outcome(stored, replayed=True)
        payment_id = _payment_id(effect)
        payment = await self._database.run(
            effect.actor.tenant, lambda conn: _start(conn, effect.actor, payment_id, request)
        )
        if payment.status == "started":
            payment = await self.finish(effect.actor, payment)
        if payment.status != "captured":
            raise WrongState(_refusal(payment), reason=payment.status)
        outcome = await self._database.run(
            effect.actor.tenant, lambda conn: _answer(conn, effect, payment.order_id, encode)
        )
        EFFECTS_TOTAL.labels(effect.operation, "done").inc()
        return outcome

    async def finish(self, actor: Actor, payment: Any) -> Any:
        """Takes a started payment to its end; the payment's row after that."""
        charge_id = f"{actor.tenant}/{payment.payment_id}"
        charge = await self._provider.authorise(charge_id, payment.amount_cents, payment.method, payment.token)
        if charge.status == "authorised":
            charge = await self._provider.capture(charge_id)
        status = "captured" if charge.status == "captured" else "declined"
        values = {
            "tenant": actor.tenant,
            "payment_id": payment.payment_id,
            "order_id": payment.order_id,
            "method": payment.method,
            "charge_id": charge_id,
            "reason": charge.decline_reason,
        }
        finished = await self._database.run(actor.tenant, lambda conn: _finish(conn, actor, values, status))
        if finished.status == "voided":
            await self.give_back(actor.tenant, finished)
        PAYMENTS_TOTAL.labels(finished.status).inc()
        return finished

    async def give_back(self, tenant: str, payment: Any) -> None:
        """Returns the money of a payment whose order was cancelled before it was done. May be repeated."""
        charge_id = f"{tenant}/{payment.payment_id}"
        await self._provider.refund(charge_id, f"void/{charge_id}", payment.amount_cents)
        place = {"tenant": tenant, "payment_id": payment.payment_id}

        async def note(conn: AsyncConnection) -> None:
            await conn.execute(_GIVEN_BACK, place)

        await self._database.run(tenant, note)


def _checked(request: PayRequest) -> PayRequest:
    checked_id(request.order_id, "order_id")
    checked_id(request.token, "payment_token")
    method = request.method or METHODS[0]
    if method not in METHODS:
        raise InvalidInput(f"payment method must be one of {', '.join(METHODS)}")
    return PayRequest(request.order_id, method, request.token)


def _payment_id(effect: Effect) -> str:
    return hashlib.sha256(f"{effect.actor.user_id}\0{effect.key}".encode()).hexdigest()[:32]


def _refusal(payment: Any) -> str:
    if payment.status == "declined":
        return f"the payment was declined: {payment.decline_reason}"
    return f"order {payment.order_id} was cancelled before the payment was done; the money goes back"


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
    await conn.execute(_START, place | values)
    return (await conn.execute(_PAYMENT, place)).one()


async def _finish(conn: AsyncConnection, actor: Actor, values: dict[str, Any], status: str) -> Any:
    """Writes the end of a payment, and of the order's waiting; the first of several finishers does it."""
    order = await load_order(conn, actor, values["order_id"], lock=True)
    if status == "captured" and order.status != "pending_payment":
        current = (await conn.execute(_PAYMENT, values)).one()
        status = "voided" if current.status == "started" else current.status
    if (await conn.execute(_FINISH, values | {"status": status})).first() and status == "captured":
        await conn.execute(_PAID, values)
        await count_sold(conn, actor.tenant, order, +1)
        await add_events(conn, _bought(actor, order))
        await audit.record(conn, actor, "pay", order.order_id, method=values["method"], cents=order.total_cents)
    return (await conn.execute(_PAYMENT, values)).one()


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
    await store(conn, effect, response)
    return Outcome(response, replayed=False)
