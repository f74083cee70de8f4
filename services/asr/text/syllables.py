"""Syllables of Han characters: letters, initial, final and tone, for telling how alike two of them sound."""

from __future__ import annotations

import functools
import unicodedata
from typing import NamedTuple

_TONES = {"\u0304": 1, "\u0301": 2, "\u030c": 3, "\u0300": 4}
_INITIALS = ("zh", "ch", "sh", *"bpmfdtnlgkhjqxrzcs")
_MAX_READINGS = 2
_FULL_FINALS = {"iou": "iu", "uei": "ui", "uen": "un"}


class Syllable(NamedTuple):
    """A syllable with its tone; `letters` is toneless pinyin with v for ü, tone 1..4, or 5 for none."""

    letters: str
    tone: int


@functools.lru_cache(maxsize=20_000)
def readings(char: str) -> tuple[Syllable, ...]:
    """The usual readings of a character, the most usual first, at most two; empty if it is no Han character."""
    from pypinyin.pinyin_dict import pinyin_dict  # 40,000 entries: loaded with the first use

    listed = pinyin_dict.get(ord(char), "") if len(char) == 1 else ""
    found = {}
    for marked in filter(None, listed.split(",")):
        syllable = parse_marked(marked)
        found.setdefault(syllable.letters, syllable)
    return tuple(found.values())[:_MAX_READINGS]


@functools.cache
def syllable_numbers() -> dict[str, int]:
    """All toneless syllables of the dictionary, numbered from 0."""
    from pypinyin.pinyin_dict import pinyin_dict

    marked = {reading for listed in pinyin_dict.values() for reading in listed.split(",") if reading}
    return {letters: number for number, letters in enumerate(sorted({parse_marked(m).letters for m in marked}))}


@functools.lru_cache(maxsize=50_000)
def word_readings(word: str) -> tuple[Syllable, ...]:
    """The syllables of a word as it is said in it (便宜: pian yi); empty if a character is no Han character."""
    from pypinyin import Style, pinyin

    if not word or not all(readings(char) for char in word):
        return ()
    return tuple(parse_marked(marked[0]) for marked in pinyin(word, style=Style.TONE))


def parse_marked(marked: str) -> Syllable:
    """A syllable from pinyin with its tone mark: lǜ -> lv, tone 4."""
    tone, letters = 5, []
    for mark in unicodedata.normalize("NFD", marked):
        if mark in _TONES:
            tone = _TONES[mark]
        elif mark == "\u0308":
            letters[-1] = "v"
        elif mark.isascii():
            letters.append(mark)
    return Syllable("".join(letters), tone)


@functools.lru_cache(maxsize=2_000)
def split(letters: str) -> tuple[str, str]:
    """Initial (empty for none) and final as they are spoken: yuan -> ("", "van"), jun -> ("j", "vn")."""
    if letters.startswith("y"):
        rest = letters[1:]
        final = "v" + rest[1:] if rest.startswith("u") else rest if rest.startswith("i") else "i" + rest
        return "", _FULL_FINALS.get(final, final)
    if letters.startswith("w"):
        final = letters[1:] if letters.startswith("wu") else "u" + letters[1:]
        return "", _FULL_FINALS.get(final, final)
    initial = next((initial for initial in _INITIALS if letters.startswith(initial)), "")
    final = letters[len(initial) :]
    if initial in ("j", "q", "x") and final.startswith("u"):
        final = "v" + final[1:]
    return initial, final
