"""Dates, times of day and durations in Mandarin."""

import re

from voxcart_services.tts.text.numbers_zh import cardinal_zh, digits_zh
from voxcart_services.tts.text.rules.engine import DASH, Rule, rule

_YEAR = r"(?:19|20)\d\d"
_MONTH = r"(?:1[0-2]|0?[1-9])"
_DAY = r"(?:3[01]|[12]\d|0?[1-9])"
_CLOCK = r"(?:[01]?\d|2[0-4]):[0-5]\d(?::[0-5]\d)?"
_HALF_DAYS = {"a": "上午", "p": "下午"}
_AFTER_A_YEAR = "款|新款|版|届|春|夏|秋|冬|财年|年|赛季|双|全新"
_AFTER_A_DATE = "前|后|截止|截至|起|到|至|发|开|结束|上线|上市|日|当天|凌晨|早|晚|上午|下午|生效|过期"
_BEFORE_A_RATIO = "比例|比分|比率|配比|比值|比为|画幅|屏幕|宽高|长宽"


def _plain(digits: str) -> str:
    return cardinal_zh(digits, counting=False)


def _full_date(match: re.Match[str]) -> str:
    return f"{digits_zh(match[1])}年{_plain(match[2])}月{_plain(match[3])}日"


def _month_of_year(match: re.Match[str]) -> str:
    return f"{digits_zh(match[1])}年{_plain(match[2])}月"


def _month_and_day(match: re.Match[str]) -> str:
    return f"{_plain(match['month'])}月{_plain(match['day'])}日"


def _days(match: re.Match[str]) -> str:
    """2026.1.5-1.9."""
    first = f"{digits_zh(match[1])}年{_plain(match[3])}月{_plain(match[4])}日"
    return f"{first}到{_plain(match[5])}月{_plain(match[6])}日"


def _days_of_year(match: re.Match[str]) -> str:
    """3/8-3/12."""
    return f"{_plain(match[1])}月{_plain(match[2])}日到{_plain(match[3])}月{_plain(match[4])}日"


def _hour(digits: str) -> str:
    return "两" if int(digits) == 2 else cardinal_zh(digits)


def _minutes(digits: str) -> str:
    return f"{'零' if digits[0] == '0' else ''}{_plain(digits)}分"


def _time_of_day(match: re.Match[str]) -> str:
    half = _HALF_DAYS.get((match["half"] or match["before"] or "").lower(), "")
    said = f"{half}{_hour(match['hour'])}点"
    second = int(match["second"] or 0)
    if int(match["minute"]) or second:
        said += _minutes(match["minute"])
    return said + (f"{cardinal_zh(str(second), counting=False)}秒" if second else "")


def _duration(match: re.Match[str]) -> str:
    parts = match["it"].split(":")
    names = ("小时", "分", "秒")[-len(parts) :]
    said = "".join(f"{_count(part)}{name}" for part, name in zip(parts, names, strict=True) if int(part))
    return said or "零秒"


def _count(digits: str) -> str:
    return "两" if int(digits) == 2 else cardinal_zh(digits)


def _am_pm(match: re.Match[str]) -> str:
    return f"{_HALF_DAYS[match['half'].lower()]}{_hour(match['hour'])}点"


