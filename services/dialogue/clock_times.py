"""Periods with times of day: 今晚八点到十二点, 明天上午九点到下午三点半, 限时两小时, until 10 pm. Pure functions.

Days come from :mod:`voxcart.text.dates`; here they get hours. A time without a part of the day (八点) takes that of the
time before it, else it is the next such time. 晚上十二点 is the midnight that ends the day.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from voxcart.text.dates import find_time_ranges
from voxcart.text.numbers import parse_chinese
from voxcart_services.dialogue.slots import SHOP_TIME_ZONE

_DIGITS = r"\d{1,2}|[零〇一二两三四五六七八九十]{1,3}"
_CLOCK_ZH = re.compile(
    rf"(?P<part>凌晨|早上|早晨|清晨|上午|中午|下午|傍晚|晚上|夜里|半夜|早|晚)?"
    rf"(?P<hour>{_DIGITS})(?:点钟?|时(?!候|间)|[:：](?=\d\d))"
    rf"(?:(?P<half>半)|(?P<quarter>[一三])刻|(?P<minute>{_DIGITS})分?)?整?(?!\s*[零〇一二两三四五六七八九十\d.]*\s*[元块折%])"
)
_CLOCK_EN = re.compile(
    r"\b(?:(?P<hour>\d{1,2})(?::(?P<minute>\d\d))?\s*(?P<part>am|pm|a\.m\.|p\.m\.|o'clock)"
    r"|(?P<bare>\d{1,2}):(?P<bare_minute>\d\d)|(?P<word>noon|midnight))(?![\w:])",
    re.IGNORECASE,
)
_PLAIN_EN = re.compile(
    r"\bfrom\s+(?P<hour>\d{1,2})(?=\s*(?:to|till|until|-)\s*\d)"
    r"|(?<=\bto )(?P<to>\d{1,2})(?=\s*(?:am|pm|tonight|tomorrow|today|$))",
    re.IGNORECASE,
)
_LENGTH = re.compile(
    r"(?P<number>\d+(?:\.\d+)?|半|[一二两三四五六七八九十]+)\s*(?P<and_half>个半)?个?(?P<unit>小时|钟头|分钟|天|日(?!期))(?!之?[后前])|"
    r"\bfor\s+(?P<en>\d+(?:\.\d+)?|an?|one|two|three|half an)\s+(?P<en_unit>hours?|minutes?|days?)\b",
    re.IGNORECASE,
)
_UNTIL = re.compile(r"(?:到|至|截止到?|直到|\b(?:until|till|by|through)\b)[^，,。]{0,12}$", re.IGNORECASE)
_FROM_NOW = re.compile(r"现在|马上|立刻|即刻|from now|right now|starting now", re.IGNORECASE)
_WHOLE_DAYS = re.compile(r"全天|整天|一天|当天|期间|限时|活动|到.{0,6}为止|all day|the whole day|only", re.IGNORECASE)
_ENGLISH_NUMBERS = {"a": 1.0, "an": 1.0, "one": 1.0, "two": 2.0, "three": 3.0, "half an": 0.5}
_EVENING = {"晚上", "晚", "夜里", "半夜"}
_AFTERNOON = {"下午", "傍晚"}
_MORNING = {"凌晨", "早上", "早晨", "清晨", "上午", "早"}


@dataclass(frozen=True)
class Period:
    """From ``start`` to ``end`` in UTC. ``start`` of ``None`` is now; ``end`` of ``None`` was not said."""

    start: datetime | None
    end: datetime | None


@dataclass(frozen=True)
class _Clock:
    """A time of day as it was said, at a place in the text. ``hour`` may be 24 and above: after midnight."""

    begin: int
    stop: int
    hour: int
    minute: int
    part: str


def find_period(text: str, now: datetime) -> Period | None:
    """The period that a sentence names by times of day, a length, or days to come; ``None`` if it names none.

    Args:
        now: The session's clock, aware.
    """
    clocks = _clocks(text)
    length = _length(text)
    if not clocks and length is None:
        return _whole_days(text, now)
    moments = _moments(text, clocks, now)
    if len(moments) >= 2:
        return Period(moments[0], moments[1])
    if not moments:
        return Period(None, now.astimezone(UTC) + length) if length is not None else None
    if length is not None:
        return Period(moments[0], moments[0] + length)
    if _UNTIL.search(text[: clocks[0].begin]) or _FROM_NOW.search(text):
        return Period(None, moments[0])
    return Period(moments[0], None)


def _clocks(text: str) -> list[_Clock]:
    found = [_chinese_clock(match) for match in _CLOCK_ZH.finditer(text)]
    found += [_english_clock(match) for match in (*_CLOCK_EN.finditer(text), *_PLAIN_EN.finditer(text))]
    kept: list[_Clock] = []
    for clock in sorted((c for c in found if c is not None), key=lambda c: (c.begin, -c.stop)):
        if not kept or clock.begin >= kept[-1].stop:
            kept.append(clock)
    return kept[:2]


def _chinese_clock(match: re.Match[str]) -> _Clock | None:
    part = match["part"] or ""
    minute = 30 if match["half"] else {"一": 15, "三": 45}.get(match["quarter"] or "", 0)
    if match["minute"]:
        minute = int(_number(match["minute"]))
    return _checked(match, int(_number(match["hour"])), minute, part)


def _english_clock(match: re.Match[str]) -> _Clock | None:
    groups = match.groupdict()
    if groups.get("word"):
        return _checked(match, 12, 0, "中午" if groups["word"].lower() == "noon" else "晚上")
    part = {"a": "上午", "p": "下午"}.get((groups.get("part") or "").lower()[:1], "")
    hour = groups.get("hour") or groups.get("bare") or groups.get("to") or "0"
    minute = int(groups.get("minute") or groups.get("bare_minute") or 0)
    if not part and re.search(r"\btonight\b", match.string, re.IGNORECASE):
        part = "晚上"
    return _checked(match, int(hour), minute, part)


def _checked(match: re.Match[str], hour: int, minute: int, part: str) -> _Clock | None:
    if hour > 24 or minute > 59:
        return None
    return _Clock(match.start(), match.end(), hour, minute, part)


def _number(word: str) -> float:
    return float(word) if word.replace(".", "", 1).isdigit() else parse_chinese(word) or 0.0


def _length(text: str) -> timedelta | None:
    """两小时, 一个半小时, 三天; ``None`` if no length was said."""
    match = _LENGTH.search(text)
    if match is None:
        return None
    if match["en"]:
        number, unit = _ENGLISH_NUMBERS.get(match["en"].lower()) or float(match["en"]), match["en_unit"].lower()
    else:
        number, unit = 0.5 if match["number"] == "半" else _number(match["number"]), match["unit"]
        number += 0.5 if match["and_half"] else 0.0
    if unit.startswith(("小时", "钟头", "hour")):
        return timedelta(hours=number)
    return timedelta(minutes=number) if unit.startswith(("分钟", "minute")) else timedelta(days=number)


def _moments(text: str, clocks: Sequence[_Clock], now: datetime) -> list[datetime]:
    """The times of day on their days, each after the one before."""
    local = now.astimezone(SHOP_TIME_ZONE)
    days = [(found.start, found.first) for found in find_time_ranges(text, now)]
    moments: list[datetime] = []
    day, part, past = local.date(), "", -1
    for number, clock in enumerate(clocks):
        named = [first for start, first in days if past < start < clock.stop]
        is_named = bool(named)
        day = named[-1] if named else day
        part = clock.part or ("" if is_named and number else part)
        moment = _at(day, _hour(clock.hour, part), clock.minute)
        if number == 0 and not part and not is_named and moment <= local and clock.hour < 12:
            moment += timedelta(hours=12)
        if moments and moment <= moments[-1]:
            later = moment + timedelta(hours=12)
            is_half_day = not clock.part and clock.hour <= 12 and later > moments[-1]
            moment = later if is_half_day else moment + timedelta(days=1)
        moments.append(moment)
        past = clock.begin
    return [moment.astimezone(UTC) for moment in moments]


def _hour(hour: int, part: str) -> int:
    """The hour of the day, 24 and above after midnight."""
    if part in _EVENING:
        return hour + 12 if 5 <= hour <= 12 else hour + 24 if hour < 5 else hour
    if part in _AFTERNOON:
        return hour + 12 if hour < 12 else hour
    if part == "中午":
        return hour + 12 if hour < 5 else hour
    if part in _MORNING:
        return 0 if hour == 12 and part == "凌晨" else hour
    return hour


def _at(day: date, hour: int, minute: int) -> datetime:
    return datetime.combine(day, time(), SHOP_TIME_ZONE) + timedelta(hours=hour, minutes=minute)


def _whole_days(text: str, now: datetime) -> Period | None:
    """明天全天, 这个周末, 国庆期间: from the first day's beginning, or now, to the last day's end."""
    today = now.astimezone(SHOP_TIME_ZONE).date()
    found = find_time_ranges(text, now)
    if not found or found[-1].last < today:
        return None
    first, last = found[0].first, found[-1].last
    if first <= today and not (_WHOLE_DAYS.search(text) or last > today):
        return None
    start = _at(first, 0, 0).astimezone(UTC) if first > today else None
    return Period(start, _at(last, 24, 0).astimezone(UTC))
