"""The bus worker over the in-memory bus: ids, replays, bad messages, the end of sessions."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest

from tests.support.asr import LengthEngine, audio, make_recognizer, silence, speech
from voxcart.audio.pcm import to_pcm_s16le
from voxcart.bus import (
    AUDIO,
    CATALOGUE,
    DEAD_LETTER,
    REPLIES,
    TRANSCRIPTS,
    MemoryBroker,
    MemoryBus,
    Message,
    make_envelope,
)
from voxcart_api.bus.v1.bus_pb2 import AudioChunk, Expectation, ProductChanged, SessionEnded, Transcript
from voxcart_api.common.v1.common_pb2 import SessionContext
from voxcart_services.asr.context import ShopWords
from voxcart_services.asr.text.correction import CorrectionRequest, Corrector
from voxcart_services.asr.worker import AudioHandler, CatalogueFeed

pytestmark = pytest.mark.unit

SESSION = SessionContext(session_id="s1", locale="zh-CN")
CHUNK = 1_024
ONE_UTTERANCE = audio(silence(0.5), speech(0.8), silence(1.0))


@asynccontextmanager
async def serving(broker: MemoryBroker, engine: LengthEngine | None = None) -> AsyncIterator[AudioHandler]:
    """A running worker; leaving the block is a crash: nothing is drained."""
    recognizer = make_recognizer(engine)
    async with MemoryBus(broker, "asr") as bus:
        handler = AudioHandler(bus, recognizer, 8)
        task = asyncio.create_task(handler.worker.run())
        try:
            yield handler
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await handler.aclose()
            await recognizer.aclose()


async def send(bus: MemoryBus, samples: np.ndarray, first_sample: int = 0, *, end: bool = False) -> None:
    """Publishes audio in chunks of 64 ms."""
    pcm = to_pcm_s16le(samples)
    for start in range(0, len(samples), CHUNK):
        chunk = AudioChunk(first_sample=first_sample + start, pcm_s16le=pcm[2 * start : 2 * (start + CHUNK)])
        chunk.end_of_input = end and start + CHUNK >= len(samples)
        event_id = f"s1/audio/{chunk.first_sample}"
        await bus.publish(AUDIO, "s1", make_envelope(SESSION, chunk, event_id=event_id))


async def transcripts(bus: MemoryBus) -> list[Message]:
    partition = bus.partition_for("s1")
    return [message async for message in bus.read_from(TRANSCRIPTS, partition, 0)]


async def until(bus: MemoryBus, event_id: str) -> list[Message]:
    """The transcripts once `event_id` is among them."""
    async with asyncio.timeout(10):
        while True:
            found = await transcripts(bus)
            if any(message.event_id == event_id for message in found):
                return found
            await asyncio.sleep(0.01)


async def test_an_utterance_becomes_events_with_deterministic_ids() -> None:
    broker = MemoryBroker()
    async with MemoryBus(broker, "test") as bus, serving(broker):
        await send(bus, ONE_UTTERANCE)
        found = await until(bus, "s1/1/final")
    ids = [message.event_id for message in found if "interim" not in message.event_id]
    assert ids == ["s1/1/speech-started", "s1/1/speech-stopped", "s1/1/final"]
    assert {message.envelope.correlation_id for message in found} == {"s1/1"}
    final = found[-1].envelope.transcript
    assert final.kind == Transcript.KIND_FINAL
    assert final.raw_text.startswith("voiced 800 ")
    assert found[-1].session_id == "s1"
    assert found[-1].envelope.causation_id.startswith("s1/audio/")


async def test_a_crash_in_an_utterance_is_played_again_with_the_same_result() -> None:
    calm, broker = MemoryBroker(), MemoryBroker()
    samples = audio(ONE_UTTERANCE, ONE_UTTERANCE)
    async with MemoryBus(calm, "test") as bus, serving(calm):
        await send(bus, samples)
        expected = await until(bus, "s1/2/final")
    middle = len(ONE_UTTERANCE) + 16_000
    async with MemoryBus(broker, "test") as bus:
        async with serving(broker):
            await send(bus, samples[:middle])
            await until(bus, "s1/2/speech-started")
            await asyncio.sleep(0.4)
        async with serving(broker):
            await send(bus, samples[middle:], middle)
            found = await until(bus, "s1/2/final")

    def finals(messages: list[Message]) -> dict[str, bytes]:
        return {
            message.event_id: (message.envelope.transcript.raw_text, message.envelope.transcript.speech_end_sample)
            for message in messages
            if message.event_id.endswith("/final")
        }

    assert finals(found) == finals(expected)
    assert sum(message.event_id == "s1/1/final" for message in found) == 1


async def test_chunks_delivered_twice_change_nothing() -> None:
    broker = MemoryBroker()
    async with MemoryBus(broker, "test") as bus, serving(broker):
        await send(bus, ONE_UTTERANCE[:12_288])
        await send(bus, ONE_UTTERANCE[4_096:12_288], 4_096)
        await send(bus, ONE_UTTERANCE[12_288:], 12_288)
        found = await until(bus, "s1/1/final")
    assert found[-1].envelope.transcript.raw_text.startswith("voiced 800 ")


async def test_a_gap_is_silence_and_ends_what_was_said() -> None:
    broker = MemoryBroker()
    async with MemoryBus(broker, "test") as bus, serving(broker):
        await send(bus, ONE_UTTERANCE[:16_384])
        await send(bus, ONE_UTTERANCE, 160_000)
        found = await until(bus, "s1/2/final")
    ends = [m.envelope.transcript for m in found if m.event_id.endswith("/final")]
    assert ends[0].speech_end_sample <= 16_384
    assert ends[1].speech_start_sample >= 160_000


async def test_a_session_taken_over_without_state_numbers_on() -> None:
    broker = MemoryBroker()
    async with MemoryBus(broker, "test") as bus, serving(broker):
        await send(bus, ONE_UTTERANCE, 1_024 * 500)
        await until(bus, "s1/501/final")


async def test_end_of_input_finishes_the_utterance() -> None:
    broker = MemoryBroker()
    async with MemoryBus(broker, "test") as bus, serving(broker):
        await send(bus, audio(silence(0.5), speech(0.7)), end=True)
        await until(bus, "s1/1/final")


async def test_bad_audio_goes_to_the_dead_letters_and_the_session_goes_on() -> None:
    broker = MemoryBroker()
    async with MemoryBus(broker, "test") as bus, serving(broker):
        odd = AudioChunk(first_sample=0, pcm_s16le=b"\x00\x01\x02")
        await bus.publish(AUDIO, "s1", make_envelope(SESSION, odd, event_id="s1/audio/odd"))
        await bus.publish_bytes(AUDIO.name, b"s1", b"\xff not an envelope")
        await send(bus, ONE_UTTERANCE)
        await until(bus, "s1/1/final")
        partition = bus.partition_for("s1")
        letters = [message async for message in bus.read_from(DEAD_LETTER, partition, 0)]
    assert any("whole frames" in message.envelope.dead_letter.reason for message in letters)
    assert len(letters) == 2


async def test_a_broken_engine_is_told_to_the_client_and_the_session_goes_on() -> None:
    broker, engine = MemoryBroker(), LengthEngine(error=RuntimeError("no memory"))
    async with MemoryBus(broker, "test") as bus, serving(broker, engine):
        await send(bus, ONE_UTTERANCE)
        await until(bus, "s1/1/speech-stopped")
        engine.error = None
        await send(bus, audio(silence(1), ONE_UTTERANCE), len(ONE_UTTERANCE))
        found = [message.event_id for message in await transcripts(bus)]
        async with asyncio.timeout(10):
            while not any(name.endswith("/final") for name in found):
                await asyncio.sleep(0.01)
                found = [message.event_id for message in await transcripts(bus)]
        replies = [m async for m in bus.read_from(REPLIES, bus.partition_for("s1"), 0)]
    assert replies[0].envelope.turn_failed.retryable
    assert replies[0].event_id == "s1/1/failed"


async def test_control_reaches_the_stream_and_the_end_frees_it() -> None:
    broker = MemoryBroker()
    async with MemoryBus(broker, "test") as bus, serving(broker) as handler:
        expectation = make_envelope(SESSION, Expectation(awaiting="phone_number"), event_id="e1")
        await handler.on_control(Message("control", 0, 0, "s1", expectation))
        await send(bus, ONE_UTTERANCE)
        await until(bus, "s1/1/speech-started")
        assert handler._sessions["s1"].expectation.awaiting == "phone_number"
        ended = make_envelope(SESSION, SessionEnded(reason="client_closed"), event_id="e2")
        await handler.on_control(Message("control", 0, 1, "s1", ended))
        assert handler._sessions == {}


async def test_the_catalogue_feeds_correction_and_biasing() -> None:
    corrector, shop_words = Corrector(), ShopWords()
    feed = CatalogueFeed(corrector, shop_words)
    product = ProductChanged(tenant="demo", sku="1", name_zh="霁蓝杯", aliases=["霁蓝杯"])
    await feed.on_product(Message(CATALOGUE.name, 0, 0, "demo/1", make_envelope(None, product, event_id="p1")))
    (edit,) = corrector.correct(CorrectionRequest("我想买记蓝杯", "demo"))
    assert (edit.before, edit.after) == ("记", "霁")
    assert shop_words.best_sold("demo", 5) == ("霁蓝杯",)
    product.delisted = True
    await feed.on_product(Message(CATALOGUE.name, 0, 1, "demo/1", make_envelope(None, product, event_id="p2")))
    assert corrector.correct(CorrectionRequest("我想买记蓝杯", "demo")) == []
    assert shop_words.best_sold("demo", 5) == ()
