"""Codes in both languages: e-mail and web addresses, order numbers, model names, versions, Roman numerals.

What they share: letters are said by name or as a word, digits one by one or in groups. How digits and joints are said
in a language is a :class:`CodeWords`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from voxcart_services.tts.text.numbers_en import digits_en, grouped_en, model_number_en
from voxcart_services.tts.text.numbers_zh import cardinal_zh, digits_zh, grouped_zh, ordinary_digits_zh

TOP_LEVEL_DOMAINS = "com|cn|net|org|io|co|shop|store|top|vip|app|dev|ai|edu|gov|info|me|tv|cc|hk|uk|us|eu|de|jp|fr"
EMAIL = r"(?<![\w.+-])[A-Za-z0-9][\w.+-]*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}"
WEB_ADDRESS = (
    r"(?:https?://|(?<![\w.])www\.)[A-Za-z0-9\-._~:/?#@!$&'()*+,;=%]*[A-Za-z0-9/]"
    rf"|(?<![\w.@/-])(?:[A-Za-z0-9-]+\.)+(?:{TOP_LEVEL_DOMAINS})(?![\w.-]*\w)(?:/[A-Za-z0-9\-._~/?#&=%]*)?"
)
LETTERS_FIRST = (
    r"(?<![A-Za-z0-9])[A-Za-z]++(?:-(?=[A-Za-z]*\d))?\d++(?:\.\d++(?![\d.]))?"
    r"(?:(?:-?[A-Za-z]++|-)\d++)*+(?:-?[A-Za-z]++)?(?![A-Za-z0-9])"
)
"""A17, WH-1000XM5, B2B, i7-13700K, US9.5."""
DIGITS_FIRST = r"(?<![A-Za-z0-9])\d++(?:\.\d++)?[A-Za-z]++(?:-?[A-Za-z]*+\d++)*+[A-Za-z]*+(?![A-Za-z0-9])"
"""4060Ti, 1080P, 2.4G."""
VERSION = r"(?<![A-Za-z0-9.])(?P<v>[vV]\s?)(?P<number>\d+(?:\.\d+)*)(?![\d.]*\d|[A-Za-z])"
DOTTED = r"(?<![\w.])(?!(?:19|20)\d\d\.\d{1,2}\.\d{1,2}(?!\d|\.\d))\d+(?:\.\d+){2,}(?![\w]|\.\d)"
ROMAN = r"(?<=[A-Za-z0-9][ -])(?P<it>(?=[IVX]{2})(?!XX)X{0,3}(?:IX|IV|V?I{0,3}))(?![A-Za-z0-9])"
ROMAN_AFTER_LABEL = r"(?P<it>(?=[IVX])X{0,3}(?:IX|IV|V?I{0,3}))(?![A-Za-z0-9])"
ID_CARD = r"(?<!\d)([1-9]\d{5})((?:19|20)\d\d)((?:0\d|1[0-2])(?:[0-2]\d|3[01]))(\d{3}[\dXx])(?![\dA-Za-z])"
_ROMAN_VALUES = {"I": 1, "V": 5, "X": 10}
_PIECES = re.compile(r"[A-Za-z]+|\d+(?:\.\d+)?")


@dataclass(frozen=True)
class CodeWords:
    """How a language says the parts of codes."""

    digits: Callable[[str], str]
    """One by one."""
    grouped: Callable[[str], str]
    """One by one, in groups with short pauses."""
    in_name: Callable[[str], str]
    """A number in a model's name."""
    dot: str
    at: str
    dash: str
    underscore: str
    plus: str


CODES_ZH = CodeWords(
    digits_zh,
    grouped_zh,
    ordinary_digits_zh,
    dot="点",
    at=" at ",
    dash="杠",
    underscore="下划线",
    plus="加",
)
CODES_EN = CodeWords(
    digits_en, grouped_en, model_number_en, dot="dot", at="at", dash="dash", underscore="underscore", plus="plus"
)  # fmt: skip


def say_email(address: str, words: CodeWords) -> str:
    """help@voxcart.com -> help at voxcart dot com."""
    return _say_address(address, words)


def say_web_address(address: str, words: CodeWords) -> str:
    """The host, without ``www``: paths and queries are for the eye."""
    host = re.sub(r"^(?:https?://)?(?:www\.)?", "", address, flags=re.IGNORECASE)
    return _say_address(re.split(r"[/?#:]", host)[0], words)


def _say_address(address: str, words: CodeWords) -> str:
    names = {"@": words.at, ".": words.dot, "-": words.dash, "_": words.underscore, "+": words.plus}
    pieces = re.findall(r"[A-Za-z]+|\d+|[@.\-_+]", address)
    return " ".join(words.digits(piece) if piece.isdigit() else names.get(piece, piece) for piece in pieces)


def say_identifier(code: str, words: CodeWords) -> str:
    """An order number: letters by name, digits in groups."""
    pieces = re.findall(r"[A-Za-z]+|\d+", code)
    return " ".join(words.grouped(piece) if piece.isdigit() else " ".join(piece.upper()) for piece in pieces)


def say_alphanumeric(code: str, words: CodeWords) -> str:
    """A model name: its words and letters, its numbers as they are said in names."""
    pieces: list[str] = []
    for piece in _PIECES.findall(code):
        if piece[0].isdigit():
            whole, point, decimals = piece.partition(".")
            said = words.in_name(whole)
            pieces.append(f"{said} {_POINT[words.dot]} {words.digits(decimals)}" if point else said)
        else:
            pieces.append(piece.upper() if len(piece) == 1 else piece)
    return " ".join(pieces)


_POINT = {"点": "点", "dot": "point"}


def say_dotted(number: str, words: CodeWords) -> str:
    """2.3.1, 192.168.1.1: numbers with the joints said."""
    parts = number.split(".")
    joint = f" {_POINT[words.dot]} " if words is CODES_EN else "点"
    said = [words.digits(part) if len(part) > 2 or part[0] == "0" else words.in_name(part) for part in parts]
    return joint.join(said)


def say_version(number: str, words: CodeWords) -> str:
    """2.10 of a version: every part for itself; a single decimal as it is."""
    if number.count(".") == 1:
        whole, _, decimals = number.partition(".")
        joint = f" {_POINT[words.dot]} " if words is CODES_EN else "点"
        return f"{words.in_name(whole)}{joint}{words.digits(decimals)}"
    return say_dotted(number, words)


def roman_value(numeral: str) -> int:
    """XIV -> 14."""
    values = [_ROMAN_VALUES[letter] for letter in numeral]
    return sum(
        -value if value < following else value for value, following in zip(values, [*values[1:], 0], strict=True)
    )


def roman_zh(match: re.Match[str]) -> str:
    """A Roman numeral in Mandarin."""
    return cardinal_zh(str(roman_value(match["it"])), counting=False)
