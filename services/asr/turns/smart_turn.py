"""smart-turn: the probability that the speaker has finished, judged from the sound of the last 8 s.

Model smart-turn v3.2 by Daily (BSD-2). Its features are Whisper's log-mel of 8 s of audio, aligned to the end and
brought to zero mean and unit variance before.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np

from voxcart.serving.sessions import SessionOptions, create_session
from voxcart_services.asr.whisper.features import SAMPLE_RATE_HZ, log_mel

WINDOW_SAMPLES = 8 * SAMPLE_RATE_HZ


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

    def __init__(self, path: Path, options: SessionOptions) -> None:
        self._session = create_session(path, options)

    def probability_complete(self, samples: np.ndarray) -> float:
        window = np.zeros(WINDOW_SAMPLES, dtype=np.float32)
        recent = samples[-WINDOW_SAMPLES:]
        window[WINDOW_SAMPLES - len(recent) :] = recent
        window = (window - window.mean()) / np.sqrt(window.var() + np.float32(1e-7))
        probability = self._session.run(None, {"input_features": log_mel(window)[None]})[0]
        return float(probability.reshape(-1)[0])
