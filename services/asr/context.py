"""Words that are likely to be said, from where they are known to where they act.

They come in layers: of the request (gRPC config), of the session (what the client has on its screen), of the dialogue
(what was just shown, the cart, the options of its question) and of the shop (its own list, its live catalogue). They
act in the engine, which takes a few dozen (`engine_words`), and in the correction of text, which takes all
(`correction_words`; the catalogue it has of its own). Layers are replaced as wholes and merged when somebody looks, so
that an utterance for which nothing changed costs nothing, however many words there are.
"""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from heapq import nlargest
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import NamedTuple

from voxcart.errors import InvalidInput
from voxcart.text.hot_word import clean_hot_word
from voxcart.text.product_names import without_pack_size
from voxcart.text.scripts import simplify
from voxcart_services.asr.recognition import HotWord

MAX_REQUEST_WORDS = 5_000
MAX_SESSION_WORDS = 1_000
MAX_DIALOGUE_WORDS = 200
MAX_LIST_WORDS = 5_000
MAX_BOOST = 10.0
_MAX_ENGINE_CHARACTERS = 24
_HAN = re.compile(r"[㐀-䶿一-鿿]")


def checked_words(words: Iterable[HotWord | str], max_words: int) -> tuple[HotWord, ...]:
    """Words fit for use: in compatibility form (NFKC), without outer and doubled spaces and without repetitions.

    Of a word that comes twice, in any case of letters, the first spelling stays with the highest boost.

    Args:
        words: As somebody sent them; plain text has boost 1.
        max_words: More than that, repetitions included, are refused.

    Raises:
        InvalidInput: Too many; an empty or too long one; control characters in one; a boost that is not 0 to 10.
    """
    best: dict[str, HotWord] = {}
    for count, word in enumerate(words, 1):
        if count > max_words:
            raise InvalidInput(f"at most {max_words} hot words are taken")
        checked = _checked_word(word if isinstance(word, HotWord) else HotWord(word))
        key = checked.text.casefold()
        known = best.get(key)
        if known is None:
            best[key] = checked
        elif checked.boost > known.boost:
            best[key] = replace(known, boost=checked.boost)
    return tuple(best.values())


def _checked_word(word: HotWord) -> HotWord:
    text = clean_hot_word(word.text)
    if not 0 <= word.boost <= MAX_BOOST:
        raise InvalidInput(f"the boost of a hot word is 0 to {MAX_BOOST:g}, not {word.boost}")
    return HotWord(text, word.boost)


class _Layer(NamedTuple):
    """Words of one source: as they came, the highest boost first, and the texts of those with a boost."""

    words: tuple[HotWord, ...]
    ranked: tuple[HotWord, ...]
    texts: tuple[str, ...]

    @classmethod
    def of(cls, words: tuple[HotWord, ...]) -> _Layer:
        ranked = tuple(sorted(words, key=lambda word: -word.boost))
        return cls(words, ranked, tuple(word.text for word in ranked if word.boost > 0))


_NO_WORDS = _Layer((), (), ())


