"""Cuts a reply into clauses: a short first one, so that speech begins soon, then growing ones, for natural prosody.

Pure functions of the text. No character is lost: the clauses joined give the text.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from voxcart_services.tts.text.reading import Mark
from voxcart_services.tts.text.segmentation import words

_STRONG = "。！？!?；;\n…"
_WEAK = "，,、：:—"
_CLOSING = "”’」』）)】》\"' "
_WEIGHTY = re.compile(r"[㐀-䶿一-鿿]|[A-Za-z]+|\d")
_CODE = re.compile(r"[A-Za-z0-9]{1,120}")
_IN_NUMBER = re.compile(r"[A-Za-z0-9.,:%+\-/¥$€£@_]")
_CONJUNCTIONS = (
    "和", "与", "及", "或", "但", "而", "并", "就", "也", "还", "再", "又", "因", "所以", "如果", "然后", "同时",
    "可以", "请",
)  # fmt: skip
_PARTICLES = "的了是在吗呢吧着过"
_PAUSES_MS = {"strong": 280, "medium": 180, "weak": 120, "none": 20}


@dataclass(frozen=True)
class ClauseLimits:
    """How long clauses may be, in Mandarin syllables (see :func:`weight`).

    Attributes:
        first: Up to which weight the first clause takes in more than one phrase.
        second: The same for the second clause.
        growth: A later clause may be this many times as heavy as the one before it was or might have been.
        first_largest: A first clause without punctuation is cut between words here.
        second_largest: The same for the second clause.
        largest: The same for the others.
    """

    first: float = 4.0
    second: float = 12.0
    growth: float = 1.6
    first_largest: float = 16.0
    second_largest: float = 24.0
    largest: float = 36.0

    def largest_of(self, index: int) -> float:
        """How heavy the clause number ``index`` (from 0) may be."""
        return min(self.largest, (self.first_largest, self.second_largest)[index] if index < 2 else self.largest)


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


def weight(text: str, enough: float = math.inf) -> float:
    """About how many Mandarin syllables the text takes to say; counted until it is more than ``enough``."""
    total = 0.0
    for match in _WEIGHTY.finditer(text):
        total += _weight_of(match.group())
        if total > enough:
            break
    return total


def _weight_of(piece: str) -> float:
    """Of a Latin word, a digit or a Chinese character."""
    if piece.isdecimal():
        return 1.3
    return max(1.0, len(piece) / 3) if piece.isascii() else 1.0


class ClauseSplitter:
    """Cuts text that arrives in pieces. However it is cut into pieces, the clauses are the same."""

    def __init__(self, limits: ClauseLimits | None = None) -> None:
        self._limits = limits or ClauseLimits()
        self._budget = self._limits.first
        self._rest = ""
        self._start = 0
        self._index = 0

    def push(self, text: str) -> list[Clause]:
        """The clauses that are complete now: those behind which another one has begun."""
        self._rest += text
        return self._take(keep_last=True)

    def flush(self) -> list[Clause]:
        """The clauses that are left: no more text comes."""
        return self._take(keep_last=False)

    def _take(self, *, keep_last: bool) -> list[Clause]:
        parts = self._grouped(self._rest)
        if keep_last and parts:
            parts.pop()
        clauses = []
        for part, next_budget in parts:
            clauses.append(Clause(part, self._start, pause_after_ms(part)))
            self._start += len(part)
            self._index += 1
            self._budget = next_budget
        self._rest = self._rest[sum(len(part) for part, _ in parts) :]
        return clauses

    def _grouped(self, text: str) -> list[tuple[str, float]]:
        """Phrases joined to clauses, each with the weight up to which the one after it takes in phrases."""
        parts: list[tuple[str, float]] = []
        budget = self._budget
        current, current_weight = "", 0.0
        for phrase in _phrases(text):
            rest, rest_weight = phrase, weight(phrase, self._limits.largest)
            while rest:
                if current_weight and rest_weight and _is_full(current, current_weight, rest_weight, budget):
                    budget = self._grown(current_weight, budget, self._index + len(parts) + 1)
                    parts.append((current, budget))
                    current, current_weight = "", 0.0
                together = current + rest
                cut = len(together)
                largest = self._limits.largest_of(self._index + len(parts))
                if current_weight + rest_weight > largest:
                    cut = _cut_position(together, fitting_characters(together, largest))
                if cut == len(together):
                    current, current_weight, rest = together, current_weight + rest_weight, ""
                    continue
                budget = self._grown(weight(together[:cut]), budget, self._index + len(parts) + 1)
                parts.append((together[:cut], budget))
                current, current_weight = "", 0.0
                rest, rest_weight = together[cut:], weight(together[cut:], self._limits.largest)
        if current:
            parts.append((current, budget))
        return parts

    def _grown(self, clause_weight: float, budget: float, index: int) -> float:
        """What clause number ``index`` may take in: more than the one before it took or might have taken."""
        grown = max(clause_weight, budget) * self._limits.growth
        return min(max(grown, self._limits.second), self._limits.largest_of(index))


def split_clauses(text: str, limits: ClauseLimits | None = None) -> list[Clause]:
    """Cut ``text`` into clauses. Joined, their texts are ``text``; each has something to say, if ``text`` has."""
    splitter = ClauseSplitter(limits)
    return splitter.push(text) + splitter.flush()


def _is_full(current: str, current_weight: float, rest_weight: float, budget: float) -> bool:
    together = current_weight + rest_weight
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


def _phrases(text: str) -> Iterator[str]:
    """Pieces that end with punctuation and what closes it."""
    start = 0
    position = 0
    while position < len(text):
        if _ends_phrase(text, position):
            position += 1
            while position < len(text) and (text[position] in _CLOSING or _ends_phrase(text, position)):
                position += 1
            yield text[start:position]
            start = position
        else:
            position += 1
    if start < len(text):
        yield text[start:]


def _ends_phrase(text: str, position: int) -> bool:
    """Whether a phrase ends here: not inside a number, an address, an abbreviation (3.5, 12:05, a?b)."""
    character = text[position]
    if character in ".,:;?!":
        after = text[position + 1 : position + 2]
        return not after.strip() or after in _CLOSING or not after.isascii()
    return character in _STRONG or character in _WEAK


def fitting_characters(text: str, largest: float) -> int:
    """How many characters from the start weigh ``largest`` at most; at least one."""
    total = 0.0
    for match in _WEIGHTY.finditer(text):
        total += _weight_of(match.group())
        if total > largest:
            return match.start() or max(1, int(3 * largest) if len(match.group()) > 1 else 1)
    return len(text)


def _cut_position(text: str, fitting: int) -> int:
    """Where to cut a text of which ``fitting`` characters fit: after a space, else between words.

    Only what fits is looked at, so that text which arrives later changes nothing. Best is a place before a conjunction
    or after a particle; never one inside a number, or between a number and what it counts. A code that is longer than
    what fits stays whole, so its end may be the end of the text.
    """
    space = text.rfind(" ", fitting // 2, fitting)
    if space > 0:
        return space + 1
    places = [place for place in _word_ends(text[:fitting]) if _may_part(text, place)]
    late = [place for place in places if place >= fitting // 2]
    good = [place for place in late if text.startswith(_CONJUNCTIONS, place) or text[place - 1] in _PARTICLES]
    if good or places:
        return max(good or places)
    code = _CODE.match(text, fitting - 1)
    return code.end() if code else fitting


def _word_ends(text: str) -> list[int]:
    ends = []
    end = 0
    for word in words(text):
        end += len(word)
        ends.append(end)
    return ends[:-1]


def _may_part(text: str, place: int) -> bool:
    before, after = text[place - 1], text[place]
    if _IN_NUMBER.match(before) and (_IN_NUMBER.match(after) or after.isalnum()):
        return False
    return after not in _PARTICLES or before in _PARTICLES
