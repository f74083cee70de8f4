"""Orders, payments, parcels, refunds, coupons and quotes as protobuf messages, and back."""

from voxcart_api.shop.v1 import shop_pb2 as pb
from voxcart_services.shop import models
from voxcart_services.shop.codec.catalogue import from_address, from_cart
from voxcart_services.shop.codec.values import message_time, money, timestamp
from voxcart_services.shop.coupons import Coupon
from voxcart_services.shop.lifecycle import OrderStatus
from voxcart_services.shop.quotes import Quote
from voxcart_services.shop.undo import Undone


def from_order(order: models.Order) -> pb.Order:
    """An order with all that belongs to it."""
    message = pb.Order(
        order_id=order.order_id,
        status=order.status,
        total=money(order.total_cents),
        created_at=timestamp(order.created_at),
        payment_method=order.payment_method,
        address=pb.Address(**order.address),
        user_id=order.user_id,
        discount=money(order.discount_cents),
        coupon_code=order.coupon_code,
        cancel_reason=order.cancel_reason,
        refunds=[from_refund(refund) for refund in order.refunds],
        returns=[from_return(back) for back in order.returns],
    )
    for line in order.lines:
        message.lines.add(
            sku=line.sku,
            variant_id=line.variant_id,
            name_zh=line.name_zh,
            name_en=line.name_en,
            quantity=line.quantity,
            unit_price=money(line.unit_price_cents),
            color=line.color,
            size=line.size,
            line_no=line.line_no,
            discount=money(line.discount_cents),
            refunded_quantity=line.refunded_quantity,
        )
    if order.expires_at is not None and order.status == OrderStatus.PENDING_PAYMENT:
        message.expires_at.CopyFrom(timestamp(order.expires_at))
    if order.payment is not None:
        message.payment.CopyFrom(_payment(order.payment))
    if order.shipment is not None:
        message.shipment.CopyFrom(_shipment(order.shipment))
    if order.refund is not None:
        message.refund.CopyFrom(from_refund(order.refund))
    return message


def _payment(payment: models.Payment) -> pb.Payment:
    return pb.Payment(
        status=payment.status,
        method=payment.method,
        captured=money(payment.captured_cents),
        refunded=money(payment.refunded_cents),
        decline_reason=payment.decline_reason,
    )


def _shipment(shipment: models.Shipment) -> pb.Shipment:
    message = pb.Shipment(
        carrier=shipment.carrier,
        tracking_no=shipment.tracking_no,
        shipped_at=timestamp(shipment.shipped_at),
        last_event=shipment.last_event,
        status=shipment.status,
    )
    if shipment.delivered_at is not None:
        message.delivered_at.CopyFrom(timestamp(shipment.delivered_at))
    if shipment.expected_at is not None:
        message.expected_at.CopyFrom(timestamp(shipment.expected_at))
    return message


def from_refund(refund: models.Refund) -> pb.Refund:
    """A refund."""
    return pb.Refund(
        refund_id=refund.refund_id,
        order_id=refund.order_id,
        status=refund.status,
        reason=refund.reason,
        amount=money(refund.amount_cents),
        created_at=timestamp(refund.created_at),
        decision_reason=refund.decision_reason,
        exchange=refund.exchange,
        lines=[
            pb.RefundLine(line_no=line.line_no, quantity=line.quantity, amount=money(line.amount_cents))
            for line in refund.lines
        ],
        return_id=refund.return_id,
    )


def from_return(back: models.Return) -> pb.Return:
    """Goods on their way back."""
    return pb.Return(
        return_id=back.return_id,
        order_id=back.order_id,
        refund_id=back.refund_id,
        status=back.status,
        carrier=back.carrier,
        tracking_no=back.tracking_no,
        created_at=timestamp(back.created_at),
    )


def from_quote(quote: Quote) -> pb.Quote:
    """Prices that were promised."""
    priced = quote.priced
    message = pb.Quote(
        quote_id=quote.quote_id,
        subtotal=money(priced.subtotal_cents),
        discount=money(priced.discount_cents),
        total=money(priced.total_cents),
        coupon_code=priced.coupon_code,
        expires_at=timestamp(quote.expires_at),
    )
    for item in priced.lines:
        message.lines.add(
            sku=item.line.product.sku,
            variant_id=item.line.variant_id,
            name_zh=item.line.product.name_zh,
            name_en=item.line.product.name_en,
            quantity=item.line.quantity,
            unit_price=money(item.unit_price_cents),
            discount=money(item.discount_cents),
        )
    return message


def to_coupon(coupon: pb.Coupon) -> Coupon:
    """A coupon as the merchant describes it."""
    reduction = coupon.WhichOneof("reduction")
    return Coupon(
        code=coupon.code,
        title=coupon.title,
        percent_off=coupon.percent_off if reduction == "percent_off" else None,
        cents_off=coupon.cents_off if reduction == "cents_off" else None,
        threshold_cents=coupon.threshold_cents,
        max_discount_cents=coupon.max_discount_cents,
        per_user_limit=coupon.per_user_limit,
        total_limit=coupon.total_limit,
        starts_at=message_time(coupon.starts_at) if coupon.HasField("starts_at") else None,
        expires_at=message_time(coupon.expires_at) if coupon.HasField("expires_at") else None,
    )


def from_coupon(coupon: Coupon) -> pb.Coupon:
    """A coupon."""
    message = pb.Coupon(
        code=coupon.code,
        title=coupon.title,
        threshold_cents=coupon.threshold_cents,
        max_discount_cents=coupon.max_discount_cents,
        per_user_limit=coupon.per_user_limit,
        total_limit=coupon.total_limit,
        used=coupon.used,
    )
    if coupon.percent_off is not None:
        message.percent_off = coupon.percent_off
    if coupon.cents_off is not None:
        message.cents_off = coupon.cents_off
    for name in ("starts_at", "expires_at"):
        moment_of = getattr(coupon, name)
        if moment_of is not None:
            getattr(message, name).CopyFrom(timestamp(moment_of))
    return message


def from_coupons(page: models.Page) -> pb.ListCouponsResponse:
    """A page of coupons."""
    return pb.ListCouponsResponse(
        coupons=[from_coupon(coupon) for coupon in page.items], next_page_token=page.next_token, total=page.total
    )


def from_undone(undone: Undone) -> pb.UndoLastResponse:
    """What was taken back."""
    message = pb.UndoLastResponse(operation=undone.operation, effect_key=undone.effect_key)
    if undone.cart is not None:
        message.cart.CopyFrom(from_cart(undone.cart))
    if undone.order is not None:
        message.order.CopyFrom(from_order(undone.order))
    if undone.address is not None:
        message.address.CopyFrom(from_address(undone.address))
    return message


def from_orders(page: models.Page) -> pb.ListOrdersResponse:
    """A page of orders."""
    return pb.ListOrdersResponse(
        orders=[from_order(order) for order in page.items], next_page_token=page.next_token, total=page.total
    )
