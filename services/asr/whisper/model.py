"""The Whisper encoder and decoder in ONNX Runtime, with the kept silence tail.

A model is shared and holds no state of a call; what belongs to utterances (cross-attention and self-attention caches)
travels as values, which stay on the device that the model runs on.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort

from voxcart.models.converters.whisper import CACHE_JOIN_FILE, CONFIG_FILE, DECODER_FILE, ENCODER_FILE
from voxcart.serving.binding import BoundSession
from voxcart.serving.sessions import SessionOptions, create_session, provider_of
from voxcart_services.asr.whisper.features import HOP_SAMPLES, SAMPLE_RATE_HZ, log_mel
from voxcart_services.asr.whisper.tail import SilenceTail

SAMPLES_PER_POSITION = 2 * HOP_SAMPLES
MS_PER_POSITION = 1000 * SAMPLES_PER_POSITION // SAMPLE_RATE_HZ
MASKED = np.float32(-1e4)
"""Added to attention scores where nothing may be seen; also a number in fp16."""
_SHORTEST_SAMPLES = SAMPLE_RATE_HZ // 10


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
    precision: str
    suppress_ids: tuple[int, ...]
    suppress_ids_begin: tuple[int, ...]
    language_ids: tuple[int, ...]

    @staticmethod
    def read(path: Path) -> WhisperConfig:
        """Reads the converter's file.

        Raises:
            OSError, KeyError, ValueError: The file is missing or is none of the converter's.
        """
        raw = json.loads(path.read_text(encoding="utf-8"))
        fields = {name: raw[name] for name in WhisperConfig.__dataclass_fields__}
        for name in ("suppress_ids", "suppress_ids_begin", "language_ids"):
            fields[name] = tuple(fields[name])
        return WhisperConfig(**fields)

    @property
    def cache_names(self) -> list[str]:
        """`key.<l>` and `value.<l>` of every decoder layer."""
        return [f"{part}.{layer}" for layer in range(self.num_decoder_layers) for part in ("key", "value")]

    @property
    def float_dtype(self) -> type[np.floating]:
        """Of caches."""
        return np.float16 if self.precision == "fp16" else np.float32

    def empty_cache(self, num_rows: int) -> dict[str, ort.OrtValue]:
        """Caches of no length."""
        heads, depth = self.num_heads, self.width // self.num_heads
        key = ort.OrtValue.ortvalue_from_numpy(np.zeros((num_rows, heads, depth, 0), self.float_dtype))
        value = ort.OrtValue.ortvalue_from_numpy(np.zeros((num_rows, heads, 0, depth), self.float_dtype))
        return {name: key if name.startswith("key") else value for name in self.cache_names}


@dataclass(frozen=True)
class AudioCache:
    """What the decoder attends to: cross-attention keys and values of some utterances, tail included.

    Attributes:
        values: `key.<l>`, `value.<l>` on the model's device.
        bias: float32 `[utterances, positions and tail entries]`.
        num_positions: Positions of 20 ms that were computed from audio.
    """

    values: dict[str, ort.OrtValue]
    bias: np.ndarray
    num_positions: int


@dataclass(frozen=True)
class TokenCache:
    """Self-attention keys and values of tokens; `allowed` says which of the columns count, row by row.

    Attributes:
        values: `key.<l>`, `value.<l>` on the model's device.
        allowed: bool `[rows, columns]`.
    """

    values: dict[str, ort.OrtValue]
    allowed: np.ndarray


@dataclass(frozen=True)
class DecoderInput:
    """New tokens of every row.

    Attributes:
        tokens: int64 `[rows, new]`.
        positions: int64 `[rows]`, place of the first of them in the text.
        parents: int64 `[rows]`, row of the cache that each row goes on from.
        wanted: int64 `[wanted]`, tokens (counted through all rows) that are asked for what follows them.
    """

    tokens: np.ndarray
    positions: np.ndarray
    parents: np.ndarray
    wanted: np.ndarray


@dataclass(frozen=True)
class DecoderOutput:
    """What a decoder run gives.

    Attributes:
        logits: float32 `[wanted, vocabulary]`.
        past: Cache of the rows, new tokens included.
    """

    logits: np.ndarray
    past: TokenCache


class WhisperModel:
    """Encoder and decoder of one Whisper checkpoint. Calls may come from several threads."""

    def __init__(self, folder: Path, options: SessionOptions, *, tail_stride: int = 10) -> None:
        """Loads the graphs and runs the encoder once over silence to keep its tail; seconds.

        Args:
            folder: Result of `voxcart.models.converters.whisper.convert`.
            options: Provider and threads of all graphs.
            tail_stride: Positions of kept silence that one entry stands for; 1 keeps all of them.
        """
        self.config = WhisperConfig.read(folder / CONFIG_FILE)
        caches = self.config.cache_names
        encoder, decoder = (create_session(folder / name, options) for name in (ENCODER_FILE, DECODER_FILE))
        self.provider = provider_of(encoder)
        device = options.device_id
        cross, present = [f"cross_{name}" for name in caches], [f"present_{name}" for name in caches]
        self._encoder = BoundSession(encoder, cross, cross, device)
        self._decoder = BoundSession(decoder, present, ["logits", *present], device)
        self._aligner = BoundSession(decoder, [], ["alignment"], device)
        self._join = BoundSession(create_session(folder / CACHE_JOIN_FILE, options), caches, device_id=device)
        self._no_past = self.config.empty_cache(1)
        self._no_tail = SilenceTail.empty(self.config)
        self._tail = SilenceTail(self._silence_states(encoder), tail_stride)

    @property
    def max_samples(self) -> int:
        """Longest audio that one call takes: 30 s."""
        return self.config.num_audio_positions * SAMPLES_PER_POSITION

    def num_positions(self, num_samples: int) -> int:
        """Positions that audio of this length takes, at least those of 100 ms."""
        return -(-max(num_samples, _SHORTEST_SAMPLES) // SAMPLES_PER_POSITION)

    def _silence_states(self, encoder: ort.InferenceSession) -> dict[str, np.ndarray]:
        names = [output.name for output in encoder.get_outputs() if output.name != "states"]
        mel = log_mel(np.zeros(self.max_samples, dtype=np.float32), self.config.num_mels)[None]
        return dict(zip(names, encoder.run(names, {"mel": mel, **self._no_tail.feeds(0)}), strict=True))

    def encode(self, utterances: Sequence[np.ndarray], num_positions: int) -> AudioCache:
        """Encodes utterances that take the same number of positions.

        Args:
            utterances: float32 at 16 kHz, trailing silence included, each at most `num_positions` long; what is
                missing to it is computed as silence.
            num_positions: From `num_positions()`; all positions of the window for full-window encoding, else silence
                of the kept tail follows.

        Raises:
            ValueError: An utterance is longer, or the positions are more than the window has.
        """
        longest = max(len(samples) for samples in utterances)
        if longest > num_positions * SAMPLES_PER_POSITION or num_positions > self.config.num_audio_positions:
            most = self.config.num_audio_positions
            raise ValueError(f"{longest} samples do not fit {num_positions} of {most} positions")
        mel = np.empty((len(utterances), self.config.num_mels, 2 * num_positions), dtype=np.float32)
        for index, samples in enumerate(utterances):
            window = np.zeros(num_positions * SAMPLES_PER_POSITION, dtype=np.float32)
            window[: len(samples)] = samples
            mel[index] = log_mel(window, self.config.num_mels)
        is_full = num_positions == self.config.num_audio_positions
        tail = self._no_tail.feeds(0) if is_full else self._tail.feeds(num_positions)
        found = self._encoder.run({"mel": mel, **tail})
        bias = np.concatenate([np.zeros(num_positions, dtype=np.float32), tail["tail_bias"]])
        values = {name.removeprefix("cross_"): value for name, value in found.items()}
        return AudioCache(values, np.tile(bias, (len(utterances), 1)), num_positions)  # type: ignore[arg-type]

    def decode(self, new: DecoderInput, audio: AudioCache, past: TokenCache | None = None) -> DecoderOutput:
        """Feeds tokens after those of `past`.

        The rows are those of the first utterance of `audio`, then those of the second, ..., as many for each.
        """
        feeds, allowed = self._decoder_feeds(new, audio, past)
        found = self._decoder.run(feeds)
        logits = found.pop("logits")
        values = {name.removeprefix("present_"): value for name, value in found.items()}
        return DecoderOutput(logits, TokenCache(values, allowed))  # type: ignore[arg-type]

    def align(self, tokens: Sequence[int], audio: AudioCache) -> np.ndarray:
        """Where in the audio of one utterance the decoder looks while it reads a whole text.

        Returns:
            float32 `[alignment heads, tokens, positions and tail entries]`, adding up to 1 over the last axis.
        """
        new = DecoderInput(np.array([tokens]), np.zeros(1, np.int64), np.zeros(1, np.int64), np.zeros(1, np.int64))
        feeds, _ = self._decoder_feeds(new, audio, None)
        return self._aligner.run(feeds)["alignment"][0]  # type: ignore[index]

    def _decoder_feeds(
        self, new: DecoderInput, audio: AudioCache, past: TokenCache | None
    ) -> tuple[dict[str, np.ndarray | ort.OrtValue], np.ndarray]:
        """Inputs of the decoder, and which columns of the cache count after it ran."""
        rows, width = new.tokens.shape
        before = past.allowed[new.parents] if past is not None else np.zeros((rows, 0), dtype=bool)
        seen = np.empty((rows, width, before.shape[1] + width), dtype=bool)
        seen[:, :, : before.shape[1]] = before[:, None]
        seen[:, :, before.shape[1] :] = np.tri(width, dtype=bool)
        last = self.config.num_text_positions - 1
        feeds: dict[str, np.ndarray | ort.OrtValue] = {
            "tokens": new.tokens,
            "positions": np.minimum(new.positions[:, None] + np.arange(width), last),
            "parents": new.parents,
            "wanted": new.wanted,
            "self_bias": np.where(seen, np.float32(0), MASKED)[:, None],
            "cross_bias": audio.bias[:, None, None],
        }
        feeds |= {f"cross_{name}": value for name, value in audio.values.items()}
        feeds |= {f"past_{name}": value for name, value in (past.values if past else self._no_past).items()}
        return feeds, seen[:, -1]

    def join_audio(self, first: AudioCache, rows: Sequence[int], second: AudioCache) -> AudioCache:
        """Some utterances of `first` followed by those of `second`."""
        values = self._joined(first.values, rows, second.values, range(len(second.bias)))
        length = max(first.bias.shape[1], second.bias.shape[1])
        parts = [_widened(first.bias[list(rows)], length, MASKED), _widened(second.bias, length, MASKED)]
        return AudioCache(values, np.concatenate(parts), max(first.num_positions, second.num_positions))

    def pick_audio(self, audio: AudioCache, rows: Sequence[int]) -> AudioCache:
        """Some utterances of `audio`."""
        values = self._joined(audio.values, rows, self.config.empty_cache(0), [])
        return AudioCache(values, audio.bias[list(rows)], audio.num_positions)

    def join_tokens(
        self, first: TokenCache, first_rows: Sequence[int], second: TokenCache, second_rows: Sequence[int]
    ) -> TokenCache:
        """Some rows of `first` followed by some of `second`."""
        values = self._joined(first.values, first_rows, second.values, second_rows)
        length = max(first.allowed.shape[1], second.allowed.shape[1])
        picked = (first.allowed[list(first_rows)], second.allowed[list(second_rows)])
        return TokenCache(values, np.concatenate([_widened(part, length, np.False_) for part in picked]))

    def _joined(
        self,
        first: dict[str, ort.OrtValue],
        first_rows: Sequence[int],
        second: dict[str, ort.OrtValue],
        second_rows: Sequence[int],
    ) -> dict[str, ort.OrtValue]:
        feeds: dict[str, np.ndarray | ort.OrtValue] = {
            "first_rows": np.array(first_rows, dtype=np.int64),
            "second_rows": np.array(second_rows, dtype=np.int64),
        }
        feeds |= {f"first_{name}": value for name, value in first.items()}
        feeds |= {f"second_{name}": value for name, value in second.items()}
        return self._join.run(feeds)  # type: ignore[return-value]


def _widened(rows: np.ndarray, length: int, filling: np.generic) -> np.ndarray:
    """`[rows, n]` filled up to `[rows, length]`."""
    missing = length - rows.shape[1]
    return np.pad(rows, ((0, 0), (0, missing)), constant_values=filling)
