"""``voxcart bench``: load generators against a running system."""

import asyncio
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from voxcart.errors import InvalidInput, VoxcartError
from voxcart.run_file import GATEWAY_VARIABLE, find_gateway, read_run_file

if TYPE_CHECKING:
    from voxcart.benchmarking.asr import AsrLoad
    from voxcart.benchmarking.tts import TtsLoad
    from voxcart.benchmarking.turn import TurnLoad
    from voxcart.evaluation.manifest import Recording

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def bench() -> None:
    """Measure speed. Every number comes with count, percentiles and the machine."""


@app.command()
def turn(
    sessions: Annotated[int, typer.Option("--sessions", min=1, help="Sessions at a time.")] = 1,
    turns: Annotated[int, typer.Option("--turns", min=1, help="Measured turns of each session.")] = 10,
    warm_up: Annotated[int, typer.Option("--warm-up", min=0, help="Turns before, not measured.")] = 2,
    wav: Annotated[
        list[Path] | None, typer.Option("--wav", help="Recordings to say; the demo's shopper by default.")
    ] = None,
    role: Annotated[Literal["shopper", "merchant"], typer.Option("--role", help="Who is talking.")] = "shopper",
    idle: Annotated[bool, typer.Option("--idle", help="Measure the idle system for 60 s before.")] = False,
    address: Annotated[str | None, typer.Option("--address", help="host:port of the gateway.")] = None,
    state_dir: Annotated[
        Path | None, typer.Option("--state-dir", help="State directory of the `voxcart up` to measure.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """From the end of speech to transcript, reply and first audio, with recordings at real-time pace.

    Measures the gateway that is named or running in the default state directory; if there is none, a system that it
    starts and stops itself. Exit status 1 if a turn failed.
    """
    from voxcart.benchmarking.turn import TurnLoad, as_table
    from voxcart_client import VoxcartClientError, read_clip

    try:
        files = wav or demo_recordings(role)
        clips = [read_clip(path) for path in files]
        running = read_run_file(state_dir)
        is_named = address or state_dir or running or os.environ.get(GATEWAY_VARIABLE)
        gateway = find_gateway(address, state_dir) if is_named else ""
    except (InvalidInput, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from error
    local = running if running.get("gateway") == gateway else None
    if idle and gateway and local is None:
        print("--idle needs the state directory of a system that runs on this machine", file=sys.stderr)
        raise typer.Exit(2)
    load = TurnLoad(gateway, clips, sessions, turns, warm_up, role, idle_s=60.0 if idle else 0.0)
    try:
        report = asyncio.run(_measure_turns(load, local))
    except (VoxcartClientError, VoxcartError) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from error
    report["recordings"] = [path.name for path in files]
    print(json.dumps(report, ensure_ascii=False) if as_json else as_table(report))
    if report["failed"]:
        raise typer.Exit(1)


@app.command()
def asr(
    sessions: Annotated[int, typer.Option("--sessions", min=1, max=10_000, help="Streams at a time.")] = 4,
    silent: Annotated[bool, typer.Option("--silent", help="Nobody speaks: what open streams cost.")] = False,
    seconds: Annotated[float, typer.Option("--seconds", min=5, max=3_600, help="How long each stream is open.")] = 60,
    wav: Annotated[
        list[Path] | None, typer.Option("--wav", help="Recordings to say; the demo's shopper by default.")
    ] = None,
    manifest: Annotated[Path | None, typer.Option("--manifest", help="Or those of a manifest with speech.")] = None,
    chunk_ms: Annotated[int, typer.Option("--chunk-ms", min=10, max=1_000, help="Audio in one message.")] = 100,
    language: Annotated[str, typer.Option("--language", help="zh, en, or empty to detect it.")] = "",
    address: Annotated[
        str | None, typer.Option("--address", help="host:port of a running asr service; by default one of its own.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Live speakers at real-time pace over gRPC: end of speech to final, interims, and what the service costs.

    Its own service is a process with the settings of the environment and an embedded broker. A service at an address
    is measured as a process too if the `voxcart up` of the default state directory runs it. Exit status 1 if a stream
    failed.
    """
    from voxcart.benchmarking.asr import AsrLoad, as_table, read_clips

    try:
        clips = [] if silent else read_clips(_spoken(wav, manifest))
        load = AsrLoad(address or "", clips, sessions, seconds, chunk_ms, language)
        report = asyncio.run(_measure_asr(load))
    except VoxcartError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2 if isinstance(error, InvalidInput) else 1) from error
    report["recordings"] = [clip.name for clip in clips]
    print(json.dumps(report, ensure_ascii=False) if as_json else as_table(report))
    if report["failed_sessions"]:
        raise typer.Exit(1)


@app.command()
def tts(
    sessions: Annotated[int, typer.Option("--sessions", min=1, max=1_000, help="Listeners at a time.")] = 1,
    replies: Annotated[int, typer.Option("--replies", min=1, help="Of each session.")] = 10,
    texts: Annotated[
        Path | None, typer.Option("--texts", help="One text a line[, TAB, zh, en or mixed]; own replies by default.")
    ] = None,
    cached: Annotated[
        bool, typer.Option("--cached", help="Keep the phrase cache, and say everything twice: the second time from it.")
    ] = False,
    address: Annotated[
        str | None, typer.Option("--address", help="host:port of a running tts service; by default one of its own.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Replies played at real-time pace over gRPC: time to first audio, gaps in the middle, RTF, and what it costs.

    Its own service is a process with the settings of the environment, without phrase cache unless told. Exit status 1
    if a reply failed.
    """
    from voxcart.benchmarking.tts import TtsLoad, as_table
    from voxcart.evaluation.tts import OWN_TEXTS, read_texts

    try:
        load = TtsLoad(address or "", read_texts(texts or OWN_TEXTS), sessions, replies, 2 if cached else 1)
        report = asyncio.run(_measure_tts(load, cached))
    except VoxcartError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2 if isinstance(error, InvalidInput) else 1) from error
    print(json.dumps(report, ensure_ascii=False) if as_json else as_table(report))
    if any(one["failed"] for one in report["rounds"]):
        raise typer.Exit(1)


async def _measure_tts(load: "TtsLoad", is_cached: bool) -> dict[str, Any]:
    """Measures the load's service, or one of its own if the load names none."""
    from voxcart.benchmarking.service_process import own_service
    from voxcart.benchmarking.tts import measure_tts
    from voxcart.evaluation.tts import NOTHING_KEPT

    if not load.address:
        settings = {"VOXCART_TTS_PREFETCH": "false"} if is_cached else NOTHING_KEPT
        async with own_service("tts", settings, _say) as (address, pid):
            return await measure_tts(replace(load, address=address), pid, _say)
    running = read_run_file()
    is_local = running.get("services", {}).get("tts") == load.address
    return await measure_tts(load, running["pids"]["tts"] if is_local else None, _say)


def _spoken(wav: list[Path] | None, manifest: Path | None) -> "list[Recording]":
    from voxcart.evaluation.manifest import Recording, read_manifest

    if manifest is None:
        return [Recording(path, "", "zh") for path in wav or demo_recordings("shopper")]
    recordings = [recording for recording in read_manifest(manifest) if recording.is_speech]
    if not recordings:
        raise InvalidInput(f"{manifest} names no recording with speech")
    return recordings


async def _measure_asr(load: "AsrLoad") -> dict[str, Any]:
    """Measures the load's service, or one of its own if the load names none."""
    from voxcart.benchmarking.asr import measure_asr
    from voxcart.benchmarking.service_process import own_service
    from voxcart.evaluation.recognizers import describe_settings

    if not load.address:
        streams = {"VOXCART_ASR_MAX_STREAMS": str(load.num_sessions + 2)}
        async with own_service("asr", streams, _say) as (address, pid):
            report = await measure_asr(replace(load, address=address), pid, _say)
        return report | {"settings": describe_settings()}
    running = read_run_file()
    is_local = running.get("services", {}).get("asr") == load.address
    return await measure_asr(load, running["pids"]["asr"] if is_local else None, _say)


async def _measure_turns(load: "TurnLoad", running: dict[str, Any] | None) -> dict[str, Any]:
    """Measures the load's gateway, or a system of its own if the load names none."""
    from voxcart.benchmarking.turn import measure_turns
    from voxcart.local_system import private_system

    if load.gateway:
        return await measure_turns(load, running, _say)
    async with private_system(_say) as system:
        return await measure_turns(replace(load, gateway=system.gateway), system.describe(), _say)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def demo_recordings(role: str) -> list[Path]:
    """The demo's recordings of one role.

    Raises:
        InvalidInput: They are not installed.
    """
    folder = Path(__file__).parent / "data" / "demo"
    try:
        scripts = json.loads((folder / "conversations.json").read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInput(f"the demo's recordings are not in {folder}; give --wav") from error
    paths = [folder / line["wav"] for script in scripts if script["role"] == role for line in script["turns"]]
    if not paths:
        raise InvalidInput(f"the demo has no recordings of a {role}; give --wav")
    return paths
