"""The language model of correction: how likely a token is after the tokens before it, from a file of a few megabytes.

An n-gram model with back-off, kept as a trie whose levels are sorted arrays: of each node its token, its quantised log
probability and back-off weight, and how many children it has. Nodes are numbered through all levels; the root is 0. A
state is the number of the node of the longest context that the model knows, so that a step costs a dictionary access.
"""

from __future__ import annotations

import functools
import json
from array import array
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import IO, Any

import numpy as np

from voxcart_services.asr.text.tokens import BEGIN

MODEL_FILE = "language_model.npz"
_QUANTUM = 1.0 / 16.0
_MAX_EXPANDED = 30_000
_MAX_STEPS = 200_000
_ABSENT = (0.0, -1)


class LanguageModel:
    """Loaded model. Not to be used by two threads at a time."""

    def __init__(self, file: str | Path | IO[bytes]) -> None:
        """
        Raises:
            ValueError: The file is no language model.
        """
        with np.load(file, allow_pickle=False) as arrays:
            try:
                self.card: dict[str, Any] = json.loads(str(arrays["card"]))
                self.order = int(arrays["order"])
                levels = [_Level(arrays, size) for size in range(1, self.order + 1)]
            except KeyError as error:
                raise ValueError(f"no language model: it lacks {error}") from error
        self._steps: dict[tuple[int, str], tuple[float, int]] = {}
        self._tokens = np.concatenate([[0], *(level.tokens for level in levels)]).astype(np.uint16)
        self._logprobs = np.concatenate([[0.0], *(level.logprobs for level in levels)]).astype(np.float32)
        backoffs = np.concatenate([[0.0], *(level.backoffs for level in levels)])
        self._backoffs = array("f", backoffs.astype(np.float32).tobytes())
        counts = np.concatenate([[len(levels[0].tokens)], *(level.num_children for level in levels)]).astype(np.int64)
        self._first_child = np.concatenate([[1], 1 + np.cumsum(counts)]).astype(np.int32)
        links = _suffix_links(self._tokens, self._first_child, [len(level.tokens) for level in levels])
        self._suffix = array("i", links.tobytes())
        self._children: dict[int, dict[str, tuple[float, int]]] = {}
        self._unknown = float(self._logprobs[1 : 1 + counts[0]].min()) - 2.0
        self.begin = self._child_states(0)[BEGIN][1]

    def step(self, state: int, token: str) -> tuple[float, int]:
        """Log probability of a token (natural logarithm), and the state behind it.

        Args:
            state: `begin`, or what another step gave.
            token: One of `tokens`; one that the model never saw is a little less likely than its rarest.
        """
        key = (state, token)
        known = self._steps.get(key)
        if known is not None:
            return known
        weight = 0.0
        while True:
            children = self._children.get(state)
            if children is None:
                children = self._child_states(state)
            logprob, after = children.get(token, _ABSENT)
            if after >= 0 or state == 0:
                break
            weight += self._backoffs[state]
            state = self._suffix[state]
        if len(self._steps) >= _MAX_STEPS:
            self._steps.clear()
        known = self._steps[key] = (weight + logprob, after) if after >= 0 else (weight + self._unknown, 0)
        return known

    def followers(self, state: int) -> Mapping[str, tuple[float, int]]:
        """Tokens seen after a context: token -> (log probability, state behind it)."""
        return self._children.get(state) or self._child_states(state)

    def shorter(self, state: int) -> tuple[int, float]:
        """The context without its first token, and the log weight of falling back to it. Not for the root, 0."""
        return self._suffix[state], self._backoffs[state]

    def logprob(self, tokens: str) -> float:
        """Log probability of a whole sentence of tokens without its begin token."""
        total, state = 0.0, self.begin
        for token in tokens:
            logprob, state = self.step(state, token)
            total += logprob
        return total

    def unigrams(self) -> dict[str, float]:
        """Log probability of every token on its own."""
        return {token: logprob for token, (logprob, _) in self._child_states(0).items()}

    def pairs(self, least_logprob: float) -> list[tuple[str, str, float]]:
        """Two tokens that often come together: (first, second, log P(first) + log P(second | first))."""
        first_tokens = int(self._first_child[1]) - 1
        nodes = np.arange(self._first_child[1], self._first_child[first_tokens + 1])
        parents = np.repeat(np.arange(1, first_tokens + 1), np.diff(self._first_child[1 : first_tokens + 2]))
        logprobs = self._logprobs[nodes] + self._logprobs[parents]
        likely = np.flatnonzero(logprobs >= least_logprob)
        columns = (self._tokens[parents[likely]], self._tokens[nodes[likely]], logprobs[likely])
        return [(chr(a), chr(b), value) for a, b, value in zip(*(column.tolist() for column in columns), strict=True)]

    def _child_states(self, state: int) -> dict[str, tuple[float, int]]:
        """Token -> (log probability, state behind it) of a node; kept for the next time."""
        first, end = int(self._first_child[state]), int(self._first_child[state + 1])
        tokens = self._tokens[first:end].tolist()
        logprobs = self._logprobs[first:end].tolist()
        children = {
            chr(token): (logprob, self._context_of(node))
            for node, (token, logprob) in enumerate(zip(tokens, logprobs, strict=True), first)
        }
        if len(self._children) >= _MAX_EXPANDED:
            self._children.clear()
        self._children[state] = children
        return children

    def _context_of(self, node: int) -> int:
        """The longest suffix of a node that has children."""
        while node and self._first_child[node] == self._first_child[node + 1]:
            node = self._suffix[node]
        return node


