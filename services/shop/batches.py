"""Statements that go to PostgreSQL together, and connections that are never out of step with their answers.

A batch is one round trip however many statements it has: all are sent with one Sync behind them (the extended query
protocol; libpq's pipeline mode), and exactly as many answers are read. Each statement is prepared once a connection.

Whatever keeps a batch from being read to its end, a cancelled call or a torn network, closes the connection: answers
that were left unread would be taken for those of the next batch. That is why this drives libpq itself. psycopg's
``Connection.pipeline()`` may be cancelled while it is entered, when a busy event loop makes it yield; the connection
then stays in pipeline mode unnoticed, and statements of later transactions are answered one late.
"""

import asyncio
import re
from collections import namedtuple
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import psycopg
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGresult
from psycopg.types.numeric import Int8BinaryDumper, Int8Dumper

from voxcart.errors import DeadlineMissed, Overloaded, VoxcartError

Statement: TypeAlias = tuple[str, dict[str, Any]]
"""SQL with ``%(name)s`` placeholders, and its values."""

BEGIN: Statement = ("BEGIN", {})
COMMIT: Statement = ("COMMIT", {})
ROLLBACK: Statement = ("ROLLBACK", {})

_PLACEHOLDER = re.compile(r"%\((\w+)\)s|%%")


_Key: TypeAlias = tuple[bytes, tuple[int, ...]]
"""What a statement is prepared by: its text and the types of its values."""


class _Bound(NamedTuple):
    """A statement as it is sent."""

    key: _Key
    values: Sequence[Any]
    formats: Sequence[Format]


class BatchConnection:
    """One connection, used by one task at a time."""

    def __init__(self, connection: psycopg.AsyncConnection[Any], limit_s: float) -> None:
        """Takes over a fresh connection in autocommit mode; a batch may take ``limit_s`` seconds at most."""
        for dumper in (Int8Dumper, Int8BinaryDumper):  # one type for numbers of any size, in lists (text) and alone
            connection.adapters.register_dumper(int, dumper)
        self._connection = connection
        self._pgconn = connection.pgconn
        self._pgconn.enter_pipeline_mode()
        self._transformer = Transformer(connection)
        self._limit_s = limit_s
        self._prepared: dict[_Key, bytes] = {}
        self._count = 0

    @property
    def is_open(self) -> bool:
        """Whether it can be used."""
        return not self._connection.closed

    @property
    def is_idle(self) -> bool:
        """Whether no transaction is open on it."""
        return self._pgconn.transaction_status == TransactionStatus.IDLE

    def close(self) -> None:
        """Closes it at once; PostgreSQL rolls back what was not committed."""
        self._pgconn.finish()

    async def exchange(self, *statements: Statement) -> list[list[Any]]:
        """Runs statements in one round trip; the rows of each, as named tuples.

        A statement that fails ends the transaction it is in; those behind it are left out.

        Raises:
            psycopg.Error: The first failure. The connection stays usable after one that PostgreSQL reported.
            DeadlineMissed: The batch took too long; the connection is closed.
        """
        bound = [self._bound(*statement) for statement in statements]
        try:
            async with asyncio.timeout(self._limit_s):
                results = await self._answers(self._send(bound))
        except TimeoutError as error:
            self.close()
            raise DeadlineMissed("the shop's database does not answer") from error
        except BaseException:
            self.close()
            raise
        for result in results:
            if result.status == ExecStatus.FATAL_ERROR:
                raise psycopg.errors.error_from_result(result, encoding="utf-8")
        return [self._rows(result) for result in results]

    def _bound(self, sql: str, values: dict[str, Any]) -> _Bound:
        text, names = _compiled(sql)
        if not names:
            return _Bound((text, ()), (), ())
        transformer = self._transformer
        buffers = transformer.dump_sequence([values[name] for name in names], [PyFormat.AUTO] * len(names))
        return _Bound((text, tuple(transformer.types or ())), buffers, list(transformer.formats or ()))

    def _send(self, bound: Sequence[_Bound]) -> list[tuple[_Key, bytes] | None]:
        """Sends all with a Sync behind them; what each answer to come prepares, ``None`` for that of a run."""
        answers: list[tuple[_Key, bytes] | None] = []
        fresh: dict[_Key, bytes] = {}
        for key, buffers, formats in bound:
            name = self._prepared.get(key) or fresh.get(key)
            if name is None:
                self._count += 1
                name = fresh[key] = f"batch_{self._count}".encode()
                self._pgconn.send_prepare(name, key[0], param_types=key[1] or None)
                answers.append((key, name))
            self._pgconn.send_query_prepared(name, buffers, param_formats=formats, result_format=Format.TEXT)
            answers.append(None)
        self._pgconn.pipeline_sync()
        return answers

    async def _answers(self, expected: Sequence[tuple[_Key, bytes] | None]) -> list[PGresult]:
        """Reads until the Sync is answered; the first failure, or the results of all runs."""
        while self._pgconn.flush():
            await self._until_ready(writing=True)
            self._pgconn.consume_input()
        results = []
        for preparing in expected:
            result = await self._result()
            if result is None or await self._result() is not None:
                raise psycopg.InterfaceError("the connection is out of step with its answers")
            if preparing is None or result.status == ExecStatus.FATAL_ERROR:
                results.append(result)
            elif result.status == ExecStatus.COMMAND_OK:
                key, self._prepared[key] = preparing
        end = await self._result()
        if end is None or end.status != ExecStatus.PIPELINE_SYNC:
            raise psycopg.InterfaceError("the connection is out of step with its answers")
        return results

    async def _result(self) -> PGresult | None:
        """The next result; ``None`` behind the last one of a statement."""
        while self._pgconn.is_busy():
            await self._until_ready()
            self._pgconn.consume_input()
        return self._pgconn.get_result()

    async def _until_ready(self, *, writing: bool = False) -> None:
        """Waits until the socket can be read, or written too."""
        loop, socket = asyncio.get_running_loop(), self._pgconn.socket
        ready: asyncio.Future[None] = loop.create_future()
        loop.add_reader(socket, _set, ready)
        try:
            if writing:
                loop.add_writer(socket, _set, ready)
            await ready
        finally:
            loop.remove_reader(socket)
            if writing:
                loop.remove_writer(socket)

    def _rows(self, result: PGresult) -> list[Any]:
        if result.status != ExecStatus.TUPLES_OK:
            return []
        names = tuple(result.fname(column) or b"" for column in range(result.nfields))
        self._transformer.set_pgresult(result)
        return self._transformer.load_rows(0, result.ntuples, _row_class(names)._make)


