"""Shop rules for reading English text: what wetext's English grammar would say wrongly or not at all."""

import re
from collections.abc import Callable

_DIGIT_NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_ORDINALS = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh",
    "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth",
    "twentieth",
)  # fmt: skip
_SMALL = (
    *_DIGIT_NAMES, "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_NUMBER = r"\d[\d,]*(?:\.\d+)?"


def digits_en(digits: str) -> str:
    """Digit by digit."""
    return " ".join(_DIGIT_NAMES[int(digit)] for digit in digits)


def _grouped(digits: str, size: int = 4) -> str:
    groups = [digits[start : start + size] for start in range(0, len(digits), size)]
    return ", ".join(digits_en(group) for group in groups)


def _identifier(match: re.Match[str]) -> str:
    pieces = re.findall(r"[A-Za-z]+|\d+", match["id"])
    spoken = [_grouped(piece) if piece.isdigit() else " ".join(piece.upper()) for piece in pieces]
    return f"{match['label']} {' '.join(spoken)}"


def cardinal_en(value: int) -> str:
    """A whole number below 10**12 in words: 1299 -> one thousand two hundred and ninety nine."""
    for size, name in ((10**9, "billion"), (10**6, "million"), (1000, "thousand")):
        if value >= size:
            rest = value % size
            link = " and " if 0 < rest < 100 else " "
            return f"{cardinal_en(value // size)} {name}" + (f"{link}{cardinal_en(rest)}" if rest else "")
    if value >= 100:
        rest = value % 100
        return f"{_SMALL[value // 100]} hundred" + (f" and {cardinal_en(rest)}" if rest else "")
    if value < 20:
        return _SMALL[value]
    return _TENS[value // 10 - 2] + (f" {_SMALL[value % 10]}" if value % 10 else "")


def _amount(number: str) -> str:
    """1,299.50 -> one thousand two hundred and ninety nine point five."""
    whole, _, decimals = number.replace(",", "").partition(".")
    decimals = decimals.rstrip("0")
    said = cardinal_en(int(whole)) if len(whole) <= 12 else digits_en(whole)
    return f"{said} point {digits_en(decimals)}" if decimals else said


def _large(match: re.Match[str]) -> str:
    return _amount(match["number"])


def _yuan(match: re.Match[str]) -> str:
    return f"{_amount(match['number'])} yuan"


def _dollars(match: re.Match[str]) -> str:
    whole, _, cents = match["number"].replace(",", "").partition(".")
    said = f"{_amount(whole)} dollar{'' if whole == '1' else 's'}"
    if cents and int(cents):
        said += f" and {int(cents.ljust(2, '0')[:2])} cents"
    return said


def _date(match: re.Match[str]) -> str:
    year, month, day = int(match[1]), int(match[2]), int(match[3])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return match.group()
    tens = {20: "twentieth", 30: "thirtieth"}
    if day <= 20:
        name = _ORDINALS[day - 1]
    else:
        name = tens.get(day) or f"{'twenty' if day < 30 else 'thirty'} {_ORDINALS[day % 10 - 1]}"
    return f"{_MONTHS[month - 1]} {name}, {year // 100} {year % 100:02d}"


def _clock(match: re.Match[str]) -> str:
    hour, minute = int(match[1]), int(match[2])
    half = f" {' '.join(match[3].upper())}" if match[3] else ""
    if minute == 0:
        return f"{hour}{half}" if half else f"{hour} o'clock"
    return f"{hour} {'oh ' if minute < 10 else ''}{minute}{half}"


_UNITS = {
    "ml": "milliliters", "l": "liters", "kg": "kilograms", "g": "grams", "cm": "centimeters", "mm": "millimeters",
    "m": "meters", "km": "kilometers", "gb": "gigabytes", "tb": "terabytes", "mah": "milliamp hours", "w": "watts",
}  # fmt: skip
_UNIT = "|".join(sorted(_UNITS, key=len, reverse=True))


def _units(match: re.Match[str]) -> str:
    name = _UNITS[match[2].lower()]
    return f"{match[1]} {name.removesuffix('s') if match[1] == '1' else name}"


_RULES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), action)
    for pattern, action in (
        (
            r"\b(?P<label>(?:order|tracking|parcel|coupon|verification|phone|SKU|refund|ending)"
            r"(?:\s+(?:number|code|no\.?|in|id))?)\s*(?:[:#]|is)?\s*(?P<id>[A-Za-z]{0,4}[-_]?\d[A-Za-z0-9\-_]{2,40})\b",
            _identifier,
        ),
        (r"(?<!\d)(1[3-9]\d)(\d{4})(\d{4})(?!\d)", lambda m: ", ".join(map(digits_en, m.groups()))),
        (r"(?<!\d)((?:19|20)\d\d)[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)", _date),
        (r"(?<![\d:])([01]?\d|2[0-3]):([0-5]\d)(?::[0-5]\d)?\s*([ap]m\b)?", _clock),
        (rf"[¥￥]\s*(?P<number>{_NUMBER})", _yuan),
        (rf"(?:RMB|CNY)\s*(?P<number>{_NUMBER})|(?P<number2>{_NUMBER})\s*(?:RMB|CNY)\b",
         lambda m: f"{_amount(m['number'] or m['number2'])} yuan"),
        (rf"\$\s*(?P<number>{_NUMBER})", _dollars),
        (rf"(\d+(?:\.\d+)?)\s*({_UNIT})\b", _units),
        (r"(?<=[A-Za-z0-9])\+(?=$|[^0-9A-Za-z])", " plus"),
        (r"(?<=[\w])\s*[×x]\s*(?=\d)", " by "),
        (r"(?<![\d.])(\d{8,})(?![\d.])", lambda m: _grouped(m[1])),
        (r"(?<![\d.,])(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?)(?![\d,])", _large),
        (r"(?<!in )(?<!since )(?<!year )(?<!of )(?<!, )(?<![\d.])(?P<number>\d{4,7})(?![\d.])", _large),
        (r"\s*&\s*", " and "),
        (r"(?<=\d)\s*[~–-]\s*(?=\d)", " to "),
        (r"(?<=\w)/(?=\w)", " per "),
        (r"[#@^=_|\\{}\[\]<>]", " "),
    )
)  # fmt: skip


def shop_rules_en(text: str) -> str:
    """Apply the shop rules; what they leave (plain numbers, percentages, ordinals) is for the grammar."""
    for pattern, action in _RULES:
        text = pattern.sub(action, text)
    return text
