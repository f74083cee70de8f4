"""The audit log: who changed what, written in the transaction of the change, and read page by page."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.errors import InvalidInput
from voxcart_services.shop.models import Actor, checked_id
from voxcart_services.shop.paging import PageRequest
from voxcart_services.shop.pipelined import Statement
from voxcart_services.shop.schema import audit_log

_RECORD = (
    "INSERT INTO audit_log (tenant, user_id, role, operation, subject, details) "
    "VALUES (%(tenant)s, %(user_id)s, %(role)s, %(operation)s, %(subject)s, %(details)s)"
)


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Which entries. Empty fields ask nothing; times are [since, until)."""

    subject: str = ""
    operation: str = ""
    user_id: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what, and when."""

    id: int
    at: datetime
    user_id: str
    role: str
    operation: str
    subject: str
    details: dict[str, Any]


def record_statement(actor: Actor, operation: str, subject: str, **details: Any) -> Statement:
    """:func:`record` as a statement for a pipeline."""
    values = {"tenant": actor.tenant, "user_id": actor.user_id, "role": actor.role.value}
    return _RECORD, values | {"operation": operation, "subject": subject, "details": Jsonb(details)}


async def record(conn: AsyncConnection, actor: Actor, operation: str, subject: str, **details: Any) -> None:
    """Notes that the actor did ``operation`` to ``subject`` (an order, a SKU), with values before and after."""
    await conn.execute(
        audit_log.insert(),
        {
            "tenant": actor.tenant,
            "user_id": actor.user_id,
            "role": actor.role.value,
            "operation": operation,
            "subject": subject,
            "details": details,
        },
    )


async def list_audit(
    conn: AsyncConnection, actor: Actor, wanted: AuditQuery, page: PageRequest
) -> tuple[list[AuditEntry], str]:
    """A page of entries, newest first, and the token of the page after; empty on the last.

    Raises:
        NotAllowed: Not the merchant. ``InvalidInput``: a name that cannot be, or a period that ends before it begins.
    """
    actor.need_merchant()
    if wanted.since is not None and wanted.until is not None and wanted.until <= wanted.since:
        raise InvalidInput("to must be after from", field="to")
    conditions, values = ["tenant = :tenant"], {"tenant": actor.tenant, "limit": page.size + 1}
    for name in ("subject", "operation", "user_id"):
        if getattr(wanted, name):
            conditions.append(f"{name} = :{name}")
            values[name] = checked_id(getattr(wanted, name), name)
    after = page.after[0] if page.after else None
    for name, condition, value in (
        ("since", "at >= :since", wanted.since),
        ("until", "at < :until", wanted.until),
        ("after", "id < :after", after),
    ):
        if value is not None:
            conditions.append(condition)
            values[name] = value
    statement = text(
        "SELECT id, at, user_id, role, operation, subject, details FROM audit_log "
        f"WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT :limit"
    )
    entries = [AuditEntry(*row) for row in await conn.execute(statement, values)]
    more = len(entries) > page.size
    return entries[: page.size], page.token([entries[page.size - 1].id]) if more else ""
