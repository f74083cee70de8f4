"""Events of one session from the bus to its client: each once, in causal order, cut off on barge-in, watched."""

from collections.abc import Callable
from dataclasses import dataclass

from voxcart.errors import InvalidInput
from voxcart.telemetry.logs import get_logger
from voxcart_api.bus.v1.bus_pb2 import (
    TRANSCRIPT_SOURCE_TYPED,
    Envelope,
    Reply,
    SpeechChunk,
    Transcript,
    TurnFailed,
)
from voxcart_api.common.v1.common_pb2 import ServerTiming, Understanding
from voxcart_api.gateway.v1.gateway_pb2 import AudioOutput, ConverseResponse
from voxcart_services.gateway import responses
from voxcart_services.gateway.audio_input import BUS_RATE_HZ
from voxcart_services.gateway.audio_output import ReplyAudio
from voxcart_services.gateway.load import LoadMonitor
from voxcart_services.gateway.metrics import (
    AUDIO_OUT_BYTES_TOTAL,
    DUPLICATES_TOTAL,
    END_OF_UTTERANCE_DELAY_SECONDS,
    INTERRUPTS_TOTAL,
    TIME_TO_FIRST_AUDIO_SECONDS,
    TIME_TO_REPLY_SECONDS,
    TURN_FAILURES_TOTAL,
)
from voxcart_services.gateway.outbox import Outbox
from voxcart_services.gateway.playback import Playback
from voxcart_services.gateway.turns import ReceiveTimes, ReplySpeech, SeenEvents, Turn, TurnBook
from voxcart_services.gateway.validation import StreamFormat

log = get_logger(__name__)

HOLD_S = 0.25
"""How long an event waits for the one it follows from, which is on another topic. Then that one is taken for lost
(it was read before the session moved to this gateway)."""


@dataclass(frozen=True, slots=True)
class DeliveryLimits:
    """Times after which a client is told that a turn failed, seconds."""

    reply_timeout_s: float
    speech_timeout_s: float


Interrupted = Callable[[str, int | None], None]
"""Told the utterance whose reply is cut off and how many milliseconds of it were heard, if known."""


