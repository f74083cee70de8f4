"""Interim results that rarely take words back: local agreement of successive hypotheses.

What two hypotheses in a row begin with alike is taken as settled (Liu, Spanakis, Niehues, "Low-latency
sequence-to-sequence speech recognition and translation", Interspeech 2020, LA-2); `stability` is the settled share.
"""

from __future__ import annotations

from itertools import takewhile


class LocalAgreement:
    """Follows the hypotheses of one utterance."""

    def __init__(self) -> None:
        self._previous = ""

    def push(self, text: str) -> float:
        """Takes the next hypothesis and returns its stability, 0..1."""
        pairs = zip(_bare(self._previous), _bare(text), strict=False)
        agreed = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        self._previous = text
        length = len(_bare(text))
        return agreed / length if length else 0.0


def _bare(text: str) -> str:
    """Text without the marks at its end, which change with every hypothesis."""
    return text.rstrip(" ，。！？、,.!?…")