class ShopWords:
    """What the shops sell and the words they listed. One a process, shared by all streams of its event loop."""

    def __init__(self) -> None:
        self._products: defaultdict[str, dict[str, tuple[tuple[str, ...], int]]] = defaultdict(dict)
        self._lists: dict[str, _Layer] = {}
        self._versions: defaultdict[str, int] = defaultdict(int)
        self._best_sold: dict[str, tuple[int, int, tuple[str, ...]]] = {}

    def set_product(self, tenant: str, sku: str, names: Iterable[str], units_sold: int = 0) -> None:
        """Adds or replaces what a product is called; no names take it out. What changes nothing costs nothing."""
        words = tuple(dict.fromkeys(word for word in map(without_pack_size, names) if word))
        popularity = max(0, units_sold).bit_length()
        products = self._products[tenant]
        if products.get(sku, ((), 0)) == (words, popularity if words else 0):
            return
        if words:
            products[sku] = (words, popularity)
        else:
            del products[sku]
        self._versions[tenant] += 1

    def set_list(self, tenant: str, words: tuple[HotWord, ...]) -> None:
        """Replaces a shop's own list.

        Args:
            tenant: The shop.
            words: What `checked_words` gave.
        """
        self._lists[tenant] = _Layer.of(words)
        self._versions[tenant] += 1

    def read_lists(self, folder: Path) -> None:
        """Takes the list of every shop from `<folder>/<tenant>.txt`: a word a line, a tab and a boost may follow.

        Raises:
            InvalidInput: A line is not a hot word; the sentence names file and line.
            OSError: The folder cannot be read.
        """
        for path in sorted(folder.glob("*.txt")):
            lines = enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
            words = [_listed_word(path, number, line) for number, line in lines if line.split("#", 1)[0].strip()]
            self.set_list(path.stem, checked_words(words, MAX_LIST_WORDS))

    def version(self, tenant: str) -> int:
        """Changes whenever the words of a shop do."""
        return self._versions.get(tenant, 0)

    def listed(self, tenant: str) -> _Layer:
        """The shop's own list."""
        return self._lists.get(tenant, _NO_WORDS)

    def best_sold(self, tenant: str, num_words: int) -> tuple[str, ...]:
        """First names of the shop's best-selling products, at most `num_words`."""
        version = self.version(tenant)
        known = self._best_sold.get(tenant)
        if known is None or known[:2] != (version, num_words):
            rows = ((popularity, words[0]) for words, popularity in self._products.get(tenant, {}).values())
            names = dict.fromkeys(name for _, name in nlargest(2 * num_words, rows))
            known = self._best_sold[tenant] = (version, num_words, tuple(islice(names, num_words)))
        return known[2]


@dataclass(frozen=True, slots=True)
class ContextLimits:
    """How much context acts.

    Attributes:
        engine_words: Words that the engine gets; each of them costs a little accuracy for what is not among them.
        catalogue_words: Best-selling products among them, when other words leave room.
        catalogue_boost: Boost of those.
        prompt_words: Words put into the prompt; 0 for none. A prompt costs time, and Whisper may repeat it or swallow
            short answers.
    """

    engine_words: int = 64
    catalogue_words: int = 0
    catalogue_boost: float = 0.5
    prompt_words: int = 0

    def __post_init__(self) -> None:
        if min(self.engine_words, self.catalogue_words, self.prompt_words) < 0:
            raise ValueError("limits of hot words must not be negative")
        if not 0 <= self.catalogue_boost <= MAX_BOOST:
            raise ValueError(f"catalogue_boost must be 0 to {MAX_BOOST:g}")


