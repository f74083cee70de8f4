"""Details of a failed call for programs, in the form of ``google.rpc`` (https://google.aip.dev/193).

They travel in the trailing metadata ``grpc-status-details-bin`` as a ``google.rpc.Status``; clients read them with
``grpc_status.rpc_status.from_call``.
"""

import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from voxcart.errors import InvalidInput, VoxcartError

DETAILS_METADATA = "grpc-status-details-bin"
DOMAIN = "voxcart"

_RETRY_MILLISECONDS = {
    grpc.StatusCode.RESOURCE_EXHAUSTED: 1000,
    grpc.StatusCode.UNAVAILABLE: 500,
    grpc.StatusCode.DEADLINE_EXCEEDED: 500,
}


def status_of(error: VoxcartError) -> Status:
    """The error with its details.

    ``ErrorInfo`` is always there: its reason is the error's word for programs, or else the name of the status, in
    capitals. ``BadRequest`` names the field that must change, ``RetryInfo`` says when to try again.
    """
    status = Status(code=error.code.value[0], message=str(error))
    status.details.add().Pack(ErrorInfo(reason=(error.reason or error.code.name).upper(), domain=DOMAIN))
    if isinstance(error, InvalidInput):
        violation = BadRequest.FieldViolation(field=error.field, description=str(error))
        status.details.add().Pack(BadRequest(field_violations=[violation]))
    if error.retryable:
        delay = Duration()
        delay.FromMilliseconds(_RETRY_MILLISECONDS.get(error.code, 1000))
        status.details.add().Pack(RetryInfo(retry_delay=delay))
    return status
