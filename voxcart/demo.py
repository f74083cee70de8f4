"""The demo: plays recorded conversations to a freshly started shop and tells what happens at every step."""

import json
import statistics
from collections.abc import AsyncIterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from voxcart_client import ConversationConfig, Turn, VoxcartClient, read_clip, write_wav

RATE_HZ = 24_000
PAUSE_SECONDS = 0.5
TURN_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True)
class Line:
    """What is said in one turn: a recording and its words."""

    audio: Path
    text: str


@dataclass(frozen=True)
class Script:
    """One conversation."""

    role: str
    user: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Played:
    """One turn as it went. ``reply_wav`` is where the reply was written; None if nothing was said."""

    role: str
    number: int
    said: str
    turn: Turn
    reply_wav: Path | None

    def to_json(self) -> dict[str, Any]:
        """Plain data for JSON."""
        error = None if self.turn.error is None else f"{self.turn.error.code}: {self.turn.error.message}"
        return {
            "role": self.role,
            "turn": self.number,
            "said": self.said,
            **self.turn.to_json(),
            "reply_wav": None if self.reply_wav is None else str(self.reply_wav),
            "error": error,
        }


def read_scripts() -> list[Script]:
    """The conversations that come with the package."""
    folder = Path(str(files("voxcart") / "data" / "demo"))
    return [
        Script(one["role"], one["user"], tuple(Line(folder / line["wav"], line["text"]) for line in one["turns"]))
        for one in json.loads((folder / "conversations.json").read_text(encoding="utf-8"))
    ]


async def play(client: VoxcartClient, script: Script, out: Path) -> AsyncIterator[Played]:
    """Plays one conversation turn by turn; writes each reply, and at the end the whole conversation, as WAV.

    Raises:
        VoxcartClientError: The gateway refused or the connection was lost for good.
    """
    heard: list[np.ndarray] = []
    pause = np.zeros(round(PAUSE_SECONDS * RATE_HZ), np.int16)
    config = ConversationConfig(role=script.role, user_id=script.user, output_sample_rate_hz=RATE_HZ)
    async with client.converse(config) as conversation:
        for number, line in enumerate(script.lines, 1):
            turn = await conversation.ask_audio(line.audio, timeout_s=TURN_TIMEOUT_SECONDS)
            reply_wav = None
            if turn.audio:
                reply_wav = out / f"{script.role}-{number:02d}.wav"
                write_wav(reply_wav, turn.audio, RATE_HZ)
            said = np.frombuffer(read_clip(line.audio).at_rate(RATE_HZ).to_pcm_s16le(), np.int16)
            heard += [said, pause, np.frombuffer(turn.audio, np.int16), pause]
            yield Played(script.role, number, line.text, turn, reply_wav)
    write_wav(out / f"{script.role}-conversation.wav", np.concatenate(heard).tobytes(), RATE_HZ)


def as_text(played: Played) -> str:
    """A turn for people to read."""
    turn = played.turn
    slots = ", ".join(f"{slot['name']}={slot.get('normalized', slot['value'])}" for slot in turn.slots)
    edits = ", ".join(f"{edit['before']}→{edit['after']} ({edit['reason']})" for edit in turn.edits)
    actions = ", ".join(f"{action['name']} {action['status']}" for action in turn.actions)
    first_audio_ms = turn.timing.speech_end_to_first_audio_ms
    rows = [
        ("said", played.said),
        ("heard", turn.raw_transcript or "nothing"),
        ("corrected", f"{turn.transcript}  [{edits}]" if edits else turn.transcript),
        ("understood", f"{turn.intent}  {slots}".rstrip()),
        ("done", actions),
        ("reply", turn.reply),
        ("first audio", "" if first_audio_ms is None else f"{first_audio_ms:.0f} ms after the end of speech"),
        ("error", "" if turn.error is None else f"{turn.error.code}: {turn.error.message}"),
    ]
    return f"{played.role} {played.number}\n" + "\n".join(f"  {name:<12}{value}" for name, value in rows if value)


def summary(turns: list[Played]) -> dict[str, Any]:
    """Median times over all turns, milliseconds, and how many turns had no answer."""

    def median(values: list[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return round(statistics.median(known), 1) if known else None

    timings = [played.turn.timing for played in turns]
    return {
        "turns": len(turns),
        "unanswered": sum(not played.turn.reply for played in turns),
        "median_speech_end_to_final_ms": median([timing.speech_end_to_final_ms for timing in timings]),
        "median_speech_end_to_first_audio_ms": median([timing.speech_end_to_first_audio_ms for timing in timings]),
    }
