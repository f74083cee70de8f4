"""Tables of people, products, reviews and documents."""

import sqlalchemy as sa
from pgvector.sqlalchemy import Vector
from sqlalchemy.dialects.postgresql import JSONB

from voxcart_services.shop.schema.base import (
    EMBEDDING_SIZE,
    NOW,
    belongs_to,
    cents,
    key,
    metadata,
    moment,
    tenant_key,
    terms,
    text,
)

tenants = sa.Table(
    "tenants",
    metadata,
    tenant_key(),
    text("copied_from"),
    sa.Column("anchored_at", sa.DateTime(timezone=True), nullable=False, server_default=NOW),
    sa.Column("time_zone", sa.Text, nullable=False, server_default="Asia/Shanghai"),
    sa.Column("low_stock_threshold", sa.BigInteger, nullable=False, server_default="10"),
    sa.Column("price_limit_percent", sa.Integer, nullable=False, server_default="50"),
    moment("created_at", default=True),
    sa.CheckConstraint("low_stock_threshold BETWEEN 0 AND 1000", name="low_stock"),
    sa.CheckConstraint("price_limit_percent BETWEEN 0 AND 100", name="price_limit"),
)

users = sa.Table(
    "users",
    metadata,
    sa.Column("tenant", sa.Text, sa.ForeignKey("tenants.tenant", ondelete="CASCADE"), primary_key=True),
    key("user_id"),
    sa.Column("role", sa.Text, nullable=False, server_default="shopper"),
    text("name"),
    moment("created_at", default=True),
    sa.CheckConstraint("role IN ('shopper', 'merchant')", name="role"),
)

addresses = sa.Table(
    "addresses",
    metadata,
    tenant_key(),
    key("address_id"),
    sa.Column("user_id", sa.Text, nullable=False),
    text("label"),
    text("recipient"),
    text("phone"),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("is_default", sa.Boolean, nullable=False, server_default=sa.false()),
    belongs_to("users", "user_id"),
    sa.Index("ix_addresses_user", "tenant", "user_id"),
    sa.Index("uq_addresses_default", "tenant", "user_id", unique=True, postgresql_where=sa.text("is_default")),
)

products = sa.Table(
    "products",
    metadata,
    sa.Column("tenant", sa.Text, sa.ForeignKey("tenants.tenant", ondelete="CASCADE"), primary_key=True),
    key("sku"),
    sa.Column("name_zh", sa.Text, nullable=False),
    text("name_en"),
    text("brand_zh"),
    text("brand_en"),
    text("department"),
    text("category"),
    text("kind"),
    text("unit_zh"),
    text("unit_en"),
    cents("price_cents"),
    sa.Column("rating", sa.Float),
    sa.Column("units_sold", sa.BigInteger, nullable=False, server_default="0"),
    terms("aliases"),
    sa.Column("attributes", JSONB, nullable=False, server_default="[]"),
    text("description_zh"),
    text("description_en"),
    sa.Column("delisted", sa.Boolean, nullable=False, server_default=sa.false()),
    terms("search_terms"),
    text("search_text"),
    sa.Column("search_phrases", JSONB, nullable=False, server_default="[]"),
    terms("search_words"),
    sa.Column("search_version", sa.Integer, nullable=False, server_default="0"),
    sa.Column(
        "popularity",
        sa.SmallInteger,
        sa.Computed("CAST(floor(4 * ln(CAST(units_sold AS DOUBLE PRECISION) + 1)) AS SMALLINT)", persisted=True),
    ),
    sa.Column("version", sa.BigInteger, nullable=False, server_default="1"),
    sa.Column("low_stock_threshold", sa.BigInteger),
    sa.Column("price_floor_cents", sa.BigInteger, nullable=False, server_default="0"),
    moment("created_at", default=True),
    sa.CheckConstraint("low_stock_threshold BETWEEN 0 AND 1000", name="low_stock"),
    sa.CheckConstraint("price_floor_cents >= 0", name="price_floor"),
    sa.CheckConstraint("price_cents >= 0 AND price_cents <= 10000000000", name="price"),
    sa.CheckConstraint("units_sold >= 0", name="units_sold"),
    sa.CheckConstraint("rating >= 0 AND rating <= 5", name="rating"),
    sa.Index("ix_products_popularity", "tenant", sa.text("popularity DESC")),
    sa.Index("ix_products_kind", "tenant", "kind", sa.text("popularity DESC")),
    sa.Index("ix_products_category", "tenant", "category", sa.text("popularity DESC")),
    sa.Index("ix_products_department", "tenant", "department", sa.text("popularity DESC")),
    sa.Index("ix_products_brand", "tenant", "brand_zh", sa.text("popularity DESC")),
    sa.Index("ix_products_price", "tenant", "price_cents"),
    sa.Index("ix_products_rating", "tenant", sa.text("rating DESC NULLS LAST")),
    sa.Index("ix_products_created", "tenant", sa.text("created_at DESC")),
)

variants = sa.Table(
    "variants",
    metadata,
    tenant_key(),
    key("sku"),
    key("variant_id"),
    sa.Column("position", sa.Integer, nullable=False, server_default="0"),
    text("color"),
    text("color_code"),
    text("size"),
    belongs_to("products", "sku"),
)

stock = sa.Table(
    "stock",
    metadata,
    tenant_key(),
    key("sku"),
    key("variant_id"),
    sa.Column("available", sa.BigInteger, nullable=False),
    sa.Column("reserved", sa.BigInteger, nullable=False, server_default="0"),
    belongs_to("variants", "sku", "variant_id"),
    sa.CheckConstraint("available >= 0", name="available"),
    sa.CheckConstraint("reserved >= 0", name="reserved"),
)

reviews = sa.Table(
    "reviews",
    metadata,
    tenant_key(),
    key("review_id"),
    sa.Column("sku", sa.Text, nullable=False),
    text("user_id"),
    sa.Column("stars", sa.SmallInteger, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    moment("created_at", default=True),
    belongs_to("products", "sku"),
    sa.CheckConstraint("stars BETWEEN 1 AND 5", name="stars"),
    sa.Index("ix_reviews_sku", "tenant", "sku"),
    sa.Index("ix_reviews_created", "tenant", "created_at"),
)

faq_documents = sa.Table(
    "faq_documents",
    metadata,
    sa.Column("tenant", sa.Text, sa.ForeignKey("tenants.tenant", ondelete="CASCADE"), primary_key=True),
    key("faq_id"),
    sa.Column("title_zh", sa.Text, nullable=False),
    sa.Column("title_en", sa.Text, nullable=False),
    sa.Column("answer_zh", sa.Text, nullable=False),
    sa.Column("answer_en", sa.Text, nullable=False),
)

faq_questions = sa.Table(
    "faq_questions",
    metadata,
    tenant_key(),
    key("faq_id"),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("question", sa.Text, nullable=False),
    terms("terms"),
    sa.Column("embedding", Vector(EMBEDDING_SIZE)),
    belongs_to("faq_documents", "faq_id"),
)
