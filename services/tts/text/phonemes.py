"""Phonemes of a normalised clause that may mix Mandarin and English, each tied to the word it is said for."""

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from voxcart_services.tts.text.notation import NOTATION, syllable_phonemes
from voxcart_services.tts.text.phonemes_en import EnglishPhonemizer
from voxcart_services.tts.text.phonemes_zh import MandarinReader
from voxcart_services.tts.text.reading import SpokenWord
from voxcart_services.tts.text.traced import Span, TracedText

_RUNS = re.compile(
    r"(?P<zh>[㐀-䶿一-鿿]+)|(?P<en>[A-Za-z]+(?:[ '\-]+[A-Za-z]+)*)|(?P<given>[\ue000-\uf8ff])|(?P<other>.)", re.DOTALL
)
_WORDS = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)*")
_MARKS = {
    "，": ",", "、": ",", "。": ".", "．": ".", "！": "!", "？": "?", "：": ":", "；": ";", ",": ",", ".": ".",
    "!": "!", "?": "?", ":": ":", ";": ";", "…": "…", "—": "—", "–": "—", "\n": ".",
}  # fmt: skip
_OPENING = {"（": "(", "(": "(", "《": "“", "「": "“", "【": "“", "『": "“", "“": "“"}
_CLOSING = {"）": ")", ")": ")", "》": "”", "」": "”", "】": "”", "』": "”", "”": "”"}
_STRENGTH = ",:;—….?!"
"""Marks from weak to strong: of several in a row the strongest is kept."""


@dataclass(frozen=True)
class Phonemes:
    """Phonemes and the written words that they are said for; offsets of text are those of the written text."""

    text: str
    words: tuple[SpokenWord, ...]
    skipped: tuple[str, ...]


class Phonemizer:
    """Makes phoneme strings in Kokoro's notation. Thread-safe; a language's dictionaries load when first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._mandarin: MandarinReader | None = None
        self._english: dict[bool, EnglishPhonemizer] = {}

    def __call__(self, text: str, *, british: bool = False) -> str:
        """Phonemes of normalised text (no digits, no markup), without places. Blocks."""
        return self.phonemize(TracedText.of(text), text, british=british).text

    def phonemize(
        self, said: TracedText, written: str, *, british: bool = False, given: Mapping[str, str] | None = None
    ) -> Phonemes:
        """Phonemes of a clause. Blocks.

        Args:
            said: What :func:`voxcart_services.tts.text.normalization.normalized` returned.
            written: The clause as written: what the spans of ``said`` point into.
            british: Pronounce English the British way.
            given: Phonemes of the characters that stand for given pronunciations.
        """
        line = _Line(written)
        for match in _RUNS.finditer(said.text):
            part = said.part(*match.span())
            if match.lastgroup == "zh":
                self._add_mandarin(line, part)
            elif match.lastgroup == "en":
                self._add_english(line, part, british)
            elif match.lastgroup == "given":
                line.add_space()
                line.add_sound((given or {}).get(match.group(), ""), part.spans[0], starts_word=True)
                line.add_space()
            else:
                line.add_other(match.group())
        return line.finish()

    def _add_mandarin(self, line: "_Line", run: TracedText) -> None:
        for reading in self._zh()(run.text):
            line.add_space()
            spans = run.spans[reading.start : reading.start + len(reading.syllables)]
            for offset, (syllable, span) in enumerate(zip(reading.syllables, spans, strict=True)):
                phonemes = syllable_phonemes(syllable)
                if not phonemes:
                    line.skipped.append(run.text[reading.start + offset])
                starts_word = offset == 0 or (span != spans[offset - 1] and _is_long(span, spans[offset - 1]))
                line.add_sound(phonemes, span, starts_word=starts_word)
        line.add_space()

    def _add_english(self, line: "_Line", run: TracedText, british: bool) -> None:
        found = list(_WORDS.finditer(run.text))
        for match, phonemes in zip(found, self._en(british)([match.group() for match in found]), strict=True):
            line.add_space()
            line.add_sound(phonemes, run.written(*match.span()), starts_word=True)
        line.add_space()

    def warm_up(self, language: str = "zh") -> None:
        """Load the dictionaries of a language now."""
        if language == "en":
            self._en(british=False)
        else:
            self._zh()

    def _zh(self) -> MandarinReader:
        with self._lock:
            if self._mandarin is None:
                self._mandarin = MandarinReader()
            return self._mandarin

    def _en(self, british: bool) -> EnglishPhonemizer:
        with self._lock:
            if british not in self._english:
                self._english[british] = EnglishPhonemizer(british=british)
            return self._english[british]


def _is_long(*spans: Span) -> bool:
    """Whether one of them is more than a character: what was rewritten is a word of its own (39元)."""
    return any(end - start > 1 for start, end in spans)


class _Line:
    """Puts sounds, spaces and marks in a row and keeps which sounds belong to which written word."""

    def __init__(self, written: str) -> None:
        self._written = written
        self._text = ""
        self._words: list[tuple[Span, int, int]] = []
        self.skipped: list[str] = []

    def add_space(self) -> None:
        if self._text and self._text[-1] not in " (“":
            self._text += " "

    def add_sound(self, phonemes: str, span: Span, *, starts_word: bool) -> None:
        """Sounds said for a written stretch; they join the word before if that stretch is part of it, too."""
        phonemes = "".join(symbol for symbol in phonemes if symbol in NOTATION)
        start = len(self._text)
        self._text += phonemes
        if self._words and (not starts_word or span[0] < self._words[-1][0][1]):
            (first, last), begun, _ = self._words[-1]
            self._words[-1] = ((first, max(last, span[1])), begun, len(self._text))
        else:
            self._words.append((span, start, len(self._text)))

    def add_other(self, character: str) -> None:
        if character in _MARKS:
            self._add_mark(_MARKS[character])
        elif character in _OPENING:
            self.add_space()
            self._text += _OPENING[character]
        elif character in _CLOSING:
            self._text = self._text.rstrip(" ")
            if self._text and self._text[-1] in "(“":
                self._text = self._text[:-1]
            elif self._text:
                self._text += _CLOSING[character] + " "
        else:
            if character.isalnum():
                self.skipped.append(character)
            self.add_space()

    def _add_mark(self, mark: str) -> None:
        self._text = self._text.rstrip(" ")
        last = self._text[-1:]
        if last in _STRENGTH and last:
            if _STRENGTH.index(mark) <= _STRENGTH.index(last):
                mark = last
            self._text = self._text[:-1]
        self._text = f"{self._text}{mark} " if self._text else ""

    def finish(self) -> Phonemes:
        text = self._text.rstrip(" ")
        while text and text[-1] in "(“":
            text = text[:-1].rstrip(" ")
        words = tuple(
            SpokenWord(self._written[first:last], first, last, start, end)
            for (first, last), start, end in self._words
            if start < end and first < last
        )
        return Phonemes(text if words else "", words, tuple(self.skipped))
