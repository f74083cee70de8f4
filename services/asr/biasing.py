"""Makes listed phrases more likely while tokens are decoded: an Aho-Corasick automaton with scores.

Every token of a phrase earns the phrase's score as soon as it is decoded, so that the phrase survives in the beam
before it is complete. When a path leaves a phrase half way, what it earned is taken back, except for the part that is
also the beginning of another phrase (Aho and Corasick, "Efficient string matching", CACM 1975, with the scores of the
context graph of k2/icefall and sherpa-onnx, whose results are met to the last bit). A step costs one dictionary look-up
and, when a phrase is left, a few more; it does not depend on the number of phrases.
"""

from __future__ import annotations

import functools
import threading
from array import array
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from ctypes import c_float
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from voxcart_services.asr.recognition import HotWord

ROOT = 0
"""State before any token of any phrase."""
_MAX_ROWS = 256
_MAX_SPELLINGS = 20_000
_NO_CHILDREN: dict[int, int] = {}


@dataclass(frozen=True, slots=True)
class BiasPhrase:
    """A phrase to favour.

    Attributes:
        tokens: Its token ids; an empty row is left out.
        score: Log probability added for each of them; 0 means the graph's own.
        text: What it stands for.
        threshold: Mean probability of its tokens from which a keyword counts as spoken; 0 means the graph's own.
    """

    tokens: tuple[int, ...]
    score: float = 0.0
    text: str = ""
    threshold: float = 0.0


class Step(NamedTuple):
    """What one token does: log probability to add, the state after it, and the state whose phrase ends with it."""

    score: float
    state: int
    matched: int | None


class BonusRow(NamedTuple):
    """`forward_one_step` over the whole vocabulary, sparsely.

    Attributes:
        tokens: int64 [n], distinct ids that go on with a phrase or begin one.
        scores: float32 [n], what each of them adds.
        default: What every other token adds: 0, or less when it leaves a phrase.
        gains: float32 [n], the score of each token in the phrase that it goes on with or begins.
    """

    tokens: np.ndarray
    scores: np.ndarray
    default: float
    gains: np.ndarray


