"""``voxcart eval nlu``."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from voxcart.errors import InvalidInput, VoxcartError


def evaluate_nlu(
    data: Annotated[Path, typer.Option(help="JSONL: text, lang, role, intent, slots.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")] = False,
    catalogue: Annotated[Path | None, typer.Option(help="Catalogue (JSONL). Default: the demo shop's.")] = None,
    clock: Annotated[str | None, typer.Option(help="ISO time for lines without a clock. Default: now.")] = None,
    errors: Annotated[int, typer.Option(help="Wrong lines to print in the table form.", min=0)] = 30,
) -> None:
    """Intent accuracy, slot F1 and value accuracy of the understanding engine, by role, language and tag."""
    from rich.console import Console
    from rich.progress import Progress

    from voxcart.evaluation import nlu
    from voxcart.telemetry.logs import configure_logging

    configure_logging("eval", "WARNING")
    try:
        moment = _moment(clock)
        lines = nlu.read_lines(data)
        understand = _local_engine(catalogue, moment)
        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("understanding", total=len(lines))
            result = nlu.evaluate(lines, understand, lambda: bar.advance(task))
    except VoxcartError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2 if isinstance(error, InvalidInput) else 1) from error
    if as_json:
        print(json.dumps(result, ensure_ascii=False))
    else:
        _print_table(result, errors)


def _moment(clock: str | None) -> datetime | None:
    if clock is None:
        return None
    try:
        moment = datetime.fromisoformat(clock)
    except ValueError as error:
        raise InvalidInput(f"--clock must be an ISO time, not {clock!r}") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _local_engine(catalogue: Path | None, clock: datetime | None):
    from voxcart_services import shop
    from voxcart_services.nlu.config import NluSettings
    from voxcart_services.nlu.gazetteer import Gazetteer
    from voxcart_services.nlu.lexicon import load_lexicon
    from voxcart_services.nlu.loading import load_engine, read_catalogue

    path = catalogue or Path(shop.__file__).parent / "data" / "catalogue.jsonl"
    try:
        products = read_catalogue(path)
    except (OSError, ValueError, KeyError) as error:
        raise InvalidInput(f"cannot read the catalogue {path}: {error}") from error
    engine = load_engine(NluSettings())
    gazetteer = Gazetteer(load_lexicon(), products)

    def understand(line: Any) -> tuple[str, float, list[Any]]:
        found = engine.understand(line.text, line.role, gazetteer, line.clock or clock)
        return found.intent, found.confidence, found.slots

    return understand


def _print_table(result: dict[str, Any], errors: int) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table("group", "lines", "intent", "slots strict", "slots relaxed", "values")
    rows = [("all", result["overall"])]
    for key in ("by_role", "by_language", "by_tag"):
        rows += result[key].items()
    for name, rates in rows:
        cells = (rates[k] for k in ("intent_accuracy", "slot_f1_strict", "slot_f1_relaxed", "value_accuracy"))
        table.add_row(name, str(rates["lines"]), *("-" if cell is None else f"{cell:.1%}" for cell in cells))
    console.print(table)
    console.print(f"out of scope: {result['out_of_scope']}; latency ms: {result['latency_ms']}")
    for error in result["errors"][:errors]:
        console.print(json.dumps(error, ensure_ascii=False), markup=False, highlight=False)
