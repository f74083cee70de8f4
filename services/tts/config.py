"""Settings of the speech synthesis service."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from voxcart.settings import ServiceSettings


class TtsSettings(ServiceSettings):
    """Read from ``VOXCART_<FIELD>``; see :class:`voxcart.settings.ServiceSettings` for the common ones."""

    tts_voice_zh: str = "zf_xiaobei"
    """Voice of Mandarin replies whose session names none."""
    tts_voice_en: str = "af_heart"
    """Voice of English replies whose session names none."""
    tts_decoder: Literal["auto", "float", "int8"] = "auto"
    """Vocoder weights. ``auto``: statically quantised on CPUs with VNNI (twice as fast), float otherwise."""
    tts_max_text_characters: int = Field(5_000, ge=1, le=100_000)
    """Longer texts are refused (gRPC) or cut off with a warning (replies on the bus)."""
    tts_first_clause: float = Field(4.0, ge=1, le=100)
    """Mandarin syllables up to which the first clause takes in more than one phrase. Smaller: sooner audio."""
    tts_second_clause: float = Field(12.0, ge=1, le=100)
    """The same for the second clause. It is made while the first one is played."""
    tts_clause_growth: float = Field(1.6, ge=1, le=10)
    """How many times as long a clause may be as the one before it. Speech must be made faster than it is played."""
    tts_largest_clause: float = Field(36.0, ge=4, le=100)
    """Mandarin syllables of the longest clause."""
    tts_max_waiting_clauses: int = Field(64, ge=1, le=10_000)
    """Clauses that may wait for the synthesis thread; beyond it calls are refused with RESOURCE_EXHAUSTED."""
    tts_cache: bool = True
    """Keep the audio of phrases in Redis. In-process caching stays on without it."""
    tts_cache_ttl_seconds: int = Field(7 * 24 * 3600, ge=60)
    """How long Redis keeps a phrase that is not used."""
    tts_cache_memory_bytes: int = Field(16 * 1024 * 1024, ge=0)
    """Audio kept in the process."""
    tts_parallel_pieces: int = Field(1, ge=1, le=16)
    """Pieces of speech that are made at the same time. 1 on a CPU, where each uses all threads; 2 to 4 on a GPU."""
    tts_piper_dir: Path | None = None
    """Folder with Piper voices (``name.onnx`` and ``name.onnx.json``) to offer beside Kokoro's. None: no Piper."""
    tts_lexicon_dir: Path | None = None
    """Folder with the shops' pronunciations (``<tenant>.tsv``, ``all.tsv``); read again when a file changes."""
    tts_prefetch: bool = True
    """Make the audio of frequent openers and of phrases that are said often beforehand, while nothing else is to do."""
    tts_prefetch_duty: float = Field(0.015, gt=0, le=1)
    """Share of the time that prefetching may compute; 0.015 (two threads) keeps an idle system below 5 % of a core."""
    tts_prefetch_idle_seconds: float = Field(20.0, ge=0)
    """Prefetching waits until no session has wanted speech for so long."""

    @model_validator(mode="after")
    def _first_is_not_the_largest(self) -> "TtsSettings":
        if max(self.tts_first_clause, self.tts_second_clause) > self.tts_largest_clause:
            raise ValueError("tts_first_clause and tts_second_clause must not be larger than tts_largest_clause")
        return self
