"""The authored word lists of ``data/lexicon.yaml`` as plain structures."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

DATA_DIR = Path(__file__).parent / "data"

_VALUE_LABELS = ("color", "payment_method", "sort_by", "metric", "action")
_PLAIN_LABELS = {
    "material": "material", "attribute": "attribute", "brand": "brand", "category": "category", "product": "product",
    "carrier": "carrier", "recipient": "recipient", "coupon": "coupon", "room": "room", "device": "device",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lexicon:
    """``entries`` maps a surface form to its slot options; ``blocked`` are words inside which nothing matches."""

    entries: dict[str, dict[str, Any]]
    blocked: frozenset[str]
    address_words: tuple[str, ...]
    words: dict[str, tuple[str, ...]]


def load_yaml(name: str) -> Any:
    """A data file of the service with every scalar as a string (``no`` and ``on`` are words here)."""
    return yaml.load((DATA_DIR / name).read_text(encoding="utf-8"), Loader=yaml.CBaseLoader)


@cache
def load_lexicon() -> Lexicon:
    """Reads the lexicon once per process."""
    data = load_yaml("lexicon.yaml")
    entries: dict[str, dict[str, Any]] = {}
    words: dict[str, tuple[str, ...]] = {}
    for label in _VALUE_LABELS:
        words[label] = tuple(word for forms in data[label].values() for word in forms)
        for value, forms in data[label].items():
            for form in forms:
                entries.setdefault(form, {})[label] = value
    for value, forms in data["size_words"].items():
        for form in forms:
            entries.setdefault(form, {})["size"] = value
    for key, label in _PLAIN_LABELS.items():
        words[label] = tuple(data[key])
        for form in data[key]:
            entries.setdefault(form, {}).setdefault(label, None)
    return Lexicon(entries, frozenset(data["blocked"]), tuple(data["address_words"]), words)
