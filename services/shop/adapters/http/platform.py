"""The ports of a platform behind HTTP: request to route, answer to message.

Every call of the contract is one request to the platform. The platform stays the system of record: its answer to an
idempotency key is the only one there is, and nothing of a shop is kept here.
"""

import json
from collections.abc import Awaitable, Callable, Collection
from typing import Any, TypeVar, cast
from urllib.parse import quote

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from voxcart.errors import NotFound, NotSupported
from voxcart.telemetry.logs import get_logger
from voxcart_services.shop import codec
from voxcart_services.shop.adapters.adapter import snake_case
from voxcart_services.shop.adapters.http.answers import Answer, PlatformFault
from voxcart_services.shop.adapters.http.checks import check_answer
from voxcart_services.shop.adapters.http.client import HttpRequest, PlatformClient
from voxcart_services.shop.adapters.http.json_form import BadJson, from_json, to_json
from voxcart_services.shop.adapters.http.routes import REQUIRED, ROUTES
from voxcart_services.shop.models import Actor
from voxcart_services.shop.paging import binding_of, make_token, read_token
from voxcart_services.shop.requests import is_change

log = get_logger(__name__)

TENANT, USER, ROLE = "voxcart-tenant", "voxcart-user", "voxcart-role"
IDEMPOTENCY_KEY, REPLAYED = "idempotency-key", "idempotent-replayed"
API = "voxcart.platform.v1"
MAX_PLATFORM_TOKEN = 512

_HEADER_SAFE = "!#$&'()*+,/:;=?@[] "
_NOT_SENT = ("actor", "idempotency_key", "read_mask")

Port = TypeVar("Port")
Seen = Callable[[str, Any, Message], None]


class Platform:
    """One shop platform behind HTTP.

    Attributes:
        calls: Names of the calls that it offers, known after :meth:`connect`.
        currency: ISO 4217 code that its prices are in.
    """

    def __init__(self, client: PlatformClient, seen: Seen | None = None) -> None:
        """
        Args:
            seen: Told of every call that succeeded: its name, the request and the answer.
        """
        self._client = client
        self._seen = seen
        self.calls: Collection[str] = REQUIRED
        self.currency = "CNY"

    async def connect(self) -> None:
        """Asks the platform what it offers.

        Raises:
            Unavailable, DeadlineMissed: It does not answer.
            PlatformFault: It is no such platform, or lacks a call that is required.
        """
        self.calls, self.currency = await self._client.send(HttpRequest("Describe", "GET", "/", {}), _description)
        log.info("shop platform found", calls=len(self.calls), currency=self.currency)

    async def call(self, name: str, request: Any) -> Message:
        """Makes one call of the contract.

        Raises:
            NotSupported: The platform does not offer it.
            VoxcartError: The platform refuses it, is away, or its answer cannot be used.
        """
        route = ROUTES.get(name)
        if route is None or name not in self.calls:
            raise NotSupported(f"the shop platform behind this service does not offer {name}")
        sent = self._request(name, request)
        message: Message = await self._client.send(sent, lambda answer: self._read(name, request, answer))
        if self._seen is not None:
            self._seen(name, request, message)
        return message

    def _request(self, name: str, request: Any) -> HttpRequest:
        route = ROUTES[name]
        path, in_path = route.filled(request)
        if any(getattr(request, field) in ("", ".", "..") for field in in_path):
            raise NotFound(f"there is nothing with the {', '.join(sorted(in_path))} of this request")
        plain = type(request)()
        plain.CopyFrom(request)
        for field in {*_NOT_SENT, *in_path} & set(plain.DESCRIPTOR.fields_by_name):
            plain.ClearField(field)
        if "page_token" in plain.DESCRIPTOR.fields_by_name and plain.page_token:
            (plain.page_token,) = read_token(plain.page_token, binding_of(request), (str,))
        headers = actor_headers(codec.to_actor(request.actor))
        if is_change(request):
            headers[IDEMPOTENCY_KEY] = quote(request.idempotency_key, safe=_HEADER_SAFE)
        has_query = route.verb in ("GET", "DELETE")
        return HttpRequest(
            call=name,
            verb=route.verb,
            path=path,
            headers=headers,
            query=_query(plain) if has_query else (),
            body=None if has_query else json.dumps(to_json(plain), ensure_ascii=False).encode(),
            is_repeatable=route.is_repeatable,
        )

    def _read(self, name: str, request: Any, answer: Answer) -> Message:
        try:
            message: Any = from_json(answer.body, ROUTES[name].answer)
        except BadJson as error:
            raise PlatformFault(str(error)) from error
        check_answer(request, message, self.currency)
        fields = message.DESCRIPTOR.fields_by_name
        if "replayed" in fields:
            message.replayed = answer.headers.get(REPLAYED, "") == "true"
        if "next_page_token" in fields and message.next_page_token:
            if len(message.next_page_token) > MAX_PLATFORM_TOKEN:
                raise PlatformFault(f"next_page_token is longer than {MAX_PLATFORM_TOKEN} characters")
            message.next_page_token = make_token(binding_of(request), [message.next_page_token])
        return message


def actor_headers(actor: Actor) -> dict[str, str]:
    """Who asks, as headers; characters outside printable ASCII are percent-encoded UTF-8."""
    return {
        TENANT: quote(actor.tenant, safe=_HEADER_SAFE),
        USER: quote(actor.user_id, safe=_HEADER_SAFE),
        ROLE: actor.role.value,
    }


def http_port(platform: Platform, port: type[Port]) -> Port:
    """A port whose every method is a request to the platform."""
    methods = {snake_case(name): _forward(platform, name) for name in ROUTES if snake_case(name) in vars(port)}
    return cast(Port, type(f"Http{port.__name__}", (port,), methods)())


def _forward(platform: Platform, name: str) -> Callable[[Any, Any], Awaitable[Message]]:
    async def forward(_: Any, request: Any) -> Message:
        return await platform.call(name, request)

    return forward


def _query(message: Message) -> tuple[tuple[str, str], ...]:
    """The set fields of a flat message as a query."""
    pairs: list[tuple[str, str]] = []
    for name, value in to_json(message).items():
        for item in value if isinstance(value, list) else [value]:
            pairs.append((name, str(item).lower() if isinstance(item, bool) else str(item)))
    return tuple(pairs)


def is_flat(kind: type[Message]) -> bool:
    """Whether a message can be a query: no messages in it besides times."""
    return all(
        field.name in _NOT_SENT
        or field.type != FieldDescriptor.TYPE_MESSAGE
        or field.message_type.full_name == "google.protobuf.Timestamp"
        for field in kind.DESCRIPTOR.fields
    )


def _description(answer: Answer) -> tuple[frozenset[str], str]:
    values = answer.body
    if not isinstance(values, dict) or values.get("api") != API:
        raise PlatformFault(f"GET / does not say that it is {API}")
    calls, currency = values.get("calls"), values.get("currency")
    if not isinstance(calls, list) or not all(isinstance(name, str) for name in calls):
        raise PlatformFault("GET / does not list its calls")
    if missing := REQUIRED - set(calls):
        raise PlatformFault(f"it does not offer {', '.join(sorted(missing))}")
    if not isinstance(currency, str) or len(currency) != 3:
        raise PlatformFault("GET / does not name its currency")
    return frozenset(calls), currency
