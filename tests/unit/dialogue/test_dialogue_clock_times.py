"""Periods with times of day, in Chinese and English."""

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxcart_services.dialogue.clock_times import find_period

pytestmark = pytest.mark.unit

ZONE = timezone(timedelta(hours=8))
NOW = datetime(2026, 11, 21, 14, 0, tzinfo=ZONE)
"""A Saturday afternoon."""


def spoken(text: str) -> tuple[str, str] | None:
    period = find_period(text, NOW)
    if period is None:
        return None
    ends = [moment.astimezone(ZONE).strftime("%m-%d %H:%M") if moment else "" for moment in (period.start, period.end)]
    return ends[0], ends[1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("今晚八点到十二点降到1999", ("11-21 20:00", "11-22 00:00")),
        ("明天上午九点到下午三点半苹果卖35", ("11-22 09:00", "11-22 15:30")),
        ("从现在到今晚十点", ("", "11-21 22:00")),
        ("今晚8点开始两小时", ("11-21 20:00", "11-21 22:00")),
        ("八点到十点打八折", ("11-21 20:00", "11-21 22:00")),
        ("明天全天苹果打八折", ("11-22 00:00", "11-23 00:00")),
        ("今晚八点降到1999", ("11-21 20:00", "")),
        ("限时两个半小时", ("", "11-21 16:30")),
        ("今晚八点到明天早上八点", ("11-21 20:00", "11-22 08:00")),
        ("晚上八点到凌晨两点", ("11-21 20:00", "11-22 02:00")),
        ("十一月三十号晚上十点到十二点", ("11-30 22:00", "12-01 00:00")),
        ("20:00到23:30降到9.9元", ("11-21 20:00", "11-21 23:30")),
        ("晚上七点三刻到九点一刻", ("11-21 19:45", "11-21 21:15")),
        ("下周一到下周五苹果打九折", ("11-23 00:00", "11-28 00:00")),
        ("from 8 to 12 tonight set the price to 1999", ("11-21 20:00", "11-22 00:00")),
        ("tomorrow from 9 am to 5:30 pm", ("11-22 09:00", "11-22 17:30")),
        ("until 10 pm today", ("", "11-21 22:00")),
        ("for two hours", ("", "11-21 16:00")),
    ],
)
def test_periods_are_found(text: str, expected: tuple[str, str]) -> None:
    assert spoken(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "把苹果的价格改成三十五元",
        "苹果降到三点五元",
        "把苹果库存加一百",
        "半小时后",
        "今天苹果降到35元",
        "二十五点到二十六点",
        "卖 19.9",
        "",
    ],
)
def test_prices_and_plain_requests_are_no_periods(text: str) -> None:
    assert spoken(text) is None


@given(st.text(max_size=80))
def test_any_text_can_be_read(text: str) -> None:
    period = find_period(text, NOW)
    if period is not None and period.start is not None and period.end is not None:
        assert period.start < period.end
