"""Starts the shop service: `python -m voxcart_services.shop`."""

from __future__ import annotations

from voxcart.service import ServiceContext, run
from voxcart.settings import read_settings
from voxcart_api.shop.v1 import shop_pb2_grpc
from voxcart_services.shop.adapters.choosing import open_adapter
from voxcart_services.shop.config import ShopSettings
from voxcart_services.shop.servicer import ShopServicer


async def build(context: ServiceContext) -> None:
    """Opens what stands behind the service, then connects the gRPC servicer and starts the work beside the calls."""
    settings = context.settings
    if not isinstance(settings, ShopSettings):
        raise TypeError("the shop service needs ShopSettings")
    adapter = await open_adapter(context, settings.shop_adapter)
    context.add_servicer(shop_pb2_grpc.add_ShopServicer_to_server, ShopServicer(adapter), "voxcart.shop.v1.Shop")
    if adapter.warm_up is not None:
        await adapter.warm_up()
    for name, work in adapter.background.items():
        context.supervise(name, work())


if __name__ == "__main__":
    run("shop", read_settings(ShopSettings), build)
