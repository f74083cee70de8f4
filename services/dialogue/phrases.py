"""Sentences of the replies: a table by language, a choice among variants that a replay repeats."""

import hashlib
import string
import tomllib
from functools import cache
from importlib import resources
from typing import Any

LANGUAGES = ("zh", "en")


@cache
def phrase_table(language: str) -> dict[str, list[str]]:
    """All phrases of a language by ``section.name``."""
    text = resources.files(__package__).joinpath(f"phrases_{language}.toml").read_text(encoding="utf-8")
    return {
        f"{section}.{name}": [variants] if isinstance(variants, str) else variants
        for section, entries in tomllib.loads(text).items()
        for name, variants in entries.items()
    }


def placeholders(template: str) -> set[str]:
    """Names that a template wants."""
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


class Phraser:
    """Sentences of one turn. The utterance decides the variant, so that the same turn says the same words."""

    def __init__(self, language: str, utterance_id: str) -> None:
        self.language = language
        self._utterance_id = utterance_id

    def say(self, name: str, /, **values: Any) -> str:
        """The phrase ``section.name`` with its values.

        Raises:
            KeyError: There is no such phrase, or a value is missing.
        """
        variants = phrase_table(self.language)[name]
        digest = hashlib.sha256(f"{self._utterance_id}|{name}".encode()).digest()
        return variants[digest[0] % len(variants)].format(**values)

    def has(self, name: str) -> bool:
        """Whether there is a phrase of this name."""
        return name in phrase_table(self.language)

    def joined(self, parts: list[str]) -> str:
        """A list for the ear: 甲、乙和丙."""
        if len(parts) <= 1:
            return "".join(parts)
        comma, last = ("、", "和") if self.language == "zh" else (", ", " and ")
        return comma.join(parts[:-1]) + last + parts[-1]
