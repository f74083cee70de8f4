"""The envelope around every event: building it, sending it as bytes, reading it back."""

import contextvars
from collections.abc import Mapping
from dataclasses import dataclass, field

from google.protobuf.message import DecodeError
from google.protobuf.message import Message as ProtoMessage
from google.protobuf.timestamp_pb2 import Timestamp

from voxcart.bus.errors import UndecodableMessage
from voxcart_api.bus.v1.bus_pb2 import Envelope
from voxcart_api.common.v1.common_pb2 import SessionContext

SCHEMA = "voxcart.bus.v1.Envelope"

current_traceparent: contextvars.ContextVar[str | None] = contextvars.ContextVar("voxcart_traceparent", default=None)
"""Trace of the message that is being handled. Set by the workers, sent on by ``publish`` as header ``traceparent``."""

_PAYLOAD_FIELDS = {
    field.message_type.full_name: field.name for field in Envelope.DESCRIPTOR.oneofs_by_name["payload"].fields
}


@dataclass(frozen=True, slots=True)
class Record:
    """One record as the broker has it.

    Attributes:
        key: UTF-8 key, ``None`` if the record has none.
        value: Serialised envelope, or whatever was written.
        timestamp_ms: Producer's time, milliseconds since the epoch, UTC.
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp_ms: int = 0


@dataclass(frozen=True, slots=True)
class Message:
    """A decoded record.

    Attributes:
        topic: Name of the topic; compare with ``topics.AUDIO.name``.
        key: Record key: the session id on session topics.
        envelope: The event.
        headers: ``traceparent``, ``schema``, ``producer``, ``sent-at`` (UTC milliseconds), ``sequence``.
    """

    topic: str
    partition: int
    offset: int
    key: str
    envelope: Envelope
    headers: Mapping[str, str] = field(default_factory=dict)
    timestamp_ms: int = 0

    @property
    def session_id(self) -> str:
        """The session that the event belongs to; empty if none."""
        return self.envelope.session.session_id

    @property
    def event_id(self) -> str:
        """Deterministic id of the event; the same again when it was published twice."""
        return self.envelope.event_id

    @property
    def payload_name(self) -> str:
        """Name of the payload field that is set: ``audio``, ``transcript``, ``reply``, ... Never empty."""
        return self.envelope.WhichOneof("payload") or ""

    @property
    def payload(self) -> ProtoMessage:
        """The payload that is set."""
        return getattr(self.envelope, self.payload_name)

    @property
    def traceparent(self) -> str | None:
        """W3C trace context of the event, if it came with one."""
        return self.headers.get("traceparent")


def make_envelope(
    session: SessionContext | None,
    payload: ProtoMessage,
    *,
    event_id: str,
    correlation_id: str = "",
    causation_id: str = "",
    occurred_at: Timestamp | None = None,
) -> Envelope:
    """Wraps ``payload`` in an envelope.

    Args:
        session: Context of the session; ``None`` on events that belong to no session.
        payload: One of the message types of the envelope's ``payload``; its type chooses the field.
        event_id: Deterministic, so that a replay gives the same id: ``"<utterance_id>/final"``.
        correlation_id: The utterance, ``"<session_id>/<utterance_number>"``.
        causation_id: ``event_id`` of the event that caused this one.
        occurred_at: UTC. Default: now.

    Raises:
        ValueError: The payload type is not one that the envelope carries, or ``event_id`` is empty.
    """
    name = _PAYLOAD_FIELDS.get(payload.DESCRIPTOR.full_name)
    if name is None:
        raise ValueError(f"an envelope carries no {payload.DESCRIPTOR.full_name}")
    if not event_id:
        raise ValueError("event_id must not be empty")
    envelope = Envelope(event_id=event_id, correlation_id=correlation_id, causation_id=causation_id)
    if occurred_at is None:
        envelope.occurred_at.GetCurrentTime()
    else:
        envelope.occurred_at.CopyFrom(occurred_at)
    if session is not None:
        envelope.session.CopyFrom(session)
    getattr(envelope, name).CopyFrom(payload)
    return envelope


def decode(record: Record) -> Message:
    """Reads a record's envelope.

    Raises:
        UndecodableMessage: The value is empty, is no envelope, has no event id or no payload, or the key is not UTF-8.
    """
    where = f"{record.topic}[{record.partition}]@{record.offset}"
    if not record.value:
        raise UndecodableMessage(f"{where}: empty value")
    try:
        envelope = Envelope.FromString(record.value)
        key = (record.key or b"").decode()
        headers = {name: value.decode(errors="replace") for name, value in record.headers}
    except (DecodeError, UnicodeDecodeError) as error:
        raise UndecodableMessage(f"{where}: not a valid envelope: {error}") from error
    if not envelope.event_id or envelope.WhichOneof("payload") is None:
        raise UndecodableMessage(f"{where}: envelope without event id or payload")
    return Message(record.topic, record.partition, record.offset, key, envelope, headers, record.timestamp_ms)
