"""How Mandarin ears hear words in Latin letters: iPhone as ai feng, Mate as mei te.

A recogniser that listens for Mandarin writes the English words of a sentence in Han characters. The sounds of a word
(from the pronunciation dictionary of misaki, Apache-2.0, else from its spelling) are put into Mandarin syllables as
loanwords are: a vowel takes the consonant before it and a nasal after it, every other consonant stands with a vowel of
its own (see S. Duanmu, The Phonology of Standard Chinese, 2007, on the syllables there are). Of syllables that Mandarin
does not have the nearest one is taken.
"""

from __future__ import annotations

import functools
import json
import re
from importlib import resources

from voxcart_services.asr.text.channel import final_distance, initial_distance
from voxcart_services.asr.text.syllables import split, syllable_numbers

_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_INITIALS = {
    **{"p": "p", "b": "b", "t": "t", "ɾ": "t", "d": "d", "k": "k", "ɡ": "g", "f": "f", "v": "w", "θ": "s", "ð": "z"},
    **{"s": "s", "z": "z", "ʃ": "sh", "ʒ": "r", "h": "h", "m": "m", "n": "n", "l": "l", "ɹ": "l", "w": "w", "j": "y"},
    **{"ʧ": "ch", "ʤ": "zh"},
}
_BEFORE_I = {"k": "q", "g": "j", "s": "x", "z": "j", "sh": "x", "h": "x", "ch": "q", "zh": "j"}
_ADAPTED = {
    ("f", "i"): "fei",
    ("w", "i"): "wei",
    ("w", "ou"): "wo",
    ("f", "ong"): "feng",
    ("p", "ong"): "peng",
    ("b", "ong"): "beng",
}
# Of each vowel the final by itself, before n or m, and before ng.
_VOWELS = {
    **{"A": ("ei", "en", "eng"), "I": ("ai", "an", "ang"), "O": ("ou", "ong", "ong"), "W": ("ao", "an", "ang")},
    **{"Y": ("uai", "uan", "uang"), "i": ("i", "in", "ing"), "ɪ": ("i", "in", "ing"), "ɛ": ("ai", "en", "eng")},
    **{"æ": ("ai", "an", "ang"), "ɑ": ("a", "ang", "ang"), "ɔ": ("ao", "ang", "ang"), "ʌ": ("a", "an", "ang")},
    **{"ə": ("e", "en", "eng"), "ᵊ": ("e", "en", "eng"), "ɜ": ("e", "en", "eng"), "u": ("u", "un", "ong")},
    **{"ʊ": ("u", "un", "ong"), "a": ("a", "an", "ang"), "e": ("e", "en", "eng"), "o": ("o", "ong", "ong")},
}
_ALONE = {
    **{"p": "pu", "b": "bu", "t": "te", "ɾ": "te", "d": "de", "k": "ke", "ɡ": "ge", "f": "fu", "v": "fu", "θ": "si"},
    **{"ð": "zi", "s": "si", "z": "zi", "ʃ": "shi", "ʒ": "ri", "m": "mu", "n": "en", "l": "er", "ɹ": "er", "h": "he"},
    **{"ʧ": "chi", "ʤ": "zhi", "w": "wu", "j": "yi", "ŋ": "en"},
}
_SILENT_AT_END = frozenset("tdkɡpbɹl")
_SPELLED = tuple(
    (re.compile(pattern), sound)
    for pattern, sound in (
        (r"ph", "f"),
        (r"sh", "ʃ"),
        (r"ch", "ʧ"),
        (r"th", "θ"),
        (r"ck|qu?|c(?![eiy])", "k"),
        (r"c", "s"),
        (r"x", "ks"),
        (r"(?<=[aeiou][bdfklmnpstvz])e$", ""),
        (r"ee|ea|y$|ie$", "i"),
        (r"oo", "u"),
        (r"ou|ow", "W"),
        (r"ai|ay|ei|ey", "A"),
        (r"o", "O"),
        (r"e", "ɛ"),
        (r"y", "j"),
        (r"r", "ɹ"),
        (r"g", "ɡ"),
        (r"j(?=[aeiouO])", "ʤ"),
        (r"([^aeiou])\1", r"\1"),
    )
)


