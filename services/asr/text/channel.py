"""How likely the recogniser writes one syllable when another was said: the channel of the noisy-channel model.

The cost of a syllable is the sum of the costs of its initial, final and tone, each the negative logarithm of how often
the recogniser takes one for the other, relative to taking it for itself. They are learned by
`training/asr/confusions.py` from the recogniser's own mistakes, smoothed with the phonetic distances here, and come
with the service in `data/confusion_costs.json`.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from importlib import resources

import numpy as np

from voxcart_services.asr.text.syllables import split, syllable_numbers

MAX_COST = 6.5
"""Syllables whose initial and final cost more are never taken for each other."""
_TONE_COST = 0.6
NUM_TONES = 6
"""Tones 1 to 4, 5 for none; 0 is not used."""
COSTS_FILE = "confusion_costs.json"

_PLACES = {"": 0, "b": 1, "p": 1, "m": 1, "f": 1, "d": 2, "t": 2, "n": 2, "l": 2, "z": 3, "c": 3, "s": 3,
           "zh": 4, "ch": 4, "sh": 4, "r": 4, "j": 5, "q": 5, "x": 5, "g": 6, "k": 6, "h": 6}  # fmt: skip
_NEAR_INITIALS = {
    frozenset(pair.split("/"))
    for pair in [
        "z/zh",
        "c/ch",
        "s/sh",
        "n/l",
        "b/p",
        "d/t",
        "g/k",
        "j/q",
        "zh/ch",
        "z/c",
        "sh/x",
        "zh/j",
        "ch/q",
        "s/x",
        "z/j",
        "c/q",
        "f/h",
        "l/r",
    ]
}
_CODAS = ("ng", "n")


def initial_distance(said: str, heard: str) -> float:
    """A priori cost of one initial for another: 0 for the same, 1.5 for usual confusions, up to 4.5."""
    if said == heard:
        return 0.0
    if frozenset((said, heard)) in _NEAR_INITIALS:
        return 1.5
    return 3.0 if _PLACES[said] == _PLACES[heard] or "" in (said, heard) else 4.5


def final_distance(said: str, heard: str) -> float:
    """A priori cost of one final for another: 1 for n/ng, more for every other part that differs."""
    if said == heard:
        return 0.0
    (medial, nucleus, coda), (heard_medial, heard_nucleus, heard_coda) = _parts(said), _parts(heard)
    cost = 0.0
    if medial != heard_medial:
        cost += 2.0
    if nucleus != heard_nucleus:
        cost += 2.5
    if coda != heard_coda:
        cost += 1.0 if coda in _CODAS and heard_coda in _CODAS else 2.0
    return cost


@functools.cache
def _parts(final: str) -> tuple[str, str, str]:
    """Medial, nucleus and coda: iang -> (i, a, ng)."""
    coda = next((coda for coda in _CODAS if final.endswith(coda)), "")
    body = final[: len(final) - len(coda)]
    medial = body[0] if len(body) > 1 and body[0] in "iuv" else ""
    body = body[len(medial) :]
    if len(body) > 1:  # ai, ei, ao, ou
        return medial, body[0], body[1:]
    return medial, body, coda


class SoundChannel:
    """Costs in nats, by the numbers of `syllable_numbers`; `said` is what was meant, `heard` what was written."""

    def __init__(self, costs: Mapping[str, Mapping[str, float]]) -> None:
        """
        Args:
            costs: `initial`, `final` and `tone`: each "said heard" -> cost; what is missing has its a priori cost.
        """
        parts = [split(letters) for letters in syllable_numbers()]
        initials = _table([initial for initial, _ in parts], costs["initial"], initial_distance)
        finals = _table([final for _, final in parts], costs["final"], final_distance)
        self.syllables = initials + finals
        """float32 [heard, said]: of hearing another syllable; infinite for what is never taken for each other."""
        self.syllables[self.syllables > MAX_COST] = np.inf
        self.tones = np.array(
            [
                [
                    0.0 if said == heard else costs["tone"].get(f"{said} {heard}", _TONE_COST)
                    for said in range(NUM_TONES)
                ]
                for heard in range(NUM_TONES)
            ],
            np.float32,
        )
        """float32 [heard, said]: of hearing another tone."""


def _table(parts: Sequence[str], learned: Mapping[str, float], distance: Callable[[str, str], float]) -> np.ndarray:
    """Costs of one part of all syllables for that of all, float32 [heard, said]."""
    names = sorted(set(parts))
    table = [[learned.get(f"{said} {heard}", distance(said, heard)) for said in names] for heard in names]
    numbers = [names.index(part) for part in parts]
    return np.array(table, np.float32)[np.ix_(numbers, numbers)]


def read_costs() -> dict[str, dict[str, float]]:
    """The learned costs that come with the service."""
    text = resources.files("voxcart_services.asr").joinpath(f"data/{COSTS_FILE}").read_text(encoding="utf-8")
    return json.loads(text)["costs"]
