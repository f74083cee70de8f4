"""Domain results as the messages of the contract."""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.duration_pb2 import Duration

from voxcart.errors import InvalidInput
from voxcart_api.asr.v1 import asr_pb2
from voxcart_api.common.v1 import common_pb2
from voxcart_services.asr.results import TextEdit, Timing, Transcript
from voxcart_services.asr.whisper.features import SAMPLE_RATE_HZ

MAX_HOT_WORDS = 1_000
MAX_HOT_WORD_LENGTH = 64


def position(sample: int) -> Duration:
    """Where a sample lies in its stream."""
    duration = Duration()
    duration.FromNanoseconds(sample * 1_000_000_000 // SAMPLE_RATE_HZ)
    return duration


def edits(found: Iterable[TextEdit]) -> list[common_pb2.TextEdit]:
    """Edits as messages."""
    return [
        common_pb2.TextEdit(
            start=edit.start,
            end=edit.end,
            before=edit.before,
            after=edit.after,
            reason=edit.reason,
            score=edit.score,
        )
        for edit in found
    ]


def timings(found: Iterable[Timing]) -> list[common_pb2.ServerTiming]:
    """Timings as messages."""
    return [
        common_pb2.ServerTiming(stage=timing.stage, queue_ms=timing.queue_ms, compute_ms=timing.compute_ms)
        for timing in found
    ]


def result(transcript: Transcript, *, is_final: bool, stability: float | None = None) -> asr_pb2.RecognitionResult:
    """A transcript as a recognition result."""
    message = asr_pb2.RecognitionResult(
        is_final=is_final,
        text=transcript.text,
        raw_text=transcript.raw_text,
        edits=edits(transcript.edits),
        confidence=transcript.confidence,
        language=transcript.language,
        start=position(transcript.start_sample),
        end=position(transcript.end_sample),
        timing=timings(transcript.timing),
    )
    if stability is not None:
        message.stability = stability
    return message


def checked_hot_words(words: Iterable[str]) -> tuple[str, ...]:
    """Hot words fit for use.

    Raises:
        InvalidInput: Too many, one too long, or control characters in one.
    """
    checked = tuple(word.strip() for word in words if word.strip())
    if len(checked) > MAX_HOT_WORDS:
        raise InvalidInput(f"at most {MAX_HOT_WORDS} hot words are taken, not {len(checked)}")
    for word in checked:
        if len(word) > MAX_HOT_WORD_LENGTH:
            raise InvalidInput(f"a hot word has at most {MAX_HOT_WORD_LENGTH} characters, not {len(word)}")
        if not word.isprintable():
            raise InvalidInput("a hot word holds control characters")
    return checked
