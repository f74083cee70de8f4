"""The Kokoro acoustic model: phoneme tokens and a style in, samples at 24 kHz out.

The model (StyleTTS 2 with an iSTFT vocoder: Li et al., "StyleTTS 2", NeurIPS 2023; weights Kokoro-82M v1.0) runs as
two ONNX graphs: an encoder from tokens to frames (pitch, energy, features; 25 ms each), and a decoder from frames to
samples, in which nearly all of the time goes and whose time is proportional to its frames.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from onnxruntime import OrtValue, RunOptions

from voxcart.serving.binding import BoundSession

SAMPLE_RATE_HZ = 24_000
FRAME_SAMPLES = 600
MAX_TOKENS = 510
_PAD_TOKEN = 0
_FEATURES = ("text_features", "pitch_hz", "log_energy")
_ENCODER_OUTPUTS = [*_FEATURES, "frames_per_token"]


class OnnxSession(Protocol):
    """The part of ``onnxruntime.InferenceSession`` that is used."""

    def run(
        self, output_names: list[str] | None, feeds: dict[str, NDArray], run_options: RunOptions | None = None
    ) -> list[NDArray]:
        """Runs the graph; blocks. Fails soon after ``run_options.terminate`` was set."""


@dataclass(frozen=True, eq=False)
class Frames:
    """What the decoder makes sound of.

    Attributes:
        features: By name of the decoder's input: float32 ``text_features`` [1, 512, num_frames], ``pitch_hz`` and
            ``log_energy`` [1, 2 * num_frames]; on a GPU the values stay there.
        pitch_hz: float32 [2 * num_frames], 0 where there is no voice.
        log_energy: float32 [2 * num_frames], about -9 in silence and 2..9 in speech.
        frames_per_token: float32 [num_tokens + 2]: of the padding before, of each token, of the padding after.
        style: float32 [1, 256].
        encode_seconds: Time in the encoder.
    """

    features: dict[str, NDArray[np.float32] | OrtValue]
    pitch_hz: NDArray[np.float32]
    log_energy: NDArray[np.float32]
    frames_per_token: NDArray[np.float32]
    style: NDArray[np.float32]
    encode_seconds: float

    @property
    def num_frames(self) -> int:
        """How many frames of 25 ms."""
        return len(self.log_energy) // 2


class KokoroModel:
    """The two graphs on the CPU. Shared by all streams; has no state between calls. Blocks.

    Attributes:
        can_window: Whether :meth:`decode` computes only the frames that it is asked for.
    """

    can_window = True

    def __init__(self, encoder: OnnxSession, decoder: OnnxSession, vocabulary: dict[str, int]) -> None:
        """Keep the two sessions; ``vocabulary`` maps a phoneme character to its token."""
        self._encoder = encoder
        self._decoder = decoder
        self._vocabulary = vocabulary

    @staticmethod
    def read_vocabulary(path: Path) -> dict[str, int]:
        """Read ``vocab.json``: {"vocab": {phoneme: token}}."""
        return dict(json.loads(path.read_text(encoding="utf-8"))["vocab"])

    def token(self, phoneme: str) -> int | None:
        """Token of a phoneme; None if the model does not know it."""
        return self._vocabulary.get(phoneme)

    def encode(
        self,
        tokens: Sequence[int],
        style: NDArray[np.float32],
        speaking_rate: float,
        run_options: RunOptions | None = None,
    ) -> Frames:
        """Pitch, energy and features of one clause.

        Args:
            tokens: 1 to 510 phoneme tokens.
            style: float32 [1, 256].
            speaking_rate: 1 is the voice's own pace, 2 twice as fast.
            run_options: Setting its ``terminate`` from another thread makes the call fail within milliseconds.

        Raises:
            ValueError: No token or too many.
        """
        started = time.perf_counter()
        found = dict(
            zip(
                _ENCODER_OUTPUTS,
                self._encoder.run(_ENCODER_OUTPUTS, _encoder_feeds(tokens, style, speaking_rate), run_options),
                strict=True,
            )
        )
        return Frames(
            features={name: found[name] for name in _FEATURES},
            pitch_hz=found["pitch_hz"][0],
            log_energy=found["log_energy"][0],
            frames_per_token=found["frames_per_token"][0],
            style=style,
            encode_seconds=time.perf_counter() - started,
        )

    def decode(
        self, frames: Frames, seen: NDArray[np.int64], run_options: RunOptions | None = None
    ) -> NDArray[np.float32]:
        """Samples of some frames: float32 [600 * num_seen] in about [-1, 1].

        The voice's phase goes on over frames that are left out as if they had been decoded.

        Args:
            frames: What :meth:`encode` gave.
            seen: int64 [num_seen], which frames, ascending.
            run_options: Setting its ``terminate`` from another thread makes the call fail within milliseconds.
        """
        half_frames = (2 * seen[:, np.newaxis] + np.arange(2)).ravel()
        pitch_hz = frames.pitch_hz[half_frames]
        pitch_hz[::2] += _skipped_cycles(frames.pitch_hz, seen) * _HALF_FRAMES_PER_SECOND
        (samples,) = self._decoder.run(
            ["audio"],
            {
                "text_features": frames.features["text_features"][:, :, seen],
                "pitch_hz": pitch_hz[np.newaxis],
                "log_energy": frames.log_energy[np.newaxis, half_frames],
                "style": frames.style,
            },
            run_options,
        )
        return samples


_HALF_FRAMES_PER_SECOND = 2 * SAMPLE_RATE_HZ // FRAME_SAMPLES


def _skipped_cycles(pitch_hz: NDArray[np.float32], seen: NDArray[np.int64]) -> NDArray[np.float32]:
    """The part of a cycle of the voice that was left out before each seen frame: float32 [num_seen] in [0, 1).

    The decoder sums up the phase over the frames that it is given.
    """
    cycles = np.concatenate([[0.0], np.cumsum(pitch_hz, dtype=np.float64) / _HALF_FRAMES_PER_SECOND])
    before = np.concatenate([[0], seen[:-1] + 1])
    return ((cycles[2 * seen] - cycles[2 * before]) % 1.0).astype(np.float32)


class DeviceKokoroModel(KokoroModel):
    """The two graphs on a GPU: features go from one to the other without a copy through host memory.

    There the decoder needs milliseconds, so it makes the whole clause and what was not asked for is cut off after it.
    """

    can_window = False

    def __init__(self, encoder: BoundSession, decoder: BoundSession, vocabulary: dict[str, int]) -> None:
        """Keep the two sessions; ``encoder`` keeps the features on the device."""
        self._bound_encoder = encoder
        self._bound_decoder = decoder
        self._vocabulary = vocabulary

    def encode(
        self,
        tokens: Sequence[int],
        style: NDArray[np.float32],
        speaking_rate: float,
        run_options: RunOptions | None = None,
    ) -> Frames:
        """See :meth:`KokoroModel.encode`."""
        started = time.perf_counter()
        found = self._bound_encoder.run(_encoder_feeds(tokens, style, speaking_rate), run_options)
        return Frames(
            features={name: found[name] for name in _FEATURES},
            pitch_hz=found["pitch_hz"].numpy()[0],
            log_energy=found["log_energy"].numpy()[0],
            frames_per_token=found["frames_per_token"][0],
            style=style,
            encode_seconds=time.perf_counter() - started,
        )

    def decode(
        self, frames: Frames, seen: NDArray[np.int64], run_options: RunOptions | None = None
    ) -> NDArray[np.float32]:
        """See :meth:`KokoroModel.decode`."""
        found = self._bound_decoder.run({**frames.features, "style": frames.style}, run_options)
        return found["audio"].reshape(-1, FRAME_SAMPLES)[seen].ravel()


def _encoder_feeds(tokens: Sequence[int], style: NDArray[np.float32], speaking_rate: float) -> dict[str, NDArray]:
    if not 1 <= len(tokens) <= MAX_TOKENS:
        raise ValueError(f"a clause has 1 to {MAX_TOKENS} phonemes, not {len(tokens)}")
    return {
        "tokens": np.array([[_PAD_TOKEN, *tokens, _PAD_TOKEN]], np.int64),
        "style": style,
        "speed": np.array([speaking_rate], np.float32),
    }
