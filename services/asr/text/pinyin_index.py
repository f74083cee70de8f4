"""Finds words by how they sound: toneless syllables with the usual Mandarin confusions folded together.

A syllable's *key* merges zh/z, ch/c, sh/s, n/l (initials), ing/in, eng/en, ang/an. Words are found whose keys are those
of a stretch of text, or differ in one syllable by one letter.
"""

from __future__ import annotations

import functools
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MIN_SYLLABLES = 2
MAX_SYLLABLES = 6
FAR_COST = 7.0
"""Cost of a syllable that is one letter off; costs below it are those of equal sounds and usual confusions."""
MIN_FAR_SYLLABLES = 3
"""Words shorter than this must sound alike in every syllable."""
_TONES = {"\u0304": 1, "\u0301": 2, "\u030c": 3, "\u0300": 4}
_ANY = "*"

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Syllable:
    """One reading of a character: letters without tone, tone 1..5, and the folded key."""

    letters: str
    tone: int
    key: str


@functools.lru_cache(maxsize=20_000)
def reading(char: str) -> Syllable | None:
    """The most usual reading of a character; none if it is no Han character."""
    from pypinyin.pinyin_dict import pinyin_dict  # 40,000 entries: loaded with the first use

    listed = pinyin_dict.get(ord(char), "").split(",")[0]
    return _syllable(listed) if listed else None


@functools.lru_cache(maxsize=20_000)
def word_readings(word: str) -> tuple[Syllable, ...]:
    """The syllables of a word as it is said in it (便宜: pian yi); empty if a character is no Han character."""
    from pypinyin import Style, pinyin

    if not all(reading(char) for char in word):
        return ()
    return tuple(_syllable(marked[0]) for marked in pinyin(word, style=Style.TONE))


def _syllable(marked: str) -> Syllable:
    tone, letters = 5, []
    for mark in unicodedata.normalize("NFD", marked):
        if mark in _TONES:
            tone = _TONES[mark]
        elif mark == "\u0308":
            letters[-1] = "v"
        elif mark.isascii():
            letters.append(mark)
    plain = "".join(letters)
    return Syllable(plain, tone, _fold(plain))


def _fold(letters: str) -> str:
    for full, short in (("zh", "z"), ("ch", "c"), ("sh", "s")):
        if letters.startswith(full):
            letters = short + letters[2:]
    if letters.startswith("n") and len(letters) > 1:
        letters = "l" + letters[1:]
    return letters[:-1] if letters.endswith(("ing", "eng", "ang")) else letters


class PinyinIndex:
    """Words by sound; words may be added and removed while it is in use (from one thread)."""

    def __init__(self, words: Iterable[str] = ()) -> None:
        self._by_key: defaultdict[Key, set[str]] = defaultdict(set)
        self._counts: defaultdict[str, int] = defaultdict(int)
        for word in words:
            self.add(word)

    def __contains__(self, word: str) -> bool:
        return word in self._counts

    def __len__(self) -> int:
        return len(self._counts)

    def add(self, word: str) -> None:
        """Adds a word; what is not 2 to 6 Han characters is left out. A word added twice is removed twice."""
        if not is_indexable(word):
            return
        self._counts[word] += 1
        if self._counts[word] == 1:
            for key in _index_keys(word):
                self._by_key[key].add(word)

    def remove(self, word: str) -> None:
        """Takes back one `add`."""
        if word not in self._counts:
            return
        self._counts[word] -= 1
        if self._counts[word] == 0:
            del self._counts[word]
            for key in _index_keys(word):
                self._by_key[key].discard(word)
                if not self._by_key[key]:
                    del self._by_key[key]

    def find(self, text: str) -> Iterator[str]:
        """Words that sound like `text`, at most one syllable a little off; `text` itself may be among them."""
        seen: set[str] = set()
        for key in _heard_keys(text):
            for word in self._by_key.get(key, ()):
                if word not in seen:
                    seen.add(word)
                    yield word


def is_indexable(word: str) -> bool:
    """Whether a word is 2 to 6 Han characters."""
    return MIN_SYLLABLES <= len(word) <= MAX_SYLLABLES and all(reading(char) for char in word)


def _open_keys(key: Key) -> Iterator[Key]:
    """The key itself and, from three syllables on, with one syllable left open."""
    yield key
    if len(key) >= MIN_FAR_SYLLABLES:
        for open_at in range(len(key)):
            yield (*key[:open_at], _ANY, *key[open_at + 1 :])


def _index_keys(word: str) -> Iterator[Key]:
    return _open_keys(tuple(syllable.key for syllable in word_readings(word)))


def _heard_keys(text: str) -> Iterator[Key]:
    syllables = [reading(char) for char in text]
    return _open_keys(tuple(syllable.key for syllable in syllables if syllable))


def sound_cost(heard: str, meant: str) -> float | None:
    """How unlikely it is to hear `heard` for `meant`; 0 for equal sounds, `None` when they differ too much.

    Per syllable: another tone 0.6, a usual confusion 1.4, one letter added, dropped or changed 7 (once at most, and
    in words of three syllables or more).
    """
    total, far = 0.0, 0
    for char, wanted_char, wanted in zip(heard, meant, word_readings(meant), strict=True):
        if char == wanted_char:
            continue
        said = reading(char)
        cost = _syllable_cost(said, wanted) if said else None
        if cost is None:
            return None
        far += cost >= FAR_COST
        total += cost
    return total if far == 0 or (far == 1 and len(meant) >= MIN_FAR_SYLLABLES) else None


def sounds_alike(heard: str, meant: str) -> bool:
    """Whether the letters of all syllables are equal; tones may differ."""
    pairs = zip((reading(char) for char in heard), word_readings(meant), strict=True)
    return all(said is not None and said.letters == wanted.letters for said, wanted in pairs)


def _syllable_cost(said: Syllable, wanted: Syllable) -> float | None:
    tone = 0.0 if said.tone == wanted.tone or 5 in (said.tone, wanted.tone) else 0.6
    if said.letters == wanted.letters:
        return tone
    if said.key == wanted.key:
        return 1.4 + tone
    if _one_letter_off(said.letters, wanted.letters) or _one_letter_off(said.key, wanted.key):
        return FAR_COST + tone
    return None


def _one_letter_off(a: str, b: str) -> bool:
    if abs(len(a) - len(b)) > 1:
        return False
    if len(a) == len(b):
        return sum(x != y for x, y in zip(a, b, strict=True)) == 1
    short, long = sorted((a, b), key=len)
    return any(long[:i] + long[i + 1 :] == short for i in range(len(long)))
