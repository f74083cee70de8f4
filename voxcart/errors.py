"""Errors that cross service boundaries.

::

    VoxcartError                 base; knows whether trying again can help
    ├── InvalidInput             the caller's mistake           INVALID_ARGUMENT
    ├── NotFound                 unknown id, voice, token       NOT_FOUND
    ├── WrongState               right id, wrong moment         FAILED_PRECONDITION
    ├── NotAllowed               wrong role                     PERMISSION_DENIED
    ├── Conflict                 same key, other request        ABORTED
    ├── AlreadyExists            the name of a new thing is taken  ALREADY_EXISTS
    ├── NotSupported             not offered by this installation  UNIMPLEMENTED
    ├── Overloaded               a bounded queue is full        RESOURCE_EXHAUSTED (retryable)
    ├── Unavailable              broker, database, model away   UNAVAILABLE (retryable)
    └── DeadlineMissed           took too long                  DEADLINE_EXCEEDED (retryable)
"""

import grpc


class VoxcartError(Exception):
    """Base of the errors that a client may see. The message is a sentence for people.

    Attributes:
        code: gRPC status that the error maps to.
        retryable: Whether the same call may succeed later.
        reason: A word for programs, ``out_of_stock``; empty if the code says enough. Sent as trailing metadata
            ``voxcart-reason``.
        field: The field of the request that must change, ``quantity``; empty if it is not one. Sent in
            ``google.rpc.BadRequest``.
    """

    code: grpc.StatusCode = grpc.StatusCode.INTERNAL
    retryable: bool = False
    reason: str = ""
    field: str = ""

    def __init__(self, message: str = "", *, reason: str = "", field: str = "") -> None:
        super().__init__(message)
        self.reason = reason
        self.field = field


class InvalidInput(VoxcartError, ValueError):
    """A value that the caller must change."""

    code = grpc.StatusCode.INVALID_ARGUMENT


class NotFound(VoxcartError):
    """An id that is not known."""

    code = grpc.StatusCode.NOT_FOUND


class WrongState(VoxcartError):
    """The thing exists, but is not in a state that allows this."""

    code = grpc.StatusCode.FAILED_PRECONDITION


class NotAllowed(VoxcartError):
    """The role may not do this."""

    code = grpc.StatusCode.PERMISSION_DENIED


class Conflict(VoxcartError):
    """An idempotency key was used for another request."""

    code = grpc.StatusCode.ABORTED


class AlreadyExists(VoxcartError):
    """The name of a new thing is taken."""

    code = grpc.StatusCode.ALREADY_EXISTS


class NotSupported(VoxcartError):
    """What stands behind the service in this installation does not offer this."""

    code = grpc.StatusCode.UNIMPLEMENTED


class Overloaded(VoxcartError):
    """A bounded queue is full."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    retryable = True


class Unavailable(VoxcartError):
    """A server that is needed does not answer."""

    code = grpc.StatusCode.UNAVAILABLE
    retryable = True


class DeadlineMissed(VoxcartError):
    """The answer did not come in time."""

    code = grpc.StatusCode.DEADLINE_EXCEEDED
    retryable = True
