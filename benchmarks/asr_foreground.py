"""How many commands does the foreground judge lose, and how much background talk does it let through?

Usage::

    voxcart data speech --out speech-dev
    python benchmarks/asr_foreground.py --manifest speech-dev/manifest.tsv [--limit 24] [--json]

Clean recordings stand for the session's speaker, who is as loud as in the turns before or steps back by so many
decibels into a lively room. Recordings of other voices stand for a television or somebody else in the room: always
reverberant, and fainter by so many decibels. All are heard over the same room tone. Every sound is recognised once;
the judge is then asked with every threshold. A command counts as lost only if its text was right or nearly so (a third
of its characters wrong at most): what was not understood is asked for again either way.
"""

import argparse
import asyncio
import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxcart.benchmarking.machine import describe_machine
from voxcart.errors import InvalidInput, VoxcartError
from voxcart.evaluation.manifest import Recording, read_audio, read_manifest
from voxcart.evaluation.recognizers import describe_settings, open_recognizers
from voxcart.evaluation.scoring import ErrorRate
from voxcart.speech_data.noises import room_tone
from voxcart.speech_data.rooms import add_room, room_response
from voxcart.telemetry.logs import configure_logging
from voxcart.tenants import DEFAULT_TENANT
from voxcart_services.asr.recognition import DecodeOptions, Urgency
from voxcart_services.asr.recognizer import Recognizer
from voxcart_services.asr.turns.completeness import TextOpinion, text_opinion
from voxcart_services.asr.turns.foreground import (
    ForegroundRules,
    SpeechLevel,
    VoiceMeasures,
    judge_foreground,
    measure_voice,
)
from voxcart_services.asr.turns.vad import FRAME_SAMPLES

THRESHOLDS_DB = (6, 8, 10, 12, 14, 16, 18, 20)
SPEAKER_DB = (0, 6, 9, 12, 15, 18, 21, 24)
BACKGROUND_DB = (9, 12, 15, 18, 21, 24, 27, 30)
NEAR_DBFS = -20.0
"""Level of the loud parts of the speaker's turns before."""
ROOM_TONE_DBFS = -60.0
_RATE_HZ = 16_000
_UNDERSTOOD = 1 / 3
_STEPPED_BACK_DB = 6
_SPEAKER_ROOM_S, _BACKGROUND_ROOM_S = 0.3, 0.6


@dataclass(frozen=True)
class Heard:
    """One sound as the judge gets it.

    Attributes:
        is_speaker: Said by the session's speaker.
        fainter_db: Fainter than the turns before by this.
        measures: Of its sound.
        confidence: Of its recognition.
        is_answer: It reads as a whole answer.
        is_understood: At most a third of the characters are wrong.
    """

    is_speaker: bool
    fainter_db: int
    measures: VoiceMeasures
    confidence: float
    is_answer: bool
    is_understood: bool


def sounds(recording: Recording, seed: int) -> Iterator[tuple[bool, int, NDArray[np.float32]]]:
    """A recording as the speaker's and as background talk, at all levels: which, how much fainter, samples."""
    rng = np.random.default_rng(seed)
    speech = read_audio(recording.path)
    rooms = {seconds: room_response(rng, _RATE_HZ, seconds) for seconds in (_SPEAKER_ROOM_S, _BACKGROUND_ROOM_S)}
    lively, far = (add_room(speech, response) for response in rooms.values())
    for fainter_db in SPEAKER_DB:
        yield True, fainter_db, _at_level(speech if fainter_db < _STEPPED_BACK_DB else lively, fainter_db, rng)
    for fainter_db in BACKGROUND_DB:
        yield False, fainter_db, _at_level(far, fainter_db, rng)


