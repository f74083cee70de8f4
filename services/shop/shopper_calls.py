"""The shopper's calls: catalogue, cart, orders, refunds, addresses, and taking back what was done last."""

from collections.abc import Callable
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart_api.shop.v1 import shop_pb2 as pb
from voxcart_services.shop import (
    addresses,
    cart,
    cart_changes,
    checkout,
    codec,
    coupons,
    faq,
    quotes,
    refunds,
    returns,
    review_summary,
    undo,
)
from voxcart_services.shop.adapters.ports import CartPort, CataloguePort, OrderPort, PaymentPort
from voxcart_services.shop.calls import Calls, effect_of, response_of
from voxcart_services.shop.models import Actor
from voxcart_services.shop.order_store import list_orders, load_order
from voxcart_services.shop.paging import PageRequest
from voxcart_services.shop.payments import PayRequest
from voxcart_services.shop.pipelined import Pipelined, Statement
from voxcart_services.shop.pricing import checked_quantity
from voxcart_services.shop.products import load_product


class ShopperCalls(Calls, CataloguePort, CartPort, OrderPort, PaymentPort):
    """Calls of ``voxcart.shop.v1.Shop`` that a shopper makes."""

    async def search_products(self, request: pb.SearchProductsRequest) -> pb.SearchProductsResponse:
        """See the proto."""
        actor, query = codec.to_actor(request.actor), codec.search_query(request)
        page = await self._read(actor, lambda c: self._parts.search.search(c, actor.tenant, query))
        return codec.from_search(page, request)

    async def get_product(self, request: pb.GetProductRequest) -> pb.Product:
        """See the proto."""
        actor = codec.to_actor(request.actor)
        return codec.from_product(await self._read(actor, lambda c: load_product(c, actor.tenant, request.sku)))

    async def search_faq(self, request: pb.SearchFaqRequest) -> pb.SearchFaqResponse:
        """See the proto."""
        actor = codec.to_actor(request.actor)
        found = await self._read(
            actor,
            lambda c: faq.search_faq(c, actor.tenant, self._parts.embedder, request.query, request.language),
        )
        hits = [pb.FaqHit(id=a.faq_id, title=a.title, answer=a.answer, score=a.score) for a in found]
        return pb.SearchFaqResponse(hits=hits)

    async def review_summary(self, request: pb.ReviewSummaryRequest) -> pb.ReviewSummaryResponse:
        """See the proto."""
        actor = codec.to_actor(request.actor)
        query = review_summary.ReviewQuery(
            request.sku, request.max_stars, codec.moment(request, "from"), codec.moment(request, "to")
        )
        return codec.from_reviews(await self._read(actor, lambda c: review_summary.review_summary(c, actor, query)))

    async def add_review(self, request: pb.AddReviewRequest) -> pb.Review:
        """See the proto."""
        actor = codec.to_actor(request.actor)

        async def work(conn: AsyncConnection) -> pb.Review:
            added = await review_summary.add_review(conn, actor, request.sku, request.stars, request.text)
            return codec.from_review(added)

        return await self._change(request, actor, pb.Review, work)

    async def get_cart(self, request: pb.GetCartRequest) -> pb.Cart:
        """See the proto."""
        actor = codec.to_actor(request.actor)
        actor.need_user()
        return codec.from_cart(await self._read(actor, lambda c: cart.load_cart(c, actor)))

    async def add_to_cart(self, request: pb.AddToCartRequest) -> pb.Cart:
        """See the proto."""
        actor = codec.to_actor(request.actor)
        key, sku, variant, quantity = request.idempotency_key, request.sku, request.variant_id, request.quantity
        checked_quantity(quantity)
        reads = cart_changes.cart_reads(actor, sku)
        return await self._change_cart(
            request, actor, reads, lambda rows: cart_changes.add_to_cart(actor, key, sku, variant, quantity, rows)
        )

    async def update_cart_line(self, request: pb.UpdateCartLineRequest) -> pb.Cart:
        """See the proto."""
        actor = codec.to_actor(request.actor)
        key, line_id, quantity = request.idempotency_key, request.line_id, request.quantity
        checked_quantity(quantity, least=0)
        return await self._change_cart(
            request,
            actor,
            cart_changes.cart_reads(actor),
            lambda rows: cart_changes.update_line(actor, key, line_id, quantity, rows),
        )

    async def clear_cart(self, request: pb.ClearCartRequest) -> pb.Cart:
        """See the proto."""
        actor = codec.to_actor(request.actor)
        key = request.idempotency_key
        reads = cart_changes.cart_reads(actor)
        return await self._change_cart(request, actor, reads, lambda rows: cart_changes.clear_cart(actor, key, rows))

    async def _change_cart(
        self,
        request: Any,
        actor: Actor,
        reads: list[Statement],
        change: Callable[[list[list[Any]]], cart_changes.Changed],
    ) -> pb.Cart:
        async def work(_: Pipelined, rows: list[list[Any]]) -> tuple[bytes, list[Statement]]:
            lines, writes = change(rows)
            return codec.from_cart(lines).SerializeToString(), writes

        return await self._change_pipelined(request, actor, pb.Cart, reads, work)

    async def checkout(self, request: pb.CheckoutRequest) -> pb.Order:
        """See the proto."""
        actor = codec.to_actor(request.actor)
        wanted = checkout.CheckoutRequest(
            address_id=request.address_id,
            expected_total_cents=request.expected_total_cents if request.HasField("expected_total_cents") else None,
            coupon_code=request.coupon_code,
            quote_id=request.quote_id,
        )

        async def work(tx: Pipelined, rows: list[list[Any]]) -> tuple[bytes, list[Statement]]:
            order, writes = await checkout.check_out(tx, actor, wanted, self._parts.rules, rows)
            return codec.from_order(order).SerializeToString(), writes

        return await self._change_pipelined(request, actor, pb.Order, checkout.checkout_reads(actor), work)

    async def get_quote(self, request: pb.GetQuoteRequest) -> pb.Quote:
        """See the proto."""
        actor = codec.to_actor(request.actor)
        life = self._parts.rules.quote_life
        made = await self._read(actor, lambda c: quotes.make_quote(c, actor, request.coupon_code, life))
        return codec.from_quote(made)

    async def list_coupons(self, request: pb.ListCouponsRequest) -> pb.ListCouponsResponse:
        """See the proto."""
        actor, wanted = codec.to_actor(request.actor), PageRequest.of(request, (str,))
        page = await self._read(actor, lambda c: coupons.list_coupons(c, actor, wanted))
        return codec.from_coupons(page)

    async def pay(self, request: pb.PayRequest) -> pb.Order:
        """See the proto."""
        actor = codec.to_actor(request.actor)
        wanted = PayRequest(request.order_id, request.method, request.payment_token)
        outcome = await self._parts.payments.pay(
            effect_of(request, actor), wanted, lambda order: codec.from_order(order).SerializeToString()
        )
        self._parts.changed()
        return response_of(pb.Order, outcome)

    async def get_order(self, request: pb.GetOrderRequest) -> pb.Order:
        """See the proto."""
        actor = codec.to_actor(request.actor)
        actor.need_user()
        return codec.from_order(await self._read(actor, lambda c: load_order(c, actor, request.order_id)))

    async def list_orders(self, request: pb.ListOrdersRequest) -> pb.ListOrdersResponse:
        """See the proto."""
        actor = codec.to_actor(request.actor)
        actor.need_user()
        wanted = codec.order_filter(request, request.product_query)
        return codec.from_orders(await self._read(actor, lambda c: list_orders(c, actor.tenant, wanted, actor.user_id)))

    async def cancel_order(self, request: pb.CancelOrderRequest) -> pb.Order:
        """See the proto. What was paid goes back at once if the payment company can be reached."""
        actor = codec.to_actor(request.actor)

        async def work(conn: AsyncConnection) -> pb.Order:
            return codec.from_order(await refunds.cancel_order(conn, actor, request.order_id, request.reason))

        order = await self._change(request, actor, pb.Order, work)
        await self._settle_order(actor, order)
        return order

    async def request_refund(self, request: pb.RequestRefundRequest) -> pb.Refund:
        """See the proto."""
        actor = codec.to_actor(request.actor)
        wanted = refunds.RefundRequest(
            order_id=request.order_id,
            reason=request.reason,
            exchange=request.exchange,
            lines=[(line.line_no, line.quantity) for line in request.lines],
            amount_cents=request.amount_cents if request.HasField("amount_cents") else None,
            send_back=request.send_back,
        )

        async def work(conn: AsyncConnection) -> pb.Refund:
            return codec.from_refund(await refunds.request_refund(conn, actor, wanted))

        return await self._change(request, actor, pb.Refund, work)

    async def send_return(self, request: pb.SendReturnRequest) -> pb.Return:
        """See the proto."""
        actor = codec.to_actor(request.actor)

        async def work(conn: AsyncConnection) -> pb.Return:
            sent = await returns.send_return(conn, actor, request.return_id, request.carrier, request.tracking_no)
            return codec.from_return(sent)

        return await self._change(request, actor, pb.Return, work)

    async def undo_last(self, request: pb.UndoLastRequest) -> pb.UndoLastResponse:
        """See the proto. The money of an order that is undone goes back at once if that is possible."""
        actor = codec.to_actor(request.actor)

        async def work(conn: AsyncConnection) -> pb.UndoLastResponse:
            return codec.from_undone(await undo.undo_last(conn, actor, request.idempotency_key, request.effect_key))

        undone = await self._change(request, actor, pb.UndoLastResponse, work)
        await self._settle_order(actor, undone.order)
        return undone

    async def change_address(self, request: pb.ChangeAddressRequest) -> pb.Address:
        """See the proto."""
        actor = codec.to_actor(request.actor)

        async def work(conn: AsyncConnection) -> pb.Address:
            return codec.from_address(await addresses.change_address(conn, actor, request.address, request.order_id))

        return await self._change(request, actor, pb.Address, work)

    async def list_addresses(self, request: pb.ListAddressesRequest) -> pb.ListAddressesResponse:
        """See the proto."""
        actor = codec.to_actor(request.actor)
        actor.need_user()
        known = await self._read(actor, lambda c: addresses.list_addresses(c, actor))
        return pb.ListAddressesResponse(addresses=[codec.from_address(address) for address in known])

    async def _settle_order(self, actor: Actor, order: pb.Order) -> None:
        """Gives back what was approved with a change of an order; the sweep does it later if it fails now."""
        for refund in order.refunds:
            if refund.status == "approved":
                await self._parts.settlement.try_refund(actor.tenant, refund.refund_id)
                self._parts.changed()
