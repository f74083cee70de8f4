"""Field masks: which fields of a resource the caller wants (https://google.aip.dev/157), and which may change
(https://google.aip.dev/134). Applied in front of all adapters.

A ``read_mask`` names fields of the resource, not of the response: ``price.cents`` of each product that a search finds.
An ``update_mask`` names fields of the request. No mask, or ``*``, is everything.
"""

from collections.abc import Iterable
from typing import Any

from google.protobuf.descriptor import Descriptor
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from voxcart.errors import InvalidInput
from voxcart_api.shop.v1 import shop_pb2 as pb

MAX_PATHS = 100

_PLACES: dict[str, tuple[str, type[Message]]] = {
    "GetProductRequest": ("", pb.Product),
    "SearchProductsRequest": ("hits.product", pb.Product),
    "ListLowStockRequest": ("products", pb.Product),
    "GetOrderRequest": ("", pb.Order),
    "ListOrdersRequest": ("orders", pb.Order),
    "ListShopOrdersRequest": ("orders", pb.Order),
}
"""Where the resources of a response are, and what they are."""
_SELECTORS = {"actor", "idempotency_key", "sku", "variant_id", "update_mask"}
"""Fields of a request that say what changes, not how."""


def mask_of(request: Any) -> list[str]:
    """The paths that a request asks for; empty for everything.

    Raises:
        InvalidInput: A path that the resource has not, or too many.
    """
    if "read_mask" not in request.DESCRIPTOR.fields_by_name:
        return []
    paths = list(request.read_mask.paths)
    if paths == ["*"]:
        return []
    check_paths(paths, _PLACES[request.DESCRIPTOR.name][1].DESCRIPTOR, "read_mask")
    return paths


def check_paths(paths: Iterable[str], resource: Descriptor, name: str) -> None:
    """Checks a mask against the message that it is about.

    Raises:
        InvalidInput: A path that the message has not, or too many.
    """
    paths = list(paths)
    if len(paths) > MAX_PATHS:
        raise InvalidInput(f"{name} has more than {MAX_PATHS} paths", field=name)
    for path in paths:
        if not FieldMask(paths=[path]).IsValidForDescriptor(resource):
            raise InvalidInput(f"{name}: {resource.name} has no field {path[:100]!r}", field=name)


def with_update_mask(request: Any) -> Any:
    """The request without what its ``update_mask`` does not name, and without the mask.

    Raises:
        InvalidInput: The mask names what is not there, cannot change, or has no value in the request.
    """
    fields = request.DESCRIPTOR.fields_by_name
    if "update_mask" not in fields or not request.HasField("update_mask"):
        return request
    paths = list(request.update_mask.paths)
    changeable = [name for name in fields if name not in _SELECTORS]
    plain = type(request)()
    plain.CopyFrom(request)
    plain.ClearField("update_mask")
    if paths in ([], ["*"]):
        return plain
    for path in paths:
        if path not in changeable:
            raise InvalidInput(f"update_mask: {path[:100]!r} is none of {', '.join(changeable)}", field="update_mask")
        if not plain.HasField(path):
            raise InvalidInput(f"update_mask names {path}, which has no value", field=path)
    for name in set(changeable) - set(paths):
        plain.ClearField(name)
    return plain


def keep_only(request: Any, response: Message, paths: list[str]) -> Message:
    """The response with only these fields of its resources."""
    if not paths:
        return response
    mask = FieldMask(paths=paths)
    for resource in _resources(response, _PLACES[request.DESCRIPTOR.name][0]):
        kept = type(resource)()
        mask.MergeMessage(resource, kept)
        resource.CopyFrom(kept)
    return response


def _resources(message: Any, place: str) -> Iterable[Message]:
    """The messages at a dotted place, whose fields may be repeated."""
    if not place:
        return [message]
    name, _, rest = place.partition(".")
    inner = getattr(message, name)
    is_list = message.DESCRIPTOR.fields_by_name[name].is_repeated
    return [found for item in (inner if is_list else [inner]) for found in _resources(item, rest)]
