"""Days, weeks and months by a shop's calendar. Pure functions."""

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from voxcart.errors import InvalidInput

MAX_POINTS = 400
LONGEST_BY_DAY = timedelta(days=31, hours=2)
LONGEST_BY_WEEK = timedelta(days=183, hours=2)
"""Unless told otherwise, periods up to these are counted by day and by week; two hours are for changes of the clock."""


class Bucket(StrEnum):
    """What a period is counted by; weeks begin on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


def chosen_bucket(asked: Bucket | None, since: datetime, until: datetime) -> Bucket:
    """The bucket that was asked for, else one that suits the length of the period."""
    if asked is not None:
        return asked
    if until - since <= LONGEST_BY_DAY:
        return Bucket.DAY
    return Bucket.WEEK if until - since <= LONGEST_BY_WEEK else Bucket.MONTH


def split(since: datetime, until: datetime, bucket: Bucket, zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
    """The period [since, until) cut at the borders of days, weeks or months, in UTC and without gaps.

    Raises:
        InvalidInput: More than 400 pieces.
    """
    pieces: list[tuple[datetime, datetime]] = []
    start = since
    while start < until:
        if len(pieces) == MAX_POINTS:
            raise InvalidInput(f"a series has at most {MAX_POINTS} points; ask for weeks or months", field="bucket")
        end = min(_next_border(start, bucket, zone), until)
        pieces.append((start.astimezone(UTC), end.astimezone(UTC)))
        start = end
    return pieces


def bucket_start(moment: datetime, bucket: Bucket, zone: ZoneInfo) -> datetime:
    """The border at or before a moment, in UTC."""
    return _midnight(_first_day(moment.astimezone(zone).date(), bucket), zone)


def _next_border(moment: datetime, bucket: Bucket, zone: ZoneInfo) -> datetime:
    """The first border after a moment."""
    first = _first_day(moment.astimezone(zone).date(), bucket)
    length = {Bucket.DAY: 1, Bucket.WEEK: 7, Bucket.MONTH: 32}[bucket]
    return _midnight(_first_day(first + timedelta(days=length), bucket), zone)


def _first_day(day: date, bucket: Bucket) -> date:
    if bucket is Bucket.DAY:
        return day
    return day - timedelta(days=day.weekday()) if bucket is Bucket.WEEK else day.replace(day=1)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
