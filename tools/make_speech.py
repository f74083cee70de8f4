"""Makes spoken FLAC files (16 kHz, mono) from texts with the project's own speech synthesis.

Usage::

    python tools/make_speech.py demo voxcart/data/demo
        the demo's spoken turns and their conversations.json
    python tools/make_speech.py texts TEXTS.tsv OUTPUT_DIR
        one file a line of TEXTS.tsv (text<TAB>lang[<TAB>voice]) and a manifest.tsv (file, transcript, lang);
        without a voice the voices of the language take turns

Needs the model store (``voxcart models pull kokoro-82m``).
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from voxcart.speech_data.speaker import OUTPUT_RATE_HZ, Speaker
from voxcart.telemetry.logs import configure_logging

SILENCE_SECONDS = 0.2


@dataclass(frozen=True)
class Turn:
    """What is said, and at which rate: the demo's are chosen so that the recogniser's base model gets each right."""

    text: str
    speaking_rate: float = 1.0


@dataclass(frozen=True)
class Conversation:
    """The spoken turns of one person in the demo."""

    role: str
    user: str
    voice: str
    turns: tuple[Turn, ...]


DEMO = (
    Conversation(
        "shopper",
        "demo-shopper",
        "zf_xiaobei",
        (
            Turn("我想买苹果。", 0.8),
            Turn("第一个来两份。", 0.95),
            Turn("你有什么推荐的？", 0.9),
            Turn("两千元以下的华为手机有哪些？", 0.9),
            Turn("下单吧。", 0.8),
            Turn("好的。"),
            Turn("昨天的订单到哪了？"),
        ),
    ),
    Conversation(
        "merchant",
        "demo-merchant",
        "zm_yunxi",
        (
            Turn("苹果还有多少库存？", 0.9),
            Turn("上个月的销售额是多少？"),
            Turn("把苹果的价格改成三十五元。", 1.1),
            Turn("是的。", 0.9),
        ),
    ),
)


async def write(speaker: Speaker, path: Path, text: str, lang: str, voice: str, speaking_rate: float = 1.0) -> None:
    """Speak a text into a FLAC file of 16 bit, with silence before and after."""
    speech = await speaker.speak(text, lang, speaker.voices.get(voice), speaking_rate)
    silence = np.zeros(int(SILENCE_SECONDS * OUTPUT_RATE_HZ), np.float32)
    samples = np.concatenate([silence, speech, silence])
    soundfile.write(path, np.clip(samples, -1, 1), OUTPUT_RATE_HZ, subtype="PCM_16")
    print(f"{path.name}\t{len(samples) / OUTPUT_RATE_HZ:.2f} s\t{voice}\t{text}")


async def make_demo(speaker: Speaker, folder: Path) -> None:
    """Write the demo's turns and ``conversations.json``."""
    described = []
    for conversation in DEMO:
        turns = []
        for number, turn in enumerate(conversation.turns, 1):
            name = f"{conversation.role}-{number:02d}.flac"
            await write(speaker, folder / name, turn.text, "zh", conversation.voice, turn.speaking_rate)
            turns.append({"wav": name, "text": turn.text.rstrip("。？")})
        described.append({"role": conversation.role, "user": conversation.user, "turns": turns})
    written = json.dumps(described, ensure_ascii=False, indent=2)
    (folder / "conversations.json").write_text(written + "\n", encoding="utf-8")


def read_texts(path: Path, speaker: Speaker) -> Iterator[tuple[str, str, str]]:
    """(text, lang, voice) of every line.

    Raises:
        ValueError: A line is not text, lang and perhaps voice.
    """
    counts = {"zh": 0, "en": 0}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        text, lang, *voice = line.split("\t")
        if lang not in ("zh", "en", "mixed"):
            raise ValueError(f"{path}:{number}: the language must be zh, en or mixed, not {lang!r}")
        language = "en" if lang == "en" else "zh"
        voices = speaker.voices.all(language)
        yield text, lang, voice[0] if voice else voices[counts[language] % len(voices)].name
        counts[language] += 1


async def make_texts(speaker: Speaker, texts: Path, folder: Path) -> None:
    """Write one file a line of ``texts`` and ``manifest.tsv``."""
    lines = ["file\ttranscript\tlang"]
    for number, (text, lang, voice) in enumerate(read_texts(texts, speaker)):
        name = f"{number:04d}-{voice}.flac"
        await write(speaker, folder / name, text, lang, voice)
        lines.append(f"{name}\t{text}\t{lang}")
    (folder / "manifest.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


async def run(arguments: argparse.Namespace) -> None:
    """Load the model and make what was asked for."""
    arguments.folder.mkdir(parents=True, exist_ok=True)
    async with Speaker.load() as speaker:
        if arguments.what == "demo":
            await make_demo(speaker, arguments.folder)
        else:
            await make_texts(speaker, arguments.texts, arguments.folder)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="what", required=True)
    demo = commands.add_parser("demo")
    demo.add_argument("folder", type=Path)
    texts = commands.add_parser("texts")
    texts.add_argument("texts", type=Path)
    texts.add_argument("folder", type=Path)
    configure_logging("make-speech", "WARNING")
    try:
        asyncio.run(run(parser.parse_args()))
    except (ValueError, OSError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
