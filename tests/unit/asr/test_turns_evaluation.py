"""The turn-taking set and the scoring of endpointers, against figures worked out by hand."""

from pathlib import Path

import numpy as np
import pytest

from voxcart.errors import InvalidInput
from voxcart.evaluation.endpointing import (
    HeardPause,
    HeardTurn,
    find_pauses,
    fixed_endpointer,
    load_heard,
    our_endpointer,
    save_heard,
    score,
    smart_turn_endpointer,
)
from voxcart.speech_data.pauses import join, read_manifest, read_turns
from voxcart_services.asr.turns.endpointing import EndpointRules, GateRules

pytestmark = pytest.mark.unit


def heard(kind: str, *pauses: HeardPause, end_ms: int = 2_000) -> HeardTurn:
    return HeardTurn(f"{kind}.flac", "tune", "zh", kind, "none", "", end_ms, end_ms + 2_200, pauses)


SHORT = heard("short", HeardPause(2_016, 2_000, "好的", 0.9, 500, 0.9, 0.9))
PAUSED = heard(
    "pause",
    HeardPause(1_000, 640, "我想买那个", 0.9, 500, 0.9, 0.95),
    HeardPause(2_016, 2_000, "我想买那个苹果", 0.9, 900, 0.9, 0.2),
)
SILENT = heard("short")


def test_fixed_silence_is_scored_as_worked_out_by_hand() -> None:
    result = score(fixed_endpointer(500), [SHORT, PAUSED, SILENT])
    assert (result.cut, result.missed, result.delays_ms) == (["pause.flac"], ["short.flac"], [16 + 512])
    assert result.held == ["short.flac"]
    figures = result.to_json()
    assert figures["cut_off_rate"] == pytest.approx(1 / 3, abs=1e-4)
    assert figures["delay_ms"] == {"p50": 528, "p90": 528, "p95": 528}
    assert (figures["short_answers"], figures["held_rate"], figures["missed"]) == (2, 0.5, 1)


def test_a_longer_silence_cuts_nobody_and_is_late() -> None:
    result = score(fixed_endpointer(1_000), [SHORT, PAUSED])
    assert not result.cut
    assert result.delays_ms == [16 + 1_024] * 2


def test_smart_turn_alone_is_asked_at_200_ms_and_waits_3_s_when_it_doubts() -> None:
    assert smart_turn_endpointer()(PAUSED) == 1_000 + 224
    assert smart_turn_endpointer(threshold=0.96)(PAUSED) == 2_016 + 3_000
    assert smart_turn_endpointer()(SILENT) is None


def test_our_rules_wait_in_the_open_sentence_and_answer_the_short_one_at_once() -> None:
    result = score(our_endpointer(EndpointRules()), [SHORT, PAUSED])
    assert not result.cut
    assert result.delays_ms == [16 + 192] * 2


def test_what_was_heard_can_be_kept(tmp_path: Path) -> None:
    save_heard([SHORT, PAUSED, SILENT], tmp_path / "heard.jsonl")
    assert load_heard(tmp_path / "heard.jsonl") == [SHORT, PAUSED, SILENT]


def test_pauses_are_found_with_the_gates_hysteresis() -> None:
    probabilities = np.array(
        [0.1] * 4 + [0.9] * 10 + [0.1] * 2 + [0.9] * 3 + [0.1] * 6 + [0.8] * 2 + [0.1] * 5, np.float32
    )
    found = find_pauses(probabilities, GateRules())
    assert found == [(19, 25, 4, 13), (27, 32, 4, 15)]
    assert find_pauses(np.zeros(50, np.float32), GateRules()) == []


def test_the_set_has_both_halves_of_every_kind_and_no_sentence_in_both() -> None:
    turns = read_turns()
    assert len(turns) >= 150
    kinds = {turn.kind for turn in turns}
    assert kinds == {"pause", "filler", "number", "address", "finished", "short"}
    for half in ("tune", "held-out"):
        assert {turn.kind for turn in turns if turn.half == half} == kinds
        assert {turn.lang for turn in turns if turn.half == half} == {"zh", "en", "mixed"}
    spoken = [{(turn.text, turn.awaiting) for turn in turns if turn.half == half} for half in ("tune", "held-out")]
    assert not spoken[0] & spoken[1]


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("tune\tzh\tpause\t我想买", "half, language, kind"),
        ("tune\tfr\tpause\tnone\tbonjour", "unknown half, language or kind"),
        ("tune\tzh\tpause\tnone\t<500>苹果", "no words before or after"),
        ("tune\tzh\tpause\tnone\t我想买<500>", "no words before or after"),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, line: str, sentence: str) -> None:
    path = tmp_path / "turns.tsv"
    path.write_text(f"# comment\n{line}\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match=rf"turns.tsv:2: .*{sentence}"):
        read_turns(path)


def test_marks_are_read_as_stretches_and_pauses(tmp_path: Path) -> None:
    path = tmp_path / "turns.tsv"
    path.write_text("held-out\ten\tpause\tnone\tshow me<700>the red<300>one\n", encoding="utf-8")
    (turn,) = read_turns(path)
    assert (turn.stretches, turn.pauses_ms, turn.text) == (
        ("show me", "the red", "one"),
        (700, 300),
        "show me the red one",
    )


def test_stretches_are_joined_at_known_places() -> None:
    samples, bounds = join([np.ones(1_600, np.float32), np.ones(800, np.float32)], (100,))
    assert bounds == [(8_000, 9_600), (11_200, 12_000)]
    assert samples[8_000:9_600].all()
    assert not samples[9_600:11_200].any()
    assert len(samples) == 12_000 + int(2.2 * 16_000)


def test_a_folder_without_a_manifest_is_refused_with_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="make"):
        read_manifest(tmp_path)