class _Level:
    """The nodes of one length, as in the file; absent back-offs and children are zero."""

    def __init__(self, arrays: Any, size: int) -> None:
        self.tokens = arrays[f"tokens_{size}"]
        self.logprobs = arrays[f"logprobs_{size}"] * -_QUANTUM
        shape = len(self.tokens)
        self.backoffs = arrays[f"backoffs_{size}"] * _QUANTUM if f"backoffs_{size}" in arrays else np.zeros(shape)
        self.num_children = arrays[f"children_{size}"] if f"children_{size}" in arrays else np.zeros(shape, np.int64)


def _suffix_links(tokens: np.ndarray, first_child: np.ndarray, sizes: list[int]) -> np.ndarray:
    """Of every node that of its n-gram without the first token, int32 [num_nodes]; of single tokens the root."""
    links = np.zeros(len(tokens), np.int32)
    parents = np.repeat(np.arange(len(tokens), dtype=np.int64), np.diff(first_child))
    start = 1 + sizes[0]
    keys = np.concatenate([[0], parents[: len(tokens) - 1] << 16]) + tokens
    for size in sizes[1:]:
        nodes = np.arange(start, start + size)
        wanted = (links[parents[nodes - 1]].astype(np.int64) << 16) + tokens[nodes]
        links[nodes] = np.searchsorted(keys, wanted)
        start += size
    return links


def write_model(file: str | Path, logprobs: dict[str, float], backoffs: dict[str, float], card: dict[str, Any]) -> None:
    """Writes an n-gram model.

    Args:
        file: Path of the `.npz` file.
        logprobs: Natural log probability of every n-gram; with an n-gram also what it begins and ends with.
        backoffs: Natural log back-off weight of contexts; 0 of those that are missing.
        card: What the model is made of; `LanguageModel.card` gives it back.
    """
    order = max(map(len, logprobs))
    arrays: dict[str, Any] = {"order": np.int32(order), "card": np.array(json.dumps(card, ensure_ascii=False))}
    for size in range(1, order + 1):
        grams = sorted(gram for gram in logprobs if len(gram) == size)
        quantised = np.round([-logprobs[gram] / _QUANTUM for gram in grams])
        arrays[f"tokens_{size}"] = np.array([ord(gram[-1]) for gram in grams], np.uint16)
        arrays[f"logprobs_{size}"] = np.clip(quantised, 0, 255).astype(np.uint8)
        if size < order:
            weights = np.round([backoffs.get(gram, 0.0) / _QUANTUM for gram in grams])
            arrays[f"backoffs_{size}"] = np.clip(weights, -128, 127).astype(np.int8)
            arrays[f"children_{size}"] = _child_counts(grams, [gram for gram in logprobs if len(gram) == size + 1])
    np.savez_compressed(file, **arrays)


def _child_counts(grams: list[str], longer: list[str]) -> np.ndarray:
    counts = dict.fromkeys(grams, 0)
    for gram in longer:
        counts[gram[:-1]] += 1
    return np.array(list(counts.values()), np.uint16)


@functools.cache
def packaged_model() -> LanguageModel:
    """The model that comes with the service; read once."""
    with resources.files("voxcart_services.asr").joinpath(f"data/{MODEL_FILE}").open("rb") as file:
        return LanguageModel(file)
