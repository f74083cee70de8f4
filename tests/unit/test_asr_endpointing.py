"""The end of a turn as a pure function of pauses, probabilities, text and expectation."""

import pytest

from voxcart_services.asr.turns.endpointing import (
    Awaiting,
    EndpointRules,
    GateRules,
    Pause,
    SpeechGate,
    TextOpinion,
    awaiting_from,
    decide,
    text_opinion,
)

pytestmark = pytest.mark.unit

RULES = EndpointRules()


@pytest.mark.parametrize("text", ["好的", "好的。", "是的", "对", "不要", "OK.", "Yes", "嗯", "下单吧"])
def test_one_word_answers_are_never_held(text: str) -> None:
    assert decide(Pause(192, 0.01, text), RULES)


@pytest.mark.parametrize("text", ["我想买那个", "我想买", "帮我找一下然后", "I want", "苹果和", "我要，"])
def test_unfinished_sentences_are_waited_for_even_if_they_sound_finished(text: str) -> None:
    assert not decide(Pause(800, 0.99, text), RULES)
    assert decide(Pause(RULES.open_pause_ms, 0.0, text), RULES)


def test_a_sentence_that_sounds_finished_ends_at_the_first_checkpoint() -> None:
    assert decide(Pause(192, 0.5, "我想买苹果"), RULES)
    assert not decide(Pause(192, 0.49, "我想买苹果"), RULES)
    assert decide(Pause(416, 0.3, "我想买苹果"), RULES)
    assert decide(Pause(RULES.max_pause_ms, 0.0, "我想买苹果"), RULES)


@pytest.mark.parametrize("text", ["你有什么推荐的?", "下单吧，谢谢", "苹果还有多少库存", "再便宜点的"])
def test_sentences_that_read_finished_need_less_certainty(text: str) -> None:
    assert not decide(Pause(192, 0.1, text), RULES)
    assert decide(Pause(192, 0.2, text), RULES)
    assert decide(Pause(416, 0.0, text), RULES)


def test_a_number_said_in_groups_is_not_cut() -> None:
    assert not decide(Pause(1_200, 0.9, "一三八", "phone_number"), RULES)
    assert not decide(Pause(192, 0.9, "1381234", "phone_number"), RULES)
    assert decide(Pause(192, 0.0, "13812345678", "phone_number"), RULES)
    assert decide(Pause(192, 0.0, "一二三四五六", "order_id"), RULES)
    assert decide(Pause(RULES.number_pause_ms, 0.0, "一二三", "order_id"), RULES)


def test_words_instead_of_the_awaited_number_count_as_words() -> None:
    assert text_opinion("算了", "phone_number") is TextOpinion.COMPLETE
    assert decide(Pause(192, 0.9, "帮我取消这个订单", "phone_number"), RULES)


def test_an_address_needs_more_certainty() -> None:
    assert not decide(Pause(192, 0.7, "北京市海淀区", "address"), RULES)
    assert decide(Pause(192, 0.85, "北京市海淀区", "address"), RULES)


def test_slot_names_map_to_what_matters() -> None:
    assert awaiting_from("recipient_phone") is Awaiting.NUMBER
    assert awaiting_from("color") is Awaiting.NOTHING
    assert awaiting_from("confirmation") is Awaiting.CONFIRMATION


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


def test_bad_rules_are_refused() -> None:
    with pytest.raises(ValueError, match="grow"):
        EndpointRules(prepare_ms=300)
    with pytest.raises(ValueError, match="28000"):
        EndpointRules(max_utterance_ms=30_000)
