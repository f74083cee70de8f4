"""Tables of the service itself: keys of changes, events on their way, the audit log, and the sandbox's books."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from voxcart_services.shop.schema.base import cents, key, metadata, moment, text

idempotency = sa.Table(
    "idempotency",
    metadata,
    sa.Column("tenant", sa.Text, sa.ForeignKey("tenants.tenant", ondelete="CASCADE"), primary_key=True),
    key("user_id"),
    key("key"),
    sa.Column("request_hash", sa.LargeBinary, nullable=False),
    sa.Column("response", sa.LargeBinary),
    moment("created_at", default=True),
    text("operation"),
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
    moment("created_at", default=True),
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
    moment("at", default=True),
    sa.Index("ix_audit_log_subject", "tenant", "subject"),
    sa.Index("ix_audit_log_at", "tenant", "id"),
)

sandbox_charges = sa.Table(
    "sandbox_charges",
    metadata,
    sa.Column("charge_id", sa.Text, primary_key=True),
    sa.Column("status", sa.Text, nullable=False),
    cents("amount_cents"),
    sa.Column("refunded_cents", sa.BigInteger, nullable=False, server_default="0"),
    text("decline_reason"),
    moment("created_at", default=True),
    sa.CheckConstraint("status IN ('pending', 'authorised', 'captured', 'declined', 'voided')", name="status"),
    sa.CheckConstraint("refunded_cents >= 0 AND refunded_cents <= amount_cents", name="refunded"),
)

sandbox_refunds = sa.Table(
    "sandbox_refunds",
    metadata,
    sa.Column("refund_id", sa.Text, primary_key=True),
    sa.Column("charge_id", sa.Text, sa.ForeignKey("sandbox_charges.charge_id", ondelete="CASCADE"), nullable=False),
    cents("amount_cents"),
    moment("created_at", default=True),
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
    moment("received_at", default=True),
    sa.Index("ix_webhook_events_received", "received_at"),
)
