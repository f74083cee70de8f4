"""Makes the speech set: plans recordings from sentences, voices and conditions, and writes FLAC files and a manifest.

The development part speaks with the voices as they are; the test part has other sentences, and voices blended of two,
so that neither words nor speakers of it were seen. The non-speech part has lines without a transcript.
"""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from voxcart.speech_data.conditions import CONDITIONS, Condition, apply_condition, draw_condition, synthesis_rate
from voxcart.speech_data.music import chords, drums, melody, music
from voxcart.speech_data.noises import (
    SAMPLE_RATE_HZ,
    Noise,
    brown,
    clicks,
    fan,
    hum,
    keyboard,
    knocks,
    pink,
    ringing,
    room_tone,
    silence,
    street,
    white,
)
from voxcart.speech_data.speaker import Speaker, trim_silence
from voxcart.speech_data.texts import Part, Sentence, read_sentences
from voxcart_services.tts.voices.engine import Voice
from voxcart_services.tts.voices.library import VoiceLibrary

COLUMNS = ("file", "transcript", "lang", "tag", "slots", "condition", "speech_end", "voice", "detail")
NON_SPEECH: dict[str, Noise] = {
    "silence": silence,
    "room-tone": room_tone,
    "white": white,
    "pink": pink,
    "brown": brown,
    "hum": hum,
    "fan": fan,
    "street": street,
    "clicks": clicks,
    "keyboard": keyboard,
    "knocks": knocks,
    "ringing": ringing,
    "music": music,
    "melody": melody,
    "chords": chords,
    "drums": drums,
}
_NON_SPEECH_S = 18.75
_NON_SPEECH_FILES = 32
"""Two files of each sound: ten minutes."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Recording:
    """One recording to be made: file name, what is said, by whom, and how it arrives."""

    name: str
    sentence: Sentence
    voice: Voice
    condition: Condition
    seed: int


def plan(sentences: Sequence[Sentence], voices: VoiceLibrary, part: Part, count: int, seed: int) -> list[Recording]:
    """Chooses sentence, voice and condition of every recording.

    Sentences come in an order mixed by the seed and are said again with another voice and condition when ``count`` is
    larger than their number. The first recordings of a plan are the same for every ``count``.
    """
    own = [sentence for sentence in sentences if sentence.part == part]
    order = np.random.default_rng([seed, zlib.crc32(part.encode())]).permutation(len(own))
    recordings = []
    for number in range(count):
        sentence = own[order[number % len(own)]]
        own_seed = zlib.crc32(f"{seed} {number} {sentence.text}".encode())
        rng = np.random.default_rng(own_seed)
        language = "en" if sentence.lang == "en" else "zh"
        voice = _choose_voice(voices.all(language), part, rng)
        shift = number // len(own)
        condition = draw_condition(CONDITIONS[(number + shift) % len(CONDITIONS)], rng)
        recordings.append(Recording(f"{part}-{number:04d}.flac", sentence, voice, condition, own_seed))
    return recordings


def _choose_voice(voices: Sequence[Voice], part: Part, rng: np.random.Generator) -> Voice:
    first, second = rng.choice(len(voices), 2, replace=False)
    if part == "dev":
        return voices[first]
    one, other = voices[first], voices[second]
    return one.engine.blend(f"{one.name}+{other.name}", [(one, 0.5), (other, 0.5)])


async def make_speech(folder: Path, part: Part, count: int, seed: int, progress: Progress) -> Path:
    """Speaks one part of the set.

    Files that are there already are kept, so that an interrupted run goes on; the manifest is written anew after each
    file and names those that are done.

    Args:
        folder: Made if missing.
        count: Number of recordings.
        progress: Called with file name, number done and number wanted.

    Returns:
        The manifest's path.

    Raises:
        ModelMissing, ModelCorrupt: The voice model is not in the store.
    """
    lines: list[dict[str, str]] = []
    manifest = _folder(folder) / "manifest.tsv"
    async with Speaker.load() as speaker:
        recordings = plan(read_sentences(), speaker.voices, part, count, seed)
        for number, recording in enumerate(recordings, 1):
            path = folder / recording.name
            if not path.is_file():
                await _make(path, recording, speaker)
            lines.append(_line(recording, path))
            write_manifest(manifest, lines)
            progress(recording.name, number, len(recordings))
    return manifest


async def _make(path: Path, recording: Recording, speaker: Speaker) -> None:
    sentence, condition = recording.sentence, recording.condition
    speech = await speaker.speak(sentence.text, sentence.lang, recording.voice, synthesis_rate(condition))
    samples, rate_hz = apply_condition(trim_silence(speech), condition, np.random.default_rng([recording.seed, 1]))
    write_flac(path, samples, rate_hz)


def _line(recording: Recording, path: Path) -> dict[str, str]:
    sentence, condition = recording.sentence, recording.condition
    return {
        "file": recording.name,
        "transcript": sentence.text,
        "lang": sentence.lang,
        "tag": ",".join(sentence.tags),
        "slots": ";".join(f"{slot.name}={slot.text}" for slot in sentence.slots),
        "condition": condition.name,
        "speech_end": f"{soundfile.info(path).duration - condition.trail_s:.3f}",
        "voice": recording.voice.name,
        "detail": condition.describe(),
    }


def make_non_speech(folder: Path, count: int, seed: int, progress: Progress) -> Path:
    """Writes noises, music and silence of 18.75 s each, with a manifest whose transcripts are empty."""
    lines: list[dict[str, str]] = []
    manifest = _folder(folder) / "manifest.tsv"
    kinds = list(NON_SPEECH)
    for number in range(count):
        kind = kinds[number % len(kinds)]
        rng = np.random.default_rng([seed, number, 2])
        level_dbfs = float(rng.uniform(-62, -50) if kind == "room-tone" else rng.uniform(-38, -14))
        samples = NON_SPEECH[kind](rng, int(_NON_SPEECH_S * SAMPLE_RATE_HZ)) * 10 ** (level_dbfs / 20)
        name = f"nonspeech-{number:03d}-{kind}.flac"
        write_flac(folder / name, np.clip(samples, -1, 1).astype(np.float32), SAMPLE_RATE_HZ)
        lines.append(
            {"file": name, "lang": "zh", "tag": "nonspeech", "condition": kind, "detail": f"{level_dbfs:.0f} dBFS"}
        )
        progress(name, number + 1, count)
    write_manifest(manifest, lines)
    return manifest


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def write_flac(path: Path, samples: NDArray[np.float32], rate_hz: int) -> None:
    """Writes mono samples as FLAC of 16 bit; the file appears only when it is whole."""
    unfinished = path.with_suffix(".part")
    soundfile.write(unfinished, samples, rate_hz, format="FLAC", subtype="PCM_16")
    unfinished.replace(path)


def write_manifest(path: Path, lines: Sequence[dict[str, str]]) -> None:
    """Writes a header and one tab-separated line a recording, columns as in ``COLUMNS``."""
    rows = ["\t".join(COLUMNS), *("\t".join(line.get(column, "") for column in COLUMNS) for line in lines)]
    unfinished = path.with_suffix(".part")
    unfinished.write_text("\n".join(rows) + "\n", encoding="utf-8")
    unfinished.replace(path)


def default_count(part: str) -> int:
    """How many recordings a part has when no number is asked for."""
    return {"dev": 160, "test": 100, "nonspeech": _NON_SPEECH_FILES}[part]
