"""Hot words: what is taken and refused, how layers merge, what stays the same object, what the engine gets."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxcart.errors import InvalidInput
from voxcart_services.asr.context import (
    MAX_REQUEST_WORDS,
    ContextLimits,
    ShopWords,
    SpeechContext,
    checked_words,
)
from voxcart_services.asr.recognition import HotWord

pytestmark = pytest.mark.unit

hot_words = st.lists(
    st.builds(HotWord, st.text("苹果手机abAB 1", min_size=1, max_size=6).filter(str.strip), st.floats(0, 10)),
    max_size=12,
)


def words_of(*texts: str) -> tuple[HotWord, ...]:
    return checked_words(texts, 5_000)


def texts_of(words: tuple[HotWord, ...]) -> list[str]:
    return [word.text for word in words]


def test_words_are_normalised_and_come_once() -> None:
    given_words = [" Ｍａｔｅ　６０ ", "苹果", HotWord("mate 60", 3.0), "苹果", HotWord("①号", 0.5)]
    assert checked_words(given_words, 10) == (HotWord("Mate 60", 3.0), HotWord("苹果", 1.0), HotWord("1号", 0.5))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["苹\x00果"], "control"),
        (["苹果\n香蕉"], "control"),
        (["苹\u2028果"], "control"),
        (["\u202e果苹"], "control"),
        (["\ud800"], "control"),
        ([""], "empty"),
        (["   "], "empty"),
        (["，！"], "empty"),
        (["果" * (65)], "at most 64 characters"),
        (["㍿" * 20], "at most 64 characters"),
        ([HotWord("苹果", -1.0)], "boost"),
        ([HotWord("苹果", 10.5)], "boost"),
        ([HotWord("苹果", math.nan)], "boost"),
        (["苹果"] * 11, "at most 10 hot words"),
    ],
)
def test_bad_words_are_refused_with_a_sentence(words: list[HotWord | str], sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        checked_words(words, 10)


@given(hot_words)
def test_checking_twice_changes_nothing(words: list[HotWord]) -> None:
    once = checked_words(words, 100)
    assert checked_words(once, 100) == once
    assert len({word.text.casefold() for word in once}) == len(once)


def test_layers_take_turns_and_the_dialogue_comes_first() -> None:
    shop = ShopWords()
    shop.set_list("demo", words_of("自有品牌"))
    context = SpeechContext(shop, "demo", limits=ContextLimits(engine_words=6))
    context.set_dialogue(words_of("红富士", "香蕉", "东北大米"))
    context.set_request((HotWord("纯牛奶", 1.0), HotWord("电饭煲", 5.0)))
    context.set_session(words_of("红富士", "抽纸"))
    assert texts_of(context.engine_words) == ["红富士", "电饭煲", "自有品牌", "香蕉", "纯牛奶", "抽纸"]
    assert context.correction_words == (
        ("红富士", "香蕉", "东北大米"),
        ("红富士", "抽纸"),
        ("电饭煲", "纯牛奶"),
        ("自有品牌",),
    )


@given(hot_words, hot_words, hot_words, st.integers(0, 8))
def test_engine_words_are_few_distinct_and_from_the_layers(
    dialogue: list[HotWord], request: list[HotWord], session: list[HotWord], limit: int
) -> None:
    context = SpeechContext(ShopWords(), "demo", limits=ContextLimits(engine_words=limit))
    layers = [checked_words(words, 100) for words in (dialogue, request, session)]
    context.set_dialogue(layers[0])
    context.set_request(layers[1])
    context.set_session(layers[2])
    words = context.engine_words
    boosts: dict[str, float] = {}
    for word in (word for layer in layers for word in layer):
        if word.boost > 0 and len(word.text) > 1:
            boosts[word.text.casefold()] = max(word.boost, boosts.get(word.text.casefold(), 0.0))
    assert len(words) == len({word.text.casefold() for word in words}) == min(limit, len(boosts))
    if limit == 8 and len(boosts) <= 8:
        assert {word.text.casefold(): word.boost for word in words} == boosts


def test_unfit_words_stay_out_of_the_engine_but_not_of_correction() -> None:
    context = SpeechContext(ShopWords(), "demo")
    context.set_request((HotWord("红"), HotWord("一" * 30), HotWord("蘋果"), HotWord("不要", 0.0)))
    assert context.engine_words == (HotWord("苹果"),)
    assert context.correction_words == (("红", "一" * 30, "蘋果"),)


def test_english_speech_gets_no_han_words() -> None:
    english = SpeechContext(ShopWords(), "demo", "en")
    chinese = SpeechContext(ShopWords(), "demo", "zh")
    for context in (english, chinese):
        context.set_request(words_of("苹果", "iPhone 15"))
    assert texts_of(english.engine_words) == ["iPhone 15"]
    assert texts_of(chinese.engine_words) == ["苹果", "iPhone 15"]


def test_nothing_is_merged_again_until_something_changes() -> None:
    shop = ShopWords()
    context = SpeechContext(shop, "demo")
    context.set_request(words_of("苹果"))
    context.set_dialogue(words_of("香蕉"))
    engine, correction = context.engine_words, context.correction_words
    context.set_dialogue(words_of("香蕉"))
    shop.set_product("demo", "A", (), 3)
    shop.set_product("other", "A", ("电视",), 3)
    assert context.engine_words is engine
    assert context.correction_words is correction
    context.set_dialogue(words_of("大米"))
    assert texts_of(context.engine_words) == ["大米", "苹果"]
    assert context.correction_words[1] is correction[1]
    context.set_dialogue(())
    assert texts_of(context.engine_words) == ["苹果"]


def test_catalogue_follows_the_live_shop() -> None:
    shop = ShopWords()
    context = SpeechContext(shop, "demo", limits=ContextLimits(catalogue_words=2, catalogue_boost=0.5))
    for sku, name, units_sold in (("A", "新鲜红富士苹果 3斤装", 900), ("B", "海南香蕉", 10), ("C", "抽纸", 100)):
        shop.set_product("demo", sku, (name,), units_sold)
    assert context.engine_words == (HotWord("新鲜红富士苹果", 0.5), HotWord("抽纸", 0.5))
    version = shop.version("demo")
    shop.set_product("demo", "A", ("新鲜红富士苹果 3斤装",), 901)
    assert shop.version("demo") == version
    shop.set_product("demo", "A", ())
    assert texts_of(context.engine_words) == ["抽纸", "海南香蕉"]
    context.set_request(words_of("香蕉"))
    assert texts_of(context.engine_words) == ["香蕉", "抽纸", "海南香蕉"]


def test_shops_bring_their_own_lists(tmp_path: Path) -> None:
    (tmp_path / "demo.txt").write_text("# brands\n蓝莓时光\t2.5\n\nVoxMilk # milk\n", encoding="utf-8")
    (tmp_path / "other.txt").write_text("别家\n", encoding="utf-8")
    shop = ShopWords()
    shop.read_lists(tmp_path)
    assert SpeechContext(shop, "demo").engine_words == (HotWord("蓝莓时光", 2.5), HotWord("VoxMilk", 1.0))
    (tmp_path / "demo.txt").write_text("好的\n苹果\tmany\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"demo\.txt, line 2"):
        shop.read_lists(tmp_path)


def test_prompt_only_when_asked_for() -> None:
    silent, prompted = (
        SpeechContext(ShopWords(), "demo", limits=ContextLimits(prompt_words=number)) for number in (0, 2)
    )
    for context in (silent, prompted):
        context.set_request(words_of("苹果", "香蕉", "大米"))
    assert silent.prompt == ""
    assert prompted.prompt == "苹果、香蕉。"


def test_thousands_of_words_are_taken() -> None:
    words = tuple(HotWord(f"商品{number}", 1.0) for number in range(MAX_REQUEST_WORDS))
    context = SpeechContext(ShopWords(), "demo")
    context.set_request(checked_words(words, MAX_REQUEST_WORDS))
    assert len(context.engine_words) == ContextLimits().engine_words
    assert len(context.correction_words[0]) == MAX_REQUEST_WORDS
