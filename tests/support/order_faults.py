"""What goes wrong around a shop: killed processes, torn connections, a stalled broker, and messages that come forged,
early, late, twice, in the wrong order, or again after the outbox had sent them."""

import asyncio
import json
import os
import random
import signal
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import psycopg

from support.order_people import TENANT
from support.shop_replicas import CARRIER_SECRET, PAYMENT_SECRET, Replicas
from voxcart_services.shop.signatures import SIGNATURE_HEADER, sign
from voxcart_services.shop.webhooks import CARRIER_PATH, PAYMENTS_PATH

BUSY = (
    "SELECT pid FROM pg_stat_activity WHERE application_name = 'voxcart-shop' AND xact_start IS NOT NULL "
    "AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1"
)
ANY = "SELECT pid FROM pg_stat_activity WHERE application_name = 'voxcart-shop' ORDER BY random() LIMIT 1"
TOLD = "SELECT event_id, charge_id, type FROM sandbox_events ORDER BY random() LIMIT 20"
AMOUNT = "SELECT amount_cents FROM sandbox_charges WHERE charge_id = %s"
HURRY = (
    "UPDATE sandbox_events SET due_at = now() WHERE event_id IN (SELECT event_id FROM sandbox_events "
    "WHERE due_at > now() + interval '1 minute' ORDER BY random() LIMIT 1) RETURNING event_id"
)
SENDING = "SELECT topic, key, envelope FROM outbox ORDER BY id LIMIT 50"
SEND_AGAIN = "INSERT INTO outbox (topic, key, envelope) VALUES (%s, %s, %s)"
PARCELS = "SELECT order_id FROM shipments WHERE tenant = %s ORDER BY shipped_at DESC LIMIT 20"


@dataclass(slots=True)
class _Message:
    """A webhook as it was, or could have been, posted."""

    path: str
    body: bytes


