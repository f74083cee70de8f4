"""Decides whose audio is made next: whose listener would be left in silence first.

Work is handed in piece by piece (a clause, or a part of one), each with the moment at which the audio that its
listener has runs out; the earliest is served first (earliest deadline first: Liu and Layland, "Scheduling Algorithms
for Multiprogramming in a Hard-Real-Time Environment", 1973). Who waits for first audio has nothing to play: that work
is due shortly after it was asked for. Prefetching is never due and runs only when nobody waits.
"""

import asyncio
import heapq
import itertools
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from voxcart.errors import Overloaded, Unavailable
from voxcart_services.tts.metrics import QUEUE_LENGTH, QUEUE_SECONDS

Made = TypeVar("Made")

NEVER_DUE = math.inf


class Kind(StrEnum):
    """What a piece of work is for, in the metrics."""

    FIRST_AUDIO = "first_audio"
    MORE_AUDIO = "more_audio"
    PREFETCH = "prefetch"


@dataclass(frozen=True)
class Finished(Generic[Made]):
    """What a job made, and how long it waited and ran."""

    value: Made
    queue_seconds: float
    compute_seconds: float


class Abort:
    """Tells running work that nobody waits for it any more. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_set = False
        self._callbacks: list[Callable[[], None]] = []

    def on_abort(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` when the work is aborted; at once if it is already."""
        with self._lock:
            if not self._is_set:
                self._callbacks.append(callback)
                return
        callback()

    def set(self) -> None:
        """Abort the work. More than once is once."""
        with self._lock:
            self._is_set = True
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()


@dataclass(eq=False)
class _Job:
    work: Callable[[Abort], object]
    answer: "asyncio.Future[Finished]"
    kind: Kind
    asked_at: float


class PieceScheduler:
    """A bounded queue, ordered by deadline, in front of the synthesis threads.

    A job that does not fit is refused with ``Overloaded``; nothing is dropped silently. A job whose caller was
    cancelled is skipped, or aborted when it runs already, so that the next one need not wait for it. Every waiter gets
    an answer, also at close.
    """

    def __init__(self, max_waiting: int, threads: int = 1) -> None:
        """Start nothing yet; see :meth:`run`.

        Args:
            max_waiting: Jobs that may wait at the same time.
            threads: Jobs that may run at the same time. One on a CPU, where the model uses all cores for each; more
                on a GPU, which one clause does not fill.
        """
        self._max_waiting = max_waiting
        self._threads = threads
        self._heap: list[tuple[float, int, _Job]] = []
        self._order = itertools.count()
        self._wake = asyncio.Event()
        self._executor = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="tts-synthesis")
        self._closed = False
        self._running = 0
        self._last_used = time.monotonic()

    async def run(self) -> None:
        """Serve jobs until cancelled."""
        try:
            async with asyncio.TaskGroup() as servers:
                for number in range(self._threads):
                    servers.create_task(self._serve_all(), name=f"tts synthesis {number}")
        finally:
            self.close()

    async def _serve_all(self) -> None:
        while True:
            job = await self._next()
            self._running += 1
            try:
                await self._serve(job)
            finally:
                self._running -= 1
                if job.kind is not Kind.PREFETCH:
                    self._last_used = time.monotonic()
                job.answer.cancel()

    async def _serve(self, job: _Job) -> None:
        """Run one job; it is aborted when its caller no longer waits."""
        abort = Abort()
        job.answer.add_done_callback(lambda answer: abort.set() if answer.cancelled() else None)
        started = time.perf_counter()
        queued = started - job.asked_at
        QUEUE_SECONDS.labels(job.kind.value).observe(queued)
        try:
            value = await asyncio.get_running_loop().run_in_executor(self._executor, job.work, abort)
        except Exception as error:
            if not job.answer.done():
                job.answer.set_exception(error)
        else:
            if not job.answer.done():
                job.answer.set_result(Finished(value, queued, time.perf_counter() - started))

    async def submit(self, work: Callable[[Abort], Made], due: float, kind: Kind) -> Finished[Made]:
        """Run ``work`` in a synthesis thread when its turn has come.

        Args:
            work: Is given an :class:`Abort` that is set when the caller of ``submit`` is cancelled.
            due: When the listener's audio runs out, on the clock of ``time.perf_counter``; ``NEVER_DUE`` if nobody
                listens.
            kind: For the metrics.

        Raises:
            Overloaded: Too many jobs wait already.
            Unavailable: The scheduler is closed.
        """
        if self._closed:
            raise Unavailable("speech synthesis is shutting down; try again")
        if len(self._heap) >= self._max_waiting:
            self._heap = [entry for entry in self._heap if not entry[2].answer.done()]
            heapq.heapify(self._heap)
        if len(self._heap) >= self._max_waiting:
            raise Overloaded(f"{len(self._heap)} clauses are waiting to be spoken; try again in a second")
        answer: asyncio.Future[Finished[Made]] = asyncio.get_running_loop().create_future()
        job = _Job(work, answer, kind, time.perf_counter())
        heapq.heappush(self._heap, (due, next(self._order), job))
        QUEUE_LENGTH.set(len(self._heap))
        self._wake.set()
        return await answer

    @property
    def is_busy(self) -> bool:
        """Whether a piece is being made now."""
        return self._running > 0

    def idle_seconds(self) -> float:
        """How long nothing was asked for by a session; 0 while something waits or runs."""
        return 0.0 if self._heap or self._running else time.monotonic() - self._last_used

    def close(self) -> None:
        """Refuse new jobs and answer the waiting ones with ``Unavailable``. What is being made is not waited for."""
        self._closed = True
        for _, _, job in self._heap:
            if not job.answer.done():
                job.answer.set_exception(Unavailable("speech synthesis is shutting down; try again"))
        self._heap.clear()
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _next(self) -> _Job:
        while True:
            while self._heap:
                _, _, job = heapq.heappop(self._heap)
                QUEUE_LENGTH.set(len(self._heap))
                if not job.answer.done():
                    return job
            self._wake.clear()
            await self._wake.wait()
