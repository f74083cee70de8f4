"""The gRPC face of the shop: checks a request, hands it to the port that answers it, masks the answer."""

from typing import Any, TypeAlias

import grpc
from google.protobuf.message import Message

from voxcart_api.shop.v1 import shop_pb2 as pb
from voxcart_api.shop.v1 import shop_pb2_grpc
from voxcart_services.shop.adapters.adapter import ShopAdapter
from voxcart_services.shop.deadline import ends_within
from voxcart_services.shop.field_masks import keep_only, mask_of, with_update_mask
from voxcart_services.shop.requests import check_request

Context: TypeAlias = grpc.aio.ServicerContext

CALLS = tuple(method.name for method in pb.DESCRIPTOR.services_by_name["Shop"].methods)
"""Names of all calls of ``voxcart.shop.v1.Shop``."""


class ShopServicer(shop_pb2_grpc.ShopServicer):
    """``voxcart.shop.v1.Shop`` before any adapter: each call of the contract is the port's method of that name."""

    def __init__(self, adapter: ShopAdapter) -> None:
        for name in CALLS:
            setattr(self, name, _handler(adapter, name))


def _handler(adapter: ShopAdapter, name: str) -> Any:
    method, audience = adapter.method(name)

    async def answer(request: Any, context: Context | None) -> Message:
        with ends_within(context.time_remaining() if context is not None else None):
            check_request(request, audience)
            paths = mask_of(request)
            if adapter.admit is not None:
                await adapter.admit(name, request)
            return keep_only(request, await method(with_update_mask(request)), paths)

    return answer
