"""Pinyin of text and how alike two words sound, for matching what a recogniser misheard.

Syllables are toneless. ``sound_key`` merges what Mandarin speakers and recognisers mix up (zh/z, ch/c, sh/s, n/l, f/h
before u, -n/-ng), so that equal keys mean "may be the same word".
"""

import re
from functools import lru_cache

from rapidfuzz.distance import Levenshtein

_MERGES = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("ang", "an"), ("eng", "en"), ("ing", "in"), ("iong", "ong"))


@lru_cache(maxsize=65_536)
def _char_syllable(char: str) -> str:
    from pypinyin import lazy_pinyin  # 0.1 s; loaded with the first Han character

    return lazy_pinyin(char)[0]


def is_han(char: str) -> bool:
    """Whether a character is a Han ideograph."""
    return "㐀" <= char <= "鿿"


def syllables(text: str) -> list[str]:
    """One item per character: the toneless syllable of Han characters, others lower-cased as they are.

    Each character is read alone, so that offsets hold and lookup is a dictionary access.
    """
    return [_char_syllable(char) if is_han(char) else char.lower() for char in text]


@lru_cache(maxsize=8192)
def sound_key(syllable: str) -> str:
    """A syllable with commonly confused sounds merged: zhang and zan give the same key."""
    key = syllable
    for old, new in _MERGES:
        key = key.replace(old, new)
    if key.startswith("l"):
        key = "n" + key[1:]
    return "f" + key[1:] if re.match(r"hu[^aeio]?$", key) else key


def sound_similarity(first: str, second: str) -> float:
    """0..1 by edit distance over sound keys; 1 means that both sound the same."""
    keys_a = [sound_key(item) for item in syllables(first)]
    keys_b = [sound_key(item) for item in syllables(second)]
    if not keys_a or not keys_b:
        return 0.0
    return Levenshtein.normalized_similarity(keys_a, keys_b)