class ContextGraph:
    """Phrases as an automaton. Immutable and light to share: states are integers that the hypotheses keep.

    Phrases that share a beginning share its states, and the highest score counts there. States behind it keep what was
    added up when they were made: list the phrases by falling score, and every path adds up exactly.
    """

    def __init__(self, phrases: Iterable[BiasPhrase], context_score: float = 1.0, ac_threshold: float = 0.0) -> None:
        """Builds the automaton; about 5 us a token.

        Args:
            phrases: In any order.
            context_score: Log probability for each token of phrases that bring none.
            ac_threshold: Threshold of phrases that bring none.
        """
        listed = list(phrases)
        size = 1 + sum(len(phrase.tokens) for phrase in listed)
        self._children = [_NO_CHILDREN] * size
        self._levels = [0] * size
        self._token_scores, self._node_scores, self._output_scores = (array("f", bytes(4 * size)) for _ in range(3))
        self._texts: dict[int, str] = {}
        self._thresholds: dict[int, float] = {}
        self._num_states = 1
        for phrase in listed:
            self._add(phrase, phrase.score or context_score, phrase.threshold or ac_threshold)
        for column in (self._children, self._levels, self._token_scores, self._node_scores, self._output_scores):
            del column[self._num_states :]
        self._fail = [ROOT] * self._num_states
        self._output: list[int | None] = [None] * self._num_states
        self._link()
        self._first = self._as_arrays(self._children[ROOT])
        self._rows: dict[tuple[int, bool], BonusRow] = {}

    @property
    def num_states(self) -> int:
        """States with the root."""
        return self._num_states

    def forward_one_step(self, state: int, token: int, strict: bool = True) -> Step:
        """Follows one token.

        Args:
            state: `ROOT` or what a step before gave.
            token: Token id.
            strict: A complete phrase earns its scores a second time and stays open for longer phrases; what it earned
                first is taken back when it is left. Else a complete phrase keeps what it earned and the search begins
                anew at the root.
        """
        node = self._children[state].get(token)
        if node is not None:
            return self._arrive(node, self._token_scores[node], strict)
        source = state
        while source != ROOT:
            source = self._fail[source]
            node = self._children[source].get(token)
            if node is not None:
                break
        node = ROOT if node is None else node
        return self._arrive(node, _single(self._node_scores[node] - self._node_scores[state]), strict)

    def finalize(self, state: int) -> tuple[float, int]:
        """Takes back what an unfinished phrase earned; to be added when a path ends.

        Returns:
            The score to add and the root.
        """
        return -self._node_scores[state], ROOT

    def is_matched(self, state: int) -> tuple[bool, int | None]:
        """Whether a phrase ends in this state, and the state that stands for the longest such phrase."""
        matched = state if state in self._texts else self._output[state]
        return matched is not None, matched

    def text(self, state: int) -> str:
        """The phrase that ends in this state; empty if none does."""
        return self._texts.get(state, "")

    def threshold(self, state: int) -> float:
        """The threshold of the phrase that ends in this state; 0 if none does."""
        return self._thresholds.get(state, 0.0)

    def level(self, state: int) -> int:
        """Number of tokens from the root."""
        return self._levels[state]

    def earned(self, state: int) -> float:
        """What the open phrase of this state has earned so far; taken back when it is left."""
        return self._node_scores[state]

    def path_score(self, tokens: Iterable[int]) -> float:
        """What a finished row of tokens earns: the scores of the phrases it completes, one after another."""
        total, state = 0.0, ROOT
        for token in tokens:
            score, state, _ = self.forward_one_step(state, token, strict=False)
            total += score
        return total + self.finalize(state)[0]

    def gains(self, state: int) -> tuple[np.ndarray, np.ndarray]:
        """What a greedy search favours: tokens that go on with a phrase or begin one, and their own scores.

        Unlike `bonuses` nothing is taken back, since a greedy search cannot return to where it went astray. It follows
        the states of `forward_one_step(..., strict=False)` and must be compared with an unbiased search in the end:
        the better sum of log probabilities and `path_score` wins.

        Returns:
            Ids, int64 [n], and log probabilities to add, float32 [n].
        """
        row = self.bonuses(state)
        return row.tokens, row.gains

    def bonuses(self, state: int, strict: bool = False) -> BonusRow:
        """`forward_one_step(state, token, strict).score` for every token at once.

        To add it to log probabilities `row` of a hypothesis: `row += default; row[tokens] += scores - default`.
        """
        key = (state, strict)
        row = self._rows.get(key)
        if row is None:
            row = self._make_row(state, strict)
            if len(self._rows) >= _MAX_ROWS:
                self._rows.clear()
            self._rows[key] = row
        return row

    def _make_row(self, state: int, strict: bool) -> BonusRow:
        node_scores = np.frombuffer(self._node_scores, np.float32)
        nodes = dict(self._children[state])
        num_children = len(nodes)
        source = state
        while source != ROOT and (source := self._fail[source]) != ROOT:
            for token, node in self._children[source].items():
                nodes.setdefault(token, node)
        tokens, targets = self._as_arrays(nodes)
        if state != ROOT:
            first_tokens, first_targets = self._first
            is_new = np.isin(first_tokens, tokens, invert=True)
            tokens = np.concatenate([tokens, first_tokens[is_new]])
            targets = np.concatenate([targets, first_targets[is_new]])
        scores = node_scores[targets] - node_scores[state]
        gains = np.frombuffer(self._token_scores, np.float32)[targets]
        scores[:num_children] = gains[:num_children]
        scores = self._arrive_all(targets, scores, strict)
        tokens.flags.writeable = scores.flags.writeable = gains.flags.writeable = False
        return BonusRow(tokens, scores, -self._node_scores[state], gains)

    def _arrive_all(self, targets: np.ndarray, scores: np.ndarray, strict: bool) -> np.ndarray:
        """`_arrive` for many states: int64 [n] states, float32 [n] scores before; gives float32 [n]."""
        output_scores = np.frombuffer(self._output_scores, np.float32)[targets]
        if strict:
            return scores + output_scores
        for index in np.flatnonzero(output_scores):
            scores[index] = self._arrive(int(targets[index]), float(scores[index]), strict).score
        return scores

    @staticmethod
    def _as_arrays(nodes: dict[int, int]) -> tuple[np.ndarray, np.ndarray]:
        return np.fromiter(nodes.keys(), np.int64, len(nodes)), np.fromiter(nodes.values(), np.int64, len(nodes))

    def _arrive(self, node: int, score: float, strict: bool) -> Step:
        is_end = node in self._texts
        matched = node if is_end else self._output[node]
        output_score = self._output_scores[node]
        if strict or output_score == 0:
            return Step(_single(score + output_score), node, matched)
        if matched is None or is_end:
            return Step(score, ROOT, matched)
        kept = _single(score + self._node_scores[matched])
        return Step(_single(kept - self._node_scores[node]), ROOT, matched)

    def _add(self, phrase: BiasPhrase, score: float, threshold: float) -> None:
        children, token_scores, node_scores = self._children, self._token_scores, self._node_scores
        parent = ROOT
        for level, token in enumerate(phrase.tokens, 1):
            node = children[parent].get(token)
            if node is None:
                node = self._num_states
                self._num_states += 1
                token_scores[node] = score
                self._levels[node] = level
                if children[parent]:
                    children[parent][token] = node
                else:
                    children[parent] = {token: node}
            elif score > token_scores[node]:
                token_scores[node] = score
            node_scores[node] = node_scores[parent] + token_scores[node]
            if node in self._texts:
                self._output_scores[node] = node_scores[node]
            parent = node
        if parent != ROOT:
            self._output_scores[parent] = node_scores[parent]
            self._texts[parent] = phrase.text
            self._thresholds[parent] = _single(threshold)

    def _link(self) -> None:
        """Fail and output links, breadth first; a state's output score gathers those of the phrases ending in it."""
        children, fail, ends, output = self._children, self._fail, self._texts, self._output
        waiting = deque(children[ROOT].values())
        while waiting:
            parent = waiting.popleft()
            for token, node in children[parent].items():
                source = fail[parent]
                while source != ROOT and token not in children[source]:
                    source = fail[source]
                target = children[source].get(token, ROOT)
                fail[node] = target
                ending = target if target in ends else output[target]
                if ending is not None:
                    output[node] = ending
                    self._output_scores[node] += self._output_scores[ending]
                waiting.append(node)


