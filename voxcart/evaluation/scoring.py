"""Error rates of recognised text, after one normaliser that is applied to reference and hypothesis alike.

The normaliser's rules, and why each is there, are in ``docs/asr-evaluation.md``. Chinese is scored by character (CER),
English by word (WER), sentences that mix both by Han character and Latin word (MER) and by character as well. Every
digit is a token of its own, so that a number counts by its digits, however they are grouped.
"""

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from rapidfuzz.distance import Levenshtein

from voxcart.text.itn import normalize_spoken

Unit = Literal["character", "word", "mixed"]

_NUMERALS = str.maketrans(
    {"〇": "0", "零": "0", "一": "1", "幺": "1", "二": "2", "两": "2", "三": "3", "四": "4", "五": "5"}
    | {"六": "6", "七": "7", "八": "8", "九": "9", "十": "10"}
)
_ENGLISH_NUMERALS = {
    **{"zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7"},
    **{"eight": "8", "nine": "9", "ten": "10"},
}
_SPELLINGS = {
    **{"okay": "ok", "litre": "liter", "litres": "liters", "metre": "meter", "metres": "meters", "centre": "center"},
    **{"colour": "color", "colours": "colors", "grey": "gray", "favourite": "favorite"},
}
_HESITATIONS = frozenset({"uh", "um", "uhm", "erm", "hmm", "mm", "mhm"})
_HESITATION_CHARACTERS = re.compile("[嗯呃唔]")
_WRITTEN_PRICE = (re.compile(r"(\d+)\s*块\s*(\d)(?!\d)"), r"\1.\2元")
_SYMBOLS = (
    (re.compile(r"¥\s*(\d[\d,.]*)"), r"\1元"),
    (re.compile(r"\$\s*(\d[\d,.]*)"), r"\1 dollars "),
    (re.compile(r"(?<=\d)\s*(?:块钱|块|元钱)"), "元"),
    (re.compile(r"\b1st\b"), "first"),
    (re.compile(r"\b2nd\b"), "second"),
    (re.compile(r"\b3rd\b"), "third"),
    (re.compile(r"百分之\s*(\d[\d.]*)"), r"\1%"),
)
_PERCENT = re.compile(r"(?<=\d)\s*(?:%|percent\b)")
_TOKEN = {
    "word": re.compile(r"\d|[^\W\d_]+"),
    "mixed": re.compile(r"\d|[a-zà-ɏ]+|[^\W\d_]"),
    "character": re.compile(r"[^\W_]"),
}


def unit_of(lang: str) -> Unit:
    """What is counted in a language: words in ``en``, Han characters and Latin words in ``mixed``, else characters."""
    return {"en": "word", "mixed": "mixed"}.get(lang, "character")  # type: ignore[return-value]


def normalized_tokens(text: str, lang: str, unit: Unit | None = None) -> list[str]:
    """The tokens of a text in the form that is compared.

    Args:
        text: Reference or hypothesis.
        lang: ``zh``, ``en`` or ``mixed``; English numerals and spellings are unified in ``en`` and ``mixed``.
        unit: What a token is; by default that of the language.
    """
    plain = unicodedata.normalize("NFKC", text).lower().replace("'", "").replace("’", "")
    plain = normalize_spoken(_WRITTEN_PRICE[0].sub(_WRITTEN_PRICE[1], plain)).text.lower()
    for pattern, written in _SYMBOLS:
        plain = pattern.sub(written, plain)
    plain = _PERCENT.sub(" percent " if lang == "en" else "百分", plain)
    unit = unit or unit_of(lang)
    if lang == "en":
        return _english(_TOKEN["word"].findall(plain))
    plain = _HESITATION_CHARACTERS.sub("", plain.translate(_NUMERALS).replace("-", ""))
    tokens = _english(_TOKEN["mixed"].findall(plain)) if lang == "mixed" else _TOKEN["character"].findall(plain)
    return list("".join(tokens)) if unit == "character" else tokens


def _english(words: Iterable[str]) -> list[str]:
    tokens: list[str] = []
    for word in words:
        if word not in _HESITATIONS:
            known = _ENGLISH_NUMERALS.get(word, _SPELLINGS.get(word, word))
            tokens += known if known.isdigit() else [known]
    return tokens


