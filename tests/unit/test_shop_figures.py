"""Reports and charts without a database: periods, axes, pictures, and what reviews say."""

import io
import itertools
import struct
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from voxcart.errors import InvalidInput, Overloaded
from voxcart_api.shop.v1 import shop_pb2 as pb
from voxcart_services.shop import charts
from voxcart_services.shop.adapters.adapter import PLACES, snake_case
from voxcart_services.shop.adapters.ports import MerchantPort
from voxcart_services.shop.chart_layout import Bar, Chart, axis, short_number
from voxcart_services.shop.charts import PNG, SVG, ChartMaker, ChartQuery, checked_query, draw
from voxcart_services.shop.price_schedules import checked_times
from voxcart_services.shop.report_periods import MAX_POINTS, Bucket, bucket_start, chosen_bucket, split
from voxcart_services.shop.reports import change_percent, checked_period
from voxcart_services.shop.review_aspects import aspects, read_review
from voxcart_services.shop.review_summary import count_aspects
from voxcart_services.shop.scopes import OWNER, Scope, needed

pytestmark = pytest.mark.unit

SHANGHAI, NEW_YORK = ZoneInfo("Asia/Shanghai"), ZoneInfo("America/New_York")
NOW = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)


def chart(*values: float, title: str = "销售额 2026-11", is_trend: bool = True) -> Chart:
    bars = tuple(Bar(f"11-{number:02d}", value, f"{value:g}") for number, value in enumerate(values, 1))
    return Chart(title, "合计 1,234 元 · 比上期多 12%", "元", bars, "这段时间没有销售", is_trend)


@given(
    start=st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1)),
    days=st.floats(0.01, 380),
    bucket=st.sampled_from(list(Bucket)),
    zone=st.sampled_from([SHANGHAI, NEW_YORK, ZoneInfo("UTC")]),
)
def test_a_period_is_cut_without_gaps(start: datetime, days: float, bucket: Bucket, zone: ZoneInfo) -> None:
    since = start.replace(tzinfo=UTC)
    until = since + timedelta(days=days)
    pieces = split(since, until, bucket, zone)
    assert (pieces[0][0], pieces[-1][1]) == (since, until)
    assert all(one[1] == two[0] for one, two in itertools.pairwise(pieces))
    assert len({bucket_start(first, bucket, zone) for first, _ in pieces}) == len(pieces)
    for first, _ in pieces[1:]:
        assert bucket_start(first, bucket, zone) == first


def test_days_weeks_and_months_are_the_shops() -> None:
    since = datetime(2026, 10, 31, 16, 0, tzinfo=UTC)
    days = split(since, since + timedelta(days=2), Bucket.DAY, SHANGHAI)
    assert [first.astimezone(SHANGHAI).strftime("%m-%d %H:%M") for first, _ in days] == ["11-01 00:00", "11-02 00:00"]
    assert len(split(since, since + timedelta(days=2), Bucket.DAY, NEW_YORK)) == 3
    week = split(since, since + timedelta(days=9), Bucket.WEEK, SHANGHAI)
    assert [first.astimezone(SHANGHAI).day for first, _ in week] == [1, 2, 9]
    clock_change = datetime(2026, 11, 1, 4, 0, tzinfo=UTC)
    ((first, last),) = split(clock_change, clock_change + timedelta(hours=25), Bucket.DAY, NEW_YORK)
    assert last - first == timedelta(hours=25)


def test_the_bucket_suits_the_length() -> None:
    chosen = [chosen_bucket(None, NOW, NOW + timedelta(days=days)) for days in (1, 31, 32, 180, 365)]
    assert chosen == [Bucket.DAY, Bucket.DAY, Bucket.WEEK, Bucket.WEEK, Bucket.MONTH]
    with pytest.raises(InvalidInput, match=str(MAX_POINTS)):
        split(NOW, NOW + timedelta(days=3000), Bucket.DAY, SHANGHAI)


