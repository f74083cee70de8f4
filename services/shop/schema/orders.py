"""Tables from the cart to the ledger: orders, payments, parcels, refunds, coupons and quotes."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from voxcart_services.shop.schema.base import belongs_to, cents, key, metadata, moment, tenant_key, text, zero

carts = sa.Table(
    "carts",
    metadata,
    tenant_key(),
    key("user_id"),
    sa.Column("next_line", sa.BigInteger, nullable=False, server_default="1"),
    belongs_to("users", "user_id"),
)

cart_lines = sa.Table(
    "cart_lines",
    metadata,
    tenant_key(),
    key("user_id"),
    key("line_id"),
    sa.Column("sku", sa.Text, nullable=False),
    sa.Column("variant_id", sa.Text, nullable=False),
    sa.Column("quantity", sa.BigInteger, nullable=False),
    moment("created_at", default=True),
    belongs_to("carts", "user_id"),
    belongs_to("variants", "sku", "variant_id"),
    sa.UniqueConstraint("tenant", "user_id", "sku", "variant_id"),
    sa.CheckConstraint("quantity BETWEEN 1 AND 999", name="quantity"),
)

order_numbers = sa.Sequence("order_numbers", start=600_001, metadata=metadata)

orders = sa.Table(
    "orders",
    metadata,
    tenant_key(),
    key("order_id"),
    sa.Column("user_id", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    cents("total_cents"),
    text("payment_method"),
    sa.Column("address", JSONB, nullable=False, server_default="{}"),
    text("note"),
    sa.Column("seeded", sa.Boolean, nullable=False, server_default=sa.false()),
    zero("discount_cents"),
    text("coupon_code"),
    text("cancel_reason"),
    moment("expires_at"),
    moment("completed_at"),
    moment("created_at", default=True),
    moment("paid_at"),
    moment("confirmed_at"),
    moment("delivered_at"),
    moment("cancelled_at"),
    belongs_to("users", "user_id"),
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
    tenant_key(),
    key("order_id"),
    sa.Column("line_no", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("sku", sa.Text, nullable=False),
    sa.Column("variant_id", sa.Text, nullable=False, server_default=""),
    sa.Column("name_zh", sa.Text, nullable=False),
    text("name_en"),
    text("color"),
    text("size"),
    sa.Column("quantity", sa.BigInteger, nullable=False),
    cents("unit_price_cents"),
    zero("discount_cents"),
    zero("taken_out"),
    belongs_to("orders", "order_id"),
    sa.CheckConstraint("quantity >= 1", name="quantity"),
    sa.CheckConstraint("unit_price_cents >= 0", name="price"),
    sa.CheckConstraint("discount_cents >= 0 AND discount_cents <= quantity * unit_price_cents", name="discount"),
    sa.CheckConstraint("taken_out >= 0 AND taken_out <= quantity", name="taken_out"),
    sa.Index("ix_order_lines_sku", "tenant", "sku"),
)

payments = sa.Table(
    "payments",
    metadata,
    tenant_key(),
    key("payment_id"),
    sa.Column("order_id", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("method", sa.Text, nullable=False),
    text("token"),
    cents("amount_cents"),
    zero("captured_cents"),
    zero("refunded_cents"),
    sa.Column("settled", sa.Boolean, nullable=False, server_default=sa.false()),
    text("provider_id"),
    text("decline_reason"),
    moment("created_at", default=True),
    belongs_to("orders", "order_id"),
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
    tenant_key(),
    key("order_id"),
    sa.Column("carrier", sa.Text, nullable=False),
    text("tracking_no"),
    moment("shipped_at", default=True),
    moment("expected_at"),
    text("last_event"),
    sa.Column("status", sa.Text, nullable=False, server_default="in_transit"),
    moment("delivered_at"),
    moment("last_event_at"),
    belongs_to("orders", "order_id"),
    sa.CheckConstraint("status IN ('in_transit', 'out_for_delivery', 'delivered', 'failed')", name="status"),
    sa.Index("ix_shipments_tracking", "tenant", "tracking_no"),
)

shipment_events = sa.Table(
    "shipment_events",
    metadata,
    tenant_key(),
    sa.Column("event_id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("order_id", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    text("description"),
    moment("at", default=True),
    belongs_to("shipments", "order_id"),
    sa.Index("ix_shipment_events_order", "tenant", "order_id"),
)

refunds = sa.Table(
    "refunds",
    metadata,
    tenant_key(),
    key("refund_id"),
    sa.Column("order_id", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    cents("amount_cents"),
    text("reason"),
    text("decision_reason"),
    sa.Column("exchange", sa.Boolean, nullable=False, server_default=sa.false()),
    moment("created_at", default=True),
    belongs_to("orders", "order_id"),
    sa.CheckConstraint("status IN ('requested', 'approved', 'rejected', 'refunded')", name="status"),
    sa.CheckConstraint("amount_cents >= 0", name="amount"),
    sa.Index("ix_refunds_order", "tenant", "order_id"),
    sa.Index("ix_refunds_created", "tenant", "created_at"),
    sa.Index(
        "uq_refunds_requested", "tenant", "order_id", unique=True, postgresql_where=sa.text("status = 'requested'")
    ),
    sa.Index("ix_refunds_approved", "created_at", postgresql_where=sa.text("status = 'approved'")),
)

refund_lines = sa.Table(
    "refund_lines",
    metadata,
    tenant_key(),
    key("refund_id"),
    sa.Column("line_no", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("quantity", sa.BigInteger, nullable=False),
    cents("amount_cents"),
    belongs_to("refunds", "refund_id"),
    sa.CheckConstraint("quantity >= 1", name="quantity"),
    sa.CheckConstraint("amount_cents >= 0", name="amount"),
)

returns = sa.Table(
    "returns",
    metadata,
    tenant_key(),
    key("return_id"),
    sa.Column("order_id", sa.Text, nullable=False),
    sa.Column("refund_id", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    text("carrier"),
    text("tracking_no"),
    moment("created_at", default=True),
    moment("received_at"),
    belongs_to("orders", "order_id"),
    sa.CheckConstraint("status IN ('requested', 'awaited', 'sent', 'received', 'rejected')", name="status"),
    sa.Index("ix_returns_order", "tenant", "order_id"),
    sa.Index("ix_returns_refund", "tenant", "refund_id"),
)

coupons = sa.Table(
    "coupons",
    metadata,
    sa.Column("tenant", sa.Text, sa.ForeignKey("tenants.tenant", ondelete="CASCADE"), primary_key=True),
    key("code"),
    text("title"),
    sa.Column("percent_off", sa.Integer),
    sa.Column("cents_off", sa.BigInteger),
    zero("threshold_cents"),
    zero("max_discount_cents"),
    sa.Column("per_user_limit", sa.Integer, nullable=False, server_default="0"),
    sa.Column("total_limit", sa.Integer, nullable=False, server_default="0"),
    moment("starts_at"),
    moment("expires_at"),
    zero("used"),
    moment("created_at", default=True),
    sa.CheckConstraint(
        "(percent_off BETWEEN 1 AND 99 AND cents_off IS NULL) OR (percent_off IS NULL AND cents_off > 0)",
        name="reduction",
    ),
    sa.CheckConstraint("used >= 0", name="used"),
)

coupon_uses = sa.Table(
    "coupon_uses",
    metadata,
    tenant_key(),
    key("order_id"),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("user_id", sa.Text, nullable=False),
    belongs_to("coupons", "code"),
    belongs_to("orders", "order_id"),
    sa.Index("ix_coupon_uses_user", "tenant", "code", "user_id"),
)

quotes = sa.Table(
    "quotes",
    metadata,
    sa.Column("tenant", sa.Text, sa.ForeignKey("tenants.tenant", ondelete="CASCADE"), primary_key=True),
    key("quote_id"),
    sa.Column("user_id", sa.Text, nullable=False),
    sa.Column("lines", JSONB, nullable=False),
    cents("discount_cents"),
    text("coupon_code"),
    text("order_id"),
    sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index("ix_quotes_expires", "expires_at"),
)

ledger = sa.Table(
    "ledger",
    metadata,
    tenant_key(),
    key("entry_id"),
    sa.Column("order_id", sa.Text, nullable=False),
    sa.Column("payment_id", sa.Text, nullable=False),
    cents("cents"),
    moment("at", default=True),
    belongs_to("orders", "order_id"),
    sa.Index("ix_ledger_order", "tenant", "order_id"),
)
