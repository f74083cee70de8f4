"""Sales reports and their charts over gRPC on a real PostgreSQL."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode
from sqlalchemy import text
from support.shop import Shop, refused

from voxcart_api.shop.v1 import shop_pb2 as pb

pytestmark = pytest.mark.integration
pytest_plugins = ("support.shop",)

APPLE = "新鲜红富士苹果"
MILK = "纯牛奶"


def stamp(moment: datetime) -> Timestamp:
    """A protobuf timestamp."""
    result = Timestamp()
    result.FromDatetime(moment)
    return result


def period(days: float, until: datetime | None = None) -> dict[str, Timestamp]:
    """The last days, up to tomorrow."""
    end = until or datetime.now(UTC) + timedelta(days=1)
    return {"from": stamp(end - timedelta(days=days)), "to": stamp(end)}


async def report(shop: Shop, days: float = 30, **fields: Any) -> pb.SalesReportResponse:
    """A report of the last days."""
    return await shop.rpc.SalesReport(pb.SalesReportRequest(actor=shop.merchant, **period(days), **fields))


async def test_the_parts_of_a_report_add_up(shop: Shop) -> None:
    whole = await report(shop, 30, top=100)
    assert whole.bucket == pb.REPORT_BUCKET_DAY
    assert whole.time_zone == "Asia/Shanghai"
    assert sum(point.amount.cents for point in whole.series) == whole.amount.cents == whole.figures.amount.cents
    assert sum(point.orders for point in whole.series) == whole.orders
    assert sum(group.amount.cents for group in whole.categories) == whole.amount.cents
    assert sum(group.units for group in whole.categories) == whole.units
    for bucket in (pb.REPORT_BUCKET_WEEK, pb.REPORT_BUCKET_MONTH):
        other = await report(shop, 30, top=100, bucket=bucket)
        assert sum(point.units for point in other.series) == sum(point.units for point in whole.series)
        assert len(other.series) < len(whole.series)
    units = [sold.units for sold in whole.best_sellers]
    assert units == sorted(units, reverse=True)
    least = [sold.units for sold in whole.worst_sellers]
    assert least == sorted(least)
    assert least[0] == 0


async def test_the_period_before_is_as_long_and_compared(shop: Shop) -> None:
    end = datetime.now(UTC)
    ask = pb.SalesReportRequest(actor=shop.merchant, **period(14, end))
    now = await shop.rpc.SalesReport(ask)
    ask = pb.SalesReportRequest(actor=shop.merchant, **period(14, end - timedelta(days=14)))
    before = await shop.rpc.SalesReport(ask)
    assert now.previous == before.figures
    assert now.previous_amount == before.amount
    expected = (now.amount.cents - before.amount.cents) * 100 / before.amount.cents
    assert now.change.amount_percent == pytest.approx(expected)
    assert now.change.rating_difference == pytest.approx(now.rating - before.rating)


async def test_an_order_counts_until_its_money_goes_back(shop: Shop) -> None:
    apple = await shop.product(APPLE)
    before = await report(shop, 3, sku=apple.sku)
    order = await shop.order(APPLE, 3)
    after = await report(shop, 3, sku=apple.sku)
    assert after.units - before.units == 3
    assert after.amount.cents - before.amount.cents == order.total.cents
    request = pb.RequestRefundRequest(
        actor=shop.shopper(), idempotency_key=shop.key(), order_id=order.order_id, amount_cents=1000, reason="压坏了"
    )
    refund = await shop.rpc.RequestRefund(request)
    decide = pb.ProcessRefundRequest(
        actor=shop.merchant, idempotency_key=shop.key(), refund_id=refund.refund_id, approve=True
    )
    await shop.rpc.ProcessRefund(decide)
    reduced = await report(shop, 3, sku=apple.sku)
    assert reduced.amount.cents == after.amount.cents - 1000
    assert (reduced.figures.refunded.cents - after.figures.refunded.cents, reduced.units) == (1000, after.units)
    whole = await report(shop, 3, top=100)
    assert sum(group.amount.cents for group in whole.categories) == whole.amount.cents
    cancel = pb.CancelOrderRequest(actor=shop.shopper(), idempotency_key=shop.key(), order_id=order.order_id)
    await shop.rpc.CancelOrder(cancel)
    gone = await report(shop, 3, sku=apple.sku)
    assert (gone.units, gone.amount.cents) == (before.units, before.amount.cents)
    assert gone.figures.refunded.cents - before.figures.refunded.cents == order.total.cents


async def test_days_are_the_shops(shop: Shop) -> None:
    order = await shop.order(MILK)
    async with shop.parts.database.transaction(shop.tenant) as conn:
        late = {"at": datetime(2026, 3, 1, 17, 30, tzinfo=UTC), "id": order.order_id}
        await conn.execute(text("UPDATE orders SET created_at = :at WHERE order_id = :id"), late)
    ask = pb.SalesReportRequest(actor=shop.merchant, bucket=pb.REPORT_BUCKET_DAY)
    getattr(ask, "from").CopyFrom(stamp(datetime(2026, 2, 28, 16, tzinfo=UTC)))
    ask.to.CopyFrom(stamp(datetime(2026, 3, 2, 16, tzinfo=UTC)))
    assert [point.orders for point in (await shop.rpc.SalesReport(ask)).series] == [0, 1]
    change = pb.UpdateShopSettingsRequest(actor=shop.merchant, idempotency_key=shop.key(), time_zone="UTC")
    await shop.rpc.UpdateShopSettings(change)
    assert [point.orders for point in (await shop.rpc.SalesReport(ask)).series] == [0, 1, 0]


async def test_a_time_without_sales_is_empty_not_an_error(shop: Shop) -> None:
    end = datetime(2020, 1, 8, tzinfo=UTC)
    empty = await shop.rpc.SalesReport(pb.SalesReportRequest(actor=shop.merchant, **period(7, end)))
    assert (empty.amount.cents, empty.units, empty.orders, len(empty.best_sellers)) == (0, 0, 0, 0)
    assert not empty.HasField("rating")
    assert not empty.change.HasField("amount_percent")
    assert {point.orders for point in empty.series} == {0}
    chart = pb.ReportChartRequest(
        actor=shop.merchant, report=pb.SalesReportRequest(**period(7, end)), media_types=["image/svg+xml"]
    )
    assert "没有销售" in (await shop.rpc.ReportChart(chart)).images[0].data.decode()


async def test_charts_come_as_svg_and_png(shop: Shop) -> None:
    for kind in (
        pb.CHART_KIND_TREND,
        pb.CHART_KIND_BEST_SELLERS,
        pb.CHART_KIND_CATEGORIES,
        pb.CHART_KIND_WORST_SELLERS,
    ):
        request = pb.ReportChartRequest(actor=shop.merchant, report=pb.SalesReportRequest(**period(30)), kind=kind)
        svg, png = (await shop.rpc.ReportChart(request)).images
        assert (svg.media_type, png.media_type) == ("image/svg+xml", "image/png")
        assert png.data.startswith(b"\x89PNG")
        assert png.width_px == 2 * svg.width_px
        assert svg.alt_text == png.alt_text
    english = pb.ReportChartRequest(
        actor=shop.merchant,
        report=pb.SalesReportRequest(**period(30)),
        metric="orders",
        language="en",
        media_types=["image/svg+xml"],
        title="Orders",
    )
    (image,) = (await shop.rpc.ReportChart(english)).images
    assert ">Orders<" in image.data.decode()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "required"),
        (period(-1), "after"),
        (period(36_525), "3660 days"),
        (period(3000) | {"bucket": pb.REPORT_BUCKET_DAY}, "400 points"),
        (period(7) | {"top": 101}, "top"),
        (period(7) | {"category": "航天飞机"}, "no category"),
    ],
)
async def test_reports_that_cannot_be_are_refused(seeded_shop: Shop, fields: dict[str, Any], words: str) -> None:
    request = pb.SalesReportRequest(actor=seeded_shop.merchant, **fields)
    await refused(seeded_shop.rpc.SalesReport(request), StatusCode.INVALID_ARGUMENT, words)


async def test_reports_are_of_known_products_and_for_merchants(seeded_shop: Shop) -> None:
    request = pb.SalesReportRequest(actor=seeded_shop.merchant, sku="nothing", **period(7))
    await refused(seeded_shop.rpc.SalesReport(request), StatusCode.NOT_FOUND, "no product")
    request = pb.SalesReportRequest(actor=seeded_shop.shopper(), **period(7))
    await refused(seeded_shop.rpc.SalesReport(request), StatusCode.PERMISSION_DENIED)
    chart = pb.ReportChartRequest(actor=seeded_shop.shopper(), report=request)
    await refused(seeded_shop.rpc.ReportChart(chart), StatusCode.PERMISSION_DENIED)
    chart = pb.ReportChartRequest(actor=seeded_shop.merchant, report=request, metric="profit")
    await refused(seeded_shop.rpc.ReportChart(chart), StatusCode.INVALID_ARGUMENT, "metric")
