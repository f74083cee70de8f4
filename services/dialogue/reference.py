"""Which product is meant: by number, by name, by a pronoun, by being the cheapest of those shown.

Order of trust: an ordinal over what was shown; a superlative over what was shown; a demonstrative or no name at all is
the focus; a name among what was shown; a name in the catalogue, where an exact name wins over a partial one.
"""

from dataclasses import dataclass

from voxcart.errors import NotFound
from voxcart_api.shop.v1 import shop_pb2
from voxcart_services.dialogue import cues
from voxcart_services.dialogue.cards import (
    color_name,
    colors_of,
    product_card,
    product_name,
    shown_item,
    sizes_of,
    unique,
)
from voxcart_services.dialogue.slots import Slots
from voxcart_services.dialogue.state import SearchFilters, SessionState, ShownItem
from voxcart_services.dialogue.turn import Answer, Turn

MAX_SPOKEN = 3
OUTSTANDING_SALES = 2
"""苹果 is the one kind of apple that sells at least so many times as often as the next."""


@dataclass(frozen=True)
class Found:
    """The product that is meant, and what was said of it before (colour, size)."""

    product: shop_pb2.Product
    color: str = ""
    size: str = ""


def spoken_name(slots: Slots) -> str:
    """The product words of the slots: 手机, iPhone 15 Pro; empty for 东西, 这个 and the like."""
    words = unique(value.text.strip() for value in slots.all("product", "category"))
    return " ".join(word for word in words if not cues.ITEM_WORDS.match(word))


def by_ordinal(items: list[ShownItem], ordinal: int) -> ShownItem | None:
    """1 is the first, -1 the last; None if there are not so many."""
    index = ordinal - 1 if ordinal > 0 else len(items) + ordinal
    return items[index] if 0 <= index < len(items) else None


def by_superlative(items: list[ShownItem], sort_by: str) -> ShownItem | None:
    """The best of the shown by the schema's ``sort_by``; None if that cannot be told."""
    if not items:
        return None
    if sort_by == "price_asc":
        return min(items, key=lambda item: item.price_cents)
    if sort_by == "price_desc":
        return max(items, key=lambda item: item.price_cents)
    if sort_by == "sales_desc":
        return max(items, key=lambda item: item.units_sold)
    rated = [item for item in items if item.rating is not None]
    return max(rated, key=lambda item: item.rating or 0.0) if sort_by == "rating_desc" and rated else None


async def find_product(turn: Turn, *, refer: bool = True) -> Found | Answer:
    """The product that the turn is about, or the sentence that asks or says that there is none.

    ``refer=False`` looks at the catalogue only, as for a product that is named in a list.
    """
    referred = referred_item(turn) if refer else None
    if isinstance(referred, Answer):
        return referred
    if referred is not None:
        return await _of_item(turn, referred)
    name = spoken_name(turn.slots)
    brand = turn.slots.text("brand")
    if not name and not brand:
        return turn.ask_slot("product", turn.say("product.which"))
    return await _in_catalogue(turn, name or brand, brand if name else "")


def referred_item(turn: Turn) -> ShownItem | Answer | None:
    """What ordinals, superlatives, pronouns and names point to among what was shown; None to look in the catalogue."""
    state = turn.state
    ordinal = turn.slots.ordinal()
    name = spoken_name(turn.slots)
    if turn.slots.word("sort_by") and turn.slots.text("ordinal").lower() in {"one", "ones"}:
        ordinal = None
    if ordinal is not None and state.shown:
        item = by_ordinal(state.shown, ordinal)
        return item or turn.answer("product.no_such_ordinal", count=len(state.shown))
    if ordinal is not None and not name:
        return turn.ask_slot("product", turn.say("product.nothing_shown"))
    if not name or _same_thing(name, state.shown):
        item = by_superlative(state.shown, turn.slots.word("sort_by") or cues.superlative(turn.text))
        if item is not None:
            return item
    if not name:
        return _unnamed(turn)
    return _named_among_shown(turn, name)


def _unnamed(turn: Turn) -> ShownItem | Answer | None:
    """A pronoun or nothing: the focus, or what brand, colour and the like leave of the shown."""
    state = turn.state
    brand = turn.slots.text("brand")
    if brand:
        matching = [item for item in state.shown if brand.lower() in item.name.lower()]
        return matching[0] if len(matching) == 1 else None
    if state.focus is not None:
        return state.focus
    if len(state.shown) == 1:
        return state.shown[0]
    if state.shown and state.shown_kind == "products":
        names = [item.name for item in state.shown[:MAX_SPOKEN]]
        return turn.ask_slot("product", turn.say("product.which_of", names=turn.phrases.joined(names)))
    return None


