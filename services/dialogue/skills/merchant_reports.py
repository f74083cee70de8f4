"""What was sold: figures of a time, compared with another, best and worst sellers, categories, refunds, charts."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from voxcart.errors import InvalidInput, NotFound, NotSupported, Overloaded
from voxcart.text.dates import find_time_ranges
from voxcart_api.common.v1 import common_pb2
from voxcart_api.shop.v1 import shop_pb2
from voxcart_services.dialogue import cues
from voxcart_services.dialogue.cards import local_time, product_card, product_name
from voxcart_services.dialogue.money import money_text, number_text
from voxcart_services.dialogue.reference import MAX_SPOKEN, find_product, remember_shown, set_focus, spoken_name
from voxcart_services.dialogue.slots import SHOP_TIME_ZONE, Slots, TimeRange
from voxcart_services.dialogue.turn import MERCHANT, Answer, Turn, skill

BEST_SELLERS = 5
_METRICS = {"sales_amount", "units_sold", "orders", "rating", "refunds"}
_CHARTED = {"sales_amount", "units_sold", "orders"}
_THIS = {"上": "这", "昨": "今", "前": "今", "去": "今", "last": "this", "yesterday": "today"}
"""What the current time of a kind is called, by how the one before it is: 上个月 is compared with 这个月."""


@dataclass(frozen=True)
class Subject:
    """What a report is about: one product, one category by name, or the whole shop."""

    product: shop_pb2.Product | None = None
    category: str = ""

    def name(self, turn: Turn) -> str:
        """As it is said."""
        if self.product is not None:
            return product_name(self.product, turn.language)
        return self.category or turn.say("report.shop")


@skill("merchant_sales_report", MERCHANT, side=True)
async def sales_report(turn: Turn) -> Answer:
    """上个月的销售额是多少, 这周卖得最好的是什么, 苹果昨天卖了多少件, 这个月比上个月怎么样, 画个图."""
    subject = await _subject(turn)
    if isinstance(subject, Answer):
        return subject
    time_range, other = _times(turn)
    report = await _report(turn, time_range, subject)
    if report is None:
        return turn.answer("report.no_category", name=subject.category)
    if cues.WORST_SELLER.search(turn.text):
        return await _ranked(turn, report, time_range, subject, "worst")
    if subject.product is None and _asks_for_best(turn):
        return await _ranked(turn, report, time_range, subject, "best")
    if subject.product is None and cues.BY_CATEGORY.search(turn.text):
        return await _categories(turn, report, time_range, subject)
    if other is not None:
        return await _compared(turn, report, time_range, other, subject)
    return await _figures(turn, report, time_range, subject)


async def report_refunds(turn: Turn) -> Answer:
    """这个月退款多少钱: what was given back in a time."""
    turn.slots = Slots([*turn.slots.without("metric", "product", "category").values])
    subject = Subject()
    time_range, _ = _times(turn)
    report = await _report(turn, time_range, subject)
    if report is None:
        return turn.answer("report.no_category", name="")
    values = _values(turn, report, time_range, subject)
    card = _card(turn, report, time_range, subject, "refunds")
    if not report.figures.refunds:
        return turn.answer("report.no_refunds", [card], **values)
    return Answer(turn.say("report.refunds", **values) + turn.say("report.stop"), [card])


async def _subject(turn: Turn) -> Subject | Answer:
    """The product or category that is meant; words like 销售图表 are not goods."""
    turn.slots = Slots(
        value
        for value in turn.slots.values
        if value.name not in {"product", "category"} or not cues.NO_GOODS.fullmatch(value.text.strip())
    )
    goes_on = turn.state.last_intent == turn.intent and cues.COMPARE.search(turn.text)
    if goes_on and not turn.slots.names() & {"product", "category", "brand", "ordinal"}:
        turn.slots = turn.slots.replaced_by(Slots(turn.state.last_slots).only("product", "category", "metric"))
    category = turn.slots.text("category")
    if category and "product" not in turn.slots and turn.slots.ordinal() is None and not turn.slots.text("brand"):
        return Subject(category=category)
    if spoken_name(turn.slots) or cues.DEMONSTRATIVE.search(turn.text):
        found = await find_product(turn)
        if isinstance(found, Answer):
            return found
        set_focus(turn, found.product)
        return Subject(found.product)
    return Subject()


def _asks_for_best(turn: Turn) -> bool:
    return bool(cues.BEST_SELLER.search(turn.text)) or turn.slots.word("sort_by") == "sales_desc"


def _times(turn: Turn) -> tuple[TimeRange, TimeRange | None]:
    """The time that is asked about, and the one that it is compared with, if one is named."""
    named = [found for value in turn.slots.all("time_range") if (found := Slots([value]).time_range()) is not None]
    if len(named) > 1 and cues.COMPARE.search(turn.text):
        return named[0], named[1]
    if len(named) == 1 and cues.COMPARE.search(turn.text) and _stands_after_compare(turn, named[0]):
        before = Slots(turn.state.last_slots).time_range() if turn.state.last_intent == turn.intent else None
        base = before if before is not None and before.start > named[0].start else _current(turn, named[0])
        if base is not None:
            return base, named[0]
    return (named[0] if named else _today(turn)), None


def _stands_after_compare(turn: Turn, named: TimeRange) -> bool:
    """比上个月: the time that is named is what is compared with."""
    match = cues.COMPARE.search(turn.text)
    place = turn.text.find(named.text)
    return match is not None and place >= match.start()


def _current(turn: Turn, before: TimeRange) -> TimeRange | None:
    """这个月 for 上个月, today for yesterday; ``None`` if there is no such word."""
    for word, now in _THIS.items():
        if word in before.text:
            text = before.text.replace(word, now, 1).replace("今个", "这个")
            found = find_time_ranges(text, turn.now)
            if found:
                start, end = found[0].first, found[0].last + timedelta(days=1)
                midnight = _today(turn).start
                today = midnight.astimezone(SHOP_TIME_ZONE).date()
                return TimeRange(
                    midnight + timedelta(days=(start - today).days), midnight + timedelta(days=(end - today).days), text
                )
    return None


def _today(turn: Turn) -> TimeRange:
    start = turn.now.astimezone(SHOP_TIME_ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    return TimeRange(start, start + timedelta(days=1), turn.say("report.today"))


def _request(time_range: TimeRange, subject: Subject) -> shop_pb2.SalesReportRequest:
    start, end = Timestamp(), Timestamp()
    start.FromDatetime(time_range.start)
    end.FromDatetime(time_range.end)
    sku = subject.product.sku if subject.product is not None else ""
    fields: dict[str, Any] = {"from": start, "to": end}
    return shop_pb2.SalesReportRequest(**fields, sku=sku, category=subject.category, top=BEST_SELLERS)


async def _report(turn: Turn, time_range: TimeRange, subject: Subject) -> shop_pb2.SalesReportResponse | None:
    """The report; ``None`` if the shop knows no such category."""
    try:
        return await turn.shop.read("SalesReport", _request(time_range, subject))
    except (InvalidInput, NotFound):
        if subject.category:
            return None
        raise


def _values(
    turn: Turn, report: shop_pb2.SalesReportResponse, time_range: TimeRange, subject: Subject
) -> dict[str, Any]:
    return {
        "time": time_range.text,
        "name": subject.name(turn),
        "amount": money_text(report.amount, turn.language),
        "units": report.units,
        "orders": report.orders,
        "rating": number_text(round(report.rating, 1)) if report.HasField("rating") else "",
        "refunded": money_text(report.figures.refunded, turn.language),
        "refunds": report.figures.refunds,
    }


def _metric(turn: Turn, subject: Subject) -> str:
    """What is asked for: the figure that was named, else the units of a product and the amount of the rest."""
    metric = turn.slots.word("metric") or ("units_sold" if subject.product is not None else "sales_amount")
    return metric if metric in _METRICS else "sales_amount"


def _card(
    turn: Turn, report: shop_pb2.SalesReportResponse, time_range: TimeRange, subject: Subject, metric: str
) -> common_pb2.Card:
    card = common_pb2.Card(
        kind="report", id=metric, name=subject.name(turn), subtitle=time_range.text, price=report.amount
    )
    card.facts.update(_facts(report, time_range))
    return card


def _facts(report: shop_pb2.SalesReportResponse, time_range: TimeRange) -> dict[str, object]:
    facts: dict[str, object] = {
        "from": local_time(time_range.start),
        "to": local_time(time_range.end),
        "amount_cents": report.amount.cents,
        "units": report.units,
        "orders": report.orders,
        "previous_amount_cents": report.previous_amount.cents,
        "refunded_cents": report.figures.refunded.cents,
        "refunds": report.figures.refunds,
    }
    if report.HasField("rating"):
        facts["rating"] = report.rating
    if report.change.HasField("amount_percent"):
        facts["amount_change_percent"] = round(report.change.amount_percent, 1)
    return facts


async def _figures(turn: Turn, report: shop_pb2.SalesReportResponse, time_range: TimeRange, subject: Subject) -> Answer:
    """The figure that was asked for, with the comparison to the time before where it says something."""
    metric, values = _metric(turn, subject), _values(turn, report, time_range, subject)
    card = _card(turn, report, time_range, subject, metric)
    await _add_chart(turn, card, time_range, subject, metric, shop_pb2.CHART_KIND_TREND)
    cards = [card] + ([product_card(subject.product, turn.language)] if subject.product is not None else [])
    if metric == "rating" and not report.HasField("rating"):
        return turn.answer("report.no_rating", cards, **values)
    if report.orders == 0 and metric not in {"rating", "refunds"}:
        return turn.answer("report.nothing_sold", cards, **values)
    sentence = turn.say(f"report.{metric}", **values)
    compares = bool(cues.COMPARE.search(turn.text))
    if metric == "sales_amount" and (compares or (subject.product is None and time_range.end <= turn.now)):
        sentence += _difference(turn, report.amount.cents, report.previous_amount.cents)
    return Answer(sentence + turn.say("report.stop"), cards)


async def _compared(
    turn: Turn,
    report: shop_pb2.SalesReportResponse,
    time_range: TimeRange,
    other: TimeRange,
    subject: Subject,
) -> Answer:
    """这个月比上个月怎么样: both figures and the difference in percent."""
    before = await _report(turn, other, subject)
    metric = _metric(turn, subject)
    if before is None or metric in {"rating", "refunds"}:
        return await _figures(turn, report, time_range, subject)
    now, then = _values(turn, report, time_range, subject), _values(turn, before, other, subject)
    number = {"sales_amount": "amount", "units_sold": "units", "orders": "orders"}[metric]
    amounts = [r.amount.cents if metric == "sales_amount" else getattr(r, number) for r in (report, before)]
    cards = [_card(turn, report, time_range, subject, metric), _card(turn, before, other, subject, metric)]
    sentence = turn.say(f"report.compared_{metric}", **now, other=other.text, now=now[number], then=then[number])
    sentence += _difference(turn, *amounts, "report.than_")
    if time_range.end > turn.now >= time_range.start:
        sentence += turn.say("report.not_over", time=time_range.text)
    return Answer(sentence + turn.say("report.stop"), cards)


def _difference(turn: Turn, now: int, before: int, phrases: str = "report.") -> str:
    """，比上一期多12%; empty when there is nothing to compare with."""
    if before <= 0:
        return ""
    percent = round((now - before) * 100 / before)
    if percent == 0:
        return turn.say(f"{phrases}same")
    return turn.say(f"{phrases}{'more' if percent > 0 else 'less'}", percent=abs(percent))


async def _ranked(
    turn: Turn, report: shop_pb2.SalesReportResponse, time_range: TimeRange, subject: Subject, which: str
) -> Answer:
    """The products that sold best or worst."""
    entries = list(report.best_sellers if which == "best" else report.worst_sellers)
    if not entries:
        return turn.answer("report.nothing_sold", time=time_range.text, name=subject.name(turn))
    remember_shown(turn.state, [entry.product for entry in entries], turn.language)
    turn.state.focus = turn.state.shown[0]
    cards = [
        product_card(
            entry.product,
            turn.language,
            turn.say("report.sold", units=entry.units, amount=money_text(entry.amount, turn.language)),
        )
        for entry in entries
    ]
    if cues.CHART.search(turn.text):
        card = _card(turn, report, time_range, subject, "units_sold")
        kind = shop_pb2.CHART_KIND_BEST_SELLERS if which == "best" else shop_pb2.CHART_KIND_WORST_SELLERS
        await _add_chart(turn, card, time_range, subject, "units_sold", kind)
        cards.insert(0, card)
    first, others = entries[0], entries[1:MAX_SPOKEN]
    names = [product_name(entry.product, turn.language) for entry in others]
    values = {
        "time": time_range.text,
        "name": product_name(first.product, turn.language),
        "units": first.units,
        "others": turn.phrases.joined(names),
    }
    return turn.answer(f"report.{which}" if others else f"report.{which}_only", cards, **values)


async def _categories(
    turn: Turn, report: shop_pb2.SalesReportResponse, time_range: TimeRange, subject: Subject
) -> Answer:
    """各品类卖了多少: the largest three aloud."""
    groups = list(report.categories)
    if not groups:
        return turn.answer("report.nothing_sold", time=time_range.text, name=subject.name(turn))
    card = _card(turn, report, time_range, subject, "sales_amount")
    await _add_chart(turn, card, time_range, subject, "sales_amount", shop_pb2.CHART_KIND_CATEGORIES)
    card.facts.update(
        {
            "categories": [
                {"name": _group_name(turn, group), "amount_cents": group.amount.cents, "units": group.units}
                for group in groups
            ]
        }
    )
    said = [
        turn.say("report.of_category", name=_group_name(turn, g), amount=money_text(g.amount, turn.language))
        for g in groups[:MAX_SPOKEN]
    ]
    return turn.answer("report.categories", [card], time=time_range.text, items=turn.phrases.joined(said))


def _group_name(turn: Turn, group: shop_pb2.CategorySales) -> str:
    return group.category_en if turn.language == "en" else group.category


async def _add_chart(
    turn: Turn,
    card: common_pb2.Card,
    time_range: TimeRange,
    subject: Subject,
    metric: str,
    kind: "shop_pb2.ChartKind.ValueType",
) -> None:
    """The picture, if one was asked for; without it the card still has all figures."""
    if not cues.CHART.search(turn.text):
        return
    request = shop_pb2.ReportChartRequest(
        report=_request(time_range, subject),
        kind=kind,
        metric=metric if metric in _CHARTED else "",
        language=turn.language,
    )
    try:
        chart = await turn.shop.read("ReportChart", request)
    except (Overloaded, NotSupported):
        return
    card.images.extend(chart.images)
