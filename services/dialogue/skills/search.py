"""Looking for products, and narrowing what was found."""

import re
from collections.abc import Sequence

from voxcart_api.bus.v1 import bus_pb2
from voxcart_api.shop.v1 import shop_pb2
from voxcart_services.dialogue import cues
from voxcart_services.dialogue.cards import MAX_CARDS, choice_text, product_card, product_name, sizes_of
from voxcart_services.dialogue.money import amount_text, money_text, number_text
from voxcart_services.dialogue.reference import (
    MAX_SPOKEN,
    Found,
    find_product,
    fits,
    meant_by_name,
    remember_shown,
    set_focus,
    spoken_name,
)
from voxcart_services.dialogue.skills.orders import describe_listed_order
from voxcart_services.dialogue.slots import Slots
from voxcart_services.dialogue.state import SearchFilters
from voxcart_services.dialogue.turn import Answer, Turn, skill

APPROXIMATE_SHARE = 0.2
"""一百左右 is a hundred, a fifth more or less."""
GOOD_RATING = 4.7
POPULAR_UNITS_SOLD = 1000
SPOKEN_UNIT = re.compile(r"(?!1[\u4e00-\u9fff]$)\d+(?:\.\d+)?[\u4e00-\u9fff]+")
"""Units that are said with the price: 3斤装, 10片; not 8GB+256GB, and not 1双."""


@skill("search_product")
async def search_product(turn: Turn) -> Answer:
    """我想买苹果: a new search, from this utterance alone."""
    filters = filters_from(turn.slots)
    filters.sort_by = filters.sort_by or cues.superlative(turn.text)
    if not filters.query and not filters.brands and not turn.slots.names() & _FILTER_SLOTS:
        return turn.ask_slot("product", turn.say("search.for_what"))
    turn.record_event(bus_pb2.UserEvent.TYPE_SEARCH, query=filters.query or " ".join(filters.brands))
    return await show(turn, filters)


@skill("refine_search")
async def refine_search(turn: Turn) -> Answer:
    """再便宜点的, 要蓝色的: the search before, with what was said put over it."""
    before = turn.state.search
    new = filters_from(turn.slots)
    if before is None:
        if new == SearchFilters() and not turn.state.shown and turn.state.focus is None:
            return turn.ask_slot("product", turn.say("search.for_what"))
        before = _from_shown(turn)
    filters = merged(before, new)
    of_focus = await _choice_of_focus(turn)
    if of_focus is not None:
        return of_focus
    if cues.LARGER.search(turn.text) or cues.SMALLER.search(turn.text):
        return await _another_size(turn, filters)
    bound = _relative_price(turn, filters) if "price_max" not in turn.slots and "price_min" not in turn.slots else None
    if bound is not None and bound <= 0:
        return turn.answer("search.cheapest_already")
    turn.record_event(bus_pb2.UserEvent.TYPE_SEARCH, query=filters.query)
    return await show(turn, filters, relative_cents=bound)


async def _choice_of_focus(turn: Turn) -> Answer | None:
    """要黑色的 after the person picked a product: that product in black, if there is one; None to search."""
    state, names = turn.state, turn.slots.names()
    chosen = state.focus if state.focus_chosen else None
    refused = any(value.negated or value.relation != "set" for value in turn.slots.values)
    if chosen is None or not names or names - {"color", "size"} or refused:
        return None
    product = await turn.shop.product(chosen.sku)
    color, size = turn.slots.word("color") or chosen.color, turn.slots.word("size") or chosen.size
    fitting = [variant for variant in product.variants if fits(variant, color, size) and variant.stock > 0]
    if not fitting:
        return None
    set_focus(turn, product, color, size)
    code = fitting[0].color_code if color else ""
    choice = choice_text(fitting[0].color if color else "", code, fitting[0].size if size else "", turn.language)
    name = product_name(product, turn.language)
    question = turn.say("search.choice_there", name=name, choice=choice, price=money_text(product.price, turn.language))
    cards = [product_card(product, turn.language, choice)]
    return turn.ask_confirmation("add_focus", {}, question, cards, turn.say("search.offer_cart", name=name))


@skill("select_item")
async def select_item(turn: Turn) -> Answer:
    """第二个: turns to one of what was shown and offers to put it into the cart."""
    if turn.state.shown_kind == "orders" and turn.slots.ordinal() is not None:
        return await describe_listed_order(turn)
    found = await find_product(turn)
    if isinstance(found, Answer):
        return found
    product = found.product
    set_focus(turn, product, turn.slots.word("color") or found.color, turn.slots.word("size") or found.size)
    turn.record_event(bus_pb2.UserEvent.TYPE_VIEW, sku=product.sku)
    cards = [product_card(product, turn.language)]
    values = {"name": product_name(product, turn.language), "price": money_text(product.price, turn.language)}
    if product.stock <= 0:
        return turn.answer("search.selected_sold_out", cards, **values)
    if turn.role == "merchant":
        return turn.answer("search.selected_merchant", cards, stock=product.stock, **values)
    question = turn.say("search.selected", **values)
    return turn.ask_confirmation("add_focus", {}, question, cards, turn.say("search.offer_cart", **values))


