"""When an utterance begins and when it is over: pure functions of counted frames, probabilities and text.

Two parts. `SpeechGate` turns frame probabilities into "speech began" and "n frames of pause" with hysteresis. `decide`
answers at fixed lengths of a pause (*checkpoints*) whether the turn is over, from what the transcript so far says, what
smart-turn says about the sound, and what the dialogue waits for. Nothing here reads a clock: equal audio gives equal
decisions, however it was cut.

The words decide how long the pause must be, the sound how much of that can be saved: a sentence that reads finished and
sounds finished ends at the first checkpoint, one that reads unfinished gets the long pause however it sounds, and what
lies between ends the sooner the surer smart-turn is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise

from voxcart_services.asr.turns.completeness import (
    PHONES,
    Awaiting,
    TextOpinion,
    awaiting_from,
    digits_of,
    text_opinion,
)
from voxcart_services.asr.turns.vad import FRAME_MS

__all__ = [
    "Awaiting",
    "EndReason",
    "EndpointRules",
    "GateRules",
    "Pause",
    "SpeechGate",
    "TextOpinion",
    "awaiting_from",
    "checkpoint_frames",
    "decide",
    "frames_of",
    "text_opinion",
]


@dataclass(frozen=True)
class GateRules:
    """Hysteresis of the speech gate.

    Attributes:
        start_probability: A frame at or above it is voiced while there is silence.
        stay_probability: A frame at or above it is voiced while there is speech.
        start_frames: Voiced frames in a row that open an utterance (32 ms each).
    """

    start_probability: float = 0.5
    stay_probability: float = 0.35
    start_frames: int = 3

    def __post_init__(self) -> None:
        if not 0 < self.stay_probability <= self.start_probability < 1:
            raise ValueError("0 < stay_probability <= start_probability < 1 must hold")
        if self.start_frames < 1:
            raise ValueError(f"start_frames must be at least 1, not {self.start_frames}")


class SpeechGate:
    """Counts voiced and unvoiced frames of one stream."""

    def __init__(self, rules: GateRules) -> None:
        self._rules = rules
        self.is_open = False
        self.voiced_frames = 0
        self.pause_frames = 0
        self._run = 0

    def push(self, probability: float) -> bool:
        """Takes one frame; says whether it opened an utterance."""
        if not self.is_open:
            self._run = self._run + 1 if probability >= self._rules.start_probability else 0
            if self._run < self._rules.start_frames:
                return False
            self.is_open = True
            self.voiced_frames, self.pause_frames, self._run = self._run, 0, 0
            return True
        if probability >= self._rules.stay_probability:
            self.voiced_frames += 1
            self.pause_frames = 0
        else:
            self.pause_frames += 1
        return False

    @property
    def is_silent(self) -> bool:
        """No utterance is open and the last frame was not voiced."""
        return not self.is_open and self._run == 0

    def close(self) -> None:
        """Back to silence: the utterance is over."""
        self.is_open = False
        self.voiced_frames = self.pause_frames = self._run = 0


class EndReason(StrEnum):
    """Why a turn was taken as over."""

    COMPLETE = "complete"
    """The words are a whole answer or a number of its full length."""
    TURN = "turn"
    """Words and sound agree that the speaker has finished."""
    PAUSE = "pause"
    """The pause was long enough for what was said."""
    LENGTH = "length"
    """The utterance reached its greatest length."""
    END_OF_INPUT = "end_of_input"
    """No more audio comes."""


@dataclass(frozen=True)
class EndpointRules:
    """Lengths of pauses, in ms.

    Attributes:
        prepare_ms: Pause at which recognition of the utterance and smart-turn start, to be ready at the first
            checkpoint.
        first_pause_ms: Pause that ends a turn which reads and sounds finished.
        max_pause_ms: Pause that ends any turn whose text is not clearly unfinished.
        open_pause_ms: Pause that a turn gets whose text is clearly unfinished.
        number_pause_ms: The same while a number or an address is being said.
        max_utterance_ms: Longest utterance; speech that goes on is cut here and continues in the next.
    """

    prepare_ms: int = 96
    first_pause_ms: int = 192
    max_pause_ms: int = 880
    open_pause_ms: int = 1_200
    number_pause_ms: int = 1_600
    max_utterance_ms: int = 27_000

    def __post_init__(self) -> None:
        pauses = (self.first_pause_ms, self.max_pause_ms, self.open_pause_ms, self.number_pause_ms)
        if list(pauses) != sorted(pauses) or not FRAME_MS <= self.prepare_ms < self.first_pause_ms:
            raise ValueError(
                "pauses must grow from prepare_ms over first_pause_ms, max_pause_ms and open_pause_ms to "
                f"number_pause_ms, not {(self.prepare_ms, *pauses)}"
            )
        if not 1_000 <= self.max_utterance_ms <= 28_000:
            raise ValueError("max_utterance_ms must be 1000 to 28000, so that it leaves room in the 30 s window")

    def with_pauses(
        self,
        *,
        first_pause_ms: int | None = None,
        max_pause_ms: int | None = None,
        open_pause_ms: int | None = None,
        number_pause_ms: int | None = None,
        max_utterance_ms: int | None = None,
    ) -> EndpointRules:
        """These rules with some pauses set; those that are not set give way to those that are.

        Raises:
            ValueError: Pauses that are set are not in order.
        """
        wanted = (first_pause_ms, max_pause_ms, open_pause_ms, number_pause_ms)
        pauses = [self.first_pause_ms, self.max_pause_ms, self.open_pause_ms, self.number_pause_ms]
        for index, value in enumerate(wanted):
            if value is None:
                continue
            pauses[index] = value
            for other in range(index):
                pauses[other] = pauses[other] if wanted[other] is not None else min(pauses[other], value)
            for other in range(index + 1, len(pauses)):
                pauses[other] = pauses[other] if wanted[other] is not None else max(pauses[other], value)
        return replace(
            self,
            first_pause_ms=pauses[0],
            max_pause_ms=pauses[1],
            open_pause_ms=pauses[2],
            number_pause_ms=pauses[3],
            max_utterance_ms=self.max_utterance_ms if max_utterance_ms is None else max_utterance_ms,
        )


@dataclass(frozen=True)
class Pause:
    """What is known at a checkpoint.

    Attributes:
        pause_ms: Unvoiced time at the end of the utterance.
        turn_probability: smart-turn's probability that the turn is complete, the newest there is.
        text: Transcript of the utterance.
        awaiting: What the dialogue waits for, as it named it; `none` if nothing.
        voiced_ms: Voiced time of the utterance; 0 if it is not known.
        confidence: Of the transcript, 0..1.
    """

    pause_ms: int
    turn_probability: float
    text: str
    awaiting: str = "none"
    voiced_ms: int = 0
    confidence: float = 1.0


_TURN_RANGE = (0.3, 0.6)
_CONFIDENCE_RANGE = (0.35, 0.6)
"""Between these the sound of the end, or the words, go from doubted to trusted."""
_HEARD_CONFIDENCE = 0.5
"""Under it, what reads as a whole answer to no question was hardly said: 好 for a swallowed 给, no for 呃."""
_HEARD_NUMBER_CONFIDENCE = 0.6
"""Under it, an awaited number of six digits may be the beginning of a longer one."""
_SHARES = {
    TextOpinion.LIKELY: (0.0, 1.0),
    TextOpinion.UNKNOWN: (0.75, 1.0),
    TextOpinion.DOUBTFUL: (1.0, 1.5),
}
"""Where between first_pause_ms (0) and max_pause_ms (1) a turn ends that is trusted, and one that is doubted; from 1
to 2 on, between max_pause_ms and open_pause_ms."""
_PATIENCE = 0.5
_DOUBTED_ANSWER = 0.75
"""The share of an answer that reads finished and sounds unfinished: who was asked for a value seldom says more."""
_DIGIT_MS = 200
"""Voiced time of a digit, said quickly."""
_CHECKPOINTS = (0.25, 0.5, 0.75)


def needed_pause_ms(pause: Pause, rules: EndpointRules) -> float:
    """The pause after which the turn is over. Falls with rising `turn_probability` and `confidence`."""
    opinion, awaiting = text_opinion(pause.text, pause.awaiting), awaiting_from(pause.awaiting)
    patient = awaiting in (Awaiting.NUMBER, Awaiting.ADDRESS)
    if opinion is TextOpinion.COMPLETE:
        if pause.confidence >= _needed_confidence(pause.awaiting):
            return rules.first_pause_ms
        opinion = TextOpinion.UNKNOWN
    if opinion is TextOpinion.OPEN and _is_long_enough_for_number(pause):
        opinion = TextOpinion.DOUBTFUL
    if opinion is TextOpinion.OPEN:
        return rules.number_pause_ms if patient else rules.open_pause_ms
    sure, unsure = _SHARES[opinion]
    heard = _ramp(pause.confidence, _CONFIDENCE_RANGE)
    if opinion is TextOpinion.LIKELY and awaiting in (Awaiting.VALUE, Awaiting.CONFIRMATION):
        unsure += heard * (_DOUBTED_ANSWER - unsure)
    trust = min(_ramp(pause.turn_probability, _TURN_RANGE), heard)
    share = unsure + trust * (sure - unsure) + (_PATIENCE if patient else 0.0)
    if share <= 1:
        return rules.first_pause_ms + share * (rules.max_pause_ms - rules.first_pause_ms)
    longest_ms = rules.number_pause_ms if patient else rules.open_pause_ms
    return rules.max_pause_ms + min(1.0, share - 1) * (longest_ms - rules.max_pause_ms)


def _is_long_enough_for_number(pause: Pause) -> bool:
    """Whether the awaited number may be whole by the time it took, although its digits were not all recognised."""
    if awaiting_from(pause.awaiting) is not Awaiting.NUMBER:
        return False
    return pause.voiced_ms >= _DIGIT_MS * digits_of(pause.awaiting)


def _needed_confidence(awaiting_name: str) -> float:
    """Confidence from which a text that reads complete is taken as complete."""
    awaiting = awaiting_from(awaiting_name)
    if awaiting is Awaiting.NOTHING:
        return _HEARD_CONFIDENCE
    has_length = awaiting is Awaiting.NUMBER and awaiting_name not in PHONES
    return _HEARD_NUMBER_CONFIDENCE if has_length else 0.0


def _ramp(value: float, bounds: tuple[float, float]) -> float:
    """0 at the lower bound and below, 1 at the upper and above, straight between."""
    low, high = bounds
    return min(1.0, max(0.0, (value - low) / (high - low)))


def decide(pause: Pause, rules: EndpointRules) -> EndReason | None:
    """Whether the turn is over at this checkpoint, and why; `None` to keep listening."""
    if pause.pause_ms < needed_pause_ms(pause, rules):
        return None
    if text_opinion(pause.text, pause.awaiting) is TextOpinion.COMPLETE:
        return EndReason.COMPLETE
    return EndReason.TURN if pause.pause_ms < rules.max_pause_ms else EndReason.PAUSE


def frames_of(pause_ms: float) -> int:
    """Frames after which a pause is at least `pause_ms` long."""
    return -int(-pause_ms // FRAME_MS)


def checkpoint_frames(rules: EndpointRules) -> frozenset[int]:
    """Lengths of a pause, in frames, at which `decide` is to be asked."""
    return frozenset(frames_of(pause_ms) for pause_ms in _checkpoints_ms(rules))


def _checkpoints_ms(rules: EndpointRules) -> list[float]:
    pauses: list[float] = [rules.first_pause_ms, rules.max_pause_ms, rules.open_pause_ms, rules.number_pause_ms]
    for shorter, longer in list(pairwise(pauses)):
        pauses += [shorter + share * (longer - shorter) for share in _CHECKPOINTS]
    return sorted(pauses)
