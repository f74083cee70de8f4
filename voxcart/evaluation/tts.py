"""Speech synthesis measured from outside: texts are spoken over gRPC, timed, played, recognised back and scored.

Two error rates of what is recognised back. The character (or word) error rate is that of recognition, whose normaliser
it shares. The syllable error rate compares toneless Mandarin syllables (pypinyin), so that a recogniser's choice among
characters of one sound is not held against the voice.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import soundfile
from numpy.typing import NDArray
from pypinyin import lazy_pinyin
from rapidfuzz.distance import Levenshtein

from voxcart.errors import InvalidInput, Unavailable
from voxcart.evaluation.manifest import Recording
from voxcart.evaluation.scoring import ErrorRate, normalized_tokens, percentile, unit_of
from voxcart.evaluation.speech_quality import SpeechQuality
from voxcart_api.tts.v1 import tts_pb2, tts_pb2_grpc

Recogniser = Callable[[Recording], Awaitable[str]]
"""Gives the text of a recording."""

OWN_TEXTS = Path(__file__).parent.parent / "data" / "tts" / "replies.tsv"
"""The project's own replies, of all lengths and languages."""
NOTHING_KEPT = {
    "VOXCART_TTS_CACHE": "false",
    "VOXCART_TTS_CACHE_MEMORY_BYTES": "0",
    "VOXCART_TTS_PREFETCH": "false",
}
"""Settings of a service that makes every phrase anew."""
LANGUAGES = ("zh", "en", "mixed")
PADDING_SECONDS = 0.4
"""Silence before and after speech that is recognised back."""
_CALL_SECONDS = 120.0


@dataclass(frozen=True)
class Text:
    """A text to speak and its language: ``zh``, ``en`` or ``mixed``."""

    text: str
    lang: str


@dataclass(frozen=True)
class Spoken:
    """How a text was spoken.

    Attributes:
        samples: float32 [num_samples], mono, as it would be played.
        rate_hz: Samples per second.
        first_audio_seconds: From the call to the first audio.
        total_seconds: From the call to the last audio.
        gap_seconds: Silence a listener hears because audio was late, when playing begins with the first audio.
    """

    text: Text
    samples: NDArray[np.float32]
    rate_hz: int
    first_audio_seconds: float
    total_seconds: float
    gap_seconds: float

    @property
    def audio_seconds(self) -> float:
        """Length of the speech."""
        return len(self.samples) / self.rate_hz


