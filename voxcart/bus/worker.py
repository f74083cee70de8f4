"""The session-ordered worker: reads topics as one of a group and hands each message to a handler.

Messages of one key are handled one after another, different keys side by side. A message is committed when it and all
before it in its partition are finished, so that whoever takes the partition over handles the rest again (at least
once: handlers recognise repeats by ``event_id``).
"""

import asyncio
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import structlog

from voxcart.bus.base import Bus, TopicPartition, run_until
from voxcart.bus.envelope import Message, Record, current_traceparent, decode
from voxcart.bus.errors import BusUnavailable, UndecodableMessage, is_retryable
from voxcart.bus.metrics import (
    COMMIT_FAILURES_TOTAL,
    DEAD_LETTERS_TOTAL,
    HANDLE_SECONDS,
    HANDLED_TOTAL,
    IN_FLIGHT,
    LAG,
    RETRIES_TOTAL,
    TRANSIT_SECONDS,
    UNDECODABLE_TOTAL,
)
from voxcart.bus.offsets import Ledger, OffsetTracker
from voxcart.bus.topics import Topic
from voxcart.telemetry.logs import get_logger

log = get_logger(__name__)

Handler = Callable[[Message], Awaitable[None]]
OnDeadLetter = Callable[[Message, Exception], Awaitable[None]]

POLL_S = 2.0
_IDLE_COMMIT_S = 5.0
_LAG_S = 15.0


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """Limits of a worker.

    Attributes:
        max_in_flight: Messages read and not finished handling; beyond it nothing more is read (back-pressure).
        max_sessions: Keys that are handled at the same time.
        handler_timeout_s: A handler that takes longer is cancelled; counts as a retryable error.
        retry_for_s: How long a message with retryable errors is tried again before it is given up. Its key waits,
            other keys go on.
        commit_interval_s: How often finished offsets are committed.
        drain_s: How long messages in flight may take when the partition is taken away or the worker stops.
    """

    max_in_flight: int = 256
    max_sessions: int = 16
    handler_timeout_s: float = 60.0
    retry_for_s: float = 60.0
    commit_interval_s: float = 0.25
    drain_s: float = 5.0


@dataclass(slots=True)
class _Item:
    record: Record
    ledger: Ledger


