"""What was sold, and what customers say of it."""

from datetime import timedelta

from google.protobuf.timestamp_pb2 import Timestamp

from voxcart.errors import NotFound
from voxcart_api.common.v1 import common_pb2
from voxcart_api.shop.v1 import shop_pb2
from voxcart_services.dialogue import cues
from voxcart_services.dialogue.cards import local_time, product_card, product_name
from voxcart_services.dialogue.money import money_text, number_text
from voxcart_services.dialogue.reference import MAX_SPOKEN, find_product, remember_shown, set_focus, spoken_name
from voxcart_services.dialogue.slots import SHOP_TIME_ZONE, Slots, TimeRange
from voxcart_services.dialogue.turn import MERCHANT, Answer, Turn, skill

BEST_SELLERS = 5
BAD_STARS = 2
MAX_QUOTE_CHARACTERS = 30


@skill("merchant_sales_report", MERCHANT, side=True)
async def sales_report(turn: Turn) -> Answer:
    """上个月的销售额是多少, 这周卖得最好的是什么, 苹果昨天卖了多少件."""
    time_range = turn.slots.time_range() or _today(turn)
    product = None
    if spoken_name(turn.slots) or cues.DEMONSTRATIVE.search(turn.text):
        found = await find_product(turn)
        if isinstance(found, Answer):
            return found
        product = found.product
        set_focus(turn, product)
    report = await _report(turn, time_range, product.sku if product else "")
    if product is None and _asks_for_best(turn):
        return _best_sellers(turn, report, time_range)
    return _figures(turn, report, time_range, product)


def _asks_for_best(turn: Turn) -> bool:
    return bool(cues.BEST_SELLER.search(turn.text)) or turn.slots.word("sort_by") == "sales_desc"


