"""Which offsets of a partition are finished, so that a commit never passes over unfinished work."""

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from voxcart.bus.envelope import Record

Checkpoint = Mapping[str, Any]
"""What a replay of a session needs to reach the same state: small, JSON-able."""


class Ledger(ABC):
    """Book of one assigned partition. A partition that is assigned again gets a new ledger."""

    def __init__(self, start: int) -> None:
        self.next_offset = start
        self.is_revoked = False

    @abstractmethod
    def take(self, record: Record) -> bool:
        """Notes a record that was read. False: it was finished before and must not be handled again."""

    @abstractmethod
    def handled(self, record: Record) -> None:
        """Notes that the handler is done with the record, or that it was dead-lettered."""

    @property
    @abstractmethod
    def committable(self) -> int:
        """Offset of the first record that is not finished."""


class OffsetTracker(Ledger):
    """A record is finished when its handler returned. Commits only the contiguous finished prefix."""

    def __init__(self, start: int) -> None:
        super().__init__(start)
        self._unfinished: dict[int, None] = {}

    def take(self, record: Record) -> bool:
        if record.offset < self.next_offset:
            self._unfinished.clear()
        self._unfinished[record.offset] = None
        self.next_offset = record.offset + 1
        return True

    def handled(self, record: Record) -> None:
        self._unfinished.pop(record.offset, None)

    @property
    def committable(self) -> int:
        return next(iter(self._unfinished), self.next_offset)


@dataclass(slots=True)
class _SessionHold:
    held: dict[int, float] = field(default_factory=dict)
    resume_offset: int = 0
    checkpoint: Checkpoint | None = None
    last_seen: float = 0.0


class HeldOffsets(Ledger):
    """A record is finished when its session says so (:meth:`finish`), which may be long after it was handled.

    Keeps, for each session, the offset a replay starts at and the checkpoint that goes with it. The whole is written
    as one record (:meth:`snapshot`), so that offset and checkpoints can never disagree.
    """

    def __init__(self, start: int, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(start)
        self._clock = clock
        self._sessions: dict[str, _SessionHold] = {}
        self.is_dirty = False

    def take(self, record: Record) -> bool:
        if record.offset < self.next_offset:
            self._start_over()
        self.next_offset = record.offset + 1
        self.is_dirty = True
        session = self._session(_session_id(record))
        session.last_seen = self._clock()
        if record.offset < session.resume_offset:
            return False
        session.held[record.offset] = session.last_seen
        return True

    def handled(self, record: Record) -> None:
        """Handling a record does not finish it."""

    @property
    def committable(self) -> int:
        firsts = (next(iter(session.held)) for session in self._sessions.values() if session.held)
        return min(firsts, default=self.next_offset)

    @property
    def oldest_held_at(self) -> float | None:
        """Monotonic time at which the oldest held record was read; ``None`` if nothing is held."""
        return min(
            (next(iter(session.held.values())) for session in self._sessions.values() if session.held), default=None
        )

    def finish(self, session_id: str, before_offset: int, checkpoint: Checkpoint | None) -> None:
        """Everything of the session before ``before_offset`` is finished; a replay starts there with ``checkpoint``."""
        session = self._session(session_id)
        for offset in [offset for offset in session.held if offset < before_offset]:
            del session.held[offset]
        session.resume_offset = max(session.resume_offset, before_offset)
        session.checkpoint = checkpoint
        self.is_dirty = True

    def forget(self, session_id: str) -> None:
        """The session is over: releases what it holds and drops its checkpoint."""
        if self._sessions.pop(session_id, None) is not None:
            self.is_dirty = True

    def release_idle(self, hold_s: float, forget_s: float) -> list[str]:
        """Releases what sessions hold that sent nothing for ``hold_s``; forgets those silent for ``forget_s``.

        Returns:
            Sessions that still held something.
        """
        now = self._clock()
        released = []
        for session_id, session in list(self._sessions.items()):
            idle_s = now - session.last_seen
            if session.held and idle_s > hold_s:
                session.resume_offset = next(reversed(session.held)) + 1
                session.held.clear()
                self.is_dirty = True
                released.append(session_id)
            if idle_s > forget_s:
                self.forget(session_id)
        return released

    def checkpoints(self) -> dict[str, Checkpoint]:
        """The checkpoint of each session that has one."""
        return {name: session.checkpoint for name, session in self._sessions.items() if session.checkpoint is not None}

    def snapshot(self) -> bytes:
        """Offset and checkpoints as one JSON object."""
        sessions = {
            name: [session.resume_offset, session.checkpoint]
            for name, session in self._sessions.items()
            if session.checkpoint is not None
        }
        return json.dumps(
            {"offset": self.committable, "sessions": sessions}, ensure_ascii=False, separators=(",", ":")
        ).encode()

    @classmethod
    def from_snapshot(cls, snapshot: bytes, clock: Callable[[], float] = time.monotonic) -> "HeldOffsets":
        """The book as it was when the snapshot was written.

        Raises:
            ValueError: The bytes are no snapshot.
        """
        try:
            data = json.loads(snapshot)
            ledger = cls(int(data["offset"]), clock)
            for name, (resume_offset, checkpoint) in data["sessions"].items():
                ledger._sessions[name] = _SessionHold({}, int(resume_offset), checkpoint, clock())
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not a checkpoint record: {error}") from error
        return ledger

    def _start_over(self) -> None:
        """The broker lost the log and counts from 0 again: old offsets mean nothing, checkpoints stay true."""
        for session in self._sessions.values():
            session.held.clear()
            session.resume_offset = 0

    def _session(self, session_id: str) -> _SessionHold:
        session = self._sessions.get(session_id)
        if session is None:
            session = self._sessions[session_id] = _SessionHold(last_seen=self._clock())
        return session


def _session_id(record: Record) -> str:
    return (record.key or b"").decode(errors="replace")