class SpeechContext:
    """The words that count for one stream. Used from the event loop; making one costs nothing.

    Example::

        context = SpeechContext(shop_words, "demo")
        context.set_session(checked_words(["红富士"], MAX_SESSION_WORDS))
        context.set_dialogue(checked_words(expectation.hot_words, MAX_DIALOGUE_WORDS))
        options = DecodeOptions(hot_words=context.engine_words, prompt=context.prompt)
    """

    def __init__(
        self, shop: ShopWords, tenant: str, language: str | None = None, limits: ContextLimits | None = None
    ) -> None:
        """
        Args:
            shop: Words of all shops.
            tenant: The shop that counts.
            language: The only language that is spoken, or `None`. Han words are no use to an English decoder.
            limits: How much acts.
        """
        self._shop = shop
        self._tenant = tenant
        self._language = language
        self._limits = limits or ContextLimits()
        self._dialogue = self._session = self._request = _NO_WORDS
        self._merged: _Merged | None = None

    def set_request(self, words: tuple[HotWord, ...]) -> None:
        """Replaces the words of the request; all `set_` methods take what `checked_words` gave."""
        if words != self._request.words:
            self._request, self._merged = _Layer.of(words), None

    def set_session(self, words: tuple[HotWord, ...]) -> None:
        """Replaces the words that the client named for the session."""
        if words != self._session.words:
            self._session, self._merged = _Layer.of(words), None

    def set_dialogue(self, words: tuple[HotWord, ...]) -> None:
        """Replaces the words that the dialogue expects next."""
        if words != self._dialogue.words:
            self._dialogue, self._merged = _Layer.of(words), None

    @property
    def engine_words(self) -> tuple[HotWord, ...]:
        """The best words for the engine, in simplified characters; the same tuple until something changes.

        Dialogue, request, session and the shop's list take turns, each from its highest boost down. Words of one
        character are left out, since favouring them does more harm than good, and so are very long ones.
        """
        return self._current().engine_words

    @property
    def correction_words(self) -> tuple[tuple[str, ...], ...]:
        """All words in layers: dialogue, session, request, the shop's list. A layer is the same tuple until it changes.

        Empty layers are left out, and words of boost 0.
        """
        return self._current().correction_words

    @property
    def prompt(self) -> str:
        """The best words as a text that may stand before the utterance; empty unless the limits ask for one."""
        return self._current().prompt

    def _current(self) -> _Merged:
        version = self._shop.version(self._tenant)
        if self._merged is None or self._merged.version != version:
            self._merged = self._merge(version)
        return self._merged

    def _merge(self, version: int) -> _Merged:
        layers = (self._dialogue, self._session, self._request, self._shop.listed(self._tenant))
        engine_words = self._best_words(self._dialogue, self._request, self._session, layers[-1])
        prompt_words = [word.text for word in engine_words[: self._limits.prompt_words]]
        prompt = f"{'、'.join(prompt_words)}。" if prompt_words else ""
        return _Merged(version, engine_words, tuple(layer.texts for layer in layers if layer.texts), prompt)

    def _best_words(self, *layers: _Layer) -> tuple[HotWord, ...]:
        limits = self._limits
        # A word may stand in every layer: as many of each as are wanted in all, then each word once.
        usable = (islice(filter(self._is_usable, layer.ranked), limits.engine_words) for layer in layers)
        sold = self._shop.best_sold(self._tenant, limits.catalogue_words) if limits.catalogue_words else ()
        catalogue = filter(self._is_usable, (HotWord(name, limits.catalogue_boost) for name in sold))
        best: dict[str, HotWord] = {}
        for word in chain(filter(None, chain.from_iterable(zip_longest(*usable))), catalogue):
            simplified = _simplified(word)
            key = simplified.text.casefold()
            known = best.get(key)
            if known is None:
                if len(best) < limits.engine_words:
                    best[key] = simplified
            elif word.boost > known.boost:
                best[key] = HotWord(known.text, word.boost)
        return tuple(best.values())

    def _is_usable(self, word: HotWord) -> bool:
        is_foreign = self._language == "en" and _HAN.search(word.text) is not None
        return word.boost > 0 and 2 <= len(word.text) <= _MAX_ENGINE_CHARACTERS and not is_foreign


@dataclass(frozen=True, slots=True)
class _Merged:
    """What the layers come to, for one version of the shop's words."""

    version: int
    engine_words: tuple[HotWord, ...]
    correction_words: tuple[tuple[str, ...], ...]
    prompt: str


@functools.lru_cache(maxsize=20_000)
def _simplified(word: HotWord) -> HotWord:
    return HotWord(simplify(word.text), word.boost)


def _listed_word(path: Path, number: int, line: str) -> HotWord:
    text, _, boost = line.split("#", 1)[0].partition("\t")
    try:
        return _checked_word(HotWord(text, float(boost) if boost.strip() else 1.0))
    except ValueError as error:
        raise InvalidInput(f"{path.name}, line {number}: {error}") from None
