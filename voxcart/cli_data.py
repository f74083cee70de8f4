"""``voxcart data``: makes data to develop and measure with."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from voxcart.errors import InvalidInput, VoxcartError

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def data() -> None:
    """Make data for development and measurement. Nothing of it is kept in the repository."""


@app.command()
def speech(
    out: Annotated[Path, typer.Option("--out", help="Folder for FLAC files and manifest.tsv; made if missing.")],
    part: Annotated[
        Literal["dev", "test", "nonspeech"],
        typer.Option("--part", help="Sentences to develop with, others to test with, or noises and music."),
    ] = "dev",
    count: Annotated[
        int | None, typer.Option("--count", min=1, max=10_000, help="Recordings; 160 dev, 100 test, 32 nonspeech.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Another seed deals voices and conditions anew.")] = 1,
) -> None:
    """Speak shopping sentences in many voices, tempos, levels, noises, rooms and over the telephone.

    The same options give the same files. A file that is there is not made again.
    """
    from voxcart.speech_data import build
    from voxcart.telemetry.logs import configure_logging

    configure_logging("data", "WARNING")
    wanted = count or build.default_count(part)
    try:
        if part == "nonspeech":
            manifest = build.make_non_speech(out, wanted, seed, _say)
        else:
            manifest = asyncio.run(build.make_speech(out, part, wanted, seed, _say))
    except (VoxcartError, OSError) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2 if isinstance(error, InvalidInput) else 1) from error
    print(manifest)


@app.command()
def voices(
    out: Annotated[Path, typer.Option("--out", help="Folder for index.html and FLAC files; made if missing.")],
    blend: Annotated[
        list[str] | None,
        typer.Option("--blend", help="A mixture as well, e.g. zf_xiaobei:0.6+zf_xiaoni:0.4."),
    ] = None,
    address: Annotated[str, typer.Option(help="host:port of a running tts service; by default one of its own.")] = "",
) -> None:
    """Make a page on which every voice can be heard saying the same in Mandarin, English and both."""
    from voxcart.telemetry.logs import configure_logging

    configure_logging("data", "WARNING")
    try:
        page = asyncio.run(_make_voices(out, blend or (), address))
    except (VoxcartError, OSError) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2 if isinstance(error, InvalidInput) else 1) from error
    print(page)


async def _make_voices(out: Path, blends: Sequence[str], address: str) -> Path:
    from voxcart.cli_eval_tts import tts_service
    from voxcart.speech_data.voice_page import make_page

    await asyncio.to_thread(out.mkdir, parents=True, exist_ok=True)
    async with tts_service(address) as stub:
        return await make_page(stub, out, blends, lambda name: print(name, file=sys.stderr))


def _say(name: str, done: int, wanted: int) -> None:
    print(f"{done}/{wanted} {name}", file=sys.stderr)
