"""Which of a word's pronunciations is meant: read, live, record, close, by the words around it.

A few signs tell nearly always whether a word is a noun, a verb or an adjective: the determiner, auxiliary or
preposition before it, and what follows. That is enough for the sentences of a shop, and it needs no tagger.
"""

from collections.abc import Sequence

from voxcart.text.wordlist import words

_DETERMINERS = frozenset(
    words(
        "a an the this that these those my your our his her their its no each every any some another which what new "
        "old full free best good special daily first last next one two three many few more most other own of for with "
        "without per by from in on at via about after before into limited official personal track world"
    )
)
_AUXILIARIES = frozenset(
    words(
        "to will would can could should must may might shall please cannot can't don't doesn't didn't won't wouldn't "
        "couldn't shouldn't let's i'll you'll we'll they'll he'll she'll it'll not never always also and or do did does"
    )
)
_SUBJECTS = frozenset(words("i you we they who customers people users shoppers"))
_PERFECT = frozenset(words("have has had i've you've we've they've was were been be is are already just being get got"))
_OBJECTS = frozenset(
    words("the a an this that these those your my our his her their it me us them all up down in out now here")
)
_LIVE_NOUNS = frozenset(
    words(
        "show shows stream streams streaming chat chats music video videos broadcast broadcasts support event events "
        "room session sessions sale sales shopping demo feed seafood lobster fish crab crabs plants audience photo "
        "photos agent host"
    )
)


def word_class(sentence: Sequence[str], position: int) -> str:
    """``NOUN``, ``VERB``, ``VBD`` (past), ``ADJ`` or ``DEFAULT``, as misaki's dictionary names them."""
    word = sentence[position].lower()
    before = sentence[position - 1].lower() if position else ""
    after = sentence[position + 1].lower() if position + 1 < len(sentence) else ""
    if word in _PARTICULAR:
        return _PARTICULAR[word](before, after)
    if before in _AUXILIARIES or (before in _SUBJECTS and after not in ("of",)):
        return "VERB"
    if not before:
        return "VERB" if after in _OBJECTS else "NOUN"
    if before in _DETERMINERS:
        return "NOUN"
    return "NOUN" if not after or after in ("is", "was", "of", "for", "and", "has", "will") else "DEFAULT"


def _read(before: str, after: str) -> str:
    return "VBD" if before in _PERFECT or before in ("he", "she", "it") else "DEFAULT"


def _live(before: str, after: str) -> str:
    is_adjective = after in _LIVE_NOUNS or before in (
        "go",
        "goes",
        "going",
        "went",
        "watch",
        "is",
        "are",
        "we're",
        "now",
    )
    return "ADJ" if is_adjective else "VERB"


def _used(before: str, after: str) -> str:
    return "VBD" if after == "to" and before not in _PERFECT else "DEFAULT"


def _close(before: str, after: str) -> str:
    if before in _AUXILIARIES or before in _SUBJECTS or (not before and after in _OBJECTS):
        return "VERB"
    return "NOUN" if before == "the" and not after else "DEFAULT"


def _wind(before: str, after: str) -> str:
    return "VERB" if before in ("to", "please") else "DEFAULT"


_PARTICULAR = {
    "read": _read, "reread": _read, "live": _live, "used": _used, "close": _close, "wind": _wind, "winds": _wind,
    "wound": lambda before, after: "VBD" if before in _PERFECT else "DEFAULT",
    "closer": lambda before, after: "DEFAULT", "that": lambda before, after: "DEFAULT",
    "bass": lambda before, after: "ADJ",
}  # fmt: skip
"""Words whose ways of being told apart are their own. Bass in a shop is a sound, not a fish."""
