"""``voxcart data``: makes data to develop and measure with."""

import asyncio
import sys
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


def _say(name: str, done: int, wanted: int) -> None:
    print(f"{done}/{wanted} {name}", file=sys.stderr)
