"""Error rates of recognised text, after one normaliser that is applied to reference and hypothesis alike.

The normaliser: Unicode NFKC, lower case, simplified characters, spoken numbers to digits (``voxcart.text.itn``), the
numerals that are left to digits one by one (第一个 and 第1个 are the same), then everything that is neither letter,
digit nor ideograph is dropped. Chinese and mixed text is scored by character (CER), English by word (WER).
"""

import math
import re
import unicodedata
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein

from voxcart.text.itn import normalize_spoken

_NUMERALS = str.maketrans(
    {"〇": "0", "零": "0", "一": "1", "二": "2", "两": "2", "三": "3", "四": "4", "五": "5"}
    | {"六": "6", "七": "7", "八": "8", "九": "9", "十": "10"}
)
_DROPPED = re.compile(r"[\W_]+")


def normalized_tokens(text: str, lang: str) -> list[str]:
    """Characters of Chinese or mixed text, words of English text, in the form that is compared.

    Args:
        lang: ``"en"`` compares words, everything else characters.
    """
    plain = normalize_spoken(unicodedata.normalize("NFKC", text).lower()).text.lower()
    if lang == "en":
        return [word for part in plain.replace("'", "").split() if (word := _DROPPED.sub("", part))]
    return list(_DROPPED.sub("", plain.translate(_NUMERALS)))


@dataclass
class ErrorRate:
    """Edit distance summed over utterances.

    Attributes:
        edits: Substitutions, deletions and insertions.
        reference_tokens: Characters or words in the references.
    """

    edits: int = 0
    reference_tokens: int = 0

    def add(self, reference: str, hypothesis: str, lang: str) -> int:
        """Adds one utterance; returns its edits."""
        expected, found = normalized_tokens(reference, lang), normalized_tokens(hypothesis, lang)
        edits = Levenshtein.distance(expected, found)
        self.edits += edits
        self.reference_tokens += len(expected)
        return edits

    @property
    def rate(self) -> float | None:
        """Edits per reference token; None before anything was added. Above 1 when much was invented."""
        return self.edits / self.reference_tokens if self.reference_tokens else None


def percentile(values: list[float], share: float) -> float | None:
    """The nearest-rank percentile, ``share`` in 0..1; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
