"""How many pieces of a product are meant: 两箱, 三斤 of a 3斤装, 一打."""

import math
import re
from dataclasses import dataclass

from voxcart_services.dialogue import cues
from voxcart_services.dialogue.slots import Quantity, Slots

MAX_PIECES = 999
DOZEN = 12

_GRAMS = {"斤": 500.0, "公斤": 1000.0, "千克": 1000.0, "kg": 1000.0, "克": 1.0, "g": 1.0, "两": 50.0}
_WEIGHT = re.compile(r"(\d+(?:\.\d+)?)\s*(公斤|千克|斤|kg|克|g)", re.IGNORECASE)


@dataclass(frozen=True)
class Pieces:
    """A number of pieces. ``problem`` names the phrase that says why it cannot be; empty if it can."""

    count: int = 1
    problem: str = ""


def pieces_wanted(quantity: Quantity | None, product_unit: str, text: str) -> Pieces:
    """Pieces for a quantity; one if none was said.

    Args:
        quantity: As understood.
        product_unit: What one piece holds: 3斤装, 10片.
        text: The utterance, where a minus may stand that the number lost.
    """
    if cues.NEGATIVE_NUMBER.search(text) or (quantity is not None and quantity.value < 0):
        return Pieces(0, "quantity.negative")
    if quantity is None:
        return Pieces(1)
    value = _by_weight(quantity, product_unit)
    if value is None:
        value = quantity.value * DOZEN if quantity.unit in {"打", "dozen"} else quantity.value
    if value == 0:
        return Pieces(0, "quantity.zero")
    if value > MAX_PIECES:
        return Pieces(0, "quantity.too_many")
    if value != math.floor(value):
        return Pieces(0, "quantity.whole")
    return Pieces(int(value))


def _by_weight(quantity: Quantity, product_unit: str) -> float | None:
    """三斤 of goods that come by 3斤 is one piece; a weight between two packs is rounded up."""
    grams = _GRAMS.get(quantity.unit.lower())
    pack = _WEIGHT.search(product_unit)
    if grams is None or pack is None:
        return None
    pack_grams = float(pack[1]) * _GRAMS[pack[2].lower()]
    return float(math.ceil(quantity.value * grams / pack_grams)) if pack_grams else None


def number_problem(slots: Slots, text: str) -> str:
    """The phrase that says what is wrong with the numbers of an utterance; empty if nothing is."""
    if cues.NEGATIVE_NUMBER.search(text):
        return "quantity.negative"
    quantity = slots.quantity()
    return "quantity.negative" if quantity is not None and quantity.value < 0 else ""
