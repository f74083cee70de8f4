"""The gRPC face of the shop: proto in, domain, proto out. Every change goes through :func:`effects.once`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import grpc
from google.protobuf.message import Message
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.errors import InvalidInput, NotFound, WrongState
from voxcart.tenants import DEFAULT_TENANT
from voxcart_api.shop.v1 import shop_pb2 as pb
from voxcart_api.shop.v1 import shop_pb2_grpc
from voxcart_services.shop import addresses, cart, codec, faq, merchant, orders, refunds, review_summary, tenants
from voxcart_services.shop.database import Database
from voxcart_services.shop.effects import Effect, Outcome, once
from voxcart_services.shop.embedding import Embedder
from voxcart_services.shop.lexicon_store import LexiconStore
from voxcart_services.shop.lifecycle import OrderStatus
from voxcart_services.shop.models import Actor, checked_id
from voxcart_services.shop.order_store import OrderFilter, list_orders, load_order
from voxcart_services.shop.payments import Payments, PayRequest
from voxcart_services.shop.products import load_product
from voxcart_services.shop.reports import ReportQuery, sales_report
from voxcart_services.shop.search import ProductSearch
from voxcart_services.shop.settlement import Settlement
from voxcart_services.shop.tenancy import SYSTEM

Context: TypeAlias = grpc.aio.ServicerContext
Response = TypeVar("Response", bound=Message)


@dataclass(frozen=True, slots=True)
class ShopParts:
    """What the servicer works with.

    Attributes:
        embedder: ``None`` searches by words only.
        changed: Called after a change, so that its events leave at once.
        demo: Whether demonstration tenants may be made and dropped.
    """

    database: Database
    search: ProductSearch
    lexicons: LexiconStore
    merchant: merchant.Merchant
    payments: Payments
    settlement: Settlement
    embedder: Embedder | None
    changed: Callable[[], None]
    demo: bool

    async def warm_up(self) -> None:
        """Builds the default shop's lexicon before the first request needs it."""

        async def work(conn: AsyncConnection) -> None:
            if await tenants.tenant_exists(conn, DEFAULT_TENANT):
                await self.lexicons.get(conn, DEFAULT_TENANT)

        await self.database.run(DEFAULT_TENANT, work)


