"""Word times from where the decoder looks in the audio while it writes.

Some cross-attention heads follow the audio. Their weights are normalised over the tokens, smoothed over time, averaged,
and the best monotonic path through them (dynamic time warping) says when each token begins: the method of OpenAI
Whisper's word timestamps. Han characters are words of their own; letters and digits are words as they are written.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np

from voxcart_services.asr.recognition import Word

_MS_PER_POSITION = 20
_FILTER_POSITIONS = 7
_TINY = 1e-6
_SAMPLES_PER_POSITION = 320
_PAUSE_POSITIONS = 10
_LOUD_SHARE = 0.9
_SILENT_POWER = 1e-3


def word_times(
    pieces: Sequence[tuple[str, int]], log_probs: Sequence[float], alignment: np.ndarray, voiced: np.ndarray
) -> tuple[Word, ...]:
    """Words with times and confidence.

    Args:
        pieces: Whole characters of the text in order, and how many tokens each took.
        log_probs: Of the tokens.
        alignment: float32 `[heads, tokens + 1, positions]`, weights with which each token was written, and the end.
        voiced: bool `[positions]`, where the audio is not silent.

    Returns:
        Words without punctuation, times growing and within the audio.
    """
    weights = _focus(alignment)
    starts = best_path(-weights)
    spans: list[tuple[str, int, int, float]] = []
    token = 0
    for text, count in pieces:
        looked = weights[token : token + count].sum(axis=0)
        begin, end = _without_silence(int(starts[token]), int(starts[token + count]), looked, voiced)
        confidence = float(np.mean(log_probs[token : token + count]))
        spans += _characters(text, begin * _MS_PER_POSITION, end * _MS_PER_POSITION, confidence)
        token += count
    return tuple(_joined(spans))


def voiced_positions(samples: np.ndarray, num_positions: int) -> np.ndarray:
    """Where audio is not silent: louder than 30 dB below its loud parts.

    Args:
        samples: float32 `[num_samples]` at 16 kHz.
        num_positions: Of 20 ms.

    Returns:
        bool `[num_positions]`.
    """
    padded = np.zeros(num_positions * _SAMPLES_PER_POSITION, dtype=np.float32)
    padded[: len(samples)] = samples[: len(padded)]
    power = np.square(padded.reshape(num_positions, -1)).mean(axis=1)
    return power > np.quantile(power, _LOUD_SHARE) * _SILENT_POWER


def _without_silence(begin: int, end: int, looked: np.ndarray, voiced: np.ndarray) -> tuple[int, int]:
    """The part of a token's time that is not silent; of parts that a pause divides, the one it was written from."""
    places = np.flatnonzero(voiced[begin:end]) + begin
    if len(places) == 0:
        return begin, end
    parts = np.split(places, np.flatnonzero(np.diff(places) > _PAUSE_POSITIONS) + 1)
    part = max(parts, key=lambda part: float(looked[part[0] : part[-1] + 1].sum()))
    return int(part[0]), int(part[-1]) + 1


def _focus(alignment: np.ndarray) -> np.ndarray:
    """Where each token was written from, compared with the others: `[tokens + 1, positions]`."""
    weights = alignment / np.maximum(alignment.sum(axis=-1, keepdims=True), _TINY)
    spread = np.maximum(weights.std(axis=1, keepdims=True), _TINY)
    return _smoothed((weights - weights.mean(axis=1, keepdims=True)) / spread).mean(axis=0)


def best_path(cost: np.ndarray) -> np.ndarray:
    """Dynamic time warping from the first corner to the last one.

    Args:
        cost: float32 `[rows, columns]`.

    Returns:
        int64 `[rows]`, the column at which the path comes to each row; never falling.
    """
    rows, columns = cost.shape
    total = np.full((rows + 1, columns + 1), np.inf)
    total[0, 0] = 0.0
    for diagonal in range(2, rows + columns + 1):
        row = np.arange(max(1, diagonal - columns), min(rows, diagonal - 1) + 1)
        column = diagonal - row
        before = np.minimum(np.minimum(total[row - 1, column - 1], total[row - 1, column]), total[row, column - 1])
        total[row, column] = cost[row - 1, column - 1] + before
    first = np.zeros(rows, dtype=np.int64)
    row, column = rows, columns
    while row > 0 and column > 0:
        first[row - 1] = column - 1
        choices = (total[row - 1, column - 1], total[row - 1, column], total[row, column - 1])
        step = int(np.argmin(choices))
        row, column = row - (step != 2), column - (step != 1)
    return first


def _smoothed(weights: np.ndarray) -> np.ndarray:
    """Median over neighbouring positions, the borders mirrored."""
    half = _FILTER_POSITIONS // 2
    if weights.shape[-1] <= half:
        return weights
    padded = np.pad(weights, ((0, 0), (0, 0), (half, half)), mode="reflect")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, _FILTER_POSITIONS, axis=-1), axis=-1)


def _characters(text: str, begin: int, end: int, log_prob: float) -> list[tuple[str, int, int, float]]:
    """The parts of a token's text that are never split, with equal shares of its time."""
    length = max(1, len(text))
    return [
        (letter, begin + (end - begin) * index // length, begin + (end - begin) * (index + 1) // length, log_prob)
        for index, letter in enumerate(text)
    ]


def _joined(spans: list[tuple[str, int, int, float]]) -> list[Word]:
    words: list[list[tuple[str, int, int, float]]] = []
    is_open = False
    for span in spans:
        letter = span[0]
        if not _is_spoken(letter):
            is_open = is_open and letter in "'’.-" and bool(letter)
            if is_open:
                words[-1].append(span)
            continue
        if is_open and not _is_han(letter):
            words[-1].append(span)
        else:
            words.append([span])
        is_open = not _is_han(letter)
    return [_word(parts) for parts in words]


def _word(parts: list[tuple[str, int, int, float]]) -> Word:
    while not _is_spoken(parts[-1][0]):
        parts = parts[:-1]
    text = "".join(part[0] for part in parts)
    confidence = float(np.exp(min(0.0, float(np.mean([part[3] for part in parts])))))
    return Word(text, parts[0][1], parts[-1][2], round(confidence, 4))


def _is_spoken(letter: str) -> bool:
    return unicodedata.category(letter)[0] in "LN" or letter in "%℃°$¥€£+&@#"


def _is_han(letter: str) -> bool:
    return "\u3400" <= letter <= "\u9fff" or "\uf900" <= letter <= "\ufaff" or ord(letter) >= 0x20000
