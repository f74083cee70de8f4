"""Everything that can be found in a text without knowing what it asks for: names, amounts, times, sizes, numbers."""

import re
from dataclasses import dataclass
from datetime import datetime

from voxcart.text.amounts import Amount, find_amounts
from voxcart.text.dates import TimeRange, find_time_ranges
from voxcart_services.nlu.gazetteer import Gazetteer
from voxcart_services.nlu.spans import Mention

_LETTER_SIZE = re.compile(
    (
        r"(?:size\s+)(?P<named>[2-5]?X{0,3}[SML])(?![A-Za-z])|(?<![A-Za-z0-9])(?P<bare>[2-5]?XS|"
        r"XX*S|[2-5]?X+L|[SML])(?![A-Za-z0-9])(?=\s?(?P<unit>码|号|尺码|size)?)"
    ),
    re.IGNORECASE,
)
_NUMBER_SIZE = re.compile(r"(?:size|鞋码|尺码|码数)\s*(?:是|为)?\s*$", re.IGNORECASE)
_CODE = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{1,4}[-\s]?(?:\d[\d-]{2,}|[零一二三四五六七八九幺两]{3,})(?![A-Za-z0-9])")


@dataclass(frozen=True, slots=True)
class SizeMention:
    """A size in letters or numbers; ``value`` as the catalogue writes it."""

    start: int
    end: int
    value: str


@dataclass(frozen=True, slots=True)
class Mentions:
    """What was found in one text; lists are in order of their offsets."""

    names: list[Mention]
    amounts: list[Amount]
    times: list[TimeRange]
    sizes: list[SizeMention]
    codes: list[tuple[int, int]]


def find_mentions(text: str, gazetteer: Gazetteer, clock: datetime) -> Mentions:
    """Finds all mentions; names and times take their characters away from amounts."""
    names = gazetteer.find(text)
    codes = [match.span() for match in _CODE.finditer(text) if not _covered(names, *match.span())]
    times = [item for item in find_time_ranges(text, clock) if not _covered(names, item.start, item.end)]
    amounts = []
    for amount in find_amounts(text):
        if any(item.start < amount.end and amount.start < item.end for item in times):
            continue
        if any(start <= amount.number_start and amount.number_end <= end for start, end in codes):
            continue
        if any(name.start <= amount.number_start and amount.number_end <= name.end for name in names):
            continue
        amounts.append(amount)
    sizes = _letter_sizes(text, names) + _number_sizes(text, amounts)
    amounts = [a for a in amounts if not any(s.start < a.end and a.start < s.end for s in sizes)]
    return Mentions(names, amounts, times, sorted(sizes, key=lambda size: size.start), codes)


def _covered(names: list[Mention], start: int, end: int) -> bool:
    return any(name.overlaps(start, end) for name in names)


def _letter_sizes(text: str, names: list[Mention]) -> list[SizeMention]:
    found = []
    for match in _LETTER_SIZE.finditer(text):
        letters = (match.group("named") or match.group("bare")).upper()
        unit = match.group("unit")
        end = match.end() + (text[match.end() :].index(unit) + len(unit) if unit else 0)
        alone = not match.group("named") and not unit
        after = text[match.end() : match.end() + 2]
        context = re.match(r"的|吧|$|，|,|有|还|和|或", after) or len(letters) > 1
        upper = (match.group("bare") or "X").isupper()
        if alone and not (context and upper):
            continue
        if not _covered(names, match.start(), match.end()):
            found.append(SizeMention(match.start(), end, letters))
    return found


def _number_sizes(text: str, amounts: list[Amount]) -> list[SizeMention]:
    found = []
    for amount in amounts:
        if amount.kind == "measure" and amount.unit == "码":
            found.append(SizeMention(amount.start, amount.end, f"{amount.value:g}"))
            continue
        before = _NUMBER_SIZE.search(text[: amount.start])
        if before and amount.kind in ("number", "digits") and amount.value <= 60:
            start = before.start() if before.group().lower().startswith("size") else amount.start
            found.append(SizeMention(start, amount.end, f"{amount.value:g}"))
    return found
