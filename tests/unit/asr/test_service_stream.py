"""Recognition streams over scripted models: events depend on the samples alone."""

import asyncio

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.asr import (
    RATE_HZ,
    LengthEngine,
    LoudnessVad,
    ScriptedTurn,
    audio,
    make_recognizer,
    silence,
    speech,
)
from voxcart.errors import InvalidInput, Overloaded, WrongState
from voxcart_services.asr.recognizer import Recognizer, RecognizerRules
from voxcart_services.asr.results import EndOfSpeech, Final, Interim, RecognitionEvent, StartOfSpeech
from voxcart_services.asr.stream import StreamOptions
from voxcart_services.asr.turns.vad_pool import VadStream

pytestmark = pytest.mark.unit

TWO_UTTERANCES = audio(silence(2.3), speech(1.3), silence(1.5), speech(0.6), silence(0.1), speech(0.5), silence(1.2))


async def events_of(
    recognizer: Recognizer, samples: np.ndarray, cuts: list[int] | None = None, options: StreamOptions | None = None
) -> list[RecognitionEvent]:
    """All events of a stream that gets `samples` cut at `cuts` and ends."""
    stream = recognizer.stream(options or StreamOptions())
    events: list[RecognitionEvent] = []
    try:
        for piece in np.split(samples, sorted(cuts or [])):
            events += [event async for event in stream.push_audio(piece)]
        events += [event async for event in stream.end_input()]
    finally:
        await stream.aclose()
    return events


def run(samples: np.ndarray, cuts: list[int] | None = None, **parts: object) -> list[RecognitionEvent]:
    async def work() -> list[RecognitionEvent]:
        recognizer = make_recognizer(**parts)
        try:
            return await events_of(recognizer, samples, cuts)
        finally:
            await recognizer.aclose()

    return asyncio.run(work())


def settled(events: list[RecognitionEvent]) -> list[RecognitionEvent]:
    """All but the interims, which depend on the time there is."""
    return [event for event in events if not isinstance(event, Interim)]


def names(events: list[RecognitionEvent]) -> list[str]:
    return [f"{type(event).__name__} {event.utterance}" for event in events if not isinstance(event, Interim)]


def test_utterances_are_found_numbered_and_finished() -> None:
    events = run(TWO_UTTERANCES)
    assert names(events) == [f"{kind} {n}" for n in (1, 2) for kind in ("StartOfSpeech", "EndOfSpeech", "Final")]
    first = next(event for event in events if isinstance(event, EndOfSpeech))
    assert abs(first.start_sample - 2.3 * RATE_HZ) <= 512
    assert abs(first.at_sample - 3.6 * RATE_HZ) <= 512
    assert not first.no_speech


def test_a_short_pause_does_not_end_an_utterance_and_its_recognition_is_done_again() -> None:
    engine = LengthEngine()
    finals = [e for e in run(TWO_UTTERANCES, engine=engine) if isinstance(e, Final)]
    assert len(finals) == 2
    assert finals[1].transcript.raw_text.startswith("voiced 1100 ")


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, len(TWO_UTTERANCES)), max_size=40))
def test_any_cutting_gives_the_same_events(cuts: list[int]) -> None:
    assert settled(run(TWO_UTTERANCES, cuts)) == settled(run(TWO_UTTERANCES))


def test_single_samples_give_the_same_events() -> None:
    samples = audio(silence(0.2), speech(0.3), silence(0.5))
    assert settled(run(samples, list(range(1, len(samples))))) == settled(run(samples))


@settings(max_examples=15, deadline=None)
@given(stop=st.integers(1, len(TWO_UTTERANCES)))
def test_a_stream_that_goes_on_from_resume_sample_finishes_alike(stop: int) -> None:
    async def work() -> tuple[list[RecognitionEvent], list[RecognitionEvent]]:
        recognizer = make_recognizer()
        try:
            whole = await events_of(recognizer, TWO_UTTERANCES)
            stream = recognizer.stream(StreamOptions())
            before = [event async for event in stream.push_audio(TWO_UTTERANCES[:stop])]
            resume, number = stream.resume_sample, stream.next_utterance
            await stream.aclose()
            options = StreamOptions(first_sample=resume, first_utterance=number)
            after = await events_of(recognizer, TWO_UTTERANCES[resume:], options=options)
            done = {event.utterance for event in before if isinstance(event, EndOfSpeech)}
            return settled(whole), settled([event for event in before if event.utterance in done] + after)
        finally:
            await recognizer.aclose()

    whole, stitched = asyncio.run(work())
    assert stitched == whole


