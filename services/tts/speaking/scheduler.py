"""Decides which clause is synthesised next. One at a time: the model uses all its threads for each.

Every stream asks for one clause at a time (and one ahead), so that serving the requests of a priority first come,
first served is fair by clause between sessions. First clauses come before later ones, because somebody waits in
silence for them; prefetching comes last and only when nobody is waiting.
"""

import asyncio
import heapq
import itertools
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import IntEnum
from typing import Generic, TypeVar

from voxcart.errors import Overloaded, Unavailable
from voxcart_services.tts.metrics import QUEUE_LENGTH, QUEUE_SECONDS

Made = TypeVar("Made")


class Priority(IntEnum):
    """Who goes first; lower is sooner."""

    FIRST_CLAUSE = 0
    LATER_CLAUSE = 1
    PREFETCH = 2


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


@dataclass
class _Job:
    work: Callable[[Abort], object]
    answer: "asyncio.Future[Finished]"
    priority: Priority
    asked_at: float


class ClauseScheduler:
    """A bounded priority queue in front of one synthesis thread.

    A job that does not fit is refused with ``Overloaded``; nothing is dropped silently. A job whose caller was
    cancelled is skipped, or aborted when it runs already, so that the next one need not wait for it. Every waiter gets
    an answer, also at close.
    """

    def __init__(self, max_waiting: int) -> None:
        """``max_waiting``: jobs that may wait at the same time."""
        self._max_waiting = max_waiting
        self._heap: list[tuple[int, int, _Job]] = []
        self._order = itertools.count()
        self._wake = asyncio.Event()
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tts-synthesis")
        self._closed = False
        self._busy = False
        self._last_used = time.monotonic()

    async def run(self) -> None:
        """Serve jobs until cancelled."""
        try:
            while True:
                job = await self._next()
                self._busy = True
                try:
                    await self._serve(job)
                finally:
                    self._busy = False
                    if job.priority is not Priority.PREFETCH:
                        self._last_used = time.monotonic()
                    job.answer.cancel()
        finally:
            self.close()

    async def _serve(self, job: _Job) -> None:
        """Run one job; it is aborted when its caller no longer waits."""
        abort = Abort()
        job.answer.add_done_callback(lambda answer: abort.set() if answer.cancelled() else None)
        started = time.perf_counter()
        queued = started - job.asked_at
        QUEUE_SECONDS.labels(job.priority.name.lower()).observe(queued)
        try:
            value = await asyncio.get_running_loop().run_in_executor(self._executor, job.work, abort)
        except Exception as error:
            if not job.answer.done():
                job.answer.set_exception(error)
        else:
            if not job.answer.done():
                job.answer.set_result(Finished(value, queued, time.perf_counter() - started))

    async def submit(self, work: Callable[[Abort], Made], priority: Priority) -> Finished[Made]:
        """Run ``work`` in the synthesis thread when its turn has come.

        Args:
            work: Is given an :class:`Abort` that is set when the caller of ``submit`` is cancelled.

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
        job = _Job(work, answer, priority, time.perf_counter())
        heapq.heappush(self._heap, (priority, next(self._order), job))
        QUEUE_LENGTH.set(len(self._heap))
        self._wake.set()
        return await answer

    @property
    def is_busy(self) -> bool:
        """Whether a clause is being made now."""
        return self._busy

    def idle_seconds(self) -> float:
        """How long no clause was asked for by a session; 0 while one waits or runs."""
        return 0.0 if self._heap or self._busy else time.monotonic() - self._last_used

    def close(self) -> None:
        """Refuse new jobs and answer the waiting ones with ``Unavailable``. The clause being made is not waited for."""
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
