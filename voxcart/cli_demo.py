"""``voxcart demo``: starts everything, plays the spoken conversations, writes the replies."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from voxcart.errors import VoxcartError

app = typer.Typer(add_completion=False)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Where the replies go, as WAV.")] = Path("demo-out"),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a turn, then the summary.")] = False,
) -> None:
    """Play spoken shopper and merchant conversations with a fresh demo shop and print what happens."""
    from voxcart.telemetry.logs import configure_logging
    from voxcart_client import VoxcartClientError

    configure_logging("demo", "WARNING")
    try:
        out.mkdir(parents=True, exist_ok=True)
        unanswered = asyncio.run(_run(out, as_json))
    except (VoxcartError, VoxcartClientError, OSError) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from error
    raise typer.Exit(1 if unanswered else 0)


async def _run(out: Path, as_json: bool) -> int:
    """Plays all conversations; returns how many turns had no answer."""
    from voxcart.demo import Played, as_text, play, read_scripts, summary
    from voxcart.local_system import private_system
    from voxcart_client import VoxcartClient

    turns: list[Played] = []
    async with private_system(_say) as system, VoxcartClient(system.gateway) as client:
        for script in read_scripts():
            async for played in play(client, script, out):
                turns.append(played)
                print(json.dumps(played.to_json(), ensure_ascii=False) if as_json else as_text(played), flush=True)
    result = summary(turns)
    print(json.dumps({"summary": result}) if as_json else _closing(result, out), flush=True)
    return int(result["unanswered"])


def _closing(result: dict, out: Path) -> str:
    return (
        f"{result['turns']} turns, {result['unanswered']} unanswered; median from the end of speech to the final "
        f"transcript {result['median_speech_end_to_final_ms']} ms, to the first audio of the reply "
        f"{result['median_speech_end_to_first_audio_ms']} ms\n"
        f"listen: {out}/shopper-conversation.wav, {out}/merchant-conversation.wav; single replies beside them"
    )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
