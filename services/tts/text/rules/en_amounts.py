"""Money, discounts, percentages, measures, counts and ranges in English."""

import re

from voxcart_services.tts.text.numbers_en import amount_en, cardinal_en, digits_en, number_en, ordinal_en
from voxcart_services.tts.text.rules.engine import DASH, NUMBER, Rule, by_grammar, rule
from voxcart_services.tts.text.rules.units import (
    CURRENCIES_EN,
    CURRENCY_CODES,
    CURRENCY_SIGNS,
    UNITS_EN,
    alternation,
    unit_en,
)

_SCALES = {
    "k": "thousand",
    "K": "thousand",
    "m": "million",
    "M": "million",
    "bn": "billion",
    "B": "billion",
    "b": "billion",
}
_SCALE = r"(?:thousand|million|billion|trillion|hundred)"
_SIGN = r"(?P<sign>(?<![\w)])[-+])?"
_CURRENCY = alternation(CURRENCY_SIGNS)
_CODE = alternation(CURRENCY_CODES)
_UNIT = alternation(UNITS_EN)
_FRACTION_NAMES = {"2": ("half", "halves"), "3": ("third", "thirds"), "4": ("quarter", "quarters")}
_SINGULAR_AFTER = (
    "charger|adapter|cable|battery|bottle|display|screen|monitor|bag|pack|box|can|jar|lens|bulb|fan|motor|speaker|drive|"
    "tank|hard|SSD|refresh|fast|power|tv|model|gift|front-load|top-load|washer|electric|foldable|flip|GaN|suitcase|backpack"
)


def _sign(match: re.Match[str]) -> str:
    return {"-": "minus ", "+": "plus "}.get(match["sign"] or "", "")


def _money(number: str, scale: str | None, currency: str) -> str:
    """One amount with its currency: 5.99, $ -> five dollars and ninety nine cents."""
    unit, part = CURRENCIES_EN[currency]
    if scale:
        return f"{amount_en(number)} {_SCALES.get(scale, scale)} {_plural(unit, '2')}"
    whole, _, decimals = number.replace(",", "").partition(".")
    cents = decimals.ljust(2, "0")[:2] if len(decimals) <= 2 else ""
    if not part or (decimals and not cents):
        return f"{amount_en(number)} {_plural(unit, number)}"
    said = [] if whole in ("", "0") and cents and int(cents) else [f"{cardinal_en(whole)} {_plural(unit, whole)}"]
    if cents and int(cents):
        said.append(f"{cardinal_en(cents)} {_plural(part, cents.lstrip('0'))}")
    return " and ".join(said)


def _plural(name: str, number: str) -> str:
    if number == "1" or name.endswith(("yuan", "yen", "won", "baht")):
        return name
    return {"penny": "pence", "paisa": "paise"}.get(name, name + "s")


def _per(match: re.Match[str]) -> str:
    per = match["per"]
    return f" per {unit_en(per, '1') if per in UNITS_EN else per}" if per else ""


def _priced(match: re.Match[str]) -> str:
    currency = match["currency"].upper() if match["currency"].upper() in CURRENCIES_EN else match["currency"]
    if not match["high"]:
        return _sign(match) + _money(match["low"], match["low_scale"], currency) + _per(match)
    if "." in match["low"] and not match["low_scale"] and CURRENCIES_EN[currency][1]:
        low = _money(match["low"], None, currency)
    else:
        scale = match["low_scale"]
        low = _sign(match) + amount_en(match["low"]) + (f" {_SCALES.get(scale, scale)}" if scale else "")
    return f"{low} to {_money(match['high'], match['high_scale'], currency)}{_per(match)}"


def _amounts(prefix: str = "") -> str:
    """The pattern of a number or a range, with scales: groups low, low_scale, high, high_scale."""
    scale = rf"{_SCALE}\b|(?:k|K|m|M|bn|B)(?![A-Za-z])"
    return (
        rf"(?P<low>{NUMBER})(?:\s?(?P<low_scale>{scale}))?"
        rf"(?:{DASH}{prefix}(?P<high>{NUMBER})(?:\s?(?P<high_scale>{scale}))?)?"
    )


def _percent(match: re.Match[str]) -> str:
    high = f" to {number_en(match['high'])}" if match["high"] else ""
    return f"{_sign(match)}{number_en(match['low'])}{high} percent"


def _measure(match: re.Match[str]) -> str:
    """5 kg, 160-165 cm, 60 km/h; singular before a noun that it describes: a 65W charger."""
    number = match["high"] or match["low"]
    describes = match["joint"] == "-" or re.match(
        rf"\s(?:{_SINGULAR_AFTER})", match.string[match.end() :], re.IGNORECASE
    )
    unit = unit_en(match["unit"], "1" if describes else number)
    range_end = f" to {'minus ' if match['high_sign'] else ''}{amount_en(match['high'])}" if match["high"] else ""
    return f"{_sign(match)}{amount_en(match['low'])}{range_end} {unit}{_per(match)}"


def _fraction(match: re.Match[str]) -> str | None:
    whole, above, below = match["whole"], match["above"], match["below"]
    if int(above) >= int(below) or int(below) == 0 or int(above) == 0:
        return None
    one, many = _FRACTION_NAMES.get(below) or (ordinal_en(below), ordinal_en(below) + "s")
    said = f"{'a' if whole else 'one'} {one}" if int(above) == 1 else f"{cardinal_en(above)} {many}"
    return f"{cardinal_en(whole)} and {said}" if whole else said


