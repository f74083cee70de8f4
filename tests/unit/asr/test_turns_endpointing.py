"""The end of a turn as a pure function of pauses, probabilities, text and expectation."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxcart_services.asr.turns.endpointing import (
    EndpointRules,
    EndReason,
    GateRules,
    Pause,
    SpeechGate,
    checkpoint_frames,
    decide,
    frames_of,
)
from voxcart_services.asr.turns.vad import FRAME_MS

pytestmark = pytest.mark.unit

RULES = EndpointRules()
PROBABILITIES = st.floats(0, 1)
TEXTS = st.sampled_from(
    [
        "",
        "好的",
        "我想买苹果",
        "我想买那个",
        "昨天的订单",
        "帮我找一双运动鞋",
        "红色的",
        "一三八",
        "我要一箱",
        "嗯",
        "show me the",
        "yes",
    ]
)
EXPECTED = st.sampled_from(["none", "confirmation", "phone_number", "order_id", "address", "product", "quantity"])
RULE_SETS = st.tuples(st.integers(128, 900), st.integers(0, 900), st.integers(0, 900), st.integers(0, 900)).map(
    lambda p: EndpointRules(96, p[0], p[0] + p[1], p[0] + p[1] + p[2], sum(p))
)


@pytest.mark.parametrize(
    "text", ["好的", "好的。", "是的", "对", "不要", "不要了", "OK.", "Yes", "嗯嗯", "下单吧", "No thanks."]
)
@pytest.mark.parametrize("awaiting", ["none", "confirmation"])
@given(probability=PROBABILITIES, rules=RULE_SETS)
def test_one_word_answers_are_never_held(text: str, awaiting: str, probability: float, rules: EndpointRules) -> None:
    assert decide(Pause(rules.first_pause_ms, probability, text, awaiting), rules) is EndReason.COMPLETE


@given(text=TEXTS, awaiting=EXPECTED, probability=PROBABILITIES, rules=RULE_SETS, pause_ms=st.integers(0, 4_000))
def test_a_turn_that_is_over_stays_over_while_the_pause_grows(
    text: str, awaiting: str, probability: float, rules: EndpointRules, pause_ms: int
) -> None:
    now = decide(Pause(pause_ms, probability, text, awaiting), rules)
    later = decide(Pause(pause_ms + 32, probability, text, awaiting), rules)
    assert later is not None or now is None


@given(text=TEXTS, awaiting=EXPECTED, one=PROBABILITIES, other=PROBABILITIES, pause_ms=st.integers(0, 2_000))
def test_a_surer_turn_model_never_holds_a_turn_longer(
    text: str, awaiting: str, one: float, other: float, pause_ms: int
) -> None:
    less, more = sorted((one, other))
    ended = decide(Pause(pause_ms, less, text, awaiting), RULES) is not None
    assert decide(Pause(pause_ms, more, text, awaiting), RULES) is not None or not ended


@given(text=st.text(max_size=12), awaiting=EXPECTED, probability=PROBABILITIES, rules=RULE_SETS)
def test_every_turn_ends_between_the_first_and_the_longest_pause(
    text: str, awaiting: str, probability: float, rules: EndpointRules
) -> None:
    assert decide(Pause(rules.first_pause_ms - 1, probability, text, awaiting), rules) is None
    assert decide(Pause(rules.number_pause_ms, probability, text, awaiting), rules) is not None
    last = max(checkpoint_frames(rules)) * FRAME_MS
    assert decide(Pause(last, probability, text, awaiting), rules) is not None


@pytest.mark.parametrize(
    "text", ["我想买那个", "我想买", "帮我找一下", "苹果和", "把苹果的价格", "I want", "show me the", "嗯"]
)
def test_unfinished_sentences_are_waited_for_even_if_they_sound_finished(text: str) -> None:
    assert decide(Pause(RULES.max_pause_ms, 0.99, text), RULES) is None
    assert decide(Pause(RULES.open_pause_ms, 0.0, text), RULES) is EndReason.PAUSE


def test_a_sentence_that_reads_and_sounds_finished_ends_at_the_first_checkpoint() -> None:
    assert decide(Pause(RULES.first_pause_ms, 0.95, "苹果多少钱"), RULES) is EndReason.TURN
    assert decide(Pause(RULES.first_pause_ms, 0.2, "苹果多少钱"), RULES) is None
    assert decide(Pause(RULES.max_pause_ms, 0.2, "苹果多少钱"), RULES) is EndReason.PAUSE


def test_a_bare_name_is_a_whole_answer_to_the_question_for_it() -> None:
    for awaiting, text in (("product", "纯牛奶"), ("color", "黑色"), ("quantity", "两个"), ("brand", "华为")):
        assert decide(Pause(RULES.first_pause_ms, 0.95, text, awaiting), RULES) is not None


def test_a_number_said_in_groups_is_not_cut() -> None:
    assert decide(Pause(1_200, 0.9, "一三八", "phone_number"), RULES) is None
    assert decide(Pause(192, 0.9, "1381234", "phone_number"), RULES) is None
    assert decide(Pause(192, 0.0, "13812345678", "phone_number"), RULES) is EndReason.COMPLETE
    assert decide(Pause(192, 0.0, "一二三四五六", "order_id"), RULES) is EndReason.COMPLETE
    assert decide(Pause(RULES.number_pause_ms, 0.0, "一二三", "order_id"), RULES) is EndReason.PAUSE


@given(text=TEXTS, awaiting=EXPECTED, one=PROBABILITIES, other=PROBABILITIES, pause_ms=st.integers(0, 2_000))
def test_a_surer_transcript_never_holds_a_turn_longer(
    text: str, awaiting: str, one: float, other: float, pause_ms: int
) -> None:
    less, more = sorted((one, other))
    ended = decide(Pause(pause_ms, 0.7, text, awaiting, confidence=less), RULES) is not None
    assert decide(Pause(pause_ms, 0.7, text, awaiting, confidence=more), RULES) is not None or not ended


def test_an_answer_that_was_hardly_heard_and_not_asked_for_is_waited_for() -> None:
    assert decide(Pause(192, 0.9, "好", "none", confidence=0.1), RULES) is None
    assert decide(Pause(192, 0.0, "好", "confirmation", confidence=0.1), RULES) is EndReason.COMPLETE


def test_six_digits_that_were_hardly_heard_may_be_the_beginning_of_more() -> None:
    assert decide(Pause(768, 0.9, "二零二六一一", "order_id", confidence=0.5), RULES) is None
    assert decide(Pause(192, 0.9, "二零二六一一", "order_id", confidence=0.7), RULES) is EndReason.COMPLETE
    assert decide(Pause(192, 0.9, "13812345678", "phone_number", confidence=0.5), RULES) is EndReason.COMPLETE


def test_a_number_that_took_its_time_is_not_waited_for_as_long_as_one_just_begun() -> None:
    for text, awaiting, whole_ms in (("138002456", "phone_number", 2_200), ("8865", "order_id", 1_200)):
        begun = Pause(1_300, 0.9, text, awaiting, voiced_ms=whole_ms - 200)
        assert decide(begun, RULES) is None
        assert decide(replace(begun, voiced_ms=whole_ms), RULES) is not None
        assert decide(Pause(900, 0.9, text, awaiting, voiced_ms=whole_ms), RULES) is None


def test_an_answer_that_reads_whole_and_was_heard_is_held_less_by_a_doubtful_sound() -> None:
    asked, unasked = (Pause(708, 0.1, "四十二码", awaiting) for awaiting in ("size", "none"))
    assert decide(asked, RULES) is not None
    assert decide(unasked, RULES) is None
    assert decide(replace(asked, confidence=0.3), RULES) is None


def test_an_address_needs_a_longer_pause_than_a_sentence() -> None:
    assert decide(Pause(RULES.max_pause_ms, 0.99, "北京市海淀区", "address"), RULES) is None
    assert decide(Pause(RULES.first_pause_ms, 0.99, "中关村大街二十七号", "address"), RULES) is None


def test_checkpoints_are_where_something_can_change() -> None:
    checkpoints = checkpoint_frames(RULES)
    pauses = (RULES.first_pause_ms, RULES.max_pause_ms, RULES.open_pause_ms, RULES.number_pause_ms)
    assert {frames_of(pause_ms) for pause_ms in pauses} <= checkpoints
    assert (frames_of(96), frames_of(97), frames_of(1)) == (3, 4, 1)


def test_gate_opens_on_consecutive_frames_and_counts_the_pause() -> None:
    gate = SpeechGate(GateRules())
    assert [gate.push(p) for p in (0.9, 0.9, 0.2, 0.9, 0.9, 0.9)] == [False] * 5 + [True]
    for probability in (0.4, 0.1, 0.1):
        gate.push(probability)
    assert (gate.voiced_frames, gate.pause_frames) == (4, 2)
    gate.push(0.6)
    assert gate.pause_frames == 0
    gate.close()
    assert gate.is_silent


@given(st.lists(st.floats(0, 1), max_size=60))
def test_the_gate_counts_every_frame_once(probabilities: list[float]) -> None:
    gate, rules = SpeechGate(GateRules()), GateRules()
    opened_at = None
    for number, probability in enumerate(probabilities):
        if gate.push(probability):
            opened_at = number
    if opened_at is None:
        assert not gate.is_open
        return
    since = probabilities[opened_at + 1 :]
    assert gate.voiced_frames == rules.start_frames + sum(p >= rules.stay_probability for p in since)
    trailing = next((n for n, p in enumerate(reversed(since)) if p >= rules.stay_probability), len(since))
    assert gate.pause_frames == trailing


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"prepare_ms": 300}, "grow"),
        ({"max_pause_ms": 100}, "grow"),
        ({"open_pause_ms": 5_000}, "grow"),
        ({"max_utterance_ms": 30_000}, "28000"),
        ({"max_utterance_ms": 10}, "28000"),
    ],
)
def test_bad_rules_are_refused(changes: dict[str, int], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        EndpointRules(**changes)


def test_a_bad_gate_is_refused() -> None:
    with pytest.raises(ValueError, match="stay_probability"):
        GateRules(start_probability=0.3, stay_probability=0.5)
    with pytest.raises(ValueError, match="start_frames"):
        GateRules(start_frames=0)
