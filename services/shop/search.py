"""Product search: what the words name first, then what their text and meaning come near to.

1. The query is read with the lexicon. If it names goods or a brand, exactly those are candidates, and the text that is
   left over ranks them (富士 in 富士苹果, 无糖 in 无糖可乐).
2. Otherwise products are candidates that share index terms with the query, or whose embedding is near. Both lists are
   cut where they stop being relevant, so that a query for something the shop does not sell finds nothing.

Filters and sorts are SQL. Colours named in the query are a filter if any candidate meets them.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pgvector.sqlalchemy import Vector
from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart_services.shop.embedding import Embedder
from voxcart_services.shop.lexicon import Lexicon, Reading
from voxcart_services.shop.lexicon_store import LexiconStore
from voxcart_services.shop.metrics import SEARCH_SECONDS
from voxcart_services.shop.models import Hit, Page, SearchFilters, SearchQuery
from voxcart_services.shop.products import load_products
from voxcart_services.shop.schema import EMBEDDING_SIZE
from voxcart_services.shop.text import compact, index_terms, normalize

MAX_CANDIDATES = 2000
"""Products that are scored; what lies behind them is neither counted nor shown."""
NEAREST = 20

NEAR_COSINE = 0.893
"""Least cosine of a product whose words do not occur in a Chinese query. Measured on 28 queries for things the demo
catalogue has and 28 for things it has not (轮椅, 浴缸, 机票): nothing foreign reaches it."""
NEAR_COSINE_LATIN = 0.825
"""The same for a query without Chinese characters; across languages similarities are lower."""
NEAR_MARGIN = 0.015
"""A product further than this from the nearest one is not shown beside it."""
LEAST_PHRASE = 3
"""Characters of a phrase of several words that is looked for as it stands in names: 苹果醋 in 苹果醋饮料."""
LEAST_COVERAGE = 0.6
"""Share of the query's index terms that must occur in a product found by words alone."""

_PHRASE = "strpos(p.search_text, :phrase) > 0"
_COLUMNS = "p.sku, p.kind, p.search_text, p.search_terms, p.price_cents, p.rating, p.units_sold, p.created_at"


@dataclass(frozen=True, slots=True)
class _Candidate:
    sku: str
    search_text: str
    terms: frozenset[str]
    price_cents: int
    rating: float
    units_sold: int
    created_at: float
    similarity: float
    score: float = 0.0
    name_match: bool = False


_SORTS: dict[str, Callable[[_Candidate], tuple[Any, ...]]] = {
    "relevance": lambda c: (-round(c.score, 2), -c.units_sold, c.sku),
    "price_asc": lambda c: (c.price_cents, -c.score, c.sku),
    "price_desc": lambda c: (-c.price_cents, -c.score, c.sku),
    "sales_desc": lambda c: (-c.units_sold, -c.score, c.sku),
    "rating_desc": lambda c: (-c.rating, -c.units_sold, c.sku),
    "newest": lambda c: (-c.created_at, -c.score, c.sku),
}
SORTS = frozenset(_SORTS)


