"""What may be a hot word: one rule for all that take them."""

import unicodedata

from voxcart.errors import InvalidInput

MAX_CHARACTERS = 64


def clean_hot_word(text: str) -> str:
    """A hot word in compatibility form (NFKC), without outer and doubled spaces.

    Raises:
        InvalidInput: Longer than 64 characters, control characters in it, or nothing that can be said.
    """
    normal = unicodedata.normalize("NFKC", text)
    if max(len(text), len(normal)) > MAX_CHARACTERS:
        raise InvalidInput(f"a hot word has at most {MAX_CHARACTERS} characters, not {max(len(text), len(normal))}")
    if not normal.isprintable():
        raise InvalidInput("a hot word holds control characters")
    cleaned = " ".join(normal.split())
    if not any(char.isalnum() for char in cleaned):
        raise InvalidInput("a hot word is empty: it needs a letter, digit or character")
    return cleaned
