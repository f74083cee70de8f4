"""Keeps Whisper from inventing text where nobody spoke.

Whisper fills music, noise and silence with what subtitles end with (字幕志愿者, 谢谢观看). A hypothesis is dropped when
the model itself says that nothing was said, when it is sure of nothing, or when its text is such a line and
nothing else.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from voxcart.text.scripts import simplify
from voxcart_services.asr.lists import read_words
from voxcart_services.asr.whisper.decode import Hypothesis

_MARKS = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class GuardRules:
    """Limits of the guards.

    Attributes:
        no_speech_prob: With a mean log probability under `unsure_logprob`, at or above it nothing was said.
        unsure_logprob: Mean log probability of a token under which text is doubted.
        hopeless_logprob: Mean log probability under which text is dropped when it is longer than two tokens.
        min_voiced_ms: Least voiced time that can hold a word.
    """

    no_speech_prob: float = 0.6
    unsure_logprob: float = -1.0
    hopeless_logprob: float = -1.6
    min_voiced_ms: int = 130


def is_speech(hypothesis: Hypothesis, voiced_ms: int, rules: GuardRules) -> bool:
    """Whether the text was really said.

    Args:
        hypothesis: What the engine made of the utterance.
        voiced_ms: Time that the VAD took as voiced.
        rules: Limits.
    """
    bare = _MARKS.sub("", hypothesis.text)
    if not bare or voiced_ms < rules.min_voiced_ms:
        return False
    if hypothesis.no_speech_prob >= rules.no_speech_prob and hypothesis.avg_logprob < rules.unsure_logprob:
        return False
    if hypothesis.avg_logprob < rules.hopeless_logprob and len(hypothesis.tokens) > 2:
        return False
    if hypothesis.is_loop and hypothesis.avg_logprob < rules.unsure_logprob / 2:
        return False
    return not is_subtitle(bare)


def is_subtitle(text: str) -> bool:
    """Whether a text consists of a line that subtitles end with and nothing else."""
    bare = simplify(_MARKS.sub("", text).lower())
    return any(pattern.fullmatch(bare) for pattern in _subtitle_patterns())


@functools.cache
def _subtitle_patterns() -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(line) for line in read_words("subtitles.txt"))
