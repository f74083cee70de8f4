"""What a session has to tell, in order: transcripts wait here while the bus is away, and none is lost or reordered."""

from __future__ import annotations

from collections import deque

from voxcart.bus import REPLIES, TRANSCRIPTS, Bus, BusUnavailable, Message, Topic, make_envelope
from voxcart_api.bus.v1.bus_pb2 import TRANSCRIPT_SOURCE_SPEECH, Envelope, Transcript, TurnFailed, Word
from voxcart_services.asr import proto
from voxcart_services.asr.results import EndOfSpeech, Final, Interim, RecognitionEvent, StartOfSpeech, TimedWord

_MAX_WAITING = 256
_PUBLISH_SECONDS = 5.0
_SAMPLES_PER_MS = 16


class Outbox:
    """Publishes the events of one session. Bounded: with 256 events waiting, interims are dropped first."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._waiting: deque[tuple[Topic, str, Envelope]] = deque()
        self._is_away = False

    async def add(self, message: Message, event: RecognitionEvent) -> None:
        """Publishes an event, or keeps it until `publish_pending` when the bus is away.

        Args:
            message: The audio that led to it.
            event: What the stream told.
        """
        if isinstance(event, Interim) and (self._is_away or len(self._waiting) >= _MAX_WAITING):
            return
        transcript, name = to_transcript(message.session_id, event)
        self._waiting.append((TRANSCRIPTS, message.session_id, _envelope(message, transcript, name)))
        if not self._is_away:
            try:
                await self.publish_pending()
            except BusUnavailable:
                self._is_away = True

    async def add_failure(self, message: Message, number: int) -> None:
        """Tells the client that an utterance was not recognised."""
        utterance_id = f"{message.session_id}/{number}"
        failed = TurnFailed(
            utterance_id=utterance_id,
            code="internal",
            message="I could not understand that because of an internal error. Please say it again.",
            retryable=True,
        )
        envelope = make_envelope(
            message.envelope.session,
            failed,
            event_id=f"{utterance_id}/failed",
            correlation_id=utterance_id,
            causation_id=message.event_id,
        )
        stopped = Transcript(
            utterance_id=utterance_id,
            kind=Transcript.KIND_SPEECH_STOPPED,
            source=TRANSCRIPT_SOURCE_SPEECH,
            no_speech=True,
        )
        self._waiting.append((TRANSCRIPTS, message.session_id, _envelope(message, stopped, "speech-stopped")))
        self._waiting.append((REPLIES, message.session_id, envelope))

    async def publish_pending(self) -> None:
        """Publishes what waits, in order.

        Raises:
            BusUnavailable: The bus is away; what is left still waits.
        """
        while self._waiting:
            topic, key, envelope = self._waiting[0]
            await self._bus.publish(topic, key, envelope, timeout_s=_PUBLISH_SECONDS)
            self._waiting.popleft()
        self._is_away = False


def to_transcript(session_id: str, event: RecognitionEvent) -> tuple[Transcript, str]:
    """An event as a bus message, and the name of its event id within the utterance."""
    message = Transcript(utterance_id=f"{session_id}/{event.utterance}", source=TRANSCRIPT_SOURCE_SPEECH)
    if isinstance(event, StartOfSpeech):
        message.kind = Transcript.KIND_SPEECH_STARTED
        message.speech_start_sample = event.at_sample
        return message, "speech-started"
    if isinstance(event, EndOfSpeech):
        message.kind = Transcript.KIND_SPEECH_STOPPED
        message.speech_start_sample, message.speech_end_sample = event.start_sample, event.at_sample
        message.no_speech = event.no_speech
        return message, "speech-stopped"
    found = event.transcript
    message.text, message.raw_text, message.language = found.text, found.raw_text, found.language
    message.edits.extend(proto.edits(found.edits))
    message.timing.extend(proto.timings(found.timing))
    message.confidence = found.confidence
    message.speech_start_sample, message.speech_end_sample = found.start_sample, found.end_sample
    if isinstance(event, Final):
        message.kind = Transcript.KIND_FINAL
        message.words.extend(_word(word, found.start_sample) for word in found.words)
        return message, "final"
    message.kind, message.revision, message.stability = Transcript.KIND_INTERIM, event.revision, event.stability
    return message, f"interim/{event.revision}"


def _word(word: TimedWord, speech_start_sample: int) -> Word:
    """A word with times since the start of the speech; the first may begin before that was noticed."""
    return Word(
        text=word.text,
        start_ms=max(0, word.start_sample - speech_start_sample) // _SAMPLES_PER_MS,
        end_ms=max(0, word.end_sample - speech_start_sample) // _SAMPLES_PER_MS,
        confidence=word.confidence,
    )


def _envelope(message: Message, transcript: Transcript, name: str) -> Envelope:
    return make_envelope(
        message.envelope.session,
        transcript,
        event_id=f"{transcript.utterance_id}/{name}",
        correlation_id=transcript.utterance_id,
        causation_id=message.event_id,
    )
