"""The names that are likely in a shop: those of its live catalogue, and the hot words of a request."""

from __future__ import annotations

import functools
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from voxcart.text.scripts import simplify
from voxcart_services.asr.lists import read_words
from voxcart_services.asr.text.decoder import NameArc, Unit
from voxcart_services.asr.text.latin import LatinNames, latin_forms, spoken_latin
from voxcart_services.asr.text.names import LoanIndex, NameIndex
from voxcart_services.asr.text.sound_index import MAX_SYLLABLES, MIN_SYLLABLES
from voxcart_services.asr.text.sounds import HeardSounds
from voxcart_services.asr.text.tokens import LATIN
from voxcart_services.asr.text.words import segment

_HAN_RUN = re.compile(r"[㐀-䶿一-鿿]+")
_UNLISTED = 30
_MAX_NAMES = 4_000.0
_HOT_LOGPROB = -2.0


class Names(NamedTuple):
    """Names of one source: "" are goods in general. `logprob` is that of each among all names, at most."""

    source: str
    index: NameIndex
    loans: LoanIndex
    logprob: float


class Catalogue:
    """Names of the products of all shops, by how they sound. Used from one thread."""

    def __init__(self) -> None:
        self._names: defaultdict[str, NameIndex] = defaultdict(NameIndex)
        self._latin: defaultdict[str, LatinNames] = defaultdict(LatinNames)
        self._loans: defaultdict[str, LoanIndex] = defaultdict(LoanIndex)
        self._products: dict[tuple[str, str], tuple[tuple[str, ...], ...]] = {}

    def set_product(self, tenant: str, sku: str, names: Iterable[str]) -> None:
        """Adds or replaces what a product is called; no names take it out."""
        names = tuple(names)
        new = tuple(
            tuple(dict.fromkeys(form for name in names for form in forms(name)))
            for forms in (spoken_forms, latin_forms, spoken_latin)
        )
        old = self._products.pop((tenant, sku), ((), (), ()))
        if any(new):
            self._products[tenant, sku] = new
        if new == old:
            return
        for indexes, before, after in zip((self._names, self._latin, self._loans), old, new, strict=True):
            index = indexes[tenant]
            for name in before:
                index.remove(name)
            for name in after:
                index.add(name)
            if not index:
                del indexes[tenant]

    def names(self, tenant: str, hot_words: Sequence[tuple[str, ...]]) -> list[Names]:
        """What is likely in a request."""
        found = [Names("", _goods(), _brands(), -math.log(len(_goods()) + _UNLISTED))]
        index, loans = self._names.get(tenant), self._loans.get(tenant)
        if index or loans:
            index, loans = index or NameIndex(), loans or LoanIndex()
            logprob = -math.log(min(_MAX_NAMES, len(index) + len(loans)) + _UNLISTED)
            found.append(Names("catalogue", index, loans, logprob))
        for layer in hot_words:
            index, loans = _hot_index(layer)
            if index or loans:
                logprob = _HOT_LOGPROB - 0.5 * math.log(len(index) + len(loans))
                found.append(Names("hot_word", index, loans, logprob))
        return found

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


def name_arcs(units: Sequence[Unit], names: Sequence[Names], sounds: HeardSounds) -> list[NameArc]:
    """Where in a text which names may have been said."""
    text = [unit.heard for unit in units]
    rows = sounds.rows(text, MAX_SYLLABLES)
    arcs: list[NameArc] = []
    for source, index, loans, logprob in names:
        arcs += [NameArc(match, logprob, source) for match in index.search(text, rows, sounds)]
        arcs += [NameArc(match, logprob, source, LATIN) for match in loans.search(rows)]
    return arcs


@functools.cache
def _goods() -> NameIndex:
    """What shops sell, in general."""
    index = NameIndex()
    for word in read_words("goods.txt"):
        index.add(word)
    return index


@functools.cache
def _brands() -> LoanIndex:
    """Names in Latin letters that shops everywhere use."""
    return LoanIndex(read_words("latin.txt"))


@functools.lru_cache(maxsize=256)
def _hot_latin(words: tuple[str, ...]) -> LatinNames:
    """What the words of a layer have in Latin letters."""
    return LatinNames(form for word in words for form in latin_forms(word))


@functools.lru_cache(maxsize=256)
def _hot_index(words: tuple[str, ...]) -> tuple[NameIndex, LoanIndex]:
    """The words of a layer; made once for every layer."""
    index, loans = NameIndex(), LoanIndex()
    for word in words:
        for run in _HAN_RUN.findall(simplify(word)):
            index.add(run)
        for form in spoken_latin(word):
            loans.add(form)
    return index, loans