_FILTER_SLOTS = {
    "category",
    "brand",
    "color",
    "size",
    "material",
    "attribute",
    "price_min",
    "price_max",
    "price",
    "sort_by",
}


def filters_from(slots: Slots) -> SearchFilters:
    """The filters that one utterance names."""
    filters = SearchFilters(
        query=spoken_name(slots),
        brands=[value.text for value in slots.all("brand")],
        colors=slots.words("color"),
        sizes=slots.words("size"),
        attributes=[value.text for value in slots.all("material", "attribute")],
        excluded_brands=[value.text for value in slots.all("brand", negated=True)],
        excluded_colors=slots.words("color", negated=True),
        sort_by=slots.word("sort_by"),
    )
    minimum, maximum, around = (slots.amount(name) for name in ("price_min", "price_max", "price"))
    if minimum is not None:
        filters.price_min_cents = max(0, minimum.cents)
    if maximum is not None:
        filters.price_max_cents = max(0, maximum.cents)
    if around is not None and minimum is None and maximum is None:
        filters.price_min_cents = round(around.cents * (1 - APPROXIMATE_SHARE))
        filters.price_max_cents = round(around.cents * (1 + APPROXIMATE_SHARE))
    return filters


def merged(before: SearchFilters, new: SearchFilters) -> SearchFilters:
    """``before`` with everything that ``new`` names put over it; a new price bound replaces both old ones."""
    changes = {name: value for name, value in new.model_dump().items() if value not in ("", [], None)}
    if {"price_min_cents", "price_max_cents"} & changes.keys():
        changes = {"price_min_cents": None, "price_max_cents": None} | changes
    if "brands" in changes:
        changes.setdefault("excluded_brands", [])
    kept = before.model_copy(update=changes)
    return kept.model_copy(
        update={
            "brands": [brand for brand in kept.brands if brand not in new.excluded_brands],
            "colors": [color for color in kept.colors if color not in new.excluded_colors],
            "excluded_colors": [color for color in kept.excluded_colors if color not in new.colors],
        }
    )


def contradiction(filters: SearchFilters) -> bool:
    """Whether no product can meet the price bounds."""
    low, high = filters.price_min_cents, filters.price_max_cents
    return low is not None and high is not None and low > high


async def show(turn: Turn, filters: SearchFilters, relative_cents: int | None = None) -> Answer:
    """Searches, remembers what is on the screen, and says the first few."""
    if contradiction(filters):
        return turn.answer("search.contradiction")
    if relative_cents is not None:
        filters = filters.model_copy(update={"price_max_cents": relative_cents, "price_min_cents": None})
    response, filters = await _search(turn, filters)
    products = relevant(response, filters.query)
    if not products:
        if relative_cents is not None:
            return turn.answer("search.cheapest_already")
        return await _nothing_found(turn, filters)
    turn.state.search = filters
    products = products[:MAX_CARDS]
    remember_shown(turn.state, products, turn.language)
    cards = [product_card(product, turn.language) for product in products]
    if not filters.sort_by and meant_by_name(products, filters.query) is products[0]:
        turn.state.focus = turn.state.shown[0]
    if len(products) == 1 or (turn.state.focus and filters == SearchFilters(query=filters.query)):
        turn.state.spoken_count = 1
        return Answer(_choice_sentence(turn, products[0], filters) or one_sentence(turn, products), cards)
    return Answer(list_sentence(turn, "search", products, max(response.total, len(products))), cards)


def _choice_sentence(turn: Turn, product: shop_pb2.Product, filters: SearchFilters) -> str:
    """有的，…有蓝色的 where a colour or size was asked for and is there; empty otherwise."""
    color, size = (filters.colors or [""])[-1], (filters.sizes or [""])[-1]
    if not (color or size):
        return ""
    there = [variant for variant in product.variants if fits(variant, color, size) and variant.stock > 0]
    if not there:
        return ""
    named, code = (there[0].color, there[0].color_code) if color else ("", "")
    choice = choice_text(named, code, there[0].size if size else "", turn.language)
    name, price = product_name(product, turn.language), money_text(product.price, turn.language)
    return turn.say("search.one_choice", name=name, choice=choice, price=price)


async def _search(turn: Turn, filters: SearchFilters) -> tuple[shop_pb2.SearchProductsResponse, SearchFilters]:
    """The search; brand and attribute words that are no filter of the catalogue are tried as text."""
    response = await turn.shop.search(filters)
    if response.hits or not (filters.brands or filters.attributes):
        return response, filters
    words = " ".join([*filters.brands, *filters.attributes, filters.query]).strip()
    wider = filters.model_copy(update={"query": words, "brands": [], "attributes": []})
    response = await turn.shop.search(wider)
    return (response, wider) if any(hit.name_match for hit in response.hits) else (type(response)(), filters)


def relevant(response: shop_pb2.SearchProductsResponse, query: str) -> list[shop_pb2.Product]:
    """Those that the words name; else all that the shop finds near."""
    hits: Sequence[shop_pb2.SearchHit] = response.hits
    named = [hit.product for hit in hits if hit.name_match]
    if query and named:
        return named
    return [hit.product for hit in hits]


