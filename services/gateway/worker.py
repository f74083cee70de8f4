"""The bus side of the gateway: the return path of live sessions."""

from voxcart.bus.envelope import Message
from voxcart.bus.readers import ReturnReader, SessionIdMinter
from voxcart_services.gateway.return_path import OnEvent

ADD_S = 5.0
"""How long setting up a session's return path may take."""


class BusReturnPath:
    """The return path on the bus; a :class:`~voxcart_services.gateway.return_path.ReturnPath`."""

    def __init__(self, reader: ReturnReader, minter: SessionIdMinter) -> None:
        self._reader = reader
        self._minter = minter

    def mint(self) -> str:
        """An id for a new session, placed in a partition that this gateway reads."""
        return self._minter.mint()

    async def add(self, session_id: str, on_event: OnEvent) -> None:
        """Gives the session's events to ``on_event`` from now on.

        Raises:
            BusUnavailable: The bus does not answer.
        """

        def deliver(message: Message) -> None:
            on_event(message.envelope)

        await self._reader.add_session(session_id, deliver, timeout_s=ADD_S)

    async def remove(self, session_id: str) -> None:
        """Stops reading for the session."""
        await self._reader.remove_session(session_id)
