"""Which frames of a clause are decoded together, and how the parts are joined.

The decoder normalises every channel over the frames that it is given (adaptive instance normalisation), and it was
trained on whole utterances with the silence around them. What is left out changes the sound of the rest:

* The level. It is put right by the energy curve, which the encoder knows for the whole clause: :func:`level_of`.
* The timbre, a little. So a window sees a few frames more on both sides, and some of the silence of the clause's
  beginning and end. How much of it depends on the time that there is: all that is decoded must be ready before the
  listener's audio runs out.

Windows meet at the quietest frame in reach and are cross-faded.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SPEECH_LOG_ENERGY = -5.5
_LEAD_FRAMES = 3
_TAIL_FRAMES = 4
_FRAMES_PER_SECOND = 40
_LOUDNESS_EXPONENT = 0.7
_LEVEL_EXPONENT = 0.7
"""Fitted on 15 clauses of 8 voices: samples grow as exp(0.7 * log_energy); of a part that is decoded alone, its mean
loudness over the clause's to the power of 0.7 is lost. What is left is within 1 dB; uncorrected it is 2 to 5 dB."""


@dataclass(frozen=True)
class WindowLimits:
    """How a clause is cut for decoding. A frame is 25 ms.

    Attributes:
        first_frames: Frames that may be decoded for a window when the listener has no audio, or little.
        growth: Seconds of frames that may be decoded per second of audio that the listener still has. The decoder's
            time per second, times the replies that are made at once, times this should be below 1.
        context_frames: Frames on each side of a window that are decoded and not used.
        lead_silence_frames: Of the silence before the clause, so many frames are decoded when there is time.
        tail_silence_frames: The same for the silence after it.
        silence_share: Part of the frames of a window that may be silence when time is short.
        slack: A rest that is no longer than so many windows is not cut any more.
    """

    first_frames: int = 44
    growth: float = 1.4
    context_frames: int = 4
    lead_silence_frames: int = 12
    tail_silence_frames: int = 30
    silence_share: float = 0.1
    slack: float = 1.2


@dataclass(frozen=True, eq=False)
class Window:
    """Frames that are decoded together.

    Attributes:
        first: First frame that is used.
        last: Frame behind the last one that is used.
        seen: int64 [num_seen]: the frames that the decoder is given, in their order.
        offset: Where ``first`` is in ``seen``.
    """

    first: int
    last: int
    seen: NDArray[np.int64]
    offset: int


def spoken_frames(log_energy: NDArray[np.float32]) -> tuple[int, int]:
    """The frames [first, last) that hold speech, with a short margin on both sides.

    Args:
        log_energy: float32 [2 * num_frames], about -9 in silence and 2..9 in speech.

    Returns:
        All frames when nothing is louder than silence.
    """
    num_frames = len(log_energy) // 2
    loud = np.flatnonzero(log_energy > _SPEECH_LOG_ENERGY)
    if loud.size == 0:
        return 0, num_frames
    first = max(int(loud[0]) // 2 - _LEAD_FRAMES, 0)
    last = min(int(loud[-1]) // 2 + 1 + _TAIL_FRAMES, num_frames)
    return first, last


def next_window(
    log_energy: NDArray[np.float32], start: int, lead_seconds: float | None, limits: WindowLimits
) -> Window:
    """The window that begins at ``start`` and can be made while what the listener has is played.

    Args:
        log_energy: float32 [2 * num_frames] of the whole clause.
        start: First spoken frame that was not made yet.
        lead_seconds: Audio that the listener still has; None: there is all the time, so the rest in one window.
        limits: How long windows may be.
    """
    spoken = spoken_frames(log_energy)
    first, last = spoken
    energy = log_energy.reshape(-1, 2).mean(axis=1)
    all_silence = limits.lead_silence_frames + limits.tail_silence_frames
    if lead_seconds is None:
        return _window(len(energy), spoken, (start, last), all_silence, limits)
    budget, silence = limits.first_frames, 0
    if lead_seconds > 0:
        budget = max(budget, int(limits.growth * lead_seconds * _FRAMES_PER_SECOND))
        silence = min(int(limits.silence_share * budget), all_silence)
    longest = budget - silence - limits.context_frames * (2 if start > first else 1)
    end = last
    if last - start > limits.slack * longest:
        soonest = start + longest * 5 // 8
        end = soonest + int(np.argmin(energy[soonest : start + longest]))
    return _window(len(energy), spoken, (start, end), silence, limits)


def _window(
    num_frames: int, spoken: tuple[int, int], span: tuple[int, int], num_silence: int, limits: WindowLimits
) -> Window:
    """The window that uses ``span`` of the ``spoken`` frames and sees ``num_silence`` frames of the silence around."""
    first, last = span
    context_first = max(first - limits.context_frames, spoken[0])
    context_last = min(last + limits.context_frames, spoken[1])
    lead = min(num_silence * limits.lead_silence_frames // _at_least_1(limits), spoken[0])
    tail = min(num_silence - lead, num_frames - spoken[1])
    before = np.arange(spoken[0] - lead, spoken[0])
    after = np.arange(spoken[1], spoken[1] + tail)
    seen = np.concatenate([before, np.arange(context_first, context_last), after])
    return Window(first, last, seen, lead + first - context_first)


def _at_least_1(limits: WindowLimits) -> int:
    return max(limits.lead_silence_frames + limits.tail_silence_frames, 1)


def level_of(log_energy: NDArray[np.float32], window: Window) -> float:
    """By which factor the samples of a window are multiplied to be as loud as in the whole clause.

    Args:
        log_energy: float32 [2 * num_frames] of the whole clause, its silence included.
        window: What was decoded.
    """
    loudness = np.exp(_LOUDNESS_EXPONENT * log_energy.astype(np.float64)).reshape(-1, 2).mean(axis=1)
    return float((loudness[window.seen].mean() / loudness.mean()) ** _LEVEL_EXPONENT)


class WindowJoiner:
    """Joins the samples of windows that follow each other by a short cross-fade."""

    def __init__(self, frame_samples: int, fade_samples: int) -> None:
        """``fade_samples`` at most as long as the windows' context, twice."""
        self._frame_samples = frame_samples
        self._half_fade = fade_samples // 2
        self._tail: NDArray[np.float32] | None = None

    def push(self, samples: NDArray[np.float32], window: Window, *, is_last: bool) -> NDArray[np.float32]:
        """The samples that are final after this window; the last few wait for the next one.

        Args:
            samples: float32, of the frames that the decoder saw.
            window: Which of them are used.
            is_last: No window follows.
        """
        begin = window.offset * self._frame_samples
        end = begin + (window.last - window.first) * self._frame_samples
        if self._tail is not None:
            begin -= self._half_fade
        stop = end if is_last else end - self._half_fade
        ready = samples[begin:stop].copy()
        if self._tail is not None:
            rising = np.linspace(0.0, 1.0, len(self._tail), dtype=np.float32)
            ready[: len(self._tail)] *= rising
            ready[: len(self._tail)] += self._tail * (1 - rising)
        self._tail = None if is_last else samples[end - self._half_fade : end + self._half_fade].copy()
        return ready
