"""The recogniser: models, queues and text steps that all streams share. It makes streams.

Knows nothing of gRPC or the bus; a stream is driven by whoever has the audio (see `stream.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from voxcart.errors import InvalidInput, Overloaded
from voxcart_services.asr.metrics import DECODE_SECONDS, ENCODE_SECONDS, OPEN_STREAMS, TURN_SECONDS
from voxcart_services.asr.stream import RecognitionStream, StreamOptions
from voxcart_services.asr.text.pipeline import CorrectedText, TextPipeline
from voxcart_services.asr.turns.endpointing import EndpointRules, GateRules
from voxcart_services.asr.turns.smart_turn import TurnModel
from voxcart_services.asr.turns.vad import Vad
from voxcart_services.asr.whisper.decode import DecodeOptions, Hypothesis, Transcriber
from voxcart_services.asr.whisper.guards import GuardRules
from voxcart_services.asr.work import DecodeQueue, Job, Urgency

Result = TypeVar("Result")


@dataclass(frozen=True)
class RecognizerRules:
    """What can be tuned; see the classes of the parts.

    Attributes:
        interim_ms: New speech after which an interim result is made.
        pre_roll_ms: Audio taken before the frame at which speech was noticed.
        trailing_silence_ms: Silence that the model is shown after the last word.
        prompt: Text put before every transcript to bias spelling; empty for none.
        max_streams: Streams open at a time; more are refused.
    """

    gate: GateRules = field(default_factory=GateRules)
    endpoint: EndpointRules = field(default_factory=EndpointRules)
    guard: GuardRules = field(default_factory=GuardRules)
    interim_ms: int = 480
    pre_roll_ms: int = 320
    trailing_silence_ms: int = 600
    prompt: str = ""
    max_streams: int = 64


class Recognizer:
    """Shared by all streams of the process. Made inside a running event loop; `aclose` when done.

    Raises (from `stream`):
        Overloaded: `max_streams` are open.
        InvalidInput: The options are bad.
    """

    def __init__(
        self,
        transcriber: Transcriber,
        vad: Vad,
        turn: TurnModel,
        text: TextPipeline,
        rules: RecognizerRules | None = None,
    ) -> None:
        self.rules = rules or RecognizerRules()
        self.text = text
        self._transcriber = transcriber
        self._vad = vad
        self._turn = turn
        self._queue = DecodeQueue(max_length=self.rules.max_streams + 1)
        self._vad_thread = ThreadPoolExecutor(1, thread_name_prefix="asr-vad")
        self._turn_thread = ThreadPoolExecutor(1, thread_name_prefix="asr-turn")
        self._open_streams = 0

    def stream(self, options: StreamOptions) -> RecognitionStream:
        """A new stream; whoever takes it calls its `aclose`."""
        if options.language not in (None, "zh", "en"):
            raise InvalidInput(f"language must be zh, en or empty for detection, not {options.language!r}")
        if self._open_streams >= self.rules.max_streams:
            raise Overloaded(f"all {self.rules.max_streams} recognition streams are in use; try again in a few seconds")
        self._open_streams += 1
        OPEN_STREAMS.set(self._open_streams)
        return RecognitionStream(self, self._vad.stream, options)

    def release_stream(self) -> None:
        """A stream was closed."""
        self._open_streams -= 1
        OPEN_STREAMS.set(self._open_streams)

    def transcribe(self, samples: np.ndarray, options: DecodeOptions, urgency: Urgency) -> Job[Hypothesis]:
        """Queues the recognition of one utterance.

        Args:
            samples: float32 at 16 kHz; copied, silence is added at its end.

        Raises:
            Overloaded: Too much is waiting.
        """
        silence = self.rules.trailing_silence_ms * 16
        padded = np.concatenate([samples, np.zeros(silence, dtype=np.float32)])

        def work(is_cancelled: Callable[[], bool]) -> Hypothesis:
            hypothesis = self._transcriber.transcribe(padded, options, is_cancelled)
            ENCODE_SECONDS.observe(hypothesis.encode_ms / 1e3)
            DECODE_SECONDS.observe(hypothesis.decode_ms / 1e3)
            return hypothesis

        return self._queue.submit(work, urgency)

    def judge_turn(self, samples: np.ndarray) -> asyncio.Future[float]:
        """Asks smart-turn; `samples` are copied."""
        kept = samples.copy()

        def work() -> float:
            with TURN_SECONDS.time():
                return self._turn.probability_complete(kept)

        return asyncio.get_running_loop().run_in_executor(self._turn_thread, work)

    def run_vad(self, step: Callable[[], Result]) -> asyncio.Future[Result]:
        """Runs the frames of one stream in the thread for voice activity."""
        return asyncio.get_running_loop().run_in_executor(self._vad_thread, step)

    def correct(self, raw_text: str, options: StreamOptions) -> CorrectedText:
        """The text steps with a stream's options."""
        return self.text.process(
            raw_text, tenant=options.tenant, hot_words=options.hot_words, raw_only=options.raw_only
        )

    async def aclose(self) -> None:
        """Answers what waits and stops the threads."""
        await self._queue.aclose()
        self._vad_thread.shutdown(wait=True)
        self._turn_thread.shutdown(wait=True)
