"""The front end: text as it is written -> text as it is said, in words only.

What is particular to a shop (prices, order and phone numbers, sizes, model names, pack sizes, markup) is handled by
rules here; dates, times, fractions, measures and plain numbers by wetext's grammars. The result has no digits, no
markup and no emoji, and keeps the punctuation that carries pauses.
"""

import re
import threading
from functools import lru_cache

from wetext import Normalizer

from voxcart_services.tts.metrics import GRAMMAR_REFUSALS_TOTAL
from voxcart_services.tts.text.frontend_en import digits_en, shop_rules_en
from voxcart_services.tts.text.frontend_zh import digits_zh, finish_zh, shop_rules_zh
from voxcart_services.tts.text.markup import strip_markup

VERSION = 1
"""Raised whenever the same text would be said differently; part of the phrase cache's key."""

_CHINESE = re.compile(r"[㐀-䶿一-鿿]")
_LATIN_WORD = re.compile(r"[A-Za-z]{2,}")
_DIGIT = re.compile(r"[0-9]")
_DIGITS = re.compile(r"[0-9]+")
_SPACES = re.compile(r"[ \t\u00a0\u3000]+")
_lock = threading.Lock()
"""wetext's grammars are not documented as thread-safe, so one call runs at a time (1 ms each)."""


def language_of(text: str) -> str:
    """``zh`` when the text has a Chinese character or no Latin word, else ``en``."""
    if _CHINESE.search(text):
        return "zh"
    return "en" if _LATIN_WORD.search(text) else "zh"


def spoken_form(text: str, language: str = "") -> str:
    """How the text is said.

    Args:
        text: Anything a reply may hold; control characters are treated as spaces.
        language: ``zh`` or ``en``: in which language numbers are read. Empty: taken from the text.

    Returns:
        Words and punctuation. Empty when nothing can be said (only emoji, say).
    """
    plain = strip_markup(text)
    chosen = language if language in ("zh", "en") else language_of(plain)
    if _CHINESE.search(plain) and chosen == "en":
        chosen = "zh"
    said = _english(plain) if chosen == "en" else _mandarin(plain)
    return _SPACES.sub(" ", said).strip()


def _english(plain: str) -> str:
    ready = _SPACES.sub(" ", shop_rules_en(plain)).strip()
    if _DIGIT.search(ready) or "%" in ready:
        ready = _by_grammar(ready, "en")
    return _DIGITS.sub(lambda match: f" {digits_en(match.group())} ", ready)


def _mandarin(plain: str) -> str:
    ready = _SPACES.sub(" ", shop_rules_zh(plain)).strip()
    if _DIGIT.search(ready) or "%" in ready:
        ready = _by_grammar(ready, "zh")
    ready = finish_zh(ready)
    return _DIGITS.sub(lambda match: digits_zh(match.group()), ready)


@lru_cache(maxsize=2)
def _grammar(language: str) -> Normalizer:
    return Normalizer(lang=language, operator="tn", remove_erhua=False)


def _by_grammar(text: str, language: str) -> str:
    """Numbers in words by wetext. What its grammar does not accept is tried word by word, then left as it is."""
    with _lock:
        try:
            return str(_grammar(language).normalize(text))
        except AssertionError:
            GRAMMAR_REFUSALS_TOTAL.inc()
        return " ".join(_word_by_grammar(word, language) for word in text.split(" "))


def _word_by_grammar(word: str, language: str) -> str:
    if not _DIGIT.search(word):
        return word
    try:
        return str(_grammar(language).normalize(word))
    except AssertionError:
        return word
