"""Product search: what the words name first, then what their text and meaning come near to.

1. The query is read with the lexicon. If it names goods or a brand, exactly those are candidates, and the text that is
   left over ranks them (富士 in 富士苹果, 无糖 in 无糖可乐).
2. Otherwise products are candidates that share index terms with the query, or whose embedding is near; the two are
   fused by a weighted sum. Both lists are cut where they stop being relevant, so that a query for something the shop
   does not sell finds nothing.

Filters, scores and orders are SQL. Colours named in the query are a filter if any candidate meets them.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart_services.shop import search_sql
from voxcart_services.shop.embedding import Embedder
from voxcart_services.shop.lexicon import Lexicon, Reading
from voxcart_services.shop.lexicon_store import LexiconStore
from voxcart_services.shop.metrics import SEARCH_SECONDS
from voxcart_services.shop.models import Hit, SearchExplanation, SearchMode, SearchPage, SearchQuery
from voxcart_services.shop.products import load_products
from voxcart_services.shop.schema import EMBEDDING_SIZE
from voxcart_services.shop.search_facets import count_facets
from voxcart_services.shop.search_sql import Conditions
from voxcart_services.shop.term_stats import MAX_MATCHES, TermStats, TermStatsStore
from voxcart_services.shop.text import compact, index_terms, normalize, with_digits

MAX_CANDIDATES = 1000
"""Products that are scored; what lies behind them is neither counted nor shown."""
MAX_BY_WORDS = 200
"""Products that share terms with a query that names nothing."""
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

_PREPARE = text(
    "SELECT set_config('voxcart.search', CAST(search_keys(:tenant, CAST(:any_of AS text[])) AS text), true), "
    "set_config('voxcart.search_all', CAST(search_keys(:tenant, CAST(:all_of AS text[])) AS text), true), "
    "set_config('hnsw.iterative_scan', 'relaxed_order', true), set_config('hnsw.ef_search', '80', true)"
)
_HOLDS_WORDS = "p.sku IN (SELECT d.sku FROM search_documents d WHERE d.tenant = :tenant)"

_PAGE = """
WITH candidates AS MATERIALIZED (
    SELECT p.sku, p.price_cents, p.rating, p.units_sold, p.created_at, p.sku = ANY(:named_skus) AS is_name,
           :words IN (split_part(p.search_text, '|', 1), split_part(p.search_text, '|', 2)) AS is_whole_name,
           CAST({coverage} AS float8) AS covered
      FROM products p WHERE {where} ORDER BY {first} LIMIT {limit}
), compared AS (
    SELECT *, max(covered) OVER () AS best, max(price_cents * units_sold) OVER () AS most FROM candidates
), scored AS MATERIALIZED (
    SELECT *, (CASE WHEN is_whole_name THEN 1.0 WHEN is_name THEN 0.98 * :base + 0.02 ELSE :base END
               - CASE WHEN :by_revenue AND most > 0
                      THEN 0.2 * (1 - price_cents * units_sold / CAST(most AS float8)) ELSE 0 END
              ) * (0.55 + 0.45 * covered) AS score
      FROM compared
     WHERE (best < 0.5 OR covered >= best * 0.75) AND best >= :least
)
SELECT (SELECT count(*) FROM scored) AS total, {skus} AS skus, page.*
  FROM (SELECT 1) AS one LEFT JOIN LATERAL
       (SELECT sku, score, covered FROM scored ORDER BY {last} LIMIT :size OFFSET :offset) AS page ON true
"""

_BY_WORDS = """
    SELECT d.sku FROM (
        SELECT sku, (SELECT count(*) FROM unnest(search_keys(:tenant, CAST(:terms AS text[]))) AS t(term)
                      WHERE t.term = ANY(keys)) AS shared
          FROM search_documents WHERE tenant = :tenant
    ) AS d JOIN products p ON p.tenant = :tenant AND p.sku = d.sku
     WHERE d.shared >= :needed AND {where}
     ORDER BY d.shared DESC, p.popularity DESC, p.sku LIMIT {limit}
"""
_BY_COMMON_WORDS = """
    SELECT p.sku FROM products p WHERE {where} AND p.search_terms @> CAST(:terms AS text[])
     ORDER BY p.popularity DESC LIMIT {limit}
