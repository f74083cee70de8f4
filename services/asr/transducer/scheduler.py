"""Steps the utterances of all streams together, in one thread.

Each utterance answers its requests in the order in which they were made. One with a final waiting goes before those
with interims only. A request is answered when all the audio it covers has been stepped over; a failing step fails the
requests that were in it and nobody else.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from voxcart.errors import InvalidInput, Overloaded, WrongState
from voxcart_services.asr.biasing import ContextGraph
from voxcart_services.asr.metrics import DECODE_SECONDS, ENCODE_SECONDS, QUEUE_LENGTH, QUEUE_SECONDS
from voxcart_services.asr.recognition import (
    DecodeCancelled,
    DecodeOptions,
    Decoding,
    EngineUtterance,
    Hypothesis,
    Urgency,
)
from voxcart_services.asr.transducer.features import SAMPLE_RATE_HZ, Fbank
from voxcart_services.asr.transducer.hypotheses import make_hypothesis
from voxcart_services.asr.transducer.loading import LoadedTransducer
from voxcart_services.asr.transducer.metrics import BATCH_SIZE
from voxcart_services.asr.transducer.options import TransducerOptions
from voxcart_services.asr.transducer.search import TransducerSearch
from voxcart_services.asr.transducer.utterance import UtteranceState


@dataclass(eq=False)
class _Request:
    """One hypothesis that somebody waits for."""

    utterance: ScheduledUtterance
    urgency: Urgency
    order: int
    end_sample: int
    decoding: Decoding
    loop: asyncio.AbstractEventLoop
    queued: float = field(default_factory=time.monotonic)
    has_begun: bool = False
    is_cancelled: bool = False
    has_tail: bool = False
    encode_ms: float = 0.0
    decode_ms: float = 0.0
    num_steps: int = 0

    def begin(self) -> None:
        if not self.has_begun:
            self.has_begun = True
            self.decoding.queue_ms = (time.monotonic() - self.queued) * 1e3
            QUEUE_SECONDS.observe(self.decoding.queue_ms / 1e3)

    def answer(self, result: Hypothesis | Exception) -> None:
        """From any thread, once."""
        future = self.decoding.future

        def deliver() -> None:
            if future.done():
                return
            if isinstance(result, Exception):
                future.set_exception(result)
                future.exception()  # retrieved: a waiter that is gone is no error
            else:
                future.set_result(result)

        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(deliver)


class ScheduledUtterance(EngineUtterance):
    """An utterance of the engine; `requests`, `incoming` and `is_closed` are guarded by the scheduler's lock."""

    def __init__(
        self,
        scheduler: StepScheduler,
        fbank: Fbank,
        options: DecodeOptions,
        beam_size: int,
        graph: Callable[[], ContextGraph | None],
    ) -> None:
        self._scheduler = scheduler
        self._fbank = fbank
        self._beam_size = beam_size
        self._graph = graph
        self._num_samples = 0
        self._state: UtteranceState | None = None
        self.options = options
        self.requests: deque[_Request] = deque()
        self.incoming: list[np.ndarray] = []
        self.is_closed = False

    def recognise(self, samples: np.ndarray, urgency: Urgency) -> Decoding:
        if samples.ndim != 1 or samples.dtype != np.float32:
            raise InvalidInput(f"audio must be float32 with one axis; got {samples.dtype} with {samples.ndim}")
        if len(samples) < self._num_samples:
            raise InvalidInput(
                f"the utterance had {self._num_samples} samples already and cannot shrink to {len(samples)}"
            )
        decoding = self._scheduler.submit(self, samples[self._num_samples :].copy(), len(samples), urgency)
        self._num_samples = len(samples)
        return decoding

    def close(self) -> None:
        self._scheduler.forget(self)

    def state(self) -> UtteranceState:
        """What the engine keeps; made, with the biasing graph, by the engine's thread when it first looks here."""
        if self._state is None:
            self._state = UtteranceState(self._scheduler.model, self._fbank, self._beam_size, self._graph())
        return self._state

    def drop_state(self) -> None:
        """Frees it."""
        self._state = None


