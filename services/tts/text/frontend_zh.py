"""Shop rules for reading Mandarin text: what wetext's grammars would say wrongly or not at all."""

import re
from collections.abc import Callable

_DIGIT_NAMES = "零幺二三四五六七八九"
_PLAIN_DIGIT_NAMES = "零一二三四五六七八九"
_NUMBER = r"\d[\d,]*(?:\.\d+)?"
_COUNTERS = "件个斤盒包箱双台部瓶袋条支罐块片份套只本杯桶卷打组张把公克升米"


def digits_zh(digits: str, *, telephone: bool = False) -> str:
    """Digit by digit; in telephone and order numbers 1 is said 幺."""
    names = _DIGIT_NAMES if telephone else _PLAIN_DIGIT_NAMES
    return "".join(names[int(digit)] for digit in digits)


def _amount(number: str) -> str:
    """A number without thousands separators and without trailing zeros after the point: 1,299.00 -> 1299."""
    plain = number.replace(",", "")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def _money(match: re.Match[str]) -> str:
    return f"{_amount(match['number'])}{match['unit'] or ''}元"


def _telephone(match: re.Match[str]) -> str:
    digits = match["number"]
    parts = (digits[:3], digits[3:7], digits[7:])
    return "，".join(digits_zh(part, telephone=True) for part in parts)


def _landline(match: re.Match[str]) -> str:
    return "，".join(digits_zh(part, telephone=True) for part in re.findall(r"\d+", match.group()))


def _grouped(digits: str, size: int = 4) -> str:
    groups = [digits[start : start + size] for start in range(0, len(digits), size)]
    if len(groups) > 1 and len(groups[-1]) == 1:
        groups[-2:] = [groups[-2] + groups[-1]]
    return "，".join(digits_zh(group, telephone=True) for group in groups)


def _identifier(match: re.Match[str]) -> str:
    """订单号 VX20261111000123: letters by name, digits in groups of four."""
    pieces = re.findall(r"[A-Za-z]+|\d+", match["id"])
    spoken = [_grouped(piece) if piece.isdigit() else " ".join(piece.upper()) for piece in pieces]
    return f"{match['label']}{' '.join(spoken)}"


def _model_number(match: re.Match[str]) -> str:
    """A1023, G502: letters, then digits one by one."""
    return f"{' '.join(match[1])} {digits_zh(match[2])}"


def _date(match: re.Match[str]) -> str:
    return f"{match[1]}年{int(match[2])}月{int(match[3])}日"


def _clock(match: re.Match[str]) -> str:
    hour, minute = int(match[1]), int(match[2])
    if minute == 0:
        return f"{hour}点"
    return f"{hour}点{'零' if minute < 10 else ''}{minute}分"


def _units(match: re.Match[str]) -> str:
    if match[2] == "G":
        return match.group()
    return f"{match[1]}{_UNIT_NAMES[match[2].lower()]}"


_UNIT_NAMES = {
    "ml": "毫升", "l": "升", "kg": "公斤", "g": "克", "mg": "毫克", "cm": "厘米", "mm": "毫米", "m": "米", "km": "公里",
    "mah": "毫安时", "w": "瓦", "hz": "赫兹", "v": "伏", "gb": "G", "tb": "T", "mb": "兆", "kw": "千瓦", "寸": "寸",
    "㎡": "平方米", "℃": "摄氏度", "°c": "摄氏度", "㎏": "公斤", "㎝": "厘米", "㎜": "毫米", "kb": "K B",
}  # fmt: skip
_UNIT = "|".join(sorted((re.escape(unit) for unit in _UNIT_NAMES), key=len, reverse=True))

