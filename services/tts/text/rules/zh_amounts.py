"""Money, discounts, percentages, measures, counts and ranges in Mandarin."""

import re
from decimal import Decimal

from voxcart_services.tts.text.numbers_zh import amount_zh, cardinal_zh, digits_zh, number_zh
from voxcart_services.tts.text.rules.engine import DASH, NUMBER, Rule, by_grammar, rule
from voxcart_services.tts.text.rules.units import CURRENCY_CODES, CURRENCY_SIGNS, UNITS_ZH, alternation

_LEFT = r"(?<![\d.,A-Za-z])"
_LEFT_AFTER_LETTERS = r"(?<![\d.,])"
_SCALE = "[百千万亿]|万亿"
_MONEY_SCALE = f"{_SCALE}|[kKwW](?![A-Za-z])"
_SCALE_NAMES = {"w": "万", "W": "万"}
_SIGN = r"(?P<sign>(?<![\dA-Za-z\u4e00-\u9fff])[-+])?"
_SIGN_ANYWHERE = r"(?P<sign>(?<![\dA-Za-z])[-+])?"
_YUAN = "元|块钱|块|圆|人民币"
_UNIT = alternation(UNITS_ZH)
_UNIT_END = r"(?![A-Za-z])"
COUNTERS = (
    "个|件|斤|盒|包|箱|双|台|部|瓶|袋|条|支|枝|罐|块|片|份|套|只|本|杯|桶|卷|打|组|张|把|公|克|升(?!级)|米|位|名|人|家|次|种|款|"
    "天|周|小时|分钟|秒|元|角|毛|遍|回|颗|粒|朵|盆|串|束|顶|副|对|枚|根|幅|床|辆|架|艘|栋|间|层楼|厅|卫|棵|株|头|匹|口|道|门|扇|"
    "面|封|笔|单|批|排|列|类|项|点半|点钟|刻钟|半|倍|寸|尺|丈|里|吨|钱|亩|平|成|岁|周岁|年|季度|季|大|步|段|句|页|章|节|"
    "美元|英镑|欧元|日元|港币|港元|毫|厘|英|平方|立方|摄氏|度|瓦|伏|千|百|万|亿|多|来|余|几|折|期|分|车|篮|筐|捆|提|听|板|"
    "盘|碗|勺|滴|针|剂|帖|服|晚|夜|趟|场|轮|层|格|档|挡|路|股|户|员|代人|环|圈|处|所|座城|周年|星|钻|颗星"
)
"""Words before which 2 is said 两."""
_NOT_COUNTING = "号|楼|级|等|线|代|月|日|单元|年级|班|型|手|维|次元|进制|胎|环路|路公交|层楼|分之|度电|轮车|排座|星级"
_SAYS_REDUCTION = re.compile(r"(?:券|优惠|红包|立减|满减|折扣|抵扣|补贴)[:：]?\s*$")


def _said_amount(number: str, scale: str | None) -> str:
    if scale in ("k", "K"):
        thousands = Decimal(number.replace(",", "")) * 1000
        return cardinal_zh(str(int(thousands)))
    return amount_zh(number) + _SCALE_NAMES.get(scale or "", scale or "")


def _range(match: re.Match[str]) -> str:
    """10-20, 1.2-1.5万: both ends and the scale, without a unit."""
    low = _said_amount(match["low"], match["low_scale"])
    if not match["high"]:
        return low
    return f"{low}到{_said_amount(match['high'], match['high_scale'])}"


def _amounts(prefix: str = "") -> str:
    """The pattern of a number or a range, with scales: groups low, low_scale, high, high_scale."""
    return (
        rf"(?P<low>{NUMBER})\s?(?P<low_scale>{_MONEY_SCALE})?"
        rf"(?:{DASH}{prefix}(?P<high>{NUMBER})\s?(?P<high_scale>{_MONEY_SCALE})?)?"
    )


def _sign_word(match: re.Match[str], minus: str = "负") -> str:
    return {"-": minus, "+": "加"}.get(match["sign"] or "", "")


def _money_sign(match: re.Match[str]) -> str:
    before = match.string[: match.start()]
    return _sign_word(match, "减" if _SAYS_REDUCTION.search(before) else "负")


