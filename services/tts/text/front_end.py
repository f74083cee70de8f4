"""The front end as the engine sees it: a clause goes in, phonemes and the words that they belong to come out."""

from voxcart_services.tts.text.clauses import Clause
from voxcart_services.tts.text.interpretation import said_by_mark
from voxcart_services.tts.text.lexicon import EMPTY_LEXICON, Lexicon
from voxcart_services.tts.text.lexicon_store import LexiconStore
from voxcart_services.tts.text.markup import readable, strip_markup, without_stand_ins
from voxcart_services.tts.text.normalization import VERSION, normalized, spoken_form
from voxcart_services.tts.text.notation import phonemes_of_ipa, phonemes_of_pinyin
from voxcart_services.tts.text.phonemes import Phonemizer
from voxcart_services.tts.text.reading import Pronunciation
from voxcart_services.tts.text.traced import GIVEN_FIRST, GIVEN_LAST, Rewrite, TracedText


class FrontEnd:
    """Shared by all sessions and thread-safe. Holds the dictionaries and the shops' lexicons."""

    def __init__(self, phonemizer: Phonemizer | None = None, lexicons: LexiconStore | None = None) -> None:
        """``lexicons``: the shops' own pronunciations; without it none has any."""
        self._phonemizer = phonemizer or Phonemizer()
        self._lexicons = lexicons

    def warm_up(self, language: str) -> None:
        """Load the dictionaries of a language (``zh`` or ``en``) now. Blocks, up to a second or two."""
        self._phonemizer.warm_up(language)
        self.pronounce(Clause("1+1=2", 0, 0), language=language)

    def lexicon(self, tenant: str) -> Lexicon:
        """The pronunciations of a shop as they are now; those of a shop that has none are empty."""
        return self._lexicons.lexicon(tenant) if self._lexicons else EMPTY_LEXICON

    def key(self, clause: Clause, *, language: str, british: bool, lexicon: Lexicon = EMPTY_LEXICON) -> str:
        """Everything that the pronunciation of a clause depends on, for a cache.

        Of the lexicon only the entries count that occur in the clause, so a new entry leaves other phrases cached.
        """
        digest = lexicon.digest(strip_markup(clause.text)) if len(lexicon) else ""
        return repr((VERSION, clause.text, clause.marks, language, british, digest))

    def has_speech(self, text: str) -> bool:
        """Whether anything of a text can be said: not of emoji, punctuation or scripts that no voice speaks alone."""
        return any(_is_said(character) for character in strip_markup(text))

    def pronounce(
        self, clause: Clause, *, language: str, british: bool = False, lexicon: Lexicon = EMPTY_LEXICON
    ) -> Pronunciation:
        """How a clause is said. Blocks for a few milliseconds; call it from an executor.

        Args:
            clause: Any text, with control characters or without.
            language: ``zh`` or ``en``: how numbers are read where no word tells.
            british: English the British way.
            lexicon: The shop's own pronunciations, from :meth:`lexicon`.
        """
        plain, fixed, given = _prepared(clause, language, lexicon)
        said = normalized(plain, language, fixed)
        phonemes = self._phonemizer.phonemize(said, clause.text, british=british, given=given)
        spoken = "".join(clause.text[slice(*span)] if each in given else each for each, span in said).strip()
        return Pronunciation(phonemes.text, phonemes.words, spoken, phonemes.skipped)


def _prepared(clause: Clause, language: str, lexicon: Lexicon) -> tuple[TracedText, list[Rewrite], dict[str, str]]:
    """The clean text, what is fixed of it by marks and lexicon, and the phonemes that stand-in characters have."""
    stand_ins = StandIns()
    marks = {stand_ins.new(): mark for mark in clause.marks[: stand_ins.capacity // 2]}
    instead = [Rewrite(mark.start, mark.end, character) for character, mark in marks.items()]
    plain = readable(without_stand_ins(clause.text, instead))
    fixed = []
    given = {}
    for place, character in enumerate(plain.text):
        mark = marks.get(character)
        if mark is None:
            continue
        if mark.kind == "phoneme":
            given[character] = (
                phonemes_of_pinyin(mark.value) if mark.detail == "pinyin" else phonemes_of_ipa(mark.value)
            )
        else:
            written = clause.text[mark.start : mark.end]
            fixed.append(Rewrite(place, place + 1, said_by_mark(mark, written, language)))
    for found in lexicon.find(plain.text):
        if found.entry.notation == "say":
            fixed.append(Rewrite(found.start, found.end, spoken_form(found.entry.spoken, language)))
        elif stand_ins.capacity:
            character = stand_ins.new()
            given[character] = found.entry.phonemes
            fixed.append(Rewrite(found.start, found.end, character))
    return plain, sorted(fixed, key=lambda rewrite: rewrite.start), given


class StandIns:
    """Characters for private use that stand for what is said as given."""

    def __init__(self) -> None:
        self._next = ord(GIVEN_FIRST)

    @property
    def capacity(self) -> int:
        """How many more there are."""
        return ord(GIVEN_LAST) - self._next

    def new(self) -> str:
        """One that was not used yet."""
        self._next += 1
        return chr(self._next - 1)


def _is_said(character: str) -> bool:
    return (character.isascii() and character.isalnum()) or "㐀" <= character <= "鿿" or character in "%$€£¥&@+="
