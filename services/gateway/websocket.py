"""VoiceGateway over WebSocket, for browsers: the same messages, one a frame.

A binary frame holds a serialised ``ConverseRequest``, a text frame its protobuf JSON form; responses come in the form
of the client's first frame. What gRPC says by its status comes as a last ``error`` response with sequence 0, and as
close code and reason. A close by the client with code 1000 ends the session; any other way leaves it to be resumed.
"""

from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

import grpc
from google.protobuf import json_format
from google.protobuf.message import DecodeError
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

from voxcart.errors import InvalidInput, VoxcartError
from voxcart.telemetry.logs import get_logger
from voxcart_api.gateway.v1.gateway_pb2 import ConverseRequest, ConverseResponse
from voxcart_services.gateway import responses
from voxcart_services.gateway.conversation import Conversation
from voxcart_services.gateway.errors import ClientLost, TooBusy
from voxcart_services.gateway.registry import SessionRegistry

log = get_logger(__name__)

MAX_REASON_BYTES = 120
PING_S = 20.0
_CLOSE_CODES = {
    grpc.StatusCode.INVALID_ARGUMENT: CloseCode.POLICY_VIOLATION,
    grpc.StatusCode.NOT_FOUND: CloseCode.POLICY_VIOLATION,
    grpc.StatusCode.PERMISSION_DENIED: CloseCode.POLICY_VIOLATION,
    grpc.StatusCode.RESOURCE_EXHAUSTED: CloseCode.TRY_AGAIN_LATER,
    grpc.StatusCode.UNAVAILABLE: CloseCode.TRY_AGAIN_LATER,
}


class WebSocketServer:
    """Listens for browsers while it is entered (``async with``)."""

    def __init__(self, registry: SessionRegistry, listen: str, max_message_bytes: int) -> None:
        """
        Args:
            listen: host:port; port 0 takes a free one.
            max_message_bytes: A longer frame closes the connection with code 1009.
        """
        self._registry = registry
        host, _, port = listen.rpartition(":")
        self._host, self._port = host, int(port)
        self._max_message_bytes = max_message_bytes
        self._server: Server | None = None

    @property
    def port(self) -> int:
        """The port that was bound.

        Raises:
            RuntimeError: Not entered.
        """
        if self._server is None:
            raise RuntimeError("the WebSocket server is not running")
        return next(iter(self._server.sockets)).getsockname()[1]

    async def __aenter__(self) -> Self:
        self._server = await serve(
            self._serve, self._host, self._port, max_size=self._max_message_bytes, ping_interval=PING_S, max_queue=16
        )
        log.info("serving WebSocket", port=self.port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, socket: ServerConnection) -> None:
        conversation = Conversation(self._registry)
        frames = _Frames(socket)
        try:
            async for response in conversation.responses(frames.requests()):
                await frames.send(response)
            await socket.close()
        except ConnectionClosed:
            pass
        except ClientLost:
            pass
        except VoxcartError as error:
            await frames.refuse(error)
        finally:
            await conversation.aclose()


class _Frames:
    """One connection's frames as messages."""

    def __init__(self, socket: ServerConnection) -> None:
        self._socket = socket
        self._is_json: bool | None = None

    async def requests(self) -> AsyncIterator[ConverseRequest]:
        while True:
            try:
                frame = await self._socket.recv()
            except ConnectionClosed as closed:
                if closed.rcvd is not None and closed.rcvd.code == CloseCode.NORMAL_CLOSURE:
                    return
                raise ClientLost("the connection broke") from closed
            if self._is_json is None:
                self._is_json = isinstance(frame, str)
            yield _parse(frame)

    async def send(self, response: ConverseResponse) -> None:
        if self._is_json:
            await self._socket.send(json_format.MessageToJson(response, indent=None))
        else:
            await self._socket.send(response.SerializeToString())

    async def refuse(self, error: VoxcartError) -> None:
        message = str(error)
        if isinstance(error, TooBusy):
            message = f"{message} (after {error.retry_after_s:g} s)"
        try:
            await self.send(responses.error(error.code.name, message, retryable=error.retryable))
            reason = f"{error.code.name}: {message}".encode()[:MAX_REASON_BYTES].decode(errors="ignore")
            await self._socket.close(_CLOSE_CODES.get(error.code, CloseCode.INTERNAL_ERROR), reason)
        except ConnectionClosed:
            log.info("client left before it was told why", code=error.code.name)


def _parse(frame: str | bytes) -> ConverseRequest:
    try:
        if isinstance(frame, str):
            return json_format.Parse(frame, ConverseRequest())
        return ConverseRequest.FromString(frame)
    except (json_format.ParseError, DecodeError, RecursionError) as error:
        raise InvalidInput("the frame is not a ConverseRequest") from error
