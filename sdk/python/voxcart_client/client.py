"""The client: a channel to a gateway, on which conversations are opened."""

from types import TracebackType
from typing import Self

import grpc

from voxcart_client.conversation import Conversation
from voxcart_client.options import ConversationConfig

_OPTIONS = [
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.enable_retries", 0),
]


class VoxcartClient:
    """Talks to a gateway.

    Example::

        async with VoxcartClient("127.0.0.1:50051") as client:
            async with client.converse() as conversation:
                turn = await conversation.ask_text("我想买苹果")
                print(turn.reply)
    """

    def __init__(self, address: str, *, credentials: grpc.ChannelCredentials | None = None) -> None:
        """
        Args:
            address: host:port of the gateway.
            credentials: For TLS; without them the connection is not encrypted.
        """
        if credentials is None:
            self._channel = grpc.aio.insecure_channel(address, options=_OPTIONS)
        else:
            self._channel = grpc.aio.secure_channel(address, credentials, options=_OPTIONS)

    def converse(self, config: ConversationConfig | None = None, *, connect_timeout_s: float = 10.0) -> Conversation:
        """A conversation, to be entered with ``async with``.

        Args:
            config: Who talks; default: a guest, in Mandarin.
            connect_timeout_s: How long the first connection may take.
        """
        return Conversation(self._channel, config or ConversationConfig(), connect_timeout_s)

    async def aclose(self) -> None:
        """Closes the channel; conversations must be closed before."""
        await self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
