"""A shop as it runs in earnest: PostgreSQL, the broker, and several shop processes that may be killed at any time."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Any

import grpc
import psycopg
from sqlalchemy import make_url

from voxcart.embedded import EmbeddedBroker, EmbeddedPostgres
from voxcart.grpc_support import open_channel
from voxcart.ports import free_port
from voxcart.service import PARENT_VARIABLE
from voxcart_api.shop.v1 import shop_pb2 as pb
from voxcart_api.shop.v1 import shop_pb2_grpc

PAYMENT_SECRET = b"the payment company's secret"
CARRIER_SECRET = b"the carrier's own secret"
START_SECONDS = 90.0


class Replica:
    """One shop process on ports of its own, which it has again after a restart."""

    def __init__(self, number: int, environment: dict[str, str], log: IO[bytes]) -> None:
        self.number = number
        self.port, self.webhook_port = free_port(), free_port()
        self._log = log
        self._environment = environment | {
            "VOXCART_LISTEN": f"127.0.0.1:{self.port}",
            "VOXCART_SHOP_WEBHOOK_LISTEN": f"127.0.0.1:{self.webhook_port}",
        }
        self._process: asyncio.subprocess.Process | None = None
        self.channel = open_channel(self.address)

    @property
    def address(self) -> str:
        """Where it takes calls."""
        return f"127.0.0.1:{self.port}"

    @property
    def rpc(self) -> shop_pb2_grpc.ShopStub:
        """Its calls, on the connection of now."""
        return shop_pb2_grpc.ShopStub(self.channel)

    async def start(self) -> None:
        """Starts the process; returns when it answers."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "voxcart_services.shop", env=self._environment, stdout=self._log, stderr=self._log
        )
        request = pb.GetProductRequest(actor=pb.Actor(user_id="probe"), sku="FR0001")
        async with asyncio.timeout(START_SECONDS), open_channel(self.address) as channel:
            rpc = shop_pb2_grpc.ShopStub(channel)
            while True:
                try:
                    await rpc.GetProduct(request, timeout=2.0)
                    return
                except grpc.aio.AioRpcError:
                    await asyncio.sleep(0.2)
                if self._process.returncode is not None:
                    raise RuntimeError(f"replica {self.number} ended with status {self._process.returncode}")

    async def kill(self) -> None:
        """``kill -9``; does nothing if it does not run."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def aclose(self) -> None:
        """Ends process and connection."""
        await self.channel.close()
        await self.kill()

    async def drop_connection(self) -> None:
        """Cuts the clients' connection, with all calls on it, and opens another."""
        old, self.channel = self.channel, open_channel(self.address)
        await old.close()


class Replicas:
    """All parts together. Made by :func:`running_replicas`."""

    def __init__(self, directory: Path, postgres: EmbeddedPostgres, broker: EmbeddedBroker) -> None:
        self.directory = directory
        self.postgres = postgres
        self.broker = broker
        self.shops: list[Replica] = []

    def connect(self) -> Any:
        """A connection to PostgreSQL for looking at the books, to be awaited; sees every tenant."""
        url = make_url(self.postgres.url)
        return psycopg.AsyncConnection.connect(
            host=str(url.query["host"]), user=url.username, dbname=url.database, autocommit=True
        )

    @asynccontextmanager
    async def broker_stalled(self) -> AsyncIterator[None]:
        """A broker that does not answer while the block runs; its connections stay open."""
        pid = self.broker.pid
        if pid is None:
            raise RuntimeError("the broker does not run")
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def log_tail(self, lines: int = 30) -> str:
        """The last that the shops said besides their settings, and PostgreSQL of itself."""
        shops = (self.directory / "shops.log").read_text(errors="replace").splitlines()
        server = (self.directory / "postgres" / "server.log").read_text(errors="replace").splitlines()
        said = [line for line in shops if '"settings"' not in line][-lines:]
        return "\n".join(said + [line for line in server if "LOG:" in line or "PANIC:" in line][-lines:])


@asynccontextmanager
async def running_replicas(directory: Path, models: Path, count: int, **settings: str) -> AsyncIterator[Replicas]:
    """PostgreSQL, the broker and ``count`` shops on them.

    Args:
        settings: More settings of the shops by the lower-case name after ``VOXCART_``.
    """
    postgres, broker = EmbeddedPostgres(directory / "postgres"), EmbeddedBroker(directory / "broker")
    replicas = Replicas(directory, postgres, broker)
    async with contextlib.AsyncExitStack() as stack:
        for server in (postgres, broker):
            await server.start()
            stack.push_async_callback(server.stop)
        environment = os.environ | {
            PARENT_VARIABLE: str(os.getpid()),
            "VOXCART_DATABASE_URL": postgres.url,
            "VOXCART_BROKER": broker.address,
            "VOXCART_BROKER_KIND": broker.kind,
            "VOXCART_MODELS_DIR": str(models),
            "VOXCART_SHOP_PAYMENT_WEBHOOK_SECRETS": PAYMENT_SECRET.decode(),
            "VOXCART_SHOP_CARRIER_WEBHOOK_SECRETS": CARRIER_SECRET.decode(),
            **{f"VOXCART_{name.upper()}": value for name, value in settings.items()},
        }
        log = stack.enter_context((directory / "shops.log").open("ab"))
        replicas.shops = [Replica(number, environment, log) for number in range(count)]
        for shop in replicas.shops:
            stack.push_async_callback(shop.aclose)
        await asyncio.gather(*(shop.start() for shop in replicas.shops))
        yield replicas
