"""Names by how they sound: a trie over syllables, searched for what a stretch of text may be a mishearing of.

Used for the words of live catalogues and for hot words: names are added and removed one by one, and a search walks only
branches whose syllables may have been heard as those of the text, so its cost hardly grows with the number of names.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple

from voxcart_services.asr.text.channel import SoundChannel
from voxcart_services.asr.text.syllables import Syllable, readings, word_readings

MIN_SYLLABLES = 2
MAX_SYLLABLES = 12
READING_COST = 0.7
_MAX_SYLLABLE_COST = 5.5
_FREE_COST, _COST_PER_SYLLABLE = 3.0, 1.6
_MAX_FOUND = 12


class NameMatch(NamedTuple):
    """`name` may have been said where the text has `len(name)` characters from `start` on, at a cost of the channel."""

    start: int
    name: str
    cost: float
    changed: int


class HeardSounds:
    """What every character may be a mishearing of, by syllable; kept for the next time."""

    def __init__(self, channel: SoundChannel) -> None:
        self._channel = channel
        self._letters: dict[str, dict[str, float]] = {}

    def letters(self, char: str) -> Mapping[str, float]:
        """Toneless syllables that may have been said for a character, cheapest first; none for what is no Han."""
        found = self._letters.get(char)
        if found is None:
            found = {}
            for rank, heard in enumerate(readings(char)):
                for letters, cost in self._channel.confusable(heard.letters).items():
                    total = cost + READING_COST * (rank > 0)
                    if total <= _MAX_SYLLABLE_COST and total < found.get(letters, math.inf):
                        found[letters] = total
            found = self._letters[char] = dict(sorted(found.items(), key=itemgetter(1)))
        return found

    def cost(self, heard: str, said: Syllable) -> float:
        """Of a syllable with its tone; infinite if the two do not sound alike."""
        letters = self.letters(heard).get(said.letters, math.inf)
        return letters + min(self._channel.tone_cost(said.tone, syllable.tone) for syllable in readings(heard))


@dataclass(slots=True)
class _Leaf:
    """Names with the same syllables, and what is left of these below the node."""

    rest: tuple[str, ...]
    names: dict[str, tuple[Syllable, ...]]


class _Node:
    """Children by syllable; a path with a single end is kept as its leaf. `names` end here."""

    __slots__ = ("children", "names")

    def __init__(self) -> None:
        self.children: dict[str, _Node | _Leaf] = {}
        self.names: dict[str, tuple[Syllable, ...]] = {}


class NameIndex:
    """Names of Han characters. Changes and searches are made from one thread."""

    def __init__(self) -> None:
        self._root = _Node()
        self._uses: defaultdict[str, int] = defaultdict(int)

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
        if self._uses[name] == 1:
            _insert(self._root, tuple(syllable.letters for syllable in syllables), {name: syllables})

    def remove(self, name: str) -> None:
        """Takes back one `add`."""
        if name not in self._uses:
            return
        self._uses[name] -= 1
        if self._uses[name] == 0:
            del self._uses[name]
            _delete(self._root, tuple(syllable.letters for syllable in word_readings(name)), name)

    def search(self, text: Sequence[str], start: int, sounds: HeardSounds) -> list[NameMatch]:
        """Names that may have been said from a position of a text on, the most alike first.

        Args:
            text: Characters; a name never spans one that is no Han character.
            start: Index of the first character.
            sounds: What they may be mishearings of.
        """
        heard = [sounds.letters(char) for char in text[start : start + MAX_SYLLABLES]]
        found: list[NameMatch] = []
        open_nodes: list[tuple[_Node, int, float]] = [(self._root, 0, 0.0)]
        while open_nodes:
            node, position, cost = open_nodes.pop()
            found += [_match(text, start, *named, sounds) for named in node.names.items()]
            if position >= len(heard):
                continue
            costs, limit = heard[position], _FREE_COST + _COST_PER_SYLLABLE * (position + 1)
            for letters in _common(costs, node.children):
                child, child_cost = node.children[letters], cost + costs[letters]
                if child_cost > limit:
                    continue
                if isinstance(child, _Node):
                    open_nodes.append((child, position + 1, child_cost))
                elif _may_match(child.rest, heard, position + 1, child_cost, limit):
                    found += [_match(text, start, *named, sounds) for named in child.names.items()]
        found.sort(key=lambda match: match.cost - len(match.name))
        return found[:_MAX_FOUND]


def _common(costs: Mapping[str, float], children: Mapping[str, object]) -> list[str]:
    if len(children) < len(costs):
        return [letters for letters in children if letters in costs]
    return [letters for letters in costs if letters in children]


def _may_match(
    rest: tuple[str, ...], heard: Sequence[Mapping[str, float]], position: int, cost: float, limit: float
) -> bool:
    """Whether the rest of a leaf's syllables may have been heard."""
    if position + len(rest) > len(heard):
        return False
    for letters in rest:
        syllable_cost = heard[position].get(letters)
        limit += _COST_PER_SYLLABLE
        if syllable_cost is None or cost + syllable_cost > limit:
            return False
        cost += syllable_cost
        position += 1
    return True


def _match(
    text: Sequence[str], start: int, name: str, syllables: tuple[Syllable, ...], sounds: HeardSounds
) -> NameMatch:
    total, changed = 0.0, 0
    for char, meant, said in zip(text[start : start + len(name)], name, syllables, strict=True):
        if char != meant:
            total += sounds.cost(char, said)
            changed += 1
    return NameMatch(start, name, total, changed)


def _insert(node: _Node, rest: tuple[str, ...], names: dict[str, tuple[Syllable, ...]]) -> None:
    while rest:
        child = node.children.get(rest[0])
        if child is None:
            node.children[rest[0]] = _Leaf(rest[1:], names)
            return
        if isinstance(child, _Leaf):
            if child.rest == rest[1:]:
                child.names.update(names)
                return
            split = _Node()
            node.children[rest[0]] = split
            _insert(split, child.rest, child.names)
            child = split
        node, rest = child, rest[1:]
    node.names.update(names)


def _delete(node: _Node, rest: tuple[str, ...], name: str) -> bool:
    """Takes a name out below a node; returns whether nothing is left there."""
    if not rest:
        del node.names[name]
        return not node.names and not node.children
    child = node.children[rest[0]]
    if isinstance(child, _Leaf):
        del child.names[name]
        is_empty = not child.names
    else:
        is_empty = _delete(child, rest[1:], name)
    if is_empty:
        del node.children[rest[0]]
    return not node.names and not node.children
