"""Time expressions to ranges of days, relative to a clock: 上个月, 最近七天, 十月三号, last week, three days ago.

A range is two inclusive local dates. Weeks begin on Monday. 最近七天 ends today and counts it.
"""

import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from voxcart.text.numbers import parse_chinese, parse_english

SHOP_ZONE = ZoneInfo("Asia/Shanghai")

_N = r"[0-9一二两三四五六七八九十百零]+"
_EN_N = (
    r"\d+|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fourteen|fifteen|"
    r"twenty|thirty|sixty|ninety"
)
_WEEKDAYS = {"一": 0, "二": 1, "三": 2, "四": 3, "五": 4, "六": 5, "日": 6, "天": 6, "末": 5}
_EN_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_EN_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_DAY_WORDS = {
    "大前天": -3,
    "前天": -2,
    "昨天": -1,
    "昨日": -1,
    "昨晚": -1,
    "昨儿": -1,
    "今天": 0,
    "今日": 0,
    "今早": 0,
    "今晚": 0,
    "今儿": 0,
    "当天": 0,
    "明天": 1,
    "明日": 1,
    "明早": 1,
    "明晚": 1,
    "明儿": 1,
    "后天": 2,
    "大后天": 3,
}


@dataclass(frozen=True, slots=True)
class TimeRange:
    """``text[start:end]`` means the days ``first`` to ``last``, both included."""

    start: int
    end: int
    first: date
    last: date

    def as_dict(self) -> dict[str, str]:
        """``{"from": "2026-10-01", "to": "2026-10-31"}``."""
        return {"from": self.first.isoformat(), "to": self.last.isoformat()}


def shop_date(clock: datetime) -> date:
    """The local day of the shop at an aware moment."""
    return clock.astimezone(SHOP_ZONE).date()


def _number(text: str) -> int:
    if text.isdigit():
        return int(text)
    value = parse_english([text.lower()]) if text.isascii() else parse_chinese(text)
    return int(value or 0)


def _month(year: int, month: int) -> tuple[date, date]:
    return date(year, month, 1), date(year, month, monthrange(year, month)[1])


