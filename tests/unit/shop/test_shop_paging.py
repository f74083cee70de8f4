"""Page tokens: round trips, bindings, and everything that is not a token."""

import base64
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxcart.errors import InvalidInput
from voxcart_api.shop.v1 import shop_pb2 as pb
from voxcart_services.shop.paging import PageRequest, binding_of, make_token, read_token

pytestmark = pytest.mark.unit

KEYS = st.lists(
    st.one_of(st.text(max_size=40), st.integers(-(2**61), 2**61), st.floats(allow_nan=False, allow_infinity=False)),
    min_size=1,
    max_size=4,
)


@given(key=KEYS, binding=st.binary(min_size=1, max_size=32))
def test_a_token_gives_its_key_back(key: list[object], binding: bytes) -> None:
    assert read_token(make_token(binding, key), binding, [type(part) for part in key]) == tuple(key)


@given(key=KEYS, one=st.binary(max_size=8), other=st.binary(max_size=8))
def test_a_token_is_of_one_list(key: list[object], one: bytes, other: bytes) -> None:
    if one != other:
        with pytest.raises(InvalidInput, match="page_token"):
            read_token(make_token(one, key), other, [type(part) for part in key])


@given(text=st.one_of(st.text(max_size=60), st.binary(max_size=60).map(lambda b: base64.urlsafe_b64encode(b).decode())))
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="page_token"):
        read_token(text, b"list", [str])


@given(position=st.integers(0, 200), bit=st.integers(0, 7))
def test_a_token_that_was_changed_is_refused(position: int, bit: int) -> None:
    raw = bytearray(base64.urlsafe_b64decode(make_token(b"list", ["2026-01-01", "100245"]) + "=="))
    raw[position % len(raw)] ^= 1 << bit
    with pytest.raises(InvalidInput):
        read_token(base64.urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode(), b"list", [str, str])


@pytest.mark.parametrize("key", [["x"], [1], [1, 2], ["x", True], [None, None], [2**70, "x"], {"a": 1}])
def test_a_key_of_other_types_is_refused(key: object) -> None:
    token = make_token(b"list", key)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput):
        read_token(token, b"list", [int, str])


def test_times_are_times_with_a_zone() -> None:
    page = PageRequest(1, binding=b"list")
    at = datetime(2026, 3, 1, 12, 30, 5, 123456, tzinfo=timezone(timedelta(hours=8)))
    (text, _) = read_token(page.token((at, "7")), b"list", [datetime, str])
    assert datetime.fromisoformat(text) == at.astimezone(UTC)
    for bad in ("2026-03-01", "yesterday", "2026-03-01T12:00:00"):
        with pytest.raises(InvalidInput):
            read_token(make_token(b"list", [bad, "7"]), b"list", [datetime, str])


def test_the_binding_is_the_list_without_the_page() -> None:
    request = pb.ListOrdersRequest(actor=pb.Actor(tenant="a", user_id="u"), statuses=["paid"])
    other_page = pb.ListOrdersRequest(actor=request.actor, statuses=["paid"], page_size=50, page_token="x")
    assert binding_of(request) == binding_of(other_page)
    others = [
        pb.ListOrdersRequest(actor=pb.Actor(tenant="b", user_id="u"), statuses=["paid"]),
        pb.ListOrdersRequest(actor=pb.Actor(tenant="a", user_id="v"), statuses=["paid"]),
        pb.ListOrdersRequest(actor=request.actor),
        pb.ListShopOrdersRequest(actor=request.actor, statuses=["paid"]),
    ]
    assert len({binding_of(request), *map(binding_of, others)}) == 5


@pytest.mark.parametrize("size", [-1, 101, 2**31 - 1])
def test_a_page_has_0_to_100_items(size: int) -> None:
    with pytest.raises(InvalidInput, match="page_size"):
        PageRequest.of(pb.ListOrdersRequest(page_size=size), (str,))


def test_a_page_is_cut_to_its_size() -> None:
    page = PageRequest(2, binding=b"list")
    full = page.of_rows(["a", "b", "c"], 9, lambda item: (item,))
    assert (full.items, full.total) == (("a", "b"), 9)
    assert read_token(full.next_token, b"list", [str]) == ("b",)
    assert not page.of_rows(["a", "b"], 2, lambda item: (item,)).next_token
