"""What shoppers did on a foreign platform, told to the bus as the built-in shop does from its outbox.

The events are derived from requests and answers and have ids of their own, so that a repeated call tells nothing twice.
They wait in memory while the bus is away, a bounded number of them; they feed recommendations and are no record.
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Any

from google.protobuf.message import Message

from voxcart.bus.base import Bus
from voxcart.bus.topics import Topic
from voxcart.errors import VoxcartError
from voxcart.telemetry.logs import get_logger
from voxcart_api.bus.v1.bus_pb2 import Envelope, UserEvent
from voxcart_api.shop.v1 import shop_pb2 as pb
from voxcart_services.shop import codec
from voxcart_services.shop.adapters.http.metrics import EVENTS_DROPPED_TOTAL
from voxcart_services.shop.models import Actor
from voxcart_services.shop.outbox import user_event

log = get_logger(__name__)

MAX_WAITING = 10_000
PUBLISH_SECONDS = 2.0
PAUSE_SECONDS = 1.0

Event = tuple[Topic, str, Envelope]


class EventPublisher:
    """Sends user events to the bus, in order."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._waiting: deque[Event] = deque()
        self._woken = asyncio.Event()

    def saw(self, call: str, request: Any, answer: Message) -> None:
        """Takes note of a call that succeeded. When too many events wait, the oldest is given up and counted."""
        for event in events_of(call, request, answer):
            if len(self._waiting) == MAX_WAITING:
                self._waiting.popleft()
                EVENTS_DROPPED_TOTAL.inc()
            self._waiting.append(event)
            self._woken.set()

    async def run(self) -> None:
        """Publishes until cancelled; waits out an absent bus."""
        while True:
            self._woken.clear()
            while self._waiting:
                event = self._waiting[0]
                try:
                    await self._bus.publish(*event, timeout_s=PUBLISH_SECONDS)
                except VoxcartError as error:
                    log.warning("user events wait for the bus", code=error.code.name)
                    await asyncio.sleep(PAUSE_SECONDS)
                    continue
                if self._waiting and self._waiting[0] is event:
                    self._waiting.popleft()
            await self._woken.wait()


def events_of(call: str, request: Any, answer: Any) -> list[Event]:
    """What a call says about its user's taste."""
    if call == "AddToCart":
        actor, key = codec.to_actor(request.actor), request.idempotency_key
        event_id = f"cart/{actor.tenant}/{actor.user_id}/{key}"
        kind = UserEvent.TYPE_ADD_TO_CART
        return [user_event(actor, kind, request.sku, event_id=event_id, quantity=request.quantity)]
    if call == "Pay":
        return list(_of_order(UserEvent.TYPE_BUY, "buy", request, answer))
    if call == "CancelOrder":
        return list(_of_order(UserEvent.TYPE_CANCEL_ORDER, "cancel", request, answer))
    return []


def _of_order(kind: "UserEvent.Type", name: str, request: Any, order: pb.Order) -> Iterable[Event]:
    asking = codec.to_actor(request.actor)
    buyer = Actor(asking.tenant, order.user_id or asking.user_id, asking.role)
    for number, line in enumerate(order.lines, start=1):
        event_id = f"{name}/{buyer.tenant}/{order.order_id}/{number}"
        quantity, order_id = line.quantity, order.order_id
        yield user_event(buyer, kind, line.sku, event_id=event_id, quantity=quantity, order_id=order_id)