def read_texts(path: Path) -> list[Text]:
    """Reads one text a line, with its language after a tab if it has one; ``#`` lines are comments.

    Raises:
        InvalidInput: The file cannot be read, is empty, or names another language; the sentence names the line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"cannot read {path}: {error}") from error
    texts = []
    for number, line in enumerate(lines, 1):
        text, _, lang = (part.strip() for part in line.partition("\t"))
        if not text or text.startswith("#"):
            continue
        lang = lang or _language_of(text)
        if lang not in LANGUAGES:
            raise InvalidInput(f"{path}:{number}: the language is zh, en or mixed, not {lang!r}")
        texts.append(Text(text, lang))
    if not texts:
        raise InvalidInput(f"{path} holds no text")
    return texts


def _language_of(text: str) -> str:
    has_latin = any("a" <= letter <= "z" for letter in text.lower())
    has_chinese = any("一" <= letter <= "鿿" for letter in text)
    return "mixed" if has_chinese and has_latin else "en" if has_latin else "zh"


def late_seconds(chunks: Sequence[tuple[float, float]]) -> float:
    """How long a listener waits in the middle of speech.

    Args:
        chunks: Arrival and length of each piece of audio, in seconds, in order. Playing begins with the first.
    """
    gap = played_until = 0.0
    for number, (arrived, seconds) in enumerate(chunks):
        if number and arrived > played_until:
            gap += arrived - played_until
        played_until = max(played_until, arrived) + seconds
    return gap


async def speak(
    stub: tts_pb2_grpc.SpeechSynthesisStub, text: Text, voice: str = "", speaking_rate: float = 1.0
) -> Spoken:
    """Speaks one text with a service.

    Raises:
        Unavailable: The service refused; the sentence is its own.
    """
    config = tts_pb2.SynthesisConfig(
        voice=voice, speaking_rate=speaking_rate, language="en" if text.lang == "en" else "zh"
    )
    request = tts_pb2.SynthesizeRequest(text=text.text, config=config)
    chunks: list[tuple[float, float]] = []
    audio: list[NDArray[np.int16]] = []
    rate_hz = 0
    started = time.perf_counter()
    try:
        async for response in stub.Synthesize(request, timeout=_CALL_SECONDS):
            if response.audio:
                piece = np.frombuffer(response.audio, "<i2")
                rate_hz = response.sample_rate_hz
                chunks.append((time.perf_counter() - started, len(piece) / rate_hz))
                audio.append(piece)
    except grpc.aio.AioRpcError as error:
        raise Unavailable(f"{text.text!r} was not spoken: {error.details()}") from error
    if not chunks:
        raise Unavailable(f"{text.text!r} gave no audio")
    samples = np.concatenate(audio).astype(np.float32) / np.float32(32_768)
    return Spoken(text, samples, rate_hz, chunks[0][0], chunks[-1][0], late_seconds(chunks))


async def recognise_back(spoken: Spoken, path: Path, recogniser: Recogniser) -> str:
    """Writes speech to a file, with silence around it, and recognises it."""
    silence = np.zeros(round(PADDING_SECONDS * spoken.rate_hz), np.float32)
    await asyncio.to_thread(
        soundfile.write, path, np.concatenate([silence, spoken.samples, silence]), spoken.rate_hz, subtype="PCM_16"
    )
    return await recogniser(Recording(path, spoken.text.text, spoken.text.lang))


def syllables(text: str, lang: str) -> list[str]:
    """Toneless Mandarin syllables, Latin words and digits, after the normaliser of recognition."""
    return [syllable for token in normalized_tokens(text, lang, "mixed") for syllable in lazy_pinyin(token)]


@dataclass
class BackRates:
    """Error rates of one recogniser, by language."""

    tokens: dict[str, ErrorRate]
    sounds: dict[str, ErrorRate]

    @classmethod
    def empty(cls) -> "BackRates":
        """Nothing was added yet."""
        return cls({}, {})

    def add(self, text: Text, heard: str) -> tuple[int, int]:
        """Adds one text; returns its edits in tokens and in syllables."""
        edits = self.tokens.setdefault(text.lang, ErrorRate()).add(text.text, heard, text.lang)
        expected = syllables(text.text, text.lang)
        wrong = Levenshtein.distance(expected, syllables(heard, text.lang))
        rate = self.sounds.setdefault(text.lang, ErrorRate())
        rate.edits += wrong
        rate.reference_tokens += len(expected)
        return edits, wrong

    def to_json(self) -> dict[str, Any]:
        """Rates by language; plain data for JSON."""
        names = {"character": "cer", "word": "wer", "mixed": "mer"}
        return {
            lang: {
                names[unit_of(lang)]: _rounded(self.tokens[lang].rate),
                "syllable_error_rate": _rounded(self.sounds[lang].rate),
                "tokens": self.tokens[lang].reference_tokens,
            }
            for lang in sorted(self.tokens)
        }


def speed(spoken: Sequence[Spoken]) -> dict[str, Any]:
    """Time to first audio, real-time factor and gaps; plain data for JSON."""
    audio_s = sum(one.audio_seconds for one in spoken)
    return {
        "texts": len(spoken),
        "audio_seconds": round(audio_s, 1),
        "first_audio_ms": spread_ms([one.first_audio_seconds for one in spoken]),
        "rtf": _rounded(sum(one.total_seconds for one in spoken) / audio_s if audio_s else None),
        "texts_with_gaps": sum(one.gap_seconds > 0.01 for one in spoken),
        "longest_gap_ms": round(1_000 * max((one.gap_seconds for one in spoken), default=0.0), 1),
    }


def quality(measures: Sequence[SpeechQuality]) -> dict[str, Any]:
    """Means and worst cases of the measures; plain data for JSON."""
    loudness = [one.loudness_lufs for one in measures if one.loudness_lufs is not None]
    found: dict[str, Any] = {
        "clipped_samples": sum(one.clipped_samples for one in measures),
        "longest_silence_seconds": _rounded(max((one.longest_silence_seconds for one in measures), default=None)),
    }
    if loudness:
        found["loudness_lufs"] = {"mean": _rounded(float(np.mean(loudness))), "sd": _rounded(float(np.std(loudness)))}
    for name in ("mos_overall", "mos_signal", "mos_background"):
        scores = [getattr(one, name) for one in measures if getattr(one, name) is not None]
        if scores:
            found[name] = {"mean": _rounded(float(np.mean(scores))), "worst": _rounded(min(scores))}
    return found


def spread_ms(seconds: Sequence[float]) -> Mapping[str, float | int | None]:
    """p50, p95, p99 in milliseconds, and the count."""
    values = [1_000 * one for one in seconds]
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    return {"n": len(values)} | {name: _rounded(percentile(values, share), 1) for name, share in shares.items()}


def _rounded(value: float | None, digits: int = 4) -> float | None:
    return None if value is None else round(value, digits)
