"""Arithmetic of prices and amounts in integer cents, and the limits they must keep. Pure functions."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from voxcart.errors import InvalidInput

MAX_PRICE_CENTS = 10_000_000_000
MAX_STOCK = 1_000_000_000
MAX_QUANTITY = 999


@dataclass(frozen=True, slots=True)
class Change:
    """A new value for a number.

    Attributes:
        relation: ``set``, ``add``, ``subtract`` or ``percent`` (80 means 80 % of the value now).
    """

    relation: str
    amount: float


def apply_change(now: int, change: Change) -> int:
    """The value after a change, halves rounded up.

    Raises:
        InvalidInput: The amount is no finite number, is negative, or the relation is unknown.
    """
    amount = Decimal(str(change.amount))
    if not amount.is_finite() or amount < 0:
        raise InvalidInput("the amount of a change must be a finite number of 0 or more")
    if change.relation == "set":
        result = amount
    elif change.relation == "add":
        result = now + amount
    elif change.relation == "subtract":
        result = now - amount
    elif change.relation == "percent":
        result = now * amount / 100
    else:
        raise InvalidInput(f"unknown kind of change {change.relation!r}")
    return int(result.to_integral_value(ROUND_HALF_UP))


def checked_price(cents: int) -> int:
    """The price, if it can be one.

    Raises:
        InvalidInput: Not above zero, or above 100 million yuan.
    """
    if not 0 < cents <= MAX_PRICE_CENTS:
        raise InvalidInput(f"a price must be more than 0 and at most {MAX_PRICE_CENTS // 100} yuan", field="price")
    return cents


def checked_stock(units: int) -> int:
    """The stock, if it can be one.

    Raises:
        InvalidInput: Negative, or above a thousand million.
    """
    if not 0 <= units <= MAX_STOCK:
        raise InvalidInput(f"stock must be 0 to {MAX_STOCK}", field="stock")
    return units


def checked_quantity(quantity: int, *, least: int = 1) -> int:
    """The quantity, if it can be one.

    Raises:
        InvalidInput: Below ``least`` or above 999.
    """
    if not least <= quantity <= MAX_QUANTITY:
        raise InvalidInput(f"quantity must be {least} to {MAX_QUANTITY}, not {quantity}", field="quantity")
    return quantity


def total_cents(lines: Iterable[tuple[int, int]]) -> int:
    """Sum over (unit price in cents, quantity)."""
    return sum(price * quantity for price, quantity in lines)
