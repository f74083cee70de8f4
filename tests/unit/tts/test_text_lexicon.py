"""The shops' own pronunciations: entries, files, the catalogue, and that one shop's never reach another."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voxcart.errors import InvalidInput
from voxcart_services.tts.text.lexicon import Lexicon, checked_entry
from voxcart_services.tts.text.lexicon_store import LexiconStore, read_lexicon_file
from voxcart_services.tts.text.notation import phonemes_of_ipa, phonemes_of_pinyin, pinyin_syllables
from voxcart_services.tts.text.product_pronunciations import product_pronunciations

pytestmark = pytest.mark.unit


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def found(lexicon: Lexicon, text: str) -> list[str]:
    return [text[match.start : match.end] for match in lexicon.find(text)]


def lexicon_of(*written: str) -> Lexicon:
    return Lexicon(checked_entry(each, "say", "x") for each in written)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("买mate 60 pro吧", ["mate 60 pro"]),
        ("Mate 600", []),
        ("iMate 60", []),
        ("小米和小米粥", ["小米", "小米粥"]),
        ("", []),
    ],
)
def test_the_longest_entry_is_found_and_none_inside_a_latin_word(text: str, expected: list[str]) -> None:
    assert found(lexicon_of("Mate 60", "Mate 60 Pro", "小米", "小米粥"), text) == expected


@given(st.text("aAİßﬁ米 1", max_size=20))
@settings(max_examples=100, deadline=None)
def test_letters_that_grow_when_folded_do_not_shift_what_is_found(text: str) -> None:
    for match in lexicon_of("a", "米").find(text):
        assert text[match.start : match.end].lower() in ("a", "米")


def test_pinyin_is_read_with_marks_and_with_numbers() -> None:
    assert pinyin_syllables("yín háng de") == pinyin_syllables("yin2 hang2 de5") == ["yin2", "hang2", "de5"]
    assert phonemes_of_pinyin("nv3") == phonemes_of_pinyin("nǚ")


def test_ipa_is_read_as_dictionaries_print_it() -> None:
    assert phonemes_of_ipa("/təˈmeɪtoʊ/") == "təˈmAtO"
    assert phonemes_of_ipa("dʒaɪf") == "ʤIf"


@pytest.mark.parametrize(
    ("written", "notation", "spoken", "complaint"),
    [
        ("", "say", "x", "what is written"),
        ("...", "say", "x", "what is written"),
        ("x" * 65, "say", "x", "what is written"),
        ("x", "say", " ", "how 'x' is said"),
        ("x", "sounds", "x", "notation"),
        ("x", "pinyin", "xyz9", "no pinyin syllable"),
        ("x", "ipa", "Ж", "no voice can say"),
    ],
)
def test_a_wrong_entry_is_refused_with_a_sentence(written: str, notation: str, spoken: str, complaint: str) -> None:
    with pytest.raises(InvalidInput, match=complaint):
        checked_entry(written, notation, spoken)


def write(folder: Path, name: str, content: str) -> None:
    (folder / name).write_text(content, encoding="utf-8")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("AHC\tsay\n", "all.tsv line 1: expected written"),
        ("# ok\nAHC\tsay\tA H C\nahc\tsay\tx\n", "all.tsv line 3: 'ahc' was there before"),
        ("AHC\tpinyin\tzzz9\n", "all.tsv line 1: 'zzz9' is no pinyin"),
    ],
)
def test_a_wrong_file_keeps_the_store_from_starting(tmp_path: Path, content: str, complaint: str) -> None:
    write(tmp_path, "all.tsv", content)
    with pytest.raises(InvalidInput, match=complaint):
        LexiconStore(tmp_path)


def test_a_file_that_is_no_text_or_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.tsv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidInput, match="cannot read the lexicon"):
        read_lexicon_file(tmp_path / "x.tsv")
    with pytest.raises(InvalidInput, match="does not exist"):
        LexiconStore(tmp_path / "none")


def test_a_shop_has_its_own_file_its_catalogue_and_that_of_every_shop(tmp_path: Path) -> None:
    write(tmp_path, "all.tsv", "甲\tsay\t一\n乙\tsay\t一\n丙\tsay\t一\n")
    write(tmp_path, "shop.tsv", "甲\tsay\t三\n")
    store = LexiconStore(tmp_path)
    store.set_product("shop", "1", [checked_entry("甲", "say", "二"), checked_entry("乙", "say", "二")])
    said = {entry.written: entry.spoken for entry in store.lexicon("shop~copy").entries}
    assert said == {"甲": "三", "乙": "二", "丙": "一"}
    assert {entry.spoken for entry in store.lexicon("other").entries} == {"一"}
    assert len(LexiconStore().lexicon("shop")) == 0


def test_a_changed_file_is_read_again_and_a_wrong_one_changes_nothing(tmp_path: Path) -> None:
    clock = Clock()
    write(tmp_path, "shop.tsv", "甲\tsay\t一\n")
    store = LexiconStore(tmp_path, look_again_seconds=5, clock=clock)
    before = store.lexicon("shop")
    write(tmp_path, "shop.tsv", "甲\tsay\t二二\n")
    assert store.lexicon("shop") is before
    clock.now = 6
    assert store.lexicon("shop").entries[0].spoken == "二二"
    assert before.entries[0].spoken == "一"
    write(tmp_path, "shop.tsv", "wrong\n")
    clock.now = 12
    assert store.lexicon("shop").entries[0].spoken == "二二"
    (tmp_path / "shop.tsv").unlink()
    clock.now = 18
    assert len(store.lexicon("shop")) == 0


def test_a_delisted_product_takes_its_pronunciations_along() -> None:
    store = LexiconStore()
    store.set_product("shop", "1", [checked_entry("甲", "say", "一")])
    assert len(store.lexicon("shop")) == 1
    store.set_product("shop", "1", [])
    assert len(store.lexicon("shop")) == 0


def test_products_say_how_they_are_said() -> None:
    entries, refusals = product_pronunciations(
        "芈月", {"读音": "mǐ yuè；AHC=A H C; Vox=/vɑks/; Y=/日/", "颜色": "红=黑"}
    )
    assert [(entry.written, entry.notation, entry.spoken) for entry in entries] == [
        ("芈月", "pinyin", "mǐ yuè"),
        ("AHC", "say", "A H C"),
        ("Vox", "ipa", "/vɑks/"),
    ]
    assert len(refusals) == 1
    assert product_pronunciations("x", {"pronunciation": 5}) == ([], [])
