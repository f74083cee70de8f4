"""A page to choose a voice by ear: the same sentences in every voice, as files beside an HTML page."""

import asyncio
import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc
import soundfile

from voxcart.errors import Unavailable
from voxcart.evaluation.tts import Text, speak
from voxcart_api.tts.v1 import tts_pb2, tts_pb2_grpc

SENTENCES = (
    Text("您好，欢迎光临。这是新鲜的苹果，3斤39元，很实惠。", "zh"),
    Text("Welcome. These headphones are $49.90, and they arrive tomorrow.", "en"),
    Text("iPhone 15 Pro现在7999元，要加入购物车吗？", "mixed"),
)
_STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse;width:100%}td,th{padding:.4em;text-align:left;border-bottom:1px solid #ccc}"
    "audio{width:15em}"
)


@dataclass(frozen=True)
class _Row:
    name: str
    detail: str
    files: tuple[str, ...]


async def make_page(
    stub: tts_pb2_grpc.SpeechSynthesisStub, out: Path, blends: Sequence[str], say: Callable[[str], None]
) -> Path:
    """Speaks the sentences in all voices of a service, and in blends of them; returns the page.

    Args:
        out: Folder for the page and its FLAC files; files that are there are written again.
        blends: Voices as a request names them, e.g. ``zf_xiaobei:0.6+zf_xiaoni:0.4``.
        say: Told what is being spoken.

    Raises:
        Unavailable: The service refused.
    """
    try:
        voices = (await stub.ListVoices(tts_pb2.ListVoicesRequest())).voices
    except grpc.aio.AioRpcError as error:
        raise Unavailable(f"the voices cannot be listed: {error.details()}") from error
    wanted = [(voice.name, f"{voice.language}, {voice.gender}") for voice in voices]
    wanted += [(blend, "blend") for blend in blends]
    rows = []
    for name, detail in wanted:
        say(name)
        files = []
        for text in SENTENCES:
            spoken = await speak(stub, text, name)
            file = f"{_file_stem(name)}-{text.lang}.flac"
            await asyncio.to_thread(soundfile.write, out / file, spoken.samples, spoken.rate_hz)
            files.append(file)
        rows.append(_Row(name, detail, tuple(files)))
    page = out / "index.html"
    await asyncio.to_thread(page.write_text, _page(rows), encoding="utf-8")
    return page


def _file_stem(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name)


def _page(rows: Sequence[_Row]) -> str:
    heads = "".join(f"<th>{html.escape(text.text)}</th>" for text in SENTENCES)
    lines = "".join(_line(row) for row in rows)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Voxcart voices</title>'
        f"<style>{_STYLE}</style></head><body><h1>Voices</h1>"
        f"<p>{len(rows)} voices, each speaking Mandarin, English, and both.</p>"
        f"<table><tr><th>voice</th>{heads}</tr>{lines}</table></body></html>\n"
    )


def _line(row: _Row) -> str:
    players = "".join(
        f'<td><audio controls preload="none" src="{html.escape(file, quote=True)}"></audio></td>' for file in row.files
    )
    return f"<tr><td><code>{html.escape(row.name)}</code><br>{html.escape(row.detail)}</td>{players}</tr>"
