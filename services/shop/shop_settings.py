"""What a shop has set for itself: its time zone, when stock is low, how far a price may change without approval."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo, available_timezones

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.errors import InvalidInput, NotFound
from voxcart_services.shop import audit
from voxcart_services.shop.models import Actor

MAX_LOW_STOCK = 1000
"""The trigger that notes low stock does not look at stock above this."""

_READ = text("SELECT time_zone, low_stock_threshold, price_limit_percent FROM tenants WHERE tenant = :tenant")
_LOCK = text(
    "SELECT time_zone, low_stock_threshold, price_limit_percent FROM tenants WHERE tenant = :tenant FOR NO KEY UPDATE"
)
_WRITE = text(
    "UPDATE tenants SET time_zone = :time_zone, low_stock_threshold = :low_stock_threshold, "
    "price_limit_percent = :price_limit_percent WHERE tenant = :tenant"
)
_NOTE_LOW_OF_ALL = text(
    "SELECT note_low_stock(array_agg(tenant), array_agg(sku)) FROM products "
    "WHERE tenant = :tenant AND low_stock_threshold IS NULL AND NOT delisted HAVING count(*) > 0"
)
NOTE_LOW = text("SELECT note_low_stock(ARRAY[CAST(:tenant AS text)], ARRAY[CAST(:sku AS text)])")
"""Looks anew whether a product is low, after its threshold has changed."""


@dataclass(frozen=True, slots=True)
class ShopSettings:
    """A shop's settings; ``None`` in a change stays."""

    time_zone: str
    low_stock_threshold: int
    price_limit_percent: int

    @property
    def zone(self) -> ZoneInfo:
        """The shop's time zone."""
        return ZoneInfo(self.time_zone)


@dataclass(frozen=True, slots=True)
class SettingsChange:
    """What to change; ``None`` stays."""

    time_zone: str | None = None
    low_stock_threshold: int | None = None
    price_limit_percent: int | None = None


async def read_settings(conn: AsyncConnection, tenant: str) -> ShopSettings:
    """The settings of a shop.

    Raises:
        NotFound: No such shop.
    """
    row = (await conn.execute(_READ, {"tenant": tenant})).one_or_none()
    if row is None:
        raise NotFound(f"there is no shop {tenant!r}")
    return ShopSettings(*row)


async def update_settings(conn: AsyncConnection, actor: Actor, change: SettingsChange) -> ShopSettings:
    """Changes settings. A new low-stock threshold counts at once for products without one of their own.

    Raises:
        NotAllowed: Not the merchant. ``InvalidInput``: nothing to change, or a value that cannot be.
        NotFound: No such shop.
    """
    actor.need_merchant()
    values = {name: value for name in SettingsChange.__slots__ if (value := getattr(change, name)) is not None}
    if not values:
        raise InvalidInput("nothing to change: give a time zone, a low-stock threshold or a price limit")
    if "time_zone" in values and values["time_zone"] not in available_timezones():
        raise InvalidInput(f"there is no time zone {values['time_zone'][:64]!r}", field="time_zone")
    if "low_stock_threshold" in values:
        checked_threshold(values["low_stock_threshold"])
    if not 0 <= values.get("price_limit_percent", 0) <= 100:
        raise InvalidInput("price_limit_percent must be 0 to 100", field="price_limit_percent")
    row = (await conn.execute(_LOCK, {"tenant": actor.tenant})).one_or_none()
    if row is None:
        raise NotFound(f"there is no shop {actor.tenant!r}")
    before = dict(row._mapping)
    after = before | values
    await conn.execute(_WRITE, after | {"tenant": actor.tenant})
    if after["low_stock_threshold"] != before["low_stock_threshold"]:
        await conn.execute(_NOTE_LOW_OF_ALL, {"tenant": actor.tenant})
    await audit.record(
        conn, actor, "update_settings", actor.tenant, **{name: [before[name], after[name]] for name in values}
    )
    return ShopSettings(**after)


def checked_threshold(units: int) -> int:
    """The low-stock threshold, if it can be one.

    Raises:
        InvalidInput: Not 0 to 1,000.
    """
    if not 0 <= units <= MAX_LOW_STOCK:
        raise InvalidInput(f"low_stock_threshold must be 0 to {MAX_LOW_STOCK}", field="low_stock_threshold")
    return units
