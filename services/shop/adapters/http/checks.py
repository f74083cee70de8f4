"""What an answer of a platform must be before anybody hears it: the right kind, in range, and about what was asked.

JSON of the right types is not enough: a price below zero, an order of another number, or a cart without what was just
put in would be read out as true. Such an answer is a :class:`PlatformFault`.
"""

import math
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from voxcart.errors import InvalidInput
from voxcart_api.common.v1.common_pb2 import Money
from voxcart_api.shop.v1 import shop_pb2 as pb
from voxcart_services.shop.adapters.http.answers import PlatformFault
from voxcart_services.shop.lifecycle import OrderStatus, RefundStatus, ReturnStatus
from voxcart_services.shop.models import checked_id
from voxcart_services.shop.pricing import MAX_PRICE_CENTS, MAX_QUANTITY, MAX_STOCK

MAX_CENTS = 2**53
MAX_TEXT_LENGTH = 4000
MAX_ITEMS = 1000

_NEEDED = {
    "Product": ("sku", "name_zh"),
    "CartLine": ("line_id", "product"),
    "Order": ("order_id", "status", "total", "created_at"),
    "OrderLine": ("sku", "quantity"),
    "Refund": ("refund_id", "order_id", "status"),
    "Return": ("return_id", "order_id", "status"),
    "Address": ("text",),
    "Coupon": ("code",),
    "Quote": ("quote_id", "expires_at"),
    "FaqHit": ("answer",),
}
_LIMITS = {
    "Product.stock": (0, MAX_STOCK),
    "Product.units_sold": (0, 2**53),
    "Product.rating": (0, 5),
    "Variant.stock": (0, MAX_STOCK),
    "CartLine.quantity": (1, MAX_QUANTITY),
    "OrderLine.quantity": (1, MAX_STOCK),
    "OrderLine.refunded_quantity": (0, MAX_STOCK),
    "SearchHit.score": (0, 1),
    "FaqHit.score": (0, 1),
    "ReviewSummaryResponse.positive_share": (0, 1),
    "ReviewSummaryResponse.mean_stars": (0, 5),
}
_STATES = {
    "Order": {status.value for status in OrderStatus},
    "Refund": {status.value for status in RefundStatus},
    "Return": {status.value for status in ReturnStatus},
    "Payment": {"started", "authorised", "captured", "declined", "voided"},
}
_SIGNED = {"SalesReportResponse"}
"""Messages whose amounts may be below zero: refunds of a period can exceed its sales."""


def check_answer(request: Any, answer: Message, currency: str) -> None:
    """Raises :class:`PlatformFault` unless the answer is whole, in range and about the request."""
    _check(answer, answer.DESCRIPTOR.name, currency, signed=answer.DESCRIPTOR.name in _SIGNED)
    _check_ids(request, answer)
    if isinstance(answer, pb.Cart):
        _check_cart(request, answer)
    if isinstance(answer, pb.Order):
        _check_order(request, answer)


def check_product(product: pb.Product, currency: str) -> None:
    """Raises :class:`PlatformFault` unless a product of the list of changes is whole and in range."""
    _check(product, "Product", currency, signed=False)


def _check(message: Any, place: str, currency: str, *, signed: bool) -> None:
    if isinstance(message, Money):
        _check_money(message, place, currency, signed=signed)
        return
    name = message.DESCRIPTOR.name
    for field in _NEEDED.get(name, ()):
        is_set = message.HasField(field) if message.DESCRIPTOR.fields_by_name[field].has_presence else True
        if not is_set or not getattr(message, field):
            raise PlatformFault(f"{place} has no {field}")
    if name in _STATES and message.status not in _STATES[name]:
        raise PlatformFault(f"{place} has the unknown status {message.status[:40]!r}")
    if name == "Product" and message.price.cents > MAX_PRICE_CENTS:
        raise PlatformFault(f"{place} costs more than {MAX_PRICE_CENTS} cents")
    for field, value in message.ListFields():
        _check_field(message, field, value, f"{place}.{field.name}", currency, signed=signed)


