"""Cuts a reply into clauses: a short first one, so that speech begins soon, then growing ones, for natural prosody.

Pure functions of the text. No character is lost: the clauses joined give the text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from voxcart_services.tts.text.reading import Mark

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
        second: The same for the second clause.
        growth: A later clause may be this many times as heavy as the one before it was or might have been.
        largest: No clause that has a place to cut is heavier.
    """

    first: float = 4.0
    second: float = 12.0
    growth: float = 1.6
    largest: float = 36.0


@dataclass(frozen=True)
class Clause:
    """One stretch of text that is synthesised in one go.

    Attributes:
        text: As written, with its punctuation and spaces, without tags. Without text the clause is silence: its
            ``pause_ms`` are to be kept even if no clause follows.
        start: Offset of its first character in the whole text (without tags).
        pause_ms: Silence that belongs after it when another clause follows.
        speaking_rate: How many times as fast as the rest it is spoken (``<prosody rate>``).
        marks: What the author says of stretches of ``text``, in their order.
    """

    text: str
    start: int
    pause_ms: int
    speaking_rate: float = 1.0
    marks: tuple[Mark, ...] = ()


def weight(text: str) -> float:
    """About how many Mandarin syllables the text takes to say."""
    letters = sum(max(1.0, len(word) / 3) for word in _LATIN.findall(text))
    return len(_CHINESE.findall(text)) + len(_DIGIT.findall(text)) * 1.3 + letters


class ClauseSplitter:
    """Cuts text that arrives in pieces. However it is cut into pieces, the clauses are the same."""

    def __init__(self, limits: ClauseLimits | None = None) -> None:
        self._limits = limits or ClauseLimits()
        self._budget = self._limits.first
        self._rest = ""
        self._start = 0

    def push(self, text: str) -> list[Clause]:
        """The clauses that are complete now: those behind which another one has begun."""
        self._rest += text
        return self._take(keep_last=True)

    def flush(self) -> list[Clause]:
        """The clauses that are left: no more text comes."""
        return self._take(keep_last=False)

    def _take(self, *, keep_last: bool) -> list[Clause]:
        parts, budgets = self._grouped(self._rest)
        if keep_last and parts:
            parts.pop()
        clauses = []
        for part, budget in zip(parts, budgets, strict=False):
            clauses.append(Clause(part, self._start, pause_after_ms(part)))
            self._start += len(part)
            self._budget = budget
        self._rest = self._rest[sum(map(len, parts)) :]
        return clauses

    def _grouped(self, text: str) -> tuple[list[str], list[float]]:
        """Phrases joined to clauses, and for each clause the weight that the one after it may have."""
        parts: list[str] = []
        budgets: list[float] = []
        budget = self._budget
        current = ""
        for phrase in _phrases(text, self._limits.largest):
            if _SAYABLE.search(phrase) and _is_full(current, phrase, budget):
                parts.append(current)
                grown = max(weight(current), budget) * self._limits.growth
                budget = min(max(grown, self._limits.second), self._limits.largest)
                budgets.append(budget)
                current = ""
            current += phrase
        if current:
            parts.append(current)
            budgets.append(budget)
        return parts, budgets


def split_clauses(text: str, limits: ClauseLimits | None = None) -> list[Clause]:
    """Cut ``text`` into clauses. Joined, their texts are ``text``; each has something to say, if ``text`` has."""
    splitter = ClauseSplitter(limits)
    return splitter.push(text) + splitter.flush()


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
