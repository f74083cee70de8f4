"""Scripted models for recognition tests: loud is speech, and an utterance's text says how long it was."""

from collections.abc import Callable

import numpy as np

from voxcart_services.asr.recognizer import Recognizer, RecognizerRules
from voxcart_services.asr.text.correction import Corrector
from voxcart_services.asr.text.pipeline import TextPipeline
from voxcart_services.asr.turns.smart_turn import TurnModel
from voxcart_services.asr.turns.vad import Vad, VadStream
from voxcart_services.asr.whisper.decode import DecodeOptions, Hypothesis, Transcriber

RATE_HZ = 16_000


class LoudnessVad(Vad):
    """A frame is speech when its mean level is over 0.05. Streams remember, as Silero does, the frame before."""

    def stream(self) -> VadStream:
        return _LoudnessStream()


class _LoudnessStream(VadStream):
    def __init__(self) -> None:
        self._before = 0.0

    def push_frame(self, frame: np.ndarray) -> float:
        level = float(np.abs(frame).mean())
        probability = 0.95 if level > 0.05 else 0.1 + 0.1 * (self._before > 0.05)
        self._before = level
        return probability


class ScriptedTurn(TurnModel):
    """Gives the same probability each time."""

    def __init__(self, probability: float = 0.9) -> None:
        self.probability = probability

    def probability_complete(self, samples: np.ndarray) -> float:
        return self.probability


class LengthTranscriber(Transcriber):
    """Transcribes an utterance as its number of voiced samples, or as the script says."""

    def __init__(self, texts: list[str] | None = None, error: Exception | None = None) -> None:
        self.texts = texts
        self.error = error
        self.calls: list[int] = []

    def transcribe(
        self, samples: np.ndarray, options: DecodeOptions, is_cancelled: Callable[[], bool] = lambda: False
    ) -> Hypothesis:
        voiced = int((np.abs(samples) > 0.05).sum())
        self.calls.append(voiced)
        if self.error is not None:
            raise self.error
        text = f"voiced {voiced} of {len(samples)}" if self.texts is None else self.texts[0]
        if self.texts is not None and len(self.texts) > 1:
            self.texts.pop(0)
        return Hypothesis(text, (1, 2, 3), -0.2, 0.05, "zh", encode_ms=1.0, decode_ms=1.0)


def make_recognizer(
    transcriber: Transcriber | None = None,
    turn: TurnModel | None = None,
    rules: RecognizerRules | None = None,
) -> Recognizer:
    """A recogniser over fakes."""
    text = TextPipeline(Corrector(lexicon=[]))
    return Recognizer(transcriber or LengthTranscriber(), LoudnessVad(), turn or ScriptedTurn(), text, rules)


def speech(seconds: float) -> np.ndarray:
    """Loud samples: a square wave of 500 Hz."""
    return np.where(np.arange(round(seconds * RATE_HZ)) % 32 < 16, 0.3, -0.3).astype(np.float32)


def silence(seconds: float) -> np.ndarray:
    """Silent samples."""
    return np.zeros(round(seconds * RATE_HZ), np.float32)


def audio(*parts: np.ndarray) -> np.ndarray:
    """Parts in a row."""
    return np.concatenate(parts)
