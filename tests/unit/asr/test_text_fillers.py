"""Fillers and restarts are left out; what may be meant stays. Signs are put where the engine gives none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxcart_services.asr.results import TextEdit
from voxcart_services.asr.text.fillers import find_fillers, find_restarts
from voxcart_services.asr.text.punctuation import punctuation_edits

pytestmark = pytest.mark.unit


def applied(text: str, edits: list[TextEdit]) -> str:
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end), reverse=True):
        assert text[edit.start : edit.end] == edit.before
        text = text[: edit.start] + edit.after + text[edit.end :]
    return text


def cleaned(text: str) -> str:
    text = applied(text, find_fillers(text))
    return applied(text, find_restarts(text))


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("嗯我想买苹果", "我想买苹果"),
        ("呃，我想买苹果", "我想买苹果"),
        ("我想买呃苹果", "我想买苹果"),
        ("啊，我要退货", "我要退货"),
        ("那个我想买苹果", "我想买苹果"),
        ("那个，请问运费多少", "请问运费多少"),
        ("我想买那个……苹果", "我想买苹果"),
        ("我要那个，那个红色的", "我要那个红色的"),
        ("um I want to buy uh apples", "I want to buy apples"),
        ("you know, I want to buy apples", "I want to buy apples"),
        ("I want, you know, apples", "I want, apples"),
        ("我要买我要买苹果", "我要买苹果"),
        ("我要买，我要买苹果", "我要买苹果"),
        ("我想我想买苹果", "我想买苹果"),
        ("我我我想买苹果", "我想买苹果"),
        ("帮我帮我找耳机", "帮我找耳机"),
        ("I want I want to buy apples", "I want to buy apples"),
        ("I I want the the red one", "I want the red one"),
    ],
)
def test_hesitation_is_left_out(said: str, left: str) -> None:
    assert cleaned(said) == left


@pytest.mark.parametrize(
    "said",
    [
        "嗯",
        "嗯嗯",
        "那个多少钱",
        "那个苹果多少钱",
        "我要那个",
        "我想买那个苹果",
        "这个和那个哪个好",
        "就是这个",
        "好的好的",
        "谢谢谢谢",
        "不是不是",
        "看看看看",
        "三斤不对五斤",
        "一二三一二三",
        "两箱两箱地送",
        "推荐推荐",
        "宝宝宝宝椅",
        "天天天天见",
        "余额是多少",
        "额度够吗",
        "uh huh",
        "mm hmm",
        "do you know the price",
        "no no that one",
        "what I mean is this",
        "啊",
        "",
    ],
)
def test_what_may_be_meant_stays(said: str) -> None:
    assert cleaned(said) == said


@given(st.text(alphabet="嗯呃啊那个我想要买苹果三斤不对，。 um", max_size=16))
def test_something_is_left_of_what_was_said(text: str) -> None:
    left = cleaned(text)
    assert any(map(str.isalnum, left)) == any(map(str.isalnum, text))


@pytest.mark.parametrize(
    ("text", "signed"),
    [
        ("我想买苹果", "我想买苹果。"),
        ("苹果多少钱", "苹果多少钱？"),
        ("这个有红色的吗", "这个有红色的吗？"),
        ("有没有便宜一点的", "有没有便宜一点的？"),
        ("什么时候发货", "什么时候发货？"),
        ("我的快递到哪了", "我的快递到哪了？"),
        ("你好我想买苹果", "你好，我想买苹果。"),
        ("好的帮我下单", "好的，帮我下单。"),
        ("衣服收到了我想退货", "衣服收到了，我想退货。"),
        ("我想买苹果,多少钱?", "我想买苹果，多少钱？"),
        ("一共1,000元", "一共1,000元。"),
        ("谢谢", "谢谢。"),
        ("where is my order", "where is my order?"),
        ("I want to buy apples", "I want to buy apples."),
        ("好的。", "好的。"),
        ("太贵了！", "太贵了！"),
        ("", ""),
        ("。", "。"),
    ],
)
def test_signs(text: str, signed: str) -> None:
    assert applied(text, punctuation_edits(text)) == signed
    assert applied(signed, punctuation_edits(signed)) == signed
