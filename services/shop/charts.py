"""Charts of sales reports, in Chinese and English, drawn when they are asked for and kept for the next time.

Drawing takes about a tenth of a second of CPU time, in a thread of its own, so that calls are answered meanwhile;
few wait for it, more are refused. A picture depends on nothing but the figures in it, which are the key of the cache.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from voxcart.errors import InvalidInput, Overloaded
from voxcart_services.shop.chart_drawing import SCALE, Picture, to_png, to_svg
from voxcart_services.shop.chart_layout import Bar, Chart, lay_out
from voxcart_services.shop.models import checked_text
from voxcart_services.shop.report_periods import Bucket
from voxcart_services.shop.reports import Point, SalesReport, change_percent

MAX_WAITING = 16
"""Pictures that are drawn or wait; more are refused."""
MAX_CACHED_BYTES = 8 * 1024 * 1024
MAX_IMAGE_BYTES = 262_144
MAX_TITLE_LENGTH = 60
SVG, PNG = "image/svg+xml", "image/png"
_TICK = timedelta(microseconds=1)
METRICS = ("sales_amount", "units_sold", "orders")
LANGUAGES = ("zh", "en")


class ChartKind(StrEnum):
    """What the bars of a chart are."""

    TREND = "trend"
    BEST_SELLERS = "best_sellers"
    WORST_SELLERS = "worst_sellers"
    CATEGORIES = "categories"


@dataclass(frozen=True, slots=True)
class ChartQuery:
    """Which chart. Empty fields: sales amount, both media types, Chinese, a title made from the period."""

    kind: ChartKind = ChartKind.TREND
    metric: str = ""
    media_types: tuple[str, ...] = ()
    language: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class ChartImage:
    """A picture in one media type."""

    media_type: str
    data: bytes
    width_px: int
    height_px: int
    alt_text: str


_ZH = {
    "sales_amount": "销售额", "units_sold": "销量", "orders": "订单数", "best_sellers": "热销商品",
    "worst_sellers": "滞销商品", "categories": "分类销售", "empty": "这段时间没有销售",
    "more": "比上期多", "less": "比上期少", "same": "和上期持平",
    "yuan": "元", "pieces": "件", "orders_unit": "单", "total": "合计",
}  # fmt: skip
_EN = {
    "sales_amount": "Sales", "units_sold": "Units sold", "orders": "Orders", "best_sellers": "Best sellers",
    "worst_sellers": "Slowest sellers", "categories": "Sales by category", "empty": "Nothing was sold in this time",
    "more": "more than the period before:", "less": "less than the period before:", "same": "as in the period before",
    "yuan": "yuan", "pieces": "units", "orders_unit": "orders", "total": "Total",
}  # fmt: skip


def checked_query(query: ChartQuery) -> ChartQuery:
    """The query with its empty fields filled.

    Raises:
        InvalidInput: An unknown metric, media type or language, a metric that the kind has not, or too long a title.
    """
    metric, language = query.metric or METRICS[0], query.language or LANGUAGES[0]
    if metric not in METRICS:
        raise InvalidInput(f"a chart's metric is one of {', '.join(METRICS)}", field="metric")
    if metric == "orders" and query.kind is not ChartKind.TREND:
        raise InvalidInput("orders can be shown over time only", field="metric")
    if language not in LANGUAGES:
        raise InvalidInput(f"a chart's language is one of {', '.join(LANGUAGES)}", field="language")
    media_types = tuple(dict.fromkeys(query.media_types)) or (SVG, PNG)
    if not {SVG, PNG}.issuperset(media_types):
        raise InvalidInput(f"a chart's media type is {SVG} or {PNG}", field="media_types")
    title = checked_text(query.title, "title", MAX_TITLE_LENGTH, required=False)
    return ChartQuery(query.kind, metric, media_types, language, title)


def chart_of(report: SalesReport, query: ChartQuery) -> Chart:
    """What a chart of a report shows; ``query`` has been checked."""
    words = _ZH if query.language == "zh" else _EN
    what = words[query.metric] if query.kind is ChartKind.TREND else words[query.kind.value]
    unit = words[{"sales_amount": "yuan", "units_sold": "pieces", "orders": "orders_unit"}[query.metric]]
    return Chart(
        title=query.title or f"{what} {_period(report)}",
        subtitle=_subtitle(report, query.metric, words, unit),
        unit=unit,
        bars=tuple(_bars(report, query)),
        empty_text=words["empty"],
        is_trend=query.kind is ChartKind.TREND,
    )


def _period(report: SalesReport) -> str:
    zone = ZoneInfo(report.time_zone)
    first = report.series[0].since.astimezone(zone).date()
    last = max(first, (report.series[-1].until.astimezone(zone) - _TICK).date())
    return f"{first:%Y-%m-%d}" if first == last else f"{first:%Y-%m-%d} – {last:%Y-%m-%d}"


def _subtitle(report: SalesReport, metric: str, words: dict[str, str], unit: str) -> str:
    now, before = _total(report, metric, previous=False), _total(report, metric, previous=True)
    text = f"{words['total']} {now:,.2f}".removesuffix(".00") + f" {unit}"
    percent = change_percent(now, before)
    if percent is None:
        return text
    if round(percent) == 0:
        return f"{text} · {words['same']}"
    return f"{text} · {words['more' if percent > 0 else 'less']} {abs(percent):.0f}%"


def _total(report: SalesReport, metric: str, *, previous: bool) -> float:
    figures = report.previous if previous else report.figures
    return {"sales_amount": figures.amount_cents / 100, "units_sold": figures.units, "orders": figures.orders}[metric]


def _bars(report: SalesReport, query: ChartQuery) -> list[Bar]:
    is_zh = query.language == "zh"
    if query.kind is ChartKind.TREND:
        values = [(_point_name(point, report), _point_value(point, query.metric)) for point in report.series]
    elif query.kind is ChartKind.CATEGORIES:
        values = [
            (group.name_zh if is_zh else group.name_en, _value(group.amount_cents, group.units, query.metric))
            for group in report.categories
        ]
    else:
        sold = report.best_sellers if query.kind is ChartKind.BEST_SELLERS else report.worst_sellers
        values = [
            (
                entry.product.name_zh if is_zh else entry.product.name_en or entry.product.name_zh,
                _value(entry.amount_cents, entry.units, query.metric),
            )
            for entry in sold
        ]
    return [Bar(name, value, f"{value:,.2f}".removesuffix(".00")) for name, value in values]


def _value(cents: int, units: int, metric: str) -> float:
    return cents / 100 if metric == "sales_amount" else units


def _point_value(point: Point, metric: str) -> float:
    return point.orders if metric == "orders" else _value(point.amount_cents, point.units, metric)


def _point_name(point: Point, report: SalesReport) -> str:
    day = point.since.astimezone(ZoneInfo(report.time_zone))
    return f"{day:%Y-%m}" if report.bucket is Bucket.MONTH else f"{day:%m-%d}"


class ChartMaker:
    """Draws charts in a thread of its own. Close it with :meth:`aclose`."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "shop-charts")
        self._waiting = 0
        self._cache: OrderedDict[tuple[Chart, str], ChartImage] = OrderedDict()
        self._cached_bytes = 0

    async def aclose(self) -> None:
        """Ends the thread; what waits for it is given up."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def images(self, chart: Chart, media_types: Sequence[str]) -> list[ChartImage]:
        """The chart in each media type, drawn or from the cache.

        Raises:
            Overloaded: Too many pictures wait to be drawn.
        """
        return [await self._image(chart, media_type) for media_type in media_types]

    async def _image(self, chart: Chart, media_type: str) -> ChartImage:
        known = self._cache.get((chart, media_type))
        if known is not None:
            self._cache.move_to_end((chart, media_type))
            return known
        if self._waiting >= MAX_WAITING:
            raise Overloaded("too many charts are being drawn; try again in a moment")
        self._waiting += 1
        try:
            image = await asyncio.get_running_loop().run_in_executor(self._thread, draw, chart, media_type)
        finally:
            self._waiting -= 1
        self._keep(chart, image)
        return image

    def _keep(self, chart: Chart, image: ChartImage) -> None:
        key = (chart, image.media_type)
        if key not in self._cache:
            self._cache[key] = image
            self._cached_bytes += len(image.data)
        while self._cached_bytes > MAX_CACHED_BYTES:
            _, dropped = self._cache.popitem(last=False)
            self._cached_bytes -= len(dropped.data)


def draw(chart: Chart, media_type: str) -> ChartImage:
    """One picture of a chart. Blocks.

    Raises:
        InvalidInput: It is larger than a card may be.
    """
    picture: Picture = lay_out(chart)
    is_svg = media_type == SVG
    data = to_svg(picture) if is_svg else to_png(picture)
    if len(data) > MAX_IMAGE_BYTES:
        raise InvalidInput("the chart is too large for a card; ask for fewer bars")
    scale = 1 if is_svg else SCALE
    return ChartImage(media_type, data, picture.width * scale, picture.height * scale, picture.alt_text)
