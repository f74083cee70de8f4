"""Whether the turn of a stream is over, and whether what was said was meant for the shop.

At a pause recognition and the turn model start, to be ready at the first checkpoint. What was recognised covers the
audio up to the pause, whenever it is done, so that the text does not depend on how busy the machine is.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from voxcart_services.asr.listening import Listener
from voxcart_services.asr.metrics import FINAL_WAIT_SECONDS
from voxcart_services.asr.recognition import Decoding, Hypothesis, Urgency
from voxcart_services.asr.results import Diagnostics
from voxcart_services.asr.text.pipeline import CorrectedText
from voxcart_services.asr.transcribing import TurnEnd, diagnostics
from voxcart_services.asr.transducer.endpoint import endpoint_reason
from voxcart_services.asr.turns.endpointing import (
    Pause,
    TextOpinion,
    checkpoint_frames,
    decide,
    frames_of,
    text_opinion,
)
from voxcart_services.asr.turns.foreground import SpeechLevel, judge_foreground, measure_voice
from voxcart_services.asr.turns.rules import TurnRules
from voxcart_services.asr.turns.vad import FRAME_MS
from voxcart_services.asr.utterance import OpenUtterance
from voxcart_services.asr.whisper.guards import is_speech

if TYPE_CHECKING:
    from voxcart_services.asr.recognizer import Recognizer

_SAMPLES_PER_MS = 16
_BACKGROUND = "background"
# Knocks and single tones are short and leave the VAD in doubt; the shortest of 53 spoken answers had 320 ms of voice at
# a mean probability of 0.90.
_SURE_VOICED_MS = 224
_SURE_PROBABILITY = 0.75
_RULE_FRAMES = range(10, 160, 10)


class TurnJudge:
    """Judges the utterances of one stream.

    Attributes:
        prepare_frames: Length of a pause at which `prepare` is to be called.
        checkpoints: Lengths of a pause at which `end_reason` is to be asked.
        awaiting: What the dialogue waits for, as it named it.
        level: What is known of the speaker's level.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        listener: Listener,
        turns: TurnRules,
        correct: Callable[[Hypothesis], CorrectedText],
        speech_level: tuple[float, ...],
    ) -> None:
        """
        Args:
            recognizer: Asks the turn model, and knows whether finals are waited for.
            listener: Of the stream.
            turns: Its rules.
            correct: Text steps with the stream's options.
            speech_level: What an earlier stream of the session knew of the speaker's level.
        """
        self.awaiting = "none"
        self.level = SpeechLevel(speech_level)
        self._recognizer = recognizer
        self._listener = listener
        self._turns = turns
        self._correct = correct
        self._by_rules = recognizer.rules.endpointer == "rules"
        if self._by_rules:
            self.prepare_frames, self.checkpoints = _RULE_FRAMES[0], frozenset(_RULE_FRAMES[1:])
        else:
            self.prepare_frames = frames_of(turns.endpoint.prepare_ms)
            self.checkpoints = checkpoint_frames(turns.endpoint)

    def prepare(self, utterance: OpenUtterance) -> None:
        """Starts at a pause what the end of the turn would need; recognition only if nobody waits for a final."""
        utterance.final_end = self._listener.position
        self._ask_turn(utterance)
        if not self._recognizer.is_final_awaited:
            self.start_final(utterance)

    def start_final(self, utterance: OpenUtterance) -> Decoding:
        """Asks for the recognition of everything up to the pause, if that was not done.

        Raises:
            Overloaded: Too much is waiting.
        """
        if utterance.final is None:
            utterance.drop_interim()
            utterance.final_end = utterance.final_end or self._listener.position
            samples = self._listener.view(utterance.start, utterance.final_end)
            utterance.final = utterance.engine.recognise(samples, Urgency.FINAL)
        return utterance.final

    async def final_hypothesis(self, utterance: OpenUtterance) -> Hypothesis:
        """Waits for the recognition of everything said."""
        final = self.start_final(utterance)
        started = time.monotonic()
        with self._recognizer.awaiting_final():
            hypothesis = await final.future
        FINAL_WAIT_SECONDS.observe(time.monotonic() - started)
        return hypothesis

    async def end_reason(self, utterance: OpenUtterance) -> str | None:
        """Why the turn is over at this checkpoint of the pause; `None` if it may go on."""
        if self._by_rules:
            return await self._rule_reason(utterance)
        gate = self._listener.gate
        if utterance.turn_probability is None:
            self._ask_turn(utterance)
        hypothesis = await self.final_hypothesis(utterance)
        if utterance.turn is not None:
            utterance.turn_probability = await utterance.turn
            utterance.turn = None
        pause = Pause(
            pause_ms=gate.pause_frames * FRAME_MS,
            turn_probability=utterance.turn_probability or 0.0,
            text=self.corrected(utterance, hypothesis).text,
            awaiting=self.awaiting,
            voiced_ms=gate.voiced_frames * FRAME_MS,
            confidence=hypothesis.confidence,
        )
        return decide(pause, self._turns.endpoint)

    def corrected(self, utterance: OpenUtterance, hypothesis: Hypothesis) -> CorrectedText:
        """The corrected text of a hypothesis; the steps run once."""
        return utterance.known_text(hypothesis) or utterance.remember_text(hypothesis, self._correct(hypothesis))

    def diagnose(
        self, utterance: OpenUtterance, hypothesis: Hypothesis, corrected: CorrectedText, reason: str
    ) -> Diagnostics:
        """Measures the utterance, and says why it was not speech to the shop if it was not."""
        gate = self._listener.gate
        samples = self._listener.view(utterance.start, self._listener.position)
        measures = measure_voice(samples, np.array(utterance.probabilities, dtype=np.float32))
        no_speech_reason = ""
        is_noise = measures.voiced_ms < _SURE_VOICED_MS and measures.mean_probability < _SURE_PROBABILITY
        if is_noise or not is_speech(hypothesis, gate.voiced_frames * FRAME_MS, self._recognizer.rules.guard):
            no_speech_reason = "no_words"
        else:
            is_complete = text_opinion(corrected.text, self.awaiting) is TextOpinion.COMPLETE
            is_answer = is_complete or self.awaiting != "none"
            rules = self._turns.foreground
            judged = judge_foreground(measures, self.level, hypothesis.confidence, is_answer, rules)
            if judged.is_background:
                no_speech_reason = f"{_BACKGROUND}: {judged.reason}"
        end = TurnEnd(reason, gate.pause_frames * FRAME_MS, utterance.turn_probability, no_speech_reason)
        return diagnostics(hypothesis, measures, end)

    def learn(self, found: Diagnostics) -> None:
        """Remembers how loud the speaker is, from an utterance that is over."""
        if not found.no_speech_reason:
            self.level.accept(found.speech_dbfs)
        elif found.no_speech_reason.startswith(_BACKGROUND):
            self.level.reject()

    def _ask_turn(self, utterance: OpenUtterance) -> None:
        if utterance.turn is None and not self._by_rules:
            samples = self._listener.view(utterance.start, self._listener.position)
            utterance.turn = self._recognizer.judge_turn(samples)

    async def _rule_reason(self, utterance: OpenUtterance) -> str | None:
        """As `end_reason`, by the silence since the engine's last token."""
        if utterance.final_end != self._listener.position:
            utterance.final, utterance.final_end = None, self._listener.position
        hypothesis = await self.final_hypothesis(utterance)
        if hypothesis.trailing_silence_ms is None:
            raise RuntimeError("the engine does not tell when its last token was said, which the rules need")
        utterance_ms = (utterance.final_end - utterance.start) // _SAMPLES_PER_MS
        rule = endpoint_reason(utterance_ms, hypothesis.trailing_silence_ms, self._recognizer.rules.silence)
        return f"rule: {rule}" if rule else None
