"""Keeps what search needs besides words: embeddings of new and renamed products, and an index on them for large shops.

Triggers note in ``search_pending`` what changed; words are found from the moment of the change, meanings once this has
been here. Several processes may run it; each takes products that no other holds.
"""

import asyncio
import hashlib
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.errors import VoxcartError
from voxcart.telemetry.logs import get_logger
from voxcart_services.shop import schema
from voxcart_services.shop.database import Database
from voxcart_services.shop.embedding import Embedder
from voxcart_services.shop.metrics import SEARCH_EMBEDDED_TOTAL, SEARCH_PENDING
from voxcart_services.shop.search_fields import SEARCH_VERSION, embedded_fields, passage, search_fields
from voxcart_services.shop.tenancy import SYSTEM
from voxcart_services.shop.vectors import store_vectors

log = get_logger(__name__)

LARGE = 10_000
"""Embedded products from which on a shop gets an HNSW index; fewer are compared one by one, within milliseconds."""
INDEX_PREFIX = "hnsw_product_vectors_"
_BATCH = 8
"""Products embedded at a time: a search that comes in waits for no more."""
_REFRESH_BATCH = 200
_INDEX_LOCK = 0x766F7868

_TAKE = text(
    "SELECT q.tenant, q.sku FROM search_pending q ORDER BY q.since, q.tenant, q.sku LIMIT :batch FOR UPDATE SKIP LOCKED"
)
_ROWS = text(
    "SELECT tenant, sku, name_zh, name_en, kind, category, department, attributes, delisted FROM products p "
    "WHERE (tenant, sku) IN (SELECT * FROM unnest(CAST(:tenants AS text[]), CAST(:skus AS text[])))"
)
_DROP = text(
    "DELETE FROM search_pending WHERE (tenant, sku) IN "
    "(SELECT * FROM unnest(CAST(:tenants AS text[]), CAST(:skus AS text[])))"
)
_COUNT = text("SELECT count(*) FROM search_pending")
_OLD = text(
    "SELECT tenant, sku, name_zh, name_en, brand_zh, brand_en, kind, category, department, unit_zh, unit_en, aliases, "
    "attributes FROM products WHERE search_version < :version ORDER BY tenant, sku LIMIT :batch FOR UPDATE SKIP LOCKED"
)
_SIZES = text(
    "SELECT tenant FROM (SELECT tenant, count(*) AS vectors FROM product_vectors GROUP BY tenant) AS sizes "
    "WHERE vectors >= :large ORDER BY tenant"
)
_INDEXES = text(
    "SELECT c.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
    "WHERE i.indrelid = to_regclass('product_vectors') AND c.relname LIKE :prefix"
)
_CREATE = text(
    "SELECT format('CREATE INDEX CONCURRENTLY %I ON product_vectors USING hnsw (embedding halfvec_cosine_ops) "
    "WITH (m = 16, ef_construction = 64) WHERE tenant = %L', CAST(:name AS text), CAST(:tenant AS text))"
)


class SearchIndexer:
    """Works off what waits. Run :meth:`run` beside the service."""

    def __init__(self, database: Database, embedder: Embedder | None, poll_seconds: float, memory_mb: int) -> None:
        """Takes its parts.

        Args:
            embedder: ``None`` leaves embeddings out.
            poll_seconds: How often it looks for work.
            memory_mb: Memory that building an index may take.
        """
        self._database = database
        self._embedder = embedder
        self._poll_seconds = poll_seconds
        self._memory_mb = memory_mb

    async def run(self) -> None:
        """Works until cancelled; waits out an absent database."""
        is_fresh = False
        embedded = True
        while True:
            try:
                while not is_fresh:
                    is_fresh = not await self.refresh_batch()
                if embedded:
                    await self.build_indexes()
                embedded = False
                while await self.embed_batch():
                    embedded = True
            except VoxcartError as error:
                log.warning("the search index waits", code=error.code.name)
            await asyncio.sleep(self._poll_seconds)

    async def refresh_batch(self) -> int:
        """Works out anew what products are found by whose columns an older version made; how many it were."""

        async def work(conn: AsyncConnection) -> int:
            rows = list(await conn.execute(_OLD, {"version": SEARCH_VERSION, "batch": _REFRESH_BATCH}))
            table = schema.products
            for row in rows:
                place = (table.c.tenant == row.tenant, table.c.sku == row.sku)
                await conn.execute(table.update().where(*place).values(**search_fields(dict(row._mapping))))
            return len(rows)

        return await self._database.run(SYSTEM, work)

    async def embed_batch(self) -> int:
        """Embeds some of the products that wait, the oldest first; how many it were."""
        embedder = self._embedder
        if embedder is None:
            return 0

        async def work(conn: AsyncConnection) -> int:
            waiting = list(await conn.execute(_TAKE, {"batch": _BATCH}))
            if not waiting:
                SEARCH_PENDING.set((await conn.execute(_COUNT)).scalar_one())
                return 0
            places = {"tenants": [row.tenant for row in waiting], "skus": [row.sku for row in waiting]}
            rows = [row for row in await conn.execute(_ROWS, places) if not row.delisted]
            if rows:
                vectors = await embedder.passages([passage(embedded_fields(row)) for row in rows])
                await _store(conn, rows, vectors)
            await conn.execute(_DROP, places)
            return len(waiting)

        done = await self._database.run(SYSTEM, work)
        SEARCH_EMBEDDED_TOTAL.inc(done)
        return done

    async def build_indexes(self) -> list[str]:
        """Builds the missing indexes of large shops, while they are searched and changed; the shops it built for."""
        async with self._database.transaction(SYSTEM) as conn:
            large = [row.tenant for row in await conn.execute(_SIZES, {"large": LARGE})]
        built = []
        if large:
            async with self._database.maintenance() as conn:
                for tenant in large:
                    if await self._build(conn, tenant):
                        built.append(tenant)
        return built

    async def _build(self, conn: AsyncConnection, tenant: str) -> bool:
        name = index_name(tenant)
        known = {row.relname: row.indisvalid for row in await conn.execute(_INDEXES, {"prefix": f"{INDEX_PREFIX}%"})}
        if known.get(name):
            return False
        locked = await conn.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": _INDEX_LOCK})
        if not locked.scalar_one():
            return False
        try:
            if name in known:
                await conn.execute(text(f"DROP INDEX CONCURRENTLY IF EXISTS {name}"))
            await conn.execute(text(f"SET maintenance_work_mem = '{int(self._memory_mb)}MB'"))
            statement = (await conn.execute(_CREATE, {"name": name, "tenant": tenant})).scalar_one()
            await conn.exec_driver_sql(statement.replace("%", "%%"))
            log.info("index on embeddings built", index=name)
            return True
        finally:
            await conn.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _INDEX_LOCK})


def index_name(tenant: str) -> str:
    """The name of a shop's index on its embeddings."""
    return INDEX_PREFIX + hashlib.blake2b(tenant.encode(), digest_size=8).hexdigest()


async def _store(conn: AsyncConnection, rows: list[Any], vectors: Any) -> None:
    by_tenant: dict[str, dict[str, Any]] = {}
    for row, vector in zip(rows, vectors, strict=True):
        by_tenant.setdefault(row.tenant, {})[row.sku] = vector
    for tenant, found in by_tenant.items():
        await store_vectors(conn, tenant, found)
