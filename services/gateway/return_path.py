"""Where the events of live sessions come from, as the registry sees it."""

from collections.abc import Callable
from typing import Protocol

from voxcart_api.bus.v1.bus_pb2 import Envelope

OnEvent = Callable[[Envelope], None]


class ReturnPath(Protocol):
    """Reads the partitions of live sessions."""

    def mint(self) -> str:
        """An id for a new session, placed in a partition that this gateway reads."""

    async def add(self, session_id: str, on_event: OnEvent) -> None:
        """Gives the session's events to ``on_event`` from now on; nothing published after the return is missed.

        Raises:
            Unavailable: The bus does not answer.
        """

    async def remove(self, session_id: str) -> None:
        """Stops reading for the session. Harmless if it is not read."""
