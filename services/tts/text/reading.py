"""What the front end hands to the engine: how a clause is said, and which phonemes belong to which written word."""

from dataclasses import dataclass
from typing import Literal

MarkKind = Literal["say-as", "sub", "phoneme"]


@dataclass(frozen=True)
class Mark:
    """What the author of a text says about a stretch of it.

    Attributes:
        start: Offset of its first character in the text of the clause (or passage) that holds it.
        end: Offset behind its last character. A clause never ends within a mark.
        kind: ``say-as``: read as ``value`` names (``telephone``, ``digits``, ...); ``sub``: ``value`` is said instead;
            ``phoneme``: ``value`` is pronounced instead.
        value: See ``kind``.
        detail: ``say-as``: the format of a date (``ymd``, ...); ``phoneme``: the alphabet, ``ipa`` or ``pinyin``.
    """

    start: int
    end: int
    kind: MarkKind
    value: str
    detail: str = ""


@dataclass(frozen=True)
class SpokenWord:
    """One word as a caption shows it: 39元 is one word, although three syllables are said for it.

    Attributes:
        text: As written.
        text_start: Offset of its first character in the clause's text.
        text_end: Offset behind its last character.
        phoneme_start: Offset of its first phoneme in :attr:`Pronunciation.phonemes`.
        phoneme_end: Offset behind its last phoneme.
    """

    text: str
    text_start: int
    text_end: int
    phoneme_start: int
    phoneme_end: int


@dataclass(frozen=True)
class Pronunciation:
    """How a clause is pronounced.

    Attributes:
        phonemes: In Kokoro's notation; every character is one token of the model. Empty when nothing can be said.
        words: In the order of the text; neither their text nor their phonemes overlap. Spaces and punctuation between
            the phonemes of two words belong to none.
        spoken: What is said, in words, for logs of tests and for evaluation.
        skipped: Letters of scripts that no voice can say, in the order of the text.
    """

    phonemes: str
    words: tuple[SpokenWord, ...]
    spoken: str
    skipped: tuple[str, ...] = ()
