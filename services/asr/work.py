"""The decode queue: one thread that runs the recognition model, most urgent utterance first.

Bounded: beyond the limit a final is refused with `Overloaded` and an interim is left out. Every waiter is answered:
with its result, the error of its work, or `Overloaded` when the queue closes.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import threading
import time
from collections.abc import Callable
from enum import IntEnum
from typing import Generic, TypeVar

from voxcart.errors import Overloaded
from voxcart_services.asr.metrics import QUEUE_LENGTH, QUEUE_SECONDS

Result = TypeVar("Result")


class Urgency(IntEnum):
    """Order of work; lower goes first."""

    FINAL = 0
    INTERIM = 1


class Job(Generic[Result]):
    """One piece of work that waits or runs."""

    def __init__(self, work: Callable[[Callable[[], bool]], Result], loop: asyncio.AbstractEventLoop) -> None:
        self._work = work
        self._loop = loop
        self._cancelled = threading.Event()
        self._queued = time.monotonic()
        self.future: asyncio.Future[Result] = loop.create_future()
        self.future.add_done_callback(self._retrieve)
        self.queue_ms = 0.0

    def cancel(self) -> None:
        """The result is no longer wanted; work that runs is asked to stop."""
        self._cancelled.set()
        self.future.cancel()

    def run(self) -> None:
        """Does the work and answers the waiter; called by the queue's thread."""
        if self._cancelled.is_set():
            return
        self.queue_ms = (time.monotonic() - self._queued) * 1e3
        QUEUE_SECONDS.observe(self.queue_ms / 1e3)
        try:
            result = self._work(self._cancelled.is_set)
        except Exception as error:
            self.fail(error)
        else:
            self._answer(lambda: self.future.set_result(result))

    def fail(self, error: Exception) -> None:
        """Answers the waiter with an error."""
        self._answer(lambda: self.future.set_exception(error))

    def _answer(self, answer: Callable[[], None]) -> None:
        def deliver() -> None:
            if not self.future.done():
                answer()

        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(deliver)

    @staticmethod
    def _retrieve(future: asyncio.Future[Result]) -> None:
        if not future.cancelled():
            future.exception()


class DecodeQueue:
    """Runs jobs in one thread of its own. Made inside a running event loop; closed by who made it."""

    def __init__(self, max_length: int = 64, max_interims: int = 2) -> None:
        """
        Args:
            max_length: Jobs that may wait; a final beyond it is refused.
            max_interims: With so many jobs waiting, interims are left out.
        """
        self._max_length = max_length
        self._max_interims = max_interims
        self._heap: list[tuple[int, int, Job]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._closing = False
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._run, name="asr-decode", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[Callable[[], bool]], Result], urgency: Urgency) -> Job[Result]:
        """Queues work; it gets a function that says whether it was cancelled.

        Raises:
            Overloaded: Too much is waiting, or the queue is closed.
        """
        job = Job(work, asyncio.get_running_loop())
        limit = self._max_length if urgency is Urgency.FINAL else self._max_interims
        with self._changed:
            if self._closing:
                raise Overloaded("speech recognition is shutting down")
            if len(self._heap) >= limit:
                raise Overloaded("speech recognition is overloaded; try again in a second")
            heapq.heappush(self._heap, (urgency, next(self._order), job))
            QUEUE_LENGTH.set(len(self._heap))
            self._changed.notify()
        return job

    async def aclose(self) -> None:
        """Refuses what waits, lets the running job end, and stops the thread."""
        with self._changed:
            self._closing = True
            waiting = [job for _, _, job in self._heap]
            self._heap.clear()
            self._changed.notify()
        for job in waiting:
            job.fail(Overloaded("speech recognition is shutting down"))
        await self._ended

    def _run(self) -> None:
        try:
            self._run_jobs()
        finally:
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._ended.set_result, None)

    def _run_jobs(self) -> None:
        while True:
            with self._changed:
                while not self._heap and not self._closing:
                    self._changed.wait()
                if not self._heap:
                    return
                _, _, job = heapq.heappop(self._heap)
                QUEUE_LENGTH.set(len(self._heap))
            job.run()
