"""The audit log: who changed what, written in the transaction of the change."""

from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart_services.shop.models import Actor
from voxcart_services.shop.pipelined import Statement
from voxcart_services.shop.schema import audit_log

_RECORD = (
    "INSERT INTO audit_log (tenant, user_id, role, operation, subject, details) "
    "VALUES (%(tenant)s, %(user_id)s, %(role)s, %(operation)s, %(subject)s, %(details)s)"
)


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
