"""Scores against hand-worked numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxcart.evaluation.scoring import CorrectionTally, ErrorRate, SlotAccuracy, normalized_tokens, percentile

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("one", "other", "lang"),
    [
        ("我想买两斤苹果。", "我想买2斤苹果", "zh"),
        ("两千元以下的华为手机", "2000元以下的华为手机", "zh"),
        ("两千块以下", "¥2000以下", "zh"),
        ("三十九块九两斤", "39块9两斤", "zh"),
        ("三十九块九两斤", "39.9元2斤", "zh"),
        ("打八五折", "打8.5折", "zh"),
        ("百分之五十", "50%", "zh"),
        ("第一个", "第1个", "zh"),
        ("幺三七六六零五四九八二", "137 6605 4982", "zh"),
        ("嗯，行", "行", "zh"),
        ("我要買 iPhone", "我要买iphone！", "zh"),
        ("支持Wi-Fi吗", "支持wifi吗", "mixed"),
        ("iPhone fifteen Pro", "iPhone15 Pro", "mixed"),
        ("What's in my cart?", "whats in my cart", "en"),
        ("under fifty dollars", "under $50", "en"),
        ("five five five zero one four two", "555-0142", "en"),
        ("the second one, okay", "The 2nd 1 OK", "en"),
        ("um, one litre", "1 liter", "en"),
    ],
)
def test_forms_that_mean_the_same_are_equal(one: str, other: str, lang: str) -> None:
    assert normalized_tokens(one, lang) == normalized_tokens(other, lang)


@pytest.mark.parametrize(
    ("one", "other", "lang"),
    [
        ("三斤", "三箱", "zh"),
        ("39.9元", "40元", "zh"),
        ("加入购物车", "夹入购物车", "zh"),
        ("fifteen", "fifty", "en"),
    ],
)
def test_forms_that_mean_something_else_differ(one: str, other: str, lang: str) -> None:
    assert normalized_tokens(one, lang) != normalized_tokens(other, lang)


def test_what_a_token_is() -> None:
    assert normalized_tokens("我要买 iPhone 15", "zh") == list("我要买iphone15")
    assert normalized_tokens("我要买 iPhone 15", "mixed") == ["我", "要", "买", "iphone", "1", "5"]
    assert normalized_tokens("我要买 iPhone 15", "mixed", "character") == list("我要买iphone15")
    assert normalized_tokens("Size ten, please", "en") == ["size", "1", "0", "please"]


@given(st.text(alphabet="我买三十百块元九.5% aB，。", max_size=24))
def test_every_text_has_a_normal_form_without_punctuation(text: str) -> None:
    for lang in ("zh", "en", "mixed"):
        assert all(token.isalnum() for token in normalized_tokens(text, lang))


def test_rate_over_two_utterances() -> None:
    rate = ErrorRate()
    assert rate.rate is None
    assert rate.add("衣服尺码", "衣服吃马", "zh") == 2
    assert rate.add("下单吧", "下单", "zh") == 1
    assert rate.rate == pytest.approx(3 / 7)


def test_english_counts_words() -> None:
    rate = ErrorRate()
    rate.add("place the order now", "place order now please", "en")
    assert (rate.edits, rate.reference_tokens) == (2, 4)


def test_mixed_counts_an_english_word_once() -> None:
    rate = ErrorRate()
    rate.add("我要refund", "我要return", "mixed")
    assert (rate.edits, rate.reference_tokens) == (1, 3)


def test_invented_text_counts() -> None:
    rate = ErrorRate()
    rate.add("好", "谢谢观看", "zh")
    assert rate.rate == 4.0


def test_what_correction_fixed_and_damaged() -> None:
    tally = CorrectionTally()
    assert tally.add("衣服尺码", "衣服吃马", "衣服尺码", "zh") == 2
    assert tally.add("买苹果", "买苹果", "买平果", "zh") == -1
    assert tally.add("两斤苹果", "两斤平果", "2斤平果", "zh") == 0
    assert tally.add("下单", "呀下单", "下单", "zh") == 1
    assert (tally.fixed, tally.damaged, tally.removed, tally.inserted) == (2, 1, 1, 0)
    assert (tally.utterances_better, tally.utterances_worse) == (2, 1)


def test_a_slot_is_right_when_its_words_stand_together() -> None:
    accuracy = SlotAccuracy()
    slots = [("product", "苹果"), ("number", "三斤"), ("order_id", "八八六零")]
    assert accuracy.add(slots, "买3斤平果，订单8860", "zh") == [("product", "苹果")]
    assert accuracy.add([("product", "apples")], "three apples", "en") == []
    assert accuracy.add([("product", "apple")], "pineapple", "en") == [("product", "apple")]
    assert accuracy.report() == {
        "number": {"accuracy": 1.0, "count": 1},
        "order_id": {"accuracy": 1.0, "count": 1},
        "product": {"accuracy": 0.3333, "count": 3},
        "all": {"accuracy": 0.6, "count": 5},
    }


def test_a_slot_said_twice_has_to_be_found_twice() -> None:
    slots = [("product", "苹果"), ("product", "苹果")]
    assert SlotAccuracy().add(slots, "苹果苹果", "zh") == []
    assert SlotAccuracy().add(slots, "苹果平果", "zh") == [("product", "苹果")]


@pytest.mark.parametrize(("share", "expected"), [(0.5, 2.0), (0.95, 4.0), (0.0, 1.0), (1.0, 4.0)])
def test_percentile_is_nearest_rank(share: float, expected: float) -> None:
    assert percentile([4.0, 1.0, 3.0, 2.0], share) == expected


def test_percentile_of_nothing() -> None:
    assert percentile([], 0.5) is None
