"""smart-turn: the probability that the speaker has finished, judged from the sound of the last 8 s.

Model smart-turn v3.2 by Daily (BSD-2). Its features are Whisper's log-mel of 8 s of audio, aligned to the end and
brought to zero mean and unit variance before. It was trained on pauses of 200 ms; asked earlier, it doubts finished
turns. So it is asked early, for its answer to be there in time, and shown the silence that is still to come: with 96 ms
of it after 96 ms of pause it says what it says after 192 ms (correlation 0.97).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np

from voxcart.serving.sessions import SessionOptions, create_session
from voxcart_services.asr.whisper.features import SAMPLE_RATE_HZ, log_mel

WINDOW_SAMPLES = 8 * SAMPLE_RATE_HZ
_SILENCE_TO_COME_MS = 96


class TurnModel(ABC):
    """Judges whether a turn is complete."""

    @abstractmethod
    def probability_complete(self, samples: np.ndarray) -> float:
        """Probability, 0..1, that the speaker has finished; blocks while it computes.

        Args:
            samples: float32 `[num_samples]` at 16 kHz, the utterance so far with the pause at its end.
        """


class SmartTurn(TurnModel):
    """smart-turn on ONNX Runtime."""

    def __init__(self, path: Path, options: SessionOptions, silence_to_come_ms: int = _SILENCE_TO_COME_MS) -> None:
        """Loads the model; blocks.

        Args:
            path: The ONNX file.
            options: How it runs.
            silence_to_come_ms: Silence that the model is shown after the samples.

        Raises:
            SessionError: ONNX Runtime cannot load it.
        """
        self._session = create_session(path, options)
        self._silence_samples = silence_to_come_ms * SAMPLE_RATE_HZ // 1000

    def probability_complete(self, samples: np.ndarray) -> float:
        window = np.zeros(WINDOW_SAMPLES, dtype=np.float32)
        end = WINDOW_SAMPLES - self._silence_samples
        recent = samples[-end:]
        window[end - len(recent) : end] = recent
        window = (window - window.mean()) / np.sqrt(window.var() + np.float32(1e-7))
        probability = self._session.run(None, {"input_features": log_mel(window)[None]})[0]
        return float(probability.reshape(-1)[0])
