"""Coupons: reductions by code, with a threshold (满300减40), a period, and limits for each user and for all.

A use is counted with the order that made it, under a lock of the coupon, so that limits hold when many check out at
once. An order that is cancelled before it is shipped gives its use back.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.errors import AlreadyExists, InvalidInput, NotFound, WrongState
from voxcart_services.shop import audit, schema
from voxcart_services.shop.models import Actor, Page, Role, checked_text
from voxcart_services.shop.paging import PageRequest
from voxcart_services.shop.pipelined import Connection
from voxcart_services.shop.pricing import MAX_PRICE_CENTS

MAX_LIMIT = 1_000_000_000

_CODE = re.compile(r"[\w-]{1,32}")
_COLUMNS = (
    "code, title, percent_off, cents_off, threshold_cents, max_discount_cents, per_user_limit, total_limit, "
    "starts_at, expires_at, used"
)
_BY_CODE = f"SELECT {_COLUMNS} FROM coupons WHERE tenant = :tenant AND code = :code"
_FIND = text(_BY_CODE)
_LOCK = text(_BY_CODE + " FOR UPDATE")
_USES = text("SELECT count(*) FROM coupon_uses WHERE tenant = :tenant AND code = :code AND user_id = :user_id")
_USE = text(
    "WITH used AS (UPDATE coupons SET used = used + 1 WHERE tenant = :tenant AND code = :code) "
    "INSERT INTO coupon_uses (tenant, order_id, code, user_id) VALUES (:tenant, :order_id, :code, :user_id)"
)
_GIVE_BACK = text(
    "WITH gone AS (DELETE FROM coupon_uses WHERE tenant = :tenant AND order_id = :order_id RETURNING code) "
    "UPDATE coupons c SET used = used - 1 FROM gone WHERE c.tenant = :tenant AND c.code = gone.code"
)
_USABLE = """
 AND (starts_at IS NULL OR starts_at <= now()) AND (expires_at IS NULL OR expires_at > now())
 AND (total_limit = 0 OR used < total_limit)
 AND (per_user_limit = 0 OR per_user_limit > (SELECT count(*) FROM coupon_uses u
      WHERE u.tenant = coupons.tenant AND u.code = coupons.code AND u.user_id = :user_id))
