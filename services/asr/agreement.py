"""Interim results that rarely take words back: local agreement of successive hypotheses.

What two hypotheses in a row begin with alike is taken as settled (Liu, Spanakis, Niehues, "Low-latency
sequence-to-sequence speech recognition and translation", Interspeech 2020, LA-2). The last word of a hypothesis was
often heard only in part; it is held back until it is settled or more was said. How often words are nevertheless taken
back is counted as in Arivazhagan et al., "Re-translation versus streaming for simultaneous translation", IWSLT 2020
(erasure).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_UNITS = re.compile(r"[a-zA-Z0-9]+(?:['.][a-zA-Z0-9]+)*|[^\W_]")


@dataclass(frozen=True, slots=True)
class Agreed:
    """What may be shown of a hypothesis.

    Attributes:
        text: The hypothesis without the word that is held back.
        stability: 0..1, settled share of the words of `text`.
        num_new: Words shown for the first time.
        num_retracted: Words shown before that this text takes back.
    """

    text: str
    stability: float
    num_new: int
    num_retracted: int


class LocalAgreement:
    """Follows the hypotheses of one utterance."""

    def __init__(self) -> None:
        self._previous: list[str] = []
        self._shown: list[str] = []

    def push(self, text: str) -> Agreed:
        """Takes the next hypothesis."""
        words = words_of(text)
        num_settled = num_alike(self._previous, words)
        self._previous = words
        if num_settled < len(words):
            text = _without_last_word(text)
        shown = words_of(text)
        num_kept = num_alike(self._shown, shown)
        num_retracted = len(self._shown) - num_kept
        self._shown = shown
        stability = min(1.0, num_settled / len(shown)) if shown else 0.0
        return Agreed(text, stability, len(shown) - num_kept, num_retracted)

    def finish(self, text: str) -> int:
        """Takes the final text and returns how many of the words shown before it takes back."""
        return len(self._shown) - num_alike(self._shown, words_of(text))


def words_of(text: str) -> list[str]:
    """The words of a text without marks, in lower case; a Han character is a word."""
    return [word.lower() for word in _UNITS.findall(text)]


def num_alike(first: Sequence[str], second: Sequence[str]) -> int:
    """How many words both begin with."""
    count = 0
    for left, right in zip(first, second, strict=False):
        if left != right:
            break
        count += 1
    return count


def _without_last_word(text: str) -> str:
    *_, last = _UNITS.finditer(text)
    return text[: last.start()].rstrip()
