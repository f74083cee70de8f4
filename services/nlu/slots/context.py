"""What every slot finder is given."""

from dataclasses import dataclass

from voxcart.text.segment import Token
from voxcart_services.nlu.mentions import Mentions


@dataclass(frozen=True, slots=True)
class SlotContext:
    """One utterance: its text, its most likely intent, what was found in it, and its words."""

    text: str
    intent: str
    mentions: Mentions
    tokens: list[Token]

    def before(self, start: int, count: int = 8) -> str:
        """Up to ``count`` characters in front of an offset."""
        return self.text[max(0, start - count) : start]

    def after(self, end: int, count: int = 8) -> str:
        """Up to ``count`` characters behind an offset."""
        return self.text[end : end + count]