def _priced(match: re.Match[str]) -> str:
    currency = CURRENCY_SIGNS.get(match["currency"]) or CURRENCY_CODES[match["currency"].upper()]
    more = "多" if match["more"] else ""
    return f"{_money_sign(match)}{_range(match)}{more}{currency}{_per(match)}"


def _per(match: re.Match[str]) -> str:
    """/斤, /500g, /kg."""
    if not match["per"]:
        return ""
    unit = match["per_unit"]
    return f"每{amount_zh(match['per_number']) if match['per_number'] else ''}{UNITS_ZH.get(unit, unit)}"


def _yuan(match: re.Match[str]) -> str:
    unit = "元" if match["unit"] in ("RMB", "CNY", "rmb") else match["unit"]
    return f"{_sign_word(match)}{_range(match)}{unit}"


def _percent(match: re.Match[str]) -> str:
    name = "千分之" if match["mark"] == "‰" else "百分之"
    low = "百" if match["low"] == "100" and name == "百分之" else number_zh(match["low"], counting=False)
    said = f"{_sign_word(match)}{name}{low}"
    if match["high"]:
        high = "百" if match["high"] == "100" and name == "百分之" else number_zh(match["high"], counting=False)
        said += f"到{name if match['low_mark'] else ''}{high}"
    return said


def _measure(match: re.Match[str]) -> str:
    """5kg, 160-165cm, 60km/h, -5~10°C."""
    unit = UNITS_ZH[match["unit"]]
    counting = not unit.endswith("氏度")
    say = number_zh if unit in ("G", "T") else amount_zh
    said = f"{_sign_word(match)}{say(match['low'], counting=counting)}"
    if match["high"]:
        negative = "负" if match["high_sign"] else ""
        said += f"{unit if match['low_unit'] else ''}到{negative}{amount_zh(match['high'], counting=counting)}"
    return f"{said}{unit}{_per(match)}"


def _megapixels(match: re.Match[str]) -> str:
    return f"{cardinal_zh(match[1] + '000000')}像素"


def _inches(match: re.Match[str]) -> str:
    return f"{amount_zh(re.sub(r'[^0-9.]', '', match['it']))}英寸"


def _discount(match: re.Match[str]) -> str:
    """8.5折 八点五折, 95折 九五折, 8折 八折."""
    number = match["it"]
    return digits_zh(number) if len(number) == 2 and number[1] != "0" else amount_zh(number, counting=False)


def _ratio(match: re.Match[str]) -> str:
    return "比".join(number_zh(part, counting=False) for part in match.group().replace(" ", "").split(":"))


def _fraction(match: re.Match[str]) -> str | None:
    whole, above, below = match["whole"], match["above"], match["below"]
    if int(above) >= int(below) or int(below) == 0 or (whole and int(above) == 0):
        return None
    said = f"{cardinal_zh(below, counting=False)}分之{cardinal_zh(above, counting=False)}"
    return f"{cardinal_zh(whole)}又{said}" if whole else said


def _out_of(match: re.Match[str]) -> str:
    return f"{amount_zh(match[1])}分，满分{cardinal_zh(match[2])}分"


def _bare_range(match: re.Match[str]) -> str | None:
    """10-20 is a range, 21-19 a score; 12-34-56 is neither."""
    low, high = match["low"], match["high"]
    is_rising = float(low.replace(",", "")) <= float(high.replace(",", ""))
    return f"{amount_zh(low)}{'到' if is_rising else '比'}{amount_zh(high)}"


def _count(match: re.Match[str]) -> str:
    return f"{_sign_word(match)}{_said_amount(match['low'], match['scale'])}"


def _each_digit(match: re.Match[str]) -> str:
    return digits_zh(match.group())


def _formula(match: re.Match[str]) -> str | None:
    return by_grammar(match.group(), "zh")


_PER = rf"(?P<per>\s?/\s?(?P<per_number>\d+)?(?P<per_unit>(?:{_UNIT}){_UNIT_END}|[\u4e00-\u9fff]))?"
_CURRENCY = alternation(CURRENCY_SIGNS)
_CODE = rf"(?i:{alternation(CURRENCY_CODES)})"

