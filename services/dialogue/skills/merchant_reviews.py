"""What customers say: 顾客对这款耳机评价怎么样, 最近的差评说了什么."""

from voxcart.errors import NotFound
from voxcart_api.common.v1 import common_pb2
from voxcart_api.shop.v1 import shop_pb2
from voxcart_services.dialogue import cues
from voxcart_services.dialogue.cards import local_time, product_name
from voxcart_services.dialogue.money import number_text
from voxcart_services.dialogue.reference import find_product, set_focus, spoken_name
from voxcart_services.dialogue.slots import SHOP_TIME_ZONE, Slots
from voxcart_services.dialogue.turn import MERCHANT, Answer, Turn, skill

BAD_STARS = 2
MAX_QUOTE_CHARACTERS = 30
SPOKEN_ASPECTS = 2


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
    name = product_name(product, turn.language) if product is not None else turn.say("report.shop")
    cards = [
        _summary_card(turn, summary, name),
        *(_card(review, number) for number, review in enumerate(summary.examples)),
    ]
    values = {
        "name": name,
        "count": summary.count,
        "stars": number_text(round(summary.mean_stars, 1)),
        "share": round(summary.positive_share * 100),
        "praised": turn.phrases.joined(_phrases(turn, summary, is_praise=True)),
        "blamed": turn.phrases.joined(_phrases(turn, summary, is_praise=False)),
    }
    if bad:
        quote = str(values["blamed"]) or (summary.examples[0].text[:MAX_QUOTE_CHARACTERS] if summary.examples else "")
        return turn.answer("review.bad", cards, quote=quote, **values)
    if summary.is_few:
        quote = summary.examples[0].text[:MAX_QUOTE_CHARACTERS].rstrip("。.") if summary.examples else ""
        return turn.answer("review.few", cards, quote=quote, **values)
    sentence = turn.say("review.summary", **values)
    if values["praised"]:
        sentence += turn.say("review.praised", **values)
    if values["blamed"]:
        sentence += turn.say("review.blamed", **values)
    return Answer(sentence + turn.say("report.stop"), cards)


def _phrases(turn: Turn, summary: shop_pb2.ReviewSummaryResponse, *, is_praise: bool) -> list[str]:
    """What is praised or blamed most, in the turn's language."""
    if not summary.aspects:
        return list(summary.praised if is_praise else summary.blamed)[:SPOKEN_ASPECTS]
    said = [aspect for aspect in summary.aspects if aspect.is_praise == is_praise][:SPOKEN_ASPECTS]
    return [aspect.phrase_en if turn.language == "en" else aspect.phrase_zh for aspect in said]


def _summary_card(turn: Turn, summary: shop_pb2.ReviewSummaryResponse, name: str) -> common_pb2.Card:
    """Stars and aspects with their counts and quotes."""
    card = common_pb2.Card(kind="review_summary", id="reviews", name=name, quantity=summary.count)
    is_english = turn.language == "en"
    card.facts.update(
        {
            "mean_stars": round(summary.mean_stars, 2),
            "star_counts": list(summary.star_counts),
            "aspects": [
                {
                    "phrase": aspect.phrase_en if is_english else aspect.phrase_zh,
                    "is_praise": aspect.is_praise,
                    "count": aspect.count,
                    "quote": aspect.quote,
                }
                for aspect in summary.aspects
            ],
        }
    )
    return card


def _card(review: shop_pb2.Review, number: int) -> common_pb2.Card:
    card = common_pb2.Card(kind="review", id=f"{review.sku}/{number}", name=review.product_name, subtitle=review.text)
    created_at = local_time(review.created_at.ToDatetime(SHOP_TIME_ZONE))
    card.facts.update({"stars": review.stars, "created_at": created_at})
    return card
