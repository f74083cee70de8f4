"""Batches: nobody ever gets the answers of another batch, whatever cut that one off."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable

import psycopg
import pytest
from sqlalchemy import make_url
from support.shop import PostgresForTests

from voxcart.errors import Overloaded
from voxcart_services.shop.batches import BEGIN, COMMIT, BatchConnection, BatchPool, Statement

pytestmark = pytest.mark.integration
pytest_plugins = ("support.shop",)


@pytest.fixture
async def pool(shop_postgres: PostgresForTests) -> AsyncIterator[BatchPool]:
    """One connection for all, so that each test meets what the one before it left."""
    made = BatchPool(_connector(shop_postgres), 1, 5.0)
    async with made.connection() as connection:
        await connection.exchange(("CREATE TABLE IF NOT EXISTS batch_notes (word text PRIMARY KEY)", {}))
        await connection.exchange(("TRUNCATE batch_notes", {}))
    yield made
    async with made.connection() as connection:
        await connection.exchange(("DROP TABLE batch_notes", {}))
    made.close()


def _connector(postgres: PostgresForTests) -> Callable[..., object]:
    url = make_url(postgres.url).set(drivername="postgresql").render_as_string(hide_password=False)

    async def connect() -> BatchConnection:
        raw = await psycopg.AsyncConnection.connect(url, autocommit=True, options="-c statement_timeout=2000")
        return BatchConnection(raw, limit_s=10.0)

    return connect


def say(word: str) -> Statement:
    """A statement that is answered with this word."""
    return "SELECT %(word)s::text AS word", {"word": word}


def note(word: str) -> Statement:
    """A statement that keeps a word, once."""
    return "INSERT INTO batch_notes (word) VALUES (%(word)s) RETURNING word", {"word": word}


def hold_the_loop() -> None:
    """Other work on the event loop."""
    time.sleep(0.002)


async def said(pool: BatchPool, *words: str) -> list[str]:
    """The answers to words of one batch."""
    async with pool.connection() as connection:
        return [rows[0].word for rows in await connection.exchange(*map(say, words))]


@pytest.mark.parametrize("is_busy", [False, True])
async def test_a_batch_may_be_cancelled_at_any_moment(pool: BatchPool, is_busy: bool) -> None:
    """Also while the event loop has been busy for long, which makes database drivers yield in places of their own."""

    async def work(number: int) -> None:
        async with pool.connection() as connection:
            await connection.exchange(BEGIN, note(f"{is_busy}/{number}"), say("slow"), ("SELECT pg_sleep(0.002)", {}))
            await connection.exchange(note(f"{is_busy}/{number}/more"), COMMIT)

    for number in range(60):
        task = asyncio.create_task(work(number))
        for _ in range(number // 4):
            if is_busy:
                hold_the_loop()
            await asyncio.sleep(0.0 if number % 2 else 0.0005)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert await said(pool, f"a{number}", f"b{number}") == [f"a{number}", f"b{number}"]
    async with pool.connection() as connection:
        (rows,) = await connection.exchange(("SELECT word FROM batch_notes", {}))
    kept = {row.word for row in rows}
    assert {word for word in kept if not word.endswith("more")} == {word[:-5] for word in kept if word.endswith("more")}


async def test_a_statement_that_fails_leaves_its_connection_in_step(pool: BatchPool) -> None:
    chance = random.Random(3)
    async with pool.connection() as connection:
        first = connection
    for number in range(30):
        batch = [say(f"x{number}"), note(f"y{number}"), say(f"z{number}")]
        batch.insert(chance.randint(0, 3), ("SELECT 1 / %(zero)s AS never", {"zero": 0}))
        with pytest.raises(psycopg.errors.DivisionByZero):
            async with pool.connection() as connection:
                await connection.exchange(BEGIN, *batch, COMMIT)
        assert await said(pool, f"{number}") == [f"{number}"]
    async with pool.connection() as connection:
        assert connection is first
        assert await connection.exchange(("SELECT word FROM batch_notes", {})) == [[]]


async def test_what_is_left_open_is_rolled_back(pool: BatchPool) -> None:
    async with pool.connection() as connection:
        await connection.exchange(BEGIN, note("open"))

    async def refuse() -> None:
        async with pool.connection() as connection:
            await connection.exchange(BEGIN, note("refused"))
            raise KeyError

    with pytest.raises(KeyError):
        await refuse()
    async with pool.connection() as connection:
        assert connection.is_idle
        assert await connection.exchange(("SELECT word FROM batch_notes", {})) == [[]]


async def test_a_lost_connection_is_an_error_and_the_next_is_a_new_one(pool: BatchPool) -> None:
    with pytest.raises(psycopg.OperationalError):
        async with pool.connection() as connection:
            await connection.exchange(BEGIN, say("here"), ("SELECT pg_terminate_backend(pg_backend_pid())", {}))
    assert await said(pool, "back") == ["back"]


async def test_batches_larger_than_any_buffer_pass(pool: BatchPool) -> None:
    words = [chr(ord("a") + number % 26) * 200_000 for number in range(40)]
    assert await said(pool, *words) == words


async def test_values_of_every_kind_come_back(pool: BatchPool) -> None:
    values = {"n": 2**62, "small": 1, "none": None, "list": ["甲", "b"], "bytes": b"\x00\xff", "numbers": [1, 2**40]}
    sql = (
        "SELECT %(n)s::bigint AS n, %(small)s::int AS small, %(none)s::text AS none, %(list)s::text[] AS list, "
        "%(bytes)s::bytea AS bytes, %(numbers)s::bigint[] AS numbers, '5%%' AS percent, %(n)s::bigint AS again"
    )
    async with pool.connection() as connection:
        for _ in range(2):
            ((row,),) = await connection.exchange((sql, values))
    assert row._asdict() == values | {"percent": "5%", "again": 2**62}


async def test_a_statement_takes_numbers_of_any_size_whatever_came_first(pool: BatchPool) -> None:
    """A statement is prepared with the types of its first values: small numbers must not set the size for others."""
    sql = "SELECT %(n)s AS n, %(list)s AS list, %(words)s::text[] AS words"
    async with pool.connection() as connection:
        for n in (1, 199_900, 2**40, 0, -(2**62), 7):
            ((row,),) = await connection.exchange((sql, {"n": n, "list": [1, n], "words": [str(n)] * (n % 3)}))
            assert (row.n, row.list) == (n, [1, n])


async def test_more_than_there_are_connections_wait_and_are_told_in_time(shop_postgres: PostgresForTests) -> None:
    pool = BatchPool(_connector(shop_postgres), 2, 0.2)
    try:
        async with pool.connection() as one, pool.connection() as other:
            assert one is not other
            with pytest.raises(Overloaded, match="busy"):
                await said(pool, "third")
        assert await said(pool, "third") == ["third"]
    finally:
        pool.close()
