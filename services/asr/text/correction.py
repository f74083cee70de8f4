"""Corrects words that were heard as others of the same or nearly the same sound: 吃马 -> 尺码, 够物车 -> 购物车.

A noisy channel: a stretch of text is replaced by a word of the shop (command lexicon, live catalogue, hot words) when
the sentence becomes so much likelier that it outweighs how unlikely the mishearing is. Replacements have as many
characters as what they replace, and what is a usual word stays.
"""

from __future__ import annotations

import functools
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from voxcart.text.scripts import simplify
from voxcart_services.asr.lists import read_words
from voxcart_services.asr.results import TextEdit
from voxcart_services.asr.text.pinyin_index import (
    FAR_COST,
    MAX_SYLLABLES,
    MIN_SYLLABLES,
    PinyinIndex,
    is_indexable,
    sound_cost,
    sounds_alike,
)
from voxcart_services.asr.text.words import general_counts, text_logprob

_LEXICON_COUNT = 8_000.0
_CATALOGUE_COUNT = 2_000.0
_HOT_WORD_COUNT = 8_000.0
_EDIT_COST = 1.0
_FUNCTION_CHAR_COST = 6.0
_FUNCTION_CHARS = frozenset("的是了吗吧呢啊也都就在有不没我你他她它这那和跟把给让想要会能可先再还又很太最被从到")
_MARGIN = 2.0
_MAX_EDITS = 6
_PATTERN_SCORE = 0.9
_MAX_TEXT = 400
_HAN_RUN = re.compile(r"[㐀-䶿一-鿿]+")


class Corrector:
    """The correction step. Catalogue changes and `correct` are called from one thread."""

    def __init__(self, lexicon: Iterable[str] | None = None) -> None:
        """
        Args:
            lexicon: Words of the shop's own language; the packaged list when `None`.
        """
        self._lexicon = PinyinIndex(read_words("lexicon.txt") if lexicon is None else lexicon)
        self._catalogues: defaultdict[str, PinyinIndex] = defaultdict(PinyinIndex)
        self._products: dict[tuple[str, str], tuple[str, ...]] = {}

    def set_product(self, tenant: str, sku: str, names: Iterable[str]) -> None:
        """Adds or replaces what a product is called; no names take it out."""
        index = self._catalogues[tenant]
        for word in self._products.pop((tenant, sku), ()):
            index.remove(word)
        words = tuple(dict.fromkeys(run for name in names for run in _HAN_RUN.findall(simplify(name))))
        if words:
            self._products[(tenant, sku)] = words
        for word in words:
            index.add(word)
        if not index:
            del self._catalogues[tenant]

    def correct(self, text: str, *, tenant: str, hot_words: Sequence[str] = ()) -> list[TextEdit]:
        """Corrections of a text, in order; offsets in `text`.

        Args:
            text: Simplified characters; over 400 characters nothing is corrected.
            tenant: Shop whose catalogue counts.
            hot_words: Words that are likely in this session.
        """
        if len(text) > _MAX_TEXT:
            return []
        context = _Context(self._lexicon, self._catalogues.get(tenant), _hot_index(tuple(hot_words)))
        edits: list[TextEdit] = []
        for pattern, replacement in _patterns():
            for match in pattern.finditer(text):
                edits.append(TextEdit(*match.span(), match.group(), replacement, "homophone", _PATTERN_SCORE))
            text = pattern.sub(replacement, text)
        for run in _HAN_RUN.finditer(text):
            edits += context.correct_run(run.group(), run.start())
        return sorted(edits, key=lambda edit: edit.start)


class _Context:
    """The words that count for one call."""

    def __init__(self, lexicon: PinyinIndex, catalogue: PinyinIndex | None, hot: PinyinIndex) -> None:
        self._sources = [
            (index, count)
            for index, count in ((lexicon, _LEXICON_COUNT), (catalogue, _CATALOGUE_COUNT), (hot, _HOT_WORD_COUNT))
            if index
        ]

    def correct_run(self, run: str, offset: int) -> list[TextEdit]:
        edits: list[TextEdit] = []
        fixed: set[int] = set()
        for _ in range(_MAX_EDITS):
            best = self._best_edit(run, fixed, FAR_COST) or self._best_edit(run, fixed, math.inf)
            if best is None:
                break
            start, word, gain = best
            end = start + len(word)
            edits.append(TextEdit(offset + start, offset + end, run[start:end], word, self._reason(word), _score(gain)))
            run = run[:start] + word + run[end:]
            fixed.update(range(start, end))
        return sorted(edits, key=lambda edit: edit.start)

    def _best_edit(self, run: str, fixed: set[int], cost_limit: float) -> tuple[int, str, float] | None:
        """The replacement under a cost that gains most over the margin: (start, word, gain)."""
        before = text_logprob(run, self._count)
        best: tuple[int, str, float] | None = None
        for start in range(len(run)):
            for end in range(start + MIN_SYLLABLES, min(len(run), start + MAX_SYLLABLES) + 1):
                heard = run[start:end]
                if self._count(heard) or not fixed.isdisjoint(range(start, end)):
                    continue
                is_word = heard in general_counts()
                for word in self._find(heard):
                    cost = self._cost(heard, word)
                    if cost is None or cost >= cost_limit or (is_word and not sounds_alike(heard, word)):
                        continue
                    after = text_logprob(run[:start] + word + run[end:], self._count)
                    gain = after - before - cost - _EDIT_COST
                    if gain > _MARGIN and (best is None or gain > best[2]):
                        best = (start, word, gain)
        return best

    def _find(self, heard: str) -> Iterable[str]:
        if heard in _confusions():
            yield _confusions()[heard]
        for index, _ in self._sources:
            yield from index.find(heard)

    def _cost(self, heard: str, word: str) -> float | None:
        if _confusions().get(heard) == word:
            return 0.0
        cost = sound_cost(heard, word)
        if cost is None:
            return None
        replaced = sum(said in _FUNCTION_CHARS and said != meant for said, meant in zip(heard, word, strict=True))
        return cost + _FUNCTION_CHAR_COST * replaced

    def _count(self, word: str) -> float:
        return max((count for index, count in self._sources if word in index), default=0.0)

    def _reason(self, word: str) -> str:
        return "homophone" if word in self._sources[0][0] else "catalogue"


def _score(gain: float) -> float:
    return round(min(0.99, 0.6 + gain / 40.0), 3)


@functools.cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Mishearings that only their surroundings give away."""
    pairs = (line.rsplit("=", 1) for line in read_words("patterns.txt"))
    return tuple((re.compile(pattern), replacement) for pattern, replacement in pairs)


@functools.cache
def _confusions() -> dict[str, str]:
    """Known mishearings that do not sound alike by rule."""
    return dict(pair.split("=") for pair in read_words("confusions.txt"))


@functools.lru_cache(maxsize=64)
def _hot_index(hot_words: tuple[str, ...]) -> PinyinIndex:
    return PinyinIndex(run for word in hot_words for run in _HAN_RUN.findall(simplify(word)) if is_indexable(run))
