"""Learns what the recogniser takes for what: `python -m training.asr.confusions PAIRS.tsv`.

PAIRS.tsv holds lines `said<TAB>recognised`, for instance of sentences that were synthesised and
recognised. Both are aligned character by character; of the characters that were recognised as others
the initials, finals and tones are counted. A cost is -log of how often a part is taken for another, relative to how
often it stays itself in a wrong character, with the phonetic distances of the channel as pseudo-counts. Writes
`services/asr/data/confusion_costs.json`.
"""

import argparse
import json
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from voxcart.text.itn import normalize_spoken
from voxcart_services.asr.text.channel import COSTS_FILE, final_distance, initial_distance
from voxcart_services.asr.text.syllables import Syllable, readings, split
from voxcart_services.asr.text.tokens import to_tokens

OUTPUT = Path("services/asr/data") / COSTS_FILE
_GAP_COST = 5.0
_UNLIKE_COST = 9.0
_MAX_COUNTED = 8.0
_TONE_COST = 0.6
_PSEUDO_COUNTS = {"initial": 12.0, "final": 12.0, "tone": 12.0}


def distance(said: Syllable, heard: Syllable) -> float:
    """A priori cost of one syllable for another."""
    (initial, final), (heard_initial, heard_final) = split(said.letters), split(heard.letters)
    tone = _TONE_COST if said.tone != heard.tone else 0.0
    return initial_distance(initial, heard_initial) + final_distance(final, heard_final) + tone


def nearest(said: str, heard: str) -> tuple[float, Syllable, Syllable] | None:
    """The readings of two characters that are most alike, with their distance."""
    pairs = ((distance(a, b), a, b) for a in readings(said) for b in readings(heard))
    return min(pairs, default=None)


def align(said: str, heard: str) -> list[tuple[str, str]]:
    """Pairs of tokens by the cheapest alignment; "" stands opposite what has no partner."""

    def cost(first: str, second: str) -> float:
        if first == second:
            return 0.0
        near = nearest(first, second)
        return min(_UNLIKE_COST, 0.5 + near[0]) if near else _UNLIKE_COST

    table = [[(_GAP_COST * (i + j), "") for j in range(len(heard) + 1)] for i in range(len(said) + 1)]
    for i in range(len(said) + 1):
        for j in range(len(heard) + 1):
            options = [(table[i - 1][j][0] + _GAP_COST, "said")] if i else []
            options += [(table[i][j - 1][0] + _GAP_COST, "heard")] if j else []
            options += [(table[i - 1][j - 1][0] + cost(said[i - 1], heard[j - 1]), "both")] if i and j else []
            table[i][j] = min(options, default=(0.0, ""))
    pairs, i, j = [], len(said), len(heard)
    while i or j:
        move = table[i][j][1]
        i, j = i - (move != "heard"), j - (move != "said")
        pairs.append((said[i] if move != "heard" else "", heard[j] if move != "said" else ""))
    return pairs[::-1]


def count(pairs: Iterable[tuple[str, str]]) -> tuple[dict[str, Counter[tuple[str, str]]], Counter[str]]:
    """Counts of (said, heard) by part, and of the kinds of pairs: right, wrong, unlike, missed, invented."""
    parts: dict[str, Counter[tuple[str, str]]] = {"initial": Counter(), "final": Counter(), "tone": Counter()}
    kinds: Counter[str] = Counter()
    for said_text, heard_text in pairs:
        tokens = (to_tokens(normalize_spoken(text).text).replace(",", "") for text in (said_text, heard_text))
        for said, heard in align(*tokens):
            near = nearest(said, heard) if said and heard and said != heard else None
            if said == heard:
                kinds["right"] += 1
            elif near is None or near[0] > _MAX_COUNTED:
                kinds["unlike" if said and heard else "missed" if said else "invented"] += 1
            else:
                kinds["wrong"] += 1
                (initial, final), (heard_initial, heard_final) = split(near[1].letters), split(near[2].letters)
                parts["initial"][initial, heard_initial] += 1
                parts["final"][final, heard_final] += 1
                parts["tone"][str(near[1].tone), str(near[2].tone)] += 1
    return parts, kinds


def costs(
    counts: Counter[tuple[str, str]], known: Iterable[str], prior: Callable[[str, str], float], pseudo_counts: float
) -> dict[str, float]:
    """Costs by "said heard", for every pair of known parts whose cost is not the a priori one."""
    names = sorted(known)
    learned: dict[str, float] = {}
    for said in names:
        weights = {heard: math.exp(-prior(said, heard)) for heard in names}
        scale = pseudo_counts / sum(weights.values())
        smoothed = {heard: counts[said, heard] + scale * weight for heard, weight in weights.items()}
        for heard in names:
            if heard != said:
                learned[f"{said} {heard}"] = round(max(0.1, math.log(smoothed[said] / smoothed[heard])), 2)
    return learned


def learn(pairs: list[tuple[str, str]]) -> dict:
    """The costs and the counts that they are from."""
    from pypinyin.pinyin_dict import pinyin_dict

    common = (chr(code) for code in pinyin_dict if 0x4E00 <= code <= 0x9FFF)
    parts = [split(readings(char)[0].letters) for char in common if readings(char)]
    counts, kinds = count(pairs)
    initials, finals = {initial for initial, _ in parts}, {final for _, final in parts if final}
    pseudo = _PSEUDO_COUNTS
    return {
        "sentences": len(pairs),
        "characters": dict(kinds),
        "costs": {
            "initial": costs(counts["initial"], initials, initial_distance, pseudo["initial"]),
            "final": costs(counts["final"], finals, final_distance, pseudo["final"]),
            "tone": costs(counts["tone"], "12345", lambda a, b: 0.0 if a == b else _TONE_COST, pseudo["tone"]),
        },
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    try:
        lines = arguments.pairs.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        sys.exit(str(error))
    pairs = [(fields[0], fields[1]) for line in lines if len(fields := line.split("\t")) == 2]
    learned = learn(pairs)
    arguments.output.write_text(json.dumps(learned, ensure_ascii=False, separators=(",", ":")) + "\n", "utf-8")
    print(json.dumps({"sentences": learned["sentences"], "characters": learned["characters"]}, ensure_ascii=False))


if __name__ == "__main__":
    main()
