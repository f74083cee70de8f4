"""One recognition stream: audio in, events out, every decision at a counted sample.

The audio is looked at frame by frame. A frame may open an utterance, make an interim result due, start recognition at a
pause, or reach a checkpoint of the pause at which the turn may end; there the stream waits for what the decision needs
before it looks at the next frame. So the events depend on the samples alone, not on how they were cut or how fast the
machine is. Interim results are the exception: they are made beside the stream, as often as there is time for them, and
come with a later push.
"""

from __future__ import annotations

import time
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
from voxcart_services.asr.listening import Listener
from voxcart_services.asr.metrics import (
    FINAL_DELAY_SECONDS,
    FINAL_WAIT_SECONDS,
    INTERIM_WORDS_RETRACTED_TOTAL,
    UTTERANCES_TOTAL,
)
from voxcart_services.asr.recognition import DecodeOptions, Decoding, Hypothesis, Urgency
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
from voxcart_services.asr.transcribing import Span, TurnEnd
from voxcart_services.asr.transducer.endpoint import endpoint_reason
from voxcart_services.asr.turns.endpointing import (
    EndReason,
    Pause,
    TextOpinion,
    checkpoint_frames,
    decide,
    frames_of,
    text_opinion,
    turn_frames,
)
from voxcart_services.asr.turns.foreground import SpeechLevel, judge_foreground, measure_voice
from voxcart_services.asr.turns.rules import TurnRules
from voxcart_services.asr.turns.vad import FRAME_MS, FRAME_SAMPLES
from voxcart_services.asr.turns.vad_pool import VadStream
from voxcart_services.asr.utterance import OpenUtterance
from voxcart_services.asr.whisper.guards import is_speech

if TYPE_CHECKING:
    from voxcart_services.asr.recognizer import Recognizer

