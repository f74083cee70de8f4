"""What the author's marks make of a stretch of text: ``<say-as>`` and ``<sub>``."""

import re

from voxcart_services.tts.text.normalization import language_of, spoken_form
from voxcart_services.tts.text.numbers_en import cardinal_en, digits_en, ordinal_en, year_en
from voxcart_services.tts.text.numbers_zh import cardinal_zh, digits_zh
from voxcart_services.tts.text.reading import Mark

INTERPRETATIONS = (
    "cardinal", "number", "ordinal", "digits", "telephone", "characters", "spell-out", "verbatim", "date", "time",
    "currency", "money", "unit", "fraction",
)  # fmt: skip
"""Values of ``interpret-as`` that are known."""
DATE_FORMATS = ("ymd", "mdy", "dmy", "ym", "my", "md", "dm", "y", "m", "d")
"""Orders in which the parts of a date may be given."""

_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_DATE_PARTS = re.compile(r"\d+")


def said_by_mark(mark: Mark, written: str, language: str) -> str:
    """The words for a marked stretch.

    Args:
        mark: Of the kind ``sub`` or ``say-as``.
        written: The stretch.
        language: ``zh`` or ``en``.
    """
    if mark.kind == "sub":
        return spoken_form(mark.value, language if language_of(mark.value) == "zh" else "en")
    name = mark.value
    if name in ("characters", "spell-out", "verbatim"):
        return _spelled(written, language)
    if name == "digits":
        return _each_digit(written, language)
    if name == "telephone":
        return _telephone(written, language)
    if name in ("cardinal", "number", "ordinal"):
        return _number(written, language, is_ordinal=name == "ordinal")
    if name == "date" and mark.detail:
        return _date(written, mark.detail, language)
    return spoken_form(written, language)


def _spelled(written: str, language: str) -> str:
    digits = digits_zh if language == "zh" else digits_en
    names = [digits(each) if each.isdecimal() else each.upper() for each in written if each.isalnum()]
    return " ".join(names)


def _each_digit(written: str, language: str) -> str:
    digits = digits_zh if language == "zh" else digits_en
    return re.sub(r"\d+", lambda match: f" {digits(match.group())} ", written).strip()


def _telephone(written: str, language: str) -> str:
    groups = re.findall(r"\d+", written)
    if language == "zh":
        return "，".join(digits_zh(group, telephone=True) for group in groups)
    return ", ".join(digits_en(group) for group in groups)


def _number(written: str, language: str, *, is_ordinal: bool) -> str:
    def said(match: re.Match[str]) -> str:
        number = match.group().replace(",", "")
        if not is_ordinal or "." in number:
            return spoken_form(number, language) if "." in number else _cardinal(number, language)
        return f"第{cardinal_zh(number, counting=False)}" if language == "zh" else ordinal_en(number)

    return spoken_form(_NUMBER.sub(said, written), language)


def _cardinal(digits: str, language: str) -> str:
    return cardinal_zh(digits) if language == "zh" else cardinal_en(digits)


def _date(written: str, order: str, language: str) -> str:
    """The parts of a date in the order that is given; read by the rules if their number does not fit."""
    parts = _DATE_PARTS.findall(written)
    if len(parts) != len(order):
        return spoken_form(written, language)
    known = dict(zip(order, parts, strict=True))
    if language == "zh":
        names = {"y": "年", "m": "月", "d": "日"}
        said = {
            each: digits_zh(part) if each == "y" else cardinal_zh(part, counting=False) for each, part in known.items()
        }
        return "".join(f"{said[each]}{names[each]}" for each in "ymd" if each in said)
    return _date_en(known)


def _date_en(known: dict[str, str]) -> str:
    if set(known) == {"y", "m", "d"}:
        return spoken_form(f"{known['y']}-{known['m']}-{known['d']}", "en")
    if "m" not in known or not 1 <= int(known["m"]) <= 12:
        return " ".join(cardinal_en(part) for part in known.values())
    month = spoken_form(f"2000-{known['m']}-1", "en").split()[0]
    if "d" in known:
        return f"{month} {ordinal_en(known['d'])}"
    return f"{month} {year_en(known['y'])}" if len(known.get("y", "")) == 4 else month
