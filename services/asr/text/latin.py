"""Restores names in Latin letters by their sound: i phone -> iPhone, air pots -> AirPods, 1 Plus -> OnePlus.

English words of a sentence, and letters that Mandarin speakers put between Han characters, are compared with the names
of the catalogue and the hot words: first joined together as they are, then by a phonetic key that leaves out what
recognisers mix up. Words of English are only replaced by a name that is spelled nearly the same.
"""

from __future__ import annotations

import functools
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from importlib import resources
from typing import NamedTuple

from rapidfuzz.distance import Levenshtein

from voxcart.text.wordlist import words
from voxcart_services.asr.results import TextEdit

_WORD = re.compile(r"[A-Za-z][A-Za-z'’\-]*|\d+")
_NAME_RUN = re.compile(r"[A-Za-z][A-Za-z0-9'’\-+]*(?:\s+[A-Za-z0-9][A-Za-z0-9'’\-+]*)*")
_HEARD = re.compile(r"[A-Za-z0-9'’\-\s]+")
_FUNCTION_WORDS = frozenset(words("a an the my your this that these those to of in on at is are it and or for with"))
_MIN_LETTERS = 3
_MIN_KEY = 3
_MAX_WORDS = 4
_EXACT_SCORE, _ALIKE_SCORE = 0.95, 0.75
_MIN_LIKENESS, _MIN_ENGLISH_LIKENESS = 0.7, 0.8
_NUMBERS = dict(zip("0123456789", words("zero one two three four five six seven eight nine"), strict=True))
_SOUNDS = tuple(
    (re.compile(pattern), sound)
    for pattern, sound in (
        (r"ph", "f"),
        (r"ck|q|c(?=[aoulrkt])|c$", "k"),
        (r"c(?=[eiy])|z|x$", "s"),
        (r"x", "ks"),
        (r"(?<!^)gh", ""),
        (r"sch|sh|ch|j|g(?=[eiy])", "j"),
        (r"wr", "r"),
        (r"kn", "n"),
        (r"v|w", "v"),
        (r"b", "p"),
        (r"d|th", "t"),
        (r"g", "k"),
        (r"n(?=[pm])|m", "n"),
        (r"(?<!^)[aeiouyh]+", ""),
        (r"^[aeiouyh]+", "a"),
        (r"(.)\1+", r"\1"),
    )
)


class LatinName(NamedTuple):
    """A name as the shop spells it, joined in lower case, and by its sound."""

    spelling: str
    joined: str
    key: str


