"""Tables of the shop. Every table carries its tenant first in the primary key; money is integer cents.

The migrations create exactly these tables; a test compares the two.
"""

import sqlalchemy as sa
from pgvector.sqlalchemy import Vector
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

EMBEDDING_SIZE = 384
"""Width of the multilingual-e5-small sentence embedding."""

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_NOW = sa.text("now()")


def _tenant() -> sa.Column[str]:
    return sa.Column("tenant", sa.Text, primary_key=True)


def _key(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, primary_key=True)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default="")


def _cents(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False)


def _zero(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default="0")


def _time(name: str, *, default: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=not default, server_default=_NOW if default else None)


def _terms(name: str) -> sa.Column[list[str]]:
    return sa.Column(name, ARRAY(sa.Text), nullable=False, server_default="{}")


def _belongs_to(parent: str, *columns: str) -> sa.ForeignKeyConstraint:
    names = ["tenant", *columns]
    return sa.ForeignKeyConstraint(names, [f"{parent}.{name}" for name in names], ondelete="CASCADE")


tenants = sa.Table(
    "tenants",
    metadata,
    _tenant(),
    _text("copied_from"),
    sa.Column("lexicon_version", sa.Text, nullable=False),
    sa.Column("anchored_at", sa.DateTime(timezone=True), nullable=False, server_default=_NOW),
    _time("created_at", default=True),
)

users = sa.Table(
    "users",
    metadata,
    sa.Column("tenant", sa.Text, sa.ForeignKey("tenants.tenant", ondelete="CASCADE"), primary_key=True),
    _key("user_id"),
    sa.Column("role", sa.Text, nullable=False, server_default="shopper"),
    _text("name"),
    _time("created_at", default=True),
    sa.CheckConstraint("role IN ('shopper', 'merchant')", name="role"),
)

addresses = sa.Table(
    "addresses",
    metadata,
    _tenant(),
    _key("address_id"),
    sa.Column("user_id", sa.Text, nullable=False),
    _text("label"),
    _text("recipient"),
    _text("phone"),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("is_default", sa.Boolean, nullable=False, server_default=sa.false()),
    _belongs_to("users", "user_id"),
    sa.Index("ix_addresses_user", "tenant", "user_id"),
    sa.Index("uq_addresses_default", "tenant", "user_id", unique=True, postgresql_where=sa.text("is_default")),
)

products = sa.Table(
    "products",
    metadata,
    sa.Column("tenant", sa.Text, sa.ForeignKey("tenants.tenant", ondelete="CASCADE"), primary_key=True),
    _key("sku"),
    sa.Column("name_zh", sa.Text, nullable=False),
    _text("name_en"),
    _text("brand_zh"),
    _text("brand_en"),
    _text("department"),
    _text("category"),
    _text("kind"),
    _text("unit_zh"),
    _text("unit_en"),
    _cents("price_cents"),
    sa.Column("rating", sa.Float),
    sa.Column("units_sold", sa.BigInteger, nullable=False, server_default="0"),
    _terms("aliases"),
    sa.Column("attributes", JSONB, nullable=False, server_default="[]"),
    _text("description_zh"),
    _text("description_en"),
    sa.Column("delisted", sa.Boolean, nullable=False, server_default=sa.false()),
    _terms("search_terms"),
    _text("search_text"),
    sa.Column("embedding", Vector(EMBEDDING_SIZE)),
    sa.Column("version", sa.BigInteger, nullable=False, server_default="1"),
    _time("created_at", default=True),
    sa.CheckConstraint("price_cents >= 0 AND price_cents <= 10000000000", name="price"),
    sa.CheckConstraint("units_sold >= 0", name="units_sold"),
    sa.CheckConstraint("rating >= 0 AND rating <= 5", name="rating"),
    sa.Index("ix_products_search_terms", "search_terms", postgresql_using="gin"),
    sa.Index("ix_products_kind", "tenant", "kind"),
    sa.Index("ix_products_category", "tenant", "category"),
    sa.Index("ix_products_brand", "tenant", "brand_zh"),
)

variants = sa.Table(
    "variants",
    metadata,
    _tenant(),
    _key("sku"),
    _key("variant_id"),
    sa.Column("position", sa.Integer, nullable=False, server_default="0"),
    _text("color"),
    _text("color_code"),
    _text("size"),
    _belongs_to("products", "sku"),
)

stock = sa.Table(
    "stock",
    metadata,
    _tenant(),
    _key("sku"),
    _key("variant_id"),
    sa.Column("available", sa.BigInteger, nullable=False),
    sa.Column("reserved", sa.BigInteger, nullable=False, server_default="0"),
    _belongs_to("variants", "sku", "variant_id"),
    sa.CheckConstraint("available >= 0", name="available"),
    sa.CheckConstraint("reserved >= 0", name="reserved"),
)

