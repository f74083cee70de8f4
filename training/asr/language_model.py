"""Trains the language model of the correction step: `python -m training.asr.language_model --queries FILE`.

Writes `services/asr/data/language_model.npz` and its card beside it. The same inputs give the same file; a run takes
two or three minutes on one core and 2 GB of memory.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from training.asr.corpus import CorpusOptions, read_queries, sentences
from training.asr.smoothing import estimate, prune
from voxcart_services.asr.text.language_model import MODEL_FILE, LanguageModel, write_model
from voxcart_services.asr.text.tokens import END, to_tokens

OUTPUT = Path("services/asr/data") / MODEL_FILE
ORDER = 5
PRUNING = 3.7e-8
SOURCES = [
    "commands drawn from the project's own example patterns and word lists (Apache-2.0)",
    "the demo shop's names, questions, answers and reviews (Apache-2.0)",
    "search queries of Multi-CPR e-commerce (Alibaba-NLP, Apache-2.0)",
    "word counts of the jieba dictionary (MIT)",
]


def perplexity(model: LanguageModel, texts: list[str]) -> float:
    """Per token, ends of sentences included."""
    total, count = 0.0, 0
    for text in texts:
        tokens = to_tokens(text) + END
        total += model.logprob(tokens)
        count += len(tokens)
    return math.exp(-total / max(1, count))


def train(queries_file: Path | None, output: Path, options: CorpusOptions, progress: Callable[[str], None]) -> dict:
    """Trains, writes and measures; returns the card."""
    queries, held_out = read_queries(queries_file) if queries_file else ([], [])
    progress(f"{len(queries):,} queries, {len(held_out):,} held out")
    counted = sentences(queries, options)
    model = prune(estimate(counted, ORDER, progress), PRUNING, progress)
    card: dict[str, Any] = {
        "what": "character n-gram model for correcting recognised shopping speech",
        "licence": "Apache-2.0",
        "sources": SOURCES if queries else [source for source in SOURCES if "queries" not in source],
        "order": ORDER,
        "pruning": PRUNING,
        "seed": options.seed,
        "sentences": sum(counted.values()),
        "ngrams": {str(size): sum(len(gram) == size for gram in model.logprobs) for size in range(1, ORDER + 1)},
        "held_out_queries": len(held_out),
    }
    write_model(output, model.logprobs, model.backoffs, card)
    if held_out:
        card["perplexity_held_out_queries"] = round(perplexity(LanguageModel(output), held_out), 1)
        write_model(output, model.logprobs, model.backoffs, card)
    card["bytes"] = output.stat().st_size
    output.with_suffix(".json").write_text(json.dumps(card, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return card


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=Path, help="lines `id<TAB>query`: Multi-CPR data/ecom/train.query.txt")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--commands", type=int, default=CorpusOptions.num_commands, help="sentences to draw")
    arguments = parser.parse_args()
    started = time.monotonic()

    def progress(what: str) -> None:
        print(f"{time.monotonic() - started:7.1f} s  {what}", file=sys.stderr, flush=True)

    try:
        card = train(arguments.queries, arguments.output, CorpusOptions(num_commands=arguments.commands), progress)
    except OSError as error:
        sys.exit(str(error))
    print(json.dumps(card, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
