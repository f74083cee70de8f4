"""Tables of search and of catalogue imports. Triggers on products keep the former; their migration says how and why."""

import sqlalchemy as sa
from pgvector.sqlalchemy import HALFVEC
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from voxcart_services.shop.schema.base import EMBEDDING_SIZE, belongs_to, key, metadata, moment, tenant_key, text

product_vectors = sa.Table(
    "product_vectors",
    metadata,
    tenant_key(),
    key("sku"),
    sa.Column("embedding", HALFVEC(EMBEDDING_SIZE), nullable=False),
    belongs_to("products", "sku"),
)
"""Meanings of products. A large shop has an HNSW index of its own on them."""

search_documents = sa.Table(
    "search_documents",
    metadata,
    tenant_key(),
    key("sku"),
    sa.Column("keys", ARRAY(sa.BigInteger), nullable=False),
    belongs_to("products", "sku"),
    sa.Index(
        "ix_search_documents_keys", "keys", postgresql_using="gin", postgresql_with={"gin_pending_list_limit": 1024}
    ),
)
"""Hashes of tenant and index term of each product on sale. A row is seen only by naming keys it holds."""

search_phrases = sa.Table(
    "search_phrases",
    metadata,
    sa.Column("tenant", sa.Text, sa.ForeignKey("tenants.tenant", ondelete="CASCADE"), primary_key=True),
    key("phrase"),
    key("type"),
    key("target"),
    sa.Column("exact", sa.Boolean, nullable=False),
    text("sound"),
    sa.Index("ix_search_phrases_sound", "tenant", "sound", postgresql_where=sa.text("sound <> ''")),
)
"""What products, brands and groups that are not in the taxonomy are called, with pinyin."""

search_spellings = sa.Table(
    "search_spellings",
    metadata,
    sa.Column("tenant", sa.Text, sa.ForeignKey("tenants.tenant", ondelete="CASCADE"), primary_key=True),
    key("variant"),
    key("word"),
)
"""English words of names: each word, and what is left of it without one of its letters."""

search_pending = sa.Table(
    "search_pending",
    metadata,
    tenant_key(),
    key("sku"),
    moment("since", default=True),
    belongs_to("products", "sku"),
)
"""Products whose embedding is missing or older than their words."""

catalogue_imports = sa.Table(
    "catalogue_imports",
    metadata,
    sa.Column("tenant", sa.Text, sa.ForeignKey("tenants.tenant", ondelete="CASCADE"), primary_key=True),
    key("file"),
    sa.Column("state", JSONB, nullable=False),
    moment("started_at", default=True),
    moment("updated_at", default=True),
)
"""How far each file, named by a digest of its content, was read into a shop."""
