"""The language model of correction: how likely a token is after the tokens before it, from a file of a few megabytes.

An n-gram model with back-off, kept as a trie whose levels are sorted arrays: of each node its token, its quantised log
probability and back-off weight, and how many children it has. Nodes are numbered through all levels; the root is 0. A
state is the number of the node of the longest context that the model knows. A step is a binary search, or a dictionary
access when it was made before.
"""

from __future__ import annotations

import functools
import io
import json
import zipfile
from array import array
from bisect import bisect_left
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import IO, Any

import numpy as np

from voxcart_services.asr.text.tokens import BEGIN

MODEL_FILE = "language_model.npz"
_QUANTUM = 1.0 / 16.0
_MAX_STEPS = 100_000


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
        sizes = [len(level.tokens) for level in levels]
        tokens = np.concatenate([[0], *(level.tokens for level in levels)]).astype(np.uint16)
        logprobs = np.concatenate([[0.0], *(level.logprobs for level in levels)]).astype(np.float32)
        backoffs = np.concatenate([[0.0], *(level.backoffs for level in levels)]).astype(np.float32)
        counts = np.concatenate([[sizes[0]], *(level.num_children for level in levels)]).astype(np.int64)
        first_child = np.concatenate([[1], 1 + np.cumsum(counts)]).astype(np.int32)
        links = _suffix_links(tokens, first_child, sizes)
        # Arrays of the standard library: single values are read from them several times faster than from numpy's.
        self._tokens, self._logprobs = array("H", tokens.tobytes()), array("f", logprobs.tobytes())
        self._backoffs, self._suffix = array("f", backoffs.tobytes()), array("i", links.tobytes())
        self._first_child = array("i", first_child.tobytes())
        self._states = array("i", _states(first_child, links, sizes).tobytes())
        self.tokens = np.frombuffer(self._tokens, np.uint16)
        """Of every node the token that it ends with, uint16 [num_nodes]."""
        self.logprobs = np.frombuffer(self._logprobs, np.float32)
        """Of every node the log probability of that token after those before it, float32 [num_nodes]."""
        self.states = np.frombuffer(self._states, np.int32)
        """Of every node the state that it leads to, int32 [num_nodes]."""
        self._unknown = float(self.logprobs[1 : 1 + sizes[0]].min()) - 2.0
        self.begin = self.step(0, BEGIN)[1]

    def step(self, state: int, token: str) -> tuple[float, int]:
        """Log probability of a token (natural logarithm), and the state behind it.

        Args:
            state: `begin`, or what another step gave.
            token: One of `tokens`; one that the model never saw is a little less likely than its rarest.
        """
        key = (state, token)
        known = self._steps.get(key)
        if known is None:
            if len(self._steps) >= _MAX_STEPS:
                self._steps.clear()
            known = self._steps[key] = self._step(state, ord(token))
        return known

    def children(self, state: int) -> slice:
        """The nodes of the tokens seen after a context."""
        return slice(self._first_child[state], self._first_child[state + 1])

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
        nodes = self.children(0)
        return {chr(token): value for token, value in zip(self._tokens[nodes], self._logprobs[nodes], strict=True)}

    def pairs(self, least_logprob: float) -> tuple[np.ndarray, np.ndarray]:
        """Two tokens that often come together.

        Returns:
            uint16 [num_pairs, 2] of the tokens, float32 [num_pairs] of log P(first) + log P(second | first).
        """
        singles = self.children(0)
        first_child = np.frombuffer(self._first_child, np.int32)[singles.start : singles.stop + 1]
        nodes = np.arange(first_child[0], first_child[-1])
        parents = np.repeat(np.arange(singles.start, singles.stop), np.diff(first_child))
        logprobs = self.logprobs[nodes] + self.logprobs[parents]
        likely = logprobs >= least_logprob
        tokens = np.stack([self.tokens[parents], self.tokens[nodes]], axis=1)
        return tokens[likely], logprobs[likely]

    def _step(self, state: int, token: int) -> tuple[float, int]:
        weight = 0.0
        while True:
            first, end = self._first_child[state], self._first_child[state + 1]
            node = bisect_left(self._tokens, token, first, end)
            if node < end and self._tokens[node] == token:
                return weight + self._logprobs[node], self._states[node]
            if state == 0:
                return weight + self._unknown, 0
            weight += self._backoffs[state]
            state = self._suffix[state]


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


def _states(first_child: np.ndarray, links: np.ndarray, sizes: list[int]) -> np.ndarray:
    """Of every node its longest suffix that has children, int32 [num_nodes]."""
    states = np.where(np.diff(first_child) > 0, np.arange(len(links), dtype=np.int32), 0).astype(np.int32)
    start = 1 + sizes[0]
    for size in sizes[1:]:
        nodes = np.arange(start, start + size)
        states[nodes] = np.where(states[nodes] > 0, states[nodes], states[links[nodes]])
        start += size
    return states


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
    _write_arrays(file, arrays)


def _write_arrays(file: str | Path, arrays: Mapping[str, Any]) -> None:
    """An `.npz` file packed by LZMA, a seventh smaller than numpy's own; equal arrays give equal files."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_LZMA) as archive:
        for name, values in arrays.items():
            packed = io.BytesIO()
            np.lib.format.write_array(packed, np.asanyarray(values), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), packed.getvalue(), zipfile.ZIP_LZMA)


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
