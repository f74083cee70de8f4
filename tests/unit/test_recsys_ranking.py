"""Ranking and reasons on a small shelf with hand-made vectors: signals, filters, diversity, true reasons."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxcart_api.bus.v1 import bus_pb2
from voxcart_services.recsys.catalogue import Shelf
from voxcart_services.recsys.history import Type
from voxcart_services.recsys.ranking import Signals, Wish, interest, recommend, similar
from voxcart_services.recsys.reasons import reason

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
HALF_LIFE_DAYS = 14.0

GOODS = {
    "apple": ("红富士苹果", "生鲜水果", 3900, 100, 500, 0.0),
    "banana": ("海南香蕉", "生鲜水果", 1580, 100, 400, 0.2),
    "milk": ("纯牛奶", "乳品冲饮", 6500, 100, 900, 0.7),
    "phone": ("华为 Mate 60", "手机", 549900, 10, 50, 1.5),
    "case": ("手机壳", "手机", 2900, 10, 60, 1.6),
    "gone": ("断货的梨", "生鲜水果", 1000, 0, 5000, 0.1),
}


def angle(radians: float) -> np.ndarray:
    """A unit vector in the plane; the cosine of two is that of the angle between them."""
    return np.array([np.cos(radians), np.sin(radians)], dtype=np.float32)


@pytest.fixture
def shelf() -> Shelf:
    shelf = Shelf()
    for sku, (name, category, cents, stock, sold, _) in GOODS.items():
        product = bus_pb2.ProductChanged(sku=sku, name_zh=name, category=category, stock=stock, units_sold=sold)
        product.price.cents = cents
        product.rating = 4.0
        shelf.apply(product)
    places = {GOODS[sku][0]: GOODS[sku][5] for sku in GOODS}
    texts = shelf.stale()
    shelf.put_vectors(texts, np.stack([angle(places[text.rsplit(" ", 1)[0]]) for text in texts.values()]))
    return shelf


def event(sku: str, kind: int, days_ago: float = 1.0) -> bus_pb2.UserEvent:
    happened = bus_pb2.UserEvent(user_id="u", sku=sku, type=kind)
    happened.at.FromDatetime(NOW - timedelta(days=days_ago))
    return happened


def skus(shelf: Shelf, wish: Wish, signals: Signals | None = None) -> list[str]:
    return [found.sku for found in recommend(shelf, wish, signals or Signals(), NOW, HALF_LIFE_DAYS)]


def test_interest_halves_with_age_and_subtracts_dislikes() -> None:
    weights = interest(
        [event("milk", Type.TYPE_BUY, 0), event("milk", Type.TYPE_DISLIKE, 0), event("apple", Type.TYPE_BUY, 14)],
        NOW,
        HALF_LIFE_DAYS,
    )
    assert weights == {"milk": pytest.approx(1.0), "apple": pytest.approx(2.5)}


def test_without_history_the_popular_comes_first_and_nothing_out_of_stock(shelf: Shelf) -> None:
    found = skus(shelf, Wish(k=10))
    assert found[0] == "milk"
    assert "gone" not in found


def test_wanted_together_wins_over_popular(shelf: Shelf) -> None:
    signals = Signals([event("phone", Type.TYPE_BUY)], {"phone": {"case": 40.0, "banana": 1.0}})
    assert skus(shelf, Wish(k=1), signals) == ["case"]


def test_wanted_together_once_is_chance(shelf: Shelf) -> None:
    signals = Signals([event("phone", Type.TYPE_BUY)], {"phone": {"banana": 1.0}})
    assert skus(shelf, Wish(k=1), signals) != ["banana"]


def test_cart_gives_what_goes_with_it_and_never_itself(shelf: Shelf) -> None:
    found = skus(shelf, Wish(k=10, cart_skus=("phone",)), Signals(pairs={"phone": {"case": 30.0}}))
    assert found[0] == "case"
    assert "phone" not in found


def test_a_disliked_product_is_not_shown(shelf: Shelf) -> None:
    assert "milk" not in skus(shelf, Wish(k=10), Signals([event("milk", Type.TYPE_DISLIKE)]))


def test_a_phone_just_bought_is_not_pressed_again_but_fruit_is(shelf: Shelf) -> None:
    bought = [event("phone", Type.TYPE_BUY, 8), event("apple", Type.TYPE_BUY, 8)]
    found = skus(shelf, Wish(k=5), Signals(bought))
    assert found.index("apple") < found.index("phone")


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        (Wish(k=9, price_max_cents=3000), {"banana", "case"}),
        (Wish(k=9, price_min_cents=6500, price_max_cents=7000), {"milk"}),
        (Wish(k=9, category="手机"), {"phone", "case"}),
        (Wish(k=9, exclude_skus=frozenset({"milk", "apple", "banana"})), {"phone", "case"}),
        (Wish(k=9, category="图书"), set()),
    ],
)
def test_filters(shelf: Shelf, wish: Wish, expected: set[str]) -> None:
    assert set(skus(shelf, wish)) == expected


def test_a_wish_keeps_only_what_answers_it(shelf: Shelf) -> None:
    assert set(skus(shelf, Wish(k=9, text="手机", vector=angle(1.55)))) == {"phone", "case"}


@given(k=st.integers(1, 8))
def test_never_more_than_asked_and_no_repeats(k: int) -> None:
    shelf = Shelf()
    for index in range(6):
        product = bus_pb2.ProductChanged(sku=f"s{index}", name_zh="x", stock=1)
        shelf.apply(product)
    found = skus(shelf, Wish(k=k))
    assert len(found) == len(set(found)) == min(k, 6)


def test_similar_products_are_near_ones(shelf: Shelf) -> None:
    assert [found.sku for found in similar(shelf, "phone", {}, 2)] == ["case", "milk"]


def test_reasons_name_what_happened(shelf: Shelf) -> None:
    events = [event("phone", Type.TYPE_BUY, 8)]
    signals = Signals(events, {"phone": {"case": 80.0}})
    best = recommend(shelf, Wish(k=1), signals, NOW, HALF_LIFE_DAYS)[0]
    assert best.signal == "co_visitation"
    assert reason(best, shelf, events, NOW, "zh") == "要华为 Mate 60的顾客常常一起买"

    events = [event("apple", Type.TYPE_BUY, 8)]
    found = recommend(shelf, Wish(k=5), Signals(events), NOW, HALF_LIFE_DAYS)
    told = {one.sku: reason(one, shelf, events, NOW, "zh") for one in found}
    assert told["banana"] == "因为您上周买过红富士苹果"
    assert told["phone"] == "已经卖出50件"


def test_only_changed_words_are_embedded_again(shelf: Shelf) -> None:
    assert shelf.stale() == {}
    renamed = bus_pb2.ProductChanged(sku="milk", name_zh="鲜牛奶", category="乳品冲饮", stock=1)
    shelf.apply(renamed)
    assert shelf.stale() == {"milk": "鲜牛奶 乳品冲饮"}


def test_delisted_products_leave(shelf: Shelf) -> None:
    shelf.apply(bus_pb2.ProductChanged(sku="milk", delisted=True))
    assert "milk" not in skus(shelf, Wish(k=10))
    assert shelf.vector("milk") is None
