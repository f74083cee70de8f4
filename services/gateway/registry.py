"""All live sessions of this gateway process: opened, resumed, watched and ended here."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from voxcart.bus.base import Bus
from voxcart.bus.envelope import make_envelope
from voxcart.bus.topics import CONTROL
from voxcart.errors import Conflict, InvalidInput, NotAllowed, NotFound, Unavailable, VoxcartError
from voxcart.telemetry.logs import get_logger
from voxcart.telemetry.metrics import TASK_FAILURES_TOTAL
from voxcart_api.bus.v1.bus_pb2 import SessionStarted
from voxcart_api.gateway.v1.gateway_pb2 import Config
from voxcart_services.gateway.config import GatewaySettings
from voxcart_services.gateway.errors import ClientTooSlow, SessionIdle, TakenOver, TooBusy
from voxcart_services.gateway.load import LoadMonitor
from voxcart_services.gateway.metrics import SESSIONS, SESSIONS_ENDED_TOTAL, SESSIONS_STARTED_TOTAL
from voxcart_services.gateway.records import (
    SessionRecord,
    SessionRecords,
    encode_config,
    hash_of,
    join_token,
    new_secret,
    secret_matches,
    split_token,
)
from voxcart_services.gateway.return_path import ReturnPath
from voxcart_services.gateway.session import Connection, Session, SessionStart
from voxcart_services.gateway.validation import SessionOptions, check_config
from voxcart_services.gateway.voices import VoiceList

log = get_logger(__name__)

TICK_S = 0.1
RECORD_REFRESH_S = 20.0
"""How often the record of a live session is written."""
RESERVED_SAMPLES = 120 * 16_000
"""How far ahead a record reserves audio positions: more than a session can get in :data:`RECORD_REFRESH_S`."""
RESERVED_TYPED = 1_000
START_S = 3.0
"""Deadline of the bus at the start of a session."""
FINISH_S = 5.0
UNKNOWN_TOKEN = "resume_token is unknown or expired; begin a new conversation"


class _Entry:
    """A session with what its owner needs."""

    def __init__(self, session: Session, config: Config) -> None:
        self.session = session
        self.config = config
        self.tasks: list[asyncio.Task[None]] = []
        self.recorded_at_s = 0.0


class SessionRegistry:
    """Owns the sessions and their tasks. :meth:`run` must be running while there are any."""

    def __init__(
        self,
        bus: Bus,
        return_path: ReturnPath,
        records: SessionRecords,
        voices: VoiceList,
        settings: GatewaySettings,
        gateway_id: str,
    ) -> None:
        self._bus = bus
        self._return_path = return_path
        self._records = records
        self._voices = voices
        self._settings = settings
        self._gateway_id = gateway_id
        self._load = LoadMonitor(settings.gateway_max_publish_seconds, settings.gateway_max_answer_seconds)
        self._entries: dict[str, _Entry] = {}
        self._opening: set[str] = set()
        self._closing: dict[str, asyncio.Task[None]] = {}
        self._awake = asyncio.Event()
        self._is_draining = False

    def __len__(self) -> int:
        """Live sessions, lost ones included."""
        return len(self._entries)

    async def connect(self, config: Config) -> Connection:
        """Opens, continues or resumes a session for a client's stream.

        Raises:
            InvalidInput: The config is not allowed.
            NotFound: The resume token is unknown or expired.
            TooBusy: There is no room, or the system does not keep up.
            Unavailable: The bus does not answer, or what is asked for needs Redis and that does not answer.
        """
        if self._is_draining:
            raise Unavailable("the gateway is shutting down; connect again")
        if config.last_received_sequence < 0:
            raise InvalidInput("last_received_sequence must not be negative")
        options = check_config(config, await self._voices.names() if config.voice else ())
        if config.resume_token:
            entry, resumed = await self._resume(config, options), True
        else:
            entry, resumed = await self._open_or_continue(config, options), False
        return self._attach(entry.session, options, config.last_received_sequence if resumed else 0, resumed=resumed)

    def disconnect(self, connection: Connection) -> None:
        """The client's stream is over: the session ends if the client closed it, else it waits to be resumed."""
        session = connection.session
        connection.close()
        if session.connection is not connection:
            return
        session.connection = None
        session.outbox.disconnect()
        if connection.is_closed_by_client:
            self.end(session, "client_closed")
        elif isinstance(connection.failure, InvalidInput):
            self.end(session, "error")
        elif not session.is_ended:
            session.lost_at_s = time.monotonic()
            log.info("client lost", session_id=session.session_id)
        self._count()

    def end(self, session: Session, reason: str) -> None:
        """Ends a session in the background; the rest of its events are published first."""
        entry = self._entries.get(session.session_id)
        if entry is None or entry.session is not session or session.session_id in self._closing:
            return
        session.is_ended = True
        task = asyncio.create_task(self._finish(entry, reason), name=f"end {session.session_id}")
        self._closing[session.session_id] = task

    async def run(self) -> None:
        """Watches the sessions until cancelled."""
        while True:
            if not self._entries:
                self._awake.clear()
                await self._awake.wait()
            for entry in list(self._entries.values()):
                await self._watch(entry)
            await asyncio.sleep(TICK_S)

    async def drain(self) -> None:
        """Takes no more sessions, lets turns come to their end, then closes all. Clients can resume elsewhere."""
        self._is_draining = True
        deadline_s = time.monotonic() + max(0.0, self._settings.drain_seconds - FINISH_S)
        while time.monotonic() < deadline_s and any(  # noqa: ASYNC110 - turns also settle by time passing
            entry.session.connection and not entry.session.is_settled for entry in self._entries.values()
        ):
            await asyncio.sleep(TICK_S)
        for entry in list(self._entries.values()):
            if entry.session.connection is not None:
                entry.session.connection.fail(Unavailable("the gateway is shutting down; the session can be resumed"))
            self.end(entry.session, "drain")
        await self.settle()

    async def settle(self) -> None:
        """Waits until all sessions that are ending have ended."""
        while self._closing:
            await asyncio.wait(list(self._closing.values()))

    async def aclose(self) -> None:
        """Ends the tasks of all sessions at once."""
        self._is_draining = True
        await self.settle()
        for entry in list(self._entries.values()):
            await self._forget(entry)

    async def _open_or_continue(self, config: Config, options: SessionOptions) -> _Entry:
        session_id = config.session_id or self._return_path.mint()
        if session_id in self._opening:
            raise Conflict(f"session {session_id} is being opened by another connection")
        self._refuse_if_busy()
        self._opening.add(session_id)
        try:
            record = await self._earlier(session_id, options) if config.session_id else None
            secret = new_secret()
            options.context.session_id = session_id
            start = SessionStart(
                options,
                join_token(session_id, secret),
                hash_of(secret),
                next_sample=record.next_sample if record else 0,
                next_typed=record.next_typed if record else 0,
            )
            return await self._begin(start, config, "continued" if record else "new")
        finally:
            self._opening.discard(session_id)

    async def _earlier(self, session_id: str, options: SessionOptions) -> SessionRecord | None:
        """The record of the session to continue, when it is this person's and not in use."""
        live = self._entries.get(session_id)
        if live is not None:
            if live.session.connection is not None:
                raise Conflict(f"session {session_id} is in use by another connection")
            _refuse_other_person(live.session.context, options.context)
            self.end(live.session, "client_closed")
            await asyncio.wait([self._closing[session_id]])
        record = await self._records.read(session_id)
        if record is not None:
            _refuse_other_person(record.config, options.context)
        return record

    async def _resume(self, config: Config, options: SessionOptions) -> _Entry:
        session_id, secret = split_token(config.resume_token)
        entry = self._entries.get(session_id)
        if entry is not None and not entry.session.is_ended:
            if not secret_matches(secret, entry.session.start.token_sha256):
                raise NotFound(UNKNOWN_TOKEN)
            entry.session.use_formats(options)
            SESSIONS_STARTED_TOTAL.labels("resumed").inc()
            return entry
        if not session_id or session_id in self._opening:
            raise NotFound(UNKNOWN_TOKEN)
        self._opening.add(session_id)
        try:
            record = await self._records.read(session_id)
            if record is None or not record.is_resumable or not secret_matches(secret, record.token_sha256):
                raise NotFound(UNKNOWN_TOKEN)
            if session_id in self._closing:
                await asyncio.wait([self._closing[session_id]])
            self._refuse_if_busy()
            stored = check_config(record.config, [record.config.voice])
            stored.context.session_id = session_id
            start = SessionStart(
                SessionOptions(stored.context, options.input_format, options.output_format),
                config.resume_token,
                record.token_sha256,
                last_sequence=max(record.last_sequence, config.last_received_sequence),
                next_sample=record.next_sample,
                next_typed=record.next_typed,
            )
            return await self._begin(start, record.config, "taken_over")
        finally:
            self._opening.discard(session_id)

    def _refuse_if_busy(self) -> None:
        retry_after_s = self._settings.gateway_retry_after_seconds
        if len(self._entries) + len(self._opening) >= self._settings.gateway_max_sessions:
            limit = self._settings.gateway_max_sessions
            raise TooBusy(f"all {limit} sessions of this gateway are in use; try again later", retry_after_s)
        trouble = self._load.trouble(time.monotonic())
        if trouble:
            raise TooBusy(f"{trouble}; try again later", retry_after_s)

    async def _begin(self, start: SessionStart, config: Config, how: str) -> _Entry:
        session = Session(start, self._bus, self._settings, self._load)
        entry = _Entry(session, config)
        started = make_envelope(
            session.bus_context,
            SessionStarted(),
            event_id=f"{session.session_id}/started/{start.next_sample}/{start.next_typed}",
        )
        self._entries[session.session_id] = entry
        try:
            async with asyncio.timeout(2 * START_S):
                await self._return_path.add(session.session_id, session.receive)
                await self._bus.publish(CONTROL, session.session_id, started, timeout_s=START_S)
        except BaseException as error:
            await self._forget(entry)
            if isinstance(error, TimeoutError):
                raise Unavailable("the message bus does not answer; try again later") from error
            raise
        entry.tasks = [
            self._own(entry, "audio", session.run_audio),
            self._own(entry, "control", session.run_control),
        ]
        await self._record(entry)
        SESSIONS_STARTED_TOTAL.labels(how).inc()
        self._count()
        self._awake.set()
        log.info("session started", session_id=session.session_id, how=how)
        return entry

    def _attach(self, session: Session, options: SessionOptions, last_received: int, *, resumed: bool) -> Connection:
        if session.is_ended:
            raise NotFound(UNKNOWN_TOKEN)
        session.outbox.connect(last_received)
        if session.connection is not None:
            session.connection.fail(TakenOver("another connection continues this session"))
        connection = Connection(session, resumed=resumed)
        session.connection = connection
        session.lost_at_s = None
        session.heard_at_s = time.monotonic()
        if not resumed:
            session.outbox.put(session.started(resumed=False))
        self._count()
        return connection

    def _own(self, entry: _Entry, name: str, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        async def guarded() -> None:
            try:
                await work()
            except asyncio.CancelledError:
                raise
            except Exception as error:
                TASK_FAILURES_TOTAL.labels(f"session {name}").inc()
                log.error("session task died", session_id=entry.session.session_id, task=name, exc_info=error)
                if entry.session.connection is not None:
                    entry.session.connection.fail(VoxcartError("internal error; the conversation had to be ended"))
                self.end(entry.session, "error")

        return asyncio.create_task(guarded(), name=f"{name} {entry.session.session_id}")

    async def _watch(self, entry: _Entry) -> None:
        session, now_s = entry.session, time.monotonic()
        if session.is_ended:
            return
        session.tick()
        if session.connection is not None and session.outbox.is_overflowing:
            session.connection.fail(ClientTooSlow("the client does not read its responses; the session can be resumed"))
        if session.lost_at_s is not None:
            if now_s - session.lost_at_s > self._settings.gateway_resume_seconds:
                self.end(session, "client_lost")
        elif session.connection is not None and now_s - session.heard_at_s > self._settings.gateway_idle_seconds:
            idle_s = self._settings.gateway_idle_seconds
            session.connection.fail(SessionIdle(f"nothing came for {idle_s:g} s; the session is closed"))
            self.end(session, "idle")
        if now_s - entry.recorded_at_s > RECORD_REFRESH_S:
            await self._record(entry)

    async def _record(self, entry: _Entry, *, closed: bool = False, resumable: bool = True) -> None:
        session = entry.session
        entry.recorded_at_s = time.monotonic()
        alive_s = self._settings.gateway_resume_seconds + (0.0 if closed else RECORD_REFRESH_S)
        await self._records.try_write(
            SessionRecord(
                session_id=session.session_id,
                config_base64=encode_config(entry.config),
                token_sha256=session.start.token_sha256,
                owner=self._gateway_id,
                last_sequence=session.outbox.last_sequence,
                next_sample=session.next_sample + (0 if closed else RESERVED_SAMPLES),
                next_typed=session.next_typed + (0 if closed else RESERVED_TYPED),
                resumable_until=time.time() + alive_s if resumable else 0.0,
            )
        )

    async def _finish(self, entry: _Entry, reason: str) -> None:
        session_id = entry.session.session_id
        try:
            if await self._is_mine(session_id):
                await entry.session.finish(reason, FINISH_S)
                await self._record(entry, closed=True, resumable=reason == "drain")
            SESSIONS_ENDED_TOTAL.labels(reason).inc()
            log.info("session ended", session_id=session_id, reason=reason)
        except Exception as error:
            log.error("session did not end cleanly", session_id=session_id, exc_info=error)
        finally:
            await self._forget(entry)
            self._closing.pop(session_id, None)
            self._count()

    async def _is_mine(self, session_id: str) -> bool:
        """Whether no other gateway process has taken the session over."""
        try:
            record = await self._records.read(session_id)
        except Unavailable:
            return True
        return record is None or record.owner == self._gateway_id

    async def _forget(self, entry: _Entry) -> None:
        session_id = entry.session.session_id
        entry.session.is_ended = True
        entry.session.outbox.changed.set()
        for task in entry.tasks:
            task.cancel()
        await asyncio.gather(*entry.tasks, return_exceptions=True)
        if self._entries.get(session_id) is entry:
            del self._entries[session_id]
        try:
            await self._return_path.remove(session_id)
        except VoxcartError as error:
            log.warning("return path not released", session_id=session_id, reason=str(error))

    def _count(self) -> None:
        num_connected = sum(entry.session.connection is not None for entry in self._entries.values())
        SESSIONS.labels("connected").set(num_connected)
        SESSIONS.labels("lost").set(len(self._entries) - num_connected)


def _refuse_other_person(one: Any, other: Any) -> None:
    if (one.tenant, one.user_id, one.role or 1) != (other.tenant, other.user_id, other.role or 1):
        raise NotAllowed("the session belongs to another person, role or tenant")
