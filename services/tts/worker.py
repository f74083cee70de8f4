"""Bus worker: replies in, speech out; an interrupt ends a reply at once.

Fate of messages: speech chunks of an interrupted reply are dropped here, and what is being made for it is aborted.
Every reply ends with exactly one chunk that has ``is_last`` set.
"""

import asyncio
import contextlib
import time
from collections import OrderedDict
from dataclasses import dataclass

from voxcart.bus.base import Bus
from voxcart.bus.envelope import Message, make_envelope
from voxcart.bus.readers import BroadcastReader
from voxcart.bus.topics import CONTROL, REPLIES, SPEECH
from voxcart.bus.worker import SessionWorker, WorkerOptions
from voxcart.errors import InvalidInput, NotFound
from voxcart.telemetry.logs import get_logger
from voxcart_api.bus.v1.bus_pb2 import Interrupt, Reply, SpeechChunk
from voxcart_api.common.v1.common_pb2 import SessionContext
from voxcart_services.tts.metrics import REPLIES_TOTAL, TIME_TO_FIRST_AUDIO_SECONDS
from voxcart_services.tts.outgoing import timing_of
from voxcart_services.tts.speaking.audio import OUTPUT_RATE_HZ
from voxcart_services.tts.speaking.chunks import SpeechChunk as MadeChunk
from voxcart_services.tts.speaking.clause_maker import MAX_SPEAKING_RATE, MIN_SPEAKING_RATE, Delivery
from voxcart_services.tts.speaking.synthesizer import SpeechSynthesizer
from voxcart_services.tts.text.front_end import FrontEnd
from voxcart_services.tts.text.normalization import language_of
from voxcart_services.tts.voices.engine import Voice
from voxcart_services.tts.voices.library import VoiceLibrary

log = get_logger(__name__)

_REMEMBERED_INTERRUPTS = 4096
_OPTIONS = WorkerOptions(max_in_flight=1024, max_sessions=512, handler_timeout_s=300.0)


@dataclass(eq=False)
class _Speaking:
    """A reply that is being spoken now.

    Attributes:
        is_ending: Its last chunk is on the way: too late to interrupt.
        is_interrupted: The task was cancelled by an interrupt, not by the worker.
    """

    session_id: str
    utterance_id: str
    task: "asyncio.Task[None]"
    is_ending: bool = False
    is_interrupted: bool = False

    def interrupt(self) -> None:
        """Stop sending, unless the last chunk is on the way already."""
        if not self.is_ending and not self.is_interrupted:
            self.is_interrupted = True
            self.task.cancel()


class ReplySpeaker:
    """Handles replies and interrupts."""

    def __init__(
        self,
        bus: Bus,
        synthesizer: SpeechSynthesizer,
        voices: VoiceLibrary,
        front_end: FrontEnd,
        max_text_characters: int,
    ) -> None:
        """Keep the shared parts.

        Args:
            bus: Where replies come from and speech goes.
            synthesizer: What speaks.
            voices: For the sessions' voices.
            front_end: For the shops' lexicons.
            max_text_characters: The rest of a longer reply is not spoken, and a warning is logged.
        """
        self._bus = bus
        self._synthesizer = synthesizer
        self._voices = voices
        self._front_end = front_end
        self._max_text_characters = max_text_characters
        self._speaking: set[_Speaking] = set()
        self._interrupted: OrderedDict[str, None] = OrderedDict()

    def reply_worker(self) -> SessionWorker:
        """Reads the replies of this process's share of the sessions, as one of the group ``tts``."""
        return SessionWorker(
            self._bus, "tts", [REPLIES], self.handle_reply, _OPTIONS, on_dead_letter=self.tell_given_up
        )

    def control_reader(self) -> BroadcastReader:
        """Reads the interrupts of all sessions: they overtake replies that wait."""
        return BroadcastReader(self._bus, [CONTROL], self.handle_control)

    async def handle_control(self, message: Message) -> None:
        """Stop speaking when the session asks for it."""
        name = message.payload_name
        if name == "interrupt":
            self._interrupt(message.session_id, message.envelope.interrupt)
        elif name == "session_ended":
            for speaking in [one for one in self._speaking if one.session_id == message.session_id]:
                speaking.interrupt()

    async def tell_given_up(self, message: Message, error: Exception) -> None:
        """Close a reply that could not be spoken, so that nobody waits for its end."""
        if message.payload_name == "reply":
            REPLIES_TOTAL.labels("failed").inc()
            await _SpeechPublisher(self._bus, message).publish_cancelled()

    def _interrupt(self, session_id: str, interrupt: Interrupt) -> None:
        if interrupt.utterance_id:
            self._interrupted[interrupt.utterance_id] = None
            while len(self._interrupted) > _REMEMBERED_INTERRUPTS:
                self._interrupted.popitem(last=False)
        for speaking in list(self._speaking):
            if speaking.session_id == session_id and interrupt.utterance_id in ("", speaking.utterance_id):
                speaking.interrupt()

    async def handle_reply(self, message: Message) -> None:
        """Speak a reply; returns when its end was published."""
        if message.payload_name != "reply":
            return
        publisher = _SpeechPublisher(self._bus, message)
        reply = message.envelope.reply
        if reply.utterance_id in self._interrupted:
            REPLIES_TOTAL.labels("interrupted").inc()
            await publisher.publish_cancelled()
            return
        task = asyncio.create_task(self._speak(message, publisher), name="tts reply")
        speaking = _Speaking(message.session_id, reply.utterance_id, task)
        publisher.speaking = speaking
        self._speaking.add(speaking)
        try:
            await asyncio.wait({task})
        finally:
            self._speaking.discard(speaking)
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        if speaking.is_interrupted and not publisher.has_ended:
            REPLIES_TOTAL.labels("interrupted").inc()
            await publisher.publish_cancelled()
            return
        task.result()
        REPLIES_TOTAL.labels("spoken").inc()

    async def _speak(self, message: Message, publisher: "_SpeechPublisher") -> None:
        text = self._text_of(message.envelope.reply)
        if message.envelope.session.text_only or not text.strip():
            await publisher.publish_empty_end()
            return
        delivery = self._delivery(message.envelope.session, message.envelope.reply, text)
        async with contextlib.aclosing(self._synthesizer.speak(text, delivery)) as chunks:
            async for chunk in chunks:
                await publisher.publish_chunk(chunk)
        if not publisher.has_ended:
            await publisher.publish_empty_end()

    def _text_of(self, reply: Reply) -> str:
        text = reply.speech_text or reply.text
        if len(text) > self._max_text_characters:
            log.warning("a long reply is spoken in part", characters=len(text), limit=self._max_text_characters)
            text = text[: self._max_text_characters]
        return text

    def _delivery(self, session: SessionContext, reply: Reply, text: str) -> Delivery:
        language = reply.language if reply.language in ("zh", "en") else language_of(text)
        rate = session.speaking_rate if session.HasField("speaking_rate") else 1.0
        return Delivery(
            voice=self._voice(session.voice, language),
            speaking_rate=min(max(rate, MIN_SPEAKING_RATE), MAX_SPEAKING_RATE),
            language=language,
            lexicon=self._front_end.lexicon(session.tenant),
        )

    def _voice(self, name: str, language: str) -> Voice:
        if not name:
            return self._voices.default_for(language)
        try:
            voice = self._voices.get(name)
        except (NotFound, InvalidInput):
            voice = None
        if voice is None or language not in voice.languages:
            log.warning(
                "the session's voice is not known or speaks another language; the default speaks", voice=name[:64]
            )
            return self._voices.default_for(language)
        return voice


