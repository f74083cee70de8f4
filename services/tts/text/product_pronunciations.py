"""How a product of the catalogue says that its names are said.

A product may have the attribute 读音 (or 发音, ``pronunciation``), such as ``芈月=mǐ yuè；AHC=A H C；Vox=/vɑks/``.
Several are parted by semicolons. What is said is pinyin with tones, IPA between slashes, or other words; without a name
it is the brand's.
"""

import re
from collections.abc import Mapping
from typing import Any

from voxcart.errors import InvalidInput
from voxcart_services.tts.text.lexicon import Entry, checked_entry
from voxcart_services.tts.text.notation import pinyin_syllables

ATTRIBUTE_NAMES = ("读音", "发音", "pronunciation")
MAX_PER_PRODUCT = 16


def product_pronunciations(brand: str, attributes: Mapping[str, Any]) -> tuple[list[Entry], list[str]]:
    """The entries that a product carries, and why others that it carries are none.

    Args:
        brand: Its brand.
        attributes: Its attributes by name.
    """
    entries: list[Entry] = []
    refusals: list[str] = []
    for name in ATTRIBUTE_NAMES:
        value = attributes.get(name)
        if not isinstance(value, str):
            continue
        for piece in [piece.strip() for piece in re.split("[;；\n]", value) if piece.strip()]:
            written, _, spoken = piece.rpartition("=")
            try:
                entries.append(_entry(written or brand, spoken.strip()))
            except InvalidInput as error:
                refusals.append(str(error))
    return entries[:MAX_PER_PRODUCT], refusals[:MAX_PER_PRODUCT]


def _entry(written: str, spoken: str) -> Entry:
    if len(spoken) > 2 and spoken[0] == spoken[-1] == "/":
        return checked_entry(written, "ipa", spoken)
    return checked_entry(written, "pinyin" if _is_pinyin(spoken) else "say", spoken)


def _is_pinyin(spoken: str) -> bool:
    """Whether it has tones: letters alone are words (A H C)."""
    if spoken.isascii() and not re.search(r"[1-5]", spoken):
        return False
    try:
        pinyin_syllables(spoken)
    except InvalidInput:
        return False
    return True
