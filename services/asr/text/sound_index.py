"""Words by the syllables that they sound like: where in a text which of them may have been said.

Words are added and removed one by one. They are grouped by their first two syllables. A search adds, for all groups and
all positions of a text at once, the costs of hearing these two, and follows only words whose costs so far are low
enough, so that what it costs hardly grows with their number.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from voxcart_services.asr.text.syllables import syllable_numbers

MIN_SYLLABLES = 2
MAX_SYLLABLES = 12
_FREE_COST, _COST_PER_SYLLABLE = 3.0, 1.6
_FIRST_ROWS = 16


class Heard(NamedTuple):
    """A word that may have been said from a position of a text on; `cost` is that of its syllables without tones."""

    start: int
    length: int
    word: str
    cost: float


class _Rows:
    """A table of numbers that grows: int16 [num_rows, width]."""

    def __init__(self, width: int) -> None:
        self.values = np.zeros((_FIRST_ROWS, width), np.int16)

    def set(self, row: int, values: Sequence[int]) -> None:
        if row == len(self.values):
            self.values = np.concatenate([self.values, np.zeros_like(self.values)])
        self.values[row] = values


class SoundIndex:
    """Words with 2 to 12 syllables each. Changes and searches are made from one thread."""

    def __init__(self) -> None:
        self._uses: defaultdict[tuple[str, tuple[str, ...]], int] = defaultdict(int)
        self._row_of: dict[tuple[str, tuple[str, ...]], int] = {}
        self._words: list[str] = []
        self._free_rows: list[int] = []
        self._syllables = _Rows(MAX_SYLLABLES)
        self._group_of: dict[tuple[int, int], int] = {}
        self._heads = _Rows(2)
        self._members: list[list[int]] = []

    def __len__(self) -> int:
        return len(self._uses)

    def add(self, word: str, letters: tuple[str, ...]) -> None:
        """Adds a word with its toneless syllables. One added twice is removed twice."""
        self._uses[word, letters] += 1
        if self._uses[word, letters] > 1:
            return
        if self._free_rows:
            row = self._free_rows.pop()
            self._words[row] = word
        else:
            row = len(self._words)
            self._words.append(word)
        self._row_of[word, letters] = row
        numbers = [syllable_numbers()[syllable] for syllable in letters]
        self._syllables.set(row, numbers + [len(syllable_numbers())] * (MAX_SYLLABLES - len(numbers)))
        self._members[self._group(numbers[0], numbers[1])].append(row)

    def remove(self, word: str, letters: tuple[str, ...]) -> None:
        """Takes back one `add`; nothing happens without one."""
        if (word, letters) not in self._uses:
            return
        self._uses[word, letters] -= 1
        if self._uses[word, letters] == 0:
            del self._uses[word, letters]
            row = self._row_of.pop((word, letters))
            first, second = self._syllables.values[row, :2].tolist()
            self._members[self._group_of[first, second]].remove(row)
            self._free_rows.append(row)

    def search(self, rows: np.ndarray) -> list[Heard]:
        """Words that may have been said somewhere in a text.

        Args:
            rows: What its characters may be mishearings of: `HeardSounds.rows` with 12 rows of padding.
        """
        starts, members, costs = self._begun(rows[:-MAX_SYLLABLES])
        syllables = self._syllables.values[members]
        for position in range(MIN_SYLLABLES, MAX_SYLLABLES):
            if not len(starts):
                break
            costs += rows[starts + position, syllables[:, position]]
            alive = np.flatnonzero(costs <= _limit(position))
            if len(alive) < len(starts):
                starts, members, costs, syllables = starts[alive], members[alive], costs[alive], syllables[alive]
        lengths = (syllables < len(syllable_numbers())).sum(axis=1)
        columns = (starts, lengths, members, costs)
        found = zip(*(column.tolist() for column in columns), strict=True)
        return [Heard(start, length, self._words[row], cost) for start, length, row, cost in found]

    def _begun(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where in a text which words may begin: positions, rows of words, costs of the first two syllables."""
        heads = self._heads.values[: len(self._members)]
        begins = np.where(rows <= _limit(0), rows, np.inf)
        both = begins[:-1].take(heads[:, 0], axis=1) + rows[1:].take(heads[:, 1], axis=1)
        positions, groups = np.nonzero(both <= _limit(1))
        members = [self._members[group] for group in groups.tolist()]
        counts = np.fromiter(map(len, members), np.int64, len(members))
        found = np.fromiter((row for group in members for row in group), np.int64, int(counts.sum()))
        return positions.repeat(counts), found, both[positions, groups].repeat(counts)

    def _group(self, first: int, second: int) -> int:
        """The group of the words that begin with two syllables."""
        group = self._group_of.setdefault((first, second), len(self._members))
        if group == len(self._members):
            self._heads.set(group, (first, second))
            self._members.append([])
        return group


def _limit(position: int) -> float:
    """What the syllables up to a position may cost."""
    return _FREE_COST + _COST_PER_SYLLABLE * (position + 1)
