"""The shop's pure rules: prices, amounts, the life of an order, and what reviews praise and blame."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxcart.errors import InvalidInput, NotAllowed, WrongState
from voxcart_services.shop.lifecycle import ALLOWED, OrderStatus, Step, require, stock_returns
from voxcart_services.shop.models import Actor, Role, checked_id, checked_text
from voxcart_services.shop.pricing import (
    MAX_PRICE_CENTS,
    Change,
    apply_change,
    checked_price,
    checked_quantity,
    checked_stock,
    total_cents,
)

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("now", "relation", "amount", "after"),
    [
        (3900, "set", 3500, 3500),
        (3900, "add", 100, 4000),
        (3900, "subtract", 3000, 900),
        (3900, "percent", 80, 3120),
        (999, "percent", 50, 500),
        (100, "subtract", 300, -200),
    ],
)
def test_a_change_sets_adds_subtracts_and_takes_percents(now: int, relation: str, amount: float, after: int) -> None:
    assert apply_change(now, Change(relation, amount)) == after


@pytest.mark.parametrize("amount", [-1, float("nan"), float("inf"), -0.5])
def test_a_change_by_no_real_amount_is_refused(amount: float) -> None:
    with pytest.raises(InvalidInput):
        apply_change(100, Change("set", amount))


def test_an_unknown_kind_of_change_is_refused() -> None:
    with pytest.raises(InvalidInput, match="unknown kind"):
        apply_change(100, Change("double", 2))


@given(st.integers(min_value=0, max_value=MAX_PRICE_CENTS), st.integers(min_value=0, max_value=10**9))
def test_adding_and_subtracting_undo_each_other(now: int, amount: int) -> None:
    assert apply_change(apply_change(now, Change("add", amount)), Change("subtract", amount)) == now


@pytest.mark.parametrize("cents", [0, -1, MAX_PRICE_CENTS + 1])
def test_impossible_prices_are_refused(cents: int) -> None:
    with pytest.raises(InvalidInput):
        checked_price(cents)


@pytest.mark.parametrize("quantity", [0, -1, 1000, 2**62])
def test_impossible_quantities_are_refused(quantity: int) -> None:
    with pytest.raises(InvalidInput):
        checked_quantity(quantity)


def test_a_line_may_be_set_to_zero() -> None:
    assert checked_quantity(0, least=0) == 0


def test_negative_stock_is_refused() -> None:
    with pytest.raises(InvalidInput):
        checked_stock(-1)


def test_a_total_is_price_times_quantity_summed() -> None:
    assert total_cents([(3900, 2), (1580, 1)]) == 9380
    assert total_cents([]) == 0


@pytest.mark.parametrize("step", list(Step))
@pytest.mark.parametrize("status", list(OrderStatus))
def test_a_step_is_taken_from_its_states_only(step: Step, status: OrderStatus) -> None:
    if status in ALLOWED[step]:
        require(step, "123456", status)
    else:
        with pytest.raises(WrongState, match=f"123456 is {status}") as refused:
            require(step, "123456", status)
        assert refused.value.reason == "wrong_state"


def test_goods_come_back_until_they_are_shipped() -> None:
    assert [status for status in OrderStatus if stock_returns(status)] == ["pending_payment", "paid", "confirmed"]


@pytest.mark.parametrize("bad", ["x" * 129, "a\nb", "\x00"])
def test_bad_ids_are_refused(bad: str) -> None:
    with pytest.raises(InvalidInput):
        checked_id(bad, "sku")


@pytest.mark.parametrize("bad", ["", "   ", "x" * 11, "a\tb"])
def test_bad_texts_are_refused(bad: str) -> None:
    with pytest.raises(InvalidInput):
        checked_text(bad, "name", 10)


def test_a_shopper_is_no_merchant() -> None:
    with pytest.raises(NotAllowed):
        Actor.checked("", "someone", Role.SHOPPER).need_merchant()
    Actor.checked("", "someone", Role.MERCHANT).need_merchant()