class _SpeechPublisher:
    """Publishes the chunks of one reply with deterministic ids, so that a repeat is recognised downstream."""

    def __init__(self, bus: Bus, message: Message) -> None:
        self._bus = bus
        self._envelope = message.envelope
        self._reply = message.envelope.reply
        self._key = message.key
        self._began_at = time.perf_counter()
        self._has_sent = False
        self._next_clause = 0
        self.has_ended = False
        self.speaking: _Speaking | None = None

    async def publish_chunk(self, made: MadeChunk) -> None:
        """One chunk of audio; the last one of the text ends the reply. Clauses with nothing to say are left out."""
        if not made.pcm_s16le and not made.is_last:
            return
        self._next_clause = made.clause + 1
        chunk = self._chunk(made.clause, made.number, made.pcm_s16le)
        if made.number == 0:
            chunk.clause_text = made.clause_text
            chunk.timing.append(timing_of(made))
        for word in made.words:
            chunk.words.add(text=word.text, start_ms=word.start_ms, end_ms=word.end_ms)
        chunk.is_last = made.is_last
        await self._publish(chunk)

    async def publish_empty_end(self) -> None:
        """End a reply that has no (further) audio."""
        chunk = self._chunk(self._next_clause, 0, b"")
        chunk.is_last = True
        await self._publish(chunk)

    async def publish_cancelled(self) -> None:
        """End the reply: the rest of it was cancelled."""
        chunk = self._chunk(self._next_clause, 0, b"")
        chunk.is_last = True
        chunk.cancelled = True
        await self._publish(chunk, "cancelled")

    def _chunk(self, clause: int, number: int, pcm: bytes) -> SpeechChunk:
        return SpeechChunk(
            utterance_id=self._reply.utterance_id,
            reply_index=self._reply.index,
            clause=clause,
            chunk=number,
            pcm_s16le=pcm,
            sample_rate_hz=OUTPUT_RATE_HZ,
        )

    async def _publish(self, chunk: SpeechChunk, name: str = "") -> None:
        if chunk.is_last:
            self.has_ended = True
            if self.speaking is not None:
                self.speaking.is_ending = True
        reply_part = f"{self._reply.index}/" if self._reply.index else ""
        place = name or f"{chunk.clause}/{chunk.chunk}"
        envelope = make_envelope(
            self._envelope.session,
            chunk,
            event_id=f"{self._reply.utterance_id}/speech/{reply_part}{place}",
            correlation_id=self._envelope.correlation_id or self._reply.utterance_id,
            causation_id=self._envelope.event_id,
        )
        await self._bus.publish(SPEECH, self._key, envelope)
        if not self._has_sent and chunk.pcm_s16le:
            self._has_sent = True
            TIME_TO_FIRST_AUDIO_SECONDS.labels("bus").observe(time.perf_counter() - self._began_at)
