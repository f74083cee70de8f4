"""The recogniser: engine, models and text steps that all streams share. It makes streams.

Knows nothing of gRPC or the bus; a stream is driven by whoever has the audio (see `stream.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from voxcart.errors import InvalidInput, Overloaded
from voxcart_services.asr.context import ContextLimits, ShopWords, SpeechContext
from voxcart_services.asr.metrics import OPEN_STREAMS, TURN_SECONDS
from voxcart_services.asr.recognition import DecodeOptions, EngineUtterance, Hypothesis, SpeechEngine
from voxcart_services.asr.results import Reading
from voxcart_services.asr.stream import RecognitionStream, StreamOptions
from voxcart_services.asr.text.llm import LlmCorrector
from voxcart_services.asr.text.pipeline import CorrectedText, TextPipeline
from voxcart_services.asr.transducer.endpoint import EndpointRules as SilenceRules
from voxcart_services.asr.turns.rules import TurnRules
from voxcart_services.asr.turns.smart_turn import TurnModel
from voxcart_services.asr.turns.vad_pool import Vad
from voxcart_services.asr.whisper.guards import GuardRules


@dataclass(frozen=True)
class RecognizerRules:
    """What can be tuned; see the classes of the parts.

    Attributes:
        turns: Speech gate, endpointing and foreground.
        endpointer: `turn`, or `rules` for fixed rules of silence; these need an engine that knows when its last token
            was said.
        silence: Those rules.
        guard: Against text where nothing was said.
        context: How much hot words act.
        interim_ms: New speech after which an interim result is made.
        pre_roll_ms: Audio taken before the frame at which speech was noticed.
        prompt: Text put before every transcript to bias spelling; empty for none.
        max_streams: Streams open at a time; more are refused.
    """

    turns: TurnRules = field(default_factory=TurnRules)
    endpointer: Literal["turn", "rules"] = "turn"
    silence: SilenceRules = field(default_factory=SilenceRules)
    guard: GuardRules = field(default_factory=GuardRules)
    context: ContextLimits = field(default_factory=ContextLimits)
    interim_ms: int = 480
    pre_roll_ms: int = 320
    prompt: str = ""
    max_streams: int = 256


@dataclass(frozen=True)
class RecognizerParts:
    """What a recogniser works with; it closes the engine, the vad and the llm.

    Attributes:
        engine: Recognises utterances.
        vad: Voice activity.
        turn: Judges whether a turn is complete.
        text: Text steps.
        shop_words: What the shops sell and listed.
        llm: What `text` asks last, if there is one.
        engine_name, model_name: For diagnostics.
    """

    engine: SpeechEngine
    vad: Vad
    turn: TurnModel
    text: TextPipeline
    shop_words: ShopWords = field(default_factory=ShopWords)
    llm: LlmCorrector | None = None
    engine_name: str = "whisper"
    model_name: str = ""


class Recognizer:
    """Shared by all streams of the process. Used from one event loop; `aclose` when done."""

    def __init__(self, parts: RecognizerParts, rules: RecognizerRules | None = None) -> None:
        self.parts = parts
        self.rules = rules or RecognizerRules()
        self._turn_thread = ThreadPoolExecutor(1, thread_name_prefix="asr-turn")
        self._open_streams = 0
        self._awaited_finals = 0

    @property
    def open_streams(self) -> int:
        """Streams that are open now."""
        return self._open_streams

    @property
    def is_final_awaited(self) -> bool:
        """Whether a stream waits for the final of its utterance."""
        return self._awaited_finals > 0

    def stream(self, options: StreamOptions) -> RecognitionStream:
        """A new stream; whoever takes it calls its `aclose`.

        Raises:
            Overloaded: `max_streams` are open.
            InvalidInput: The options are bad.
        """
        if options.language not in (None, "zh", "en"):
            raise InvalidInput(f"language must be zh, en or empty for detection, not {options.language!r}")
        if self._open_streams >= self.rules.max_streams:
            raise Overloaded(f"all {self.rules.max_streams} recognition streams are in use; try again in a few seconds")
        context = SpeechContext(self.parts.shop_words, options.tenant, options.language, self.rules.context)
        stream = RecognitionStream(self, self.parts.vad.stream(), context, options)
        self._open_streams += 1
        OPEN_STREAMS.set(self._open_streams)
        return stream

    def release_stream(self) -> None:
        """A stream was closed."""
        self._open_streams -= 1
        OPEN_STREAMS.set(self._open_streams)

    def open_utterance(self, options: DecodeOptions) -> EngineUtterance:
        """A new utterance of the engine."""
        return self.parts.engine.open(options)

    @contextmanager
    def awaiting_final(self) -> Iterator[None]:
        """While it lasts, a final is waited for and no interims are asked for."""
        self._awaited_finals += 1
        try:
            yield
        finally:
            self._awaited_finals -= 1

    def judge_turn(self, samples: np.ndarray) -> asyncio.Future[float]:
        """Asks smart-turn; `samples` are copied."""
        kept = samples.copy()

        def work() -> float:
            with TURN_SECONDS.time():
                return self.parts.turn.probability_complete(kept)

        return asyncio.get_running_loop().run_in_executor(self._turn_thread, work)

    def correct(self, hypothesis: Hypothesis, context: SpeechContext, options: StreamOptions) -> CorrectedText:
        """The text steps with a stream's words and options."""
        return self.parts.text.process(
            hypothesis.text,
            tenant=options.tenant,
            hot_words=context.correction_words,
            raw_only=options.raw_only,
            words=hypothesis.words,
            alternatives=hypothesis.alternatives,
            score=hypothesis.avg_logprob,
        )

    async def polish(self, corrected: CorrectedText, context: SpeechContext, options: StreamOptions) -> CorrectedText:
        """The last text step of a final, which may ask another service and has a time limit of its own."""
        if options.raw_only:
            return corrected
        return await self.parts.text.polish(corrected, tenant=options.tenant, hot_words=context.correction_words)

    def readings(
        self, hypothesis: Hypothesis, first: CorrectedText, context: SpeechContext, options: StreamOptions
    ) -> tuple[Reading, ...]:
        """Other texts than `first`, as many as the stream asked for: the engine's hypotheses, each corrected alone."""
        readings: dict[str, Reading] = {}
        for other in hypothesis.alternatives if options.num_alternatives > 1 else ():
            text = self.parts.text.process(
                other.text, tenant=options.tenant, hot_words=context.correction_words, raw_only=options.raw_only
            ).text
            if text and text != first.text and text not in readings:
                readings[text] = Reading(text, other.text, round(other.confidence, 4))
        return tuple(readings.values())[: options.num_alternatives - 1]

    async def aclose(self) -> None:
        """Answers what waits and stops the threads."""
        await self.parts.engine.aclose()
        await self.parts.vad.aclose()
        if self.parts.llm is not None:
            await self.parts.llm.aclose()
        self._turn_thread.shutdown(wait=True)
