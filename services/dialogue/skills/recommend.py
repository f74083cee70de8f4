"""What to show next, and why."""

from voxcart.errors import VoxcartError
from voxcart_api.recsys.v1 import recsys_pb2
from voxcart_api.shop.v1 import shop_pb2
from voxcart_services.dialogue.cards import product_card, product_name, recommended_product
from voxcart_services.dialogue.money import money_text
from voxcart_services.dialogue.reference import remember_shown
from voxcart_services.dialogue.skills.search import filters_from, list_sentence, relevant
from voxcart_services.dialogue.state import SearchFilters
from voxcart_services.dialogue.turn import Answer, Turn, skill

NUM_ITEMS = 5
RECOMMENDER_SECONDS = 0.8


@skill("recommend")
async def recommend(turn: Turn) -> Answer:
    """有什么推荐的: the recommender's choice with its reason; the shop's best sellers when it is away."""
    filters = filters_from(turn.slots)
    products, reasons = await _recommended(turn, filters)
    if not products:
        products = await _popular(turn, filters)
    if not products:
        return turn.answer("recommend.nothing")
    turn.state.search = filters
    remember_shown(turn.state, products, turn.language)
    turn.state.recommended = [product.sku for product in products]
    cards = [product_card(product, turn.language, reasons.get(product.sku, "")) for product in products]
    return Answer(_sentence(turn, products, reasons), cards)


async def _recommended(turn: Turn, filters: SearchFilters) -> tuple[list[shop_pb2.Product], dict[str, str]]:
    """Products and spoken reasons by SKU; nothing when the recommender is away or has nothing that fits."""
    wish = " ".join([*filters.brands, filters.query, *filters.attributes, turn.slots.text("recipient")]).strip()
    request = recsys_pb2.RecommendRequest(
        tenant=turn.session.tenant,
        user_id=turn.session.user_id,
        k=NUM_ITEMS,
        query=wish,
        price_min_cents=filters.price_min_cents,
        price_max_cents=filters.price_max_cents,
        exclude_skus=turn.state.recommended if not wish else [],
        language=turn.language,
    )
    try:
        response = await turn.recommender.recommend(request, turn.deadline.timeout_seconds(RECOMMENDER_SECONDS))
    except VoxcartError:
        return [], {}
    products = [recommended_product(item.product) for item in response.items if item.product.sku]
    products = [product for product in products if _fits(product, filters)]
    return products, {item.sku: item.reason for item in response.items if item.reason}


def _fits(product: shop_pb2.Product, filters: SearchFilters) -> bool:
    low, high = filters.price_min_cents, filters.price_max_cents
    cents = product.price.cents
    if (low is not None and cents < low) or (high is not None and cents > high):
        return False
    return not filters.brands or any(brand.lower() in product.brand.lower() for brand in filters.brands)


async def _popular(turn: Turn, filters: SearchFilters) -> list[shop_pb2.Product]:
    wanted = filters.model_copy(update={"sort_by": filters.sort_by or "sales_desc"})
    response = await turn.shop.search(wanted, page_size=NUM_ITEMS)
    return [product for product in relevant(response, wanted.query) if product.stock > 0][:NUM_ITEMS]


def _sentence(turn: Turn, products: list[shop_pb2.Product], reasons: dict[str, str]) -> str:
    first = products[0]
    reason = reasons.get(first.sku, "").rstrip("。.")
    if not reason:
        return list_sentence(turn, "recommend", products, len(products))
    others = [product_name(product, turn.language) for product in products[1:3]]
    values = {
        "name": product_name(first, turn.language),
        "price": money_text(first.price, turn.language),
        "reason": reason,
        "others": turn.phrases.joined(others),
    }
    return turn.say("recommend.with_reason" if others else "recommend.one_with_reason", **values)


def liked(turn: Turn) -> list[str]:
    """SKUs that a word of praise or blame is about: the focus, else what was recommended last."""
    if turn.state.focus is not None and turn.state.focus_chosen:
        return [turn.state.focus.sku]
    return turn.state.recommended[:3]