class SessionWorker:
    """Runs a handler over the messages of session topics.

    Example::

        worker = SessionWorker(bus, "nlu", [TRANSCRIPTS], handle)
        context.supervise("nlu worker", worker.run())
        context.on_drain(worker.drain)

    Errors of the handler: retryable ones (``error.retryable``, time-outs, connection errors) are tried again with
    growing pauses for ``retry_for_s``; then, or at once for all others, the message goes to the dead-letter topic with
    the reason, ``on_dead_letter`` is called (to tell the client), and the partition goes on.
    """

    def __init__(
        self,
        bus: Bus,
        group: str,
        topics: Sequence[Topic],
        handler: Handler,
        options: WorkerOptions | None = None,
        on_dead_letter: OnDeadLetter | None = None,
    ) -> None:
        """
        Args:
            group: Name of the service; its processes share the partitions.
            handler: Called for each message; its return finishes the message.
            on_dead_letter: Called after a decodable message was given up.
        """
        self._bus = bus
        self._group = group
        self._topics = tuple(topics)
        self._handler = handler
        self._options = options or WorkerOptions()
        self._on_dead_letter = on_dead_letter
        self._reader = bus.group_reader(group, self._topics, self._assigned, self._revoked)
        self._ledgers: dict[TopicPartition, Ledger] = {}
        self._committed: dict[TopicPartition, int] = {}
        self._lanes: dict[tuple[TopicPartition, bytes], deque[_Item]] = {}
        self._lane_tasks: set[asyncio.Task[None]] = set()
        self._parallel = asyncio.Semaphore(self._options.max_sessions)
        self._in_flight = 0
        self._changed = asyncio.Condition()
        self._commit_lock = asyncio.Lock()
        self._progress = asyncio.Event()
        self._stopping = asyncio.Event()
        self._stopped = asyncio.Event()

    @property
    def in_flight(self) -> int:
        """Messages read and not finished handling; never above ``max_in_flight``."""
        return self._in_flight

    async def run(self) -> None:
        """Works until :meth:`drain` or cancellation.

        Raises:
            BusUnavailable: The broker did not answer at start.
        """
        try:
            await self._reader.start()
            async with asyncio.TaskGroup() as tasks:
                committer = tasks.create_task(self._commit_regularly(), name=f"{self._group} committer")
                await run_until(self._stopping, self._take(tasks))
                await self._wait_for(lambda: not self._lanes, self._options.drain_s)
                committer.cancel()
                await self._commit()
                for lane in self._lane_tasks:
                    lane.cancel()
        finally:
            await self._reader.aclose()
            IN_FLIGHT.labels(self._group).set(0)
            self._stopped.set()

    async def drain(self) -> None:
        """Reads no more, finishes and commits what is in flight; returns when :meth:`run` has ended."""
        self._stopping.set()
        await self._stopped.wait()

    async def _take(self, tasks: asyncio.TaskGroup) -> None:
        while not self._stopping.is_set():
            room = self._options.max_in_flight - self._in_flight
            if room <= 0:
                await self._wait_for(lambda: self._in_flight < self._options.max_in_flight, 0.5)
                continue
            for record in await self._reader.poll(room, POLL_S):
                place = TopicPartition(record.topic, record.partition)
                ledger = self._ledgers.get(place)
                if ledger is None or not ledger.take(record):
                    continue
                self._in_flight += 1
                self._enqueue(_Item(record, ledger), (place, record.key or b""), tasks)
            IN_FLIGHT.labels(self._group).set(self._in_flight)

    def _enqueue(self, item: _Item, name: tuple[TopicPartition, bytes], tasks: asyncio.TaskGroup) -> None:
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes[name] = deque()
            task = tasks.create_task(self._run_lane(name, lane), name=f"{self._group} lane")
            self._lane_tasks.add(task)
            task.add_done_callback(self._lane_tasks.discard)
        lane.append(item)

    async def _run_lane(self, name: tuple[TopicPartition, bytes], lane: deque[_Item]) -> None:
        """Handles the messages of one key in order; ends when there are none left."""
        try:
            async with self._parallel:
                while lane:
                    item = lane.popleft()
                    if not item.ledger.is_revoked:
                        await self._handle(item)
                    self._in_flight -= 1
                    self._progress.set()
                    IN_FLIGHT.labels(self._group).set(self._in_flight)
                    async with self._changed:
                        self._changed.notify_all()
        finally:
            if self._lanes.get(name) is lane:
                del self._lanes[name]

    async def _handle(self, item: _Item) -> None:
        record = item.record
        started = time.monotonic()
        TRANSIT_SECONDS.labels(record.topic).observe(max(0.0, time.time() - record.timestamp_ms / 1000))
        try:
            message = decode(record)
        except UndecodableMessage as error:
            UNDECODABLE_TOTAL.labels(record.topic).inc()
            await self._give_up(record, None, error)
        else:
            await self._try(record, message)
        item.ledger.handled(record)
        HANDLED_TOTAL.labels(self._group, record.topic).inc()
        HANDLE_SECONDS.labels(self._group).observe(time.monotonic() - started)

    async def _try(self, record: Record, message: Message) -> None:
        """Calls the handler, again while errors are retryable and there is time."""
        trace = current_traceparent.set(message.traceparent)
        give_up_at = time.monotonic() + self._options.retry_for_s
        pause_s = 0.1
        try:
            with structlog.contextvars.bound_contextvars(session_id=message.session_id):
                while True:
                    try:
                        async with asyncio.timeout(self._options.handler_timeout_s):
                            await self._handler(message)
                        return
                    except Exception as error:
                        if not is_retryable(error) or time.monotonic() + pause_s > give_up_at:
                            await self._give_up(record, message, error)
                            return
                        log.warning("handling failed, trying again", group=self._group, error=type(error).__name__)
                    RETRIES_TOTAL.labels(self._group).inc()
                    await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))
                    pause_s = min(pause_s * 2, 3.0)
        finally:
            current_traceparent.reset(trace)

    async def _give_up(self, record: Record, message: Message | None, error: Exception) -> None:
        """Writes the dead letter, waiting for the broker if need be, then tells the service."""
        log.error(
            "message given up",
            group=self._group,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            exc_info=error,
        )
        reason = f"{type(error).__name__}: {error}"
        while True:
            try:
                await self._bus.publish_dead_letter(record, reason, self._group)
                break
            except BusUnavailable:
                await asyncio.sleep(1.0)
        DEAD_LETTERS_TOTAL.labels(self._group, record.topic).inc()
        if message is None or self._on_dead_letter is None:
            return
        try:
            async with asyncio.timeout(self._options.handler_timeout_s):
                await self._on_dead_letter(message, error)
        except Exception as failure:
            log.error("telling about a dead letter failed", group=self._group, exc_info=failure)

    async def _commit_regularly(self) -> None:
        """Commits soon after there is something new; an idle worker only looks now and then."""
        next_lag = 0.0
        while True:
            try:
                async with asyncio.timeout(_IDLE_COMMIT_S):
                    await self._progress.wait()
            except TimeoutError:
                pass
            self._progress.clear()
            await asyncio.sleep(self._options.commit_interval_s)
            await self._commit()
            if time.monotonic() >= next_lag:
                next_lag = time.monotonic() + _LAG_S
                await self._measure_lag()

    async def _measure_lag(self) -> None:
        try:
            LAG.labels(self._group).set(sum((await self._reader.lag()).values()))
        except BusUnavailable:
            log.warning("lag not known, the broker does not answer", group=self._group)

    async def _commit(self) -> None:
        """Commits what is finished; on failure the next round tries again."""
        async with self._commit_lock:
            due = {place: ledger.committable for place, ledger in self._ledgers.items()}
            changed = {place: offset for place, offset in due.items() if self._committed.get(place) != offset}
            if not changed:
                return
            try:
                await self._store(changed)
            except BusUnavailable as error:
                COMMIT_FAILURES_TOTAL.labels(self._group).inc()
                self._progress.set()
                log.warning("commit failed", group=self._group, reason=str(error))
            else:
                self._committed.update(changed)

    async def _store(self, offsets: Mapping[TopicPartition, int]) -> None:
        await self._reader.commit(offsets)

    async def _assigned(self, starts: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, int]:
        for place, start in starts.items():
            self._ledgers[place] = OffsetTracker(start)
            self._committed[place] = start
        log.info("partitions assigned", group=self._group, partitions=len(starts))
        return {}

    async def _revoked(self, places: Collection[TopicPartition]) -> None:
        """Lets running handlers finish, commits, and drops what was not begun."""
        gone = set(places)
        for place in gone & self._ledgers.keys():
            self._ledgers[place].is_revoked = True
        await self._wait_for(lambda: not any(place in gone for place, _ in self._lanes), self._options.drain_s)
        await self._commit()
        for place in gone:
            self._ledgers.pop(place, None)
            self._committed.pop(place, None)

    async def _wait_for(self, condition: Callable[[], bool], timeout_s: float) -> None:
        """Waits until the condition holds or the time is over; lanes wake it."""
        give_up_at = time.monotonic() + timeout_s
        while not condition() and (left := give_up_at - time.monotonic()) > 0:
            try:
                async with asyncio.timeout(min(left, 0.05)), self._changed:
                    await self._changed.wait()
            except TimeoutError:
                continue