"""


@dataclass(frozen=True, slots=True)
class Coupon:
    """A reduction. Exactly one of ``percent_off`` and ``cents_off`` is set; limits of 0 and no times are open."""

    code: str
    title: str = ""
    percent_off: int | None = None
    cents_off: int | None = None
    threshold_cents: int = 0
    max_discount_cents: int = 0
    per_user_limit: int = 0
    total_limit: int = 0
    starts_at: datetime | None = None
    expires_at: datetime | None = None
    used: int = 0

    def discount(self, subtotal_cents: int) -> int:
        """What it takes off a sum, at least one cent of which stays to be paid; 0 below the threshold."""
        if subtotal_cents < self.threshold_cents:
            return 0
        if self.cents_off is not None:
            off = self.cents_off
        else:
            off = subtotal_cents * (self.percent_off or 0) // 100
            off = min(off, self.max_discount_cents) if self.max_discount_cents else off
        return max(0, min(off, subtotal_cents - 1))


def coupon_code(spoken: str) -> str:
    """The code as it is kept: full-width forms and capitals count the same.

    Raises:
        InvalidInput: Not 1 to 32 letters, digits, "-" and "_".
    """
    code = unicodedata.normalize("NFKC", spoken).strip().upper()
    if not _CODE.fullmatch(code):
        raise InvalidInput("a coupon code has 1 to 32 letters, digits, '-' and '_'", field="coupon_code")
    return code


async def add_coupon(conn: AsyncConnection, actor: Actor, coupon: Coupon) -> Coupon:
    """Puts a coupon out.

    Raises:
        NotAllowed: Not the merchant. ``InvalidInput``: a reduction or limit that cannot be.
        AlreadyExists: The code is taken.
    """
    actor.need_merchant()
    checked = _checked(coupon)
    values = {name: getattr(checked, name) for name in Coupon.__slots__ if name != "used"}
    taken = (await conn.execute(_FIND, {"tenant": actor.tenant, "code": checked.code})).first()
    if taken is not None:
        raise AlreadyExists(f"there is a coupon {checked.code} already")
    await conn.execute(schema.coupons.insert(), values | {"tenant": actor.tenant})
    await audit.record(
        conn, actor, "add_coupon", checked.code, percent_off=checked.percent_off, cents_off=checked.cents_off
    )
    return checked


def _checked(coupon: Coupon) -> Coupon:
    if (coupon.percent_off is None) == (coupon.cents_off is None):
        raise InvalidInput("a coupon needs one of percent_off and cents_off")
    if coupon.percent_off is not None and not 1 <= coupon.percent_off <= 99:
        raise InvalidInput("percent_off must be 1 to 99", field="coupon.percent_off")
    if coupon.cents_off is not None and not 1 <= coupon.cents_off <= MAX_PRICE_CENTS:
        raise InvalidInput(f"cents_off must be 1 to {MAX_PRICE_CENTS}", field="coupon.cents_off")
    for name in ("threshold_cents", "max_discount_cents"):
        if not 0 <= getattr(coupon, name) <= MAX_PRICE_CENTS:
            raise InvalidInput(f"{name} must be 0 to {MAX_PRICE_CENTS}", field=f"coupon.{name}")
    for name in ("per_user_limit", "total_limit"):
        if not 0 <= getattr(coupon, name) <= MAX_LIMIT:
            raise InvalidInput(f"{name} must be 0 to {MAX_LIMIT}", field=f"coupon.{name}")
    if coupon.starts_at and coupon.expires_at and coupon.expires_at <= coupon.starts_at:
        raise InvalidInput("expires_at must be after starts_at", field="coupon.expires_at")
    values = {name: getattr(coupon, name) for name in Coupon.__slots__}
    values["code"] = coupon_code(coupon.code)
    values["title"] = checked_text(coupon.title, "title", 120, required=False)
    return Coupon(**values)


async def list_coupons(conn: AsyncConnection, actor: Actor, page: PageRequest) -> Page:
    """What a shopper may use now, all coupons for the merchant; by code."""
    where = "tenant = :tenant" + ("" if actor.role is Role.MERCHANT else _USABLE)
    values = {"tenant": actor.tenant, "user_id": actor.user_id, "limit": page.size + 1}
    total = (await conn.execute(text(f"SELECT count(*) FROM coupons WHERE {where}"), values)).scalar_one()
    (after,) = page.after or ("",)
    found = text(f"SELECT {_COLUMNS} FROM coupons WHERE {where} AND code > :after ORDER BY code LIMIT :limit")
    rows = await conn.execute(found, values | {"after": after})
    return page.of_rows([Coupon(**row._mapping) for row in rows], total, lambda coupon: (coupon.code,))


async def usable_discount(
    conn: Connection, actor: Actor, code: str, subtotal_cents: int, *, lock: bool
) -> tuple[str, int]:
    """The code as it is kept, and what it takes off for this user now.

    Args:
        lock: Hold the coupon until the transaction ends, so that its limits hold for the use that follows.

    Raises:
        NotFound: No such coupon. ``WrongState``: not valid now, used up, or the sum is below its threshold.
    """
    code = coupon_code(code)
    place = {"tenant": actor.tenant, "code": code, "user_id": actor.user_id}
    row = (await conn.execute(_LOCK if lock else _FIND, place)).one_or_none()
    if row is None:
        raise NotFound(f"there is no coupon {code}")
    coupon = Coupon(**row._asdict())
    now = datetime.now(UTC)
    if coupon.starts_at and now < coupon.starts_at:
        raise WrongState(f"coupon {code} is not valid yet", reason="coupon_not_valid")
    if coupon.expires_at and now >= coupon.expires_at:
        raise WrongState(f"coupon {code} has expired", reason="coupon_expired")
    if coupon.total_limit and coupon.used >= coupon.total_limit:
        raise WrongState(f"coupon {code} is used up", reason="coupon_used_up")
    if coupon.per_user_limit and (await conn.execute(_USES, place)).scalar_one() >= coupon.per_user_limit:
        raise WrongState(f"coupon {code} was used as often as it may be", reason="coupon_used_up")
    if subtotal_cents < coupon.threshold_cents:
        sentence = f"coupon {code} needs {coupon.threshold_cents} cents, the cart has {subtotal_cents}"
        raise WrongState(sentence, reason="coupon_threshold")
    return code, coupon.discount(subtotal_cents)


async def use_coupon(conn: Connection, actor: Actor, code: str, order_id: str) -> None:
    """Counts the use of a locked coupon by an order."""
    place = {"tenant": actor.tenant, "code": code, "order_id": order_id, "user_id": actor.user_id}
    await conn.execute(_USE, place)


async def give_back_coupon(conn: AsyncConnection, tenant: str, order_id: str) -> None:
    """Takes the use by an order back, if it used one."""
    await conn.execute(_GIVE_BACK, {"tenant": tenant, "order_id": order_id})
