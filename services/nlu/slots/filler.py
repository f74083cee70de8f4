"""Puts the slot finders together: one list of slots without overlaps, final values only."""

import re

from voxcart_services.nlu.slots.context import SlotContext
from voxcart_services.nlu.slots.counts import find_identifiers, find_ordinals, find_quantities, find_sizes, find_times
from voxcart_services.nlu.slots.names import find_names
from voxcart_services.nlu.slots.phrases import find_phrases
from voxcart_services.nlu.slots.prices import find_prices
from voxcart_services.nlu.slots.unknown_goods import find_unknown_goods
from voxcart_services.nlu.spans import Slot

NO_SLOTS = frozenset({
    "out_of_scope", "affirm", "deny", "cancel", "repeat", "help", "greet", "thanks", "goodbye", "talk_to_human",
    "clear_cart", "view_cart",
})  # fmt: skip
_CORRECTION = re.compile(
    (
        r"不对|哦不|不是不是|说错了|错了|应该是|还是改成|改主意了|no wait|wait no|i mean|actually|"
        r"sorry|scratch that|不不不?|算了还是|等等"
    ),
    re.IGNORECASE,
)
_NOT_A_IS_B = re.compile(r"不是.{1,8}?(?:，|,)?(?:而?是|要)")
_FAMILY = {"category": "product", "price_min": "price", "price_max": "price"}
# Slots of these names give way to any other slot that claims their characters.
_WEAK = frozenset({"attribute", "recipient"})


def fill_slots(context: SlotContext) -> list[Slot]:
    """All slots of an utterance in order of their offsets; none overlap except a vague price's two bounds."""
    if context.intent in NO_SLOTS:
        return []
    strong = [
        *find_identifiers(context), *find_times(context), *find_sizes(context), *find_ordinals(context),
    ]  # fmt: skip
    quantities = find_quantities(context)
    prices = find_prices(context)
    slots = _without_overlaps([*strong, *find_phrases(context, strong), *quantities])
    slots += [price for price in prices if not any(slot.overlaps(price.start, price.end) for slot in slots)]
    for name in find_names(context):
        rivals = [slot for slot in slots if slot.overlaps(name.start, name.end)]
        if not rivals:
            slots.append(name)
    slots += find_unknown_goods(context, slots)
    if context.intent == "merchant_add_product":
        slots = _whole_new_name(context, slots)
    slots = _final_values(context.text, slots)
    return sorted(slots, key=lambda slot: (slot.start, slot.name != "price_min"))


def _whole_new_name(context: SlotContext, slots: list[Slot]) -> list[Slot]:
    """A new product's name includes what stands right before its noun: 儿童 and 雨衣 are one name."""
    ordered = sorted(slots, key=lambda slot: slot.start)
    merged: list[Slot] = []
    for slot in ordered:
        last = merged[-1] if merged else None
        is_goods = slot.name in ("product", "category")
        if last is not None and is_goods and last.end == slot.start and last.name in ("attribute", "material"):
            merged[-1] = Slot("product", last.start, slot.end, context.text[last.start : slot.end], confidence=0.8)
        else:
            merged.append(slot)
    return merged


def _without_overlaps(slots: list[Slot]) -> list[Slot]:
    kept: list[Slot] = []
    for slot in slots:
        if not any(other.overlaps(slot.start, slot.end) for other in kept):
            kept.append(slot)
    return kept


def _final_values(text: str, slots: list[Slot]) -> list[Slot]:
    """Drops values that the speaker took back: of one family, those before a correction when one follows it."""
    dropped: set[int] = set()
    for mark in _CORRECTION.finditer(text):
        for index, slot in enumerate(slots):
            if slot.end <= mark.start() and any(
                other.start >= mark.end() and _family(other) == _family(slot) for other in slots
            ):
                dropped.add(index)
    for mark in _NOT_A_IS_B.finditer(text):
        inside = [index for index, slot in enumerate(slots) if mark.start() <= slot.start and slot.end <= mark.end()]
        for index in inside:
            if any(other.start >= mark.end() and _family(other) == _family(slots[index]) for other in slots):
                dropped.add(index)
    return [slot for index, slot in enumerate(slots) if index not in dropped]


def _family(slot: Slot) -> str:
    return _FAMILY.get(slot.name, slot.name)
