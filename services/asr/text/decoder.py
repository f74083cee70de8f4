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
from heapq import nlargest
from operator import itemgetter
from typing import Any, NamedTuple

from voxcart_services.asr.text.language_model import LanguageModel
from voxcart_services.asr.text.names import NameMatch
from voxcart_services.asr.text.pairs import PairIndex
from voxcart_services.asr.text.sounds import HeardSounds
from voxcart_services.asr.text.substitutes import Candidate, Substitutes
from voxcart_services.asr.text.tokens import END, NAME


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
        open_surprise: Nats by which the language model must be surprised for others to be tried.
    """

    lm_weight: float = 0.7
    substitution_cost: float = 1.0
    deletion_cost: float = 9.0
    beam_size: int = 8
    beam_width: float = 9.0
    num_candidates: int = 4
    open_surprise: float = 3.5


class Unit(NamedTuple):
    """One piece of the text: a Han character, a digit, or a run of digits or letters, which stays as it is.

    `heard` is the character that it sounds like, "" for none; `weight` scales the cost of replacing it: 1 normally,
    more where the recogniser was sure.
    """

    text: str
    token: str
    heard: str = ""
    weight: float = 1.0


class NameArc(NamedTuple):
    """A name that may have been said; `logprob` is that of the name among all names, `token` the language model's."""

    match: NameMatch
    logprob: float
    source: str
    token: str = NAME


class Piece(NamedTuple):
    """What a reading has in place of the units `[start, end)`.

    `tokens` are those of the language model, `cost` is that of hearing what stands in the text. `source` is "" for
    characters, else whose name it is; `prior` is what it costs to be that name among all.
    """

    start: int
    end: int
    text: str
    tokens: str
    cost: float = 0.0
    source: str = ""
    prior: float = 0.0


class Reading(NamedTuple):
    """A way to read the sentence."""

    score: float
    pieces: tuple[Piece, ...]


# The beginning of a reading: score, state of the language model, the path before its last piece, the fields of that
# piece. Plain tuples, because hundreds are made for a sentence.
_PieceFields = tuple[int, int, str, str, float, str, float]
_Path = tuple[float, int, Any, _PieceFields]


