"""Events of the bus in the words of the client contract."""

from collections.abc import Iterable

from google.protobuf.duration_pb2 import Duration

from voxcart_api.bus.v1.bus_pb2 import Reply, Transcript, TurnFailed
from voxcart_api.common.v1.common_pb2 import ServerTiming
from voxcart_api.gateway.v1.gateway_pb2 import (
    AudioOutput,
    ConverseResponse,
    Error,
    ReplyResult,
    SpeechStarted,
    SpeechStopped,
    TranscriptResult,
)
from voxcart_services.gateway.audio_input import BUS_RATE_HZ

_CODES = {"unavailable": "UNAVAILABLE", "internal": "INTERNAL", "deadline": "DEADLINE_EXCEEDED"}


def waited(stage: str, seconds: float | None) -> list[ServerTiming]:
    """A timing entry of the gateway; none if the time is not known."""
    if seconds is None:
        return []
    return [ServerTiming(stage=f"gateway.{stage}", queue_ms=max(0.0, seconds) * 1000)]


def speech_started(transcript: Transcript) -> ConverseResponse:
    """Speech began."""
    at = _at(transcript.speech_start_sample)
    return ConverseResponse(speech_started=SpeechStarted(utterance_id=transcript.utterance_id, at=at))


def speech_stopped(transcript: Transcript) -> ConverseResponse:
    """Speech ended."""
    stopped = SpeechStopped(utterance_id=transcript.utterance_id, no_speech=transcript.no_speech)
    if transcript.HasField("speech_end_sample"):
        stopped.at.CopyFrom(_at(transcript.speech_end_sample))
    return ConverseResponse(speech_stopped=stopped)


def transcript_result(transcript: Transcript, timing: Iterable[ServerTiming]) -> ConverseResponse:
    """An interim or final transcript."""
    result = TranscriptResult(
        utterance_id=transcript.utterance_id,
        is_final=transcript.kind == Transcript.KIND_FINAL,
        text=transcript.text,
        raw_text=transcript.raw_text,
        edits=transcript.edits,
        language=transcript.language,
        timing=[*transcript.timing, *timing],
    )
    if transcript.HasField("stability"):
        result.stability = transcript.stability
    if transcript.HasField("confidence"):
        result.confidence = transcript.confidence
    return ConverseResponse(transcript=result)


def reply_result(reply: Reply, timing: Iterable[ServerTiming]) -> ConverseResponse:
    """A reply."""
    return ConverseResponse(
        reply=ReplyResult(
            utterance_id=reply.utterance_id,
            text=reply.text,
            cards=reply.cards,
            actions=reply.actions,
            awaiting=reply.awaiting,
            hand_over=reply.hand_over,
            timing=[*reply.timing, *timing],
            is_last=reply.is_last,
        )
    )


def cancelled_audio(utterance_id: str) -> ConverseResponse:
    """The end of a reply's audio that was cut off."""
    return ConverseResponse(audio=AudioOutput(utterance_id=utterance_id, is_last=True, cancelled=True))


def turn_failed(failed: TurnFailed) -> ConverseResponse:
    """A turn that a service gave up."""
    return error(_CODES.get(failed.code, "INTERNAL"), failed.message, failed.utterance_id, retryable=failed.retryable)


def error(code: str, message: str, utterance_id: str = "", *, retryable: bool) -> ConverseResponse:
    """Something went wrong, the conversation goes on."""
    return ConverseResponse(error=Error(code=code, message=message, utterance_id=utterance_id, retryable=retryable))


def _at(sample: int) -> Duration:
    at = Duration()
    at.FromMicroseconds(sample * 1_000_000 // BUS_RATE_HZ)
    return at
