"""The values of an utterance, read in the types the skills need."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

from google.protobuf import json_format
from pydantic import BaseModel, ConfigDict

from voxcart_api.common.v1 import common_pb2

SHOP_TIME_ZONE = timezone(timedelta(hours=8), "Asia/Shanghai")
"""The shop's local clock; China has no daylight saving time."""

CENTS_PER_YUAN = 100


class SlotValue(BaseModel):
    """One value, as it rides in the state of a session."""

    model_config = ConfigDict(frozen=True)

    name: str
    text: str
    normalized: Any = None
    negated: bool = False
    relation: str = "set"
    approximate: bool = False
    start: int = 0


@dataclass(frozen=True)
class Quantity:
    """A number of things with the unit that was said; ``relation`` is set, add, subtract or percent."""

    value: float
    unit: str = ""
    relation: str = "set"


@dataclass(frozen=True)
class Amount:
    """An amount of money in cents, or for ``percent`` the percentage itself."""

    value: float
    relation: str = "set"

    @property
    def cents(self) -> int:
        """The value as cents, rounded half up."""
        return math.floor(self.value * CENTS_PER_YUAN + 0.5)


@dataclass(frozen=True)
class TimeRange:
    """[start, end) in UTC with the words that named it."""

    start: datetime
    end: datetime
    text: str = field(default="", compare=False)


class Slots:
    """The slots of one utterance, in the order of the text."""

    def __init__(self, values: Iterable[SlotValue] = ()) -> None:
        self.values = sorted(values, key=lambda value: value.start)

    @classmethod
    def from_understanding(cls, understanding: common_pb2.Understanding) -> "Slots":
        """Reads the slots of the wire form."""
        return cls(
            SlotValue(
                name=slot.name,
                text=slot.value,
                normalized=json_format.MessageToDict(slot.normalized) if slot.HasField("normalized") else None,
                negated=slot.negated,
                relation=slot.relation or "set",
                approximate=slot.approximate,
                start=slot.start,
            )
            for slot in understanding.slots
        )

    def __bool__(self) -> bool:
        return bool(self.values)

    def __contains__(self, name: str) -> bool:
        return any(value.name == name for value in self.values)

    def names(self) -> set[str]:
        """Names of all slots."""
        return {value.name for value in self.values}

    def all(self, *names: str, negated: bool = False) -> list[SlotValue]:
        """All values of these names, refused ones only if asked for."""
        return [value for value in self.values if value.name in names and value.negated == negated]

    def first(self, *names: str) -> SlotValue | None:
        """The first wanted value of these names."""
        return next(iter(self.all(*names)), None)

    def text(self, *names: str) -> str:
        """The span of the first wanted value; empty if there is none."""
        value = self.first(*names)
        return value.text.strip() if value else ""

    def word(self, *names: str) -> str:
        """The normalised form as a word, else the span; empty if there is none."""
        value = self.first(*names)
        return word_of(value) if value else ""

    def words(self, *names: str, negated: bool = False) -> list[str]:
        """:meth:`word` of all values, each once."""
        return list(dict.fromkeys(word_of(value) for value in self.all(*names, negated=negated)))

    def quantity(self) -> Quantity | None:
        """The first quantity; None if none was said or it is no number."""
        value = self.first("quantity")
        return quantity_of(value) if value else None

    def ordinal(self) -> int | None:
        """1 is the first, -1 the last; None if none was said."""
        value = self.first("ordinal")
        number = number_of(value.normalized) if value else None
        return int(number) if number else None

    def amount(self, name: str) -> Amount | None:
        """price, price_min or price_max."""
        value = self.first(name)
        number = _number_or_text(value) if value else None
        return Amount(number, value.relation) if value and number is not None else None

    def conflicting(self, name: str) -> list[str]:
        """The spans of a slot that was said with two or more different values; empty if there is no conflict."""
        values = self.all(name)
        different = {word_of(value) for value in values}
        return list(dict.fromkeys(value.text for value in values)) if len(different) > 1 else []

    def order_id(self) -> str:
        """Digits of the order number; empty if none was said."""
        return "".join(character for character in self.word("order_id") if character.isdigit())

    def time_range(self) -> TimeRange | None:
        """The time range by the shop's clock; None if none was said or it cannot be read."""
        value = self.first("time_range")
        if value is None or not isinstance(value.normalized, dict):
            return None
        start = _moment(value.normalized.get("from"), end_of_day=False)
        end = _moment(value.normalized.get("to") or value.normalized.get("from"), end_of_day=True)
        if start is None or end is None or end <= start:
            return None
        return TimeRange(start, end, value.text)

    def replaced_by(self, newer: "Slots") -> "Slots":
        """These slots, with every name that ``newer`` holds taken from there."""
        taken = newer.names()
        if taken & {"product", "category"}:
            taken |= {"product", "category", "ordinal"}
        if "ordinal" in taken:
            taken |= {"product", "category"}
        return Slots([value for value in self.values if value.name not in taken] + newer.values)

    def without(self, *names: str) -> "Slots":
        """These slots less the named ones."""
        return Slots(value for value in self.values if value.name not in names)

    def only(self, *names: str) -> "Slots":
        """The named slots alone."""
        return Slots(value for value in self.values if value.name in names)


def word_of(value: SlotValue) -> str:
    """The normalised form as a word (numbers without a trailing .0), else the span."""
    normalized = value.normalized
    if isinstance(normalized, str) and normalized.strip():
        return normalized.strip()
    number = number_of(normalized)
    if number is not None:
        return f"{number:g}" if abs(number) < 1e6 else f"{number:.0f}"
    return value.text.strip()


def number_of(normalized: Any) -> float | None:
    """A finite number from a number, a numeric word or ``{"value": n}``; None otherwise."""
    if isinstance(normalized, dict):
        normalized = normalized.get("value")
    if isinstance(normalized, bool) or normalized is None:
        return None
    try:
        number = float(normalized)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def quantity_of(value: SlotValue) -> Quantity | None:
    """Value and unit of a quantity slot; None if it is no number."""
    number = _number_or_text(value)
    if number is None:
        return None
    unit = value.normalized.get("unit", "") if isinstance(value.normalized, dict) else ""
    return Quantity(number, str(unit or ""), value.relation)


def text_slot(name: str, text: str) -> SlotValue:
    """A slot that the dialogue fills from the person's own words."""
    return SlotValue(name=name, text=text, normalized=text)


def renamed(value: SlotValue, name: str) -> SlotValue:
    """The same value under another slot name."""
    return value.model_copy(update={"name": name})


def _number_or_text(value: SlotValue) -> float | None:
    number = number_of(value.normalized)
    return number if number is not None else number_of(value.text)


def _moment(said: Any, *, end_of_day: bool) -> datetime | None:
    """A date or date-time of the shop's clock as UTC; a date's end is the following midnight."""
    if not isinstance(said, str):
        return None
    try:
        if len(said) == len("2026-10-01"):
            day = datetime.combine(date.fromisoformat(said), time(), SHOP_TIME_ZONE)
            return (day + timedelta(days=1) if end_of_day else day).astimezone(UTC)
        moment = datetime.fromisoformat(said)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=SHOP_TIME_ZONE)
    return moment.astimezone(UTC)
