"""Greedy Whisper decoding with a draft, a loop guard and the figures that the no-text guards need.

A draft (what an earlier pass over the beginning of the same utterance gave) is fed in one step: its tokens are kept as
far as they are what greedy decoding gives, so the result is that of plain greedy decoding at a fraction of the steps
(blockwise verification: Stern, Shazeer, Uszkoreit, NeurIPS 2018).
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from voxcart_services.asr.whisper.features import SAMPLE_RATE_HZ
from voxcart_services.asr.whisper.model import DecoderState, EncodedAudio, WhisperModel
from voxcart_services.asr.whisper.tokens import LANGUAGES, WhisperTokens


@dataclass(frozen=True)
class DecodeOptions:
    """How one utterance is decoded.

    Attributes:
        language: `zh`, `en` or `None` for detection between the two.
        preferred_language: Wins a detection that is not clear.
        prompt: Text that is put before the transcript as if said before; empty for none.
        draft: Token ids expected at the start of the result.
        full_window: Encode 30 s instead of the audio with its kept tail.
    """

    language: str | None = None
    preferred_language: str = "zh"
    prompt: str = ""
    draft: tuple[int, ...] = ()
    full_window: bool = False


@dataclass(frozen=True)
class Hypothesis:
    """Result of decoding one utterance.

    Attributes:
        text: Recognised text as the model spells it.
        tokens: Its token ids.
        avg_logprob: Mean log probability of the tokens and the end token.
        no_speech_prob: The model's probability that nothing is said.
        language: `zh` or `en`.
        is_loop: Decoding was stopped because it repeated itself.
        encode_ms, decode_ms: Compute time.
        num_steps: Decoder runs.
    """

    text: str
    tokens: tuple[int, ...]
    avg_logprob: float
    no_speech_prob: float
    language: str
    is_loop: bool = False
    encode_ms: float = 0.0
    decode_ms: float = 0.0
    num_steps: int = 0


class DecodeCancelled(Exception):
    """The caller no longer wants the result."""


_CLEAR_LANGUAGE_RATIO = 2.0
_MIN_TOKENS = 16
_TOKENS_PER_SECOND = 14
_MAX_LOOP_PERIOD = 12


@dataclass
class _Progress:
    """Tokens accepted so far, their log probabilities, and the cache up to the last token that was fed."""

    state: DecoderState
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    is_finished: bool = False
    is_loop: bool = False
    num_steps: int = 0


class Transcriber(ABC):
    """Recognises whole utterances; what an engine is to the streams."""

    @abstractmethod
    def transcribe(
        self, samples: np.ndarray, options: DecodeOptions, is_cancelled: Callable[[], bool] = lambda: False
    ) -> Hypothesis:
        """Recognises one utterance; blocks while it computes.

        Args:
            samples: float32 `[num_samples]` at 16 kHz, trailing silence included.
            options: Language, prompt, draft.
            is_cancelled: Asked before every model run.

        Raises:
            DecodeCancelled: `is_cancelled` said yes.
            ValueError: The audio is longer than 30 s.
        """


class WhisperDecoder(Transcriber):
    """Transcribes utterances with one model; holds no state of a call."""

    def __init__(self, model: WhisperModel, tokens: WhisperTokens) -> None:
        self._model = model
        self._tokens = tokens
        size = model.config.vocabulary_size
        self._suppressed = np.zeros(size, dtype=np.float32)
        self._suppressed[list(model.config.suppress_ids)] = -np.inf
        self._suppressed[tokens.end + 1 :] = -np.inf
        self._suppressed_first = self._suppressed.copy()
        self._suppressed_first[list(model.config.suppress_ids_begin)] = -np.inf

    def transcribe(
        self, samples: np.ndarray, options: DecodeOptions, is_cancelled: Callable[[], bool] = lambda: False
    ) -> Hypothesis:
        if is_cancelled():
            raise DecodeCancelled
        started = time.perf_counter()
        audio = self._model.encode(samples, full_window=options.full_window)
        encoded = time.perf_counter()
        if is_cancelled():
            raise DecodeCancelled
        opening = self._opening(options.prompt)
        logits, state = self._model.decode(opening, audio, self._model.initial_state())
        no_speech_prob = float(_softmax(logits[-1])[self._tokens.no_speech])
        language = options.language or self._detect(logits[-1], options.preferred_language)
        progress = _Progress(state, num_steps=1)
        limit = _MIN_TOKENS + int(_TOKENS_PER_SECOND * len(samples) / SAMPLE_RATE_HZ)
        limit = min(limit, self._model.config.num_text_positions - len(opening) - 4)
        self._generate(progress, audio, language, options.draft[: limit - 1], limit, is_cancelled)
        return Hypothesis(
            text=self._tokens.decode(progress.tokens).strip(),
            tokens=tuple(progress.tokens),
            avg_logprob=float(np.mean(progress.logprobs)) if progress.logprobs else 0.0,
            no_speech_prob=no_speech_prob,
            language=language,
            is_loop=progress.is_loop,
            encode_ms=(encoded - started) * 1e3,
            decode_ms=(time.perf_counter() - encoded) * 1e3,
            num_steps=progress.num_steps,
        )

    def _opening(self, prompt: str) -> list[int]:
        if not prompt:
            return [self._tokens.start]
        room = self._model.config.num_text_positions // 2 - 1
        return [self._tokens.previous, *self._tokens.encode(" " + prompt.strip())[-room:], self._tokens.start]

    def _detect(self, logits: np.ndarray, preferred: str) -> str:
        """Between Mandarin and English; unclear cases go to the preferred language."""
        probabilities = _softmax(logits[[self._tokens.language[name] for name in LANGUAGES]])
        best = LANGUAGES[int(probabilities.argmax())]
        others = float(probabilities[LANGUAGES.index(preferred)])
        return best if float(probabilities.max()) >= _CLEAR_LANGUAGE_RATIO * others else preferred

    def _generate(
        self,
        progress: _Progress,
        audio: EncodedAudio,
        language: str,
        draft: tuple[int, ...],
        limit: int,
        is_cancelled: Callable[[], bool],
    ) -> None:
        """Runs until the end token, a loop or `limit` tokens."""
        control = [self._tokens.language[language], self._tokens.transcribe, self._tokens.no_timestamps]
        fed = [*control, *draft]
        base = progress.state.length + len(control)
        while not progress.is_finished and len(progress.tokens) < limit:
            if is_cancelled():
                raise DecodeCancelled
            logits, state = self._model.decode(fed, audio, progress.state)
            progress.num_steps += 1
            rows = logits[-(len(draft) + 1) :]
            self._accept(progress, rows, draft)
            progress.state = state.truncated(min(state.length, base + max(0, len(progress.tokens) - 1)))
            draft, fed = (), progress.tokens[-1:]

    def _accept(self, progress: _Progress, rows: np.ndarray, draft: tuple[int, ...]) -> None:
        """Takes the greedy token of each row while the draft agrees with it."""
        for index, row in enumerate(rows):
            scores = row + (self._suppressed if progress.tokens else self._suppressed_first)
            token = int(scores.argmax())
            top = float(scores[token])
            progress.logprobs.append(-float(np.log(np.exp(scores - top).sum())))
            if token == self._tokens.end:
                progress.is_finished = True
                return
            progress.tokens.append(token)
            kept = unlooped_length(progress.tokens)
            if kept is not None:
                del progress.tokens[kept:]
                progress.is_finished = progress.is_loop = True
                return
            if index >= len(draft) or draft[index] != token:
                return


def unlooped_length(tokens: list[int]) -> int | None:
    """Number of tokens to keep when the end of `tokens` is a loop, else `None`.

    A loop is a group of up to 12 tokens said 4 times in a row, or 7 times when it is a single token (a digit may be
    repeated in a number); the first time is kept.
    """
    for period in range(1, _MAX_LOOP_PERIOD + 1):
        repeats = 7 if period == 1 else 4
        span = period * repeats
        if len(tokens) < span:
            break
        tail = tokens[-span:]
        if all(tail[i] == tail[i - period] for i in range(period, span)):
            return len(tokens) - span + period
    return None


def _softmax(logits: np.ndarray) -> np.ndarray:
    weights = np.exp(logits - logits.max())
    return weights / weights.sum()