@dataclass
class Troublemaker:
    """Makes trouble of every kind until told to stop."""

    replicas: Replicas
    chance: random.Random
    faults: Counter[str]
    _known: deque[_Message] = field(default_factory=lambda: deque(maxlen=2000))
    _sent: deque[tuple[str, str, bytes]] = field(default_factory=lambda: deque(maxlen=500))
    _parcel_events: int = 0

    async def live(self, stopping: asyncio.Event) -> None:
        """All kinds of trouble at the same time, each with a shortest and a longest pause, seconds."""
        kinds: list[tuple[Callable[[], Awaitable[None]], float, float]] = [
            (self.kill_a_shop, 3.0, 7.0),
            (self.crash_postgres, 10.0, 40.0),
            (self.terminate_a_backend, 0.2, 0.8),
            (self.stall_the_broker, 8.0, 30.0),
            (self.drop_a_connection, 1.0, 4.0),
            (self.post_webhooks, 0.1, 0.5),
            (self.tell_of_a_parcel, 0.3, 1.0),
            (self.deliver_again, 0.3, 1.0),
            (self.answer_late, 0.5, 1.5),
        ]
        async with httpx.AsyncClient(timeout=5.0, trust_env=False) as self._http, asyncio.TaskGroup() as tasks:
            for kind in kinds:
                tasks.create_task(self._again_and_again(*kind, stopping))
            await stopping.wait()

    async def _again_and_again(
        self, trouble: Callable[[], Awaitable[None]], least_s: float, most_s: float, stopping: asyncio.Event
    ) -> None:
        while not stopping.is_set():
            try:
                async with asyncio.timeout(self.chance.uniform(least_s, most_s)):
                    await stopping.wait()
            except TimeoutError:
                try:
                    await trouble()
                except (psycopg.Error, httpx.HTTPError):
                    await asyncio.sleep(0.2)  # hit by other trouble

    async def kill_a_shop(self) -> None:
        """``kill -9`` of a replica, which starts again."""
        shop = self.chance.choice(self.replicas.shops)
        await shop.kill()
        self.faults["shop killed"] += 1
        await asyncio.sleep(self.chance.uniform(0.0, 1.0))
        await shop.start()

    async def _one(self, query: str, *values: Any) -> Any:
        async with await self.replicas.connect() as conn:
            return await (await conn.execute(query, values)).fetchone()

    async def _all(self, query: str, *values: Any) -> list[Any]:
        async with await self.replicas.connect() as conn:
            return await (await conn.execute(query, values)).fetchall()

    async def crash_postgres(self) -> None:
        """``kill -9`` of a backend: PostgreSQL ends all others too and recovers from its log."""
        row = await self._one(ANY)
        if row is not None:
            os.kill(row[0], signal.SIGKILL)
            self.faults["PostgreSQL crashed"] += 1

    async def terminate_a_backend(self) -> None:
        """Ends connections of shops, most of them in the middle of a transaction."""
        async with await self.replicas.connect() as conn:
            for _ in range(self.chance.randint(1, 3)):
                row = await (await conn.execute(BUSY)).fetchone() or await (await conn.execute(ANY)).fetchone()
                if row is not None:
                    await conn.execute("SELECT pg_terminate_backend(%s)", (row[0],))
                    self.faults["backend terminated"] += 1

    async def stall_the_broker(self) -> None:
        """The broker does not answer for a while."""
        async with self.replicas.broker_stalled():
            self.faults["broker stalled"] += 1
            await asyncio.sleep(self.chance.uniform(0.5, 4.0))

    async def drop_a_connection(self) -> None:
        """The clients' connection to a replica is lost, with all calls on it."""
        await self.chance.choice(self.replicas.shops).drop_connection()
        self.faults["connection dropped"] += 1

    async def answer_late(self) -> None:
        """An answer of the payment company that was an hour away comes now."""
        if await self._one(HURRY) is not None:
            self.faults["late answer of the company"] += 1

    async def deliver_again(self) -> None:
        """Events leave the outbox that were sent before, as after a crash between sending and forgetting."""
        self._sent += [tuple(row) for row in await self._all(SENDING)]
        if not self._sent:
            return
        async with await self.replicas.connect() as conn:
            for row in self.chance.sample(list(self._sent), min(len(self._sent), 3)):
                await conn.execute(SEND_AGAIN, row)
                self.faults["event sent again"] += 1

    async def post_webhooks(self) -> None:
        """News of charges: true ones early, again and in any order, and forged ones."""
        for event_id, charge_id, kind in await self._all(TOLD):
            row = await self._one(AMOUNT, charge_id)
            charge = {"id": charge_id, "amount_cents": row[0] if row else 0}
            message = {"id": event_id, "type": f"charge.{kind.partition('/')[0]}", "created": 0, "charge": charge}
            self._known.append(_Message(PAYMENTS_PATH, json.dumps(message).encode()))
        if not self._known:
            return
        for message in self.chance.choices(list(self._known), k=self.chance.randint(1, 4)):
            secret = PAYMENT_SECRET if message.path == PAYMENTS_PATH else CARRIER_SECRET
            await self._post(message.path, message.body, secret, "webhook again or out of order")
        await self._forge(self.chance.choice(self._known))

    async def _forge(self, message: _Message) -> None:
        """A message that must be refused, whatever it says."""
        wrong_secret = CARRIER_SECRET if message.path == PAYMENTS_PATH else PAYMENT_SECRET
        at = int(time.time())
        header, body = self.chance.choice(
            [
                (sign(wrong_secret, message.body, at), message.body),
                (sign(PAYMENT_SECRET, message.body, at - 4000), message.body),
                (sign(PAYMENT_SECRET, message.body, at), message.body.replace(b'"charge', b' "charge')),
                ("t=1,v1=" + "0" * 64, message.body),
                ("", message.body),
            ]
        )
        status = await self._send(message.path, body, header, "webhook forged")
        assert status in (0, 401), f"a forged webhook was answered with {status}"

    async def tell_of_a_parcel(self) -> None:
        """The carrier's news of a parcel; some of it comes again, and out of order."""
        rows = await self._all(PARCELS, TENANT)
        if not rows:
            return
        self._parcel_events += 1
        state = self.chance.choice(["in_transit", "out_for_delivery", "delivered", "failed"])
        news = {"id": f"parcel-{self._parcel_events}", "tenant": TENANT, "order_id": self.chance.choice(rows)[0]}
        message = _Message(CARRIER_PATH, json.dumps(news | {"status": state, "at": time.time() - 1}).encode())
        self._known.append(message)
        for _ in range(self.chance.randint(1, 3)):
            await self._post(message.path, message.body, CARRIER_SECRET, "webhook of a carrier")

    async def _post(self, path: str, body: bytes, secret: bytes, kind: str) -> None:
        status = await self._send(path, body, sign(secret, body, int(time.time())), kind)
        assert status in (0, 200, 404, 409, 503), f"a webhook was answered with {status}: {body!r}"

    async def _send(self, path: str, body: bytes, header: str, kind: str) -> int:
        """The status of the answer, 0 if there was none."""
        self.faults[kind] += 1
        port = self.chance.choice(self.replicas.shops).webhook_port
        try:
            url = f"http://127.0.0.1:{port}{path}"
            return (await self._http.post(url, content=body, headers={SIGNATURE_HEADER: header})).status_code
        except httpx.HTTPError:
            return 0
