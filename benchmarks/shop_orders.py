"""How many cart changes and checkouts a second does the shop take on few hot products, and how long do they take?

Starts a PostgreSQL and a shop of its own on the seeded demo catalogue, and sends from many gRPC clients, all on the
same few products,

- paced: cart changes and checkouts at given rates at the same time; latency counts from when a call was due, so a
  server that falls behind is not flattered,
- full: as fast as a number of clients can, cart changes only and then checkouts with the change before each; with the
  processor time of shop and PostgreSQL together for each, which other load on the machine does not blur.

``python benchmarks/shop_orders.py [--carts 300] [--checkouts 80] [--seconds 20] [--clients 16] [--json]``
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import psutil

from voxcart.benchmarking.machine import describe_machine
from voxcart.embedded import EmbeddedPostgres
from voxcart.grpc_support import ErrorsAndMetrics, open_channel, server_options
from voxcart.telemetry.logs import configure_logging
from voxcart_api.common.v1.common_pb2 import ROLE_MERCHANT
from voxcart_api.shop.v1 import shop_pb2 as pb
from voxcart_api.shop.v1 import shop_pb2_grpc

HOT = ("FR0001", "FR0002", "FR0003")
STOCK = 900_000_000
USERS = 200
CHANNELS = 8
TIMEOUT_S = 10.0

_keys = itertools.count()


async def serve(url: str) -> None:
    """The shop in a process of its own; prints its port and serves until it is killed."""
    from voxcart_services.shop.adapters.postgres import postgres_adapter
    from voxcart_services.shop.bootstrap import prepare
    from voxcart_services.shop.database import Database
    from voxcart_services.shop.parts import Options, assemble
    from voxcart_services.shop.servicer import ShopServicer

    configure_logging("shop", "WARNING")
    database = Database.open(url)
    await database.wait_until_ready(30)
    await prepare(database, None, seed=True, demo=False)
    parts = assemble(database, None, lambda: None, Options())
    server = grpc.aio.server(interceptors=[ErrorsAndMetrics()], options=server_options(4 * 1024 * 1024))
    shop_pb2_grpc.add_ShopServicer_to_server(ShopServicer(postgres_adapter(parts)), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await server.wait_for_termination()


def run_loop(work: Coroutine[Any, Any, None]) -> None:
    """Runs a coroutine on the event loop that services run on."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(work)
    else:
        uvloop.run(work)


@asynccontextmanager
async def running_shop() -> AsyncIterator[int]:
    """A seeded shop; gives its port."""
    with tempfile.TemporaryDirectory(prefix="voxcart-bench-") as directory:
        postgres = EmbeddedPostgres(Path(directory))
        await postgres.start()
        try:
            child = await asyncio.create_subprocess_exec(
                sys.executable, __file__, "--serve", postgres.url, stdout=asyncio.subprocess.PIPE
            )
            try:
                assert child.stdout is not None
                yield int(await child.stdout.readline())
            finally:
                child.kill()
                await child.wait()
        finally:
            await postgres.stop()


@dataclass
class Shopper:
    """A user with an address and a cart."""

    rpc: shop_pb2_grpc.ShopStub
    user_id: str
    lines: list[str] = field(default_factory=list)
    step: int = 0

    def _who(self) -> dict[str, Any]:
        return {"actor": pb.Actor(user_id=self.user_id), "idempotency_key": f"bench/{next(_keys)}"}

    async def settle(self) -> None:
        """Gives the user an address."""
        await self.rpc.ChangeAddress(pb.ChangeAddressRequest(**self._who(), address="某路1号"))

    async def add(self) -> None:
        """Puts one of the hot products into the cart."""
        request = pb.AddToCartRequest(**self._who(), sku=random.choice(HOT), quantity=1)
        cart = await self.rpc.AddToCart(request, timeout=TIMEOUT_S)
        self.lines = [line.line_id for line in cart.lines]

    async def change(self) -> None:
        """A change of the cart: three additions, a new quantity, then the cart is emptied."""
        self.step += 1
        if self.step % 5 == 4 and self.lines:
            request = pb.UpdateCartLineRequest(**self._who(), line_id=random.choice(self.lines), quantity=2)
            await self.rpc.UpdateCartLine(request, timeout=TIMEOUT_S)
        elif self.step % 5 == 0:
            await self.rpc.ClearCart(pb.ClearCartRequest(**self._who()), timeout=TIMEOUT_S)
            self.lines = []
        else:
            await self.add()

    async def check_out(self) -> None:
        """Makes an order of what is in the cart."""
        await self.rpc.Checkout(pb.CheckoutRequest(**self._who()), timeout=TIMEOUT_S)


@dataclass
class Timings:
    """How long calls of one kind took, and what became of them."""

    seconds: list[float] = field(default_factory=list)
    failed: dict[str, int] = field(default_factory=dict)

    async def time(self, due: float, call: Callable[[], Awaitable[None]]) -> None:
        """Runs a call; its time counts from ``due``."""
        try:
            await call()
        except grpc.aio.AioRpcError as error:
            self.failed[error.code().name] = self.failed.get(error.code().name, 0) + 1
        else:
            self.seconds.append(time.monotonic() - due)

    def report(self, wall_s: float) -> dict[str, Any]:
        """Rate and percentiles in milliseconds."""
        ordered = sorted(self.seconds)

        def at(share: float) -> float | None:
            return round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1) if ordered else None

        return {
            "done": len(ordered),
            "per_second": round(len(ordered) / wall_s, 1),
            "p50_ms": at(0.5),
            "p95_ms": at(0.95),
            "p99_ms": at(0.99),
            "failed": self.failed,
        }


