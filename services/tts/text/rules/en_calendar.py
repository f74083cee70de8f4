"""Dates, times of day and durations in English."""

import re

from voxcart.text.wordlist import words
from voxcart_services.tts.text.numbers_en import cardinal_en, ordinal_en, plural_en, year_en
from voxcart_services.tts.text.rules.engine import DASH, Rule, rule

MONTHS = words(
    "January February March April May June July August September October November December"
)  # fmt: skip
_BY_SHORT = {month[:3].lower(): month for month in MONTHS}
_DAYS = {
    "mon": "Monday", "tue": "Tuesday", "tues": "Tuesday", "wed": "Wednesday", "thu": "Thursday", "thur": "Thursday",
    "thurs": "Thursday", "fri": "Friday", "sat": "Saturday", "sun": "Sunday",
}  # fmt: skip
_MONTH_NAME = r"(?P<month>(?:Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sept?|Oct|Nov|Dec)\.?|" + "|".join(MONTHS) + ")"
_YEAR = r"(?:1[1-9]|20|21)\d\d"
_DAY = r"(?P<day>3[01]|[12]\d|0?[1-9])"


def _month(name: str) -> str:
    return _BY_SHORT[name[:3].lower()]


def _named_date(match: re.Match[str]) -> str:
    """Nov 3, 2026; Nov 3rd."""
    said = f"{_month(match['month'])} {ordinal_en(match['day'])}"
    return f"{said}, {year_en(match['year'])}" if match["year"] else said


def _month_of_year(match: re.Match[str]) -> str:
    return f"{_month(match['month'])} {year_en(match['year'])}"


def _numeric_date(year: str, month: str, day: str) -> str | None:
    if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        return None
    return f"{MONTHS[int(month) - 1]} {ordinal_en(day)}" + (f", {year_en(year)}" if year else "")


def _us_date(match: re.Match[str]) -> str | None:
    first, second = match[1], match[2]
    month, day = (first, second) if int(first) <= 12 else (second, first)
    return _numeric_date(match[3], month, day)


def _half(letters: str) -> str:
    return f" {letters[0].upper()} M"


def _time_of_day(match: re.Match[str]) -> str:
    hour, minute, second, half = match["hour"], match["minute"], match["second"], match["half"]
    said = cardinal_en(hour)
    if int(minute):
        said += f" {'oh ' if minute[0] == '0' else ''}{cardinal_en(minute)}"
    elif not half and not second:
        said += " o'clock" if 1 <= int(hour) <= 12 else " hundred hours"
    if second:
        said += f" and {cardinal_en(second)} seconds"
    return said + (_half(half) if half else "")


def _hour_of_half(match: re.Match[str]) -> str:
    return cardinal_en(match["hour"]) + _half(match["half"])


def _decade(match: re.Match[str]) -> str:
    century, decade = match["century"] or "", match["decade"]
    if decade == "00":
        return f"{cardinal_en(century + '00')}s" if century in ("10", "20") else f"{cardinal_en(century)} hundreds"
    return f"{cardinal_en(century)} {plural_en(cardinal_en(decade))}" if century else plural_en(cardinal_en(decade))


def _duration(match: re.Match[str]) -> str:
    parts = match["it"].split(":")
    names = ("hour", "minute", "second")[-len(parts) :]
    said = [
        f"{cardinal_en(part)} {name}{'' if int(part) == 1 else 's'}" for part, name in zip(parts, names, strict=True)
    ]
    return " ".join(said)


_HALF = r"(?P<half>[AaPp]\.?[Mm]\b\.?)"

_MODERN_YEAR = r"(?:19[5-9]|20[0-4])\d"


def _years(match: re.Match[str]) -> str:
    return f"{year_en(match[1])} to {year_en(match[2])}"


def _hours_and_minutes(match: re.Match[str]) -> str:
    hours, minutes = int(match[1]), int(match[2])
    return (
        f"{cardinal_en(match[1])} hour{'' if hours == 1 else 's'} "
        f"{cardinal_en(match[2])} minute{'' if minutes == 1 else 's'}"
    )


