"""One recognition stream: audio in, events out, every decision at a counted sample.

The audio is looked at frame by frame. A frame may open an utterance, make an interim result due, start recognition at a
pause, or reach a checkpoint of the pause at which the turn may end; there the stream waits for what the decision needs
before it looks at the next frame. So the events depend on the samples alone, not on how they were cut or how fast the
machine is. Interim results are the exception: they are made beside the stream, as often as there is time for them, and
come with a later push.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

from voxcart.audio.intake import check_samples
from voxcart.errors import WrongState
from voxcart_services.asr import transcribing
from voxcart_services.asr.context import SpeechContext
from voxcart_services.asr.interims import InterimMaker
from voxcart_services.asr.judging import TurnJudge
from voxcart_services.asr.listening import Listener
from voxcart_services.asr.metrics import (
    FINAL_DELAY_SECONDS,
    INTERIM_WORDS_RETRACTED_TOTAL,
    UTTERANCES_TOTAL,
)
from voxcart_services.asr.recognition import DecodeOptions, Hypothesis
from voxcart_services.asr.results import (
    Diagnostics,
    EndOfSpeech,
    Final,
    Interim,
    RecognitionEvent,
    StartOfSpeech,
    Transcript,
)
from voxcart_services.asr.text.pipeline import CorrectedText
from voxcart_services.asr.transcribing import Span
from voxcart_services.asr.turns.endpointing import EndReason
from voxcart_services.asr.turns.rules import TurnRules
from voxcart_services.asr.turns.vad import FRAME_MS, FRAME_SAMPLES
from voxcart_services.asr.turns.vad_pool import VadStream
from voxcart_services.asr.utterance import OpenUtterance

if TYPE_CHECKING:
    from voxcart_services.asr.recognizer import Recognizer

_SAMPLES_PER_MS = 16
_BLOCK_SAMPLES = 16_000
_SPARE_MS = 2_000
_KEPT_FRAMES = 8


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """What a stream is told at its start.

    Attributes:
        language: `zh`, `en`, or `None` for detection.
        preferred_language: Wins an unclear detection.
        tenant: Shop whose catalogue counts in biasing and correction.
        interim_results: Whether interims are wanted.
        raw_only: Leave out correction.
        turns: Rules of turn taking; `None` means the recogniser's.
        prompt: Text taken as if said before every utterance; `None` means the recogniser's.
        num_alternatives: Readings wanted with each final, the first included.
        beam_size: Hypotheses followed at a time; `None` is the engine's own choice.
        word_times: Whether finals carry words with times.
        first_sample: Position of the first sample that will come.
        first_utterance: Number of the first utterance.
        speech_level: What an earlier stream of the same session knew of the speaker's level.
    """

    language: str | None = None
    preferred_language: str = "zh"
    tenant: str = ""
    interim_results: bool = True
    raw_only: bool = False
    turns: TurnRules | None = None
    prompt: str | None = None
    num_alternatives: int = 1
    beam_size: int | None = None
    word_times: bool = False
    first_sample: int = 0
    first_utterance: int = 1
    speech_level: tuple[float, ...] = ()


class _Stop(Enum):
    """Why looking at frames was interrupted."""

    OUT_OF_AUDIO = 1
    OPENED = 2
    INTERIM_DUE = 3
    PREPARE = 4
    CHECKPOINT = 5
    RESUMED = 6
    TOO_LONG = 7


class RecognitionStream:
    """Made by `Recognizer.stream`. One caller drives it; closed by whoever took it.

    Example::

        async for event in stream.push_audio(samples):
            ...
        async for event in stream.end_input():
            ...
        await stream.aclose()

    Attributes:
        context: Words that are likely to be said; may be changed at any time and counts from the next utterance on.
    """

    def __init__(self, recognizer: Recognizer, vad: VadStream, context: SpeechContext, options: StreamOptions) -> None:
        rules = recognizer.rules
        turns = options.turns or rules.turns
        kept_ms = turns.endpoint.max_utterance_ms + rules.pre_roll_ms + _SPARE_MS
        self.context = context
        self._recognizer = recognizer
        self._options = options
        self._turns = turns
        self._listener = Listener(vad, turns.gate, kept_ms * _SAMPLES_PER_MS + _BLOCK_SAMPLES, options.first_sample)
        self._interims = InterimMaker(recognizer, self._listener, self._correct)
        self._judge = TurnJudge(recognizer, self._listener, turns, self._correct, options.speech_level)
        self._utterance: OpenUtterance | None = None
        self._next_number = options.first_utterance
        self._floor = options.first_sample
        self._unfinished: _Stop | None = None
        self._is_ended = False
        self._is_closed = False

    @property
    def next_utterance(self) -> int:
        """Number that the next utterance gets; the open one's while there is one."""
        return self._utterance.number if self._utterance else self._next_number

    @property
    def resume_sample(self) -> int:
        """Position from which a new stream reaches the same state; what is before it is finished."""
        return self._listener.resume_sample

    @property
    def end_sample(self) -> int:
        """Position after the last sample that was pushed."""
        return self._listener.end_sample

    @property
    def speech_level(self) -> tuple[float, ...]:
        """What is known of the speaker's level, for `StreamOptions.speech_level`."""
        return self._judge.level.state

    def set_awaiting(self, awaiting: str) -> None:
        """What the dialogue waits for; counts from the next decision on."""
        self._judge.awaiting = awaiting

    def push_audio(self, samples: np.ndarray) -> AsyncIterator[RecognitionEvent]:
        """Takes the next samples and yields what they lead to. Waits for the recognition that a decision needs.

        Args:
            samples: float32 `[num_samples]` in [-1, 1] at 16 kHz, any number.

        Raises:
            InvalidInput: NaN, infinite values, or more than one axis.
            Overloaded: Too many utterances wait for the engine; a push of nothing goes on where it was.
            WrongState: The stream was ended or closed.
        """
        return _Push(self, samples)

    async def take(self, samples: np.ndarray) -> bool:
        """Takes samples as `push_audio` does, as far as they are silence; says whether there is nothing to tell.

        When there is, a push of nothing tells it. Nearly all audio of a quiet stream goes this way, for a fraction of
        the cost.
        """
        if self._is_ended or self._is_closed:
            raise WrongState("the recognition stream takes no more audio: it was ended")
        self._listener.append(samples)
        if self._utterance is not None or self._unfinished is not None:
            return False
        self._unfinished = stop = await self._advance()
        if stop is not _Stop.OUT_OF_AUDIO:
            return False
        self._unfinished = None
        self._forget_old_audio()
        return True

    async def process(self) -> AsyncIterator[RecognitionEvent]:
        """Yields what the audio taken so far leads to."""
        while True:
            self._unfinished = stop = self._unfinished or await self._advance()
            utterance = self._utterance
            if utterance is not None and (interim := self._interims.finished(utterance)):
                yield interim
            if stop is _Stop.OPENED:
                yield self._open()
            elif stop is not _Stop.OUT_OF_AUDIO and utterance is None:
                raise RuntimeError(f"{stop} outside an utterance")
            elif utterance is not None:
                async for event in self._react(stop, utterance):
                    yield event
            self._unfinished = None
            if stop is _Stop.OUT_OF_AUDIO:
                self._forget_old_audio()
                return

    async def flush(self) -> AsyncIterator[RecognitionEvent]:
        """Finishes the open utterance at once: no more audio comes for now."""
        if self._utterance is None and self._listener.hurry():
            async for event in self.process():
                yield event
        if self._utterance is not None:
            async for event in self._finish(self._utterance, EndReason.END_OF_INPUT):
                yield event

    async def end_input(self) -> AsyncIterator[RecognitionEvent]:
        """Finishes the open utterance and takes no more audio."""
        self._is_ended = True
        async for event in self.flush():
            yield event

    async def aclose(self) -> None:
        """Gives up what is open without a result. May be called twice."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._utterance is not None:
            self._utterance.close()
            self._utterance = None
        self._recognizer.release_stream()

    async def _react(self, stop: _Stop, utterance: OpenUtterance) -> AsyncIterator[RecognitionEvent]:
        """What a stop in an utterance leads to; may be called again after an error."""
        reason = None
        if stop is _Stop.INTERIM_DUE:
            await self._interims.start(utterance)
        elif stop is _Stop.PREPARE:
            self._judge.prepare(utterance)
        elif stop is _Stop.RESUMED:
            if interim := self._resume(utterance):
                yield interim
        elif stop is _Stop.CHECKPOINT:
            reason = await self._judge.end_reason(utterance)
        elif stop is _Stop.TOO_LONG:
            reason = EndReason.LENGTH
        if reason is not None:
            async for event in self._finish(utterance, reason):
                yield event

    async def _advance(self) -> _Stop:
        """Looks at frames until something is to be done."""
        listener = self._listener
        while await listener.fill():
            if listener.skip_silence():
                continue
            paused = listener.gate.pause_frames
            if listener.look():
                return _Stop.OPENED
            if self._utterance is not None and (stop := self._look(self._utterance, paused)):
                return stop
        return _Stop.OUT_OF_AUDIO

    def _look(self, utterance: OpenUtterance, paused_before: int) -> _Stop | None:
        utterance.probabilities.append(self._listener.probability)
        pause = self._listener.gate.pause_frames
        if pause == 0:
            utterance.last_voiced_end = self._listener.position
        if utterance.num_frames * FRAME_MS >= self._turns.endpoint.max_utterance_ms:
            return _Stop.TOO_LONG
        if pause == 0 and paused_before >= self._judge.prepare_frames:
            return _Stop.RESUMED
        if pause == self._judge.prepare_frames:
            return _Stop.PREPARE
        if pause in self._judge.checkpoints:
            return _Stop.CHECKPOINT
        if pause == 0 and utterance.interim is None and utterance.num_frames >= utterance.next_interim_frame:
            return _Stop.INTERIM_DUE if self._options.interim_results else None
        return None

    def _open(self) -> StartOfSpeech:
        listener, rules = self._listener, self._recognizer.rules
        num_frames = self._turns.gate.start_frames
        noticed = listener.position - num_frames * FRAME_SAMPLES
        start = max(self._floor, listener.start_sample, noticed - rules.pre_roll_ms * _SAMPLES_PER_MS)
        self._utterance = OpenUtterance(
            number=self._next_number,
            start=start,
            speech_start=max(noticed, self._floor),
            last_voiced_end=listener.position,
            engine=self._recognizer.open_utterance(self._decode_options()),
            probabilities=[listener.probability] * num_frames,
            next_interim_frame=self._interims.num_frames,
        )
        self._next_number += 1
        return StartOfSpeech(self._utterance.number, self._utterance.speech_start)

    def _resume(self, utterance: OpenUtterance) -> Interim | None:
        """Speech goes on: what was recognised at the pause is an interim result at best."""
        end_sample, hypothesis = utterance.final_end, utterance.drop_pause()
        if hypothesis is None or not self._options.interim_results:
            return None
        return self._interims.made(utterance, hypothesis, end_sample)

    async def _finish(self, utterance: OpenUtterance, reason: str) -> AsyncIterator[RecognitionEvent]:
        """Yields the end of the utterance and its result, then is back in silence."""
        if self._listener.gate.pause_frames == 0:
            utterance.drop_pause()
        hypothesis = await self._judge.final_hypothesis(utterance)
        corrected = self._judge.corrected(utterance, hypothesis)
        found = self._judge.diagnose(utterance, hypothesis, corrected, reason)
        transcript = None
        if not found.no_speech_reason:
            transcript = await self._final_transcript(utterance, hypothesis, corrected, found)
            INTERIM_WORDS_RETRACTED_TOTAL.inc(utterance.agreement.finish(transcript.text))
        self._judge.learn(found)
        UTTERANCES_TOTAL.labels(found.no_speech_reason.partition(":")[0] or "text").inc()
        FINAL_DELAY_SECONDS.observe(found.pause_ms / 1e3)
        self._close_utterance(utterance)
        end = utterance.last_voiced_end
        yield EndOfSpeech(utterance.number, utterance.speech_start, end, transcript is None, found)
        if transcript is not None:
            yield Final(utterance.number, transcript)

    async def _final_transcript(
        self, utterance: OpenUtterance, hypothesis: Hypothesis, corrected: CorrectedText, found: Diagnostics
    ) -> Transcript:
        recognizer, options = self._recognizer, self._options
        polished = await recognizer.polish(corrected, self.context, options)
        readings = recognizer.readings(hypothesis, polished, self.context, options)
        timing = transcribing.timings(hypothesis, self._judge.start_final(utterance), found.pause_ms)
        span = Span(utterance.start, utterance.speech_start, utterance.last_voiced_end)
        return transcribing.final_transcript(hypothesis, polished, readings, span, found, timing)

    def _correct(self, hypothesis: Hypothesis) -> CorrectedText:
        return self._recognizer.correct(hypothesis, self.context, self._options)

    def _close_utterance(self, utterance: OpenUtterance) -> None:
        utterance.close()
        self._utterance = None
        self._listener.close_utterance()
        self._floor = self._listener.position

    def _forget_old_audio(self) -> None:
        """Keeps what an utterance that opens now would need, and what the open one has."""
        kept = self._recognizer.rules.pre_roll_ms * _SAMPLES_PER_MS + FRAME_SAMPLES * _KEPT_FRAMES
        keep_from = self._listener.position - kept
        if self._utterance is not None:
            keep_from = min(keep_from, self._utterance.start)
        self._listener.forget_before(keep_from)

    def _decode_options(self) -> DecodeOptions:
        options, context = self._options, self.context
        prompt = context.prompt or self._recognizer.rules.prompt
        return DecodeOptions(
            language=options.language,
            preferred_language=options.preferred_language,
            prompt=prompt if options.prompt is None else options.prompt,
            hot_words=context.engine_words,
            num_alternatives=options.num_alternatives,
            beam_size=options.beam_size,
            word_times=options.word_times,
        )


class _Push:
    """The events of one push; an iterator of its own because a generator for every silent message costs too much."""

    def __init__(self, stream: RecognitionStream, samples: np.ndarray) -> None:
        self._stream = stream
        self._samples = samples
        self._begin = -1
        self._events: AsyncIterator[RecognitionEvent] | None = None

    def __aiter__(self) -> AsyncIterator[RecognitionEvent]:
        return self

    async def __anext__(self) -> RecognitionEvent:
        if self._begin < 0:
            self._samples, self._begin = check_samples(self._samples), 0
        while True:
            if self._events is not None:
                try:
                    return await anext(self._events)
                except StopAsyncIteration:
                    self._events = None
            if self._begin >= max(1, len(self._samples)):
                raise StopAsyncIteration
            block = self._samples[self._begin : self._begin + _BLOCK_SAMPLES]
            self._begin += _BLOCK_SAMPLES
            if not await self._stream.take(block):
                self._events = self._stream.process()
