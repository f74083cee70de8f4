"""Cuts a reply into clauses: a short first one, so that speech begins soon, then growing ones, for natural prosody.

Pure functions of the text. No character is lost: the clauses joined give the text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_STRONG = "。！？!?；;\n…"
_WEAK = "，,、：:—"
_CLOSING = "”’」』）)】》\"' "
_CHINESE = re.compile(r"[㐀-䶿一-鿿]")
_LATIN = re.compile(r"[A-Za-z]+")
_DIGIT = re.compile(r"\d")
_SAYABLE = re.compile(r"[㐀-䶿一-鿿A-Za-z0-9]")
_PAUSES_MS = {"strong": 280, "medium": 180, "weak": 120, "none": 20}


@dataclass(frozen=True)
class ClauseLimits:
    """How long clauses may be, in Mandarin syllables (see :func:`weight`).

    Attributes:
        first: Up to which weight the first clause takes in more than one phrase.
        growth: A clause may be this many times as heavy as the one before it was or might have been.
        largest: No clause that has a place to cut is heavier.
    """

    first: float = 8.0
    growth: float = 1.6
    largest: float = 36.0


@dataclass(frozen=True)
class Clause:
    """One stretch of text that is synthesised in one go.

    Attributes:
        text: As written, with its punctuation and spaces.
        start: Offset of its first character in the whole text.
        pause_ms: Silence that belongs after it when another clause follows.
    """

    text: str
    start: int
    pause_ms: int


def weight(text: str) -> float:
    """About how many Mandarin syllables the text takes to say."""
    letters = sum(max(1.0, len(word) / 3) for word in _LATIN.findall(text))
    return len(_CHINESE.findall(text)) + len(_DIGIT.findall(text)) * 1.3 + letters


def split_clauses(text: str, limits: ClauseLimits = ClauseLimits()) -> list[Clause]:
    """Cut ``text`` into clauses. Joined, their texts are ``text``; each has something to say, if ``text`` has."""
    grouped: list[str] = []
    budget = limits.first
    current = ""
    for phrase in _phrases(text, limits.largest):
        if current and _SAYABLE.search(phrase) and _is_full(current, phrase, budget):
            grouped.append(current)
            budget = min(max(weight(current), budget) * limits.growth, limits.largest)
            current = phrase
        else:
            current += phrase
    if current:
        grouped.append(current)
    clauses = []
    start = 0
    for part in grouped:
        clauses.append(Clause(part, start, pause_after_ms(part)))
        start += len(part)
    return clauses


def _is_full(current: str, phrase: str, budget: float) -> bool:
    if not _SAYABLE.search(current):
        return False
    together = weight(current) + weight(phrase)
    ends_sentence = current.rstrip(_CLOSING)[-1:] in _STRONG
    return together > budget or (ends_sentence and together > 0.6 * budget)


def pause_after_ms(text: str) -> int:
    """The pause that the punctuation at the end of a clause asks for."""
    last = text.rstrip(_CLOSING)[-1:]
    if last in ("；", ";", "：", ":"):
        return _PAUSES_MS["medium"]
    if last == "." or (last and last in _STRONG):
        return _PAUSES_MS["strong"]
    if last and last in _WEAK:
        return _PAUSES_MS["weak"]
    return _PAUSES_MS["none"]


def _phrases(text: str, largest: float) -> Iterator[str]:
    """Pieces that end with punctuation; one that is too long without any is cut at spaces or anywhere."""
    start = 0
    position = 0
    while position < len(text):
        if _ends_phrase(text, position):
            position += 1
            while position < len(text) and (text[position] in _CLOSING or _ends_phrase(text, position)):
                position += 1
            yield from _cut_long(text[start:position], largest)
            start = position
        else:
            position += 1
    if start < len(text):
        yield from _cut_long(text[start:], largest)


def _ends_phrase(text: str, position: int) -> bool:
    character = text[position]
    if character in ".,:":
        before = text[position - 1 : position]
        after = text[position + 1 : position + 2]
        if before.isdigit() and after.isdigit():
            return False
        return not after.strip() or bool(_CHINESE.match(after))
    return character in _STRONG or character in _WEAK


def _cut_long(phrase: str, largest: float) -> Iterator[str]:
    while weight(phrase) > largest:
        cut = _cut_position(phrase, largest)
        yield phrase[:cut]
        phrase = phrase[cut:]
    yield phrase


def _cut_position(phrase: str, largest: float) -> int:
    """Where to cut: after a space if there is one in the second half of what fits, never inside a number or word."""
    cut = len(phrase)
    while cut > 1 and weight(phrase[:cut]) > largest:
        cut = cut // 2 if cut > 400 else cut - 1
    while cut < len(phrase) and weight(phrase[: cut + 1]) <= largest:
        cut += 1
    space = phrase.rfind(" ", cut // 2, cut)
    if space > 0:
        return space + 1
    inside = re.compile(r"[A-Za-z0-9]")
    back = cut
    while back > cut // 2 and inside.match(phrase[back - 1]) and inside.match(phrase[back : back + 1] or " "):
        back -= 1
    return back if back > cut // 2 else max(cut, 1)
