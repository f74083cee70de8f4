"""Embeddings of the seed: kept in ``data/embeddings.npz``, so that a first start needs a second and not half a minute.

The file maps a digest of each text to its vector. A text that is not in it (the seed was changed) is embedded at start.
``python -m voxcart_services.shop.seed_embeddings`` writes the file anew; a test compares it with the encoder.
"""

import hashlib
from collections.abc import Awaitable, Callable, Sequence

import numpy as np
from pgvector.sqlalchemy import Vector
from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart_services.shop.catalogue_file import CatalogueRow, read_catalogue, read_faq
from voxcart_services.shop.embedding import Embedder
from voxcart_services.shop.products import DATA
from voxcart_services.shop.schema import EMBEDDING_SIZE
from voxcart_services.shop.search_fields import passage
from voxcart_services.shop.vectors import store_vectors

FILE = DATA / "embeddings.npz"

_SET_QUESTION = text(
    "UPDATE faq_questions SET embedding = :vector WHERE tenant = :tenant AND faq_id = :faq_id AND number = :number"
).bindparams(bindparam("vector", type_=Vector(EMBEDDING_SIZE)))

Encode = Callable[[Sequence[str]], Awaitable[np.ndarray]]


async def embed_seed(conn: AsyncConnection, tenant: str, catalogue: Sequence[CatalogueRow], embedder: Embedder) -> None:
    """Stores the embeddings of the seeded products and FAQ questions of a shop."""
    vectors = await _vectors([passage(row.product) for row in catalogue], embedder.passages)
    skus = [row.product["sku"] for row in catalogue]
    await store_vectors(conn, tenant, dict(zip(skus, vectors, strict=True)))
    questions = [(document["id"], question) for document in read_faq() for question in document["questions"]]
    vectors = await _vectors([question["question"] for _, question in questions], embedder.queries)
    rows = [
        {"tenant": tenant, "faq_id": faq_id, "number": question["number"], "vector": vector}
        for (faq_id, question), vector in zip(questions, vectors, strict=True)
    ]
    await conn.execute(_SET_QUESTION, rows)


async def _vectors(texts: Sequence[str], encode: Encode) -> list[np.ndarray]:
    """float32 [384] of each text, from the file or, if it is not there, from the encoder."""
    known = read_file()
    digests = [digest(words) for words in texts]
    missing = [index for index, key in enumerate(digests) if key not in known]
    if missing:
        encoded = await encode([texts[index] for index in missing])
        known |= {digests[index]: vector for index, vector in zip(missing, encoded, strict=True)}
    return [known[key] for key in digests]


def digest(words: str) -> int:
    """64 bits that name a text."""
    return int.from_bytes(hashlib.blake2b(words.encode(), digest_size=8).digest(), "little")


def read_file() -> dict[int, np.ndarray]:
    """Vectors by digest; empty if there is no file."""
    if not FILE.exists():
        return {}
    with np.load(FILE, allow_pickle=False) as stored:
        vectors = stored["vectors"].astype(np.float32)
        return dict(zip(stored["digests"].tolist(), vectors, strict=True))


def main() -> None:
    """Writes the file with the encoder of the model store."""
    from voxcart.models import ModelStore
    from voxcart.paths import models_dir
    from voxcart.text_encoder import TextEncoder

    encoder = TextEncoder.from_store(ModelStore(models_dir()))
    passages = [passage(row.product) for row in read_catalogue()]
    questions = [question["question"] for document in read_faq() for question in document["questions"]]
    vectors = np.concatenate([encoder.embed(passages, "passage"), encoder.embed(questions, "query")])
    digests = np.array([digest(words) for words in [*passages, *questions]], np.uint64)
    np.savez_compressed(FILE, digests=digests, vectors=vectors.astype(np.float16))
    print(f"{len(digests)} vectors, {FILE.stat().st_size} bytes: {FILE}")


if __name__ == "__main__":
    main()
