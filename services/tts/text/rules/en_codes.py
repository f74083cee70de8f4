"""Codes, abbreviations and signs in English text."""

import re

from voxcart_services.tts.text.numbers_en import cardinal_en, digits_en, grouped_en, model_number_en
from voxcart_services.tts.text.rules import codes
from voxcart_services.tts.text.rules.engine import Rule, rule
from voxcart_services.tts.text.rules.units import alternation
from voxcart_services.tts.text.tables import read_table

_LABEL = (
    r"\b(?:order|tracking|parcel|coupon|verification|confirmation|invoice|serial|account|card|phone|SKU|refund|return|promo|gift|booking|"
    r"reference|member|ending|pin|code|ID|room|flight|zip)(?:\s+(?:number|code|no\.?|in|id|card))?"
)
_ABBREVIATIONS = {written: said for written, said, _ in read_table("abbreviations_en.tsv")}
_AFTER_NUMBERS = alternation(written for written, _, where in read_table("abbreviations_en.tsv") if where == "number")
_ANYWHERE = alternation(written for written, _, where in read_table("abbreviations_en.tsv") if where != "number")


def _abbreviation(match: re.Match[str]) -> str:
    return _ABBREVIATIONS[match.group()] + (" " if match.group() == "w/" else "")


def _telephone(match: re.Match[str]) -> str:
    return ", ".join(digits_en(part) for part in re.findall(r"\d+", match.group()))


def _mobile(match: re.Match[str]) -> str:
    return ", ".join(map(digits_en, match.groups()))


def _id_card(match: re.Match[str]) -> str:
    return ", ".join(digits_en(part) for part in match.groups()) + (" X" if match[4][-1] in "xX" else "")


def _name_number(match: re.Match[str]) -> str:
    return model_number_en(match["it"])


def _roman(match: re.Match[str]) -> str:
    return cardinal_en(str(codes.roman_value(match["it"])))


def _bust_size(match: re.Match[str]) -> str:
    return f"{digits_en(match[1])}, {cardinal_en(match[2])}{f' {match[3].upper()}' if match[3] else ''}"


CODES_BEFORE_AMOUNTS_EN: tuple[Rule, ...] = (
    rule(codes.EMAIL, lambda m: codes.say_email(m.group(), codes.CODES_EN)),
    rule(codes.WEB_ADDRESS, lambda m: codes.say_web_address(m.group(), codes.CODES_EN)),
    rule(r"(?<![\d.])\d{4}(?: \d{4}){2,4}(?![\d.])", _telephone),
    rule(r"(?<!\d)(\d{2,})※(\d{2,})(?!\d)", lambda m: f"{digits_en(m[1])}, masked, {digits_en(m[2])}"),
    rule(
        rf"{_LABEL}\s*(?:(?:[:#]|is|was)\s*)*(?P<it>[A-Za-z]{{0,4}}[-_]?\d[A-Za-z0-9\-_]{{2,40}})\b(?!\.\d|,\d|\s*(?:items|yuan|dollars|%))",
        lambda m: codes.say_identifier(m["it"], codes.CODES_EN),
        re.IGNORECASE,
    ),
    rule(codes.ID_CARD, _id_card),
    rule(r"(?<![\d.])(1[3-9]\d)[- ]?(\d{4})[- ]?(\d{4})(?!\d)", _mobile),
    rule(r"(?<![\w.])(?:\+?\d{1,3}[- .])?(?:\(\d{3}\)\s?|\d{3}[-.])\d{3}[-.]\d{4}(?!\d)", _telephone),
    rule(r"(?<![\w.])\+?1?[- ]?\(\d{3}\)\s?\d{3}-\d{4}(?!\d)", _telephone),
    rule(r"(?<![\w.])0\d{2,3}-\d{7,8}(?!\d)", _telephone),
    rule(r"(?<![\w.-])\d{3}-\d{4}(?![\w-])", _telephone),
    rule(r"(?<![A-Za-z0-9])[A-Z]{2,4}\d{6,}(?![A-Za-z0-9])", lambda m: codes.say_identifier(m.group(), codes.CODES_EN)),
    rule(
        r"(?<![\d.,$€£¥])\d{8,}(?![\d.,]\d|\d|\s*(?:yuan|dollars|items|users|people))", lambda m: grouped_en(m.group())
    ),
    rule(codes.DOTTED, lambda m: codes.say_dotted(m.group(), codes.CODES_EN)),
    rule(codes.VERSION, lambda m: f"version {codes.say_version(m['number'], codes.CODES_EN)}"),
    rule(
        r"(?:version|release|firmware|iOS|Android|Bluetooth|USB|HDMI)\s(?P<it>\d+\.\d+)(?![\d.]*\d)",
        lambda m: codes.say_version(m["it"], codes.CODES_EN),
        re.IGNORECASE,
    ),
    rule(r"(?<!\d)(1\d\d)/(\d{2,3})\s?([A-Ha-h])?(?![A-Za-z0-9])", _bust_size),
    rule(r"\b(?:No|no|NO|Nos|nos)\.\s?(?=\d)", "number "),
    rule(r"(?<!\w)#\s?(?=\d)", "number "),
    rule(r"(?<!\w)#(?P<it>[A-Za-z]\d{2,})", lambda m: codes.say_identifier(m["it"], codes.CODES_EN)),
    rule(rf"(?<!\w)(?P<it>{_ANYWHERE})(?![A-Za-z])", _abbreviation),
    rule(rf"(?<=\d )(?P<it>{_AFTER_NUMBERS})(?=\s+[a-z])", _abbreviation),
    rule(
        r"\b(?:[Pp]art|[Cc]hapter|[Vv]olume|[Vv]ol\.|[Tt]ype|[Mm]ark|[Pp]hase|[Ll]evel|[Cc]lass|[Gg]en|[Ss]eries|"
        rf"World War)\s{codes.ROMAN_AFTER_LABEL}",
        _roman,
    ),
    rule(codes.ROMAN, _roman),
    rule(r"(?<=\w)(?P<it>-in-)(?=\d)", " in "),
    rule(
        r"(?<![A-Za-z0-9])(?:[A-Z]{2,}|[a-z]+[A-Z][A-Za-z]*|[A-Z][a-z]+[A-Z][A-Za-z]*|Galaxy|Core|Ryzen|Series|Windows)"
        r"\s(?P<it>\d{3,4})(?![\d.,]*\d|\s*[-~–—:/]\s*\d|\s?[%‰°]|[A-Za-z]|\s(?:yuan|dollars|items|pieces|people|units))",
        _name_number,
    ),
)
"""Applied before dates and amounts."""