async def _nothing_found(turn: Turn, filters: SearchFilters) -> Answer:
    """Says so, and what the nearest is when only the price stood in the way."""
    separator = "" if turn.language == "zh" else " "
    what = separator.join([*filters.brands, filters.query]).strip() or turn.say("search.such_goods")
    if filters.price_max_cents is None:
        return turn.answer("search.none", what=what)
    open_price = filters.model_copy(update={"price_max_cents": None, "price_min_cents": None, "sort_by": "price_asc"})
    cheapest = relevant(await turn.shop.search(open_price, page_size=5), filters.query)
    if not cheapest:
        return turn.answer("search.none", what=what)
    return turn.answer(
        "search.none_so_cheap",
        what=what,
        bound=amount_text(filters.price_max_cents, turn.language),
        name=product_name(cheapest[0], turn.language),
        price=money_text(cheapest[0].price, turn.language),
    )


def one_sentence(turn: Turn, products: list[shop_pb2.Product]) -> str:
    """有的，这是新鲜红富士苹果，3斤39元，很实惠。"""
    product = products[0]
    values = {
        "name": product_name(product, turn.language),
        "price": priced(product, turn.language),
        "praise": _praise(turn, products),
    }
    return turn.say("search.one_sold_out" if product.stock <= 0 else "search.one", **values)


def priced(product: shop_pb2.Product, language: str) -> str:
    """3斤39元 unless the name says the unit already."""
    price = money_text(product.price, language)
    if language == "en":
        return f"{product.unit_en}, {price}" if product.unit_en else price
    if SPOKEN_UNIT.fullmatch(product.unit) and product.unit not in product.name_zh:
        return f"{product.unit.removesuffix('装')}{price}"
    return price


def _praise(turn: Turn, products: list[shop_pb2.Product]) -> str:
    """A true word for the first of the products: its price among the others, its rating, its sales."""
    first, others = products[0], products[1:]
    if others and all(first.price.cents <= other.price.cents for other in others):
        return turn.say("search.praise_price")
    if first.HasField("rating") and first.rating >= GOOD_RATING:
        return turn.say("search.praise_rating", rating=number_text(round(first.rating, 1)))
    if first.units_sold >= POPULAR_UNITS_SOLD:
        return turn.say("search.praise_sales")
    if first.HasField("rating"):
        return turn.say("search.rating", rating=number_text(round(first.rating, 1)))
    return ""


def list_sentence(turn: Turn, section: str, products: list[shop_pb2.Product], total: int) -> str:
    """At most three items for the ear; the rest is on the screen."""
    items = [
        turn.say(
            f"search.item_{index}",
            name=product_name(product, turn.language),
            price=money_text(product.price, turn.language),
        )
        for index, product in enumerate(products[:MAX_SPOKEN], 1)
    ]
    separator = "；" if turn.language == "zh" else "; "
    return turn.say(f"{section}.list", count=total, items=separator.join(items))


def _relative_price(turn: Turn, filters: SearchFilters) -> int | None:
    """Upper bound in cents for 再便宜点的: below the chosen one, else below the cheapest that was said aloud."""
    if not cues.CHEAPER.search(turn.text) or cues.CHEAPEST.search(turn.text):
        return None
    state = turn.state
    filters.sort_by = ""
    if state.focus is not None and state.focus_chosen:
        return state.focus.price_cents - 1
    spoken = state.shown[: max(1, state.spoken_count)]
    return min((item.price_cents for item in spoken), default=1) - 1 if spoken else None


async def _another_size(turn: Turn, filters: SearchFilters) -> Answer:
    """大一号: the next size of the product in focus."""
    found = await find_product(turn)
    if isinstance(found, Answer):
        return found
    sizes = sizes_of(found.product)
    current = found.size or next(iter(turn.state.search.sizes if turn.state.search else []), "")
    if not sizes:
        return turn.answer("cart.no_choice", name=product_name(found.product, turn.language))
    if current not in sizes:
        return turn.answer("search.sizes", sizes=turn.phrases.joined(sizes))
    index = sizes.index(current) + (1 if cues.LARGER.search(turn.text) else -1)
    if not 0 <= index < len(sizes):
        return turn.answer("search.no_further_size", size=current, sizes=turn.phrases.joined(sizes))
    return _with_size(turn, found, sizes[index], filters)


def _with_size(turn: Turn, found: Found, size: str, filters: SearchFilters) -> Answer:
    set_focus(turn, found.product, found.color, size)
    turn.state.search = filters.model_copy(update={"sizes": [size]})
    variants = [variant for variant in found.product.variants if variant.size == size and variant.stock > 0]
    name = product_name(found.product, turn.language)
    card = product_card(found.product, turn.language, subtitle=size)
    return turn.answer("search.size_there" if variants else "search.size_sold_out", [card], name=name, size=size)


def _from_shown(turn: Turn) -> SearchFilters:
    """Without a search before, what is talked about tells what kind of goods is looked for."""
    if turn.state.focus is not None:
        return SearchFilters(query=turn.state.focus.kind or turn.state.focus.name)
    return SearchFilters()
