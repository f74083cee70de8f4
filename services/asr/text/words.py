"""How likely a text is as a row of words: a unigram model over a general dictionary, with the shop's own words raised.

Frequencies are those of the jieba dictionary (MIT); the best segmentation is found by dynamic programming.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
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


def text_logprob(text: str, raised_count: Callable[[str], float]) -> float:
    """Log probability of the best segmentation of `text`.

    Args:
        text: Simplified characters.
        raised_count: Count that a word has in the shop; 0 for words that it does not raise.
    """
    counts, log_total = general_counts(), _log_total()
    best = [0.0] + [-math.inf] * len(text)
    for end in range(1, len(text) + 1):
        for start in range(max(0, end - MAX_WORD), end):
            word = text[start:end]
            count = max(counts.get(word, 0), raised_count(word))
            if count <= 0:
                if len(word) > 1:
                    continue
                count = _UNKNOWN_COUNT
            best[end] = max(best[end], best[start] + math.log(count) - log_total)
    return best[-1]
