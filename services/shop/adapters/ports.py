"""What a shop platform offers behind ``voxcart.shop.v1.Shop``: five ports, one method for each call of the contract.

The messages of the contract are also those of the ports. They are the one vocabulary that dialogue, SDKs and adapters
share; a field that is added to the contract reaches every adapter with no second set of classes to keep in step.

Before a method is called the service has checked the request (:mod:`voxcart_services.shop.requests`): who asks and in
which role, the idempotency key, ids, ranges, enums and the page. What a method must keep:

- A request with an ``idempotency_key`` changes the shop at most once for each tenant, user and key. The same request
  again gives the first answer (with ``replayed`` set where the message has it); another request under the key raises
  ``Conflict``. A refused change leaves nothing behind and may be tried again.
- An answer is whole: what it says has been stored. A method that cannot know raises ``Unavailable`` or
  ``DeadlineMissed``, and the same request again finds out.
- Another tenant's ids, and another shopper's, do not exist: ``NotFound``.
- Lists come newest or smallest first, in pages whose tokens are bound to tenant, user and filters.

Methods marked abstract are required. All others may be left out; then they raise ``NotSupported`` and the caller sees
UNIMPLEMENTED with a sentence.
"""

from abc import ABC, abstractmethod

from voxcart.errors import NotSupported
from voxcart_api.shop.v1 import shop_pb2 as pb


def _missing(what: str) -> NotSupported:
    return NotSupported(f"the shop platform behind this service does not offer {what}")


class CataloguePort(ABC):
    """Products, and what the shop tells everybody. Open to guests."""

    @abstractmethod
    async def search_products(self, request: pb.SearchProductsRequest) -> pb.SearchProductsResponse:
        """Products by words, filters and order; the best first."""

    @abstractmethod
    async def get_product(self, request: pb.GetProductRequest) -> pb.Product:
        """One product, delisted ones included."""

    async def search_faq(self, request: pb.SearchFaqRequest) -> pb.SearchFaqResponse:
        """Documents that answer a question."""
        raise _missing("answers to questions")

    async def review_summary(self, request: pb.ReviewSummaryRequest) -> pb.ReviewSummaryResponse:
        """What reviews praise and blame."""
        raise _missing("summaries of reviews")

    async def list_coupons(self, request: pb.ListCouponsRequest) -> pb.ListCouponsResponse:
        """Coupons that may be used now; all of them for the merchant."""
        raise _missing("coupons")


class CartPort(ABC):
    """The cart of a shopper."""

    @abstractmethod
    async def get_cart(self, request: pb.GetCartRequest) -> pb.Cart:
        """The cart at the prices of now."""

    @abstractmethod
    async def add_to_cart(self, request: pb.AddToCartRequest) -> pb.Cart:
        """Adds units of a product."""

    @abstractmethod
    async def update_cart_line(self, request: pb.UpdateCartLineRequest) -> pb.Cart:
        """Sets the quantity of a line; 0 removes it."""

    @abstractmethod
    async def clear_cart(self, request: pb.ClearCartRequest) -> pb.Cart:
        """Empties the cart."""


class OrderPort(ABC):
    """A shopper's orders, from the quote to the refund."""

    @abstractmethod
    async def checkout(self, request: pb.CheckoutRequest) -> pb.Order:
        """Turns the cart into an order that waits for its payment, and reserves the goods."""

    @abstractmethod
    async def get_order(self, request: pb.GetOrderRequest) -> pb.Order:
        """One order: a shopper's own, the merchant any of the shop."""

    @abstractmethod
    async def list_orders(self, request: pb.ListOrdersRequest) -> pb.ListOrdersResponse:
        """The shopper's orders, the newest first."""

    @abstractmethod
    async def cancel_order(self, request: pb.CancelOrderRequest) -> pb.Order:
        """Cancels an order that has not been shipped; what was paid goes back."""

    @abstractmethod
    async def list_addresses(self, request: pb.ListAddressesRequest) -> pb.ListAddressesResponse:
        """The shopper's addresses; the dialogue asks for one before checkout if there is none."""

    @abstractmethod
    async def change_address(self, request: pb.ChangeAddressRequest) -> pb.Address:
        """Changes the default address, or that of an order."""

    async def get_quote(self, request: pb.GetQuoteRequest) -> pb.Quote:
        """Prices of the cart that hold for a while."""
        raise _missing("quotes")

    async def request_refund(self, request: pb.RequestRefundRequest) -> pb.Refund:
        """Asks for money back, or for an exchange."""
        raise _missing("refunds")

    async def send_return(self, request: pb.SendReturnRequest) -> pb.Return:
        """Notes that goods are on their way back."""
        raise _missing("returns")

    async def add_review(self, request: pb.AddReviewRequest) -> pb.Review:
        """Says how a product was that the shopper has bought."""
        raise _missing("reviews")

    async def undo_last(self, request: pb.UndoLastRequest) -> pb.UndoLastResponse:
        """Takes back what the user did last."""
        raise _missing("taking back what was done")


