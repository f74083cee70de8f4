"""Characters that may stand in the place of one that was heard, in a context of the language model."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from voxcart_services.asr.text.language_model import LanguageModel
from voxcart_services.asr.text.sounds import READING_COST, HeardSounds, sound_numbers
from voxcart_services.asr.text.syllables import readings

_MAX_CACHED = 40_000
_HOMOPHONES = 3


class Candidate(NamedTuple):
    """A character in the place of another, in a context: what it costs, how likely it is, the state behind it."""

    char: str
    cost: float
    logprob: float
    state: int


class Substitutes:
    """Finds and keeps them. Not to be used by two threads at a time."""

    def __init__(self, model: LanguageModel, sounds: HeardSounds, lm_weight: float, count: int) -> None:
        """
        Args:
            model: The language model.
            sounds: What may be heard as what.
            lm_weight: Of the model against the cost of hearing.
            count: Characters wanted in the place of one.
        """
        self._model = model
        self._sounds = sounds
        self._lm_weight = lm_weight
        self._count = count
        self._found: dict[tuple[int, str], list[Candidate]] = {}
        self._followers: dict[tuple[int, str], list[Candidate]] = {}
        by_token = np.zeros((0x10000, 2), np.int16)
        for char in model.unigrams():
            by_token[ord(char)] = sound_numbers(char)
        self._first_sounds, self._second_sounds = (by_token[:, rank][model.tokens] for rank in (0, 1))
        self._homophones = _homophones(model)

    def find(self, states: Sequence[int], heard: str) -> list[list[Candidate]]:
        """The characters that most likely stand in the place of one, for each context, the likeliest first."""
        if missing := [state for state in states if (state, heard) not in self._found]:
            if len(self._found) >= _MAX_CACHED:
                self._found.clear()
            found = self._find(missing, heard)
            self._found.update(zip(((state, heard) for state in missing), found, strict=True))
        return [self._found[state, heard] for state in states]

    def _find(self, states: Sequence[int], heard: str) -> list[list[Candidate]]:
        """Those that were seen after a context, after what is left of it without its first tokens, and usual ones.

        After the whole context a character is never less likely than after a part, so the better of two is right.
        """
        contexts = [self._contexts(state) for state in states]
        self._add_followers(sorted({node for chain in contexts for node, _ in chain}), heard)
        usual, weight = self._usual(heard), self._lm_weight
        found = []
        for chain in contexts:
            ranked = [
                (char.cost - weight * (char.logprob + backoff), char, backoff)
                for node, backoff in chain
                for char in (self._followers[node, heard] if node else usual)
            ]
            ranked.sort(key=itemgetter(0))
            best: dict[str, Candidate] = {}
            for _, (char, cost, logprob, after), backoff in ranked:
                if char != heard and char not in best:
                    best[char] = Candidate(char, cost, logprob + backoff, after)
                    if len(best) == self._count:
                        break
            found.append(list(best.values()))
        return found

    def _contexts(self, state: int) -> list[tuple[int, float]]:
        """A context, and what is left of it without its first tokens, down to the root; with their back-off weights."""
        chain, backoff = [(state, 0.0)], 0.0
        while state:
            state, weight = self._model.shorter(state)
            backoff += weight
            chain.append((state, backoff))
        return chain

    def _usual(self, heard: str) -> list[Candidate]:
        """The most usual characters of the same syllable."""
        toned = self._sounds.toned(heard)
        chars = {char for syllable in readings(heard) for char in self._homophones.get(syllable.letters, ())}
        return [
            Candidate(char, toned.item(sound_numbers(char)[0]), *self._model.step(0, char)) for char in sorted(chars)
        ]

    def _add_followers(self, nodes: Sequence[int], heard: str) -> None:
        """Finds the best of the characters seen after contexts that sound like one; for all contexts at once."""
        if len(self._followers) >= _MAX_CACHED:
            self._followers.clear()
        nodes = [node for node in nodes if node and (node, heard) not in self._followers]
        model, toned = self._model, self._sounds.toned(heard)
        slices = [model.children(node) for node in nodes]
        counts = np.array([children.stop - children.start for children in slices], np.int64)
        ends = np.array([children.stop for children in slices], np.int64)
        rows = np.arange(counts.sum()) + np.repeat(ends - np.cumsum(counts), counts)
        costs = toned[self._first_sounds[rows]]
        np.minimum(costs, toned[self._second_sounds[rows]] + READING_COST, out=costs)
        near = np.flatnonzero(np.isfinite(costs))
        rows, costs, of_node = rows[near], costs[near], np.repeat(np.arange(len(nodes)), counts)[near]
        order = np.lexsort((costs - self._lm_weight * model.logprobs[rows], of_node))
        is_first = np.diff(of_node[order], prepend=-1) > 0
        starts = np.flatnonzero(is_first)
        rank = np.arange(len(order)) - np.repeat(starts, np.diff(starts, append=len(order)))
        order = order[rank <= self._count]
        rows, of_node = rows[order], of_node[order]
        columns = (of_node, model.tokens[rows], costs[order], model.logprobs[rows], model.states[rows])
        found: list[list[Candidate]] = [[] for _ in nodes]
        for node, token, cost, logprob, after in zip(*(column.tolist() for column in columns), strict=True):
            found[node].append(Candidate(chr(token), cost, logprob, after))
        self._followers.update(zip(((node, heard) for node in nodes), found, strict=True))


def _homophones(model: LanguageModel) -> dict[str, list[str]]:
    """The most usual characters of every syllable."""
    by_letters: dict[str, list[str]] = {}
    for char, _ in sorted(model.unigrams().items(), key=lambda item: -item[1]):
        for syllable in readings(char)[:1]:
            chars = by_letters.setdefault(syllable.letters, [])
            if len(chars) < _HOMOPHONES:
                chars.append(char)
    return by_letters
