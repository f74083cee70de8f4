"""What a text says: every number, code, unit and sign in words, every word still tied to where it was written.

The rules of :mod:`voxcart_services.tts.text.rules` claim stretches of the text, the most particular first; sums and
measures that none knows go to wetext's grammars. A stretch without Chinese characters that reads as an English sentence
is said by the English rules, all else in a Mandarin reply by the Mandarin ones: 我要买 iPhone 15 Pro says 十五.
"""

import re
from collections.abc import Sequence

from voxcart.text.wordlist import words
from voxcart_services.tts.text.markup import readable, without_stand_ins
from voxcart_services.tts.text.numbers_en import digits_en
from voxcart_services.tts.text.numbers_zh import digits_zh
from voxcart_services.tts.text.rules.en_amounts import AMOUNTS_EN, MONEY_EN, MULTIPLICATION_EN, PLAIN_NUMBERS_EN
from voxcart_services.tts.text.rules.en_calendar import CALENDAR_EN
from voxcart_services.tts.text.rules.en_codes import (
    CODES_AFTER_AMOUNTS_EN,
    CODES_BEFORE_AMOUNTS_EN,
    NAMES_EN,
    SYMBOLS_EN,
)
from voxcart_services.tts.text.rules.engine import Rule, rewrites
from voxcart_services.tts.text.rules.zh_amounts import COUNTS_ZH, MEASURES_ZH, MONEY_ZH, PLAIN_NUMBERS_ZH
from voxcart_services.tts.text.rules.zh_calendar import CALENDAR_ZH
from voxcart_services.tts.text.rules.zh_codes import (
    CODES_AFTER_AMOUNTS_ZH,
    CODES_BEFORE_AMOUNTS_ZH,
    MULTIPLICATION_ZH,
    NAMES_ZH,
    SYMBOLS_ZH,
)
from voxcart_services.tts.text.traced import Rewrite, TracedText, joined

VERSION = 3
"""Raised whenever the same text would be said differently; part of the phrase cache's key."""

_RULES: dict[str, tuple[Rule, ...]] = {
    "zh": (
        *CODES_BEFORE_AMOUNTS_ZH, *CALENDAR_ZH, *MONEY_ZH, *MULTIPLICATION_ZH, *NAMES_ZH, *MEASURES_ZH,
        *CODES_AFTER_AMOUNTS_ZH, *COUNTS_ZH, *SYMBOLS_ZH, *PLAIN_NUMBERS_ZH,
    ),
    "en": (
        *CODES_BEFORE_AMOUNTS_EN, *CALENDAR_EN, *MONEY_EN, *MULTIPLICATION_EN, *NAMES_EN, *AMOUNTS_EN,
        *CODES_AFTER_AMOUNTS_EN, *SYMBOLS_EN, *PLAIN_NUMBERS_EN,
    ),
}  # fmt: skip
_CHINESE = re.compile(r"[㐀-䶿一-鿿]")
_LATIN_WORD = re.compile(r"[A-Za-z]{2,}")
_NEEDS_RULES = re.compile(r"[^㐀-䶿一-鿿A-Za-z\s，。！？、；：,.!?;:'\"“”‘’（）()《》「」…—]|[IVX]{2}|[A-Za-z]\.")
_DIGITS = re.compile(r"\d+")
_SPACES = re.compile(r"\s+")
_NOT_CHINESE = re.compile(r"[^㐀-䶿一-鿿，。！？；、：“”（）《》「」]+")
_CHINESE_STRETCH = re.compile(
    r"(?:[¥￥]?\d[\d.,]*)?[㐀-䶿一-鿿]+(?:[\d.,%/×~-]*[㐀-䶿一-鿿，。！？；、：]+)*(?:\d[\d.,]*(?:[㐀-䶿一-鿿]+|[a-zA-Z]{1,3}(?![A-Za-z]))?)?"
)
_ENGLISH_WORDS = frozenset(
    words(
        "a an the is are was were be been of for to and or in on off at with from by it its this that these those you "
        "your we our us my me i they their he she his her if as not no yes can will would could please have has had do "
        "does did only just now per each more most less than any all some when where what how free up out down get buy "
        "order costs"
    )
)


def language_of(text: str) -> str:
    """``zh`` when the text has a Chinese character or no Latin word, else ``en``."""
    if _CHINESE.search(text):
        return "zh"
    return "en" if _LATIN_WORD.search(text) else "zh"


def normalized(text: TracedText, language: str, fixed: Sequence[Rewrite] = ()) -> TracedText:
    """A clean text (see :mod:`voxcart_services.tts.text.markup`) in words and punctuation; no digit is left.

    Args:
        text: The text.
        language: ``zh`` or ``en``: how numbers are read where the words around them do not tell.
        fixed: What stretches of it say for sure (marks, lexicon), in order; no rule touches them.
    """
    parts = [_said(text, start, end, chosen, fixed) for start, end, chosen in _stretches(text.text, language)]
    return joined(parts).sub(_SPACES, " ")


def spoken_form(text: str, language: str = "") -> str:
    """How a text is said: words and punctuation. Empty when nothing can be said (only emoji, say).

    Args:
        text: Anything a reply may hold.
        language: ``zh`` or ``en``: in which language numbers are read. Empty: taken from the text.
    """
    plain = readable(without_stand_ins(text))
    chosen = language if language in ("zh", "en") else language_of(plain.text)
    return normalized(plain, chosen).text.strip()


def _said(text: TracedText, start: int, end: int, language: str, fixed: Sequence[Rewrite]) -> TracedText:
    """One stretch in words. Rules see the stretch alone, so a range never reaches over its ends."""
    stretch = text.part(start, end)
    known = [Rewrite(each.start - start, each.end - start, each.text) for each in fixed if start <= each.start < end]
    if not known and not _NEEDS_RULES.search(stretch.text):
        return stretch
    said = stretch.rewritten(rewrites(stretch.text, _RULES[language], known))
    digits = digits_zh if language == "zh" else digits_en
    return said.sub(_DIGITS, lambda match: digits(match.group()))


def _stretches(text: str, language: str) -> list[tuple[int, int, str]]:
    """The text cut where its language changes: (start, end, language), without gaps."""
    if not _CHINESE.search(text):
        return [(0, len(text), language)]
    if language == "en" and _is_english(_CHINESE.sub(" ", text)):
        foreign = [(match.start(), match.end(), "zh") for match in _CHINESE_STRETCH.finditer(text)]
        return _filled(foreign, len(text), "en")
    foreign = [
        (match.start(), match.end(), "en") for match in _NOT_CHINESE.finditer(text) if _is_english(match.group())
    ]
    return _filled(foreign, len(text), "zh")


def _is_english(text: str) -> bool:
    """Whether a stretch reads as English sentences, not as a name: it has at least two of the commonest words."""
    return sum(word.lower() in _ENGLISH_WORDS for word in re.findall(r"[A-Za-z]+", text)) >= 2


def _filled(stretches: list[tuple[int, int, str]], length: int, language: str) -> list[tuple[int, int, str]]:
    filled = []
    done = 0
    for start, end, own in stretches:
        if done < start:
            filled.append((done, start, language))
        filled.append((start, end, own))
        done = end
    if done < length:
        filled.append((done, length, language))
    return filled
