"""Reports, charts, reviews, timed prices, staff, settings and the audit log as protobuf messages, and back."""

from google.protobuf.struct_pb2 import Struct

from voxcart_api.common.v1.common_pb2 import ROLE_MERCHANT, ROLE_SHOPPER, Image
from voxcart_api.shop.v1 import shop_pb2 as pb
from voxcart_services.shop import models
from voxcart_services.shop.audit import AuditEntry, AuditQuery
from voxcart_services.shop.bulk_orders import ProcessedOrders
from voxcart_services.shop.charts import ChartImage, ChartKind, ChartQuery
from voxcart_services.shop.codec.catalogue import from_product
from voxcart_services.shop.codec.orders import from_order
from voxcart_services.shop.codec.values import message_time, moment, money, timestamp
from voxcart_services.shop.price_schedules import NewSchedule, PriceSchedule
from voxcart_services.shop.report_periods import Bucket
from voxcart_services.shop.reports import Figures, ProductSales, ReportQuery, SalesReport, change_percent
from voxcart_services.shop.review_summary import Review, ReviewSummary
from voxcart_services.shop.scopes import StaffMember
from voxcart_services.shop.shop_settings import ShopSettings

_BUCKETS = {
    pb.REPORT_BUCKET_UNSPECIFIED: None,
    pb.REPORT_BUCKET_DAY: Bucket.DAY,
    pb.REPORT_BUCKET_WEEK: Bucket.WEEK,
    pb.REPORT_BUCKET_MONTH: Bucket.MONTH,
}
_BUCKET_CODES = {bucket: code for code, bucket in _BUCKETS.items() if bucket is not None}
_KINDS = {
    pb.CHART_KIND_UNSPECIFIED: ChartKind.TREND,
    pb.CHART_KIND_TREND: ChartKind.TREND,
    pb.CHART_KIND_BEST_SELLERS: ChartKind.BEST_SELLERS,
    pb.CHART_KIND_WORST_SELLERS: ChartKind.WORST_SELLERS,
    pb.CHART_KIND_CATEGORIES: ChartKind.CATEGORIES,
}


def to_report_query(request: pb.SalesReportRequest) -> ReportQuery:
    """Which report is asked for."""
    return ReportQuery(
        moment(request, "from"),
        moment(request, "to"),
        request.sku,
        request.category,
        request.top,
        _BUCKETS.get(request.bucket),
    )


def from_report(report: SalesReport) -> pb.SalesReportResponse:
    """A sales report."""
    now, before = report.figures, report.previous
    message = pb.SalesReportResponse(
        amount=money(now.amount_cents),
        units=now.units,
        orders=now.orders,
        rating=now.rating,
        best_sellers=[_product_sales(sold) for sold in report.best_sellers],
        previous_amount=money(before.amount_cents),
        figures=_figures(now),
        previous=_figures(before),
        change=_change(now, before),
        worst_sellers=[_product_sales(sold) for sold in report.worst_sellers],
        bucket=_BUCKET_CODES[report.bucket],
        time_zone=report.time_zone,
    )
    for group in report.categories:
        message.categories.add(
            category=group.name_zh, category_en=group.name_en, amount=money(group.amount_cents), units=group.units
        )
    for point in report.series:
        stamps = {"from": timestamp(point.since), "to": timestamp(point.until)}
        message.series.add(**stamps, amount=money(point.amount_cents), units=point.units, orders=point.orders)
    return message


def _product_sales(sold: ProductSales) -> pb.ProductSales:
    return pb.ProductSales(product=from_product(sold.product), amount=money(sold.amount_cents), units=sold.units)


def _figures(figures: Figures) -> pb.SalesFigures:
    return pb.SalesFigures(
        amount=money(figures.amount_cents),
        units=figures.units,
        orders=figures.orders,
        rating=figures.rating,
        refunded=money(figures.refunded_cents),
        refunds=figures.refunds,
    )


def _change(now: Figures, before: Figures) -> pb.SalesChange:
    rated = now.rating is not None and before.rating is not None
    return pb.SalesChange(
        amount_percent=change_percent(now.amount_cents, before.amount_cents),
        units_percent=change_percent(now.units, before.units),
        orders_percent=change_percent(now.orders, before.orders),
        refunded_percent=change_percent(now.refunded_cents, before.refunded_cents),
        rating_difference=now.rating - before.rating if rated else None,  # type: ignore[operator]
    )


