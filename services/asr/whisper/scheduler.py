"""The thread that runs a recognition model: most urgent first, in batches of whatever waits when it gets free.

Bounded: beyond the limits a job is refused with `Overloaded`. Every waiter is answered: with its result, the error of
its work, `DecodeCancelled` when newer work of the same owner took its place, or `Overloaded` when the scheduler closes.
Cancelled jobs leave at the next step and disturb nobody.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from voxcart.errors import Overloaded
from voxcart_services.asr.metrics import QUEUE_LENGTH, QUEUE_SECONDS
from voxcart_services.asr.recognition import DecodeCancelled, Decoding, Hypothesis, Urgency

PayloadT = TypeVar("PayloadT")

_CLOSING = "speech recognition is shutting down"


@dataclass(frozen=True)
class SchedulerLimits:
    """Bounds of a scheduler.

    Attributes:
        max_waiting: Jobs that may wait; a final beyond it is refused.
        max_waiting_interims: Interims that may wait; one beyond it is refused.
        max_batch: Jobs that run together.
        max_begun_together: Jobs that may be begun in one call, if the pipeline finds them alike.
        interims_beside_finals: Whether interims begin while finals run; where beginning one holds up the others, not.
    """

    max_waiting: int = 65
    max_waiting_interims: int = 4
    max_batch: int = 4
    max_begun_together: int = 1
    interims_beside_finals: bool = False


@dataclass(eq=False)
class Job(Generic[PayloadT]):
    """Work that waits or runs.

    Attributes:
        payload: What the pipeline is to do.
        urgency: Finals first.
        owner: Newer work of the same owner takes the place of its interims.
    """

    payload: PayloadT
    urgency: Urgency
    owner: object
    decoding: Decoding
    loop: asyncio.AbstractEventLoop
    number: int
    queued_at: float = field(default_factory=time.monotonic)
    is_superseded: bool = False

    @property
    def is_unwanted(self) -> bool:
        """Nobody waits for it any more."""
        return self.is_superseded or self.decoding.future.cancelled()

    def succeed(self, result: Hypothesis) -> None:
        """Answers the waiter; from any thread."""
        self._deliver(lambda future: future.set_result(result))

    def fail(self, error: Exception) -> None:
        """Answers the waiter with an error; from any thread."""
        self._deliver(lambda future: future.set_exception(error))

    def _deliver(self, answer: Callable[[asyncio.Future[Hypothesis]], None]) -> None:
        future = self.decoding.future

        def deliver() -> None:
            if not future.done():
                answer(future)

        try:
            self.loop.call_soon_threadsafe(deliver)
        except RuntimeError:  # the loop was closed: nobody waits there
            return


class Pipeline(Protocol[PayloadT]):
    """The work itself; called by the scheduler's thread only."""

    def is_alike(self, first: Job[PayloadT], other: Job[PayloadT]) -> bool:
        """Whether two jobs can be begun in one call."""

    def begin(self, jobs: list[Job[PayloadT]]) -> None:
        """Starts jobs that are alike."""

    def advance(self) -> list[tuple[Job[PayloadT], Hypothesis | Exception]]:
        """Does one step of all that were begun and returns those that are over."""

    def drop(self, job: Job[PayloadT]) -> None:
        """Forgets a job that was begun."""


