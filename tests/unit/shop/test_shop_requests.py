"""What is checked of every request in front of all adapters, and who may make which call."""

from typing import Any

import pytest

from voxcart.errors import InvalidInput, NotAllowed, NotSupported
from voxcart_api.common.v1.common_pb2 import ROLE_MERCHANT, ROLE_SHOPPER
from voxcart_api.shop.v1 import shop_pb2 as pb
from voxcart_services.shop.adapters.adapter import ShopAdapter
from voxcart_services.shop.adapters.choosing import opener_named
from voxcart_services.shop.adapters.http.platform import is_flat
from voxcart_services.shop.adapters.http.routes import NOT_OVER_HTTP, REQUIRED, ROUTES
from voxcart_services.shop.adapters.ports import (
    CartPort,
    CataloguePort,
    DemoPort,
    MerchantPort,
    OrderPort,
    PaymentPort,
)
from voxcart_services.shop.config import ShopSettings
from voxcart_services.shop.field_masks import with_update_mask
from voxcart_services.shop.requests import Audience, check_request, is_change
from voxcart_services.shop.servicer import CALLS, ShopServicer

pytestmark = pytest.mark.unit

SHOPPER = pb.Actor(tenant="demo", user_id="u", role=ROLE_SHOPPER)
MERCHANT = pb.Actor(tenant="demo", user_id="m", role=ROLE_MERCHANT)


def minimal(port: type) -> Any:
    """A port that has the required methods alone."""

    async def answer(self: object, request: object) -> pb.Cart:
        return pb.Cart()

    return type("Minimal", (port,), dict.fromkeys(port.__abstractmethods__, answer))()


@pytest.fixture
def adapter() -> ShopAdapter:
    """A platform that offers no more than it must."""
    catalogue, carts, orders, payments = map(minimal, (CataloguePort, CartPort, OrderPort, PaymentPort))
    return ShopAdapter(catalogue, carts, orders, payments)


def request_of(call: str) -> Any:
    return getattr(pb, f"{call}Request")


def test_every_call_of_the_contract_has_one_place(adapter: ShopAdapter) -> None:
    ports = (CataloguePort, CartPort, OrderPort, PaymentPort, MerchantPort, DemoPort)
    for call in CALLS:
        method, _ = adapter.method(call)
        assert sum(method.__name__ in vars(port) for port in ports) <= 1 or method.__name__ == "answer"
    assert sum(len([n for n in vars(port) if not n.startswith("_")]) for port in ports) == len(CALLS)
    with pytest.raises(LookupError):
        adapter.method("Nonsense")


def test_every_call_goes_over_http_or_is_said_not_to() -> None:
    assert set(ROUTES) | NOT_OVER_HTTP == set(CALLS)
    assert not set(ROUTES) & NOT_OVER_HTTP
    assert set(ROUTES) >= REQUIRED
    places = [(route.verb, route.path) for route in ROUTES.values()]
    assert len(set(places)) == len(places)


@pytest.mark.parametrize("call", sorted(ROUTES))
def test_a_route_can_hold_its_request(call: str) -> None:
    kind, route = request_of(call), ROUTES[call]
    names = [part[1:-1] for part in route.path.split("/") if part.startswith("{")]
    assert set(names) <= set(kind.DESCRIPTOR.fields_by_name)
    if route.verb in ("GET", "DELETE"):
        assert is_flat(kind)
    if is_change(kind()):
        assert route.verb != "GET"
        assert route.is_repeatable


@pytest.mark.parametrize("call", sorted(call for call in CALLS if is_change(request_of(call)())))
@pytest.mark.parametrize("key", ["", "k" * 201, "a\nb", "a\0b", "\x7f"])
async def test_every_change_needs_a_key(adapter: ShopAdapter, call: str, key: str) -> None:
    request = request_of(call)(actor=MERCHANT, idempotency_key=key)
    for name, value in {"quantity": 1, "price_cents": 1}.items():
        if name in request.DESCRIPTOR.fields_by_name:
            setattr(request, name, value)
    with pytest.raises(InvalidInput) as refusal:
        check_request(request, adapter.method(call)[1])
    assert refusal.value.field == "idempotency_key"


