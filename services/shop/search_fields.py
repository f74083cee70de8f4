"""What a product is found by, worked out from its row: index terms, names with their sound, and what is embedded."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from voxcart_services.shop.lexicon import BRAND, CATEGORY, DEPARTMENT, KIND, NAME, phrase_forms
from voxcart_services.shop.products import taxonomy
from voxcart_services.shop.text import compact, index_terms, is_cjk, normalize, pinyin_key, tokens, with_digits

SEARCH_VERSION = 1
"""Of the analysis below. Rows of an older one are worked out anew when the shop starts."""
MAX_PHRASE = 80
"""Characters of a name that can be looked up as a whole."""
MAX_SOUND = 12
"""Characters of a name that is found by its sound."""
_WORD_LETTERS = range(5, 21)
"""Letters of English words whose spelling is corrected."""


def search_fields(row: dict[str, Any]) -> dict[str, Any]:
    """The columns that a product is found by, from its other columns."""
    groups = taxonomy().groups_of(row["kind"], row["category"], row["department"])
    kind_words = [word for group in groups[:1] for word in (group.zh, group.en, *group.aliases)]
    wider = [word for group in groups[1:] for word in (group.zh, group.en)]
    values = [value for a in row["attributes"] for value in (a["value_zh"], a["value_en"])]
    names = [row["name_zh"], row["name_en"], row["brand_zh"], row["brand_en"], *row["aliases"]]
    units = [row["unit_zh"], row["unit_en"]]
    shown = _with_digit_forms([*names, *kind_words, *values, *units])
    return {
        "search_terms": sorted({term for word in (*shown, *wider) for term in index_terms(word)}),
        "search_text": "|".join(filter(None, map(compact, shown))),
        "search_phrases": _phrases(row),
        "search_words": sorted({word for name in names for word in spelled_words(name)} - taxonomy_words()),
        "search_version": SEARCH_VERSION,
    }


def _with_digit_forms(words: list[str]) -> list[str]:
    """The words as they are, then those whose spoken numbers can be written in digits so."""
    normal = [normalize(word) for word in words]
    return [*words, *(with_digits(word) for word in normal if with_digits(word) != word)]


def _phrases(row: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of ``search_phrases``; without a target they name the product itself."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for name, kind, target, exact in _named(row):
        for phrase in phrase_forms(name):
            if len(phrase) <= MAX_PHRASE and (phrase, kind) not in found:
                entry = {"phrase": phrase, "type": kind, "exact": exact, "sound": sound_of(phrase)}
                found[phrase, kind] = entry | ({"target": target} if target else {})
    return list(found.values())


def _named(row: dict[str, Any]) -> Iterator[tuple[str, str, str, bool]]:
    """Name, its type, what it names, and whether it is the proper name."""
    for name in (row["name_zh"], row["name_en"]):
        yield name, NAME, "", True
    for alias in row["aliases"]:
        yield alias, NAME, "", False
    if row["brand_zh"]:
        for brand in (row["brand_zh"], row["brand_en"], row["brand_zh"].removesuffix("公司")):
            yield brand, BRAND, row["brand_zh"], True
    known = taxonomy()
    groups = ((KIND, known.kinds), (CATEGORY, known.categories), (DEPARTMENT, known.departments))
    for kind, codes in groups:
        if row[kind] and row[kind] not in codes:
            yield row[kind], kind, row[kind], True


def sound_of(phrase: str) -> str:
    """The pinyin key by which a Chinese name is found if it was misheard; empty for other names."""
    is_chinese = 2 <= len(phrase) <= MAX_SOUND and is_cjk(phrase[0]) and is_cjk(phrase[-1])
    return pinyin_key(phrase) if is_chinese else ""


def spelled_words(text: str) -> list[str]:
    """English words of a text that are long enough to be recognised in spite of a slip."""
    return [w for w in tokens(normalize(text)) if len(w) in _WORD_LETTERS and w.isascii() and w.isalpha()]


@lru_cache(maxsize=1)
def taxonomy_words() -> frozenset[str]:
    """English words of the taxonomy whose spelling is corrected in every shop."""
    known = taxonomy()
    groups = [*known.kinds.values(), *known.categories.values(), *known.departments.values()]
    return frozenset(w for group in groups for name in (group.en, *group.aliases) for w in spelled_words(name))


def embedded_fields(product: Any) -> dict[str, Any]:
    """What :func:`passage` needs of a product or of its row, and the SKU."""
    names = ("sku", "name_zh", "name_en", "kind", "category", "department", "attributes")
    return {name: getattr(product, name) for name in names}


def passage(row: dict[str, Any]) -> str:
    """What is embedded of a product: names, kind, category and facts in both languages."""
    groups = taxonomy().groups_of(row["kind"], row["category"], row["department"])
    kinds = "、".join([groups[0].zh, groups[0].en, *groups[0].aliases[:3]]) if groups else row["kind"]
    facts = "，".join(a["value_zh"] for a in row["attributes"][:3])
    return f"{row['name_zh']}，{row['name_en']}。{kinds}。{facts}"
