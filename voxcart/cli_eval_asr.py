"""``voxcart eval asr``."""

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from voxcart.errors import InvalidInput, VoxcartError

if TYPE_CHECKING:
    from voxcart.evaluation.asr import Recognised
    from voxcart.evaluation.manifest import Recording
    from voxcart.evaluation.recognizers import Setup

Language = Literal["detect", "manifest", "zh", "en"]


def evaluate_asr(
    manifest: Annotated[
        Path, typer.Option(help="TSV: file, transcript, lang (zh, en, mixed)[, tag, slots, condition].")
    ],
    language: Annotated[
        Language, typer.Option("--language", help="Told to the recogniser: nothing, each line's lang, or one of two.")
    ] = "detect",
    beam: Annotated[int | None, typer.Option("--beam", min=1, max=16, help="Hypotheses followed; 1 is greedy.")] = None,
    prompt: Annotated[str | None, typer.Option("--prompt", help="Text taken as if said before each utterance.")] = None,
    hot_words: Annotated[Path | None, typer.Option("--hot-words", help="One word a line[, TAB, boost 0..10].")] = None,
    windows: Annotated[
        bool, typer.Option("--windows", help="Compare the kept silence tail with the full 30 s window, by turns.")
    ] = False,
    real_time: Annotated[
        bool, typer.Option("--real-time", help="Stream at the pace of real time, with interims: true latencies.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")] = False,
) -> None:
    """Error rates of the recogniser with the demo catalogue, raw and corrected, slots, invented text, RTF and latency.

    Scoring is described in docs/asr-evaluation.md. Recordings without a transcript count as non-speech.
    """
    from voxcart.evaluation.manifest import read_manifest
    from voxcart.evaluation.recognizers import Setup, read_hot_words
    from voxcart.telemetry.logs import configure_logging

    configure_logging("eval", "WARNING")
    try:
        setup = Setup(beam, prompt, read_hot_words(hot_words) if hot_words else (), real_time)
        recordings = read_manifest(manifest)
        result = asyncio.run(_measure(recordings, setup, language, windows))
    except VoxcartError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2 if isinstance(error, InvalidInput) else 1) from error
    if as_json:
        print(json.dumps(result, ensure_ascii=False))
    else:
        _print(result)


async def _measure(
    recordings: "Sequence[Recording]", setup: "Setup", language: Language, is_comparing_windows: bool
) -> dict[str, Any]:
    from rich.console import Console
    from rich.progress import Progress

    from voxcart.benchmarking.machine import describe_machine
    from voxcart.evaluation import asr, asr_report
    from voxcart.evaluation.recognizers import open_recognizers

    sides = ("tail", "full_window") if is_comparing_windows else ("tail",)
    async with open_recognizers(sides) as recognizers:
        candidates = {
            side: setup.opener(recognizer, lambda recording: told_language(recording.lang, language))
            for side, recognizer in recognizers.items()
        }
        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("recognising", total=len(recordings))
            results = await asr.evaluate(candidates, recordings, lambda: bar.advance(task), setup.is_live)
    figures = {
        **asr_report.report(results["tail"]),
        "settings": {**setup.describe(), "language": language},
        "machine": describe_machine(),
    }
    if is_comparing_windows:
        figures["windows"] = {side: _summary(found) for side, found in results.items()}
    return figures


def told_language(lang: str, language: Language) -> str | None:
    """What the recogniser is told of a recording's language: ``zh``, ``en`` or, to detect it, None."""
    if language == "manifest":
        return "en" if lang == "en" else "zh"
    return None if language == "detect" else language


def _summary(results: "Sequence[Recognised]") -> dict[str, Any]:
    from voxcart.evaluation.asr_report import rates, speed

    spoken = [result for result in results if result.recording.is_speech]
    compute_s = sum(result.compute_seconds for result in results)
    return {
        "errors": rates(spoken),
        **speed(spoken),
        "rtf": round(compute_s / sum(result.audio_seconds for result in results), 4),
    }


def _print(result: dict[str, Any]) -> None:
    from voxcart.evaluation.asr_report import as_table

    for line in result["lines"]:
        mark = "" if not line["edits_corrected"] else f"{line['edits_corrected']}"
        print(f"{line['file']}\t{mark}\t{line['reference']}\t{line['raw']}\t{line['corrected']}")
    print(as_table(result))
    for side, summary in result.get("windows", {}).items():
        print(f"{side}: {json.dumps(summary, ensure_ascii=False)}")
