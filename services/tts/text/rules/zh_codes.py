"""Codes in Mandarin text: what digits mean that are no amount."""

import re

from voxcart_services.tts.text.numbers_zh import cardinal_zh, digits_zh, grouped_zh, ordinary_digits_zh
from voxcart_services.tts.text.rules import codes
from voxcart_services.tts.text.rules.engine import Rule, by_grammar, rule

_LABEL = (
    r"(?:(?:订单|运单|快递|物流|流水|退款|退货|验证|取件|取货|提货|优惠|兑换|商品|货|序列|校验|邀请|会员|房|车牌|车架|合同|发票|税|交易|支付|单据|批)"
    r"(?:号码|编号|单号|号|码)|(?:订单|单号|编号|尾号|券码|工号|卡号|账号|帐号|密码|编码|条码|邮编|税号|代码|(?<![A-Za-z])(?:ID|id|SKU|QQ)|微信|群号))"
)
_NAMED_BEFORE_NUMBER = (
    "小米|红米|荣耀|华为|骁龙|麒麟|天玑|真我|魅族|一加|锐龙|酷睿|大疆|拯救者|努比亚|锤子|中兴|联想|苹果|三星|佳能|尼康|索尼|松下|飞利浦|"
    "戴森|宝马|奔驰|奥迪|波音|空客|歼|型号|系列|显卡|处理器"
)
_NO_AMOUNT = r"(?![\d.,]*\d|\s*[-~–—:/]\s*\d|\s?[%‰°个件台元块斤盒包箱瓶袋双条只本杯张码寸])"
"""After the number of a name: neither a range nor a counted thing."""
_HOTLINE = r"(?:拨打|致电|电话|热线|客服|拨|短信至?|发送至|来电)\s*(?:号码|号|是|为)?\s*[:：]?\s*"
_SIZE_LETTERS = "(?:X{1,5}|[2-9]X)?[SL]|M|均码"


def _groups(match: re.Match[str]) -> str:
    return "，".join(digits_zh(part, telephone=True) for part in re.findall(r"\d+", match.group()))


def _mobile(match: re.Match[str]) -> str:
    number = grouped_zh(re.sub(r"\D", "", match["number"]), (3, 4, 4))
    return f"{digits_zh('86')}，{number}" if match["country"] else number


def _hotline(match: re.Match[str]) -> str:
    return digits_zh(match["it"], telephone=True)


def _id_card(match: re.Match[str]) -> str:
    said = [digits_zh(part, telephone=True) for part in match.groups()]
    return "，".join(said) + (" X" if match[4][-1] in "xX" else "")


def _bust_size(match: re.Match[str]) -> str:
    return f"{digits_zh(match[1])}，{digits_zh(match[2])}{f' {match[3].upper()}' if match[3] else ''}"


def _part(digits: str) -> str:
    return digits_zh(digits, telephone=True)


def _tyre(match: re.Match[str]) -> str:
    return f"{digits_zh(match[1])}，{digits_zh(match[2])} R {cardinal_zh(match[3])}"


def _standard(match: re.Match[str]) -> str:
    """GB/T 1234-2020."""
    letters = " ".join(re.sub(r"[^A-Z]", "", match[1]))
    number = codes.say_dotted(match[2], codes.CODES_ZH) if "." in match[2] else digits_zh(match[2])
    return f"{letters} {number}杠{digits_zh(match[3])}"


def _name_number(match: re.Match[str]) -> str:
    whole, point, decimals = match["it"].rstrip("+").partition(".")
    said = ordinary_digits_zh(whole)
    return f"{said}{f'点{digits_zh(decimals)}' if point else ''}{'加' if match['it'].endswith('+') else ''}"


def _unknown_unit(match: re.Match[str]) -> str | None:
    return by_grammar(match.group(), "zh")


