"""The merchant's calls: catalogue, orders, parcels, refunds and coupons; with figures, timed prices and staff."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart_api.shop.v1 import shop_pb2 as pb
from voxcart_services.shop import bulk_orders, codec, coupons, merchant, orders, refunds, returns, shipping
from voxcart_services.shop.adapters.ports import MerchantPort
from voxcart_services.shop.models import Actor, checked_id
from voxcart_services.shop.order_store import list_orders, load_order
from voxcart_services.shop.paging import PageRequest
from voxcart_services.shop.price_calls import PriceCalls
from voxcart_services.shop.report_calls import ReportCalls
from voxcart_services.shop.staff_calls import StaffCalls


class MerchantCalls(ReportCalls, PriceCalls, StaffCalls, MerchantPort):
    """Calls of ``voxcart.shop.v1.Shop`` that a merchant makes."""

    async def add_product(self, request: pb.AddProductRequest) -> pb.Product:
        """See the proto."""
        actor = codec.to_actor(request.actor)
        new = merchant.NewProduct(
            request.name, request.price_cents, request.stock, request.category, request.brand, request.unit
        )

        async def work(conn: AsyncConnection) -> pb.Product:
            return codec.from_product(await self._parts.merchant.add_product(conn, actor, new))

        return await self._change(request, actor, pb.Product, work)

    async def update_product(self, request: pb.UpdateProductRequest) -> pb.UpdateProductResponse:
        """See the proto."""
        actor = codec.to_actor(request.actor)
        change = merchant.ProductChange(
            sku=request.sku,
            price=codec.to_change(request.price) if request.HasField("price") else None,
            stock=codec.to_change(request.stock) if request.HasField("stock") else None,
            variant_id=request.variant_id,
            name_zh=request.name_zh if request.HasField("name_zh") else None,
            low_stock_threshold=request.low_stock_threshold if request.HasField("low_stock_threshold") else None,
            price_floor_cents=request.price_floor_cents if request.HasField("price_floor_cents") else None,
        )

        async def work(conn: AsyncConnection) -> pb.UpdateProductResponse:
            return codec.from_changed(await self._parts.merchant.update_product(conn, actor, change))

        return await self._change(request, actor, pb.UpdateProductResponse, work)

    async def delist_product(self, request: pb.DelistProductRequest) -> pb.Product:
        """See the proto."""
        actor = codec.to_actor(request.actor)

        async def work(conn: AsyncConnection) -> pb.Product:
            return codec.from_product(await self._parts.merchant.delist_product(conn, actor, request.sku))

        return await self._change(request, actor, pb.Product, work)

    async def list_low_stock(self, request: pb.ListLowStockRequest) -> pb.ListLowStockResponse:
        """See the proto."""
        actor, wanted = codec.to_actor(request.actor), PageRequest.of(request, (int, int, str))
        page = await self._read(actor, lambda c: merchant.list_low_stock(c, actor, request.threshold, wanted))
        return pb.ListLowStockResponse(
            products=[codec.from_product(p) for p in page.items],
            total=page.total,
            next_page_token=page.next_token,
        )

    async def list_shop_orders(self, request: pb.ListShopOrdersRequest) -> pb.ListOrdersResponse:
        """See the proto."""
        actor = codec.to_actor(request.actor)
        actor.need_merchant()
        wanted = codec.order_filter(request, "")
        return codec.from_orders(await self._read(actor, lambda c: list_orders(c, actor.tenant, wanted, None)))

    async def confirm_order(self, request: pb.ConfirmOrderRequest) -> pb.Order:
        """See the proto."""
        actor = codec.to_actor(request.actor)

        async def work(conn: AsyncConnection) -> pb.Order:
            return codec.from_order(await orders.confirm_order(conn, actor, request.order_id))

        return await self._change(request, actor, pb.Order, work)

    async def ship_order(self, request: pb.ShipOrderRequest) -> pb.Order:
        """See the proto."""
        actor = codec.to_actor(request.actor)

        async def work(conn: AsyncConnection) -> pb.Order:
            order = await shipping.ship_order(conn, actor, request.order_id, request.carrier, request.tracking_no)
            return codec.from_order(order)

        return await self._change(request, actor, pb.Order, work)

    async def record_carrier_event(self, request: pb.RecordCarrierEventRequest) -> pb.Order:
        """See the proto."""
        actor = codec.to_actor(request.actor)
        at = codec.message_time(request.at) if request.HasField("at") else None
        event = shipping.CarrierEvent(request.order_id, request.tracking_no, request.status, request.description, at)

        async def work(conn: AsyncConnection) -> pb.Order:
            return codec.from_order(await shipping.record_carrier_event(conn, actor, event))

        return await self._change(request, actor, pb.Order, work)

    async def list_refunds(self, request: pb.ListRefundsRequest) -> pb.ListRefundsResponse:
        """See the proto."""
        actor, wanted = codec.to_actor(request.actor), PageRequest.of(request, (datetime, str))
        page = await self._read(actor, lambda c: refunds.list_refunds(c, actor, list(request.statuses), wanted))
        return pb.ListRefundsResponse(
            refunds=[codec.from_refund(r) for r in page.items],
            total=page.total,
            next_page_token=page.next_token,
        )

    async def process_refund(self, request: pb.ProcessRefundRequest) -> pb.Refund:
        """See the proto. The money of an approved refund goes back at once if the payment company can be reached."""
        actor = codec.to_actor(request.actor)
        decision = refunds.Decision(
            refund_id=checked_id(request.refund_id, "refund_id"),
            order_id=checked_id(request.order_id, "order_id"),
            approve=request.approve,
            reason=request.reason,
            amount_cents=request.amount_cents if request.HasField("amount_cents") else None,
        )

        async def work(conn: AsyncConnection) -> pb.Refund:
            return codec.from_refund(await refunds.process_refund(conn, actor, decision))

        refund = await self._change(request, actor, pb.Refund, work)
        return await self._settled(actor, refund) if refund.status == "approved" else refund

    async def receive_return(self, request: pb.ReceiveReturnRequest) -> pb.Return:
        """See the proto. The money of its refund goes back at once if the payment company can be reached."""
        actor = codec.to_actor(request.actor)

        async def work(conn: AsyncConnection) -> pb.Return:
            received = await returns.receive_return(conn, actor, request.return_id, restock=request.restock)
            return codec.from_return(received)

        received = await self._change(request, actor, pb.Return, work)
        await self._parts.settlement.try_refund(actor.tenant, received.refund_id)
        self._parts.changed()
        return received

    async def add_coupon(self, request: pb.AddCouponRequest) -> pb.Coupon:
        """See the proto."""
        actor = codec.to_actor(request.actor)
        coupon = codec.to_coupon(request.coupon)

        async def work(conn: AsyncConnection) -> pb.Coupon:
            return codec.from_coupon(await coupons.add_coupon(conn, actor, coupon))

        return await self._change(request, actor, pb.Coupon, work)

    async def confirm_orders(self, request: pb.ConfirmOrdersRequest) -> pb.ProcessedOrders:
        """See the proto."""
        actor = codec.to_actor(request.actor)

        async def work(conn: AsyncConnection) -> pb.ProcessedOrders:
            return codec.from_processed(await bulk_orders.confirm_orders(conn, actor, request.order_ids))

        return await self._change(request, actor, pb.ProcessedOrders, work)

    async def ship_orders(self, request: pb.ShipOrdersRequest) -> pb.ProcessedOrders:
        """See the proto."""
        actor = codec.to_actor(request.actor)

        async def work(conn: AsyncConnection) -> pb.ProcessedOrders:
            return codec.from_processed(await bulk_orders.ship_orders(conn, actor, request.order_ids, request.carrier))

        return await self._change(request, actor, pb.ProcessedOrders, work)

    async def _settled(self, actor: Actor, refund: pb.Refund) -> pb.Refund:
        """An approved refund after an attempt to give its money back."""
        await self._parts.settlement.try_refund(actor.tenant, refund.refund_id)
        self._parts.changed()
        order = await self._read(actor, lambda c: load_order(c, actor, refund.order_id))
        return next(codec.from_refund(r) for r in order.refunds if r.refund_id == refund.refund_id)
