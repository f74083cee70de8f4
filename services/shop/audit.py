"""The audit log: who changed what, written in the transaction of the change."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart_services.shop.models import Actor
from voxcart_services.shop.schema import audit_log


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
