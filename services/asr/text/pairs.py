"""Two characters that often come together, by how they sound: what a two-syllable stretch may be a mishearing of.

A character that is unlikely on its own is found with the one that it belongs to: 尺 with 码, 确 with 认.
"""

from __future__ import annotations

from collections import defaultdict
from heapq import nlargest, nsmallest
from operator import attrgetter, itemgetter
from typing import NamedTuple

from voxcart_services.asr.text.language_model import LanguageModel
from voxcart_services.asr.text.names import HeardSounds
from voxcart_services.asr.text.syllables import Syllable, readings

_LEAST_LOGPROB = -16.5
_MAX_FOUND = 6
_MAX_ALIKE = 3
_MAX_COST = 6.5
_MAX_CACHED = 20_000


class PairMatch(NamedTuple):
    """Characters that may have been said; the costs of the channel, and which of the two were heard as others."""

    chars: str
    first_cost: float
    second_cost: float
    first_changed: bool
    second_changed: bool


class _Entry(NamedTuple):
    """A pair and its syllables."""

    chars: str
    logprob: float
    said: Syllable
    then: Syllable


class PairIndex:
    """The likely pairs of a language model."""

    def __init__(self, model: LanguageModel, sounds: HeardSounds, lm_weight: float) -> None:
        self._sounds = sounds
        self._found: dict[tuple[str, str], list[PairMatch]] = {}
        self._lm_weight = lm_weight
        self._pairs: defaultdict[str, defaultdict[str, list[_Entry]]]
        self._pairs = defaultdict(lambda: defaultdict(list))
        for first, second, logprob in model.pairs(_LEAST_LOGPROB):
            if (said := readings(first)) and (then := readings(second)):
                entry = _Entry(first + second, logprob, said[0], then[0])
                self._pairs[said[0].letters][then[0].letters].append(entry)
        for by_second in self._pairs.values():
            for then, entries in by_second.items():
                by_second[then] = nlargest(_MAX_ALIKE, entries, key=attrgetter("logprob"))

    def search(self, first: str, second: str) -> list[PairMatch]:
        """What two characters may be mishearings of, the likeliest first; they themselves are not among it."""
        found = self._found.get((first, second))
        if found is None:
            if len(self._found) >= _MAX_CACHED:
                self._found.clear()
            found = self._found[first, second] = self._search(first, second)
        return found

    def _search(self, first: str, second: str) -> list[PairMatch]:
        first_costs, second_costs = self._sounds.letters(first), self._sounds.letters(second)
        near: list[tuple[float, list[_Entry]]] = []
        for letters, cost in first_costs.items():
            by_second = self._pairs.get(letters)
            if by_second is not None:
                for then, then_cost in second_costs.items():
                    if cost + then_cost > _MAX_COST:
                        break
                    entries = by_second.get(then)
                    if entries is not None:
                        near.append((cost + then_cost - self._lm_weight * entries[0].logprob, entries))
        ranked: list[tuple[float, PairMatch]] = []
        for _, entries in nsmallest(_MAX_FOUND, near, key=itemgetter(0)):
            for entry in entries:
                match = self._match(first, second, entry)
                if match.first_changed or match.second_changed:
                    cost = match.first_cost + match.second_cost
                    ranked.append((cost - self._lm_weight * entry.logprob, match))
        return [match for _, match in nsmallest(_MAX_FOUND, ranked)]

    def _match(self, first: str, second: str, entry: _Entry) -> PairMatch:
        is_first, is_second = entry.chars[0] == first, entry.chars[1] == second
        return PairMatch(
            entry.chars,
            0.0 if is_first else self._sounds.cost(first, entry.said),
            0.0 if is_second else self._sounds.cost(second, entry.then),
            not is_first,
            not is_second,
        )
