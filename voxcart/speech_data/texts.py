"""The sentences of the development speech set: what is said, in which language, and which words carry a value."""

import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from voxcart.errors import InvalidInput

TEXTS = Path(__file__).parent / "texts.tsv"
LANGUAGES = ("zh", "en", "mixed")
SLOT_NAMES = frozenset({"product", "brand", "number", "price", "size", "color", "order_id", "phone", "address", "date"})
Part = Literal["dev", "test"]

_SLOT = re.compile(r"\[(\w+):([^\[\]]+)\]")
_TEST_SHARE = 0.35


@dataclass(frozen=True, slots=True)
class Slot:
    """Words that carry a value; ``text`` as it stands in the sentence."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence to say.

    Attributes:
        text: What is said, with punctuation, without the marks of the slots.
        lang: ``zh``, ``en`` or ``mixed``.
        tags: Who speaks and about what, e.g. ``("shopper", "cart")``.
        slots: In the order in which they are said.
    """

    text: str
    lang: str
    tags: tuple[str, ...]
    slots: tuple[Slot, ...]

    @property
    def part(self) -> Part:
        """``dev`` or ``test``, by the text alone, so that a sentence never changes sides."""
        share = zlib.crc32(self.text.encode()) / 2**32
        return "test" if share < _TEST_SHARE else "dev"


def parse_marked(marked: str) -> tuple[str, tuple[Slot, ...]]:
    """Splits ``我要[number:三斤][product:苹果]`` into the plain text and its slots.

    Raises:
        InvalidInput: A bracket is left over or a slot has no known name.
    """
    slots = tuple(Slot(name, text) for name, text in _SLOT.findall(marked))
    plain = _SLOT.sub(lambda match: match[2], marked)
    unknown = {slot.name for slot in slots} - SLOT_NAMES
    if unknown or "[" in plain or "]" in plain:
        reason = f"unknown slot {sorted(unknown)}" if unknown else "a bracket that belongs to no slot"
        raise InvalidInput(f"{reason} in {marked!r}; slots are written [name:words]")
    return plain, slots


def read_sentences(path: Path = TEXTS) -> list[Sentence]:
    """Reads ``lang<TAB>tag,tag<TAB>marked text`` lines; empty lines and ``#`` lines are skipped.

    Raises:
        InvalidInput: A line is malformed or says the same as another; the sentence names the line.
    """
    sentences: list[Sentence] = []
    known: set[str] = set()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        columns = line.split("\t")
        if len(columns) != 3 or columns[0] not in LANGUAGES:
            raise InvalidInput(f"{path.name}:{number}: expected lang (zh, en, mixed), tags and text, tab-separated")
        try:
            text, slots = parse_marked(columns[2])
        except InvalidInput as error:
            raise InvalidInput(f"{path.name}:{number}: {error}") from error
        if text in known:
            raise InvalidInput(f"{path.name}:{number}: said before: {text}")
        known.add(text)
        sentences.append(Sentence(text, columns[0], tuple(columns[1].split(",")), slots))
    return sentences