class GraphCache:
    """Graphs by word set: the same words are tokenised and linked once, whoever has them. Safe to share by threads."""

    def __init__(
        self,
        tokenize: Callable[[str], Iterable[Sequence[int]]],
        context_score: float,
        max_graphs: int = 64,
    ) -> None:
        """Nothing is built yet.

        Args:
            tokenize: Gives the ways in which a word may be spelled in tokens (with and without a space before it, ...);
                none if it cannot be. Asked once a word, for the 20,000 words used last.
            context_score: Log probability added a token at boost 1.
            max_graphs: Graphs kept; the one unused for longest goes first.
        """
        self._spellings = functools.lru_cache(maxsize=_MAX_SPELLINGS)(lambda word: tuple(map(tuple, tokenize(word))))
        self._context_score = context_score
        self._max_graphs = max_graphs
        self._graphs: OrderedDict[tuple[HotWord, ...], ContextGraph] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, hot_words: tuple[HotWord, ...]) -> ContextGraph | None:
        """The graph of these words; `None` when nothing is to be favoured (no words, or none with a boost)."""
        if not hot_words:
            return None
        with self._lock:
            graph = self._graphs.get(hot_words)
            if graph is None:
                graph = self._build(hot_words)
                self._graphs[hot_words] = graph
                while len(self._graphs) > self._max_graphs:
                    self._graphs.popitem(last=False)
            self._graphs.move_to_end(hot_words)
        return graph if graph.num_states > 1 else None

    def _build(self, hot_words: tuple[HotWord, ...]) -> ContextGraph:
        phrases = [
            BiasPhrase(tokens, self._context_score * word.boost, word.text)
            for word in sorted(hot_words, key=lambda word: -word.boost)
            if word.boost > 0
            for tokens in self._spellings(word.text)
        ]
        return ContextGraph(phrases, self._context_score)


def _single(value: float) -> float:
    """Rounded to single precision, in which the scores are kept."""
    return c_float(value).value
