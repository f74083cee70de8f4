"""The Kokoro acoustic model: phoneme tokens and a style in, samples at 24 kHz out.

The model (StyleTTS 2 with an iSTFT vocoder: Li et al., "StyleTTS 2", NeurIPS 2023; weights Kokoro-82M v1.0) runs as
two ONNX graphs. Between them the silence that the model puts around every clause is cut off, so that it is never
computed: the decoder's time is proportional to its frames.
"""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from onnxruntime import RunOptions

from voxcart_services.tts.voices.library import Voice

SAMPLE_RATE_HZ = 24_000
FRAME_SAMPLES = 600
MAX_TOKENS = 510
_PAD_TOKEN = 0
_SPEECH_LOG_ENERGY = -5.5
_LEAD_FRAMES = 3
_TAIL_FRAMES = 4


class OnnxSession(Protocol):
    """The part of ``onnxruntime.InferenceSession`` that is used."""

    def run(
        self, output_names: list[str] | None, feeds: dict[str, np.ndarray], run_options: RunOptions | None = None
    ) -> list[np.ndarray]:
        """Runs the graph; blocks. Fails soon after ``run_options.terminate`` was set."""


@dataclass(frozen=True)
class Acoustics:
    """One synthesised clause.

    Attributes:
        samples: float32 [num_samples] in [-1, 1], 24 kHz.
        encode_seconds: Time in the text side of the model.
        decode_seconds: Time in the vocoder.
    """

    samples: np.ndarray
    encode_seconds: float
    decode_seconds: float


class KokoroModel:
    """Shared by all streams; has no state between calls. Blocks: call it from an executor."""

    def __init__(self, encoder: OnnxSession, decoder: OnnxSession, vocabulary: dict[str, int]) -> None:
        """Keep the two sessions; ``vocabulary`` maps a phoneme character to its token."""
        self._encoder = encoder
        self._decoder = decoder
        self._vocabulary = vocabulary

    @staticmethod
    def read_vocabulary(path: Path) -> dict[str, int]:
        """Read ``vocab.json``: {"vocab": {phoneme: token}}."""
        return dict(json.loads(path.read_text(encoding="utf-8"))["vocab"])

    def tokens(self, phonemes: str) -> tuple[list[int], list[str]]:
        """Tokens of a phoneme string, and the characters the model does not know (left out)."""
        known = [self._vocabulary[symbol] for symbol in phonemes if symbol in self._vocabulary]
        unknown = [symbol for symbol in phonemes if symbol not in self._vocabulary]
        return known, unknown

    def infer(
        self, tokens: list[int], voice: Voice, speaking_rate: float, run_options: RunOptions | None = None
    ) -> Acoustics:
        """Speak one clause.

        Args:
            tokens: 1 to 510 phoneme tokens.
            voice: Whose style to use.
            speaking_rate: 1 is the voice's own pace, 2 twice as fast.
            run_options: Setting its ``terminate`` from another thread makes the call fail within milliseconds.

        Raises:
            ValueError: No token or too many.
        """
        if not 1 <= len(tokens) <= MAX_TOKENS:
            raise ValueError(f"a clause has 1 to {MAX_TOKENS} phonemes, not {len(tokens)}")
        style = voice.style(len(tokens))
        started = time.perf_counter()
        features, pitch_hz, log_energy = self._encoder.run(
            ["text_features", "pitch_hz", "log_energy"],
            {
                "tokens": np.array([[_PAD_TOKEN, *tokens, _PAD_TOKEN]], np.int64),
                "style": style,
                "speed": np.array([speaking_rate], np.float32),
            },
            run_options,
        )
        encoded = time.perf_counter()
        first, last = spoken_frames(log_energy[0])
        (samples,) = self._decoder.run(
            ["audio"],
            {
                "text_features": features[:, :, first:last],
                "pitch_hz": pitch_hz[:, 2 * first : 2 * last],
                "log_energy": log_energy[:, 2 * first : 2 * last],
                "style": style,
            },
            run_options,
        )
        return Acoustics(samples, encoded - started, time.perf_counter() - encoded)


def spoken_frames(log_energy: np.ndarray) -> tuple[int, int]:
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
