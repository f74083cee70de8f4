"""Searching for the best text, one decoder step at a time: greedy and beam, with biasing towards hot words.

A search is fed the decoder's scores and says which tokens to feed next; it knows nothing of models or batches, so that
searches of many utterances can share a decoder run while each is at a step of its own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from voxcart_services.asr.biasing import ROOT, ContextGraph

_MAX_LOOP_PERIOD = 12
_SINGLE_REPEATS = 7
_GROUP_REPEATS = 4
_NEAR = 10.0


@dataclass(frozen=True)
class SearchRules:
    """What a search is allowed to write.

    Attributes:
        end: The end token.
        suppressed: float32 `[vocabulary]`, 0 or -inf.
        suppressed_first: The same for the first token.
        limit: Most tokens of a text.
        bias: Hot words, or none.
    """

    end: int
    suppressed: np.ndarray
    suppressed_first: np.ndarray
    limit: int
    bias: ContextGraph | None = None


@dataclass(frozen=True)
class Found:
    """A text.

    Attributes:
        tokens: Without the end token.
        log_probs: Of the tokens and the end token, as the model gives them (no biasing); without the end token's when
            the text was cut.
        rank: What the texts of a search are compared by: mean score, in a beam with biasing.
        is_loop: It repeated itself; the first time is kept.
    """

    tokens: tuple[int, ...]
    log_probs: tuple[float, ...]
    rank: float
    is_loop: bool = False

    @property
    def mean_log_prob(self) -> float:
        """Mean over tokens and end token; 0 of nothing."""
        return float(np.mean(self.log_probs)) if self.log_probs else 0.0


@dataclass(frozen=True)
class Move:
    """What to feed next: int64 tokens and, for each, the row of the step before that it goes on from."""

    parents: np.ndarray
    tokens: np.ndarray


class Search(ABC):
    """One utterance's search. `advance` is called until it returns `None`; then `results` has what was found."""

    width: int
    """Rows that `advance` is given after its first call, which gets one."""

    @abstractmethod
    def advance(self, logits: np.ndarray) -> Move | None:
        """Takes the scores of what may follow each row.

        Args:
            logits: float32 `[1, vocabulary]` at the first call, then `[width, vocabulary]`.

        Returns:
            What to feed, `width` rows, or none when the search is over.
        """

    @property
    @abstractmethod
    def results(self) -> list[Found]:
        """Texts found so far, the best first; at least one when the search is over."""


@dataclass(frozen=True)
class _Path:
    tokens: tuple[int, ...] = ()
    log_probs: tuple[float, ...] = ()
    score: float = 0.0
    state: int = ROOT

    def found(self, *, is_loop: bool = False) -> Found:
        return Found(self.tokens, self.log_probs, self.score / max(1, len(self.log_probs)), is_loop)


class GreedySearch(Search):
    """Takes the most likely token at every step; tokens of hot words get their gains, which are never taken back.

    With hot words its text is to be compared with that of a search without them. Its rank is without gains.
    """

    width = 1

    def __init__(self, rules: SearchRules) -> None:
        self._rules = rules
        self._path = _Path()
        self._is_loop = False

    @property
    def tokens(self) -> tuple[int, ...]:
        """Text so far."""
        return self._path.tokens

    @property
    def results(self) -> list[Found]:
        return [self._path.found(is_loop=self._is_loop)]

    def advance(self, logits: np.ndarray) -> Move | None:
        rules, path = self._rules, self._path
        row = logits[0] + (rules.suppressed if path.tokens else rules.suppressed_first)
        normaliser = _log_sum(row)
        state = path.state
        if rules.bias is None:
            token = int(row.argmax())
        else:
            favoured, gains = rules.bias.gains(state)
            biased = row.copy()
            biased[favoured] += gains
            token = int(biased.argmax())
            state = rules.bias.forward_one_step(state, token, strict=False).state
        log_prob = float(row[token]) - normaliser
        log_probs, score = (*path.log_probs, log_prob), path.score + log_prob
        if token == rules.end:
            self._path = _Path(path.tokens, log_probs, score)
            return None
        self._path = path = _Path((*path.tokens, token), log_probs, score, state)
        kept = unlooped_length(path.tokens)
        if kept is not None:
            self._is_loop = True
            self._path = _Path(path.tokens[:kept], path.log_probs[:kept], path.score)
            return None
        if len(path.tokens) >= rules.limit:
            return None
        return Move(np.zeros(1, dtype=np.int64), np.array([token], dtype=np.int64))


