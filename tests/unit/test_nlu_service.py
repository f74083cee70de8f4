"""Transport of understanding: gRPC, bus worker, catalogue reader, overload."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.protobuf.json_format import MessageToDict

from tests.support.nlu import engine
from voxcart.bus import CATALOGUE, TRANSCRIPTS, UNDERSTANDING, MemoryBroker, MemoryBus, decode, make_envelope
from voxcart.bus.base import TopicPartition
from voxcart.errors import Overloaded
from voxcart.grpc_support import ErrorsAndMetrics
from voxcart_api.bus.v1.bus_pb2 import ProductChanged, Transcript
from voxcart_api.common.v1.common_pb2 import Role, SessionContext, Understanding
from voxcart_api.nlu.v1 import nlu_pb2, nlu_pb2_grpc
from voxcart_services.nlu.catalogue import CatalogueIndex
from voxcart_services.nlu.engine import UnderstandingEngine
from voxcart_services.nlu.lexicon import load_lexicon
from voxcart_services.nlu.runner import UnderstandingRunner
from voxcart_services.nlu.servicer import LanguageUnderstandingServicer
from voxcart_services.nlu.worker import catalogue_reader, transcript_worker

pytestmark = pytest.mark.unit

SESSION = SessionContext(session_id="s1", tenant="demo", role=Role.ROLE_SHOPPER)


@pytest.fixture
def pool() -> AsyncIterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as executor:
        yield executor


def make_runner(pool: ThreadPoolExecutor, intent: str = "search_product", queue_size: int = 8) -> UnderstandingRunner:
    return UnderstandingRunner(engine(intent), CatalogueIndex(load_lexicon(), pool), pool, queue_size)


def transcript(text: str, number: int, kind: int = Transcript.KIND_FINAL) -> Transcript:
    return Transcript(utterance_id=f"s1/{number}", kind=kind, text=text)


async def understandings(bus: MemoryBus, count: int) -> list:
    """The first ``count`` messages on the understanding topic."""
    reader = bus.assigned_reader()
    await reader.start()
    partition = bus.partition_for("s1")
    await reader.assign({TopicPartition(UNDERSTANDING.name, partition): 0})
    found: list = []
    async with asyncio.timeout(10):
        while len(found) < count:
            found += [decode(record).envelope for record in await reader.poll(10, 0.2)]
    await reader.aclose()
    return found


async def test_grpc_understands_and_says_how_long_it_took(pool: ThreadPoolExecutor) -> None:
    async with serving(make_runner(pool)) as stub:
        response = await stub.Understand(
            nlu_pb2.UnderstandRequest(text="我想买三斤苹果", session=SESSION, utterance_id="u/1")
        )
    understanding = response.understanding
    assert (understanding.utterance_id, understanding.intent, understanding.language) == ("u/1", "search_product", "zh")
    by_name = {slot.name: slot for slot in understanding.slots}
    assert (by_name["product"].value, by_name["product"].start, by_name["product"].end) == ("苹果", 5, 7)
    assert MessageToDict(by_name["quantity"].normalized) == {"value": 3.0, "unit": "斤"}
    assert response.timing[0].stage == "nlu"
    assert response.timing[0].compute_ms > 0


async def test_grpc_refuses_text_over_the_limit_with_a_sentence(pool: ThreadPoolExecutor) -> None:
    async with serving(make_runner(pool)) as stub:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Understand(nlu_pb2.UnderstandRequest(text="买" * 10_000))
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "2000" in (caught.value.details() or "")


async def test_grpc_refuses_an_impossible_clock(pool: ThreadPoolExecutor) -> None:
    session = SessionContext()
    session.clock.seconds = 10**15
    async with serving(make_runner(pool)) as stub:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Understand(nlu_pb2.UnderstandRequest(text="昨天的订单", session=session))
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_a_full_queue_refuses(pool: ThreadPoolExecutor) -> None:
    runner = make_runner(pool, queue_size=1)
    first = asyncio.create_task(runner.understand("我想买苹果", SESSION))
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await runner.understand("我想买苹果", SESSION)
    assert (await first).understood.intent == "search_product"
    assert (await runner.understand("我想买苹果", SESSION)).understood.intent == "search_product"


async def test_the_worker_answers_finals_only_under_a_deterministic_id(pool: ThreadPoolExecutor) -> None:
    async with MemoryBus(MemoryBroker(), "nlu") as bus:
        worker = transcript_worker(bus, make_runner(pool))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(worker.run())
            for event_id, message in (
                ("s1/1/interim/0", transcript("我想", 1, Transcript.KIND_INTERIM)),
                ("s1/1/final", transcript("我想买苹果", 1)),
                ("s1/2/final", transcript("买" * 10_000, 2)),
            ):
                await bus.publish(TRANSCRIPTS, "s1", make_envelope(SESSION, message, event_id=event_id))
            first, second = await understandings(bus, 2)
            await worker.drain()
    assert (first.event_id, first.causation_id, first.correlation_id) == ("s1/1/understanding", "s1/1/final", "s1/1")
    assert first.session == SESSION
    assert first.understanding.intent == "search_product"
    assert (second.event_id, second.understanding.intent) == ("s1/2/understanding", "out_of_scope")


async def test_a_fault_of_the_engine_does_not_silence_the_turn(pool: ThreadPoolExecutor) -> None:
    class Broken(UnderstandingEngine):
        def understand(self, *arguments):
            raise IndexError("a bug")

    broken = UnderstandingRunner(Broken(None, None), CatalogueIndex(load_lexicon(), pool), pool, 8)  # type: ignore[arg-type]
    async with MemoryBus(MemoryBroker(), "nlu") as bus:
        worker = transcript_worker(bus, broken)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(worker.run())
            await bus.publish(
                TRANSCRIPTS, "s1", make_envelope(SESSION, transcript("我想买苹果", 1), event_id="s1/1/final")
            )
            (event,) = await understandings(bus, 1)
            await worker.drain()
    assert event.understanding == Understanding(
        utterance_id="s1/1", text="我想买苹果", intent="out_of_scope", confidence=0.0, language="zh"
    )


async def test_a_new_product_is_known_and_a_delisted_one_forgotten(pool: ThreadPoolExecutor) -> None:
    catalogue = CatalogueIndex(load_lexicon(), pool)
    async with MemoryBus(MemoryBroker(), "nlu") as bus:
        reader = catalogue_reader(bus, catalogue)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(reader.run())
            product = ProductChanged(tenant="demo", sku="X1", name_zh="曼陀珠手串", aliases=["曼陀珠"])
            await bus.publish(CATALOGUE, "demo/X1", make_envelope(None, product, event_id="c/1"))
            await reader.wait_caught_up(10)
            fresh = tasks.create_task(catalogue.keep_fresh())
            await eventually(lambda: catalogue.gazetteer("demo").find("来一串曼陀珠"))
            assert catalogue.gazetteer("demo~copy").find("来一串曼陀珠")
            assert not catalogue.gazetteer("other").find("来一串曼陀珠")
            gone = ProductChanged(tenant="demo", sku="X1", delisted=True)
            await bus.publish(CATALOGUE, "demo/X1", make_envelope(None, gone, event_id="c/2"))
            await eventually(lambda: not catalogue.gazetteer("demo").find("来一串曼陀珠"))
            fresh.cancel()
            await reader.drain()


async def eventually(condition) -> None:
    """Waits until ``condition`` holds."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.02)


class serving:
    """A gRPC server on a free port around a runner; gives a stub."""

    def __init__(self, runner: UnderstandingRunner) -> None:
        self._server = grpc.aio.server(interceptors=[ErrorsAndMetrics()])
        nlu_pb2_grpc.add_LanguageUnderstandingServicer_to_server(LanguageUnderstandingServicer(runner), self._server)
        self._port = self._server.add_insecure_port("127.0.0.1:0")

    async def __aenter__(self) -> nlu_pb2_grpc.LanguageUnderstandingStub:
        await self._server.start()
        self._channel = grpc.aio.insecure_channel(f"127.0.0.1:{self._port}")
        return nlu_pb2_grpc.LanguageUnderstandingStub(self._channel)

    async def __aexit__(self, *error: object) -> None:
        await self._channel.close()
        await self._server.stop(None)