MONEY_ZH: tuple[Rule, ...] = (
    rule(rf"满\s?(?P<it>¥?({NUMBER})\s*-\s*¥?({NUMBER}))", lambda m: f"{amount_zh(m[2])}减{amount_zh(m[3])}"),
    rule(r"(?<=[折元块件个斤米岁角])(?P<it>\s*[-~–—]\s*)(?=[\d¥])", "到"),
    rule(r"(?:亏损|余额|为|是|海拔|利润|增速|增长|收益|盈利|净值|下降)\s?(?P<it>-)(?=\d)", "负"),
    rule(
        rf"{_SIGN_ANYWHERE}(?P<currency>{_CURRENCY})\s*{_amounts(rf'(?:{_CURRENCY})?')}元?(?P<more>\+(?![\dA-Za-z]))?{_PER}",
        _priced,
    ),
    rule(rf"(?<![A-Za-z])(?P<sign>)(?P<currency>{_CODE})\s?{_amounts()}元?(?P<more>\+(?![\dA-Za-z]))?{_PER}", _priced),
    rule(rf"{_LEFT}(?P<sign>){_amounts()}\s?(?P<currency>{_CODE})(?![A-Za-z])(?P<more>)?{_PER}", _priced),
    rule(rf"{_SIGN}{_LEFT_AFTER_LETTERS}{_amounts()}\s?(?P<unit>{_YUAN})", _yuan),
    rule(r"(?<=[元块])(?P<it>\s*/\s*)(?=[\u4e00-\u9fff\dA-Za-z])", "每"),
    rule(r"(?<=\d[瓶袋盒片个支包罐条块只件粒张卷枚])(?P<it>\s*/\s*)(?=[箱盒袋包组提套板人份天月年次瓶件])", "每"),
    rule(r"(?<=[块元毛角])(?P<it>\d)(?![\d.毛角分])(?!元)", lambda m: digits_zh(m["it"])),
    rule(r"(?<![\d.])(?P<it>\d(?:\.\d)?|[1-9]\d)\s?(?=折(?!叠|扇|痕|射|线|断))", _discount),
    rule(
        rf"(?<![\d.])(?P<it>(\d(?:\.\d)?){DASH}(\d(?:\.\d)?))(?=折)",
        lambda m: f"{amount_zh(m[2], counting=False)}到{amount_zh(m[3], counting=False)}",
    ),
)
"""Money and discounts."""

MEASURES_ZH: tuple[Rule, ...] = (
    rule(
        rf"{_LEFT}({NUMBER})[kK]{DASH}({NUMBER})[kK](?![A-Za-z])",
        lambda m: f"{_said_amount(m[1], 'k')}到{_said_amount(m[2], 'k')}",
    ),
    rule(
        rf"{_LEFT}(?P<sign>)(?P<low>{NUMBER})(?P<scale>[kKwW])(?P<more>\+)?"
        r"(?:(?<=[kw]\+)(?![\dA-Za-z])|(?=\s?(?:人|粉丝|销量|付款|好评|评价|次|播放|件|单|预算|左右|以[内下上])))",
        lambda m: _count(m) + ("多" if m["more"] else ""),
    ),
    rule(
        rf"{_SIGN_ANYWHERE}{_LEFT_AFTER_LETTERS}(?P<low>{NUMBER})(?P<low_mark>[%‰])?(?:{DASH}(?P<high>{NUMBER}))?\s?(?P<mark>[%‰])",
        _percent,
    ),
    rule(r"(?<![\d.])(\d+)\s?MP(?![A-Za-z0-9])", _megapixels),
    rule(
        rf"{_SIGN_ANYWHERE}{_LEFT_AFTER_LETTERS}(?<![A-Za-z]-)(?P<low>{NUMBER})\s?(?P<low_unit>(?:{_UNIT}){_UNIT_END})?"
        rf"(?:{DASH}(?P<high_sign>-)?(?P<high>{NUMBER}))?\s?(?P<unit>{_UNIT})(?:{_UNIT_END}|(?=[xX×*]\s?\d))"
        rf"(?!(?<=\dA)(?=[\u4e00-\u9fff])(?!快充|充电|电流|数据|输出|插|空开|线|头|保险)){_PER}",
        _measure,
    ),
    rule(
        r"(?<![\d.'])(?P<it>\d+(?:\.\d+)?\s?(?:[\"″]|''))(?=\s*(?:$|[^\w\"″]|[\u4e00-\u9fff]))",
        _inches,
    ),
)
"""Percentages and measures."""

