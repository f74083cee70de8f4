"""The Whisper encoder and decoder in ONNX Runtime, with the kept silence tail.

A model is shared and holds no state of a call; what belongs to one utterance (cross-attention cache, self-attention
cache) travels as values.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort

from voxcart.models.converters.whisper import CONFIG_FILE, DECODER_FILE, ENCODER_FILE
from voxcart.serving.sessions import SessionOptions, create_session
from voxcart_services.asr.whisper.features import HOP_SAMPLES, SAMPLE_RATE_HZ, log_mel

SAMPLES_PER_POSITION = 2 * HOP_SAMPLES
_MASKED = np.float32(-1e9)
_TAIL_WHOLE_POSITIONS = 50


@dataclass(frozen=True)
class EncodedAudio:
    """What the decoder attends to: one utterance's cross-attention keys and values, tail included.

    Attributes:
        feeds: Decoder inputs `cross_bias`, `cross_key.<l>`, `cross_value.<l>`.
        num_positions: Positions of 20 ms that were computed from audio.
    """

    feeds: dict[str, ort.OrtValue]
    num_positions: int


@dataclass(frozen=True)
class DecoderState:
    """Self-attention cache after `length` tokens; feeds `past_key.<l>`, `past_value.<l>`."""

    feeds: dict[str, ort.OrtValue]
    length: int

    def truncated(self, length: int) -> DecoderState:
        """The cache after only the first `length` tokens."""
        if length == self.length:
            return self
        cut: dict[str, ort.OrtValue] = {}
        for name, value in self.feeds.items():
            array = value.numpy()
            kept = array[..., :length] if "key" in name else array[..., :length, :]
            cut[name] = ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(kept))
        return DecoderState(cut, length)


@dataclass(frozen=True)
class WhisperConfig:
    """Sizes and token ids from `whisper.json`; see the converter."""

    num_mels: int
    width: int
    num_audio_positions: int
    num_text_positions: int
    num_heads: int
    num_encoder_layers: int
    num_decoder_layers: int
    vocabulary_size: int
    suppress_ids: tuple[int, ...]
    suppress_ids_begin: tuple[int, ...]

    @staticmethod
    def read(path: Path) -> WhisperConfig:
        """Reads the converter's file.

        Raises:
            OSError, KeyError, ValueError: The file is missing or is none of the converter's.
        """
        raw = json.loads(path.read_text(encoding="utf-8"))
        fields = {name: raw[name] for name in WhisperConfig.__dataclass_fields__}
        for name in ("suppress_ids", "suppress_ids_begin"):
            fields[name] = tuple(fields[name])
        return WhisperConfig(**fields)


class WhisperModel:
    """Encoder and decoder of one Whisper checkpoint.

    Not safe for concurrent calls of `prepare_tail`; `encode` and `decode` may run in several threads.
    """

    def __init__(self, folder: Path, options: SessionOptions, *, tail_stride: int = 10) -> None:
        """Loads the two graphs; seconds. `prepare_tail` must follow before short audio is encoded.

        Args:
            folder: Result of `voxcart.models.converters.whisper.convert`.
            options: Provider and threads of both graphs.
            tail_stride: Positions of kept silence that one entry stands for; 1 keeps all of them.
        """
        self.config = WhisperConfig.read(folder / CONFIG_FILE)
        self._encoder = create_session(folder / ENCODER_FILE, options)
        self._decoder = create_session(folder / DECODER_FILE, options)
        self._encoder_outputs = ["cross_bias"] + [
            f"cross_{part}.{layer}" for layer in range(self.config.num_decoder_layers) for part in ("key", "value")
        ]
        self._caches = [
            f"{part}.{layer}" for layer in range(self.config.num_decoder_layers) for part in ("key", "value")
        ]
        self._tail_stride = tail_stride
        self._tail: dict[str, np.ndarray] | None = None
        self._no_tail = self._tail_feeds(self.config.num_audio_positions)

    @property
    def max_samples(self) -> int:
        """Longest audio that one call takes: 30 s."""
        return self.config.num_audio_positions * SAMPLES_PER_POSITION

    def prepare_tail(self, primer: np.ndarray | None = None) -> None:
        """Runs the full window once and keeps every position's keys and values for short audio.

        Args:
            primer: float32 speech at 16 kHz that opens the window; `None` means pure silence.
        """
        window = np.zeros(self.max_samples, dtype=np.float32)
        if primer is not None:
            window[: len(primer)] = primer[: self.max_samples]
        outputs = [output.name for output in self._encoder.get_outputs() if output.name not in ("states", "cross_bias")]
        mel = ort.OrtValue.ortvalue_from_numpy(log_mel(window, self.config.num_mels)[None])
        values = self._encoder.run_with_ort_values(outputs, {"mel": mel, **self._no_tail})
        self._tail = {name: value.numpy() for name, value in zip(outputs, values, strict=True)}

    def encode(self, samples: np.ndarray, *, full_window: bool = False) -> EncodedAudio:
        """Encodes one utterance.

        Args:
            samples: float32 `[num_samples]` at 16 kHz, at most `max_samples`, trailing silence included.
            full_window: Compute all 30 s, as Whisper was trained, instead of using the kept tail.

        Raises:
            ValueError: The audio is longer than the window.
            RuntimeError: No tail was prepared.
        """
        if len(samples) > self.max_samples:
            raise ValueError(f"{len(samples)} samples are over the window of {self.max_samples}")
        needed = -(-max(len(samples), SAMPLE_RATE_HZ // 10) // SAMPLES_PER_POSITION)
        positions = self.config.num_audio_positions if full_window else needed
        window = np.zeros(positions * SAMPLES_PER_POSITION, dtype=np.float32)
        window[: len(samples)] = samples
        mel = ort.OrtValue.ortvalue_from_numpy(log_mel(window, self.config.num_mels)[None])
        tail = self._no_tail if full_window else self._tail_feeds(positions)
        values = self._encoder.run_with_ort_values(self._encoder_outputs, {"mel": mel, **tail})
        return EncodedAudio(dict(zip(self._encoder_outputs, values, strict=True)), positions)

    def initial_state(self) -> DecoderState:
        """An empty self-attention cache."""
        config = self.config
        heads, depth = config.num_heads, config.width // config.num_heads
        empty_key = ort.OrtValue.ortvalue_from_numpy(np.zeros((1, heads, depth, 0), np.float32))
        empty_value = ort.OrtValue.ortvalue_from_numpy(np.zeros((1, heads, 0, depth), np.float32))
        feeds = {f"past_{name}": empty_key if name.startswith("key") else empty_value for name in self._caches}
        return DecoderState(feeds, 0)

    def decode(self, tokens: list[int], audio: EncodedAudio, state: DecoderState) -> tuple[np.ndarray, DecoderState]:
        """Feeds tokens after those in `state`.

        Returns:
            float32 `[len(tokens), vocabulary]` logits of what follows each token, and the longer cache.
        """
        past, new = state.length, len(tokens)
        mask = np.triu(np.full((new, past + new), _MASKED, dtype=np.float32), past + 1)[None, None]
        positions = np.arange(past, past + new, dtype=np.int64)[None]
        feeds = {
            "tokens": ort.OrtValue.ortvalue_from_numpy(np.array([tokens], dtype=np.int64)),
            "positions": ort.OrtValue.ortvalue_from_numpy(positions),
            "self_bias": ort.OrtValue.ortvalue_from_numpy(mask),
            **audio.feeds,
            **state.feeds,
        }
        names = ["logits", *(f"present_{name}" for name in self._caches)]
        logits, *present = self._decoder.run_with_ort_values(names, feeds)
        cache = {f"past_{name}": value for name, value in zip(self._caches, present, strict=True)}
        return logits.numpy()[0], DecoderState(cache, past + new)

    def _tail_feeds(self, positions: int) -> dict[str, ort.OrtValue]:
        """Encoder inputs that stand for the silence from position `positions` to the window's end."""
        config = self.config
        heads, depth = config.num_heads, config.width // config.num_heads
        chosen, weights = tail_positions(positions, config.num_audio_positions, self._tail_stride)
        feeds = {"tail_bias": np.log(weights)}
        for prefix, layers in (("", config.num_encoder_layers), ("cross_", config.num_decoder_layers)):
            for layer in range(layers):
                if len(chosen) == 0:
                    keys = np.zeros((1, heads, depth, 0), dtype=np.float32)
                    values = np.zeros((1, heads, 0, depth), dtype=np.float32)
                elif self._tail is None:
                    raise RuntimeError("prepare_tail must run before audio shorter than the window is encoded")
                else:
                    keys = np.ascontiguousarray(self._tail[f"{prefix}key.{layer}"][..., chosen])
                    values = np.ascontiguousarray(self._tail[f"{prefix}value.{layer}"][:, :, chosen])
                feeds[f"{prefix}tail_key.{layer}"] = keys
                feeds[f"{prefix}tail_value.{layer}"] = values
        return {name: ort.OrtValue.ortvalue_from_numpy(array) for name, array in feeds.items()}


def tail_positions(start: int, end: int, stride: int) -> tuple[np.ndarray, np.ndarray]:
    """Which positions of the silence stand for all of it.

    The first second is kept whole, where the keys still depend on the speech before them; after that one position
    stands for `stride` neighbours, which differ by little, and weighs as much as they did together.

    Returns:
        int64 positions in [start, end) and float32 weights that add up to `end - start`.
    """
    whole_until = min(end, start + _TAIL_WHOLE_POSITIONS)
    starts = np.arange(whole_until, end, stride)
    ends = np.minimum(starts + stride, end)
    positions = np.concatenate([np.arange(start, whole_until), (starts + ends - 1) // 2])
    weights = np.concatenate([np.ones(whole_until - start), ends - starts])
    return positions.astype(np.int64), weights.astype(np.float32)