carts = sa.Table(
    "carts",
    metadata,
    _tenant(),
    _key("user_id"),
    sa.Column("next_line", sa.BigInteger, nullable=False, server_default="1"),
    _belongs_to("users", "user_id"),
)

cart_lines = sa.Table(
    "cart_lines",
    metadata,
    _tenant(),
    _key("user_id"),
    _key("line_id"),
    sa.Column("sku", sa.Text, nullable=False),
    sa.Column("variant_id", sa.Text, nullable=False),
    sa.Column("quantity", sa.BigInteger, nullable=False),
    _time("created_at", default=True),
    _belongs_to("carts", "user_id"),
    _belongs_to("variants", "sku", "variant_id"),
    sa.UniqueConstraint("tenant", "user_id", "sku", "variant_id"),
    sa.CheckConstraint("quantity BETWEEN 1 AND 999", name="quantity"),
)

order_numbers = sa.Sequence("order_numbers", start=600_001, metadata=metadata)

orders = sa.Table(
    "orders",
    metadata,
    _tenant(),
    _key("order_id"),
    sa.Column("user_id", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    _cents("total_cents"),
    _text("payment_method"),
    sa.Column("address", JSONB, nullable=False, server_default="{}"),
    _text("note"),
    sa.Column("seeded", sa.Boolean, nullable=False, server_default=sa.false()),
    _zero("discount_cents"),
    _text("coupon_code"),
    _text("cancel_reason"),
    _time("expires_at"),
    _time("completed_at"),
    _time("created_at", default=True),
    _time("paid_at"),
    _time("confirmed_at"),
    _time("delivered_at"),
    _time("cancelled_at"),
    _belongs_to("users", "user_id"),
    sa.CheckConstraint("total_cents >= 0", name="total"),
    sa.CheckConstraint("discount_cents >= 0", name="discount"),
    sa.Index("ix_orders_expiring", "expires_at", postgresql_where=sa.text("status = 'pending_payment'")),
    sa.Index("ix_orders_delivered", "delivered_at", postgresql_where=sa.text("status = 'delivered'")),
    sa.CheckConstraint(
        "status IN ('pending_payment', 'paid', 'confirmed', 'shipped', 'delivered', 'completed', 'cancelled')",
        name="status",
    ),
    sa.Index("ix_orders_user", "tenant", "user_id", "created_at"),
    sa.Index("ix_orders_created", "tenant", "created_at"),
    sa.Index("ix_orders_status", "tenant", "status"),
)

order_lines = sa.Table(
    "order_lines",
    metadata,
    _tenant(),
    _key("order_id"),
    sa.Column("line_no", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("sku", sa.Text, nullable=False),
    sa.Column("variant_id", sa.Text, nullable=False, server_default=""),
    sa.Column("name_zh", sa.Text, nullable=False),
    _text("name_en"),
    _text("color"),
    _text("size"),
    sa.Column("quantity", sa.BigInteger, nullable=False),
    _cents("unit_price_cents"),
    _zero("discount_cents"),
    _zero("taken_out"),
    _belongs_to("orders", "order_id"),
    sa.CheckConstraint("quantity >= 1", name="quantity"),
    sa.CheckConstraint("unit_price_cents >= 0", name="price"),
    sa.CheckConstraint("discount_cents >= 0 AND discount_cents <= quantity * unit_price_cents", name="discount"),
    sa.CheckConstraint("taken_out >= 0 AND taken_out <= quantity", name="taken_out"),
    sa.Index("ix_order_lines_sku", "tenant", "sku"),
)

payments = sa.Table(
    "payments",
    metadata,
    _tenant(),
    _key("payment_id"),
    sa.Column("order_id", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("method", sa.Text, nullable=False),
    _text("token"),
    _cents("amount_cents"),
    _zero("captured_cents"),
    _zero("refunded_cents"),
    sa.Column("settled", sa.Boolean, nullable=False, server_default=sa.false()),
    _text("provider_id"),
    _text("decline_reason"),
    _time("created_at", default=True),
    _belongs_to("orders", "order_id"),
    sa.CheckConstraint("status IN ('started', 'authorised', 'captured', 'declined', 'voided')", name="status"),
    sa.CheckConstraint("refunded_cents >= 0 AND refunded_cents <= captured_cents", name="refunded"),
    sa.CheckConstraint("captured_cents IN (0, amount_cents)", name="captured"),
    sa.Index("ix_payments_order", "tenant", "order_id"),
    sa.Index(
        "uq_payments_captured", "tenant", "order_id", unique=True, postgresql_where=sa.text("status = 'captured'")
    ),
    sa.Index(
        "ix_payments_open",
        "created_at",
        postgresql_where=sa.text("status IN ('started', 'authorised') OR (status = 'voided' AND NOT settled)"),
    ),
)

shipments = sa.Table(
    "shipments",
    metadata,
    _tenant(),
    _key("order_id"),
    sa.Column("carrier", sa.Text, nullable=False),
    _text("tracking_no"),
    _time("shipped_at", default=True),
    _time("expected_at"),
    _text("last_event"),
    sa.Column("status", sa.Text, nullable=False, server_default="in_transit"),
    _time("delivered_at"),
    _time("last_event_at"),
    _belongs_to("orders", "order_id"),
    sa.CheckConstraint("status IN ('in_transit', 'out_for_delivery', 'delivered', 'failed')", name="status"),
    sa.Index("ix_shipments_tracking", "tenant", "tracking_no"),
)

shipment_events = sa.Table(
    "shipment_events",
    metadata,
    _tenant(),
    sa.Column("event_id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("order_id", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    _text("description"),
    _time("at", default=True),
    _belongs_to("shipments", "order_id"),
    sa.Index("ix_shipment_events_order", "tenant", "order_id"),
)

refunds = sa.Table(
    "refunds",
    metadata,
    _tenant(),
    _key("refund_id"),
    sa.Column("order_id", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    _cents("amount_cents"),
    _text("reason"),
    _text("decision_reason"),
    sa.Column("exchange", sa.Boolean, nullable=False, server_default=sa.false()),
    _time("created_at", default=True),
    _belongs_to("orders", "order_id"),
    sa.CheckConstraint("status IN ('requested', 'approved', 'rejected', 'refunded')", name="status"),
    sa.CheckConstraint("amount_cents >= 0", name="amount"),
    sa.Index("ix_refunds_order", "tenant", "order_id"),
    sa.Index(
        "uq_refunds_requested", "tenant", "order_id", unique=True, postgresql_where=sa.text("status = 'requested'")
    ),
    sa.Index("ix_refunds_approved", "created_at", postgresql_where=sa.text("status = 'approved'")),
)

refund_lines = sa.Table(
    "refund_lines",
    metadata,
    _tenant(),
    _key("refund_id"),
    sa.Column("line_no", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("quantity", sa.BigInteger, nullable=False),
    _cents("amount_cents"),
    _belongs_to("refunds", "refund_id"),
    sa.CheckConstraint("quantity >= 1", name="quantity"),
    sa.CheckConstraint("amount_cents >= 0", name="amount"),
)

returns = sa.Table(
    "returns",
    metadata,
    _tenant(),
    _key("return_id"),
    sa.Column("order_id", sa.Text, nullable=False),
    sa.Column("refund_id", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    _text("carrier"),
    _text("tracking_no"),
    _time("created_at", default=True),
    _time("received_at"),
    _belongs_to("orders", "order_id"),
    sa.CheckConstraint("status IN ('requested', 'awaited', 'sent', 'received', 'rejected')", name="status"),
    sa.Index("ix_returns_order", "tenant", "order_id"),
    sa.Index("ix_returns_refund", "tenant", "refund_id"),
)

coupons = sa.Table(
    "coupons",
    metadata,
    sa.Column("tenant", sa.Text, sa.ForeignKey("tenants.tenant", ondelete="CASCADE"), primary_key=True),
    _key("code"),
    _text("title"),
    sa.Column("percent_off", sa.Integer),
    sa.Column("cents_off", sa.BigInteger),
    _zero("threshold_cents"),
    _zero("max_discount_cents"),
    sa.Column("per_user_limit", sa.Integer, nullable=False, server_default="0"),
    sa.Column("total_limit", sa.Integer, nullable=False, server_default="0"),
    _time("starts_at"),
    _time("expires_at"),
    _zero("used"),
    _time("created_at", default=True),
    sa.CheckConstraint(
        "(percent_off BETWEEN 1 AND 99 AND cents_off IS NULL) OR (percent_off IS NULL AND cents_off > 0)",
        name="reduction",
    ),
    sa.CheckConstraint("used >= 0", name="used"),
)

coupon_uses = sa.Table(
    "coupon_uses",
    metadata,
    _tenant(),
    _key("order_id"),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("user_id", sa.Text, nullable=False),
    _belongs_to("coupons", "code"),
    _belongs_to("orders", "order_id"),
    sa.Index("ix_coupon_uses_user", "tenant", "code", "user_id"),
)

quotes = sa.Table(
    "quotes",
    metadata,
    sa.Column("tenant", sa.Text, sa.ForeignKey("tenants.tenant", ondelete="CASCADE"), primary_key=True),
    _key("quote_id"),
    sa.Column("user_id", sa.Text, nullable=False),
    sa.Column("lines", JSONB, nullable=False),
    _cents("discount_cents"),
    _text("coupon_code"),
    _text("order_id"),
    sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index("ix_quotes_expires", "expires_at"),
)

ledger = sa.Table(
    "ledger",
    metadata,
    _tenant(),
    _key("entry_id"),
    sa.Column("order_id", sa.Text, nullable=False),
    sa.Column("payment_id", sa.Text, nullable=False),
    _cents("cents"),
    _time("at", default=True),
    _belongs_to("orders", "order_id"),
    sa.Index("ix_ledger_order", "tenant", "order_id"),
)

reviews = sa.Table(
    "reviews",
    metadata,
    _tenant(),
    _key("review_id"),
    sa.Column("sku", sa.Text, nullable=False),
    _text("user_id"),
    sa.Column("stars", sa.SmallInteger, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    _time("created_at", default=True),
    _belongs_to("products", "sku"),
    sa.CheckConstraint("stars BETWEEN 1 AND 5", name="stars"),
    sa.Index("ix_reviews_sku", "tenant", "sku"),
)

faq_documents = sa.Table(
    "faq_documents",
    metadata,
    sa.Column("tenant", sa.Text, sa.ForeignKey("tenants.tenant", ondelete="CASCADE"), primary_key=True),
    _key("faq_id"),
    sa.Column("title_zh", sa.Text, nullable=False),
    sa.Column("title_en", sa.Text, nullable=False),
    sa.Column("answer_zh", sa.Text, nullable=False),
    sa.Column("answer_en", sa.Text, nullable=False),
)

faq_questions = sa.Table(
    "faq_questions",
    metadata,
    _tenant(),
    _key("faq_id"),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("question", sa.Text, nullable=False),
    _terms("terms"),
    sa.Column("embedding", Vector(EMBEDDING_SIZE)),
    _belongs_to("faq_documents", "faq_id"),
)

idempotency = sa.Table(
    "idempotency",
    metadata,
    sa.Column("tenant", sa.Text, sa.ForeignKey("tenants.tenant", ondelete="CASCADE"), primary_key=True),
    _key("user_id"),
    _key("key"),
    sa.Column("request_hash", sa.LargeBinary, nullable=False),
    sa.Column("response", sa.LargeBinary),
    _time("created_at", default=True),
    _text("operation"),
    sa.Column("undo", JSONB),
    sa.Column("number", sa.BigInteger, sa.Identity(), nullable=False),
    sa.Index("ix_idempotency_created", "created_at"),
    sa.Index("ix_idempotency_undo", "tenant", "user_id", "number", postgresql_where=sa.text("operation <> ''")),
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("envelope", sa.LargeBinary, nullable=False),
    _time("created_at", default=True),
)

audit_log = sa.Table(
    "audit_log",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("tenant", sa.Text, sa.ForeignKey("tenants.tenant", ondelete="CASCADE"), nullable=False),
    sa.Column("user_id", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("operation", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("details", JSONB, nullable=False, server_default="{}"),
    _time("at", default=True),
    sa.Index("ix_audit_log_subject", "tenant", "subject"),
)

sandbox_charges = sa.Table(
    "sandbox_charges",
    metadata,
    sa.Column("charge_id", sa.Text, primary_key=True),
    sa.Column("status", sa.Text, nullable=False),
    _cents("amount_cents"),
    sa.Column("refunded_cents", sa.BigInteger, nullable=False, server_default="0"),
    _text("decline_reason"),
    _time("created_at", default=True),
    sa.CheckConstraint("status IN ('pending', 'authorised', 'captured', 'declined', 'voided')", name="status"),
    sa.CheckConstraint("refunded_cents >= 0 AND refunded_cents <= amount_cents", name="refunded"),
)

sandbox_refunds = sa.Table(
    "sandbox_refunds",
    metadata,
    sa.Column("refund_id", sa.Text, primary_key=True),
    sa.Column("charge_id", sa.Text, sa.ForeignKey("sandbox_charges.charge_id", ondelete="CASCADE"), nullable=False),
    _cents("amount_cents"),
    _time("created_at", default=True),
)

sandbox_events = sa.Table(
    "sandbox_events",
    metadata,
    sa.Column("event_id", sa.Text, primary_key=True),
    sa.Column("charge_id", sa.Text, sa.ForeignKey("sandbox_charges.charge_id", ondelete="CASCADE"), nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("copies", sa.Integer, nullable=False, server_default="1"),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Index("ix_sandbox_events_due", "due_at"),
)

webhook_events = sa.Table(
    "webhook_events",
    metadata,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("event_id", sa.Text, primary_key=True),
    _time("received_at", default=True),
    sa.Index("ix_webhook_events_received", "received_at"),
)