def _named_among_shown(turn: Turn, name: str) -> ShownItem | None:
    state = turn.state
    brand = turn.slots.text("brand").lower()
    if state.focus is not None and _matches(name, state.focus) and brand in state.focus.name.lower():
        others = [item for item in state.shown if item.sku != state.focus.sku and _matches(name, item)]
        if state.focus_chosen or not others or cues.DEMONSTRATIVE.search(turn.text):
            return state.focus
    matching = [item for item in state.shown if _matches(name, item) and brand in item.name.lower()]
    return matching[0] if len(matching) == 1 else None


def _matches(name: str, item: ShownItem) -> bool:
    return all(word in item.name.lower() for word in name.lower().split())


def _same_thing(name: str, shown: list[ShownItem]) -> bool:
    return bool(shown) and all(_matches(name, item) for item in shown)


async def _of_item(turn: Turn, item: ShownItem) -> Found | Answer:
    try:
        product = await turn.shop.product(item.sku)
    except NotFound:
        return turn.answer("product.gone", name=item.name)
    return Found(product, item.color, item.size)


async def _in_catalogue(turn: Turn, name: str, brand: str) -> Found | Answer:
    filters = SearchFilters(query=name, brands=[brand] if brand else [], sort_by=turn.slots.word("sort_by"))
    response = await turn.shop.search(filters)
    if not response.hits and brand:
        response = await turn.shop.search(SearchFilters(query=f"{brand} {name}", sort_by=filters.sort_by))
    products = [hit.product for hit in response.hits if hit.name_match or brand]
    if not products:
        if turn.state.focus is not None and cues.DEMONSTRATIVE.search(turn.text):
            return await _of_item(turn, turn.state.focus)
        return turn.answer("product.unknown", name=name)
    color, size = turn.slots.word("color"), turn.slots.word("size")
    products = [product for product in products if _comes_in(product, color, size)] or products
    if filters.sort_by:
        return Found(products[0])
    meant = meant_by_name(products, name)
    return Found(meant) if meant is not None else ask_which(turn, best_named(products, name))


def _comes_in(product: shop_pb2.Product, color: str, size: str) -> bool:
    return not (color or size) or any(fits(variant, color, size) for variant in product.variants)


def meant_by_name(products: list[shop_pb2.Product], name: str) -> shop_pb2.Product | None:
    """What people mean by a name among the products it fits: an exact name wins over one that holds it, that over a
    kind of goods; and among equals one that sells far more than the next. None if that leaves several."""
    best = best_named(products, name)
    return best[0] if best and stands_out(best) else None


def best_named(products: list[shop_pb2.Product], name: str) -> list[shop_pb2.Product]:
    """Those that the name fits best, in the order they came."""
    ranks = [_name_rank(product, name) for product in products]
    return [product for product, rank in zip(products, ranks, strict=True) if rank == min(ranks)]


def _name_rank(product: shop_pb2.Product, name: str) -> int:
    """0 its own name, 1 the same with a further word (运动鞋 男款), 2 a part of it, 3 what it is called, 4 its kind."""
    spoken, names = _plain(name), [product.name_zh, product.name_en]
    if spoken in map(_plain, names):
        return 0
    if any(_plain(own.split(" ")[0]) == spoken for own in names):
        return 1
    if any(spoken in _plain(own) for own in names):
        return 2
    return 3 if spoken in map(_plain, product.aliases) else 4


def ask_which(turn: Turn, products: list[shop_pb2.Product]) -> Answer:
    """Several products fit: names the first, shows all, waits for one."""
    remember_shown(turn.state, products, turn.language)
    spoken = products[:MAX_SPOKEN]
    turn.state.spoken_count = len(spoken)
    question = turn.say(
        "product.which_of", names=turn.phrases.joined([product_name(product, turn.language) for product in spoken])
    )
    cards = [product_card(product, turn.language) for product in products]
    turn.slots = turn.slots.without("product", "category", "brand")
    names = [product_name(product, turn.language) for product in products]
    return turn.ask_slot("product", question, names, cards)


