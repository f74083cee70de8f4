"""The skills: one file a topic. Importing this package registers all of them in ``turn.SKILLS``."""

from voxcart_services.dialogue.skills import (
    cart,
    checkout,
    conversation,
    faq,
    feedback,
    merchant_catalogue,
    merchant_orders,
    merchant_reports,
    orders,
    product_info,
    recommend,
    refund,
    search,
)

__all__ = [
    "cart",
    "checkout",
    "conversation",
    "faq",
    "feedback",
    "merchant_catalogue",
    "merchant_orders",
    "merchant_reports",
    "orders",
    "product_info",
    "recommend",
    "refund",
    "search",
]
