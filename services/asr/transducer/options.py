"""How the transducer engine works."""

from __future__ import annotations

from dataclasses import dataclass, field

from voxcart_services.asr.transducer.search import SearchRules

MAX_BEAM_SIZE = 64
"""Paths of an utterance; each costs a run of the joiner a frame."""


@dataclass(frozen=True, slots=True)
class TransducerOptions:
    """How the engine works; the defaults are sherpa-onnx's.

    Attributes:
        beam_size: Paths followed when hot words or alternatives are wanted and the caller names no number; else the
            search is greedy.
        hot_word_score: Log probability added a token for a hot word of boost 1.
        rules: How logits become scores.
        tail_ms: Silence put behind an utterance; made longer for models with longer steps.
        max_batch: Utterances in one step.
        max_waiting: Requests that may wait; a final beyond it is refused.
        max_waiting_interims: With so many requests waiting, interims are refused.
    """

    beam_size: int = 4
    hot_word_score: float = 1.5
    rules: SearchRules = field(default_factory=SearchRules)
    tail_ms: int = 660
    max_batch: int = 32
    max_waiting: int = 1_024
    max_waiting_interims: int = 512

    def __post_init__(self) -> None:
        if not 1 <= self.beam_size <= MAX_BEAM_SIZE:
            raise ValueError(f"beam_size must be 1 to {MAX_BEAM_SIZE}; got {self.beam_size}")
        if not self.hot_word_score >= 0:
            raise ValueError(f"hot_word_score must be at least 0; got {self.hot_word_score}")
        if not 0 <= self.tail_ms <= 5_000:
            raise ValueError(f"tail_ms must be 0 to 5000; got {self.tail_ms}")
        if self.max_batch < 1 or self.max_waiting < 1 or self.max_waiting_interims < 0:
            raise ValueError("max_batch and max_waiting must be at least 1, max_waiting_interims at least 0")
