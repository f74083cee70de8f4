"""One recognition stream: audio in, events out, every decision at a counted sample.

The audio is looked at frame by frame (32 ms, aligned to multiples of 512 samples of the stream). A frame may open an
utterance, make an interim result due, start recognition at a pause, or reach a checkpoint of the pause at which the
turn may end; there the stream waits for what the decision needs before it looks at the next frame. So the events
depend on the samples alone, not on how they were cut or how fast the machine is; only interim results are made less
often when there is no time for them.

State that outlives an utterance would make a replay differ from the first run, so the VAD state is set to zero at the
end of every utterance and at every 64th frame of silence. From the last of these points, `resume_sample`, the stream
can be played again with equal results.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

from voxcart.audio.buffer import SampleBuffer
from voxcart.audio.intake import check_samples
from voxcart.errors import Overloaded, WrongState
from voxcart_services.asr.agreement import LocalAgreement
from voxcart_services.asr.metrics import (
    FINAL_DELAY_SECONDS,
    INTERIMS_SKIPPED_TOTAL,
    SPECULATIVE_DROPPED_TOTAL,
    UTTERANCES_TOTAL,
)
from voxcart_services.asr.results import (
    EndOfSpeech,
    Final,
    Interim,
    RecognitionEvent,
    StartOfSpeech,
    Timing,
    Transcript,
)
from voxcart_services.asr.turns.endpointing import Pause, SpeechGate, checkpoint_frames, decide, frames_of
from voxcart_services.asr.turns.vad import FRAME_MS, FRAME_SAMPLES, VadStream
from voxcart_services.asr.whisper.decode import DecodeOptions, Hypothesis
from voxcart_services.asr.whisper.guards import is_speech
from voxcart_services.asr.work import Job, Urgency

if TYPE_CHECKING:
    from voxcart_services.asr.recognizer import Recognizer

_SAMPLES_PER_MS = 16
_RESET_FRAMES = 64
_BLOCK_SAMPLES = 16_000
_INTERIM_TIME_SHARE = 0.4


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """What a stream is told at its start.

    Attributes:
        language: `zh`, `en`, or `None` for detection.
        preferred_language: Wins an unclear detection.
        tenant: Shop whose catalogue counts in correction.
        hot_words: Words that are likely in this session.
        interim_results: Whether interims are wanted.
        raw_only: Leave out correction.
        first_sample: Position of the first sample that will come.
        first_utterance: Number of the first utterance.
    """

    language: str | None = None
    preferred_language: str = "zh"
    tenant: str = ""
    hot_words: tuple[str, ...] = ()
    interim_results: bool = True
    raw_only: bool = False
    first_sample: int = 0
    first_utterance: int = 1


class _Stop(Enum):
    """Why looking at frames was interrupted."""

    OUT_OF_AUDIO = 1
    OPENED = 2
    INTERIM_DUE = 3
    PREPARE = 4
    CHECKPOINT = 5
    RESUMED = 6
    TOO_LONG = 7


@dataclass
class _Utterance:
    """The utterance that is open."""

    number: int
    start: int
    speech_start: int
    last_voiced_end: int
    frames: int = 0
    revision: int = 0
    interim_frames: int = 0
    draft: tuple[int, ...] = ()
    final: Job[Hypothesis] | None = None
    turn: asyncio.Future[float] | None = None
    agreement: LocalAgreement = field(default_factory=LocalAgreement)


class RecognitionStream:
    """Made by `Recognizer.stream`. One caller drives it; closed by whoever took it.

    Example::

        async for event in stream.push_audio(samples):
            ...
        async for event in stream.end_input():
            ...
        await stream.aclose()
    """

    def __init__(self, recognizer: Recognizer, new_vad: Callable[[], VadStream], options: StreamOptions) -> None:
        rules = recognizer.rules
        self._recognizer = recognizer
        self._rules = rules
        self._options = options
        self._new_vad = new_vad
        self._vad = new_vad()
        self._gate = SpeechGate(rules.gate)
        self._position = -(-options.first_sample // FRAME_SAMPLES) * FRAME_SAMPLES
        self._buffer = SampleBuffer(
            (rules.endpoint.max_utterance_ms + rules.pre_roll_ms + 2_000) * _SAMPLES_PER_MS + _BLOCK_SAMPLES,
            options.first_sample,
        )
        self._utterance: _Utterance | None = None
        self._next_number = options.first_utterance
        self._floor = options.first_sample
        self._resets: deque[int] = deque([options.first_sample])
        self._awaiting = "none"
        self._interim_frames = max(1, rules.interim_ms // FRAME_MS)
        self._prepare_frames = frames_of(rules.endpoint.prepare_ms)
        self._checkpoints = checkpoint_frames(rules.endpoint)
        self._is_ended = False
        self._is_closed = False

    @property
    def next_utterance(self) -> int:
        """Number that the next utterance gets; the open one's while there is one."""
        return self._utterance.number if self._utterance else self._next_number

    @property
    def resume_sample(self) -> int:
        """Position from which a new stream reaches the same state; what is before it is finished."""
        return self._resets[0]

    @property
    def end_sample(self) -> int:
        """Position after the last sample that was pushed."""
        return self._buffer.end

    def set_awaiting(self, awaiting: str) -> None:
        """What the dialogue waits for; counts from the next decision on."""
        self._awaiting = awaiting

    def set_hot_words(self, hot_words: tuple[str, ...]) -> None:
        """Replaces the words that are likely in this session."""
        self._options = replace(self._options, hot_words=hot_words)

    async def push_audio(self, samples: np.ndarray) -> AsyncIterator[RecognitionEvent]:
        """Takes the next samples and yields what they lead to. Waits for the recognition that a decision needs.

        Args:
            samples: float32 `[num_samples]` in [-1, 1] at 16 kHz, any number.

        Raises:
            InvalidInput: NaN, infinite values, or more than one axis.
            WrongState: The stream was ended or closed.
        """
        if self._is_ended or self._is_closed:
            raise WrongState("the recognition stream takes no more audio: it was ended")
        checked = check_samples(samples)
        for begin in range(0, len(checked), _BLOCK_SAMPLES):
            self._buffer.append(checked[begin : begin + _BLOCK_SAMPLES])
            async for event in self._process():
                yield event

    async def flush(self) -> AsyncIterator[RecognitionEvent]:
        """Finishes the open utterance at once: no more audio comes for now."""
        if self._utterance is not None:
            async for event in self._finish(self._utterance):
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
            self._drop_speculation(self._utterance)
        self._recognizer.release_stream()

    async def _process(self) -> AsyncIterator[RecognitionEvent]:
        while True:
            stop = await self._recognizer.run_vad(self._advance)
            utterance = self._utterance
            if stop is _Stop.OUT_OF_AUDIO:
                self._forget_old_audio()
                return
            if stop is _Stop.OPENED:
                yield self._open()
            elif utterance is None:
                raise RuntimeError(f"{stop} outside an utterance")
            elif stop is _Stop.INTERIM_DUE:
                interim = await self._interim(utterance)
                if interim is not None:
                    yield interim
            elif stop is _Stop.PREPARE:
                self._prepare(utterance)
            elif stop is _Stop.RESUMED:
                self._drop_speculation(utterance)
            elif stop is _Stop.TOO_LONG or await self._is_over(utterance):
                async for event in self._finish(utterance):
                    yield event

    def _advance(self) -> _Stop:
        """Looks at frames until something is to be done; runs in the thread for voice activity."""
        while self._buffer.end - self._position >= FRAME_SAMPLES:
            self._reset_in_silence()
            frame = self._buffer.view(self._position, self._position + FRAME_SAMPLES)
            paused = self._gate.pause_frames
            opened = self._gate.push(self._vad.push_frame(frame))
            self._position += FRAME_SAMPLES
            if opened:
                return _Stop.OPENED
            if self._utterance is not None:
                stop = self._look(self._utterance, paused)
                if stop is not None:
                    return stop
        return _Stop.OUT_OF_AUDIO

    def _look(self, utterance: _Utterance, paused_before: int) -> _Stop | None:
        utterance.frames += 1
        pause = self._gate.pause_frames
        if pause == 0:
            utterance.last_voiced_end = self._position
        if utterance.frames * FRAME_MS >= self._rules.endpoint.max_utterance_ms:
            return _Stop.TOO_LONG
        if pause == 0 and paused_before >= self._prepare_frames:
            return _Stop.RESUMED
        if pause == self._prepare_frames:
            return _Stop.PREPARE
        if pause in self._checkpoints:
            return _Stop.CHECKPOINT
        if self._options.interim_results and pause == 0 and utterance.frames >= utterance.interim_frames:
            return _Stop.INTERIM_DUE
        return None

    def _reset_in_silence(self) -> None:
        on_grid = self._position % (_RESET_FRAMES * FRAME_SAMPLES) == 0
        if on_grid and self._gate.is_silent and self._position > self._resets[-1]:
            self._vad = self._new_vad()
            self._resets.append(self._position)

    def _open(self) -> StartOfSpeech:
        noticed = self._position - self._rules.gate.start_frames * FRAME_SAMPLES
        start = max(self._floor, self._buffer.start, noticed - self._rules.pre_roll_ms * _SAMPLES_PER_MS)
        self._utterance = _Utterance(
            number=self._next_number,
            start=start,
            speech_start=max(noticed, self._floor),
            last_voiced_end=self._position,
            frames=self._rules.gate.start_frames,
            interim_frames=self._interim_frames,
        )
        self._next_number += 1
        return StartOfSpeech(self._utterance.number, self._utterance.speech_start)

    async def _interim(self, utterance: _Utterance) -> Interim | None:
        started = time.monotonic()
        samples = self._buffer.view(utterance.start, self._position)
        try:
            hypothesis = await self._recognizer.transcribe(
                samples, self._decode_options(utterance.draft), Urgency.INTERIM
            ).future
        except Overloaded:
            INTERIMS_SKIPPED_TOTAL.inc()
            utterance.interim_frames = utterance.frames + self._interim_frames
            return None
        spent_ms = (time.monotonic() - started) * 1e3
        wait_frames = max(self._interim_frames, int(spent_ms / _INTERIM_TIME_SHARE / FRAME_MS))
        utterance.interim_frames = utterance.frames + wait_frames
        if not hypothesis.text or hypothesis.is_loop:
            return None
        utterance.draft = hypothesis.tokens
        transcript = self._transcript(utterance, hypothesis, self._position, ())
        stability = utterance.agreement.push(transcript.raw_text)
        utterance.revision += 1
        return Interim(utterance.number, utterance.revision - 1, transcript, round(stability, 3))

    def _prepare(self, utterance: _Utterance) -> None:
        """Starts at a pause what the end of the turn would need."""
        samples = self._buffer.view(utterance.start, self._position)
        utterance.final = self._recognizer.transcribe(samples, self._decode_options(utterance.draft), Urgency.FINAL)
        utterance.turn = self._recognizer.judge_turn(samples)

    def _drop_speculation(self, utterance: _Utterance) -> None:
        """Speech went on: the recognition of what came before is a draft at best."""
        if utterance.final is not None:
            SPECULATIVE_DROPPED_TOTAL.inc()
            done = utterance.final.future
            if done.done() and not done.cancelled() and done.exception() is None:
                utterance.draft = done.result().tokens
            utterance.final.cancel()
        utterance.final = None
        if utterance.turn is not None:
            utterance.turn.cancel()
        utterance.turn = None

    async def _is_over(self, utterance: _Utterance) -> bool:
        if utterance.final is None:
            self._prepare(utterance)
        final = utterance.final
        turn = utterance.turn or self._recognizer.judge_turn(self._buffer.view(utterance.start, self._position))
        utterance.turn = None
        if final is None:
            raise RuntimeError("recognition of the utterance was not started")
        probability, hypothesis = await turn, await final.future
        pause_ms = self._gate.pause_frames * FRAME_MS
        text = self._recognizer.correct(hypothesis.text, self._options).text
        return decide(Pause(pause_ms, probability, text, self._awaiting), self._rules.endpoint)

    async def _finish(self, utterance: _Utterance) -> AsyncIterator[RecognitionEvent]:
        """Yields the end of the utterance and its result, then is back in silence."""
        if utterance.final is None:
            samples = self._buffer.view(utterance.start, self._position)
            utterance.final = self._recognizer.transcribe(samples, self._decode_options(utterance.draft), Urgency.FINAL)
        job = utterance.final
        hypothesis = await job.future
        voiced_ms = self._gate.voiced_frames * FRAME_MS
        pause_ms = self._gate.pause_frames * FRAME_MS
        spoken = is_speech(hypothesis, voiced_ms, self._rules.guard)
        FINAL_DELAY_SECONDS.observe(pause_ms / 1e3)
        UTTERANCES_TOTAL.labels("text" if spoken else "no_speech").inc()
        end = utterance.last_voiced_end
        transcript = self._transcript(utterance, hypothesis, end, self._timing(hypothesis, job)) if spoken else None
        self._close_utterance()
        yield EndOfSpeech(utterance.number, utterance.speech_start, end, no_speech=not spoken)
        if transcript is not None:
            yield Final(utterance.number, transcript)

    def _close_utterance(self) -> None:
        self._utterance = None
        self._gate.close()
        self._vad = self._new_vad()
        self._floor = self._position
        self._resets = deque([self._position])

    def _forget_old_audio(self) -> None:
        """Keeps what an utterance that opens now would need, and what the open one has."""
        keep_from = self._position - (self._rules.pre_roll_ms * _SAMPLES_PER_MS + FRAME_SAMPLES * 8)
        if self._utterance is not None:
            keep_from = min(keep_from, self._utterance.start)
        self._buffer.drop_before(keep_from)
        while len(self._resets) > 1 and self._resets[1] <= keep_from:
            self._resets.popleft()

    def _decode_options(self, draft: tuple[int, ...]) -> DecodeOptions:
        return DecodeOptions(
            language=self._options.language,
            preferred_language=self._options.preferred_language,
            prompt=self._rules.prompt,
            draft=draft,
        )

    def _transcript(
        self, utterance: _Utterance, hypothesis: Hypothesis, end_sample: int, timing: tuple[Timing, ...]
    ) -> Transcript:
        corrected = self._recognizer.correct(hypothesis.text, self._options)
        return Transcript(
            text=corrected.text,
            raw_text=hypothesis.text,
            edits=corrected.edits,
            language=corrected.language,
            confidence=round(float(np.exp(min(0.0, hypothesis.avg_logprob))), 4),
            start_sample=utterance.speech_start,
            end_sample=end_sample,
            timing=timing,
        )

    def _timing(self, hypothesis: Hypothesis, job: Job[Hypothesis]) -> tuple[Timing, ...]:
        pause_ms = self._gate.pause_frames * FRAME_MS
        return (
            Timing("asr.pause", float(pause_ms), 0.0),
            Timing("asr.encoder", round(job.queue_ms, 1), round(hypothesis.encode_ms, 1)),
            Timing("asr.decoder", 0.0, round(hypothesis.decode_ms, 1)),
        )
