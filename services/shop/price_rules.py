"""Which prices a merchant may set: not below a product's floor, and beyond the shop's limit only with approval."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.errors import NotAllowed, WrongState
from voxcart_services.shop.models import Actor, Product
from voxcart_services.shop.outbox import add_events, product_changed
from voxcart_services.shop.products import load_product
from voxcart_services.shop.scopes import Scope, scopes_of
from voxcart_services.shop.shop_settings import read_settings

_FLOOR = text("SELECT price_floor_cents FROM products WHERE tenant = :tenant AND sku = :sku")
_RUNNING = text(
    "SELECT ends_at FROM price_schedules WHERE tenant = :tenant AND sku = :sku AND status = 'active' LIMIT 1"
)
_SET = text("UPDATE products SET price_cents = :cents, version = version + 1 WHERE tenant = :tenant AND sku = :sku")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a price within the floor needs approval, and whether the actor may give it."""

    needs_approval: bool
    may_approve: bool


async def judge_price(conn: AsyncConnection, actor: Actor, product: Product, cents: int) -> Verdict:
    """Looks at a new price of a product.

    Raises:
        WrongState: Below the product's floor (``below_floor``).
    """
    await check_floor(conn, actor.tenant, product, cents)
    limit = (await read_settings(conn, actor.tenant)).price_limit_percent
    change = abs(cents - product.price_cents) * 100
    may_approve = Scope.APPROVE in await scopes_of(conn, actor)
    return Verdict(change > limit * product.price_cents, may_approve)


async def check_floor(conn: AsyncConnection, tenant: str, product: Product, cents: int) -> None:
    """Raises ``WrongState`` with reason ``below_floor`` if a price is below the product's floor."""
    floor = (await conn.execute(_FLOOR, {"tenant": tenant, "sku": product.sku})).scalar_one()
    if cents < floor:
        sentence = f"{product.name_zh} may not be sold below {floor} cents"
        raise WrongState(sentence, reason="below_floor")


async def check_direct_price(conn: AsyncConnection, actor: Actor, product: Product, cents: int) -> None:
    """Whether a price may be set now.

    Raises:
        WrongState: Below the floor, or a timed price is running (``price_scheduled``), which would undo it.
        NotAllowed: Beyond the shop's limit, by somebody who may not approve that (``needs_approval``).
    """
    place = {"tenant": actor.tenant, "sku": product.sku}
    running = (await conn.execute(_RUNNING, place)).scalar()
    if running is not None:
        sentence = f"{product.name_zh} has a timed price until {running:%Y-%m-%d %H:%M} UTC; cancel that first"
        raise WrongState(sentence, reason="price_scheduled")
    verdict = await judge_price(conn, actor, product, cents)
    if verdict.needs_approval and not verdict.may_approve:
        raise NotAllowed("so large a change of the price needs approval", reason="needs_approval")


async def set_price(conn: AsyncConnection, tenant: str, sku: str, cents: int) -> None:
    """Sets the price of a locked product and publishes it."""
    await conn.execute(_SET, {"tenant": tenant, "sku": sku, "cents": cents})
    await add_events(conn, [product_changed(tenant, await load_product(conn, tenant, sku))])
