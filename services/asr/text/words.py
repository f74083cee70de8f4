"""Words of general Chinese: the counts of the jieba dictionary (MIT), and the likeliest row of words of a text."""

from __future__ import annotations

import functools
import math
from importlib import resources

MAX_WORD = 8
_UNKNOWN_COUNT = 0.5


@functools.cache
def general_counts() -> dict[str, int]:
    """Word counts of the general dictionary; read once, 0.3 s."""
    counts: dict[str, int] = {}
    with resources.files("jieba").joinpath("dict.txt").open(encoding="utf-8") as lines:
        for line in lines:
            word, count, _ = line.split(" ", 2)
            counts[word] = int(count)
    return counts


@functools.cache
def _log_total() -> float:
    return math.log(sum(general_counts().values()))


def segment(text: str) -> list[str]:
    """The words of a text: its likeliest segmentation by a unigram model."""
    counts, log_total = general_counts(), _log_total()
    best: list[tuple[float, int]] = [(0.0, 0)]
    for end in range(1, len(text) + 1):
        found = (-math.inf, end - 1)
        for start in range(max(0, end - MAX_WORD), end):
            count = counts.get(text[start:end], 0) or (_UNKNOWN_COUNT if end - start == 1 else 0)
            if count:
                found = max(found, (best[start][0] + math.log(count) - log_total, start))
        best.append(found)
    words, end = [], len(text)
    while end:
        start = best[end][1]
        words.append(text[start:end])
        end = start
    return words[::-1]
