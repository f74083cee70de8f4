"""What the gateway says, as typed events."""

from dataclasses import dataclass, field
from typing import Any

from google.protobuf import json_format

from voxcart_api.common.v1 import common_pb2
from voxcart_api.gateway.v1.gateway_pb2 import ConverseResponse

_SENTIMENTS = {
    common_pb2.SENTIMENT_POSITIVE: "positive",
    common_pb2.SENTIMENT_NEUTRAL: "neutral",
    common_pb2.SENTIMENT_NEGATIVE: "negative",
}


@dataclass(frozen=True, slots=True)
class StageTiming:
    """Time of one stage of the servers, milliseconds, waiting and working apart."""

    stage: str
    queue_ms: float
    compute_ms: float


@dataclass(frozen=True, slots=True)
class SessionStarted:
    """The conversation is open, or goes on after the connection was lost."""

    session_id: str
    resumed: bool
    output_sample_rate_hz: int


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The person began to speak, ``at_s`` after the session's first audio. What is being played should stop."""

    utterance_id: str
    at_s: float


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """The person stopped speaking. With ``no_speech`` it was noise and no transcript follows."""

    utterance_id: str
    at_s: float
    no_speech: bool


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was heard, or typed. Interim ones change; each utterance has one final.

    Attributes:
        text: Corrected and normalised.
        raw_text: As recognised.
        edits: Corrections: ``{"start", "end", "before", "after", "reason", "score"}``.
        stability: 0..1 for interims, else ``None``.
    """

    utterance_id: str
    is_final: bool
    text: str
    raw_text: str
    edits: list[dict[str, Any]]
    stability: float | None
    confidence: float | None
    language: str
    timing: list[StageTiming]


@dataclass(frozen=True, slots=True)
class Understood:
    """What was meant.

    Attributes:
        slots: ``{"name", "value", "start", "end", ...}``.
        sentiment: ``"positive"``, ``"neutral"``, ``"negative"`` or empty.
    """

    utterance_id: str
    intent: str
    confidence: float
    slots: list[dict[str, Any]]
    sentiment: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What the shop answers, for the eye. ``is_last``: no further reply follows for this utterance."""

    utterance_id: str
    text: str
    cards: list[dict[str, Any]]
    actions: list[dict[str, Any]]
    awaiting: str
    hand_over: bool
    is_last: bool
    timing: list[StageTiming]


@dataclass(frozen=True, slots=True)
class Audio:
    """A piece of the spoken reply.

    Attributes:
        data: In the format asked for; may be empty on the last piece.
        clause_text: Text of the clause that begins here, if one does.
        is_last: End of the reply's audio.
        cancelled: The reply was cut off.
    """

    utterance_id: str
    data: bytes
    clause_text: str
    is_last: bool
    cancelled: bool
    timing: list[StageTiming] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Failure:
    """Something failed, the conversation goes on. ``utterance_id`` is empty when it concerns no single turn."""

    code: str
    message: str
    utterance_id: str
    retryable: bool


Event = SessionStarted | SpeechStarted | SpeechStopped | Transcript | Understood | Reply | Audio | Failure


def to_event(response: ConverseResponse) -> Event | None:
    """The event in a response; ``None`` for a kind that this version of the client does not know."""
    kind = response.WhichOneof("response")
    if kind is None:
        return None
    return _READERS[kind](getattr(response, kind)) if kind in _READERS else None


def as_dict(message: Any) -> dict[str, Any]:
    """A protobuf message as plain data, under the names of the contract; 64-bit numbers as numbers."""
    return _with_numbers(json_format.MessageToDict(message, preserving_proto_field_name=True), message.DESCRIPTOR)


def _with_numbers(value: dict[str, Any], descriptor: Any) -> dict[str, Any]:
    for name, item in value.items():
        described = descriptor.fields_by_name.get(name)
        if described is None:
            continue
        if described.cpp_type in (described.CPPTYPE_INT64, described.CPPTYPE_UINT64) and isinstance(item, str):
            value[name] = int(item)
        elif isinstance(item, dict) and described.message_type.file.package != "google.protobuf":
            value[name] = _with_numbers(item, described.message_type)
    return value


def _timing(items: Any) -> list[StageTiming]:
    return [StageTiming(item.stage, item.queue_ms, item.compute_ms) for item in items]


def _seconds(duration: Any) -> float:
    return duration.seconds + duration.nanos / 1e9


def _transcript(result: Any) -> Transcript:
    return Transcript(
        utterance_id=result.utterance_id,
        is_final=result.is_final,
        text=result.text,
        raw_text=result.raw_text,
        edits=[_edit(edit) for edit in result.edits],
        stability=result.stability if result.HasField("stability") else None,
        confidence=result.confidence if result.HasField("confidence") else None,
        language=result.language,
        timing=_timing(result.timing),
    )


def _edit(edit: Any) -> dict[str, Any]:
    names = ("start", "end", "before", "after", "reason", "score")
    return {name: getattr(edit, name) for name in names}


def _slot(slot: Any) -> dict[str, Any]:
    return {"name": slot.name, "value": slot.value, "start": slot.start, "end": slot.end} | as_dict(slot)


def _understood(understanding: Any) -> Understood:
    return Understood(
        utterance_id=understanding.utterance_id,
        intent=understanding.intent,
        confidence=understanding.confidence,
        slots=[_slot(slot) for slot in understanding.slots],
        sentiment=_SENTIMENTS.get(understanding.sentiment, ""),
    )


def _reply(reply: Any) -> Reply:
    return Reply(
        utterance_id=reply.utterance_id,
        text=reply.text,
        cards=[as_dict(card) for card in reply.cards],
        actions=[as_dict(action) for action in reply.actions],
        awaiting=reply.awaiting,
        hand_over=reply.hand_over,
        is_last=reply.is_last,
        timing=_timing(reply.timing),
    )


_READERS: dict[str, Any] = {
    "session_started": lambda it: SessionStarted(it.session_id, it.resumed, it.output_audio.sample_rate_hz),
    "speech_started": lambda it: SpeechStarted(it.utterance_id, _seconds(it.at)),
    "speech_stopped": lambda it: SpeechStopped(it.utterance_id, _seconds(it.at), it.no_speech),
    "transcript": _transcript,
    "understanding": _understood,
    "reply": _reply,
    "audio": lambda it: Audio(it.utterance_id, it.data, it.clause_text, it.is_last, it.cancelled, _timing(it.timing)),
    "error": lambda it: Failure(it.code, it.message, it.utterance_id, it.retryable),
}