class BeamSearch(Search):
    """Follows several texts at a time; texts are compared by mean score, as long texts always have the lower sum.

    The search is over when `num_results` texts have ended and none that is followed has a better mean, when as many
    have ended as are followed, or at the limit.
    """

    def __init__(self, rules: SearchRules, width: int, num_results: int = 1) -> None:
        self.width = width
        self._rules = rules
        self._num_results = min(num_results, width)
        self._paths = [_Path()]
        self._ended: list[Found] = []

    @property
    def results(self) -> list[Found]:
        found = self._ended or [path.found() for path in self._paths]
        return sorted(found, key=lambda text: -text.rank)

    def advance(self, logits: np.ndarray) -> Move | None:
        rules = self._rules
        candidates = self._candidates(logits[: len(self._paths)])
        paths: list[_Path] = []
        rows: list[int] = []
        for parent, token, log_prob in candidates:
            path = self._extended(self._paths[parent], token, log_prob)
            if token == rules.end:
                self._ended.append(path.found())
            elif (kept := unlooped_length(path.tokens)) is not None:
                cut = _Path(path.tokens[:kept], path.log_probs[:kept], path.score * kept / len(path.tokens))
                self._ended.append(cut.found(is_loop=True))
            else:
                paths.append(path)
                rows.append(parent)
            if len(paths) == self.width:
                break
        if not paths:
            return None
        self._paths = paths
        if self._is_over():
            return None
        while len(rows) < self.width:  # the vocabulary ran out of allowed tokens: keep the batch rectangular
            rows.append(rows[0])
        fed = [path.tokens[-1] for path in paths] + [rules.end] * (self.width - len(paths))
        return Move(np.array(rows, dtype=np.int64), np.array(fed, dtype=np.int64))

    def _candidates(self, logits: np.ndarray) -> list[tuple[int, int, float]]:
        """The best ways to go on from any path, the best first: path, token, log probability without biasing."""
        rules, wanted = self._rules, 2 * self.width
        found: list[tuple[float, int, int, float]] = []
        for index, path in enumerate(self._paths):
            row = logits[index] + (rules.suppressed if path.tokens else rules.suppressed_first)
            normaliser = _log_sum(row)
            biased = row
            if rules.bias is not None:
                bonuses = rules.bias.bonuses(path.state)
                biased = row + np.float32(bonuses.default)
                biased[bonuses.tokens] += bonuses.scores - np.float32(bonuses.default)
            found += [
                (path.score + float(biased[token]) - normaliser, index, int(token), float(row[token]) - normaliser)
                for token in _best(biased, wanted)
            ]
        found.sort(key=lambda candidate: -candidate[0])
        return [candidate[1:] for candidate in found[:wanted]]

    def _extended(self, path: _Path, token: int, log_prob: float) -> _Path:
        log_probs, score, bias = (*path.log_probs, log_prob), path.score + log_prob, self._rules.bias
        if token == self._rules.end:
            left = bias.finalize(path.state)[0] if bias is not None else 0.0
            return _Path(path.tokens, log_probs, score + left)
        if bias is None:
            return _Path((*path.tokens, token), log_probs, score)
        step = bias.forward_one_step(path.state, token, strict=False)
        return _Path((*path.tokens, token), log_probs, score + step.score, step.state)

    def _is_over(self) -> bool:
        if len(self._paths[0].tokens) >= self._rules.limit:
            return True
        if len(self._ended) >= self.width:
            return True
        if len(self._ended) < self._num_results:
            return False
        best = max(text.rank for text in self._ended)
        return all(path.score / len(path.log_probs) <= best for path in self._paths)


def unlooped_length(tokens: tuple[int, ...]) -> int | None:
    """Number of tokens to keep when the end of `tokens` is a loop, else `None`.

    A loop is a group of up to 12 tokens said 4 times in a row, or 7 times when it is a single token (a digit may be
    repeated in a number); the first time is kept.
    """
    for period in range(1, _MAX_LOOP_PERIOD + 1):
        repeats = _SINGLE_REPEATS if period == 1 else _GROUP_REPEATS
        span = period * repeats
        if len(tokens) < span:
            break
        tail = tokens[-span:]
        if tail[period:] == tail[:-period]:
            return len(tokens) - span + period
    return None


def _best(row: np.ndarray, count: int) -> np.ndarray:
    """Places of the highest finite scores, in no order; what is far below is left out unless few are near."""
    near = np.flatnonzero(row > row.max() - _NEAR)
    if len(near) < count:
        near = np.flatnonzero(np.isfinite(row))
    if len(near) <= count:
        return near
    return near[np.argpartition(row[near], len(near) - count)[-count:]]


def _log_sum(row: np.ndarray) -> float:
    """Logarithm of the sum of exponentials."""
    top = row.max()
    return float(top + np.log(np.exp(row - top).sum()))