class ProductSearch:
    """Searches the catalogues. Without an embedder it finds by words only."""

    def __init__(self, lexicons: LexiconStore, embedder: Embedder | None) -> None:
        self._lexicons = lexicons
        self._embedder = embedder

    async def search(self, conn: AsyncConnection, tenant: str, query: SearchQuery) -> Page:
        """The hits of one page, best first."""
        started = time.monotonic()
        lexicon = await self._lexicons.get(conn, tenant)
        words = normalize(query.text)
        conditions, parameters = _filter_sql(query.filters, lexicon)
        if not compact(words):
            found = [replace(c, score=1.0) for c in await self._select(conn, tenant, conditions, parameters)]
            route = "filter"
        else:
            reading = lexicon.read(words)
            route = "lexicon" if reading.has_target else "near"
            find = self._named if reading.has_target else self._near
            found = await find(conn, tenant, words, reading, conditions, parameters)
        found.sort(key=_SORTS[query.sort_by])
        page = await _page(conn, tenant, found, query)
        SEARCH_SECONDS.labels(route).observe(time.monotonic() - started)
        return page

    async def _named(
        self,
        conn: AsyncConnection,
        tenant: str,
        words: str,
        reading: Reading,
        conditions: list[str],
        parameters: dict[str, Any],
    ) -> list[_Candidate]:
        goods, values = _goods_sql(reading)
        if len(reading.phrase) >= LEAST_PHRASE:
            whole = await self._select(conn, tenant, [*conditions, _PHRASE], parameters | {"phrase": reading.phrase})
            if whole:
                return [replace(c, score=0.9, name_match=True) for c in whole]
        branded = list(goods)
        if reading.brands:
            branded.append("p.brand_zh = ANY(:named_brands)")
            values["named_brands"] = sorted(reading.brands)
        found = await self._select_colored(conn, tenant, [*conditions, *branded], parameters | values, reading.colors)
        if found or not (goods and reading.brands):
            return _covering(found, reading, compact(words))
        text_only = replace(reading, brands=frozenset(), residual=(*reading.residual, *reading.brand_words))
        found = await self._select_colored(conn, tenant, [*conditions, *goods], parameters | values, reading.colors)
        return _covering([c for c in found if _coverage(c, text_only.residual) >= 0.5], text_only, compact(words))

    async def _near(
        self,
        conn: AsyncConnection,
        tenant: str,
        words: str,
        reading: Reading,
        conditions: list[str],
        parameters: dict[str, Any],
    ) -> list[_Candidate]:
        terms = index_terms(words)
        vector = await self._embedder.query(words) if self._embedder else None
        near = [*conditions, _near_sql(vector is not None)]
        found = await self._select_colored(
            conn, tenant, near, parameters | {"terms": terms}, reading.colors, vector=vector
        )
        return _relevant(found, terms, NEAR_COSINE_LATIN if words.isascii() else NEAR_COSINE)

    async def _select_colored(
        self,
        conn: AsyncConnection,
        tenant: str,
        conditions: list[str],
        parameters: dict[str, Any],
        colors: Sequence[str],
        vector: np.ndarray | None = None,
    ) -> list[_Candidate]:
        """Candidates in one of the colours, or in any if none comes in them."""
        if colors:
            colored = [*conditions, _variant_sql("v.color_code = ANY(:named_colors)")]
            values = parameters | {"named_colors": list(colors)}
            found = await self._select(conn, tenant, colored, values, vector)
            if found:
                return found
        return await self._select(conn, tenant, conditions, parameters, vector)

    async def _select(
        self,
        conn: AsyncConnection,
        tenant: str,
        conditions: list[str],
        parameters: dict[str, Any],
        vector: np.ndarray | None = None,
    ) -> list[_Candidate]:
        similarity = "1 - (p.embedding <=> :vector)" if vector is not None else "NULL"
        order = "similarity DESC NULLS LAST" if vector is not None else "p.units_sold DESC"
        where = " AND ".join(["p.tenant = :tenant", "NOT p.delisted", *conditions])
        statement = text(
            f"SELECT {_COLUMNS}, {similarity} AS similarity FROM products p WHERE {where} "
            f"ORDER BY {order}, p.sku LIMIT {MAX_CANDIDATES}"
        )
        values = parameters | {"tenant": tenant}
        if vector is not None:
            statement = statement.bindparams(bindparam("vector", type_=Vector(EMBEDDING_SIZE)))
            values["vector"] = vector
        return [_candidate(row) for row in await conn.execute(statement, values)]


async def _page(conn: AsyncConnection, tenant: str, found: list[_Candidate], query: SearchQuery) -> Page:
    end = query.offset + query.page_size
    shown = found[query.offset : end]
    products = await load_products(conn, tenant, (c.sku for c in shown))
    hits = tuple(Hit(products[c.sku], c.score, c.name_match) for c in shown if c.sku in products)
    return Page(hits, len(found), end if end < len(found) else None)


def _candidate(row: Any) -> _Candidate:
    return _Candidate(
        sku=row.sku,
        search_text=row.search_text,
        terms=frozenset(row.search_terms),
        price_cents=row.price_cents,
        rating=row.rating or 0.0,
        units_sold=row.units_sold,
        created_at=row.created_at.timestamp(),
        similarity=row.similarity or 0.0,
    )


def _covering(found: list[_Candidate], reading: Reading, words: str) -> list[_Candidate]:
    """Scores named candidates by how much of the left-over text they cover, and keeps the best covering ones.

    A brand alone leads with what it earns most by; a brand with a model that it has not finds nothing.
    """
    base = 0.95 if reading.is_exact else 0.85
    most = max((c.price_cents * c.units_sold for c in found), default=0)
    scored = []
    for candidate in found:
        covered = _coverage(candidate, reading.residual)
        is_name = candidate.sku in reading.skus
        names = candidate.search_text.split("|", 2)[:2]
        score = 1.0 if words in names else 0.98 * base + 0.02 if is_name else base
        if reading.is_brand_only and most:
            score -= 0.2 * (1 - candidate.price_cents * candidate.units_sold / most)
        score *= 0.55 + 0.45 * covered
        scored.append((replace(candidate, score=score, name_match=reading.is_exact and covered == 1.0), covered))
    best = max((covered for _, covered in scored), default=0.0)
    if best == 0.0 and reading.names_unknown_model:
        return []
    return [candidate for candidate, covered in scored if best < 0.5 or covered >= best * 0.75]


def _coverage(candidate: _Candidate, residual: Sequence[str]) -> float:
    """Share of the left-over text that occurs in a product, 1 if none is left over."""
    if not residual:
        return 1.0
    total = sum(len(piece) for piece in residual)
    return sum(len(piece) * _piece_coverage(candidate, piece) for piece in residual) / total


def _piece_coverage(candidate: _Candidate, piece: str) -> float:
    if piece in candidate.search_text:
        return 1.0
    terms = index_terms(piece)
    return 0.8 * sum(term in candidate.terms for term in terms) / len(terms) if terms else 0.0


