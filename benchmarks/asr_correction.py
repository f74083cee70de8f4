"""What does the correction of an utterance cost, with catalogues of 0, 600, 5,000 and 20,000 names, and with hot words?

Sentences are drawn from shop words around a product name, one character in five heard as another of the same syllable.
Measures for each size

- fresh: sentences that were never seen before,
- again: the same sentences once more, as interim results are, with what was found kept,
- product: one product changed in the live catalogue.

A name is a brand and one or two goods, so that names share words as those of a shop do. Times are of one thread, p50,
p95 and p99 in milliseconds; `--layer 5000` adds a layer of that many hot words.

``python benchmarks/asr_correction.py [--sentences 300] [--layer N] [--json]``
"""

import argparse
import json
import random
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable

import numpy as np

from voxcart.benchmarking.machine import describe_machine
from voxcart_services.asr.lists import read_words
from voxcart_services.asr.text.correction import Corrector
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


def times_ms(act: Callable[[str], object], arguments: Iterable[str]) -> dict[str, float]:
    """Percentiles of the calls with each argument."""
    seconds = []
    for argument in arguments:
        started = time.perf_counter()
        act(argument)
        seconds.append(time.perf_counter() - started)
    return {f"p{share}": round(1e3 * float(np.percentile(seconds, share)), 3) for share in (50, 95, 99)}


def measure(size: int, num_sentences: int, layer: int) -> dict[str, object]:
    """The figures of one size of catalogue."""
    chance = random.Random(size)
    names = random_names(size, chance)
    corrector = Corrector()
    started = time.perf_counter()
    for number, name in enumerate(names):
        corrector.set_product("shop", str(number), [name])
    filled = time.perf_counter() - started
    hot_words = (tuple(random_names(layer, chance)),) if layer else ()
    pipeline = TextPipeline(corrector)

    def process(text: str) -> None:
        pipeline.process(text, tenant="shop", hot_words=hot_words)

    warm_up, measured = sentences(names, 100, chance), sentences(names, num_sentences, chance)
    for text in warm_up:
        process(text)
    fresh, again = times_ms(process, measured), times_ms(process, measured)
    changed = names[:200] or random_names(200, chance)
    product = times_ms(lambda name: corrector.set_product("shop", "changed", [name]), changed)
    return {"names": size, "fresh": fresh, "again": again, "product": product, "fill_seconds": round(filled, 2)}


def main() -> int:
    """Prints a table or, with --json, one object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=int, default=300)
    parser.add_argument("--layer", type=int, default=0, help="hot words of every request")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = [measure(size, options.sentences, options.layer) for size in SIZES]
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
    columns = ("fresh", "again", "product")
    print(f"{'names':>7}" + "".join(f"{column + ' ms':>26}" for column in columns) + "   (p50 / p95 / p99)")
    for row in rows:
        cells = (" / ".join(f"{value:.2f}" for value in row[column].values()) for column in columns)  # type: ignore[attr-defined]
        print(f"{row['names']:>7}" + "".join(f"{cell:>26}" for cell in cells))
    return 0


if __name__ == "__main__":
    sys.exit(main())
