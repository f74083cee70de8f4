"""From what the dialogue shows to what the engine is told, over the bus in memory, beside the words of the client."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import numpy as np
import pytest
from support.dialogue import FakeRecommender, FakeShop, MemoryStore, Talk

from tests.support.asr import LengthEngine, audio, make_recognizer, silence, speech
from voxcart.audio.pcm import to_pcm_s16le
from voxcart.bus import (
    AUDIO,
    CONTROL,
    TRANSCRIPTS,
    UNDERSTANDING,
    BroadcastReader,
    MemoryBroker,
    MemoryBus,
    Message,
    make_envelope,
)
from voxcart.bus.topics import Topic
from voxcart_api.bus.v1.bus_pb2 import AudioChunk, Expectation
from voxcart_api.common.v1.common_pb2 import SessionContext
from voxcart_services.asr.worker import AudioHandler
from voxcart_services.dialogue.engine import DialogueEngine
from voxcart_services.dialogue.publisher import OutcomePublisher
from voxcart_services.dialogue.worker import DialogueWorker

pytestmark = pytest.mark.unit

UTTERANCE = audio(silence(0.5), speech(0.8), silence(1.0))
WAIT_SECONDS = 10.0


@dataclass
class Asr:
    """A running worker of recognition with an engine that notes what it is told."""

    handler: AudioHandler
    engine: LengthEngine
    told: set[str] = field(default_factory=set)

    async def on_control(self, message: Message) -> None:
        """Passes a message of the control topic on and notes that it was."""
        try:
            await self.handler.on_control(message)
        finally:
            self.told.add(message.event_id)

    async def until_told(self, number: int) -> None:
        """Waits until the expectation of a turn was handled."""
        async with asyncio.timeout(WAIT_SECONDS):
            while f"s/{number}/expectation" not in self.told:
                await asyncio.sleep(0.01)

    def words(self) -> list[str]:
        """Hot words of the last utterance."""
        return [word.text for word in self.engine.opened[-1].hot_words]


@dataclass
class Stage:
    """A bus with services on it, and one client's audio."""

    broker: MemoryBroker
    bus: MemoryBus
    stack: AsyncExitStack
    position: int = 0

    async def start_asr(self) -> Asr:
        """Another process of recognition."""
        engine = LengthEngine()
        recognizer = make_recognizer(engine)
        self.stack.push_async_callback(recognizer.aclose)
        bus = await self.stack.enter_async_context(MemoryBus(self.broker, "asr"))
        handler = AudioHandler(bus, recognizer, 8)
        self.stack.push_async_callback(handler.aclose)
        asr = Asr(handler, engine)
        control = BroadcastReader(bus, [CONTROL], asr.on_control)
        self._run(handler.worker.run())
        self._run(control.run())
        await control.wait_caught_up(WAIT_SECONDS)
        return asr

    async def start_dialogue(self) -> None:
        bus = await self.stack.enter_async_context(MemoryBus(self.broker, "dialogue"))
        engine = DialogueEngine(FakeShop(), FakeRecommender(), MemoryStore())
        self._run(DialogueWorker(bus, engine, OutcomePublisher(bus), 5.0).run())

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self.stack.push_async_callback(_stop, task)

    async def say(self, number: int, samples: np.ndarray, hot_words: Sequence[str] = ()) -> None:
        """One utterance, whose messages carry the client's words; waits for its final."""
        session = SessionContext(session_id="s", user_id="u", hot_words=hot_words)
        pcm = to_pcm_s16le(samples)
        for start in range(0, len(pcm), 16_384):
            chunk = AudioChunk(first_sample=self.position + start // 2, pcm_s16le=pcm[start : start + 16_384])
            await self.bus.publish(AUDIO, "s", make_envelope(session, chunk, event_id=f"s/audio/{chunk.first_sample}"))
        self.position += len(samples)
        async with asyncio.timeout(WAIT_SECONDS):
            while f"s/{number}/final" not in await self.event_ids(TRANSCRIPTS):
                await asyncio.sleep(0.01)

    async def event_ids(self, topic: Topic) -> set[str]:
        """Events of the session so far."""
        return {message.event_id async for message in self.bus.read_from(topic, self.bus.partition_for("s"), 0)}

    async def expect(self, number: int, *words: str, awaiting: str = "none") -> None:
        """What a dialogue would say."""
        expectation = Expectation(awaiting=awaiting, hot_words=words)
        session = SessionContext(session_id="s", user_id="u")
        envelope = make_envelope(session, expectation, event_id=f"s/{number}/expectation")
        await self.bus.publish(CONTROL, "s", envelope)


async def _stop(task: asyncio.Future) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    broker = MemoryBroker()
    async with AsyncExitStack() as stack:
        bus = await stack.enter_async_context(MemoryBus(broker, "test"))
        yield Stage(broker, bus, stack)


async def test_a_word_that_the_dialogue_showed_is_listened_for(stage: Stage) -> None:
    asr = await stage.start_asr()
    await stage.start_dialogue()
    await stage.say(1, UTTERANCE)
    assert asr.words() == []
    understanding = Talk(utterances=1).understanding("我想买苹果", "search_product", (("product", "苹果"),))
    envelope = make_envelope(Talk().session(), understanding, event_id="s/1/understanding", correlation_id="s/1")
    await stage.bus.publish(UNDERSTANDING, "s", envelope)
    await asr.until_told(1)
    await stage.say(2, UTTERANCE)
    assert asr.words()[:2] == ["新鲜红富士苹果", "苹果"]


async def test_an_expectation_before_the_first_audio_counts(stage: Stage) -> None:
    asr = await stage.start_asr()
    await stage.expect(0, "红富士", "红富士", "香蕉", awaiting="confirmation")
    await stage.expect(1, "大米")
    await asr.until_told(1)
    await stage.say(1, UTTERANCE)
    assert asr.words() == ["大米"]


async def test_words_of_the_client_stay_until_others_come(stage: Stage) -> None:
    asr = await stage.start_asr()
    await stage.say(1, UTTERANCE, ["红富士", "Mate 60"])
    assert asr.words() == ["红富士", "Mate 60"]
    await stage.say(2, UTTERANCE)
    assert asr.words() == ["红富士", "Mate 60"]
    stage.position += 64_000
    await stage.say(3, UTTERANCE)
    assert asr.words() == ["红富士", "Mate 60"]
    await stage.say(4, UTTERANCE, ["香蕉"])
    assert asr.words() == ["香蕉"]


async def test_each_turn_replaces_the_words_of_the_dialogue_only(stage: Stage) -> None:
    asr = await stage.start_asr()
    await stage.say(1, UTTERANCE, ["红富士"])
    for number, words in ((1, ["电饭煲", "确认"]), (2, ["抽纸"]), (3, [])):
        await stage.expect(number, *words)
        await asr.until_told(number)
        await stage.say(number + 1, UTTERANCE)
        assert set(asr.words()) == {*words, "红富士"}


async def test_a_bad_expectation_changes_nothing(stage: Stage) -> None:
    asr = await stage.start_asr()
    await stage.say(1, UTTERANCE, ["红富士"])
    await stage.expect(1, "坏\x00词")
    await stage.expect(2, *(f"词{number}" for number in range(201)))
    await stage.expect(3, "抽纸")
    await asr.until_told(3)
    await stage.say(2, UTTERANCE)
    assert set(asr.words()) == {"抽纸", "红富士"}
