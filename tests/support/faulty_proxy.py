"""A proxy between the shop service and a platform that breaks what passes: a network and a platform on a bad day."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlsplit

import h11


class Sent(NamedTuple):
    """A request that came through."""

    verb: str
    path: str
    headers: dict[str, str]
    body: bytes


HUGE_BYTES = 8 * 1024 * 1024

FAULTS = (
    "unreachable",
    "lost",
    "twice",
    "slow",
    "error_before",
    "error_after",
    "busy",
    "html",
    "cut_json",
    "wrong_types",
    "huge",
    "two_answers",
    "foreign_answer",
    "compressed",
)
"""What can go wrong; ``""`` lets a request pass. "unreachable", "error_before" and "busy" keep it from the platform."""

_CANNED = {
    "error_before": (500, "application/json", b'{"error": {"message": "boom"}}'),
    "error_after": (502, "text/html", b"<h1>bad gateway</h1>"),
    "busy": (429, "application/json", b'{"error": {"message": "slow down"}}'),
    "html": (200, "text/html", b"<!doctype html><title>Sign in</title>"),
    "cut_json": (200, "application/json", b'{"lines": [{"line_id": "1", "produ'),
    "wrong_types": (200, "application/json", b'{"lines": "none", "total": {"currency": "CNY", "cents": "much"}}'),
    "huge": (200, "application/json", b'{"lines": "' + b"x" * HUGE_BYTES + b'"}'),
}


@dataclass
class FaultyProxy:
    """The proxy's state.

    Attributes:
        plan: Which fault befalls a request.
        seen: Every request, in order.
        slow_seconds: How long "slow" waits before it passes the answer on.
    """

    url: str
    upstream: str
    plan: Callable[[Sent], str] = field(default=lambda sent: "")
    seen: list[Sent] = field(default_factory=list)
    slow_seconds: float = 30.0

    def reached(self, path: str) -> int:
        """How often a path was asked for."""
        return sum(sent.path == path for sent in self.seen)


@asynccontextmanager
async def faulty_proxy(upstream: str) -> AsyncIterator[FaultyProxy]:
    """A proxy on a free port of the loopback."""
    proxy = FaultyProxy("", upstream)
    connections: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        try:
            with suppress(OSError, h11.ProtocolError):
                await _serve(proxy, reader, writer)
        finally:
            connections.discard(task)
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
        for task in list(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


async def _serve(proxy: FaultyProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Passes on the requests of one connection until a fault ends it."""
    protocol = h11.Connection(h11.SERVER)
    while (sent := await _read(protocol, reader)) is not None:
        proxy.seen.append(sent)
        answer = await _answer(proxy, sent, proxy.plan(sent))
        if answer is None:
            return
        writer.write(answer)
        await writer.drain()
        protocol = h11.Connection(h11.SERVER)


async def _answer(proxy: FaultyProxy, sent: Sent, fault: str) -> bytes | None:
    """The bytes of the answer, ``None`` to hang up without one."""
    if fault == "unreachable":
        return None
    if fault in ("error_before", "busy"):
        return _written(*_CANNED[fault])
    answer = await _forward(proxy.upstream, sent)
    if fault == "lost":
        return None
    if fault == "twice":
        return await _forward(proxy.upstream, sent)
    if fault == "slow":
        await asyncio.sleep(proxy.slow_seconds)
    if fault == "two_answers":
        return answer + answer
    if fault == "foreign_answer":
        return _written(200, "application/json", b'{"order_id": "1"}', ("voxcart-request-id", "another"))
    if fault == "compressed":
        return _written(200, "application/json", b"\x1f\x8b\x08", ("content-encoding", "gzip"))
    return _written(*_CANNED[fault]) if fault in _CANNED else answer


async def _read(protocol: h11.Connection, reader: asyncio.StreamReader) -> Sent | None:
    request: h11.Request | None = None
    body = b""
    while True:
        event = protocol.next_event()
        if event is h11.NEED_DATA:
            protocol.receive_data(await reader.read(65536))
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage) and request is not None:
            headers = {name.decode(): value.decode() for name, value in request.headers}
            return Sent(request.method.decode(), request.target.decode(), headers, body)
        else:
            return None


async def _forward(upstream: str, sent: Sent) -> bytes:
    """What the platform answers, as it is on the wire."""
    address = urlsplit(upstream)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        headers = {**sent.headers, "connection": "close", "host": f"{address.hostname}:{address.port}"}
        lines = [f"{sent.verb} {sent.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        writer.write("\r\n".join(lines).encode() + sent.body)
        await writer.drain()
        return await reader.read()
    finally:
        writer.close()


def _written(status: int, kind: str, body: bytes, *headers: tuple[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"content-type: {kind}", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def message_of(sent: Sent) -> dict[str, object]:
    """The JSON body of a request."""
    return json.loads(sent.body or b"{}")
