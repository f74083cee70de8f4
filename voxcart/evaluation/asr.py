"""Recognition quality and speed over a manifest of recordings, with the service's own streaming engine.

Every recording is streamed in 64 ms chunks as fast as it is taken, so compute times are the machine's, not real time's:
RTF is compute per second of audio; ``final_ms`` is how long the engine works between the chunk that holds the last of
the speech and the final result. The pause that it waits for in real time is not in it: ``voxcart bench turn`` has that.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from voxcart.errors import InvalidInput
from voxcart.evaluation.scoring import ErrorRate, percentile

if TYPE_CHECKING:
    from voxcart_services.asr.recognizer import Recognizer

SAMPLE_RATE_HZ = 16_000
CHUNK_SAMPLES = 1_024
_LANGUAGES = {"zh", "en", "mixed"}


@dataclass(frozen=True)
class Recording:
    """One line of a manifest. ``lang`` is zh, en or mixed; ``tag`` groups lines, empty if there is no such column."""

    path: Path
    transcript: str
    lang: str
    tag: str = ""


@dataclass(frozen=True)
class Recognised:
    """What the engine made of a recording. Times in seconds; ``final_seconds`` is None when nothing was recognised."""

    recording: Recording
    text: str
    raw_text: str
    audio_seconds: float
    compute_seconds: float
    final_seconds: float | None


def read_manifest(path: Path) -> list[Recording]:
    """Lines ``file<TAB>transcript<TAB>lang[<TAB>tag]``; a first line ``file...`` is a header; files relative to it.

    Raises:
        InvalidInput: A line is malformed or its file is not there; the sentence names the line.
    """
    recordings = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"cannot read {path}: {error}") from error
    for number, line in enumerate(lines, 1):
        columns = line.split("\t")
        if not line.strip() or (number == 1 and columns[0] == "file"):
            continue
        if len(columns) < 3 or columns[2] not in _LANGUAGES:
            raise InvalidInput(f"{path}:{number}: expected file, transcript and lang (zh, en, mixed), tab-separated")
        file = path.parent / columns[0]
        if not file.is_file():
            raise InvalidInput(f"{path}:{number}: no such file: {columns[0]}")
        recordings.append(Recording(file, columns[1], columns[2], columns[3] if len(columns) > 3 else ""))
    if not recordings:
        raise InvalidInput(f"{path} names no recording")
    return recordings


def read_audio(path: Path) -> NDArray[np.float32]:
    """Mono samples at 16 kHz, float32 in [-1, 1].

    Raises:
        InvalidInput: The file is no audio that can be read.
    """
    try:
        samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise InvalidInput(f"cannot read {path}: {error}") from error
    return soxr.resample(samples.mean(axis=1), rate_hz, SAMPLE_RATE_HZ).astype(np.float32)


async def recognise(recognizer: "Recognizer", recording: Recording) -> Recognised:
    """Streams one recording through the engine; utterances are joined with a space."""
    from voxcart_services.asr.results import Final
    from voxcart_services.asr.stream import StreamOptions

    samples = read_audio(recording.path)
    stream = recognizer.stream(StreamOptions(interim_results=False))
    finals = []
    speech_end = last_voiced_sample(samples)
    started = ended = time.perf_counter()
    final_at = None
    try:
        for first in range(0, len(samples) + CHUNK_SAMPLES, CHUNK_SAMPLES):
            if first <= speech_end:
                ended = time.perf_counter()
            chunk = samples[first : first + CHUNK_SAMPLES]
            async for event in stream.push_audio(chunk) if len(chunk) else stream.end_input():
                if isinstance(event, Final):
                    finals.append(event.transcript)
                    final_at = time.perf_counter()
    finally:
        await stream.aclose()
    done = time.perf_counter()
    return Recognised(
        recording,
        " ".join(final.text for final in finals),
        " ".join(final.raw_text for final in finals),
        len(samples) / SAMPLE_RATE_HZ,
        done - started,
        None if final_at is None else final_at - ended,
    )


def last_voiced_sample(samples: NDArray[np.float32], floor_db: float = -40.0) -> int:
    """Index of the last sample above ``floor_db`` relative to the loudest; 0 of silence."""
    loudest = float(np.abs(samples).max(initial=0.0))
    voiced = np.flatnonzero(np.abs(samples) > max(loudest * 10 ** (floor_db / 20), 1e-4))
    return int(voiced[-1]) if voiced.size else 0


async def evaluate(
    recognizer: "Recognizer", recordings: list[Recording], progress: Callable[[], None]
) -> dict[str, Any]:
    """Recognises all recordings, one after another, and scores them."""
    await recognise(recognizer, recordings[0])
    results = []
    for recording in recordings:
        results.append(await recognise(recognizer, recording))
        progress()
        await asyncio.sleep(0)
    return report(results)


def report(results: list[Recognised]) -> dict[str, Any]:
    """Error rates raw and corrected, by language and tag, with RTF and latency percentiles."""
    audio_seconds = sum(result.audio_seconds for result in results)
    finals_ms = [1_000 * result.final_seconds for result in results if result.final_seconds is not None]
    return {
        "recordings": len(results),
        "audio_seconds": round(audio_seconds, 1),
        **{group: rates(members) for group, members in _groups(results)},
        "rtf": round(sum(result.compute_seconds for result in results) / audio_seconds, 4) if audio_seconds else None,
        "final_ms": {f"p{round(100 * share)}": _rounded(percentile(finals_ms, share)) for share in (0.5, 0.95, 0.99)},
        "lines": [
            {
                "file": result.recording.path.name,
                "reference": result.recording.transcript,
                "raw": result.raw_text,
                "corrected": result.text,
            }
            for result in results
        ],
    }


def rates(results: list[Recognised]) -> dict[str, Any]:
    """CER (or WER for English) of raw and corrected text, each language apart."""
    found: dict[str, Any] = {}
    for lang in sorted({result.recording.lang for result in results}):
        raw, corrected = ErrorRate(), ErrorRate()
        for result in results:
            if result.recording.lang == lang:
                raw.add(result.recording.transcript, result.raw_text, lang)
                corrected.add(result.recording.transcript, result.text, lang)
        name = "wer" if lang == "en" else "cer"
        found[lang] = {
            f"{name}_raw": _rounded(raw.rate, 4),
            f"{name}_corrected": _rounded(corrected.rate, 4),
            "reference_tokens": raw.reference_tokens,
        }
    return found


def _groups(results: list[Recognised]) -> Iterator[tuple[str, list[Recognised]]]:
    yield "all", results
    for tag in sorted({result.recording.tag for result in results if result.recording.tag}):
        yield f"tag:{tag}", [result for result in results if result.recording.tag == tag]


def _rounded(value: float | None, digits: int = 1) -> float | None:
    return None if value is None else round(value, digits)