_SAMPLES_PER_MS = 16
_BLOCK_SAMPLES = 16_000
_SPARE_MS = 2_000
_KEPT_FRAMES = 8
_BACKGROUND = "background"
_RULE_FRAMES = range(10, 160, 10)


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
        self._level = SpeechLevel(options.speech_level)
        self._utterance: OpenUtterance | None = None
        self._next_number = options.first_utterance
        self._floor = options.first_sample
        self._awaiting = "none"
        self._by_rules = rules.endpointer == "rules"
        self._prepare_frames = _RULE_FRAMES[0] if self._by_rules else frames_of(turns.endpoint.prepare_ms)
        self._checkpoints = frozenset(_RULE_FRAMES[1:]) if self._by_rules else checkpoint_frames(turns.endpoint)
        self._turn_frames = turn_frames(turns.endpoint)
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
        return self._level.state

    def set_awaiting(self, awaiting: str) -> None:
        """What the dialogue waits for; counts from the next decision on."""
        self._awaiting = awaiting

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
            self._prepare(utterance)
        elif stop is _Stop.RESUMED:
            if interim := self._resume(utterance):
                yield interim
        elif stop is _Stop.CHECKPOINT:
            reason = await self._end_reason(utterance)
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
        if pause == 0 and paused_before >= self._prepare_frames:
            return _Stop.RESUMED
        if pause == self._prepare_frames:
            return _Stop.PREPARE
        if pause in self._checkpoints:
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

    def _prepare(self, utterance: OpenUtterance) -> None:
        """Starts at a pause what the end of the turn would need; recognition only if nobody waits for a final."""
        utterance.final_end = self._listener.position
        self._ask_turn(utterance)
        if not self._recognizer.is_final_awaited:
            self._start_final(utterance)

    def _ask_turn(self, utterance: OpenUtterance) -> None:
        if utterance.turn is None and not self._by_rules:
            samples = self._listener.view(utterance.start, self._listener.position)
            utterance.turn = self._recognizer.judge_turn(samples)

    def _start_final(self, utterance: OpenUtterance) -> Decoding:
        """Asks for the recognition of everything up to the pause, if that was not done."""
        if utterance.final is None:
            utterance.drop_interim()
            utterance.final_end = utterance.final_end or self._listener.position
            samples = self._listener.view(utterance.start, utterance.final_end)
            utterance.final = utterance.engine.recognise(samples, Urgency.FINAL)
        return utterance.final

    def _resume(self, utterance: OpenUtterance) -> Interim | None:
        """Speech goes on: what was recognised at the pause is an interim result at best."""
        end_sample, hypothesis = utterance.final_end, utterance.drop_pause()
        if hypothesis is None or not self._options.interim_results:
            return None
        return self._interims.made(utterance, hypothesis, end_sample)

    async def _end_reason(self, utterance: OpenUtterance) -> str | None:
        """Why the turn is over at this checkpoint of the pause; `None` if it may go on."""
        if self._by_rules:
            return await self._rule_reason(utterance)
        gate = self._listener.gate
        if gate.pause_frames in self._turn_frames or utterance.turn_probability is None:
            self._ask_turn(utterance)
        hypothesis = await self._final_hypothesis(utterance)
        if utterance.turn is not None:
            utterance.turn_probability = await utterance.turn
            utterance.turn = None
        pause = Pause(
            pause_ms=gate.pause_frames * FRAME_MS,
            turn_probability=utterance.turn_probability or 0.0,
            text=self._corrected(utterance, hypothesis).text,
            awaiting=self._awaiting,
            voiced_ms=gate.voiced_frames * FRAME_MS,
            confidence=hypothesis.confidence,
        )
        return decide(pause, self._turns.endpoint)

    async def _rule_reason(self, utterance: OpenUtterance) -> str | None:
        """As `_end_reason`, by the silence since the engine's last token."""
        if utterance.final_end != self._listener.position:
            utterance.final, utterance.final_end = None, self._listener.position
        hypothesis = await self._final_hypothesis(utterance)
        if hypothesis.trailing_silence_ms is None:
            raise RuntimeError("the engine does not tell when its last token was said, which the rules need")
        utterance_ms = (utterance.final_end - utterance.start) // _SAMPLES_PER_MS
        rule = endpoint_reason(utterance_ms, hypothesis.trailing_silence_ms, self._recognizer.rules.silence)
        return f"rule: {rule}" if rule else None

    async def _final_hypothesis(self, utterance: OpenUtterance) -> Hypothesis:
        """Recognition of everything said; asks for it if that was not done at the pause."""
        final = self._start_final(utterance)
        started = time.monotonic()
        with self._recognizer.awaiting_final():
            hypothesis = await final.future
        FINAL_WAIT_SECONDS.observe(time.monotonic() - started)
        return hypothesis

    async def _finish(self, utterance: OpenUtterance, reason: str) -> AsyncIterator[RecognitionEvent]:
        """Yields the end of the utterance and its result, then is back in silence."""
        if self._listener.gate.pause_frames == 0:
            utterance.drop_pause()
        hypothesis = await self._final_hypothesis(utterance)
        corrected = self._corrected(utterance, hypothesis)
        found = self._diagnose(utterance, hypothesis, corrected, reason)
        transcript = None
        if not found.no_speech_reason:
            transcript = await self._final_transcript(utterance, hypothesis, corrected, found)
            INTERIM_WORDS_RETRACTED_TOTAL.inc(utterance.agreement.finish(transcript.text))
            self._level.accept(found.speech_dbfs)
        elif found.no_speech_reason.startswith(_BACKGROUND):
            self._level.reject()
        UTTERANCES_TOTAL.labels(found.no_speech_reason.partition(":")[0] or "text").inc()
        FINAL_DELAY_SECONDS.observe(found.pause_ms / 1e3)
        self._close_utterance(utterance)
        end = utterance.last_voiced_end
        yield EndOfSpeech(utterance.number, utterance.speech_start, end, transcript is None, found)
        if transcript is not None:
            yield Final(utterance.number, transcript)

    def _diagnose(
        self, utterance: OpenUtterance, hypothesis: Hypothesis, corrected: CorrectedText, reason: str
    ) -> Diagnostics:
        """Measures the utterance, and says why it was not speech to the shop if it was not."""
        gate, turns = self._listener.gate, self._turns
        samples = self._listener.view(utterance.start, self._listener.position)
        measures = measure_voice(samples, np.array(utterance.probabilities, dtype=np.float32))
        no_speech_reason = ""
        if not is_speech(hypothesis, gate.voiced_frames * FRAME_MS, self._recognizer.rules.guard):
            no_speech_reason = "no_words"
        else:
            is_complete = text_opinion(corrected.text, self._awaiting) is TextOpinion.COMPLETE
            is_answer = is_complete or self._awaiting != "none"
            judged = judge_foreground(measures, self._level, hypothesis.confidence, is_answer, turns.foreground)
            if judged.is_background:
                no_speech_reason = f"{_BACKGROUND}: {judged.reason}"
        end = TurnEnd(reason, gate.pause_frames * FRAME_MS, utterance.turn_probability, no_speech_reason)
        return transcribing.diagnostics(hypothesis, measures, end)

    async def _final_transcript(
        self, utterance: OpenUtterance, hypothesis: Hypothesis, corrected: CorrectedText, found: Diagnostics
    ) -> Transcript:
        recognizer, options = self._recognizer, self._options
        polished = await recognizer.polish(corrected, self.context, options)
        readings = recognizer.readings(hypothesis, polished, self.context, options)
        timing = transcribing.timings(hypothesis, self._start_final(utterance), found.pause_ms)
        span = Span(utterance.start, utterance.speech_start, utterance.last_voiced_end)
        return transcribing.final_transcript(hypothesis, polished, readings, span, found, timing)

    def _corrected(self, utterance: OpenUtterance, hypothesis: Hypothesis) -> CorrectedText:
        return utterance.known_text(hypothesis) or utterance.remember_text(hypothesis, self._correct(hypothesis))

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
