"""Numbers in spoken and written text, Mandarin and English: found in place, and turned into values.

The finder never changes the text. It knows the colloquial short forms (两百五 = 250, 一万二 = 12,000), digit runs
(一二三四五六), vague ones (两三个, 七八百, 一百来块, 三千出头) and mixed writing (3万, 1.5k, two fifty).
"""

import re
from dataclasses import dataclass
from typing import Literal

from voxcart.text.wordlist import words

ZH_DIGITS = {
    "零": 0, "〇": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9,
    "幺": 1, "壹": 1, "贰": 2, "叁": 3, "肆": 4, "伍": 5, "陆": 6, "柒": 7, "捌": 8, "玖": 9,
}  # fmt: skip
ZH_UNITS = {
    "十": 10, "百": 100, "千": 1000, "万": 10_000, "亿": 100_000_000, "拾": 10, "佰": 100, "仟": 1000,
}  # fmt: skip

NumberKind = Literal["cardinal", "decimal", "digits", "vague"]

# Words and brands in which a numeral is not a number. Longest first at match time.
NOT_NUMBERS = words(
    "一下 一起 一样 一般 一直 一定 一些 一点 一会 一共 一切 一边 一旦 一律 一次性 一生 一致 "
    "一流 一键 一体 一手 一路 一向 "
    "一心 一等 一味 一方面 一模一样 一时 一旁 一早 一阵 一番 一加 一号店 一口价 一贯 一带 "
    "一度 一面 一概 一举 一代 一半 "
    "统一 唯一 万一 逐一 之一 进一步 三星 六神 七匹狼 八宝粥 九阳 三只松鼠 双十一 双十二 "
    "双一 百事 千万别 千万不 千万要 "
    "五谷 五香 三明治 三文鱼 五花肉 四季 七分裤 九分裤 七分袖 四件套 三件套 百搭 百货 百分百 万能 千层 三角 六一 "
    "二手 二维码 二锅头 三轮 四川 四驱 五常 五粮液 六味 七喜 七夕 八角 八仙 九牧 十字 百雀羚 "
    "百丽 百岁山 千禧 万和 零食 零钱 "
    "零售 零度 零下 三包 一年四季 百度 三国 三体 二胡 两面 两用 两侧 两者 半天 三亚 三门 "
    "八卦 八爪 万达 百合 百香果 千斤顶 "
    "五金 五一 六安 九江 一站式 一片式 一字 二次 三七 八达 五颜六色 乱七八糟 七七八八 "
    "不三不四 接二连三 丢三落四 万圣 百利 "
    "三全 三元牛奶 六个核桃 七度空间 十月稻田 百草味 五芳斋 千与千寻 万一呢 一一 三合一 "
    "二合一 二代 十足 十全 万分 千万 十分 七天无理由 加一块 一块儿 放一块 在一块"
)
# A numeral before one of these is a number although the pair stands in NOT_NUMBERS (一点半 is a time).
_NOT_NUMBER_UNLESS = {
    "一点": "半钟",
    "三角": "钱",
    "五一": "二三四五六七八九零幺一",
    "六一": "二三四五六七八九零幺一",
    "一一": "",
    "一代": "",
    "二次": "",
    "三七": "二三四五六八九零幺一",
    "千万": "元块",
    "十分": "钟之",
}

_DIGIT_CLASS = "零〇一二三四五六七八九幺壹贰叁肆伍陆柒捌玖"
_UNIT_CLASS = "十百千万亿拾佰仟"
# 两 is a digit at the start of a numeral or before 百千万亿; after a digit it is the weight unit (三两).
_LIANG = f"(?<![{_DIGIT_CLASS}0-9])两"
_ZH_TOKEN = re.compile(rf"(?:[{_DIGIT_CLASS}{_UNIT_CLASS}]|{_LIANG})+(?:点[{_DIGIT_CLASS}]+[万亿千百]?)?")
_ARABIC = re.compile(r"(?<![A-Za-z0-9])\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![0-9])|(?<![0-9.])\d+(?:\.\d+)?")
_ARABIC_SCALE = re.compile(r"\s?(万|千|百|亿|[kKwW](?![A-Za-z0-9]))")
_VAGUE_ZH_TAIL = re.compile(r"(来|多|几)(?=[块元个斤件箱条双瓶盒包袋份台部只天号人毛])|出头|上下")

