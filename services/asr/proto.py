"""Domain results as the messages of the contract."""

from __future__ import annotations

from collections.abc import Iterable

from google.protobuf.duration_pb2 import Duration

from voxcart_api.asr.v1 import asr_pb2
from voxcart_api.common.v1 import common_pb2
from voxcart_services.asr.results import (
    Diagnostics,
    EndOfSpeech,
    Final,
    Interim,
    RecognitionEvent,
    StartOfSpeech,
    TextEdit,
    Timing,
    Transcript,
)

_RATE_HZ = 16_000
_Response = asr_pb2.StreamingRecognizeResponse


def position(sample: int) -> Duration:
    """Where a sample lies in its stream."""
    duration = Duration()
    duration.FromNanoseconds(sample * 1_000_000_000 // _RATE_HZ)
    return duration


def edits(found: Iterable[TextEdit]) -> list[common_pb2.TextEdit]:
    """Edits as messages."""
    return [
        common_pb2.TextEdit(
            start=edit.start,
            end=edit.end,
            before=edit.before,
            after=edit.after,
            reason=edit.reason,
            score=edit.score,
        )
        for edit in found
    ]


def timings(found: Iterable[Timing]) -> list[common_pb2.ServerTiming]:
    """Timings as messages."""
    return [
        common_pb2.ServerTiming(stage=timing.stage, queue_ms=timing.queue_ms, compute_ms=timing.compute_ms)
        for timing in found
    ]


class Results:
    """Makes the messages of one call."""

    def __init__(self, engine: str, model: str, *, with_diagnostics: bool) -> None:
        self._engine = engine
        self._model = model
        self._with_diagnostics = with_diagnostics

    def response(self, event: RecognitionEvent) -> asr_pb2.StreamingRecognizeResponse:
        """An event of a stream."""
        if isinstance(event, StartOfSpeech):
            return _Response(event=_Response.EVENT_START_OF_SPEECH, at=position(event.at_sample))
        if isinstance(event, EndOfSpeech):
            return self._end_of_speech(event)
        if isinstance(event, Interim):
            result = _result(event.utterance, event.transcript)
            result.stability = event.stability
            return _Response(event=_Response.EVENT_RESULT, result=result)
        return _Response(event=_Response.EVENT_RESULT, result=self.final(event))

    def final(self, event: Final) -> asr_pb2.RecognitionResult:
        """The result of an utterance."""
        found = event.transcript
        result = _result(event.utterance, found)
        result.is_final = True
        result.words.extend(
            asr_pb2.WordInfo(
                text=word.text,
                start=position(word.start_sample),
                end=position(word.end_sample),
                confidence=word.confidence,
            )
            for word in found.words
        )
        result.alternatives.extend(
            asr_pb2.RecognitionAlternative(text=reading.text, raw_text=reading.raw_text, confidence=reading.confidence)
            for reading in found.readings
        )
        if self._with_diagnostics and found.diagnostics is not None:
            result.diagnostics.CopyFrom(self._diagnostics(found.diagnostics))
        return result

    def _end_of_speech(self, event: EndOfSpeech) -> asr_pb2.StreamingRecognizeResponse:
        response = _Response(
            event=_Response.EVENT_END_OF_SPEECH, at=position(event.at_sample), no_speech=event.no_speech
        )
        if event.no_speech and event.diagnostics is not None:
            response.no_speech_reason = event.diagnostics.no_speech_reason
            if self._with_diagnostics:
                response.diagnostics.CopyFrom(self._diagnostics(event.diagnostics))
        return response

    def _diagnostics(self, found: Diagnostics) -> asr_pb2.RecognitionDiagnostics:
        return asr_pb2.RecognitionDiagnostics(
            engine=self._engine,
            model=self._model,
            no_speech_prob=found.no_speech_prob,
            avg_logprob=found.avg_logprob,
            num_tokens=found.num_tokens,
            num_steps=found.num_steps,
            is_loop=found.is_loop,
            end_reason=found.end_reason,
            pause_ms=found.pause_ms,
            turn_probability=found.turn_probability,
            speech_dbfs=found.speech_dbfs,
            snr_db=found.snr_db,
            clipped_share=found.clipped_share,
        )


def _result(utterance: int, transcript: Transcript) -> asr_pb2.RecognitionResult:
    return asr_pb2.RecognitionResult(
        utterance=utterance,
        text=transcript.text,
        raw_text=transcript.raw_text,
        edits=edits(transcript.edits),
        confidence=transcript.confidence,
        language=transcript.language,
        start=position(transcript.start_sample),
        end=position(transcript.end_sample),
        timing=timings(transcript.timing),
    )
