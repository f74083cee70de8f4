"""Events of one session on their way to the bus: in order, kept while the bus is away."""

import asyncio
import time
from collections.abc import Callable

from voxcart.bus.base import Bus
from voxcart.bus.envelope import current_traceparent
from voxcart.bus.errors import BusUnavailable
from voxcart.bus.topics import Topic
from voxcart.telemetry.logs import get_logger
from voxcart.telemetry.trace import new_traceparent
from voxcart_api.bus.v1.bus_pb2 import Envelope
from voxcart_services.gateway.load import LoadMonitor
from voxcart_services.gateway.metrics import PUBLISH_RETRIES_TOTAL

log = get_logger(__name__)

ATTEMPT_S = 2.0
"""How long one attempt to publish may take before the client is told that the bus is away."""
PAUSE_S = 0.25

Trouble = Callable[[bool], None]
"""Told ``True`` when the bus went away and ``False`` when it is back."""


class SessionPublisher:
    """A bounded lane to the bus. A full lane makes :meth:`put` wait, and with it the client's stream.

    An event whose acknowledgement got lost is published again under the same ``event_id``.
    """

    def __init__(self, bus: Bus, session_id: str, max_events: int, load: LoadMonitor, trouble: Trouble) -> None:
        self._bus = bus
        self._session_id = session_id
        self._queue: asyncio.Queue[tuple[Topic, Envelope]] = asyncio.Queue(max_events)
        self._load = load
        self._trouble = trouble
        self._is_away = False

    async def put(self, topic: Topic, envelope: Envelope) -> None:
        """Appends an event; waits while the lane is full."""
        await self._queue.put((topic, envelope))

    def put_now(self, topic: Topic, envelope: Envelope) -> bool:
        """Appends an event unless the lane is full; says whether it did."""
        try:
            self._queue.put_nowait((topic, envelope))
        except asyncio.QueueFull:
            return False
        return True

    async def drained(self, timeout_s: float) -> bool:
        """Waits until everything was published; says whether that happened in time."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._queue.join()
        except TimeoutError:
            return False
        return True

    async def run(self) -> None:
        """Publishes until cancelled."""
        current_traceparent.set(new_traceparent())
        while True:
            topic, envelope = await self._queue.get()
            try:
                await self._publish(topic, envelope)
            finally:
                self._queue.task_done()

    async def _publish(self, topic: Topic, envelope: Envelope) -> None:
        while True:
            started_s = time.monotonic()
            try:
                await self._bus.publish(topic, self._session_id, envelope, timeout_s=ATTEMPT_S)
            except BusUnavailable:
                PUBLISH_RETRIES_TOTAL.inc()
                self._note(away=True)
                await asyncio.sleep(PAUSE_S)
            else:
                now_s = time.monotonic()
                self._load.published(now_s - started_s, now_s)
                self._note(away=False)
                return

    def _note(self, *, away: bool) -> None:
        if away != self._is_away:
            self._is_away = away
            self._trouble(away)
