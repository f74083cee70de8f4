"""The alphabet of the language model of correction: one token a character.

Han characters stand for themselves. A run of digits is one token, so is a run of Latin letters; a name of the catalogue
may be one. Everything else separates.
"""

from __future__ import annotations

import re

BEGIN = "^"
END = "$"
NAME = "N"
"""Any name of a catalogue, brand or category."""
DIGITS = "0"
LATIN = "A"
BREAK = ","
"""What separates clauses: punctuation."""
_DIGIT_SOUNDS = dict(zip("0123456789", "零一二三四五六七八九", strict=True))
_PIECE = re.compile(
    r"(?P<han>[㐀-䶿一-鿿])|(?P<name>(?<![A-Za-z])N(?![A-Za-z]))|(?P<digits>\d[\d.]*)|(?P<latin>[A-Za-z][A-Za-z'\-]*)"
    r"|(?P<break>[，。！？；、,.!?;]+)"
)


def to_tokens(text: str) -> str:
    """The tokens of a text; white space and other signs are left out, and there is no break at either end."""
    tokens = []
    for match in _PIECE.finditer(text):
        kind = match.lastgroup
        if kind == "han":
            tokens.append(match.group())
        elif kind == "name":
            tokens.append(NAME)
        elif kind == "digits":
            tokens.append(DIGITS)
        elif kind == "latin":
            tokens.append(LATIN)
        elif tokens:
            tokens.append(BREAK)
    return "".join(tokens).strip(BREAK)


def split_units(text: str) -> list[tuple[int, int, str, str]]:
    """The pieces of a text: (start, end, token, what it sounds like).

    A Han character sounds like itself, and so does a single digit: 8 may be a misheard 把. Other pieces have no sound.
    """
    units = []
    for match in _PIECE.finditer(text):
        kind = match.lastgroup
        if kind == "han":
            units.append((*match.span(), match.group(), match.group()))
        else:
            heard = _DIGIT_SOUNDS.get(match.group(), "") if match.group().isascii() else ""
            units.append((*match.span(), {"digits": DIGITS, "break": BREAK}.get(kind or "", LATIN), heard))
    while units and units[-1][2] == BREAK:
        units.pop()
    return units
