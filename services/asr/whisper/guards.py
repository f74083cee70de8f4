"""Keeps Whisper from inventing text where nobody spoke.

Whisper fills music, noise and silence with what subtitles end with (字幕志愿者, 谢谢观看), and adds such lines to what
was said. A hypothesis is dropped when the model itself says that nothing was said, when it is sure of nothing, when it
is longer than anybody can say in the time, or when its text is such a line and nothing else; from a true sentence only
the line is taken.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from voxcart.text.scripts import simplify
from voxcart_services.asr.lists import read_words
from voxcart_services.asr.recognition import Hypothesis

_MARKS = re.compile(r"[\W_]+")
_BRACKETS = re.compile(r"[\[(（【♪♫][^\])）】♪♫]*[\])）】♪♫]|[♪♫]+")
_SENTENCE_END = re.compile(r"(?<=[。！？!?，,；;\n])|(?<=[.])(?=\s)|\s{2,}")
_HAN = re.compile(r"[\u3400-\u9fff]")
_LATIN_WORD = re.compile(r"[A-Za-z']+|\d+")


@dataclass(frozen=True)
class GuardRules:
    """Limits of the guards.

    Attributes:
        silence: Pairs: from this probability that nothing is said on, text with a lower mean log probability of a token
            was not said. (Whisper base gives true short answers at most 0.57, noise that the VAD took for speech 0.5 to
            0.95.)
        unsure_logprob: Mean log probability under which the text of a loop is doubted.
        hopeless_logprob: Mean log probability under which text is dropped when it is longer than two tokens.
        min_voiced_ms: Least voiced time that can hold a word.
        max_units_per_second: Han characters and other words that anybody can say in a second of voice.
        spare_units: Added to what fits the voiced time, as its beginning and end are found roughly.
    """

    silence: tuple[tuple[float, float], ...] = ((0.6, -0.8), (0.8, -0.4))
    unsure_logprob: float = -0.5
    hopeless_logprob: float = -1.6
    min_voiced_ms: int = 130
    max_units_per_second: float = 12.0
    spare_units: int = 4


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
    if any(hypothesis.no_speech_prob >= p and hypothesis.avg_logprob < least for p, least in rules.silence):
        return False
    if hypothesis.avg_logprob < rules.hopeless_logprob and len(hypothesis.tokens) > 2:
        return False
    if hypothesis.is_loop and hypothesis.avg_logprob < rules.unsure_logprob:
        return False
    if num_units(hypothesis.text) > rules.spare_units + rules.max_units_per_second * voiced_ms / 1000:
        return False
    return not is_subtitle(bare)


def num_units(text: str) -> int:
    """Han characters and other words of a text; digits count one by one."""
    others = _LATIN_WORD.findall(text)
    return len(_HAN.findall(text)) + sum(len(word) if word.isdigit() else 1 for word in others)


def is_subtitle(text: str) -> bool:
    """Whether a text consists of a line that subtitles end with and nothing else."""
    bare = _bare(text)
    return any(pattern.fullmatch(bare) for pattern in (*_patterns("subtitles.txt"), *_patterns("subtitle_endings.txt")))


def without_inventions(text: str) -> str:
    """Text without notes in brackets and without the lines that subtitles begin and end with.

    A text that consists of nothing else comes back empty.
    """
    text = _BRACKETS.sub(" ", text).strip() if _BRACKETS.search(text) else text
    sentences = [sentence for sentence in _SENTENCE_END.split(text) if _bare(sentence)]
    while len(sentences) > 1 and is_subtitle(sentences[0]):
        del sentences[0]
    text = "".join(sentences).strip()
    return "" if is_subtitle(text) else _without_ending(text)


def _without_ending(text: str) -> str:
    places = [index for index, letter in enumerate(text) if not _MARKS.match(letter)]
    bare = simplify("".join(text[index] for index in places).lower())
    if len(bare) != len(places):  # a letter whose small form is longer
        return text
    starts = [
        found.start()
        for pattern in _patterns("subtitle_endings.txt")
        for found in pattern.finditer(bare)
        if found.end() == len(bare)
    ]
    if not starts:
        return text
    return text[: places[min(starts)]].rstrip(" ，,、；;")


def _bare(text: str) -> str:
    return simplify(_MARKS.sub("", text).lower())


@functools.cache
def _patterns(name: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(line) for line in read_words(name))