@pytest.mark.parametrize(
    "call", sorted(call for call in CALLS if "actor" in request_of(call).DESCRIPTOR.fields_by_name)
)
async def test_every_call_refuses_an_unknown_role_and_a_bad_tenant(adapter: ShopAdapter, call: str) -> None:
    service = ShopServicer(adapter)
    for actor in (pb.Actor(role=99), pb.Actor(tenant="t" * 129), pb.Actor(tenant="a\x01"), pb.Actor(user_id="\x02")):  # type: ignore[arg-type]
        with pytest.raises(InvalidInput) as refusal:
            await getattr(service, call)(request_of(call)(actor=actor), None)
        assert refusal.value.field.startswith("actor.")


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.SearchProductsRequest(sort_by=77), "sort_by"),  # type: ignore[arg-type]
        (pb.SearchProductsRequest(price_min_cents=-1), "price_min_cents"),
        (pb.SearchProductsRequest(price_max_cents=2**63 - 1), "price_max_cents"),
        (pb.SearchProductsRequest(query="x" * 4001), "query"),
        (pb.SearchProductsRequest(query="a\x00b"), "query"),
        (pb.SearchProductsRequest(brands=["x"] * 1001), "brands"),
        (pb.SearchProductsRequest(brands=["ok", "\x1b[2J"]), "brands[1]"),
        (pb.SearchProductsRequest(page_size=-1), "page_size"),
        (pb.AddToCartRequest(quantity=0), "quantity"),
        (pb.AddToCartRequest(quantity=2**63 - 1), "quantity"),
        (pb.AddToCartRequest(quantity=1, sku="x" * 129), "sku"),
        (pb.UpdateCartLineRequest(quantity=-1), "quantity"),
        (pb.CheckoutRequest(expected_total_cents=-1), "expected_total_cents"),
        (pb.RequestRefundRequest(amount_cents=0), "amount_cents"),
        (pb.RequestRefundRequest(lines=[pb.RefundLine(line_no=1, quantity=-2)]), "lines[0].quantity"),
        (pb.AddProductRequest(price_cents=2**62), "price_cents"),
        (pb.AddProductRequest(price_cents=1, stock=-1), "stock"),
        (pb.ListLowStockRequest(threshold=-1), "threshold"),
    ],
)
def test_what_cannot_be_is_refused_by_name(request_: Any, field: str) -> None:
    request_.actor.CopyFrom(MERCHANT)
    with pytest.raises(InvalidInput) as refusal:
        check_request(request_, Audience.USER)
    assert refusal.value.field == field


def test_merchants_work_is_the_merchants() -> None:
    check_request(pb.ListRefundsRequest(actor=MERCHANT), Audience.MERCHANT)
    with pytest.raises(NotAllowed):
        check_request(pb.ListRefundsRequest(actor=SHOPPER), Audience.MERCHANT)
    with pytest.raises(InvalidInput):
        check_request(pb.GetCartRequest(actor=pb.Actor(tenant="demo")), Audience.USER)


async def test_what_a_platform_leaves_out_says_so(adapter: ShopAdapter) -> None:
    service = ShopServicer(adapter)
    with pytest.raises(NotSupported, match="does not offer sales reports"):
        await service.SalesReport(pb.SalesReportRequest(actor=MERCHANT), None)  # type: ignore[attr-defined]


async def test_an_adapter_may_refuse_a_call_before_it_is_made(adapter: ShopAdapter) -> None:
    asked: list[str] = []

    async def admit(call: str, request: object) -> None:
        asked.append(call)
        raise NotAllowed("not today")

    service = ShopServicer(ShopAdapter(adapter.catalogue, adapter.carts, adapter.orders, adapter.payments, admit=admit))
    with pytest.raises(NotAllowed, match="not today"):
        await service.GetCart(pb.GetCartRequest(actor=SHOPPER), None)  # type: ignore[attr-defined]
    assert asked == ["GetCart"]


def test_an_update_mask_leaves_what_it_does_not_name() -> None:
    request = pb.UpdateProductRequest(sku="a", variant_id="v", price=pb.Change(set=1), name_zh="名")
    assert with_update_mask(request) is request
    request.update_mask.paths.append("price")
    reduced = with_update_mask(request)
    assert reduced == pb.UpdateProductRequest(sku="a", variant_id="v", price=pb.Change(set=1))
    for bad in ("stock", "sku", "actor", "price.set", ""):
        request.update_mask.paths[:] = [bad]
        with pytest.raises(InvalidInput):
            with_update_mask(request)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"shop_adapter": "http"}, "VOXCART_SHOP_HTTP_URL"),
        ({"shop_http_url": "ftp://x"}, "must be http"),
        ({"shop_http_url": "http://user:word@x"}, "must not hold a password"),
        ({"shop_http_url": "http://x/?q=1"}, "must be http"),
        ({"shop_http_token": "two words"}, "printable ASCII"),
        ({"shop_http_token": "line\nbreak"}, "printable ASCII"),
        ({"shop_http_webhook_secret": "short"}, "16 characters"),
        ({"shop_adapter": "no such name!"}, "pattern"),
    ],
)
def test_bad_settings_are_refused_with_a_sentence(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ShopSettings(**values)


def test_an_adapter_that_is_not_there_is_named() -> None:
    with pytest.raises(InvalidInput, match="there are: http, postgres"):
        opener_named("somebody-elses")


def test_an_unknown_thing_is_no_path() -> None:
    route = ROUTES["GetOrder"]
    assert route.filled(pb.GetOrderRequest(order_id="a/b?c#d 订")) == (
        "/orders/a%2Fb%3Fc%23d%20%E8%AE%A2",
        {"order_id"},
    )
