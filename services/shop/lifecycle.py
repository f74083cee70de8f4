"""The life of an order and of a refund: which step may follow which. Pure rules without a database.

::

    pending_payment ── pay ──> paid ── confirm ──> confirmed ── ship ──> shipped ──> delivered ──> completed
          │                     │                     │
          └────── cancel ───────┴────── cancel ───────┘──> cancelled

    requested ── approve ──> approved ── money is back ──> refunded
        └── reject ──> rejected

An order that is not paid in time is cancelled by the shop. A return goes with a refund of shipped goods::

    requested ── approve ──> awaited ── parcel sent ──> sent ── parcel there ──> received
        └── reject ──> rejected
"""

from enum import StrEnum

from voxcart.errors import WrongState


class OrderStatus(StrEnum):
    """States of an order."""

    PENDING_PAYMENT = "pending_payment"
    PAID = "paid"
    CONFIRMED = "confirmed"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class RefundStatus(StrEnum):
    """States of a refund."""

    REQUESTED = "requested"
    APPROVED = "approved"
    REJECTED = "rejected"
    REFUNDED = "refunded"


class ReturnStatus(StrEnum):
    """States of goods on their way back."""

    REQUESTED = "requested"
    AWAITED = "awaited"
    SENT = "sent"
    RECEIVED = "received"
    REJECTED = "rejected"


class Step(StrEnum):
    """What can be done with an order."""

    PAY = "pay"
    CONFIRM = "confirm"
    SHIP = "ship"
    CANCEL = "cancel"
    REQUEST_REFUND = "request_refund"
    CHANGE_ADDRESS = "change_address"
    DELIVER = "deliver"
    SEND_BACK = "send_back"
    COMPLETE = "complete"


_UNSHIPPED = frozenset({OrderStatus.PENDING_PAYMENT, OrderStatus.PAID, OrderStatus.CONFIRMED})

ALLOWED: dict[Step, frozenset[OrderStatus]] = {
    Step.PAY: frozenset({OrderStatus.PENDING_PAYMENT}),
    Step.CONFIRM: frozenset({OrderStatus.PAID}),
    Step.SHIP: frozenset({OrderStatus.PAID, OrderStatus.CONFIRMED}),
    Step.CANCEL: _UNSHIPPED,
    Step.REQUEST_REFUND: frozenset(
        {OrderStatus.PAID, OrderStatus.CONFIRMED, OrderStatus.SHIPPED, OrderStatus.DELIVERED, OrderStatus.COMPLETED}
    ),
    Step.CHANGE_ADDRESS: _UNSHIPPED,
    Step.DELIVER: frozenset({OrderStatus.SHIPPED}),
    Step.SEND_BACK: frozenset({OrderStatus.SHIPPED, OrderStatus.DELIVERED, OrderStatus.COMPLETED}),
    Step.COMPLETE: frozenset({OrderStatus.DELIVERED}),
}
"""In which states each step may be taken. Shipping a paid order confirms it on the way."""

SOLD = frozenset(
    {OrderStatus.PAID, OrderStatus.CONFIRMED, OrderStatus.SHIPPED, OrderStatus.DELIVERED, OrderStatus.COMPLETED}
)
"""States that count as sales."""

_VERBS = {
    Step.PAY: "paid for",
    Step.CONFIRM: "confirmed",
    Step.SHIP: "shipped",
    Step.CANCEL: "cancelled",
    Step.REQUEST_REFUND: "refunded",
    Step.CHANGE_ADDRESS: "sent to another address",
    Step.DELIVER: "delivered",
    Step.SEND_BACK: "sent back",
    Step.COMPLETE: "completed",
}


def require(step: Step, order_id: str, status: str) -> None:
    """Raises ``WrongState`` if the order cannot take this step now."""
    if OrderStatus(status) not in ALLOWED[step]:
        raise WrongState(f"order {order_id} is {status} and cannot be {_VERBS[step]} now", reason="wrong_state")


def stock_returns(status: str) -> bool:
    """Whether the goods of an order in this state are still in the house, so that ending it frees them for sale."""
    return OrderStatus(status) in _UNSHIPPED
