"""The parts of the HTTP adapter alone: JSON, answers and what they mean, checks, the breaker, repeats, documents."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from grpc import StatusCode
from hypothesis import given
from hypothesis import strategies as st

from voxcart.errors import (
    Conflict,
    DeadlineMissed,
    InvalidInput,
    NotAllowed,
    NotFound,
    NotSupported,
    Overloaded,
    Unavailable,
    WrongState,
)
from voxcart_api.shop.v1 import shop_pb2 as pb
from voxcart_services.shop.adapters.http.answers import PlatformFault, read_answer
from voxcart_services.shop.adapters.http.breaker import Breaker
from voxcart_services.shop.adapters.http.checks import check_answer
from voxcart_services.shop.adapters.http.client import ClientOptions, HttpRequest, PlatformClient
from voxcart_services.shop.adapters.http.events import events_of
from voxcart_services.shop.adapters.http.feed import read_changes
from voxcart_services.shop.adapters.http.json_form import BadJson, from_json, read_json, to_json
from voxcart_services.shop.adapters.http.openapi import text as openapi_text
from voxcart_services.shop.adapters.http.routes import NOT_OVER_HTTP, ROUTES
from voxcart_services.shop.deadline import ends_within, seconds_left

pytestmark = pytest.mark.unit

DOCS = Path(__file__).parents[3] / "docs"
JSON = {"content-type": "application/json; charset=utf-8"}


def money(cents: int) -> dict[str, Any]:
    return {"currency": "CNY", "cents": cents}


def product(**fields: Any) -> dict[str, Any]:
    return {"sku": "a", "name_zh": "苹果", "price": money(100), "stock": 5} | fields


def cart(**fields: Any) -> dict[str, Any]:
    line = {"line_id": "1", "product": product(), "quantity": 2, "unit_price": money(100), "total": money(200)}
    return {"lines": [line | fields], "total": money(200)}


def order(**fields: Any) -> dict[str, Any]:
    lines = [{"sku": "a", "quantity": 1, "unit_price": money(100)}]
    known = {"order_id": "7", "status": "paid", "total": money(100), "created_at": "2026-01-01T00:00:00Z"}
    return known | {"lines": lines} | fields


# JSON


@given(cents=st.integers(-(2**53), 2**53), quantity=st.integers(0, 10**9), words=st.text(max_size=20))
def test_messages_survive_json(cents: int, quantity: int, words: str) -> None:
    message = pb.Cart(lines=[pb.CartLine(line_id=words, quantity=quantity, total={"currency": "CNY", "cents": cents})])
    plain = to_json(message)
    assert from_json(json.loads(json.dumps(plain)), pb.Cart) == message
    if quantity:
        assert plain["lines"][0]["quantity"] == quantity


def test_requests_have_numbers_and_the_contracts_names() -> None:
    request = pb.SearchProductsRequest(price_max_cents=5000, sort_by=pb.SORT_BY_PRICE_ASC, brands=["华为"])
    assert to_json(request) == {"price_max_cents": 5000, "sort_by": "SORT_BY_PRICE_ASC", "brands": ["华为"]}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[1, NaN]",
        b'{"a": 1, "a": 2}',
        b"[" * 100_000,
        b'{"a": Infinity}',
        b"1 2",
    ],
)
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(BadJson):
        read_json(body)


@pytest.mark.parametrize(
    "values",
    [
        None,
        [],
        "cart",
        {"lines": "x"},
        {"lines": [1]},
        {"lines": [{"quantity": 1.5}]},
        {"lines": [{"quantity": "many"}]},
        {"lines": [{"quantity": 2**70}]},
        {"lines": [{"quantity": True}]},
        {"total": {"cents": []}},
        {"total": 39},
    ],
)
def test_other_types_are_refused(values: Any) -> None:
    with pytest.raises(BadJson):
        from_json(values, pb.Cart)


def test_fields_of_tomorrow_are_passed_over() -> None:
    assert from_json({"lines": [], "loyalty_points": {"deep": [1]}}, pb.Cart) == pb.Cart()


# Answers


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, InvalidInput), (403, NotAllowed), (404, NotFound), (409, WrongState), (422, Conflict), (501, NotSupported)],
)
def test_a_refusal_is_the_callers(status: int, kind: type) -> None:
    body = b'{"error": {"message": "no\\nsuch", "reason": "out_of_stock", "field": "quantity"}}'
    answer = read_answer(status, JSON, body)
    assert type(answer.error) is kind
    assert (str(answer.error), answer.error.reason, answer.error.field) == ("no such", "out_of_stock", "quantity")
    assert not answer.may_pass


@pytest.mark.parametrize(
    ("status", "kind"),
    [(429, Overloaded), (500, Unavailable), (502, Unavailable), (503, Unavailable), (504, DeadlineMissed)],
)
def test_what_may_pass_is_asked_again(status: int, kind: type) -> None:
    answer = read_answer(status, {"retry-after": "2"}, b"<html>")
    assert type(answer.error) is kind
    assert answer.may_pass
    assert answer.retry_after_seconds == 2.0
    assert read_answer(status, {"retry-after": "Wed, 21 Oct 2026"}, b"").retry_after_seconds is None


@pytest.mark.parametrize("status", [201, 204, 301, 302, 400, 401, 404, 405, 409, 418, 999])
@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": "no"}', b'{"error": {"message": 5}}'])
def test_anything_else_is_the_platforms_fault(status: int, body: bytes) -> None:
    answer = read_answer(status, JSON, body)
    if status == 201 and body == b"[]":
        assert answer.body == []
        return
    if status == 201 and body.startswith(b"{"):
        assert answer.error is None
        return
    assert isinstance(answer.error, PlatformFault)
    assert answer.error.code is StatusCode.INTERNAL


def test_the_same_request_still_under_way_is_waited_for() -> None:
    answer = read_answer(409, JSON, b'{"error": {"message": "busy with it", "reason": "in_progress"}}')
    assert isinstance(answer.error, Unavailable)
    assert answer.may_pass


@given(st.binary(max_size=200), st.integers(100, 599))
def test_no_answer_breaks_the_reader(body: bytes, status: int) -> None:
    read_answer(status, JSON, body)


# Checks


def test_good_answers_pass() -> None:
    check_answer(pb.AddToCartRequest(sku="a", quantity=2), from_json(cart(), pb.Cart), "CNY")
    check_answer(pb.GetProductRequest(sku="a"), from_json(product(), pb.Product), "CNY")
    check_answer(pb.GetOrderRequest(order_id="7"), from_json(order(), pb.Order), "CNY")
    check_answer(pb.PayRequest(), from_json(order(), pb.Order), "CNY")


@pytest.mark.parametrize(
    ("request_", "kind", "values", "words"),
    [
        (pb.GetProductRequest(sku="a"), pb.Product, product(sku="b"), "about sku"),
        (pb.GetProductRequest(sku="a"), pb.Product, product(sku=""), "no sku"),
        (pb.GetProductRequest(), pb.Product, product(price=money(-1)), "cents"),
        (pb.GetProductRequest(), pb.Product, product(price=money(2**60)), "cents"),
        (pb.GetProductRequest(), pb.Product, product(price={"currency": "USD", "cents": 1}), "USD"),
        (pb.GetProductRequest(), pb.Product, product(stock=-5), "stock"),
        (pb.GetProductRequest(), pb.Product, product(rating=7.5), "rating"),
        (pb.GetProductRequest(), pb.Product, product(name_zh="x" * 5000), "longer"),
        (pb.GetProductRequest(), pb.Product, product(sku="a\n"), "control"),
        (pb.GetProductRequest(), pb.Product, product(aliases=["x"] * 1001), "elements"),
        (pb.AddToCartRequest(sku="a", quantity=3), pb.Cart, cart(), "was added"),
        (pb.AddToCartRequest(sku="b", quantity=1), pb.Cart, cart(), "was added"),
        (pb.AddToCartRequest(sku="a", quantity=1), pb.Cart, {}, "was added"),
        (pb.UpdateCartLineRequest(line_id="1", quantity=1), pb.Cart, cart(), "not changed"),
        (pb.ClearCartRequest(), pb.Cart, cart(), "not emptied"),
        (pb.GetCartRequest(), pb.Cart, cart(total=money(199)), "add up"),
        (pb.GetCartRequest(), pb.Cart, cart() | {"total": money(1)}, "add up"),
        (pb.GetCartRequest(), pb.Cart, cart(quantity=0), "add up"),
        (pb.GetOrderRequest(order_id="8"), pb.Order, order(), "about order_id"),
        (pb.GetOrderRequest(), pb.Order, order(status="lost"), "status"),
        (pb.GetOrderRequest(), pb.Order, order(lines=[]), "no lines"),
        (pb.GetOrderRequest(), pb.Order, {"order_id": "7"}, "no status"),
        (pb.PayRequest(), pb.Order, order(status="pending_payment"), "not paid"),
        (pb.CancelOrderRequest(), pb.Order, order(), "not cancelled"),
        (pb.CheckoutRequest(expected_total_cents=1), pb.Order, order(), "agreed"),
    ],
)
def test_answers_that_make_no_sense_are_refused(request_: Any, kind: Any, values: Any, words: str) -> None:
    with pytest.raises(PlatformFault, match=words):
        check_answer(request_, from_json(values, kind), "CNY")


@pytest.mark.parametrize(
    "values",
    [
        None,
        {},
        {"changes": {}, "next_cursor": ""},
        {"changes": [], "next_cursor": 5},
        {"changes": [], "next_cursor": "", "has_more": "yes"},
        {"changes": [{"product": {}}], "next_cursor": ""},
        {"changes": [{"version": True, "product": product()}], "next_cursor": ""},
        {"changes": [{"version": 1, "product": "apple"}], "next_cursor": ""},
        {"changes": [{"version": 1, "product": product(price=money(-1))}], "next_cursor": ""},
        {"changes": [{"version": 1, "product": product()}] * 201, "next_cursor": ""},
        {"changes": [], "next_cursor": "c" * 513},
    ],
)
def test_a_list_of_changes_that_cannot_be_is_refused(values: Any) -> None:
    with pytest.raises(PlatformFault):
        read_changes(values, "CNY")


# Repeats


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_breaker_opens_waits_tries_once_and_closes() -> None:
    clock = Clock()
    breaker = Breaker(3, 5.0, clock)
    for _ in range(3):
        breaker.enter()
        breaker.failed()
    assert breaker.is_open
    with pytest.raises(Unavailable):
        breaker.enter()
    clock.now += 5.0
    breaker.enter()
    with pytest.raises(Unavailable):
        breaker.enter()
    breaker.failed()
    with pytest.raises(Unavailable):
        breaker.enter()
    clock.now += 5.0
    breaker.enter()
    breaker.left()
    breaker.enter()
    breaker.succeeded()
    assert not breaker.is_open
    breaker.enter()


@asynccontextmanager
async def scripted(*statuses: int, **options: Any) -> AsyncIterator[tuple[PlatformClient, list[httpx.Request]]]:
    """A client whose platform answers with these statuses in turn, the last one for ever."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        status = statuses[min(len(seen), len(statuses)) - 1]
        body = b"{}" if status == 200 else b'{"error": {"message": "no"}}'
        return httpx.Response(status, headers=JSON, stream=httpx.ByteStream(body))

    options |= {"url": "http://platform/base/", "token": "t", "backoff_seconds": 0.001}
    client = PlatformClient(ClientOptions(**options), transport=httpx.MockTransport(answer))
    try:
        yield client, seen
    finally:
        await client.aclose()


