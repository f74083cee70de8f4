"""The part of search that the words name: exactly those goods, ranked by how much of the left-over text they cover."""

import math
from dataclasses import replace

from sqlalchemy import text

from voxcart_services.shop import search_sql
from voxcart_services.shop.lexicon import Reading
from voxcart_services.shop.search_asked import HOLDS_WORDS, Asked, Found, look_up
from voxcart_services.shop.search_sql import Conditions
from voxcart_services.shop.term_stats import MAX_MATCHES
from voxcart_services.shop.text import compact, index_terms

MAX_CANDIDATES = 1000
"""Products that are scored; what lies behind them is neither counted nor shown."""
LEAST_PHRASE = 3
"""Characters of a phrase of several words that is looked for as it stands in names: 苹果醋 in 苹果醋饮料."""

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


async def find_named(asked: Asked) -> Found:
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


async def _with_phrase(asked: Asked, phrase: str) -> Found:
    terms = index_terms(phrase)
    if not terms:
        return Found()
    rarest = asked.stats.rarest(terms, len(terms))
    if asked.stats.matches(rarest) > MAX_MATCHES:
        rarest = terms
    await look_up(asked, rarest, all_of=terms)
    conditions = asked.conditions.plus("strpos(p.search_text, :phrase) > 0", HOLDS_WORDS, phrase=phrase)
    return replace(await select(asked, Reading(), conditions, base=0.9), is_whole=True)


async def _covering(asked: Asked, reading: Reading, conditions: Conditions, least: float = 0.0) -> Found:
    """Named goods, in the colour if any come in it, ranked by how much of the left-over text they cover.

    A brand alone leads with what it earns most by; a brand with a model that it has not finds nothing.
    """
    tries = [search_sql.in_color(conditions, reading.colors), conditions] if reading.colors else [conditions]
    base = 0.95 if reading.is_exact else 0.85
    least = max(least, 1e-9) if reading.names_unknown_model else least
    for wanted in tries:
        found = await _with_left_over(asked, reading, wanted, base)
        if not found.total:
            found = await select(asked, reading, wanted, base=base, least=least)
        if found.total:
            return found
    return Found()


async def _with_left_over(asked: Asked, reading: Reading, conditions: Conditions, base: float) -> Found:
    """Named goods that hold left-over words, found by index; worth its while in a large shop only."""
    terms = sorted({term for piece in reading.residual for term in index_terms(piece)})
    if not asked.stats.products or not terms or not all(index_terms(piece) for piece in reading.residual):
        return Found()
    chosen = asked.stats.rarest(terms, math.ceil(len(terms) / 2))
    while len(chosen) > 1 and asked.stats.matches(chosen) > MAX_MATCHES:
        chosen.pop()
    if asked.stats.matches(chosen) > MAX_MATCHES:
        return Found()
    await look_up(asked, chosen)
    return await select(asked, reading, conditions.plus(HOLDS_WORDS), base=base, least=0.5)


async def select(
    asked: Asked, reading: Reading, conditions: Conditions, *, base: float = 1.0, least: float = 0.0
) -> Found:
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
    return Found(page, rows[0].total, tuple(rows[0].skus or ()))
