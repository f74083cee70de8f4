"""VoiceGateway over gRPC."""

from collections.abc import AsyncIterator

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc import code_pb2, error_details_pb2, status_pb2

from voxcart_api.gateway.v1 import gateway_pb2_grpc
from voxcart_api.gateway.v1.gateway_pb2 import ConverseRequest, ConverseResponse
from voxcart_services.gateway.conversation import Conversation
from voxcart_services.gateway.errors import TooBusy
from voxcart_services.gateway.registry import SessionRegistry


class VoiceGatewayServicer(gateway_pb2_grpc.VoiceGatewayServicer):
    """Gives each call a :class:`Conversation`."""

    def __init__(self, registry: SessionRegistry) -> None:
        self._registry = registry

    async def Converse(
        self, requests: AsyncIterator[ConverseRequest], context: grpc.aio.ServicerContext
    ) -> AsyncIterator[ConverseResponse]:
        """A conversation; see the proto."""
        conversation = Conversation(self._registry)
        try:
            async for response in conversation.responses(aiter(requests)):
                yield response
        except TooBusy as error:
            context.set_trailing_metadata(
                (
                    ("grpc-status-details-bin", retry_details(error)),
                    ("grpc-retry-pushback-ms", str(round(error.retry_after_s * 1000))),
                )
            )
            raise
        finally:
            await conversation.aclose()


def retry_details(error: TooBusy) -> bytes:
    """A serialised ``google.rpc.Status`` with the delay after which to try again."""
    delay = Duration()
    delay.FromMilliseconds(round(error.retry_after_s * 1000))
    detail = AnyMessage()
    detail.Pack(error_details_pb2.RetryInfo(retry_delay=delay))
    status = status_pb2.Status(code=code_pb2.RESOURCE_EXHAUSTED, message=str(error), details=[detail])
    return status.SerializeToString()
