"""Drops what is for the eye only: Markdown and HTML marks, link targets, emoji, control and format characters.

It works on one clause at a time, so a mark may have been cut off from its other half; halves are dropped too.
"""

import html
import re
import unicodedata
from collections.abc import Iterable

from voxcart_services.tts.text.traced import GIVEN_FIRST, GIVEN_LAST, Rewrite, TracedText

_TAG = re.compile(r"</?[A-Za-z][^<>]{0,200}>|<!--.{0,400}?-->", re.DOTALL)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_LINK = re.compile(r"!?\[([^\[\]]{0,200})\]\([^()]{0,500}\)")
_HALF_LINK = re.compile(r"\]\((?:https?:|/|#|www\.)[^()\s]{0,500}\)?")
_MASK = re.compile(r"(?<=\d\d)(?:[ -]?\*{2,})+[ -]?(?=\d\d)")
MASKED = "※"
"""Stands for digits that are not shown: 138****5678."""
_MARKS = re.compile(
    r"(?<![\d*])\*{2,}|\*{2,}(?![\d*])|(?<!\*)\*(?!\s*\d|\*)|(?<![\w)）*])(?<![\w)）] )\*(?!\*)"
    r"|(?<![A-Za-z0-9])_{1,3}(?=[^\W_])|(?<=[^\W_])_{1,3}(?![A-Za-z0-9])"
    r"|`{1,3}|~~|(?m:^\s{0,3}(?:#{1,6}\s+|>\s+|[-•▪◦]\s+|\|?[\s:|-]{5,}\|?$))"
)
_TABLE_BAR = re.compile(r"\s*\|\s*")
_EMOTICON = re.compile(r"(?<![\w:])(?:[:;=][-'^]?[)(\]\[DPp]+|\^_?\^|T_T|<3|[-=]_[-=])(?!\w)")
_ELLIPSIS = re.compile(r"\.{3,}|…+|。{2,}")
_NEWLINES = re.compile(r"\s*[\r\n\u2028\u2029\u0085]+\s*")
_SPACES = re.compile(r"[ \t\u00a0\u2000-\u200a\u202f\u205f\u3000]+")

_KEPT_SYMBOLS = frozenset("℃℉°№㎡㎥㎏㎎㎜㎝㎞㎖ℓ￥¥$€£₩₹₽฿+<=>~^|`")
_FULL_WIDTH = {ord("！") + offset: chr(ord("!") + offset) for offset in range(94)}
_KEPT_FULL_WIDTH = frozenset("！，：；？（）｛｝［］＂＇｀＾＿｜")
_SQUARED = {
    "㎡": "m²", "㎥": "m³", "㎏": "kg", "㎎": "mg", "㎜": "mm", "㎝": "cm", "㎞": "km", "㎖": "ml", "ℓ": "L", "℃": "°C",
    "℉": "°F", "−": "-", "﹣": "-", "‐": "-", "‑": "-", "⁄": "/", "∕": "/", "✕": "×", "✖": "×", "⨯": "×",
    "￥": "¥", "’": "'", "‘": "'", "ʼ": "'", "․": ".", "〜": "~", "∼": "~", "～": "~", "∶": ":", "№": "No. ",
    "µ": "μ", "㏄": "cc", "㎢": "km²", "㎗": "dl", "㎘": "kl", "㎾": "kW", "㎐": "Hz", "㎒": "MHz", "㎓": "GHz",
    "㏈": "dB", "㎉": "kcal", "㎈": "cal", "㍑": "L", "㍘": "0点",
}  # fmt: skip
_LATIN = re.compile(r"[A-Za-z]")


def readable(text: TracedText) -> TracedText:
    """The text without marks, link targets and emoji, in plain characters; line breaks end a sentence.

    Stand-in characters (see :mod:`~voxcart_services.tts.text.traced`) are kept: drop those of the author first.
    """
    text = text.sub(_MASK, MASKED).sub(_TAG, "").sub(_ENTITY, lambda match: html.unescape(match.group()))
    text = text.sub(_LINK, lambda match: match[1]).sub(_HALF_LINK, " ")
    text = text.sub(_EMOTICON, " ").sub(_MARKS, "").sub(_ELLIPSIS, "…")
    text = _trimmed(text.map(_plain))
    text = text.sub(_NEWLINES, _sentence_break).sub(_TABLE_BAR, "，")
    return _trimmed(text.sub(_SPACES, " "))


def strip_markup(text: str) -> str:
    """:func:`readable` for a text whose places do not matter."""
    return readable(without_stand_ins(text)).text


def without_stand_ins(text: str, instead: Iterable[Rewrite] = ()) -> TracedText:
    """A written text without characters for private use, but for those that stand for a stretch of it.

    Args:
        text: As written.
        instead: Stretches and the stand-in character for each, in order.
    """
    rewrites = list(instead)
    covered = {place for each in rewrites for place in range(each.start, each.end)}
    for place, character in enumerate(text):
        if GIVEN_FIRST <= character <= GIVEN_LAST and place not in covered:
            rewrites.append(Rewrite(place, place + 1, ""))
    return TracedText.of(text).rewritten(sorted(rewrites, key=lambda rewrite: rewrite.start))


def _trimmed(text: TracedText) -> TracedText:
    start = len(text.text) - len(text.text.lstrip())
    return text.part(start, max(start, len(text.text.rstrip())))


def _sentence_break(match: re.Match[str]) -> str:
    before = match.string[match.start() - 1 : match.start()]
    return " " if before in "。！？；，、：…—.!?;,:" else "。"


def _plain(character: str) -> str:
    """What a character is said by: itself, its plain form, or nothing."""
    if character.isascii():
        return character if character >= " " or character in "\r\n\t" else ""
    if "㐀" <= character <= "鿿" or character in "。！？；，、：（）《》「」『』【】“”…—·\u2028\u2029\u0085":
        return character
    if character in _SQUARED:
        return _SQUARED[character]
    if ord(character) in _FULL_WIDTH and character not in _KEPT_FULL_WIDTH:
        return _FULL_WIDTH[ord(character)]
    return _folded(character)


def _folded(character: str) -> str:
    if GIVEN_FIRST <= character <= GIVEN_LAST:
        return character
    category = unicodedata.category(character)
    if category in ("Cc", "Cf", "Cs", "Co", "Cn", "Mn", "Me"):
        return ""
    if category == "Zs":
        return " "
    if category in ("So", "Sk") and character not in _KEPT_SYMBOLS and not unicodedata.numeric(character, None):
        return ""
    if category[0] == "N" or (category == "So" and character not in _KEPT_SYMBOLS):
        return _number(character)
    letter = unicodedata.normalize("NFKD", character)[:1]
    if category[0] == "L" and _LATIN.match(letter):
        return letter
    return _LETTERS.get(character, character)


def _number(character: str) -> str:
    """½ -> 1/2, Ⅲ -> III, ② -> 2, ² stays; a digit of another script becomes the plain one."""
    if character in "²³":
        return character
    folded = unicodedata.normalize("NFKC", character).replace("⁄", "/")
    if "/" in folded:
        return f" {folded}"
    if folded.isascii() or any("㐀" <= each <= "鿿" for each in folded):
        return folded
    digit = unicodedata.digit(character, None)
    return "" if digit is None else str(digit)


_LETTERS = {
    "ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D",
    "ð": "d", "þ": "th", "ı": "i",
}  # fmt: skip
