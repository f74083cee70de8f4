"""The connection to the gateway: one gRPC stream after another, resumed when it breaks."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator

import grpc

from voxcart_api.gateway.v1.gateway_pb2 import ConverseRequest, ConverseResponse
from voxcart_api.gateway.v1.gateway_pb2_grpc import VoiceGatewayStub
from voxcart_client.errors import ConnectionLost, Refused
from voxcart_client.options import ConversationConfig

RESUME_S = 60.0
"""How long the gateway keeps a session whose connection was lost."""
FIRST_PAUSE_S = 0.1
MAX_PAUSE_S = 3.0
MAX_QUEUED_REQUESTS = 500
"""Requests that may wait; then sending waits."""
CLOSE_S = 0.6
"""How long closing waits for the gateway to end the session. It knows after 0.2 s that the close is meant."""
_BROKEN = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN)


class Link:
    """Sends requests and gives responses of one session, over as many connections as it takes.

    A request that was being written when the connection broke is not written again: it may have arrived. Responses
    come once each, in order.
    """

    def __init__(self, channel: grpc.aio.Channel, config: ConversationConfig, connect_timeout_s: float) -> None:
        """
        Args:
            connect_timeout_s: How long the first connection may take.
        """
        self._stub = VoiceGatewayStub(channel)
        self._config = config
        self._connect_timeout_s = connect_timeout_s
        self._requests: asyncio.Queue[ConverseRequest | None] = asyncio.Queue(MAX_QUEUED_REQUESTS)
        self._resume_token = ""
        self._last_sequence = 0
        self._is_closing = False

    async def send(self, request: ConverseRequest) -> None:
        """Queues a request; waits while too many wait."""
        await self._requests.put(request)

    def close(self) -> None:
        """No more requests follow; the gateway finishes what it has and ends the session."""
        self._is_closing = True
        with contextlib.suppress(asyncio.QueueFull):
            self._requests.put_nowait(None)

    async def responses(self) -> AsyncIterator[ConverseResponse]:
        """The session's responses until it ends.

        Raises:
            Refused: The gateway refused or ended the conversation.
            ConnectionLost: It could not be resumed in time.
        """
        lost_at_s: float | None = None
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                async for response in self._one_connection():
                    lost_at_s, pause_s = None, FIRST_PAUSE_S
                    yield response
                return
            except grpc.aio.AioRpcError as error:
                lost_at_s = time.monotonic() if lost_at_s is None else lost_at_s
                limit_s = RESUME_S if self._resume_token else self._connect_timeout_s
                if error.code() not in _BROKEN or self._is_closing:
                    raise refusal(error) from None
                if time.monotonic() - lost_at_s + pause_s > limit_s:
                    details = error.details() or error.code().name
                    raise ConnectionLost(f"the gateway cannot be reached: {details}") from None
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))
            pause_s = min(MAX_PAUSE_S, pause_s * 2)

    async def _one_connection(self) -> AsyncIterator[ConverseResponse]:
        call = self._stub.Converse(wait_for_ready=False)
        writing = asyncio.create_task(self._write(call), name="voxcart client writer")
        try:
            while (response := await call.read()) is not grpc.aio.EOF:
                if response.HasField("session_started"):
                    self._resume_token = response.session_started.resume_token
                if response.sequence:
                    if response.sequence <= self._last_sequence:
                        continue
                    self._last_sequence = response.sequence
                yield response
            if (code := await call.code()) != grpc.StatusCode.OK:
                raise grpc.aio.AioRpcError(
                    code, await call.initial_metadata(), await call.trailing_metadata(), await call.details()
                )
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            call.cancel()

    async def _write(self, call: grpc.aio.StreamStreamCall) -> None:
        config = self._config.to_proto(self._resume_token, self._last_sequence if self._resume_token else 0)
        try:
            await call.write(ConverseRequest(config=config))
            while not (self._is_closing and self._requests.empty()):
                if (request := await self._requests.get()) is not None:
                    await call.write(request)
            await call.done_writing()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            return  # the reading side sees the same end, with its status


def refusal(error: grpc.aio.AioRpcError) -> Refused:
    """The gateway's status as an error of the client, with the retry delay if it gave one."""
    retry_after_s = None
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-retry-pushback-ms" and str(value).isdigit():
            retry_after_s = int(value) / 1000
    return Refused(error.code().name, error.details() or error.code().name, retry_after_s)