class Delivery:
    """The way back of one session. Times given to its methods are monotonic seconds.

    Attributes:
        output_format: What the client hears; changes when another connection takes over.
    """

    def __init__(
        self,
        outbox: Outbox,
        output_format: StreamFormat,
        limits: DeliveryLimits,
        load: LoadMonitor,
        interrupted: Interrupted,
        *,
        text_only: bool,
    ) -> None:
        self.output_format = output_format
        self.times = ReceiveTimes(BUS_RATE_HZ)
        self.turns = TurnBook()
        self._outbox = outbox
        self._limits = limits
        self._load = load
        self._interrupted = interrupted
        self._text_only = text_only
        self._seen = SeenEvents()
        self._playback = Playback()

    def typed(self, utterance_id: str, now_s: float) -> None:
        """Text was typed: a reply is awaited from now on."""
        turn = self.turns.get_or_open(utterance_id, now_s, is_typed=True)
        turn.speech_end_at_s = turn.due_from_s = now_s

    def receive(self, envelope: Envelope, now_s: float) -> None:
        """Takes an event of the session from the bus."""
        if not self._seen.is_new(envelope.event_id):
            DUPLICATES_TOTAL.inc()
            return
        kind = envelope.WhichOneof("payload")
        if kind not in ("transcript", "understanding", "reply", "speech", "turn_failed"):
            return
        payload = getattr(envelope, kind)
        is_typed = kind == "transcript" and payload.source == TRANSCRIPT_SOURCE_TYPED
        turn = self.turns.get_or_open(payload.utterance_id, now_s, is_typed=is_typed)
        turn.active_at_s = now_s
        if _may_follow(turn, payload):
            self._pass_on(turn, payload, now_s)
        else:
            if not turn.held:
                turn.held_until_s = now_s + HOLD_S
            turn.held.append(payload)
            turn.held.sort(key=_stage)
        self._release(turn, now_s)

    def tick(self, now_s: float) -> None:
        """Passes on what was held too long and reports turns that are overdue. To be called a few times a second."""
        for turn in self.turns:
            self._release(turn, now_s)
        for turn in self.turns.unsettled(text_only=self._text_only):
            self._watch(turn, now_s)

    def played(self, utterance_id: str, played_ms: int, now_s: float) -> None:
        """The client says how much of a reply it has played."""
        self._playback.report(utterance_id, played_ms, now_s)

    def interrupt(self, heard_ms: int | None, now_s: float) -> None:
        """The client asks for silence: what is said now, or else what is awaited, is cut off."""
        utterance_id = self._playback.current(now_s)
        if not utterance_id:
            awaited = self.turns.unsettled(text_only=self._text_only)
            utterance_id = awaited[-1].utterance_id if awaited else ""
        if utterance_id:
            INTERRUPTS_TOTAL.labels("client").inc()
            self._cut_off(utterance_id, heard_ms, now_s)

    def _release(self, turn: Turn, now_s: float) -> None:
        while turn.held and (now_s >= turn.held_until_s or _may_follow(turn, turn.held[0])):
            self._pass_on(turn, turn.held.pop(0), now_s)

    def _pass_on(self, turn: Turn, payload: object, now_s: float) -> None:
        match payload:
            case Transcript():
                self._transcript(turn, payload, now_s)
            case Understanding():
                self._understanding(turn, payload)
            case Reply():
                self._reply(turn, payload, now_s)
            case SpeechChunk():
                self._speech(turn, payload, now_s)
            case TurnFailed():
                turn.is_reported = True
                TURN_FAILURES_TOTAL.labels(payload.code).inc()
                self._outbox.put(responses.turn_failed(payload))

    def _transcript(self, turn: Turn, transcript: Transcript, now_s: float) -> None:
        if turn.is_final:
            return
        match transcript.kind:
            case Transcript.KIND_SPEECH_STARTED:
                self._outbox.put(responses.speech_started(transcript))
                speaking = self._playback.current(now_s)
                if speaking:
                    INTERRUPTS_TOTAL.labels("speech").inc()
                    self._cut_off(speaking, self._playback.heard_ms(now_s), now_s)
            case Transcript.KIND_INTERIM if transcript.revision > turn.interim_revision:
                turn.interim_revision = transcript.revision
                self._outbox.put(responses.transcript_result(transcript, []))
            case Transcript.KIND_SPEECH_STOPPED:
                turn.has_no_speech = transcript.no_speech
                self._note_speech_end(turn, transcript)
                self._outbox.put(responses.speech_stopped(transcript))
            case Transcript.KIND_FINAL:
                turn.is_final = True
                turn.due_from_s = now_s if turn.due_from_s is None else turn.due_from_s
                self._note_speech_end(turn, transcript)
                timing = []
                if not turn.is_typed and turn.speech_end_at_s is not None:
                    delay_s = now_s - turn.speech_end_at_s
                    END_OF_UTTERANCE_DELAY_SECONDS.observe(delay_s)
                    timing = responses.waited("speech_end_to_final", delay_s)
                self._outbox.put(responses.transcript_result(transcript, timing))

    def _note_speech_end(self, turn: Turn, transcript: Transcript) -> None:
        if turn.speech_end_at_s is None and transcript.HasField("speech_end_sample"):
            turn.speech_end_at_s = self.times.at_s(transcript.speech_end_sample)

    def _understanding(self, turn: Turn, understanding: Understanding) -> None:
        if not turn.is_understood:
            turn.is_understood = True
            self._outbox.put(ConverseResponse(understanding=understanding))

    def _reply(self, turn: Turn, reply: Reply, now_s: float) -> None:
        if reply.index in turn.replied:
            return
        if reply.HasField("understanding"):
            self._understanding(turn, reply.understanding)
        timing: list[ServerTiming] = []
        if not turn.replied and turn.speech_end_at_s is not None:
            delay_s = now_s - turn.speech_end_at_s
            TIME_TO_REPLY_SECONDS.observe(delay_s)
            self._load.turn_answered(delay_s, now_s)
            timing = responses.waited(_since(turn, "reply"), delay_s)
        turn.replied.add(reply.index)
        turn.speech.setdefault(reply.index, ReplySpeech())
        turn.has_all_replies = turn.has_all_replies or reply.is_last
        self._outbox.put(responses.reply_result(reply, timing))
        if turn.is_cancelled:
            self._end_cancelled(turn)

    def _speech(self, turn: Turn, chunk: SpeechChunk, now_s: float) -> None:
        speech = turn.speech.setdefault(chunk.reply_index, ReplySpeech())
        position = (chunk.clause, chunk.chunk)
        if self._text_only or turn.is_cancelled or speech.is_done or position <= speech.position:
            return
        speech.position = position
        if speech.audio is None:
            speech.audio = ReplyAudio(self.output_format, chunk.sample_rate_hz or 24_000)
        try:
            pieces = speech.audio.push(chunk.pcm_s16le, is_last=chunk.is_last)
        except InvalidInput as error:
            log.warning("speech chunk is broken", utterance_id=chunk.utterance_id, reason=str(error))
            pieces = []
        timing = self._first_audio_timing(turn, now_s) if pieces else []
        timing = [*chunk.timing, *timing]
        for piece in pieces:
            audio = AudioOutput(utterance_id=chunk.utterance_id, data=piece)
            if piece is pieces[0]:
                audio.clause_text = chunk.clause_text
                for word in chunk.words:
                    audio.words.add(text=word.text, start_ms=word.start_ms, end_ms=word.end_ms)
                audio.timing.extend(timing)
            self._outbox.put(ConverseResponse(audio=audio))
            AUDIO_OUT_BYTES_TOTAL.inc(len(piece))
        if chunk.is_last:
            speech.is_done = True
            speech.audio = None
            last = AudioOutput(utterance_id=chunk.utterance_id, is_last=True, cancelled=chunk.cancelled)
            self._outbox.put(ConverseResponse(audio=last))
        duration_ms = len(chunk.pcm_s16le) / 2 / (chunk.sample_rate_hz or 24_000) * 1000
        self._playback.audio_sent(chunk.utterance_id, duration_ms, now_s, is_last=chunk.is_last)

    def _first_audio_timing(self, turn: Turn, now_s: float) -> list[ServerTiming]:
        if turn.has_audio or turn.speech_end_at_s is None:
            return []
        turn.has_audio = True
        delay_s = now_s - turn.speech_end_at_s
        TIME_TO_FIRST_AUDIO_SECONDS.observe(delay_s)
        return responses.waited(_since(turn, "first_audio"), delay_s)

    def _cut_off(self, utterance_id: str, heard_ms: int | None, now_s: float) -> None:
        turn = self.turns.get_or_open(utterance_id, now_s, is_typed=False)
        if heard_ms is None and self._playback.current(now_s) == utterance_id:
            heard_ms = self._playback.heard_ms(now_s)
        self._playback.stop()
        if turn.is_cancelled:
            return
        turn.is_cancelled = True
        dropped = self._outbox.drop(
            lambda response: response.HasField("audio") and response.audio.utterance_id == utterance_id
        )
        num_unfinished = sum(response.audio.is_last for response in dropped)
        for _ in range(num_unfinished):
            self._outbox.put(responses.cancelled_audio(utterance_id))
        self._end_cancelled(turn)
        self._interrupted(utterance_id, heard_ms)

    def _end_cancelled(self, turn: Turn) -> None:
        for speech in turn.speech.values():
            if not speech.is_done and not self._text_only:
                speech.is_done = True
                speech.audio = None
                self._outbox.put(responses.cancelled_audio(turn.utterance_id))

    def _watch(self, turn: Turn, now_s: float) -> None:
        if turn.is_cancelled:
            return
        if turn.has_all_replies:
            if now_s - turn.active_at_s > self._limits.speech_timeout_s:
                self._report(turn, "UNAVAILABLE", "The reply could not be spoken in time; its text is complete.")
            return
        since_s = turn.active_at_s if turn.due_from_s is None else turn.due_from_s
        if now_s - since_s > self._limits.reply_timeout_s:
            if turn.due_from_s is not None:
                self._load.turn_answered(self._limits.reply_timeout_s, now_s)
                message = f"No answer came within {self._limits.reply_timeout_s:g} s; it may still come."
            else:
                message = "Recognition does not answer; the transcript may still come."
            self._report(turn, "DEADLINE_EXCEEDED", message)

    def _report(self, turn: Turn, code: str, message: str) -> None:
        turn.is_reported = True
        TURN_FAILURES_TOTAL.labels(code.lower()).inc()
        log.warning("turn is overdue", utterance_id=turn.utterance_id, code=code)
        self._outbox.put(responses.error(code, message, turn.utterance_id, retryable=True))


def _may_follow(turn: Turn, payload: object) -> bool:
    """Whether what this event follows from was passed on before."""
    match payload:
        case Understanding() | Reply():
            return turn.is_final
        case SpeechChunk():
            return payload.reply_index in turn.replied
    return True


def _since(turn: Turn, what: str) -> str:
    """Name of the time from the end of speech, or from the typing, to something."""
    return f"text_to_{what}" if turn.is_typed else f"speech_end_to_{what}"


def _stage(payload: object) -> int:
    """Place in the causal order of what can be held; the sort by it is stable."""
    return (Understanding, Reply, SpeechChunk).index(type(payload))
