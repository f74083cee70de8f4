"""Speech meant for the shop, told from a television or other people's talk: pure functions of level, echo, confidence.

What tells is first the comparison with the turns before: whoever talks to the shop is about as loud each time. But a
soft voice or a microphone that was moved is faint as well. So it counts too how far away the voice sounds: speech falls
silent within hundredths of a second, a room does not, so that the level of a voice from across the room never falls
faster than the room allows (R. Ratnam et al., "Blind estimation of reverberation time", JASA 2003). Who is clearly
fainter, echoes, and is badly understood, is somebody else; being faint alone turns nobody away.

The judge is made to err on the side of listening: before a turn was accepted there is nothing to compare with and
nobody is turned away, an answer to the open question always passes, and every utterance that is turned away brings the
expected level down, so that a speaker who stepped back is heard again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from voxcart_services.asr.turns.vad import FRAME_MS, FRAME_SAMPLES

_VOICED = 0.5
_SILENCE_DBFS = -96.0
_CLIPPED = 0.999
_LOUD_SHARE = 0.5
_NOISE_PERCENTILE = 20
_LEARN_LOUDER = 0.5
_LEARN_FAINTER = 0.2
_REJECTED_STEP_DB = 2.0

_DECAY_HOP_SAMPLES = 256
_DECAY_HOPS = 4
_DECAY_PERCENTILE = 90
_DECAY_LOUD_SHARE = 1 / 3
_DECAY_BELOW_LOUD_DB, _DECAY_ABOVE_NOISE_DB = 6.0, 8.0


@dataclass(frozen=True, slots=True)
class VoiceMeasures:
    """What the sound of an utterance says.

    Attributes:
        speech_dbfs: Level of the louder half of the voiced frames; `None` if no frame was voiced.
        noise_dbfs: Level of the background; `None` if no frame was unvoiced.
        snr_db: Speech above background; `None` if either is unknown.
        voiced_ms: Voiced time.
        voiced_share: Voiced frames among those from the first to the last voiced one.
        longest_voiced_ms: Longest stretch without an unvoiced frame.
        mean_probability: Mean speech probability of the voiced frames; 0 if there are none.
        clipped_share: Share of samples at full scale.
        decay_db: How far the level falls within 64 ms where it falls fast: over 20 close by, under 8 from across an
            echoing room, no more than `snr_db` allows; `None` if there was nothing to fall.
    """

    speech_dbfs: float | None
    noise_dbfs: float | None
    snr_db: float | None
    voiced_ms: int
    voiced_share: float
    longest_voiced_ms: int
    mean_probability: float
    clipped_share: float
    decay_db: float | None = None


def measure_voice(samples: np.ndarray, probabilities: np.ndarray) -> VoiceMeasures:
    """Measures an utterance.

    Args:
        samples: float32 `[num_samples]` in [-1, 1] at 16 kHz, with what came shortly before the speech.
        probabilities: float32 `[num_frames]`, speech probabilities of the last frames of `samples` (512 samples each,
            the last ends with `samples`); whole frames before them count as background.
    """
    num_frames = len(samples) // FRAME_SAMPLES
    known = probabilities[-num_frames:] if num_frames else probabilities[:0]
    frames = samples[len(samples) - num_frames * FRAME_SAMPLES :].reshape(num_frames, FRAME_SAMPLES)
    power = np.einsum("ij,ij->i", frames, frames) / FRAME_SAMPLES
    voiced = np.zeros(num_frames, bool)
    voiced[num_frames - len(known) :] = known >= _VOICED
    speech_dbfs = _dbfs(_louder_part(power[voiced])) if voiced.any() else None
    noise_dbfs = _dbfs(float(np.percentile(power[~voiced], _NOISE_PERCENTILE))) if not voiced.all() else None
    places = np.flatnonzero(voiced)
    return VoiceMeasures(
        speech_dbfs=speech_dbfs,
        noise_dbfs=noise_dbfs,
        snr_db=None if speech_dbfs is None or noise_dbfs is None else round(speech_dbfs - noise_dbfs, 1),
        voiced_ms=len(places) * FRAME_MS,
        voiced_share=float(len(places) / (places[-1] - places[0] + 1)) if len(places) else 0.0,
        longest_voiced_ms=_longest_run(voiced) * FRAME_MS,
        mean_probability=float(known[known >= _VOICED].mean()) if len(places) else 0.0,
        clipped_share=float(np.mean(np.abs(samples) >= _CLIPPED)) if len(samples) else 0.0,
        decay_db=_decay_db(samples),
    )


def _louder_part(power: np.ndarray) -> float:
    loudest = np.sort(power)[-max(1, round(len(power) * _LOUD_SHARE)) :]
    return float(loudest.mean())


def _decay_db(samples: np.ndarray) -> float | None:
    """How far the level falls within 64 ms from the loud moments on, the 90th percentile of them."""
    num_hops = len(samples) // _DECAY_HOP_SAMPLES
    if num_hops <= _DECAY_HOPS:
        return None
    hops = samples[: num_hops * _DECAY_HOP_SAMPLES].reshape(num_hops, _DECAY_HOP_SAMPLES)
    level = 10 * np.log10(np.einsum("ij,ij->i", hops, hops) / _DECAY_HOP_SAMPLES + 1e-10)
    loud_db = float(np.sort(level)[-max(1, int(num_hops * _DECAY_LOUD_SHARE)) :].mean())
    floor_db = float(np.percentile(level, 10))
    start = level[:-_DECAY_HOPS]
    after = np.minimum(level[_DECAY_HOPS:], level[_DECAY_HOPS - 1 : -1])
    is_loud = (start > loud_db - _DECAY_BELOW_LOUD_DB) & (start > floor_db + _DECAY_ABOVE_NOISE_DB)
    if not is_loud.any():
        return None
    return round(float(np.percentile((start - after)[is_loud], _DECAY_PERCENTILE)), 1)


def _dbfs(power: float) -> float:
    return round(max(_SILENCE_DBFS, 10 * math.log10(max(power, 1e-12))), 1)


def _longest_run(flags: np.ndarray) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return int((edges[1::2] - edges[::2]).max(initial=0))


class SpeechLevel:
    """Running estimate of how loud the session's speaker is. Two numbers; a stream owns one."""

    def __init__(self, state: tuple[float, ...] = ()) -> None:
        """Starts with a `state` that another one had, or knowing nothing."""
        self._dbfs = state[0] if state else None

    @property
    def dbfs(self) -> float | None:
        """Expected level of the speaker; `None` before the first accepted turn."""
        return self._dbfs

    @property
    def state(self) -> tuple[float, ...]:
        """What a new one needs to go on from here."""
        return () if self._dbfs is None else (self._dbfs,)

    def accept(self, speech_dbfs: float | None) -> None:
        """A turn was taken as meant for the shop."""
        if speech_dbfs is None:
            return
        if self._dbfs is None:
            self._dbfs = speech_dbfs
            return
        share = _LEARN_LOUDER if speech_dbfs > self._dbfs else _LEARN_FAINTER
        self._dbfs = round(self._dbfs + share * (speech_dbfs - self._dbfs), 2)

    def reject(self) -> None:
        """A turn was turned away; if it was the speaker from farther away, he is expected fainter from now on."""
        if self._dbfs is not None:
            self._dbfs = round(self._dbfs - _REJECTED_STEP_DB, 2)


