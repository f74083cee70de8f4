"""One turn: what was said, understood, done and answered, put together from events."""

from dataclasses import dataclass, field
from typing import Any

from voxcart_client.errors import TurnFailed
from voxcart_client.events import (
    Audio,
    Event,
    Failure,
    Reply,
    SpeechStarted,
    SpeechStopped,
    StageTiming,
    Transcript,
    Understood,
)


@dataclass(slots=True)
class TurnTiming:
    """Where the time went, milliseconds; ``None`` where it did not come to that.

    Attributes:
        speech_end_to_final_ms: From the end of the last voiced sample to the final transcript. ``None`` if typed.
        speech_end_to_reply_ms: From there to the reply's text. ``None`` if typed.
        speech_end_to_first_audio_ms: From there to the reply's first audio. ``None`` if typed.
        text_to_reply_ms: From sending typed text to the reply's text. ``None`` if spoken.
        text_to_first_audio_ms: From sending typed text to the reply's first audio. ``None`` if spoken.
        server: What the servers measured.
    """

    speech_end_to_final_ms: float | None = None
    speech_end_to_reply_ms: float | None = None
    speech_end_to_first_audio_ms: float | None = None
    text_to_reply_ms: float | None = None
    text_to_first_audio_ms: float | None = None
    server: list[StageTiming] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Plain data for JSON."""
        names = (
            "speech_end_to_final_ms",
            "speech_end_to_reply_ms",
            "speech_end_to_first_audio_ms",
            "text_to_reply_ms",
            "text_to_first_audio_ms",
        )
        timing: dict[str, Any] = {name: _rounded(getattr(self, name)) for name in names}
        timing["server"] = [
            {"stage": item.stage, "queue_ms": _rounded(item.queue_ms), "compute_ms": _rounded(item.compute_ms)}
            for item in self.server
        ]
        return timing


@dataclass(slots=True)
class Turn:
    """A turn. When a recording held several utterances, texts, edits and actions are those of all, the rest the last's.

    Attributes:
        transcript: Corrected text; empty when nothing was said.
        raw_transcript: As recognised.
        edits: ``{"start", "end", "before", "after", "reason", "score"}``.
        slots: ``{"name", "value", "start", "end", ...}``.
        audio: Spoken reply in the session's output format (PCM s16le mono by default).
        utterance_ids: Utterances it consists of.
        error: What went wrong; the fields above hold what came all the same.
    """

    session_id: str
    transcript: str = ""
    raw_transcript: str = ""
    edits: list[dict[str, Any]] = field(default_factory=list)
    intent: str = ""
    slots: list[dict[str, Any]] = field(default_factory=list)
    sentiment: str = ""
    reply: str = ""
    cards: list[dict[str, Any]] = field(default_factory=list)
    actions: list[dict[str, Any]] = field(default_factory=list)
    awaiting: str = ""
    audio: bytes = b""
    audio_sample_rate_hz: int = 24_000
    utterance_ids: list[str] = field(default_factory=list)
    timing: TurnTiming = field(default_factory=TurnTiming)
    error: Failure | None = None

    def raise_for_error(self) -> None:
        """
        Raises:
            TurnFailed: The turn failed.
        """
        if self.error is not None:
            raise TurnFailed(self.error.code, self.error.message, retryable=self.error.retryable)

    def to_json(self) -> dict[str, Any]:
        """Plain data for JSON, without the audio."""
        return {
            "transcript": self.transcript,
            "raw_transcript": self.raw_transcript,
            "edits": self.edits,
            "intent": self.intent,
            "slots": self.slots,
            "sentiment": self.sentiment,
            "reply": self.reply,
            "cards": self.cards,
            "actions": self.actions,
            "session_id": self.session_id,
            "timing": self.timing.to_json(),
        }


@dataclass(slots=True)
class _Utterance:
    is_closed: bool = False
    is_silent: bool = False
    has_reply: bool = False
    is_answered: bool = False
    num_replies: int = 0
    num_spoken: int = 0
    audio_bytes: int = 0
    is_failed: bool = False

    def is_settled(self, *, text_only: bool) -> bool:
        if self.is_failed or self.is_silent:
            return True
        return self.is_closed and self.is_answered and (text_only or self.num_spoken >= self.num_replies)


class TurnCollector:
    """Builds a :class:`Turn` from the events of utterances that are new. Times are monotonic seconds."""

    def __init__(
        self, session_id: str, known: set[str], *, is_typed: bool, text_only: bool, sample_rate_hz: int
    ) -> None:
        """
        Args:
            known: Utterances of earlier turns; their late events are not this turn's.
        """
        self.turn = Turn(session_id, audio_sample_rate_hz=sample_rate_hz)
        self.origin_s: float | None = None
        self._closed_at_s: float | None = None
        self._known = known
        self._is_typed = is_typed
        self._text_only = text_only
        self._utterances: dict[str, _Utterance] = {}
        self._audio = bytearray()

    @property
    def has_begun(self) -> bool:
        """Whether any utterance of the turn was heard."""
        return bool(self._utterances)

    @property
    def is_settled(self) -> bool:
        """Whether everything that is to come for the utterances heard so far has come; false before the first."""
        return bool(self._utterances) and all(
            utterance.is_settled(text_only=self._text_only) for utterance in self._utterances.values()
        )

    def is_closed_since(self, at_s: float | None) -> bool:
        """Whether the end of an utterance was heard at or after ``at_s``."""
        return self._closed_at_s is not None and at_s is not None and self._closed_at_s >= at_s

    def audio_bytes_of(self, utterance_id: str) -> int:
        """Audio that came for an utterance so far."""
        utterance = self._utterances.get(utterance_id)
        return utterance.audio_bytes if utterance else 0

    def feed(self, event: Event, at_s: float) -> bool:
        """Takes an event that came at ``at_s``; says whether it belongs to the turn."""
        utterance_id = getattr(event, "utterance_id", "")
        if not utterance_id or utterance_id in self._known or _is_typed(utterance_id) != self._is_typed:
            return False
        if utterance_id not in self._utterances:
            self._utterances[utterance_id] = _Utterance()
            self.turn.utterance_ids.append(utterance_id)
        self._take(self._utterances[utterance_id], event, at_s)
        return True

    def finish(self) -> Turn:
        """The turn as it stands."""
        self.turn.audio = bytes(self._audio)
        return self.turn

    def _take(self, utterance: _Utterance, event: Event, at_s: float) -> None:
        match event:
            case SpeechStarted():
                pass
            case SpeechStopped():
                utterance.is_silent = event.no_speech
                self._closed_at_s = at_s
            case Transcript() if event.is_final:
                utterance.is_closed = True
                self._closed_at_s = at_s
                self._final(event, at_s)
            case Understood():
                self.turn.intent, self.turn.slots = event.intent, event.slots
                self.turn.sentiment = event.sentiment
            case Reply():
                self._reply(utterance, event, at_s)
            case Audio():
                self._spoken(utterance, event, at_s)
            case Failure():
                utterance.is_failed = True
                self.turn.error = event

    def _final(self, event: Transcript, at_s: float) -> None:
        turn = self.turn
        turn.transcript = f"{turn.transcript} {event.text}".strip()
        turn.raw_transcript = f"{turn.raw_transcript} {event.raw_text}".strip()
        turn.edits = turn.edits + event.edits
        turn.timing.server += event.timing
        if not self._is_typed:
            turn.timing.speech_end_to_final_ms = self._since_origin_ms(at_s)

    def _reply(self, utterance: _Utterance, event: Reply, at_s: float) -> None:
        turn, timing = self.turn, self.turn.timing
        turn.reply = f"{turn.reply}\n{event.text}" if utterance.has_reply else event.text
        turn.cards, turn.awaiting = event.cards, event.awaiting
        turn.actions = turn.actions + event.actions
        timing.server += event.timing
        if not utterance.has_reply:
            if self._is_typed:
                timing.text_to_reply_ms = self._since_origin_ms(at_s)
            else:
                timing.speech_end_to_reply_ms = self._since_origin_ms(at_s)
        utterance.has_reply = True
        utterance.num_replies += 1
        utterance.is_answered = utterance.is_answered or event.is_last

    def _spoken(self, utterance: _Utterance, event: Audio, at_s: float) -> None:
        timing = self.turn.timing
        if event.data and not utterance.audio_bytes:
            if self._is_typed:
                timing.text_to_first_audio_ms = self._since_origin_ms(at_s)
            else:
                timing.speech_end_to_first_audio_ms = self._since_origin_ms(at_s)
        self._audio += event.data
        utterance.audio_bytes += len(event.data)
        timing.server += event.timing
        utterance.num_spoken += event.is_last

    def _since_origin_ms(self, at_s: float) -> float | None:
        return None if self.origin_s is None else (at_s - self.origin_s) * 1000


def _is_typed(utterance_id: str) -> bool:
    return utterance_id.rpartition("/")[2].startswith("t")


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