_EN_SMALL = {
    "zero": 0, "oh": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15,
    "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19,
}  # fmt: skip
_EN_TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fourty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80,
    "ninety": 90,
}  # fmt: skip
_EN_SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000, "grand": 1000}
_EN_WORD = re.compile(r"[A-Za-z]+")


@dataclass(frozen=True, slots=True)
class NumberSpan:
    """A number where it stands: ``text[start:end]``.

    ``digits`` holds the digits as said for kind "digits" (leading zeros kept), else "". ``high`` is the upper end
    of a vague number (两三 = 2 to 3), else None.
    """

    start: int
    end: int
    value: float
    kind: NumberKind
    digits: str = ""
    high: float | None = None
    language: Literal["zh", "en", "arabic"] = "zh"

    @property
    def approximate(self) -> bool:
        """Whether the speaker was vague about it."""
        return self.kind == "vague"


def parse_chinese(text: str) -> float | None:
    """Value of a Mandarin numeral (``两百五`` -> 250), or None if ``text`` is not one numeral."""
    whole, point, fraction = text.partition("点")
    if point and not fraction:
        return None
    if fraction:
        scale = 1.0
        if fraction[-1] in ZH_UNITS:
            scale, fraction = float(ZH_UNITS[fraction[-1]]), fraction[:-1]
        base = parse_chinese(whole)
        if base is None or not fraction or any(ch not in ZH_DIGITS for ch in fraction):
            return None
        return tidy((base + float("0." + "".join(str(ZH_DIGITS[ch]) for ch in fraction))) * scale)
    if not whole:
        return None
    if all(ch in ZH_DIGITS for ch in whole):
        return int("".join(str(ZH_DIGITS[ch]) for ch in whole))
    return _positional(whole)


def _positional(text: str) -> float | None:
    total, section, digit, last_unit, after_zero = 0, 0, None, 0, False
    for index, ch in enumerate(text):
        if ch in ZH_DIGITS:
            if digit is not None:
                return None
            if ZH_DIGITS[ch] == 0:
                after_zero = True
            else:
                digit = ZH_DIGITS[ch]
            continue
        unit = ZH_UNITS.get(ch)
        if unit is None:
            return None
        if unit < 10_000:
            if digit is None:
                if unit != 10 or (index and text[index - 1] not in "百千万亿零佰仟"):
                    return None
                digit = 1
            if last_unit and last_unit < 10_000 and unit >= last_unit:
                return None
            section += digit * unit
        else:
            section += digit or 0
            if not section and not total:
                return None
            if unit == 10_000:
                total += section * unit
            else:
                total = (total + section) * unit
            section = 0
        digit, last_unit, after_zero = None, unit, False
    if digit is not None:
        section += digit if after_zero or last_unit <= 10 else digit * last_unit // 10
    return total + section


def _vague_pair(token: str, following: str) -> tuple[float, float] | None:
    """两三, 七八百, 二三十, 三五: two neighbouring digits before a unit mean a range."""
    digits = [ZH_DIGITS.get(ch) for ch in token[:2]]
    if len(token) < 2 or None in digits or 0 in digits:
        return None
    low, high = digits
    if high - low not in (1, 2) or (high - low == 2 and (low, high) != (3, 5)):  # type: ignore[operator]
        return None
    tail = token[2:]
    if tail and (any(ch not in ZH_UNITS for ch in tail)):
        return None
    if not tail and not re.match(r"[块元个斤件箱条双瓶盒包袋份台部只张片桶罐杯套天号人毛款样种]", following):
        return None
    scale = 1
    for ch in tail:
        scale *= ZH_UNITS[ch]
    return float(low * scale), float(high * scale)  # type: ignore[operator]


