"""How early and how safely is the end of a turn found: the service beside fixed silences and smart-turn alone.

Usage::

    python benchmarks/endpointing.py make DIR
        speaks the turn-taking set into DIR (some ten minutes of audio; takes about as long on two cores)
    python benchmarks/endpointing.py run DIR [--half held-out|tune|all] [--heard FILE] [--list] [--json]
        hears the recordings with the models of the settings and runs all endpointers over what was heard

Delays are audio time, from the true end of speech to the frame of the decision; what recognition and smart-turn take
is in `prepared_ms`: it runs in the first pause and is over before the first decision is due when it is under 96 ms.
"""

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxcart.benchmarking.machine import describe_machine
from voxcart.errors import InvalidInput
from voxcart.evaluation.endpointing import (
    Ears,
    Endpointer,
    HeardTurn,
    fixed_endpointer,
    hear,
    load_heard,
    our_endpointer,
    save_heard,
    score,
    smart_turn_endpointer,
)
from voxcart.evaluation.recognizers import feed_demo_catalogue
from voxcart.evaluation.scoring import percentile
from voxcart.models import ModelStore
from voxcart.serving.sessions import SessionOptions
from voxcart.settings import read_settings
from voxcart.speech_data.pauses import make_turns, read_manifest
from voxcart.telemetry.logs import configure_logging
from voxcart.tenants import DEFAULT_TENANT
from voxcart_services.asr.config import AsrSettings
from voxcart_services.asr.context import ShopWords
from voxcart_services.asr.engine import load_models
from voxcart_services.asr.recognition import DecodeOptions, Urgency
from voxcart_services.asr.text.correction import Corrector
from voxcart_services.asr.text.pipeline import TextPipeline
from voxcart_services.asr.turns.endpointing import GateRules
from voxcart_services.asr.turns.smart_turn import SmartTurn
from voxcart_services.asr.turns.vad_pool import SileroVad

FIXED_MS = (300, 500, 700, 1_000)
_TURN_FILE = "smart-turn-v3.2-cpu.onnx"


async def hear_all(folder: Path, half: str) -> tuple[list[HeardTurn], list[float]]:
    """What the models of the settings hear in the recordings, and how long recognition at each pause took, in ms."""
    settings = read_settings(AsrSettings)
    models = load_models(settings)
    bare = SmartTurn(
        ModelStore(settings.models_dir).path("smart-turn", _TURN_FILE),
        SessionOptions(provider="cpu", threads=1),
        silence_to_come_ms=0,
    )
    corrector = Corrector()
    feed_demo_catalogue(corrector, ShopWords())
    text, engine, vad = TextPipeline(corrector), models.new_engine(), SileroVad(models.vad)
    prepared_ms: list[float] = []

    async def recognise(samples: NDArray[np.float32]) -> tuple[str, float]:
        started = time.perf_counter()
        utterance = engine.open(DecodeOptions())
        hypothesis = await utterance.recognise(samples, Urgency.FINAL).future
        utterance.close()
        found = text.process(hypothesis.text, tenant=DEFAULT_TENANT, score=hypothesis.avg_logprob)
        prepared_ms.append((time.perf_counter() - started) * 1e3)
        return found.text, hypothesis.confidence

    chosen = [recorded for recorded in read_manifest(folder) if half in (recorded.turn.half, "all")]
    ears = Ears(vad, models.turn, bare, recognise, GateRules())
    heard = []
    try:
        for number, recorded in enumerate(chosen, 1):
            heard.append(await hear(recorded, ears))
            print(f"\rheard {number} of {len(chosen)}", end="", file=sys.stderr, flush=True)
    finally:
        await engine.aclose()
        await vad.aclose()
    print(file=sys.stderr)
    return heard, prepared_ms


def endpointers() -> dict[str, Endpointer]:
    """Name and endpointer of every line of the table."""
    rules = read_settings(AsrSettings).rules().turns.endpoint
    fixed = {f"silence of {silence_ms} ms": fixed_endpointer(silence_ms) for silence_ms in FIXED_MS}
    return {"voxcart": our_endpointer(rules), **fixed, "smart-turn alone": smart_turn_endpointer()}


