"""Finds what was most likely said, given what the recogniser wrote: a beam search over whole sentences.

Noisy channel (Kernighan, Church and Gale, COLING 1990; for homophones of Mandarin as in pinyin input, Chen and Lee, ACL
2000): a reading of the sentence is scored by the language model, and by what each of its characters costs where the
recogniser wrote another (see `channel`). A character is replaced only by one that may have been heard as it. Names of
the catalogue and hot words come in whole, as one token of the language model, so that a name it never saw has its place
in the sentence.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nlargest, nsmallest
from operator import itemgetter
from typing import Any, NamedTuple

from voxcart_services.asr.text.channel import SoundChannel
from voxcart_services.asr.text.language_model import LanguageModel
from voxcart_services.asr.text.names import READING_COST, HeardSounds, NameMatch
from voxcart_services.asr.text.pairs import PairIndex, PairMatch
from voxcart_services.asr.text.syllables import Syllable, readings
from voxcart_services.asr.text.tokens import END, NAME

_MAX_CACHED = 40_000
_MAX_WORSE = 7.0
_MAX_KEPT = 16
_HOMOPHONES = 3


@dataclass(frozen=True)
class DecoderRules:
    """What was tuned on training speech, see `training/asr/README.md`.

    Attributes:
        lm_weight: Of the language model against the channel.
        substitution_cost: Nats for every replaced character, on top of the channel's.
        deletion_cost: Nats for a character of the recogniser's that nobody said.
        beam_size: Readings kept at a position.
        beam_width: Nats by which a kept reading may be worse than the best.
        num_candidates: Characters tried in the place of one, in a context.
    """

    lm_weight: float = 0.7
    substitution_cost: float = 1.0
    deletion_cost: float = 9.0
    beam_size: int = 8
    beam_width: float = 9.0
    num_candidates: int = 5


class Unit(NamedTuple):
    """One piece of the text: a Han character, a digit, or a run of digits or letters, which stays as it is.

    `heard` is the character that it sounds like, `weight` scales the cost of replacing it: 1 normally, more where the
    recogniser was sure.
    """

    text: str
    token: str
    heard: str = ""
    weight: float = 1.0

    @property
    def is_open(self) -> bool:
        """Whether it may be replaced."""
        return bool(self.heard)


class NameArc(NamedTuple):
    """A name that may stand at `match.start`; `logprob` is that of the name among all names."""

    match: NameMatch
    logprob: float
    source: str


class Piece(NamedTuple):
    """What a reading has in place of the units `[start, end)`.

    `tokens` are those of the language model, `cost` is that of hearing what stands in the text. `source` is "" for
    characters, else whose name it is.
    """

    start: int
    end: int
    text: str
    tokens: str
    cost: float = 0.0
    source: str = ""


class Reading(NamedTuple):
    """A way to read the sentence."""

    score: float
    pieces: tuple[Piece, ...]


# The beginning of a reading: score, state of the language model, the path before its last piece, that piece's fields.
# Plain tuples, because thousands are made for a sentence.
_Path = tuple[float, int, Any, int, int, str, str, float, str]


class _Candidate(NamedTuple):
    """A character in the place of another, in a context."""

    char: str
    cost: float
    logprob: float
    state: int


class _Followers(NamedTuple):
    """The characters of one syllable seen after a context, with the best of their log probabilities.

    A character is (itself, its tone, cost of the reading, log probability, state behind it).
    """

    best_logprob: float
    chars: list[tuple[str, int, float, float, int]]


class SentenceDecoder:
    """Holds the caches; not to be used by two threads at a time."""

    def __init__(self, model: LanguageModel, channel: SoundChannel, sounds: HeardSounds, rules: DecoderRules) -> None:
        self.rules = rules
        self._model = model
        self._channel = channel
        self._pairs = PairIndex(model, sounds, rules.lm_weight)
        self._candidates: dict[tuple[int, str], list[_Candidate]] = {}
        self._by_sound: dict[int, dict[str, _Followers]] = {}
        self._homophones = _homophones(model)

    def decode(self, units: Sequence[Unit], names: Sequence[NameArc]) -> Reading:
        """The best reading of a sentence."""
        arcs: list[list[NameArc]] = [[] for _ in units]
        for arc in names:
            arcs[arc.match.start].append(arc)
        beams = [_Beam(self.rules.beam_width) for _ in range(len(units) + 1)]
        beams[0].paths[self._model.begin] = (0.0, self._model.begin, None, 0, 0, "", "", 0.0, "")
        for position, unit in enumerate(units):
            pairs = self._pairs_at(units, position)
            for path in beams[position].best(self.rules.beam_size):
                self._extend(path, position, unit, beams[position + 1])
                if pairs:
                    self._extend_by_pairs(path, position, units, pairs, beams[position + 2])
                for arc in arcs[position]:
                    self._extend_by_name(path, arc, units, beams)
        weight, step = self.rules.lm_weight, self._model.step
        finals = [(path[0] + weight * step(path[1], END)[0], path) for path in beams[-1].paths.values()]
        score, best = max(finals, key=itemgetter(0))
        return Reading(score, _pieces(best))

    def score(self, pieces: Sequence[Piece]) -> float:
        """Score of a given reading; comparable with `Reading.score`."""
        total, state = 0.0, self._model.begin
        for piece in pieces:
            total -= piece.cost
            for token in piece.tokens:
                logprob, state = self._model.step(state, token)
                total += self.rules.lm_weight * logprob
        return total + self.rules.lm_weight * self._model.step(state, END)[0]

    def surprise(self, pieces: Sequence[Piece]) -> float:
        """Nats a token by which a reading surprises the language model: about 3 in a shop, 5 and more elsewhere."""
        tokens = "".join(piece.tokens for piece in pieces) + END
        return -self._model.logprob(tokens) / len(tokens)

    def _extend(self, path: _Path, position: int, unit: Unit, beam: _Beam) -> None:
        """Adds the unit as it is, and what else it may be."""
        rules, end, weight = self.rules, position + 1, self.rules.lm_weight
        score, state = path[0], path[1]
        logprob, after = self._model.step(state, unit.token)
        beam.add(score + weight * logprob, after, path, position, end, unit.text, unit.token, 0.0, "")
        if not unit.is_open:
            return
        base = rules.substitution_cost * unit.weight
        for char, cost, logprob, after in self._substitutes(state, unit.heard)[: rules.num_candidates]:
            cost = base + cost * unit.weight
            beam.add(score + weight * logprob - cost, after, path, position, end, char, char, cost, "")
        cost = rules.deletion_cost * unit.weight
        beam.add(score - cost, state, path, position, end, "", "", cost, "")

    def _pairs_at(self, units: Sequence[Unit], position: int) -> list[PairMatch]:
        if position + 1 == len(units) or not (units[position].is_open and units[position + 1].is_open):
            return []
        return self._pairs.search(units[position].heard, units[position + 1].heard)

    def _extend_by_pairs(
        self, path: _Path, position: int, units: Sequence[Unit], pairs: list[PairMatch], beam: _Beam
    ) -> None:
        """Adds two characters that belong together in the place of two units."""
        rules, step = self.rules, self._model.step
        first, second = units[position].weight, units[position + 1].weight
        for pair in pairs:
            logprob, state = step(path[1], pair.chars[0])
            second_logprob, state = step(state, pair.chars[1])
            cost = pair.first_cost * first + pair.second_cost * second
            cost += rules.substitution_cost * (first * pair.first_changed + second * pair.second_changed)
            score = path[0] + rules.lm_weight * (logprob + second_logprob) - cost
            beam.add(score, state, path, position, position + 2, pair.chars, pair.chars, cost, "")

    def _extend_by_name(self, path: _Path, arc: NameArc, units: Sequence[Unit], beams: list[_Beam]) -> None:
        match = arc.match
        end = match.start + len(match.name)
        logprob, state = self._model.step(path[1], NAME)
        cost = self._name_cost(arc, units)
        score = path[0] + self.rules.lm_weight * logprob - cost
        beams[end].add(score, state, path, match.start, end, match.name, NAME, cost, arc.source)

    def _name_cost(self, arc: NameArc, units: Sequence[Unit]) -> float:
        match, cost = arc.match, -self.rules.lm_weight * arc.logprob
        if match.changed:
            stretch = zip(units[match.start : match.start + len(match.name)], match.name, strict=True)
            weights = [unit.weight for unit, char in stretch if unit.heard != char]
            cost += (match.cost + self.rules.substitution_cost * match.changed) * sum(weights) / len(weights)
        return cost

    def _substitutes(self, state: int, heard: str) -> list[_Candidate]:
        """The characters that most likely stand in the place of one in a context."""
        key = (state, heard)
        found = self._candidates.get(key)
        if found is None:
            if len(self._candidates) >= _MAX_CACHED:
                self._candidates.clear()
            found = self._candidates[key] = self._find_substitutes(state, heard)
        return found

    def _find_substitutes(self, state: int, heard: str) -> list[_Candidate]:
        """Those after the context without its first token, and those that were seen after the whole of it.

        After the whole context a character is never less likely than after a part, so the better of two is right.
        """
        if state == 0:
            return self._usual_substitutes(heard)
        weight = self.rules.lm_weight
        shorter, backoff = self._model.shorter(state)
        best: dict[str, tuple[float, _Candidate]] = {}
        for char, cost, logprob, after in self._substitutes(shorter, heard):
            best[char] = (cost - weight * (logprob + backoff), _Candidate(char, cost, logprob + backoff, after))
        for rank, syllable in enumerate(readings(heard)):
            self._add_followers(best, state, syllable, READING_COST if rank else 0.0)
        best.pop(heard, None)
        return [candidate for _, candidate in nsmallest(_MAX_KEPT, best.values(), key=itemgetter(0))]

    def _usual_substitutes(self, heard: str) -> list[_Candidate]:
        """The most usual characters of the same syllable."""
        found: dict[str, _Candidate] = {}
        for rank, syllable in enumerate(readings(heard)):
            for char in self._homophones.get(syllable.letters, ()):
                tone = min(self._channel.tone_cost(said.tone, syllable.tone) for said in readings(char))
                cost = tone + (READING_COST if rank else 0.0)
                if char != heard and char not in found:
                    found[char] = _Candidate(char, cost, *self._model.step(0, char))
        return list(found.values())

    def _add_followers(
        self, best: dict[str, tuple[float, _Candidate]], state: int, syllable: Syllable, penalty: float
    ) -> None:
        """Adds the characters seen after a context that sound like a syllable."""
        weight, groups = self.rules.lm_weight, self._grouped(state)
        confusable, tones = self._channel.confusable(syllable.letters), self._channel.tone_costs(syllable.tone)
        bound = min((total for total, _ in best.values()), default=0.0) + _MAX_WORSE
        for letters in groups.keys() & confusable.keys():
            base, group = penalty + confusable[letters], groups[letters]
            if base - weight * group.best_logprob > bound:
                continue
            for char, tone, reading_cost, logprob, after in group.chars:
                cost = base + reading_cost + tones[tone]
                total = cost - weight * logprob
                if total < bound and (char not in best or total < best[char][0]):
                    best[char] = (total, _Candidate(char, cost, logprob, after))
                    bound = min(bound, total + _MAX_WORSE)

    def _grouped(self, state: int) -> dict[str, _Followers]:
        """The followers of a context by syllable."""
        groups = self._by_sound.get(state)
        if groups is None:
            if len(self._by_sound) >= _MAX_CACHED:
                self._by_sound.clear()
            chars: dict[str, list[tuple[str, int, float, float, int]]] = {}
            for char, (logprob, after) in self._model.followers(state).items():
                for rank, syllable in enumerate(readings(char)):
                    follower = (char, syllable.tone, READING_COST if rank else 0.0, logprob, after)
                    chars.setdefault(syllable.letters, []).append(follower)
            groups = {letters: _Followers(max(f[3] for f in alike), alike) for letters, alike in chars.items()}
            self._by_sound[state] = groups
        return groups


class _Beam:
    """The best path into every state at one position; those far behind the best are not taken in."""

    __slots__ = ("_best_score", "_width", "paths")

    def __init__(self, width: float) -> None:
        self.paths: dict[int, _Path] = {}
        self._width = width
        self._best_score = -math.inf

    def add(
        self,
        score: float,
        state: int,
        before: _Path,
        start: int,
        end: int,
        text: str,
        tokens: str,
        cost: float,
        source: str,
    ) -> None:
        """Adds the path `before` and one piece, unless a better path is in the same state."""
        if score < self._best_score - self._width:
            return
        kept = self.paths.get(state)
        if kept is None or kept[0] < score:
            self.paths[state] = (score, state, before, start, end, text, tokens, cost, source)
            if score > self._best_score:
                self._best_score = score

    def best(self, size: int) -> list[_Path]:
        """The best of the paths, at most `size`."""
        limit = self._best_score - self._width
        return nlargest(size, [path for path in self.paths.values() if path[0] >= limit], key=itemgetter(0))


def _pieces(path: _Path) -> tuple[Piece, ...]:
    pieces = []
    while path[2] is not None:
        pieces.append(Piece(*path[3:]))
        path = path[2]
    return tuple(reversed(pieces))


def _homophones(model: LanguageModel) -> dict[str, list[str]]:
    """The most usual characters of every syllable."""
    by_letters: dict[str, list[str]] = {}
    for char, _ in sorted(model.unigrams().items(), key=lambda item: -item[1]):
        for syllable in readings(char)[:1]:
            chars = by_letters.setdefault(syllable.letters, [])
            if len(chars) < _HOMOPHONES:
                chars.append(char)
    return by_letters
