"""What does the correction of an utterance cost, with catalogues of 0, 600, 5,000 and 20,000 names, and with hot words?

Sentences are drawn from shop words around a product name, one character in five heard as another of the same syllable;
they are the same for all sizes. Measures for each size

- fresh: sentences that were never seen before,
- again: the same sentences once more, as interim results are, with what was found kept,
- extra: what they then cost more than without a catalogue, sentence by sentence,
- product: one product changed in the live catalogue.

A name is a brand and one or two goods, so that names share words as those of a shop do. Times are of one thread, p50,
p95 and p99 in milliseconds; `--layer 5000` adds a layer of that many hot words.

With ``--lists FOLDER`` it counts instead, for `correct_sentences.txt` and `mishearings.tsv` (`heard<TAB>meant`) of the
folder, the sentences that were damaged, and the tokens and sentences that were repaired.

``python benchmarks/asr_correction.py [--sentences 300] [--layer N] [--lists tests/unit/asr/data] [--json]``
"""

import argparse
import json
import random
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from voxcart.benchmarking.machine import describe_machine
from voxcart.evaluation.scoring import CorrectionTally, normalized_tokens
from voxcart_services.asr.lists import read_words
from voxcart_services.asr.text.correction import CorrectionRequest, Corrector
from voxcart_services.asr.text.pipeline import TextPipeline
from voxcart_services.asr.text.syllables import readings

SIZES = (0, 600, 5_000, 20_000)
MISHEARD_SHARE = 0.2
FRAMES = (
    "我想买{}",
    "有没有便宜一点的{}",
    "把{}加入购物车",
    "{}还有多少库存",
    "{}多少钱一斤",
    "帮我看看{}的评价怎么样",
    "把{}的价格改成三十五元",
    "我昨天买的{}什么时候能送到",
    "我要两箱{}和一袋大米",
    "{}不要了帮我取消订单",
)


def random_names(count: int, chance: random.Random) -> list[str]:
    """Different product names."""
    goods = read_words("goods.txt")
    names: set[str] = set()
    while len(names) < count:
        names.add("".join(chance.choices(goods, k=chance.choice((2, 2, 3)))))
    return sorted(names)


def sentences(names: list[str], count: int, chance: random.Random) -> list[str]:
    """Sentences about names or goods in general, with mishearings."""
    goods = names or read_words("goods.txt")
    by_letters: defaultdict[str, list[str]] = defaultdict(list)
    for char in sorted({char for word in read_words("goods.txt") + read_words("lexicon.txt") for char in word}):
        for syllable in readings(char)[:1]:
            by_letters[syllable.letters].append(char)

    def heard(char: str) -> str:
        alike = by_letters[readings(char)[0].letters] if readings(char) else []
        return chance.choice(alike) if alike and chance.random() < MISHEARD_SHARE else char

    return ["".join(map(heard, chance.choice(FRAMES).format(chance.choice(goods)))) for _ in range(count)]


def seconds_of(act: Callable[[str], object], arguments: Iterable[str]) -> np.ndarray:
    """Seconds of the call with each argument, float64 [num_arguments]."""
    seconds = []
    for argument in arguments:
        started = time.perf_counter()
        act(argument)
        seconds.append(time.perf_counter() - started)
    return np.array(seconds)


def percentiles_ms(seconds: np.ndarray) -> dict[str, float]:
    """p50, p95 and p99 in milliseconds."""
    return {f"p{share}": round(1e3 * float(np.percentile(seconds, share)), 3) for share in (50, 95, 99)}


def measure(num_sentences: int, layer: int) -> list[dict[str, object]]:
    """The figures of every size of catalogue. Each sentence goes to all sizes in turn before the next one."""
    chance = random.Random(SIZES[-1])
    corrector = Corrector()
    pipeline = TextPipeline(corrector)
    names, rows = random_names(SIZES[-1], chance), []
    for size in SIZES:
        started = time.perf_counter()
        for number, name in enumerate(chance.sample(names, size)):
            corrector.set_product(f"shop {size}", str(number), [name])
        rows.append({"names": size, "fill_seconds": round(time.perf_counter() - started, 2)})
    hot_words = (tuple(random_names(layer, chance)),) if layer else ()
    warm_up, measured = sentences(names, 100, chance), sentences(names, num_sentences, chance)

    def process(size: int) -> Callable[[str], object]:
        return lambda text: pipeline.process(text, tenant=f"shop {size}", hot_words=hot_words)

    again: dict[int, list[float]] = {size: [] for size in SIZES}
    fresh: dict[int, list[float]] = {size: [] for size in SIZES}
    for text in warm_up:
        for size in SIZES:
            process(size)(text)
    for number, text in enumerate(measured):
        order = [*SIZES[number % len(SIZES) :], *SIZES[: number % len(SIZES)]]
        fresh[order[0]] += seconds_of(process(order[0]), [text]).tolist()
        for size in order:
            again[size] += seconds_of(process(size), [text]).tolist()
    for row in rows:
        size = int(row["names"])
        changed = names[: size or 200][:200]
        extra = np.array(again[size]) - np.array(again[0])
        row |= {
            "fresh": percentiles_ms(np.array(fresh[size])),
            "again": percentiles_ms(np.array(again[size])),
            "extra": percentiles_ms(extra),
            "product": percentiles_ms(
                seconds_of(lambda name, size=size: corrector.set_product(f"shop {size}", "x", [name]), changed)
            ),
        }
    return rows


def count_edits(folder: Path) -> dict[str, int]:
    """What correction does to correct sentences and to mishearings, without a catalogue."""
    corrector = Corrector()
    pipeline, tally = TextPipeline(corrector), CorrectionTally()
    correct = _lines(folder / "correct_sentences.txt")
    pairs = [line.split("\t") for line in _lines(folder / "mishearings.tsv")]
    right = 0
    for heard, meant in pairs:
        text = pipeline.process(heard, tenant="shop").text
        tally.add(meant, heard, text, "zh")
        right += normalized_tokens(text, "zh") == normalized_tokens(meant, "zh")
    return {
        "correct_sentences": len(correct),
        "damaged_sentences": sum(bool(corrector.correct(CorrectionRequest(text, "shop"))) for text in correct),
        "misheard_sentences": len(pairs),
        "repaired_sentences": right,
        "tokens_fixed": tally.fixed,
        "tokens_damaged": tally.damaged,
    }


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]


def main() -> int:
    """Prints a table or, with --json, one object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=int, default=300)
    parser.add_argument("--layer", type=int, default=0, help="hot words of every request")
    parser.add_argument("--lists", type=Path, help="folder with sentences to count edits in, instead of times")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.lists is not None:
        print(json.dumps(count_edits(options.lists)))
        return 0
    rows = measure(options.sentences, options.layer)
    report = {
        "machine": describe_machine(),
        "sentences": options.sentences,
        "hot_words": options.layer,
        "rows": rows,
    }
    if options.json:
        print(json.dumps(report, ensure_ascii=False))
        return 0
    print(json.dumps(report["machine"]))
    columns = ("fresh", "again", "extra", "product")
    print(f"{'names':>7}" + "".join(f"{column + ' ms':>26}" for column in columns) + "   (p50 / p95 / p99)")
    for row in rows:
        cells = (" / ".join(f"{value:.2f}" for value in row[column].values()) for column in columns)  # type: ignore[attr-defined]
        print(f"{row['names']:>7}" + "".join(f"{cell:>26}" for cell in cells))
    return 0


if __name__ == "__main__":
    sys.exit(main())
