"""Scripts, languages, pinyin and words."""

import pytest

from voxcart.text.pinyin import sound_key, sound_similarity, syllables
from voxcart.text.scripts import detect_language, half_width, simplify
from voxcart.text.segment import segment

pytestmark = pytest.mark.unit


def test_simplifying_keeps_offsets() -> None:
    assert simplify("我想買蘋果ABC，這個") == "我想买苹果ABC，这个"
    assert simplify("") == ""


def test_full_width_letters_and_digits_become_ascii() -> None:
    assert half_width("ｉＰｈｏｎｅ　１５，好") == "iPhone 15，好"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("我想买苹果", "zh"), ("add two of these", "en"), ("我要买 iPhone 15 Pro", "mixed"), ("要XL码的", "zh"),
        ("顺丰SF8866", "zh"), ("", "zh"), ("123", "zh"), ("😀", "zh"), ("ok", "en"),
    ],
)  # fmt: skip
def test_the_language_of_a_sentence(text: str, language: str) -> None:
    assert detect_language(text) == language


def test_sounds_that_recognisers_mix_up_have_one_key() -> None:
    assert sound_key("zhang") == sound_key("zan")
    assert sound_key("nan") == sound_key("lan")
    assert sound_similarity("平果", "苹果") == 1.0
    assert sound_similarity("苹果", "手机") < 0.5
    assert sound_similarity("", "苹果") == 0.0
    assert syllables("买A") == ["mai", "a"]


def test_tokens_stand_where_they_say() -> None:
    text = "给我拿三瓶酱油 and iPhone 15"
    tokens = segment(text)
    assert all(text[token.start : token.end] == token.text for token in tokens)
    assert {"酱油", "iPhone", "15"} <= {token.text for token in tokens}
    assert "".join(token.text for token in segment("好" * 450)) == "好" * 450
