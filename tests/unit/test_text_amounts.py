"""Typed amounts: one value for each way to say it."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxcart.text.amounts import find_amounts

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "kind", "span", "value", "unit"),
    [
        ("三十九块九", "money", "三十九块九", 39.9, "CNY"),
        ("九十九块九毛九", "money", "九十九块九毛九", 99.99, "CNY"),
        ("两千元以下", "money", "两千元", 2000, "CNY"),
        ("五毛钱", "money", "五毛钱", 0.5, "CNY"),
        ("¥99", "money", "¥99", 99, "CNY"),
        ("三块半", "money", "三块半", 3.5, "CNY"),
        ("under fifty dollars", "money", "fifty dollars", 50, "USD"),
        ("两块香皂", "quantity", "两块", 2, "块"),
        ("三斤半", "quantity", "三斤半", 3.5, "斤"),
        ("半斤茶叶", "quantity", "半斤", 0.5, "斤"),
        ("一打可乐", "quantity", "一打", 1, "打"),
        ("来俩", "quantity", "俩", 2, "个"),
        ("half a dozen eggs", "quantity", "half a dozen", 6, ""),
        ("two boxes", "quantity", "two boxes", 2, "boxes"),
        ("打八五折", "discount", "八五折", 85, "折"),
        ("打八折", "discount", "八折", 80, "折"),
        ("3.5折", "discount", "3.5折", 35, "折"),
        ("百分之二十", "percent", "百分之二十", 20, ""),
        ("twenty percent off", "percent", "twenty percent", 20, ""),
        ("第二个", "ordinal", "第二个", 2, ""),
        ("倒数第二个", "ordinal", "倒数第二个", -2, ""),
        ("最后一个", "ordinal", "最后一个", -1, ""),
        ("the last one", "ordinal", "last one", -1, ""),
        ("option 3", "ordinal", "option 3", 3, ""),
        ("四十二码", "measure", "四十二码", 42, "码"),
        ("256G", "measure", "256G", 256, "G"),
        ("订单号一二三四五六", "digits", "一二三四五六", 123456, ""),
        ("周三", "time", "周三", 3, "weekday"),
    ],
)
def test_an_amount_has_kind_span_value_and_unit(text: str, kind: str, span: str, value: float, unit: str) -> None:
    amount = find_amounts(text)[0]
    assert (amount.kind, text[amount.start : amount.end], amount.value, amount.unit) == (kind, span, value, unit)


def test_neighbouring_amounts_are_told_apart() -> None:
    amounts = find_amounts("三斤三十九块九")
    assert [(amount.kind, amount.value) for amount in amounts] == [("quantity", 3), ("money", 39.9)]
    amounts = find_amounts("三块五一斤")
    assert [(amount.kind, amount.value) for amount in amounts] == [("money", 3.5), ("quantity", 1)]


@given(st.text(alphabet="一二两三四五六七八九十百千万零点块元毛个斤第最后半打折分之%到 abc012.,", max_size=40))
def test_amounts_never_overlap_and_never_fail(text: str) -> None:
    amounts = find_amounts(text)
    assert all(0 <= amount.start < amount.end <= len(text) for amount in amounts)
    assert all(a.end <= b.start for a, b in pairwise(amounts))
