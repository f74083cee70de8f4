"""The Whisper engine: utterances of all streams, decoded in one thread, the most urgent first.

An utterance keeps the tokens of its last hypothesis as the draft of the next one, so that decoding it again at the end
costs little. Drafts change the cost alone, never the text.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from voxcart.models import ModelStore
from voxcart.serving.sessions import SessionOptions
from voxcart.telemetry.logs import get_logger
from voxcart_services.asr.metrics import DECODE_SECONDS, ENCODE_SECONDS
from voxcart_services.asr.recognition import (
    DecodeOptions,
    Decoding,
    EngineUtterance,
    Hypothesis,
    SpeechEngine,
    Urgency,
)
from voxcart_services.asr.whisper import decode
from voxcart_services.asr.whisper.features import SAMPLE_RATE_HZ
from voxcart_services.asr.whisper.model import WhisperModel
from voxcart_services.asr.whisper.tokens import WhisperTokens
from voxcart_services.asr.work import DecodeQueue
from voxcart_services.asr.work import Urgency as JobUrgency

log = get_logger(__name__)

_FILES = ("encoder.onnx", "decoder.onnx", "whisper.json", "tokenizer.json")


@dataclass(frozen=True)
class WhisperRules:
    """How the engine works.

    Attributes:
        trailing_silence_ms: Silence that the model is shown after the last sample.
        tail_stride: Positions (20 ms) of kept silence that one entry stands for; 1 keeps all.
        full_window: Encode 30 s instead of the audio with the kept silence: slow, what Whisper was trained on.
        max_waiting: Utterances that may wait; a final beyond it is refused.
        max_waiting_interims: With so many waiting, interims are refused.
    """

    trailing_silence_ms: int = 600
    tail_stride: int = 10
    full_window: bool = False
    max_waiting: int = 65
    max_waiting_interims: int = 2


@dataclass(frozen=True)
class LoadedWhisper:
    """Graphs and vocabulary of one checkpoint; shared, without state of a call."""

    model: WhisperModel
    tokens: WhisperTokens


def load_whisper(
    store: ModelStore, name: str, options: SessionOptions, rules: WhisperRules | None = None
) -> LoadedWhisper:
    """Loads a checkpoint, keeps the silence tail, and warms up; blocks for about two seconds.

    Raises:
        ModelMissing, ModelCorrupt: A file is not in the store or has other bytes.
    """
    folder = store.require(name, _FILES)
    started = time.perf_counter()
    model = WhisperModel(folder, options, tail_stride=(rules or WhisperRules()).tail_stride)
    model.prepare_tail()
    loaded = LoadedWhisper(model, WhisperTokens(folder / "tokenizer.json"))
    decoder = decode.WhisperDecoder(loaded.model, loaded.tokens)
    decoder.transcribe(np.zeros(2 * SAMPLE_RATE_HZ, dtype=np.float32), decode.DecodeOptions())
    log.info("recognition model is warm", model=name, seconds=round(time.perf_counter() - started, 3))
    return loaded


class WhisperEngine(SpeechEngine):
    """Recognises with one loaded checkpoint. Made where an event loop runs; closed by who made it."""

    def __init__(self, loaded: LoadedWhisper, rules: WhisperRules | None = None) -> None:
        self.rules = rules or WhisperRules()
        self._decoder = decode.WhisperDecoder(loaded.model, loaded.tokens)
        self._queue = DecodeQueue(self.rules.max_waiting, self.rules.max_waiting_interims)

    def open(self, options: DecodeOptions) -> EngineUtterance:
        return _WhisperUtterance(self, options)

    async def aclose(self) -> None:
        await self._queue.aclose()

    def submit(self, samples: np.ndarray, options: DecodeOptions, draft: tuple[int, ...], urgency: Urgency) -> Decoding:
        """Queues the recognition of `samples`, which are copied."""
        silence = np.zeros(self.rules.trailing_silence_ms * SAMPLE_RATE_HZ // 1000, dtype=np.float32)
        padded = np.concatenate([samples, silence])
        wanted = decode.DecodeOptions(
            options.language, options.preferred_language, options.prompt, draft, self.rules.full_window
        )

        def work(is_cancelled: Callable[[], bool]) -> Hypothesis:
            found = self._decoder.transcribe(padded, wanted, is_cancelled)
            ENCODE_SECONDS.observe(found.encode_ms / 1e3)
            DECODE_SECONDS.observe(found.decode_ms / 1e3)
            return Hypothesis(
                text=found.text,
                tokens=found.tokens,
                confidence=float(np.exp(min(0.0, found.avg_logprob))),
                avg_logprob=found.avg_logprob,
                no_speech_prob=found.no_speech_prob,
                language=found.language,
                is_loop=found.is_loop,
                encode_ms=found.encode_ms,
                decode_ms=found.decode_ms,
                num_steps=found.num_steps,
            )

        job = self._queue.submit(work, JobUrgency(urgency))
        decoding = Decoding(job.future)
        job.future.add_done_callback(lambda future: job.cancel() if future.cancelled() else None)
        return decoding


class _WhisperUtterance(EngineUtterance):
    def __init__(self, engine: WhisperEngine, options: DecodeOptions) -> None:
        self._engine = engine
        self._options = options
        self._draft: tuple[int, ...] = ()

    def recognise(self, samples: np.ndarray, urgency: Urgency) -> Decoding:
        decoding = self._engine.submit(samples, self._options, self._draft, urgency)
        decoding.future.add_done_callback(self._keep_draft)
        return decoding

    def _keep_draft(self, future: object) -> None:
        if not future.cancelled() and future.exception() is None and not future.result().is_loop:  # type: ignore[attr-defined]
            self._draft = future.result().tokens  # type: ignore[attr-defined]

    def close(self) -> None:
        self._draft = ()
