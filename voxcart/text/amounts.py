"""Typed amounts in text: money, quantities, percentages, discounts, ordinals, measures, digit runs.

One typed value feeds screen, voice and order: 三十九块九 is 39.9 CNY, 三斤半 is 3.5 斤, 八五折 is 85 percent. Spans are
offsets into the given text; the text is never changed.
"""

import re
from dataclasses import dataclass, replace
from typing import Literal

from voxcart.text import units
from voxcart.text.numbers import ZH_DIGITS, NumberSpan, find_numbers, tidy

AmountKind = Literal[
    "money", "quantity", "percent", "discount", "ordinal", "measure", "time", "place", "digits", "number"
]


@dataclass(frozen=True, slots=True)
class Amount:
    """One amount, ``text[start:end]``.

    ``value`` is in yuan for money, in percent for percent and discount (八折 = 80), a position for ordinals (negative
    counts from the end). ``number_start``/``number_end`` bound the numeral itself, ``digits`` keeps a digit run as
    said, ``high`` is the upper end of a vague amount.
    """

    start: int
    end: int
    kind: AmountKind
    value: float
    unit: str = ""
    approximate: bool = False
    digits: str = ""
    high: float | None = None
    number_start: int = 0
    number_end: int = 0
    language: Literal["zh", "en", "arabic"] = "zh"


_EN_ORDINALS = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9,
    "tenth": 10,
}  # fmt: skip
_ORDINAL_COUNTER = re.compile(r"个|款|件|双|条|种|瓶|盒|箱|台|部|张|项|样|份|位|号|行|支|包|袋|套|单|本|只|辆|家")
_ORDINAL_RULES = (
    (
        re.compile(
            r"最(?:后|末)(?:面)?(?:的)?(?:那|这)?一?(?:个|款|件|双|条|种|瓶|盒|箱|台|部|张|样|份|单|"
            r"笔|支|包|袋|套)"
        ),
        -1,
    ),
    (re.compile(r"头一(?:个|款|件|双|条|种|样|份)"), 1),
    (re.compile(r"打头(?:那|的那)?(?:个|款)"), 1),
    (re.compile(r"\b(?:second|2nd)[\s-](?:to[\s-])?last(?:\s+one)?\b", re.IGNORECASE), -2),
    (re.compile(r"\blast\s+(?:one|item|option|product)\b|\bfinal\s+(?:one|option)\b", re.IGNORECASE), -1),
)
_EN_ORDINAL = re.compile(
    r"\b(first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|(\d+)(?:st|nd|rd|th))\b(?:\s+one\b)?",
    re.IGNORECASE,
)
_EN_NUMBERED = re.compile(r"\b(?:number|option|no\.?|item|#)\s*$", re.IGNORECASE)
_FIXED_QUANTITIES = (
    (re.compile(r"half\s+a\s+dozen", re.IGNORECASE), 6, ""),
    (re.compile(r"\ba\s+couple(?:\s+of)?", re.IGNORECASE), 2, ""),
    (re.compile(r"\ba\s+(?=dozen\b)", re.IGNORECASE), 1, "dozen"),
    (re.compile(r"半(?=斤|箱|打|盒|公斤|升|袋|瓶|包|个西瓜)"), 0.5, ""),
    (re.compile(r"(?<![这那他你咱们])俩(?!人|口)"), 2, "个"),
    (re.compile(r"(?<![这那他你咱们])仨(?!人)"), 3, "个"),
)
_MONEY_TAIL = re.compile(
    r"半|零?(?P<mao>[一二三四五六七八九两\d])(?:毛|"
    r"角)(?P<fen>[一二三四五六七八九\d])?(?:分)?(?:钱)?|(?P<tenth>[一二三四五六七八九\d])"
    r"(?![十百千万\d个斤件箱条双瓶盒包袋份台部点折])"
)
_CURRENCY_BEFORE = re.compile(r"[¥￥$]\s?$|(?:rmb|cny|usd)\s?$", re.IGNORECASE)
_ID_BEFORE = re.compile(
    (
        r"(?:订单|单|编|货|快递|运|物流|尾|卡|电话|手机|型|款|门牌)号(?:码)?(?:是|为|：|:)?\s*$|"
        r"(?:order|tracking)\s*(?:number|no\.?|id|#)?\s*(?:is)?\s*$"
    ),
    re.IGNORECASE,
)


