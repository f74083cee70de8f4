"""How often words shown early are taken back, and whether stability tells the truth about them.

A word counts as taken back when a later text of the same utterance, the final one included, does not have it at its
place any more (erasure, as in N. Arivazhagan et al., "Re-translation versus streaming for simultaneous translation",
IWSLT 2020). Signs and capitals are no words; a Han character is one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from voxcart_services.asr.agreement import num_alike, words_of


@dataclass(frozen=True)
class ShownUtterance:
    """What was shown of an utterance.

    Attributes:
        interims: Text and stability of the interim results, in order.
        final: Text of the final.
    """

    interims: tuple[tuple[str, float], ...]
    final: str


@dataclass
class InterimTally:
    """Counts over utterances.

    Attributes:
        utterances, with_interims: Utterances with a final, and those of them with an interim before it.
        interims: Interim results.
        final_words: Words of the finals of utterances with interims.
        retracted: Words shown and taken back; one word can be taken back several times.
        settled, settled_kept: Words that stability called settled, and those of them that the final has.
        stability_sum: Of all interims.
    """

    utterances: int = 0
    with_interims: int = 0
    interims: int = 0
    final_words: int = 0
    retracted: int = 0
    settled: int = 0
    settled_kept: int = 0
    stability_sum: float = 0.0

    def add(self, shown: ShownUtterance) -> None:
        """Takes one utterance."""
        self.utterances += 1
        if not shown.interims:
            return
        final = words_of(shown.final)
        texts = [words_of(text) for text, _ in shown.interims]
        self.with_interims += 1
        self.interims += len(texts)
        self.final_words += len(final)
        for text, after in zip(texts, [*texts[1:], final], strict=True):
            self.retracted += len(text) - num_alike(text, after)
        for text, (_, stability) in zip(texts, shown.interims, strict=True):
            settled = round(stability * len(text))
            self.stability_sum += stability
            self.settled += settled
            self.settled_kept += num_alike(text[:settled], final)

    def to_json(self) -> dict[str, Any]:
        """Rates; None where there is nothing to count."""
        return {
            "utterances": self.utterances,
            "with_interims": self.with_interims,
            "interims": self.interims,
            "words_retracted_per_final_word": _ratio(self.retracted, self.final_words),
            "mean_stability": _ratio(self.stability_sum, self.interims),
            "settled_words": self.settled,
            "settled_words_kept": _ratio(self.settled_kept, self.settled),
        }


def tally(shown: Sequence[ShownUtterance]) -> dict[str, Any]:
    """The rates over utterances, plain data for JSON."""
    counts = InterimTally()
    for one in shown:
        counts.add(one)
    return counts.to_json()


def as_line(found: dict[str, Any]) -> str:
    """The rates for people to read."""
    return "interims: " + ", ".join(f"{'-' if value is None else value} {name}" for name, value in found.items())


def _ratio(part: float, whole: float) -> float | None:
    return round(part / whole, 4) if whole else None
