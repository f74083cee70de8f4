"""The utterance that a stream has open: what was asked of the engine and the turn model for it, and what came back."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from voxcart_services.asr.agreement import LocalAgreement
from voxcart_services.asr.metrics import SPECULATIVE_DROPPED_TOTAL
from voxcart_services.asr.recognition import Decoding, EngineUtterance, Hypothesis
from voxcart_services.asr.text.pipeline import CorrectedText


@dataclass
class OpenUtterance:
    """Owned by one stream; `close` frees what the engine keeps.

    Attributes:
        number: Counts the utterances of the stream.
        start: First sample that is recognised, the pre-roll included.
        speech_start: First sample of speech, as far as it was noticed.
        last_voiced_end: Sample after the last voiced frame.
        engine: The engine's side.
        probabilities: Of speech, of each frame since speech was noticed.
        next_interim_frame: Length in frames at which the next interim result is due.
        revision: Number of the next interim result.
        interim, interim_end, interim_started: The interim result in the making, the sample up to which it reaches, and
            when it was asked for (monotonic seconds).
        final: Recognition of everything up to the pause; begun at a pause, dropped if speech goes on.
        final_end: Sample up to which it reaches or will reach; 0 outside a pause.
        turn: The turn model's answer in the making.
        turn_probability: Its last answer for this pause.
    """

    number: int
    start: int
    speech_start: int
    last_voiced_end: int
    engine: EngineUtterance
    probabilities: list[float]
    next_interim_frame: int
    revision: int = 0
    interim: Decoding | None = None
    interim_end: int = 0
    interim_started: float = 0.0
    final: Decoding | None = None
    final_end: int = 0
    turn: asyncio.Future[float] | None = None
    turn_probability: float | None = None
    agreement: LocalAgreement = field(default_factory=LocalAgreement)
    _corrected: tuple[Hypothesis, CorrectedText] | None = None

    @property
    def num_frames(self) -> int:
        """Frames since speech was noticed."""
        return len(self.probabilities)

    def drop_interim(self) -> None:
        """What is in the making is no longer wanted."""
        if self.interim is not None:
            self.interim.cancel()
            self.interim = None

    def drop_pause(self) -> Hypothesis | None:
        """Speech goes on: gives up what was begun at the pause; a hypothesis that is there is given back."""
        found = None
        if self.final is not None:
            SPECULATIVE_DROPPED_TOTAL.inc()
            future = self.final.future
            if future.done() and not future.cancelled() and future.exception() is None:
                found = future.result()
            self.final.cancel()
        self.final, self.final_end = None, 0
        if self.turn is not None:
            self.turn.cancel()
        self.turn = self.turn_probability = None
        return found

    def remember_text(self, hypothesis: Hypothesis, corrected: CorrectedText) -> CorrectedText:
        """Keeps the corrected text of a hypothesis for `known_text`."""
        self._corrected = (hypothesis, corrected)
        return corrected

    def known_text(self, hypothesis: Hypothesis) -> CorrectedText | None:
        """The corrected text of this very hypothesis, if it was the last to be corrected."""
        if self._corrected is None or self._corrected[0] is not hypothesis:
            return None
        return self._corrected[1]

    def close(self) -> None:
        """Gives up what is open."""
        self.drop_interim()
        if self.final is not None:
            self.final.cancel()
        if self.turn is not None:
            self.turn.cancel()
        self.engine.close()
