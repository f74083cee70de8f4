"""Row-level security: each transaction sees the rows of the one tenant that it names.

Revision: 0002, after 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"

_TABLES = (
    "tenants", "users", "addresses", "products", "variants", "stock", "carts", "cart_lines", "orders", "order_lines",
    "payments", "shipments", "refunds", "reviews", "faq_documents", "faq_questions", "idempotency", "audit_log",
)  # fmt: skip
_SYSTEM = "(SELECT current_setting('voxcart.mode', true) = 'system' AND current_user <> 'voxcart_shop')"
_SEEN = f"tenant = (SELECT current_setting('voxcart.tenant', true)) OR {_SYSTEM}"


def upgrade() -> None:
    """Turns the policies on, also for the tables' owner. Events may be left by any tenant and are read by none."""
    for table in (*_TABLES, "outbox"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    for table in _TABLES:
        op.execute(f"CREATE POLICY tenants_apart ON {table} USING ({_SEEN}) WITH CHECK ({_SEEN})")
    op.execute(f"CREATE POLICY housekeeping ON outbox USING ({_SYSTEM})")
    op.execute("CREATE POLICY left_by_tenants ON outbox FOR INSERT WITH CHECK (true)")


def downgrade() -> None:
    """Turns the policies off."""
    for table in _TABLES:
        op.execute(f"DROP POLICY tenants_apart ON {table}")
    op.execute("DROP POLICY housekeeping ON outbox")
    op.execute("DROP POLICY left_by_tenants ON outbox")
    for table in (*_TABLES, "outbox"):
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
