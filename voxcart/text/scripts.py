"""Scripts and languages of a text: traditional to simplified, full width to half width, which language is spoken."""

import importlib.util
import re
from functools import cache
from pathlib import Path
from typing import Literal

Language = Literal["zh", "en", "mixed"]

_HAN = re.compile(r"[㐀-䶿一-鿿]")
_LATIN_WORD = re.compile(r"[A-Za-z]{2,}|\b[aAI]\b")
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F) if chr(code) not in "，。！？：；（）、"}
_FULL_WIDTH[0x3000] = 0x20
# Latin words that Mandarin speakers use as names or sizes; alone they do not make a sentence mixed.
_SIZE_WORD = re.compile(r"^(?:xs|xxl|xl|xxxl|gb|tb|ml|kg|cm|mm|sf|yt|ok|vip|sku)$", re.IGNORECASE)


@cache
def _simplify_fst():
    import kaldifst  # loaded with the first Han character: shared library of 20 MB

    spec = importlib.util.find_spec("wetext")  # only its data is wanted; importing it costs 0.5 s
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("wetext is not installed; it carries the table of simplified characters")
    return kaldifst.TextNormalizer(str(Path(spec.origin).parent / "fsts" / "traditional_to_simple.fst"))


@cache
def _simplify_char(char: str) -> str:
    """One character by WeTextProcessing's table (Apache-2.0); unknown ones stay."""
    changed = _simplify_fst()(char)
    return changed if len(changed) == 1 else char


def simplify(text: str) -> str:
    """Traditional characters as simplified ones, one for one: the result has the same length."""
    return "".join(_simplify_char(char) if _HAN.match(char) else char for char in text)


def half_width(text: str) -> str:
    """Full-width letters and digits as ASCII; Chinese punctuation stays. Same length."""
    return text.translate(_FULL_WIDTH)


def detect_language(text: str) -> Language:
    """Which language a sentence is in: "zh", "en", or "mixed" when it holds Han characters and Latin words."""
    has_han = bool(_HAN.search(text))
    latin = [word for word in _LATIN_WORD.findall(text) if not _SIZE_WORD.match(word)]
    if has_han:
        return "mixed" if latin else "zh"
    return "en" if re.search(r"[A-Za-z]", text) else "zh"
