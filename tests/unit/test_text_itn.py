"""Spoken numbers written by shop rules, with the edits that lead there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxcart.text.itn import normalize_spoken

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("spoken", "written"),
    [
        ("三斤", "3斤"),
        ("两千元以下的华为手机有哪些", "2000元以下的华为手机有哪些"),
        ("三斤三十九块九", "3斤39.9元"),
        ("订单号一二三四五六", "订单号123456"),
        ("第一个来两份", "第一个来2份"),
        ("把苹果的价格改成三十五元", "把苹果的价格改成35元"),
        ("我要买 iPhone 十五 Pro", "我要买 iPhone 15 Pro"),
        ("顺丰单号 SF 八八六六", "顺丰单号 SF 8866"),
        ("打八五折", "打8.5折"),
        ("满三百减四十", "满300减40"),
        ("一百来块", "100来块"),
        ("十一月三号", "11月3号"),
        ("我要買兩箱牛奶", "我要买2箱牛奶"),
        ("三块五一斤", "3.5元1斤"),
        ("under three hundred dollars", "under 300 dollars"),
        ("order number one two three four", "order number 1234"),
    ],
)
def test_numbers_are_written_as_a_shop_does(spoken: str, written: str) -> None:
    assert normalize_spoken(spoken).text == written


@pytest.mark.parametrize(
    "text",
    [
        "第一个",
        "一下",
        "一起",
        "这一款",
        "好的",
        "万一",
        "三星",
        "这两款哪个好",
        "两三个",
        "make it two",
        "the second one",
        "周三",
        "",
    ],
)
def test_words_stay_words(text: str) -> None:
    assert normalize_spoken(text) == normalize_spoken(text)
    assert normalize_spoken(text).text == text
    assert normalize_spoken(text).edits == ()


def test_edits_lead_from_the_original_to_the_result() -> None:
    original = "我要買三斤蘋果，訂單號一二三四"
    normalized = normalize_spoken(original)
    text = original
    for edit in reversed(normalized.edits):
        assert text[edit.start : edit.end] == edit.before
        text = text[: edit.start] + edit.after + text[edit.end :]
    assert text == normalized.text == "我要买3斤苹果，订单号1234"
    assert {edit.reason for edit in normalized.edits} == {"itn", "simplified"}


PARTS = [
    "三斤",
    "两千元以下",
    "三十九块九",
    "订单一二三四五六",
    "第十二个",
    "打八五折",
    "两百五的",
    "一万二左右",
    "三斤半苹果",
    "我要买",
    "的手机",
    "三点五",
    "十一月三号",
    "百分之二十",
    "一百来块",
    "七八百块",
    "三块五一斤",
    "iPhone 十五",
    "two hundred fifty dollars",
    "第一个",
    "一下",
]


@given(st.lists(st.sampled_from(PARTS), max_size=5))
def test_normalising_again_changes_nothing(parts: list[str]) -> None:
    once = normalize_spoken("，".join(parts)).text
    assert normalize_spoken(once).text == once