CODES_BEFORE_AMOUNTS_ZH: tuple[Rule, ...] = (
    rule(codes.EMAIL, lambda m: codes.say_email(m.group(), codes.CODES_ZH)),
    rule(codes.WEB_ADDRESS, lambda m: codes.say_web_address(m.group(), codes.CODES_ZH)),
    rule(
        rf"{_LABEL}\s*(?:[:：#是为]\s*)*(?P<it>[A-Za-z]{{0,6}}[-_]?\d[A-Za-z0-9\-_]{{1,40}})(?!\.\d|[元件个年月%折])",
        lambda m: codes.say_identifier(m["it"], codes.CODES_ZH),
    ),
    rule(codes.ID_CARD, _id_card),
    rule(r"(?<![\d.])(?:(?P<country>\+?86)[- ]?)?(?P<number>1[3-9]\d([- ]?)\d{4}\3\d{4})(?!\d)", _mobile),
    rule(r"(?<!\d)(?:\(0\d{2,3}\)|0\d{2,3})[- ]?\d{7,8}(?:-\d{1,5})?(?!\d)", _groups),
    rule(r"(?<!\d)[48]00[- ]?\d{3}[- ]?\d{4}(?!\d)", _groups),
    rule(r"(?<![\d.])(?P<it>1(?:00\d\d|23\d\d)|95\d{3})(?=投诉|热线|客服|服务热线|电话|举报|查询)", _hotline),
    rule(r"(?<!\d)(\d{2,})※(\d{2,})(?!\d)", lambda m: f"{_part(m[1])}，星号，{_part(m[2])}"),
    rule(r"(?<!\d)(1\d\d|2\d\d)/(\d\d)\s?(?:Z?R)\s?(\d\d)(?!\d)", _tyre),
    rule(r"(?<![A-Za-z])([A-Z]{1,4}(?:/[A-Z]{1,3})?)\s?(\d{3,6}(?:\.\d+)?)[-—]((?:19|20)\d\d)(?!\d)", _standard),
    rule(
        r"[\u4e00-\u9fff][A-Z][·•]?(?P<it>(?=[A-Z]*\d)[A-Z0-9]{5,6})(?![A-Za-z0-9])",
        lambda m: codes.say_identifier(m["it"], codes.CODES_ZH).replace("，", ""),
    ),
    rule(rf"{_HOTLINE}(?P<it>\d{{3,8}})(?![\d.]|[元个件])", _hotline),
    rule(r"(?<![\d.])\d{4}(?: \d{4}){2,4}(?: \d{1,3})?(?![\d.])", _groups),
    rule(r"(?<![A-Za-z0-9])[A-Z]{2,4}\d{8,}(?![A-Za-z0-9])", lambda m: codes.say_identifier(m.group(), codes.CODES_ZH)),
    rule(r"(?<![\d.,])\d{8,}(?![\d.,]|\s*(?:[元块个件人份台次万亿千百%]|毫|公))", lambda m: grouped_zh(m.group())),
    rule(codes.DOTTED, lambda m: codes.say_dotted(m.group(), codes.CODES_ZH)),
    rule(codes.VERSION, lambda m: f"V {codes.say_version(m['number'], codes.CODES_ZH)}"),
    rule(
        r"(?:版本|固件|系统)号?\s*[:：]?\s*(?P<it>\d+\.\d+)(?![\d.])",
        lambda m: codes.say_version(m["it"], codes.CODES_ZH),
    ),
    rule(r"(?<!\d)(1\d\d)/(\d{2,3})\s?([A-Ha-h])?(?![A-Za-z0-9])", _bust_size),
    rule(rf"(?<![A-Za-z0-9])(?:{_SIZE_LETTERS})(?P<it>\s?[-~–—]\s?)(?=(?:{_SIZE_LETTERS})(?![A-Za-z0-9]))", "到"),
    rule(r"(?<![A-Za-z0-9])(?:NO|No|no)\.\s?(?P<it>\d+)", lambda m: cardinal_zh(m["it"], counting=False)),
    rule(r"(?<![A-Za-z])(?P<it>(?:NO|No|no)\.)(?=\s?\d)", "第"),
    rule(rf"第\s?{codes.ROMAN_AFTER_LABEL}", codes.roman_zh),
    rule(rf"{codes.ROMAN_AFTER_LABEL}(?=代|世|期|型|章|级|部)", codes.roman_zh),
    rule(codes.ROMAN, codes.roman_zh),
    rule(
        r"(?<![\d.])(\d(?:\.\d+)?)\s?[xX倍](?=\s*(?:光学|变焦|数码|长焦|放大|速))",
        lambda m: f"{cardinal_zh(m[1])}倍" if "." not in m[1] else None,
    ),
)
"""Applied before dates and amounts: their digits would look like amounts."""

NAMES_ZH: tuple[Rule, ...] = (
    rule(rf"(?<=[A-Za-z+]) (?P<it>\d{{1,5}}(?:\.\d+)?\+?){_NO_AMOUNT}(?![A-Za-z])", _name_number),
    rule(
        rf"(?:{_NAMED_BEFORE_NUMBER})\s?(?P<it>\d{{1,5}}(?:\.\d+)?\+?){_NO_AMOUNT}"
        r"(?![年月日号天起]|包邮|\s?[A-Za-z]+\d|(?:ml|mL|kg|g|cm|mm|GB|TB|G|T|W)(?![A-Za-z]))",
        _name_number,
    ),
    rule(codes.LETTERS_FIRST, lambda m: codes.say_alphanumeric(m.group(), codes.CODES_ZH)),
)
"""Applied after money: the numbers of names, and codes that begin with letters."""

