"""The transducer engine: streams' utterances stepped together by one thread.

Whoever has audio for a step of the encoder is in the next batch, finals before interims, first come first served; a
batch is whatever is ready when the one before is done, so nobody waits for a batch to fill. A step looks at a third of
a second of audio and costs the same wherever in the utterance it is: an interim only looks at what is new, and a final
adds the steps over the silence behind it.

`DecodeOptions.language` and `prompt` mean nothing to a transducer and are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from voxcart.serving.sessions import SessionOptions
from voxcart_services.asr.biasing import GraphCache
from voxcart_services.asr.recognition import DecodeOptions, EngineUtterance, SpeechEngine
from voxcart_services.asr.transducer.features import SAMPLE_RATE_HZ, Fbank
from voxcart_services.asr.transducer.loading import LoadedTransducer, load_transducer
from voxcart_services.asr.transducer.metrics import UNSPELLED_HOT_WORDS_TOTAL
from voxcart_services.asr.transducer.options import MAX_BEAM_SIZE, TransducerOptions
from voxcart_services.asr.transducer.scheduler import ScheduledUtterance, StepScheduler
from voxcart_services.asr.transducer.search import TransducerSearch
from voxcart_services.asr.transducer.tokens import UnknownSpelling


class TransducerEngine(SpeechEngine):
    """Recognises with a streaming transducer.

    Example::

        engine = load_transducer_engine(folder)
        utterance = engine.open(DecodeOptions(word_times=True))
        hypothesis = await utterance.recognise(samples, Urgency.FINAL).future
        utterance.close()
        await engine.aclose()
    """

    def __init__(self, loaded: LoadedTransducer, options: TransducerOptions | None = None) -> None:
        """Starts the engine's thread.

        Args:
            loaded: From `load_transducer`; may serve several engines, one at a time.
            options: How the engine works.
        """
        self._options = options or TransducerOptions()
        self._model, self._tokens = loaded.model, loaded.tokens
        self._fbank = Fbank(loaded.model.num_mels)
        self._graphs = GraphCache(self._spellings, self._options.hot_word_score)
        search = TransducerSearch(loaded.model, self._options.rules, loaded.tokens.unknown_id)
        self._scheduler = StepScheduler(loaded, search, self._options, self._tail_samples())

    def open(self, options: DecodeOptions) -> EngineUtterance:
        """A new utterance.

        Raises:
            ValueError: `beam_size` is out of range.
        """
        beam_size = self._beam_size(options)
        hot_words = options.hot_words if beam_size > 1 else ()
        return ScheduledUtterance(self._scheduler, self._fbank, options, beam_size, lambda: self._graphs.get(hot_words))

    async def aclose(self) -> None:
        """Answers what waits with `Overloaded` and ends the thread. May be called twice."""
        await self._scheduler.aclose()

    def _beam_size(self, options: DecodeOptions) -> int:
        if options.beam_size is None:
            return self._options.beam_size if options.hot_words or options.num_alternatives > 1 else 1
        if not 1 <= options.beam_size <= MAX_BEAM_SIZE:
            raise ValueError(f"beam_size must be 1 to {MAX_BEAM_SIZE}; got {options.beam_size}")
        return options.beam_size

    def _spellings(self, text: str) -> Iterable[tuple[int, ...]]:
        """Token ids of a hot word; none, and counted, if the model cannot write it: the other words still act."""
        try:
            return [self._tokens.spell(text)]
        except UnknownSpelling:
            UNSPELLED_HOT_WORDS_TOTAL.inc()
            return []

    def _tail_samples(self) -> int:
        """At least so much silence that the last frame of the audio gets into a step."""
        needed_ms = (self._model.window_frames + 2) * 10
        return max(self._options.tail_ms, needed_ms) * SAMPLE_RATE_HZ // 1_000


def load_transducer_engine(
    folder: Path, options: TransducerOptions | None = None, session: SessionOptions | None = None
) -> TransducerEngine:
    """`load_transducer`, and an engine on it; closed by who called.

    Raises:
        ModelLayoutError, SessionError: As `load_transducer`.
    """
    return TransducerEngine(load_transducer(folder, session), options)