@functools.lru_cache(maxsize=20_000)
def heard_as(name: str) -> tuple[tuple[str, ...], ...]:
    """The rows of toneless syllables that a name in Latin letters may be heard as, the fullest first; at most two.

    Words with digits, and names that are heard as one syllable or more than eight, give nothing.
    """
    if not name.isascii() or any(map(str.isdigit, name)):
        return ()
    parts = _PART.findall(name)
    full = tuple(syllable for part in parts for syllable in _syllables(_phonemes(part), is_full=True))
    short = tuple(syllable for part in parts for syllable in _syllables(_phonemes(part), is_full=False))
    return tuple(form for form in dict.fromkeys((full, short)) if 2 <= len(form) <= 8)


def _phonemes(part: str) -> str:
    """The sounds of a word or of a row of letters, one character each."""
    known = _pronunciations()
    if len(part) == 1 or (part.isupper() and len(part) <= 4 and part.lower() not in known):
        sounds = "".join(known.get(letter, "") for letter in part.upper())
    else:
        sounds = known.get(part.lower()) or known.get(part.capitalize()) or _spelled(part.lower())
    return sounds.translate({ord(mark): None for mark in "ˈˌː"})


def _spelled(word: str) -> str:
    """The sounds of a word by its spelling."""
    for pattern, sound in _SPELLED:
        word = pattern.sub(sound, word)
    return word


def _syllables(sounds: str, *, is_full: bool) -> list[str]:
    """Mandarin syllables of sounds; unless `is_full` without the consonants that are hardly heard at the end."""
    found: list[str] = []
    position = 0
    while position < len(sounds):
        onset = sounds[position] if sounds[position] in _INITIALS or sounds[position] == "ŋ" else ""
        vowel = position + len(onset)
        if vowel >= len(sounds) or sounds[vowel] not in _VOWELS:
            if onset and (is_full or vowel < len(sounds) or onset not in _SILENT_AT_END):
                found.append(_ALONE[onset])
            position += 1
            continue
        position = vowel + 1
        coda = sounds[position] if position < len(sounds) and sounds[position] in "nmŋ" else ""
        if coda and position + 1 < len(sounds) and sounds[position + 1] in _VOWELS and coda != "ŋ":
            coda = ""
        position += len(coda)
        final = _VOWELS[sounds[vowel]][("", "n", "ŋ").index(coda.replace("m", "n"))]
        found.append(_nearest(_INITIALS.get(onset, ""), final))
    return found


@functools.lru_cache(maxsize=2_000)
def _nearest(initial: str, final: str) -> str:
    """The syllable of Mandarin that is nearest to an initial and a final."""
    if (initial, final) in _ADAPTED:
        return _ADAPTED[initial, final]
    if final.startswith("i"):
        initial = _BEFORE_I.get(initial, initial)
    wanted_initial, wanted_final = split(initial + final) if initial in ("w", "y") else (initial, final)

    def distance(letters: str) -> tuple[float, str]:
        own_initial, own_final = split(letters)
        return initial_distance(wanted_initial, own_initial) + final_distance(wanted_final, own_final), letters

    return min(_usual_syllables(), key=distance)


@functools.cache
def _usual_syllables() -> tuple[str, ...]:
    """Syllables that have a vowel."""
    return tuple(letters for letters in syllable_numbers() if re.search("[aeiouv]", letters))


@functools.cache
def _pronunciations() -> dict[str, str]:
    """Words and letters with their sounds, from the dictionaries of misaki."""
    sounds: dict[str, str] = {}
    for name in ("us_silver.json", "us_gold.json"):
        text = resources.files("misaki").joinpath(f"data/{name}").read_text(encoding="utf-8")
        sounds |= {word: value for word, value in json.loads(text).items() if isinstance(value, str)}
    return sounds
