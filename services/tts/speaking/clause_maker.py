"""Makes the sound of one clause, piece by piece: pronunciation, engine, PCM, times of words. Blocks."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from onnxruntime import RunOptions

from voxcart_services.tts.metrics import RTF, SKIPPED_CHARACTERS_TOTAL, SYNTHESIS_SECONDS, UNKNOWN_PHONEMES_TOTAL
from voxcart_services.tts.speaking.audio import ClausePcm, duration_seconds
from voxcart_services.tts.speaking.captions import WordTime, word_times
from voxcart_services.tts.speaking.scheduler import Abort
from voxcart_services.tts.text.clauses import Clause
from voxcart_services.tts.text.front_end import FrontEnd
from voxcart_services.tts.text.lexicon import EMPTY_LEXICON, Lexicon
from voxcart_services.tts.voices.engine import SpeechRequest, Voice


@dataclass(frozen=True)
class Delivery:
    """How a text is spoken.

    Attributes:
        voice: Whose voice.
        speaking_rate: 0.5 to 2; 1 is the voice's own pace.
        language: ``zh`` or ``en``: how numbers are read.
        lexicon: The shop's own pronunciations, as they are when the text is begun.
    """

    voice: Voice
    speaking_rate: float = 1.0
    language: str = "zh"
    lexicon: Lexicon = EMPTY_LEXICON

    def rate_of(self, clause: Clause) -> float:
        """The speaking rate of a clause: the text's times the clause's, within what the voices can."""
        return min(max(self.speaking_rate * clause.speaking_rate, MIN_SPEAKING_RATE), MAX_SPEAKING_RATE)


MIN_SPEAKING_RATE = 0.5
MAX_SPEAKING_RATE = 2.0


@dataclass(frozen=True)
class MadePiece:
    """PCM (s16le, 24 kHz) that is final; on the first piece the times of all words of the clause."""

    pcm_s16le: bytes
    words: tuple[WordTime, ...]
    is_last: bool


class ClauseMaker:
    """One clause on its way. Each :meth:`next_piece` is a job of its own for the scheduler."""

    def __init__(
        self, front_end: FrontEnd, clause: Clause, delivery: Delivery, lead: Callable[[], float] | None
    ) -> None:
        """``lead``: see :class:`voxcart_services.tts.voices.engine.SpeechRequest`."""
        self._front_end = front_end
        self._clause = clause
        self._delivery = delivery
        self._lead = lead
        self._run_options = RunOptions()
        self._pieces = self._made()
        self._spent_seconds = 0.0
        self._made_seconds = 0.0

    def next_piece(self, abort: Abort) -> MadePiece:
        """The next piece. Blocks; runs in a synthesis thread. An abort makes it fail within milliseconds.

        The engine may hold the rest of a piece back, so a piece can be empty. Not to be called after the last one.
        """
        abort.on_abort(self._terminate)
        started = time.perf_counter()
        piece = next(self._pieces)
        self._spent_seconds += time.perf_counter() - started
        self._made_seconds += duration_seconds(piece.pcm_s16le)
        if piece.is_last and self._made_seconds:
            RTF.observe(self._spent_seconds / self._made_seconds)
        return piece

    def _terminate(self) -> None:
        self._run_options.terminate = True

    def _made(self) -> Iterator[MadePiece]:
        started = time.perf_counter()
        delivery = self._delivery
        said = self._front_end.pronounce(
            self._clause, language=delivery.language, british=delivery.voice.is_british, lexicon=delivery.lexicon
        )
        SKIPPED_CHARACTERS_TOTAL.inc(len(said.skipped))
        SYNTHESIS_SECONDS.labels("front_end").observe(time.perf_counter() - started)
        engine = delivery.voice.engine
        request = SpeechRequest(said.phonemes, delivery.voice, delivery.rate_of(self._clause), self._lead)
        pcm = ClausePcm(engine.sample_rate_hz)
        for piece in engine.speak(request, self._run_options):
            for stage, seconds in piece.stage_seconds.items():
                SYNTHESIS_SECONDS.labels(stage).observe(seconds)
            UNKNOWN_PHONEMES_TOTAL.inc(len(piece.unknown))
            words = word_times(said.words, piece.phoneme_times) if len(piece.phoneme_times) else ()
            yield MadePiece(pcm.push(piece.samples, is_last=piece.is_last), words, piece.is_last)
