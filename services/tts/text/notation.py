"""The voice model's phoneme notation: from pinyin, from IPA.

Kokoro v1.0 was trained on misaki's notation: English with capital letters for diphthongs (A I O W Y), Mandarin in IPA
with an arrow for the tone.
"""

import re
import unicodedata
from functools import lru_cache

from misaki.zh import ZHG2P
from pypinyin.contrib.tone_convert import to_tone3

from voxcart.errors import InvalidInput

NOTATION = frozenset(
    ';:,.!?—…"()“” \u0303ʣʥʦʨᵝꭧAIOQSTWYᵊabcdefhijklmnopqrstuvwxyzɑɐɒæβɔɕçɖðʤəɚɛɜɟɡɥɨɪʝɯɰŋɳɲɴøɸθœɹɾɻʁɽʂʃʈʧʊʋʌɣɤχʎʒʔ'
    "ˈˌːʰʲ↓→↗↘ᵻ"
)
"""Every character that is a token of the model."""
_COMBINING_MARK = chr(815)
_SYLLABLE = re.compile(r"[a-zü]{1,6}[1-5]")
_IPA = (
    ("t͡ʃ", "ʧ"), ("d͡ʒ", "ʤ"), ("tʃ", "ʧ"), ("dʒ", "ʤ"), ("eɪ", "A"), ("aɪ", "I"), ("oʊ", "O"), ("əʊ", "Q"),
    ("aʊ", "W"), ("ɔɪ", "Y"), ("ɝ", "ɜɹ"), ("ɚ", "əɹ"), ("iː", "i"), ("uː", "u"), ("ɑː", "ɑ"), ("ɔː", "ɔ"), ("ɜː", "ɜ"),
    ("əl", "ᵊl"), ("r", "ɹ"), ("g", "ɡ"), ("e", "ɛ"), ("'", "ˈ"), (",", "ˌ"), (".", ""), ("͡", ""),
    ("l̩", "ᵊl"), ("n̩", "ᵊn"),
)  # fmt: skip
"""IPA as dictionaries print it -> the notation, longer ones first."""


@lru_cache(maxsize=4096)
def syllable_phonemes(pinyin: str) -> str:
    """Phonemes of a numbered syllable; a character that has no reading (兙) has none."""
    if not pinyin[:1].isascii():
        return ""
    try:
        phonemes = ZHG2P.py2ipa(pinyin).replace(_COMBINING_MARK, "")
    except (AssertionError, KeyError, ValueError):
        return ""
    return "".join(symbol for symbol in phonemes if symbol in NOTATION)


def pinyin_syllables(written: str) -> list[str]:
    """Numbered syllables from pinyin with tone numbers or marks: "yín háng", "yin2 hang2".

    Raises:
        InvalidInput: Something in it is no syllable; the sentence names it.
    """
    syllables = []
    for piece in unicodedata.normalize("NFC", written.lower()).replace("u:", "ü").replace("v", "ü").split():
        numbered = piece if piece[-1].isdigit() else to_tone3(piece, neutral_tone_with_five=True)
        if not _SYLLABLE.fullmatch(numbered) or not syllable_phonemes(numbered):
            raise InvalidInput(
                f"{piece!r} is no pinyin syllable (write tones as marks or numbers: yín háng, yin2 hang2)"
            )
        syllables.append(numbered)
    if not syllables:
        raise InvalidInput("the pinyin is empty")
    return syllables


def phonemes_of_pinyin(written: str) -> str:
    """Phonemes of syllables parted by spaces.

    Raises:
        InvalidInput: Something in it is no syllable.
    """
    return "".join(map(syllable_phonemes, pinyin_syllables(written)))


def phonemes_of_ipa(written: str) -> str:
    """The notation for IPA as English dictionaries print it; the notation itself is accepted too.

    Raises:
        InvalidInput: A character stands for no sound that the voices know, or there is none.
    """
    phonemes = unicodedata.normalize("NFC", written.strip().strip("/[]"))
    for ipa, ours in _IPA:
        phonemes = phonemes.replace(ipa, ours)
    unknown = next((symbol for symbol in phonemes if symbol not in NOTATION or symbol in ';:!?—…"()“”'), None)
    if unknown is not None:
        raise InvalidInput(f"the IPA {written!r} has {unknown!r} (U+{ord(unknown):04X}), which no voice can say")
    if not phonemes.strip():
        raise InvalidInput("the IPA is empty")
    return phonemes
