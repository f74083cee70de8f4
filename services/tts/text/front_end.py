"""The front end as the engine sees it: a clause goes in, phonemes and the words that they belong to come out."""

from voxcart_services.tts.text.clauses import Clause
from voxcart_services.tts.text.frontend import VERSION, spoken_form
from voxcart_services.tts.text.lexicon import EMPTY_LEXICON, Lexicon
from voxcart_services.tts.text.phonemes import Phonemizer
from voxcart_services.tts.text.reading import Pronunciation, SpokenWord


class FrontEnd:
    """Shared by all sessions and thread-safe. Holds the dictionaries and the shops' lexicons."""

    def __init__(self, phonemizer: Phonemizer | None = None) -> None:
        self._phonemizer = phonemizer or Phonemizer()

    def warm_up(self, language: str) -> None:
        """Load the dictionaries of a language (``zh`` or ``en``) now. Blocks, up to a second or two."""
        self.pronounce(Clause("1", 0, 0), language=language)

    def lexicon(self, tenant: str) -> Lexicon:
        """The pronunciations of a shop as they are now; those of a shop that has none are empty."""
        return EMPTY_LEXICON

    def key(self, clause: Clause, *, language: str, british: bool, lexicon: Lexicon = EMPTY_LEXICON) -> str:
        """Everything that the pronunciation of a clause depends on, for a cache.

        Of the lexicon only the entries count that occur in the clause, so a new entry leaves other phrases cached.
        """
        return repr((VERSION, clause.text, clause.marks, language, british))

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
        spoken = spoken_form(clause.text, language)
        phonemes = self._phonemizer(spoken, british=british)
        text = clause.text.strip()
        start = clause.text.find(text)
        word = SpokenWord(text, start, start + len(text), 0, len(phonemes))
        return Pronunciation(phonemes, (word,) if phonemes else (), spoken)
