"""Bus to recommender: events into the history, catalogue changes onto the shelves, embeddings in the background."""

import asyncio
import time
from concurrent.futures import Executor

from voxcart.bus.base import Bus
from voxcart.bus.envelope import Message
from voxcart.bus.readers import BroadcastReader
from voxcart.bus.topics import CATALOGUE, EVENTS
from voxcart.bus.worker import SessionWorker
from voxcart.tenants import tenant_or_default
from voxcart_api.bus.v1 import bus_pb2
from voxcart_services.recsys.catalogue import Catalogue, Embed
from voxcart_services.recsys.engine import Recommender
from voxcart_services.recsys.metrics import EVENTS_TOTAL, FRESHNESS_SECONDS, PRODUCTS

GROUP = "recsys"


def event_worker(bus: Bus, recommender: Recommender) -> SessionWorker:
    """The worker that records what users did. Delivered twice, an event is recorded once."""

    async def handle(message: Message) -> None:
        if message.payload_name != "user_event":
            return
        event = message.envelope.user_event
        new = await recommender.record(message.event_id, event)
        EVENTS_TOTAL.labels(bus_pb2.UserEvent.Type.Name(event.type), str(new).lower()).inc()
        if new:
            FRESHNESS_SECONDS.observe(max(0.0, time.time() - message.timestamp_ms / 1_000))

    return SessionWorker(bus, GROUP, [EVENTS], handle)


class CatalogueFollower:
    """Keeps the shelves as the catalogue topic says and embeds what is new, a few at a time."""

    def __init__(self, bus: Bus, catalogue: Catalogue, embed: Embed, executor: Executor, duty: float) -> None:
        """
        Args:
            duty: Share of the time that embedding may take, 0..1, so that live turns keep the processor.
        """
        self._catalogue = catalogue
        self._embed = embed
        self._executor = executor
        self._duty = duty
        self._changed = asyncio.Event()
        self.reader = BroadcastReader(bus, [CATALOGUE], self._on_change)

    async def embed_new(self) -> None:
        """Embeds changed products as they come; runs for the life of the service."""
        loop = asyncio.get_running_loop()
        while True:
            await self._changed.wait()
            self._changed.clear()
            for shelf in self._catalogue.shelves():
                while texts := shelf.stale():
                    started = time.monotonic()
                    vectors = await loop.run_in_executor(self._executor, self._embed, list(texts.values()))
                    shelf.put_vectors(texts, vectors)
                    await asyncio.sleep((time.monotonic() - started) * (1 / self._duty - 1))

    async def _on_change(self, message: Message) -> None:
        if message.payload_name != "product":
            return
        change = bus_pb2.ProductChanged()
        change.CopyFrom(message.envelope.product)
        change.tenant = tenant_or_default(change.tenant)
        self._catalogue.apply(change)
        PRODUCTS.set(sum(len(shelf.products) for shelf in self._catalogue.shelves()))
        self._changed.set()
