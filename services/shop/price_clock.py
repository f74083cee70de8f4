"""Begins and ends timed prices when their time comes, and makes up for what fell due while the service was down."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.errors import NotFound, VoxcartError
from voxcart.telemetry.logs import get_logger
from voxcart_services.shop.database import Database
from voxcart_services.shop.metrics import SWEPT_TOTAL
from voxcart_services.shop.price_schedules import take_step
from voxcart_services.shop.tenancy import SYSTEM

log = get_logger(__name__)

SWEEP_SECONDS = 15.0
"""Longest pause: what another process has scheduled is found by then."""
SHORTEST_SECONDS = 0.05
BATCH = 100

_DUE = text(
    "SELECT tenant, schedule_id FROM price_schedules WHERE (status = 'active' AND ends_at <= now()) "
    "OR (status = 'scheduled' AND starts_at <= now()) OR (status = 'awaiting_approval' AND ends_at <= now()) "
    f"ORDER BY status <> 'active', ends_at LIMIT {BATCH}"
)
_NEXT = text(
    "SELECT extract(epoch FROM min(CASE status WHEN 'scheduled' THEN starts_at ELSE ends_at END) - now()) "
    "FROM price_schedules WHERE status IN ('scheduled', 'active', 'awaiting_approval')"
)


class PriceClock:
    """Takes the steps that are due. Any number of processes may run one; each step is taken once."""

    def __init__(self, database: Database, changed: Callable[[], None]) -> None:
        """``changed`` is called after steps, so that their events leave at once."""
        self._database = database
        self._changed = changed
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Says that there may be a new time to wait for."""
        self._woken.set()

    async def take_due_steps(self) -> int:
        """Ends what is over, then begins what has come; how many steps were taken.

        Raises:
            Unavailable: The database is away.
        """
        taken = 0
        while rows := await self._database.run(SYSTEM, _due):
            steps = [await self._step(row) for row in rows]
            taken += sum(steps)
            if not any(steps):
                break
        if taken:
            self._changed()
        return taken

    async def _step(self, row: Any) -> bool:
        try:
            status = await self._database.run(row.tenant, lambda conn: take_step(conn, row.tenant, row.schedule_id))
        except NotFound:
            return False
        except VoxcartError as error:
            log.warning("a timed price is left to the next sweep", code=error.code.name)
            return False
        if status is not None:
            SWEPT_TOTAL.labels("price").inc()
        return status is not None

    async def run(self) -> None:
        """Takes steps when they are due until cancelled; waits out an absent database."""
        while True:
            self._woken.clear()
            pause = SWEEP_SECONDS
            try:
                await self.take_due_steps()
                pause = await self._database.run(SYSTEM, _seconds_to_next)
            except VoxcartError as error:
                log.warning("timed prices cannot be looked at now", code=error.code.name)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._woken.wait()


async def _due(conn: AsyncConnection) -> list[Any]:
    return list(await conn.execute(_DUE))


async def _seconds_to_next(conn: AsyncConnection) -> float:
    seconds = (await conn.execute(_NEXT)).scalar()
    return SWEEP_SECONDS if seconds is None else min(SWEEP_SECONDS, max(SHORTEST_SECONDS, float(seconds)))
