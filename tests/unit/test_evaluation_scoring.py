"""Scores against hand-worked numbers."""

import pytest

from voxcart.evaluation.scoring import ErrorRate, normalized_tokens, percentile

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("one", "other", "lang"),
    [
        ("我想买两斤苹果。", "我想买2斤苹果", "zh"),
        ("两千元以下的华为手机", "2000元以下的华为手机", "zh"),
        ("第一个", "第1个", "zh"),
        ("我要買 iPhone", "我要买iphone！", "zh"),
        ("What's in my cart?", "whats in my cart", "en"),
    ],
)
def test_forms_that_mean_the_same_are_equal(one: str, other: str, lang: str) -> None:
    assert normalized_tokens(one, lang) == normalized_tokens(other, lang)


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


def test_invented_text_counts() -> None:
    rate = ErrorRate()
    rate.add("好", "谢谢观看", "zh")
    assert rate.rate == 4.0


@pytest.mark.parametrize(("share", "expected"), [(0.5, 2.0), (0.95, 4.0), (0.0, 1.0), (1.0, 4.0)])
def test_percentile_is_nearest_rank(share: float, expected: float) -> None:
    assert percentile([4.0, 1.0, 3.0, 2.0], share) == expected


def test_percentile_of_nothing() -> None:
    assert percentile([], 0.5) is None