async def paced(pool: list[Shopper], rate: float, seconds: float, timings: Timings, work: Any) -> None:
    """Calls ``work`` at a steady rate, each time with a shopper who is free."""
    free: asyncio.Queue[Shopper] = asyncio.Queue()
    for shopper in pool:
        free.put_nowait(shopper)
    start = time.monotonic()

    async def one(due: float) -> None:
        shopper = await free.get()
        try:
            await work(shopper, due, timings)
        finally:
            free.put_nowait(shopper)

    async with asyncio.TaskGroup() as tasks:
        for number in range(int(rate * seconds)):
            due = start + number / rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            tasks.create_task(one(due))


async def full(pool: list[Shopper], seconds: float, timings: Timings, work: Any) -> None:
    """Each shopper calls one after the other without a pause."""
    end = time.monotonic() + seconds

    async def one(shopper: Shopper) -> None:
        while (now := time.monotonic()) < end:
            await work(shopper, now, timings)

    await asyncio.gather(*map(one, pool))


async def cart_change(shopper: Shopper, due: float, timings: Timings) -> None:
    """One timed change of a cart."""
    await timings.time(due, shopper.change)


def checkout_after(carts: Timings) -> Any:
    """One timed checkout; filling the cart before it counts as a cart change."""

    async def work(shopper: Shopper, due: float, timings: Timings) -> None:
        started = time.monotonic()
        await carts.time(started, shopper.add)
        waited = time.monotonic() - started
        await timings.time(due + waited, shopper.check_out)

    return work


def cpu_seconds() -> dict[str, float]:
    """Processor time of shop and PostgreSQL so far."""
    spent = {"shop": 0.0, "postgres": 0.0}
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            name = "postgres" if "postgres" in process.name() else "shop"
            spent[name] += sum(process.cpu_times()[:2])
    return spent


async def measure(options: argparse.Namespace, port: int) -> dict[str, Any]:
    """Runs all parts; the figures."""
    channels = [open_channel(f"127.0.0.1:{port}") for _ in range(CHANNELS)]
    stubs = [shop_pb2_grpc.ShopStub(channel) for channel in channels]
    owner = pb.Actor(user_id="demo-merchant", role=ROLE_MERCHANT)
    for sku in HOT:
        request = pb.UpdateProductRequest(actor=owner, idempotency_key=f"stock/{sku}", sku=sku)
        request.stock.set = STOCK
        await stubs[0].UpdateProduct(request)
    people = [Shopper(stubs[n % CHANNELS], f"bench-{n}") for n in range(2 * USERS)]
    for shopper in people:
        await shopper.settle()
    carts, buyers = people[:USERS], people[USERS:]
    await full(carts[: options.clients], 2.0, Timings(), cart_change)

    cart_times, checkout_times = Timings(), Timings()
    started = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        rest = max(1.0, options.carts - options.checkouts)
        tasks.create_task(paced(carts, rest, options.seconds, cart_times, cart_change))
        work = checkout_after(cart_times)
        tasks.create_task(paced(buyers, options.checkouts, options.seconds, checkout_times, work))
    wall_s = time.monotonic() - started
    result: dict[str, Any] = {
        "paced": {
            "asked": {"cart_changes": options.carts, "checkouts": options.checkouts},
            "cart_changes": cart_times.report(wall_s),
            "checkouts": checkout_times.report(wall_s),
        }
    }
    for kind, pool, work in (
        ("cart_changes", carts, cart_change),
        ("checkouts", buyers, checkout_after(Timings())),
    ):
        times = Timings()
        started, cpu_before = time.monotonic(), cpu_seconds()
        await full(pool[: options.clients], options.seconds / 2, times, work)
        spent, done = cpu_seconds(), max(1, len(times.seconds))
        cpu_ms = {f"{name}_cpu_ms": round(1000 * (spent[name] - cpu_before[name]) / done, 2) for name in spent}
        result[f"full_{kind}"] = times.report(time.monotonic() - started) | cpu_ms
    for channel in channels:
        await channel.close()
    return result


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--carts", type=float, default=300, help="cart changes a second")
    parser.add_argument("--checkouts", type=float, default=80, help="checkouts a second; each adds to its cart first")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--clients", type=int, default=16, help="clients at full speed")
    parser.add_argument("--json", action="store_true", help="one JSON object only")
    parser.add_argument("--serve", metavar="URL", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        run_loop(serve(options.serve))
        return

    async def run() -> dict[str, Any]:
        async with running_shop() as port:
            return await measure(options, port)

    figures = {"machine": describe_machine(), **asyncio.run(run())}
    print(json.dumps(figures, indent=None if options.json else 2, ensure_ascii=False))


if __name__ == "__main__":
    main()