CALENDAR_ZH: tuple[Rule, ...] = (
    rule(rf"(?<!\d)({_YEAR})([-/.])({_MONTH})\2({_DAY}){DASH}(?:{_YEAR}\2)?({_MONTH})\2({_DAY})(?!\d|\.\d)", _days),
    rule(rf"(?<![\d/])({_MONTH})/({_DAY}){DASH}({_MONTH})/({_DAY})(?![\d/])", _days_of_year),
    rule(rf"(?<!\d)({_YEAR})[-/.]({_MONTH})[-/.]({_DAY})(?:日|号)?(?!\d|\.\d)", _full_date),
    rule(rf"(?<!\d)({_YEAR})[-/.](0[1-9]|1[0-2])(?![\d./-])", _month_of_year),
    rule(rf"(?<!\d)({_YEAR}){DASH}({_YEAR})(?=年|{_AFTER_A_YEAR})", lambda m: f"{digits_zh(m[1])}到{digits_zh(m[2])}"),
    rule(rf"(?<!\d)(?P<it>{_YEAR})(?=年(?!前|后|来|历史|老))", lambda m: digits_zh(m["it"])),
    rule(rf"(?<![\d.])(?P<it>{_YEAR})\s*(?=(?:{_AFTER_A_YEAR}))", lambda m: digits_zh(m["it"])),
    rule(rf"(?<!\d)(?P<it>\d\d)(?=年(?:{_MONTH}月|出生|生人|新款|款|春|夏|秋|冬|上市))", lambda m: digits_zh(m["it"])),
    rule(r"(?<=[日号月年])(?P<it>\s*[-~–—]\s*)(?=\d)", "到"),
    rule(
        rf"(?<![\d.])(?P<it>({_MONTH})\.({_DAY}))(?=节|假期|大促|长假|黄金周|放假)",
        lambda m: f"{_plain(m[2])}{_plain(m[3])}",
    ),
    rule(rf"(?<![\d.])(?P<it>(?P<month>{_MONTH})\.(?P<day>{_DAY}))(?=[\u4e00-\u9fff]{{1,4}}节)", _month_and_day),
    rule(
        rf"(?<![\d.])(?P<it>(?P<month>{_MONTH})/(?P<day>{_DAY}))(?=\s*(?:{_AFTER_A_DATE}))",
        _month_and_day,
    ),
    rule(rf"(?<=[(（])(?P<it>(?P<month>{_MONTH})/(?P<day>{_DAY}))(?=[)）])", _month_and_day),
    rule(
        rf"(?<![\d.])(?P<it>(?P<month>{_MONTH})\.(?P<day>{_DAY}))(?=送达|发货|到货|开抢|开售|开播|截止|上新|当天|凌晨)",
        _month_and_day,
    ),
    rule(
        rf"(?:日期|时间|截止|截至|[于在从至])[:：]?\s*(?P<it>(?P<month>{_MONTH})/(?P<day>{_DAY}))(?!\d)", _month_and_day
    ),
    rule(rf"(?<=\d/\d\d)(?P<it>{DASH})(?={_MONTH}/{_DAY})", "到"),
    rule(rf"(?<!\d)({_MONTH})月({_DAY})(?=日|号)", lambda m: f"{_plain(m[1])}月{_plain(m[2])}"),
    rule(rf"(?<!\d)({_MONTH})(?=月(?!饼))", lambda m: _plain(m[1])),
    rule(r"双\s?(?P<it>11|12)(?!\d)", lambda m: cardinal_zh(m["it"])),
    rule(r"(?<![\d.])(?P<it>1[12])\.\1(?=大促|购物|活动|狂欢|促销|预售)", lambda m: f"双{cardinal_zh(m[1])}"),
    rule(
        r"(?<![\d.])(?P<it>6\.?18|818|99|1111|1212)(?=大促|购物|活动|狂欢|促销|预售|年中|期间|来了|主会场|会场)",
        lambda m: digits_zh(m["it"]),
    ),
    rule(
        rf"(?:{_BEFORE_A_RATIO})\s*[:：是为]?\s*(?P<it>(\d+):(\d+))",
        lambda m: f"{cardinal_zh(m[2])}比{cardinal_zh(m[3])}",
    ),
    rule(
        r"(?<![\d:])(\d{1,4}):(\d{1,4})(?=\s*(?:屏|画|的?比例|比|宽|显示|平局|战|胜|领先|大胜|配))",
        lambda m: f"{cardinal_zh(m[1])}比{cardinal_zh(m[2])}",
    ),
    rule(
        r"(?:倒计时|时长|用时|历时|耗时|剩余|还剩|长达|配速)\s*[:：]?\s*(?P<it>\d{1,3}:[0-5]\d(?::[0-5]\d)?)(?!\d)",
        _duration,
    ),
    rule(
        r"(?:(?P<before>[AaPp])[Mm]\.?\s?)?(?<![\d:])(?P<hour>[01]?\d|2[0-4]):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?(?:\s*(?P<half>[AaPp])\.?[Mm]\.?)?"
        r"(?![\d:])",
        _time_of_day,
    ),
    rule(rf"(?<=:\d\d)(?P<it>{DASH})(?={_CLOCK})", "到"),
    rule(rf"(?<=\d)(?P<it>T)(?={_CLOCK})", " "),
    rule(r"(?<![\d.'])(\d{1,2})'(\d{1,2})(?:[\"″]|'')", lambda m: f"{_count(m[1])}分{_plain(m[2])}秒"),
    rule(r"(?<![\d.])(?P<hour>1[0-2]|0?[1-9])\s*(?P<half>[AaPp])\.?[Mm]\b\.?", _am_pm),
    rule(r"(?<=[点分时])(?P<it>\s*[-~–—]\s*)(?=\d{1,2}[点:时])", "到"),
    rule(r"(?<![\d.])2(?=点\d{1,2}分|点(?!\d|[零一二三四五六七八九]))", "两"),
    rule(r"(?<=点)(?P<it>[1-9]\d?)(?=分(?!之))", lambda m: _plain(m["it"])),
    rule(r"(?<![\d.])(?P<it>0\d)(?=[分秒])", lambda m: f"零{_plain(m['it'])}" if int(m["it"]) else "零"),
)
"""Dates and times. A colon that is no time of day is left for the rules of ratios."""
