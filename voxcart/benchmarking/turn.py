"""How long a spoken turn takes: recordings at real-time pace against a running gateway, many sessions at a time."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from voxcart.benchmarking.machine import SystemMeter, describe_machine
from voxcart_client import Clip, ConversationConfig, Turn, VoxcartClient, VoxcartClientError

PERCENTILES = (50, 95, 99)
STAGGER_S = 0.37
"""Sessions begin this much apart, so that they do not all speak in step."""
PAUSE_S = 0.5
"""Between the end of an answer and the next turn."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class TurnLoad:
    """What load is made.

    Attributes:
        gateway: host:port.
        clips: Recordings; session ``i`` begins with the ``i``-th and goes round.
        num_sessions: Sessions at a time.
        num_turns: Turns of each session that are measured.
        num_warm_up: Turns of one session before, not measured.
        role: ``"shopper"`` or ``"merchant"``.
        idle_s: Seconds for which the idle system is measured before; 0 for not at all.
        settle_s: Seconds without a session before that: caches that start and warm-up left to fill are filled.
        turn_timeout_s: How long a turn may take after its recording.
    """

    gateway: str
    clips: Sequence[Clip]
    num_sessions: int = 1
    num_turns: int = 10
    num_warm_up: int = 2
    role: str = "shopper"
    idle_s: float = 0.0
    settle_s: float = 60.0
    turn_timeout_s: float = 30.0


@dataclass(slots=True)
class _Results:
    turns: list[Turn] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


async def measure_turns(load: TurnLoad, running: dict[str, Any] | None, say: Say) -> dict[str, Any]:
    """Makes the load and returns the report, plain data for JSON.

    Args:
        running: Content of the run file, to measure processes with; ``None`` for a gateway elsewhere.
        say: Told what goes on.

    Raises:
        VoxcartClientError: Not even the warm-up came through.
    """
    report: dict[str, Any] = {"benchmark": "turn", "machine": describe_machine(), "gateway": load.gateway}
    meter = SystemMeter(running) if running else None
    async with VoxcartClient(load.gateway) as client:
        if load.num_warm_up:
            say(f"warming up with {load.num_warm_up} turns")
            await _warm_up(client, load)
        if load.idle_s and meter is not None:
            say(f"measuring the idle system for {load.idle_s:g} s, after {load.settle_s:g} s of rest")
            await asyncio.sleep(load.settle_s)
            meter.start()
            await asyncio.sleep(load.idle_s)
            report["idle"] = {"seconds": load.idle_s, "settled_seconds": load.settle_s, **meter.stop().to_json()}
        say(f"{load.num_sessions} session(s) with {load.num_turns} turns each")
        results = _Results()
        if meter is not None:
            meter.start()
        began_s = time.monotonic()
        async with asyncio.TaskGroup() as sessions:
            for index in range(load.num_sessions):
                sessions.create_task(_session(client, load, index, results), name=f"bench session {index}")
        wall_s = time.monotonic() - began_s
        if meter is not None:
            report["under_load"] = {"seconds": round(wall_s, 1), **meter.stop().to_json()}
    return report | _summary(load, results)


async def _warm_up(client: VoxcartClient, load: TurnLoad) -> None:
    async with client.converse(_config(load, "warm-up")) as conversation:
        for index in range(load.num_warm_up):
            clip = load.clips[index % len(load.clips)]
            await conversation.ask_audio(clip, timeout_s=2 * load.turn_timeout_s)


async def _session(client: VoxcartClient, load: TurnLoad, index: int, results: _Results) -> None:
    await asyncio.sleep(index * STAGGER_S)
    num_done = 0
    try:
        async with client.converse(_config(load, str(index))) as conversation:
            for number in range(load.num_turns):
                clip = load.clips[(index + number) % len(load.clips)]
                turn = await conversation.ask_audio(clip, timeout_s=load.turn_timeout_s)
                num_done += 1
                if turn.error is not None:
                    results.failures.append(f"{turn.error.code}: {turn.error.message}")
                elif not turn.transcript or not turn.audio:
                    results.failures.append("nothing heard" if not turn.transcript else "nothing spoken")
                else:
                    results.turns.append(turn)
                await asyncio.sleep(PAUSE_S)
    except VoxcartClientError as error:
        results.failures += [f"{type(error).__name__}: {error}"] * (load.num_turns - num_done)


def _config(load: TurnLoad, name: str) -> ConversationConfig:
    return ConversationConfig(role=load.role, user_id=f"bench-{name}")


def _summary(load: TurnLoad, results: _Results) -> dict[str, Any]:
    timings = [turn.timing for turn in results.turns]
    stages: dict[str, list[float]] = {}
    for timing in timings:
        for item in timing.server:
            stages.setdefault(item.stage, []).append(item.queue_ms + item.compute_ms)
    return {
        "sessions": load.num_sessions,
        "turns": load.num_sessions * load.num_turns,
        "warm_up_turns": load.num_warm_up,
        "failed": len(results.failures),
        "failures": sorted(set(results.failures)),
        "speech_end_to_final_ms": spread([timing.speech_end_to_final_ms for timing in timings]),
        "speech_end_to_reply_ms": spread([timing.speech_end_to_reply_ms for timing in timings]),
        "speech_end_to_first_audio_ms": spread([timing.speech_end_to_first_audio_ms for timing in timings]),
        "stages_ms": {stage: spread(values) for stage, values in sorted(stages.items())},
    }


def spread(values: Sequence[float | None]) -> dict[str, float | int | None]:
    """Percentiles and count of the values that are known."""
    known = [value for value in values if value is not None]
    if not known:
        return {**{f"p{percent}": None for percent in PERCENTILES}, "count": 0}
    percentiles = {f"p{percent}": round(float(np.percentile(known, percent)), 1) for percent in PERCENTILES}
    return {**percentiles, "count": len(known)}


def as_table(report: dict[str, Any]) -> str:
    """The report for people to read."""
    machine = report["machine"]
    rows = [
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, commit {machine['commit']}",
        f"{report['sessions']} session(s), {report['turns']} turns, {report['failed']} failed, "
        f"after {report['warm_up_turns']} turns of warm-up",
        f"{'milliseconds':<34}{'p50':>9}{'p95':>9}{'p99':>9}{'count':>7}",
    ]
    measured = {name: report[name] for name in report if name.startswith("speech_end_to")} | report["stages_ms"]
    for name, values in measured.items():
        cells = "".join(f"{values[f'p{percent}'] if values['count'] else '-':>9}" for percent in PERCENTILES)
        rows.append(f"{name:<34}{cells}{values['count']:>7}")
    for name in ("idle", "under_load"):
        if name in report:
            cost = report[name]
            rows.append(
                f"{name.replace('_', ' ')}: {cost['cpu_percent_of_one_core']} % of one core, "
                f"{cost['rss_gb']} GB resident in {cost['processes']} processes"
            )
    rows += [f"failure: {failure}" for failure in report["failures"]]
    return "\n".join(rows)
