"""The client for programs without an event loop of their own."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import grpc

from voxcart_client.client import VoxcartClient
from voxcart_client.clips import Clip
from voxcart_client.conversation import Conversation
from voxcart_client.events import Event
from voxcart_client.options import ConversationConfig
from voxcart_client.turn import Turn

Result = TypeVar("Result")


class SyncVoxcartClient:
    """Like :class:`VoxcartClient`, each call blocking until it is done. Runs an event loop in a thread of its own.

    Example::

        with SyncVoxcartClient("127.0.0.1:50051") as client, client.converse() as conversation:
            print(conversation.ask_text("我想买苹果").reply)
    """

    def __init__(self, address: str, *, credentials: grpc.ChannelCredentials | None = None) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="voxcart client", daemon=True)
        self._thread.start()

        async def make() -> VoxcartClient:
            return VoxcartClient(address, credentials=credentials)

        self._client = self._run(make())

    def converse(
        self, config: ConversationConfig | None = None, *, connect_timeout_s: float = 10.0
    ) -> "SyncConversation":
        """A conversation, to be entered with ``with``."""
        return SyncConversation(self._run, self._client.converse(config, connect_timeout_s=connect_timeout_s))

    def close(self) -> None:
        """Closes the channel and ends the thread."""
        self._run(self._client.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, work: Coroutine[Any, Any, Result]) -> Result:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except KeyboardInterrupt:
            future.cancel()
            raise


class SyncConversation:
    """Like :class:`Conversation`, each call blocking until it is done."""

    def __init__(self, run: Any, conversation: Conversation) -> None:
        self._run = run
        self._conversation = conversation

    @property
    def session_id(self) -> str:
        """Known once it is entered."""
        return self._conversation.session_id

    def send_audio(self, data: bytes) -> None:
        """See :meth:`Conversation.send_audio`."""
        self._run(self._conversation.send_audio(data))

    def end_of_audio(self) -> None:
        """See :meth:`Conversation.end_of_audio`."""
        self._run(self._conversation.end_of_audio())

    def send_text(self, text: str) -> None:
        """See :meth:`Conversation.send_text`."""
        self._run(self._conversation.send_text(text))

    def interrupt(self, heard_ms: int | None = None) -> None:
        """See :meth:`Conversation.interrupt`."""
        self._run(self._conversation.interrupt(heard_ms))

    def ask_text(self, text: str, *, timeout_s: float = 60.0) -> Turn:
        """See :meth:`Conversation.ask_text`."""
        return self._run(self._conversation.ask_text(text, timeout_s=timeout_s))

    def ask_audio(self, clip: Clip | str | Path, *, timeout_s: float = 60.0) -> Turn:
        """See :meth:`Conversation.ask_audio`."""
        return self._run(self._conversation.ask_audio(clip, timeout_s=timeout_s))

    def __iter__(self) -> Iterator[Event]:
        events = aiter(self._conversation)

        async def following() -> Event | None:
            return await anext(events, None)

        while (event := self._run(following())) is not None:
            yield event

    def __enter__(self) -> Self:
        self._run(self._conversation.__aenter__())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self._conversation.aclose())
