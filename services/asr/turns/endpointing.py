"""When an utterance begins and when it is over: pure functions of counted frames, probabilities and text.

Two parts. `SpeechGate` turns frame probabilities into "speech began" and "n frames of pause" with hysteresis. `decide`
answers at fixed lengths of a pause (*checkpoints*) whether the turn is over, from what smart-turn says about the sound,
what the transcript so far says, and what the dialogue waits for. Nothing here reads a clock: equal audio gives equal
decisions, however it was cut.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from voxcart_services.asr.lists import read_words
from voxcart_services.asr.turns.vad import FRAME_MS


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


class Awaiting(Enum):
    """What the dialogue waits for, as far as it matters for the end of a turn."""

    NOTHING = "none"
    CONFIRMATION = "confirmation"
    NUMBER = "number"
    ADDRESS = "address"


_NUMBERS = {"phone_number", "order_id", "number", "tracking_no", "recipient_phone"}


def awaiting_from(name: str) -> Awaiting:
    """Maps the dialogue's word (`confirmation`, `phone_number`, `order_id`, `address`, a slot name) to its effect."""
    if name == "confirmation":
        return Awaiting.CONFIRMATION
    if name in _NUMBERS:
        return Awaiting.NUMBER
    return Awaiting.ADDRESS if name == "address" else Awaiting.NOTHING


class TextOpinion(Enum):
    """What the words so far say about the end of the turn."""

    COMPLETE = "complete"
    LIKELY = "likely"
    OPEN = "open"
    UNKNOWN = "unknown"


_CONFIRMATIONS = frozenset(read_words("confirmations.txt"))
_OPEN_END = re.compile(
    r"(?:那个|这个|就是|还有|然后|或者|或|跟|和|把|给我|给|帮我|请|我想|我要|我想买|我想要|我要买|想买|比如|因为|但是|嗯|呃|的话"
    r"|\b(?:and|or|the|a|an|to|for|with|i want|i'd like|um|uh))$",
    re.IGNORECASE,
)
_LIKELY_END = re.compile(
    r"(?:吧|吗|呢|了|谢谢|多少|多少钱|哪些|什么|推荐的|购物车|库存|订单|退款|退货|地址|发票|一点|一点的|便宜点的|please)$",
    re.IGNORECASE,
)
_END_MARKS = " 。！？.!?"
_MARKS = re.compile(r"[\s，。！？、,.!?…]+")
_DIGIT = re.compile(r"[0-9零一二三四五六七八九十〇幺两]")
_LIKELY_BONUS = 0.35
_ENOUGH_DIGITS = {"phone_number": 11, "recipient_phone": 11}
_ENOUGH_DIGITS_DEFAULT = 6


def text_opinion(text: str, awaiting_name: str) -> TextOpinion:
    """Second opinion on the end of a turn, from the transcript so far.

    Args:
        text: Simplified transcript of the utterance up to the pause.
        awaiting_name: What the dialogue waits for, as it named it.
    """
    bare = _MARKS.sub("", text).lower()
    if awaiting_from(awaiting_name) is Awaiting.NUMBER:
        enough = _ENOUGH_DIGITS.get(awaiting_name, _ENOUGH_DIGITS_DEFAULT)
        digits = len(_DIGIT.findall(bare))
        if digits:
            return TextOpinion.COMPLETE if digits >= enough else TextOpinion.OPEN
    if bare in _CONFIRMATIONS:
        return TextOpinion.COMPLETE
    if text.rstrip().endswith(("…", "...", "，", ",", "、")):
        return TextOpinion.OPEN
    bare_end = text.rstrip(_END_MARKS)
    if _OPEN_END.search(bare_end):
        return TextOpinion.OPEN
    is_likely = text.rstrip().endswith(("?", "？")) or _LIKELY_END.search(bare_end)
    return TextOpinion.LIKELY if is_likely else TextOpinion.UNKNOWN


@dataclass(frozen=True)
class EndpointRules:
    """Lengths of pauses, in ms, and how sure smart-turn must be at each.

    Attributes:
        prepare_ms: Pause at which recognition of the utterance and smart-turn start, to be ready at the first
            checkpoint.
        checkpoints: (pause, least probability of a complete turn) at which the turn ends.
        max_pause_ms: Pause that ends any turn.
        open_pause_ms: Pause that a turn gets whose text is clearly unfinished.
        number_pause_ms: The same while a number or an address is being said.
        max_utterance_ms: Longest utterance; speech that goes on is cut here and continues in the next.
    """

    prepare_ms: int = 96
    checkpoints: tuple[tuple[int, float], ...] = ((192, 0.5), (416, 0.25), (640, 0.05))
    max_pause_ms: int = 800
    open_pause_ms: int = 1200
    number_pause_ms: int = 1600
    max_utterance_ms: int = 27_000

    def __post_init__(self) -> None:
        pauses = [self.prepare_ms, *(pause for pause, _ in self.checkpoints), self.max_pause_ms]
        if pauses != sorted(set(pauses)) or self.prepare_ms < FRAME_MS:
            raise ValueError(f"pauses must grow from prepare_ms over the checkpoints to max_pause_ms, not {pauses}")
        if self.max_utterance_ms > 28_000:
            raise ValueError("max_utterance_ms must leave room in the 30 s window: at most 28000")


@dataclass(frozen=True)
class Pause:
    """What is known at a checkpoint.

    Attributes:
        pause_ms: Unvoiced time at the end of the utterance.
        turn_probability: smart-turn's probability that the turn is complete.
        text: Transcript of the utterance.
        awaiting: What the dialogue waits for, as it named it; `none` if nothing.
    """

    pause_ms: int
    turn_probability: float
    text: str
    awaiting: str = "none"


def frames_of(pause_ms: int) -> int:
    """Frames after which a pause is at least `pause_ms` long."""
    return -(-pause_ms // FRAME_MS)


def checkpoint_frames(rules: EndpointRules) -> frozenset[int]:
    """Lengths of a pause, in frames, at which `decide` is to be asked."""
    pauses = [pause for pause, _ in rules.checkpoints]
    return frozenset(frames_of(ms) for ms in [*pauses, rules.max_pause_ms, rules.open_pause_ms, rules.number_pause_ms])


def decide(pause: Pause, rules: EndpointRules) -> bool:
    """Whether the turn is over at this checkpoint."""
    opinion = text_opinion(pause.text, pause.awaiting)
    if opinion is TextOpinion.COMPLETE:
        return True
    patient = awaiting_from(pause.awaiting) in (Awaiting.NUMBER, Awaiting.ADDRESS)
    if opinion is TextOpinion.OPEN:
        return pause.pause_ms >= (rules.number_pause_ms if patient else rules.open_pause_ms)
    if pause.pause_ms >= rules.max_pause_ms:
        return True
    least = [probability for length, probability in rules.checkpoints if pause.pause_ms >= length]
    if not least:
        return False
    shift = 0.3 if patient else -_LIKELY_BONUS if opinion is TextOpinion.LIKELY else 0.0
    return pause.turn_probability >= min(0.95, least[-1] + shift)
