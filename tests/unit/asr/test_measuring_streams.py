"""Measuring with scripted streams: what is timed, in which order systems take turns, and the load's bookkeeping."""

from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import soundfile

from voxcart.audio.pcm import to_samples
from voxcart.benchmarking import asr_side_by_side
from voxcart.benchmarking.asr import AsrLoad, SessionLog, SpokenClip, Utterance, as_table, compose, read_clips, summary
from voxcart.benchmarking.service_process import ProcessMeter
from voxcart.errors import InvalidInput, Unavailable
from voxcart.evaluation.asr import CHUNK_SAMPLES, Recognised, evaluate, recognise
from voxcart.evaluation.interims import InterimTally, ShownUtterance, as_line
from voxcart.evaluation.manifest import SAMPLE_RATE_HZ, Recording, speech_end_sample
from voxcart_services.asr.results import Final, Transcript

pytestmark = pytest.mark.unit


class ScriptedStream:
    """Gives finals when so many samples have come, and one at the end of the input if it is told to."""

    def __init__(self, finals_at: dict[int, str], at_end: str = "") -> None:
        self.finals_at = dict(finals_at)
        self.at_end = at_end
        self.num_samples = 0
        self.is_closed = False

    async def push_audio(self, samples: np.ndarray) -> AsyncIterator[Any]:
        self.num_samples += len(samples)
        for at in [at for at in self.finals_at if at <= self.num_samples]:
            yield final(self.finals_at.pop(at))

    async def end_input(self) -> AsyncIterator[Any]:
        if self.at_end:
            yield final(self.at_end)

    async def aclose(self) -> None:
        self.is_closed = True


def final(text: str) -> Final:
    return Final(1, cast(Transcript, SimpleNamespace(text=text, raw_text=f"{text}?")))


def recording(
    tmp_path: Path, name: str = "one.wav", seconds: float = 1.5, speech_end_s: float | None = 1.0
) -> Recording:
    soundfile.write(tmp_path / name, np.full(int(seconds * SAMPLE_RATE_HZ), 0.1, np.float32), SAMPLE_RATE_HZ)
    return Recording(tmp_path / name, "好的", "zh", speech_end_s=speech_end_s)


async def test_a_turn_that_ends_in_the_recording_is_timed_from_the_end_of_speech(tmp_path: Path) -> None:
    stream = ScriptedStream({int(1.2 * SAMPLE_RATE_HZ): "好的"})
    found = await recognise(lambda _: stream, recording(tmp_path))
    assert (found.text, found.raw_text, found.num_utterances) == ("好的", "好的?", 1)
    assert found.audio_seconds == 1.5
    assert found.final_seconds == pytest.approx(0.2, abs=CHUNK_SAMPLES / SAMPLE_RATE_HZ + 0.05)
    assert found.work_seconds is not None
    assert 0 <= found.work_seconds < 0.1
    assert not found.is_ended_by_file
    assert stream.is_closed


def test_words_taken_back_are_counted_and_stability_is_held_to_its_word() -> None:
    counts = InterimTally()
    counts.add(ShownUtterance((("我想", 0.0), ("我想卖苹", 0.5), ("我想买苹", 1.0)), "我想买苹果。"))
    counts.add(ShownUtterance((), "好的"))
    counts.add(ShownUtterance((("Add two", 1.0),), "and too"))
    found = counts.to_json()
    assert (found["utterances"], found["with_interims"], found["interims"]) == (3, 2, 4)
    assert found["words_retracted_per_final_word"] == round((2 + 2) / (5 + 2), 4)
    assert (found["settled_words"], found["settled_words_kept"]) == (2 + 4 + 2, 6 / 8)
    assert found["mean_stability"] == 0.625
    assert "0.625 mean_stability" in as_line(found)
    assert "- mean_stability" in as_line(InterimTally().to_json())


async def test_cut_missed_and_ended_by_the_file(tmp_path: Path) -> None:
    cut = await recognise(lambda _: ScriptedStream({8_000: "好"}, at_end="的"), recording(tmp_path))
    assert (cut.text, cut.num_utterances, cut.is_ended_by_file) == ("好 的", 2, True)
    missed = await recognise(lambda _: ScriptedStream({}), recording(tmp_path))
    assert (missed.text, missed.num_utterances, missed.final_seconds, missed.work_seconds) == ("", 0, None, None)


async def test_every_sample_is_streamed_whatever_the_length(tmp_path: Path) -> None:
    for seconds in (0.001, 0.064, 0.128, 0.2):
        stream = ScriptedStream({})
        await recognise(lambda _, stream=stream: stream, recording(tmp_path, seconds=seconds))
        assert stream.num_samples == int(seconds * SAMPLE_RATE_HZ)


