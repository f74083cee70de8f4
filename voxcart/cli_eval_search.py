"""``voxcart eval search``."""

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from voxcart.errors import InvalidInput, VoxcartError
from voxcart.tenants import DEFAULT_TENANT

if TYPE_CHECKING:
    from voxcart.evaluation.search import JudgedQuery

_PARTS = ("hybrid", "words", "meaning")


def evaluate_search(
    data: Annotated[Path, typer.Option(help="TSV with a header: query, relevant (SKUs), perhaps tags.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")] = False,
    catalogue: Annotated[Path | None, typer.Option(help="Catalogue (CSV or JSONL). Default: the demo shop's.")] = None,
    part: Annotated[
        Literal["hybrid", "words", "meaning", "each"],
        typer.Option(help="Search as it is, one part of it alone, or each of these beside the others."),
    ] = "hybrid",
    misses: Annotated[int, typer.Option(help="Missed queries to print in the table form.", min=0)] = 30,
) -> None:
    """Recall@10, MRR@10 and latency of product search on a shop with the catalogue, started for this."""
    from voxcart.evaluation import search
    from voxcart.telemetry.logs import configure_logging

    configure_logging("eval", "WARNING")
    try:
        queries = search.read_queries(data)
        wanted = _PARTS if part == "each" else (part,)
        result = asyncio.run(_measure(queries, catalogue, wanted))
    except VoxcartError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2 if isinstance(error, InvalidInput) else 1) from error
    if as_json:
        first, *alone = wanted
        shown = result[first] | ({"alone": {name: result[name] for name in alone}} if alone else {})
        print(json.dumps(shown, ensure_ascii=False))
    else:
        _print_table(result, misses)


async def _measure(queries: "list[JudgedQuery]", catalogue: Path | None, parts: tuple[str, ...]) -> dict[str, Any]:
    """Reports by part, on a PostgreSQL of its own."""
    from voxcart.embedded import EmbeddedPostgres
    from voxcart.models import ModelStore
    from voxcart.paths import models_dir
    from voxcart.serving.sessions import SessionOptions
    from voxcart.text_encoder import TextEncoder
    from voxcart_services.shop.database import Database
    from voxcart_services.shop.embedding import Embedder

    encoder = TextEncoder.from_store(ModelStore(models_dir()), SessionOptions(threads=1))
    embedder = Embedder(encoder)
    with tempfile.TemporaryDirectory(prefix="voxcart-eval-") as directory:
        postgres = EmbeddedPostgres(Path(directory))
        await postgres.start()
        database = Database.open(postgres.url, statement_seconds=60.0)
        try:
            await database.wait_until_ready(20)
            tenant = await _fill(database, embedder, catalogue, Path(directory))
            return {part: await _run(database, embedder, tenant, queries, part) for part in parts}
        finally:
            await database.aclose()
            await embedder.aclose()
            await postgres.stop()


async def _fill(database: Any, embedder: Any, catalogue: Path | None, directory: Path) -> str:
    """A shop with the catalogue; its tenant."""
    from voxcart_services.shop.bootstrap import prepare
    from voxcart_services.shop.catalogue_import import ImportOptions, import_catalogue
    from voxcart_services.shop.search_index import SearchIndexer

    await prepare(database, embedder, seed=catalogue is None, demo=False)
    if catalogue is None:
        return DEFAULT_TENANT
    options = ImportOptions(directory / "rejects.jsonl", create=True, events=False)
    report = await import_catalogue(database, "eval", catalogue, options)
    for reject in report.rejects:
        print(f"{catalogue}: line {reject.line}: {reject.reason}", file=sys.stderr)
    indexer = SearchIndexer(database, embedder, 1.0, 256)
    done = 0
    while count := await indexer.embed_batch():
        done += count
        if done % 400 < count:
            print(f"{done} products embedded", file=sys.stderr)
    await indexer.build_indexes()
    return "eval"


async def _run(database: Any, embedder: Any, tenant: str, queries: "list[JudgedQuery]", part: str) -> dict[str, Any]:
    from rich.console import Console
    from rich.progress import Progress

    from voxcart.evaluation import search
    from voxcart_services.shop.lexicon_store import LexiconStore
    from voxcart_services.shop.models import SearchMode, SearchQuery
    from voxcart_services.shop.search import ProductSearch

    finder = ProductSearch(LexiconStore(), embedder)

    async def find(words: str) -> list[str]:
        async with database.transaction(tenant) as conn:
            page = await finder.search(conn, tenant, SearchQuery(words, mode=SearchMode(part)))
        return [hit.product.sku for hit in page.items]

    await find("warm up")
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(part, total=len(queries))
        return search.report(await search.run(queries, find, lambda: bar.advance(task)))


def _print_table(result: dict[str, Any], misses: int) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for part, report in result.items():
        table = Table("group", "queries", "recall@10", "MRR@10", title=part)
        for name, rates in (("all", report), *report["by_tag"].items()):
            table.add_row(name, str(rates["queries"]), f"{rates['recall_at_10']:.1%}", f"{rates['mrr_at_10']:.3f}")
        console.print(table)
        console.print(f"latency ms: {report['latency_ms']}")
    for miss in next(iter(result.values()))["misses"][:misses]:
        console.print(json.dumps(miss, ensure_ascii=False), markup=False, highlight=False)
