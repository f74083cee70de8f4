"""Manifests: lists of recordings with what is said in them, and reading the recordings.

A manifest is a tab-separated file. With a header line whose first column is ``file`` the columns are found by name and
others than these are ignored; without one they are file, transcript, lang and perhaps tag.

=============  ========================================================================================
column         content
=============  ========================================================================================
``file``       path, relative to the manifest; any format and rate that libsndfile reads
``transcript`` what is said; empty where nothing is
``lang``       ``zh``, ``en`` or ``mixed``
``tag``        groups to score apart, comma-separated
``slots``      words that carry a value, ``product=苹果;number=三斤``
``condition``  how it was recorded: another group to score apart
``speech_end`` where speech ends, in seconds, for latencies; found by level where it is not given
=============  ========================================================================================
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from voxcart.errors import InvalidInput

SAMPLE_RATE_HZ = 16_000
_PLAIN_COLUMNS: tuple[str, ...] = ("file", "transcript", "lang", "tag")
_REQUIRED = frozenset(_PLAIN_COLUMNS[:3])
_LANGUAGES = ("zh", "en", "mixed")
_EXPECTED = "expected file, transcript and lang (zh, en, mixed), tab-separated"


@dataclass(frozen=True)
class Recording:
    """One line of a manifest; see the module for the columns. ``slots`` are (name, words)."""

    path: Path
    transcript: str
    lang: str
    tags: tuple[str, ...] = ()
    slots: tuple[tuple[str, str], ...] = ()
    condition: str = ""
    speech_end_s: float | None = None

    @property
    def is_speech(self) -> bool:
        """Whether anything is said."""
        return bool(self.transcript.strip())


def read_manifest(path: Path) -> list[Recording]:
    """Reads a manifest; empty lines are skipped.

    Raises:
        InvalidInput: A line is malformed or its file is not there; the sentence names the line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"cannot read {path}: {error}") from error
    columns = _PLAIN_COLUMNS
    recordings = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        values = [value.strip() for value in line.split("\t")]
        where = f"{path}:{number}"
        if number == 1 and values[0] == "file":
            columns = tuple(values)
            if missing := sorted(_REQUIRED - set(columns)):
                raise InvalidInput(f"{where}: the header has no column {', '.join(missing)}")
            continue
        recordings.append(_recording(path.parent, dict(zip(columns, values, strict=False)), where))
    if not recordings:
        raise InvalidInput(f"{path} names no recording")
    return recordings


def _recording(folder: Path, row: dict[str, str], where: str) -> Recording:
    if not row.keys() >= _REQUIRED or row["lang"] not in _LANGUAGES:
        raise InvalidInput(f"{where}: {_EXPECTED}")
    file = folder / row["file"]
    if not file.is_file():
        raise InvalidInput(f"{where}: no such file: {row['file']}")
    slots = []
    for item in filter(None, row.get("slots", "").split(";")):
        name, separator, text = item.partition("=")
        if not separator or not name or not text:
            raise InvalidInput(f"{where}: slots are written name=words;name=words, not {item!r}")
        slots.append((name.strip(), text.strip()))
    tags = tuple(tag.strip() for tag in row.get("tag", "").split(",") if tag.strip())
    condition, speech_end = row.get("condition", ""), row.get("speech_end", "")
    try:
        speech_end_s = float(speech_end) if speech_end else None
    except ValueError:
        raise InvalidInput(f"{where}: speech_end is a number of seconds, not {speech_end!r}") from None
    return Recording(file, row["transcript"], row["lang"], tags, tuple(slots), condition, speech_end_s)


def read_audio(path: Path) -> NDArray[np.float32]:
    """Mono samples at 16 kHz, float32 in [-1, 1].

    Raises:
        InvalidInput: The file is no audio that can be read, or holds none.
    """
    try:
        samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise InvalidInput(f"cannot read {path}: {error}") from error
    if not len(samples):
        raise InvalidInput(f"{path} holds no audio")
    if not np.isfinite(samples).all():
        raise InvalidInput(f"{path} holds samples that are no numbers")
    return soxr.resample(samples.mean(axis=1), rate_hz, SAMPLE_RATE_HZ).astype(np.float32)


def speech_end_sample(recording: Recording, samples: NDArray[np.float32]) -> int:
    """The last sample of speech in a recording's samples at 16 kHz: as its manifest says, else by level."""
    if recording.speech_end_s is None:
        return last_voiced_sample(samples)
    return min(max(int(recording.speech_end_s * SAMPLE_RATE_HZ), 0), len(samples) - 1)


def last_voiced_sample(samples: NDArray[np.float32], floor_db: float = 35.0) -> int:
    """Index of the end of speech by level: the last 20 ms frame that stands out of the background.

    The background is the level of the quietest tenth of the frames; a frame is voiced if it lies less than
    ``floor_db`` under the loudest and at least a quarter of the way from background to loudest, in decibels.

    Returns:
        The index of the last sample of that frame; 0 of silence.
    """
    frame = SAMPLE_RATE_HZ // 50
    whole = len(samples) // frame * frame
    if not whole:
        return 0
    power = np.square(samples[:whole].reshape(-1, frame), dtype=np.float64).mean(axis=1)
    level_db = 10 * np.log10(power + 1e-10)
    loudest, background = float(level_db.max()), float(np.quantile(level_db, 0.1))
    if loudest < -80:
        return 0
    threshold = max(loudest - floor_db, background + 0.25 * (loudest - background))
    return (int(np.flatnonzero(level_db >= threshold)[-1]) + 1) * frame - 1