def stands_out(products: list[shop_pb2.Product]) -> bool:
    """Whether the first is the only one or sold far more than the next."""
    return len(products) == 1 or products[0].units_sold >= OUTSTANDING_SALES * max(1, products[1].units_sold)


def _plain(name: str) -> str:
    return "".join(name.lower().split())


def remember_shown(state: SessionState, products: list[shop_pb2.Product], language: str) -> None:
    """These products are on the screen now; the first is the focus unless the person picks another."""
    state.shown = [shown_item(product, language) for product in products]
    state.shown_kind = "products"
    state.spoken_count = min(len(products), MAX_SPOKEN)
    state.focus = state.shown[0] if len(products) == 1 else None
    state.focus_chosen = False


def set_focus(turn: Turn, product: shop_pb2.Product, color: str = "", size: str = "") -> None:
    """The person turned to this product."""
    item = shown_item(product, turn.language)
    item.color, item.size = color, size
    if item.sku not in {shown.sku for shown in turn.state.shown}:
        turn.state.search = None
    turn.state.focus = item
    turn.state.focus_chosen = True


def choose_variant(turn: Turn, found: Found) -> shop_pb2.Variant | Answer:
    """The variant that is wanted; asks for size and colour where the choice matters.

    A colour is asked for only of goods that have sizes (clothes, shoes); of others the first in stock is taken.
    """
    product = found.product
    if not product.variants:
        return shop_pb2.Variant()
    color, size = _wanted(turn, found)
    fitting = [variant for variant in product.variants if fits(variant, color, size)]
    if not fitting:
        return _no_such_variant(turn, product, color, size)
    available = [variant for variant in fitting if variant.stock > 0]
    if not available:
        return turn.answer("product.variant_sold_out", name=product_name(product, turn.language))
    sizes = unique(variant.size for variant in available)
    colors = unique(color_name(variant, turn.language) for variant in available)
    if len(sizes) > 1:
        name = "cart.which_size_and_color" if len(colors) > 1 and not color else "cart.which_size"
        question = turn.say(name, sizes=turn.phrases.joined(sizes), colors=turn.phrases.joined(colors))
        return _ask_variant(turn, product, "size", question, sizes)
    if len(colors) > 1 and sizes and sizes_of(product):
        question = turn.say("cart.which_color", colors=turn.phrases.joined(colors))
        return _ask_variant(turn, product, "color", question, colors)
    return available[0]


def _ask_variant(turn: Turn, product: shop_pb2.Product, slot: str, question: str, options: list[str]) -> Answer:
    set_focus(turn, product)
    turn.slots = turn.slots.without("product", "category", "brand", "ordinal", "sort_by")
    return turn.ask_slot(slot, question, options, [product_card(product, turn.language)])


def _wanted(turn: Turn, found: Found) -> tuple[str, str]:
    """Colour and size of this utterance, else those said of the product before, else those searched for."""
    searched = turn.state.search or SearchFilters()
    color = turn.slots.word("color") or found.color
    size = turn.slots.word("size") or found.size
    if not color and searched.colors and any(fits(v, searched.colors[-1], "") for v in found.product.variants):
        color = searched.colors[-1]
    if not size and searched.sizes and any(fits(v, "", searched.sizes[-1]) for v in found.product.variants):
        size = searched.sizes[-1]
    return color, size


def fits(variant: shop_pb2.Variant, color: str, size: str) -> bool:
    """Whether a variant comes in a colour (code or as spoken) and a size; empty fits all."""
    return (not color or color in {variant.color, variant.color_code}) and (
        not size or size.upper().removesuffix("码") == variant.size.upper()
    )


def _no_such_variant(turn: Turn, product: shop_pb2.Product, color: str, size: str) -> Answer:
    """Says what there is instead and waits for it."""
    colors, sizes = colors_of(product, turn.language), sizes_of(product)
    if color and colors and not any(fits(variant, color, "") for variant in product.variants):
        turn.slots = turn.slots.without("color")
        question = turn.say("cart.no_such_color", colors=turn.phrases.joined(colors))
        return _ask_variant(turn, product, "color", question, colors)
    if size and sizes:
        turn.slots = turn.slots.without("size")
        question = turn.say("cart.no_such_size", sizes=turn.phrases.joined(sizes))
        return _ask_variant(turn, product, "size", question, sizes)
    return turn.answer("cart.no_choice", name=product_name(product, turn.language))
