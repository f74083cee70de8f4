"""A search on its way: what is asked, what was found, and saying which words a transaction looks at."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart_services.shop.lexicon import Reading
from voxcart_services.shop.models import SearchQuery
from voxcart_services.shop.search_sql import Conditions
from voxcart_services.shop.term_stats import TermStats

_PREPARE = text(
    "SELECT set_config('voxcart.search', CAST(search_keys(:tenant, CAST(:any_of AS text[])) AS text), true), "
    "set_config('voxcart.search_all', CAST(search_keys(:tenant, CAST(:all_of AS text[])) AS text), true), "
    "set_config('hnsw.iterative_scan', 'relaxed_order', true), set_config('hnsw.ef_search', '80', true)"
)
HOLDS_WORDS = "p.sku IN (SELECT d.sku FROM search_documents d WHERE d.tenant = :tenant)"


@dataclass(frozen=True, slots=True)
class Found:
    """One page of what was found: (SKU, score, coverage, similarity), how many there are, and all SKUs if wanted.

    ``is_whole``: all of the text stands in what was found.
    """

    page: tuple[tuple[str, float, float, float | None], ...] = ()
    total: int = 0
    skus: tuple[str, ...] = ()
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """A query on its way: the shop, its text in normal form, how it reads, and the conditions of its filters."""

    conn: AsyncConnection
    tenant: str
    query: SearchQuery
    words: str
    reading: Reading
    conditions: Conditions
    stats: TermStats


async def look_up(asked: Asked, any_of: list[str], all_of: list[str] | None = None) -> None:
    """Says which words of documents this transaction looks at; the policy of ``search_documents`` holds it to them."""
    values = {"tenant": asked.tenant, "any_of": any_of, "all_of": all_of or []}
    await asked.conn.execute(_PREPARE, values)