CODES_AFTER_AMOUNTS_ZH: tuple[Rule, ...] = (
    rule(codes.DIGITS_FIRST, lambda m: codes.say_alphanumeric(m.group(), codes.CODES_ZH)),
    rule(r"(?<![\d.])\d+(?:\.\d+)?[a-zμ]{1,6}(?:[²³]|/[a-z]{1,6})(?![A-Za-z0-9])", _unknown_unit),
)
"""Applied when measures have been found: 250ml is none of these."""

_AFTER_A_FACTOR = r"(?:(?<=\d)|(?<=\d[cmkd][mgl])|(?<=\d[gmlLW])|(?<=[²³]))"
_ALONE = r"(?!\d|\s?[\u4e00-\u9fffA-Za-z×])"

MULTIPLICATION_ZH: tuple[Rule, ...] = (
    rule(rf"(?<=[\u4e00-\u9fff）)])\s*[x×*]\s*(?P<it>\d+){_ALONE}", lambda m: f"{_items(m['it'])}件"),
    rule(rf"(?<=[\u4e00-\u9fff）)])(?P<it>\s*[x×*]\s*)(?=\d+{_ALONE})", ""),
    rule(r"(?<=[\dA-Za-z\u4e00-\u9fff²³])\s*×\s*(?=\d)", "乘"),
    rule(rf"{_AFTER_A_FACTOR}\s*[xX*]\s*(?=\d)", "乘"),
    rule(r"(?<=[\u4e00-\u9fff])(?:[x*]|\s[x*]\s)(?=\d)", "乘"),
)
"""苹果×3 is three of them; between sizes the sign is said."""

SYMBOLS_ZH: tuple[Rule, ...] = (
    rule(r"(?<=(?<![A-Za-z])[CF])#(?![A-Za-z])", " sharp"),
    rule(r"(?<=[A-Za-z])\+{3,4}(?!\+)", lambda m: f" {cardinal_zh(str(len(m.group())))}个加"),
    rule(r"(?<=[A-Za-z0-9])\+\+(?=$|[^0-9A-Za-z+])", " plus plus"),
    rule(r"(?<=[A-Za-z])\+(?=$|[^0-9A-Za-z])", " plus"),
    rule(r"(?<=\d)\+(?=$|[^0-9A-Za-z])", "加"),
    rule(r"(?<=[\d万千百亿A-Za-z\u4e00-\u9fff])\s*\+\s*(?=[\dA-Za-z\u4e00-\u9fff])", "加"),
    rule(r"(?<=[\u4e00-\u9fff\dA-Za-z])\s*&\s*(?=[\u4e00-\u9fff\dA-Za-z])", "和"),
    rule(r"(?<=[\dA-Za-z\u4e00-\u9fff])\s*=\s*(?=[\dA-Za-z\u4e00-\u9fff])", "等于"),
    rule(r"[≥⩾]\s*(?=\d)|>=\s*(?=\d)", "大于等于"),
    rule(r"[≤⩽]\s*(?=\d)|<=\s*(?=\d)", "小于等于"),
    rule(r">\s*(?=\d)", "大于"),
    rule(r"<\s*(?=\d)", "小于"),
    rule(r"±\s*(?=\d)", "正负"),
    rule(r"(?<![\dA-Za-z\u4e00-\u9fff%°²³])[≈~]\s*(?=\d)|≈\s*(?=\d)", "约"),
    rule(r"(?<=\d)-(?=[A-Za-z])|(?<=[A-Za-z])-(?=\d)", " "),
    rule(r"(?<=[a-z]{2})\.(?=[a-z]{2})", " 点 "),
    rule(r"(?<=[A-Za-z])\.(?=\d)", " "),
    rule(r"(?<=[\dA-Za-z\u4e00-\u9fff])(?P<it>\s*[-–]\s*)(?=[\u4e00-\u9fff])", "，"),
    rule(r"(?<=[\u4e00-\u9fff])(?P<it>\s*[-–]\s*)(?=[\dA-Za-z])", "，"),
    rule(r"(?<=[\dA-Za-z\u4e00-\u9fff])(?P<it>\s*~\s*)(?=[\dA-Za-z\u4e00-\u9fff])", "到"),
    rule(r"(?<=[A-Za-z])(?P<it>\s*/\s*)(?=[A-Za-z])", "，"),
    rule(r"(?<=[\u4e00-\u9fff\dA-Za-z）)])(?P<it>\s*/\s*)(?=[\u4e00-\u9fff\dA-Za-z（(])", "，"),
    rule(r"%", "百分号"),
    rule(r"°C?", "度"),
    rule(r"№", "第"),
    rule(r"[@]", " at "),
    rule(r"[#^=_|\\{}\[\]<>$€£¥₩₹₽฿~*+&`²³×÷√∞§¶†•※]", " "),
)
"""Signs that are said, and those that are not."""


def _items(digits: str) -> str:
    return "两" if int(digits) == 2 else cardinal_zh(digits)