def find_amounts(text: str) -> list[Amount]:
    """All amounts of ``text`` in order, without overlaps."""
    found = _fixed_ordinals(text) + _english_ordinals(text) + _fixed_quantities(text)
    taken = [(amount.start, amount.end) for amount in found]
    numbers = find_numbers(text)
    while numbers:
        number = numbers.pop(0)
        if any(number.start < end and start < number.end for start, end in taken):
            continue
        amount = _classify(text, number)
        if amount is None or any(amount.start < end and start < amount.end for start, end in taken):
            continue
        found.append(amount)
        taken.append((amount.start, amount.end))
        if amount.end > amount.number_end + 1:  # 三块五一斤: the tail may have split what looked like one numeral
            numbers = [_shifted(rest, amount.end) for rest in find_numbers(text[amount.end :])]
    return sorted(found, key=lambda amount: amount.start)


def _shifted(number: NumberSpan, offset: int) -> NumberSpan:
    return replace(number, start=number.start + offset, end=number.end + offset)


def _fixed_ordinals(text: str) -> list[Amount]:
    return [
        Amount(match.start(), match.end(), "ordinal", value, number_start=match.start(), number_end=match.end())
        for rule, value in _ORDINAL_RULES
        for match in rule.finditer(text)
    ]


def _english_ordinals(text: str) -> list[Amount]:
    found = []
    for match in _EN_ORDINAL.finditer(text):
        if re.match(r"[\s-](?:to[\s-])?last", text[match.end() :], re.IGNORECASE):
            continue
        value = int(match.group(2)) if match.group(2) else _EN_ORDINALS[match.group(1).lower()]
        found.append(
            Amount(*match.span(), "ordinal", value, number_start=match.start(), number_end=match.end(), language="en")
        )
    return found


def _fixed_quantities(text: str) -> list[Amount]:
    found = []
    for rule, value, unit in _FIXED_QUANTITIES:
        for match in rule.finditer(text):
            if match.group() == "半" and match.start() and text[match.start() - 1] in "一多大夜":
                continue
            end = match.end()
            counter = units.COUNTER.match(text, end) if not unit or unit == "dozen" else None
            found.append(
                Amount(
                    match.start(), counter.end() if counter else end, "quantity", value,
                    unit=counter.group().strip() if counter else unit,
                    number_start=match.start(), number_end=end,
                    language="en" if match.group().isascii() else "zh",
                )
            )  # fmt: skip
    return found


def _classify(text: str, number: NumberSpan) -> Amount | None:
    base = Amount(
        number.start, number.end, "number", number.value, approximate=number.approximate, digits=number.digits,
        high=number.high, number_start=number.start, number_end=number.end, language=number.language,
    )  # fmt: skip
    before, after = text[: number.start], text[number.end :]
    for rule in (_as_identifier, _as_ordinal, _as_percent, _as_money, _as_time, _as_count):
        amount = rule(text, base, before, after)
        if amount is not None:
            return amount
    return replace(base, kind="digits") if number.kind == "digits" else base


def _as_identifier(text: str, base: Amount, before: str, after: str) -> Amount | None:
    if base.digits and _ID_BEFORE.search(before):
        return replace(base, kind="digits")
    return None


def _as_ordinal(text: str, base: Amount, before: str, after: str) -> Amount | None:
    prefix = re.search(r"(倒数)?第\s?$", before)
    if prefix:
        counter = _ORDINAL_COUNTER.match(after)
        end = base.end + (counter.end() if counter else 0)
        value = -base.value if prefix.group(1) else base.value
        return replace(base, start=prefix.start(), end=end, kind="ordinal", value=value)
    numbered = _EN_NUMBERED.search(before)
    if numbered and base.value <= 20 and not base.digits and not re.search(r"order\s+(?:number|no)", before, re.I):
        return replace(base, start=numbered.start(), kind="ordinal")
    return None


