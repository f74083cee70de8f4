"""Interim policy: what is shown, how settled it is, and what is taken back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxcart_services.asr.agreement import LocalAgreement, words_of

pytestmark = pytest.mark.unit

TEXTS = st.text(alphabet="我想买苹果a b2。，", max_size=12)


def test_a_first_hypothesis_is_not_settled_and_its_last_word_is_held_back() -> None:
    agreed = LocalAgreement().push("我想买苹")
    assert (agreed.text, agreed.stability, agreed.num_retracted) == ("我想买", 0.0, 0)


def test_what_two_hypotheses_agree_on_is_settled() -> None:
    agreement = LocalAgreement()
    agreement.push("我想买苹")
    agreed = agreement.push("我想买苹果手")
    assert agreed.text == "我想买苹果"
    assert agreed.stability == pytest.approx(4 / 5)
    assert agreed.num_new == 2


def test_an_unchanged_hypothesis_is_shown_whole() -> None:
    agreement = LocalAgreement()
    agreement.push("确认下单。")
    agreed = agreement.push("确认下单")
    assert (agreed.text, agreed.stability) == ("确认下单", 1.0)


def test_words_that_change_are_counted_as_taken_back() -> None:
    agreement = LocalAgreement()
    agreement.push("我要吃马大")
    agreed = agreement.push("我要尺码大一点")
    assert agreed.num_retracted == 2
    assert agreement.finish("我要尺码小一点") == 2


def test_english_words_are_held_back_as_words() -> None:
    agreement = LocalAgreement()
    assert agreement.push("add it to my ca").text == "add it to my"
    assert agreement.push("Add it to my cart").text == "Add it to my"
    assert agreement.push("Add it to my cart please").text == "Add it to my cart"


@given(texts=st.lists(TEXTS, max_size=6))
def test_stability_is_a_share_and_words_are_kept_account_of(texts: list[str]) -> None:
    agreement = LocalAgreement()
    num_shown = 0
    for text in texts:
        agreed = agreement.push(text)
        assert 0.0 <= agreed.stability <= 1.0
        assert text.startswith(agreed.text)
        num_shown += agreed.num_new - agreed.num_retracted
        assert num_shown == len(words_of(agreed.text))


@given(text=TEXTS)
def test_an_empty_or_repeated_hypothesis_takes_nothing_back(text: str) -> None:
    agreement = LocalAgreement()
    agreement.push(text)
    assert agreement.push(text).num_retracted == 0
    assert agreement.finish(text) == 0
