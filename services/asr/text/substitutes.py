"""Characters that may stand in the place of one that was heard, in a context of the language model."""

from __future__ import annotations

from operator import itemgetter
from typing import NamedTuple

import numpy as np

from voxcart_services.asr.text.language_model import LanguageModel
from voxcart_services.asr.text.sounds import READING_COST, HeardSounds, sound_numbers
from voxcart_services.asr.text.syllables import readings

_MAX_CACHED = 40_000
_MAX_WORSE = 7.0
_MAX_KEPT = 16
_HOMOPHONES = 3


class Candidate(NamedTuple):
    """A character in the place of another, in a context: what it costs, how likely it is, the state behind it."""

    char: str
    cost: float
    logprob: float
    state: int


class Substitutes:
    """Finds and keeps them. Not to be used by two threads at a time."""

    def __init__(self, model: LanguageModel, sounds: HeardSounds, lm_weight: float) -> None:
        self._model = model
        self._sounds = sounds
        self._lm_weight = lm_weight
        self._found: dict[tuple[int, str], list[Candidate]] = {}
        by_token = np.zeros((0x10000, 2), np.int16)
        for char in model.unigrams():
            by_token[ord(char)] = sound_numbers(char)
        self._first_sounds, self._second_sounds = (by_token[:, rank][model.tokens] for rank in (0, 1))
        self._homophones = _homophones(model)

    def find(self, state: int, heard: str) -> list[Candidate]:
        """The characters that most likely stand in the place of one in a context, the likeliest first."""
        key = (state, heard)
        found = self._found.get(key)
        if found is None:
            if len(self._found) >= _MAX_CACHED:
                self._found.clear()
            found = self._found[key] = self._find(state, heard) if state else self._usual(heard)
        return found

    def _find(self, state: int, heard: str) -> list[Candidate]:
        """Those after the context without its first token, and those that were seen after the whole of it.

        After the whole context a character is never less likely than after a part, so the better of two is right.
        """
        weight = self._lm_weight
        shorter, backoff = self._model.shorter(state)
        ranked = [
            (cost - weight * (logprob + backoff), Candidate(char, cost, logprob + backoff, after))
            for char, cost, logprob, after in self.find(shorter, heard)
        ]
        ranked += self._followers(state, heard, ranked[0][0] + _MAX_WORSE if ranked else np.inf)
        ranked.sort(key=itemgetter(0))
        best: dict[str, Candidate] = {}
        for _, candidate in ranked:
            if len(best) == _MAX_KEPT:
                break
            best.setdefault(candidate.char, candidate)
        best.pop(heard, None)
        return list(best.values())

    def _usual(self, heard: str) -> list[Candidate]:
        """The most usual characters of the same syllable."""
        found: dict[str, Candidate] = {}
        toned = self._sounds.toned(heard)
        for syllable in readings(heard):
            for char in self._homophones.get(syllable.letters, ()):
                if char != heard and char not in found:
                    cost = toned.item(sound_numbers(char)[0])
                    found[char] = Candidate(char, cost, *self._model.step(0, char))
        return sorted(found.values(), key=lambda found: found.cost - self._lm_weight * found.logprob)

    def _followers(self, state: int, heard: str, bound: float) -> list[tuple[float, Candidate]]:
        """The best of the characters seen after a context that sound like one, with cost and probability in one."""
        model, nodes, toned = self._model, self._model.children(state), self._sounds.toned(heard)
        costs = toned[self._first_sounds[nodes]]
        np.minimum(costs, toned[self._second_sounds[nodes]] + READING_COST, out=costs)
        totals = costs - self._lm_weight * model.logprobs[nodes]
        near = np.flatnonzero(totals < bound)
        if len(near) > _MAX_KEPT + 1:
            near = near[np.argpartition(totals[near], _MAX_KEPT)[: _MAX_KEPT + 1]]
        rows = near + nodes.start
        columns = (totals[near], model.tokens[rows], costs[near], model.logprobs[rows], model.states[rows])
        return [
            (total, Candidate(chr(token), cost, logprob, after))
            for total, token, cost, logprob, after in zip(*(column.tolist() for column in columns), strict=True)
        ]


def _homophones(model: LanguageModel) -> dict[str, list[str]]:
    """The most usual characters of every syllable."""
    by_letters: dict[str, list[str]] = {}
    for char, _ in sorted(model.unigrams().items(), key=lambda item: -item[1]):
        for syllable in readings(char)[:1]:
            chars = by_letters.setdefault(syllable.letters, [])
            if len(chars) < _HOMOPHONES:
                chars.append(char)
    return by_letters
