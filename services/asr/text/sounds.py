"""What a character of the recogniser's may be a mishearing of, as rows of costs over all syllables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from voxcart_services.asr.text.channel import NUM_TONES, SoundChannel
from voxcart_services.asr.text.syllables import Syllable, readings, syllable_numbers

READING_COST = 0.7
"""Nats for a character that is said or heard in its less usual reading."""
_MAX_SYLLABLE_COST = 5.5
_MAX_CACHED = 1_000


def sound_number(syllable: Syllable) -> int:
    """Number of a syllable with its tone, in rows of `HeardSounds.toned`."""
    return syllable_numbers()[syllable.letters] * NUM_TONES + syllable.tone


def sound_numbers(char: str) -> tuple[int, int]:
    """The sounds of a character, the usual one first; `unheard()` for one that it does not have."""
    numbers = [sound_number(syllable) for syllable in readings(char)]
    return (*numbers, unheard(), unheard())[:2]


def unheard() -> int:
    """The number of no sound: it is never heard."""
    return len(syllable_numbers()) * NUM_TONES


class HeardSounds:
    """Rows of costs by character; those of the last characters are kept. Not to be used by two threads at a time."""

    def __init__(self, channel: SoundChannel) -> None:
        self._channel = channel
        self._toneless: dict[str, np.ndarray] = {}
        self._toned: dict[str, np.ndarray] = {}

    def toneless(self, char: str) -> np.ndarray:
        """Costs of all syllables, whatever their tone, float32 [num_syllables + 1].

        Infinite for what does not sound alike, and for all where there is no Han character; the last is 0.
        """
        row = self._toneless.get(char)
        if row is None:
            row = np.full(len(syllable_numbers()) + 1, np.inf, np.float32)
            for rank, heard in enumerate(readings(char)):
                costs = self._channel.syllables[syllable_numbers()[heard.letters]] + READING_COST * (rank > 0)
                np.minimum(row[:-1], costs, out=row[:-1])
            row[row > _MAX_SYLLABLE_COST] = np.inf
            row[-1] = 0.0
            self._keep(self._toneless, char, row)
        return row

    def toned(self, char: str) -> np.ndarray:
        """Costs of all syllables with their tones, by `sound_number`; float32 [num_sounds + 1], the last infinite."""
        row = self._toned.get(char)
        if row is None:
            row = np.full(unheard() + 1, np.inf, np.float32)
            for rank, heard in enumerate(readings(char)):
                syllables = self._channel.syllables[syllable_numbers()[heard.letters]]
                costs = syllables[:, None] + self._channel.tones[heard.tone] + READING_COST * (rank > 0)
                np.minimum(row[:-1], costs.ravel(), out=row[:-1])
            self._keep(self._toned, char, row)
        return row

    def rows(self, text: Sequence[str], padding: int) -> np.ndarray:
        """`toneless` of every character, and of no character `padding` times; float32 [length, num_syllables + 1]."""
        return np.stack([*(self.toneless(char) for char in text), *[self.toneless("")] * padding])

    def cost(self, heard: str, said: Syllable) -> float:
        """Of a syllable with its tone; infinite if the two do not sound alike."""
        return self.toned(heard).item(sound_number(said))

    def _keep(self, rows: dict[str, np.ndarray], char: str, row: np.ndarray) -> None:
        if len(rows) >= _MAX_CACHED:
            rows.clear()
        rows[char] = row