def report(turns: list[HeardTurn], half: str, prepared_ms: list[float]) -> dict[str, Any]:
    """Figures of all endpointers, over all turns and by kind."""
    chosen = [turn for turn in turns if half in (turn.half, "all")]
    if not chosen:
        raise InvalidInput(f"no recording of the half {half!r}")
    kinds = sorted({turn.kind for turn in chosen})
    scores = {}
    for name, endpointer in endpointers().items():
        by_kind = {kind: score(endpointer, [turn for turn in chosen if turn.kind == kind]) for kind in kinds}
        scores[name] = {
            **score(endpointer, chosen).to_json(),
            "cut_off_rate_by_kind": {kind: one.to_json()["cut_off_rate"] for kind, one in by_kind.items()},
        }
    took = {f"p{share}": round(percentile(prepared_ms, share / 100) or 0) for share in (50, 95)} if prepared_ms else {}
    return {
        "half": half,
        "turns": len(chosen),
        "turns_with_pauses": sum(len(turn.pauses) > 1 for turn in chosen),
        "endpointers": scores,
        "prepared_ms": took,
        "model": read_settings(AsrSettings).asr_model,
        **describe_machine(),
    }


def print_table(found: dict[str, Any]) -> None:
    """The report for people."""
    print(f"{found['turns']} turns ({found['half']}), {found['turns_with_pauses']} with pauses inside")
    print(f"{'endpointer':<20}{'cut off':>9}{'p50 ms':>8}{'p90 ms':>8}{'p95 ms':>8}{'short held':>12}{'missed':>8}")
    for name, one in found["endpointers"].items():
        delay = one["delay_ms"]
        print(
            f"{name:<20}{one['cut_off_rate']:>9.1%}{delay.get('p50', '-'):>8}{delay.get('p90', '-'):>8}"
            f"{delay.get('p95', '-'):>8}{one['held_rate']:>12.1%}{one['missed']:>8}"
        )
    versions = ", ".join(f"{name} {version}" for name, version in found["packages"].items())
    print(f"recognition at a pause: {found['prepared_ms'] or 'not timed'} ms with {found['model']}")
    print(f"{found['cpu']}, {found['cores']} cores, {found['system']}, Python {found['python']}, {versions}")


def print_mistakes(turns: list[HeardTurn], half: str) -> None:
    """Every turn that the service cuts, with what it had heard."""
    endpointer = endpointers()["voxcart"]
    for turn in (turn for turn in turns if half in (turn.half, "all")):
        decided_ms = endpointer(turn)
        if decided_ms is not None and decided_ms < turn.end_ms:
            heard = " | ".join(pause.text for pause in turn.pauses if pause.start_ms < decided_ms)
            print(
                f"cut {turn.end_ms - decided_ms} ms early: {turn.text} ({turn.kind}, {turn.awaiting}); heard: {heard}"
            )


def run(options: argparse.Namespace) -> None:
    """Hears, or reads what was heard, and prints the report."""
    prepared_ms: list[float] = []
    if options.heard and options.heard.is_file():
        turns = load_heard(options.heard)
    else:
        turns, prepared_ms = asyncio.run(hear_all(options.folder, options.half))
        if options.heard:
            save_heard(turns, options.heard)
    found = report(turns, options.half, prepared_ms)
    if options.json:
        print(json.dumps(found, ensure_ascii=False))
        return
    print_table(found)
    if options.list:
        print_mistakes(turns, options.half)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="what", required=True)
    make = commands.add_parser("make", help="speak the set")
    make.add_argument("folder", type=Path)
    judge = commands.add_parser("run", help="judge the endpointers")
    judge.add_argument("folder", type=Path)
    judge.add_argument("--half", choices=("held-out", "tune", "all"), default="held-out")
    judge.add_argument("--heard", type=Path, help="read what was heard from this file if it is there, else write it")
    judge.add_argument("--list", action="store_true", help="print every turn that the service cuts")
    judge.add_argument("--json", action="store_true")
    options = parser.parse_args()
    configure_logging("endpointing", "WARNING")
    try:
        if options.what == "make":
            make_turns(options.folder, lambda name, done, wanted: print(f"{done}/{wanted}\t{name}", flush=True))
        else:
            run(options)
    except (InvalidInput, OSError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
