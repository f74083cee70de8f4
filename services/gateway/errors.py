"""Errors that end or refuse a conversation.

::

    VoxcartError
    ├── Overloaded
    │   ├── TooBusy          no room for another session; carries a retry delay
    │   └── ClientTooSlow    the client does not read what it is sent
    ├── Unavailable
    │   └── ClientLost       the client's connection broke; the session can be resumed
    ├── Conflict
    │   └── TakenOver        another connection continues the session
    └── DeadlineMissed
        └── SessionIdle      the client sent nothing for too long
"""

from voxcart.errors import Conflict, DeadlineMissed, Overloaded, Unavailable


class TooBusy(Overloaded):
    """No room for another session now."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ClientTooSlow(Overloaded):
    """The client does not read what it is sent; the session can be resumed."""


class TakenOver(Conflict):
    """Another connection continues the session."""


class SessionIdle(DeadlineMissed):
    """The client sent nothing for too long; the session is closed."""


class ClientLost(Unavailable):
    """The client's connection broke; the session can be resumed."""