async def test_at_the_pace_of_real_time_the_wait_is_real(tmp_path: Path) -> None:
    one = recording(tmp_path, seconds=0.5, speech_end_s=0.2)
    found = await recognise(lambda _: ScriptedStream({4_800: "好"}), one, is_paced=True)
    assert found.final_seconds is not None
    assert found.final_seconds >= 0.1


async def test_at_the_pace_of_real_time_the_file_does_not_end_the_turn(tmp_path: Path) -> None:
    stream = ScriptedStream({9_600: "好"}, at_end="的")
    found = await recognise(lambda _: stream, recording(tmp_path, seconds=0.4), is_paced=True)
    assert (found.text, found.audio_seconds, found.is_ended_by_file) == ("好", 0.4, False)
    assert 9_600 <= stream.num_samples < 9_600 + 2 * CHUNK_SAMPLES


async def test_candidates_take_turns_and_begin_by_turns(tmp_path: Path) -> None:
    opened: list[str] = []

    def candidate(name: str) -> Callable[[Recording], Any]:
        def open_stream(one: Recording) -> ScriptedStream:
            opened.append(f"{name} {one.path.stem}")
            return ScriptedStream({}, at_end=name)

        return open_stream

    recordings = [recording(tmp_path, f"{number}.wav", 0.1) for number in (1, 2)]
    results = await evaluate({"a": candidate("a"), "b": candidate("b")}, recordings, lambda: None)
    assert opened == ["a 1", "b 1", "a 1", "b 1", "b 2", "a 2"]
    assert [one.text for one in results["b"]] == ["b", "b"]


def test_where_speech_ends_is_taken_from_the_manifest_and_kept_inside(tmp_path: Path) -> None:
    samples = np.full(16_000, 0.1, np.float32)
    assert speech_end_sample(recording(tmp_path, speech_end_s=0.5), samples) == 8_000
    assert speech_end_sample(recording(tmp_path, speech_end_s=9.0), samples) == 15_999
    assert speech_end_sample(recording(tmp_path, speech_end_s=None), samples) == 15_999


def heard(name: str, text: str, final_s: float, seconds: float = 3.0) -> Recognised:
    one = Recording(Path(name), "下单吧", "zh", (), (), "clean")
    return Recognised(one, text, text, seconds, final_s, final_s, final_s, 1)


async def test_the_comparison_begins_with_another_system_each_time_and_leaves_out_non_speech(tmp_path: Path) -> None:
    order: list[str] = []

    def system(name: str) -> Callable[[Recording], Any]:
        async def run(one: Recording) -> Recognised:
            order.append(name)
            return heard(one.path.name, "下单吧", 1.0)

        return run

    spoken, noise = recording(tmp_path), Recording(tmp_path / "noise.wav", "", "zh")
    await asr_side_by_side.compare({"x": system("x"), "y": system("y")}, [spoken, noise, spoken], lambda: None)
    assert order == ["x", "y", "x", "y", "y", "x"]
    with pytest.raises(InvalidInput, match="no recording with speech"):
        await asr_side_by_side.compare({"x": system("x")}, [noise], lambda: None)


def test_ratios_are_of_medians_and_to_greedy_faster_whisper() -> None:
    results = {
        asr_side_by_side.REFERENCE: [
            heard("a", "下单吧", 0.6),
            heard("b", "下单爆", 0.8),
            heard("c", "下单吧", 1.0, 9.0),
        ],
        "voxcart file": [heard("a", "下单吧", 0.2), heard("b", "下单吧", 0.2), heard("c", "下单吧", 0.2, 9.0)],
    }
    found = asr_side_by_side.figures(results)
    ours, theirs = (found["systems"][name] for name in ("voxcart file", asr_side_by_side.REFERENCE))
    assert ours["median_by_reference"] == 0.25
    assert theirs["median_by_reference"] == 1.0
    assert ours["median_by_reference_2_to_5_s"] == 0.333
    short = theirs["commands_2_to_5_s"]["speech_end_to_final_ms"]
    assert short == {"p50": 600.0, "p95": 800.0, "p99": 800.0, "count": 2}
    assert theirs["errors"]["zh"]["cer_raw"] == 0.1111
    assert "voxcart file" in asr_side_by_side.as_table(found)


def test_english_recordings_get_no_chinese_prompt() -> None:
    comparison = asr_side_by_side.Comparison(lambda one: None, "下单，退款。")
    assert comparison.prompt_for(Recording(Path("a"), "x", "en")) == ""
    assert comparison.prompt_for(Recording(Path("a"), "x", "mixed")) == "下单，退款。"


