"""Simple values, pages and queries from protobuf messages, checked."""

from collections.abc import Sequence
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from voxcart.errors import InvalidInput
from voxcart_api.common.v1.common_pb2 import ROLE_MERCHANT, Money
from voxcart_api.shop.v1 import shop_pb2 as pb
from voxcart_services.shop import models
from voxcart_services.shop.lifecycle import OrderStatus
from voxcart_services.shop.order_store import OrderFilter
from voxcart_services.shop.outbox import CURRENCY
from voxcart_services.shop.paging import PageRequest
from voxcart_services.shop.pricing import Change
from voxcart_services.shop.search_facets import FACETS

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
        InvalidInput: A negative price, too many filter words, an unknown facet or mode, or a bad page.
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
    page = PageRequest.of(request, (int,))
    offset = page.after[0] if page.after else 0
    if not 0 <= offset <= MAX_OFFSET:
        raise InvalidInput(f"a search goes no further than {MAX_OFFSET} products", field="page_token")
    sort_by = sort_name(request.sort_by)
    return models.SearchQuery(
        request.query,
        filters,
        sort_by,
        page.size,
        offset,
        _search_mode(request.mode),
        _facets(request),
        request.explain,
    )


def _search_mode(mode: int) -> models.SearchMode:
    modes = {
        pb.SEARCH_MODE_UNSPECIFIED: models.SearchMode.HYBRID,
        pb.SEARCH_MODE_WORDS: models.SearchMode.WORDS,
        pb.SEARCH_MODE_MEANING: models.SearchMode.MEANING,
    }
    if mode not in modes:
        raise InvalidInput("unknown mode of search", field="mode")
    return modes[mode]


def _facets(request: pb.SearchProductsRequest) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(request.facets))
    unknown = [name for name in names if name not in FACETS]
    if unknown:
        raise InvalidInput(f"facets are {', '.join(sorted(FACETS))}, not {unknown[0][:64]!r}", field="facets")
    return names


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
        page=PageRequest.of(request, (datetime, str)),
    )
