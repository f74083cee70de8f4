"""Domain results to protobuf messages and back."""

from datetime import UTC, datetime
from typing import Any

from google.protobuf import struct_pb2

from voxcart.errors import InvalidInput
from voxcart_api.common.v1.common_pb2 import IntentScore, Sentiment, SessionContext, Understanding
from voxcart_api.common.v1.common_pb2 import Slot as SlotMessage
from voxcart_services.nlu.spans import Slot, Understood

_SENTIMENTS = {
    "positive": Sentiment.SENTIMENT_POSITIVE,
    "neutral": Sentiment.SENTIMENT_NEUTRAL,
    "negative": Sentiment.SENTIMENT_NEGATIVE,
}


def clock_of(session: SessionContext) -> datetime | None:
    """The session's clock, aware; None means the server's time.

    Raises:
        InvalidInput: The timestamp is outside the years 1 to 9999.
    """
    if not session.HasField("clock"):
        return None
    try:
        return session.clock.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInput(f"session.clock is not a valid time: {error}") from error


def to_understanding(understood: Understood, utterance_id: str) -> Understanding:
    """The message form of a result."""
    return Understanding(
        utterance_id=utterance_id,
        text=understood.text,
        intent=understood.intent,
        confidence=understood.confidence,
        slots=[_slot(slot, understood.text) for slot in understood.slots],
        sentiment=_SENTIMENTS[understood.sentiment],
        sentiment_score=understood.sentiment_score,
        language=understood.language,
        top_intents=[IntentScore(intent=item.intent, confidence=item.confidence) for item in understood.top_intents],
        tokens=understood.tokens,
    )


def _slot(slot: Slot, text: str) -> SlotMessage:
    message = SlotMessage(
        name=slot.name,
        value=text[slot.start : slot.end],
        start=slot.start,
        end=slot.end,
        negated=slot.negated,
        relation=slot.relation,
        approximate=slot.approximate,
    )
    if slot.normalized is not None:
        message.normalized.CopyFrom(_value(slot.normalized))
    if slot.confidence is not None:
        message.confidence = slot.confidence
    return message


def _value(value: Any) -> struct_pb2.Value:
    if isinstance(value, dict):
        struct = struct_pb2.Struct()
        for key, item in value.items():
            struct.fields[key].CopyFrom(_value(item))
        return struct_pb2.Value(struct_value=struct)
    if isinstance(value, bool):
        return struct_pb2.Value(bool_value=value)
    if isinstance(value, int | float):
        return struct_pb2.Value(number_value=float(value))
    return struct_pb2.Value(string_value=str(value))
