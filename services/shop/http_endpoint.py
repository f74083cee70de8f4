"""A small HTTP/1.1 endpoint for webhooks: one POST a path, with limits on size, time and connections.

The protocol is read by h11; what is here is only the loop around it.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import h11

from voxcart.telemetry.logs import get_logger

log = get_logger(__name__)

MAX_BODY_BYTES = 64 * 1024
MAX_HEADER_BYTES = 16 * 1024
MAX_CONNECTIONS = 64
IDLE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Posted:
    """A request; header names are lower case."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and a sentence."""

    status: int
    sentence: str


Handler = Callable[[Posted], Awaitable[Answer]]


class _TooLarge(Exception):
    pass


@asynccontextmanager
async def http_endpoint(host: str, port: int, handlers: Mapping[str, Handler]) -> AsyncIterator[int]:
    """Serves POST requests to the handlers by path; gives the port that was bound.

    Raises:
        OSError: The port is in use.
    """
    slots = asyncio.Semaphore(MAX_CONNECTIONS)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if slots.locked():
                return
            async with slots:
                await _serve(reader, writer, handlers)
        except (OSError, TimeoutError, h11.RemoteProtocolError, h11.LocalProtocolError):
            log.debug("a webhook connection broke")
        finally:
            writer.close()

    server = await asyncio.start_server(connected, host, port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handlers: Mapping[str, Handler]) -> None:
    """Answers the requests of one connection until it closes or stays idle."""
    protocol = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEADER_BYTES)
    while True:
        async with asyncio.timeout(IDLE_SECONDS):
            try:
                request, body = await _read(protocol, reader, writer)
            except _TooLarge:
                await _write(protocol, writer, Answer(413, f"a webhook has at most {MAX_BODY_BYTES} bytes"))
                return
            except h11.RemoteProtocolError:
                await _write(protocol, writer, Answer(400, "this is no HTTP request"))
                return
        if request is None:
            return
        await _write(protocol, writer, await _answer(request, body, handlers))
        if protocol.our_state is not h11.DONE or protocol.their_state is not h11.DONE:
            return
        protocol.start_next_cycle()


async def _read(
    protocol: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> tuple[h11.Request | None, bytes]:
    """The next request with its body; ``None`` at the end of the connection."""
    request: h11.Request | None = None
    body = bytearray()
    while True:
        event = protocol.next_event()
        if event is h11.NEED_DATA:
            if protocol.they_are_waiting_for_100_continue:
                writer.write(protocol.send(h11.InformationalResponse(status_code=100, headers=[])))
            protocol.receive_data(await reader.read(65536))
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > MAX_BODY_BYTES:
                raise _TooLarge
        elif isinstance(event, h11.EndOfMessage):
            return request, bytes(body)
        else:
            return None, b""


async def _answer(request: h11.Request, body: bytes, handlers: Mapping[str, Handler]) -> Answer:
    handler = handlers.get(request.target.decode("ascii", "replace").partition("?")[0])
    if handler is None:
        return Answer(404, "there is nothing here")
    if request.method != b"POST":
        return Answer(405, "webhooks are posted")
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers}
    try:
        return await handler(Posted(headers, body))
    except Exception as error:
        log.error("unexpected error in a webhook", exc_info=error)
        return Answer(500, "internal error; the log of the service has the details")


async def _write(protocol: h11.Connection, writer: asyncio.StreamWriter, answer: Answer) -> None:
    if protocol.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
        return
    body = json.dumps({"message": answer.sentence}).encode()
    headers = [("content-type", "application/json"), ("content-length", str(len(body)))]
    writer.write(protocol.send(h11.Response(status_code=answer.status, headers=headers)))
    writer.write(protocol.send(h11.Data(data=body)))
    writer.write(protocol.send(h11.EndOfMessage()))
    await writer.drain()
