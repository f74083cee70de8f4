"""A shop's own pronunciations: how its brands and products are said."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Lexicon:
    """The pronunciations of one shop at one moment: a snapshot, so that a reply is spoken by one state of them."""


EMPTY_LEXICON = Lexicon()
"""Of a shop that has no pronunciations of its own."""
