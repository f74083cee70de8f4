"""Between the shop's values and its protobuf messages. Nothing here decides anything."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp

from voxcart.errors import InvalidInput
from voxcart_api.common.v1.common_pb2 import ROLE_MERCHANT, Money
from voxcart_api.shop.v1 import shop_pb2 as pb
from voxcart_services.shop import models
from voxcart_services.shop.coupons import Coupon
from voxcart_services.shop.lifecycle import OrderStatus
from voxcart_services.shop.merchant import Changed
from voxcart_services.shop.order_store import OrderFilter
from voxcart_services.shop.outbox import CURRENCY, product_attributes, spoken_names
from voxcart_services.shop.pricing import Change
from voxcart_services.shop.products import category_names, department_names, kind_names
from voxcart_services.shop.quotes import Quote
from voxcart_services.shop.reports import SalesReport
from voxcart_services.shop.review_summary import ReviewSummary
from voxcart_services.shop.undo import Undone

MAX_PAGE_SIZE = 100
DEFAULT_PAGE_SIZE = 10
MAX_OFFSET = 100_000

_SORTS = {
    pb.SORT_BY_UNSPECIFIED: "relevance",
    pb.SORT_BY_PRICE_ASC: "price_asc",
    pb.SORT_BY_PRICE_DESC: "price_desc",
    pb.SORT_BY_SALES_DESC: "sales_desc",
    pb.SORT_BY_RATING_DESC: "rating_desc",
    pb.SORT_BY_NEWEST: "newest",
}


def to_actor(actor: pb.Actor) -> models.Actor:
    """Who asks; an unspecified role is a shopper."""
    role = models.Role.MERCHANT if actor.role == ROLE_MERCHANT else models.Role.SHOPPER
    if actor.tenant.startswith("."):
        raise InvalidInput("a tenant's name does not start with a dot")
    return models.Actor.checked(actor.tenant, actor.user_id, role)


def money(cents: int) -> Money:
    """Cents of the shop's currency."""
    return Money(currency=CURRENCY, cents=cents)


def page_size(asked: int) -> int:
    """Items on a page: 10 unless asked.

    Raises:
        InvalidInput: Not 0 to 100.
    """
    if not 0 <= asked <= MAX_PAGE_SIZE:
        raise InvalidInput(f"page_size must be 0 to {MAX_PAGE_SIZE}", field="page_size")
    return asked or DEFAULT_PAGE_SIZE


def page_offset(token: str) -> int:
    """Where a page starts.

    Raises:
        InvalidInput: Not a token of this service.
    """
    if not token:
        return 0
    if not (token.isascii() and token.isdigit()) or len(token) > 6 or int(token) > MAX_OFFSET:
        raise InvalidInput("page_token is not one of this service", field="page_token")
    return int(token)


def page_token(page: models.Page) -> str:
    """The token of the page after; empty on the last."""
    return "" if page.next_offset is None else str(page.next_offset)


def sort_name(sort_by: "pb.SortBy") -> str:
    """Name of an order of results.

    Raises:
        InvalidInput: An unknown value.
    """
    if sort_by not in _SORTS:
        raise InvalidInput(f"unknown sort_by {int(sort_by)}", field="sort_by")
    return _SORTS[sort_by]


def moment(message: pb.SalesReportRequest | pb.ListOrdersRequest, name: str) -> datetime | None:
    """A timestamp field in UTC, ``None`` if it is not set."""
    return message_time(getattr(message, name)) if message.HasField(name) else None


