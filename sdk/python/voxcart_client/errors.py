"""Errors of the client.

::

    VoxcartClientError
    ├── Refused              the gateway said no; carries its status code and, if it gave one, a retry delay
    ├── ConnectionLost       the connection broke and could not be resumed in time
    ├── TurnFailed           a turn failed, the conversation goes on
    ├── TurnTimedOut         nothing more came for a turn
    └── DeviceMissing        no microphone or loudspeaker, or the package for it is not installed
"""


class VoxcartClientError(Exception):
    """Base of all errors of the client. The message is a sentence for people."""


class Refused(VoxcartClientError):
    """The gateway refused or ended the conversation.

    Attributes:
        code: gRPC status name, e.g. ``"INVALID_ARGUMENT"``.
        retry_after_s: Delay after which to try again; ``None`` if the gateway gave none.
    """

    def __init__(self, code: str, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after_s = retry_after_s


class ConnectionLost(VoxcartClientError):
    """The connection broke and could not be resumed in time."""


class TurnFailed(VoxcartClientError):
    """A turn failed; the conversation goes on.

    Attributes:
        code: Canonical gRPC code name.
        retryable: Whether saying it again may help.
    """

    def __init__(self, code: str, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.code = code
        self.retryable = retryable


class TurnTimedOut(VoxcartClientError):
    """Nothing more came for a turn."""


class DeviceMissing(VoxcartClientError):
    """No microphone or loudspeaker, or the package for it is not installed."""
