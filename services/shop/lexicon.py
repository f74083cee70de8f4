"""The words that a shop's products are called by, and reading a query with them.

A lexicon holds the phrases that one query may contain: product names and aliases, kinds of goods (the head noun: 苹果,
连衣裙), categories, departments and brands (:mod:`voxcart_services.shop.lexicon_store` looks them up). A query is cut
into its longest phrases; what is left over is residual text. So 苹果 is the fruit, 苹果手机 an iPhone and 红色的连衣裙
a dress with a colour, whatever is near in meaning.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from voxcart_services.shop.text import (
    COLOR_CODES,
    compact,
    is_cjk,
    is_stop_word,
    normalize,
    pinyin_key,
    singular,
    tokens,
    with_digits,
)

MAX_PHRASE_TOKENS = 24

NAME, KIND, CATEGORY, DEPARTMENT, BRAND, COLOR = "name", "kind", "category", "department", "brand", "color"

_LATIN = re.compile("[a-z]+")
_TARGETS = (NAME, KIND, CATEGORY, DEPARTMENT)


@dataclass(frozen=True, slots=True)
class Sense:
    """One meaning of a phrase: a product (by SKU), kind, category, department or brand (by code)."""

    type: str
    target: str
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Reading:
    """What a query asks for.

    Attributes:
        skus: Products that are named.
        kinds, categories, departments: The goods that are named; at most one of the three and ``skus`` leads.
        brands: Brands that must be met.
        colors: Colour codes that occur in the text.
        residual: Pieces of text that are no phrase of the lexicon.
        brand_words: The words by which the brands were named.
        phrase: The text without words that say nothing, if it has several parts and not all name one thing; else empty.
        is_exact: All of the text is explained, and not by sound or spelling only.
        is_alias: The goods are named by another word than their own, which may mean some of them only (火锅底料 for
            sauces).
    """

    skus: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    departments: frozenset[str] = frozenset()
    brands: frozenset[str] = frozenset()
    colors: tuple[str, ...] = ()
    residual: tuple[str, ...] = ()
    brand_words: tuple[str, ...] = ()
    phrase: str = ""
    is_exact: bool = True
    is_alias: bool = False

    @property
    def has_target(self) -> bool:
        """Whether goods or a brand are named."""
        return bool(self.skus or self.kinds or self.categories or self.departments or self.brands)

    @property
    def is_brand_only(self) -> bool:
        """Whether a brand is named, but no goods."""
        return bool(self.brands) and not (self.skus or self.kinds or self.categories or self.departments)

    @property
    def names_unknown_model(self) -> bool:
        """Whether a brand is named with letters or digits that are no product of the shop: 小米 15."""
        return self.is_brand_only and any(piece.isascii() for piece in self.residual)


@dataclass(slots=True)
class _Piece:
    text: str
    senses: tuple[Sense, ...]


@dataclass(slots=True)
class Lexicon:
    """Phrases, which of them sound like what, and how misspelt English words are meant.

    Attributes:
        phrases: Meanings by phrase.
        by_sound: Phrase by the pinyin key of what it is heard as.
        corrections: English word by its misspelling.
    """

    phrases: dict[str, list[Sense]] = field(default_factory=lambda: defaultdict(list))
    by_sound: dict[str, str] = field(default_factory=dict)
    corrections: dict[str, str] = field(default_factory=dict)

    def add(self, phrase: str, sense: Sense) -> None:
        """Adds a meaning of a phrase; blanks, case, punctuation and an English plural do not count."""
        for key in phrase_forms(phrase):
            if sense not in self.phrases[key]:
                self.phrases[key].append(sense)

    def senses(self, phrase: str) -> tuple[Sense, ...]:
        """All meanings of a phrase; empty if it is unknown."""
        return tuple(self.phrases.get(compact(phrase), ()))

    def brands(self, name: str) -> frozenset[str]:
        """Brands by one of their names."""
        return frozenset(sense.target for sense in self.senses(name) if sense.type == BRAND)

    def goods(self, name: str) -> Reading:
        """Kinds, categories and departments by name; for filters."""
        reading = self.read(name)
        if reading.kinds or reading.categories or reading.departments:
            return reading
        return Reading(residual=(compact(name),))

    def read(self, query: str) -> Reading:
        """Cuts a query into phrases and says what it asks for.

        Spoken numbers are also read as digits (小米十四), whichever explains more. If nothing is found as written, by
        sound or by spelling. A left-over piece that sounds like a brand or a product's name is taken for it, and beside
        a brand alone also one that sounds like a kind of goods.
        """
        text = normalize(query)
        written = with_digits(text)
        readings = [self._read(text)] + ([self._read(written)] if written != text else [])
        return max(readings, key=_explained)

    def _read(self, text: str) -> Reading:
        pieces = self._cut(tokens(text))
        reading = _reading(pieces, is_exact=True)
        if reading.has_target:
            wanted = (NAME, BRAND, KIND) if reading.is_brand_only else (NAME, BRAND)
            heard = [self._heard_name(piece, wanted) for piece in pieces]
            return reading if heard == pieces else _reading(heard, is_exact=False)
        guessed = self._by_sound(pieces) or self._by_spelling(text)
        return _reading(guessed, is_exact=False) if guessed else reading

    def corrected(self, text: str) -> str:
        """A normalised text with its misspelt English words put right."""
        return _LATIN.sub(lambda match: self.corrections.get(match.group(), match.group()), text)

    def unexplained(self, text: str) -> list[str]:
        """The Chinese pieces of a text that may be misheard: all if no goods are named, else those without meaning."""
        pieces = self._cut(tokens(text))
        is_named = _reading(pieces, is_exact=True).has_target
        return [p.text for p in pieces if is_cjk(p.text[0]) and not (is_named and p.senses)]

    def _cut(self, words: list[str]) -> list[_Piece]:
        pieces: list[_Piece] = []
        start = 0
        while start < len(words):
            end, senses = self._longest(words, start)
            pieces.append(_Piece("".join(words[start:end]), senses))
            start = end
        return _without_stop_words(_without_fragments(pieces))

    def _longest(self, words: list[str], start: int) -> tuple[int, tuple[Sense, ...]]:
        for end in range(min(len(words), start + MAX_PHRASE_TOKENS), start, -1):
            phrase = "".join(words[start:end])
            senses = self.phrases.get(phrase)
            if senses is None and phrase.isascii():
                senses = self.phrases.get("".join([*words[start : end - 1], singular(words[end - 1])]))
            color = COLOR_CODES.get(phrase) if senses is None else None
            if color and _is_whole_color(words, start, end):
                return end, (Sense(COLOR, color),)
            if senses:
                return end, tuple(senses)
            if len(phrase) > 1 and is_stop_word(phrase):
                return end, ()
        return start + 1, ()

    def _heard_name(self, piece: _Piece, wanted: tuple[str, ...]) -> _Piece:
        """What of the wanted types a piece without meaning sounds like, else the piece itself."""
        if piece.senses or len(piece.text) < 2 or not is_cjk(piece.text[0]):
            return piece
        phrase = self.by_sound.get(pinyin_key(piece.text), "")
        senses = tuple(sense for sense in self.phrases.get(phrase, ()) if sense.type in wanted)
        return _Piece(phrase, senses) if senses else piece

    def _by_sound(self, pieces: list[_Piece]) -> list[_Piece]:
        found: list[_Piece] = []
        hit = False
        for piece in pieces:
            characters = list(piece.text)
            start = 0
            rest = ""
            while start < len(characters):
                end, phrase = self._longest_sound(characters, start)
                if phrase:
                    hit = True
                    if rest:
                        found.append(_Piece(rest, ()))
                        rest = ""
                    found.append(_Piece(phrase, tuple(self.phrases[phrase])))
                else:
                    rest += characters[start]
                start = end
            if rest:
                found.append(_Piece(rest, piece.senses))
        return found if hit else []

    def _longest_sound(self, characters: list[str], start: int) -> tuple[int, str]:
        for end in range(min(len(characters), start + MAX_PHRASE_TOKENS), start + 1, -1):
            phrase = self.by_sound.get(pinyin_key("".join(characters[start:end])))
            if phrase:
                return end, phrase
        return start + 1, ""

    def _by_spelling(self, text: str) -> list[_Piece]:
        corrected = self.corrected(text)
        if corrected == text:
            return []
        pieces = self._cut(tokens(corrected))
        return pieces if _reading(pieces, is_exact=False).has_target else []


def _explained(reading: Reading) -> tuple[bool, int]:
    return reading.has_target, -sum(len(piece) for piece in reading.residual)


def phrase_forms(phrase: str) -> list[str]:
    """How a phrase is looked up: its tokens without anything between, also with the last English word in singular."""
    words = tokens(normalize(phrase))
    if not words:
        return []
    forms = ["".join(words), "".join([*words[:-1], singular(words[-1])])]
    return list(dict.fromkeys(forms))


def substrings(words: list[str]) -> list[str]:
    """All phrases that a text's tokens may hold, as the cut looks for them."""
    found = {}
    for start in range(len(words)):
        for end in range(start + 1, min(len(words), start + MAX_PHRASE_TOKENS) + 1):
            phrase = "".join(words[start:end])
            found[phrase] = None
            if phrase.isascii():
                found["".join([*words[start : end - 1], singular(words[end - 1])])] = None
    return list(found)


