"""A shop's own pronunciations: how its brands and products are said."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from voxcart.errors import InvalidInput
from voxcart_services.tts.text.notation import phonemes_of_ipa, phonemes_of_pinyin

Notation = Literal["say", "pinyin", "ipa"]
NOTATIONS: tuple[Notation, ...] = ("say", "pinyin", "ipa")

MAX_WRITTEN_CHARACTERS = 64
MAX_SPOKEN_CHARACTERS = 200
MAX_ENTRIES = 50_000
_LETTER_OR_DIGIT = re.compile(r"[A-Za-z0-9]")
_SAID = re.compile(r"[^\W_]")


@dataclass(frozen=True)
class Entry:
    """How one name is said.

    Attributes:
        written: The name; case does not matter.
        notation: ``say``: other words; ``pinyin``: syllables with tones; ``ipa``: IPA as dictionaries print it.
        spoken: In that notation.
        phonemes: In the voice model's notation; empty for ``say``.
    """

    written: str
    notation: Notation
    spoken: str
    phonemes: str = ""


def checked_entry(written: str, notation: str, spoken: str) -> Entry:
    """An entry whose parts fit together.

    Raises:
        InvalidInput: They do not; the sentence says why.
    """
    written, spoken = " ".join(written.split()), " ".join(spoken.split())
    if not _SAID.search(written) or len(written) > MAX_WRITTEN_CHARACTERS:
        raise InvalidInput(
            f"what is written must be a name of 1 to {MAX_WRITTEN_CHARACTERS} characters, not {written[:80]!r}"
        )
    if not spoken or len(spoken) > MAX_SPOKEN_CHARACTERS:
        raise InvalidInput(f"how {written!r} is said must have 1 to {MAX_SPOKEN_CHARACTERS} characters")
    if notation == "say":
        return Entry(written, "say", spoken)
    if notation == "pinyin":
        return Entry(written, "pinyin", spoken, phonemes_of_pinyin(spoken))
    if notation == "ipa":
        return Entry(written, "ipa", spoken, phonemes_of_ipa(spoken))
    raise InvalidInput(f"the notation of {written!r} must be one of {', '.join(NOTATIONS)}, not {notation!r}")


@dataclass(frozen=True)
class Found:
    """An entry that occurs in a text at [start, end)."""

    start: int
    end: int
    entry: Entry


class Lexicon:
    """The pronunciations of one shop at one moment. Immutable, so that a reply is spoken by one state of them."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        """Of several entries for one name the last counts."""
        self._entries = {entry.written.casefold(): entry for entry in entries}
        lengths: dict[str, set[int]] = {}
        for written in self._entries:
            lengths.setdefault(written[0], set()).add(len(written))
        self._lengths = {first: sorted(known, reverse=True) for first, known in lengths.items()}

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All entries."""
        return tuple(self._entries.values())

    def find(self, text: str) -> list[Found]:
        """The entries that occur in a text, from left to right, the longest first; none inside another word."""
        if not self._entries:
            return []
        folded = text.casefold()
        if len(folded) != len(text):
            folded = text.lower() if len(text.lower()) == len(text) else text
        found = []
        position = 0
        while position < len(folded):
            match = self._longest_at(folded, position)
            if match is not None:
                found.append(match)
            position = match.end if match else position + 1
        return found

    def _longest_at(self, folded: str, start: int) -> Found | None:
        for length in self._lengths.get(folded[start], ()):
            end = start + length
            entry = self._entries.get(folded[start:end])
            if entry is not None and not _splits_word(folded, start) and not _splits_word(folded, end):
                return Found(start, end, entry)
        return None

    def digest(self, text: str) -> str:
        """Tells what this lexicon says of a text from what another says; empty if no entry occurs in it."""
        found = self.find(text)
        if not found:
            return ""
        said = "\n".join(f"{each.start}\t{each.end}\t{each.entry.notation}\t{each.entry.spoken}" for each in found)
        return hashlib.sha256(said.encode()).hexdigest()[:16]


def _splits_word(text: str, position: int) -> bool:
    """Whether a Latin word or a number goes on over ``position``."""
    if not 0 < position < len(text):
        return False
    return bool(_LETTER_OR_DIGIT.match(text[position - 1]) and _LETTER_OR_DIGIT.match(text[position]))


EMPTY_LEXICON = Lexicon()
"""Of a shop that has no pronunciations of its own."""