_RULES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), action)
    for pattern, action in (
        (
            r"(?P<label>(?:订单|运单|快递|物流|流水|退款|验证|取件|优惠|兑换|商品|货)(?:号码|编号|单号|号|码)"
            r"|(?:订单|单号|编号|尾号|券码|工号|卡号|SKU)(?=[^一-鿿]))"
            r"\s*(?P<colon>[:：#]|是|为)?\s*(?P<id>[A-Za-z]{0,6}[-_]?\d[A-Za-z0-9\-_]{2,40})(?!\.\d|[元件个])",
            _identifier,
        ),
        (r"(?<!\d)(?:\+?86[- ]?)?(?P<number>1[3-9]\d{9})(?!\d)", _telephone),
        (r"(?<!\d)0\d{2,3}-\d{7,8}(?!\d)", _landline),
        (r"(?<!\d)[48]00-?\d{3}-?\d{4}(?!\d)", _landline),
        (r"(?<!\d)((?:19|20)\d\d)[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)", _date),
        (r"(?<![\d:])([01]?\d|2[0-4]):([0-5]\d)(?::[0-5]\d)?(?![\d:])", _clock),
        (r"(?<=[点分])\s*[~～—–-]\s*(?=\d{1,2}点)", "到"),
        (rf"[¥￥]\s*(?P<number>{_NUMBER})\s*(?P<unit>[万亿])?元?", _money),
        (rf"(?:RMB|CNY)\s*(?P<number>{_NUMBER})(?P<unit>[万亿])?元?", _money),
        (rf"(?P<number>{_NUMBER})(?P<unit>[万亿])?(?:元|RMB|CNY)(?![A-Za-z])", _money),
        (r"元/(?=[\u4e00-\u9fff\d])", "元每"),
        (r"(?<=[\u4e00-\u9fff])/(?=[\u4e00-\u9fff])", "，"),
        (rf"(\d+(?:\.\d+)?)\s*({_UNIT})(?![A-Za-z])", _units),
        (r"(?<=[A-Za-z])\+(?=$|[^0-9A-Za-z])", " plus"),
        (r"(?<=[\d万千百])\+(?=$|[^0-9A-Za-z])", "多"),
        (rf"(?<=[\u4e00-\u9fff])\s*[x×*]\s*(\d+)(?![\d{_COUNTERS}])", r"\1件"),
        (rf"\s*[x×*]\s*(?=\d+[{_COUNTERS}])", "乘"),
        (r"(?<=\d)\s*[x×*]\s*(?=\d)", "乘"),
        (r"(?<![\d.])(\d{1,9})\s*[~～—–-]\s*(\d{1,9}(?:\.\d+)?)(?=\s*[%元块折\u4e00-\u9fff])", r"\1到\2"),
        (r"(?<=[\u4e00-\u9fff\dA-Za-z])\s*&\s*(?=[\u4e00-\u9fff\dA-Za-z])", "和"),
        (r"(?<![A-Za-z0-9])([A-Z]{1,2})(\d{3,})(?![\dA-Za-z])", _model_number),
        (r"(?<![\d.])(\d+\.\d*?)0+(?![\d.])", lambda m: m[1].rstrip(".")),
        (r"第(\d+)", lambda m: f"第{cardinal_zh(m[1])}"),
        (r"(?<![\d.,])(\d{8,})(?![\d.,]|\s*[元件个万亿])", lambda m: _grouped(m[1])),
        (r"(?<![\d.,])2(?=倍|[张双副对])", "两"),
        (r"(?<=\d),(?=\d{3})", ""),
    )
)


def shop_rules_zh(text: str) -> str:
    """Apply the shop rules; what they leave (plain numbers, dates in words, percentages) is for the grammar."""
    for pattern, action in _RULES:
        text = pattern.sub(action, text)
    return text


_FINISH: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"[#@^=_|\\{}\[\]<>$]", " "),
        (r"(?<=[A-Za-z])\s*/\s*(?=[A-Za-z])", " "),
        (r"/", "，"),
        (r"\+", "加"),
        (r"%", "百分号"),
        (r"&", "和"),
        (r"[×*]", "乘"),
        (r"℃", "摄氏度"),
        (r"°", "度"),
    )
)


def finish_zh(text: str) -> str:
    """Say or drop the symbols that are still there after the grammar."""
    for pattern, replacement in _FINISH:
        text = pattern.sub(replacement, text)
    return text


def cardinal_zh(digits: str) -> str:
    """A whole number below 10,000 in characters: 12 -> 十二. Longer ones digit by digit."""
    value = int(digits)
    if value >= 10_000:
        return digits_zh(digits)
    if value == 0:
        return "零"
    said = ""
    gap = False
    for power, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = value // power % 10
        if digit:
            said += ("零" if gap and said else "") + _PLAIN_DIGIT_NAMES[digit] + name
        gap = digit == 0
    return said.removeprefix("一") if 10 <= value < 20 else said
