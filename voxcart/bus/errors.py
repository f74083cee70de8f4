"""Errors of the bus.

::

    VoxcartError
    ├── Unavailable
    │   └── BusUnavailable       the broker does not answer in time      retryable
    ├── InvalidInput
    │   ├── MessageTooLarge      the value is over the broker's limit
    │   └── UndecodableMessage   bytes on a topic that are no Envelope
    └── BusClosed                used before start or after close
"""

from voxcart.errors import InvalidInput, Unavailable, VoxcartError


class BusUnavailable(Unavailable):
    """The broker did not answer within the time allowed. The message may or may not have been stored."""


class MessageTooLarge(InvalidInput):
    """The value is larger than the broker takes."""


class UndecodableMessage(InvalidInput):
    """Bytes on a topic that are not a valid envelope."""


class BusClosed(VoxcartError):
    """The bus was used before it was started or after it was closed."""


def is_retryable(error: BaseException) -> bool:
    """Whether handling the same message again later may succeed.

    An error class says so itself with a ``retryable`` attribute; time-outs and connection errors of the standard
    library count as retryable, everything else does not.
    """
    verdict = getattr(error, "retryable", None)
    if verdict is not None:
        return bool(verdict)
    return isinstance(error, TimeoutError | ConnectionError)