@dataclass(frozen=True)
class ForegroundRules:
    """When an utterance is taken for background talk.

    Attributes:
        reject_background: Probability of background at or above which it is turned away; 1 turns nobody away.
        fainter_db: Fainter than expected by more than this, it begins to count.
        per_db: Weight of each decibel beyond.
        most_db: Decibels beyond that count at most.
        near_decay_db: `VoiceMeasures.decay_db` that counts neither way.
        per_decay_db: Weight of each decibel below it, or of each above it in the speaker's favour.
        most_decay_db: Decibels that count at most, either way.
        low_snr_db: Speech that stands less than this above the background begins to count.
        per_snr_db: Weight of each decibel below.
        sure_confidence: Confidence of the recognition that counts neither way.
        per_confidence: Weight of the confidence below it, or of that above it in the speaker's favour.
        most_unsure: Confidence below it that counts at most: whoever is faint is badly understood too.
        bias: Log odds of background when nothing counts.
    """

    reject_background: float = 0.8
    fainter_db: float = 14.0
    per_db: float = 0.6
    most_db: float = 8.0
    near_decay_db: float = 8.0
    per_decay_db: float = 0.8
    most_decay_db: float = 5.0
    low_snr_db: float = 10.0
    per_snr_db: float = 0.15
    sure_confidence: float = 0.7
    per_confidence: float = 4.0
    most_unsure: float = 0.25
    bias: float = -2.5

    def __post_init__(self) -> None:
        if not 0.5 <= self.reject_background <= 1.0:
            raise ValueError(f"reject_background must be between 0.5 and 1, not {self.reject_background}")


@dataclass(frozen=True, slots=True)
class Foreground:
    """The verdict on an utterance.

    Attributes:
        background_probability: 0..1 that it was not meant for the shop.
        reason: `first_turn`, `answer`, `near`, `fainter` (than the turns before).
        is_background: Whether to turn it away.
    """

    background_probability: float
    reason: str
    is_background: bool


def judge_foreground(
    measures: VoiceMeasures, level: SpeechLevel, confidence: float, is_answer: bool, rules: ForegroundRules
) -> Foreground:
    """Whether an utterance was meant for the shop.

    Args:
        measures: Of its sound.
        level: Of the turns before.
        confidence: Of its recognition, 0..1.
        is_answer: The words answer what the dialogue waits for.
        rules: Thresholds.
    """
    if measures.speech_dbfs is None or level.dbfs is None:
        return Foreground(0.0, "first_turn", False)
    if is_answer:
        return Foreground(0.0, "answer", False)
    fainter_db = min(rules.most_db, level.dbfs - measures.speech_dbfs - rules.fainter_db)
    if fainter_db <= 0:
        return Foreground(0.0, "near", False)
    echo_db = rules.near_decay_db - measures.decay_db if measures.decay_db is not None else 0.0
    echo_db = max(-rules.most_decay_db, min(rules.most_decay_db, echo_db))
    missing_snr_db = max(0.0, rules.low_snr_db - measures.snr_db) if measures.snr_db is not None else 0.0
    log_odds = (
        rules.bias
        + rules.per_db * fainter_db
        + rules.per_decay_db * echo_db
        + rules.per_snr_db * missing_snr_db
        + rules.per_confidence * min(rules.most_unsure, rules.sure_confidence - confidence)
    )
    probability = round(1 / (1 + math.exp(-max(-30.0, min(30.0, log_odds)))), 4)
    return Foreground(probability, "fainter", rules.reject_background < 1.0 and probability >= rules.reject_background)
