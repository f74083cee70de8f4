"""Thresholds of one stream: what a caller sets holds, what contradicts itself is refused with a sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxcart.errors import InvalidInput
from voxcart_services.asr.turns.rules import TurnOverrides, TurnRules

pytestmark = pytest.mark.unit

PAUSES = ("first_pause_ms", "max_pause_ms", "open_pause_ms", "number_pause_ms")


def test_nothing_set_changes_nothing() -> None:
    assert TurnRules().override(TurnOverrides()) == TurnRules()


@given(name=st.sampled_from(PAUSES), value=st.integers(160, 2_000))
def test_a_pause_that_is_set_holds_and_the_others_give_way(name: str, value: int) -> None:
    endpoint = TurnRules().override(TurnOverrides(**{name: value})).endpoint
    pauses = [getattr(endpoint, pause) for pause in PAUSES]
    assert getattr(endpoint, name) == value
    assert pauses == sorted(pauses)


def test_all_that_is_set_is_kept() -> None:
    rules = TurnRules().override(TurnOverrides(0.7, 300, 600, 900, 2_000, 10_000, 1.0))
    assert rules.gate.start_probability == 0.7
    assert rules.gate.stay_probability == pytest.approx(0.55)
    assert [getattr(rules.endpoint, pause) for pause in PAUSES] == [300, 600, 900, 2_000]
    assert rules.endpoint.max_utterance_ms == 10_000
    assert rules.foreground.reject_background == 1.0


@given(probability=st.floats(0.05, 0.95))
def test_speech_stays_on_a_lower_probability_than_it_starts_with(probability: float) -> None:
    gate = TurnRules().override(TurnOverrides(speech_probability=probability)).gate
    assert 0 < gate.stay_probability < gate.start_probability == probability


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        (TurnOverrides(speech_probability=0.0), "speech_probability must be between"),
        (TurnOverrides(speech_probability=float("nan")), "speech_probability must be between"),
        (TurnOverrides(first_pause_ms=0), "first_pause_ms must be between"),
        (TurnOverrides(max_pause_ms=-5), "max_pause_ms must be between"),
        (TurnOverrides(number_pause_ms=1_000_000), "number_pause_ms must be between"),
        (TurnOverrides(first_pause_ms=900, max_pause_ms=500), "first_pause_ms .900 ms. must not be longer"),
        (TurnOverrides(open_pause_ms=900, number_pause_ms=500), "open_pause_ms .900 ms. must not be longer"),
        (TurnOverrides(max_utterance_ms=60_000), "max_utterance_ms must be between"),
        (TurnOverrides(reject_background=0.1), "reject_background must be between"),
    ],
)
def test_bad_values_are_refused_with_a_sentence(wanted: TurnOverrides, sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        TurnRules().override(wanted)