class PaymentPort(ABC):
    """Paying for orders."""

    @abstractmethod
    async def pay(self, request: pb.PayRequest) -> pb.Order:
        """Pays for an order.

        Raises:
            WrongState: Declined, or the payment company has not answered yet (``payment_under_way``).
        """


class MerchantPort(ABC):  # noqa: B024 - a platform may keep all of its merchant's work to itself
    """The merchant's work. The service lets only merchants through. Nothing here is required."""

    async def add_product(self, request: pb.AddProductRequest) -> pb.Product:
        """Puts a new product on sale."""
        raise _missing("adding products")

    async def update_product(self, request: pb.UpdateProductRequest) -> pb.UpdateProductResponse:
        """Changes price, stock or name."""
        raise _missing("changing products")

    async def delist_product(self, request: pb.DelistProductRequest) -> pb.Product:
        """Takes a product off the shelf."""
        raise _missing("delisting products")

    async def list_low_stock(self, request: pb.ListLowStockRequest) -> pb.ListLowStockResponse:
        """Products that run out."""
        raise _missing("a list of what runs out")

    async def list_shop_orders(self, request: pb.ListShopOrdersRequest) -> pb.ListOrdersResponse:
        """Orders of all shoppers, the newest first."""
        raise _missing("the list of all orders")

    async def confirm_order(self, request: pb.ConfirmOrderRequest) -> pb.Order:
        """Accepts a paid order."""
        raise _missing("confirming orders")

    async def ship_order(self, request: pb.ShipOrderRequest) -> pb.Order:
        """Sends an order off."""
        raise _missing("shipping orders")

    async def record_carrier_event(self, request: pb.RecordCarrierEventRequest) -> pb.Order:
        """Notes what the carrier says."""
        raise _missing("notes of carriers")

    async def list_refunds(self, request: pb.ListRefundsRequest) -> pb.ListRefundsResponse:
        """Refunds of all shoppers, the newest first."""
        raise _missing("the list of refunds")

    async def process_refund(self, request: pb.ProcessRefundRequest) -> pb.Refund:
        """Approves or rejects a refund."""
        raise _missing("decisions about refunds")

    async def receive_return(self, request: pb.ReceiveReturnRequest) -> pb.Return:
        """Notes that goods came back."""
        raise _missing("receiving returns")

    async def add_coupon(self, request: pb.AddCouponRequest) -> pb.Coupon:
        """Puts a coupon out."""
        raise _missing("adding coupons")

    async def sales_report(self, request: pb.SalesReportRequest) -> pb.SalesReportResponse:
        """What was sold in a period."""
        raise _missing("sales reports")

    async def report_chart(self, request: pb.ReportChartRequest) -> pb.ReportChartResponse:
        """A report as a picture."""
        raise _missing("charts")

    async def schedule_price(self, request: pb.SchedulePriceRequest) -> pb.PriceSchedule:
        """Another price for a while."""
        raise _missing("timed prices")

    async def list_price_schedules(self, request: pb.ListPriceSchedulesRequest) -> pb.ListPriceSchedulesResponse:
        """Timed prices, those that begin last first."""
        raise _missing("timed prices")

    async def decide_price_schedule(self, request: pb.DecidePriceScheduleRequest) -> pb.PriceSchedule:
        """Approves or rejects a timed price."""
        raise _missing("timed prices")

    async def cancel_price_schedule(self, request: pb.CancelPriceScheduleRequest) -> pb.PriceSchedule:
        """Calls a timed price off."""
        raise _missing("timed prices")

    async def confirm_orders(self, request: pb.ConfirmOrdersRequest) -> pb.ProcessedOrders:
        """Accepts many paid orders."""
        raise _missing("confirming many orders")

    async def ship_orders(self, request: pb.ShipOrdersRequest) -> pb.ProcessedOrders:
        """Sends many orders off."""
        raise _missing("shipping many orders")

    async def list_audit(self, request: pb.ListAuditRequest) -> pb.ListAuditResponse:
        """Who changed what, the newest first."""
        raise _missing("an audit log")

    async def set_staff(self, request: pb.SetStaffRequest) -> pb.StaffMember:
        """Says what a member of the staff may do."""
        raise _missing("a list of staff")

    async def list_staff(self, request: pb.ListStaffRequest) -> pb.ListStaffResponse:
        """The staff and what each may do."""
        raise _missing("a list of staff")

    async def get_shop_settings(self, request: pb.GetShopSettingsRequest) -> pb.ShopSettings:
        """The shop's own settings."""
        raise _missing("settings")

    async def update_shop_settings(self, request: pb.UpdateShopSettingsRequest) -> pb.ShopSettings:
        """Changes the shop's own settings."""
        raise _missing("settings")


class DemoPort(ABC):  # noqa: B024 - see MerchantPort
    """Copies of the seeded shop for demonstrations and evaluations; only the built-in shop has them."""

    async def create_demo_tenant(self, request: pb.CreateDemoTenantRequest) -> pb.CreateDemoTenantResponse:
        """Makes a copy."""
        raise _missing("demonstration tenants")

    async def drop_demo_tenant(self, request: pb.DropDemoTenantRequest) -> pb.DropDemoTenantResponse:
        """Deletes a copy."""
        raise _missing("demonstration tenants")