@pytest.mark.parametrize(
    ("since", "until", "words"),
    [
        (None, NOW, "required"),
        (NOW, None, "required"),
        (NOW, NOW, "after"),
        (NOW, NOW - timedelta(days=1), "after"),
        (NOW - timedelta(days=36525), NOW, "3660 days"),
        (datetime(1, 1, 1, tzinfo=UTC), datetime(2, 1, 1, tzinfo=UTC), "1970"),
    ],
)
def test_periods_that_cannot_be_are_refused(since: datetime | None, until: datetime | None, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        checked_period(since, until)


def test_changes_in_percent() -> None:
    assert change_percent(150, 100) == 50
    assert change_percent(0, 100) == -100
    assert change_percent(5, 0) is None


@given(st.lists(st.floats(-1e9, 1e9, allow_nan=False), min_size=1, max_size=40))
def test_an_axis_holds_all_values_and_zero(values: list[float]) -> None:
    low, high, step = axis(min(values), max(values))
    assert low <= min(0.0, *values) + 1e-6
    assert high >= max(0.0, *values) - 1e-6
    assert step > 0
    assert round((high - low) / step) <= 12


def test_numbers_on_an_axis_are_short() -> None:
    assert [short_number(n) for n in (0, 1200, 12_000, 3_500_000, -40_000)] == ["0", "1,200", "12k", "3.5M", "-40k"]


def test_a_chart_is_a_png_of_its_stated_size_with_chinese_drawn() -> None:
    image = draw(chart(300, 120, 0, -40), PNG)
    assert image.data.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", image.data[16:24]) == (image.width_px, image.height_px)
    assert len(image.data) < charts.MAX_IMAGE_BYTES
    assert "11-01 300" in image.alt_text
    titles = [draw(chart(1, title=title), PNG).data for title in ("销售额", "订单数", "□□□")]
    assert len(set(titles)) == 3
    pixels = Image.open(io.BytesIO(image.data)).convert("L").crop((40, 30, 200, 80))
    dark = sum(value < 128 for value in pixels.tobytes())
    assert dark > 500


def test_a_chart_is_also_well_formed_svg_with_text_to_read() -> None:
    image = draw(chart(300, 120, title="<销售额> & \x00\x1b图"), SVG)
    root = ElementTree.fromstring(image.data)
    texts = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert "<销售额> & 图" in texts
    assert root.get("width") == str(image.width_px)
    assert len([element for element in root.iter() if element.tag.endswith("rect")]) == 3


@pytest.mark.parametrize("is_trend", [True, False])
def test_an_empty_chart_says_so(is_trend: bool) -> None:
    svg = draw(chart(is_trend=is_trend), SVG).data.decode()
    assert "这段时间没有销售" in svg
    assert draw(chart(is_trend=is_trend), PNG).data


def test_long_names_and_many_bars_stay_in_bounds() -> None:
    rows = chart(*range(1, 30), title="很" * 200, is_trend=False)
    assert draw(rows, PNG).height_px <= 1100
    assert "…" in draw(rows, SVG).data.decode()
    assert len(draw(chart(*range(400)), SVG).data) < charts.MAX_IMAGE_BYTES


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"metric": "profit"}, "metric"),
        ({"metric": "orders", "kind": charts.ChartKind.CATEGORIES}, "over time"),
        ({"media_types": ("image/gif",)}, "media type"),
        ({"language": "fr"}, "language"),
        ({"title": "x" * 61}, "title"),
        ({"title": "a\x07b"}, "title"),
    ],
)
def test_charts_that_cannot_be_are_refused(fields: dict, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        checked_query(ChartQuery(**fields))


async def test_a_chart_is_drawn_once_and_too_many_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    monkeypatch.setattr(charts, "draw", lambda chart, kind: drawn.append(kind) or draw(chart, kind))
    maker = ChartMaker()
    try:
        first = await maker.images(chart(1, 2), (SVG, PNG))
        assert await maker.images(chart(1, 2), (SVG, PNG)) == first
        assert drawn == [SVG, PNG]
        await maker.images(chart(1, 3), (SVG,))
        assert len(drawn) == 3
        monkeypatch.setattr(charts, "MAX_WAITING", 0)
        with pytest.raises(Overloaded):
            await maker.images(chart(9), (SVG,))
        assert await maker.images(chart(1, 2), (SVG, PNG)) == first
    finally:
        await maker.aclose()


def said(text: str) -> dict[str, bool]:
    return {aspects()[s.aspect].praise[1]: s.is_praise for s in read_review(text)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("物流很快，包装完好", {"fast delivery": True, "well packed": True}),
        ("快递太慢了", {"fast delivery": False}),
        ("物流一点也不快", {"fast delivery": False}),
        ("包装没有破损", {"well packed": True}),
        ("不太新鲜", {"fresh": False}),
        ("声音不吵，很安静", {"quiet": True}),
        ("味道不错，但是有点贵", {"tastes good": True, "good value": False}),
        ("没有异味", {"no bad smell": True}),
        ("Delivery was not very fast", {"fast delivery": False}),
        ("Great sound, but the battery drains quickly.", {"good sound": True, "long battery life": False}),
        ("Never comfortable", {"fits and feels well": False}),
        ("今天天气怎么样", {}),
        ("", {}),
    ],
)
def test_reviews_are_read_by_clauses_with_negation(text: str, expected: dict[str, bool]) -> None:
    found = said(text)
    assert {name: found.get(name) for name in expected} == expected
    assert bool(found) == bool(expected)


@given(st.text(max_size=300))
def test_any_review_can_be_read(text: str) -> None:
    for entry in read_review(text):
        assert 0 < len(entry.quote) <= 60


def test_aspects_are_counted_once_a_review_and_praise_apart_from_blame() -> None:
    counted = count_aspects(["物流很快，发货很快", "快递太慢", "物流快", "好吃", "好吃", "好吃"])
    assert [(a.phrase_zh, a.is_praise, a.count) for a in counted] == [
        ("味道好", True, 3),
        ("物流快", True, 2),
        ("物流慢", False, 1),
    ]
    assert counted[1].quote == "物流很快"
    assert len(count_aspects(["物流快包装好，客服好，划算，新鲜，好吃，分量足，流畅，结实"])) <= 10


def test_times_of_a_timed_price() -> None:
    later = NOW + timedelta(hours=2)
    assert checked_times(None, later, NOW) == (NOW, later)
    with pytest.raises(InvalidInput, match="required"):
        checked_times(NOW, None, NOW)


def test_every_change_of_the_merchant_needs_a_scope() -> None:
    methods = pb.DESCRIPTOR.services_by_name["Shop"].methods
    changes = [m for m in methods if "idempotency_key" in m.input_type.fields_by_name]
    merchants = [m for m in changes if snake_case(m.name) in vars(MerchantPort) and m.name != "UpdateProduct"]
    assert len(merchants) > 10
    assert [m.name for m in merchants if not needed(m.name, None)] == []
    assert PLACES
    request = pb.UpdateProductRequest(sku="x", price=pb.Change(set=1), price_floor_cents=5)
    assert needed("UpdateProduct", request) == {Scope.PRICE, Scope.APPROVE}
    assert needed("GetCart", None) == frozenset()
    assert set(OWNER) == set(Scope)
