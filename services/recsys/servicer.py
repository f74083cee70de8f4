"""gRPC to recommender and back."""

import time

import grpc

from voxcart_api.common.v1 import common_pb2
from voxcart_api.recsys.v1 import recsys_pb2, recsys_pb2_grpc
from voxcart_services.recsys.engine import Recommender, Suggestions
from voxcart_services.recsys.ranking import Wish

DEFAULT_ITEMS = 5
DEFAULT_HISTORY = 50


class RecommendationServicer(recsys_pb2_grpc.RecommendationServicer):
    """``voxcart.recsys.v1.Recommendation``."""

    def __init__(self, recommender: Recommender) -> None:
        self._recommender = recommender

    async def Recommend(
        self, request: recsys_pb2.RecommendRequest, context: grpc.aio.ServicerContext
    ) -> recsys_pb2.RecommendResponse:
        started = time.monotonic()
        wish = Wish(
            k=request.k or DEFAULT_ITEMS,
            text=request.query,
            category=request.category,
            price_min_cents=request.price_min_cents if request.HasField("price_min_cents") else None,
            price_max_cents=request.price_max_cents if request.HasField("price_max_cents") else None,
            cart_skus=tuple(request.cart_skus),
            exclude_skus=frozenset(request.exclude_skus),
        )
        found = await self._recommender.recommend(request.tenant, request.user_id, wish, request.language or "zh")
        return _response(found, started)

    async def SimilarItems(
        self, request: recsys_pb2.SimilarItemsRequest, context: grpc.aio.ServicerContext
    ) -> recsys_pb2.RecommendResponse:
        started = time.monotonic()
        k = request.k or DEFAULT_ITEMS
        found = await self._recommender.similar(request.tenant, request.sku, k, request.language or "zh")
        return _response(found, started)

    async def RecordEvent(
        self, request: recsys_pb2.RecordEventRequest, context: grpc.aio.ServicerContext
    ) -> recsys_pb2.RecordEventResponse:
        recorded = await self._recommender.record(request.event_id, request.event)
        return recsys_pb2.RecordEventResponse(recorded=recorded)

    async def GetHistory(
        self, request: recsys_pb2.GetHistoryRequest, context: grpc.aio.ServicerContext
    ) -> recsys_pb2.GetHistoryResponse:
        limit = request.limit or DEFAULT_HISTORY
        events = await self._recommender.events(request.tenant, request.user_id, limit)
        return recsys_pb2.GetHistoryResponse(events=events)


def _response(found: Suggestions, started: float) -> recsys_pb2.RecommendResponse:
    items = [
        recsys_pb2.RecommendedItem(
            sku=item.product.sku, score=item.score, reason=item.reason, signal=item.signal, product=item.product
        )
        for item in found.items
    ]
    spent_ms = (time.monotonic() - started) * 1_000
    timing = common_pb2.ServerTiming(stage="recsys", compute_ms=spent_ms)
    return recsys_pb2.RecommendResponse(items=items, timing=[timing], degraded=found.degraded)