def test_silence_gives_nothing_and_memory_stays_flat() -> None:
    async def work() -> None:
        recognizer = make_recognizer()
        stream = recognizer.stream(StreamOptions())
        minute = silence(60)
        for _ in range(10):
            assert [event async for event in stream.push_audio(minute)] == []
        assert stream._listener.end_sample - stream._listener.start_sample < RATE_HZ
        assert stream.end_sample - stream.resume_sample < 4 * RATE_HZ
        assert [event async for event in stream.end_input()] == []
        await stream.aclose()
        await recognizer.aclose()

    asyncio.run(work())


def test_clicks_open_no_utterance() -> None:
    assert run(audio(silence(1), speech(0.05), silence(1), speech(0.05), silence(1))) == []


def test_sound_without_words_ends_without_a_final() -> None:
    engine = LengthEngine(texts=["谢谢观看"])
    events = run(audio(silence(1), speech(1), silence(2)), engine=engine)
    assert names(events) == ["StartOfSpeech 1", "EndOfSpeech 1"]
    assert isinstance(events[-1], EndOfSpeech)
    assert events[-1].no_speech


def test_end_of_input_finishes_what_is_open() -> None:
    assert names(run(audio(silence(0.5), speech(0.7)))) == ["StartOfSpeech 1", "EndOfSpeech 1", "Final 1"]


def test_endless_speech_is_cut_and_goes_on() -> None:
    finals = [event for event in run(audio(silence(0.5), speech(60), silence(2))) if isinstance(event, Final)]
    assert len(finals) == 3
    covered = sum(final.transcript.end_sample - final.transcript.start_sample for final in finals)
    assert covered / RATE_HZ == pytest.approx(60, abs=0.5)


def test_an_unsure_turn_waits_and_a_confirmation_does_not() -> None:
    held, asked = audio(silence(0.5), speech(0.5), silence(0.5)), ScriptedTurn(0.0)

    async def work(texts: list[str]) -> list[RecognitionEvent]:
        recognizer = make_recognizer(LengthEngine(texts=texts), asked)
        stream = recognizer.stream(StreamOptions(interim_results=False))
        events = [event async for event in stream.push_audio(held)]
        await stream.aclose()
        await recognizer.aclose()
        return events

    assert names(asyncio.run(work(["我想买苹果"]))) == ["StartOfSpeech 1"]
    assert names(asyncio.run(work(["好的"]))) == ["StartOfSpeech 1", "EndOfSpeech 1", "Final 1"]


def test_what_is_awaited_shifts_the_wait() -> None:
    async def work(awaiting: str) -> int:
        recognizer = make_recognizer(LengthEngine(texts=["一三八"]))
        stream = recognizer.stream(StreamOptions())
        stream.set_awaiting(awaiting)
        events = [e async for e in stream.push_audio(audio(silence(0.5), speech(1), silence(1)))]
        await stream.aclose()
        await recognizer.aclose()
        return sum(isinstance(event, Final) for event in events)

    assert asyncio.run(work("none")) == 1
    assert asyncio.run(work("phone_number")) == 0


def test_interims_come_with_stability_and_stop_when_not_wanted() -> None:
    interims = [event for event in run(audio(silence(0.5), speech(3), silence(1))) if isinstance(event, Interim)]
    assert [interim.revision for interim in interims] == list(range(len(interims)))
    assert len(interims) >= 4
    assert all(0 <= interim.stability <= 1 for interim in interims)

    async def without() -> list[RecognitionEvent]:
        recognizer = make_recognizer()
        options = StreamOptions(interim_results=False)
        events = await events_of(recognizer, audio(silence(0.5), speech(3), silence(1)), options=options)
        await recognizer.aclose()
        return events

    assert not any(isinstance(event, Interim) for event in asyncio.run(without()))


