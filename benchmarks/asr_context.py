"""What do hot words cost an utterance, with none, a thousand and five thousand of them?

Measures for each number of words

- unchanged: an utterance asks for its words and its biasing graph, and nothing changed since the last,
- next turn: the same when the dialogue named 200 other words before it (merge, new graph),
- step: one decoded token in a graph of all the words,
- once: checking the request's words and building a graph of all of them.

The characters of the words are known to the process, as they are after its first minutes.

``python benchmarks/asr_context.py [--utterances 200] [--json]``
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Callable

import numpy as np

from voxcart.benchmarking.machine import describe_machine
from voxcart.text.scripts import simplify
from voxcart_services.asr.biasing import ROOT, BiasPhrase, ContextGraph, GraphCache
from voxcart_services.asr.context import MAX_DIALOGUE_WORDS, MAX_REQUEST_WORDS, ShopWords, SpeechContext, checked_words
from voxcart_services.asr.recognition import HotWord

COUNTS = (0, 1_000, 5_000)
FIRST_CHARACTER, NUM_CHARACTERS = 0x4E00, 3_000
STEPS_AT_A_TIME = 100


def random_words(count: int, seed: int) -> list[HotWord]:
    """Words of 2 to 6 random characters."""
    chance = random.Random(seed)
    characters = [chr(FIRST_CHARACTER + number) for number in range(NUM_CHARACTERS)]
    return [HotWord("".join(chance.choices(characters, k=chance.randint(2, 6)))) for _ in range(count)]


def percentiles_us(act: Callable[[], object], repeats: int, calls: int = 1) -> dict[str, float]:
    """p50 and p99 of one call's time in microseconds; `calls` are timed at a time."""
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        for _ in range(calls):
            act()
        seconds.append((time.perf_counter() - started) / calls)
    return {f"p{share}": round(1e6 * float(np.percentile(seconds, share)), 1) for share in (50, 99)}


def tokenize(word: str) -> list[list[int]]:
    """A token a character."""
    return [[ord(char) for char in word]]


def measure(count: int, utterances: int) -> dict[str, object]:
    """The figures of one number of words, microseconds."""
    words = random_words(count, seed=count)
    context = SpeechContext(ShopWords(), "demo")
    context.set_request(checked_words(words, MAX_REQUEST_WORDS))
    graphs = GraphCache(tokenize, context_score=1.0)

    def utterance() -> None:
        graphs.get(context.engine_words)
        context.correction_words  # noqa: B018  (merged when it is read)

    turns = iter([checked_words(random_words(MAX_DIALOGUE_WORDS, seed), 200) for seed in range(utterances + 1)])

    def next_turn() -> None:
        context.set_dialogue(next(turns))
        utterance()

    utterance()
    unchanged = percentiles_us(utterance, utterances, STEPS_AT_A_TIME)
    turn = percentiles_us(next_turn, utterances)
    phrases = [BiasPhrase(tuple(tokens)) for word in words for tokens in tokenize(word.text)]
    graph = ContextGraph(phrases)
    path = iter([ord(char) for word in random_words(STEPS_AT_A_TIME * utterances, seed=1) for char in word.text])
    state = ROOT

    def step() -> None:
        nonlocal state
        state = graph.forward_one_step(state, next(path), strict=False).state

    return {
        "words": count,
        "unchanged_us": unchanged,
        "next_turn_us": turn,
        "step_us": percentiles_us(step, utterances, STEPS_AT_A_TIME),
        "check_once_us": percentiles_us(lambda: checked_words(words, MAX_REQUEST_WORDS), 10),
        "graph_once_us": percentiles_us(lambda: ContextGraph(phrases), 10),
    }


def main() -> int:
    """Prints a table or, with --json, one object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--utterances", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    simplify("".join(chr(FIRST_CHARACTER + number) for number in range(NUM_CHARACTERS)))
    rows = [measure(count, options.utterances) for count in COUNTS]
    report = {"machine": describe_machine(), "utterances": options.utterances, "rows": rows}
    if options.json:
        print(json.dumps(report, ensure_ascii=False))
        return 0
    print(json.dumps(report["machine"]))
    names = [name for name in rows[0] if name != "words"]
    print(f"{'words':>6}" + "".join(f"{name:>22}" for name in names) + "   (p50 / p99)")
    for row in rows:
        cells = (f"{row[name]['p50']:.1f} / {row[name]['p99']:.1f}" for name in names)  # type: ignore[index]
        print(f"{row['words']:>6}" + "".join(f"{cell:>22}" for cell in cells))
    return 0


if __name__ == "__main__":
    sys.exit(main())