def _shift_month(day: date, months: int) -> tuple[date, date]:
    index = day.year * 12 + day.month - 1 + months
    return _month(index // 12, index % 12 + 1)


def _week(day: date, weeks: int) -> tuple[date, date]:
    monday = day - timedelta(days=day.weekday()) + timedelta(weeks=weeks)
    return monday, monday + timedelta(days=6)


def _quarter(year: int, quarter: int) -> tuple[date, date]:
    year, quarter = year + (quarter - 1) // 4, (quarter - 1) % 4 + 1
    return date(year, quarter * 3 - 2, 1), _month(year, quarter * 3)[1]


def _whole_year(year: int) -> tuple[date, date]:
    return date(year, 1, 1), date(year, 12, 31)


def _last_days(day: date, count: int) -> tuple[date, date]:
    return day - timedelta(days=max(count, 1) - 1), day


def _offset(word: str) -> int:
    """上 = -1, 上上 = -2, 这/本/current = 0, 下/next = 1."""
    word = word.lower()
    if word.startswith("上"):
        return -word.count("上")
    if word in ("last", "previous", "past"):
        return -1
    return 1 if word in ("下", "next") else 0


def _span_days(match: re.Match[str], day: date) -> tuple[date, date]:
    count, unit = match.group("n"), match.group("unit").lower().rstrip("s")
    value = 0.5 if count == "半" else 2 if count == "couple of" else _number(count)
    days = {"天": 1, "日": 1, "周": 7, "星期": 7, "礼拜": 7, "day": 1, "week": 7}.get(unit)
    if days:
        return _last_days(day, int(value * days))
    months = int(value * (12 if unit in ("年", "year") else 1))
    if not months:
        return _last_days(day, 15)
    first, _ = _shift_month(day, -months)
    return first.replace(day=min(day.day, monthrange(first.year, first.month)[1])) + timedelta(days=1), day


def _days_ago(match: re.Match[str], day: date) -> tuple[date, date]:
    unit = match.group("unit").lower().rstrip("s")
    days = _number(match.group("n")) * {"周": 7, "星期": 7, "礼拜": 7, "week": 7}.get(unit, 1)
    target = day - timedelta(days=days)
    return target, target


def _calendar_day(match: re.Match[str], day: date) -> tuple[date, date] | None:
    year_text, month = match.group("y"), _number(match.group("m"))
    if not 1 <= month <= 12:
        return None
    year = _year(year_text, day) if year_text else day.year
    day_text = match.group("d")
    if not day_text:
        if not year_text and month > day.month:
            year -= 1
        return _month(year, month)
    number = _number(day_text)
    if not 1 <= number <= monthrange(year, month)[1]:
        return None
    target = date(year, month, number)
    if not year_text and (target - day).days > 60:
        target = target.replace(year=year - 1) if (month, number) != (2, 29) else target
    return target, target


def _year(text: str, day: date) -> int:
    relative = {"今年": 0, "去年": -1, "前年": -2, "明年": 1}
    if text in relative:
        return day.year + relative[text]
    digits = _number(text.rstrip("年"))
    return digits if digits > 1000 else 2000 + digits


def _day_of_month(match: re.Match[str], day: date) -> tuple[date, date] | None:
    number = _number(match.group("d"))
    first, last = _shift_month(day, _offset(match.group("o") or "") if match.group("o") else 0)
    if not 1 <= number <= last.day:
        return None
    target = first.replace(day=number)
    return target, target


def _weekday(match: re.Match[str], day: date) -> tuple[date, date]:
    monday, _ = _week(day, _offset(match.group("o") or "本"))
    index = _WEEKDAYS[match.group("w")]
    target = monday + timedelta(days=index)
    return target, target + timedelta(days=1 if match.group("w") == "末" else 0)


def _english_weekday(match: re.Match[str], day: date) -> tuple[date, date]:
    index = _EN_WEEKDAYS.index(match.group("w").lower())
    back = (day.weekday() - index) % 7
    target = day - timedelta(days=back or (7 if match.group("o") else 0))
    return target, target


def _english_month(match: re.Match[str], day: date) -> tuple[date, date] | None:
    month = _EN_MONTHS.index(match.group("m").lower()) + 1
    number = match.group("d")
    if number:
        target = date(day.year, month, min(int(number), monthrange(day.year, month)[1]))
        if (target - day).days > 60:
            target = target.replace(year=day.year - 1, day=min(int(number), monthrange(day.year - 1, month)[1]))
        return target, target
    return _month(day.year - (month > day.month), month)


def _iso_date(match: re.Match[str], day: date) -> tuple[date, date] | None:
    try:
        target = date(int(match.group("y")), int(match.group("m")), int(match.group("d")))
    except ValueError:
        return None
    return target, target


def _festival(month: int, number: int) -> "Resolve":
    def resolve(_: re.Match[str], day: date) -> tuple[date, date]:
        target = date(day.year, month, number)
        if (target - day).days > 60:
            target = target.replace(year=day.year - 1)
        return target, target

    return resolve


Resolve = Callable[[re.Match[str], date], "tuple[date, date] | None"]

# First rule wins where spans overlap, so longer expressions stand first.
_RULES: tuple[tuple[re.Pattern[str], Resolve], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), resolve)
    for pattern, resolve in (
        (r"(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})", _iso_date),
        (
            rf"(?P<y>\d{{2,4}}年|[二零一三四五六七八九〇]{{4}}年|今年|去年|前年|"
            rf"明年)?(?P<m>{_N})月(?:份)?(?:(?P<d>{_N})(?:号|日))?",
            _calendar_day,
        ),
        (
            rf"(?:最近|近|过去|前)(?:这|的)?(?P<n>{_N}|半)个?(?P<unit>天|日|周|星期|礼拜|月|"
            rf"年)(?!前)(?:内|里|以来)?",
            _span_days,
        ),
        (rf"这(?P<n>{_N})个?(?P<unit>天|周|星期|礼拜|月)", _span_days),
        (rf"(?P<n>{_N})(?P<unit>天|周|个星期|个礼拜)(?:之|以)?前", _days_ago),
        (r"(?P<o>上上|上|这|本|下)?个?(?:周|星期|礼拜)(?P<w>[一二三四五六日天末])", _weekday),
        (r"(?P<o>上上|上|这|本|下|当)一?个?(?:周|星期|礼拜)", lambda m, day: _week(day, _offset(m.group("o")))),
        (rf"(?P<o>上|这|本)个?月(?P<d>{_N})(?:号|日)", _day_of_month),
        (r"(?P<o>上上|上|这|本|下|当)一?个?月(?:份)?", lambda m, day: _shift_month(day, _offset(m.group("o")))),
        (
            r"(?P<o>上|这|本)一?个?季度?",
            lambda m, day: _quarter(day.year, (day.month + 2) // 3 + _offset(m.group("o"))),
        ),
        (r"第?(?P<n>[一二三四1-4])季度", lambda m, day: _quarter(day.year, _number(m.group("n")))),
        (r"上半年", lambda m, day: (date(day.year, 1, 1), date(day.year, 6, 30))),
        (r"下半年", lambda m, day: (date(day.year, 7, 1), date(day.year, 12, 31))),
        (r"(?:今年|本年)(?:度)?", lambda m, day: _whole_year(day.year)),
        (r"去年", lambda m, day: _whole_year(day.year - 1)),
        (r"前年", lambda m, day: _whole_year(day.year - 2)),
        (r"这几天|近几天|最近几天", lambda m, day: _last_days(day, 3)),
        (r"双十一|双11", _festival(11, 11)),
        (r"双十二|双12", _festival(12, 12)),
        (r"国庆节?|十一黄金周", _festival(10, 1)),
        (r"the\s+day\s+before\s+yesterday", lambda m, day: (day - timedelta(days=2),) * 2),
        (r"\b(?:today|tonight)\b", lambda m, day: (day, day)),
        (r"\b(?:yesterday|last\s+night)\b", lambda m, day: (day - timedelta(days=1),) * 2),
        (r"\btomorrow\b", lambda m, day: (day + timedelta(days=1),) * 2),
        (
            rf"\b(?:the\s+)?(?:last|past|previous)\s+(?P<n>{_EN_N}|couple of)\s+(?P<unit>days?|weeks?|"
            rf"months?|years?)\b",
            _span_days,
        ),
        (rf"\b(?P<n>{_EN_N})\s+(?P<unit>days?|weeks?)\s+ago\b", _days_ago),
        (r"\b(?P<o>last|this|previous|next)\s+week\b", lambda m, day: _week(day, _offset(m.group("o")))),
        (r"\b(?P<o>last|this|previous|next)\s+month\b", lambda m, day: _shift_month(day, _offset(m.group("o")))),
        (
            r"\b(?P<o>last|this|previous)\s+quarter\b",
            lambda m, day: _quarter(day.year, (day.month + 2) // 3 + _offset(m.group("o"))),
        ),
        (r"\b(?P<o>last|this)\s+year\b", lambda m, day: _whole_year(day.year + _offset(m.group("o")))),
        (rf"\b(?:(?P<o>last|this)\s+)?(?P<w>{'|'.join(_EN_WEEKDAYS)})\b", _english_weekday),
        (
            rf"\b(?P<m>{'|'.join(m for m in _EN_MONTHS if m != 'may')})\b(?:\s+(?P<d>\d{{1,2}})(?:st|"
            rf"nd|rd|th)?)?",
            _english_month,
        ),
        (
            "|".join(sorted(_DAY_WORDS, key=len, reverse=True)) + r"",
            lambda m, day: (day + timedelta(days=_DAY_WORDS[m.group()]),) * 2,
        ),
    )
)


def find_time_ranges(text: str, clock: datetime) -> list[TimeRange]:
    """Time expressions of ``text`` in order, without overlaps.

    Args:
        text: Spoken or written, Mandarin or English.
        clock: Aware moment that relative words count from; the day is that of Asia/Shanghai.
    """
    today = shop_date(clock)
    found: list[TimeRange] = []
    for rule, resolve in _RULES:
        for match in rule.finditer(text):
            if any(match.start() < other.end and other.start < match.end() for other in found):
                continue
            resolved = resolve(match, today)
            if resolved:
                found.append(TimeRange(match.start(), match.end(), *resolved))
    return sorted(found, key=lambda item: item.start)
