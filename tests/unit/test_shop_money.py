"""Arithmetic of coupons and refunds, and the signatures of webhooks: pure rules."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from voxcart.errors import InvalidInput, WrongState
from voxcart_services.shop.amounts import refund_of, share_out, units_price
from voxcart_services.shop.config import ShopSettings
from voxcart_services.shop.coupons import Coupon, coupon_code
from voxcart_services.shop.models import Order, OrderLine
from voxcart_services.shop.signatures import BadSignature, WebhookSecrets, sign, verify

pytestmark = pytest.mark.unit

SECRET = b"sixteen or more characters"


@given(st.lists(st.integers(min_value=1, max_value=10**9), min_size=1, max_size=20), st.data())
def test_shares_of_a_discount_add_up_and_fit_their_lines(totals: list[int], data: st.DataObject) -> None:
    discount = data.draw(st.integers(min_value=0, max_value=sum(totals)))
    shares = share_out(discount, totals)
    assert sum(shares) == discount
    assert all(0 <= share <= total for share, total in zip(shares, totals, strict=True))


@given(
    st.integers(min_value=0, max_value=10**9),
    st.lists(st.integers(min_value=1, max_value=20), min_size=1, max_size=10),
)
def test_units_given_back_one_way_or_another_cost_the_line(paid: int, steps: list[int]) -> None:
    quantity, already, given_back = sum(steps), 0, 0
    for units in steps:
        price = units_price(paid, quantity, already, units)
        assert price >= 0
        already, given_back = already + units, given_back + price
    assert given_back == paid


def _order(*lines: tuple[int, int, int]) -> Order:
    """An order of (quantity, unit price, units refunded)."""
    made = tuple(
        OrderLine(f"S{n}", "", f"货{n}", "", "", "", quantity, price, n, 0, 0, refunded)
        for n, (quantity, price, refunded) in enumerate(lines, start=1)
    )
    total = sum(line.paid_cents for line in made)
    return Order("1", "u", "paid", total, "card", {}, datetime.now(UTC), made)


def test_a_refund_of_everything_takes_what_is_left() -> None:
    lines, amount = refund_of(_order((2, 100, 1), (1, 50, 0)), [], None, 130)
    assert [(line.line_no, line.quantity) for line in lines] == [(1, 1), (2, 1)]
    assert amount == 130


@pytest.mark.parametrize(
    ("wanted", "amount", "left", "error"),
    [
        ([(3, 1)], None, 250, InvalidInput),
        ([(1, 0)], None, 250, InvalidInput),
        ([(1, 1), (1, 1)], None, 250, InvalidInput),
        ([], 0, 250, InvalidInput),
        ([(1, 3)], None, 250, WrongState),
        ([(1, 1)], 101, 250, WrongState),
        ([], 251, 250, WrongState),
        ([], None, 0, WrongState),
    ],
)
def test_refunds_over_what_there_is_are_refused(
    wanted: list[tuple[int, int]], amount: int | None, left: int, error: type[Exception]
) -> None:
    with pytest.raises(error):
        refund_of(_order((2, 100, 0), (1, 50, 0)), wanted, amount, left)


@pytest.mark.parametrize(
    ("coupon", "subtotal", "off"),
    [
        (Coupon("A", cents_off=4000, threshold_cents=30_000), 30_000, 4000),
        (Coupon("A", cents_off=4000, threshold_cents=30_000), 29_999, 0),
        (Coupon("A", percent_off=15), 999, 149),
        (Coupon("A", percent_off=50, max_discount_cents=100), 999, 100),
        (Coupon("A", cents_off=500), 300, 299),
        (Coupon("A", cents_off=500), 1, 0),
    ],
)
def test_a_coupon_takes_off_what_it_says(coupon: Coupon, subtotal: int, off: int) -> None:
    assert coupon.discount(subtotal) == off


def test_codes_are_read_as_people_write_them() -> None:
    assert coupon_code(" ｓａｖｅ１０ ") == "SAVE10"
    assert coupon_code("满300减40") == "满300减40"


@given(st.binary(max_size=200), st.integers(min_value=0, max_value=10**11))
def test_a_signature_is_of_this_body_at_this_time(body: bytes, at: int) -> None:
    header = sign(SECRET, body, at)
    verify([SECRET], header, body, at + 299.0)
    for other in (body + b"x", b"x" + body):
        with pytest.raises(BadSignature):
            verify([SECRET], header, other, float(at))
    for now in (at - 301.0, at + 301.0):
        with pytest.raises(BadSignature, match="old"):
            verify([SECRET], header, body, now)
    with pytest.raises(BadSignature, match="wrong"):
        verify([b"another secret"], header, body, float(at))
    with pytest.raises(BadSignature, match="wrong"):
        verify([SECRET], header.replace(f"t={at}", f"t={at + 1}"), body, float(at))
    verify([b"the secret to come", SECRET], header, body, float(at))
    with pytest.raises(BadSignature, match="wrong"):
        verify([], header, body, float(at))


@pytest.mark.parametrize(
    ("payments", "carrier", "words"),
    [
        ("sixteen characters or more,short", "", "at least 16"),
        ("", "too short", "at least 16"),
        ("one that both sign with,another for payments", "one that both sign with", "must not share"),
    ],
)
def test_secrets_that_protect_nothing_are_refused(payments: str, carrier: str, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        ShopSettings(shop_payment_webhook_secrets=payments, shop_carrier_webhook_secrets=carrier)


def test_secrets_are_split_at_commas_and_never_shown() -> None:
    settings = ShopSettings(shop_payment_webhook_secrets=" the newest of secrets , the one before it ")
    assert settings.webhook_secrets == WebhookSecrets(payments=(b"the newest of secrets", b"the one before it"))
    assert "newest" not in repr(settings)
    assert ShopSettings().webhook_secrets == WebhookSecrets()


@pytest.mark.parametrize("header", ["", "v1=" + "0" * 64, "t=1", "t=-1,v1=" + "0" * 64, "t=1,v1=xyz", "\x00"])
def test_a_header_that_is_none_is_refused(header: str) -> None:
    with pytest.raises(BadSignature, match="not signed"):
        verify([SECRET], header, b"", 1.0)