"""
_BY_MEANING = """
    SELECT n.sku FROM product_vectors n JOIN products p ON p.tenant = :tenant AND p.sku = n.sku
     WHERE n.tenant = :tenant AND {where} ORDER BY n.embedding <=> :vector LIMIT {limit}
"""
_NEAR = """
WITH found AS MATERIALIZED (({sources}))
SELECT p.sku, p.price_cents, coalesce(p.rating, 0) AS rating, p.units_sold, p.created_at,
       {shared} AS shared, {similarity} AS similarity
  FROM (SELECT DISTINCT sku FROM found) AS f JOIN products p ON p.tenant = :tenant AND p.sku = f.sku {vectors}
"""


@dataclass(frozen=True, slots=True)
class _Scored:
    """A product that was found near: what it is sorted by."""

    sku: str
    price_cents: int
    rating: float
    units_sold: int
    created_at: float
    coverage: float
    similarity: float | None
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class _Found:
    """One page of what was found: (SKU, score, coverage, similarity), how many there are, and all SKUs if wanted.

    ``is_whole``: all of the text stands in what was found.
    """

    page: tuple[tuple[str, float, float, float | None], ...] = ()
    total: int = 0
    skus: tuple[str, ...] = ()
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class _Asked:
    """A query on its way: the shop, its text in normal form, how it reads, and the conditions of its filters."""

    conn: AsyncConnection
    tenant: str
    query: SearchQuery
    words: str
    reading: Reading
    conditions: Conditions
    stats: TermStats


_SORTS: dict[str, Callable[[_Scored], tuple[Any, ...]]] = {
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
        self._stats = TermStatsStore()

    async def search(self, conn: AsyncConnection, tenant: str, query: SearchQuery) -> SearchPage:
        """The hits of one page, best first.

        Raises:
            NotFound: There is no such shop.
        """
        started = time.monotonic()
        words = normalize(query.text)
        lexicon = await self._lexicons.get(conn, tenant, words, *search_sql.filter_words(query.filters))
        reading = lexicon.read(words)
        conditions = search_sql.filter_conditions(query.filters, lexicon)
        stats = await self._stats.get(conn, tenant)
        asked = _Asked(conn, tenant, query, words, reading, conditions, stats)
        if not compact(words):
            route, found = "filter", await _select(asked, Reading(), asked.conditions)
        elif query.mode is not SearchMode.MEANING and reading.has_target:
            route, found = "lexicon", await _named(asked)
        else:
            route, found = "near", await self._near(asked, lexicon)
        page = await _page(asked, found, route, lexicon)
        SEARCH_SECONDS.labels(route).observe(time.monotonic() - started)
        return page

    async def _near(self, asked: _Asked, lexicon: Lexicon) -> _Found:
        words = lexicon.corrected(asked.words)
        mode, embedder = asked.query.mode, self._embedder
        vector = await embedder.query(words) if embedder and mode is not SearchMode.WORDS else None
        terms = index_terms(with_digits(words)) if mode is not SearchMode.MEANING else []
        found: list[_Scored] = []
        if asked.reading.colors:
            colored = search_sql.in_color(asked.conditions, asked.reading.colors)
            found = await _candidates(asked, colored, terms, vector)
        found = found or await _candidates(asked, asked.conditions, terms, vector)
        kept = _relevant(found, words, mode)
        kept.sort(key=_SORTS[asked.query.sort_by])
        start = asked.query.offset
        page = tuple((c.sku, c.score, c.coverage, c.similarity) for c in kept[start : start + asked.query.page_size])
        return _Found(page, len(kept), tuple(c.sku for c in kept))


async def _named(asked: _Asked) -> _Found:
    """What the words name: a phrase as it stands, then goods of the brand, then goods with the brand as text."""
    reading = asked.reading
    if len(reading.phrase) >= LEAST_PHRASE:
        whole = await _with_phrase(asked, reading.phrase)
        if whole.total:
            return whole
    named = search_sql.goods_conditions(asked.conditions, reading, with_brands=True)
    found = await _covering(asked, reading, named)
    is_goods = reading.skus or reading.kinds or reading.categories or reading.departments
    if found.total or not (is_goods and reading.brands):
        return found
    text_only = replace(reading, brands=frozenset(), residual=(*reading.residual, *reading.brand_words))
    return await _covering(
        asked, text_only, search_sql.goods_conditions(asked.conditions, text_only, with_brands=False), least=0.5
    )


async def _with_phrase(asked: _Asked, phrase: str) -> _Found:
    terms = index_terms(phrase)
    if not terms:
        return _Found()
    rarest = asked.stats.rarest(terms, len(terms))
    if asked.stats.matches(rarest) > MAX_MATCHES:
        rarest = terms
    await _look_up(asked, rarest, all_of=terms)
    conditions = asked.conditions.plus("strpos(p.search_text, :phrase) > 0", _HOLDS_WORDS, phrase=phrase)
    return replace(await _select(asked, Reading(), conditions, base=0.9), is_whole=True)


async def _covering(asked: _Asked, reading: Reading, conditions: Conditions, least: float = 0.0) -> _Found:
    """Named goods, in the colour if any come in it, ranked by how much of the left-over text they cover.

    A brand alone leads with what it earns most by; a brand with a model that it has not finds nothing.
    """
    tries = [search_sql.in_color(conditions, reading.colors), conditions] if reading.colors else [conditions]
    base = 0.95 if reading.is_exact else 0.85
    least = max(least, 1e-9) if reading.names_unknown_model else least
    for wanted in tries:
        found = await _with_left_over(asked, reading, wanted, base)
        if not found.total:
            found = await _select(asked, reading, wanted, base=base, least=least)
        if found.total:
            return found
    return _Found()


async def _with_left_over(asked: _Asked, reading: Reading, conditions: Conditions, base: float) -> _Found:
    """Named goods that hold left-over words, found by index; worth its while in a large shop only."""
    terms = sorted({term for piece in reading.residual for term in index_terms(piece)})
    if not asked.stats.products or not terms or not all(index_terms(piece) for piece in reading.residual):
        return _Found()
    chosen = asked.stats.rarest(terms, math.ceil(len(terms) / 2))
    while len(chosen) > 1 and asked.stats.matches(chosen) > MAX_MATCHES:
        chosen.pop()
    if asked.stats.matches(chosen) > MAX_MATCHES:
        return _Found()
    await _look_up(asked, chosen)
    return await _select(asked, reading, conditions.plus(_HOLDS_WORDS), base=base, least=0.5)


async def _select(
    asked: _Asked, reading: Reading, conditions: Conditions, *, base: float = 1.0, least: float = 0.0
) -> _Found:
    """The page of the products that meet the conditions, scored and ordered in SQL."""
    query = asked.query
    coverage, values = search_sql.coverage(reading.residual)
    statement = _PAGE.format(
        coverage=coverage,
        where=conditions.sql,
        first=search_sql.FIRST[query.sort_by],
        last=search_sql.LAST[query.sort_by],
        limit=MAX_CANDIDATES,
        skus="(SELECT array_agg(sku) FROM scored)" if query.facets else "CAST(NULL AS text[])",
    )
    own = {
        "tenant": asked.tenant,
        "words": compact(asked.words),
        "named_skus": sorted(reading.skus),
        "base": base,
        "by_revenue": reading.is_brand_only,
        "least": least,
        "size": query.page_size,
        "offset": query.offset,
    }
    rows = list(await asked.conn.execute(text(statement), conditions.values | values | own))
    page = tuple((row.sku, row.score, row.covered, None) for row in rows if row.sku is not None)
    return _Found(page, rows[0].total, tuple(rows[0].skus or ()))


async def _look_up(asked: _Asked, any_of: list[str], all_of: list[str] | None = None) -> None:
    """Says which words of documents this transaction looks at; the policy of ``search_documents`` holds it to them."""
    values = {"tenant": asked.tenant, "any_of": any_of, "all_of": all_of or []}
    await asked.conn.execute(_PREPARE, values)


async def _candidates(
    asked: _Asked, conditions: Conditions, terms: list[str], vector: np.ndarray | None
) -> list[_Scored]:
    """Products that share most terms with the query, and those that are nearest in meaning."""
    needed = math.ceil(LEAST_COVERAGE * len(terms))
    sources = []
    any_of: list[str] = []
    all_of: list[str] = []
    if terms:
        any_of = asked.stats.rarest(terms, needed)
        if asked.stats.matches(any_of) <= MAX_MATCHES:
            sources.append(_BY_WORDS)
        elif asked.stats.matches_all(terms) <= MAX_MATCHES:
            any_of = all_of = terms
            sources.append(_BY_WORDS)
        else:
            sources.append(_BY_COMMON_WORDS)
    if vector is not None:
        sources.append(_BY_MEANING)
    if not sources:
        return []
    await _look_up(asked, any_of, all_of)
    limits = {_BY_MEANING: NEAREST if terms else NEAREST * 5}
    parts = [source.format(where=conditions.sql, limit=limits.get(source, MAX_BY_WORDS)) for source in sources]
    statement = text(
        _NEAR.format(
            sources=") UNION ALL (".join(parts),
            shared=search_sql.shared_terms("terms"),
            similarity="NULL" if vector is None else "1 - (n.embedding <=> :vector)",
            vectors="" if vector is None else "LEFT JOIN product_vectors n ON n.tenant = :tenant AND n.sku = p.sku",
        )
    )
    values = conditions.values | {"tenant": asked.tenant, "terms": terms, "needed": needed}
    if vector is not None:
        statement = statement.bindparams(bindparam("vector", type_=HALFVEC(EMBEDDING_SIZE)))
        values["vector"] = vector
    return [_scored(row, len(terms)) for row in await asked.conn.execute(statement, values)]


def _scored(row: Any, num_terms: int) -> _Scored:
    return _Scored(
        sku=row.sku,
        price_cents=row.price_cents,
        rating=row.rating,
        units_sold=row.units_sold,
        created_at=row.created_at.timestamp(),
        coverage=row.shared / num_terms if num_terms else 0.0,
        similarity=row.similarity,
    )


def _relevant(found: list[_Scored], words: str, mode: SearchMode) -> list[_Scored]:
    """Scores candidates that were found by words or meaning, and cuts those that are neither."""
    if mode is SearchMode.MEANING:
        return [replace(c, score=max(0.0, c.similarity or 0.0)) for c in found]
    least = NEAR_COSINE_LATIN if words.isascii() else NEAR_COSINE
    nearest = max((c.similarity or 0.0 for c in found), default=0.0)
    is_named = max((c.coverage for c in found), default=0.0) == 1.0
    kept = []
    for candidate in found:
        similarity = candidate.similarity or 0.0
        is_near = not is_named and similarity >= max(least, nearest - NEAR_MARGIN)
        if candidate.coverage < LEAST_COVERAGE and not is_near:
            continue
        score = 0.55 * candidate.coverage + 0.3 * max(0.0, similarity - 0.7) / 0.3
        kept.append(replace(candidate, score=min(0.84, score)))
    return kept


async def _page(asked: _Asked, found: _Found, route: str, lexicon: Lexicon) -> SearchPage:
    query = asked.query
    products = await load_products(asked.conn, asked.tenant, (sku for sku, *_ in found.page))
    is_exact = found.is_whole or (route == "lexicon" and asked.reading.is_exact)
    hits = tuple(
        Hit(products[sku], score, is_exact and coverage == 1.0, coverage, similarity)
        for sku, score, coverage, similarity in found.page
        if sku in products
    )
    end = query.offset + query.page_size
    facets = await count_facets(asked.conn, asked.tenant, query.facets, found.skus)
    explanation = _explanation(asked, route, lexicon) if query.explain else None
    return SearchPage(hits, found.total, end if end < found.total else None, facets, explanation)


def _explanation(asked: _Asked, route: str, lexicon: Lexicon) -> SearchExplanation:
    reading = asked.reading
    groups = (
        ("product", reading.skus),
        ("kind", reading.kinds),
        ("category", reading.categories),
        ("department", reading.departments),
        ("brand", reading.brands),
        ("color", reading.colors),
    )
    named = tuple(f"{name} {target}" for name, targets in groups for target in sorted(targets))
    words = with_digits(lexicon.corrected(asked.words))
    return SearchExplanation(route, words, named, reading.residual, tuple(index_terms(words)))
