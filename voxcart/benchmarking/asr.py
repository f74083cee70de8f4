"""How a speech recognition service holds up under live speakers: streams at the pace of real time over gRPC.

Every session is one ``StreamingRecognize`` call that says recording after recording, with pauses of room tone between
them. The load is open: audio is sent when it is due, whether the service keeps up or not. From when each piece of audio
was due and when each response came follow the times that a caller sees.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import grpc
import numpy as np
from numpy.typing import NDArray

from voxcart.audio.pcm import to_pcm_s16le
from voxcart.benchmarking.machine import describe_machine
from voxcart.benchmarking.service_process import ProcessMeter
from voxcart.benchmarking.turn import spread
from voxcart.errors import InvalidInput, Unavailable
from voxcart.evaluation.interims import ShownUtterance, as_line, tally
from voxcart.evaluation.manifest import (
    SAMPLE_RATE_HZ,
    Recording,
    last_voiced_sample,
    read_audio,
    speech_end_sample,
)
from voxcart.speech_data.noises import room_tone
from voxcart_api.asr.v1 import asr_pb2, asr_pb2_grpc

LATE_SECONDS = 0.1
"""A piece that is sent or taken this much after it was due missed real time."""
ROOM_TONE_DBFS = -60.0
_PAUSES_SECONDS = (1.4, 1.9, 2.4)
_MATCH_SECONDS = 0.4
_CHANNELS = 8
_PATIENCE_SECONDS = 10.0


@dataclass(frozen=True)
class SpokenClip:
    """A recording and where speech begins and ends in it, in seconds."""

    name: str
    samples: NDArray[np.float32]
    speech_start_s: float
    speech_end_s: float


@dataclass(frozen=True)
class AsrLoad:
    """What load is made.

    Attributes:
        address: host:port of the service.
        clips: Recordings; session ``i`` begins with the ``i``-th and goes round. None of them means silent streams.
        num_sessions: Streams at a time.
        seconds: How long each is open.
        chunk_ms: Audio in one message.
        language: Told to the service; empty to detect it.
    """

    address: str
    clips: Sequence[SpokenClip]
    num_sessions: int
    seconds: float
    chunk_ms: int = 100
    language: str = ""

    @property
    def is_silent(self) -> bool:
        """Whether nothing is said."""
        return not self.clips


@dataclass(frozen=True)
class Utterance:
    """One recording in a session's audio; seconds since the session's first sample."""

    name: str
    speech_start_s: float
    speech_end_s: float


@dataclass
class SessionLog:
    """What happened in one session. Times in seconds since its first sample was due."""

    utterances: list[Utterance]
    finals: list[tuple[float, float, float, str]] = field(default_factory=list)
    """Arrival, start and end of the utterance in the stream, text."""
    interims: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    """Arrivals of END_OF_SPEECH that a final follows."""
    refused: list[tuple[float, str]] = field(default_factory=list)
    """Ends of the utterances that no final followed, in the stream, and why none did."""
    shown: list[ShownUtterance] = field(default_factory=list)
    showing: list[tuple[str, float]] = field(default_factory=list)
    """Text and stability of the interims of the utterance that is being said."""
    stages_ms: dict[str, list[float]] = field(default_factory=dict)
    num_chunks: int = 0
    num_late_chunks: int = 0
    worst_lag_s: float = 0.0
    failure: str = ""


def read_clips(recordings: Sequence[Recording]) -> list[SpokenClip]:
    """Reads recordings with speech in them.

    Raises:
        InvalidInput: One cannot be read or is silent.
    """
    clips = []
    for recording in recordings:
        samples = read_audio(recording.path)
        last = speech_end_sample(recording, samples)
        if not last_voiced_sample(samples):
            raise InvalidInput(f"{recording.path} is silent")
        first = len(samples) - 1 - last_voiced_sample(samples[::-1])
        clips.append(SpokenClip(recording.path.name, samples, first / SAMPLE_RATE_HZ, last / SAMPLE_RATE_HZ))
    return clips


def compose(load: AsrLoad, index: int) -> tuple[bytes, list[Utterance]]:
    """The audio of one session, PCM s16le, and what is said in it.

    A recording that would end less than three seconds before the session does is not begun.
    """
    rng = np.random.default_rng(index)
    samples = room_tone(rng, int(load.seconds * SAMPLE_RATE_HZ)) * np.float32(10 ** (ROOM_TONE_DBFS / 20))
    utterances = []
    position = int((0.5 + 0.37 * index % 2.0) * SAMPLE_RATE_HZ)
    for number in range(10_000 if load.clips else 0):
        clip = load.clips[(index + number) % len(load.clips)]
        if position + len(clip.samples) > len(samples) - 3 * SAMPLE_RATE_HZ:
            break
        samples[position : position + len(clip.samples)] += clip.samples
        start_s = position / SAMPLE_RATE_HZ
        utterances.append(Utterance(clip.name, start_s + clip.speech_start_s, start_s + clip.speech_end_s))
        pause_s = _PAUSES_SECONDS[(index + number) % len(_PAUSES_SECONDS)]
        position += len(clip.samples) + int(pause_s * SAMPLE_RATE_HZ)
    return to_pcm_s16le(np.clip(samples, -1, 1)), utterances


async def measure_asr(load: AsrLoad, pid: int | None, say: Callable[[str], None]) -> dict[str, Any]:
    """Makes the load and returns the report, plain data for JSON.

    Args:
        pid: Process of the service, to measure its cost; None if it runs elsewhere.
        say: Told what goes on.

    Raises:
        Unavailable: The service does not answer, or its process is gone.
        InvalidInput: The sessions are too short for a recording.
    """
    audio = [compose(load, 0)] * load.num_sessions
    if load.clips:
        audio = [compose(load, index) for index in range(load.num_sessions)]
    if load.clips and not all(utterances for _, utterances in audio):
        raise InvalidInput(f"sessions of {load.seconds:g} s are too short for these recordings; give more --seconds")
    async with AsyncExitStack() as stack:
        channels = [
            await stack.enter_async_context(
                grpc.aio.insecure_channel(load.address, options=[("grpc.use_local_subchannel_pool", 1)])
            )
            for _ in range(min(_CHANNELS, load.num_sessions))
        ]
        stubs = [asr_pb2_grpc.SpeechRecognitionStub(channel) for channel in channels]
        await _warm_up(stubs[0], load)
        say(f"{load.num_sessions} stream(s) for {load.seconds:g} s at the pace of real time")
        load_before = os.getloadavg()[0]
        meter = None if pid is None else ProcessMeter(pid)
        own = ProcessMeter(os.getpid())
        async with asyncio.TaskGroup() as tasks:
            running = [
                tasks.create_task(_session(stubs[index % len(stubs)], load, index, *one), name=f"bench stream {index}")
                for index, one in enumerate(audio)
            ]
        cost = None if meter is None else meter.stop().to_json()
        generator = own.stop().to_json()
    report = summary([task.result() for task in running], load)
    return {
        "benchmark": "asr",
        "machine": describe_machine(),
        "load_average_before": round(load_before, 2),
        "address": load.address,
        **report,
        "service": cost,
        "generator_cpu_percent_of_one_core": generator["cpu_percent_of_one_core"],
    }


async def _warm_up(stub: asr_pb2_grpc.SpeechRecognitionStub, load: AsrLoad) -> None:
    """One recording (or a second of silence) before, not measured; tells whether the service answers."""
    samples = load.clips[0].samples if load.clips else np.zeros(SAMPLE_RATE_HZ, np.float32)
    request = asr_pb2.RecognizeRequest(config=_config(load), audio=to_pcm_s16le(np.clip(samples, -1, 1)))
    try:
        await stub.Recognize(request, timeout=30)
    except grpc.aio.AioRpcError as error:
        raise Unavailable(f"no speech recognition at {load.address}: {error.code().name} {error.details()}") from error


def _config(load: AsrLoad) -> asr_pb2.RecognitionConfig:
    return asr_pb2.RecognitionConfig(
        sample_rate_hz=SAMPLE_RATE_HZ, num_channels=1, language=load.language, interim_results=True
    )


async def _session(
    stub: asr_pb2_grpc.SpeechRecognitionStub, load: AsrLoad, index: int, pcm: bytes, utterances: list[Utterance]
) -> SessionLog:
    log = SessionLog(utterances)
    await asyncio.sleep(index / load.num_sessions * load.chunk_ms / 1_000)
    started_s = time.monotonic()
    call = stub.StreamingRecognize(_requests(load, pcm, started_s, log), timeout=load.seconds + _PATIENCE_SECONDS)
    try:
        async for response in call:
            _note(response, time.monotonic() - started_s, log)
    except grpc.aio.AioRpcError as error:
        log.failure = f"{error.code().name}: {error.details()}"
    return log


async def _requests(
    load: AsrLoad, pcm: bytes, started_s: float, log: SessionLog
) -> AsyncIterator[asr_pb2.StreamingRecognizeRequest]:
    """The configuration, then audio when it is due. gRPC asks for the next message when it can take it."""
    yield asr_pb2.StreamingRecognizeRequest(config=_config(load))
    chunk_bytes = 2 * SAMPLE_RATE_HZ * load.chunk_ms // 1_000
    for first in range(0, len(pcm), chunk_bytes):
        piece = pcm[first : first + chunk_bytes]
        due_s = (first + len(piece)) / (2 * SAMPLE_RATE_HZ)
        await asyncio.sleep(max(0.0, started_s + due_s - time.monotonic()))
        lag_s = time.monotonic() - started_s - due_s
        log.num_chunks += 1
        log.num_late_chunks += lag_s > LATE_SECONDS
        log.worst_lag_s = max(log.worst_lag_s, lag_s)
        yield asr_pb2.StreamingRecognizeRequest(audio=piece)


def _note(response: asr_pb2.StreamingRecognizeResponse, arrived_s: float, log: SessionLog) -> None:
    if response.event == asr_pb2.StreamingRecognizeResponse.EVENT_END_OF_SPEECH:
        if response.no_speech:
            log.refused.append((_seconds(response.at), response.no_speech_reason))
            log.showing.clear()
        else:
            log.ends.append(arrived_s)
    elif response.event == asr_pb2.StreamingRecognizeResponse.EVENT_RESULT:
        result = response.result
        if not result.is_final:
            log.interims.append(arrived_s)
            log.showing.append((result.text, result.stability))
            return
        log.shown.append(ShownUtterance(tuple(log.showing), result.text))
        log.showing.clear()
        log.finals.append((arrived_s, _seconds(result.start), _seconds(result.end), result.text))
        for timing in result.timing:
            log.stages_ms.setdefault(timing.stage, []).append(timing.queue_ms + timing.compute_ms)


def _seconds(duration: Any) -> float:
    return duration.seconds + duration.nanos / 1e9


@dataclass
class _Times:
    """Milliseconds of all sessions."""

    final: list[float] = field(default_factory=list)
    end_of_turn: list[float] = field(default_factory=list)
    first_interim: list[float] = field(default_factory=list)
    interim_gap: list[float] = field(default_factory=list)
    missed: list[dict[str, Any]] = field(default_factory=list)
    cut: int = 0


def summary(logs: Sequence[SessionLog], load: AsrLoad) -> dict[str, Any]:
    """Percentiles and counts over all sessions."""
    times = _Times()
    for number, log in enumerate(logs):
        for utterance in log.utterances:
            _add_utterance(utterance, log, times, number)
    stages: dict[str, list[float]] = {}
    for log in logs:
        for stage, values in log.stages_ms.items():
            stages.setdefault(stage, []).extend(values)
    failures = [log.failure for log in logs if log.failure]
    return {
        "sessions": load.num_sessions,
        "silent": load.is_silent,
        "seconds": load.seconds,
        "chunk_ms": load.chunk_ms,
        "utterances": sum(len(log.utterances) for log in logs),
        "missed": len(times.missed),
        "missed_recordings": times.missed,
        "cut": times.cut,
        "finals": sum(len(log.finals) for log in logs),
        "failed_sessions": len(failures),
        "failures": sorted(set(failures)),
        "speech_end_to_final_ms": spread(times.final),
        "end_of_turn_delay_ms": spread(times.end_of_turn),
        "speech_start_to_first_interim_ms": spread(times.first_interim),
        "between_interims_ms": spread(times.interim_gap),
        "late_chunks_percent": round(
            100 * sum(log.num_late_chunks for log in logs) / max(1, sum(log.num_chunks for log in logs)), 2
        ),
        "worst_lag_ms": round(1_000 * max((log.worst_lag_s for log in logs), default=0.0), 1),
        "interims": tally([shown for log in logs for shown in log.shown]),
        "stages_ms": {stage: spread(values) for stage, values in sorted(stages.items())},
    }


def _add_utterance(utterance: Utterance, log: SessionLog, times: _Times, session: int) -> None:
    """Finds what belongs to an utterance by its place in the stream; an utterance cut in two counts its last final."""
    own = [
        final
        for final in log.finals
        if final[1] < _latest_end_s(utterance) and final[2] > utterance.speech_start_s - _MATCH_SECONDS
    ]
    if not own:
        reasons = [why for end_s, why in log.refused if utterance.speech_start_s < end_s < _latest_end_s(utterance)]
        reason = reasons[-1] if reasons else "no speech was noticed"
        times.missed.append({"recording": utterance.name, "session": session, "reason": log.failure or reason})
        return
    times.cut += len(own) > 1
    arrived_s = own[-1][0]
    times.final.append(1_000 * (arrived_s - utterance.speech_end_s))
    ends = [end for end in log.ends if own[0][1] < end <= arrived_s]
    if ends:
        times.end_of_turn.append(1_000 * (ends[-1] - utterance.speech_end_s))
    interims = [interim for interim in log.interims if utterance.speech_start_s < interim <= arrived_s]
    if interims:
        times.first_interim.append(1_000 * (interims[0] - utterance.speech_start_s))
        times.interim_gap += [1_000 * (after - before) for before, after in pairwise(interims)]


def _latest_end_s(utterance: Utterance) -> float:
    """Where its end may be found at the latest."""
    return utterance.speech_end_s + _MATCH_SECONDS


def as_table(report: dict[str, Any]) -> str:
    """The report for people to read."""
    machine = report["machine"]
    rows = [
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, commit {machine['commit']}, "
        f"load {report['load_average_before']}",
        f"{report['sessions']} {'silent ' if report['silent'] else ''}stream(s) for {report['seconds']:g} s, "
        f"{report['utterances']} utterances, {report['missed']} missed, {report['cut']} cut, "
        f"{report['failed_sessions']} streams failed",
    ]
    if report["utterances"]:
        rows.append(f"{'milliseconds':<34}{'p50':>9}{'p95':>9}{'p99':>9}{'count':>7}")
        for name, values in {**report, **report["stages_ms"]}.items():
            if isinstance(values, dict) and "p50" in values:
                cells = "".join(f"{'-' if values[key] is None else values[key]:>9}" for key in ("p50", "p95", "p99"))
                rows.append(f"{name:<34}{cells}{values['count']:>7}")
        rows.append(as_line(report["interims"]))
        rows += [
            f"missed: {one['recording']} in session {one['session']} ({one['reason']})"
            for one in report["missed_recordings"]
        ]
    rows.append(f"late chunks {report['late_chunks_percent']} %, worst lag {report['worst_lag_ms']} ms")
    if report["service"]:
        cost = report["service"]
        rows.append(
            f"service: {cost['cpu_percent_of_one_core']} % of one core, {cost['rss_mb_after']} MB resident "
            f"({cost['rss_mb_before']} MB before)"
        )
    rows.append(f"load generator: {report['generator_cpu_percent_of_one_core']} % of one core")
    rows += [f"failure: {failure}" for failure in report["failures"]]
    return "\n".join(rows)