@dataclass
class ErrorRate:
    """Edit distance summed over utterances.

    Attributes:
        edits: Substitutions, deletions and insertions.
        reference_tokens: Characters or words in the references.
    """

    edits: int = 0
    reference_tokens: int = 0

    def add(self, reference: str, hypothesis: str, lang: str, unit: Unit | None = None) -> int:
        """Adds one utterance; returns its edits."""
        expected = normalized_tokens(reference, lang, unit)
        edits = Levenshtein.distance(expected, normalized_tokens(hypothesis, lang, unit))
        self.edits += edits
        self.reference_tokens += len(expected)
        return edits

    @property
    def rate(self) -> float | None:
        """Edits per reference token; None before anything was added. Above 1 when much was invented."""
        return self.edits / self.reference_tokens if self.reference_tokens else None


@dataclass
class CorrectionTally:
    """What correction did to the errors of recognition, counted in tokens of the reference.

    Attributes:
        fixed: Tokens wrong before and right after.
        damaged: Tokens right before and wrong after.
        inserted, removed: Superfluous tokens that came and went.
        utterances_better, utterances_worse: By their number of edits.
    """

    fixed: int = 0
    damaged: int = 0
    inserted: int = 0
    removed: int = 0
    utterances_better: int = 0
    utterances_worse: int = 0

    def add(self, reference: str, raw: str, corrected: str, lang: str) -> int:
        """Adds one utterance; returns by how many edits it got better (negative: worse)."""
        expected = normalized_tokens(reference, lang)
        before, after = normalized_tokens(raw, lang), normalized_tokens(corrected, lang)
        right_before, extra_before = _alignment(expected, before)
        right_after, extra_after = _alignment(expected, after)
        self.fixed += len(right_after - right_before)
        self.damaged += len(right_before - right_after)
        self.inserted += max(extra_after - extra_before, 0)
        self.removed += max(extra_before - extra_after, 0)
        gain = Levenshtein.distance(expected, before) - Levenshtein.distance(expected, after)
        self.utterances_better += gain > 0
        self.utterances_worse += gain < 0
        return gain


def _alignment(expected: Sequence[str], found: Sequence[str]) -> tuple[set[int], int]:
    """Positions of the reference that were found, and the number of insertions."""
    right: set[int] = set()
    inserted = 0
    for step in Levenshtein.opcodes(expected, found):
        if step.tag == "equal":
            right.update(range(step.src_start, step.src_end))
        elif step.tag == "insert":
            inserted += step.dest_end - step.dest_start
    return right, inserted


@dataclass
class SlotAccuracy:
    """How many of the words that carry a value were recognised without an error, by slot."""

    right: dict[str, int] = field(default_factory=dict)
    total: dict[str, int] = field(default_factory=dict)

    def add(self, slots: Sequence[tuple[str, str]], hypothesis: str, lang: str) -> list[tuple[str, str]]:
        """Adds the slots of one utterance; returns those that were missed.

        A slot is right if its tokens stand together in the hypothesis, as often as it was said.
        """
        found = "\0".join(["", *normalized_tokens(hypothesis, lang), ""])
        wanted: dict[str, int] = {}
        missed = []
        for name, text in slots:
            tokens = "\0".join(["", *normalized_tokens(text, lang), ""])
            wanted[tokens] = wanted.get(tokens, 0) + 1
            self.total[name] = self.total.get(name, 0) + 1
            if _count_overlapping(found, tokens) >= wanted[tokens]:
                self.right[name] = self.right.get(name, 0) + 1
            else:
                missed.append((name, text))
        return missed

    def report(self) -> dict[str, dict[str, float | int]]:
        """Accuracy and count by slot, and of all."""
        rows = {name: (self.right.get(name, 0), total) for name, total in sorted(self.total.items())}
        if rows:
            rows["all"] = (sum(self.right.values()), sum(self.total.values()))
        return {name: {"accuracy": round(right / total, 4), "count": total} for name, (right, total) in rows.items()}


def _count_overlapping(text: str, part: str) -> int:
    """Occurrences of a part that begins and ends with the separator; neighbours share one."""
    count, position = 0, text.find(part)
    while position >= 0:
        count += 1
        position = text.find(part, position + len(part) - 1)
    return count


def percentile(values: list[float], share: float) -> float | None:
    """The nearest-rank percentile, ``share`` in 0..1; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
