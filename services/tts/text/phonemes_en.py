"""English phonemes in Kokoro's notation, without espeak: dictionaries, word forms, spelling, letter-to-sound rules.

The dictionaries are misaki's (180,000 words, US and British). A word that is in none is taken apart: regular endings
(-s, -ed, -ing), parts of a CamelCase name, letters of an abbreviation; what is left is read by rules.
"""

import json
import re
from collections.abc import Sequence
from functools import cache
from importlib import resources

from voxcart.text.wordlist import words as words_of
from voxcart_services.tts.text.heteronyms import word_class
from voxcart_services.tts.text.letter_sounds import sounds_of_letters
from voxcart_services.tts.text.notation import NOTATION
from voxcart_services.tts.text.tables import read_lexicon

_VOWELS = frozenset("AIOQWYaiuæɑɒɔəɛɜɪʊʌᵻ")
_STRESS = "ˈˌ"
_PARTS = re.compile(r"[A-Z]?[a-z']+|[A-Z]+(?![a-z])|[A-Z]")
_WEAK_FORMS = {"a": "ɐ", "an": "ɐn", "am": "ɐm", "and": "ænd", "i": "ˌI", "of": "ʌv", "for": "fɔɹ"}
_PRONOUNCEABLE = re.compile(r"[^AEIOUY]{0,2}(?:[AEIOUY]{1,2}[^AEIOUY]{1,2}){0,2}[AEIOUY]{0,2}")
"""An abbreviation that people say as a word: OPPO, LEGO."""
_AFTER_A_LETTER = frozenset(
    words_of(
        "zero two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
        "eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety and or"
    )
)
"""After a capital A at the start: A17 is no article."""


def _spelled_as_ours(phonemes: str) -> str:
    return phonemes.replace("ɾ", "T").replace("ʔ", "t")


@cache
def _dictionaries(region: str) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Pronunciations by word, and by word class those of words that have several."""
    data = resources.files("misaki") / "data"
    words: dict[str, str] = {}
    heteronyms: dict[str, dict[str, str]] = {}
    for grade in ("silver", "gold"):
        entries = json.loads(data.joinpath(f"{region}_{grade}.json").read_text(encoding="utf-8"))
        for word, phonemes in entries.items():
            if isinstance(phonemes, dict):
                heteronyms[word] = {name: _spelled_as_ours(form) for name, form in phonemes.items() if form}
                phonemes = phonemes["DEFAULT"]
            if phonemes:
                words[word] = _spelled_as_ours(phonemes)
    own = read_lexicon("lexicon_en.tsv")
    words.update(own)
    for word in own:
        heteronyms.pop(word, None)
    return words, heteronyms


class EnglishPhonemizer:
    """English words to phonemes. The first of a region loads its dictionaries (0.2 s, about 40 MB)."""

    def __init__(self, *, british: bool = False) -> None:
        self._words, self._heteronyms = _dictionaries("gb" if british else "us")

    def __call__(self, words: Sequence[str]) -> list[str]:
        """Phonemes of each of the words of one phrase, in their context; empty for what has no sound."""
        said: list[str] = []
        following = ""
        for position in range(len(words) - 1, -1, -1):
            following = self._in_context(words, position, following)
            said.append("".join(symbol for symbol in following if symbol in NOTATION))
        return said[::-1]

    def _in_context(self, words: Sequence[str], position: int, following: str) -> str:
        """``following``: the phonemes of the next word, empty at the end."""
        word = words[position]
        lower = word.lower()
        before_vowel = following.lstrip(_STRESS)[:1] in _VOWELS
        if lower == "the":
            return "ði" if before_vowel else "ðə"
        if lower == "to":
            return "tʊ" if before_vowel else "tə"
        if word == "A":
            is_article = position == 0 and following and words[1].lower() not in _AFTER_A_LETTER and len(words[1]) > 1
            return _WEAK_FORMS["a"] if is_article else self.word(word)
        if lower in _WEAK_FORMS and (lower == word or word == "I" or (word == "An" and following)):
            return _WEAK_FORMS[lower]
        forms = self._heteronyms.get(lower)
        if forms and (word.islower() or word.istitle()):
            return forms.get(word_class(words, position)) or forms["DEFAULT"]
        return self.word(word)

    def word(self, word: str) -> str:
        """Phonemes of one word, whatever it is, without its context."""
        found = self._known(word)
        if found is not None:
            return found
        parts = _PARTS.findall(word)
        if len(parts) > 1:
            return "".join(self.word(part) for part in parts)
        if word.isupper() and (len(word) <= 3 or (len(word) <= 5 and not _PRONOUNCEABLE.fullmatch(word))):
            return self._spelled(word)
        if not re.search("[aeiouy]", word.lower()):
            return self._spelled(word)
        return sounds_of_letters(word.lower().replace("'", ""))

    def _known(self, word: str) -> str | None:
        for form in (word, word.lower(), word.capitalize()):
            if form in self._words and not (word.isupper() and 1 < len(word) <= 4 and form != word):
                return self._words[form]
        lower = word.lower()
        if word.isupper() and 1 < len(word) <= 4:
            return self._words.get(lower) if len(word) == 4 or lower in ("ok", "usb", "sku", "app") else None
        return self._inflected(lower)

    def _inflected(self, word: str) -> str | None:
        if word.endswith("'s"):
            return self._with_s(word[:-2])
        if word.endswith("s") and not word.endswith("ss"):
            stems = [word[:-1]]
            stems += [word[:-2]] if word.endswith("es") else []
            stems += [word[:-3] + "y"] if word.endswith("ies") else []
            return next((form for stem in stems if (form := self._with_s(stem))), None)
        if word.endswith("ed"):
            return next((form for stem in _stems(word[:-2]) if (form := self._with_d(stem))), None)
        if word.endswith("ing"):
            known = (self._words.get(stem) for stem in _stems(word[:-3]))
            return next((phonemes + "ɪŋ" for phonemes in known if phonemes), None)
        return None

    def _with_s(self, stem: str) -> str | None:
        phonemes = self._words.get(stem)
        if not phonemes:
            return None
        if phonemes[-1] in "ptkfθ":
            return phonemes + "s"
        return phonemes + ("ᵻz" if phonemes[-1] in "szʃʒʧʤ" else "z")

    def _with_d(self, stem: str) -> str | None:
        phonemes = self._words.get(stem)
        if not phonemes:
            return None
        if phonemes[-1] in "pkfθʃsʧ":
            return phonemes + "t"
        return phonemes + ("ᵻd" if phonemes[-1] in "td" else "d")

    def _spelled(self, word: str) -> str:
        letters = [self._words[letter] for letter in word.upper() if letter.isalpha()]
        return " ".join(letters)


def _stems(start: str) -> list[str]:
    """What a word may have been before -ed or -ing: add(ed), save -> sav(ed), shop -> shopp(ed), try -> tri(ed)."""
    stems = [start, start + "e"]
    if len(start) > 2 and start[-1] == start[-2]:
        stems.append(start[:-1])
    if start.endswith("i"):
        stems.append(start[:-1] + "y")
    return stems
