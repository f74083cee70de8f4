"""The worker whose messages are finished by utterance, not one by one: audio.

An utterance spans many audio messages. They stay uncommitted until the handler says that everything up to some offset
of the session is finished. What a replay needs to go on from there (next utterance number, sample position) is the
session's checkpoint. Offset and checkpoints of a partition are written as one record to the compacted topic
``voxcart.checkpoints.v1``, so that they are stored together or not at all; the group's committed offset is only for
lag tools.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from voxcart.bus.base import Bus, TopicPartition
from voxcart.bus.envelope import Message
from voxcart.bus.errors import BusUnavailable
from voxcart.bus.metrics import COMMIT_FAILURES_TOTAL, OLDEST_HELD_SECONDS
from voxcart.bus.offsets import Checkpoint, HeldOffsets
from voxcart.bus.topics import CHECKPOINTS, Topic
from voxcart.bus.worker import SessionWorker, WorkerOptions
from voxcart.telemetry.logs import get_logger

log = get_logger(__name__)

_TAIL_RECORDS = 64


class UtteranceHandler(ABC):
    """What an :class:`UtteranceWorker` drives."""

    @abstractmethod
    async def handle(self, message: Message) -> None:
        """Takes one message of a session. Its return does not finish the message."""

    @abstractmethod
    async def on_partition_assigned(self, partition: int, checkpoints: Mapping[str, Checkpoint]) -> None:
        """The partition is ours from now on. Called before its first message.

        Args:
            checkpoints: By session id, what was last given to ``finish``. Each session's next message is the first one
                from ``before_offset`` on.
        """

    @abstractmethod
    async def on_partition_revoked(self, partition: int) -> None:
        """The partition is another's: drop the state of its sessions, publish no more for them."""


@dataclass(frozen=True, slots=True)
class HoldOptions:
    """Limits of holding.

    Attributes:
        release_after_s: A session that holds messages and sends none for so long is released, with a warning.
        forget_after_s: The checkpoint of a session that sends nothing for so long is dropped.
    """

    release_after_s: float = 120.0
    forget_after_s: float = 1800.0


