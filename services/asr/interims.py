"""Makes interim results beside a live stream, as often as there is time for them.

An interim is asked for when enough new speech came, one at a time; the stream goes on meanwhile. The pace follows the
time that the last one took, waiting included, so that with many speakers interims become rarer before anything else
suffers. None is asked for while the final of any stream is waited for. A recording, which is pushed faster than it can
have been spoken, waits for its interims instead: nobody is kept waiting by that.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from voxcart.errors import Overloaded
from voxcart_services.asr.listening import Listener
from voxcart_services.asr.metrics import INTERIM_WORDS_RETRACTED_TOTAL, INTERIM_WORDS_TOTAL, INTERIMS_SKIPPED_TOTAL
from voxcart_services.asr.recognition import DecodeCancelled, Hypothesis, Urgency
from voxcart_services.asr.results import Interim
from voxcart_services.asr.text.pipeline import CorrectedText
from voxcart_services.asr.transcribing import Span, interim_transcript
from voxcart_services.asr.turns.vad import FRAME_MS, FRAME_SAMPLES
from voxcart_services.asr.utterance import OpenUtterance

if TYPE_CHECKING:
    from voxcart_services.asr.recognizer import Recognizer

_RATE_HZ = 16_000
_TIME_SHARE = 0.4
_RECORDING_LEAD_S = 1.0


class InterimMaker:
    """The interim results of one stream.

    Attributes:
        num_frames: New speech, in frames, after which an interim is due at the earliest.
    """

    def __init__(
        self, recognizer: Recognizer, listener: Listener, correct: Callable[[Hypothesis], CorrectedText]
    ) -> None:
        """
        Args:
            recognizer: Says how often, and whether finals wait.
            listener: Of the stream.
            correct: Text steps with the stream's options.
        """
        self.num_frames = max(1, recognizer.rules.interim_ms // FRAME_MS)
        self._recognizer = recognizer
        self._listener = listener
        self._correct = correct
        self._first_sample = listener.end_sample
        self._started_at = time.monotonic()

    async def start(self, utterance: OpenUtterance) -> None:
        """Asks for an interim result, unless finals wait."""
        utterance.next_interim_frame = utterance.num_frames + self.num_frames
        end = self._listener.position
        if self._recognizer.is_final_awaited:
            INTERIMS_SKIPPED_TOTAL.inc()
            return
        try:
            utterance.interim = utterance.engine.recognise(self._listener.view(utterance.start, end), Urgency.INTERIM)
        except Overloaded:
            INTERIMS_SKIPPED_TOTAL.inc()
            return
        utterance.interim_end = end
        utterance.interim_started = time.monotonic()
        if self._is_recording():
            await asyncio.wait([utterance.interim.future])

    def finished(self, utterance: OpenUtterance) -> Interim | None:
        """The interim result that was asked for, once, when it is there.

        Raises:
            Exception: What went wrong in the engine.
        """
        if utterance.interim is None or not utterance.interim.future.done():
            return None
        future, utterance.interim = utterance.interim.future, None
        if future.cancelled() or isinstance(future.exception(), (Overloaded, DecodeCancelled)):
            INTERIMS_SKIPPED_TOTAL.inc()
            return None
        spent_ms = (time.monotonic() - utterance.interim_started) * 1e3
        asked_frame = (utterance.interim_end - utterance.speech_start) // FRAME_SAMPLES
        wait_frames = max(self.num_frames, int(spent_ms / _TIME_SHARE / FRAME_MS))
        return self._made(utterance, future.result(), utterance.interim_end, asked_frame + wait_frames)

    def made(self, utterance: OpenUtterance, hypothesis: Hypothesis, end_sample: int) -> Interim | None:
        """An interim result of a hypothesis that was made for something else; it counts for the pace.

        Args:
            utterance: The open one.
            hypothesis: Of its beginning.
            end_sample: Where that ends.
        """
        return self._made(utterance, hypothesis, end_sample, utterance.num_frames + self.num_frames)

    def _made(
        self, utterance: OpenUtterance, hypothesis: Hypothesis, end_sample: int, next_frame: int
    ) -> Interim | None:
        utterance.next_interim_frame = next_frame
        if not hypothesis.text or hypothesis.is_loop:
            return None
        corrected = self._correct(hypothesis)
        agreed = utterance.agreement.push(corrected.text)
        INTERIM_WORDS_RETRACTED_TOTAL.inc(agreed.num_retracted)
        INTERIM_WORDS_TOTAL.inc(agreed.num_new)
        if not agreed.text:
            return None
        span = Span(utterance.start, utterance.speech_start, end_sample)
        transcript = interim_transcript(hypothesis, corrected, agreed.text, span)
        utterance.revision += 1
        return Interim(utterance.number, utterance.revision - 1, transcript, round(agreed.stability, 3))

    def _is_recording(self) -> bool:
        """Whether the audio comes faster than it can have been spoken."""
        audio_s = (self._listener.end_sample - self._first_sample) / _RATE_HZ
        return audio_s - (time.monotonic() - self._started_at) > _RECORDING_LEAD_S
