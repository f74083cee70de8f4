"""Numbers in Mandarin words, from digit strings: 0.10 keeps its zero, and no length is too long."""

import re

_NAMES = "零一二三四五六七八九"
_TELEPHONE_NAMES = "零幺二三四五六七八九"
_MAX_CARDINAL_DIGITS = 16


def digits_zh(digits: str, *, telephone: bool = False) -> str:
    """Digit by digit; in telephone and order numbers 1 is said 幺. What is no digit is left out."""
    names = _TELEPHONE_NAMES if telephone else _NAMES
    return "".join(names[int(digit)] for digit in digits if digit.isdecimal())


def grouped_zh(digits: str, sizes: tuple[int, ...] = ()) -> str:
    """Digit by digit in groups with a short pause between: of four, or of the sizes given.

    A last group of one digit joins the one before it.
    """
    sizes = sizes or (4,) * (len(digits) // 4 + 1)
    groups = []
    start = 0
    for size in sizes:
        groups.append(digits[start : start + size])
        start += size
    groups = [group for group in (*groups, digits[start:]) if group]
    if len(groups) > 1 and len(groups[-1]) == 1:
        groups[-2:] = [groups[-2] + groups[-1]]
    return "，".join(digits_zh(group, telephone=True) for group in groups)


def cardinal_zh(digits: str, *, counting: bool = True) -> str:
    """A whole number: 10086 -> 一万零八十六; beyond 16 digits digit by digit.

    Args:
        digits: Digits only.
        counting: 2 is 两 before 百, 千, 万, 亿 at the head of the number (200 -> 两百); without it 二 everywhere.
    """
    digits = digits.lstrip("0") or "0"
    if digits == "0":
        return "零"
    if len(digits) > _MAX_CARDINAL_DIGITS:
        return digits_zh(digits)
    said = _sections(digits)
    if said.startswith("一十"):
        said = said[1:]
    if counting and said[0] == "二" and said[1:2] in ("百", "千", "万", "亿"):
        said = "两" + said[1:]
    return said


def _sections(digits: str) -> str:
    """Sections of four digits: 亿 is one unit above 万, 万亿 above it."""
    if len(digits) > 8:
        high, low = digits[:-8], digits[-8:]
        return _sections(high) + "亿" + _rest(low)
    if len(digits) > 4:
        return _section(digits[:-4]) + "万" + _rest(digits[-4:])
    return _section(digits)


def _rest(digits: str) -> str:
    """What follows 万 or 亿: 零 for a gap, nothing for nothing."""
    stripped = digits.lstrip("0")
    if not stripped:
        return ""
    return ("零" if len(stripped) < len(digits) else "") + _sections(stripped)


def _section(digits: str) -> str:
    """1..9999 with inner zeros: 1005 -> 一千零五."""
    said = ""
    gap = False
    for position, digit in enumerate(digits):
        if digit == "0":
            gap = bool(said)
            continue
        unit = ("", "十", "百", "千")[len(digits) - position - 1]
        said += ("零" if gap else "") + _NAMES[int(digit)] + unit
        gap = False
    return said


def number_zh(number: str, *, counting: bool = True) -> str:
    """A written number: 1,299.50 -> 一千二百九十九点五零; a sign in front is said 负."""
    sign = "负" if number[:1] == "-" else ""
    whole, _, decimals = number.lstrip("+-").replace(",", "").partition(".")
    said = cardinal_zh(whole or "0", counting=counting and not decimals)
    return f"{sign}{said}点{digits_zh(decimals)}" if decimals else sign + said


def amount_zh(number: str, *, counting: bool = True) -> str:
    """A written amount: a number without the zeros at the end of its decimals; alone, 2 is 两."""
    if "." in number:
        number = number.rstrip("0").rstrip(".")
    said = number_zh(number, counting=counting)
    return "两" if counting and said == "二" else said


def ordinary_digits_zh(number: str) -> str:
    """A number of a name or room, as people read it: up to 99 and round hundreds as a number, else digit by digit."""
    short = number.lstrip("0")
    if number != short or len(number) > 5:
        return digits_zh(number)
    if len(number) <= 2 or (len(number) == 3 and number.endswith("00")) or re.fullmatch(r"\d{1,2}000", number):
        return cardinal_zh(number, counting=len(number) > 1)
    return digits_zh(number)
