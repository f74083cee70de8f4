"""The names that are likely in a shop: those of its live catalogue, and the hot words of a request."""

from __future__ import annotations

import functools
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from voxcart.text.scripts import simplify
from voxcart_services.asr.lists import read_words
from voxcart_services.asr.text.decoder import NameArc, Unit
from voxcart_services.asr.text.latin import LatinNames, latin_forms
from voxcart_services.asr.text.names import MAX_SYLLABLES, MIN_SYLLABLES, NameIndex
from voxcart_services.asr.text.sounds import HeardSounds
from voxcart_services.asr.text.words import segment

_HAN_RUN = re.compile(r"[㐀-䶿一-鿿]+")
_UNLISTED = 30
_MAX_NAMES = 4_000.0
_HOT_LOGPROB = -2.0

Names = tuple[tuple[str, NameIndex, float], ...]


class Catalogue:
    """Names of the products of all shops, by how they sound. Used from one thread."""

    def __init__(self) -> None:
        self._names: defaultdict[str, NameIndex] = defaultdict(NameIndex)
        self._latin: defaultdict[str, LatinNames] = defaultdict(LatinNames)
        self._products: dict[tuple[str, str], tuple[tuple[str, ...], tuple[str, ...]]] = {}

    def set_product(self, tenant: str, sku: str, names: Iterable[str]) -> None:
        """Adds or replaces what a product is called; no names take it out."""
        names, known = tuple(names), self._products.pop((tenant, sku), ((), ()))
        spoken = tuple(dict.fromkeys(form for name in names for form in spoken_forms(name)))
        latin = tuple(dict.fromkeys(form for name in names for form in latin_forms(name)))
        if known == (spoken, latin):
            if spoken or latin:
                self._products[(tenant, sku)] = known
            return
        if spoken or latin:
            self._products[(tenant, sku)] = (spoken, latin)
        for indexes, old, new in ((self._names, known[0], spoken), (self._latin, known[1], latin)):
            index = indexes[tenant]
            for name in old:
                index.remove(name)
            for name in new:
                index.add(name)
            if not index:
                del indexes[tenant]

    def names(self, tenant: str, hot_words: Sequence[tuple[str, ...]]) -> Names:
        """(source, index, log probability of a name) of what is likely in a request; "" are goods in general."""
        found: list[tuple[str, NameIndex, float]] = [("", _goods(), -math.log(len(_goods()) + _UNLISTED))]
        index = self._names.get(tenant)
        if index:
            found.append(("catalogue", index, -math.log(min(_MAX_NAMES, len(index)) + _UNLISTED)))
        for layer in hot_words:
            index = _hot_index(layer)
            if index:
                found.append(("hot_word", index, _HOT_LOGPROB - 0.5 * math.log(len(index))))
        return tuple(found)

    def latin_names(self, tenant: str, hot_words: Sequence[tuple[str, ...]]) -> list[tuple[str, LatinNames]]:
        """(source, names) in Latin letters, hot words first."""
        found = [("hot_word", names) for layer in hot_words if (names := _hot_latin(layer))]
        catalogue = self._latin.get(tenant)
        return [*found, ("catalogue", catalogue)] if catalogue else found


def spoken_forms(name: str) -> Iterator[str]:
    """What people may call a product of a name: its runs of Han characters, their words, and how they end.

    新鲜红富士苹果 gives itself, 新鲜, 红富士, 苹果 and 红富士苹果.
    """
    for run in _HAN_RUN.findall(simplify(name)):
        if MIN_SYLLABLES <= len(run) <= MAX_SYLLABLES:
            yield run
        words = segment(run) if len(run) > MIN_SYLLABLES + 1 else []
        for position, word in enumerate(words):
            ending = "".join(words[position:])
            for form in (word, ending):
                if MIN_SYLLABLES <= len(form) <= MAX_SYLLABLES and form != run:
                    yield form


def name_arcs(units: Sequence[Unit], names: Names, sounds: HeardSounds) -> list[NameArc]:
    """Where in a text which names may have been said."""
    text = [unit.heard for unit in units]
    rows = sounds.rows(text, MAX_SYLLABLES)
    return [
        NameArc(match, logprob, source)
        for source, index, logprob in names
        for match in index.search(text, rows, sounds)
    ]


@functools.cache
def _goods() -> NameIndex:
    """What shops sell, in general."""
    index = NameIndex()
    for word in read_words("goods.txt"):
        index.add(word)
    return index


@functools.lru_cache(maxsize=256)
def _hot_latin(words: tuple[str, ...]) -> LatinNames:
    """What the words of a layer have in Latin letters."""
    return LatinNames(form for word in words for form in latin_forms(word))


@functools.lru_cache(maxsize=256)
def _hot_index(words: tuple[str, ...]) -> NameIndex:
    """The words of a layer; made once for every layer."""
    index = NameIndex()
    for word in words:
        for run in _HAN_RUN.findall(simplify(word)):
            index.add(run)
    return index