def _check_field(message: Any, field: FieldDescriptor, value: Any, place: str, currency: str, *, signed: bool) -> None:
    items = value if field.is_repeated else [value]
    if len(items) > MAX_ITEMS:
        raise PlatformFault(f"{place} has more than {MAX_ITEMS} elements")
    least, greatest = _LIMITS.get(f"{message.DESCRIPTOR.name}.{field.name}", (-math.inf, math.inf))
    for item in items:
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            if field.message_type.full_name.startswith("voxcart."):
                _check(item, place, currency, signed=signed)
        elif field.type == FieldDescriptor.TYPE_STRING:
            _check_text(field.name, item, place)
        elif isinstance(item, (int, float)) and not least <= item <= greatest:
            raise PlatformFault(f"{place} is {item}")


def _check_money(money: Money, place: str, currency: str, *, signed: bool) -> None:
    if money.currency != currency:
        raise PlatformFault(f"{place} is in {money.currency[:8]!r}, not in {currency}")
    if not (-MAX_CENTS if signed else 0) <= money.cents <= MAX_CENTS:
        raise PlatformFault(f"{place} is {money.cents} cents")


def _check_text(name: str, text: str, place: str) -> None:
    if len(text) > MAX_TEXT_LENGTH:
        raise PlatformFault(f"{place} is longer than {MAX_TEXT_LENGTH} characters")
    if name in ("sku", "variant_id", "line_id") or name.endswith("_id"):
        try:
            checked_id(text, name)
        except InvalidInput as error:
            raise PlatformFault(str(error)) from error


def _check_ids(request: Any, answer: Any) -> None:
    """The answer is about the thing that was named."""
    for name in ("sku", "order_id", "return_id", "refund_id"):
        asked = getattr(request, name, "") if name in request.DESCRIPTOR.fields_by_name else ""
        if asked and name in answer.DESCRIPTOR.fields_by_name and getattr(answer, name) != asked:
            raise PlatformFault(f"it is about {name} {getattr(answer, name)[:40]!r}, not {asked!r}")


def _check_cart(request: Any, cart: pb.Cart) -> None:
    for line in cart.lines:
        if line.unit_price.cents * line.quantity != line.total.cents:
            raise PlatformFault(f"line {line.line_id} of the cart does not add up")
    if sum(line.total.cents for line in cart.lines) != cart.total.cents:
        raise PlatformFault("the cart does not add up")
    if len({line.line_id for line in cart.lines}) < len(cart.lines):
        raise PlatformFault("two lines of the cart have one line_id")
    if isinstance(request, pb.AddToCartRequest):
        held = sum(line.quantity for line in cart.lines if line.product.sku == request.sku)
        if held < request.quantity:
            raise PlatformFault("what was added is not in the cart")
    if isinstance(request, pb.UpdateCartLineRequest):
        held = sum(line.quantity for line in cart.lines if line.line_id == request.line_id)
        if held != request.quantity:
            raise PlatformFault("the line of the cart was not changed")
    if isinstance(request, pb.ClearCartRequest) and cart.lines:
        raise PlatformFault("the cart was not emptied")


def _check_order(request: Any, order: pb.Order) -> None:
    if not order.lines:
        raise PlatformFault(f"order {order.order_id} has no lines")
    if isinstance(request, pb.CancelOrderRequest) and order.status != OrderStatus.CANCELLED:
        raise PlatformFault(f"order {order.order_id} was not cancelled")
    if isinstance(request, pb.PayRequest) and order.status in (OrderStatus.PENDING_PAYMENT, OrderStatus.CANCELLED):
        raise PlatformFault(f"order {order.order_id} was not paid")
    if isinstance(request, pb.CheckoutRequest):
        totals = (order.total.cents, order.total.cents + order.discount.cents)
        if request.HasField("expected_total_cents") and request.expected_total_cents not in totals:
            raise PlatformFault(f"order {order.order_id} costs something else than was agreed")