def _is_whole_color(words: list[str], start: int, end: int) -> bool:
    """A single Chinese character is a colour only where it stands alone: 蓝的, 要蓝; not the 红 of 红薯."""
    if end - start > 1 or not is_cjk(words[start]):
        return True
    return end == len(words) or words[end] in ("的", "款")


def _without_fragments(pieces: list[_Piece]) -> list[_Piece]:
    """Takes the meaning from a single character that is part of an unknown word: the 刀 of 螺丝刀, the 锅 of 火锅."""
    kept = []
    for position, piece in enumerate(pieces):
        around = pieces[max(0, position - 1) : position + 2]
        is_part = len(piece.text) == 1 and is_cjk(piece.text) and any(_is_unknown(other) for other in around)
        kept.append(_Piece(piece.text, ()) if is_part and piece.senses else piece)
    return kept


def _is_unknown(piece: _Piece) -> bool:
    return not piece.senses and is_cjk(piece.text[0]) and not is_stop_word(piece.text)


def _without_stop_words(pieces: list[_Piece]) -> list[_Piece]:
    """Joins neighbours that mean nothing by themselves and drops words without content."""
    joined: list[_Piece] = []
    for piece in pieces:
        if not piece.senses and is_stop_word(piece.text):
            joined.append(_Piece("", ()))
        elif joined and _continues(joined[-1], piece):
            joined[-1].text += piece.text
        else:
            joined.append(piece)
    return [piece for piece in joined if piece.text]