def get(**fields: Any) -> HttpRequest:
    return HttpRequest("Test", "GET", "/thing", {}, **fields)


async def test_what_may_be_repeated_is_and_the_rest_is_not() -> None:
    async with scripted(503, 503, 200) as (client, seen):
        assert await client.send(get(), lambda answer: answer.body) == {}
        assert [str(request.url) for request in seen] == ["http://platform/base/thing"] * 3
    async with scripted(503, 200) as (client, seen):
        with pytest.raises(Unavailable):
            await client.send(get(is_repeatable=False), lambda answer: answer.body)
        assert len(seen) == 1
    async with scripted(404, 200) as (client, seen):
        with pytest.raises(NotFound):
            await client.send(get(), lambda answer: answer.body)
        assert len(seen) == 1
    async with scripted(503, attempts=5) as (client, seen):
        with pytest.raises(Unavailable):
            await client.send(get(), lambda answer: answer.body)
        assert len(seen) == 5


async def test_a_call_whose_time_is_over_is_not_sent() -> None:
    async with scripted(200) as (client, seen):
        with ends_within(0.01):
            while seconds_left():
                await asyncio.sleep(0)
            with pytest.raises(DeadlineMissed):
                await client.send(get(), lambda answer: answer.body)
        assert not seen


# Events and documents