class SentenceDecoder:
    """Holds the caches; not to be used by two threads at a time."""

    def __init__(self, model: LanguageModel, sounds: HeardSounds, rules: DecoderRules) -> None:
        self.rules = rules
        self._model = model
        self._pairs = PairIndex(model, sounds, rules.lm_weight)
        self._substitutes = Substitutes(model, sounds, rules.lm_weight, rules.num_candidates)

    def decode(self, units: Sequence[Unit], names: Sequence[NameArc]) -> Reading:
        """The best reading of a sentence."""
        rules, weight, step = self.rules, self.rules.lm_weight, self._model.step
        arcs, is_open = self._name_pieces(units, names), self._open(units)
        beams = [_Beam(rules.beam_width) for _ in range(len(units) + 1)]
        beams[0].paths[self._model.begin] = (0.0, self._model.begin, None, (0, 0, "", "", 0.0, "", 0.0))
        for position, unit in enumerate(units):
            paths = beams[position].best(rules.beam_size)
            pairs = self._pair_pieces(units, position) if all(is_open[position : position + 2]) else ()
            others: Sequence[Sequence[Candidate]] = [()] * len(paths)
            if is_open[position]:
                others = self._substitutes.find([path[1] for path in paths], unit.heard)
            for path, candidates in zip(paths, others, strict=True):
                self._extend(path, position, unit, beams[position + 1], candidates)
                if pairs:
                    self._extend_by_pairs(path, pairs, beams[position + 2])
                for piece in arcs[position]:
                    logprob, state = step(path[1], piece[3])
                    beams[piece[1]].add(path[0] + weight * logprob - piece[4] - piece[6], state, path, piece)
        finals = [(path[0] + weight * step(path[1], END)[0], path) for path in beams[-1].paths.values()]
        score, best = max(finals, key=itemgetter(0))
        return Reading(score, _pieces(best))

    def score(self, pieces: Sequence[Piece]) -> float:
        """Score of a given reading; comparable with `Reading.score`."""
        total, state = 0.0, self._model.begin
        for piece in pieces:
            total -= piece.cost + piece.prior
            for token in piece.tokens:
                logprob, state = self._model.step(state, token)
                total += self.rules.lm_weight * logprob
        return total + self.rules.lm_weight * self._model.step(state, END)[0]

    def surprises(self, pieces: Sequence[Piece]) -> list[float]:
        """Nats by which each piece of a reading, and then its end, surprise the language model.

        About 3 on average in a shop, 5 and more elsewhere; a piece without a token is 0.
        """
        found, state = [], self._model.begin
        for tokens in [*(piece.tokens for piece in pieces), END]:
            total = 0.0
            for token in tokens:
                logprob, state = self._model.step(state, token)
                total -= logprob
            found.append(total)
        return found

    def _open(self, units: Sequence[Unit]) -> list[bool]:
        """Which units may be replaced: those that surprise the language model, or make what follows surprising.

        Elsewhere no other reading can gain enough to be taken.
        """
        plain = [Piece(i, i + 1, unit.text, unit.token) for i, unit in enumerate(units)]
        surprises, least = self.surprises(plain), self.rules.open_surprise
        return [bool(unit.heard) and max(surprises[i : i + 2]) >= least for i, unit in enumerate(units)]

    def _extend(self, path: _Path, position: int, unit: Unit, beam: _Beam, candidates: Sequence[Candidate]) -> None:
        """Adds the unit as it is, and what else it may be."""
        rules, end, weight = self.rules, position + 1, self.rules.lm_weight
        score, state = path[0], path[1]
        logprob, after = self._model.step(state, unit.token)
        beam.add(score + weight * logprob, after, path, (position, end, unit.text, unit.token, 0.0, "", 0.0))
        if not candidates:
            return
        base, limit = rules.substitution_cost * unit.weight, beam.limit
        for char, cost, logprob, after in candidates:
            cost = base + cost * unit.weight
            extended = score + weight * logprob - cost
            if extended >= limit:
                beam.add(extended, after, path, (position, end, char, char, cost, "", 0.0))
        cost = rules.deletion_cost * unit.weight
        if score - cost >= limit:
            beam.add(score - cost, state, path, (position, end, "", "", cost, "", 0.0))

    def _pair_pieces(self, units: Sequence[Unit], position: int) -> list[_PieceFields]:
        """Two characters that belong together in the place of two units."""
        if position + 1 == len(units):
            return []
        first, second = units[position], units[position + 1]
        pieces = []
        for pair in self._pairs.search(first.heard, second.heard):
            changed = first.weight * pair.first_changed + second.weight * pair.second_changed
            cost = pair.first_cost * first.weight + pair.second_cost * second.weight
            cost += self.rules.substitution_cost * changed
            pieces.append((position, position + 2, pair.chars, pair.chars, cost, "", 0.0))
        return pieces

    def _extend_by_pairs(self, path: _Path, pairs: list[_PieceFields], beam: _Beam) -> None:
        weight, step = self.rules.lm_weight, self._model.step
        for piece in pairs:
            score = path[0] - piece[4]
            if score < beam.limit:
                continue
            chars = piece[2]
            logprob, state = step(path[1], chars[0])
            score += weight * logprob
            if score >= beam.limit:
                logprob, state = step(state, chars[1])
                beam.add(score + weight * logprob, state, path, piece)

    def _name_pieces(self, units: Sequence[Unit], names: Sequence[NameArc]) -> list[list[_PieceFields]]:
        """By where they start; of names with the same place and token the cheapest, for the model knows no other."""
        best: list[dict[tuple[int, str], _PieceFields]] = [{} for _ in units]
        for arc in names:
            start, end = arc.match.start, arc.match.start + arc.match.length
            cost, prior = self._name_cost(arc, units), -self.rules.lm_weight * arc.logprob
            kept = best[start].get((end, arc.token))
            if kept is None or cost + prior < kept[4] + kept[6]:
                best[start][end, arc.token] = (start, end, arc.match.name, arc.token, cost, arc.source, prior)
        return [list(pieces.values()) for pieces in best]

    def _name_cost(self, arc: NameArc, units: Sequence[Unit]) -> float:
        match = arc.match
        if not match.changed:
            return 0.0
        weights = [unit.weight for unit in units[match.start : match.start + match.length]]
        return (match.cost + self.rules.substitution_cost * match.changed) * sum(weights) / len(weights)


class _Beam:
    """The best path into every state at one position; those far behind the best are not taken in.

    Attributes:
        limit: The least score that is taken in.
    """

    __slots__ = ("_width", "limit", "paths")

    def __init__(self, width: float) -> None:
        self.paths: dict[int, _Path] = {}
        self._width = width
        self.limit = -math.inf

    def add(self, score: float, state: int, before: _Path, piece: _PieceFields) -> None:
        """Adds the path `before` and one piece, unless a better path is in the same state."""
        if score < self.limit:
            return
        kept = self.paths.get(state)
        if kept is None or kept[0] < score:
            self.paths[state] = (score, state, before, piece)
            if score - self._width > self.limit:
                self.limit = score - self._width

    def best(self, size: int) -> list[_Path]:
        """The best of the paths, at most `size`."""
        return nlargest(size, [path for path in self.paths.values() if path[0] >= self.limit], key=itemgetter(0))


def _pieces(path: _Path) -> tuple[Piece, ...]:
    pieces = []
    while path[2] is not None:
        pieces.append(Piece(*path[3]))
        path = path[2]
    return tuple(reversed(pieces))