def clip(seconds: float = 1.0) -> SpokenClip:
    return SpokenClip("a.wav", np.full(int(seconds * SAMPLE_RATE_HZ), 0.5, np.float32), 0.1, seconds - 0.1)


def test_a_session_says_its_recordings_with_pauses_of_room_tone() -> None:
    load = AsrLoad("", [clip(), clip(1.5)], num_sessions=2, seconds=16.0)
    pcm, utterances = compose(load, 1)
    samples = to_samples(pcm)
    assert len(samples) == 16 * SAMPLE_RATE_HZ
    assert len(utterances) >= 3
    for one, after in pairwise(utterances):
        assert after.speech_start_s - one.speech_end_s > 1.4
    loud = np.abs(samples) > 0.3
    first = utterances[0]
    assert loud[int(first.speech_start_s * SAMPLE_RATE_HZ) : int(first.speech_end_s * SAMPLE_RATE_HZ)].all()
    assert 0 < np.abs(samples[~loud]).max() < 0.01
    assert utterances[-1].speech_end_s < 13.1
    assert compose(load, 0)[1] != utterances


def test_silent_sessions_say_nothing() -> None:
    pcm, utterances = compose(AsrLoad("", [], 1, 5.0), 0)
    assert utterances == []
    assert 0 < np.abs(to_samples(pcm)).max() < 0.01


def log(**values: Any) -> SessionLog:
    utterances = [Utterance("a", 1.0, 2.0), Utterance("b", 4.0, 5.0), Utterance("c", 8.0, 9.0)]
    return SessionLog(utterances, num_chunks=100, num_late_chunks=1, **values)


def test_finals_are_matched_to_what_was_said_by_their_place() -> None:
    one = log(
        finals=[(2.5, 0.9, 2.1, "一"), (4.9, 3.9, 4.4, "二"), (5.8, 4.6, 5.1, "三")],
        interims=[1.6, 2.2, 4.7],
        ends=[2.3, 4.85, 5.7],
    )
    found = summary([one], AsrLoad("x", [clip()], 1, 12.0))
    assert (found["utterances"], found["missed"], found["cut"], found["finals"]) == (3, 1, 1, 3)
    assert found["speech_end_to_final_ms"]["count"] == 2
    assert found["speech_end_to_final_ms"]["p99"] == pytest.approx(800, abs=5)
    assert found["end_of_turn_delay_ms"]["p50"] == pytest.approx(500, abs=5)
    assert found["speech_start_to_first_interim_ms"]["p50"] == pytest.approx(650, abs=5)
    assert found["between_interims_ms"] == {"p50": 600.0, "p95": 600.0, "p99": 600.0, "count": 1}
    assert found["late_chunks_percent"] == 1.0


def test_a_recording_without_text_is_named_with_the_reason() -> None:
    one = log(finals=[(2.5, 0.9, 2.1, "一")], refused=[(1.9, "no_words"), (5.1, "background: fainter")])
    found = summary([log(finals=[(2.5, 0.9, 2.1, "一")]), one], AsrLoad("x", [clip()], 2, 12.0))
    named = [(missed["recording"], missed["session"], missed["reason"]) for missed in found["missed_recordings"]]
    unnoticed = "no speech was noticed"
    assert named == [("b", 0, unnoticed), ("c", 0, unnoticed), ("b", 1, "background: fainter"), ("c", 1, unnoticed)]
    machine = {"cpu": "x", "cores": 2, "memory_gib": 1, "commit": "c"}
    extra = {"machine": machine, "load_average_before": 0.1, "service": None}
    table = as_table({**found, **extra, "generator_cpu_percent_of_one_core": 1.0})
    assert "missed: b in session 1 (background: fainter)" in table


def test_failed_streams_are_said() -> None:
    found = summary([log(failure="UNAVAILABLE: gone"), log()], AsrLoad("x", [clip()], 2, 12.0))
    assert found["failed_sessions"] == 1
    machine = {"cpu": "x", "cores": 2, "memory_gib": 1, "commit": "c"}
    extra = {"machine": machine, "load_average_before": 0.1, "service": None}
    table = as_table({**found, **extra, "generator_cpu_percent_of_one_core": 1.0})
    assert "failure: UNAVAILABLE: gone" in table
    assert "6 utterances, 6 missed" in table


def test_recordings_of_a_load_must_have_speech(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silent.wav", np.zeros(16_000, np.float32), 16_000)
    with pytest.raises(InvalidInput, match="is silent"):
        read_clips([Recording(tmp_path / "silent.wav", "", "zh")])


def test_a_process_that_is_gone_cannot_be_measured() -> None:
    with pytest.raises(Unavailable, match="cannot be measured"):
        ProcessMeter(2**22 + 1)
