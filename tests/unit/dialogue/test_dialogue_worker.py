"""The bus worker on the bus in memory: understanding in, reply out, failures told."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from support.dialogue import FakeRecommender, FakeShop, MemoryStore, Talk

from voxcart.bus import (
    CONTROL,
    EVENTS,
    FEEDBACK,
    REPLIES,
    UNDERSTANDING,
    BroadcastReader,
    MemoryBroker,
    MemoryBus,
    Message,
    make_envelope,
)
from voxcart.errors import Unavailable
from voxcart_api.bus.v1 import bus_pb2
from voxcart_api.common.v1 import common_pb2
from voxcart_services.dialogue.engine import DialogueEngine
from voxcart_services.dialogue.ports import StoredSession
from voxcart_services.dialogue.publisher import OutcomePublisher
from voxcart_services.dialogue.state import SessionState
from voxcart_services.dialogue.worker import DialogueWorker

pytestmark = pytest.mark.unit

WAIT_SECONDS = 10.0


class FlakyStore(MemoryStore):
    """A store that is away for its first ``failures`` loads."""

    def __init__(self, failures: int) -> None:
        super().__init__()
        self.failures = failures

    async def load(self, session_id: str, utterance_id: str) -> StoredSession:
        if self.failures:
            self.failures -= 1
            raise Unavailable("redis is away")
        return await super().load(session_id, utterance_id)


class NotingStore(MemoryStore):
    """A store that tells when state was written between utterances."""

    def __init__(self) -> None:
        super().__init__()
        self.interrupted = asyncio.Event()

    async def save_state(self, session_id: str, version: int, state: SessionState) -> bool:
        written = await super().save_state(session_id, version, state)
        self.interrupted.set()
        return written


@dataclass
class Running:
    """A worker on a bus, and all that it published."""

    bus: MemoryBus
    store: MemoryStore
    shop: FakeShop
    seen: list[Message] = field(default_factory=list)
    talk: Talk = field(default_factory=Talk)
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def note(self, message: Message) -> None:
        async with self.news:
            self.seen.append(message)
            self.news.notify_all()

    async def hear(self, text: str, intent: str, number: int = 1, *slots: tuple[str, str]) -> None:
        self.talk.utterances = number
        understanding = self.talk.understanding(text, intent, slots)
        envelope = make_envelope(
            self.talk.session(), understanding, event_id=f"s/{number}/understanding", correlation_id=f"s/{number}"
        )
        await self.bus.publish(UNDERSTANDING, "s", envelope)

    async def until(self, *event_ids: str) -> dict[str, Message]:
        """Waits for events by id."""
        async with asyncio.timeout(WAIT_SECONDS), self.news:
            await self.news.wait_for(lambda: set(event_ids) <= {message.event_id for message in self.seen})
        return {message.event_id: message for message in self.seen}


@pytest.fixture
async def running(request: pytest.FixtureRequest) -> AsyncIterator[Running]:
    make_store, retry_seconds = getattr(request, "param", (MemoryStore, 5.0))
    async with MemoryBus(MemoryBroker(), "dialogue") as bus:
        running = Running(bus, make_store(), FakeShop())
        engine = DialogueEngine(running.shop, FakeRecommender(), running.store)
        worker = DialogueWorker(bus, engine, OutcomePublisher(bus), retry_seconds)
        listener = BroadcastReader(bus, [REPLIES, CONTROL, EVENTS, FEEDBACK], running.note)
        tasks = [asyncio.create_task(listener.run()), asyncio.create_task(worker.run())]
        await listener.wait_caught_up(WAIT_SECONDS)
        yield running
        await worker.drain()
        await listener.drain()
        await asyncio.gather(*tasks)


async def test_an_understanding_becomes_a_reply_an_expectation_and_events(running: Running) -> None:
    await running.hear("有什么推荐的", "search_product")
    seen = await running.until("s/1/reply/0", "s/1/expectation")
    reply = seen["s/1/reply/0"]
    assert reply.topic == REPLIES.name
    assert reply.envelope.causation_id == "s/1/understanding"
    assert reply.envelope.session.user_id == "u"
    assert reply.envelope.reply.understanding.intent == "search_product"
    assert seen["s/1/expectation"].envelope.expectation.awaiting == reply.envelope.reply.awaiting == "product"


async def test_the_expectation_names_the_words_to_listen_for(running: Running) -> None:
    for _ in range(2):
        await running.hear("我想买苹果", "search_product", 1, ("product", "苹果"))
    await running.hear("谢谢", "thanks", 2)
    await running.until("s/2/expectation")
    expectations = [message.envelope.expectation for message in running.seen if message.event_id == "s/1/expectation"]
    assert expectations[0].hot_words[:2] == ["新鲜红富士苹果", "苹果"]
    assert expectations[0] == expectations[1]


async def test_feedback_goes_to_the_learning_loop(running: Running) -> None:
    await running.hear("你推荐得不对", "give_feedback")
    seen = await running.until("s/1/feedback/0")
    assert seen["s/1/feedback/0"].envelope.feedback.sentiment == common_pb2.SENTIMENT_NEGATIVE


async def test_a_message_that_comes_twice_is_published_the_same_twice(running: Running) -> None:
    await running.hear("你好", "greet")
    await running.hear("你好", "greet")
    await running.hear("谢谢", "thanks", 2)
    await running.until("s/2/reply/0")
    replies = [message.envelope.reply for message in running.seen if message.event_id == "s/1/reply/0"]
    assert len(replies) == 2
    assert replies[0] == replies[1]
    assert len(running.store.outcomes) == 2


@pytest.mark.parametrize("running", [(lambda: FlakyStore(3), 5.0)], indirect=True)
async def test_redis_away_for_a_moment_loses_nothing(running: Running) -> None:
    await running.hear("你好", "greet")
    await running.until("s/1/reply/0")


@pytest.mark.parametrize("running", [(lambda: FlakyStore(10_000), 0.3)], indirect=True)
async def test_redis_away_for_long_is_told_to_the_client(running: Running) -> None:
    await running.hear("你好", "greet")
    seen = await running.until("s/1/reply/failed")
    failure = seen["s/1/reply/failed"].envelope.turn_failed
    assert failure.code == "unavailable"
    assert failure.utterance_id == "s/1"
    assert failure.message


@pytest.mark.parametrize("running", [(NotingStore, 5.0)], indirect=True)
async def test_an_interrupt_is_remembered(running: Running) -> None:
    assert isinstance(running.store, NotingStore)
    await running.hear("你好", "greet")
    await running.until("s/1/reply/0")
    interrupt = bus_pb2.Interrupt(utterance_id="s/1", heard_ms=300)
    envelope = make_envelope(running.talk.session(), interrupt, event_id="s/1/interrupt")
    await running.bus.publish(CONTROL, "s", envelope)
    async with asyncio.timeout(WAIT_SECONDS):
        await running.store.interrupted.wait()
    await running.hear("再说一遍", "repeat", 2)
    seen = await running.until("s/2/reply/0")
    assert seen["s/2/reply/0"].envelope.reply.text.startswith("刚才没说完")
