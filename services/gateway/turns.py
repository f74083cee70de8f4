"""Where each turn of a session stands: what came, what is still awaited and until when."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from voxcart_services.gateway.audio_output import ReplyAudio

MAX_TURNS = 64
"""Turns that a session remembers; older ones are closed."""
MAX_SEEN_EVENTS = 4_096
"""Event ids that a session remembers to drop duplicates."""


@dataclass(slots=True)
class ReplySpeech:
    """Audio of one reply.

    Attributes:
        audio: Codec of the reply; ``None`` before its first chunk.
        position: Clause and chunk of the newest chunk.
        is_done: Its last message was put into the outbox.
    """

    audio: ReplyAudio | None = None
    position: tuple[int, int] = (-1, -1)
    is_done: bool = False


@dataclass(slots=True)
class Turn:
    """One utterance and what follows from it. Times are monotonic seconds.

    Attributes:
        speech_end_at_s: When the end of the speech, or the typed text, was received; ``None`` if not known.
        active_at_s: When something of the turn came last.
        is_final: The final transcript was passed on.
        has_no_speech: Nothing was said; nothing follows.
        is_understood: The understanding was passed on.
        has_all_replies: The reply marked as the last was passed on.
        due_from_s: Since when a reply is awaited: the final transcript or the typing; ``None`` before.
        replied: Indexes of the replies that were passed on.
        speech: Their speech by reply index.
        is_cancelled: Cut off by the client or by speech: no more audio.
        is_reported: The client was told of a failure.
        held: Events that came before what they follow from.
        held_until_s: When they are passed on all the same.
    """

    utterance_id: str
    is_typed: bool
    active_at_s: float
    speech_end_at_s: float | None = None
    is_final: bool = False
    has_no_speech: bool = False
    is_understood: bool = False
    has_all_replies: bool = False
    has_audio: bool = False
    interim_revision: int = -1
    due_from_s: float | None = None
    replied: set[int] = field(default_factory=set)
    speech: dict[int, ReplySpeech] = field(default_factory=dict)
    is_cancelled: bool = False
    is_reported: bool = False
    held: list[Any] = field(default_factory=list)
    held_until_s: float = 0.0

    def awaits_speech(self, *, text_only: bool) -> bool:
        """Whether replies were given whose audio has not ended."""
        return not text_only and any(not speech.is_done for speech in self.speech.values())

    def is_settled(self, *, text_only: bool) -> bool:
        """Whether nothing more is to be waited for."""
        if self.has_no_speech or self.is_reported:
            return True
        if self.is_cancelled and self.is_final:
            return True
        return self.has_all_replies and not self.awaits_speech(text_only=text_only)


class TurnBook:
    """The newest turns of a session, oldest first."""

    def __init__(self) -> None:
        self._turns: OrderedDict[str, Turn] = OrderedDict()

    def get(self, utterance_id: str) -> Turn | None:
        """The turn of an utterance, if it is known."""
        return self._turns.get(utterance_id)

    def get_or_open(self, utterance_id: str, now_s: float, *, is_typed: bool) -> Turn:
        """The turn of an utterance; a new one closes the oldest when there are too many."""
        turn = self._turns.get(utterance_id)
        if turn is None:
            turn = self._turns[utterance_id] = Turn(utterance_id, is_typed, active_at_s=now_s)
            if len(self._turns) > MAX_TURNS:
                self._turns.popitem(last=False)
        return turn

    def __iter__(self) -> Iterator[Turn]:
        return iter(list(self._turns.values()))

    def unsettled(self, *, text_only: bool) -> list[Turn]:
        """Turns for which something is still awaited, oldest first."""
        return [turn for turn in self._turns.values() if not turn.is_settled(text_only=text_only)]


class SeenEvents:
    """Recognises events that come again. Remembers a bounded number, forgetting the oldest."""

    def __init__(self, capacity: int = MAX_SEEN_EVENTS) -> None:
        self._capacity = capacity
        self._ids: OrderedDict[str, None] = OrderedDict()

    def is_new(self, event_id: str) -> bool:
        """Whether this id comes for the first time; remembers it."""
        if event_id in self._ids:
            self._ids.move_to_end(event_id)
            return False
        self._ids[event_id] = None
        if len(self._ids) > self._capacity:
            self._ids.popitem(last=False)
        return True


class ReceiveTimes:
    """When which sample of the session's audio was received; remembers the last minute."""

    MAX_ENTRIES = 1_000

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._times: OrderedDict[int, float] = OrderedDict()

    def received(self, end_sample: int, now_s: float) -> None:
        """Audio up to ``end_sample`` was received at ``now_s``."""
        self._times[end_sample] = now_s
        if len(self._times) > self.MAX_ENTRIES:
            self._times.popitem(last=False)

    def at_s(self, sample: int) -> float | None:
        """When ``sample`` was spoken by the receiving clock; ``None`` if that is not known any more."""
        for end_sample, received_s in self._times.items():
            if end_sample >= sample:
                return received_s - (end_sample - sample) / self._rate_hz
        return None
