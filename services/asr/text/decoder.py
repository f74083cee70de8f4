"""Finds what was most likely said, given what the recogniser wrote: a beam search over whole sentences.

Noisy channel (Kernighan, Church and Gale, COLING 1990; for homophones of Mandarin as in pinyin input, Chen and Lee, ACL
2000): a reading of the sentence is scored by the language model, and by what each of its characters costs where the
recogniser wrote another (see `channel`). A character is replaced only by one that may have been heard as it. Names of
the catalogue and hot words come in whole, as one token of the language model, so that a name it never saw has its place
in the sentence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from voxcart_services.asr.text.channel import SoundChannel
from voxcart_services.asr.text.language_model import LanguageModel
from voxcart_services.asr.text.names import READING_COST, HeardSounds, NameMatch
from voxcart_services.asr.text.pairs import PairIndex, PairMatch
from voxcart_services.asr.text.syllables import readings
from voxcart_services.asr.text.tokens import END, NAME

_MAX_CACHED = 20_000
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
    substitution_cost: float = 2.0
    deletion_cost: float = 9.0
    beam_size: int = 14
    beam_width: float = 11.0
    num_candidates: int = 8


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


class _Path(NamedTuple):
    """The beginning of a reading; `last` is its last piece, `before` what comes before that."""

    score: float
    state: int
    before: _Path | None = None
    last: Piece | None = None


class _Candidate(NamedTuple):
    """A character in the place of another, in a context."""

    char: str
    cost: float
    logprob: float
    state: int


class SentenceDecoder:
    """Holds the caches; not to be used by two threads at a time."""

    def __init__(self, model: LanguageModel, channel: SoundChannel, sounds: HeardSounds, rules: DecoderRules) -> None:
        self.rules = rules
        self._model = model
        self._channel = channel
        self._pairs = PairIndex(model, sounds, rules.lm_weight)
        self._candidates: dict[tuple[int, str], list[_Candidate]] = {}
        self._by_sound: dict[int, dict[str, list[_Follower]]] = {}
        self._homophones = _homophones(model)

    def decode(self, units: Sequence[Unit], names: Sequence[NameArc]) -> Reading:
        """The best reading of a sentence."""
        arcs: list[list[NameArc]] = [[] for _ in units]
        for arc in names:
            arcs[arc.match.start].append(arc)
        beams: list[dict[int, _Path]] = [{} for _ in range(len(units) + 1)]
        beams[0][self._model.begin] = _Path(0.0, self._model.begin)
        for position, unit in enumerate(units):
            pairs = self._pairs_at(units, position)
            for path in self._best(beams[position]):
                self._extend(path, position, unit, beams[position + 1])
                if pairs:
                    self._extend_by_pairs(path, position, units, pairs, beams[position + 2])
                for arc in arcs[position]:
                    self._extend_by_name(path, arc, units, beams)
        weight, step = self.rules.lm_weight, self._model.step
        finals = [(path.score + weight * step(path.state, END)[0], path) for path in beams[-1].values()]
        score, best = max(finals, key=lambda final: final[0])
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

    def _best(self, paths: dict[int, _Path]) -> list[_Path]:
        kept = sorted(paths.values(), key=lambda path: path.score, reverse=True)[: self.rules.beam_size]
        return [path for path in kept if path.score > kept[0].score - self.rules.beam_width]

    def _extend(self, path: _Path, position: int, unit: Unit, beam: dict[int, _Path]) -> None:
        """Adds the unit as it is, and what else it may be."""
        rules = self.rules
        logprob, state = self._model.step(path.state, unit.token)
        _add(beam, path, path.score + rules.lm_weight * logprob, state, (position, unit.text, unit.token, 0.0))
        if not unit.is_open:
            return
        base = rules.substitution_cost * unit.weight
        for char, cost, logprob, state in self._substitutes(path.state, unit.heard):
            cost = base + cost * unit.weight
            _add(beam, path, path.score + rules.lm_weight * logprob - cost, state, (position, char, char, cost))
        cost = rules.deletion_cost * unit.weight
        _add(beam, path, path.score - cost, path.state, (position, "", "", cost))

    def _pairs_at(self, units: Sequence[Unit], position: int) -> list[PairMatch]:
        if position + 1 == len(units) or not (units[position].is_open and units[position + 1].is_open):
            return []
        return self._pairs.search(units[position].heard, units[position + 1].heard)

    def _extend_by_pairs(
        self, path: _Path, position: int, units: Sequence[Unit], pairs: list[PairMatch], beam: dict[int, _Path]
    ) -> None:
        """Adds two characters that belong together in the place of two units."""
        rules, step = self.rules, self._model.step
        first, second = units[position].weight, units[position + 1].weight
        for pair in pairs:
            logprob, state = step(path.state, pair.chars[0])
            second_logprob, state = step(state, pair.chars[1])
            cost = pair.first_cost * first + pair.second_cost * second
            cost += rules.substitution_cost * (first * pair.first_changed + second * pair.second_changed)
            score = path.score + rules.lm_weight * (logprob + second_logprob) - cost
            kept = beam.get(state)
            if kept is None or kept.score < score:
                piece = Piece(position, position + 2, pair.chars, pair.chars, cost)
                beam[state] = _Path(score, state, path, piece)

    def _extend_by_name(self, path: _Path, arc: NameArc, units: Sequence[Unit], beams: list[dict[int, _Path]]) -> None:
        match = arc.match
        end = match.start + len(match.name)
        weights = [units[i].weight for i in range(match.start, end) if units[i].heard != match.name[i - match.start]]
        weight = sum(weights) / len(weights) if weights else 1.0
        heard = (match.cost + self.rules.substitution_cost * match.changed) * weight
        cost = heard - self.rules.lm_weight * arc.logprob
        logprob, state = self._model.step(path.state, NAME)
        score = path.score + self.rules.lm_weight * logprob - cost
        kept = beams[end].get(state)
        if kept is None or kept.score < score:
            piece = Piece(match.start, end, match.name, NAME, cost, arc.source)
            beams[end][state] = _Path(score, state, path, piece)

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
        best: dict[str, _Candidate] = {}
        for rank, syllable in enumerate(readings(heard)):
            penalty = READING_COST if rank else 0.0
            confusable = self._channel.confusable(syllable.letters)
            for char in self._homophones.get(syllable.letters, ()):
                if char != heard and char not in best:
                    tone = min(self._channel.tone_cost(said.tone, syllable.tone) for said in readings(char))
                    best[char] = _Candidate(char, penalty + tone, *self._model.step(state, char))
            for follower, weight in self._followers(state, confusable):
                char = follower.char
                cost = penalty + follower.penalty + confusable[follower.letters]
                cost += self._channel.tone_cost(follower.tone, syllable.tone)
                if char != heard and (char not in best or best[char].cost > cost):
                    best[char] = _Candidate(char, cost, weight + follower.logprob, follower.state)
        ranked = sorted(best.values(), key=lambda found: found.cost - self.rules.lm_weight * found.logprob)
        return ranked[: self.rules.num_candidates]

    def _followers(self, state: int, confusable: Mapping[str, float]) -> Iterator[tuple[_Follower, float]]:
        """Characters seen after a context that sound alike, with the log weight of the context they were seen after."""
        weight, seen = 0.0, set[str]()
        while state:
            groups = self._grouped(state)
            few, many = (groups, confusable) if len(groups) < len(confusable) else (confusable, groups)
            for letters in few:
                if letters in many:
                    for follower in groups[letters]:
                        if follower.char not in seen:
                            yield follower, weight
            seen.update(self._model.followers(state))
            state, backoff = self._model.shorter(state)
            weight += backoff

    def _grouped(self, state: int) -> dict[str, list[_Follower]]:
        """The followers of a context by syllable."""
        groups = self._by_sound.get(state)
        if groups is None:
            if len(self._by_sound) >= _MAX_CACHED:
                self._by_sound.clear()
            groups = {}
            for char, (logprob, after) in self._model.followers(state).items():
                for rank, syllable in enumerate(readings(char)):
                    follower = _Follower(
                        char, syllable.letters, syllable.tone, READING_COST * (rank > 0), logprob, after
                    )
                    groups.setdefault(syllable.letters, []).append(follower)
            self._by_sound[state] = groups
        return groups


class _Follower(NamedTuple):
    """A reading of a character seen after a context."""

    char: str
    letters: str
    tone: int
    penalty: float
    logprob: float
    state: int


def _add(beam: dict[int, _Path], path: _Path, score: float, state: int, piece: tuple[int, str, str, float]) -> None:
    """Adds a path by one piece of one unit unless a better one is in the same state."""
    kept = beam.get(state)
    if kept is None or kept.score < score:
        position, text, tokens, cost = piece
        beam[state] = _Path(score, state, path, Piece(position, position + 1, text, tokens, cost))


def _pieces(path: _Path) -> tuple[Piece, ...]:
    pieces = []
    while path.last is not None and path.before is not None:
        pieces.append(path.last)
        path = path.before
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