def test_bad_samples_are_refused() -> None:
    async def work() -> None:
        recognizer = make_recognizer()
        stream = recognizer.stream(StreamOptions())
        with pytest.raises(InvalidInput, match="finite"):
            [event async for event in stream.push_audio(np.array([0.0, np.nan], np.float32))]
        with pytest.raises(InvalidInput, match="one axis"):
            [event async for event in stream.push_audio(np.zeros((2, 2), np.float32))]
        assert [event async for event in stream.push_audio(np.zeros(0, np.float32))] == []
        assert [event async for event in stream.end_input()] == []
        with pytest.raises(WrongState):
            [event async for event in stream.push_audio(silence(0.1))]
        await stream.aclose()
        with pytest.raises(InvalidInput, match="language"):
            recognizer.stream(StreamOptions(language="fr"))
        await recognizer.aclose()

    asyncio.run(work())


def test_streams_are_bounded_and_come_free() -> None:
    async def work() -> None:
        recognizer = make_recognizer(rules=RecognizerRules(max_streams=1))
        stream = recognizer.stream(StreamOptions())
        with pytest.raises(Overloaded):
            recognizer.stream(StreamOptions())
        await stream.aclose()
        await stream.aclose()
        await recognizer.stream(StreamOptions()).aclose()
        await recognizer.aclose()

    asyncio.run(work())


def test_an_engine_error_reaches_the_caller() -> None:
    with pytest.raises(RuntimeError, match="broken"):
        run(audio(silence(0.5), speech(0.5), silence(1)), engine=LengthEngine(error=RuntimeError("broken")))


def test_start_of_speech_is_told_before_its_end() -> None:
    events = run(TWO_UTTERANCES)
    starts = {event.utterance: index for index, event in enumerate(events) if isinstance(event, StartOfSpeech)}
    ends = {event.utterance: index for index, event in enumerate(events) if isinstance(event, EndOfSpeech)}
    assert all(starts[number] < ends[number] for number in starts)


class _CountingVad(LoudnessVad):
    """Counts pushes of all streams, and what was pushed."""

    def __init__(self) -> None:
        self.num_pushes = self.num_frames = 0

    def stream(self) -> VadStream:
        counting, stream = self, super().stream()
        push = stream.push_frames

        async def counted(frames: np.ndarray) -> np.ndarray:
            counting.num_pushes += 1
            counting.num_frames += len(frames)
            return await push(frames)

        stream.push_frames = counted  # type: ignore[method-assign]
        return stream


def room(seconds: float, level: float = 0.003) -> np.ndarray:
    return np.random.default_rng(1).normal(0, level, int(seconds * RATE_HZ)).astype(np.float32)


async def test_background_is_looked_at_in_larger_pieces_and_whatever_rises_above_it_at_once() -> None:
    vad = _CountingVad()
    recognizer = make_recognizer(vad=vad)
    stream = recognizer.stream(StreamOptions())
    pieces = np.split(room(4.0), 40)
    for piece in pieces:
        assert [event async for event in stream.push_audio(piece)] == []
    assert vad.num_pushes < 20
    looked_at = vad.num_frames
    assert [event async for event in stream.push_audio(speech(0.15))] != []
    assert vad.num_frames - looked_at >= 4
    await stream.aclose()
    await recognizer.aclose()


async def test_what_was_held_back_is_looked_at_when_the_input_ends() -> None:
    vad = _CountingVad()
    recognizer = make_recognizer(vad=vad)
    stream = recognizer.stream(StreamOptions())
    for piece in np.split(room(0.9), 9):
        assert [event async for event in stream.push_audio(piece)] == []
    assert vad.num_frames < 28
    assert [event async for event in stream.end_input()] == []
    assert vad.num_frames == 28
    await stream.aclose()
    await recognizer.aclose()
