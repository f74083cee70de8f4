"""Product search against judged queries: recall@10, MRR@10 and latency, over all and by tag.

The data is a tab-separated file with a header line; other columns than these are ignored.

============ =====================================================================================
column       content
============ =====================================================================================
``query``    what is searched for
``relevant`` SKUs that answer it, separated by blanks or commas; at least one
``tags``     groups to score apart, separated by blanks or commas; may be missing
============ =====================================================================================

Recall is the share of the relevant products among the first ten hits (of at most ten, where more are relevant); MRR is
one by the rank of the first relevant hit, 0 if it comes after the tenth (Voorhees, TREC-8 QA track, 1999).
"""

import csv
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from voxcart.errors import InvalidInput

DEPTH = 10
_SEPARATOR = re.compile(r"[\s,]+")

Find = Callable[[str], Awaitable[Sequence[str]]]
"""A query to the SKUs that are found, best first."""


@dataclass(frozen=True, slots=True)
class JudgedQuery:
    """One line of the data."""

    text: str
    relevant: frozenset[str]
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found for a query, and how long it took."""

    query: JudgedQuery
    found: tuple[str, ...]
    seconds: float

    @property
    def recall(self) -> float:
        """Share of the relevant products among the first ten."""
        hits = sum(sku in self.query.relevant for sku in self.found[:DEPTH])
        return hits / min(DEPTH, len(self.query.relevant))

    @property
    def reciprocal_rank(self) -> float:
        """One by the rank of the first relevant product, 0 if it is not among the first ten."""
        ranks = (rank for rank, sku in enumerate(self.found[:DEPTH], 1) if sku in self.query.relevant)
        return 1.0 / next(ranks, float("inf"))


def read_queries(path: Path) -> list[JudgedQuery]:
    """Reads judged queries; empty lines are skipped.

    Raises:
        InvalidInput: The file cannot be read, lacks a column, or a line is incomplete; the sentence names the line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"cannot read {path}: {error}") from error
    lines = list(csv.reader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))
    header = [name.strip().lower() for name in lines[0]] if lines else []
    if "query" not in header or "relevant" not in header:
        raise InvalidInput(f"{path}: expected a header line with query and relevant, tab-separated")
    queries = []
    for number, cells in enumerate(lines[1:], 2):
        if any(cell.strip() for cell in cells):
            queries.append(_query(path, number, dict(zip(header, cells, strict=False))))
    if not queries:
        raise InvalidInput(f"{path}: no queries")
    return queries


def _query(path: Path, number: int, cells: dict[str, str]) -> JudgedQuery:
    text, relevant = cells.get("query", "").strip(), _words(cells.get("relevant", ""))
    if not text or not relevant:
        raise InvalidInput(f"{path}: line {number} needs a query and at least one relevant SKU")
    return JudgedQuery(text, frozenset(relevant), tuple(_words(cells.get("tags", ""))))


def _words(text: str) -> list[str]:
    return [word for word in _SEPARATOR.split(text.strip()) if word]


async def run(queries: Sequence[JudgedQuery], find: Find, done: Callable[[], None] = lambda: None) -> list[Outcome]:
    """Searches for each query, one after the other; ``done`` is called after each."""
    outcomes = []
    for query in queries:
        started = time.perf_counter()
        found = tuple(await find(query.text))
        outcomes.append(Outcome(query, found, time.perf_counter() - started))
        done()
    return outcomes


def report(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The figures over all, by tag, and the queries that missed something."""
    tags = sorted({tag for outcome in outcomes for tag in outcome.query.tags})
    by_tag = {tag: _rates([o for o in outcomes if tag in o.query.tags]) for tag in tags}
    misses = [
        {"query": o.query.text, "relevant": sorted(o.query.relevant), "found": list(o.found[:DEPTH])}
        for o in outcomes
        if o.recall < 1.0
    ]
    return {**_rates(outcomes), "latency_ms": latencies([o.seconds for o in outcomes]), "by_tag": by_tag,
            "misses": misses}  # fmt: skip


def _rates(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    return {
        "queries": len(outcomes),
        "recall_at_10": round(float(np.mean([o.recall for o in outcomes])), 4),
        "mrr_at_10": round(float(np.mean([o.reciprocal_rank for o in outcomes])), 4),
    }


def latencies(seconds: Sequence[float]) -> dict[str, float]:
    """p50, p95 and p99 in milliseconds."""
    return {f"p{share}": round(float(np.percentile(seconds, share)) * 1000, 2) for share in (50, 95, 99)}
