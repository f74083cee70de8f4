"""The HTTP interface as an OpenAPI 3.1 document, made from the routes and the contract's messages.

``python -m voxcart_services.shop.adapters.http.openapi docs/platform-api.openapi.json`` writes it.
"""

import json
import sys
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from voxcart_api.shop.v1 import shop_pb2 as pb
from voxcart_services.shop.adapters.http.platform import API
from voxcart_services.shop.adapters.http.routes import REQUIRED, ROUTES, Route
from voxcart_services.shop.requests import is_change

Json = dict[str, Any]

_NOT_SENT = {"actor", "idempotency_key", "read_mask", "update_mask"}
_SCALARS: dict[int, Json] = {
    FieldDescriptor.TYPE_STRING: {"type": "string"},
    FieldDescriptor.TYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.TYPE_INT32: {"type": "integer", "format": "int32"},
    FieldDescriptor.TYPE_INT64: {"type": "integer", "format": "int64"},
    FieldDescriptor.TYPE_DOUBLE: {"type": "number", "format": "double"},
    FieldDescriptor.TYPE_FLOAT: {"type": "number", "format": "float"},
    FieldDescriptor.TYPE_BYTES: {"type": "string", "contentEncoding": "base64"},
}
_WELL_KNOWN: dict[str, Json] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Struct": {"type": "object"},
}
_REFUSALS = {
    "400": "a value that cannot be",
    "401": "the service's token is refused",
    "403": "this user may not",
    "404": "there is no such thing for this user",
    "409": "not now; the reason says why",
    "422": "the Idempotency-Key was used for another request",
    "429": "too many requests",
    "501": "not offered",
    "503": "not now; the same request may succeed later",
}


def document() -> Json:
    """The whole interface."""
    schemas: Json = {"Error": _error_schema()}
    paths: Json = {"/": {"get": _description()}, "/changes": {"get": _changes(schemas)}}
    for call, route in ROUTES.items():
        paths.setdefault(route.path, {})[route.verb.lower()] = _operation(call, route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "A shop platform behind Voxcart", "version": API.rpartition(".")[2]},
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "responses": _refusals(),
            "parameters": _who(),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(call: str, route: Route, schemas: Json) -> Json:
    request = getattr(pb, f"{call}Request").DESCRIPTOR
    in_path = {part[1:-1] for part in route.path.split("/") if part.startswith("{")}
    sent = [field for field in request.fields if field.name not in _NOT_SENT | in_path]
    parameters = _who_references() + [_parameter(name, "path", {"type": "string"}) for name in sorted(in_path)]
    if is_change(getattr(pb, f"{call}Request")()):
        parameters.append(_parameter("Idempotency-Key", "header", {"type": "string", "minLength": 1}))
    operation: Json = {"operationId": call, "x-required": call in REQUIRED, "parameters": parameters}
    if route.verb in ("GET", "DELETE"):
        parameters += [_parameter(f.name, "query", _schema(f, schemas), required=False) for f in sent]
    else:
        fields = {field.name: _schema(field, schemas) for field in sent}
        body = {"application/json": {"schema": {"type": "object", "properties": fields}}}
        operation["requestBody"] = {"required": True, "content": body}
    return operation | {"responses": _responses(_reference(route.answer.DESCRIPTOR, schemas))}


def _schema(field: FieldDescriptor, schemas: Json) -> Json:
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        one = _reference(field.message_type, schemas)
    elif field.type == FieldDescriptor.TYPE_ENUM:
        one = {"type": "string", "enum": [value.name for value in field.enum_type.values]}
    else:
        one = _SCALARS[field.type]
    return {"type": "array", "items": one} if field.is_repeated else one


def _reference(message: Descriptor, schemas: Json) -> Json:
    if message.full_name in _WELL_KNOWN:
        return _WELL_KNOWN[message.full_name]
    if message.name not in schemas:
        schemas[message.name] = {}
        fields = {field.name: _schema(field, schemas) for field in message.fields if field.name != "replayed"}
        schemas[message.name] = {"type": "object", "properties": fields}
    return {"$ref": f"#/components/schemas/{message.name}"}


def _responses(schema: Json) -> Json:
    answers: Json = {"200": {"description": "done", "content": {"application/json": {"schema": schema}}}}
    return answers | {status: {"$ref": f"#/components/responses/{status}"} for status in _REFUSALS}


def _refusals() -> Json:
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {status: {"description": text, "content": error} for status, text in _REFUSALS.items()}


_HEADERS: dict[str, Json] = {
    "Voxcart-Tenant": {"type": "string"},
    "Voxcart-User": {"type": "string"},
    "Voxcart-Role": {"type": "string", "enum": ["shopper", "merchant"]},
    "Voxcart-Request-Id": {"type": "string"},
}
"""Sent with every request."""


def _who() -> Json:
    return {name: _parameter(name, "header", schema) for name, schema in _HEADERS.items()}


def _who_references() -> list[Json]:
    return [{"$ref": f"#/components/parameters/{name}"} for name in _HEADERS]


def _parameter(name: str, place: str, schema: Json, *, required: bool = True) -> Json:
    return {"name": name, "in": place, "required": required, "schema": schema}


def _error_schema() -> Json:
    texts = {name: {"type": "string"} for name in ("message", "reason", "field")}
    error = {"type": "object", "required": ["message"], "properties": texts}
    return {"type": "object", "required": ["error"], "properties": {"error": error}}


def _description() -> Json:
    fields = {
        "api": {"const": API},
        "currency": {"type": "string", "minLength": 3, "maxLength": 3},
        "calls": {"type": "array", "items": {"type": "string", "enum": list(ROUTES)}},
    }
    schema = {"type": "object", "required": list(fields), "properties": fields}
    return {"operationId": "Describe", "responses": _responses(schema)}


def _changes(schemas: Json) -> Json:
    change = {
        "type": "object",
        "required": ["version", "product"],
        "properties": {
            "version": {"type": "integer", "format": "int64", "minimum": 0},
            "product": _reference(pb.Product.DESCRIPTOR, schemas),
        },
    }
    fields = {
        "changes": {"type": "array", "items": change},
        "next_cursor": {"type": "string"},
        "has_more": {"type": "boolean"},
    }
    schema = {"type": "object", "required": ["changes", "next_cursor"], "properties": fields}
    parameters = [
        *_who_references(),
        _parameter("cursor", "query", {"type": "string"}, required=False),
        _parameter("limit", "query", {"type": "integer", "minimum": 1, "maximum": 200}, required=False),
    ]
    return {"operationId": "Changes", "parameters": parameters, "responses": _responses(schema)}


def text() -> str:
    """The document as it is kept in the repository."""
    return json.dumps(document(), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(text(), encoding="utf-8")
