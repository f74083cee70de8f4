"""Who a transaction acts for: one tenant, or the shop's own housekeeping.

PostgreSQL separates the tenants by row-level security: every table with a tenant has a policy, forced also upon its
owner, that shows and accepts only rows of the tenant that the transaction has named (``voxcart.tenant``). A query that
forgets its tenant filter finds nothing of another shop. Housekeeping that spans shops (migrations, sweeps, the outbox)
names itself explicitly with :data:`SYSTEM` (``voxcart.mode``).

A superuser, or a user with BYPASSRLS, is not held by policies. For such a login, tenant transactions change to the role
:data:`APP_ROLE`, which is made at start, can do neither, and can never take the system mode.
"""

from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.errors import WrongState
from voxcart_services.shop.deadline import seconds_left
from voxcart_services.shop.pipelined import placeholders
from voxcart_services.shop.schema import metadata

APP_ROLE = "voxcart_shop"
SYSTEM_TABLES = frozenset({"sandbox_charges", "sandbox_refunds", "sandbox_events", "webhook_events"})
"""Tables of the sandbox payment company and of the messages it sends; the tenant role has no right to them."""


class System:
    """The type of :data:`SYSTEM`."""


SYSTEM: Final = System()
"""The scope of work that spans tenants."""

Scope = str | System

_LOGIN = text(
    "SELECT rolsuper OR rolbypassrls AS bypasses, rolsuper OR rolcreaterole AS may_create, rolsuper AS is_super, "
    "EXISTS (SELECT 1 FROM pg_roles r WHERE r.rolname = :role) AS has_role FROM pg_roles WHERE rolname = session_user"
)
_ENTER = (
    "SELECT set_config('voxcart.tenant', :tenant, true) AS tenant, set_config('statement_timeout', CAST(coalesce(least("
    "CAST(:left_ms AS bigint), nullif(CAST(1000 * extract(epoch FROM "
    "CAST(current_setting('statement_timeout') AS interval)) AS bigint), 0)), 0) AS text), true) AS statement_timeout"
)
"""For whom, and how long: no statement runs longer than what is left of the call, nor than the connection's limit."""
_ENTER_WITH_ROLE = f"{_ENTER}, set_config('role', '{APP_ROLE}', true) AS role"
_AS_OWNER, _AS_ROLE = text(_ENTER), text(_ENTER_WITH_ROLE)
_PIPELINED_AS_OWNER, _PIPELINED_AS_ROLE = placeholders(_ENTER), placeholders(_ENTER_WITH_ROLE)
_AS_SYSTEM = text("SELECT set_config('voxcart.mode', 'system', true)")
_MAKE_ROLE = f"""
DO $$ BEGIN
    CREATE ROLE {APP_ROLE} NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$
"""


class NoTenantRole(WrongState):
    """The login is not held by row-level security and may not make the role that is."""


async def needs_role(conn: AsyncConnection) -> bool:
    """Whether the login is not held by policies, so that tenant transactions must change their role."""
    return (await conn.execute(_LOGIN, {"role": APP_ROLE})).one().bypasses


async def enter(conn: AsyncConnection, scope: Scope, *, with_role: bool) -> None:
    """Says for whom the rest of this transaction acts; the first statement of every transaction.

    Raises:
        NoTenantRole: The role for tenant transactions is missing.
    """
    if isinstance(scope, System):
        await conn.execute(_AS_SYSTEM)
    else:
        await conn.execute(_AS_ROLE if with_role else _AS_OWNER, _entry_values(scope))


def entry(tenant: str, *, with_role: bool) -> tuple[str, dict[str, Any]]:
    """What :func:`enter` runs for a tenant, as a statement for a pipeline."""
    return _PIPELINED_AS_ROLE if with_role else _PIPELINED_AS_OWNER, _entry_values(tenant)


def _entry_values(tenant: str) -> dict[str, Any]:
    left_seconds = seconds_left()
    return {"tenant": tenant, "left_ms": None if left_seconds is None else max(1, int(left_seconds * 1000))}


async def prepare_role(conn: AsyncConnection) -> None:
    """Makes the role of tenant transactions and gives it its rights, if the login is one that needs it.

    Raises:
        NoTenantRole: The login needs the role and may not make it.
    """
    login = (await conn.execute(_LOGIN, {"role": APP_ROLE})).one()
    if not login.bypasses:
        return
    if not login.has_role:
        if not login.may_create:
            raise NoTenantRole(
                "the database user ignores row-level security (BYPASSRLS) and may not create roles; give the shop a "
                f"user without BYPASSRLS, or create the role once: CREATE ROLE {APP_ROLE} NOLOGIN NOBYPASSRLS"
            )
        await conn.execute(text(_MAKE_ROLE))
    if not login.is_super:
        await conn.execute(text(f"GRANT {APP_ROLE} TO CURRENT_USER"))
    tables = ", ".join(name for name in metadata.tables if name not in SYSTEM_TABLES)
    schema = (await conn.execute(text("SELECT quote_ident(current_schema())"))).scalar_one()
    await conn.execute(text(f"GRANT USAGE ON SCHEMA {schema} TO {APP_ROLE}"))
    await conn.execute(text(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {tables} TO {APP_ROLE}"))
    await conn.execute(text(f"GRANT USAGE ON SEQUENCE order_numbers TO {APP_ROLE}"))
