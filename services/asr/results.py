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
class TimedWord:
    """A word of the raw text; a Han character is a word. Samples at 16 kHz since the stream's start."""

    text: str
    start_sample: int
    end_sample: int
    confidence: float


@dataclass(frozen=True, slots=True)
class Reading:
    """Another reading of an utterance, corrected as the first one is."""

    text: str
    raw_text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """What explains a result, for people who tune.

    Attributes:
        end_reason: Why the turn was taken as over.
        pause_ms: Unvoiced time at its end.
        turn_probability: The turn model's, if it was asked.
        speech_dbfs, snr_db: Level of the speech and its distance from the background, where they could be measured.
        clipped_share: Share of the samples at full scale.
        no_speech_reason: Why the sound was not taken as speech to the shop; empty if it was.
        num_steps: Runs of the decoder; fewer when an earlier hypothesis helped.
    """

    no_speech_prob: float
    avg_logprob: float
    num_tokens: int
    is_loop: bool
    end_reason: str
    pause_ms: int
    turn_probability: float | None
    speech_dbfs: float | None
    snr_db: float | None
    clipped_share: float
    no_speech_reason: str = ""
    num_steps: int = field(default=0, compare=False)


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
        words: Of the raw text, in finals whose stream asked for them.
        readings: Others than `text`, the best first, in finals whose stream asked for them.
        diagnostics: In finals.
    """

    text: str
    raw_text: str
    edits: tuple[TextEdit, ...]
    language: str
    confidence: float
    start_sample: int
    end_sample: int
    words: tuple[TimedWord, ...] = ()
    readings: tuple[Reading, ...] = ()
    diagnostics: Diagnostics | None = None
    timing: tuple[Timing, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class StartOfSpeech:
    """Somebody speaks. `at_sample` is where the speech began."""

    utterance: int
    at_sample: int


@dataclass(frozen=True, slots=True)
class Interim:
    """The words so far; `revision` counts from 0; `stability` 0..1 is the share of `text` that will hardly change.

    A last word that is not settled is left out of `text`, but not of `raw_text` and the edits.
    """

    utterance: int
    revision: int
    transcript: Transcript
    stability: float


@dataclass(frozen=True, slots=True)
class EndOfSpeech:
    """The turn is over. `at_sample` is where the speech ended; `no_speech`: nothing was said to us, no final comes."""

    utterance: int
    start_sample: int
    at_sample: int
    no_speech: bool
    diagnostics: Diagnostics | None = None


@dataclass(frozen=True, slots=True)
class Final:
    """The result of an utterance; right after its `EndOfSpeech`."""

    utterance: int
    transcript: Transcript


RecognitionEvent = StartOfSpeech | Interim | EndOfSpeech | Final