class StepScheduler:
    """The engine's thread and what waits for it."""

    def __init__(
        self, loaded: LoadedTransducer, search: TransducerSearch, options: TransducerOptions, tail_samples: int
    ) -> None:
        self.model = loaded.model
        self._tokens = loaded.tokens
        self._search = search
        self._tail_samples = tail_samples
        self._max_batch = min(options.max_batch, loaded.model.max_batch or options.max_batch)
        self._max_waiting = options.max_waiting
        self._max_waiting_interims = options.max_waiting_interims
        self._changed = threading.Condition()
        self._waiting: dict[ScheduledUtterance, None] = {}
        self._num_waiting = 0
        self._order = itertools.count()
        self._is_closing = False
        self._has_ended = False
        self._closers: list[Callable[[], object]] = []
        self._thread = threading.Thread(target=self._run, name="asr-transducer", daemon=True)
        self._thread.start()

    def submit(self, utterance: ScheduledUtterance, samples: np.ndarray, end_sample: int, urgency: Urgency) -> Decoding:
        """Queues a request with the audio that is new since the last one.

        Raises:
            Overloaded: Too much is waiting, or the engine is closing.
            WrongState: The utterance is closed.
        """
        loop = asyncio.get_running_loop()
        decoding = Decoding(loop.create_future())
        limit = self._max_waiting if urgency is Urgency.FINAL else self._max_waiting_interims
        with self._changed:
            if utterance.is_closed:
                raise WrongState("the utterance is closed")
            if self._is_closing:
                raise Overloaded("speech recognition is shutting down")
            if self._num_waiting >= limit:
                raise Overloaded("speech recognition is overloaded; try again in a second")
            request = _Request(utterance, urgency, next(self._order), end_sample, decoding, loop)
            utterance.requests.append(request)
            if len(samples):
                utterance.incoming.append(samples)
            self._waiting[utterance] = None
            self._count(1)
            self._changed.notify()
        decoding.future.add_done_callback(lambda future: self._note_cancelled(request, future))
        return decoding

    def forget(self, utterance: ScheduledUtterance) -> None:
        """Drops an utterance and what waits for it."""
        with self._changed:
            utterance.is_closed = True
            dropped = self._take_all(utterance)
            utterance.incoming.clear()
        for request in dropped:
            request.answer(DecodeCancelled("the utterance was closed"))
        utterance.drop_state()

    async def aclose(self) -> None:
        """Refuses what waits, lets the running step end, and waits for the thread."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()

        def end() -> None:
            if not ended.done():
                ended.set_result(None)

        with self._changed:
            if self._has_ended:
                return
            self._is_closing = True
            self._closers.append(lambda: loop.call_soon_threadsafe(end))
            self._changed.notify()
        await ended

    def _note_cancelled(self, request: _Request, future: asyncio.Future[Hypothesis]) -> None:
        if future.cancelled():
            with self._changed:
                request.is_cancelled = True
                self._changed.notify()

    def _run(self) -> None:
        try:
            while (picked := self._pick()) is not None:
                self._step(picked)
        finally:
            with self._changed:
                self._is_closing = self._has_ended = True
                left = [request for utterance in list(self._waiting) for request in self._take_all(utterance)]
                closers = list(self._closers)
            for request in left:
                request.answer(Overloaded("speech recognition is shutting down"))
            for tell in closers:
                tell()

    def _pick(self) -> list[tuple[_Request, list[np.ndarray]]] | None:
        """The first request of each utterance, the most urgent first, with its new audio; `None` when closing."""
        with self._changed:
            while not self._is_closing:
                for utterance in list(self._waiting):
                    self._drop_cancelled(utterance)
                if self._waiting:
                    break
                self._changed.wait()
            if self._is_closing:
                return None
            picked = []
            for utterance in sorted(self._waiting, key=_precedence)[: self._max_batch]:
                picked.append((utterance.requests[0], utterance.incoming))
                utterance.incoming = []
            return picked

    def _step(self, picked: list[tuple[_Request, list[np.ndarray]]]) -> None:
        """One step of those who have audio for it; the others are answered."""
        batch: list[tuple[_Request, UtteranceState, np.ndarray]] = []
        for request, incoming in picked:
            try:
                state = self._state(request.utterance, incoming)
                chunk = self._chunk(request, state)
                if chunk is None:
                    self._finish(request, self._hypothesis(request, state))
                else:
                    batch.append((request, state, chunk))
            except Exception as error:
                self._finish(request, error)
        if not batch:
            return
        try:
            self._advance(batch)
        except Exception as error:
            for request, _, _ in batch:
                self._finish(request, error)

    def _state(self, utterance: ScheduledUtterance, incoming: list[np.ndarray]) -> UtteranceState:
        """The utterance's state with its new audio; the audio is not lost when the state cannot be made."""
        try:
            state = utterance.state()
        except Exception:
            with self._changed:
                utterance.incoming = incoming + utterance.incoming
            raise
        for samples in incoming:
            state.append(samples)
        return state

    def _chunk(self, request: _Request, state: UtteranceState) -> np.ndarray | None:
        """The next step's features, `None` when the request is through with its audio."""
        request.begin()
        if state.has_tail and not request.has_tail:
            state.drop_tail()  # of a final that was cancelled or failed
        chunk = state.chunk(request.end_sample)
        if chunk is None and request.urgency is Urgency.FINAL and not request.has_tail:
            state.begin_tail(request.end_sample, self._tail_samples)
            request.has_tail = True
            chunk = state.chunk(request.end_sample)
        return chunk

    def _advance(self, batch: list[tuple[_Request, UtteranceState, np.ndarray]]) -> None:
        BATCH_SIZE.observe(len(batch))
        started = time.perf_counter()
        features = np.stack([chunk for _, _, chunk in batch])
        encoder_out, encoders = self.model.run_encoder(features, [state.current.encoder for _, state, _ in batch])
        encoded = time.perf_counter()
        searches = self._search.advance(encoder_out, [state.task() for _, state, _ in batch])
        decoded = time.perf_counter()
        for (request, state, _), encoder, search in zip(batch, encoders, searches, strict=True):
            state.advance(encoder, search)
            request.encode_ms += (encoded - started) * 1e3
            request.decode_ms += (decoded - encoded) * 1e3
            request.num_steps += 1

    def _hypothesis(self, request: _Request, state: UtteranceState) -> Hypothesis:
        audio_ms = request.end_sample * 1_000 // SAMPLE_RATE_HZ if state.has_tail else None
        search = state.current.search
        state.drop_tail()
        ENCODE_SECONDS.observe(request.encode_ms / 1e3)
        DECODE_SECONDS.observe(request.decode_ms / 1e3)
        return replace(
            make_hypothesis(search, self._tokens, self.model.context_size, audio_ms, request.utterance.options),
            encode_ms=request.encode_ms,
            decode_ms=request.decode_ms,
            num_steps=request.num_steps,
        )

    def _finish(self, request: _Request, result: Hypothesis | Exception) -> None:
        """Answers a request that is its utterance's first, unless the utterance was closed meanwhile."""
        with self._changed:
            waiting = request.utterance.requests
            if waiting and waiting[0] is request:
                waiting.popleft()
                self._count(-1)
                if not waiting:
                    del self._waiting[request.utterance]
        request.answer(result)

    def _drop_cancelled(self, utterance: ScheduledUtterance) -> None:
        kept = [request for request in utterance.requests if not request.is_cancelled]
        if len(kept) < len(utterance.requests):
            self._count(len(kept) - len(utterance.requests))
            utterance.requests = deque(kept)
            if not kept:
                del self._waiting[utterance]

    def _take_all(self, utterance: ScheduledUtterance) -> list[_Request]:
        taken = list(utterance.requests)
        utterance.requests.clear()
        self._waiting.pop(utterance, None)
        self._count(-len(taken))
        return taken

    def _count(self, more: int) -> None:
        self._num_waiting += more
        QUEUE_LENGTH.set(self._num_waiting)


def _precedence(utterance: ScheduledUtterance) -> tuple[int, int]:
    return min(request.urgency for request in utterance.requests), utterance.requests[0].order
