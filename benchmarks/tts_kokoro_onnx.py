"""How soon, how fast and how well does the speech service speak beside kokoro-onnx on the same weights and threads?

Usage::

    pip install 'voxcart[bench]'
    python benchmarks/tts_kokoro_onnx.py [--texts FILE] [--no-score] [--json]

See ``voxcart/benchmarking/tts_side_by_side.py`` for what is compared, docs/tts-evaluation.md for the scores.
"""

import argparse
import asyncio
import importlib.metadata
import json
import os
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from voxcart.benchmarking import tts_side_by_side as beside
from voxcart.benchmarking.machine import describe_machine
from voxcart.cli_eval_tts import recognised_back, tts_service
from voxcart.errors import InvalidInput, VoxcartError
from voxcart.evaluation.tts import OWN_TEXTS, read_texts
from voxcart.settings import read_settings
from voxcart.telemetry.logs import configure_logging
from voxcart_services.tts.config import TtsSettings


async def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Runs the comparison."""
    settings = read_settings(TtsSettings)
    texts = read_texts(arguments.texts)[: arguments.limit]
    load_before = os.getloadavg()[0]
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="voxcart-beside-")))
        voices = {"zh": settings.tts_voice_zh, "en": settings.tts_voice_en}
        other = await asyncio.to_thread(beside.KokoroOnnx, voices, settings.threads, folder)
        async with tts_service("") as stub:
            sides = beside.systems(stub, other)
            results = await beside.compare(sides, texts, lambda: print(".", end="", file=sys.stderr, flush=True))
        print(file=sys.stderr)
        found = beside.figures(results, is_scoring=not arguments.no_score)
        for name, spoken in results.items():
            found[name]["recognised_back"], _ = await recognised_back(spoken, folder)
    return {
        "benchmark": "tts_kokoro_onnx",
        "machine": describe_machine(),
        "versions": {name: importlib.metadata.version(name) for name in ("kokoro-onnx", "onnxruntime")},
        "settings": {"threads": settings.threads, "decoder": settings.tts_decoder, "voices": voices},
        "load_average_before": round(load_before, 2),
        "reference": beside.REFERENCE,
        "systems": found,
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=Path, default=OWN_TEXTS, help="one a line[, TAB, zh, en or mixed]")
    parser.add_argument("--limit", type=int, help="only the first so many texts")
    parser.add_argument("--no-score", action="store_true", help="leave out DNSMOS")
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
    print(found["settings"])
    for name, side in found["systems"].items():
        print(f"\n{name}")
        for figure, value in side.items():
            print(f"  {figure}: {json.dumps(value, ensure_ascii=False)}")


if __name__ == "__main__":
    main()
