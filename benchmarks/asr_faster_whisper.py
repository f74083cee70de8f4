"""How fast and how right is the recogniser beside faster-whisper on the same weights, audio and threads?

Usage::

    pip install 'voxcart[bench]'
    voxcart data speech --out speech-test --part test
    python benchmarks/asr_faster_whisper.py --manifest speech-test/manifest.tsv [--json]

Both run int8 on the CPU with ``VOXCART_THREADS`` threads. faster-whisper runs greedily and with its default beam of 5,
without its VAD; both run with and without the same prompt. See ``voxcart/benchmarking/asr_side_by_side.py`` for what is
timed, and docs/asr-evaluation.md for the scoring.
"""

import argparse
import asyncio
import importlib.metadata
import json
import os
import sys
from pathlib import Path
from typing import Any

from voxcart.benchmarking.asr_side_by_side import Comparison, FasterWhisper, as_table, compare, figures, systems
from voxcart.benchmarking.machine import describe_machine
from voxcart.cli_eval_asr import told_language
from voxcart.errors import InvalidInput, VoxcartError
from voxcart.evaluation.manifest import read_manifest
from voxcart.evaluation.recognizers import open_recognizers
from voxcart.settings import read_settings
from voxcart.telemetry.logs import configure_logging
from voxcart_services.asr.config import AsrSettings

PROMPT = "我想买东西。商品，尺码，颜色，价格，加入购物车，确认订单，下单，快递，退款。"


async def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Runs the comparison."""
    settings = read_settings(AsrSettings)
    recordings = read_manifest(arguments.manifest)[: arguments.limit]
    comparison = Comparison(
        lambda recording: told_language(recording.lang, arguments.language), arguments.prompt, not arguments.no_live
    )
    reference = FasterWhisper(settings.asr_model, settings.threads)
    load_before = os.getloadavg()[0]
    try:
        async with open_recognizers(("tail",)) as recognizers:
            sides = systems(recognizers["tail"], reference, comparison)
            results = await compare(sides, recordings, lambda: print(".", end="", file=sys.stderr, flush=True))
    finally:
        reference.close()
        print(file=sys.stderr)
    return {
        "benchmark": "asr_faster_whisper",
        "machine": describe_machine(),
        "versions": {name: importlib.metadata.version(name) for name in ("faster-whisper", "ctranslate2")},
        "settings": {
            "model": settings.asr_model,
            "threads": settings.threads,
            "compute_type": "int8",
            "language": arguments.language,
            "prompt": arguments.prompt,
            "manifest": arguments.manifest.name,
        },
        "load_average_before": round(load_before, 2),
        **figures(results),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifest", type=Path, required=True, help="see voxcart/evaluation/manifest.py")
    parser.add_argument("--language", choices=("manifest", "detect", "zh", "en"), default="manifest")
    parser.add_argument("--prompt", default=PROMPT, help="for both, in Chinese and mixed recordings")
    parser.add_argument("--limit", type=int, help="only the first so many recordings")
    parser.add_argument("--no-live", action="store_true", help="leave out the streams at the pace of real time")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    arguments = parser.parse_args()
    configure_logging("bench", "WARNING")
    try:
        found = asyncio.run(measure(arguments))
    except VoxcartError as error:
        print(error, file=sys.stderr)
        sys.exit(2 if isinstance(error, InvalidInput) else 1)
    if arguments.json:
        print(json.dumps(found, ensure_ascii=False))
        return
    machine = found["machine"]
    print(f"{machine['cpu']}, {machine['cores']} cores, load {found['load_average_before']}, {found['versions']}")
    print(f"{found['settings']}")
    print(as_table(found))


if __name__ == "__main__":
    main()
