"""The calls of the contract as HTTP routes: one call is one request, so that no call can be done by half."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from google.protobuf.message import Message

from voxcart_api.shop.v1 import shop_pb2 as pb

REQUIRED = frozenset(
    {
        "SearchProducts",
        "GetProduct",
        "GetCart",
        "AddToCart",
        "UpdateCartLine",
        "ClearCart",
        "Checkout",
        "GetOrder",
        "ListOrders",
        "CancelOrder",
        "ListAddresses",
        "ChangeAddress",
        "Pay",
    }
)
"""Calls that every platform must answer: what buying by voice needs."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where a call goes.

    Attributes:
        path: Below the platform's address; ``{name}`` stands for a field of the request, which is then not sent again.
        is_repeatable: Whether the same request again changes nothing more: reads, and changes with a key.
    """

    verb: str
    path: str
    answer: type[Message]
    is_repeatable: bool = True

    def filled(self, request: Any) -> tuple[str, set[str]]:
        """The path for a request, and the fields that it holds."""
        parts = self.path.split("/")
        names = {part[1:-1] for part in parts if part.startswith("{")}
        filled = [quote(getattr(request, part[1:-1]), safe="") if part.startswith("{") else part for part in parts]
        return "/".join(filled), names


ROUTES: dict[str, Route] = {
    "SearchProducts": Route("POST", "/products/search", pb.SearchProductsResponse),
    "GetProduct": Route("GET", "/products/{sku}", pb.Product),
    "SearchFaq": Route("POST", "/faq/search", pb.SearchFaqResponse),
    "ReviewSummary": Route("POST", "/reviews/summary", pb.ReviewSummaryResponse),
    "ListCoupons": Route("GET", "/coupons", pb.ListCouponsResponse),
    "GetCart": Route("GET", "/cart", pb.Cart),
    "AddToCart": Route("POST", "/cart/lines", pb.Cart),
    "UpdateCartLine": Route("PUT", "/cart/lines/{line_id}", pb.Cart),
    "ClearCart": Route("DELETE", "/cart", pb.Cart),
    "Checkout": Route("POST", "/orders", pb.Order),
    "GetQuote": Route("POST", "/quotes", pb.Quote, is_repeatable=False),
    "GetOrder": Route("GET", "/orders/{order_id}", pb.Order),
    "ListOrders": Route("GET", "/orders", pb.ListOrdersResponse),
    "CancelOrder": Route("POST", "/orders/{order_id}/cancel", pb.Order),
    "RequestRefund": Route("POST", "/orders/{order_id}/refunds", pb.Refund),
    "SendReturn": Route("POST", "/returns/{return_id}/send", pb.Return),
    "ChangeAddress": Route("POST", "/addresses", pb.Address),
    "ListAddresses": Route("GET", "/addresses", pb.ListAddressesResponse),
    "UndoLast": Route("POST", "/undo", pb.UndoLastResponse),
    "Pay": Route("POST", "/payments", pb.Order),
    "AddProduct": Route("POST", "/products", pb.Product),
    "UpdateProduct": Route("PATCH", "/products/{sku}", pb.UpdateProductResponse),
    "DelistProduct": Route("DELETE", "/products/{sku}", pb.Product),
    "ListLowStock": Route("GET", "/merchant/low-stock", pb.ListLowStockResponse),
    "ListShopOrders": Route("GET", "/merchant/orders", pb.ListOrdersResponse),
    "ConfirmOrder": Route("POST", "/orders/{order_id}/confirm", pb.Order),
    "ShipOrder": Route("POST", "/orders/{order_id}/ship", pb.Order),
    "RecordCarrierEvent": Route("POST", "/carrier-events", pb.Order),
    "ListRefunds": Route("GET", "/merchant/refunds", pb.ListRefundsResponse),
    "ProcessRefund": Route("POST", "/merchant/refund-decisions", pb.Refund),
    "ReceiveReturn": Route("POST", "/returns/{return_id}/receive", pb.Return),
    "AddCoupon": Route("POST", "/coupons", pb.Coupon),
    "SalesReport": Route("POST", "/merchant/sales-reports", pb.SalesReportResponse),
    "AddReview": Route("POST", "/products/{sku}/reviews", pb.Review),
    "ConfirmOrders": Route("POST", "/merchant/confirmations", pb.ProcessedOrders),
    "ShipOrders": Route("POST", "/merchant/shipments", pb.ProcessedOrders),
    "SchedulePrice": Route("POST", "/products/{sku}/price-schedules", pb.PriceSchedule),
    "ListPriceSchedules": Route("GET", "/merchant/price-schedules", pb.ListPriceSchedulesResponse),
    "DecidePriceSchedule": Route("POST", "/merchant/price-schedules/{schedule_id}/decision", pb.PriceSchedule),
    "CancelPriceSchedule": Route("DELETE", "/merchant/price-schedules/{schedule_id}", pb.PriceSchedule),
    "ListAudit": Route("GET", "/merchant/audit", pb.ListAuditResponse),
}
"""By the name of the call."""

NOT_OVER_HTTP = frozenset(
    {
        "ReportChart",
        "SetStaff",
        "ListStaff",
        "GetShopSettings",
        "UpdateShopSettings",
        "CreateDemoTenant",
        "DropDemoTenant",
    }
)
"""Calls about the built-in shop itself: its pictures, its staff and settings, its demonstrations."""
