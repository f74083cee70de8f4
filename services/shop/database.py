"""The connection pool to PostgreSQL: start, migrations under a lock, transactions, and one mapping of its errors.

Transactions are run again after a deadlock or a lost connection. That is safe for changes because each carries its
idempotency key in the same transaction (:mod:`voxcart_services.shop.effects`): if the first try was committed and only
its answer was lost, the second finds the key.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TypeVar

import psycopg
from sqlalchemy import exc, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from voxcart.errors import DeadlineMissed, Overloaded, Unavailable, VoxcartError
from voxcart.telemetry.logs import get_logger
from voxcart_services.shop.batches import BEGIN, BatchConnection, BatchPool
from voxcart_services.shop.metrics import TRANSACTION_RETRIES_TOTAL
from voxcart_services.shop.pipelined import Pipelined
from voxcart_services.shop.tenancy import SYSTEM, Scope, enter, entry, needs_role, prepare_role

log = get_logger(__name__)

MIGRATIONS = Path(__file__).parent / "migrations"
MIGRATION_LOCK = 0x766F7863
"""Key of the advisory lock that lets one process migrate and seed at a time."""

_ATTEMPTS = 3
_RETRY_STATES = {"40001", "40P01"}
_TIMEOUT_STATES = {"55P03", "57014"}
_AWAY_STATES = {"57P01", "57P02", "57P03", "53300"}

Result = TypeVar("Result")
Opened = TypeVar("Opened")


class Database:
    """The pool. Opened by :meth:`open`, closed by :meth:`aclose`."""

    def __init__(self, engine: AsyncEngine, batches: BatchPool) -> None:
        self._engine = engine
        self._batches = batches
        self._with_role: bool | None = None

    @classmethod
    def open(
        cls, url: str, *, pool_size: int = 8, pool_wait_seconds: float = 2.0, statement_seconds: float = 5.0
    ) -> "Database":
        """Makes the pool; connects on first use.

        Args:
            url: SQLAlchemy URL, ``postgresql+psycopg://...``.
            pool_size: Most connections at a time, and as many again for batches.
            pool_wait_seconds: How long a caller waits for one before ``Overloaded``.
            statement_seconds: Longest statement and longest wait for a lock.
        """
        limit_ms = int(statement_seconds * 1000)
        options = (
            f"-c statement_timeout={limit_ms} -c lock_timeout={limit_ms} "
            f"-c idle_in_transaction_session_timeout={limit_ms * 4} -c timezone=UTC"
        )
        connect_args = {"connect_timeout": 2, "options": options, "application_name": "voxcart-shop"}
        engine = create_async_engine(
            url, pool_size=pool_size, max_overflow=0, pool_timeout=pool_wait_seconds, connect_args=connect_args
        )
        _, places = engine.dialect.create_connect_args(engine.url)

        async def connect() -> BatchConnection:
            raw = await psycopg.AsyncConnection.connect(**places, **connect_args, autocommit=True)
            return BatchConnection(raw, limit_s=statement_seconds * 4)

        return cls(engine, BatchPool(connect, pool_size, pool_wait_seconds))

    async def aclose(self) -> None:
        """Closes all connections."""
        self._batches.close()
        await self._engine.dispose()

    async def wait_until_ready(self, seconds: float) -> None:
        """Waits until PostgreSQL answers.

        Raises:
            Unavailable: It did not within ``seconds``.
        """

        async def look() -> None:
            async with self.transaction(SYSTEM):
                pass

        await self.insist(look, seconds)

    async def insist(self, work: Callable[[], Awaitable[Result]], seconds: float) -> Result:
        """Runs ``work``, which may be repeated, until the database is not away while it does.

        Raises:
            Unavailable: The database was still away after ``seconds``.
        """
        limit = time.monotonic() + seconds
        while True:
            try:
                return await work()
            except Unavailable:
                if time.monotonic() > limit:
                    raise
                await asyncio.sleep(0.2)

    async def migrate(self) -> None:
        """Brings the schema to the newest revision; processes that start together wait for one another."""
        async with self.transaction(SYSTEM) as conn:
            await conn.execute(text("SET LOCAL statement_timeout = 0"))
            await conn.execute(text("SET LOCAL lock_timeout = 0"))
            await conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
            if await _revision(conn) != newest_revision():
                await conn.run_sync(_upgrade)
            await prepare_role(conn)

    @asynccontextmanager
    async def transaction(self, scope: Scope) -> AsyncIterator[AsyncConnection]:
        """One transaction: committed at the end, rolled back on any error or cancellation.

        Args:
            scope: The tenant whose rows it may see and write, or ``SYSTEM``.

        Raises:
            Unavailable: The database is away. ``Overloaded``: no connection free in time.
            DeadlineMissed: A statement or lock took too long.
        """
        async with _mapped_errors(), self._engine.begin() as conn:
            await enter(conn, scope, with_role=await self._needs_role(conn))
            yield conn

    @asynccontextmanager
    async def pipelined(self, tenant: str) -> AsyncIterator[Pipelined]:
        """A transaction of a tenant whose statements are sent in batches; rolled back unless its last batch commits.

        Raises:
            Unavailable, Overloaded, DeadlineMissed: As :meth:`transaction`.
        """
        if self._with_role is None:
            async with self.transaction(SYSTEM):
                pass  # finds out
        async with _mapped_errors(), self._batches.connection() as connection:
            yield Pipelined(connection, (BEGIN, entry(tenant, with_role=bool(self._with_role))))

    @asynccontextmanager
    async def maintenance(self) -> AsyncIterator[AsyncConnection]:
        """A connection outside transactions and without time limits, in system mode: for building indexes.

        It is closed afterwards, so that nothing of it stays in the pool.

        Raises:
            Unavailable, Overloaded: As :meth:`transaction`.
        """
        async with _mapped_errors(), self._engine.connect() as pooled:
            conn = await pooled.execution_options(isolation_level="AUTOCOMMIT")
            try:
                await conn.execute(text("SET statement_timeout = 0"))
                await conn.execute(text("SET lock_timeout = 0"))
                await conn.execute(text("SELECT set_config('voxcart.mode', 'system', false)"))
                yield conn
            finally:
                await conn.invalidate()

    async def _needs_role(self, conn: AsyncConnection) -> bool:
        if self._with_role is None:
            self._with_role = await needs_role(conn)
        return self._with_role

    async def run(self, scope: Scope, work: Callable[[AsyncConnection], Awaitable[Result]]) -> Result:
        """Runs ``work`` in a transaction, again after a deadlock or a lost connection, at most three times."""
        return await _retried(lambda: self.transaction(scope), work)

    async def run_pipelined(self, tenant: str, work: Callable[[Pipelined], Awaitable[Result]]) -> Result:
        """Runs ``work``, which commits, as :meth:`run` does."""
        return await _retried(lambda: self.pipelined(tenant), work)


async def _retried(
    transaction: Callable[[], AbstractAsyncContextManager[Opened]], work: Callable[[Opened], Awaitable[Result]]
) -> Result:
    attempt = 1
    while True:
        try:
            async with transaction() as opened:
                return await work(opened)
        except Unavailable:
            if attempt == _ATTEMPTS:
                raise
            TRANSACTION_RETRIES_TOTAL.inc()
            await asyncio.sleep(0.02 * attempt)
            attempt += 1


@asynccontextmanager
async def _mapped_errors() -> AsyncIterator[None]:
    """Turns the errors of the database into those that callers see."""
    try:
        yield
    except VoxcartError:
        raise
    except exc.TimeoutError as error:
        raise Overloaded("the shop is busy; try again in a moment") from error
    except (exc.DBAPIError, psycopg.Error, OSError) as error:
        mapped = _mapped(error)
        if mapped is None:
            raise
        raise mapped from error


def _mapped(error: BaseException) -> VoxcartError | None:
    """The error that callers see, ``None`` if it is none that a healthy caller can cause."""
    cause = getattr(error, "orig", None) or error
    state = getattr(cause, "sqlstate", None)
    if state in _TIMEOUT_STATES:
        return DeadlineMissed("the shop's database took too long")
    if state in _RETRY_STATES:
        return Unavailable("two changes collided; try again")
    away = state is None and isinstance(cause, (psycopg.OperationalError, psycopg.InterfaceError, OSError))
    lost = getattr(error, "connection_invalidated", False) or (state or "").startswith("08")
    if away or lost or state in _AWAY_STATES:
        return Unavailable("the shop's database is not reachable")
    return None


def newest_revision() -> str:
    """Name of the newest migration, from its file name (``0001_initial.py`` is revision ``0001``)."""
    return max(path.stem.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


async def _revision(conn: AsyncConnection) -> str | None:
    if (await conn.execute(text("SELECT to_regclass('alembic_version')"))).scalar() is None:
        return None
    return (await conn.execute(text("SELECT version_num FROM alembic_version"))).scalar()


def _upgrade(connection: object) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    log.info("database schema upgraded", revision=newest_revision())
