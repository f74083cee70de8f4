"""The message bus: topics, envelopes, publishing, session-ordered workers, broadcast and return-path readers.

::

    async with open_bus(settings, "nlu") as bus:                     # connects, creates topics
        await bus.publish(UNDERSTANDING, session_id, make_envelope(session, understanding, event_id=...))
        await SessionWorker(bus, "nlu", [TRANSCRIPTS], handle).run()

Everything a service needs is exported here. Unit tests use ``MemoryBus(MemoryBroker(), "name")``.
"""

from voxcart.bus.base import BEGINNING, END, Bus, Position, TopicPartition
from voxcart.bus.envelope import Message, Record, current_traceparent, decode, make_envelope
from voxcart.bus.errors import BusClosed, BusUnavailable, MessageTooLarge, UndecodableMessage
from voxcart.bus.memory import MemoryBroker, MemoryBus
from voxcart.bus.opening import open_bus
from voxcart.bus.readers import BroadcastReader, ReturnReader, SessionIdMinter
from voxcart.bus.topics import (
    ALERTS,
    AUDIO,
    CATALOGUE,
    CONTROL,
    DEAD_LETTER,
    EVENTS,
    FEEDBACK,
    REPLIES,
    RETURN_TOPICS,
    SPEECH,
    TOPICS,
    TRANSCRIPTS,
    UNDERSTANDING,
    Topic,
    partition_for,
)
from voxcart.bus.utterances import HoldOptions, UtteranceHandler, UtteranceWorker
from voxcart.bus.worker import SessionWorker, WorkerOptions

__all__ = [
    "ALERTS",
    "AUDIO",
    "BEGINNING",
    "CATALOGUE",
    "CONTROL",
    "DEAD_LETTER",
    "END",
    "EVENTS",
    "FEEDBACK",
    "REPLIES",
    "RETURN_TOPICS",
    "SPEECH",
    "TOPICS",
    "TRANSCRIPTS",
    "UNDERSTANDING",
    "BroadcastReader",
    "Bus",
    "BusClosed",
    "BusUnavailable",
    "HoldOptions",
    "MemoryBroker",
    "MemoryBus",
    "Message",
    "MessageTooLarge",
    "Position",
    "Record",
    "ReturnReader",
    "SessionIdMinter",
    "SessionWorker",
    "Topic",
    "TopicPartition",
    "UndecodableMessage",
    "UtteranceHandler",
    "UtteranceWorker",
    "WorkerOptions",
    "current_traceparent",
    "decode",
    "make_envelope",
    "open_bus",
    "partition_for",
]
