"""The outbox publisher: sends the events of committed changes to the bus, in order, then forgets them.

One publisher works at a time, however many shops run (an advisory lock). An event is deleted in the transaction in
which it was sent, so a crash sends it again with the same id and never loses it. What the database itself has noted of
low stock becomes events here, in the same way. The catalogue topic is filled anew when a broker has lost it.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.bus.base import Bus, TopicPartition
from voxcart.bus.topics import CATALOGUE, topic_named
from voxcart.errors import VoxcartError
from voxcart.telemetry.logs import get_logger
from voxcart.tenants import DEFAULT_TENANT
from voxcart_api.bus.v1.bus_pb2 import Envelope
from voxcart_services.shop.database import Database
from voxcart_services.shop.metrics import OUTBOX_FAILURES_TOTAL, OUTBOX_PENDING, OUTBOX_PUBLISHED_TOTAL
from voxcart_services.shop.outbox import add_events, low_stock, product_changed
from voxcart_services.shop.products import load_all_products
from voxcart_services.shop.tenancy import SYSTEM

log = get_logger(__name__)

BATCH = 200
PUBLISH_SECONDS = 2.0
PUBLISHER_LOCK = 0x766F786F

_LOCK = text("SELECT pg_try_advisory_xact_lock(:key)")
_NEXT = text("SELECT id, topic, key, envelope FROM outbox ORDER BY id LIMIT :batch")
_CROSSINGS = text(
    "DELETE FROM low_stock_crossings c USING products p WHERE p.tenant = c.tenant AND p.sku = c.sku "
    "RETURNING c.tenant, c.crossing_id, c.sku, c.units, c.threshold, c.at, p.name_zh, p.name_en"
)
_SENT = text("DELETE FROM outbox WHERE id = ANY(:ids)")
_PENDING = text("SELECT count(*) FROM outbox")


class OutboxPublisher:
    """Moves events from the outbox to the bus. Woken by :meth:`wake` after a change; looks by itself now and then."""

    def __init__(self, database: Database, bus: Bus, poll_seconds: float) -> None:
        self._database = database
        self._bus = bus
        self._poll_seconds = poll_seconds
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Says that there may be new events."""
        self._woken.set()

    async def run(self) -> None:
        """Publishes until cancelled; waits out an absent broker or database."""
        while True:
            self._woken.clear()
            try:
                await self._restore_catalogue()
                while await self.publish_batch():
                    pass
            except VoxcartError as error:
                OUTBOX_FAILURES_TOTAL.inc()
                log.warning("events stay in the outbox", code=error.code.name)
                await asyncio.sleep(min(1.0, self._poll_seconds))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._poll_seconds):
                    await self._woken.wait()

    async def publish_batch(self) -> bool:
        """Sends the oldest events; whether there are more."""
        async with self._database.transaction(SYSTEM) as conn:
            if not (await conn.execute(_LOCK, {"key": PUBLISHER_LOCK})).scalar():
                return False
            crossings = sorted(await conn.execute(_CROSSINGS), key=lambda row: row.crossing_id)
            await add_events(conn, [low_stock(row) for row in crossings])
            rows = list(await conn.execute(_NEXT, {"batch": BATCH}))
            if rows:
                await self._send(rows)
                await conn.execute(_SENT, {"ids": [row.id for row in rows]})
            is_full = len(rows) == BATCH
            OUTBOX_PENDING.set((await conn.execute(_PENDING)).scalar_one() if is_full else 0)
            return is_full

    async def _send(self, rows: Sequence[Any]) -> None:
        """Events of one key one after the other, different keys side by side."""
        by_key: dict[tuple[str, str], list[Any]] = {}
        for row in rows:
            by_key.setdefault((row.topic, row.key), []).append(row)
        try:
            async with asyncio.TaskGroup() as tasks:
                for events in by_key.values():
                    tasks.create_task(self._send_in_order(events))
        except* VoxcartError as group:
            raise group.exceptions[0] from group

    async def _send_in_order(self, events: Sequence[Any]) -> None:
        for row in events:
            envelope = Envelope.FromString(row.envelope)
            await self._bus.publish(topic_named(row.topic), row.key, envelope, timeout_s=PUBLISH_SECONDS)
            OUTBOX_PUBLISHED_TOTAL.labels(row.topic).inc()

    async def _restore_catalogue(self) -> None:
        """Publishes all products if the broker has none: a new one, or one that keeps records in memory only."""
        places = [TopicPartition(CATALOGUE.name, index) for index in range(self._bus.num_partitions)]
        if any((await self._bus.end_offsets(places)).values()):
            return

        async def work(conn: AsyncConnection) -> int:
            waiting = text("SELECT EXISTS (SELECT 1 FROM outbox WHERE topic = :topic)")
            if (await conn.execute(waiting, {"topic": CATALOGUE.name})).scalar():
                return 0
            products = await load_all_products(conn, DEFAULT_TENANT)
            await add_events(conn, [product_changed(DEFAULT_TENANT, product) for product in products])
            return len(products)

        count = await self._database.run(SYSTEM, work)
        if count:
            log.info("catalogue is published anew", products=count)
