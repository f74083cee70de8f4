"""What is found in a text: mentions of known words, and the slots made of them."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Mention:
    """A word or name of the lexicon or catalogue at ``text[start:end]``.

    ``options`` maps each slot name the word can fill to its machine form (None if it stands for itself); ``meant`` is
    what was meant where the recogniser misheard a name, else "".
    """

    start: int
    end: int
    options: dict[str, Any]
    source: str = "lexicon"
    meant: str = ""

    def overlaps(self, start: int, end: int) -> bool:
        """Whether the mention shares a character with ``[start, end)``."""
        return self.start < end and start < self.end


@dataclass(slots=True)
class Slot:
    """A value of the utterance, ``text[start:end]``; fields as in ``voxcart.common.v1.Slot``."""

    name: str
    start: int
    end: int
    normalized: Any = None
    negated: bool = False
    relation: str = ""
    approximate: bool = False
    confidence: float | None = None

    def overlaps(self, start: int, end: int) -> bool:
        """Whether the slot shares a character with ``[start, end)``."""
        return self.start < end and start < self.end


@dataclass(frozen=True, slots=True)
class IntentScore:
    """An intent and its calibrated probability."""

    intent: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Understood:
    """What an utterance means; the engine's result, free of transport types."""

    text: str
    intent: str
    confidence: float
    slots: list[Slot] = field(default_factory=list)
    sentiment: str = "neutral"
    sentiment_score: float = 0.0
    language: str = "zh"
    top_intents: list[IntentScore] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
