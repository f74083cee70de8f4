"""``voxcart eval tts``."""

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from voxcart.errors import InvalidInput, VoxcartError

if TYPE_CHECKING:
    from voxcart.evaluation.manifest import Recording
    from voxcart.evaluation.tts import Recogniser, Spoken, Text

SECOND_MODELS = ("zipformer-zh-en", "zipformer2-zh", "zipformer-zh-14m", "whisper-small", "whisper-medium")
"""Recognisers of other weights than the first, the first one that the model store holds is taken."""


def evaluate_tts(
    texts: Annotated[
        Path | None, typer.Option(help="One text a line[, TAB, zh, en or mixed]. The project's own replies by default.")
    ] = None,
    pairs: Annotated[
        Path | None, typer.Option(help="TSV: written, spoken, lang. Checks the front end alone, without speaking.")
    ] = None,
    voice: Annotated[str, typer.Option(help="Voice of all texts; by default that of each language.")] = "",
    rate: Annotated[float, typer.Option("--rate", min=0.5, max=2.0, help="Speaking rate.")] = 1.0,
    address: Annotated[str, typer.Option(help="host:port of a running tts service; by default one of its own.")] = "",
    out: Annotated[Path | None, typer.Option("--out", help="Keep the speech as WAV files in this folder.")] = None,
    score: Annotated[bool, typer.Option(help="Ask DNSMOS (packages of the bench extra).")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")] = False,
) -> None:
    """Recognised back: error rates; time to first audio, RTF, gaps, loudness, clipping, silence, quality score.

    Described in docs/tts-evaluation.md. Exit status 1 if a text was not spoken.
    """
    from voxcart.telemetry.logs import configure_logging

    configure_logging("eval", "WARNING")
    try:
        if pairs is not None:
            from voxcart.evaluation.tts_frontend import check_pairs

            result = check_pairs(pairs)
        else:
            from voxcart.evaluation.tts import OWN_TEXTS, read_texts

            lines = read_texts(texts or OWN_TEXTS)
            result = asyncio.run(_measure(lines, address, voice, rate, out, score))
    except VoxcartError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2 if isinstance(error, InvalidInput) else 1) from error
    print(json.dumps(result, ensure_ascii=False) if as_json else _table(result))


async def _measure(
    texts: "Sequence[Text]", address: str, voice: str, rate: float, out: Path | None, is_scoring: bool
) -> dict[str, Any]:
    from rich.console import Console
    from rich.progress import Progress

    from voxcart.benchmarking.machine import describe_machine
    from voxcart.evaluation import speech_quality, tts

    async with AsyncExitStack() as stack:
        stub = await stack.enter_async_context(tts_service(address))
        await tts.speak(stub, texts[0], voice, rate)
        bar = stack.enter_context(Progress(console=Console(stderr=True), transient=True))
        task = bar.add_task("speaking", total=len(texts))
        spoken: list[Spoken] = []
        for text in texts:
            spoken.append(await tts.speak(stub, text, voice, rate))
            bar.advance(task)
        await stack.aclose()
    async with AsyncExitStack() as stack:
        folder = out or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="voxcart-spoken-")))
        folder.mkdir(parents=True, exist_ok=True)
        back, lines = await recognised_back(spoken, folder)
    measures = [
        await asyncio.to_thread(speech_quality.measure, one.samples, one.rate_hz, with_score=is_scoring)
        for one in spoken
    ]
    for line, one, measured in zip(lines, spoken, measures, strict=True):
        line.update({"first_audio_ms": round(1_000 * one.first_audio_seconds, 1), **measured.to_json()})
    return {
        **tts.speed(spoken),
        "recognised_back": back,
        "quality": tts.quality(measures),
        "settings": {"voice": voice, "speaking_rate": rate},
        "machine": describe_machine(),
        "lines": lines,
    }


@asynccontextmanager
async def tts_service(address: str) -> AsyncIterator[Any]:
    """A stub of the service at an address, or of one of its own, without phrase cache and prefetching."""
    import grpc

    from voxcart.benchmarking.service_process import own_service
    from voxcart.evaluation.tts import NOTHING_KEPT
    from voxcart_api.tts.v1 import tts_pb2_grpc

    async with AsyncExitStack() as stack:
        if not address:
            address, _ = await stack.enter_async_context(own_service("tts", NOTHING_KEPT, _say))
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(address))
        yield tts_pb2_grpc.SpeechSynthesisStub(channel)


async def recognised_back(
    spoken: "Sequence[Spoken]", folder: Path
) -> tuple[dict[str, Any], list[dict[str, str | float | int | None]]]:
    """Error rates by recogniser, and a line for each text."""
    from voxcart.evaluation import tts

    lines: list[dict[str, Any]] = [{"text": one.text.text, "lang": one.text.lang} for one in spoken]
    found: dict[str, Any] = {}
    async with _recognisers() as recognisers:
        for name, recogniser in recognisers.items():
            rates = tts.BackRates.empty()
            for number, one in enumerate(spoken):
                path = folder / f"{number:04d}.wav"
                heard = await tts.recognise_back(one, path, recogniser)
                edits, wrong_sounds = rates.add(one.text, heard)
                lines[number][name] = {"heard": heard, "edits": edits, "wrong_syllables": wrong_sounds}
            found[name] = rates.to_json()
    return found, lines


@asynccontextmanager
async def _recognisers() -> "AsyncIterator[dict[str, Recogniser]]":
    """The service's recogniser, and another one if the model store holds its weights."""
    from voxcart.benchmarking.asr_side_by_side import recognise_file
    from voxcart.evaluation.recognizers import Setup, open_recognizers
    from voxcart.models import ModelError, ModelStore
    from voxcart_services.asr.recognizer import Recognizer

    def spoken_text(recognizer: Recognizer) -> "Recogniser":
        async def recognise(recording: "Recording") -> str:
            opener = Setup().opener(recognizer, lambda one: "en" if one.lang == "en" else "zh")
            return (await recognise_file(opener, recording)).raw_text

        return recognise

    store = ModelStore()
    async with AsyncExitStack() as stack:
        own = await stack.enter_async_context(open_recognizers(("tail",)))
        found = {"first": spoken_text(own["tail"])}
        for model in SECOND_MODELS:
            try:
                store.require(model)
            except ModelError:
                continue
            second = await stack.enter_async_context(open_recognizers(("tail",), model))
            found[model] = spoken_text(second["tail"])
            break
        else:
            _say(f"one recogniser only: none of {', '.join(SECOND_MODELS)} is in the model store")
        yield found


def _table(result: dict[str, Any]) -> str:
    if "pairs" in result:
        wrong = [f"  {one['written']}\n    said   {one['said']}\n    wanted {one['spoken']}" for one in result["wrong"]]
        return "\n".join([*wrong, f"{result['right']} of {result['pairs']} right"])
    rows = []
    for line in result["lines"]:
        heard = next(value for value in line.values() if isinstance(value, dict))
        mark = f"{heard['edits']}/{heard['wrong_syllables']}" if heard["edits"] else ""
        rows.append(f"{line['first_audio_ms']:7.0f} ms  {mark:>6}  {line['text']}  |  {heard['heard']}")
    figures = {name: value for name, value in result.items() if name not in ("lines", "machine", "settings")}
    rows += [f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in figures.items()]
    return "\n".join([*rows, json.dumps(result["machine"], ensure_ascii=False)])


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
