"""Numbers in English words, from digit strings."""

from voxcart.text.wordlist import words

_ONES = words(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS = words("zero ten twenty thirty forty fifty sixty seventy eighty ninety")
_SCALES = ((12, "trillion"), (9, "billion"), (6, "million"), (3, "thousand"))
_MAX_CARDINAL_DIGITS = 15
_IRREGULAR_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip


def digits_en(digits: str) -> str:
    """Digit by digit. What is no digit is left out."""
    return " ".join(_ONES[int(digit)] for digit in digits if digit.isdecimal())


def grouped_en(digits: str, size: int = 4) -> str:
    """Digit by digit in groups with a short pause between."""
    groups = [digits[start : start + size] for start in range(0, len(digits), size)]
    if len(groups) > 1 and len(groups[-1]) == 1:
        groups[-2:] = [groups[-2] + groups[-1]]
    return ", ".join(digits_en(group) for group in groups)


def cardinal_en(digits: str) -> str:
    """A whole number: 1299 -> one thousand two hundred and ninety nine; beyond 15 digits digit by digit."""
    digits = digits.lstrip("0") or "0"
    return digits_en(digits) if len(digits) > _MAX_CARDINAL_DIGITS else _cardinal(int(digits))


def _cardinal(value: int) -> str:
    for zeros, name in _SCALES:
        if value >= 10**zeros:
            rest = value % 10**zeros
            link = " and " if 0 < rest < 100 else " "
            return f"{_cardinal(value // 10**zeros)} {name}" + (f"{link}{_cardinal(rest)}" if rest else "")
    if value >= 100:
        rest = value % 100
        return f"{_ONES[value // 100]} hundred" + (f" and {_cardinal(rest)}" if rest else "")
    if value < 20:
        return _ONES[value]
    return _TENS[value // 10] + (f" {_ONES[value % 10]}" if value % 10 else "")


def number_en(number: str) -> str:
    """A written number: 1,299.50 -> one thousand two hundred and ninety nine point five zero; a sign is said minus."""
    sign = "minus " if number[:1] == "-" else ""
    whole, _, decimals = number.lstrip("+-").replace(",", "").partition(".")
    said = sign + cardinal_en(whole or "0")
    return f"{said} point {digits_en(decimals)}" if decimals else said


def amount_en(number: str) -> str:
    """A number without the zeros at the end of its decimals."""
    return number_en(number.rstrip("0").rstrip(".") if "." in number else number)


def ordinal_en(digits: str) -> str:
    """21 -> twenty first."""
    head, _, last = cardinal_en(digits).rpartition(" ")
    if last in _IRREGULAR_ORDINALS:
        ordinal = _IRREGULAR_ORDINALS[last]
    else:
        ordinal = last[:-1] + "ieth" if last.endswith("y") else last + "th"
    return f"{head} {ordinal}".strip()


def plural_en(spoken: str) -> str:
    """twenty -> twenties, six -> sixes, ten -> tens."""
    if spoken.endswith("y"):
        return spoken[:-1] + "ies"
    return spoken + ("es" if spoken.endswith("x") else "s")


def year_en(digits: str) -> str:
    """2026 -> twenty twenty six, 2007 -> two thousand and seven, 1900 -> nineteen hundred."""
    high, low = int(digits[:2]), int(digits[2:])
    if digits.startswith("200") or digits == "1000":
        return _cardinal(int(digits))
    if low == 0:
        return f"{_cardinal(high)} hundred"
    return f"{_cardinal(high)} {'oh ' if low < 10 else ''}{_cardinal(low)}"


def model_number_en(digits: str) -> str:
    """A number in a name: 4060 -> forty sixty, 502 -> five oh two, 3000 -> three thousand, 15 -> fifteen."""
    if digits[0] == "0" or len(digits) > 4 or len(digits) < 3:
        return cardinal_en(digits) if len(digits) < 3 and digits[0] != "0" else digits_en(digits)
    if digits.endswith("00"):
        return (
            _cardinal(int(digits))
            if len(digits) == 3 or digits.endswith("000")
            else f"{_cardinal(int(digits[:2]))} hundred"
        )
    if len(digits) == 3:
        low = int(digits[1:])
        return f"{_ONES[int(digits[0])]} {'oh ' if low < 10 else ''}{_cardinal(low)}"
    return year_en(digits) if not digits.startswith("200") else _cardinal(int(digits))
