"""The shop and the recommender over gRPC."""

import asyncio
import time

import grpc
from google.protobuf.message import Message

from voxcart import errors
from voxcart.grpc_support import REASON_METADATA
from voxcart_api.recsys.v1 import recsys_pb2, recsys_pb2_grpc
from voxcart_api.shop.v1 import shop_pb2_grpc
from voxcart_services.dialogue.metrics import CALL_RETRIES_TOTAL, CALL_SECONDS
from voxcart_services.dialogue.ports import RecommenderPort, ShopPort

RETRY_PAUSE_SECONDS = 0.1
MAX_TRIES = 4

_ERRORS = {
    kind.code: kind
    for kind in (
        errors.InvalidInput,
        errors.NotFound,
        errors.WrongState,
        errors.NotAllowed,
        errors.NotSupported,
        errors.Conflict,
        errors.Overloaded,
        errors.Unavailable,
        errors.DeadlineMissed,
    )
}


class GrpcShop(ShopPort):
    """The shop service. Every effect carries its key, so that trying again is safe for all calls."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        """The channel is closed by its owner."""
        self._stub = shop_pb2_grpc.ShopStub(channel)

    async def call(self, rpc: str, request: Message, timeout_seconds: float) -> Message:
        """See :meth:`ShopPort.call`."""
        end = time.monotonic() + timeout_seconds
        pause_seconds = RETRY_PAUSE_SECONDS
        for attempt in range(MAX_TRIES):
            try:
                return await self._once(rpc, request, max(0.001, end - time.monotonic()))
            except errors.Unavailable:
                if attempt + 1 == MAX_TRIES or time.monotonic() + pause_seconds >= end:
                    raise
            CALL_RETRIES_TOTAL.labels("shop", rpc).inc()
            await asyncio.sleep(pause_seconds)
            pause_seconds *= 2
        raise errors.Unavailable("the shop does not answer")

    async def _once(self, rpc: str, request: Message, timeout_seconds: float) -> Message:
        method = getattr(self._stub, rpc)
        with CALL_SECONDS.labels("shop", rpc).time():
            try:
                return await method(request, timeout=timeout_seconds)
            except grpc.aio.AioRpcError as error:
                raise from_status(error) from error


class GrpcRecommender(RecommenderPort):
    """The recommender service. Not retried: the popular choice of the shop stands in."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        """The channel is closed by its owner."""
        self._stub = recsys_pb2_grpc.RecommendationStub(channel)

    async def recommend(
        self, request: recsys_pb2.RecommendRequest, timeout_seconds: float
    ) -> recsys_pb2.RecommendResponse:
        """See :meth:`RecommenderPort.recommend`."""
        with CALL_SECONDS.labels("recsys", "Recommend").time():
            try:
                return await self._stub.Recommend(request, timeout=timeout_seconds)
            except grpc.aio.AioRpcError as error:
                raise from_status(error) from error


def from_status(error: grpc.aio.AioRpcError) -> errors.VoxcartError:
    """The error of a status with its reason; a status that is not of the contract counts as the service being away."""
    kind = _ERRORS.get(error.code(), errors.Unavailable)
    metadata = dict(error.trailing_metadata() or ())
    return kind(error.details() or error.code().name, reason=str(metadata.get(REASON_METADATA, "")))
