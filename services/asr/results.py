"""What a recognition stream tells: start of speech, interim results, end of speech, the final result."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TextEdit:
    """One correction; offsets in the raw text, `[start, end)`, in code points; `score` 0..1."""

    start: int
    end: int
    before: str
    after: str
    reason: str
    score: float


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds that a stage waited and computed."""

    stage: str
    queue_ms: float
    compute_ms: float


@dataclass(frozen=True, slots=True)
class Transcript:
    """Recognised words of an utterance or of its beginning.

    Attributes:
        text: Corrected, normalised text.
        raw_text: As the engine gave it.
        edits: What leads from one to the other.
        language: `zh`, `en` or `mixed`.
        confidence: 0..1, geometric mean of the tokens' probabilities.
        start_sample, end_sample: At 16 kHz since the stream's start.
    """

    text: str
    raw_text: str
    edits: tuple[TextEdit, ...]
    language: str
    confidence: float
    start_sample: int
    end_sample: int
    timing: tuple[Timing, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class StartOfSpeech:
    """Somebody speaks. `at_sample` is where the speech began."""

    utterance: int
    at_sample: int


@dataclass(frozen=True, slots=True)
class Interim:
    """The words so far; `revision` counts from 0; `stability` 0..1 is the share that will hardly change."""

    utterance: int
    revision: int
    transcript: Transcript
    stability: float


@dataclass(frozen=True, slots=True)
class EndOfSpeech:
    """The turn is over. `at_sample` is where the speech ended; `no_speech`: there were no words, no final follows."""

    utterance: int
    start_sample: int
    at_sample: int
    no_speech: bool


@dataclass(frozen=True, slots=True)
class Final:
    """The result of an utterance; right after its `EndOfSpeech`."""

    utterance: int
    transcript: Transcript


RecognitionEvent = StartOfSpeech | Interim | EndOfSpeech | Final
