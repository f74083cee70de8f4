"""Drops what is for the eye only: Markdown and HTML marks, links, emoji, control and format characters."""

import html
import re
import unicodedata

_TAG = re.compile(r"</?[A-Za-z][^<>]{0,200}>")
_LINK = re.compile(r"!?\[([^\[\]]{0,200})\]\([^()]{0,500}\)")
_URL = re.compile(r"(?:https?://|www\.)[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
_MARKS = re.compile(r"\*{1,3}|_{2,3}|`{1,3}|~{2}|(?m:^\s{0,3}(?:#{1,6}\s+|>\s+|[-•]\s+))")
_NEWLINES = re.compile(r"\s*[\r\n]+\s*")
_WIDE = str.maketrans("％＋－＝／：０１２３４５６７８９", "%+-=/:0123456789")


def strip_markup(text: str) -> str:
    """The text without marks, links and emoji; line breaks end a sentence."""
    text = html.unescape(text)
    text = _LINK.sub(r"\1", _TAG.sub("", text))
    text = _URL.sub(" ", text)
    text = _MARKS.sub("", text)
    text = "".join(character for character in text.translate(_WIDE) if _is_said(character))
    return _NEWLINES.sub(_sentence_break, text.strip()).strip()


def _sentence_break(match: re.Match[str]) -> str:
    before = match.string[match.start() - 1 : match.start()]
    return " " if before in "。！？；，、：.!?;,:" else "。"


def _is_said(character: str) -> bool:
    """False for emoji and other pictures, joiners, variation selectors and control characters but line breaks."""
    if character in "\r\n\t ":
        return True
    category = unicodedata.category(character)
    if category in ("Cc", "Cf", "Cs", "Co", "Cn", "Mn", "Me"):
        return False
    return category not in ("So", "Sk") or character in "℃℉㎡㎏㎜㎝®°"
