"""The turn-taking set: sentences spoken with pauses inside them, whole sentences, and answers of a word.

`turns.tsv` says what is spoken and where the speaker pauses. A sentence is synthesised as one and cut at its pauses;
the stretches are joined with silence, and the recording gets a room or a telephone line and a background that runs
through the pauses. The true end of the turn is known to the sample.

The sentences of one half are for choosing thresholds (`tune`), those of the other for reporting (`held-out`).
"""

import csv
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import soundfile
from numpy.typing import NDArray

from voxcart.errors import InvalidInput
from voxcart.speech_data.conditions import Condition, telephone
from voxcart.speech_data.noises import SAMPLE_RATE_HZ, STEADY, room_tone
from voxcart.speech_data.phrasing import PhraseSpeaker
from voxcart.speech_data.rooms import add_room, room_response

TURNS = Path(__file__).parent / "turns.tsv"
Kind = Literal["pause", "filler", "number", "address", "finished", "short"]
Half = Literal["tune", "held-out"]
COLUMNS = ("file", "half", "lang", "kind", "awaiting", "stretches_ms", "text", "detail")

_PAUSE = re.compile(r"<(\d+)>")
_LANGUAGES = ("zh", "en", "mixed")
_LEAD_S, _TRAIL_S = 0.5, 2.2
_DRAWN_OUT = (1.0, 1.7)
_CONDITIONS = (
    Condition("clean", noise="room tone", snr_db=50),
    Condition("quiet", noise="room tone", snr_db=35, peak_dbfs=-22),
    Condition("noise", noise="fan", snr_db=22),
    Condition("room", noise="room tone", snr_db=40, reverberation_s=0.35, peak_dbfs=-12),
    Condition("noise", noise="street", snr_db=18),
    Condition("telephone", noise="room tone", snr_db=35, is_telephone=True),
    Condition("noise", noise="pink", snr_db=14, peak_dbfs=-10),
)


@dataclass(frozen=True, slots=True)
class SpokenTurn:
    """One turn of the set.

    Attributes:
        half: Which half of the set it belongs to.
        lang: `zh`, `en` or `mixed`.
        kind: Why it is in the set.
        awaiting: What the dialogue waits for.
        stretches: The words between the pauses.
        pauses_ms: The pauses between them.
    """

    half: Half
    lang: str
    kind: Kind
    awaiting: str
    stretches: tuple[str, ...]
    pauses_ms: tuple[int, ...]

    @property
    def text(self) -> str:
        """The words without pauses."""
        return (" " if self.lang == "en" else "").join(self.stretches)


def read_turns(path: Path = TURNS) -> list[SpokenTurn]:
    """The turns of the file.

    Raises:
        InvalidInput: A line is not half, language, kind, expectation and words.
    """
    turns: list[SpokenTurn] = []
    for line_number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.split("\t")
        if len(fields) != 5:
            raise InvalidInput(f"{path.name}:{line_number}: not 'half, language, kind, expectation, words': {line!r}")
        half, lang, kind, awaiting, words = fields
        if half not in get_args(Half) or lang not in _LANGUAGES or kind not in get_args(Kind):
            raise InvalidInput(f"{path.name}:{line_number}: unknown half, language or kind: {line!r}")
        parts = _PAUSE.split(words)
        stretches = tuple(part.strip() for part in parts[::2])
        if not all(stretches):
            raise InvalidInput(f"{path.name}:{line_number}: no words before or after a pause: {line!r}")
        pauses_ms = tuple(int(part) for part in parts[1::2])
        turns.append(SpokenTurn(half, lang, kind, awaiting, stretches, pauses_ms))  # type: ignore[arg-type]
    return turns


@dataclass(frozen=True, slots=True)
class RecordedTurn:
    """A turn with its recording.

    Attributes:
        turn: What is said.
        path: FLAC file, 16 kHz.
        stretches_ms: Start and end of each stretch of speech; the last end is the turn's.
        detail: Voice and condition in words.
    """

    turn: SpokenTurn
    path: Path
    stretches_ms: tuple[tuple[int, int], ...]
    detail: str

    @property
    def end_ms(self) -> int:
        """Where the speaker has finished."""
        return self.stretches_ms[-1][1]


def make_turns(folder: Path, progress: Callable[[str, int, int], None]) -> Path:
    """Speaks the set, about ten minutes of speech; files that are there already are kept.

    Turns are made in a mixed order, so that an unfinished set has some of each kind.

    Args:
        folder: Made if missing.
        progress: Called with file name, number done and number wanted.

    Returns:
        The manifest's path.

    Raises:
        ModelMissing, ModelCorrupt: The voice model is not in the store.
    """
    folder.mkdir(parents=True, exist_ok=True)
    manifest = folder / "manifest.tsv"
    kept = {recorded.path.name: recorded for recorded in read_manifest(folder)} if manifest.is_file() else {}
    turns, done = sorted(read_turns(), key=_seed), []
    speaker = PhraseSpeaker.load()
    for turn in turns:
        seed = _seed(turn)
        path = folder / f"turn-{seed:08x}.flac"
        if path.name in kept and path.is_file():
            done.append(replace(kept[path.name], turn=turn))
        else:
            done.append(_record(turn, path, speaker, seed))
        _write_manifest(manifest, done)
        progress(path.name, len(done), len(turns))
    return manifest