COUNTS_ZH: tuple[Rule, ...] = (
    rule(r"(?<![\d.])(\d\.\d|\d(?=\s?/\s?\d{1,3}[分星]))\s?/\s?(5|10|100)(?:分|星)?(?![\d/])", _out_of),
    rule(r"(?<![\d./])(?:(?P<whole>\d+) )?(?P<above>\d{1,3})/(?P<below>\d{1,4})(?![\d/.]|[A-Za-z])", _fraction),
    rule(rf"(?<![\d:]){NUMBER}(?: ?: ?{NUMBER})+(?![\d:])", _ratio),
    rule(
        rf"第\s?(?P<it>(\d+){DASH}(\d+))",
        lambda m: f"{cardinal_zh(m[2], counting=False)}到{cardinal_zh(m[3], counting=False)}",
    ),
    rule(r"第\s?(?P<it>\d+)", lambda m: cardinal_zh(m["it"], counting=False)),
    rule(r"(?:单元|号楼|栋|座)\s?(?P<it>\d{3,4})(?![\d.元])", lambda m: digits_zh(m["it"])),
    rule(
        r"(?<![\dA-Za-z.])(?P<it>\d{3,4})(?=室|房间|房|号房|路(?!程)|次列车|线公交|航班)", lambda m: digits_zh(m["it"])
    ),
    rule(
        rf"(?<![\d.,])(\d+){DASH}(\d+)(?=(?:{_NOT_COUNTING}))",
        lambda m: f"{cardinal_zh(m[1], counting=False)}到{cardinal_zh(m[2], counting=False)}",
    ),
    rule(
        r"(?<![\d.])(?:[89]\d(?=新(?![款品季]))|(?:925|999|990)(?=银|纯银|足金|纯金|千足|足银))",
        _each_digit,
    ),
    rule(r"(?<![\d.])(?P<it>\d{3})L?(?=不锈钢|钢)", lambda m: digits_zh(m["it"])),
    rule(r"(?<![\d.])(?P<it>[5-9][05]|0[05]|10)(?=后(?!天|周|年|月|个|分|小时))", _each_digit),
    rule(r"(?<![\d.])(\d+(?:\.\d+)?)([²³])", lambda m: f"{number_zh(m[1])}的{'平' if m[2] == '²' else '立'}方"),
    rule(
        rf"(?<![\d.,])(?P<it>\d+)\s?(?=(?:{_NOT_COUNTING}))", lambda m: cardinal_zh(m["it"], counting=len(m["it"]) > 1)
    ),
    rule(rf"(?<![\d.,\-~–—/])(?P<low>{NUMBER}){DASH}(?P<high>{NUMBER})(?![\d\-~–—]|/\d|\.\d|\s*=)", _bare_range),
    rule(
        rf"{_SIGN}(?<![\d.,])(?P<low>{NUMBER})\s?(?P<scale>{_SCALE})(?P<more>\+)?(?![\dA-Za-z]){_PER}",
        lambda m: f"{_count(m)}{'多' if m['more'] else ''}{_per(m)}",
    ),
    rule(r"(?<=[岁件元人年天单分斤])\+(?=$|[^\dA-Za-z\u4e00-\u9fff])", "以上"),
    rule(rf"{_SIGN}(?<![\d.,])(?P<low>\d+)(?P<scale>)\+(?=$|[^\dA-Za-z])", lambda m: _count(m) + "多"),
    rule(rf"{_SIGN}(?<![\d.,])(?P<low>{NUMBER})(?P<scale>)\s?(?=(?:{COUNTERS}))(?!\s?(?:年代))", _count),
    rule(r"(?<![\dA-Za-z.])\d[\d.]*(?: ?[-+*/×÷=<>≤≥^] ?\d[\d.]*)+(?![\dA-Za-z])", _formula),
)
"""Fractions, ratios, ordinals, ranges and counted things; sums by wetext's grammar."""

PLAIN_NUMBERS_ZH: tuple[Rule, ...] = (
    rule(r"(?<![\d.,])0\d+(?![.\d])", lambda m: digits_zh(m.group(), telephone=True)),
    rule(rf"{_SIGN}(?<![\d.])(?P<low>{NUMBER})", lambda m: f"{_sign_word(m)}{number_zh(m['low'])}"),
    rule(r"\d+", lambda m: digits_zh(m.group())),
)
"""What is left of numbers."""
