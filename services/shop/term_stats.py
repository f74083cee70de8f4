"""How common index terms are in a large shop, so that a search starts with the rare ones.

A product that holds ``k`` of ``n`` terms holds at least one of any ``n - k + 1`` of them: the rarest are looked up, and
what they find is checked (prefix filtering: S. Chaudhuri, V. Ganti, R. Kaushik, A Primitive Operator for Similarity
Joins in Data Cleaning, ICDE 2006).
"""

import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

LARGE = 20_000
"""Products from which on it matters."""
MAX_MATCHES = 20_000
"""Products that the terms looked up may have in all, as estimated."""
KEPT_SHOPS = 64
FRESH_SECONDS = 600.0
_SAMPLE = 4000
_LEAST_COUNT = 3

_SIZE = text(
    "SELECT CASE WHEN count(*) < :large THEN 0 ELSE (SELECT count(*) FROM products WHERE tenant = :tenant) END "
    "FROM (SELECT 1 FROM products WHERE tenant = :tenant LIMIT :large) AS sampled"
)
_COMMON = text(
    "SELECT term, count(*) AS products FROM (SELECT search_terms FROM products TABLESAMPLE SYSTEM (:percent) "
    "REPEATABLE (7) WHERE tenant = :tenant LIMIT :sample) AS sampled, unnest(search_terms) AS t(term) "
    "GROUP BY term HAVING count(*) >= :least"
)
_SAMPLED = text(
    "SELECT count(*) FROM (SELECT 1 FROM products TABLESAMPLE SYSTEM (:percent) REPEATABLE (7) "
    "WHERE tenant = :tenant LIMIT :sample) AS sampled"
)


@dataclass(frozen=True, slots=True)
class TermStats:
    """Share of a shop's products that hold a term; terms that are not in ``shares`` are rare.

    Attributes:
        products: How many there are, 0 for a small shop.
        shares: Share by term.
        read_at: Monotonic seconds.
    """

    products: int = 0
    shares: dict[str, float] = field(default_factory=dict)
    read_at: float = 0.0

    def matches(self, terms: Sequence[str]) -> float:
        """At most how many products hold any of the terms, as estimated."""
        return self.products * sum(self.shares.get(term, 0.0) for term in terms)

    def matches_all(self, terms: Sequence[str]) -> float:
        """How many products hold all of the terms, if they were independent."""
        found = float(self.products)
        for term in terms:
            found *= self.shares.get(term, 0.0)
        return found

    def rarest(self, terms: Sequence[str], needed: int) -> list[str]:
        """Terms of which every product that holds ``needed`` of all has at least one."""
        ranked = sorted(terms, key=lambda term: (self.shares.get(term, 0.0), -len(term), term))
        return ranked[: max(1, len(terms) - needed + 1)]


class TermStatsStore:
    """Statistics of the shops that were searched last, read anew every ten minutes."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, TermStats] = OrderedDict()

    async def get(self, conn: AsyncConnection, tenant: str) -> TermStats:
        """Those of a shop."""
        known = self._kept.get(tenant)
        if known is None or time.monotonic() - known.read_at > FRESH_SECONDS:
            known = await _read(conn, tenant)
            self._kept[tenant] = known
            if len(self._kept) > KEPT_SHOPS:
                self._kept.popitem(last=False)
        self._kept.move_to_end(tenant)
        return known


async def _read(conn: AsyncConnection, tenant: str) -> TermStats:
    products = (await conn.execute(_SIZE, {"tenant": tenant, "large": LARGE})).scalar_one()
    if not products:
        return TermStats(read_at=time.monotonic())
    values = {"tenant": tenant, "sample": _SAMPLE, "percent": min(100.0, 100.0 * 1.2 * _SAMPLE / products)}
    sampled = max(1, (await conn.execute(_SAMPLED, values)).scalar_one())
    rows = await conn.execute(_COMMON, values | {"least": _LEAST_COUNT})
    return TermStats(products, {row.term: row.products / sampled for row in rows}, time.monotonic())
