"""Phonemes: Mandarin, English without a dictionary entry, both in one clause, all within Kokoro's notation."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from voxcart_services.tts.text.letter_sounds import sounds_of_letters
from voxcart_services.tts.text.phonemes import Phonemizer

pytestmark = pytest.mark.unit

NOTATION = set(
    ';:,.!?—…"()“” ̃ʣʥʦʨᵝꭧAIOQSTWYᵊabcdefhijklmnopqrstuvwxyzɑɐɒæβɔɕçɖðʤəɚɛɜɟɡɥɨɪʝɯɰŋɳɲɴøɸθœɹɾɻʁɽʂʃʈʧʊʋʌɣɤχʎʒʔˈˌːʰʲ↓→↗↘ᵻ'
)


@pytest.fixture(scope="module")
def phonemizer() -> Phonemizer:
    return Phonemizer()


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [
        ("这是新鲜的苹果。", "ꭧɤ↘ʂɨ↘ ɕi→nɕjɛ→n tɤ pʰi↗ŋkwo↓."),
        ("便宜", "pʰjɛ↗ni"),
        ("还有", "xai↗jou↓"),
        ("重新", "ꭧʰʊ↗ŋɕi→n"),
    ],
)
def test_mandarin(phonemizer: Phonemizer, text: str, phonemes: str) -> None:
    assert phonemizer(text) == phonemes


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [
        ("the apple", "ði ˈæpᵊl"),
        ("the order", "ði ˈɔɹdəɹ"),
        ("the milk", "ðə mˈɪlk"),
        ("added", "ˈædᵻd"),
        ("USB", "jˌuˌɛsbˈi"),
        ("XL", "ˈɛks ˈɛl"),
        ("iPhone", "ˈIfˌOn"),
        ("Huawei Mate", "wˈɑwˌA mˈAt"),
    ],
)
def test_english(phonemizer: Phonemizer, text: str, phonemes: str) -> None:
    assert phonemizer(text) == phonemes


def test_british_voices_pronounce_the_british_way(phonemizer: Phonemizer) -> None:
    assert phonemizer("order", british=True) != phonemizer("order")


def test_mandarin_and_english_in_one_clause(phonemizer: Phonemizer) -> None:
    assert phonemizer("我要买iPhone，谢谢") == "wo↓jau↘ mai↓ ˈIfˌOn, ɕje↘ɕje"


def test_a_word_in_no_dictionary_is_read_by_rules(phonemizer: Phonemizer) -> None:
    assert phonemizer("zorptex") == sounds_of_letters("zorptex") == "zˈɔɹptɛks"


@given(st.from_regex(r"[A-Za-z' ]{1,24}", fullmatch=True))
@settings(max_examples=150, deadline=None)
def test_any_english_letters_stay_within_the_notation(phonemizer: Phonemizer, text: str) -> None:
    assert set(phonemizer(text)) <= NOTATION | {"'"}


@given(st.text(alphabet=st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=1, max_size=12))
@example("兙")
@settings(max_examples=100, deadline=None)
def test_any_chinese_characters_are_said_within_the_notation(phonemizer: Phonemizer, text: str) -> None:
    phonemes = phonemizer(text)
    unknown = {symbol for symbol in phonemes if symbol not in NOTATION}
    assert all("一" <= symbol <= "鿿" for symbol in unknown)