def _continues(left: _Piece, right: _Piece) -> bool:
    """Whether two pieces without meaning are one Chinese text."""
    if not left.text or left.senses or right.senses:
        return False
    return is_cjk(left.text[-1]) and is_cjk(right.text[0])


def _reading(pieces: Iterable[_Piece], *, is_exact: bool) -> Reading:
    """Chooses one meaning for each phrase. The last phrase that names goods is the head; a phrase before it that can
    be a brand is one (苹果的手机), else it is text that ranks (牛奶 in 牛奶巧克力)."""
    pieces = list(pieces)
    head = next((i for i in reversed(range(len(pieces))) if _names_goods(pieces[i])), None)
    leading = _leading(pieces[head].senses) if head is not None else []
    targets: Mapping[str, set[str]] = defaultdict(set)
    colors: list[str] = []
    residual: list[str] = []
    brand_words: list[str] = []
    for position, piece in enumerate(pieces):
        color = [s.target for s in piece.senses if s.type == COLOR]
        brands = [s for s in piece.senses if s.type == BRAND]
        if position == head:
            for sense in leading:
                targets[sense.type].add(sense.target)
        elif color:
            colors.extend(color)
        elif brands:
            targets[BRAND].update(sense.target for sense in brands)
            brand_words.append(piece.text)
        else:
            residual.append(piece.text)
    return Reading(
        skus=frozenset(targets[NAME]),
        kinds=frozenset(targets[KIND]),
        categories=frozenset(targets[CATEGORY]),
        departments=frozenset(targets[DEPARTMENT]),
        brands=frozenset(targets[BRAND]),
        colors=tuple(dict.fromkeys(colors)),
        residual=tuple(residual),
        brand_words=tuple(brand_words),
        phrase="".join(piece.text for piece in pieces) if len(pieces) > 1 and not colors else "",
        is_exact=is_exact,
        is_alias=bool(leading) and not any(sense.exact for sense in leading),
    )


def _names_goods(piece: _Piece) -> bool:
    """Whether a phrase means goods; the name of a brand does not if it is only another word for them (乐高)."""
    goods = [sense for sense in piece.senses if sense.type in _TARGETS]
    is_brand = any(sense.type == BRAND and sense.exact for sense in piece.senses)
    return bool(goods) and not (is_brand and not any(sense.exact for sense in goods))


def _leading(senses: tuple[Sense, ...]) -> list[Sense]:
    """A product name wins, with the kind of goods of the same name (连衣裙); then the kind, then a wider group.

    Within a type a proper name wins over an alias; equals are all kept.
    """
    names = [s for s in senses if s.type == NAME and s.exact]
    if names:
        return [*names, *_best(senses, KIND)]
    for wanted in (KIND, CATEGORY, DEPARTMENT):
        if any(s.type == wanted and s.exact for s in senses):
            return _best(senses, wanted)
    return [s for s in senses if s.type in _TARGETS]


def _best(senses: tuple[Sense, ...], wanted: str) -> list[Sense]:
    found = [s for s in senses if s.type == wanted]
    return [s for s in found if s.exact] or found
