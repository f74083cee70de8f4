"""The front of a recognition stream: samples in, frames with speech or silence out.

Frames are 32 ms, aligned to multiples of 512 samples of the stream. What outlives an utterance (voice activity state,
offset) would make a replay differ from the first run, so it is set back at the end of every utterance and at every
64th frame of silence. From the last of these points, `resume_sample`, the stream can be played again with equal
results.

While nothing is heard but the stream's usual background, frames are looked at a quarter of a second at a time: nothing
can begin there, and two hundred silent streams cost half as much. The first sound above the background is looked at
at once. What the frames give is the same either way, it comes later.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from voxcart.audio.buffer import SampleBuffer
from voxcart_services.asr.offset import OffsetRemover
from voxcart_services.asr.turns.endpointing import GateRules, SpeechGate
from voxcart_services.asr.turns.vad import FRAME_SAMPLES
from voxcart_services.asr.turns.vad_pool import VadStream

_RESET_SAMPLES = 64 * FRAME_SAMPLES
_HELD_SAMPLES = 8 * FRAME_SAMPLES
_STANDS_OUT = 2.0
_FLOOR_RISE = 0.05


class Listener:
    """Buffer, voice activity and speech gate of one stream.

    Example::

        listener.append(samples)
        while await listener.fill():
            if not listener.skip_silence() and listener.look():
                ...  # somebody speaks

    Attributes:
        position: Sample after the last frame that was looked at.
        probability: Speech probability of that frame.
        gate: What the frames so far say about speech and pause.
    """

    def __init__(self, vad: VadStream, rules: GateRules, capacity_samples: int, first_sample: int) -> None:
        """
        Args:
            vad: Used by this listener alone.
            rules: Of the gate.
            capacity_samples: Most samples that are kept, see `forget_before`.
            first_sample: Position of the first sample that will come.
        """
        self.gate = SpeechGate(rules)
        self.position = -(-first_sample // FRAME_SAMPLES) * FRAME_SAMPLES
        self.probability = 0.0
        self._rules = rules
        self._vad = vad
        self._offset = OffsetRemover()
        self._buffer = SampleBuffer(capacity_samples, first_sample)
        self._unread: deque[float] = deque()
        self._as_heard: np.ndarray | None = None
        self._resets: deque[int] = deque([first_sample])
        self._floor_power: float | None = None
        self._is_background = False

    @property
    def start_sample(self) -> int:
        """Position of the oldest sample that is kept."""
        return self._buffer.start

    @property
    def end_sample(self) -> int:
        """Position after the last sample that came."""
        return self._buffer.end

    @property
    def resume_sample(self) -> int:
        """Position from which a new listener reaches the same state; what is before it is finished."""
        return self._resets[0]

    def append(self, samples: np.ndarray) -> None:
        """Takes the next samples, float32 `[num_samples]`."""
        self._buffer.append(samples)
        if len(samples):
            self._is_background = self._is_usual(float(np.dot(samples, samples)) / len(samples))

    def view(self, start: int, end: int) -> np.ndarray:
        """Samples in [start, end), free of offset up to `position`; valid until the next `append`."""
        return self._buffer.view(start, end)

    def hurry(self) -> bool:
        """Holds no frame back until more samples come; says whether any were."""
        is_held = self._is_background and self._buffer.end - self.position >= FRAME_SAMPLES
        self._is_background = False
        return is_held

    async def fill(self) -> bool:
        """Makes sure that there is a frame to look at; `False` when there is none, or background that can wait."""
        if self._unread:
            return True
        if self._is_background and self.gate.is_silent and self._buffer.end - self.position < _HELD_SAMPLES:
            return False
        self._reset_in_silence()
        to_reset = _RESET_SAMPLES - self.position % _RESET_SAMPLES
        count = min(self._buffer.end - self.position, to_reset) // FRAME_SAMPLES
        if count <= 0:
            return False
        end = self.position + count * FRAME_SAMPLES
        frames = self._buffer.view(self.position, end).reshape(count, FRAME_SAMPLES)
        clean = self._offset.remove(frames)
        probabilities = await self._vad.push_frames(clean)
        self._as_heard = None
        if clean is not frames:
            self._as_heard = frames.copy()
            frames[:] = clean
        self._unread.extend(probabilities.tolist())
        return True

    def skip_silence(self) -> bool:
        """Passes over all frames that `fill` got if nothing can begin in them; says whether it did."""
        if not self.gate.is_silent or max(self._unread) >= self._rules.start_probability:
            return False
        self.position += len(self._unread) * FRAME_SAMPLES
        self.probability = self._unread[-1]
        self._unread.clear()
        return True

    def look(self) -> bool:
        """Looks at the next frame; says whether it opened an utterance."""
        self.probability = self._unread.popleft()
        self.position += FRAME_SAMPLES
        return self.gate.push(self.probability)

    def close_utterance(self) -> None:
        """The utterance is over: back to silence, with nothing remembered."""
        if self._as_heard is not None and self._unread:
            end = self.position + len(self._unread) * FRAME_SAMPLES
            self._buffer.view(self.position, end)[:] = self._as_heard[-len(self._unread) :].reshape(-1)
        self._unread.clear()
        self.gate.close()
        self._reset()
        self._resets = deque([self.position])

    def forget_before(self, position: int) -> None:
        """Lets go of older samples."""
        self._buffer.drop_before(position)
        while len(self._resets) > 1 and self._resets[1] <= position:
            self._resets.popleft()

    def _is_usual(self, power: float) -> bool:
        """Whether samples of this mean power are like the background so far, which it follows."""
        floor = self._floor_power
        self._floor_power = power if floor is None or power < floor else floor + _FLOOR_RISE * (power - floor)
        return floor is not None and power <= _STANDS_OUT * floor

    def _reset_in_silence(self) -> None:
        if self.position % _RESET_SAMPLES == 0 and self.gate.is_silent and self.position > self._resets[-1]:
            self._reset()
            self._resets.append(self.position)

    def _reset(self) -> None:
        self._vad.reset()
        self._offset.reset()