def _protected(text: str) -> list[tuple[int, int]]:
    spans = []
    for word in NOT_NUMBERS:
        start = text.find(word)
        while start >= 0:
            end = start + len(word)
            unless = _NOT_NUMBER_UNLESS.get(word)
            follows = text[end : end + 1]
            inside_number = start > 0 and text[start - 1] in ZH_DIGITS | ZH_UNITS.keys()
            continued = bool(unless and follows and follows in unless)
            starts_numeral = follows and follows in ZH_UNITS and word[-1] in ZH_DIGITS
            if not continued and not starts_numeral and not (inside_number and word[0] in ZH_DIGITS | ZH_UNITS.keys()):
                spans.append((start, end))
            start = text.find(word, start + 1)
    return spans


def _find_chinese(text: str) -> list[NumberSpan]:
    protected = _protected(text)
    found = []
    for match in _ZH_TOKEN.finditer(text):
        start, end = match.span()
        for low, high in protected:
            if low < end and start < high:
                if low <= start and high >= end:
                    start = end
                elif low > start:
                    end = low
                else:
                    start = high
        if start >= end:
            continue
        span = _chinese_span(text, start, end)
        if span is not None:
            found.append(span)
    return found


def _chinese_span(text: str, start: int, end: int) -> NumberSpan | None:
    token, following = text[start:end], text[end : end + 1]
    # 三点 is a time of day and 百 alone a word; the decimal needs its digits.
    pair = _vague_pair(token, following)
    if pair:
        return NumberSpan(start, end, pair[0], "vague", high=pair[1])
    leading = re.match(r"^(百|千|万)(?=[八把十来])", text[start : end + 1])
    if leading and token[0] in "百千万":
        rest = re.match(r"百八十|[百千万][把来]?", text[start : end + 1])
        if rest:
            return NumberSpan(start, start + rest.end(), float(ZH_UNITS[token[0]]), "vague")
    while token:
        value = parse_chinese(token)
        if value is not None:
            break
        token = token[:-1]
    else:
        return None
    end = start + len(token)
    if token in ("零", "〇", "幺"):
        return None
    if len(token) > 1 and all(ch in ZH_DIGITS for ch in token):
        digits = "".join(str(ZH_DIGITS[ch]) for ch in token)
        return NumberSpan(start, end, value, "digits", digits=digits)
    tail = _VAGUE_ZH_TAIL.match(text, end)
    if tail and token[-1] in ZH_UNITS:
        return NumberSpan(start, tail.end(), value, "vague")
    return NumberSpan(start, end, value, "decimal" if "点" in token else "cardinal")


def _find_arabic(text: str) -> list[NumberSpan]:
    found = []
    for match in _ARABIC.finditer(text):
        raw = match.group().replace(",", "")
        value: float = float(raw) if "." in raw else int(raw)
        end = match.end()
        scale = _ARABIC_SCALE.match(text, end)
        kind: NumberKind = "decimal" if "." in raw else "cardinal"
        if scale:
            factor = {"k": 1000, "w": 10_000}.get(scale.group(1).lower()) or ZH_UNITS[scale.group(1)]
            value, end = tidy(value * factor), scale.end()
            rest = re.match(rf"([{_DIGIT_CLASS}]|\d(?!\d))", text[end : end + 1])
            if rest and factor >= 100:  # 3万5, 2千五
                digit = ZH_DIGITS.get(rest.group())
                value += (digit if digit is not None else int(rest.group())) * factor // 10
                end += 1
        digits = raw if not scale and "." not in raw and (len(raw) >= 5 or raw.startswith("0")) else ""
        if digits and "," not in match.group():
            kind = "digits"
        tail = _VAGUE_ZH_TAIL.match(text, end)
        if tail:
            found.append(NumberSpan(match.start(), tail.end(), value, "vague", language="arabic"))
            continue
        found.append(NumberSpan(match.start(), end, value, kind, digits=digits, language="arabic"))
    return found


