"""When each word of a clause is heard."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxcart_services.tts.text.reading import SpokenWord


@dataclass(frozen=True)
class WordTime:
    """One word of a clause.

    Attributes:
        text_start: Offset of its first character in the clause's text.
        text_end: Offset behind its last character.
        start_ms: When it begins, since the start of the clause's audio.
        end_ms: When it ends.
    """

    text_start: int
    text_end: int
    start_ms: int
    end_ms: int


def word_times(words: Sequence[SpokenWord], phoneme_times: NDArray[np.float64]) -> tuple[WordTime, ...]:
    """Times of words from the times of their phonemes, rounded to milliseconds.

    Args:
        words: As the front end gave them.
        phoneme_times: float64 [num_phonemes + 1], seconds: when each phoneme begins, and the end of the last.
    """
    last = len(phoneme_times) - 1
    return tuple(
        WordTime(
            word.text_start,
            word.text_end,
            round(phoneme_times[min(word.phoneme_start, last)] * 1000),
            round(phoneme_times[min(word.phoneme_end, last)] * 1000),
        )
        for word in words
    )
