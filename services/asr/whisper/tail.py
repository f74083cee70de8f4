"""The silence that short audio is shown without computing it.

Whisper was trained on windows of 30 s. The encoder runs once over a silent window; keys and values of every position
are kept, and audio of n positions attends to those of the positions from n on. The first second of them is kept whole,
where keys still depend on what is before; after that one entry stands for several neighbours, which differ by little,
and weighs as much as they did together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from voxcart_services.asr.whisper.model import WhisperConfig

_WHOLE_POSITIONS = 50


class SilenceTail:
    """Keys and values of a silent window, by layer; read-only."""

    def __init__(self, states: dict[str, np.ndarray], stride: int) -> None:
        """
        Args:
            states: `key.<l>`, `value.<l>`, `cross_key.<l>`, `cross_value.<l>` of all positions of a silent window.
            stride: Positions that one entry stands for, after the first second.
        """
        self._near = {_input_name(name): array for name, array in states.items()}
        self._end = states["key.0"].shape[3]
        self._stride = stride
        starts = np.arange(0, self._end, stride)
        ends = np.minimum(starts + stride, self._end)
        self._far_weights = (ends - starts).astype(np.float32)
        middles = (starts + ends - 1) // 2
        self._far = {name: np.ascontiguousarray(_take(name, array, middles)) for name, array in self._near.items()}

    @staticmethod
    def empty(config: WhisperConfig) -> SilenceTail:
        """A tail of no entries."""
        heads, depth = config.num_heads, config.width // config.num_heads
        states = {}
        for prefix, layers in (("", config.num_encoder_layers), ("cross_", config.num_decoder_layers)):
            for layer in range(layers):
                states[f"{prefix}key.{layer}"] = np.zeros((1, heads, depth, 0), dtype=config.float_dtype)
                states[f"{prefix}value.{layer}"] = np.zeros((1, heads, 0, depth), dtype=config.float_dtype)
        return SilenceTail(states, stride=1)

    def feeds(self, start: int) -> dict[str, np.ndarray]:
        """Encoder inputs that stand for the silence from position `start` to the window's end."""
        near_end, first_far = self._bounds(start)
        feeds = {}
        for name, near in self._near.items():
            axis = 3 if "key" in name else 2
            parts = (_slice(near, axis, start, near_end), _slice(self._far[name], axis, first_far, None))
            feeds[name] = np.concatenate(parts, axis=axis)
        feeds["tail_bias"] = np.log(self.weights(start))
        return feeds

    def weights(self, start: int) -> np.ndarray:
        """How many positions each entry stands for; they add up to what is left of the window."""
        near_end, first_far = self._bounds(start)
        return np.concatenate([np.ones(near_end - start, dtype=np.float32), self._far_weights[first_far:]])

    def _bounds(self, start: int) -> tuple[int, int]:
        """Where the positions kept whole end, and the first entry after them."""
        first_far = min(-(-(start + _WHOLE_POSITIONS) // self._stride), len(self._far_weights))
        return min(first_far * self._stride, self._end), first_far


def _input_name(state: str) -> str:
    """`key.0` is fed as `tail_key.0`, `cross_key.0` as `cross_tail_key.0`."""
    return f"cross_tail_{state.removeprefix('cross_')}" if state.startswith("cross_") else f"tail_{state}"


def _take(name: str, array: np.ndarray, positions: np.ndarray) -> np.ndarray:
    return array[..., positions] if "key" in name else array[:, :, positions]


def _slice(array: np.ndarray, axis: int, start: int, end: int | None) -> np.ndarray:
    return array[..., start:end] if axis == 3 else array[:, :, start:end]
