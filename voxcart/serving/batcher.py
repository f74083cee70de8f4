"""Dynamic batching: single requests in, batches to the model, single results out.

Guarantees: first in, first out; a bounded queue that refuses when full; every waiter gets exactly one answer on
every path (result, error, deadline, close, cancellation); results of a batch equal those of its items alone, as
far as the model keeps that.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, Self, TypeVar

from voxcart.errors import DeadlineMissed, Overloaded, Unavailable, VoxcartError
from voxcart.serving import metrics
from voxcart.telemetry.logs import get_logger

_log = get_logger(__name__)

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


class InferenceFailed(VoxcartError):
    """The model raised, or returned another number of results than it got items. The cause is chained."""


@dataclass(frozen=True)
class BatchLimits:
    """Limits of a batcher.

    Attributes:
        max_batch_size: items per batch, at least 1.
        max_wait_seconds: how long the oldest item may wait for company while the model is free; 0 never waits.
        max_queue_size: waiting items beyond which ``submit`` refuses.
        max_concurrent_batches: batches that may compute at once, each in a thread of its own.
    """

    max_batch_size: int
    max_wait_seconds: float
    max_queue_size: int
    max_concurrent_batches: int = 1

    def __post_init__(self) -> None:
        if self.max_batch_size < 1 or self.max_queue_size < 1 or self.max_concurrent_batches < 1:
            raise ValueError("max_batch_size, max_queue_size and max_concurrent_batches must be at least 1")
        if self.max_wait_seconds < 0:
            raise ValueError("max_wait_seconds must not be negative")


@dataclass(eq=False)
class _Waiter(Generic[ItemT, ResultT]):
    item: ItemT
    answer: "asyncio.Future[ResultT]"
    submitted_at: float


class Batcher(Generic[ItemT, ResultT]):
    """Collects items of concurrent callers into batches for one model.

    Use it as an async context manager, or call ``start`` and ``aclose``. Lives on one event loop.

    Args:
        name: label of the metrics and name of the threads.
        infer: the model: gets 1 to ``max_batch_size`` items, returns as many results in the same order. Called
            in the batcher's own threads, never on the event loop.
        limits: see ``BatchLimits``.
        executor: where ``infer`` runs; the batcher's own threads when None. The caller closes one it passes.
    """

    def __init__(
        self,
        name: str,
        infer: Callable[[Sequence[ItemT]], Sequence[ResultT]],
        limits: BatchLimits,
        executor: Executor | None = None,
    ) -> None:
        self._name = name
        self._infer = infer
        self._limits = limits
        self._owned = (
            ThreadPoolExecutor(limits.max_concurrent_batches, thread_name_prefix=f"batch-{name}")
            if executor is None
            else None
        )
        self._executor: Executor = executor or self._owned  # type: ignore[assignment]
        self._queue: deque[_Waiter[ItemT, ResultT]] = deque()
        self._taken: set[_Waiter[ItemT, ResultT]] = set()
        self._wake = asyncio.Event()
        self._free_slots = asyncio.Semaphore(limits.max_concurrent_batches)
        self._dispatcher: asyncio.Task[None] | None = None
        self._closing = False

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def start(self) -> None:
        """Begin to serve. Must be called on the event loop, once."""
        if self._dispatcher is not None:
            raise RuntimeError(f"batcher {self._name} was started already")
        self._dispatcher = asyncio.create_task(self._dispatch(), name=f"batcher-{self._name}")
        self._dispatcher.add_done_callback(self._on_end)

    async def submit(self, item: ItemT, *, timeout_seconds: float | None = None) -> ResultT:
        """Compute one item, together with whatever else waits.

        A cancelled caller leaves the queue; if its batch computes already, the result is dropped.

        Args:
            item: what ``infer`` takes.
            timeout_seconds: answer within this time or raise; None waits as long as it takes.

        Raises:
            Overloaded: the queue is full.
            DeadlineMissed: ``timeout_seconds`` passed.
            InferenceFailed: the model failed on the batch.
            Unavailable: the batcher is closed.
            RuntimeError: the batcher was never started.
        """
        if self._dispatcher is None:
            raise RuntimeError(f"batcher {self._name} was not started")
        if self._closing:
            raise self._closed()
        if len(self._queue) >= self._limits.max_queue_size:
            self._count_rejected("overloaded")
            raise Overloaded(f"{self._name} is overloaded: {len(self._queue)} requests wait already")
        loop = asyncio.get_running_loop()
        waiter: _Waiter[ItemT, ResultT] = _Waiter(item, loop.create_future(), loop.time())
        self._queue.append(waiter)
        self._note_depth()
        self._wake.set()
        try:
            async with asyncio.timeout(timeout_seconds):
                return await waiter.answer
        except TimeoutError as error:
            self._count_rejected("deadline")
            raise DeadlineMissed(f"{self._name} did not answer in {timeout_seconds} s") from error
        except asyncio.CancelledError:
            self._count_rejected("cancelled")
            raise
        finally:
            if waiter in self._queue:
                self._queue.remove(waiter)
                self._note_depth()

    async def aclose(self) -> None:
        """Refuse new items, fail those that wait, let batches that compute finish and answer. Idempotent."""
        self._closing = True
        self._fail_queued()
        self._wake.set()
        try:
            if self._dispatcher is not None:
                await asyncio.wait([self._dispatcher])
        except asyncio.CancelledError:
            self._dispatcher.cancel()  # type: ignore[union-attr]
            raise
        finally:
            if self._owned is not None:
                self._owned.shutdown(wait=False)

    async def _dispatch(self) -> None:
        """Take batches off the queue as long as the batcher is open; runs as the batcher's own task."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._free_slots.acquire()
                batch = await self._next_batch()
                if not batch:
                    return
                self._taken.update(batch)
                group.create_task(self._compute(batch), name=f"batch-{self._name}")

    def _on_end(self, dispatcher: asyncio.Task[None]) -> None:
        """Answer everyone who is left. A callback, since a task cancelled before its first step runs no code."""
        self._closing = True
        self._fail_queued()
        self._fail(list(self._taken), self._closed, "closed")
        self._taken.clear()
        if not dispatcher.cancelled() and (error := dispatcher.exception()) is not None:
            _log.error("batcher died", batcher=self._name, exc_info=error)

    async def _next_batch(self) -> list[_Waiter[ItemT, ResultT]]:
        """Wait for a batch to be due: it is full, or its oldest item has waited long enough. Empty: closed."""
        loop = asyncio.get_running_loop()
        while True:
            due_in_seconds: float | None = None
            self._drop_answered()
            if self._queue:
                due_in_seconds = self._queue[0].submitted_at + self._limits.max_wait_seconds - loop.time()
                if due_in_seconds <= 0 or len(self._queue) >= self._limits.max_batch_size:
                    count = min(len(self._queue), self._limits.max_batch_size)
                    return [self._queue.popleft() for _ in range(count)]
            elif self._closing:
                return []
            self._wake.clear()
            try:
                async with asyncio.timeout(due_in_seconds):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _compute(self, batch: list[_Waiter[ItemT, ResultT]]) -> None:
        loop = asyncio.get_running_loop()
        metrics.BATCH_SIZE.labels(self._name).observe(len(batch))
        for waiter in batch:
            metrics.QUEUE_WAIT_SECONDS.labels(self._name).observe(loop.time() - waiter.submitted_at)
        started = time.perf_counter()
        try:
            results = await loop.run_in_executor(self._executor, self._infer, [waiter.item for waiter in batch])
            if len(results) != len(batch):
                raise ValueError(f"{len(results)} results for {len(batch)} items")
            for waiter, result in zip(batch, results, strict=True):
                if not waiter.answer.done():
                    waiter.answer.set_result(result)
        except asyncio.CancelledError:
            self._fail(batch, self._closed, "closed")
            raise
        except Exception as error:
            _log.error("batch failed", batcher=self._name, batch_size=len(batch), error=type(error).__name__)
            cause = error
            self._fail(batch, lambda: self._failure(cause), "error")
        finally:
            metrics.COMPUTE_SECONDS.labels(self._name).observe(time.perf_counter() - started)
            self._taken.difference_update(batch)
            self._note_depth()
            self._free_slots.release()

    def _drop_answered(self) -> None:
        """Take out items whose caller was cancelled but has not run since."""
        if any(waiter.answer.done() for waiter in self._queue):
            self._queue = deque(waiter for waiter in self._queue if not waiter.answer.done())
        self._note_depth()

    def _fail_queued(self) -> None:
        waiting = list(self._queue)
        self._queue.clear()
        self._note_depth()
        self._fail(waiting, self._closed, "closed")

    def _fail(
        self, waiters: Sequence[_Waiter[ItemT, ResultT]], make_error: Callable[[], VoxcartError], reason: str
    ) -> None:
        """Answer each waiter with an error of its own, so that their tracebacks stay apart."""
        for waiter in waiters:
            if not waiter.answer.done():
                self._count_rejected(reason)
                waiter.answer.set_exception(make_error())

    def _failure(self, cause: BaseException) -> InferenceFailed:
        error = InferenceFailed(f"the model behind {self._name} failed")
        error.__cause__ = cause
        return error

    def _closed(self) -> Unavailable:
        return Unavailable(f"{self._name} is closing and takes no more requests")

    def _note_depth(self) -> None:
        metrics.QUEUE_DEPTH.labels(self._name).set(len(self._queue))

    def _count_rejected(self, reason: str) -> None:
        metrics.REJECTED_TOTAL.labels(self._name, reason).inc()
