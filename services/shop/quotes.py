"""Quotes: what a cart costs, coupon included, at prices that hold for some minutes."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.errors import NotFound, WrongState
from voxcart_services.shop import schema
from voxcart_services.shop.amounts import share_out
from voxcart_services.shop.cart import load_cart
from voxcart_services.shop.coupons import usable_discount
from voxcart_services.shop.models import Actor, CartLine, checked_id
from voxcart_services.shop.pipelined import Connection
from voxcart_services.shop.pricing import MAX_PRICE_CENTS

_LOCK = text("SELECT * FROM quotes WHERE tenant = :tenant AND quote_id = :quote_id AND user_id = :user_id FOR UPDATE")
_USED = text("UPDATE quotes SET order_id = :order_id WHERE tenant = :tenant AND quote_id = :quote_id")


@dataclass(frozen=True, slots=True)
class PricedLine:
    """A line of the cart at the price that counts for it, with its share of the discount."""

    line: CartLine
    unit_price_cents: int
    discount_cents: int

    @property
    def total_cents(self) -> int:
        """Price times quantity, before the discount."""
        return self.unit_price_cents * self.line.quantity


@dataclass(frozen=True, slots=True)
class Priced:
    """A whole cart with its prices."""

    lines: tuple[PricedLine, ...]
    coupon_code: str
    discount_cents: int

    @property
    def subtotal_cents(self) -> int:
        """Sum of the lines before the discount."""
        return sum(line.total_cents for line in self.lines)

    @property
    def total_cents(self) -> int:
        """What is paid."""
        return self.subtotal_cents - self.discount_cents


@dataclass(frozen=True, slots=True)
class Quote:
    """Prices that were promised."""

    quote_id: str
    priced: Priced
    expires_at: datetime


def with_discount(lines: Sequence[tuple[CartLine, int]], code: str, discount_cents: int) -> Priced:
    """Lines at these unit prices, with the discount shared out over them."""
    shares = share_out(discount_cents, [line.quantity * price for line, price in lines])
    priced = tuple(PricedLine(line, price, share) for (line, price), share in zip(lines, shares, strict=True))
    return Priced(priced, code, discount_cents)


def check_size(total_cents: int) -> None:
    """Raises ``WrongState`` if an order of this sum is larger than the shop takes."""
    if total_cents > MAX_PRICE_CENTS:
        raise WrongState("the order is too large", reason="too_large")


async def price_now(conn: Connection, actor: Actor, lines: Iterable[CartLine], code: str, *, lock: bool) -> Priced:
    """The cart at the prices of now.

    Raises:
        WrongState: The cart is empty or too large, or the coupon cannot be used. ``NotFound``: no such coupon.
    """
    current = [(line, line.product.price_cents) for line in lines]
    if not current:
        raise WrongState("the cart is empty", reason="empty_cart")
    subtotal = sum(line.quantity * price for line, price in current)
    check_size(subtotal)
    discount = 0
    if code:
        code, discount = await usable_discount(conn, actor, code, subtotal, lock=lock)
    return with_discount(current, code, discount)


async def make_quote(conn: AsyncConnection, actor: Actor, code: str, life: timedelta) -> Quote:
    """Promises the prices of the actor's cart.

    Raises:
        WrongState: The cart is empty or too large, or the coupon cannot be used. ``NotFound``: no such coupon or shop.
    """
    actor.need_user()
    priced = await price_now(conn, actor, await load_cart(conn, actor), code, lock=False)
    quote = Quote(uuid.uuid4().hex, priced, datetime.now(UTC) + life)
    content = [
        [p.line.product.sku, p.line.variant_id, p.line.quantity, p.unit_price_cents, p.discount_cents]
        for p in priced.lines
    ]
    await conn.execute(
        schema.quotes.insert(),
        {
            "tenant": actor.tenant,
            "quote_id": quote.quote_id,
            "user_id": actor.user_id,
            "lines": content,
            "discount_cents": priced.discount_cents,
            "coupon_code": priced.coupon_code,
            "expires_at": quote.expires_at,
        },
    )
    return quote


async def take_quote(conn: Connection, actor: Actor, quote_id: str, lines: Sequence[CartLine]) -> Priced:
    """The cart at the prices of a quote, which is held until the transaction ends.

    Raises:
        NotFound: No such quote of this user.
        WrongState: It has expired or was used, the cart is another one, or its coupon can no longer be used.
    """
    place = {"tenant": actor.tenant, "user_id": actor.user_id, "quote_id": checked_id(quote_id, "quote_id")}
    row = (await conn.execute(_LOCK, place)).one_or_none()
    if row is None:
        raise NotFound(f"there is no quote {quote_id!r}")
    if row.order_id:
        raise WrongState(f"the quote was used for order {row.order_id}", reason="quote_used")
    if row.expires_at <= datetime.now(UTC):
        raise WrongState("the quote has expired; ask for a new one", reason="quote_expired")
    now = [(line.product.sku, line.variant_id, line.quantity) for line in lines]
    if now != [(sku, variant_id, quantity) for sku, variant_id, quantity, _, _ in row.lines]:
        raise WrongState("the cart is not the one of the quote; ask for a new one", reason="quote_changed")
    priced = tuple(PricedLine(line, row.lines[i][3], row.lines[i][4]) for i, line in enumerate(lines))
    result = Priced(priced, row.coupon_code, row.discount_cents)
    if row.coupon_code:
        await usable_discount(conn, actor, row.coupon_code, result.subtotal_cents, lock=True)
    return result


async def note_quote_used(conn: Connection, actor: Actor, quote_id: str, order_id: str) -> None:
    """A quote makes one order."""
    await conn.execute(_USED, {"tenant": actor.tenant, "quote_id": quote_id, "order_id": order_id})
