"""Names by how they sound: those of Han characters, and those in Latin letters as Mandarin ears hear them.

Used for the words of live catalogues and for hot words: names are added and removed one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from voxcart_services.asr.text.loans import heard_as
from voxcart_services.asr.text.sound_index import MAX_SYLLABLES, MIN_SYLLABLES, Heard, SoundIndex
from voxcart_services.asr.text.sounds import HeardSounds
from voxcart_services.asr.text.syllables import Syllable, word_readings

_LOAN_COST = 2.0


class NameMatch(NamedTuple):
    """A name may have been said in the place of `length` characters from `start` on.

    `cost` is that of the channel, `changed` how many characters were heard as others.
    """

    start: int
    length: int
    name: str
    cost: float
    changed: int


class NameIndex:
    """Names of Han characters. Changes and searches are made from one thread."""

    def __init__(self) -> None:
        self._sounds = SoundIndex()

    def __len__(self) -> int:
        return len(self._sounds)

    def add(self, name: str) -> None:
        """Adds a name; what is not 2 to 12 Han characters is left out. A name added twice is removed twice."""
        if letters := _letters(name):
            self._sounds.add(name, letters)

    def remove(self, name: str) -> None:
        """Takes back one `add`."""
        if letters := _letters(name):
            self._sounds.remove(name, letters)

    def search(self, text: Sequence[str], rows: np.ndarray, sounds: HeardSounds) -> list[NameMatch]:
        """Names that may have been said somewhere in a text.

        Args:
            text: Characters; a name never spans one that is no Han character.
            rows: What they may be mishearings of: `sounds.rows(text, MAX_SYLLABLES)`.
            sounds: The costs with tones.
        """
        return [_with_tones(text, heard, sounds) for heard in self._sounds.search(rows)]


class LoanIndex:
    """Names in Latin letters, by the Mandarin syllables that they may be heard as."""

    def __init__(self, names: Sequence[str] = ()) -> None:
        self._sounds = SoundIndex()
        for name in names:
            self.add(name)

    def __len__(self) -> int:
        return len(self._sounds)

    def add(self, name: str) -> None:
        """Adds a name; one that is heard as a single syllable is left out. A name added twice is removed twice."""
        for letters in heard_as(name):
            self._sounds.add(name, letters)

    def remove(self, name: str) -> None:
        """Takes back one `add`."""
        for letters in heard_as(name):
            self._sounds.remove(name, letters)

    def search(self, rows: np.ndarray) -> list[NameMatch]:
        """Names that may have been said somewhere in a text; see `NameIndex.search`."""
        return [
            NameMatch(heard.start, heard.length, heard.word, heard.cost + _LOAN_COST, heard.length)
            for heard in self._sounds.search(rows)
        ]


def _letters(name: str) -> tuple[str, ...]:
    if not MIN_SYLLABLES <= len(name) <= MAX_SYLLABLES:
        return ()
    return tuple(syllable.letters for syllable in word_readings(name))


def _with_tones(text: Sequence[str], heard: Heard, sounds: HeardSounds) -> NameMatch:
    total, changed = 0.0, 0
    said: Sequence[Syllable] = word_readings(heard.word)
    for char, meant, syllable in zip(text[heard.start : heard.start + heard.length], heard.word, said, strict=True):
        if char != meant:
            total += sounds.cost(char, syllable)
            changed += 1
    return NameMatch(heard.start, heard.length, heard.word, total, changed)