def read_manifest(folder: Path) -> list[RecordedTurn]:
    """The recordings of a folder that `make_turns` filled; turns that are no longer in the set are left out.

    Raises:
        InvalidInput: There is no manifest.
    """
    manifest = folder / "manifest.tsv"
    if not manifest.is_file():
        raise InvalidInput(f"{manifest} is missing: make the set with `python benchmarks/endpointing.py make {folder}`")
    turns = {(turn.lang, turn.awaiting, _marked(turn)): turn for turn in read_turns()}
    recorded = []
    with manifest.open(encoding="utf-8", newline="") as lines:
        for line in csv.DictReader(lines, delimiter="\t"):
            turn = turns.get((line["lang"], line["awaiting"], line["text"]))
            if turn is not None:
                bounds = [tuple(map(int, pair.split("-"))) for pair in line["stretches_ms"].split()]
                recorded.append(RecordedTurn(turn, folder / line["file"], tuple(bounds), line["detail"]))  # type: ignore[arg-type]
    return recorded


def _seed(turn: SpokenTurn) -> int:
    return zlib.crc32(f"{turn.lang} {turn.text} {turn.pauses_ms}".encode())


def _marked(turn: SpokenTurn) -> str:
    marks = [f"<{pause}>" for pause in turn.pauses_ms]
    return "".join(stretch + mark for stretch, mark in zip(turn.stretches, [*marks, ""], strict=True))


def _write_manifest(path: Path, recorded: list[RecordedTurn]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(COLUMNS)
        for one in recorded:
            bounds = " ".join(f"{start}-{end}" for start, end in one.stretches_ms)
            turn = one.turn
            row = (one.path.name, turn.half, turn.lang, turn.kind, turn.awaiting, bounds, _marked(turn), one.detail)
            writer.writerow(row)


def _record(turn: SpokenTurn, path: Path, speaker: PhraseSpeaker, seed: int) -> RecordedTurn:
    rng = np.random.default_rng(seed)
    voices = speaker.voices.all("en" if turn.lang == "en" else "zh")
    voice = voices[rng.integers(len(voices))]
    condition = _CONDITIONS[seed % len(_CONDITIONS)]
    rate, drawn_out = float(rng.uniform(0.85, 1.2)), float(rng.uniform(*_DRAWN_OUT))
    stretches = speaker.speak(turn.stretches, turn.lang, voice, rate, drawn_out)
    samples, bounds = join(stretches, turn.pauses_ms)
    samples, rate_hz = _as_heard(samples, condition, rng)
    soundfile.write(path, samples, rate_hz, subtype="PCM_16")
    stretches_ms = tuple((start * 1000 // SAMPLE_RATE_HZ, end * 1000 // SAMPLE_RATE_HZ) for start, end in bounds)
    return RecordedTurn(turn, path, stretches_ms, f"{voice.name}, rate {rate:.2f}, {condition.describe()}")


def join(
    stretches: list[NDArray[np.float32]], pauses_ms: tuple[int, ...]
) -> tuple[NDArray[np.float32], list[tuple[int, int]]]:
    """Puts silence before, between and after the stretches; gives the samples and each stretch's bounds in them."""
    parts, bounds, position = [], [], 0
    for index, stretch in enumerate(stretches):
        silence = int(_LEAD_S * SAMPLE_RATE_HZ) if index == 0 else pauses_ms[index - 1] * SAMPLE_RATE_HZ // 1000
        parts += [np.zeros(silence, np.float32), stretch]
        position += silence
        bounds.append((position, position + len(stretch)))
        position += len(stretch)
    parts.append(np.zeros(int(_TRAIL_S * SAMPLE_RATE_HZ), np.float32))
    return np.concatenate(parts), bounds


def _as_heard(
    samples: NDArray[np.float32], condition: Condition, rng: np.random.Generator
) -> tuple[NDArray[np.float32], int]:
    level = float(np.sqrt(np.mean(np.square(samples[samples != 0]))))
    if condition.reverberation_s:
        samples = add_room(samples, room_response(rng, SAMPLE_RATE_HZ, condition.reverberation_s))
    make = STEADY.get(condition.noise, room_tone)
    samples = samples + make(rng, len(samples)) * level * 10 ** (-condition.snr_db / 20)
    rate_hz = SAMPLE_RATE_HZ
    if condition.is_telephone:
        samples, rate_hz = telephone(samples), SAMPLE_RATE_HZ // 2
    samples = samples * 10 ** (condition.peak_dbfs / 20) / float(np.abs(samples).max())
    return samples.astype(np.float32), rate_hz