def _as_percent(text: str, base: Amount, before: str, after: str) -> Amount | None:
    prefix = re.search(r"百分之$", before)
    if prefix:
        return replace(base, start=prefix.start(), kind="percent", digits="")
    suffix = re.match(r"\s?(?:%|％|percent\b|per cent\b|个点)", after, re.IGNORECASE)
    if suffix:
        return replace(base, end=base.end + suffix.end(), kind="percent", digits="")
    if after.startswith("折") and 0 < base.value < 100:
        value = base.value * 10 if base.value < 10 else base.value
        return replace(base, end=base.end + 1, kind="discount", value=tidy(value), unit="折", digits="")
    return None


def _as_money(text: str, base: Amount, before: str, after: str) -> Amount | None:
    sign = _CURRENCY_BEFORE.search(before)
    start = sign.start() if sign else base.start
    unit = units.MONEY_UNIT.match(after)
    if unit and not units.COUNTED_IN_KUAI.match(after):
        end, value = base.end + unit.end(), base.value
        word = unit.group(1).lower()
        if word in ("块", "元"):
            tail = _MONEY_TAIL.match(text, end)
            if tail and base.high is None:
                value += _tail_value(tail)
                end = tail.end()
                if text[end : end + 1] == "钱":
                    end += 1
        currency = "USD" if word.startswith(("dollar", "buck", "usd")) else "CNY"
        return replace(base, start=start, end=end, kind="money", value=tidy(value), unit=currency, digits="")
    small = re.match(r"(毛|角)(?P<fen>[一二三四五六七八九\d])?分?(?:钱)?|分钱", after)
    if small and base.value < 100:
        value = base.value / 100 if small.group() == "分钱" else base.value / 10
        fen = small.group("fen")
        value += (ZH_DIGITS.get(fen) or int(fen)) / 100 if fen else 0
        return replace(base, end=base.end + small.end(), kind="money", value=tidy(value), unit="CNY", digits="")
    return replace(base, start=start, kind="money", unit="CNY", digits="") if sign else None


def _tail_value(tail: re.Match[str]) -> float:
    def digit(text: str) -> int:
        return ZH_DIGITS[text] if text in ZH_DIGITS else int(text)

    if tail.group() == "半":
        return 0.5
    if tail.group("tenth"):
        return digit(tail.group("tenth")) / 10
    return digit(tail.group("mao")) / 10 + (digit(tail.group("fen")) / 100 if tail.group("fen") else 0)


def _as_time(text: str, base: Amount, before: str, after: str) -> Amount | None:
    weekday = re.search(r"(?:周|星期|礼拜)$", before)
    if weekday and base.value <= 6 and not re.search(r"[一二三四五六两几\d]周$", before):
        return replace(base, start=weekday.start(), kind="time", unit="weekday", digits="")
    place = units.PLACE.match(after)
    if place and not after.startswith(("层架", "门冰箱", "路由")):
        return replace(base, end=base.end + place.end(), kind="place", unit=place.group())
    unit = units.TIME.match(after)
    if not unit or (unit.group() == "号" and base.digits and len(base.digits) > 2):
        return None
    if unit.group() in ("点", "分") and base.digits:
        return None
    return replace(base, end=base.end + unit.end(), kind="time", unit=unit.group().strip(), digits="")


def _as_count(text: str, base: Amount, before: str, after: str) -> Amount | None:
    measure = units.MEASURE.match(after)
    counter = units.COUNTER.match(after)
    longer = measure and (not counter or measure.end() > counter.end())
    if longer and measure:
        return replace(base, end=base.end + measure.end(), kind="measure", unit=measure.group().strip(" -"), digits="")
    if counter:
        end, value = base.end + counter.end(), base.value
        if text[end : end + 1] == "半" and base.high is None:
            value, end = value + 0.5, end + 1
        return replace(base, end=end, kind="quantity", value=tidy(value), unit=counter.group().strip(), digits="")
    return None
