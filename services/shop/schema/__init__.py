"""Tables of the shop. Every table of a shop carries its tenant first in the primary key; money is integer cents.

The migrations create exactly these tables; a test compares the two.
"""

from voxcart_services.shop.schema.base import EMBEDDING_SIZE, metadata
from voxcart_services.shop.schema.catalogue import (
    addresses,
    faq_documents,
    faq_questions,
    products,
    reviews,
    stock,
    tenants,
    users,
    variants,
)
from voxcart_services.shop.schema.merchant import low_stock, low_stock_crossings, price_schedules, staff
from voxcart_services.shop.schema.orders import (
    cart_lines,
    carts,
    coupon_uses,
    coupons,
    ledger,
    order_lines,
    order_numbers,
    orders,
    payments,
    quotes,
    refund_lines,
    refunds,
    returns,
    shipment_events,
    shipments,
)
from voxcart_services.shop.schema.system import (
    audit_log,
    idempotency,
    outbox,
    sandbox_charges,
    sandbox_events,
    sandbox_refunds,
    webhook_events,
)

__all__ = [
    "EMBEDDING_SIZE",
    "addresses",
    "audit_log",
    "cart_lines",
    "carts",
    "coupon_uses",
    "coupons",
    "faq_documents",
    "faq_questions",
    "idempotency",
    "ledger",
    "low_stock",
    "low_stock_crossings",
    "metadata",
    "order_lines",
    "order_numbers",
    "orders",
    "outbox",
    "payments",
    "price_schedules",
    "products",
    "quotes",
    "refund_lines",
    "refunds",
    "returns",
    "reviews",
    "sandbox_charges",
    "sandbox_events",
    "sandbox_refunds",
    "shipment_events",
    "shipments",
    "staff",
    "stock",
    "tenants",
    "users",
    "variants",
    "webhook_events",
]
