"""Interim results beside a live stream: never in the way of frames and finals, and of use when time allows."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

import numpy as np
import pytest

from tests.support.asr import RATE_HZ, LengthEngine, audio, make_recognizer, silence, speech
from voxcart_services.asr.interims import InterimMaker
from voxcart_services.asr.recognition import Urgency
from voxcart_services.asr.recognizer import Recognizer
from voxcart_services.asr.results import EndOfSpeech, Final, Interim, RecognitionEvent, StartOfSpeech
from voxcart_services.asr.stream import RecognitionStream, StreamOptions

pytestmark = pytest.mark.unit

CHUNK = 1_600


@asynccontextmanager
async def live_stream(
    engine: LengthEngine, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Recognizer, RecognitionStream]]:
    """A stream that takes all audio as live, however fast it comes."""
    monkeypatch.setattr(InterimMaker, "_is_recording", lambda self: False)
    recognizer = make_recognizer(engine)
    stream = recognizer.stream(StreamOptions())
    yield recognizer, stream
    await stream.aclose()
    await recognizer.aclose()
    assert engine.open_utterances == 0


async def push(stream: RecognitionStream, samples: np.ndarray) -> list[RecognitionEvent]:
    events: list[RecognitionEvent] = []
    for start in range(0, len(samples), CHUNK):
        events += [event async for event in stream.push_audio(samples[start : start + CHUNK])]
        await asyncio.sleep(0)
    return events


def urgencies(engine: LengthEngine) -> list[Urgency]:
    return [urgency for urgency, _ in engine.calls]


async def test_a_slow_interim_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = LengthEngine(hold=True)
    async with live_stream(engine, monkeypatch) as (_, stream):
        events = await push(stream, audio(silence(0.3), speech(2.0)))
        assert [type(event) for event in events] == [StartOfSpeech]
        assert urgencies(engine) == [Urgency.INTERIM]
        engine.release()
        events = await push(stream, speech(0.1))
        assert [type(event) for event in events] == [Interim]


async def test_the_pause_takes_back_an_interim_that_is_not_there_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = LengthEngine(hold=True)
    async with live_stream(engine, monkeypatch) as (_, stream):
        await push(stream, audio(silence(0.3), speech(0.6)))
        (interim,) = engine.held
        engine.hold = False
        events = await push(stream, silence(0.5))
        assert interim.future.cancelled()
        assert [type(event) for event in events] == [EndOfSpeech, Final]


async def test_interims_give_way_while_a_final_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = LengthEngine()
    async with live_stream(engine, monkeypatch) as (recognizer, stream):
        with recognizer.awaiting_final():
            events = await push(stream, audio(silence(0.3), speech(1.5)))
        assert engine.calls == []
        events += await push(stream, speech(1.0))
        assert Urgency.INTERIM in urgencies(engine)
        assert sum(isinstance(event, Interim) for event in events) >= 1


async def test_a_refused_interim_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = LengthEngine(is_overloaded=True)
    async with live_stream(engine, monkeypatch) as (_, stream):
        events = await push(stream, audio(silence(0.3), speech(1.5)))
        assert [type(event) for event in events] == [StartOfSpeech]
        engine.is_overloaded = False
        events = await push(stream, silence(0.5))
        assert [type(event) for event in events] == [EndOfSpeech, Final]


async def test_what_was_recognised_at_a_pause_serves_as_an_interim(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = LengthEngine()
    async with live_stream(engine, monkeypatch) as (_, stream):
        events = await push(stream, audio(silence(0.3), speech(0.4), silence(0.13), speech(0.2)))
        assert urgencies(engine) == [Urgency.FINAL]
        assert [type(event) for event in events] == [StartOfSpeech, Interim]


async def test_work_for_a_pause_waits_while_a_final_is_waited_for_and_hears_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard = []
    samples = audio(silence(0.3), speech(0.6), silence(0.5))
    for is_busy in (False, True):
        engine = LengthEngine()
        async with live_stream(engine, monkeypatch) as (recognizer, stream):
            with recognizer.awaiting_final() if is_busy else nullcontext():
                await push(stream, samples[: round(1.03 * RATE_HZ)])
                assert (Urgency.FINAL in urgencies(engine)) is not is_busy
                events = await push(stream, samples[round(1.03 * RATE_HZ) :])
            heard += [event.transcript.text for event in events if isinstance(event, Final)]
    assert heard[0] == heard[1]


@pytest.mark.parametrize(("answered_after_s", "num_asked"), [(0.1, 20), (0.8, 5)])
async def test_a_slow_engine_is_asked_less_often(
    answered_after_s: float, num_asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("voxcart_services.asr.interims.time.monotonic", lambda: now)
    engine = LengthEngine(hold=True)
    async with live_stream(engine, monkeypatch) as (_, stream):
        await push(stream, silence(0.3))
        waited = 0.0
        for _ in range(100):
            await push(stream, speech(0.1))
            now += 0.1
            waited = waited + 0.1 if engine.held else 0.0
            if waited > answered_after_s - 0.05:
                engine.release()
                engine.hold = True
                waited = 0.0
        assert len(engine.calls) == pytest.approx(num_asked, abs=1)


async def test_a_recording_waits_for_its_interims() -> None:
    engine = LengthEngine()
    recognizer = make_recognizer(engine)
    stream = recognizer.stream(StreamOptions())
    events = [event async for event in stream.push_audio(audio(silence(2.0), speech(3.0), silence(1.0)))]
    assert sum(isinstance(event, Interim) for event in events) >= 4
    await stream.aclose()
    await recognizer.aclose()
