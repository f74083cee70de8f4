"""The shop service as a process in front of a platform over HTTP: start, catalogue and events on the bus, stop."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from support.faulty_proxy import FaultyProxy, faulty_proxy
from support.shop_platform import TOKEN, example_platform

from voxcart.bus import CATALOGUE, EVENTS, BroadcastReader, Message, open_bus
from voxcart.embedded import EmbeddedBroker
from voxcart.ports import free_port
from voxcart.settings import ServiceSettings
from voxcart_api.bus.v1.bus_pb2 import ProductChanged, UserEvent
from voxcart_api.common.v1.common_pb2 import ROLE_MERCHANT
from voxcart_api.shop.v1 import shop_pb2 as pb
from voxcart_api.shop.v1 import shop_pb2_grpc
from voxcart_services.shop.adapters.contract import new_key
from voxcart_services.shop.signatures import SIGNATURE_HEADER, sign

pytestmark = pytest.mark.integration

SECRET = "a-secret-of-the-tests"
SOON_S = 30.0


@dataclass
class Running:
    """A shop process, the proxy in front of its platform, and what it has put on the bus."""

    process: asyncio.subprocess.Process
    rpc: shop_pb2_grpc.ShopStub
    proxy: FaultyProxy
    webhooks: str
    products: list[tuple[str, ProductChanged]]
    events: list[tuple[str, UserEvent]]

    async def until_product(self, sku: str, cents: int) -> None:
        """Waits until the bus knows a price."""
        async with asyncio.timeout(SOON_S):
            while not any((p.sku, p.price.cents) == (sku, cents) for _, p in self.products):
                await asyncio.sleep(0.05)

    async def tell(self, body: bytes, header: str) -> int:
        """Posts a webhook; its status."""
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.post(self.webhooks, content=body, headers={SIGNATURE_HEADER: header})
            return answer.status_code


def _environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VOXCART_")}
    return kept | {"VOXCART_LOG_LEVEL": "WARNING"} | more


async def _started(*, env: dict[str, str]) -> asyncio.subprocess.Process:
    arguments = (sys.executable, "-m", "voxcart_services.shop")
    return await asyncio.create_subprocess_exec(*arguments, env=env, stderr=asyncio.subprocess.PIPE)


@asynccontextmanager
async def _running(directory: Path) -> AsyncIterator[Running]:
    broker = EmbeddedBroker(directory)
    await broker.start()
    port, webhook_port = free_port(), free_port()
    address = f"127.0.0.1:{port}"
    with example_platform() as url:
        async with faulty_proxy(url) as proxy:
            env = _environment(
                VOXCART_LISTEN=address,
                VOXCART_BROKER=broker.address,
                VOXCART_BROKER_KIND="embedded",
                VOXCART_SHOP_ADAPTER="http",
                VOXCART_SHOP_HTTP_URL=proxy.url,
                VOXCART_SHOP_HTTP_TOKEN=TOKEN,
                VOXCART_SHOP_HTTP_POLL_SECONDS="3600",
                VOXCART_SHOP_HTTP_WEBHOOK_SECRET=SECRET,
                VOXCART_SHOP_WEBHOOK_LISTEN=f"127.0.0.1:{webhook_port}",
            )
            process = await _started(env=env)
            settings = ServiceSettings(broker=broker.address, broker_kind="embedded")
            products: list[tuple[str, ProductChanged]] = []
            events: list[tuple[str, UserEvent]] = []

            async def hear(message: Message) -> None:
                envelope = message.envelope
                if envelope.HasField("product"):
                    products.append((envelope.event_id, envelope.product))
                elif envelope.HasField("user_event"):
                    events.append((envelope.event_id, envelope.user_event))

            try:
                async with open_bus(settings, "test") as bus, grpc.aio.insecure_channel(address) as channel:
                    reader = BroadcastReader(bus, [CATALOGUE, EVENTS], hear)
                    hearing = asyncio.create_task(reader.run())
                    await _serving(channel, process)
                    webhooks = f"http://127.0.0.1:{webhook_port}/webhooks/catalogue"
                    yield Running(process, shop_pb2_grpc.ShopStub(channel), proxy, webhooks, products, events)
                    hearing.cancel()
                    with suppress(asyncio.CancelledError):
                        await hearing
            finally:
                if process.returncode is None:
                    process.kill()
                await process.wait()
                await broker.stop()


async def _serving(channel: grpc.aio.Channel, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(SOON_S):
        while True:
            with suppress(grpc.aio.AioRpcError):
                request = health_pb2.HealthCheckRequest(service="voxcart.shop.v1.Shop")
                answer = await health_pb2_grpc.HealthStub(channel).Check(request, timeout=1)
                if answer.status == health_pb2.HealthCheckResponse.SERVING:
                    return
            assert process.returncode is None
            await asyncio.sleep(0.1)


async def test_a_foreign_catalogue_is_learned_and_followed(tmp_path: Path) -> None:
    async with _running(tmp_path) as shop:
        await shop.until_product("P-APPLE", 5900)
        apple = next(product for _, product in shop.products if product.sku == "P-APPLE")
        assert apple.name_zh == "高山红富士苹果 5斤"
        assert "苹果" in apple.aliases
        assert apple.attributes["kind"] == "苹果"

        merchant = pb.Actor(tenant="demo", user_id="merchant", role=ROLE_MERCHANT)
        dearer = pb.UpdateProductRequest(
            actor=merchant, idempotency_key=new_key(), sku="P-APPLE", price=pb.Change(set=6100)
        )
        await shop.rpc.UpdateProduct(dearer)
        asked = shop.proxy.reached("/changes?limit=200")
        assert await shop.tell(b"{}", sign(b"not the secret at all", b"{}", int(time.time()))) == 401
        assert await shop.tell(b"{}", "") == 401
        assert shop.proxy.reached("/changes?limit=200") == asked
        assert await shop.tell(b"{}", sign(SECRET.encode(), b"{}", int(time.time()))) == 200
        await shop.until_product("P-APPLE", 6100)
        ids = [event_id for event_id, product in shop.products if product.sku == "P-APPLE"]
        assert len(set(ids)) == 2

        actor = pb.Actor(tenant="demo", user_id="guest-7")
        key = new_key()
        add = pb.AddToCartRequest(actor=actor, idempotency_key=key, sku="P-TEA", quantity=2)
        await shop.rpc.AddToCart(add)
        move = pb.ChangeAddressRequest(actor=actor, idempotency_key=new_key(), address="某路1号")
        await shop.rpc.ChangeAddress(move)
        order = await shop.rpc.Checkout(pb.CheckoutRequest(actor=actor, idempotency_key=new_key()))
        await shop.rpc.Pay(pb.PayRequest(actor=actor, idempotency_key=new_key(), order_id=order.order_id))
        async with asyncio.timeout(SOON_S):
            while len(shop.events) < 2:
                await asyncio.sleep(0.05)
        kinds = [(event.type, event.sku, event.quantity, event.user_id) for _, event in shop.events]
        assert kinds == [
            (UserEvent.TYPE_ADD_TO_CART, "P-TEA", 2, "guest-7"),
            (UserEvent.TYPE_BUY, "P-TEA", 2, "guest-7"),
        ]
        shop.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(SOON_S):
            assert await shop.process.wait() == 0
