"""Values to spoken words: cardinals, digit strings, money and quantities, in Mandarin and English."""

from decimal import Decimal

from voxcart.text.wordlist import words

_ZH = "零一二三四五六七八九"
_EN_ONES = words(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_EN_TENS = ("", "", *words("twenty thirty forty fifty sixty seventy eighty ninety"))


def _section_to_chinese(value: int) -> str:
    """1..9999 with inner zeros (一千零五), 二 throughout."""
    out, pending_zero = "", False
    for unit, word in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = value // unit % 10
        if digit:
            out += ("零" if pending_zero else "") + _ZH[digit] + word
            pending_zero = False
        elif out:
            pending_zero = True
    return out


def number_to_chinese(value: float) -> str:
    """A cardinal as Mandarin says it: 12 -> 十二, 1005 -> 一千零五, 250 -> 二百五十, 3.5 -> 三点五, -2 -> 负二.

    Raises:
        ValueError: The magnitude is 10**12 or more, or the value is not finite.
    """
    exact = Decimal(str(value))
    if not exact.is_finite() or abs(exact) >= 10**12:
        raise ValueError(f"cannot say {value}: it must be finite and below 10**12")
    sign, exact = ("负", -exact) if exact < 0 else ("", exact)
    whole = int(exact)
    text = _whole_to_chinese(whole)
    fraction = str(exact.normalize()).partition(".")[2] if exact != whole else ""
    if fraction:
        text += "点" + "".join(_ZH[int(digit)] for digit in fraction)
    return sign + text


def _whole_to_chinese(whole: int) -> str:
    if whole == 0:
        return "零"
    parts: list[str] = []
    sections = [(whole // 10**8, "亿"), (whole // 10**4 % 10**4, "万"), (whole % 10**4, "")]
    gap = False
    for value, word in sections:
        if value == 0:
            gap = bool(parts)
            continue
        if parts and (gap or value < 1000):
            parts.append("零")
        parts.append(_section_to_chinese(value) + word)
        gap = False
    text = "".join(parts)
    return text[1:] if text.startswith("一十") else text


def digits_to_chinese(digits: str) -> str:
    """A digit string one by one, as order numbers are read: 10086 -> 一零零八六. Other characters stay."""
    return "".join(_ZH[int(char)] if char.isascii() and char.isdigit() else char for char in digits)


def number_to_english(value: float) -> str:
    """A cardinal in English words: 250 -> two hundred fifty, 3.5 -> three point five.

    Raises:
        ValueError: The magnitude is 10**12 or more, or the value is not finite.
    """
    exact = Decimal(str(value))
    if not exact.is_finite() or abs(exact) >= 10**12:
        raise ValueError(f"cannot say {value}: it must be finite and below 10**12")
    sign, exact = ("minus ", -exact) if exact < 0 else ("", exact)
    whole = int(exact)
    text = _whole_to_english(whole)
    fraction = str(exact.normalize()).partition(".")[2] if exact != whole else ""
    if fraction:
        text += " point " + " ".join(_EN_ONES[int(digit)] for digit in fraction)
    return sign + text


def _whole_to_english(whole: int) -> str:
    if whole < 20:
        return _EN_ONES[whole]
    if whole < 100:
        return _EN_TENS[whole // 10] + (f" {_EN_ONES[whole % 10]}" if whole % 10 else "")
    for scale, word in ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred")):
        if whole >= scale:
            rest = f" {_whole_to_english(whole % scale)}" if whole % scale else ""
            return f"{_whole_to_english(whole // scale)} {word}{rest}"
    raise AssertionError("unreachable: every value of 100 or more has a scale")


def money_to_chinese(yuan: float) -> str:
    """Yuan as a shop assistant says it: 39.9 -> 三十九块九, 99.99 -> 九十九块九毛九, 2000 -> 两千元, 0.5 -> 五毛."""
    cents = round(Decimal(str(yuan)) * 100)
    sign, cents = ("负", -cents) if cents < 0 else ("", cents)
    whole, jiao, fen = cents // 100, cents // 10 % 10, cents % 10
    spoken = quantity_numeral(whole)
    if not jiao and not fen:
        return f"{sign}{spoken}元"
    if not whole:
        return sign + (f"{_ZH[jiao]}毛" if jiao else "") + (f"{_ZH[fen]}分" if fen else "")
    if not fen:
        return f"{sign}{spoken}块{_ZH[jiao]}"
    return f"{sign}{spoken}块{_ZH[jiao]}毛{_ZH[fen]}" if jiao else f"{sign}{spoken}块零{_ZH[fen]}分"


def quantity_numeral(value: float) -> str:
    """A numeral before a counting word: 2 -> 两, 200 -> 两百, 2000 -> 两千, 12 -> 十二, 0.5 -> 半."""
    if value == 0.5:
        return "半"
    if value == 2:
        return "两"
    text = number_to_chinese(value)
    return "两" + text[1:] if text[:2] in ("二百", "二千", "二万", "二亿") else text
