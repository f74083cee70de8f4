"""What every request must be, whatever stands behind the service: checked once, in front of all adapters."""

import unicodedata
from enum import Enum
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from voxcart.errors import InvalidInput
from voxcart_services.shop import codec
from voxcart_services.shop.effects import check_key
from voxcart_services.shop.models import checked_id
from voxcart_services.shop.paging import MAX_PAGE_SIZE
from voxcart_services.shop.pricing import MAX_PRICE_CENTS, MAX_QUANTITY, MAX_STOCK

MAX_TEXT_LENGTH = 4000
"""Characters of any text field; most have a narrower limit of their own."""
MAX_ITEMS = 1000
"""Elements of any repeated field."""

_IDS = {"sku", "variant_id", "line_id", "order_id", "refund_id", "return_id", "address_id", "quote_id", "payment_token"}
_LIMITS = {
    "page_size": (0, MAX_PAGE_SIZE),
    "threshold": (0, MAX_STOCK),
    "AddToCartRequest.quantity": (1, MAX_QUANTITY),
    "UpdateCartLineRequest.quantity": (0, MAX_QUANTITY),
    "RefundLine.quantity": (1, MAX_QUANTITY),
    "AddProductRequest.price_cents": (1, MAX_PRICE_CENTS),
    "AddProductRequest.stock": (0, MAX_STOCK),
    "CheckoutRequest.expected_total_cents": (0, 2**62),
    "RequestRefundRequest.amount_cents": (1, 2**62),
    "ProcessRefundRequest.amount_cents": (1, 2**62),
    "SearchProductsRequest.price_min_cents": (0, 2**62),
    "SearchProductsRequest.price_max_cents": (0, 2**62),
    "SalesReportRequest.top": (0, 100),
    "ReviewSummaryRequest.max_stars": (0, 5),
}
"""Least and greatest value of a number, by the name of the field or of message and field."""


class Audience(Enum):
    """Who may make a call."""

    ANYONE = "anyone"
    USER = "user"
    MERCHANT = "merchant"
    OPERATOR = "operator"
    """Whoever runs the installation; the request names no actor."""


def check_request(request: Message, audience: Audience) -> None:
    """Checks what no adapter needs to look at again.

    Raises:
        InvalidInput: A key, id, number, enum or text that cannot be, or no user where one is needed.
        NotAllowed: Not the merchant.
    """
    if audience is not Audience.OPERATOR:
        _check_fields(request.actor, "actor.")  # type: ignore[attr-defined]
        actor = codec.to_actor(request.actor)  # type: ignore[attr-defined]
        if audience is Audience.MERCHANT:
            actor.need_merchant()
        elif audience is Audience.USER:
            actor.need_user()
    _check_fields(request, "")
    if is_change(request):
        check_key(request.idempotency_key)  # type: ignore[attr-defined]


def is_change(request: Message) -> bool:
    """Whether the request carries an idempotency key, and so changes the shop."""
    return "idempotency_key" in request.DESCRIPTOR.fields_by_name


def _check_fields(message: Message, path: str) -> None:
    for field, value in message.ListFields():
        place = f"{path}{field.name}"
        if field.is_repeated:
            if len(value) > MAX_ITEMS:
                raise InvalidInput(f"{place} has more than {MAX_ITEMS} elements", field=place)
            for number, item in enumerate(value):
                _check_value(field, item, f"{place}[{number}]")
        else:
            _check_value(field, value, place)
    _check_limits(message, path)


def _check_value(field: FieldDescriptor, value: Any, place: str) -> None:
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        if field.message_type.full_name.startswith("voxcart."):
            _check_fields(value, f"{place}.")
    elif field.type == FieldDescriptor.TYPE_ENUM:
        if value not in field.enum_type.values_by_number:
            raise InvalidInput(f"{place} has the unknown value {value}", field=place)
    elif field.type == FieldDescriptor.TYPE_STRING:
        _check_text(field, value, place)


def _check_text(field: FieldDescriptor, value: str, place: str) -> None:
    if field.name in _IDS:
        checked_id(value, place)
    elif len(value) > MAX_TEXT_LENGTH:
        raise InvalidInput(f"{place} is longer than {MAX_TEXT_LENGTH} characters", field=place)
    elif any(unicodedata.category(character) == "Cc" and character not in "\t\r\n" for character in value):
        raise InvalidInput(f"{place} has control characters", field=place)


def _check_limits(message: Message, path: str) -> None:
    for field in message.DESCRIPTOR.fields:
        limits = _LIMITS.get(field.name) or _LIMITS.get(f"{message.DESCRIPTOR.name}.{field.name}")
        if limits is None or (field.has_presence and not message.HasField(field.name)):
            continue
        least, greatest = limits
        value = getattr(message, field.name)
        if not least <= value <= greatest:
            sentence = f"{path}{field.name} must be {least} to {greatest}, not {value}"
            raise InvalidInput(sentence, field=f"{path}{field.name}")
