"""Letter-to-sound rules for English words that are in no dictionary: made-up brand names, rare names.

The idea is that of Elovitz et al., "Automatic Translation of English Text to Phonetics by Means of Letter-to-Sound
Rules" (Naval Research Laboratory, 1976): the longest rule that fits at each place wins. The rules here are fewer and
write Kokoro's notation.
"""

import re

_RULES: tuple[tuple[str, str], ...] = (
    (r"^x", "z"), (r"^kn", "n"), (r"^wr", "ɹ"), (r"^ps", "s"), (r"^pn", "n"), (r"^mc", "mək"),
    (r"tion", "ʃən"), (r"sion", "ʒən"), (r"cious|tious", "ʃəs"), (r"ough", "O"), (r"augh", "ɔ"), (r"eigh", "A"),
    (r"igh", "I"), (r"tch", "ʧ"), (r"dge?(?=$|[^a-z])", "ʤ"), (r"sch", "sk"), (r"que$", "k"),
    (r"air|are$", "ɛɹ"), (r"ear|eer", "ɪɹ"), (r"oor|ore$", "ɔɹ"), (r"our", "ɔɹ"), (r"ar", "ɑɹ"), (r"or", "ɔɹ"),
    (r"er|ir|ur", "əɹ"),
    (r"ch", "ʧ"), (r"sh", "ʃ"), (r"th", "θ"), (r"ph", "f"), (r"wh", "w"), (r"ck", "k"), (r"qu", "kw"), (r"gh", "ɡ"),
    (r"ng(?=$|[^aeiouy])", "ŋ"), (r"nk", "ŋk"), (r"x", "ks"),
    (r"ai|ay|ei|ey(?=.)", "A"), (r"ee|ea|ie", "i"), (r"ey$", "i"), (r"oa|oe", "O"), (r"oo", "u"), (r"ou|ow(?=.)", "W"),
    (r"ow$", "O"), (r"oi|oy", "Y"), (r"au|aw", "ɔ"), (r"eu|ew|ue", "u"), (r"ui", "u"),
    (r"a(?=[^aeiouywx]e$)", "A"), (r"e(?=[^aeiouywx]e$)", "i"), (r"i(?=[^aeiouywx]e$)", "I"),
    (r"o(?=[^aeiouywx]e$)", "O"), (r"u(?=[^aeiouywx]e$)", "u"), (r"y(?=[^aeiouywx]e$)", "I"),
    (r"a$", "ə"), (r"i$", "i"), (r"o$", "O"), (r"u$", "u"), (r"y$", "i"), (r"(?<=[a-z][^aeiou])e$|(?<=[^a-z])e$", ""),
    (r"e$", ""),
    (r"^y|y(?=[aeiou])", "j"), (r"y", "ɪ"),
    (r"c(?=[eiy])", "s"), (r"g(?=[eiy])", "ʤ"), (r"([bdfgklmnprstvz])\1", r"\1"),
    (r"a", "æ"), (r"e", "ɛ"), (r"i", "ɪ"), (r"o", "ɑ"), (r"u", "ʌ"),
    (r"c", "k"), (r"g", "ɡ"), (r"j", "ʤ"), (r"q", "k"), (r"r", "ɹ"),
)  # fmt: skip
_COMPILED = tuple((re.compile(pattern), sound) for pattern, sound in _RULES)
_CONSONANTS = {"g": "ɡ", "r": "ɹ"}
_VOWEL_SOUND = re.compile("[AIOWYaiuæɑɔəɛɪʊʌ]")


def sounds_of_letters(word: str) -> str:
    """Phonemes of a lower-case word (a-z only), stressed on its first vowel."""
    sounds: list[str] = []
    position = 0
    while position < len(word):
        sound, position = _sound_at(word, position)
        sounds.append(sound)
    phonemes = "".join(sounds)
    stressed = _VOWEL_SOUND.search(phonemes)
    if stressed is None:
        return phonemes
    return f"{phonemes[: stressed.start()]}ˈ{phonemes[stressed.start() :]}"


def _sound_at(word: str, position: int) -> tuple[str, int]:
    for pattern, sound in _COMPILED:
        match = pattern.match(word, position)
        if match and match.end() > position:
            written = match.expand(sound) if "\\" in sound else sound
            return _CONSONANTS.get(written, written), match.end()
    return word[position], position + 1
