"""The part of search that goes by shared words and by meaning, fused by a weighted sum and cut where relevance ends."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import bindparam, text

from voxcart_services.shop import search_sql
from voxcart_services.shop.models import SearchMode
from voxcart_services.shop.schema import EMBEDDING_SIZE
from voxcart_services.shop.search_asked import Asked, Found, look_up
from voxcart_services.shop.search_sql import Conditions
from voxcart_services.shop.term_stats import MAX_MATCHES
from voxcart_services.shop.text import compact, index_terms, with_digits

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
NEAR_STEP = 0.02
"""Named goods whose cosines lie within one such step are as good as each other; the more popular comes first."""
LEAST_COVERAGE = 0.6
"""Share of the query's index terms that must occur in a product found by words alone."""


_BY_WORDS = """
    SELECT d.sku, false AS is_named FROM (
        SELECT sku, (SELECT count(*) FROM unnest(search_keys(:tenant, CAST(:terms AS text[]))) AS t(term)
                      WHERE t.term = ANY(keys)) AS shared
          FROM search_documents WHERE tenant = :tenant
    ) AS d JOIN products p ON p.tenant = :tenant AND p.sku = d.sku
     WHERE d.shared >= :needed AND {where}
     ORDER BY d.shared DESC, p.popularity DESC, p.sku LIMIT {limit}
"""
_BY_COMMON_WORDS = """
    SELECT p.sku, false AS is_named FROM products p WHERE {where} AND p.search_terms @> CAST(:terms AS text[])
     ORDER BY p.popularity DESC LIMIT {limit}
"""
_BY_MEANING = """
    SELECT n.sku, false AS is_named FROM product_vectors n JOIN products p ON p.tenant = :tenant AND p.sku = n.sku
     WHERE n.tenant = :tenant AND {where} ORDER BY n.embedding <=> :vector LIMIT {limit}
"""
_NAMED = """
    SELECT p.sku, true AS is_named FROM products p WHERE {where} ORDER BY p.popularity DESC LIMIT {limit}
"""
_NEAR = """
WITH found AS MATERIALIZED (({sources}))
SELECT p.sku, p.price_cents, coalesce(p.rating, 0) AS rating, p.units_sold, p.created_at,
       {shared} AS shared, {similarity} AS similarity, f.is_named,
       strpos(split_part(p.search_text, '|', 1) || '|' || split_part(p.search_text, '|', 2), :text) > 0 AS in_name
  FROM (SELECT sku, bool_or(is_named) AS is_named FROM found GROUP BY sku) AS f
  JOIN products p ON p.tenant = :tenant AND p.sku = f.sku {vectors}
"""


@dataclass(frozen=True, slots=True)
class Scored:
    """A product that was found near: what it is sorted by."""

    sku: str
    price_cents: int
    rating: float
    units_sold: int
    created_at: float
    coverage: float
    similarity: float | None
    is_named: bool = False
    in_name: bool = False
    score: float = 0.0


_SORTS: dict[str, Callable[[Scored], tuple[Any, ...]]] = {
    "relevance": lambda c: (-round(c.score, 2), -c.units_sold, c.sku),
    "price_asc": lambda c: (c.price_cents, -c.score, c.sku),
    "price_desc": lambda c: (-c.price_cents, -c.score, c.sku),
    "sales_desc": lambda c: (-c.units_sold, -c.score, c.sku),
    "rating_desc": lambda c: (-c.rating, -c.units_sold, c.sku),
    "newest": lambda c: (-c.created_at, -c.score, c.sku),
}
SORTS = frozenset(_SORTS)


async def find_near(asked: Asked, words: str, vector: np.ndarray | None) -> Found:
    """Products that share most words with the text or are nearest to it in meaning.

    Args:
        words: The text in normal form, spelling put right.
        vector: Its embedding, float32 [384]; ``None`` goes by words only.
    """
    mode = asked.query.mode
    terms = index_terms(with_digits(words)) if mode is not SearchMode.MEANING else []
    found: list[Scored] = []
    if asked.reading.colors:
        colored = search_sql.in_color(asked.conditions, asked.reading.colors)
        found = await _candidates(asked, colored, terms, vector)
    found = found or await _candidates(asked, asked.conditions, terms, vector)
    return _sorted_page(asked, _relevant(found, words, mode))


