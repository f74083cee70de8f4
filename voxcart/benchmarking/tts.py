"""How a speech service holds up under listeners: replies played at the pace of real time, over gRPC.

Every session asks for a reply, plays it as it comes, and asks for the next one a moment after the last sound, as in a
conversation. What it measures is what the listener notices: how long nothing is heard, and whether speech stops in the
middle because audio is late.
"""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import grpc

from voxcart.benchmarking.machine import describe_machine
from voxcart.benchmarking.service_process import ProcessMeter
from voxcart.errors import Unavailable
from voxcart.evaluation.tts import Spoken, Text, speak, speed
from voxcart_api.tts.v1 import tts_pb2_grpc

PAUSE_SECONDS = 0.5
"""Between the end of a reply and the next request of a session."""


@dataclass(frozen=True)
class TtsLoad:
    """What load is made.

    Attributes:
        address: host:port of the service.
        texts: Replies; session ``i`` begins with the ``i``-th and goes round.
        num_sessions: Listeners at a time.
        num_replies: Of each session.
        num_rounds: How often the whole is done; the phrase cache, if the service keeps one, is warm from the second on.
    """

    address: str
    texts: Sequence[Text]
    num_sessions: int
    num_replies: int
    num_rounds: int = 1


async def measure_tts(load: TtsLoad, pid: int | None, say: Callable[[str], None]) -> dict[str, Any]:
    """Runs the load.

    Args:
        pid: Process of the service, if it runs on this machine: its cost is reported.
        say: Told what is going on.

    Raises:
        Unavailable: The service cannot be reached.
    """
    load_before = os.getloadavg()[0]
    async with grpc.aio.insecure_channel(load.address) as channel:
        stub = tts_pb2_grpc.SpeechSynthesisStub(channel)
        await speak(stub, Text("好的。", "zh"))
        rounds = []
        for number in range(load.num_rounds):
            say(f"round {number + 1} of {load.num_rounds}: {load.num_sessions} listeners ...")
            meter = ProcessMeter(pid) if pid is not None else None
            spoken, failures = await _round(stub, load)
            cost = meter.stop().to_json() if meter else None
            rounds.append(
                {**speed(spoken), "failed": len(failures), "failures": sorted(set(failures))[:5], "service": cost}
            )
    return {
        "benchmark": "tts",
        "sessions": load.num_sessions,
        "load_average_before": round(load_before, 2),
        "machine": describe_machine(),
        "rounds": rounds,
    }


async def _round(stub: tts_pb2_grpc.SpeechSynthesisStub, load: TtsLoad) -> tuple[list[Spoken], list[str]]:
    spoken: list[Spoken] = []
    failures: list[str] = []

    async def listen(session: int) -> None:
        await asyncio.sleep(session * PAUSE_SECONDS / load.num_sessions)
        for number in range(load.num_replies):
            text = load.texts[(session + number * load.num_sessions) % len(load.texts)]
            started = time.monotonic()
            try:
                one = await speak(stub, text)
            except Unavailable as error:
                failures.append(str(error))
                continue
            spoken.append(one)
            played_s = one.first_audio_seconds + one.audio_seconds + one.gap_seconds
            await asyncio.sleep(max(0.0, started + played_s - time.monotonic()) + PAUSE_SECONDS)

    async with asyncio.TaskGroup() as group:
        for session in range(load.num_sessions):
            group.create_task(listen(session))
    return spoken, failures


def as_table(report: dict[str, Any]) -> str:
    """The figures for people to read."""
    heads = f"{'round':<7}{'replies':>8}{'first audio p50':>17}{'p95':>7}{'p99':>7}"
    rows = [heads + f"{'RTF':>8}{'with gaps':>11}{'longest':>9}"]
    for number, one in enumerate(report["rounds"], 1):
        waits = one["first_audio_ms"]
        cells = (waits["p50"], waits["p95"], waits["p99"], one["rtf"], one["texts_with_gaps"], one["longest_gap_ms"])
        p50, p95, p99, rtf, gaps, longest = ("-" if cell is None else str(cell) for cell in cells)
        rows.append(f"{number:<7}{one['texts']:>8}{p50:>17}{p95:>7}{p99:>7}{rtf:>8}{gaps:>11}{longest:>9}")
        rows += [f"  failed: {failure}" for failure in one["failures"]]
        if one["service"]:
            rows.append(f"  service: {one['service']}")
    machine = report["machine"]
    rows.append(
        f"{report['sessions']} listeners at a time; milliseconds; {machine['cpu']}, {machine['cores']} cores, "
        f"load {report['load_average_before']} before"
    )
    return "\n".join(rows)
