"""Names by how they sound: searched for what a stretch of text may be a mishearing of.

Used for the words of live catalogues and for hot words: names are added and removed one by one. They are grouped by
their first two syllables. A search adds, for all groups and all positions of a text at once, the costs of hearing these
two, and follows only names whose costs so far are low enough, so that what it costs hardly grows with their number.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from voxcart_services.asr.text.sounds import HeardSounds
from voxcart_services.asr.text.syllables import Syllable, syllable_numbers, word_readings

MIN_SYLLABLES = 2
MAX_SYLLABLES = 12
_FREE_COST, _COST_PER_SYLLABLE = 3.0, 1.6
_FIRST_ROWS = 16


class NameMatch(NamedTuple):
    """`name` may have been said where the text has `len(name)` characters from `start` on, at a cost of the channel."""

    start: int
    name: str
    cost: float
    changed: int


class _Rows:
    """A table of numbers that grows: int16 [num_rows, width]."""

    def __init__(self, width: int) -> None:
        self.values = np.zeros((_FIRST_ROWS, width), np.int16)

    def set(self, row: int, values: Sequence[int]) -> None:
        if row == len(self.values):
            self.values = np.concatenate([self.values, np.zeros_like(self.values)])
        self.values[row] = values


class NameIndex:
    """Names of Han characters. Changes and searches are made from one thread."""

    def __init__(self) -> None:
        self._uses: defaultdict[str, int] = defaultdict(int)
        self._names: list[str] = []
        self._row_of: dict[str, int] = {}
        self._free_rows: list[int] = []
        self._syllables = _Rows(MAX_SYLLABLES)
        self._group_of: dict[tuple[int, int], int] = {}
        self._heads = _Rows(2)
        self._members: list[list[int]] = []

    def __contains__(self, name: str) -> bool:
        return name in self._uses

    def __len__(self) -> int:
        return len(self._uses)

    def add(self, name: str) -> None:
        """Adds a name; what is not 2 to 12 Han characters is left out. A name added twice is removed twice."""
        syllables = word_readings(name) if MIN_SYLLABLES <= len(name) <= MAX_SYLLABLES else ()
        if not syllables:
            return
        self._uses[name] += 1
        if self._uses[name] > 1:
            return
        if self._free_rows:
            row = self._free_rows.pop()
            self._names[row] = name
        else:
            row = len(self._names)
            self._names.append(name)
        self._row_of[name] = row
        numbers = _numbers(syllables)
        self._syllables.set(row, numbers)
        self._members[self._group(numbers[0], numbers[1])].append(row)

    def remove(self, name: str) -> None:
        """Takes back one `add`."""
        if name not in self._uses:
            return
        self._uses[name] -= 1
        if self._uses[name] == 0:
            del self._uses[name]
            row = self._row_of.pop(name)
            first, second = self._syllables.values[row, :2].tolist()
            self._members[self._group_of[first, second]].remove(row)
            self._free_rows.append(row)

    def search(self, text: Sequence[str], rows: np.ndarray, sounds: HeardSounds) -> list[NameMatch]:
        """Names that may have been said somewhere in a text.

        Args:
            text: Characters; a name never spans one that is no Han character.
            rows: What they may be mishearings of: `sounds.rows(text, MAX_SYLLABLES)`.
            sounds: The costs with tones.
        """
        starts, members, costs = self._begun(rows[: len(text)])
        syllables = self._syllables.values[members]
        for position in range(2, MAX_SYLLABLES):
            if not len(starts):
                break
            costs += rows[starts + position, syllables[:, position]]
            alive = np.flatnonzero(costs <= _limit(position))
            if len(alive) < len(starts):
                starts, members, costs, syllables = starts[alive], members[alive], costs[alive], syllables[alive]
        names = self._names
        return [_match(text, start, names[row], sounds) for start, row in zip(starts, members, strict=True)]

    def _begun(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where in a text which names may begin: positions, rows of names, costs of the first two syllables."""
        heads = self._heads.values[: len(self._members)]
        begins = np.where(rows <= _limit(0), rows, np.inf)
        both = begins[:-1].take(heads[:, 0], axis=1) + rows[1:].take(heads[:, 1], axis=1)
        positions, groups = np.nonzero(both <= _limit(1))
        members = [self._members[group] for group in groups.tolist()]
        counts = np.fromiter(map(len, members), np.int64, len(members))
        found = np.fromiter((row for group in members for row in group), np.int64, int(counts.sum()))
        return positions.repeat(counts), found, both[positions, groups].repeat(counts)

    def _group(self, first: int, second: int) -> int:
        """The group of the names that begin with two syllables."""
        group = self._group_of.setdefault((first, second), len(self._members))
        if group == len(self._members):
            self._heads.set(group, (first, second))
            self._members.append([])
        return group


def _limit(position: int) -> float:
    """What the syllables up to a position may cost."""
    return _FREE_COST + _COST_PER_SYLLABLE * (position + 1)


def _numbers(syllables: Sequence[Syllable]) -> list[int]:
    """Numbers of syllables; what is missing to 12 has the number behind the last."""
    numbers = syllable_numbers()
    rest = [len(numbers)] * (MAX_SYLLABLES - len(syllables))
    return [*(numbers[syllable.letters] for syllable in syllables), *rest]


def _match(text: Sequence[str], start: int, name: str, sounds: HeardSounds) -> NameMatch:
    total, changed = 0.0, 0
    for char, meant, said in zip(text[start : start + len(name)], name, word_readings(name), strict=True):
        if char != meant:
            total += sounds.cost(char, said)
            changed += 1
    return NameMatch(int(start), name, total, changed)
