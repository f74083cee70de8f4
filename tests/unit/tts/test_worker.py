"""The bus worker: every reply ends once, repeats have the same ids, an interrupt stops the speech."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from support.tts import Studio, running_studio, until

from voxcart.bus import CATALOGUE, CONTROL, REPLIES, SPEECH, MemoryBroker, MemoryBus, decode, make_envelope
from voxcart_api.bus.v1.bus_pb2 import Interrupt, ProductChanged, Reply, SessionEnded
from voxcart_api.common.v1.common_pb2 import SessionContext
from voxcart_services.tts.catalogue import catalogue_reader
from voxcart_services.tts.text.lexicon_store import LexiconStore
from voxcart_services.tts.worker import ReplySpeaker

pytestmark = pytest.mark.unit

LONG = "已经为您把两份苹果加入购物车，一共七十八元，还有什么需要吗？" * 8


class Stage:
    """A speaker on an in-memory bus."""

    def __init__(self, studio: Studio, broker: MemoryBroker, bus: MemoryBus) -> None:
        self.studio = studio
        self.broker = broker
        self.bus = bus

    async def reply(self, text: str, utterance_id: str = "s1/1", **session: object) -> None:
        reply = Reply(utterance_id=utterance_id, text=text, language="zh", is_last=True)
        context = SessionContext(session_id="s1", **session)
        envelope = make_envelope(context, reply, event_id=f"{utterance_id}/reply/0", correlation_id=utterance_id)
        await self.bus.publish(REPLIES, "s1", envelope)

    async def control(self, payload: object, name: str) -> None:
        context = SessionContext(session_id="s1")
        await self.bus.publish(CONTROL, "s1", make_envelope(context, payload, event_id=name))

    def speech(self) -> list:
        logs = (log for place, log in self.broker.logs.items() if place.topic == SPEECH.name)
        return [decode(record).envelope for log in logs for record in log]

    async def until_ended(self, times: int = 1) -> list:
        await until(lambda: sum(event.speech.is_last for event in self.speech()) >= times)
        return self.speech()


@asynccontextmanager
async def stage(max_text_characters: int = 5000) -> AsyncIterator[Stage]:
    broker = MemoryBroker()
    async with running_studio() as studio, MemoryBus(broker, "tts") as bus:
        speaker = ReplySpeaker(bus, studio.synthesizer, studio.voices, studio.front_end, max_text_characters)
        replies, control = speaker.reply_worker(), speaker.control_reader()
        tasks = [asyncio.create_task(reader.run()) for reader in (replies, control)]
        await control.wait_caught_up(5)
        try:
            yield Stage(studio, broker, bus)
        finally:
            studio.encoder.may_run.set()
            await asyncio.gather(replies.drain(), control.drain())
            await asyncio.gather(*tasks)


async def test_a_reply_becomes_chunks_that_end_once() -> None:
    async with stage() as on:
        await on.reply("好的，已经加入购物车。")
        events = await on.until_ended()
    assert [event.speech.is_last for event in events] == [False] * (len(events) - 1) + [True]
    assert "".join(event.speech.clause_text for event in events) == "好的，已经加入购物车。"
    assert [event.event_id for event in events][:1] == ["s1/1/speech/0/0"]
    assert all(len(event.speech.pcm_s16le) <= 12_000 for event in events)
    assert [word.text for word in events[0].speech.words]
    assert {event.causation_id for event in events} == {"s1/1/reply/0"}
    assert not events[-1].speech.cancelled


async def test_a_repeated_reply_gives_the_same_events() -> None:
    async with stage() as on:
        await on.reply("好的，已经加入购物车。")
        first = {event.event_id: event.speech.pcm_s16le for event in await on.until_ended()}
        await on.reply("好的，已经加入购物车。")
        events = await on.until_ended(2)
    assert {event.event_id: event.speech.pcm_s16le for event in events} == first


async def test_an_interrupt_stops_the_speech_and_ends_it_once() -> None:
    async with stage() as on:
        await on.reply(LONG)
        await until(on.speech)
        on.studio.encoder.may_run.clear()
        await on.control(Interrupt(utterance_id="s1/1"), "s1/1/interrupt")
        await until(lambda: on.speech()[-1].speech.is_last, timeout_s=0.15)
        told = len(on.speech())
        on.studio.encoder.may_run.set()
        await on.reply("下一句。", "s1/2")
        events = await on.until_ended(2)
    assert events[told - 1].speech.cancelled
    assert [event.speech.utterance_id for event in events[told:]] == ["s1/2"] * (len(events) - told)
    assert sum(event.speech.is_last for event in events if event.speech.utterance_id == "s1/1") == 1


async def test_an_interrupt_without_an_utterance_stops_whatever_is_said() -> None:
    async with stage() as on:
        await on.reply(LONG)
        await until(on.speech)
        await on.control(Interrupt(), "s1/interrupt")
        events = await on.until_ended()
    assert events[-1].speech.cancelled


async def test_an_interrupt_of_another_utterance_changes_nothing() -> None:
    async with stage() as on:
        await on.reply("好的，已经加入购物车，还要别的吗？", "s1/2")
        await on.control(Interrupt(utterance_id="s1/1"), "s1/1/interrupt")
        events = await on.until_ended()
    assert not events[-1].speech.cancelled


async def test_a_reply_interrupted_before_it_came_is_not_spoken() -> None:
    async with stage() as on:
        await on.control(Interrupt(utterance_id="s1/1"), "s1/1/interrupt")
        await asyncio.sleep(0.05)
        await on.reply("好的。")
        events = await on.until_ended()
    assert [(event.speech.cancelled, event.speech.pcm_s16le) for event in events] == [(True, b"")]


async def test_the_end_of_the_session_stops_the_speech() -> None:
    async with stage() as on:
        await on.reply(LONG)
        await until(on.speech)
        await on.control(SessionEnded(reason="client_closed"), "s1/ended")
        events = await on.until_ended()
    assert events[-1].speech.cancelled


@pytest.mark.parametrize(("text", "session"), [("😀", {}), ("", {}), ("好的。", {"text_only": True})])
async def test_a_reply_without_speech_still_ends(text: str, session: dict[str, object]) -> None:
    async with stage() as on:
        await on.reply(text, **session)
        (event,) = await on.until_ended()
    assert event.speech.is_last
    assert event.speech.pcm_s16le == b""


async def test_an_unknown_voice_falls_back_to_the_default() -> None:
    async with stage() as on:
        await on.reply("好的。", voice="zf_nobody", speaking_rate=9.0)
        events = await on.until_ended()
    assert any(event.speech.pcm_s16le for event in events)


async def test_a_reply_that_cannot_be_spoken_ends_as_cancelled() -> None:
    async with stage() as on:
        on.studio.encoder.error = RuntimeError("broken")
        await on.reply("好的。")
        events = await on.until_ended()
    assert events[-1].speech.cancelled


async def test_a_reply_over_the_limit_is_spoken_up_to_it() -> None:
    async with stage(max_text_characters=10) as on:
        await on.reply(LONG)
        events = await on.until_ended()
    assert "".join(event.speech.clause_text for event in events) == LONG[:10]


async def test_what_a_product_says_of_its_name_is_in_the_shops_lexicon_until_it_is_delisted() -> None:
    broker, lexicons = MemoryBroker(), LexiconStore()
    async with MemoryBus(broker, "tts") as bus:
        reader = catalogue_reader(bus, lexicons)
        task = asyncio.create_task(reader.run())
        await reader.wait_caught_up(5)
        product = ProductChanged(tenant="shop", sku="A1", brand="酷彩")
        product.attributes.update({"读音": "kù cǎi"})
        await bus.publish(CATALOGUE, "shop/A1", make_envelope(None, product, event_id="1"))
        await until(lambda: len(lexicons.lexicon("shop")) == 1)
        product.attributes.update({"读音": "/###/"})
        product.sku = "A2"
        await bus.publish(CATALOGUE, "shop/A2", make_envelope(None, product, event_id="2"))
        await bus.publish(
            CATALOGUE,
            "shop/A1",
            make_envelope(None, ProductChanged(tenant="shop", sku="A1", delisted=True), event_id="3"),
        )
        await until(lambda: len(lexicons.lexicon("shop")) == 0)
        await reader.drain()
        await task
