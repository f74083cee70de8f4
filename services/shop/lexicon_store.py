"""Looks up in the database which phrases of a query a shop knows, so that nothing of a catalogue is kept in memory.

The words of the taxonomy are the same for all shops and are held once; whether a shop sells such goods, and what its
products and brands are called, is asked with each query, by index, in its transaction: a change is found at once.
Misspelt words are found by what is left of them without a letter, as in symmetric delete spelling correction
(W. Garbe, SymSpell, 2012).
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from rapidfuzz.distance import OSA
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.errors import NotFound
from voxcart_services.shop.lexicon import CATEGORY, DEPARTMENT, KIND, Lexicon, Sense, phrase_forms, substrings
from voxcart_services.shop.products import taxonomy
from voxcart_services.shop.search_fields import MAX_SOUND, sound_of, spelled_words, taxonomy_words
from voxcart_services.shop.text import is_cjk, normalize, pinyin_key, tokens, with_digits

MAX_TOKENS = 64
"""Tokens of a text that are looked up; a spoken request has far fewer."""
MAX_SENSES = 200
"""Products that are looked at for one name."""
MAX_SOUNDS = 300

_EXISTS = text("SELECT EXISTS (SELECT 1 FROM tenants WHERE tenant = :tenant)")
_SOLD = (
    "EXISTS (SELECT 1 FROM products p WHERE p.tenant = :tenant AND NOT p.delisted AND p.{column} = {value} OFFSET 0)"
)
_IS_SOLD = (
    "CASE s.type WHEN 'name' THEN true "
    f"WHEN 'brand' THEN {_SOLD.format(column='brand_zh', value='s.target')} "
    f"WHEN 'kind' THEN {_SOLD.format(column='kind', value='s.target')} "
    f"WHEN 'category' THEN {_SOLD.format(column='category', value='s.target')} "
    f"ELSE {_SOLD.format(column='department', value='s.target')} END"
)
_KNOWN = (
    "SELECT s.phrase, s.type, s.target, s.exact, s.sound FROM unnest(CAST(:wanted AS text[])) AS w(wanted) "
    "CROSS JOIN LATERAL (SELECT * FROM search_phrases k WHERE k.tenant = :tenant AND k.{column} = w.wanted{more} "
    f"LIMIT {MAX_SENSES}) s WHERE {_IS_SOLD}"
)
_BY_PHRASE = text(_KNOWN.format(column="phrase", more=""))
_BY_SOUND = text(_KNOWN.format(column="sound", more=" AND k.sound <> ''"))
_GROUPS = text(
    "SELECT s.type, s.target FROM unnest(CAST(:types AS text[]), CAST(:targets AS text[])) AS s(type, target) "
    f"WHERE {_IS_SOLD}"
)
_WORDS = text(
    "SELECT variant, word FROM search_spellings WHERE tenant = :tenant AND variant = ANY(:variants) LIMIT 2000"
)


class LexiconStore:
    """Gives the lexicon of a tenant as far as it concerns given texts."""

    async def get(self, conn: AsyncConnection, tenant: str, *texts: str) -> Lexicon:
        """All phrases that occur in the texts, as written, by sound, or misspelt.

        Raises:
            NotFound: There is no such shop.
        """
        if not (await conn.execute(_EXISTS, {"tenant": tenant})).scalar():
            raise NotFound(f"there is no shop {tenant!r}")
        found = _Lookup(conn, tenant)
        variants = list(dict.fromkeys(form for words in texts for form in _forms(words)))
        await found.add_phrases(phrase for words in variants for phrase in _phrases(words))
        await found.add_sounds(piece for words in variants for piece in found.lexicon.unexplained(words))
        if not any(found.lexicon.read(words).has_target for words in variants):
            await found.add_corrections(variants)
            corrected = [found.lexicon.corrected(words) for words in variants]
            await found.add_phrases(phrase for words in corrected for phrase in _phrases(words))
        return found.lexicon


class _Lookup:
    """A lexicon that grows by what a shop knows."""

    def __init__(self, conn: AsyncConnection, tenant: str) -> None:
        self._conn = conn
        self._tenant = tenant
        self._asked: set[str] = set()
        self._sold: dict[Sense, bool] = {}
        self.lexicon = Lexicon()

    async def add_phrases(self, phrases: Iterable[str]) -> None:
        """Adds the phrases that the shop knows."""
        new = [phrase for phrase in dict.fromkeys(phrases) if phrase not in self._asked]
        if not new:
            return
        self._asked.update(new)
        for row in await self._conn.execute(_BY_PHRASE, {"tenant": self._tenant, "wanted": new}):
            self._add(row.phrase, Sense(row.type, row.target, row.exact))
        shared = taxonomy_lexicon()
        groups = {phrase: shared.phrases[phrase] for phrase in new if phrase in shared.phrases}
        await self._ask_sold(sense for senses in groups.values() for sense in senses)
        for phrase, senses in groups.items():
            for sense in senses:
                if self._sold[sense]:
                    self._add(phrase, sense)

    async def add_sounds(self, pieces: Iterable[str]) -> None:
        """Adds the phrases that parts of the pieces sound like."""
        keys = list(dict.fromkeys(key for piece in pieces for key in _sounds(piece)))[:MAX_SOUNDS]
        if not keys:
            return
        shared = taxonomy_lexicon()
        heard = [(key, shared.by_sound[key]) for key in keys if key in shared.by_sound]
        await self.add_phrases(phrase for _, phrase in heard)
        for key, phrase in heard:
            if phrase in self.lexicon.phrases:
                self.lexicon.by_sound.setdefault(key, phrase)
        for row in await self._conn.execute(_BY_SOUND, {"tenant": self._tenant, "wanted": keys}):
            self._add(row.phrase, Sense(row.type, row.target, row.exact))
            self.lexicon.by_sound.setdefault(row.sound, row.phrase)

    async def add_corrections(self, texts: Sequence[str]) -> None:
        """Finds the words that misspelt English words are closest to."""
        words = sorted({word for words in texts for word in spelled_words(words)})
        if not words:
            return
        variants = {word: _without_a_letter(word) for word in words}
        asked = sorted(set().union(*variants.values()))
        known: dict[str, set[str]] = {}
        for row in await self._conn.execute(_WORDS, {"tenant": self._tenant, "variants": asked}):
            known.setdefault(row.variant, set()).add(row.word)
        for word in words:
            near = set().union(*(known.get(v, set()) | _taxonomy_variants().get(v, set()) for v in variants[word]))
            meant = _closest(word, near)
            if meant:
                self.lexicon.corrections[word] = meant

    async def _ask_sold(self, senses: Iterable[Sense]) -> None:
        new = [sense for sense in dict.fromkeys(senses) if sense not in self._sold]
        if new:
            values = {"tenant": self._tenant, "types": [s.type for s in new], "targets": [s.target for s in new]}
            sold = {(row.type, row.target) for row in await self._conn.execute(_GROUPS, values)}
            self._sold.update({sense: (sense.type, sense.target) in sold for sense in new})

    def _add(self, phrase: str, sense: Sense) -> None:
        senses = self.lexicon.phrases[phrase]
        if sense not in senses:
            senses.append(sense)


def _forms(words: str) -> tuple[str, str]:
    normal = normalize(words)
    return normal, with_digits(normal)


def _phrases(words: str) -> list[str]:
    return substrings(tokens(words)[:MAX_TOKENS])


def _sounds(piece: str) -> list[str]:
    """Pinyin keys of all parts of a piece that a name could be heard as."""
    characters = [character for character in piece[:MAX_TOKENS] if is_cjk(character)]
    keys = []
    for start in range(len(characters)):
        for end in range(start + 2, min(len(characters), start + MAX_SOUND) + 1):
            keys.append(pinyin_key("".join(characters[start:end])))
    return keys


def _without_a_letter(word: str) -> set[str]:
    return {word, *(word[:place] + word[place + 1 :] for place in range(len(word)))}


def _closest(word: str, near: set[str]) -> str:
    """The word that is meant, empty if it is written right or nothing is close: one slip, or two in a long word."""
    if not near or word in near:
        return ""
    most = 2 if len(word) >= 9 else 1
    ranked = sorted((OSA.distance(word, other), abs(len(word) - len(other)), other) for other in near)
    return ranked[0][2] if ranked[0][0] <= most else ""


@lru_cache(maxsize=1)
def taxonomy_lexicon() -> Lexicon:
    """The words of the taxonomy, which all shops share."""
    lexicon = Lexicon()
    known = taxonomy()
    for level, groups in ((KIND, known.kinds), (CATEGORY, known.categories), (DEPARTMENT, known.departments)):
        for code, group in groups.items():
            for word in (group.zh, group.en):
                lexicon.add(word, Sense(level, code))
            proper = {form for word in (group.zh, group.en) for form in phrase_forms(word)}
            for word in group.aliases:
                lexicon.add(word, Sense(level, code, exact=not proper.isdisjoint(phrase_forms(word))))
    for phrase in lexicon.phrases:
        if sound_of(phrase):
            lexicon.by_sound.setdefault(sound_of(phrase), phrase)
    return lexicon


@lru_cache(maxsize=1)
def _taxonomy_variants() -> dict[str, set[str]]:
    variants: dict[str, set[str]] = {}
    for word in taxonomy_words():
        for variant in _without_a_letter(word):
            variants.setdefault(variant, set()).add(word)
    return variants