class UtteranceWorker(SessionWorker):
    """A session worker that commits at utterance boundaries.

    Example::

        worker = UtteranceWorker(bus, "asr", AUDIO, handler)
        # in the handler, when everything before the message at `offset` is done:
        worker.finish(session_id, before_offset=offset, checkpoint={"next_utterance": 3, "sample": 51200})
        # when the session is over:
        worker.end_session(session_id)

    After a crash the next owner of the partition calls ``on_partition_assigned`` with the checkpoints and replays each
    session from its ``before_offset``.
    """

    def __init__(
        self,
        bus: Bus,
        group: str,
        topic: Topic,
        handler: UtteranceHandler,
        options: WorkerOptions | None = None,
        hold: HoldOptions | None = None,
    ) -> None:
        super().__init__(bus, group, [topic], handler.handle, options)
        self._topic = topic
        self._utterances = handler
        self._hold = hold or HoldOptions()
        self._stored: dict[TopicPartition, bytes] = {}

    def finish(self, session_id: str, before_offset: int, checkpoint: Checkpoint | None) -> None:
        """Everything of the session before ``before_offset`` is finished.

        Args:
            before_offset: Offset of the first message of the session that a replay must see; ``message.offset + 1``
                when all that came so far is finished.
            checkpoint: State with which a replay from there starts: JSON-able, small (under 1 kB). ``None``: none
                needed.
        """
        ledger = self._ledger(session_id)
        if ledger is not None:
            ledger.finish(session_id, before_offset, checkpoint)
            self._progress.set()

    def end_session(self, session_id: str) -> None:
        """The session is over: everything of it is finished, its checkpoint is dropped."""
        ledger = self._ledger(session_id)
        if ledger is not None:
            ledger.forget(session_id)
            self._progress.set()

    def _ledger(self, session_id: str) -> HeldOffsets | None:
        place = TopicPartition(self._topic.name, self._bus.partition_for(session_id))
        ledger = self._ledgers.get(place)
        return ledger if isinstance(ledger, HeldOffsets) and not ledger.is_revoked else None

    async def _assigned(self, starts: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, int]:
        found = await self._restore(list(starts))
        moved = {}
        for place, start in starts.items():
            ledger = found.get(place) or HeldOffsets(start)
            self._ledgers[place] = ledger
            self._committed[place] = start
            moved[place] = ledger.next_offset
            await self._utterances.on_partition_assigned(place.partition, ledger.checkpoints())
        log.info("partitions assigned", group=self._group, partitions=len(starts), restored=len(found))
        return moved

    async def _revoked(self, places: Collection[TopicPartition]) -> None:
        await super()._revoked(places)
        for place in places:
            self._stored.pop(place, None)
            await self._utterances.on_partition_revoked(place.partition)

    async def _commit(self) -> None:
        """Writes the books that changed, then moves the group's offset to match."""
        async with self._commit_lock:
            self._release_silent_sessions()
            stored = {}
            for place, ledger in list(self._ledgers.items()):
                if isinstance(ledger, HeldOffsets) and ledger.is_dirty:
                    offset = ledger.committable
                    if not await self._store_snapshot(place, ledger):
                        return
                    if self._committed.get(place) != offset:
                        stored[place] = offset
            if not stored:
                return
            try:
                await self._reader.commit(stored)
            except BusUnavailable as error:
                log.warning("commit failed", group=self._group, reason=str(error))
            else:
                self._committed.update(stored)

    def _release_silent_sessions(self) -> None:
        oldest: float | None = None
        for ledger in self._ledgers.values():
            if not isinstance(ledger, HeldOffsets):
                continue
            for session_id in ledger.release_idle(self._hold.release_after_s, self._hold.forget_after_s):
                log.warning("released the audio of a session that went silent", session_id=session_id)
            held_at = ledger.oldest_held_at
            if held_at is not None:
                oldest = held_at if oldest is None else min(oldest, held_at)
        OLDEST_HELD_SECONDS.labels(self._group).set(0.0 if oldest is None else time.monotonic() - oldest)

    async def _store_snapshot(self, place: TopicPartition, ledger: HeldOffsets) -> bool:
        """Writes one partition's book; False if the broker did not take it (the next round tries again)."""
        snapshot = ledger.snapshot()
        ledger.is_dirty = False
        if self._stored.get(place) == snapshot:
            return True
        try:
            await self._bus.publish_bytes(
                CHECKPOINTS.name, self._checkpoint_key(place), snapshot, partition=place.partition, timeout_s=5.0
            )
        except BusUnavailable as error:
            ledger.is_dirty = True
            COMMIT_FAILURES_TOTAL.labels(self._group).inc()
            self._progress.set()
            log.warning("checkpoint not stored", group=self._group, reason=str(error))
            return False
        self._stored[place] = snapshot
        return True

    def _checkpoint_key(self, place: TopicPartition) -> bytes:
        return f"{self._group}/{place.topic}/{place.partition}".encode()

    async def _restore(self, places: Sequence[TopicPartition]) -> dict[TopicPartition, HeldOffsets]:
        """The newest book of each partition that has one."""
        found = await self._newest_snapshots(places, _TAIL_RECORDS)
        missing = [place for place in places if place not in found]
        if missing:
            found |= await self._newest_snapshots(missing, None)
        ledgers = {}
        for place, snapshot in found.items():
            try:
                ledgers[place] = HeldOffsets.from_snapshot(snapshot)
            except ValueError as error:
                log.error("checkpoint record left out", partition=place.partition, reason=str(error))
        return ledgers

    async def _newest_snapshots(
        self, places: Sequence[TopicPartition], tail_records: int | None
    ) -> dict[TopicPartition, bytes]:
        """Reads the last ``tail_records`` (``None``: all) of the partitions' checkpoint records."""
        wanted = {self._checkpoint_key(place): place for place in places}
        sources = [TopicPartition(CHECKPOINTS.name, place.partition) for place in places]
        ends = {source: end for source, end in (await self._bus.end_offsets(sources)).items() if end > 0}
        found: dict[TopicPartition, bytes] = {}
        if not ends:
            return found
        reader = self._bus.assigned_reader()
        try:
            await reader.start()
            starts = dict.fromkeys(ends, 0)
            if tail_records is not None:
                starts = {source: max(0, end - tail_records) for source, end in ends.items()}
            open_places = {source for source, start in (await reader.assign(starts)).items() if start < ends[source]}
            while open_places:
                records = await reader.poll(500, 2.0)
                if not records:
                    raise BusUnavailable("the broker did not return the checkpoints in time")
                for record in records:
                    source = TopicPartition(record.topic, record.partition)
                    if record.offset >= ends[source] - 1:
                        open_places.discard(source)
                    if record.value and (place := wanted.get(record.key or b"")):
                        found[place] = record.value
        finally:
            await reader.aclose()
        return found
