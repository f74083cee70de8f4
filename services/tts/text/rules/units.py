"""Names of units and currencies in both languages, from the service's data."""

import re
from collections.abc import Iterable

from voxcart_services.tts.text.tables import read_table

_UNITS = read_table("units.tsv")
_CURRENCIES = read_table("currencies.tsv")

UNITS_ZH = {written: zh for written, zh, _ in _UNITS if zh != "-"}
"""Unit as written -> as said in Mandarin."""
UNITS_EN = {written: en for written, _, en in _UNITS if en != "-"}
"""Unit as written -> as said in English, singular; :func:`unit_en` makes the plural."""

CURRENCY_SIGNS = {written: zh for written, zh, *_ in _CURRENCIES if not written.isalpha()}
"""$ -> 美元."""
CURRENCY_CODES = {written: zh for written, zh, *_ in _CURRENCIES if written.isalpha()}
"""USD -> 美元."""
CURRENCIES_EN = {written: (en, "" if part == "-" else part) for written, _, en, part in _CURRENCIES}
"""Sign or code -> unit and hundredth, both singular. Without a hundredth decimals are said after *point*."""

_SAME_IN_PLURAL = ("hertz", "kilohertz", "megahertz", "gigahertz", "c c")
_IRREGULAR = {"foot": "feet", "square foot": "square feet", "inch": "inches"}


def alternation(words: Iterable[str]) -> str:
    """A regular expression for any of the words, longer ones first."""
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


def unit_en(unit: str, number: str) -> str:
    """The name of a unit after a number: 1 kg -> kilogram, 5 kg -> kilograms."""
    name = UNITS_EN[unit]
    if number == "1" or name in _SAME_IN_PLURAL:
        return name
    head, _, tail = name.partition(" per ")
    words, _, last = head.rpartition(" ")
    if last in ("Celsius", "Fahrenheit"):
        return f"{words}s {last}"
    plural = _IRREGULAR.get(head) or head + "s"
    return f"{plural} per {tail}" if tail else plural
