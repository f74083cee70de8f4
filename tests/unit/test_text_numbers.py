"""Numbers in Mandarin and English: values, places, what is no number, and the way back."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxcart.text.numbers import find_numbers, parse_chinese, parse_english
from voxcart.text.spoken import (
    digits_to_chinese,
    money_to_chinese,
    number_to_chinese,
    number_to_english,
    quantity_numeral,
)

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("spoken", "value"),
    [
        ("零", 0),
        ("两", 2),
        ("十", 10),
        ("十五", 15),
        ("二十", 20),
        ("一百零五", 105),
        ("一百一十", 110),
        ("两百五", 250),
        ("一百二", 120),
        ("三千五", 3500),
        ("一万二", 12000),
        ("一千零五", 1005),
        ("三千零五十", 3050),
        ("两千", 2000),
        ("十二万三千", 123000),
        ("一亿三", 130000000),
        ("一亿零五", 100000005),
        ("三点五", 3.5),
        ("零点五", 0.5),
        ("一点二五", 1.25),
        ("一二三四", 1234),
        ("三点五万", 35000),
    ],
)
def test_chinese_numerals_have_their_value(spoken: str, value: float) -> None:
    assert parse_chinese(spoken) == value


@pytest.mark.parametrize("text", ["", "百", "三五百千", "苹果", "一点", "百百", "十百"])
def test_what_is_no_single_numeral_has_no_value(text: str) -> None:
    assert parse_chinese(text) is None


@pytest.mark.parametrize(
    ("spoken", "value"),
    [
        ("two hundred fifty", 250),
        ("two hundred and five", 205),
        ("twenty five", 25),
        ("nineteen ninety nine", 1999),
        ("two fifty", 250),
        ("a hundred", 100),
        ("three thousand", 3000),
        ("three point five", 3.5),
        ("seven", 7),
        ("one million two hundred thousand", 1200000),
    ],
)
def test_english_numerals_have_their_value(spoken: str, value: float) -> None:
    assert parse_english(spoken.split()) == value


@pytest.mark.parametrize(
    "text",
    [
        "看一下",
        "我们一起",
        "一样的",
        "万一不合适",
        "三星手机",
        "统一方便面",
        "五粮液",
        "十分满意",
        "七天无理由",
        "一会儿",
        "六神花露水",
    ],
)
def test_numerals_inside_words_are_left_alone(text: str) -> None:
    assert find_numbers(text) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("来两箱牛奶和三瓶酱油", [("两", 2), ("三", 3)]),
        ("订单一二三四五六", [("一二三四五六", 123456)]),
        ("3万5的电脑", [("3万5", 35000)]),
        ("budget is 1.5k", [("1.5k", 1500)]),
        ("1,299元", [("1,299", 1299)]),
        ("order one two three four", [("one two three four", 1234)]),
        ("十分钟以后", [("十", 10)]),
        ("二两茶叶", [("二", 2)]),
    ],
)
def test_numbers_are_found_in_place(text: str, found: list[tuple[str, float]]) -> None:
    assert [(text[span.start : span.end], span.value) for span in find_numbers(text)] == found


@pytest.mark.parametrize(
    ("text", "low", "high"), [("两三个", 2, 3), ("七八百块", 700, 800), ("三五百块", 300, 500), ("二三十块", 20, 30)]
)
def test_vague_pairs_are_ranges(text: str, low: float, high: float) -> None:
    (span,) = find_numbers(text)
    assert (span.value, span.high, span.approximate) == (low, high, True)


@pytest.mark.parametrize(
    ("text", "value"), [("一百来块", 100), ("三千出头", 3000), ("三十多块", 30), ("百八十块", 100)]
)
def test_vague_numbers_are_approximate(text: str, value: float) -> None:
    (span,) = find_numbers(text)
    assert span.approximate
    assert span.value == value


def test_leading_zeros_of_digit_runs_are_kept() -> None:
    (span,) = find_numbers("订单零零八六")
    assert span.digits == "0086"


@given(st.integers(min_value=0, max_value=10**12 - 1))
def test_cardinals_survive_the_way_to_mandarin_and_back(value: int) -> None:
    assert parse_chinese(number_to_chinese(value)) == value


@given(st.integers(min_value=0, max_value=10**9 - 1))
def test_cardinals_survive_the_way_to_english_and_back(value: int) -> None:
    assert parse_english(number_to_english(value).split()) == value


@given(st.decimals(min_value=0, max_value=99999, places=2))
def test_decimals_survive_the_way_to_mandarin_and_back(value) -> None:
    assert parse_chinese(number_to_chinese(float(value))) == pytest.approx(float(value))


@given(st.text(max_size=60))
def test_any_text_is_searched_without_error_and_spans_are_in_order(text: str) -> None:
    spans = find_numbers(text)
    assert all(0 <= span.start < span.end <= len(text) for span in spans)
    assert all(a.end <= b.start for a, b in pairwise(spans))


@pytest.mark.parametrize(
    ("yuan", "spoken"),
    [
        (39.9, "三十九块九"),
        (99.99, "九十九块九毛九"),
        (2000, "两千元"),
        (0.5, "五毛"),
        (10.05, "十块零五分"),
        (2, "两元"),
    ],
)
def test_money_is_said_as_in_a_shop(yuan: float, spoken: str) -> None:
    assert money_to_chinese(yuan) == spoken


def test_counting_words_want_liang() -> None:
    assert [quantity_numeral(value) for value in (2, 12, 200, 0.5)] == ["两", "十二", "两百", "半"]
    assert digits_to_chinese("SF8866") == "SF八八六六"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**12])
def test_unspeakable_numbers_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="cannot say"):
        number_to_chinese(value)
    with pytest.raises(ValueError, match="cannot say"):
        number_to_english(value)
