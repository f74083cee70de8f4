"""Catalogue imports: how far each file was read into a shop, so that one that was cut off goes on.

Revision: 0006, after 0005
"""

from alembic import op

revision = "0006"
down_revision = "0005"

_TABLE = """
CREATE TABLE catalogue_imports (
    tenant TEXT NOT NULL,
    file TEXT NOT NULL,
    state JSONB NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT pk_catalogue_imports PRIMARY KEY (tenant, file),
    CONSTRAINT fk_catalogue_imports_tenant FOREIGN KEY(tenant) REFERENCES tenants (tenant) ON DELETE CASCADE
)
"""
_SYSTEM = "(SELECT current_setting('voxcart.mode', true) = 'system' AND current_user <> 'voxcart_shop')"
_SEEN = f"tenant = (SELECT current_setting('voxcart.tenant', true)) OR {_SYSTEM}"


def upgrade() -> None:
    """Adds the table and its policy."""
    op.execute(_TABLE)
    op.execute("ALTER TABLE catalogue_imports ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE catalogue_imports FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenants_apart ON catalogue_imports USING ({_SEEN}) WITH CHECK ({_SEEN})")


def downgrade() -> None:
    """Takes it away."""
    op.execute("DROP TABLE catalogue_imports")