def _at_level(speech: NDArray[np.float32], fainter_db: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Speech whose loud half has a level, over room tone, with half a second around it; whole frames."""
    frames = speech[: len(speech) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    power = np.sort((frames**2).mean(axis=1))
    loud_dbfs = 10 * np.log10(power[len(power) // 2 :].mean() + 1e-12)
    pause = np.zeros(_RATE_HZ // 2, np.float32)
    samples = np.concatenate([pause, speech * np.float32(10 ** ((NEAR_DBFS - fainter_db - loud_dbfs) / 20)), pause])
    samples = samples[: len(samples) // FRAME_SAMPLES * FRAME_SAMPLES]
    return samples + np.float32(10 ** (ROOM_TONE_DBFS / 20)) * room_tone(rng, len(samples))


async def hear(recognizer: Recognizer, recording: Recording, seed: int) -> list[Heard]:
    """Recognises a recording in all its forms; those in which voice activity finds nothing are left out."""
    parts, heard = recognizer.parts, []
    for is_speaker, fainter_db, samples in sounds(recording, seed):
        probabilities = await parts.vad.stream().push_frames(samples.reshape(-1, FRAME_SAMPLES))
        measures = measure_voice(samples, probabilities)
        if measures.speech_dbfs is None:
            continue
        utterance = parts.engine.open(DecodeOptions())
        hypothesis = await utterance.recognise(samples, Urgency.FINAL).future
        utterance.close()
        text = parts.text.process(hypothesis.text, tenant=DEFAULT_TENANT, score=hypothesis.avg_logprob).text
        errors = ErrorRate()
        errors.add(recording.transcript, text, recording.lang)
        is_answer = text_opinion(text, "none") is TextOpinion.COMPLETE
        is_understood = (errors.rate or 0.0) <= _UNDERSTOOD
        heard.append(Heard(is_speaker, fainter_db, measures, hypothesis.confidence, is_answer, is_understood))
    return heard


def turned_away(one: Heard, rules: ForegroundRules) -> bool:
    """Whether the judge takes it for background after turns of `NEAR_DBFS`."""
    level = SpeechLevel((NEAR_DBFS,))
    return judge_foreground(one.measures, level, one.confidence, one.is_answer, rules).is_background


def sweep(heard: list[Heard]) -> list[dict[str, Any]]:
    """By threshold: share of understood commands lost, and of background talk heard, by how much fainter it was."""
    rows = []
    for threshold_db in THRESHOLDS_DB:
        rules = replace(ForegroundRules(), fainter_db=float(threshold_db))
        lost: dict[int, list[bool]] = defaultdict(list)
        let_in: dict[int, list[bool]] = defaultdict(list)
        for one in heard:
            if not one.is_speaker:
                let_in[one.fainter_db].append(not turned_away(one, rules))
            elif one.is_understood:
                lost[one.fainter_db].append(turned_away(one, rules))
        rows.append({"fainter_db": threshold_db, "lost": _shares(lost), "heard": _shares(let_in)})
    return rows


def _shares(by_level: dict[int, list[bool]]) -> dict[int, dict[str, float | int]]:
    return {
        level: {"share": round(sum(flags) / len(flags), 3), "count": len(flags)} for level, flags in by_level.items()
    }


async def measure(manifest: Path, limit: int) -> dict[str, Any]:
    """Hears the recordings and sweeps."""
    clean = [one for one in read_manifest(manifest) if one.is_speech and one.condition in ("clean", "")][:limit]
    if not clean:
        raise InvalidInput(f"{manifest} names no clean recording with speech")
    heard: list[Heard] = []
    async with open_recognizers(("tail",)) as recognizers:
        for number, recording in enumerate(clean):
            heard += await hear(recognizers["tail"], recording, number)
            print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return {
        "benchmark": "asr_foreground",
        "machine": describe_machine(),
        "settings": describe_settings(),
        "recordings": len(clean),
        "default_fainter_db": ForegroundRules().fainter_db,
        "sweep": sweep(heard),
    }


def as_table(found: dict[str, Any]) -> str:
    """The sweep for people to read, in per cent."""
    rows = [f"{found['recordings']} recordings; the default is {found['default_fainter_db']:g} dB"]
    for name, levels in (("lost", SPEAKER_DB), ("heard", BACKGROUND_DB)):
        what = "understood commands lost" if name == "lost" else "background talk heard"
        rows.append(f"{what + ', fainter by':<38}" + "".join(f"{level:>5} dB" for level in levels))
        for row in found["sweep"]:
            cells = (row[name].get(level, {}).get("share") for level in levels)
            texts = "".join(f"{'-' if cell is None else f'{100 * cell:.0f} %':>8}" for cell in cells)
            rows.append(f"  threshold {row['fainter_db']:>2} dB{'':<22}{texts}")
    return "\n".join(rows)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=24, help="clean recordings")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    arguments = parser.parse_args()
    configure_logging("bench", "WARNING")
    try:
        found = asyncio.run(measure(arguments.manifest, arguments.limit))
    except VoxcartError as error:
        print(error, file=sys.stderr)
        sys.exit(2 if isinstance(error, InvalidInput) else 1)
    print(json.dumps(found, ensure_ascii=False) if arguments.json else as_table(found))


if __name__ == "__main__":
    main()
