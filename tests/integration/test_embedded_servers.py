"""The embedded servers as real processes: start, keep data over a kill, stop without leftovers, die with the parent."""

import asyncio
import os
import signal
import sys
import textwrap
from pathlib import Path

import psutil
import psycopg
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from redis.asyncio import Redis
from sqlalchemy import make_url

from voxcart.embedded import EmbeddedBroker, EmbeddedPostgres, EmbeddedValkey
from voxcart.embedded.process import ServerProcess
from voxcart.errors import Unavailable

pytestmark = pytest.mark.integration

KINDS = {"postgres": EmbeddedPostgres, "valkey": EmbeddedValkey, "broker": EmbeddedBroker}


async def run_sql(server: EmbeddedPostgres, statement: str) -> list[tuple]:
    url = make_url(server.url)
    connection = await psycopg.AsyncConnection.connect(
        host=url.query["host"], user=url.username, dbname=url.database, autocommit=True
    )
    async with connection:
        cursor = await connection.execute(statement)
        return await cursor.fetchall() if cursor.description else []


@pytest.mark.parametrize("kind", KINDS)
async def test_stop_leaves_no_process_and_it_starts_again(kind: str, tmp_path: Path) -> None:
    server: ServerProcess = KINDS[kind](tmp_path / kind)
    for _ in range(2):
        await server.start()
        process = psutil.Process(server.pid)
        family = [process, *process.children(recursive=True)]
        await server.stop()
        assert not server.is_alive()
        assert psutil.wait_procs(family, timeout=5)[1] == []


async def test_postgres_keeps_data_over_a_kill_and_has_vectors(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "postgres")
    await server.start()
    try:
        await run_sql(server, "CREATE EXTENSION vector")
        await run_sql(server, "CREATE TABLE kept AS SELECT '[1,2,3]'::vector AS v")
        os.kill(server.pid, signal.SIGKILL)
        await server._process.wait()
        await server.start()
        assert await run_sql(server, "SELECT v::text FROM kept") == [("[1,2,3]",)]
    finally:
        await server.stop()


async def test_postgres_under_a_path_too_long_for_a_socket(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / ("long" * 20))
    await server.start()
    try:
        assert await run_sql(server, "SELECT 1") == [(1,)]
    finally:
        await server.stop()


async def test_valkey_keeps_data_over_a_kill_at_the_same_port(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path / "valkey")
    await server.start()
    try:
        url = server.url
        async with Redis.from_url(url) as client:
            await client.set("kept", "1")
        os.kill(server.pid, signal.SIGKILL)
        await server._process.wait()
        await server.start()
        assert server.url == url
        async with Redis.from_url(url) as client:
            assert await client.get("kept") == b"1"
    finally:
        await server.stop()


async def test_broker_speaks_kafka(tmp_path: Path) -> None:
    server = EmbeddedBroker(tmp_path / "broker")
    await server.start()
    try:
        admin = AIOKafkaAdminClient(bootstrap_servers=server.address)
        await admin.start()
        assert await admin.list_topics() == []
        await admin.close()
    finally:
        await server.stop()


async def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    first = EmbeddedBroker(tmp_path / "first")
    await first.start()
    try:
        second = EmbeddedValkey(tmp_path / "second", port=first.port)
        with pytest.raises(Unavailable, match=r"(?i)in use"):
            await second.start()
        assert not second.is_alive()
    finally:
        await first.stop()


@pytest.mark.parametrize("kind", KINDS)
async def test_it_dies_with_a_killed_parent(kind: str, tmp_path: Path) -> None:
    script = textwrap.dedent(f"""
        import asyncio
        from pathlib import Path
        from voxcart.embedded import {KINDS[kind].__name__} as Server

        async def main():
            server = Server(Path({str(tmp_path / kind)!r}))
            await server.start()
            print(server.pid, flush=True)
            await asyncio.sleep(600)

        asyncio.run(main())
    """)
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    child = psutil.Process(int(await parent.stdout.readline()))
    parent.kill()
    await parent.wait()
    assert psutil.wait_procs([child], timeout=10)[1] == []
