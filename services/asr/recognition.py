"""What a recognition engine is to the streams: utterances in, hypotheses out.

An engine recognises utterances of many streams at a time and orders and batches their work itself. A stream opens an
`EngineUtterance`, and asks it for a hypothesis of everything said so far whenever it wants one: for an interim result,
at a pause (which may turn out not to be the end), at the end.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import IntEnum

import numpy as np


class Urgency(IntEnum):
    """Order of work; lower goes first."""

    FINAL = 0
    INTERIM = 1


@dataclass(frozen=True, slots=True)
class HotWord:
    """A word that is likely to be said; `boost` 0..10, 1 is normal."""

    text: str
    boost: float = 1.0


@dataclass(frozen=True)
class DecodeOptions:
    """How the utterances of a stream are decoded.

    Attributes:
        language: `zh`, `en` or `None` for detection between the two.
        preferred_language: Wins a detection that is not clear.
        prompt: Text taken as if said before the utterance; empty for none.
        hot_words: Words whose recognition is made more likely, the most likely first.
        num_alternatives: Hypotheses wanted, the best included.
        beam_size: Hypotheses followed at a time; 1 is greedy, `None` is the engine's own choice.
        word_times: Whether `Hypothesis.words` is wanted.
    """

    language: str | None = None
    preferred_language: str = "zh"
    prompt: str = ""
    hot_words: tuple[HotWord, ...] = ()
    num_alternatives: int = 1
    beam_size: int | None = None
    word_times: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """A recognised word (a Han character counts as one); times in ms from the utterance's first sample."""

    text: str
    start_ms: int
    end_ms: int
    confidence: float


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another reading of the utterance; `score` is its mean log probability, comparable within the utterance."""

    text: str
    confidence: float
    score: float


@dataclass(frozen=True)
class Hypothesis:
    """What the engine made of an utterance, or of its beginning.

    Attributes:
        text: Recognised text as the model spells it.
        tokens: Its token ids.
        confidence: 0..1, geometric mean of the tokens' probabilities.
        avg_logprob: Mean log probability of the tokens and the end token.
        no_speech_prob: The model's probability that nothing is said.
        language: `zh`, `en` or `mixed`.
        words: With times and confidence, if they were asked for and the engine can.
        alternatives: Other hypotheses, the best first; `text` is not among them. If none
            were asked for, those that were found anyway.
        is_loop: Decoding was stopped because it repeated itself.
        trailing_silence_ms: Time since the last token, where the engine aligns tokens with time as it goes.
        encode_ms, decode_ms: Compute time.
        num_steps: Decoder runs.
    """

    text: str
    tokens: tuple[int, ...]
    confidence: float
    avg_logprob: float
    no_speech_prob: float
    language: str
    words: tuple[Word, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    is_loop: bool = False
    trailing_silence_ms: int | None = None
    encode_ms: float = 0.0
    decode_ms: float = 0.0
    num_steps: int = 0


class DecodeCancelled(Exception):
    """The caller no longer wants the result."""


@dataclass
class Decoding:
    """A hypothesis in the making.

    Attributes:
        future: Gives the hypothesis; `Overloaded` when the engine refuses or is closing.
        queue_ms: How long it waited, once it has begun.
    """

    future: asyncio.Future[Hypothesis]
    queue_ms: float = 0.0

    def cancel(self) -> None:
        """The result is no longer wanted; work that runs stops soon."""
        self.future.cancel()


class EngineUtterance(ABC):
    """One utterance of a stream. Calls come from the event loop's thread."""

    @abstractmethod
    def recognise(self, samples: np.ndarray, urgency: Urgency) -> Decoding:
        """Recognises everything said so far.

        The same audio gives the same text, however often and at whichever lengths it was asked for before; asking
        for the final is allowed several times, also before more is said.

        Args:
            samples: float32 at 16 kHz, from the utterance's start; begins with the samples of the call before. The
                engine keeps no view of it when it returns.
            urgency: Finals go before interims, and interims are refused first.

        Raises:
            Overloaded: Too much is waiting.
        """

    @abstractmethod
    def close(self) -> None:
        """Frees what the engine keeps for the utterance; no call follows."""


class SpeechEngine(ABC):
    """Recognises utterances; shared by all streams of the process."""

    @abstractmethod
    def open(self, options: DecodeOptions) -> EngineUtterance:
        """A new utterance."""

    @abstractmethod
    async def aclose(self) -> None:
        """Answers what waits with `Overloaded` and stops the engine's threads."""
