"""One conversation: what the client sends goes to the bus, what comes back waits in the outbox."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from voxcart.bus.base import Bus
from voxcart.bus.envelope import make_envelope
from voxcart.bus.topics import AUDIO, CONTROL, TRANSCRIPTS
from voxcart.errors import VoxcartError
from voxcart.telemetry.logs import get_logger
from voxcart_api.bus.v1.bus_pb2 import (
    TRANSCRIPT_SOURCE_TYPED,
    AudioChunk,
    Envelope,
    Interrupt,
    PlaybackPosition,
    SessionEnded,
    Transcript,
)
from voxcart_api.common.v1.common_pb2 import SessionContext
from voxcart_api.gateway.v1.gateway_pb2 import ConverseRequest, ConverseResponse, Started
from voxcart_services.gateway import responses
from voxcart_services.gateway.audio_input import BUS_RATE_HZ, AudioInput, InputChunk, RealTimePacer
from voxcart_services.gateway.config import GatewaySettings
from voxcart_services.gateway.delivery import Delivery, DeliveryLimits
from voxcart_services.gateway.load import LoadMonitor
from voxcart_services.gateway.metrics import AUDIO_IN_BYTES_TOTAL
from voxcart_services.gateway.outbox import Outbox
from voxcart_services.gateway.publisher import SessionPublisher
from voxcart_services.gateway.validation import (
    SessionOptions,
    check_audio,
    check_milliseconds,
    check_utterance_id,
    clean_text,
)

log = get_logger(__name__)

STUCK_S = 5.0
"""How long a failed stream may take to send what it is sending."""
HOT_WORDS_EVERY_SAMPLES = 5 * BUS_RATE_HZ
"""Audio between two messages that carry the hot words, which may weigh a hundred times the audio of a message."""
CONTROL_QUEUE = 64
"""Control events of one session that may wait for the bus; playback positions beyond that are dropped."""


@dataclass(frozen=True, slots=True)
class SessionStart:
    """Where a session begins.

    Attributes:
        options: Checked config with the session id filled in.
        token: What the client resumes with.
        token_sha256: Hash of its secret.
        last_sequence: Newest response that was sent before.
        next_sample: Position of the first audio, at 16 kHz.
        next_typed: Number of the first typed text.
    """

    options: SessionOptions
    token: str
    token_sha256: str
    last_sequence: int = 0
    next_sample: int = 0
    next_typed: int = 0


class Connection:
    """One client's stream, from either transport, as the session sees it.

    Attributes:
        session: What it serves.
        resumed: Whether it goes on after another connection.
        failure: Why the stream must end with an error; ``None`` while there is no such reason.
        is_closed_by_client: The client said that it sends nothing more.
        serving: The task that sends to the client; cancelled when it is stuck :data:`STUCK_S` after a failure.
    """

    def __init__(self, session: "Session", *, resumed: bool) -> None:
        self.session = session
        self.resumed = resumed
        self.failure: VoxcartError | None = None
        self.is_closed_by_client = False
        self.serving: asyncio.Task[Any] | None = None
        self._breaking_off: asyncio.TimerHandle | None = None

    def fail(self, failure: VoxcartError) -> None:
        """Ends the stream with an error; the first reason counts."""
        if self.failure is None:
            self.failure = failure
            self._breaking_off = asyncio.get_running_loop().call_later(STUCK_S, self._break_off)
        self.session.outbox.changed.set()

    def close_by_client(self) -> None:
        """The client sends nothing more; what it still awaits is given to it."""
        self.is_closed_by_client = True
        self.session.outbox.changed.set()

    def close(self) -> None:
        """The stream is over."""
        if self._breaking_off is not None:
            self._breaking_off.cancel()

    def _break_off(self) -> None:
        if self.serving is not None:
            self.serving.cancel()


class Session:
    """State of one conversation; outlives its connections.

    The owner runs :meth:`run_audio` and :meth:`run_control` as tasks, calls :meth:`tick` a few times a second and
    ends it with :meth:`finish`.

    Attributes:
        outbox: Responses to the client.
        delivery: Takes the session's events from the bus.
        context: Who talks, as rides in its events, hot words included.
        bus_context: The same without hot words: what most events carry.
        connection: The connection that serves it now; ``None`` while the client is lost.
        lost_at_s: Monotonic time at which the client was lost; ``None`` while it is there.
        heard_at_s: Monotonic time of the client's last message.
        is_ended: Nothing more is taken or given.
    """

    def __init__(self, start: SessionStart, bus: Bus, settings: GatewaySettings, load: LoadMonitor) -> None:
        self.start = start
        self.session_id = start.options.context.session_id
        self.context = start.options.context
        self.bus_context = SessionContext()
        self.bus_context.CopyFrom(self.context)
        self.bus_context.ClearField("hot_words")
        self._next_words_sample = start.next_sample
        self.outbox = Outbox(settings.gateway_outbox_bytes, start.last_sequence)
        self.connection: Connection | None = None
        self.lost_at_s: float | None = None
        self.heard_at_s = time.monotonic()
        self.is_ended = False
        self.next_typed = start.next_typed
        self._settings = settings
        self._input_format = start.options.input_format
        self._input = AudioInput(self._input_format, start.next_sample)
        self._pacer = RealTimePacer(settings.gateway_max_lead_seconds)
        limits = DeliveryLimits(settings.gateway_reply_timeout_seconds, settings.gateway_speech_timeout_seconds)
        self.delivery = Delivery(
            self.outbox, start.options.output_format, limits, load, self._interrupted, text_only=self.context.text_only
        )
        self._audio = SessionPublisher(bus, self.session_id, settings.gateway_publish_queue, load, self._bus_trouble)
        self._control = SessionPublisher(bus, self.session_id, CONTROL_QUEUE, load, lambda away: None)

    @property
    def next_sample(self) -> int:
        """Position of the next audio, at 16 kHz."""
        return self._input.next_sample

    @property
    def is_settled(self) -> bool:
        """Whether no turn awaits anything."""
        return not self.delivery.turns.unsettled(text_only=self.context.text_only)

    @property
    def has_audio(self) -> bool:
        """Whether any audio came on this gateway."""
        return self._input.next_sample > self.start.next_sample

    def started(self, *, resumed: bool) -> ConverseResponse:
        """The response that greets a connection. When resumed it stands outside the count, with sequence 0."""
        started = Started(
            session_id=self.session_id,
            resume_token=self.start.token,
            output_audio=self.delivery.output_format.to_proto(),
            resumed=resumed,
        )
        return ConverseResponse(session_started=started)

    def use_formats(self, options: SessionOptions) -> None:
        """Another connection goes on with the session, perhaps with other formats; audio positions go on."""
        if options.input_format != self._input_format:
            self._input_format = options.input_format
            self._input = AudioInput(options.input_format, self._input.next_sample)
        self.delivery.output_format = options.output_format

    async def run_audio(self) -> None:
        """Publishes audio and typed text until cancelled."""
        await self._audio.run()

    async def run_control(self) -> None:
        """Publishes control events until cancelled. They do not wait behind audio."""
        await self._control.run()

    async def handle(self, request: ConverseRequest) -> None:
        """Takes one message of the client, not being a config. Waits while the bus or real time does not keep up.

        Raises:
            InvalidInput: The message is not allowed.
        """
        self.heard_at_s = time.monotonic()
        match request.WhichOneof("request"):
            case "audio":
                await self._take_audio(request.audio.data)
            case "end_of_audio":
                await self.end_audio()
            case "text":
                await self._take_text(request.text.text)
            case "playback":
                played_ms = check_milliseconds("played_ms", request.playback.played_ms)
                utterance_id = check_utterance_id(request.playback.utterance_id, self.session_id)
                self._playback(utterance_id, played_ms)
            case "interrupt":
                heard_ms = request.interrupt.heard_ms if request.interrupt.HasField("heard_ms") else None
                if heard_ms is not None:
                    check_milliseconds("heard_ms", heard_ms)
                self.delivery.interrupt(heard_ms, time.monotonic())

    async def end_audio(self) -> None:
        """What was said so far is finished at once. Does nothing when no audio came since the last end."""
        for chunk in self._input.end():
            await self._publish_chunk(chunk)

    def receive(self, envelope: Envelope) -> None:
        """Takes an event of the session from the bus."""
        if not self.is_ended:
            self.delivery.receive(envelope, time.monotonic())

    def tick(self) -> None:
        """Passes on what was held too long and reports overdue turns."""
        self.delivery.tick(time.monotonic())

    async def finish(self, reason: str, timeout_s: float) -> None:
        """Publishes what waits and then that the session ended; gives up after ``timeout_s``."""
        self.is_ended = True
        self.outbox.changed.set()
        deadline_s = time.monotonic() + timeout_s
        complete = await self._audio.drained(timeout_s)
        event_id = f"{self.session_id}/ended/{self.next_sample}/{self.next_typed}"
        ended = make_envelope(self.bus_context, SessionEnded(reason=reason), event_id=event_id)
        self._control.put_now(CONTROL, ended)
        complete = await self._control.drained(max(0.1, deadline_s - time.monotonic())) and complete
        if not complete:
            log.warning("session ended with events unpublished", session_id=self.session_id)

    async def _take_audio(self, data: bytes) -> None:
        check_audio(data, self._input_format)
        AUDIO_IN_BYTES_TOTAL.inc(len(data))
        before = self._input.next_sample
        for chunk in self._input.push(data):
            await self._publish_chunk(chunk)
        audio_s = (self._input.next_sample - before) / BUS_RATE_HZ
        delay_s = self._pacer.delay_s(audio_s, time.monotonic())
        if delay_s > 0:
            await asyncio.sleep(delay_s)
            self.heard_at_s = time.monotonic()

    async def _publish_chunk(self, chunk: InputChunk) -> None:
        self.delivery.times.received(chunk.end_sample, time.monotonic())
        received_at = Timestamp()
        received_at.GetCurrentTime()
        payload = AudioChunk(
            first_sample=chunk.first_sample,
            pcm_s16le=chunk.pcm_s16le,
            end_of_input=chunk.end_of_input,
            received_at=received_at,
        )
        event_id = f"{self.session_id}/audio/{chunk.first_sample}"
        if not chunk.pcm_s16le:
            event_id += "/end"
        await self._audio.put(AUDIO, make_envelope(self._audio_context(chunk), payload, event_id=event_id))

    def _audio_context(self, chunk: InputChunk) -> SessionContext:
        """The context with hot words at the beginning and now and then, so that a new recogniser learns of them."""
        if chunk.first_sample < self._next_words_sample:
            return self.bus_context
        self._next_words_sample = chunk.first_sample + HOT_WORDS_EVERY_SAMPLES
        return self.context

    async def _take_text(self, text: str) -> None:
        cleaned = clean_text(text)
        utterance_id = f"{self.session_id}/t{self.next_typed}"
        self.next_typed += 1
        transcript = Transcript(
            utterance_id=utterance_id,
            kind=Transcript.KIND_FINAL,
            text=cleaned,
            raw_text=cleaned,
            source=TRANSCRIPT_SOURCE_TYPED,
        )
        envelope = make_envelope(
            self.bus_context, transcript, event_id=f"{utterance_id}/final", correlation_id=utterance_id
        )
        self.delivery.typed(utterance_id, time.monotonic())
        await self._audio.put(TRANSCRIPTS, envelope)

    def _playback(self, utterance_id: str, played_ms: int) -> None:
        self.delivery.played(utterance_id, played_ms, time.monotonic())
        payload = PlaybackPosition(utterance_id=utterance_id, played_ms=played_ms)
        event_id = f"{utterance_id}/played/{played_ms}"
        self._put_control(payload, event_id, utterance_id)

    def _interrupted(self, utterance_id: str, heard_ms: int | None) -> None:
        payload = Interrupt(utterance_id=utterance_id, heard_ms=heard_ms)
        self._put_control(payload, f"{utterance_id}/interrupt", utterance_id)

    def _put_control(self, payload: Interrupt | PlaybackPosition, event_id: str, utterance_id: str) -> None:
        envelope = make_envelope(self.bus_context, payload, event_id=event_id, correlation_id=utterance_id)
        if not self._control.put_now(CONTROL, envelope):
            log.warning("control event dropped, too many wait", session_id=self.session_id)

    def _bus_trouble(self, away: bool) -> None:
        if away:
            log.warning("bus is away", session_id=self.session_id)
            message = "The message bus does not answer; what was said is kept and handled when it is back."
            self.outbox.put(responses.error("UNAVAILABLE", message, retryable=True))
        else:
            log.info("bus is back", session_id=self.session_id)
