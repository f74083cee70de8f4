"""What the last words say about the end of a turn, Mandarin and English."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxcart_services.asr.turns.completeness import Awaiting, TextOpinion, awaiting_from, text_opinion

pytestmark = pytest.mark.unit


def opinion(text: str, awaiting: str = "none") -> str:
    return text_opinion(text, awaiting).value


def test_slot_names_map_to_what_matters() -> None:
    assert awaiting_from("recipient_phone") is Awaiting.NUMBER
    assert awaiting_from("color") is Awaiting.VALUE
    assert awaiting_from("confirmation") is Awaiting.CONFIRMATION
    assert awaiting_from("") is awaiting_from("none") is Awaiting.NOTHING


@pytest.mark.parametrize(
    "text",
    ["我想买", "我要", "给我来", "把第二个", "改成", "苹果和", "因为", "如果明天有货的话", "请帮我查一下", "三千到",
     "我的电话是", "有没有", "I'm looking for", "add two boxes of", "the red one and", "can you",
     "我想买那个……", "我想买，", "我想找一下呢", "帮我查一下啊", "我要把这个", "先把第二个"],
)  # fmt: skip
def test_something_must_follow(text: str) -> None:
    assert opinion(text) == "open"


@pytest.mark.parametrize("text", ["我要一箱", "买两盒", "有没有红色左右", "先加到购物车", "昨天"])
def test_something_may_follow(text: str) -> None:
    assert opinion(text) == "doubtful"


@pytest.mark.parametrize(
    "text",
    ["还有库存吗", "多少钱", "下午能到吗", "我想买苹果", "帮我找一件衬衫", "第二个来三份", "要第一个",
     "把价格改成三十五元", "where is my cart", "I want to return this", "show me the red shoes", "再便宜点的",
     "这个怎么卖的", "不喜欢，谢谢", "把第二个打到购物车里", "还剩多少"],
)  # fmt: skip
def test_a_sentence_may_well_end_here(text: str) -> None:
    assert opinion(text) == "likely"


@pytest.mark.parametrize("text", ["好的", "嗯好", "好的谢谢", "不用了谢谢", "Yes, please.", "no thanks", "OK"])
def test_answers_of_a_word_or_two_are_complete(text: str) -> None:
    assert opinion(text) == opinion(text, "confirmation") == "complete"


@pytest.mark.parametrize("text", ["要是", "是不是", "要不", "好像", "对于"])
def test_words_that_only_begin_like_an_answer_are_none(text: str) -> None:
    assert opinion(text) != "complete"


@pytest.mark.parametrize("text", ["今天有多少", "你们有什么", "鞋子有哪些"])
def test_a_question_word_after_have_may_want_its_noun(text: str) -> None:
    assert opinion(text) == "unknown"


def test_a_syllable_of_ba_inside_an_address_promises_no_verb() -> None:
    assert opinion("北京市把店区中关村大街27号", "address") != "open"


def test_a_hesitation_is_no_answer() -> None:
    assert opinion("嗯") == opinion("呃，那个") == opinion("um") == "open"
    assert opinion("嗯", "confirmation") == "unknown"
    assert opinion("嗯", "product") == "open"


def test_an_answer_to_the_question_for_a_value_is_whole_unless_its_number_may_grow() -> None:
    assert opinion("纯牛奶", "product") == opinion("黑色", "color") == "complete"
    assert opinion("橄榄油", "product") == opinion("四十二码", "size") == opinion("三箱", "quantity") == "likely"
    assert opinion("一百", "quantity") == opinion("twenty", "quantity") == opinion("20th.", "quantity") == "unknown"
    assert opinion("我要找的是", "product") == "open"
    assert opinion("要", "quantity") == "open"


@pytest.mark.parametrize(
    ("text", "awaiting", "expected"),
    [
        ("一三八", "phone_number", "open"),
        ("138 1234", "recipient_phone", "open"),
        ("138 1234 5678", "phone_number", "complete"),
        ("one three eight", "phone_number", "open"),
        ("八八六", "order_id", "open"),
        ("886652", "order_id", "complete"),
        ("SF8866", "tracking_no", "open"),
        ("SF88667752", "tracking_no", "unknown"),
        ("订单号是123", "none", "open"),
        ("查一下订单123456", "none", "complete"),
        ("我的手机号是1381234", "none", "open"),
        ("取消昨天的订单吧", "order_id", "likely"),
        ("算了", "phone_number", "complete"),
    ],
)
def test_numbers_are_open_until_they_have_their_length(text: str, awaiting: str, expected: str) -> None:
    assert opinion(text, awaiting) == expected


def test_an_address_is_open_at_a_district_and_whole_at_a_room() -> None:
    assert opinion("北京市海淀区", "address") == "open"
    assert opinion("幸福小区七号楼二单元402室", "address") == "likely"
    assert opinion("送到公司", "address") == "likely"
    assert opinion("文三路", "address") == "doubtful"


@given(text=st.text(max_size=40), awaiting=st.text(max_size=12))
def test_any_text_gets_an_opinion(text: str, awaiting: str) -> None:
    assert text_opinion(text, awaiting) in TextOpinion


def test_long_text_costs_little() -> None:
    assert opinion("把" * 400 + "如果" * 400 + "a" * 400) in {"open", "unknown", "likely", "doubtful"}