def _relevant(found: list[_Candidate], terms: Sequence[str], near_cosine: float) -> list[_Candidate]:
    """Scores candidates that were found by words or meaning, and cuts those that are neither."""
    nearest = max((c.similarity for c in found), default=0.0)
    covered = [sum(term in c.terms for term in terms) / len(terms) if terms else 0.0 for c in found]
    is_named = max(covered, default=0.0) == 1.0
    kept = []
    for candidate, coverage in zip(found, covered, strict=True):
        is_near = not is_named and candidate.similarity >= max(near_cosine, nearest - NEAR_MARGIN)
        if coverage < LEAST_COVERAGE and not is_near:
            continue
        score = 0.55 * coverage + 0.3 * max(0.0, candidate.similarity - 0.7) / 0.3
        kept.append(replace(candidate, score=min(0.84, score)))
    return kept


def _near_sql(has_vector: bool) -> str:
    nearest = (
        "p.sku IN (SELECT n.sku FROM products n WHERE n.tenant = :tenant AND NOT n.delisted "
        f"ORDER BY n.embedding <=> :vector LIMIT {NEAREST})"
    )
    return (
        f"(p.search_terms && CAST(:terms AS text[]) OR {nearest})"
        if has_vector
        else ("p.search_terms && CAST(:terms AS text[])")
    )


def _goods_sql(reading: Reading) -> tuple[list[str], dict[str, Any]]:
    """One condition: any of the products, kinds or groups that are named."""
    groups = {
        "p.sku": reading.skus,
        "p.kind": reading.kinds,
        "p.category": reading.categories,
        "p.department": reading.departments,
    }
    parts, values = [], {}
    for number, (column, wanted) in enumerate(groups.items()):
        if wanted:
            parts.append(f"{column} = ANY(:goods_{number})")
            values[f"goods_{number}"] = sorted(wanted)
    return ([f"({' OR '.join(parts)})"] if parts else []), values


def _filter_sql(filters: SearchFilters, lexicon: Lexicon) -> tuple[list[str], dict[str, Any]]:
    """Conditions and parameters of the filters."""
    conditions: list[str] = []
    values: dict[str, Any] = {}
    if filters.price_min_cents is not None:
        conditions.append("p.price_cents >= :price_min")
        values["price_min"] = filters.price_min_cents
    if filters.price_max_cents is not None:
        conditions.append("p.price_cents <= :price_max")
        values["price_max"] = filters.price_max_cents
    if filters.brands:
        conditions.append("p.brand_zh = ANY(:brands)")
        values["brands"] = _brands(filters.brands, lexicon)
    if filters.excluded_brands:
        conditions.append("NOT p.brand_zh = ANY(:excluded_brands)")
        values["excluded_brands"] = _brands(filters.excluded_brands, lexicon)
    if filters.categories:
        _add_categories(filters.categories, lexicon, conditions, values)
    for number, word in enumerate(filters.attributes):
        conditions.append(f"strpos(p.search_text, :attribute_{number}) > 0")
        values[f"attribute_{number}"] = compact(word)
    _add_variants(filters, conditions, values)
    return conditions, values


def _brands(names: Sequence[str], lexicon: Lexicon) -> list[str]:
    return sorted({brand for name in names for brand in lexicon.brands(name) or {name}})


def _add_categories(names: Sequence[str], lexicon: Lexicon, conditions: list[str], values: dict[str, Any]) -> None:
    """Any of the named groups; a name that is none must occur in the product's text."""
    readings = [lexicon.goods(name) for name in names]
    wanted = Reading(
        kinds=frozenset().union(*(r.kinds for r in readings)),
        categories=frozenset().union(*(r.categories for r in readings)),
        departments=frozenset().union(*(r.departments for r in readings)),
    )
    parts, goods = _goods_sql(wanted)
    values.update({f"in_{name}": value for name, value in goods.items()})
    parts = [part.replace(":goods_", ":in_goods_") for part in parts]
    for number, reading in enumerate(readings):
        if not reading.has_target:
            parts.append(f"strpos(p.search_text, :category_{number}) > 0")
            values[f"category_{number}"] = reading.residual[0]
    conditions.append(f"({' OR '.join(parts)})")


def _add_variants(filters: SearchFilters, conditions: list[str], values: dict[str, Any]) -> None:
    """Colour, size and stock must be met by the same variant."""
    parts = []
    if filters.colors:
        parts.append("v.color_code = ANY(:colors)")
        values["colors"] = list(filters.colors)
    if filters.sizes:
        parts.append("lower(v.size) = ANY(:sizes)")
        values["sizes"] = [size.lower() for size in filters.sizes]
    if filters.in_stock_only:
        parts.append("s.available > 0")
    if filters.excluded_colors:
        parts.append("NOT v.color_code = ANY(:excluded_colors)")
        values["excluded_colors"] = list(filters.excluded_colors)
    if parts:
        conditions.append(_variant_sql(" AND ".join(parts)))


def _variant_sql(condition: str) -> str:
    return (
        "EXISTS (SELECT 1 FROM variants v JOIN stock s USING (tenant, sku, variant_id) "
        f"WHERE v.tenant = p.tenant AND v.sku = p.sku AND {condition})"
    )
