"""Two characters that often come together, by how they sound: what a two-syllable stretch may be a mishearing of.

A character that is unlikely on its own is found with the one that it belongs to: 尺 with 码, 确 with 认.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from voxcart_services.asr.text.channel import NUM_TONES
from voxcart_services.asr.text.language_model import LanguageModel
from voxcart_services.asr.text.sounds import HeardSounds, sound_numbers, unheard
from voxcart_services.asr.text.syllables import syllable_numbers

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


class PairIndex:
    """The likely pairs of a language model: of every two syllables the three likeliest, in the order of these."""

    def __init__(self, model: LanguageModel, sounds: HeardSounds, lm_weight: float) -> None:
        self._sounds = sounds
        self._lm_weight = lm_weight
        self._found: dict[tuple[str, str], list[PairMatch]] = {}
        codes, logprobs = model.pairs(_LEAST_LOGPROB)
        tables = np.full(0x10000, unheard(), np.int32)
        for code in np.unique(codes).tolist():
            tables[code] = sound_numbers(chr(code))[0]
        said = tables[codes]
        num_syllables = len(syllable_numbers())
        keys = said[:, 0] // NUM_TONES * num_syllables + said[:, 1] // NUM_TONES
        order = np.lexsort((-logprobs, keys))
        order = order[(said[order] < unheard()).all(axis=1)]
        keys = keys[order]
        starts = np.flatnonzero(np.diff(keys, prepend=-1))
        is_kept = np.arange(len(keys)) - np.repeat(starts, np.diff(starts, append=len(keys))) < _MAX_ALIKE
        order, keys = order[is_kept], keys[is_kept]
        self._codes, self._said, self._logprobs = codes[order], said[order], logprobs[order]
        self._firsts = np.searchsorted(keys, np.arange(num_syllables + 1) * num_syllables)

    def search(self, first: str, second: str) -> list[PairMatch]:
        """What two characters may be mishearings of, the likeliest first; they themselves are not among it."""
        found = self._found.get((first, second))
        if found is None:
            if len(self._found) >= _MAX_CACHED:
                self._found.clear()
            found = self._found[first, second] = self._search(first, second)
        return found

    def _search(self, first: str, second: str) -> list[PairMatch]:
        entries = self._entries(first, second)
        first_codes, second_codes = self._codes[entries, 0], self._codes[entries, 1]
        first_costs = self._sounds.toned(first)[self._said[entries, 0]]
        second_costs = self._sounds.toned(second)[self._said[entries, 1]]
        first_costs[first_codes == ord(first)] = 0.0
        second_costs[second_codes == ord(second)] = 0.0
        totals = first_costs + second_costs - self._lm_weight * self._logprobs[entries]
        totals[(first_codes == ord(first)) & (second_codes == ord(second))] = np.inf
        matches = []
        for index in np.argsort(totals, kind="stable")[:_MAX_FOUND].tolist():
            if np.isfinite(totals[index]):
                chars = chr(first_codes[index]) + chr(second_codes[index])
                costs = first_costs.item(index), second_costs.item(index)
                matches.append(PairMatch(chars, *costs, chars[0] != first, chars[1] != second))
        return matches

    def _entries(self, first: str, second: str) -> np.ndarray:
        """Pairs whose syllables may both have been heard."""
        costs = self._sounds.toneless(first)[:-1]
        near = np.flatnonzero(np.isfinite(costs))
        starts, ends = self._firsts[near], self._firsts[near + 1]
        counts = ends - starts
        entries = np.arange(counts.sum()) + np.repeat(ends - np.cumsum(counts), counts)
        seconds = self._sounds.toneless(second)[self._said[entries, 1] // NUM_TONES]
        return entries[np.repeat(costs[near], counts) + seconds <= _MAX_COST]
