"""Timed prices: another price for a while, after which the old one comes back by itself, exactly once.

::

    awaiting_approval ── approve ──> scheduled ── its time has come ──> active ── its time is over ──> ended
        │     └── reject ──> rejected     └── cancel ──> cancelled         └── cancel, price goes back ──> cancelled
        └── its time is over ──> missed <── nobody was there to begin it ──┘

The product is locked before its schedules, and every step looks at the state under that lock: of any number of
processes that find a step due, one takes it. Orders take the product's price at checkout as ever.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.errors import InvalidInput, NotFound, WrongState
from voxcart_services.shop import audit, schema
from voxcart_services.shop.models import Actor, Product, Role, checked_id
from voxcart_services.shop.paging import PageRequest
from voxcart_services.shop.price_rules import check_floor, judge_price, set_price
from voxcart_services.shop.pricing import checked_price
from voxcart_services.shop.products import load_product, lock_product

EARLIEST_START = timedelta(minutes=5)
"""A start lies at most so long ago: the time it takes to say and confirm it."""
LATEST_START = timedelta(days=400)
LONGEST = timedelta(days=100)
MAX_OPEN = 50
"""Schedules of one product that have not ended."""


class ScheduleStatus(StrEnum):
    """States of a timed price."""

    AWAITING_APPROVAL = "awaiting_approval"
    SCHEDULED = "scheduled"
    ACTIVE = "active"
    ENDED = "ended"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    MISSED = "missed"


_SELECT = (
    "SELECT s.schedule_id, s.sku, s.price_cents, s.price_before_cents, s.starts_at, s.ends_at, s.status, "
    "s.requested_by, s.decided_by, p.name_zh, p.name_en "
    "FROM price_schedules s JOIN products p USING (tenant, sku) WHERE s.tenant = :tenant"
)
_BY_ID = text(_SELECT + " AND s.schedule_id = :schedule_id")
_OPEN_OF_PRODUCT = text(
    "SELECT starts_at, ends_at FROM price_schedules WHERE tenant = :tenant AND sku = :sku "
    "AND status IN ('awaiting_approval', 'scheduled', 'active') ORDER BY starts_at"
)
_MOVE = text(
    "UPDATE price_schedules SET status = :status, decided_by = coalesce(:decided_by, decided_by), "
    "price_before_cents = coalesce(:before, price_before_cents) "
    "WHERE tenant = :tenant AND schedule_id = :schedule_id"
)


@dataclass(frozen=True, slots=True)
class NewSchedule:
    """What a merchant asks for. ``starts_at`` of ``None`` is now."""

    sku: str
    price_cents: int
    starts_at: datetime | None
    ends_at: datetime | None
    expected_price_cents: int | None = None


@dataclass(frozen=True, slots=True)
class PriceSchedule:
    """A timed price; ``price_before_cents`` is known once it has begun."""

    schedule_id: str
    sku: str
    price_cents: int
    price_before_cents: int | None
    starts_at: datetime
    ends_at: datetime
    status: str
    requested_by: str
    decided_by: str
    name_zh: str
    name_en: str


async def schedule_price(conn: AsyncConnection, actor: Actor, new: NewSchedule) -> PriceSchedule:
    """Sets a price for a time; it begins at once if its time has come.

    Raises:
        NotAllowed: Not the merchant. ``NotFound``: no such product.
        InvalidInput: A price or a time that cannot be.
        WrongState: Delisted, below the floor, another price than expected, or at the same time as another one.
    """
    actor.need_merchant()
    now = datetime.now(UTC)
    starts_at, ends_at = checked_times(new.starts_at, new.ends_at, now)
    checked_price(new.price_cents)
    product = await lock_product(conn, actor.tenant, new.sku)
    if product.delisted:
        raise WrongState(f"{product.name_zh} is delisted", reason="delisted")
    if new.expected_price_cents is not None and new.expected_price_cents != product.price_cents:
        sentence = f"the price is {product.price_cents} cents now, not {new.expected_price_cents}"
        raise WrongState(sentence, reason="price_changed")
    verdict = await judge_price(conn, actor, product, new.price_cents)
    await _check_free(conn, actor, product, starts_at, ends_at)
    waits = verdict.needs_approval and not verdict.may_approve
    values = {
        "tenant": actor.tenant,
        "schedule_id": uuid.uuid4().hex,
        "sku": new.sku,
        "price_cents": new.price_cents,
        "starts_at": starts_at,
        "ends_at": ends_at,
        "status": (ScheduleStatus.AWAITING_APPROVAL if waits else ScheduleStatus.SCHEDULED).value,
        "requested_by": actor.user_id,
        "decided_by": actor.user_id if verdict.needs_approval and not waits else "",
    }
    await conn.execute(schema.price_schedules.insert(), values)
    await audit.record(
        conn,
        actor,
        "schedule_price",
        new.sku,
        schedule_id=values["schedule_id"],
        price_cents=[product.price_cents, new.price_cents],
        period=[starts_at.isoformat(), ends_at.isoformat()],
        status=values["status"],
    )
    await take_step(conn, actor.tenant, values["schedule_id"])
    return await load_schedule(conn, actor.tenant, values["schedule_id"])


def checked_times(starts_at: datetime | None, ends_at: datetime | None, now: datetime) -> tuple[datetime, datetime]:
    """Start and end of a timed price.

    Raises:
        InvalidInput: No end, an end before the start or in the past, or a time too long ago, too far or too long.
    """
    start = starts_at or now
    if ends_at is None:
        raise InvalidInput("ends_at is required", field="ends_at")
    if ends_at <= start:
        raise InvalidInput("ends_at must be after starts_at", field="ends_at")
    if start < now - EARLIEST_START:
        raise InvalidInput("starts_at has passed", field="starts_at")
    if ends_at <= now:
        raise InvalidInput("ends_at has passed", field="ends_at")
    if start > now + LATEST_START:
        raise InvalidInput(f"starts_at is more than {LATEST_START.days} days ahead", field="starts_at")
    if ends_at - start > LONGEST:
        raise InvalidInput(f"a timed price lasts at most {LONGEST.days} days", field="ends_at")
    return start, ends_at


async def _check_free(
    conn: AsyncConnection, actor: Actor, product: Product, starts_at: datetime, ends_at: datetime
) -> None:
    """Raises ``WrongState`` if a locked product has another timed price at that time."""
    rows = list(await conn.execute(_OPEN_OF_PRODUCT, {"tenant": actor.tenant, "sku": product.sku}))
    if len(rows) >= MAX_OPEN:
        raise WrongState(f"{product.name_zh} has {MAX_OPEN} timed prices already", reason="too_many")
    for row in rows:
        if row.starts_at < ends_at and starts_at < row.ends_at:
            period = f"{row.starts_at:%Y-%m-%d %H:%M} to {row.ends_at:%Y-%m-%d %H:%M} UTC"
            raise WrongState(f"{product.name_zh} has a timed price from {period}", reason="price_overlap")


async def decide_schedule(conn: AsyncConnection, actor: Actor, schedule_id: str, *, approve: bool) -> PriceSchedule:
    """Approves or rejects a timed price; an approved one begins at once if its time has come.

    Raises:
        NotAllowed: Not the merchant. ``NotFound``: no such schedule. ``WrongState``: it does not await approval.
    """
    actor.need_merchant()
    schedule = await _locked(conn, actor.tenant, schedule_id)
    if schedule.status != ScheduleStatus.AWAITING_APPROVAL:
        raise WrongState(f"this timed price is {schedule.status} and awaits no approval", reason="wrong_state")
    status = ScheduleStatus.SCHEDULED if approve else ScheduleStatus.REJECTED
    await _move(conn, actor.tenant, schedule_id, status, decided_by=actor.user_id)
    await audit.record(
        conn, actor, "decide_price_schedule", schedule.sku, schedule_id=schedule_id, decision=status.value
    )
    await take_step(conn, actor.tenant, schedule_id)
    return await load_schedule(conn, actor.tenant, schedule_id)


async def cancel_schedule(conn: AsyncConnection, actor: Actor, schedule_id: str) -> PriceSchedule:
    """Calls a timed price off; of one that is running the old price comes back now.

    Raises:
        NotAllowed: Not the merchant. ``NotFound``: no such schedule. ``WrongState``: it is over.
    """
    actor.need_merchant()
    schedule = await _locked(conn, actor.tenant, schedule_id)
    if schedule.status not in (ScheduleStatus.AWAITING_APPROVAL, ScheduleStatus.SCHEDULED, ScheduleStatus.ACTIVE):
        raise WrongState(f"this timed price is {schedule.status} already", reason="wrong_state")
    if schedule.status == ScheduleStatus.ACTIVE:
        await _set_back(conn, actor.tenant, schedule)
    await _move(conn, actor.tenant, schedule_id, ScheduleStatus.CANCELLED, decided_by=actor.user_id)
    await audit.record(
        conn, actor, "cancel_price_schedule", schedule.sku, schedule_id=schedule_id, before=schedule.status
    )
    return await load_schedule(conn, actor.tenant, schedule_id)


async def take_step(conn: AsyncConnection, tenant: str, schedule_id: str) -> str | None:
    """Begins or ends a timed price if that is due; the new state, ``None`` if nothing was."""
    schedule = await _locked(conn, tenant, schedule_id)
    now = datetime.now(UTC)
    is_over, has_come = schedule.ends_at <= now, schedule.starts_at <= now
    if schedule.status == ScheduleStatus.ACTIVE and is_over:
        await _set_back(conn, tenant, schedule)
        return await _note_step(conn, tenant, schedule, ScheduleStatus.ENDED)
    if schedule.status in (ScheduleStatus.SCHEDULED, ScheduleStatus.AWAITING_APPROVAL) and is_over:
        return await _note_step(conn, tenant, schedule, ScheduleStatus.MISSED)
    if schedule.status == ScheduleStatus.SCHEDULED and has_come:
        return await _begin(conn, tenant, schedule)
    return None


async def _begin(conn: AsyncConnection, tenant: str, schedule: PriceSchedule) -> str:
    """Sets the price of a locked product; one that is off sale, or has a higher floor by now, stays as it is."""
    product = await load_product(conn, tenant, schedule.sku)
    try:
        await check_floor(conn, tenant, product, schedule.price_cents)
    except WrongState:
        return await _note_step(conn, tenant, schedule, ScheduleStatus.MISSED)
    if product.delisted:
        return await _note_step(conn, tenant, schedule, ScheduleStatus.MISSED)
    await set_price(conn, tenant, schedule.sku, schedule.price_cents)
    return await _note_step(conn, tenant, schedule, ScheduleStatus.ACTIVE, before=product.price_cents)


async def _set_back(conn: AsyncConnection, tenant: str, schedule: PriceSchedule) -> None:
    if schedule.price_before_cents is not None:
        await set_price(conn, tenant, schedule.sku, schedule.price_before_cents)


async def _note_step(
    conn: AsyncConnection, tenant: str, schedule: PriceSchedule, status: ScheduleStatus, before: int | None = None
) -> str:
    await _move(conn, tenant, schedule.schedule_id, status, before=before)
    clock = Actor(tenant, "", Role.MERCHANT)
    operation = f"price_schedule_{status.value}"
    await audit.record(conn, clock, operation, schedule.sku, schedule_id=schedule.schedule_id)
    return status.value


async def _move(
    conn: AsyncConnection,
    tenant: str,
    schedule_id: str,
    status: ScheduleStatus,
    *,
    decided_by: str | None = None,
    before: int | None = None,
) -> None:
    values = {"tenant": tenant, "schedule_id": schedule_id, "status": status.value}
    await conn.execute(_MOVE, values | {"decided_by": decided_by, "before": before})


async def _locked(conn: AsyncConnection, tenant: str, schedule_id: str) -> PriceSchedule:
    """A schedule as it is now, with its product locked until the transaction ends."""
    schedule = await load_schedule(conn, tenant, schedule_id)
    await lock_product(conn, tenant, schedule.sku)
    return await load_schedule(conn, tenant, schedule_id)


async def load_schedule(conn: AsyncConnection, tenant: str, schedule_id: str) -> PriceSchedule:
    """One timed price.

    Raises:
        NotFound: There is none with this id.
    """
    place = {"tenant": tenant, "schedule_id": checked_id(schedule_id, "schedule_id")}
    row = (await conn.execute(_BY_ID, place)).one_or_none()
    if row is None:
        raise NotFound(f"there is no timed price {schedule_id!r}")
    return PriceSchedule(**row._mapping)


async def list_schedules(
    conn: AsyncConnection, actor: Actor, statuses: Sequence[str], sku: str, page: PageRequest
) -> tuple[list[PriceSchedule], int, str]:
    """A page of timed prices, those that begin last first; how many there are; the token of the page after.

    Raises:
        NotAllowed: Not the merchant. ``InvalidInput``: an unknown status. ``NotFound``: no such product.
    """
    actor.need_merchant()
    known = {status.value for status in ScheduleStatus}
    if not known.issuperset(statuses):
        raise InvalidInput(f"a timed price is one of {', '.join(sorted(known))}", field="statuses")
    values: dict[str, Any] = {"tenant": actor.tenant, "statuses": list(statuses) or sorted(known), "sku": sku}
    where = "AND s.status = ANY(:statuses)"
    if sku:
        await load_product(conn, actor.tenant, sku)
        where += " AND s.sku = :sku"
    count = text(f"SELECT count(*) FROM price_schedules s WHERE s.tenant = :tenant {where}")
    total = (await conn.execute(count, values)).scalar_one()
    if page.after is not None:
        where += " AND (s.starts_at, s.schedule_id) < (CAST(:starts_at AS timestamptz), :schedule_id)"
        values |= {"starts_at": page.after[0], "schedule_id": page.after[1]}
    statement = text(f"{_SELECT} {where} ORDER BY s.starts_at DESC, s.schedule_id DESC LIMIT :limit")
    rows = [PriceSchedule(**row._mapping) for row in await conn.execute(statement, values | {"limit": page.size + 1})]
    shown = rows[: page.size]
    more = len(rows) > page.size
    return shown, total, page.token([shown[-1].starts_at.isoformat(), shown[-1].schedule_id]) if more else ""