class BatchPool:
    """Connections for batches: at most ``size``, each used by one task at a time.

    Args:
        connect: Makes a connection.
        wait_seconds: How long a task waits for one.
    """

    def __init__(self, connect: Callable[[], Awaitable[BatchConnection]], size: int, wait_seconds: float) -> None:
        self._connect = connect
        self._slots = asyncio.Semaphore(size)
        self._idle: list[BatchConnection] = []
        self._wait_seconds = wait_seconds

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[BatchConnection]:
        """A connection without an open transaction; one that is left open in the block is rolled back.

        Raises:
            Overloaded: None was free in time.
        """
        try:
            async with asyncio.timeout(self._wait_seconds):
                await self._slots.acquire()
        except TimeoutError as error:
            raise Overloaded("the shop is busy; try again in a moment") from error
        try:
            connection = self._idle.pop() if self._idle else await self._connect()
            try:
                yield connection
            except Exception:
                await _rolled_back(connection)
                if not connection.is_open:
                    self.close()  # those that wait are most likely lost too
                raise
            except BaseException:
                connection.close()
                raise
            else:
                await _rolled_back(connection)
            finally:
                if connection.is_open and connection.is_idle:
                    self._idle.append(connection)
                else:
                    connection.close()
        finally:
            self._slots.release()

    def close(self) -> None:
        """Closes the connections that nobody uses."""
        while self._idle:
            self._idle.pop().close()


async def _rolled_back(connection: BatchConnection) -> None:
    """Ends a transaction that was left open; closes the connection if that is not possible."""
    if connection.is_open and not connection.is_idle:
        with suppress(psycopg.Error, VoxcartError):
            await connection.exchange(ROLLBACK)


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


@lru_cache(maxsize=1024)
def _compiled(sql: str) -> tuple[bytes, tuple[str, ...]]:
    """SQL with ``$1``, ``$2``, ... for the placeholders, and their names in that order."""
    names: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        name = found[1]
        return f"${names.setdefault(name, len(names) + 1)}" if name else "%"

    text = _PLACEHOLDER.sub(number, sql)
    return text.encode(), tuple(names)


@lru_cache(maxsize=1024)
def _row_class(columns: tuple[bytes, ...]) -> Any:
    return namedtuple("Row", [column.decode() for column in columns], rename=True)
