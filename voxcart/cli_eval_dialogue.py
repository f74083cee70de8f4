"""``voxcart eval dialogue``."""

import asyncio
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voxcart.errors import InvalidInput, VoxcartError
from voxcart.run_file import read_run_file
from voxcart.settings import SERVICE_PORTS

if TYPE_CHECKING:
    from voxcart.evaluation.dialogue import Addresses, Scenario, ScenarioResult


def evaluate_dialogue(
    data: Annotated[Path, typer.Option(help="JSONL: role, lang, turns of user and expect.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")] = False,
    state_dir: Annotated[Path | None, typer.Option(help="State directory of the running `voxcart up`.")] = None,
    nlu: Annotated[str | None, typer.Option(help="host:port, if not that of `voxcart up`.")] = None,
    dialogue: Annotated[str | None, typer.Option(help="host:port, if not that of `voxcart up`.")] = None,
    shop: Annotated[str | None, typer.Option(help="host:port, if not that of `voxcart up`.")] = None,
    clock: Annotated[str | None, typer.Option(help="ISO time of shop and sessions. Default: now.")] = None,
) -> None:
    """Task success of written dialogues, each in a fresh copy of the demo shop.

    Runs against the system that is named or running in the default state directory; if there is none, against one that
    it starts and stops itself.
    """
    from voxcart.evaluation.dialogue import read_scenarios
    from voxcart.telemetry.logs import configure_logging

    configure_logging("eval", "WARNING")
    try:
        addresses = _addresses(state_dir, nlu, dialogue, shop)
        scenarios = read_scenarios(data)
        result = asyncio.run(_evaluate(scenarios, addresses, _moment(clock), _report(as_json)))
    except VoxcartError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2 if isinstance(error, InvalidInput) else 1) from error
    if as_json:
        print(json.dumps(result, ensure_ascii=False))
    else:
        _print_summary(result)


async def _evaluate(
    scenarios: "list[Scenario]", addresses: "Addresses | None", now: datetime | None, report: Any
) -> dict[str, Any]:
    from voxcart.evaluation.dialogue import Addresses, evaluate
    from voxcart.local_system import private_system

    if addresses is not None:
        return await evaluate(scenarios, addresses, now, report)
    async with private_system(lambda line: print(line, file=sys.stderr, flush=True)) as system:
        own = (system.services[name].address for name in ("nlu", "dialogue", "shop"))
        return await evaluate(scenarios, Addresses(*own), now, report)


def _addresses(state_dir: Path | None, nlu: str | None, dialogue: str | None, shop: str | None) -> "Addresses | None":
    """Each as given, else from the environment, else from the run file, else the default port; None if none is named.

    Raises:
        InvalidInput: The state directory is given and no system runs there.
    """
    from voxcart.evaluation.dialogue import Addresses

    running = read_run_file(state_dir).get("services", {})
    if state_dir is not None and not running:
        raise InvalidInput(f"no system runs in {state_dir}; start one with `voxcart up --state-dir {state_dir}`")
    named = {
        name: given or os.environ.get(f"VOXCART_{name.upper()}_ADDRESS") or running.get(name)
        for name, given in (("nlu", nlu), ("dialogue", dialogue), ("shop", shop))
    }
    if not any(named.values()):
        return None
    return Addresses(*(address or f"127.0.0.1:{SERVICE_PORTS[name]}" for name, address in named.items()))


def _moment(clock: str | None) -> datetime | None:
    if clock is None:
        return None
    try:
        moment = datetime.fromisoformat(clock)
    except ValueError as error:
        raise InvalidInput(f"--clock must be an ISO time, not {clock!r}") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _report(quiet: bool) -> Any:
    """Prints one line a dialogue to standard error, so that a long run shows its progress."""

    def report(result: "ScenarioResult") -> None:
        if quiet:
            return
        print(f"{'ok  ' if result.succeeded else 'FAIL'} {result.scenario.id}", file=sys.stderr, flush=True)
        for turn in result.turns:
            if not result.succeeded:
                print(f"      > {turn.user}\n      < {turn.text}", file=sys.stderr)
            for problem in turn.problems:
                print(f"        ! {problem}  [{turn.understanding.intent}]", file=sys.stderr, flush=True)

    return report


def _print_summary(result: dict[str, Any]) -> None:
    print(f"task success {result['task_success']:.1%} ({result['succeeded']} of {result['dialogues']} dialogues)")
    print(f"turns without a problem {result['turn_success']:.1%} of {result['turns']}")
    for key in ("by_role", "by_language"):
        for name, group in result[key].items():
            print(f"  {name}: {group['task_success']:.1%} of {group['dialogues']}")
    print(f"time a turn, ms: {result['latency_ms']}")