async def _candidates(
    asked: Asked, conditions: Conditions, terms: list[str], vector: np.ndarray | None
) -> list[Scored]:
    """Products that share most terms with the query, and those that are nearest in meaning."""
    sources: list[_Source] = []
    needed = math.ceil(LEAST_COVERAGE * len(terms))
    if terms:
        any_of, all_of, by_words = asked.stats.rarest(terms, needed), [], _BY_WORDS
        if asked.stats.matches(any_of) > MAX_MATCHES:
            any_of = all_of = terms
            by_words = _BY_WORDS if asked.stats.matches_all(terms) <= MAX_MATCHES else _BY_COMMON_WORDS
        if by_words is _BY_WORDS:
            await look_up(asked, any_of, all_of)
        sources.append(_Source(by_words, conditions, MAX_BY_WORDS))
    if vector is not None:
        sources.append(_Source(_BY_MEANING, conditions, NEAREST if terms else NEAREST * 5))
    return await _fetch(asked, sources, terms, vector) if sources else []


@dataclass(frozen=True, slots=True)
class _Source:
    """Where candidates come from: a statement, what they must meet, and how many."""

    statement: str
    conditions: Conditions
    limit: int


async def _fetch(asked: Asked, sources: Sequence[_Source], terms: list[str], vector: np.ndarray | None) -> list[Scored]:
    values: dict[str, Any] = {
        "tenant": asked.tenant,
        "text": compact(asked.words),
        "terms": terms,
        "needed": math.ceil(LEAST_COVERAGE * len(terms)),
    }
    parts = []
    for source in sources:
        parts.append(source.statement.format(where=source.conditions.sql, limit=source.limit))
        values |= source.conditions.values
    statement = text(
        _NEAR.format(
            sources=") UNION ALL (".join(parts),
            shared=search_sql.shared_terms("terms"),
            similarity="NULL" if vector is None else "1 - (n.embedding <=> :vector)",
            vectors="" if vector is None else "LEFT JOIN product_vectors n ON n.tenant = :tenant AND n.sku = p.sku",
        )
    )
    if vector is not None:
        statement = statement.bindparams(bindparam("vector", type_=HALFVEC(EMBEDDING_SIZE)))
        values["vector"] = vector
    return [_scored(row, len(terms)) for row in await asked.conn.execute(statement, values)]


async def rank_by_meaning(asked: Asked, named: Found, vector: np.ndarray) -> Found:
    """Goods that are named in doubt, and what is nearest in meaning: the nearer first, then the more popular.

    Among those as near, what has the text in its name comes first and what was not named last; the latter is shown
    only if nothing that is named is much nearer.
    """
    goods = search_sql.goods_conditions(asked.conditions, asked.reading, with_brands=True)
    if asked.reading.colors:
        goods = search_sql.in_color(goods, asked.reading.colors)
    sources = (_Source(_NAMED, goods, MAX_BY_WORDS), _Source(_BY_MEANING, asked.conditions, NEAREST))
    found = await _fetch(asked, sources, [], vector)
    if not any(candidate.is_named for candidate in found):
        return named
    least = NEAR_COSINE_LATIN if asked.words.isascii() else NEAR_COSINE
    nearest = max(candidate.similarity or 0.0 for candidate in found)
    kept = []
    for candidate in found:
        similarity = candidate.similarity or 0.0
        behind = nearest - similarity
        if candidate.is_named or (behind <= NEAR_MARGIN and similarity >= least):
            steps = min(5, int(behind / NEAR_STEP)) - 0.6 * candidate.in_name + 0.5 * (not candidate.is_named)
            kept.append(replace(candidate, score=0.9 - 0.04 * steps, coverage=1.0))
    return _sorted_page(asked, kept)


def _scored(row: Any, num_terms: int) -> Scored:
    return Scored(
        sku=row.sku,
        price_cents=row.price_cents,
        rating=row.rating,
        units_sold=row.units_sold,
        created_at=row.created_at.timestamp(),
        coverage=row.shared / num_terms if num_terms else 0.0,
        similarity=row.similarity,
        is_named=row.is_named,
        in_name=row.in_name,
    )


def _relevant(found: list[Scored], words: str, mode: SearchMode) -> list[Scored]:
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


def _sorted_page(asked: Asked, kept: list[Scored]) -> Found:
    kept.sort(key=_SORTS[asked.query.sort_by])
    start = asked.query.offset
    page = tuple((c.sku, c.score, c.coverage, c.similarity) for c in kept[start : start + asked.query.page_size])
    return Found(page, len(kept), tuple(c.sku for c in kept))
