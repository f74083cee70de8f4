"""Moving stock between available, reserved and gone. Rows are locked in the order of SKU and variant, so that buyers of
the same products wait for one another instead of deadlocking; the database refuses negative numbers."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_LOCK = text(
    "SELECT s.sku, s.variant_id, s.available, s.reserved FROM stock s "
    "JOIN unnest(CAST(:skus AS text[]), CAST(:variant_ids AS text[])) AS w(sku, variant_id) USING (sku, variant_id) "
    "WHERE s.tenant = :tenant ORDER BY s.sku, s.variant_id FOR UPDATE OF s"
)
_MOVE = text(
    "UPDATE stock s SET available = s.available + w.available, reserved = s.reserved + w.reserved "
    "FROM unnest(CAST(:skus AS text[]), CAST(:variant_ids AS text[]), CAST(:available AS bigint[]), "
    "CAST(:reserved AS bigint[])) AS w(sku, variant_id, available, reserved) "
    "WHERE s.tenant = :tenant AND s.sku = w.sku AND s.variant_id = w.variant_id"
)


@dataclass(frozen=True, slots=True)
class Units:
    """A number of units of one variant."""

    sku: str
    variant_id: str
    quantity: int


async def lock_stock(conn: AsyncConnection, tenant: str, units: Iterable[Units]) -> dict[tuple[str, str], int]:
    """Locks the stock of variants; available units by (sku, variant_id)."""
    wanted = _merged(units)
    values = {"tenant": tenant, "skus": [u.sku for u in wanted], "variant_ids": [u.variant_id for u in wanted]}
    return {(row.sku, row.variant_id): row.available for row in await conn.execute(_LOCK, values)}


async def release(conn: AsyncConnection, tenant: str, units: Iterable[Units]) -> None:
    """Gives reserved units back for sale."""
    merged = _merged(units)
    await lock_stock(conn, tenant, merged)
    await _move(conn, tenant, [(u, u.quantity, -u.quantity) for u in merged])


async def consume(conn: AsyncConnection, tenant: str, units: Iterable[Units]) -> None:
    """Takes reserved units out of the house."""
    merged = _merged(units)
    await lock_stock(conn, tenant, merged)
    await _move(conn, tenant, [(u, 0, -u.quantity) for u in merged])


def _merged(units: Iterable[Units]) -> list[Units]:
    totals: dict[tuple[str, str], int] = {}
    for unit in units:
        place = (unit.sku, unit.variant_id)
        totals[place] = totals.get(place, 0) + unit.quantity
    return [Units(sku, variant_id, quantity) for (sku, variant_id), quantity in sorted(totals.items())]


async def _move(conn: AsyncConnection, tenant: str, moves: list[tuple[Units, int, int]]) -> None:
    if not moves:
        return
    await conn.execute(
        _MOVE,
        {
            "tenant": tenant,
            "skus": [unit.sku for unit, _, _ in moves],
            "variant_ids": [unit.variant_id for unit, _, _ in moves],
            "available": [available for _, available, _ in moves],
            "reserved": [reserved for _, _, reserved in moves],
        },
    )
