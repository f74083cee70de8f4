"""What a review praises and blames: delivery, packaging, taste, fit ... in Chinese and English.

A review is read clause by clause. An aspect is talked of when a clause holds one of its words and a word of opinion,
the aspect's own (物流 … 慢) or a general one (客服 … 好), or a word that says both (好吃, 漏了). A negation before the
opinion turns it round (不太新鲜, 没有破损, not comfortable). This is the lexicon method of Hu and Liu, "Mining and
summarizing customer reviews", KDD 2004, with our own word lists in ``data/review_aspects.json``.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from voxcart_services.shop.products import DATA

MAX_QUOTE_LENGTH = 60
MAX_TEXT_LENGTH = 1000
"""Characters of a review that are read."""

_CLAUSES = re.compile(
    r"[，。！？；：、,;!?…~\n]+|\.(?=\s|$)|(?:\s+(?:but|although|however|yet)\s+)|但是|不过|可是|就是|但"
)
_DEGREES_ZH = re.compile(r"(?:[太很是算怎么特别那真有点够会能得到的任何什么见觉感出现]|非常|十分|显得)+$")
_NEGATED_ZH = re.compile(r"(?:不|没|没有|无|未|别|毫无|并非)$")
_NEGATED_EN = re.compile(
    r"(?:\b(?:not|never|no|without|hardly|isn't|wasn't|aren't|weren't|don't|doesn't|didn't|can't|couldn't|won't|nothing)"
    r"(?:\s+(?:very|so|too|that|really|all|a|any|the|be|as|particularly|is|it|feel))*\s+)$"
)


@dataclass(frozen=True, slots=True)
class Aspect:
    """One thing that reviews talk about, with its name for either side and the words for it."""

    praise: tuple[str, str]
    blame: tuple[str, str]
    term: re.Pattern[str] | None
    opinion: re.Pattern[str]
    good: frozenset[str]
    alone: re.Pattern[str] | None
    good_alone: frozenset[str]


@dataclass(frozen=True, slots=True)
class Said:
    """That a review praises or blames an aspect: its number in :func:`aspects`, and the clause that says so."""

    aspect: int
    is_praise: bool
    quote: str


@lru_cache(maxsize=1)
def aspects() -> tuple[Aspect, ...]:
    """All aspects, read once."""
    data = json.loads((DATA / "review_aspects.json").read_text(encoding="utf-8"))
    return tuple(_aspect(row, data) for row in data["aspects"])


def _aspect(row: dict, general: dict) -> Aspect:
    good, bad = (_words(row[side]) + _words(general[side]) for side in ("good", "bad"))
    good_alone, bad_alone = (_words(row.get(side, {})) for side in ("praise_alone", "blame_alone"))
    return Aspect(
        praise=(row["zh"][0], row["en"][0]),
        blame=(row["zh"][1], row["en"][1]),
        term=_pattern(_words(row["terms"])),
        opinion=_pattern(good + bad) or re.compile(r"(?!)"),
        good=frozenset(good) - frozenset(_words(row["bad"])),
        alone=_pattern(good_alone + bad_alone),
        good_alone=frozenset(good_alone),
    )


def _words(by_language: dict[str, list[str]]) -> list[str]:
    return [word for words in by_language.values() for word in words]


def _pattern(words: Iterable[str]) -> re.Pattern[str] | None:
    """Any of the words, the longest first; English ones as whole words."""
    ordered = sorted(set(words), key=lambda word: (-len(word), word))
    parts = [rf"(?<![a-z]){re.escape(w)}(?![a-z])" if w.isascii() else re.escape(w) for w in ordered]
    return re.compile("|".join(parts)) if parts else None


@lru_cache(maxsize=20_000)
def read_review(text: str) -> tuple[Said, ...]:
    """What a review says, each aspect and side once, with the first clause that says it."""
    found: dict[tuple[int, bool], Said] = {}
    for clause in _CLAUSES.split(text[:MAX_TEXT_LENGTH]):
        words = (clause or "").strip()
        lowered = words.lower()
        for number, aspect in enumerate(aspects() if words else ()):
            side = _side(aspect, lowered)
            if side is not None:
                found.setdefault((number, side), Said(number, side, words[:MAX_QUOTE_LENGTH]))
    return tuple(found.values())


def _side(aspect: Aspect, clause: str) -> bool | None:
    """Whether a clause praises the aspect (true) or blames it (false); ``None`` if it says nothing of it."""
    both = aspect.alone.search(clause) if aspect.alone is not None else None
    if both is not None:
        return (both[0] in aspect.good_alone) != _is_negated(clause[: both.start()])
    term = aspect.term.search(clause) if aspect.term is not None else None
    if term is None:
        return None
    opinions = [match for match in aspect.opinion.finditer(clause) if match.end() <= term.start()]
    opinions = [match for match in aspect.opinion.finditer(clause) if match.start() >= term.end()] or opinions[-1:]
    if not opinions:
        return None
    return (opinions[0][0] in aspect.good) != _is_negated(clause[: opinions[0].start()])


def _is_negated(before: str) -> bool:
    """Whether the words before an opinion turn it round: 不太, 没有, not very."""
    if _NEGATED_EN.search(before):
        return True
    return bool(_NEGATED_ZH.search(before) or _NEGATED_ZH.search(_DEGREES_ZH.sub("", before)))