class Scheduler(Generic[PayloadT]):
    """Runs a pipeline in one thread of its own, which starts with the first job. Closed by who made it."""

    def __init__(self, pipeline: Pipeline[PayloadT], limits: SchedulerLimits) -> None:
        self._pipeline = pipeline
        self._limits = limits
        self._waiting: list[Job[PayloadT]] = []
        self._running: list[Job[PayloadT]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._closing = False
        self._thread: threading.Thread | None = None
        self._on_end: list[Callable[[], None]] = []

    def submit(self, payload: PayloadT, urgency: Urgency, owner: object) -> Decoding:
        """Queues work; called where an event loop runs.

        Raises:
            Overloaded: Too much is waiting, or the scheduler is closed.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Hypothesis] = loop.create_future()
        future.add_done_callback(_retrieve)
        job = Job(payload, urgency, owner, Decoding(future), loop, next(self._numbers))
        with self._changed:
            if self._closing:
                raise Overloaded(_CLOSING)
            self._supersede(owner, urgency)
            self._waiting = [waiting for waiting in self._waiting if not waiting.is_unwanted]
            self._check_room(urgency)
            self._waiting.append(job)
            self._waiting.sort(key=lambda waiting: (waiting.urgency, waiting.number))
            QUEUE_LENGTH.set(len(self._waiting))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="asr-decode", daemon=True)
                self._thread.start()
            self._changed.notify()
        return job.decoding

    async def aclose(self) -> None:
        """Refuses what waits and runs, and stops the thread. May be called twice."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()
        with self._changed:
            self._closing = True
            if self._thread is None:
                return
            self._on_end.append(functools.partial(_call_soon, loop, ended))
            self._changed.notify()
        await ended

    def _supersede(self, owner: object, urgency: Urgency) -> None:
        """Newer audio of the same owner: its waiting interims, before a final also the running one, are not needed."""
        stale = self._waiting + (self._running if urgency is Urgency.FINAL else [])
        for job in stale:
            if job.owner is owner and job.urgency is Urgency.INTERIM:
                job.is_superseded = True
                job.fail(DecodeCancelled("newer audio of the utterance is being recognised"))

    def _check_room(self, urgency: Urgency) -> None:
        interims = sum(job.urgency is Urgency.INTERIM for job in self._waiting)
        is_full = len(self._waiting) >= self._limits.max_waiting
        if is_full or (urgency is Urgency.INTERIM and interims >= self._limits.max_waiting_interims):
            raise Overloaded("speech recognition is overloaded; try again in a second")

    def _run(self) -> None:
        try:
            while self._await_work():
                self._drop_unwanted()
                self._begin_next()
                self._finish(self._pipeline.advance() if self._running else [])
        except Exception as error:
            self._refuse_all(error)
            raise
        finally:
            self._refuse_all(Overloaded(_CLOSING))
            with self._changed:
                self._thread = None
                for callback in self._on_end:
                    callback()

    def _await_work(self) -> bool:
        """Blocks until there is something to do; says no when the scheduler closes."""
        with self._changed:
            while not self._closing and not self._waiting and not self._running:
                self._changed.wait()
            return not self._closing

    def _refuse_all(self, error: Exception) -> None:
        with self._changed:
            left = self._waiting + self._running
            self._waiting, self._running = [], []
        for job in left:
            job.fail(error)

    def _drop_unwanted(self) -> None:
        with self._changed:
            unwanted = [job for job in self._running if job.is_unwanted]
            self._running = [job for job in self._running if job not in unwanted]
            self._waiting = [job for job in self._waiting if not job.is_unwanted]
        for job in unwanted:
            self._pipeline.drop(job)

    def _begin_next(self) -> None:
        jobs = self._take_next()
        if not jobs:
            return
        try:
            self._pipeline.begin(jobs)
        except Exception as error:
            for job in jobs:
                job.fail(error)
            with self._changed:
                self._running = [job for job in self._running if job not in jobs]

    def _take_next(self) -> list[Job[PayloadT]]:
        """The most urgent jobs that may begin now, from now on running."""
        limits = self._limits
        with self._changed:
            room = limits.max_batch - len(self._running)
            candidates = self._waiting
            if not limits.interims_beside_finals and any(job.urgency is Urgency.FINAL for job in self._running):
                candidates = [job for job in candidates if job.urgency is Urgency.FINAL]
            if room <= 0 or not candidates:
                return []
            first = candidates[0]
            alike = [job for job in candidates if job is first or self._pipeline.is_alike(first, job)]
            jobs = alike[: min(room, limits.max_begun_together)]
            self._waiting = [job for job in self._waiting if job not in jobs]
            self._running = self._running + jobs
            QUEUE_LENGTH.set(len(self._waiting))
        now = time.monotonic()
        for job in jobs:
            job.decoding.queue_ms = (now - job.queued_at) * 1e3
            QUEUE_SECONDS.observe(now - job.queued_at)
        return jobs

    def _finish(self, over: list[tuple[Job[PayloadT], Hypothesis | Exception]]) -> None:
        if not over:
            return
        done = [job for job, _ in over]
        with self._changed:
            self._running = [job for job in self._running if job not in done]
        for job, result in over:
            if isinstance(result, Exception):
                job.fail(result)
            else:
                job.succeed(result)


def _call_soon(loop: asyncio.AbstractEventLoop, ended: asyncio.Future[None]) -> None:
    loop.call_soon_threadsafe(ended.set_result, None)


def _retrieve(future: asyncio.Future[Hypothesis]) -> None:
    """A waiter that has gone leaves no warning behind."""
    if not future.cancelled():
        future.exception()
