"""Finds the tokens in the encoder's output: greedy search and modified beam search, over many utterances at a time.

A stateless transducer emits at most one token a frame here, as icefall trains and decodes it. Modified beam search
follows the best `beam_size` paths frame by frame; paths with the same tokens are one path, whose probabilities add up
(Kang et al., "Fast and parallel decoding for transducer", ICASSP 2023). The arithmetic follows sherpa-onnx's
`OnlineTransducerModifiedBeamSearchDecoder` down to where it rounds to single precision, so that both find the same
tokens.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from voxcart_services.asr.biasing import ROOT, ContextGraph

BLANK = 0
_BEFORE_START = -1
_NEGLIGIBLE = math.log(np.finfo(np.float64).eps)


class TransducerNetworks(Protocol):
    """The networks that the search asks; see `TransducerModel`."""

    context_size: int
    vocab_size: int

    def run_decoder(self, contexts: np.ndarray) -> np.ndarray: ...

    def run_joiner(self, encoder_out: np.ndarray, decoder_out: np.ndarray) -> np.ndarray: ...


@dataclass(frozen=True, slots=True)
class SearchRules:
    """How logits become scores.

    Attributes:
        blank_penalty: Taken from the logit of blank; above 0 fewer tokens are missed and more invented.
        temperature: Divides the logits for the tokens' confidences only: the networks are too sure of themselves.
    """

    blank_penalty: float = 0.0
    temperature: float = 2.0

    def __post_init__(self) -> None:
        if not (self.blank_penalty >= 0 and math.isfinite(self.blank_penalty)):
            raise ValueError(f"blank_penalty must be at least 0; got {self.blank_penalty}")
        if not (self.temperature > 0 and math.isfinite(self.temperature)):
            raise ValueError(f"temperature must be above 0; got {self.temperature}")


@dataclass(frozen=True, slots=True)
class Path:
    """A token sequence on its way. Immutable.

    Attributes:
        tokens: Ids without blanks.
        frames: Frame (of the encoder's output, from the utterance's start) of each token.
        log_probs: Log probability of each.
        confidences: The same after the temperature.
        score: Log probability of the whole, with what biasing adds; in beam search only.
        context_state: State in the biasing graph.
        decoder_out: The decoder's output for the last tokens, float32 `[joiner_dim]`, once it was asked for.
    """

    tokens: tuple[int, ...] = ()
    frames: tuple[int, ...] = ()
    log_probs: tuple[float, ...] = ()
    confidences: tuple[float, ...] = ()
    score: float = 0.0
    context_state: int = ROOT
    decoder_out: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class SearchState:
    """Where the search of an utterance stands. Immutable, so keeping one is copying it.

    Attributes:
        paths: The paths followed; one in greedy search.
        num_frames: Frames of the encoder's output searched so far.
    """

    paths: tuple[Path, ...] = (Path(),)
    num_frames: int = 0

    def ranked(self, context_size: int) -> list[Path]:
        """Paths by score a token, the best first; what precedes the first token counts as tokens too."""
        return sorted(self.paths, key=lambda path: path.score / (len(path.tokens) + context_size), reverse=True)


@dataclass(frozen=True, slots=True)
class SearchTask:
    """One utterance's part of a step.

    Attributes:
        state: Where its search stands.
        beam_size: Paths followed at a time; 1 is greedy search.
        graph: Phrases to favour, in beam search.
    """

    state: SearchState
    beam_size: int = 1
    graph: ContextGraph | None = None


class TransducerSearch:
    """Searches with the model's decoder and joiner. Keeps nothing between calls."""

    def __init__(self, networks: TransducerNetworks, rules: SearchRules | None = None, unknown_id: int | None = None):
        """
        Args:
            networks: Decoder and joiner.
            rules: How logits become scores.
            unknown_id: Token that counts as blank.
        """
        self._networks = networks
        self._rules = rules or SearchRules()
        self._silent = {BLANK} if unknown_id is None else {BLANK, unknown_id}

    def advance(self, encoder_out: np.ndarray, tasks: Sequence[SearchTask]) -> list[SearchState]:
        """Searches the frames of one encoder step.

        Args:
            encoder_out: float32 `[batch, num_frames, joiner_dim]`.
            tasks: One for each row.

        Returns:
            The new state of each.
        """
        renewed: list[SearchState] = [task.state for task in tasks]
        for is_greedy, search in ((True, self._greedy), (False, self._beam)):
            rows = [row for row, task in enumerate(tasks) if (task.beam_size == 1) is is_greedy]
            if rows:
                found = search(encoder_out[rows], [tasks[row] for row in rows])
                for row, paths in zip(rows, found, strict=True):
                    renewed[row] = SearchState(paths, tasks[row].state.num_frames + encoder_out.shape[1])
        return renewed

    def _greedy(self, encoder_out: np.ndarray, tasks: Sequence[SearchTask]) -> list[tuple[Path, ...]]:
        paths, decoder_out = self._with_decoder_out([task.state.paths[0] for task in tasks])
        for frame in range(encoder_out.shape[1]):
            logits = self._penalised(self._logits(encoder_out[:, frame], decoder_out))
            emitted = []
            for row, token in enumerate(logits.argmax(axis=1).tolist()):
                if token not in self._silent:
                    paths[row] = self._extended(paths[row], token, tasks[row].state.num_frames + frame, logits[row])
                    emitted.append(row)
            if emitted:
                renewed, decoder_out[emitted] = self._with_decoder_out([paths[row] for row in emitted])
                for row, path in zip(emitted, renewed, strict=True):
                    paths[row] = path
        return [(path,) for path in paths]

    def _beam(self, encoder_out: np.ndarray, tasks: Sequence[SearchTask]) -> list[tuple[Path, ...]]:
        beams = [list(task.state.paths) for task in tasks]
        for frame in range(encoder_out.shape[1]):
            counts = [len(beam) for beam in beams]
            flat, decoder_out = self._with_decoder_out([path for beam in beams for path in beam])
            logits = self._logits(np.repeat(encoder_out[:, frame], counts, axis=0), decoder_out)
            scores = np.array([path.score for path in flat], dtype=np.float32)
            totals = _log_softmax(self._penalised(logits)) + scores[:, None]
            begin = 0
            for index, (task, count) in enumerate(zip(tasks, counts, strict=True)):
                rows = slice(begin, begin + count)
                beams[index] = self._step(flat[rows], logits[rows], totals[rows], task.state.num_frames + frame, task)
                begin += count
        return [tuple(beam) for beam in beams]

    def _step(
        self, paths: Sequence[Path], logits: np.ndarray, totals: np.ndarray, frame: int, task: SearchTask
    ) -> list[Path]:
        """The best ways to go on from `paths`, by their `totals`; those with equal tokens become one."""
        beam: dict[tuple[int, ...], Path] = {}
        for position in _largest(totals.ravel(), task.beam_size):
            row, token = divmod(position, totals.shape[1])
            path, score = paths[row], totals[row, token]
            if token in self._silent:
                new = replace(path, score=float(score))
            else:
                state = path.context_state
                if task.graph is not None:
                    step = task.graph.forward_one_step(state, token, strict=False)
                    score, state = score + np.float32(step.score), step.state
                new = self._extended(path, token, frame, logits[row])
                new = replace(new, score=float(score), context_state=state)
            same = beam.get(new.tokens)
            beam[new.tokens] = new if same is None else replace(same, score=_log_add(same.score, new.score))
        return list(beam.values())

    def _with_decoder_out(self, paths: Sequence[Path]) -> tuple[list[Path], np.ndarray]:
        """The paths, the decoder asked where it was not yet, and its outputs, float32 `[num_paths, joiner_dim]`."""
        renewed, rows = list(paths), [path.decoder_out for path in paths]
        unseen = [index for index, row in enumerate(rows) if row is None]
        if unseen:
            contexts = np.array([self._context(paths[index].tokens) for index in unseen], dtype=np.int64)
            for index, row in zip(unseen, self._networks.run_decoder(contexts), strict=True):
                rows[index] = row.copy()
                renewed[index] = replace(paths[index], decoder_out=rows[index])
        return renewed, np.array(rows, dtype=np.float32)

    def _context(self, tokens: tuple[int, ...]) -> tuple[int, ...]:
        size = self._networks.context_size
        start = (_BEFORE_START,) * (size - 1) + (BLANK,)
        return (start + tokens[-size:])[-size:]

    def _logits(self, encoder_out: np.ndarray, decoder_out: np.ndarray) -> np.ndarray:
        return self._networks.run_joiner(np.ascontiguousarray(encoder_out), decoder_out)

    def _penalised(self, logits: np.ndarray) -> np.ndarray:
        if self._rules.blank_penalty == 0:
            return logits
        penalised = logits.copy()
        penalised[:, BLANK] -= np.float32(self._rules.blank_penalty)
        return penalised

    def _extended(self, path: Path, token: int, frame: int, logits: np.ndarray) -> Path:
        """With a token more; score and biasing state are still to be set. `logits` float32 `[vocab_size]`."""
        log_prob = _log_prob(logits, token)
        confidence = _log_prob(logits / np.float32(self._rules.temperature), token)
        return Path(
            tokens=(*path.tokens, token),
            frames=(*path.frames, frame),
            log_probs=(*path.log_probs, log_prob),
            confidences=(*path.confidences, confidence),
        )


def _log_prob(logits: np.ndarray, token: int) -> float:
    highest = logits.max()
    return float(logits[token] - (highest + np.log(np.exp(logits - highest).sum())))


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    """Over the last axis, in float32."""
    highest = logits.max(axis=1, keepdims=True)
    return logits - (highest + np.log(np.exp(logits - highest).sum(axis=1, keepdims=True)))


def _largest(values: np.ndarray, count: int) -> list[int]:
    """Positions of the largest values, falling; of equal ones the first comes first."""
    count = min(count, len(values))
    top = np.argpartition(-values, count - 1)[:count]
    return top[np.lexsort((top, -values[top]))].tolist()


def _log_add(left: float, right: float) -> float:
    high, low = max(left, right), min(left, right)
    return high + math.log1p(math.exp(low - high)) if low - high >= _NEGLIGIBLE else high
