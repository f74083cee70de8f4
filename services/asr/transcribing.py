"""What is told of an utterance: the engine's hypothesis and the corrected text as results with stream positions."""

from __future__ import annotations

from dataclasses import dataclass

from voxcart_services.asr.recognition import Decoding, Hypothesis, Word
from voxcart_services.asr.results import Diagnostics, Reading, TimedWord, Timing, Transcript
from voxcart_services.asr.text.pipeline import CorrectedText
from voxcart_services.asr.turns.foreground import VoiceMeasures

_SAMPLES_PER_MS = 16


@dataclass(frozen=True, slots=True)
class Span:
    """Where an utterance lies in its stream, in samples; what was recognised begins at `audio_start`."""

    audio_start: int
    speech_start: int
    speech_end: int


@dataclass(frozen=True, slots=True)
class TurnEnd:
    """How an utterance ended; see `Diagnostics`."""

    reason: str
    pause_ms: int
    turn_probability: float | None
    no_speech_reason: str = ""


def interim_transcript(hypothesis: Hypothesis, corrected: CorrectedText, shown_text: str, span: Span) -> Transcript:
    """The words so far.

    Args:
        hypothesis: What the engine made of the beginning.
        corrected: Its corrected text.
        shown_text: What of it is shown.
        span: Where it lies.
    """
    return Transcript(
        text=shown_text,
        raw_text=hypothesis.text,
        edits=corrected.edits,
        language=corrected.language,
        confidence=round(hypothesis.confidence, 4),
        start_sample=span.speech_start,
        end_sample=span.speech_end,
    )


def final_transcript(
    hypothesis: Hypothesis,
    corrected: CorrectedText,
    readings: tuple[Reading, ...],
    span: Span,
    found: Diagnostics,
    timing: tuple[Timing, ...],
) -> Transcript:
    """The result of an utterance."""
    return Transcript(
        text=corrected.text,
        raw_text=hypothesis.text,
        edits=corrected.edits,
        language=corrected.language,
        confidence=round(hypothesis.confidence, 4),
        start_sample=span.speech_start,
        end_sample=span.speech_end,
        words=tuple(_timed(word, span) for word in hypothesis.words),
        readings=readings,
        diagnostics=found,
        timing=timing,
    )


def diagnostics(hypothesis: Hypothesis, measures: VoiceMeasures, end: TurnEnd) -> Diagnostics:
    """What explains a result."""
    return Diagnostics(
        no_speech_prob=round(hypothesis.no_speech_prob, 4),
        avg_logprob=round(hypothesis.avg_logprob, 4),
        num_tokens=len(hypothesis.tokens),
        is_loop=hypothesis.is_loop,
        end_reason=end.reason,
        pause_ms=end.pause_ms,
        turn_probability=None if end.turn_probability is None else round(end.turn_probability, 4),
        speech_dbfs=_rounded(measures.speech_dbfs),
        snr_db=_rounded(measures.snr_db),
        clipped_share=round(measures.clipped_share, 4),
        no_speech_reason=end.no_speech_reason,
        num_steps=hypothesis.num_steps,
    )


def timings(hypothesis: Hypothesis, decoding: Decoding, pause_ms: int) -> tuple[Timing, ...]:
    """Where the time of a final went."""
    return (
        Timing("asr.pause", float(pause_ms), 0.0),
        Timing("asr.encoder", round(decoding.queue_ms, 1), round(hypothesis.encode_ms, 1)),
        Timing("asr.decoder", 0.0, round(hypothesis.decode_ms, 1)),
    )


def _timed(word: Word, span: Span) -> TimedWord:
    return TimedWord(
        word.text,
        span.audio_start + word.start_ms * _SAMPLES_PER_MS,
        span.audio_start + word.end_ms * _SAMPLES_PER_MS,
        round(word.confidence, 4),
    )


def _rounded(level: float | None) -> float | None:
    return None if level is None else round(level, 1)
