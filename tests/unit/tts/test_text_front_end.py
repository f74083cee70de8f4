"""The front end as a whole: words tied to what is written, marks, lexicons, keys, and what holds for any text."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from voxcart_services.tts.text.clauses import Clause
from voxcart_services.tts.text.front_end import FrontEnd
from voxcart_services.tts.text.lexicon import Lexicon, checked_entry
from voxcart_services.tts.text.notation import NOTATION, phonemes_of_pinyin
from voxcart_services.tts.text.reading import Mark, Pronunciation

pytestmark = pytest.mark.unit

SHOP_TEXT = st.text(
    st.sampled_from("苹果一不重行3斤39.5元/％%￥$-~×:：，。！abcIVX@+#*()（）「」… \n年月日点分号折GkgLml2"),
    max_size=60,
)


FRONT_END = FrontEnd()


@pytest.fixture(scope="module")
def front_end() -> FrontEnd:
    return FRONT_END


def words_of(pronunciation: Pronunciation) -> list[str]:
    return [word.text for word in pronunciation.words]


def said(front_end: FrontEnd, text: str, language: str = "zh", **more: object) -> Pronunciation:
    return front_end.pronounce(Clause(text, 0, 0), language=language, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("苹果39元", ["苹果", "39元"]),
        ("牛奶250ml×24盒，只要¥65.00！", ["牛奶", "250ml", "×", "24", "盒", "只要", "¥65.00"]),
        ("**限时**：iPhone 15 Pro 😀", ["限时", "iPhone", "15", "Pro"]),
        ("电话13812345678", ["电话", "13812345678"]),
        ("好评率99.5%", ["好评率", "99.5%"]),
    ],
)
def test_a_written_word_is_one_word_however_many_syllables_it_takes(
    front_end: FrontEnd, text: str, words: list[str]
) -> None:
    assert words_of(said(front_end, text)) == words


def test_english_words_keep_their_places(front_end: FrontEnd) -> None:
    pronunciation = said(front_end, "Only $5.99 today!", "en")
    assert words_of(pronunciation) == ["Only", "$5.99", "today"]
    assert pronunciation.spoken == "Only five dollars and ninety nine cents today!"


def _holds_together(text: str, pronunciation: Pronunciation) -> None:
    assert set(pronunciation.phonemes) <= NOTATION
    assert not re.search(r"\d", pronunciation.spoken)
    text_end = phoneme_end = 0
    for word in pronunciation.words:
        assert text_end <= word.text_start < word.text_end <= len(text)
        assert phoneme_end <= word.phoneme_start < word.phoneme_end <= len(pronunciation.phonemes)
        assert word.text == text[word.text_start : word.text_end]
        text_end, phoneme_end = word.text_end, word.phoneme_end


@given(st.text(max_size=80), st.sampled_from(["zh", "en"]), st.booleans())
@example("1/0 0/0 00:00 2026-99-99 ½⅓ ٣ ४ ㈠ Ⅷ", "zh", False)
@example("\ue000\uf8ff苹果\ue001", "zh", False)
@settings(max_examples=200, deadline=None)
def test_any_text_is_said_without_digits_and_its_words_are_in_order(text: str, language: str, british: bool) -> None:
    _holds_together(text, FRONT_END.pronounce(Clause(text, 0, 0), language=language, british=british))


@given(SHOP_TEXT, st.sampled_from(["zh", "en"]))
@settings(max_examples=300, deadline=None)
def test_any_shop_text_is_said_without_digits_and_its_words_are_in_order(text: str, language: str) -> None:
    _holds_together(text, FRONT_END.pronounce(Clause(text, 0, 0), language=language))


@given(st.text(st.sampled_from("苹果好的，。!3 9元a订单"), max_size=40))
@settings(max_examples=150, deadline=None)
def test_every_letter_digit_and_character_belongs_to_a_word(text: str) -> None:
    pronunciation = FRONT_END.pronounce(Clause(text, 0, 0), language="zh")
    covered = {place for word in pronunciation.words for place in range(word.text_start, word.text_end)}
    assert {place for place, character in enumerate(text) if character.isalnum()} <= covered


@given(SHOP_TEXT, st.integers(0, 60))
@settings(max_examples=50, deadline=None)
def test_a_clause_is_said_the_same_wherever_it_stands(text: str, start: int) -> None:
    here = FRONT_END.pronounce(Clause(text, 0, 0), language="zh")
    assert FRONT_END.pronounce(Clause(text, start, 200), language="zh") == here


def test_control_characters_say_nothing(front_end: FrontEnd) -> None:
    assert said(front_end, "苹\x00果\x1b\u200b好\u202e").spoken == "苹果好"


def test_scripts_that_no_voice_says_are_skipped_and_told(front_end: FrontEnd) -> None:
    pronunciation = said(front_end, "Привет苹果안녕")
    assert words_of(pronunciation) == ["苹果"]
    assert "".join(pronunciation.skipped) == "Привет안녕"
    assert not front_end.has_speech("Привет 안녕 ... 😀 \x00")
    assert front_end.has_speech("5%")
    assert said(front_end, "café L'Oréal", "en").phonemes == said(front_end, "cafe L'Oreal", "en").phonemes


def test_nothing_gives_nothing(front_end: FrontEnd) -> None:
    for text in ("", "   ", "……", "😀", "（）"):
        assert said(front_end, text) == Pronunciation("", (), said(front_end, text).spoken)


@pytest.mark.parametrize(
    ("mark", "spoken"),
    [
        (Mark(2, 6, "say-as", "digits"), "订单一二三四"),
        (Mark(2, 6, "say-as", "telephone"), "订单幺二三四"),
        (Mark(2, 6, "say-as", "cardinal"), "订单一千二百三十四"),
        (Mark(2, 6, "say-as", "ordinal"), "订单第一千二百三十四"),
        (Mark(2, 6, "say-as", "characters"), "订单一 二 三 四"),
        (Mark(2, 6, "sub", "甲乙"), "订单甲乙"),
    ],
)
def test_marks_say_how_a_stretch_is_read(front_end: FrontEnd, mark: Mark, spoken: str) -> None:
    pronunciation = front_end.pronounce(Clause("订单1234", 0, 0, marks=(mark,)), language="zh")
    assert pronunciation.spoken == spoken
    assert words_of(pronunciation) == ["订单", "1234"]


@pytest.mark.parametrize(
    ("text", "order", "spoken"),
    [
        ("3/4/2026", "mdy", "二零二六年三月四日"),
        ("3/4/2026", "dmy", "二零二六年四月三日"),
        ("11-12", "md", "十一月十二日"),
    ],
)
def test_a_date_is_read_in_the_order_that_is_given(front_end: FrontEnd, text: str, order: str, spoken: str) -> None:
    clause = Clause(text, 0, 0, marks=(Mark(0, len(text), "say-as", "date", order),))
    assert front_end.pronounce(clause, language="zh").spoken == spoken


def test_given_phonemes_are_said_as_given(front_end: FrontEnd) -> None:
    clause = Clause(
        "去银行tomato",
        0,
        0,
        marks=(Mark(1, 3, "phoneme", "yín xíng", "pinyin"), Mark(3, 9, "phoneme", "təˈmɑːtəʊ", "ipa")),
    )
    pronunciation = front_end.pronounce(clause, language="zh")
    first, second, third = pronunciation.words
    assert pronunciation.phonemes[second.phoneme_start : second.phoneme_end] == phonemes_of_pinyin("yin2 xing2")
    assert pronunciation.phonemes[third.phoneme_start : third.phoneme_end] == "təˈmɑtQ"
    assert (first.text, second.text, third.text) == ("去", "银行", "tomato")


def test_a_lexicon_goes_before_rules_and_dictionaries_but_never_inside_a_word(front_end: FrontEnd) -> None:
    lexicon = Lexicon(
        [
            checked_entry("AHC", "say", "A H C"),
            checked_entry("芈月", "pinyin", "mǐ yuè"),
            checked_entry("Mate 60", "say", "梅特六零"),
        ]
    )
    pronunciation = said(front_end, "ahc和芈月送Mate 60，AHCX没有", lexicon=lexicon)
    assert pronunciation.spoken == "A H C和芈月送梅特六零，AHCX没有"
    assert words_of(pronunciation)[:4] == ["ahc", "和", "芈月", "送"]


def test_the_key_changes_with_all_that_the_sound_depends_on_and_nothing_else(front_end: FrontEnd) -> None:
    def key(text: str = "买芈月", language: str = "zh", british: bool = False, **more: object) -> str:
        return front_end.key(Clause(text, 7, 99), language=language, british=british, **more)  # type: ignore[arg-type]

    ours = Lexicon([checked_entry("芈月", "say", "米月")])
    theirs = Lexicon([checked_entry("芈月", "say", "咩月")])
    elsewhere = Lexicon([checked_entry("苹果", "say", "平果")])
    assert (
        len({key(), key("买苹果"), key(language="en"), key(british=True), key(lexicon=ours), key(lexicon=theirs)}) == 6
    )
    assert key() == key(lexicon=elsewhere)
    marked = Clause("买芈月", 7, 99, marks=(Mark(1, 3, "sub", "x"),))
    assert front_end.key(marked, language="zh", british=False) != key()


def test_an_english_sentence_in_a_mandarin_clause_is_read_in_english(front_end: FrontEnd) -> None:
    assert (
        said(front_end, "他说 it is 20% off at 8:00，很便宜").spoken
        == "他说 it is twenty percent off at eight o'clock，很便宜"
    )
    assert said(front_end, "The 红富士苹果 3斤 costs $5 and it is on the way", "en").spoken.startswith(
        "The 红富士苹果 三斤 costs five dollars"
    )


@pytest.mark.parametrize("character", [*"1a*_-.,:/%[(<x+", "1a", "a1", "1.", "1/", "1-", "a.", "IV"])
def test_long_runs_of_anything_are_said(front_end: FrontEnd, character: str) -> None:
    """A pattern that backtracks would not come to an end here."""
    for text in (character * 150, f"x{character * 150}!"):
        for language in ("zh", "en"):
            _holds_together(text, said(front_end, text, language))