CALENDAR_EN: tuple[Rule, ...] = (
    rule(r"(?<![\d.])(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?![\d])", lambda m: _numeric_date(m[1], m[2], m[3])),
    rule(rf"(?<![\d./])(\d{{1,2}})[/.](\d{{1,2}})[/.]({_YEAR})(?!\d)", _us_date),
    rule(
        rf"\b{_MONTH_NAME}\s+{_DAY}(?:st|nd|rd|th)?\b(?!:|\.\d|%)(?:,?\s+(?P<year>{_YEAR})\b)?",
        _named_date,
        re.IGNORECASE,
    ),
    rule(rf"\b{_DAY}(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTH_NAME}(?:,?\s+(?P<year>{_YEAR})\b)?(?!\w)", _named_date),
    rule(rf"\b{_MONTH_NAME},?\s+(?P<year>{_YEAR})\b", _month_of_year),
    rule(
        r"(?<!\w)(?P<it>(?P<month>[Jj]an|[Ff]eb|[Mm]ar|[Aa]pr|[Aa]ug|[Ss]ept?|[Oo]ct|[Nn]ov|[Dd]ec)\.)(?=\s|$)",
        lambda m: _month(m["month"]),
    ),
    rule(
        r"\b(?P<it>Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun)\b\.?(?=\s*[-–,.]|\s*$|\s+\d|\s+(?:at|and|to))",
        lambda m: _DAYS[m["it"].lower()],
    ),
    rule(r"(?<=Mon|Tue|Wed|Thu|Fri|Sat|Sun|day)(?P<it>\s?[-–]\s?)(?=(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun))", " to "),
    rule(r"(?<![\w.])(?P<century>1[1-9]|20)(?P<decade>\d0)'?s\b", _decade),
    rule(r"(?<![\w.])'(?P<century>)(?P<decade>\d0)s\b", _decade),
    rule(r"(?<!\w)(?P<it>24/7)(?!\w)", "twenty four seven"),
    rule(rf"(?<![\w.,-])({_MODERN_YEAR}){DASH}({_MODERN_YEAR})(?![\w-]|[.,]\d)", _years),
    rule(r"(?<![\w.])(\d{1,2})h\s?([0-5]?\d)(?:m|min)?(?!\w)", _hours_and_minutes),
    rule(
        r"(?:countdown|ends in|remaining|left|lasts|duration|runtime)\s*:?\s*"
        r"(?P<it>\d{1,3}:[0-5]\d(?::[0-5]\d)?)(?!\d)",
        _duration,
        re.IGNORECASE,
    ),
    rule(
        rf"(?<![\d:.])(?P<hour>[01]?\d|2[0-4]):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?(?:\s*{_HALF})?"
        r"(?!\s*(?:ratio|screen|display|aspect|win|lead))(?![\d:])",
        _time_of_day,
    ),
    rule(rf"(?<![\d.:])(?P<hour>1[0-2]|0?[1-9])\s*{_HALF}", _hour_of_half),
    rule(rf"(?<=[\dMm.])(?P<it>{DASH})(?=\d{{1,2}}(?::\d\d)?\s*[AaPp]\.?[Mm]\b)", " to "),
    rule(rf"(?<=:\d\d)(?P<it>{DASH})(?=\d{{1,2}}:\d\d)", " to "),
    rule(
        rf"(?<![\d.:])(?P<it>1[0-2]|[1-9])(?={DASH}\d{{1,2}}(?::\d\d)?\s*[AaPp]\.?[Mm]\b)",
        lambda m: cardinal_en(m["it"]),
    ),
    rule(
        r"\b(?:in|since|by|of|until|from|year|during|before|after|late|early|mid|summer|winter|spring|fall|autumn|"
        rf"collection)[ -](?P<it>{_YEAR})(?![\d,.]\d|\d|\s*(?:yuan|items|pieces|units|people|users|mAh|W\b))",
        lambda m: year_en(m["it"]),
        re.IGNORECASE,
    ),
    rule(
        rf"(?<![\d.,$€£¥])(?P<it>{_YEAR})(?=\s+(?:model|edition|collection|season|version|line-?up|release)\b)",
        lambda m: year_en(m["it"]),
    ),
)
"""Dates and times. A colon that is no time of day is left for the rules of ratios."""
