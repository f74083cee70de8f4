"""Scripted models for recognition tests: loud is speech, and an utterance's text says how long it was."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from voxcart.errors import Overloaded
from voxcart_services.asr.recognition import (
    DecodeOptions,
    Decoding,
    EngineUtterance,
    Hypothesis,
    SpeechEngine,
    Urgency,
)
from voxcart_services.asr.recognizer import Recognizer, RecognizerParts, RecognizerRules
from voxcart_services.asr.text.pipeline import CorrectedText, TextPipeline
from voxcart_services.asr.turns.smart_turn import TurnModel
from voxcart_services.asr.turns.vad_pool import Vad, VadStream

RATE_HZ = 16_000


class LoudnessVad(Vad):
    """A frame is speech when its mean level is over 0.05. Streams remember, as Silero does, the frame before."""

    def stream(self) -> VadStream:
        return _LoudnessStream()

    async def aclose(self) -> None:
        """Nothing is open."""


class _LoudnessStream(VadStream):
    def __init__(self) -> None:
        self._before = 0.0

    async def push_frames(self, frames: np.ndarray) -> np.ndarray:
        levels = np.abs(frames).mean(axis=1)
        before = np.concatenate([[self._before], levels[:-1]])
        self._before = float(levels[-1])
        return np.where(levels > 0.05, 0.95, 0.1 + 0.1 * (before > 0.05)).astype(np.float32)

    def reset(self) -> None:
        self._before = 0.0


class ScriptedTurn(TurnModel):
    """Gives the same probability each time."""

    def __init__(self, probability: float = 0.9) -> None:
        self.probability = probability

    def probability_complete(self, samples: np.ndarray) -> float:
        return self.probability


class PlainText(TextPipeline):
    """Leaves the text as it is."""

    def __init__(self) -> None:
        """Has no steps."""

    def process(self, raw_text: str, **_: object) -> CorrectedText:
        return CorrectedText(raw_text, (), "zh", raw_text)

    async def polish(self, corrected: CorrectedText, **_: object) -> CorrectedText:
        return corrected


@dataclass
class LengthEngine(SpeechEngine):
    """Recognises an utterance as its number of voiced samples, or as the script says.

    Attributes:
        texts: One a call, the last one for all calls after; empty for the number of voiced samples.
        error: Raised by every call.
        hold: When set, calls are answered only after `release`.
        answer: Makes the hypothesis; takes the samples and the options.
        opened: Options of every utterance that was opened.
        calls: Urgency and voiced samples of every call.
        open_utterances: Utterances that are open now.
    """

    texts: list[str] = field(default_factory=list)
    error: Exception | None = None
    hold: bool = False
    answer: Callable[[np.ndarray, DecodeOptions], Hypothesis] | None = None
    opened: list[DecodeOptions] = field(default_factory=list)
    calls: list[tuple[Urgency, int]] = field(default_factory=list)
    open_utterances: int = 0
    held: list[Decoding] = field(default_factory=list)
    is_overloaded: bool = False

    def open(self, options: DecodeOptions) -> EngineUtterance:
        self.opened.append(options)
        self.open_utterances += 1
        return _LengthUtterance(self, options)

    async def aclose(self) -> None:
        """Nothing runs."""

    def hypothesis(self, samples: np.ndarray, options: DecodeOptions) -> Hypothesis:
        if self.answer is not None:
            return self.answer(samples, options)
        text = heard_text(samples)
        if self.texts:
            text = self.texts.pop(0) if len(self.texts) > 1 else self.texts[0]
        return Hypothesis(text, (1, 2, 3), 0.8, -0.2, 0.05, "zh", encode_ms=1.0, decode_ms=1.0)

    def release(self) -> None:
        """Answers every call that is held."""
        self.hold = False
        held, self.held = self.held, []
        for decoding in held:
            if not decoding.future.done():
                decoding.future.set_result(Hypothesis("was held", (1,), 0.8, -0.2, 0.05, "zh"))


class _LengthUtterance(EngineUtterance):
    def __init__(self, engine: LengthEngine, options: DecodeOptions) -> None:
        self._engine = engine
        self._options = options

    def recognise(self, samples: np.ndarray, urgency: Urgency) -> Decoding:
        engine = self._engine
        engine.calls.append((urgency, voiced_samples(samples)))
        if engine.is_overloaded:
            raise Overloaded("speech recognition is overloaded; try again in a second")
        decoding = Decoding(asyncio.get_running_loop().create_future())
        if engine.hold:
            engine.held.append(decoding)
        elif engine.error is not None:
            decoding.future.set_exception(engine.error)
            decoding.future.exception()
        else:
            decoding.future.set_result(engine.hypothesis(samples, self._options))
        return decoding

    def close(self) -> None:
        self._engine.open_utterances -= 1


def heard_text(samples: np.ndarray) -> str:
    """A finished sentence that tells the voiced time in ms and, in letters, the number of samples."""
    letters = str(len(samples)).translate(str.maketrans("0123456789", "abcdefghij"))
    return f"voiced {voiced_samples(samples) // 16} {letters} please"


def voiced_samples(samples: np.ndarray) -> int:
    """Samples that are loud."""
    return int((np.abs(samples) > 0.05).sum())


def make_recognizer(
    engine: SpeechEngine | None = None,
    turn: TurnModel | None = None,
    rules: RecognizerRules | None = None,
    vad: Vad | None = None,
) -> Recognizer:
    """A recogniser over fakes."""
    parts = RecognizerParts(
        engine or LengthEngine(), vad or LoudnessVad(), turn or ScriptedTurn(), PlainText(), model_name="scripted"
    )
    return Recognizer(parts, rules)


def speech(seconds: float) -> np.ndarray:
    """Loud samples: a square wave of 500 Hz."""
    return np.where(np.arange(round(seconds * RATE_HZ)) % 32 < 16, 0.3, -0.3).astype(np.float32)


def silence(seconds: float) -> np.ndarray:
    """Silent samples."""
    return np.zeros(round(seconds * RATE_HZ), np.float32)


def audio(*parts: np.ndarray) -> np.ndarray:
    """Parts in a row."""
    return np.concatenate(parts)
