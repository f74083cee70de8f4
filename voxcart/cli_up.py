"""``voxcart up``: everything on one machine until Ctrl-C."""

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voxcart.errors import InvalidInput, VoxcartError
from voxcart.settings import SERVICE_PORTS

if TYPE_CHECKING:
    from voxcart.supervisor import Plan

app = typer.Typer(add_completion=False)


@app.command()
def up(
    broker: Annotated[str, typer.Option(help="embedded, apache (started by Java 17), or HOST:PORT.")] = "embedded",
    state_dir: Annotated[Path | None, typer.Option(help="Where data, logs and run.json go.")] = None,
    port: Annotated[
        int | None, typer.Option(help=f"The gateway's port, {SERVICE_PORTS['gateway']} by default.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object when ready.")] = False,
) -> None:
    """Start PostgreSQL, Valkey, a broker and all services; restart what dies; Ctrl-C drains and stops all."""
    from voxcart.local_system import UpOptions, make_plan, pull_missing_models
    from voxcart.telemetry.logs import configure_logging

    configure_logging("up", "WARNING")
    try:
        plan = make_plan(UpOptions(state_dir, broker, port))
        pull_missing_models()
        asyncio.run(_run(plan, as_json))
    except InvalidInput as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from error
    except VoxcartError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from error


async def _run(plan: "Plan", as_json: bool) -> None:
    """Keeps the plan alive until SIGINT or SIGTERM, which also end it while it starts.

    Raises:
        VoxcartError: Something could not be started or kept alive.
    """
    stop = asyncio.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    living = asyncio.create_task(_live(plan, as_json), name="up")
    stopped = asyncio.create_task(stop.wait(), name="stop")
    await asyncio.wait({living, stopped}, return_when=asyncio.FIRST_COMPLETED)
    if stop.is_set():
        _say("stopping")
        living.cancel()
    stopped.cancel()
    try:
        await living
    except asyncio.CancelledError:
        _say("stopped")


async def _live(plan: "Plan", as_json: bool) -> None:
    from voxcart.supervisor import Supervisor

    async with Supervisor(plan, _say) as system:
        if as_json:
            print(json.dumps({"ready": True, **system.describe()}), flush=True)
        else:
            print(f"ready: the gateway is at {system.gateway}; Ctrl-C stops everything", flush=True)
        await system.wait_failed()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
