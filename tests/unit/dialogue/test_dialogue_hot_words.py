"""What the dialogue expects to hear next: what it showed, the cart, answers to its question; the same on a repeat."""

import pytest
from support.dialogue import Talk

from voxcart_api.common.v1 import common_pb2
from voxcart_services.dialogue.hot_words import MAX_CHARACTERS, MAX_WORDS, expected_words
from voxcart_services.dialogue.state import Pending, SessionState, ShownItem
from voxcart_services.dialogue.store import outcome_from_json, outcome_to_json

pytestmark = pytest.mark.unit


async def test_products_just_shown_come_first_and_by_their_short_names(talk: Talk) -> None:
    await talk.say("有什么蓝牙耳机", "search_product", ("product", "蓝牙耳机"))
    words = talk.last.hot_words
    assert words[:3] == ["声海蓝牙耳机", "云雀蓝牙耳机", "远山蓝牙耳机"]
    assert {"声海", "云雀", "远山"} <= set(words)
    await talk.say("看看华为手机", "search_product", ("brand", "华为"))
    assert {"华为 Nova 12 手机", "Nova 12", "Mate 60", "华为", "手机"} <= set(talk.last.hot_words)
    assert "声海蓝牙耳机" not in talk.last.hot_words


async def test_options_of_the_question_come_first(talk: Talk) -> None:
    reply = await talk.say("来一件连衣裙", "add_to_cart", ("product", "连衣裙"))
    assert reply.awaiting == "size"
    assert talk.last.hot_words[:2] == ["S", "M"]
    assert {"红色", "蓝色", "连衣裙"} <= set(talk.last.hot_words)


async def test_a_question_for_yes_or_no_brings_its_answers(talk: Talk) -> None:
    await talk.say("来三箱牛奶", "add_to_cart", ("product", "牛奶"), ("quantity", "三箱", {"value": 3, "unit": "箱"}))
    reply = await talk.say("下单", "checkout")
    assert reply.awaiting == "confirmation"
    assert talk.last.hot_words[:2] == ["确认", "取消"]
    assert "纯牛奶" in talk.last.hot_words


async def test_the_cart_stays_in_mind_until_it_is_ordered(talk: Talk) -> None:
    await talk.say("来三箱牛奶", "add_to_cart", ("product", "牛奶"), ("quantity", "三箱", {"value": 3, "unit": "箱"}))
    await talk.say("我想买苹果", "search_product", ("product", "苹果"))
    words = talk.last.hot_words
    assert words.index("新鲜红富士苹果") < words.index("纯牛奶")
    await talk.say("不用", "deny")
    await talk.say("下单", "checkout")
    await talk.say("好的", "affirm")
    assert talk.state().cart_words == []
    await talk.say("你好", "greet")
    assert "牛奶" not in talk.last.hot_words


async def test_english_sessions_get_english_words() -> None:
    talk = Talk(locale="en-US")
    await talk.say("I want apples", "search_product", ("product", "apples"), language="en")
    assert "Fuji apples" in talk.last.hot_words
    assert "新鲜红富士苹果" not in talk.last.hot_words


async def test_a_repeated_utterance_expects_the_same_words(talk: Talk) -> None:
    await talk.say("我想买苹果", "search_product", ("product", "苹果"))
    first = talk.last.hot_words
    assert first
    talk.shop.products["apple"].name_zh = "别的苹果"
    await talk.again(talk.understanding("我想买苹果", "search_product", (("product", "苹果"),)))
    assert talk.last.hot_words == first


def test_outcomes_stored_before_there_were_words_are_read() -> None:
    assert outcome_from_json('{"replies": [], "user_events": [], "feedback": []}').hot_words == []
    outcome = outcome_from_json(outcome_to_json(outcome_from_json('{"replies":[],"user_events":[],"feedback":[]}')))
    assert outcome.hot_words == []


def test_words_are_bounded_distinct_and_fit() -> None:
    shown = [
        ShownItem(sku=str(number), name="x", words=[f"商品{number}号", "苹果", "41", "长" * 65, " ", "坏\x00"])
        for number in range(300)
    ]
    pending = Pending(kind="slot", intent="add_to_cart", slot="size", options=["红 色", "红  色", "42"])
    words = expected_words(SessionState(shown=shown, pending=pending, cart_words=["牛奶"]), [])
    assert words[0] == "红 色"
    assert len(words) == len(set(words)) == MAX_WORDS
    assert all(1 <= len(word) <= MAX_CHARACTERS and word.isprintable() for word in words)
    assert not {"41", "42", "坏\x00", ""} & set(words)


def test_an_order_names_its_products() -> None:
    cards = [
        common_pb2.Card(kind="order", name="纯牛奶 250ml×24盒、抽纸等3种商品"),
        common_pb2.Card(kind="order", name="Pure milk, Tissues and 2 more"),
        common_pb2.Card(kind="product", name="抽纸 24包"),
    ]
    assert expected_words(SessionState(), cards) == ["纯牛奶", "抽纸", "Pure milk", "Tissues"]
