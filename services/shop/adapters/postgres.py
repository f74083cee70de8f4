"""The built-in shop on PostgreSQL as an adapter: the first implementation of the ports."""

from voxcart_services.shop.adapters.adapter import ShopAdapter
from voxcart_services.shop.calls import ShopParts
from voxcart_services.shop.demo_calls import DemoCalls
from voxcart_services.shop.merchant_calls import MerchantCalls
from voxcart_services.shop.shopper_calls import ShopperCalls


def postgres_adapter(parts: ShopParts) -> ShopAdapter:
    """The built-in shop behind the service."""
    shopper = ShopperCalls(parts)
    return ShopAdapter(
        catalogue=shopper,
        carts=shopper,
        orders=shopper,
        payments=shopper,
        merchant=MerchantCalls(parts),
        demo=DemoCalls(parts),
        warm_up=parts.warm_up,
    )
