"""What a merchant's staff may do. Enforced for every call, whoever makes it.

The merchant role comes from the platform's own accounts. A person on the staff list may do only what their scopes say;
who is not on the list is an owner and may do everything. Looking at products, stock, orders and refunds needs no scope.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.errors import InvalidInput, NotAllowed
from voxcart_services.shop import audit, schema
from voxcart_services.shop.models import Actor, Role, checked_id

MAX_STAFF = 1000


class Scope(StrEnum):
    """A kind of work."""

    CATALOGUE = "catalogue"
    """Adding, renaming and delisting products."""
    PRICE = "price"
    """Prices, now and for a while, up to the shop's limit."""
    STOCK = "stock"
    ORDERS = "orders"
    """Confirming and shipping orders, and what carriers say of them."""
    REFUNDS = "refunds"
    """Everything that gives money back."""
    COUPONS = "coupons"
    REPORTS = "reports"
    APPROVE = "approve"
    """Prices beyond the shop's limit, and the floors of prices."""
    STAFF = "staff"
    """The staff list, the shop's settings and the audit log."""


OWNER = frozenset(Scope)

_NEEDED: dict[str, frozenset[Scope]] = {
    "AddProduct": frozenset({Scope.CATALOGUE, Scope.PRICE}),
    "DelistProduct": frozenset({Scope.CATALOGUE}),
    "ConfirmOrder": frozenset({Scope.ORDERS}),
    "ConfirmOrders": frozenset({Scope.ORDERS}),
    "ShipOrder": frozenset({Scope.ORDERS}),
    "ShipOrders": frozenset({Scope.ORDERS}),
    "RecordCarrierEvent": frozenset({Scope.ORDERS}),
    "ChangeAddress": frozenset({Scope.ORDERS}),
    "CancelOrder": frozenset({Scope.ORDERS, Scope.REFUNDS}),
    "RequestRefund": frozenset({Scope.REFUNDS}),
    "ProcessRefund": frozenset({Scope.REFUNDS}),
    "ReceiveReturn": frozenset({Scope.REFUNDS}),
    "AddCoupon": frozenset({Scope.COUPONS}),
    "SalesReport": frozenset({Scope.REPORTS}),
    "ReportChart": frozenset({Scope.REPORTS}),
    "SchedulePrice": frozenset({Scope.PRICE}),
    "CancelPriceSchedule": frozenset({Scope.PRICE}),
    "DecidePriceSchedule": frozenset({Scope.APPROVE}),
    "ListAudit": frozenset({Scope.STAFF}),
    "SetStaff": frozenset({Scope.STAFF}),
    "ListStaff": frozenset({Scope.STAFF}),
    "UpdateShopSettings": frozenset({Scope.STAFF}),
}
_OF_UPDATE = {
    "name_zh": Scope.CATALOGUE,
    "price": Scope.PRICE,
    "stock": Scope.STOCK,
    "low_stock_threshold": Scope.STOCK,
    "price_floor_cents": Scope.APPROVE,
}
_FIND = text("SELECT scopes FROM staff WHERE tenant = :tenant AND user_id = :user_id")


@dataclass(frozen=True, slots=True)
class StaffMember:
    """A person on the staff list; ``scopes`` is ``None`` for one who is not on it."""

    user_id: str
    scopes: tuple[str, ...] | None


def needed(rpc: str, request: Any) -> frozenset[Scope]:
    """What a merchant needs to make a call of the contract."""
    if rpc == "UpdateProduct":
        return frozenset(scope for name, scope in _OF_UPDATE.items() if request.HasField(name))
    return _NEEDED.get(rpc, frozenset())


async def scopes_of(conn: AsyncConnection, actor: Actor) -> frozenset[Scope]:
    """What the actor may do as merchant; nothing for a shopper."""
    if actor.role is not Role.MERCHANT:
        return frozenset()
    row = (await conn.execute(_FIND, {"tenant": actor.tenant, "user_id": actor.user_id})).one_or_none()
    return OWNER if row is None else frozenset(Scope(name) for name in row.scopes if name in OWNER)


async def check(conn: AsyncConnection, actor: Actor, wanted: frozenset[Scope]) -> None:
    """Raises ``NotAllowed`` with reason ``missing_scope`` if a merchant lacks a scope; shoppers have none to lack."""
    if actor.role is not Role.MERCHANT or not wanted:
        return
    missing = wanted - await scopes_of(conn, actor)
    if missing:
        names = ", ".join(sorted(missing))
        raise NotAllowed(f"this account may not do that; it lacks {names}", reason="missing_scope")


async def set_staff(conn: AsyncConnection, actor: Actor, user_id: str, scopes: Sequence[str] | None) -> StaffMember:
    """Says what a person may do; ``None`` takes them off the list.

    Raises:
        NotAllowed: Not the merchant, or the actor's own entry: nobody can lock themselves out or raise themselves.
        InvalidInput: No user, an unknown scope, or too long a list.
    """
    actor.need_merchant()
    if not checked_id(user_id, "user_id"):
        raise InvalidInput("user_id is required", field="user_id")
    if user_id == actor.user_id:
        raise NotAllowed("nobody may change their own scopes", reason="own_scopes")
    unknown = set(scopes or ()) - set(OWNER)
    if unknown:
        raise InvalidInput(f"a scope is one of {', '.join(sorted(OWNER))}", field="scopes")
    place = {"tenant": actor.tenant, "user_id": user_id}
    if scopes is None:
        await conn.execute(schema.staff.delete().filter_by(**place))
    else:
        await _put(conn, place, sorted(set(scopes)))
    await audit.record(conn, actor, "set_staff", user_id, scopes=None if scopes is None else sorted(set(scopes)))
    return StaffMember(user_id, None if scopes is None else tuple(sorted(set(scopes))))


async def _put(conn: AsyncConnection, place: dict[str, str], scopes: list[str]) -> None:
    count = text("SELECT count(*) FROM staff WHERE tenant = :tenant AND user_id <> :user_id")
    if (await conn.execute(count, place)).scalar_one() >= MAX_STAFF:
        raise InvalidInput(f"a shop has at most {MAX_STAFF} people on its staff list")
    statement = insert(schema.staff).values(**place, scopes=scopes)
    scopes_now = {"scopes": statement.excluded.scopes}
    await conn.execute(statement.on_conflict_do_update(index_elements=["tenant", "user_id"], set_=scopes_now))


async def list_staff(conn: AsyncConnection, actor: Actor) -> list[StaffMember]:
    """The staff list by user.

    Raises:
        NotAllowed: Not the merchant.
    """
    actor.need_merchant()
    rows = await conn.execute(
        text("SELECT user_id, scopes FROM staff WHERE tenant = :tenant ORDER BY user_id"), {"tenant": actor.tenant}
    )
    return [StaffMember(row.user_id, tuple(row.scopes)) for row in rows]
