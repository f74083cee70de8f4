"""Messages as JSON and back: the proto3 JSON form with the contract's field names, and integers as JSON numbers.

Amounts stay far below 2^53 (a cart of 200 lines of 999 units at the highest price has 2e15 cents), so that numbers are
exact in every language.
"""

import json
from typing import Any, TypeVar

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

Kind = TypeVar("Kind", bound=Message)

_LONG = {
    FieldDescriptor.TYPE_INT64,
    FieldDescriptor.TYPE_UINT64,
    FieldDescriptor.TYPE_SINT64,
    FieldDescriptor.TYPE_FIXED64,
    FieldDescriptor.TYPE_SFIXED64,
}


class BadJson(ValueError):
    """Text that is no JSON, or no JSON of the message that it should be."""


def to_json(message: Message) -> dict[str, Any]:
    """A message as plain values; fields with their default value are left out."""
    return _with_numbers(json_format.MessageToDict(message, preserving_proto_field_name=True), message.DESCRIPTOR)


def from_json(values: Any, kind: type[Kind]) -> Kind:
    """A message from plain values. Fields that the contract does not know are passed over.

    Raises:
        BadJson: Not an object, or a value of another type than the field's.
    """
    if not isinstance(values, dict):
        raise BadJson(f"a {kind.DESCRIPTOR.name} is a JSON object")
    try:
        return json_format.ParseDict(values, kind(), ignore_unknown_fields=True)
    except (json_format.ParseError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise BadJson(f"not a {kind.DESCRIPTOR.name}: {str(error)[:200]}") from error


def read_json(body: bytes) -> Any:
    """Plain values from JSON text in UTF-8.

    Raises:
        BadJson: It is none, a name stands twice in an object, or a number is not finite.
    """
    try:
        return json.loads(body, object_pairs_hook=_object, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise BadJson(f"no JSON: {str(error)[:200]}") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("a name stands twice in an object")
    return values


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON number")


def _with_numbers(values: dict[str, Any], kind: Descriptor) -> dict[str, Any]:
    """64-bit integers as numbers; the standard form has them as strings."""
    for name, value in values.items():
        field = kind.fields_by_name[name]
        if field.type in _LONG:
            values[name] = [int(v) for v in value] if field.is_repeated else int(value)
        elif field.type == FieldDescriptor.TYPE_MESSAGE and not field.message_type.full_name.startswith("google."):
            for inner in value if field.is_repeated else [value]:
                _with_numbers(inner, field.message_type)
    return values
