"""Time expressions to ranges of days by a clock."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxcart.text.dates import find_time_ranges, shop_date

pytestmark = pytest.mark.unit

SATURDAY = datetime(2026, 11, 21, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "span", "first", "last"),
    [
        ("上个月的销售额", "上个月", "2026-10-01", "2026-10-31"),
        ("昨天的订单", "昨天", "2026-11-20", "2026-11-20"),
        ("前天下的单", "前天", "2026-11-19", "2026-11-19"),
        ("这周卖得最好的", "这周", "2026-11-16", "2026-11-22"),
        ("上周三", "上周三", "2026-11-11", "2026-11-11"),
        ("最近七天", "最近七天", "2026-11-15", "2026-11-21"),
        ("近三个月", "近三个月", "2026-08-22", "2026-11-21"),
        ("十月份", "十月份", "2026-10-01", "2026-10-31"),
        ("十二月", "十二月", "2025-12-01", "2025-12-31"),
        ("十一月三号", "十一月三号", "2026-11-03", "2026-11-03"),
        ("去年", "去年", "2025-01-01", "2025-12-31"),
        ("本季度", "本季度", "2026-10-01", "2026-12-31"),
        ("三天前", "三天前", "2026-11-18", "2026-11-18"),
        ("双十一", "双十一", "2026-11-11", "2026-11-11"),
        ("sales last month", "last month", "2026-10-01", "2026-10-31"),
        ("the last seven days", "the last seven days", "2026-11-15", "2026-11-21"),
        ("in October", "October", "2026-10-01", "2026-10-31"),
        ("on monday", "monday", "2026-11-16", "2026-11-16"),
        ("2026-11-01", "2026-11-01", "2026-11-01", "2026-11-01"),
    ],
)
def test_a_time_expression_is_a_range_of_days(text: str, span: str, first: str, last: str) -> None:
    (found,) = find_time_ranges(text, SATURDAY)
    assert text[found.start : found.end] == span
    assert found.as_dict() == {"from": first, "to": last}


def test_the_day_is_that_of_the_shop() -> None:
    late_evening_utc = datetime(2026, 11, 21, 17, tzinfo=UTC)
    assert shop_date(late_evening_utc).isoformat() == "2026-11-22"
    (found,) = find_time_ranges("今天", late_evening_utc)
    assert found.as_dict() == {"from": "2026-11-22", "to": "2026-11-22"}


@pytest.mark.parametrize("text", ["十三月", "二月三十号", "九十九号", "2026-13-45", "买三斤苹果", ""])
def test_impossible_dates_are_no_dates(text: str) -> None:
    assert find_time_ranges(text, SATURDAY) == []


@given(st.text(alphabet="上下这本近最前去今昨个月周年天号日一二三十0123-/lastmonth ", max_size=20), st.datetimes(
    min_value=datetime(2000, 1, 1), max_value=datetime(2090, 1, 1)))  # fmt: skip
def test_any_text_gives_ranges_in_order(text: str, clock: datetime) -> None:
    for found in find_time_ranges(text, clock.replace(tzinfo=UTC)):
        assert found.first <= found.last