def _today(turn: Turn) -> TimeRange:
    start = turn.now.astimezone(SHOP_TIME_ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    return TimeRange(start, start + timedelta(days=1), turn.say("report.today"))


async def _report(turn: Turn, time_range: TimeRange, sku: str) -> shop_pb2.SalesReportResponse:
    start, end = Timestamp(), Timestamp()
    start.FromDatetime(time_range.start)
    end.FromDatetime(time_range.end)
    request = shop_pb2.SalesReportRequest(**{"from": start, "to": end}, sku=sku, top=BEST_SELLERS)
    return await turn.shop.read("SalesReport", request)


def _figures(
    turn: Turn, report: shop_pb2.SalesReportResponse, time_range: TimeRange, product: shop_pb2.Product | None
) -> Answer:
    """The figure that was asked for, with the comparison to the time before where it says something."""
    metric = turn.slots.word("metric") or ("units_sold" if product is not None else "sales_amount")
    values = {
        "time": time_range.text,
        "name": product_name(product, turn.language) if product is not None else turn.say("report.shop"),
        "amount": money_text(report.amount, turn.language),
        "units": report.units,
        "orders": report.orders,
        "rating": number_text(round(report.rating, 1)) if report.HasField("rating") else "",
    }
    card = common_pb2.Card(
        kind="report", id=metric, name=str(values["name"]), subtitle=time_range.text, price=report.amount
    )
    card.facts.update(_facts(report, time_range))
    cards = [card] + ([product_card(product, turn.language)] if product is not None else [])
    if metric == "rating" and not report.HasField("rating"):
        return turn.answer("report.no_rating", cards, **values)
    if report.orders == 0 and metric != "rating":
        return turn.answer("report.nothing_sold", cards, **values)
    sentence = turn.say(f"report.{metric if metric in _METRICS else 'sales_amount'}", **values)
    if metric == "sales_amount" and product is None:
        sentence += _comparison(turn, report) if time_range.end <= turn.now else ""
    return Answer(sentence + turn.say("report.stop"), cards)


_METRICS = {"sales_amount", "units_sold", "orders", "rating"}


def _facts(report: shop_pb2.SalesReportResponse, time_range: TimeRange) -> dict[str, object]:
    facts: dict[str, object] = {
        "from": local_time(time_range.start),
        "to": local_time(time_range.end),
        "amount_cents": report.amount.cents,
        "units": report.units,
        "orders": report.orders,
        "previous_amount_cents": report.previous_amount.cents,
    }
    if report.HasField("rating"):
        facts["rating"] = report.rating
    return facts


def _comparison(turn: Turn, report: shop_pb2.SalesReportResponse) -> str:
    """，比前一段时间多12%; empty when there is nothing to compare with."""
    before = report.previous_amount.cents
    if before <= 0:
        return ""
    percent = round((report.amount.cents - before) * 100 / before)
    if percent == 0:
        return turn.say("report.same")
    return turn.say("report.more" if percent > 0 else "report.less", percent=abs(percent))


def _best_sellers(turn: Turn, report: shop_pb2.SalesReportResponse, time_range: TimeRange) -> Answer:
    best = list(report.best_sellers)
    if not best:
        return turn.answer("report.nothing_sold", time=time_range.text, name=turn.say("report.shop"))
    remember_shown(turn.state, [entry.product for entry in best], turn.language)
    turn.state.focus = turn.state.shown[0]
    cards = []
    for entry in best:
        amount = money_text(entry.amount, turn.language)
        cards.append(
            product_card(entry.product, turn.language, turn.say("report.sold", units=entry.units, amount=amount))
        )
    first = best[0]
    others = [product_name(entry.product, turn.language) for entry in best[1:MAX_SPOKEN]]
    name = product_name(first.product, turn.language)
    values = {"time": time_range.text, "name": name, "units": first.units, "others": turn.phrases.joined(others)}
    return turn.answer("report.best" if others else "report.best_only", cards, **values)


@skill("merchant_reviews", MERCHANT, side=True)
async def reviews(turn: Turn) -> Answer:
    """顾客对这款耳机评价怎么样, 最近的差评说了什么."""
    product = None
    goes_on = turn.state.last_intent == "merchant_reviews" and not cues.WHOLE_SHOP.search(turn.text)
    if goes_on and not turn.slots.names() & {"product", "category"}:
        turn.slots = turn.slots.replaced_by(Slots(turn.state.last_slots).only("product", "category"))
    if spoken_name(turn.slots) or cues.DEMONSTRATIVE.search(turn.text):
        found = await find_product(turn)
        if isinstance(found, Answer):
            return found
        product = found.product
        set_focus(turn, product)
    bad = bool(cues.BAD_REVIEW.search(turn.text))
    time_range = turn.slots.time_range()
    request = shop_pb2.ReviewSummaryRequest(sku=product.sku if product else "", max_stars=BAD_STARS if bad else 0)
    if time_range is not None:
        getattr(request, "from").FromDatetime(time_range.start)
        request.to.FromDatetime(time_range.end)
    try:
        summary = await turn.shop.read("ReviewSummary", request)
    except NotFound:
        return turn.answer("review.none")
    return _review_answer(turn, summary, product, bad)


def _review_answer(
    turn: Turn, summary: shop_pb2.ReviewSummaryResponse, product: shop_pb2.Product | None, bad: bool
) -> Answer:
    if not summary.count:
        return turn.answer("review.no_bad" if bad else "review.none")
    cards = [
        common_pb2.Card(kind="review", id=f"{review.sku}/{index}", name=review.product_name, subtitle=review.text)
        for index, review in enumerate(summary.examples)
    ]
    for card, review in zip(cards, summary.examples, strict=True):
        card.facts.update(
            {"stars": review.stars, "created_at": local_time(review.created_at.ToDatetime(SHOP_TIME_ZONE))}
        )
    values = {
        "name": product_name(product, turn.language) if product is not None else turn.say("report.shop"),
        "count": summary.count,
        "stars": number_text(round(summary.mean_stars, 1)),
        "share": round(summary.positive_share * 100),
        "praised": turn.phrases.joined(list(summary.praised[:2])),
        "blamed": turn.phrases.joined(list(summary.blamed[:2])),
    }
    if bad:
        quote = summary.examples[0].text[:MAX_QUOTE_CHARACTERS] if summary.examples else ""
        quote = str(values["blamed"]) or quote
        return turn.answer("review.bad", cards, quote=quote, **values)
    sentence = turn.say("review.summary", **values)
    if summary.praised:
        sentence += turn.say("review.praised", **values)
    if summary.blamed:
        sentence += turn.say("review.blamed", **values)
    return Answer(sentence + turn.say("report.stop"), cards)