def message_time(stamp: Timestamp) -> datetime:
    """A timestamp in UTC.

    Raises:
        InvalidInput: Outside the years 1 to 9999.
    """
    try:
        return stamp.ToDatetime(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInput("a time is out of range") from error


def search_query(request: pb.SearchProductsRequest) -> models.SearchQuery:
    """The search that is asked for.

    Raises:
        InvalidInput: A negative price, too many filter words, or a bad page.
    """
    lists = ("brands", "categories", "colors", "sizes", "attributes", "excluded_brands", "excluded_colors")
    words = {name: _words(getattr(request, name), name) for name in lists}
    prices = {}
    for name in ("price_min_cents", "price_max_cents"):
        if request.HasField(name):
            prices[name] = getattr(request, name)
            if prices[name] < 0:
                raise InvalidInput(f"{name} must not be negative", field=name)
    filters = models.SearchFilters(**prices, **words, in_stock_only=request.in_stock_only)
    size, offset = page_size(request.page_size), page_offset(request.page_token)
    return models.SearchQuery(request.query, filters, sort_name(request.sort_by), size, offset)


def _words(values: Sequence[str], name: str) -> tuple[str, ...]:
    if len(values) > 20:
        raise InvalidInput(f"at most 20 {name}")
    return tuple(word for word in (models.checked_text(v, name, 64, required=False) for v in values) if word)


def to_change(change: pb.Change) -> Change:
    """A relative or absolute change.

    Raises:
        InvalidInput: None of its forms is set.
    """
    relation = change.WhichOneof("change")
    if relation is None:
        raise InvalidInput("a change needs one of set, add, subtract, percent")
    return Change(relation, getattr(change, relation))


def from_product(product: models.Product) -> pb.Product:
    """A product as clients see it."""
    kind_zh, kind_en, measure_word = kind_names(product)
    category, category_en = category_names(product)
    department, department_en = department_names(product)
    message = pb.Product(
        sku=product.sku,
        name_zh=product.name_zh,
        name_en=product.name_en,
        brand=product.brand_zh,
        category=category,
        category_en=category_en,
        price=money(product.price_cents),
        unit=product.unit_zh,
        stock=product.stock,
        rating=product.rating,
        units_sold=product.units_sold,
        variants=[_variant(v) for v in product.variants],
        attributes=product_attributes(product),
        aliases=spoken_names(product),
        description=product.description_zh,
        delisted=product.delisted,
        brand_en=product.brand_en,
        unit_en=product.unit_en,
        description_en=product.description_en,
        kind=kind_zh,
        kind_en=kind_en,
        measure_word=measure_word,
        department=department,
        department_en=department_en,
    )
    english = Struct()
    english.update({fact["en"]: fact["value_en"] for fact in product.attributes})
    message.attributes_en.CopyFrom(english)
    return message


def _variant(variant: models.Variant) -> pb.Variant:
    return pb.Variant(
        variant_id=variant.variant_id,
        color=variant.color,
        color_code=variant.color_code,
        size=variant.size,
        stock=variant.stock,
    )


def from_search(page: models.Page) -> pb.SearchProductsResponse:
    """A page of hits."""
    hits = [
        pb.SearchHit(product=from_product(hit.product), score=hit.score, name_match=hit.name_match)
        for hit in page.items
    ]
    return pb.SearchProductsResponse(hits=hits, next_page_token=page_token(page), total=page.total)


def from_cart(lines: Iterable[models.CartLine]) -> pb.Cart:
    """The cart."""
    lines = list(lines)
    cart = pb.Cart(total=money(sum(line.total_cents for line in lines)))
    for line in lines:
        variant = line.variant
        cart.lines.add(
            line_id=line.line_id,
            product=from_product(line.product),
            variant_id=line.variant_id,
            quantity=line.quantity,
            unit_price=money(line.product.price_cents),
            total=money(line.total_cents),
            color=variant.color if variant else "",
            size=variant.size if variant else "",
        )
    return cart


def from_address(address: models.Address) -> pb.Address:
    """An address of the address book."""
    return pb.Address(**address.as_json(), is_default=address.is_default)


def from_order(order: models.Order) -> pb.Order:
    """An order with all that belongs to it."""
    message = pb.Order(
        order_id=order.order_id,
        status=order.status,
        total=money(order.total_cents),
        created_at=timestamp(order.created_at),
        payment_method=order.payment_method,
        address=pb.Address(**order.address),
        user_id=order.user_id,
        discount=money(order.discount_cents),
        coupon_code=order.coupon_code,
        cancel_reason=order.cancel_reason,
        refunds=[from_refund(refund) for refund in order.refunds],
        returns=[from_return(back) for back in order.returns],
    )
    for line in order.lines:
        message.lines.add(
            sku=line.sku,
            variant_id=line.variant_id,
            name_zh=line.name_zh,
            name_en=line.name_en,
            quantity=line.quantity,
            unit_price=money(line.unit_price_cents),
            color=line.color,
            size=line.size,
            line_no=line.line_no,
            discount=money(line.discount_cents),
            refunded_quantity=line.refunded_quantity,
        )
    if order.expires_at is not None and order.status == OrderStatus.PENDING_PAYMENT:
        message.expires_at.CopyFrom(timestamp(order.expires_at))
    if order.payment is not None:
        message.payment.CopyFrom(_payment(order.payment))
    if order.shipment is not None:
        message.shipment.CopyFrom(_shipment(order.shipment))
    if order.refund is not None:
        message.refund.CopyFrom(from_refund(order.refund))
    return message


def _payment(payment: models.Payment) -> pb.Payment:
    return pb.Payment(
        status=payment.status,
        method=payment.method,
        captured=money(payment.captured_cents),
        refunded=money(payment.refunded_cents),
        decline_reason=payment.decline_reason,
    )


def _shipment(shipment: models.Shipment) -> pb.Shipment:
    message = pb.Shipment(
        carrier=shipment.carrier,
        tracking_no=shipment.tracking_no,
        shipped_at=timestamp(shipment.shipped_at),
        last_event=shipment.last_event,
        status=shipment.status,
    )
    if shipment.delivered_at is not None:
        message.delivered_at.CopyFrom(timestamp(shipment.delivered_at))
    if shipment.expected_at is not None:
        message.expected_at.CopyFrom(timestamp(shipment.expected_at))
    return message


def from_refund(refund: models.Refund) -> pb.Refund:
    """A refund."""
    return pb.Refund(
        refund_id=refund.refund_id,
        order_id=refund.order_id,
        status=refund.status,
        reason=refund.reason,
        amount=money(refund.amount_cents),
        created_at=timestamp(refund.created_at),
        decision_reason=refund.decision_reason,
        exchange=refund.exchange,
        lines=[
            pb.RefundLine(line_no=line.line_no, quantity=line.quantity, amount=money(line.amount_cents))
            for line in refund.lines
        ],
        return_id=refund.return_id,
    )


def from_return(back: models.Return) -> pb.Return:
    """Goods on their way back."""
    return pb.Return(
        return_id=back.return_id,
        order_id=back.order_id,
        refund_id=back.refund_id,
        status=back.status,
        carrier=back.carrier,
        tracking_no=back.tracking_no,
        created_at=timestamp(back.created_at),
    )


def from_quote(quote: Quote) -> pb.Quote:
    """Prices that were promised."""
    priced = quote.priced
    message = pb.Quote(
        quote_id=quote.quote_id,
        subtotal=money(priced.subtotal_cents),
        discount=money(priced.discount_cents),
        total=money(priced.total_cents),
        coupon_code=priced.coupon_code,
        expires_at=timestamp(quote.expires_at),
    )
    for item in priced.lines:
        message.lines.add(
            sku=item.line.product.sku,
            variant_id=item.line.variant_id,
            name_zh=item.line.product.name_zh,
            name_en=item.line.product.name_en,
            quantity=item.line.quantity,
            unit_price=money(item.unit_price_cents),
            discount=money(item.discount_cents),
        )
    return message


def to_coupon(coupon: pb.Coupon) -> Coupon:
    """A coupon as the merchant describes it."""
    reduction = coupon.WhichOneof("reduction")
    return Coupon(
        code=coupon.code,
        title=coupon.title,
        percent_off=coupon.percent_off if reduction == "percent_off" else None,
        cents_off=coupon.cents_off if reduction == "cents_off" else None,
        threshold_cents=coupon.threshold_cents,
        max_discount_cents=coupon.max_discount_cents,
        per_user_limit=coupon.per_user_limit,
        total_limit=coupon.total_limit,
        starts_at=message_time(coupon.starts_at) if coupon.HasField("starts_at") else None,
        expires_at=message_time(coupon.expires_at) if coupon.HasField("expires_at") else None,
    )


def from_coupon(coupon: Coupon) -> pb.Coupon:
    """A coupon."""
    message = pb.Coupon(
        code=coupon.code,
        title=coupon.title,
        threshold_cents=coupon.threshold_cents,
        max_discount_cents=coupon.max_discount_cents,
        per_user_limit=coupon.per_user_limit,
        total_limit=coupon.total_limit,
        used=coupon.used,
    )
    if coupon.percent_off is not None:
        message.percent_off = coupon.percent_off
    if coupon.cents_off is not None:
        message.cents_off = coupon.cents_off
    for name in ("starts_at", "expires_at"):
        moment_of = getattr(coupon, name)
        if moment_of is not None:
            getattr(message, name).CopyFrom(timestamp(moment_of))
    return message


def from_coupons(page: models.Page) -> pb.ListCouponsResponse:
    """A page of coupons."""
    return pb.ListCouponsResponse(
        coupons=[from_coupon(coupon) for coupon in page.items], next_page_token=page_token(page), total=page.total
    )


def from_undone(undone: Undone) -> pb.UndoLastResponse:
    """What was taken back."""
    message = pb.UndoLastResponse(operation=undone.operation, effect_key=undone.effect_key)
    if undone.cart is not None:
        message.cart.CopyFrom(from_cart(undone.cart))
    if undone.order is not None:
        message.order.CopyFrom(from_order(undone.order))
    if undone.address is not None:
        message.address.CopyFrom(from_address(undone.address))
    return message


def from_orders(page: models.Page) -> pb.ListOrdersResponse:
    """A page of orders."""
    return pb.ListOrdersResponse(
        orders=[from_order(order) for order in page.items], next_page_token=page_token(page), total=page.total
    )


def from_changed(changed: Changed) -> pb.UpdateProductResponse:
    """A product after a change."""
    return pb.UpdateProductResponse(
        product=from_product(changed.product),
        price_before_cents=changed.price_before_cents,
        stock_before=changed.stock_before,
    )


def from_report(report: SalesReport) -> pb.SalesReportResponse:
    """A sales report."""
    best = [
        pb.ProductSales(product=from_product(sold.product), amount=money(sold.amount_cents), units=sold.units)
        for sold in report.best_sellers
    ]
    return pb.SalesReportResponse(
        amount=money(report.amount_cents),
        units=report.units,
        orders=report.orders,
        rating=report.rating,
        best_sellers=best,
        previous_amount=money(report.previous_amount_cents),
    )


def from_reviews(summary: ReviewSummary) -> pb.ReviewSummaryResponse:
    """A summary of reviews."""
    examples = [
        pb.Review(
            sku=review.sku,
            product_name=review.product_name,
            stars=review.stars,
            text=review.text,
            created_at=timestamp(review.created_at),
        )
        for review in summary.examples
    ]
    return pb.ReviewSummaryResponse(
        count=summary.count,
        mean_stars=summary.mean_stars,
        positive_share=summary.positive_share,
        praised=summary.praised,
        blamed=summary.blamed,
        examples=examples,
    )


def timestamp(value: datetime) -> Timestamp:
    """A protobuf timestamp of an aware time."""
    stamp = Timestamp()
    stamp.FromDatetime(value.astimezone(UTC))
    return stamp


def order_filter(request: pb.ListOrdersRequest | pb.ListShopOrdersRequest, product_query: str) -> OrderFilter:
    """Which orders are asked for.

    Raises:
        InvalidInput: An unknown status, too long a name, or a bad page.
    """
    known = {status.value for status in OrderStatus}
    if not known.issuperset(request.statuses):
        raise InvalidInput(f"an order is one of {', '.join(sorted(known))}", field="statuses")
    if len(product_query) > 200:
        raise InvalidInput("product_query is longer than 200 characters")
    return OrderFilter(
        statuses=list(request.statuses),
        since=moment(request, "from"),
        until=moment(request, "to"),
        product_query=product_query,
        page_size=page_size(request.page_size),
        offset=page_offset(request.page_token),
    )
