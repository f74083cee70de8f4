"""Product search: what the words name first, then what their text and meaning come near to.

1. The query is read with the lexicon. If it names goods or a brand, exactly those are candidates, and the text that is
   left over ranks them (富士 in 富士苹果, 无糖 in 无糖可乐). If they are named in doubt, by an alias or with text that
   none of them has, meaning ranks them, beside what is nearer still.
2. Otherwise products are candidates that share index terms with the query, or whose embedding is near. Both lists are
   cut where they stop being relevant, so that a query for something the shop does not sell finds nothing.

Filters, scores and orders are SQL. Colours named in the query are a filter if any candidate meets them.
"""

import time

from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart_services.shop import search_sql
from voxcart_services.shop.embedding import Embedder
from voxcart_services.shop.lexicon import Lexicon, Reading
from voxcart_services.shop.lexicon_store import LexiconStore
from voxcart_services.shop.metrics import SEARCH_SECONDS
from voxcart_services.shop.models import Hit, SearchExplanation, SearchMode, SearchPage, SearchQuery
from voxcart_services.shop.products import load_products
from voxcart_services.shop.search_asked import Asked, Found
from voxcart_services.shop.search_facets import count_facets
from voxcart_services.shop.search_named import find_named, select
from voxcart_services.shop.search_near import find_near, rank_by_meaning
from voxcart_services.shop.term_stats import TermStatsStore
from voxcart_services.shop.text import compact, index_terms, normalize, with_digits

SORTS = frozenset(search_sql.LAST)


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
        asked = Asked(conn, tenant, query, words, reading, conditions, stats)
        if not compact(words):
            route, found = "filter", await select(asked, Reading(), asked.conditions)
        elif query.mode is not SearchMode.MEANING and reading.has_target:
            route, found = "lexicon", await self._named(asked)
        else:
            route, found = "near", await self._near(asked, lexicon.corrected(words))
        page = await _page(asked, found, route, lexicon)
        SEARCH_SECONDS.labels(route).observe(time.monotonic() - started)
        return page

    async def _named(self, asked: Asked) -> Found:
        found = await find_named(asked)
        if self._embedder is None or asked.query.mode is not SearchMode.HYBRID or not _is_doubtful(asked, found):
            return found
        return await rank_by_meaning(asked, found, await self._embedder.query(asked.words))

    async def _near(self, asked: Asked, words: str) -> Found:
        by_meaning = self._embedder if asked.query.mode is not SearchMode.WORDS else None
        vector = await by_meaning.query(words) if by_meaning else None
        return await find_near(asked, words, vector)


def _is_doubtful(asked: Asked, found: Found) -> bool:
    """Whether the words name goods that may be others than those meant: by an alias, or with text they do not have."""
    reading = asked.reading
    if asked.query.sort_by != "relevance" or found.is_whole or reading.skus or reading.is_brand_only:
        return False
    covered = found.page[0][2] if found.page else 0.0
    return reading.is_alias or (bool(reading.residual) and covered < 0.5 and bool(found.total))


async def _page(asked: Asked, found: Found, route: str, lexicon: Lexicon) -> SearchPage:
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


def _explanation(asked: Asked, route: str, lexicon: Lexicon) -> SearchExplanation:
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
