"""Tables of the merchant's side: timed prices, what the staff may do, and stock that is low."""

import sqlalchemy as sa

from voxcart_services.shop.schema.base import NOW, belongs_to, cents, key, metadata, moment, tenant_key, terms, text

price_schedules = sa.Table(
    "price_schedules",
    metadata,
    tenant_key(),
    key("schedule_id"),
    sa.Column("sku", sa.Text, nullable=False),
    cents("price_cents"),
    sa.Column("price_before_cents", sa.BigInteger),
    sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("requested_by", sa.Text, nullable=False),
    text("decided_by"),
    moment("created_at", default=True),
    belongs_to("products", "sku"),
    sa.CheckConstraint("price_cents > 0", name="price"),
    sa.CheckConstraint("ends_at > starts_at", name="period"),
    sa.CheckConstraint(
        "status IN ('awaiting_approval', 'scheduled', 'active', 'ended', 'cancelled', 'rejected', 'missed')",
        name="status",
    ),
    sa.CheckConstraint("status <> 'active' OR price_before_cents IS NOT NULL", name="before"),
    sa.Index("ix_price_schedules_sku", "tenant", "sku", "starts_at"),
    sa.Index(
        "ix_price_schedules_open",
        "status",
        "starts_at",
        "ends_at",
        postgresql_where=sa.text("status IN ('awaiting_approval', 'scheduled', 'active')"),
    ),
)

staff = sa.Table(
    "staff",
    metadata,
    sa.Column("tenant", sa.Text, sa.ForeignKey("tenants.tenant", ondelete="CASCADE"), primary_key=True),
    key("user_id"),
    terms("scopes"),
    moment("created_at", default=True),
)

low_stock = sa.Table(
    "low_stock",
    metadata,
    tenant_key(),
    key("sku"),
    sa.Column("since", sa.DateTime(timezone=True), nullable=False, server_default=NOW),
    belongs_to("products", "sku"),
)

low_stock_crossings = sa.Table(
    "low_stock_crossings",
    metadata,
    tenant_key(),
    sa.Column("crossing_id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("sku", sa.Text, nullable=False),
    sa.Column("units", sa.BigInteger, nullable=False),
    sa.Column("threshold", sa.BigInteger, nullable=False),
    moment("at", default=True),
    belongs_to("products", "sku"),
)