def to_chart_query(request: pb.ReportChartRequest) -> ChartQuery:
    """Which chart is asked for."""
    return ChartQuery(_KINDS[request.kind], request.metric, tuple(request.media_types), request.language, request.title)


def from_images(images: list[ChartImage]) -> pb.ReportChartResponse:
    """A chart in its media types."""
    return pb.ReportChartResponse(
        images=[
            Image(
                media_type=image.media_type,
                data=image.data,
                width_px=image.width_px,
                height_px=image.height_px,
                alt_text=image.alt_text,
            )
            for image in images
        ]
    )


def from_review(review: Review) -> pb.Review:
    """A review."""
    return pb.Review(
        sku=review.sku,
        product_name=review.product_name,
        stars=review.stars,
        text=review.text,
        created_at=timestamp(review.created_at),
    )


def from_reviews(summary: ReviewSummary) -> pb.ReviewSummaryResponse:
    """A summary of reviews."""
    message = pb.ReviewSummaryResponse(
        count=summary.count,
        mean_stars=summary.mean_stars,
        positive_share=summary.positive_share,
        praised=summary.praised,
        blamed=summary.blamed,
        examples=[from_review(review) for review in summary.examples],
        star_counts=summary.star_counts,
        is_few=summary.is_few,
        read=summary.read,
    )
    for said in summary.aspects:
        message.aspects.add(
            phrase_zh=said.phrase_zh,
            phrase_en=said.phrase_en,
            is_praise=said.is_praise,
            count=said.count,
            quote=said.quote,
        )
    return message


def to_schedule(request: pb.SchedulePriceRequest) -> NewSchedule:
    """The timed price that is asked for."""
    expected = request.expected_price_cents if request.HasField("expected_price_cents") else None
    return NewSchedule(
        request.sku,
        request.price_cents,
        message_time(request.starts_at) if request.HasField("starts_at") else None,
        message_time(request.ends_at) if request.HasField("ends_at") else None,
        expected,
    )


def from_schedule(schedule: PriceSchedule) -> pb.PriceSchedule:
    """A timed price."""
    before = schedule.price_before_cents
    return pb.PriceSchedule(
        schedule_id=schedule.schedule_id,
        sku=schedule.sku,
        name_zh=schedule.name_zh,
        name_en=schedule.name_en,
        price=money(schedule.price_cents),
        starts_at=timestamp(schedule.starts_at),
        ends_at=timestamp(schedule.ends_at),
        status=schedule.status,
        price_before=money(before) if before is not None else None,
        requested_by=schedule.requested_by,
        decided_by=schedule.decided_by,
    )


def from_processed(processed: ProcessedOrders) -> pb.ProcessedOrders:
    """What came of many orders."""
    message = pb.ProcessedOrders(orders=[from_order(order) for order in processed.orders], left=processed.left)
    for refused in processed.refused:
        message.refused.add(order_id=refused.order_id, reason=refused.reason, message=refused.message)
    return message


def to_audit_query(request: pb.ListAuditRequest) -> AuditQuery:
    """Which entries of the audit log are asked for."""
    return AuditQuery(
        request.subject, request.operation, request.user_id, moment(request, "from"), moment(request, "to")
    )


def from_audit(entries: list[AuditEntry], next_page_token: str) -> pb.ListAuditResponse:
    """A page of the audit log."""
    message = pb.ListAuditResponse(next_page_token=next_page_token)
    for entry in entries:
        details = Struct()
        details.update(entry.details)
        role = ROLE_MERCHANT if entry.role == models.Role.MERCHANT else ROLE_SHOPPER
        message.entries.add(
            at=timestamp(entry.at),
            user_id=entry.user_id,
            role=role,
            operation=entry.operation,
            subject=entry.subject,
            details=details,
        )
    return message


def from_staff(member: StaffMember) -> pb.StaffMember:
    """A member of the staff."""
    return pb.StaffMember(user_id=member.user_id, scopes=member.scopes or (), unrestricted=member.scopes is None)


def from_settings(settings: ShopSettings) -> pb.ShopSettings:
    """A shop's own settings."""
    return pb.ShopSettings(
        time_zone=settings.time_zone,
        low_stock_threshold=settings.low_stock_threshold,
        price_limit_percent=settings.price_limit_percent,
    )