def test_events_have_ids_of_their_own() -> None:
    actor = pb.Actor(tenant="demo", user_id="u")
    add = pb.AddToCartRequest(actor=actor, idempotency_key="k", sku="a", quantity=2)
    twice = [events_of("AddToCart", add, pb.Cart())[0][2].event_id for _ in range(2)]
    assert len(set(twice)) == 1
    bought = events_of("Pay", pb.PayRequest(actor=actor), from_json(order(), pb.Order))
    assert [event.event_id for _, _, event in bought] == ["buy/demo/7/1"]
    assert events_of("GetCart", pb.GetCartRequest(actor=actor), pb.Cart()) == []


def test_the_openapi_document_is_current() -> None:
    kept = (DOCS / "platform-api.openapi.json").read_text(encoding="utf-8")
    assert kept == openapi_text(), (
        "run python -m voxcart_services.shop.adapters.http.openapi docs/platform-api.openapi.json"
    )
    references = set(re.findall(r'"#/components/(\w+)/([\w-]+)"', kept))
    components = json.loads(kept)["components"]
    assert all(name in components[kind] for kind, name in references)


def test_the_page_names_every_route() -> None:
    page = (DOCS / "adapters.md").read_text(encoding="utf-8")
    for call, route in ROUTES.items():
        assert f"| {call} | `{route.verb} {route.path}`" in page
    assert all(call in page for call in NOT_OVER_HTTP)
