"""One client's stream over any transport: requests in, responses out, until either side ends it."""

import asyncio
import time
from collections.abc import AsyncIterator

from voxcart.errors import DeadlineMissed, InvalidInput, VoxcartError
from voxcart.telemetry.logs import get_logger
from voxcart_api.gateway.v1.gateway_pb2 import ConverseRequest, ConverseResponse
from voxcart_services.gateway.metrics import REFUSED_TOTAL
from voxcart_services.gateway.registry import SessionRegistry
from voxcart_services.gateway.session import Connection, Session

log = get_logger(__name__)

CONFIG_S = 15.0
"""How long a client may take to send its config."""
BROKEN_S = 0.2
"""A broken connection first looks as if the client had closed its side; within this time it shows (by cancellation)."""
QUIET_S = 0.6
"""After the client closed its side: how long without an open turn before the stream ends, if audio was sent."""


class Conversation:
    """Serves one stream. Used once; :meth:`aclose` must be called, also when the stream broke."""

    def __init__(self, registry: SessionRegistry) -> None:
        self._registry = registry
        self._connection: Connection | None = None
        self._reading: asyncio.Task[None] | None = None
        self._closed_at_s = 0.0

    async def responses(self, requests: AsyncIterator[ConverseRequest]) -> AsyncIterator[ConverseResponse]:
        """Takes the client's requests and gives the responses, in order.

        Args:
            requests: Ends when the client closes its side.

        Raises:
            VoxcartError: The conversation was refused or had to be ended.
        """
        try:
            connection = await self._connect(requests)
        except VoxcartError as error:
            REFUSED_TOTAL.labels(error.code.name).inc()
            raise
        session = connection.session
        self._connection = connection
        connection.serving = asyncio.current_task()
        if connection.resumed:
            yield session.started(resumed=True)
        self._reading = asyncio.create_task(self._read(requests, connection), name=f"read {session.session_id}")
        while True:
            session.outbox.changed.clear()
            while connection.failure is None and (response := session.outbox.take()) is not None:
                yield response
            if connection.failure is not None:
                raise connection.failure
            if session.is_ended or (connection.is_closed_by_client and self._is_over(session)):
                return
            await self._wait(connection)

    async def aclose(self) -> None:
        """Lets the session go: it ends if the client closed it, else it waits to be resumed."""
        if self._connection is not None:
            self._registry.disconnect(self._connection)
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _connect(self, requests: AsyncIterator[ConverseRequest]) -> Connection:
        try:
            async with asyncio.timeout(CONFIG_S):
                first = await anext(requests)
        except StopAsyncIteration:
            raise InvalidInput("the first message must be config; the stream ended without any") from None
        except TimeoutError:
            raise DeadlineMissed(f"no config came within {CONFIG_S:g} s") from None
        kind = first.WhichOneof("request")
        if kind != "config":
            raise InvalidInput(f"the first message must be config, not {kind or 'an empty one'}")
        return await self._registry.connect(first.config)

    async def _read(self, requests: AsyncIterator[ConverseRequest], connection: Connection) -> None:
        session = connection.session
        try:
            async for request in requests:
                kind = request.WhichOneof("request")
                if kind is None:
                    raise InvalidInput("a message must hold audio, text, playback, interrupt or end_of_audio")
                if kind == "config":
                    raise InvalidInput("config may be sent only once, as the first message")
                if connection.failure is not None or session.connection is not connection:
                    return
                await session.handle(request)
            await asyncio.sleep(BROKEN_S)
            await session.end_audio()
            self._closed_at_s = time.monotonic()
            connection.close_by_client()
        except VoxcartError as error:
            connection.fail(error)
        except Exception as error:
            log.error("reading from the client failed", session_id=session.session_id, exc_info=error)
            connection.fail(VoxcartError("internal error; the session can be resumed"))

    def _is_over(self, session: Session) -> bool:
        quiet_s = QUIET_S if session.has_audio else 0.0
        return session.is_settled and time.monotonic() - self._closed_at_s >= quiet_s

    async def _wait(self, connection: Connection) -> None:
        """Until there may be something to do; no longer than a moment once the client has closed its side."""
        try:
            async with asyncio.timeout(0.1 if connection.is_closed_by_client else None):
                await connection.session.outbox.changed.wait()
        except TimeoutError:
            pass