def _range(match: re.Match[str]) -> str:
    return f"{_sign(match)}{amount_en(match['low'])} to {amount_en(match['high'])}"


def _scaled(match: re.Match[str]) -> str:
    more = " plus" if match["more"] else ""
    return f"{amount_en(match['low'])} {_SCALES.get(match['scale'], match['scale'])}{more}"


def _formula(match: re.Match[str]) -> str | None:
    return by_grammar(match.group(), "en")


def _plain(match: re.Match[str]) -> str:
    number = match["low"]
    is_code = number[0] == "0" and number.isdigit() and len(number) > 1
    return digits_en(number) if is_code else _sign(match) + number_en(number)


_PER = rf"(?:\s?/\s?(?P<per>(?:{_UNIT})(?![A-Za-z])|[a-z]{{3,10}}))?"

MONEY_EN: tuple[Rule, ...] = (
    rule(rf"{_SIGN}(?P<currency>{_CURRENCY})\s?{_amounts(rf'(?:{_CURRENCY})?')}(?!\d){_PER}", _priced),
    rule(rf"(?<!\w)(?P<sign>)(?P<currency>(?i:{_CODE}))\s?{_amounts()}(?!\d){_PER}", _priced),
    rule(rf"(?<![\w.,])(?P<sign>){_amounts()}\s?(?P<currency>(?i:{_CODE}))\b{_PER}", _priced),
)
"""Money."""

MULTIPLICATION_EN: tuple[Rule, ...] = (
    rule(r"(?<=[A-Za-z])\s+[x×]\s?(?=\d)", " times "),
    rule(r"(?<=[\d\"″])\s*[×x*]\s*(?=\d)", " by "),
    rule(r"(?<=[\w])\s*×\s*(?=\d)", " by "),
)
"""Sizes and multiples."""

AMOUNTS_EN: tuple[Rule, ...] = (
    rule(rf"{_SIGN}(?<![\d.,A-Za-z])(?P<low>{NUMBER})%?(?:{DASH}(?P<high>{NUMBER}))?\s?%", _percent),
    rule(
        r"(?<![\w.,])(\d{1,2})'(?:(\d{1,2})[\"″']*)?(?![\w])",
        lambda m: f"{cardinal_en(m[1])} foot{f' {cardinal_en(m[2])}' if m[2] else ''}",
    ),
    rule(
        rf"(?<![\w.,])(?P<it>{NUMBER}\s?[\"″])(?=\s|$|[^\w\"″])",
        lambda m: f"{amount_en(m['it'].rstrip(chr(34) + '″ '))} inch",
    ),
    rule(
        rf"{_SIGN}(?<![\w.,])(?P<low>{NUMBER})(?:{DASH}(?P<high_sign>-)?(?P<high>{NUMBER}))?"
        rf"(?P<joint>[ -]?)(?P<unit>{_UNIT})(?![A-Za-z0-9])(?!-in-)"
        rf"{_PER}",
        _measure,
    ),
    rule(r"(?<![\w.,])(\d{1,3}(?:,\d{3})*|\d+)(?:st|nd|rd|th)\b", lambda m: ordinal_en(m[1].replace(",", ""))),
    rule(r"(?<![\w./])(\d+)/\1(?![\w/.])", lambda m: f"{cardinal_en(m[1])} {cardinal_en(m[1])}"),
    rule(r"(?<![\w./])(?:(?P<whole>\d+) )?(?P<above>\d{1,2})/(?P<below>\d{1,3})(?![\w/]|\.\d)", _fraction),
    rule(
        r"(?<![\w.])(\d(?:\.\d)?)\s?/\s?(5|10|100)(?![\w/]|\.\d)",
        lambda m: f"{amount_en(m[1])} out of {cardinal_en(m[2])}",
    ),
    rule(rf"(?<![\w.:])({NUMBER})\s?:\s?({NUMBER})(?![\w:])", lambda m: f"{number_en(m[1])} to {number_en(m[2])}"),
    rule(
        r"(?<![\w.,])(\d\d)[kK](?=\s+(?:gold|white|rose|yellow|ring|necklace|bracelet|chain|earrings|jewel))",
        lambda m: f"{cardinal_en(m[1])} karat",
    ),
    rule(r"(?<![\w.,])([24568])K\b", lambda m: f"{cardinal_en(m[1])} K"),
    rule(rf"(?<![\w.,])(?P<low>{NUMBER})\s?(?P<scale>{_SCALE}\b|(?:[kK]|M|bn|B)(?![A-Za-z0-9]))(?P<more>\+)?", _scaled),
    rule(rf"(?<![\w.,/–—-])(?P<sign>-)?(?P<low>{NUMBER}){DASH}(?P<high>{NUMBER})(?![\w/–—-]|\.\d)", _range),
    rule(
        rf"(?<![\w.,])({NUMBER})\s?[xX](?![A-Za-z0-9])(?=\s*(?:zoom|optical|faster|more|better|speed|the))",
        lambda m: f"{amount_en(m[1])} times",
    ),
    rule(r"(?<![\w.])\d[\d.]*(?: ?[-+*/×÷=<>≤≥^] ?\d[\d.]*)+(?!\w)", _formula),
)
"""Amounts of all kinds; sums by wetext's grammar."""

PLAIN_NUMBERS_EN: tuple[Rule, ...] = (
    rule(rf"{_SIGN}(?<![\d.])(?P<low>{NUMBER})", _plain),
    rule(r"\d+", lambda m: digits_en(m.group())),
)
"""What is left of numbers."""
