"""Many orders at once: each is confirmed or shipped by itself, and what is refused does not hold up the rest."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.errors import InvalidInput, NotFound, WrongState
from voxcart_services.shop.lifecycle import OrderStatus
from voxcart_services.shop.models import Actor, Order, checked_id
from voxcart_services.shop.orders import confirm_order
from voxcart_services.shop.shipping import ship_order

MAX_ORDERS = 100

_WAITING = text(
    "SELECT order_id FROM orders WHERE tenant = :tenant AND status = :status ORDER BY created_at, order_id "
    f"LIMIT {MAX_ORDERS}"
)
_COUNT = text("SELECT count(*) FROM orders WHERE tenant = :tenant AND status = :status")

Work = Callable[[str], Awaitable[Order]]


@dataclass(frozen=True, slots=True)
class RefusedOrder:
    """An order that was left as it is, and why."""

    order_id: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class ProcessedOrders:
    """What came of many orders; ``left`` counts those that wait on because there were too many."""

    orders: tuple[Order, ...]
    refused: tuple[RefusedOrder, ...]
    left: int


async def confirm_orders(conn: AsyncConnection, actor: Actor, order_ids: Sequence[str]) -> ProcessedOrders:
    """Confirms the named orders, or without names the oldest that are paid.

    Raises:
        NotAllowed: Not the merchant. ``InvalidInput``: too many, or an id that cannot be.
    """
    return await _each(conn, actor, order_ids, OrderStatus.PAID, lambda order_id: confirm_order(conn, actor, order_id))


async def ship_orders(conn: AsyncConnection, actor: Actor, order_ids: Sequence[str], carrier: str) -> ProcessedOrders:
    """Hands the named orders to a carrier, or without names the oldest that are confirmed.

    Raises:
        NotAllowed: Not the merchant. ``InvalidInput``: too many, or an id or carrier that cannot be.
    """
    return await _each(
        conn, actor, order_ids, OrderStatus.CONFIRMED, lambda order_id: ship_order(conn, actor, order_id, carrier, "")
    )


async def _each(
    conn: AsyncConnection, actor: Actor, order_ids: Sequence[str], waiting: OrderStatus, work: Work
) -> ProcessedOrders:
    actor.need_merchant()
    named = list(dict.fromkeys(checked_id(order_id, "order_ids") for order_id in order_ids))
    if len(named) > MAX_ORDERS:
        raise InvalidInput(f"at most {MAX_ORDERS} orders at once", field="order_ids")
    place = {"tenant": actor.tenant, "status": waiting.value}
    wanted = named or [row.order_id for row in await conn.execute(_WAITING, place)]
    done: dict[str, Order] = {}
    refused: dict[str, RefusedOrder] = {}
    for order_id in sorted(wanted):
        try:
            async with conn.begin_nested():
                done[order_id] = await work(order_id)
        except (NotFound, WrongState) as error:
            reason = error.reason or ("not_found" if isinstance(error, NotFound) else "wrong_state")
            refused[order_id] = RefusedOrder(order_id, reason, str(error))
    waits = 0 if named else (await conn.execute(_COUNT, place)).scalar_one()
    return ProcessedOrders(
        orders=tuple(done[order_id] for order_id in wanted if order_id in done),
        refused=tuple(refused[order_id] for order_id in wanted if order_id in refused),
        left=max(0, waits - len(refused)) if not named else 0,
    )
