"""``voxcart catalogue``: what concerns a shop's products."""

import asyncio
import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voxcart.errors import InvalidInput, NotFound, VoxcartError
from voxcart.tenants import DEFAULT_TENANT

if TYPE_CHECKING:
    from voxcart_services.shop.catalogue_import import ImportOptions, Progress, Report

app = typer.Typer(add_completion=False, no_args_is_help=True)

DATABASE_VARIABLE = "VOXCART_DATABASE_URL"
_SAY_SECONDS = 2.0


@app.callback()
def catalogue() -> None:
    """The products of a shop."""


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="CSV with a header, TSV, or JSONL; see docs/catalogue-import.md.")],
    tenant: Annotated[str, typer.Option(help="The shop.")] = DEFAULT_TENANT,
    encoding: Annotated[str, typer.Option(help="utf-8, gb18030, gbk or big5.")] = "utf-8",
    rejects: Annotated[Path | None, typer.Option(help="Where bad records go. Default: FILE.rejects.jsonl.")] = None,
    database_url: Annotated[
        str | None, typer.Option(help=f"PostgreSQL. Default: ${DATABASE_VARIABLE}, else what `voxcart up` runs.")
    ] = None,
    state_dir: Annotated[Path | None, typer.Option(help="State directory of a running `voxcart up`.")] = None,
    restart: Annotated[bool, typer.Option("--restart", help="Begin anew instead of where it was cut off.")] = False,
    create: Annotated[bool, typer.Option("--create", help="Make the shop if there is none.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")] = False,
) -> None:
    """Add and update products by SKU from a file; the same file again changes nothing.

    Good records are imported, bad ones listed with line and reason. Exit status 1 if there were any, or if it was
    cut off: run it again to go on. 2: the file or the options cannot be used.
    """
    from voxcart.telemetry.logs import configure_logging
    from voxcart_services.shop.catalogue_import import ImportOptions

    configure_logging("catalogue", "WARNING")
    where = rejects or file.with_name(file.name + ".rejects.jsonl")
    options = ImportOptions(where, encoding, restart, create)
    try:
        report, pending = asyncio.run(_import(file, tenant, options, _database_url(database_url, state_dir)))
    except (InvalidInput, NotFound) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from error
    except VoxcartError as error:
        print(f"{error}; run it again to go on", file=sys.stderr)
        raise typer.Exit(1) from error
    _tell(report, pending, where, as_json=as_json)
    if report.progress.rejected:
        raise typer.Exit(1)


def _database_url(given: str | None, state_dir: Path | None) -> str:
    from voxcart.run_file import read_run_file

    environment = read_run_file(state_dir).get("environment", {})
    named = os.environ.get(DATABASE_VARIABLE) if state_dir is None else None
    url = given or named or environment.get(DATABASE_VARIABLE)
    if not url:
        raise InvalidInput(f"no database: start `voxcart up`, set {DATABASE_VARIABLE} or give --database-url")
    return url


async def _import(file: Path, tenant: str, options: "ImportOptions", url: str) -> tuple["Report", int]:
    from sqlalchemy import text
    from sqlalchemy.exc import ArgumentError

    from voxcart_services.shop.catalogue_import import import_catalogue
    from voxcart_services.shop.database import Database
    from voxcart_services.shop.tenants import checked_tenant

    try:
        database = Database.open(url, pool_size=1, statement_seconds=60.0)
    except ArgumentError as error:
        raise InvalidInput("the database URL is none; expected postgresql+psycopg://...") from error
    try:
        await database.wait_until_ready(5.0)
        await database.migrate()
        checked = checked_tenant(tenant)
        report = await import_catalogue(database, checked, file, options, _Teller())
        async with database.transaction(checked) as conn:
            waiting = text("SELECT count(*) FROM search_pending WHERE tenant = :tenant")
            return report, (await conn.execute(waiting, {"tenant": checked})).scalar_one()
    finally:
        await database.aclose()


class _Teller:
    """Says now and then on standard error how far it is."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._said = self._started
        self._first_offset: int | None = None

    def __call__(self, progress: "Progress", size: int) -> None:
        now = time.monotonic()
        if self._first_offset is None:
            self._first_offset = progress.offset
        if now - self._said < _SAY_SECONDS and not progress.done:
            return
        self._said = now
        done = progress.imported + progress.updated + progress.unchanged
        rest = ""
        read = progress.offset - self._first_offset
        if read > 0 and not progress.done:
            rest = f", {(now - self._started) * (size - progress.offset) / read:.0f} s left"
        share = progress.offset / max(1, size)
        print(f"{share:.0%}: {done} products, {progress.rejected} rejected{rest}", file=sys.stderr)


def _tell(report: "Report", pending: int, rejects: Path, *, as_json: bool) -> None:
    progress = report.progress
    for reject in report.rejects:
        print(f"line {reject.line}: {reject.reason}", file=sys.stderr)
    if progress.rejected:
        print(f"{progress.rejected} records were not imported; they are in {rejects}", file=sys.stderr)
    if as_json:
        counts = ("imported", "updated", "unchanged", "rejected")
        result: dict[str, Any] = {name: getattr(progress, name) for name in counts}
        result |= {"rejects": [asdict(reject) for reject in report.rejects], "waiting_for_embedding": pending}
        result |= {"reject_file": str(rejects) if progress.rejected else None}
        result |= {"resumed_at_line": report.resumed_at_line}
        print(json.dumps(result, ensure_ascii=False))
        return
    print(f"{progress.imported} new, {progress.updated} updated, {progress.unchanged} as they were")
    if pending:
        print(f"{pending} products are found by words and wait for their embedding, which the shop service makes")