class ShopServicer(shop_pb2_grpc.ShopServicer):
    """``voxcart.shop.v1.Shop``."""

    def __init__(self, parts: ShopParts) -> None:
        self._parts = parts

    async def _read(self, actor: Actor, work: Callable[[AsyncConnection], Awaitable[Any]]) -> Any:
        return await self._parts.database.run(actor.tenant, work)

    async def _change(
        self, request: Any, actor: Actor, kind: type[Response], work: Callable[[AsyncConnection], Awaitable[Response]]
    ) -> Response:
        """Does ``work`` once for the request's key; the answer, marked if it is that of an earlier try."""

        async def serialised(conn: AsyncConnection) -> bytes:
            return (await work(conn)).SerializeToString()

        outcome = await once(self._parts.database, _effect(request, actor), serialised)
        self._parts.changed()
        return _response(kind, outcome)

    # Catalogue

    async def SearchProducts(self, request: pb.SearchProductsRequest, context: Context) -> pb.SearchProductsResponse:
        """See the proto."""
        actor, query = codec.to_actor(request.actor), codec.search_query(request)
        return codec.from_search(await self._read(actor, lambda c: self._parts.search.search(c, actor.tenant, query)))

    async def GetProduct(self, request: pb.GetProductRequest, context: Context) -> pb.Product:
        """See the proto."""
        actor = codec.to_actor(request.actor)
        return codec.from_product(await self._read(actor, lambda c: load_product(c, actor.tenant, request.sku)))

    async def SearchFaq(self, request: pb.SearchFaqRequest, context: Context) -> pb.SearchFaqResponse:
        """See the proto."""
        actor = codec.to_actor(request.actor)
        found = await self._read(
            actor,
            lambda c: faq.search_faq(c, actor.tenant, self._parts.embedder, request.query, request.language),
        )
        hits = [pb.FaqHit(id=a.faq_id, title=a.title, answer=a.answer, score=a.score) for a in found]
        return pb.SearchFaqResponse(hits=hits)

    # Cart

    async def GetCart(self, request: pb.GetCartRequest, context: Context) -> pb.Cart:
        """See the proto."""
        actor = codec.to_actor(request.actor)
        actor.need_user()
        return codec.from_cart(await self._read(actor, lambda c: cart.load_cart(c, actor)))

    async def AddToCart(self, request: pb.AddToCartRequest, context: Context) -> pb.Cart:
        """See the proto."""
        actor = codec.to_actor(request.actor)
        key, sku, variant, quantity = request.idempotency_key, request.sku, request.variant_id, request.quantity

        async def work(conn: AsyncConnection) -> pb.Cart:
            return codec.from_cart(await cart.add_to_cart(conn, actor, key, sku, variant, quantity))

        return await self._change(request, actor, pb.Cart, work)

    async def UpdateCartLine(self, request: pb.UpdateCartLineRequest, context: Context) -> pb.Cart:
        """See the proto."""
        actor = codec.to_actor(request.actor)

        async def work(conn: AsyncConnection) -> pb.Cart:
            key, line_id, quantity = request.idempotency_key, request.line_id, request.quantity
            return codec.from_cart(await cart.update_line(conn, actor, key, line_id, quantity))

        return await self._change(request, actor, pb.Cart, work)

    async def ClearCart(self, request: pb.ClearCartRequest, context: Context) -> pb.Cart:
        """See the proto."""
        actor = codec.to_actor(request.actor)

        async def work(conn: AsyncConnection) -> pb.Cart:
            return codec.from_cart(await cart.clear_cart(conn, actor, request.idempotency_key))

        return await self._change(request, actor, pb.Cart, work)

    # Orders

    async def Checkout(self, request: pb.CheckoutRequest, context: Context) -> pb.Order:
        """See the proto."""
        actor = codec.to_actor(request.actor)
        expected = request.expected_total_cents if request.HasField("expected_total_cents") else None

        async def work(conn: AsyncConnection) -> pb.Order:
            return codec.from_order(await orders.checkout(conn, actor, request.address_id, expected))

        return await self._change(request, actor, pb.Order, work)

    async def Pay(self, request: pb.PayRequest, context: Context) -> pb.Order:
        """See the proto."""
        actor = codec.to_actor(request.actor)
        wanted = PayRequest(request.order_id, request.method, request.payment_token)
        outcome = await self._parts.payments.pay(
            _effect(request, actor), wanted, lambda order: codec.from_order(order).SerializeToString()
        )
        self._parts.changed()
        return _response(pb.Order, outcome)

    async def GetOrder(self, request: pb.GetOrderRequest, context: Context) -> pb.Order:
        """See the proto."""
        actor = codec.to_actor(request.actor)
        actor.need_user()
        return codec.from_order(await self._read(actor, lambda c: load_order(c, actor, request.order_id)))

    async def ListOrders(self, request: pb.ListOrdersRequest, context: Context) -> pb.ListOrdersResponse:
        """See the proto."""
        actor = codec.to_actor(request.actor)
        actor.need_user()
        wanted = _order_filter(request, request.product_query)
        return codec.from_orders(await self._read(actor, lambda c: list_orders(c, actor.tenant, wanted, actor.user_id)))

    async def CancelOrder(self, request: pb.CancelOrderRequest, context: Context) -> pb.Order:
        """See the proto."""
        actor = codec.to_actor(request.actor)

        async def work(conn: AsyncConnection) -> pb.Order:
            return codec.from_order(await refunds.cancel_order(conn, actor, request.order_id, request.reason))

        order = await self._change(request, actor, pb.Order, work)
        if order.HasField("refund") and order.refund.status == "approved":
            await self._parts.settlement.try_refund(actor.tenant, order.refund.refund_id)
            self._parts.changed()
        return order

    async def RequestRefund(self, request: pb.RequestRefundRequest, context: Context) -> pb.Refund:
        """See the proto."""
        actor = codec.to_actor(request.actor)

        async def work(conn: AsyncConnection) -> pb.Refund:
            refund = await refunds.request_refund(
                conn, actor, request.order_id, request.reason, exchange=request.exchange
            )
            return codec.from_refund(refund)

        return await self._change(request, actor, pb.Refund, work)

    async def ChangeAddress(self, request: pb.ChangeAddressRequest, context: Context) -> pb.Address:
        """See the proto."""
        actor = codec.to_actor(request.actor)

        async def work(conn: AsyncConnection) -> pb.Address:
            return codec.from_address(await addresses.change_address(conn, actor, request.address, request.order_id))

        return await self._change(request, actor, pb.Address, work)

    async def ListAddresses(self, request: pb.ListAddressesRequest, context: Context) -> pb.ListAddressesResponse:
        """See the proto."""
        actor = codec.to_actor(request.actor)
        actor.need_user()
        known = await self._read(actor, lambda c: addresses.list_addresses(c, actor))
        return pb.ListAddressesResponse(addresses=[codec.from_address(address) for address in known])

    # Merchant

    async def AddProduct(self, request: pb.AddProductRequest, context: Context) -> pb.Product:
        """See the proto."""
        actor = codec.to_actor(request.actor)
        new = merchant.NewProduct(
            request.name, request.price_cents, request.stock, request.category, request.brand, request.unit
        )

        async def work(conn: AsyncConnection) -> pb.Product:
            return codec.from_product(await self._parts.merchant.add_product(conn, actor, new))

        return await self._change(request, actor, pb.Product, work)

    async def UpdateProduct(self, request: pb.UpdateProductRequest, context: Context) -> pb.UpdateProductResponse:
        """See the proto."""
        actor = codec.to_actor(request.actor)
        change = merchant.ProductChange(
            sku=request.sku,
            price=codec.to_change(request.price) if request.HasField("price") else None,
            stock=codec.to_change(request.stock) if request.HasField("stock") else None,
            variant_id=request.variant_id,
            name_zh=request.name_zh if request.HasField("name_zh") else None,
        )

        async def work(conn: AsyncConnection) -> pb.UpdateProductResponse:
            return codec.from_changed(await self._parts.merchant.update_product(conn, actor, change))

        return await self._change(request, actor, pb.UpdateProductResponse, work)

    async def DelistProduct(self, request: pb.DelistProductRequest, context: Context) -> pb.Product:
        """See the proto."""
        actor = codec.to_actor(request.actor)

        async def work(conn: AsyncConnection) -> pb.Product:
            return codec.from_product(await self._parts.merchant.delist_product(conn, actor, request.sku))

        return await self._change(request, actor, pb.Product, work)

    async def ListLowStock(self, request: pb.ListLowStockRequest, context: Context) -> pb.ListLowStockResponse:
        """See the proto."""
        actor, size = codec.to_actor(request.actor), codec.page_size(request.page_size)
        page = await self._read(actor, lambda c: merchant.list_low_stock(c, actor, request.threshold, size))
        return pb.ListLowStockResponse(products=[codec.from_product(p) for p in page.items], total=page.total)

    async def ListShopOrders(self, request: pb.ListShopOrdersRequest, context: Context) -> pb.ListOrdersResponse:
        """See the proto."""
        actor = codec.to_actor(request.actor)
        actor.need_merchant()
        wanted = _order_filter(request, "")
        return codec.from_orders(await self._read(actor, lambda c: list_orders(c, actor.tenant, wanted, None)))

    async def ConfirmOrder(self, request: pb.ConfirmOrderRequest, context: Context) -> pb.Order:
        """See the proto."""
        actor = codec.to_actor(request.actor)

        async def work(conn: AsyncConnection) -> pb.Order:
            return codec.from_order(await orders.confirm_order(conn, actor, request.order_id))

        return await self._change(request, actor, pb.Order, work)

    async def ShipOrder(self, request: pb.ShipOrderRequest, context: Context) -> pb.Order:
        """See the proto."""
        actor = codec.to_actor(request.actor)

        async def work(conn: AsyncConnection) -> pb.Order:
            order = await orders.ship_order(conn, actor, request.order_id, request.carrier, request.tracking_no)
            return codec.from_order(order)

        return await self._change(request, actor, pb.Order, work)

    async def ListRefunds(self, request: pb.ListRefundsRequest, context: Context) -> pb.ListRefundsResponse:
        """See the proto."""
        actor, size = codec.to_actor(request.actor), codec.page_size(request.page_size)
        page = await self._read(actor, lambda c: refunds.list_refunds(c, actor, list(request.statuses), size))
        return pb.ListRefundsResponse(refunds=[codec.from_refund(r) for r in page.items], total=page.total)

    async def ProcessRefund(self, request: pb.ProcessRefundRequest, context: Context) -> pb.Refund:
        """See the proto. The money of an approved refund goes back at once if the payment company can be reached."""
        actor = codec.to_actor(request.actor)

        async def work(conn: AsyncConnection) -> pb.Refund:
            checked_id(request.order_id, "order_id")
            refund = await refunds.process_refund(
                conn, actor, request.refund_id, request.order_id, approve=request.approve, reason=request.reason
            )
            return codec.from_refund(refund)

        refund = await self._change(request, actor, pb.Refund, work)
        if refund.status != "approved":
            return refund
        await self._parts.settlement.try_refund(actor.tenant, refund.refund_id)
        self._parts.changed()
        order = await self._read(actor, lambda c: load_order(c, actor, refund.order_id))
        return codec.from_refund(order.refund) if order.refund else refund

    async def SalesReport(self, request: pb.SalesReportRequest, context: Context) -> pb.SalesReportResponse:
        """See the proto."""
        actor = codec.to_actor(request.actor)
        since, until = codec.moment(request, "from"), codec.moment(request, "to")
        query = ReportQuery(since, until, request.sku, request.category, request.top)
        return codec.from_report(await self._read(actor, lambda c: sales_report(c, actor, self._parts.lexicons, query)))

    async def ReviewSummary(self, request: pb.ReviewSummaryRequest, context: Context) -> pb.ReviewSummaryResponse:
        """See the proto."""
        actor = codec.to_actor(request.actor)
        query = review_summary.ReviewQuery(
            request.sku, request.max_stars, codec.moment(request, "from"), codec.moment(request, "to")
        )
        return codec.from_reviews(await self._read(actor, lambda c: review_summary.review_summary(c, actor, query)))

    # Demonstration tenants

    async def CreateDemoTenant(
        self, request: pb.CreateDemoTenantRequest, context: Context
    ) -> pb.CreateDemoTenantResponse:
        """See the proto."""
        self._need_demo()
        tenant = tenants.checked_tenant(request.tenant)
        now = codec.message_time(request.now) if request.HasField("now") else None
        await self._parts.database.run(SYSTEM, lambda c: tenants.copy_template(c, tenant, now))
        shopper, owner = tenants.demo_users()
        return pb.CreateDemoTenantResponse(shopper_user_id=shopper, merchant_user_id=owner)

    async def DropDemoTenant(self, request: pb.DropDemoTenantRequest, context: Context) -> pb.DropDemoTenantResponse:
        """See the proto."""
        self._need_demo()
        tenant = tenants.checked_tenant(request.tenant)
        if tenants.is_protected(tenant):
            raise InvalidInput(f"{tenant!r} is no demonstration tenant")
        if not await self._parts.database.run(SYSTEM, lambda c: tenants.drop_tenant(c, tenant)):
            raise NotFound(f"there is no shop {tenant!r}")
        return pb.DropDemoTenantResponse()

    def _need_demo(self) -> None:
        if not self._parts.demo:
            raise WrongState("demonstration tenants are not allowed here (VOXCART_SHOP_DEMO)")


def _effect(request: Any, actor: Actor) -> Effect:
    """The change that a request asks for; its key is not part of what the key is bound to."""
    plain = type(request)()
    plain.CopyFrom(request)
    plain.ClearField("idempotency_key")
    name = type(request).__name__.removesuffix("Request")
    return Effect(actor, name, request.idempotency_key, plain.SerializeToString(deterministic=True))


def _response(kind: type[Response], outcome: Outcome) -> Response:
    response = kind.FromString(outcome.response)
    if outcome.replayed and "replayed" in kind.DESCRIPTOR.fields_by_name:
        response.replayed = True
    return response


def _order_filter(request: pb.ListOrdersRequest | pb.ListShopOrdersRequest, product_query: str) -> OrderFilter:
    known = {status.value for status in OrderStatus}
    if not known.issuperset(request.statuses):
        raise InvalidInput(f"an order is one of {', '.join(sorted(known))}")
    if len(product_query) > 200:
        raise InvalidInput("product_query is longer than 200 characters")
    return OrderFilter(
        statuses=list(request.statuses),
        since=codec.moment(request, "from"),
        until=codec.moment(request, "to"),
        product_query=product_query,
        page_size=codec.page_size(request.page_size),
        offset=codec.page_offset(request.page_token),
    )
