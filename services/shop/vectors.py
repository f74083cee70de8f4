"""Writing the embeddings of products."""

from collections.abc import Mapping

import numpy as np
from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart_services.shop.schema import EMBEDDING_SIZE

_STORE = text(
    "INSERT INTO product_vectors (tenant, sku, embedding) VALUES (:tenant, :sku, :vector) "
    "ON CONFLICT (tenant, sku) DO UPDATE SET embedding = excluded.embedding"
).bindparams(bindparam("vector", type_=HALFVEC(EMBEDDING_SIZE)))


async def store_vectors(conn: AsyncConnection, tenant: str, vectors: Mapping[str, np.ndarray]) -> None:
    """Keeps the embedding (float32 [384]) of each product, by SKU; they are then no longer waited for."""
    if vectors:
        rows = [{"tenant": tenant, "sku": sku, "vector": vector} for sku, vector in sorted(vectors.items())]
        await conn.execute(_STORE, rows)