NAMES_EN: tuple[Rule, ...] = (
    rule(codes.LETTERS_FIRST, lambda m: codes.say_alphanumeric(m.group(), codes.CODES_EN)),
    rule(
        r"(?<![A-Za-z.])(?:[A-Za-z]\.){2,}(?![A-Za-z])", lambda m: " ".join(m.group().upper().replace(".", " ").split())
    ),
)
"""Applied after money: codes that begin with letters."""

CODES_AFTER_AMOUNTS_EN: tuple[Rule, ...] = (
    rule(codes.DIGITS_FIRST, lambda m: codes.say_alphanumeric(m.group(), codes.CODES_EN)),
)
"""Applied when measures have been found."""

SYMBOLS_EN: tuple[Rule, ...] = (
    rule(r"(?<=[A-Za-z0-9])\+\+(?=$|\W)", " plus plus"),
    rule(r"(?<=[A-Za-z0-9])\+(?=$|\W)", " plus"),
    rule(r"(?<=(?<![A-Za-z])[CF])#(?![A-Za-z])", " sharp"),
    rule(r"\band/or\b", "and or"),
    rule(r"\s*&\s*", " and "),
    rule(r"(?<=\w)\s*\+\s*(?=\w)", " plus "),
    rule(r"(?<=\w)\s*=\s*(?=\w)", " equals "),
    rule(r"[≥⩾]\s*(?=\d)|>=\s*(?=\d)", "at least "),
    rule(r"[≤⩽]\s*(?=\d)|<=\s*(?=\d)", "at most "),
    rule(r">\s*(?=\d)", "more than "),
    rule(r"<\s*(?=\d)", "less than "),
    rule(r"±\s*(?=\d)", "plus or minus "),
    rule(r"[≈~]\s*(?=\d)", "about "),
    rule(r"(?<=\d)(?P<it>\s*/\s*)(?=[A-Za-z])", " per "),
    rule(r"(?<=yuan)(?P<it>\s*/\s*)(?=[A-Za-z])", " per "),
    rule(r"(?<=\w)\s*/\s*(?=\w)", " or "),
    rule(r"%", " percent"),
    rule(r"°", " degrees"),
    rule(r"№", "number "),
    rule(r"@", " at "),
    rule(r"[#^=_|\\{}\[\]<>$€£¥₩₹₽฿~*+`²³×÷√∞§¶†•※]", " "),
)
"""Signs that are said, and those that are not."""