class LatinNames:
    """Names in Latin letters; added and removed one by one."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._uses: defaultdict[str, int] = defaultdict(int)
        self._by_joined: dict[str, LatinName] = {}
        self._by_key: defaultdict[str, list[LatinName]] = defaultdict(list)
        for name in names:
            self.add(name)

    def __len__(self) -> int:
        return len(self._uses)

    def add(self, spelling: str) -> None:
        """Adds a name. One added twice is removed twice."""
        self._uses[spelling] += 1
        if self._uses[spelling] > 1:
            return
        name = LatinName(spelling, joined(spelling), sound_key(spelling))
        self._by_joined.setdefault(name.joined, name)
        if len(name.key) >= _MIN_KEY and any(char.isalpha() for char in spelling):
            self._by_key[name.key].append(name)

    def remove(self, spelling: str) -> None:
        """Takes back one `add`."""
        if spelling not in self._uses:
            return
        self._uses[spelling] -= 1
        if self._uses[spelling]:
            return
        del self._uses[spelling]
        if self._by_joined.get(joined(spelling), LatinName("", "", "")).spelling == spelling:
            del self._by_joined[joined(spelling)]
        key = sound_key(spelling)
        self._by_key[key] = [name for name in self._by_key.get(key, ()) if name.spelling != spelling]
        if not self._by_key[key]:
            del self._by_key[key]

    def find(self, heard: str) -> tuple[LatinName, float] | None:
        """The name that some words were meant as, with a score; none if there is no such name."""
        letters = joined(heard)
        exact = self._by_joined.get(letters)
        if exact is not None:
            return exact, _EXACT_SCORE
        near = self._by_key.get(sound_key(heard), ())
        alike = [(Levenshtein.normalized_similarity(name.joined, letters), name) for name in near]
        likeness, name = max(alike, default=(0.0, None))
        return (name, _ALIKE_SCORE) if name is not None and likeness >= _MIN_LIKENESS else None


def joined(text: str) -> str:
    """Letters and digits alone, lower case."""
    return "".join(filter(str.isalnum, text)).lower()


def sound_key(text: str) -> str:
    """Consonants by what they sound like, without vowels: airpods and air pots have the same."""
    key = "".join(_NUMBERS.get(char, char) for char in joined(text))
    for pattern, sound in _SOUNDS:
        key = pattern.sub(sound, key)
    return key


def latin_forms(name: str) -> Iterator[str]:
    """What a name has in Latin letters, and how that begins: iPhone 15 Pro gives iPhone and iPhone 15 too."""
    for match in _NAME_RUN.finditer(name):
        parts = match.group().split()[:_MAX_WORDS]
        for count in range(1, len(parts) + 1):
            form = " ".join(parts[:count])
            if sum(map(str.isalpha, form)) >= _MIN_LETTERS and not _is_english(form):
                yield form


def spoken_latin(name: str) -> Iterator[str]:
    """What of a name in Latin letters may be said in a Mandarin sentence: its words before the first with a digit."""
    for match in _NAME_RUN.finditer(name):
        words_before = []
        for word in match.group().split()[:_MAX_WORDS]:
            if not word.isalpha():
                break
            words_before.append(word)
            if len(form := " ".join(words_before)) >= _MIN_LETTERS:
                yield form


def latin_edits(text: str, sources: Sequence[tuple[str, LatinNames]]) -> list[TextEdit]:
    """Words that were meant as names, the longest first; offsets in `text`."""
    parts = list(_WORD.finditer(text))
    edits: list[TextEdit] = []
    first = 0
    while first < len(parts):
        found = _longest(text, parts, first, sources)
        if found is None:
            first += 1
            continue
        edit, count = found
        if edit.before != edit.after:
            edits.append(edit)
        first += count
    return edits


def _longest(
    text: str, parts: list[re.Match[str]], first: int, sources: Sequence[tuple[str, LatinNames]]
) -> tuple[TextEdit, int] | None:
    for count in range(min(_MAX_WORDS, len(parts) - first), 0, -1):
        start, end = parts[first].start(), parts[first + count - 1].end()
        heard = text[start:end]
        if not _HEARD.fullmatch(heard) or not any(map(str.isalpha, heard)):
            continue
        for source, names in sources:
            found = names.find(heard)
            if found is not None and (found[1] >= _EXACT_SCORE or _may_be_misheard(heard, found[0])):
                return TextEdit(start, end, heard, found[0].spelling, source, found[1]), count
    return None


def _may_be_misheard(heard: str, name: LatinName) -> bool:
    """A word that is no English, or words that are nearly spelled as the name."""
    if not _is_english(heard):
        return True
    is_phrase = " " in heard and not _FUNCTION_WORDS.intersection(heard.lower().split())
    return is_phrase and Levenshtein.normalized_similarity(name.joined, joined(heard)) >= _MIN_ENGLISH_LIKENESS


def _is_english(heard: str) -> bool:
    """Whether all words are such of everyday English."""
    return all(word.lower() in _english_words() for word in _WORD.findall(heard))


@functools.cache
def _english_words() -> frozenset[str]:
    """Words of the pronunciation dictionary of misaki (Apache-2.0)."""
    text = resources.files("misaki").joinpath("data/us_gold.json").read_text(encoding="utf-8")
    return frozenset(word for word in json.loads(text) if word.islower())