def parse_english(words: list[str]) -> float | None:
    """Value of an English numeral given as lower-case words (["two", "hundred", "fifty"] -> 250), or None."""
    words = [word for word in words if word != "and"]
    if "point" in words:
        index = words.index("point")
        base = parse_english(words[:index]) if index else 0
        tail = words[index + 1 :]
        if base is None or not tail or any(word not in _EN_SMALL or _EN_SMALL[word] > 9 for word in tail):
            return None
        return tidy(base + float("0." + "".join(str(_EN_SMALL[word]) for word in tail)))
    total, current, state = 0, 0, ""
    for word in words:
        if word in ("a", "an") and state == "":
            current, state = 1, "a"
        elif word in _EN_SMALL and word != "oh":
            value = _EN_SMALL[word]
            if state == "tens" and 0 < value < 10:
                current += value
            elif state in ("small", "tens"):
                return None
            else:
                current += value
            state = "small"
        elif word in _EN_TENS:
            if state == "small" and 0 < current < 100:
                current = current * 100  # two fifty, nineteen ninety nine
            elif state in ("tens", "small"):
                return None
            current += _EN_TENS[word]
            state = "tens"
        elif word in _EN_SCALES:
            scale = _EN_SCALES[word]
            if scale == 100:
                current = max(current, 1) * 100
            else:
                total, current = total + max(current, 1) * scale, 0
            state = "scale"
        else:
            return None
    return total + current if state and state != "a" else None


def _english_runs(text: str) -> list[list[re.Match[str]]]:
    allowed = {*_EN_SMALL, *_EN_TENS, *_EN_SCALES, "and", "point", "a", "an", "double"}
    runs: list[list[re.Match[str]]] = []
    current: list[re.Match[str]] = []
    for match in _EN_WORD.finditer(text):
        adjacent = bool(current) and re.fullmatch(r"[\s\-]+", text[current[-1].end() : match.start()])
        if match.group().lower() in allowed:
            if current and not adjacent:
                runs.append(current)
                current = []
            current.append(match)
        elif current:
            runs.append(current)
            current = []
    if current:
        runs.append(current)
    return runs


def _find_english(text: str) -> list[NumberSpan]:
    found = []
    for run in _english_runs(text):
        while run and run[0].group().lower() in ("and", "point"):
            run = run[1:]
        position = 0
        while position < len(run):
            taken = _longest_english(run[position:])
            if taken is None:
                position += 1
                continue
            count, span = taken
            found.append(span)
            position += count
    return found


def _longest_english(run: list[re.Match[str]]) -> tuple[int, NumberSpan] | None:
    words = [match.group().lower() for match in run]
    digits, count = "", 0
    while count < len(words):
        if words[count] == "double" and count + 1 < len(words) and words[count + 1] in _EN_SMALL:
            digits += str(_EN_SMALL[words[count + 1]]) * 2
            count += 2
        elif words[count] in _EN_SMALL and _EN_SMALL[words[count]] < 10:
            digits += str(_EN_SMALL[words[count]])
            count += 1
        else:
            break
    follows_scale = count < len(words) and words[count] in (*_EN_SCALES, "point", *_EN_TENS)
    if len(digits) >= 3 and not (count < len(words) and follows_scale):
        return count, NumberSpan(run[0].start(), run[count - 1].end(), int(digits), "digits", digits, None, "en")
    if words[0] == "oh":
        return None
    for size in range(len(words), 0, -1):
        if words[size - 1] in ("and", "a", "an", "point", "double"):
            continue
        value = parse_english(words[:size])
        if value is not None:
            kind: NumberKind = "decimal" if "point" in words[:size] else "cardinal"
            return size, NumberSpan(run[0].start(), run[size - 1].end(), value, kind, "", None, "en")
    return None


def find_numbers(text: str) -> list[NumberSpan]:
    """All numbers of ``text`` in order, without overlaps. Numerals inside words (一下, 三星, 万一) are left alone."""
    spans = sorted(_find_chinese(text) + _find_arabic(text) + _find_english(text), key=lambda span: span.start)
    kept: list[NumberSpan] = []
    for span in spans:
        if not kept or span.start >= kept[-1].end:
            kept.append(span)
    return kept


def tidy(value: float) -> float:
    """Rounds away binary noise; whole values become int."""
    rounded = round(value, 6)
    return int(rounded) if rounded == int(rounded) else rounded


def format_number(value: float) -> str:
    """Shortest digits of a value: 12000, 3.5."""
    return str(tidy(value))
