"""The cart: put in, take out, change, look, empty."""

from typing import Any

from voxcart.errors import InvalidInput, NotFound, WrongState
from voxcart_api.shop.v1 import shop_pb2
from voxcart_services.dialogue import cues
from voxcart_services.dialogue.cards import cart_cards, choice_text, line_choice, product_card, product_name, shown_item
from voxcart_services.dialogue.money import money_text
from voxcart_services.dialogue.quantities import MAX_PIECES, number_problem, pieces_wanted
from voxcart_services.dialogue.reference import (
    MAX_SPOKEN,
    Found,
    best_named,
    by_ordinal,
    choose_variant,
    find_product,
    set_focus,
    spoken_name,
)
from voxcart_services.dialogue.slots import Quantity, Slots
from voxcart_services.dialogue.turn import SHOPPER, Answer, Turn, confirmed, skill

MAX_ITEMS_AT_ONCE = 5


@skill("add_to_cart", SHOPPER, changes=True)
async def add_to_cart(turn: Turn) -> Answer:
    """第一个来两份: adds at once; asks only for what must be known."""
    parts = _separate_items(turn.slots)
    if len(parts) > 1:
        return await _add_several(turn, parts)
    if len(turn.slots.all("quantity")) > 1 and "product" in turn.slots:
        return turn.answer("cart.one_by_one")
    found = await find_product(turn)
    if isinstance(found, Answer):
        return found
    return await _add(turn, found)


@confirmed("add_focus")
async def add_focus(turn: Turn, parameters: dict[str, Any]) -> Answer:
    """Yes to 要加入购物车吗？"""
    turn.intent = "add_to_cart"
    found = await find_product(turn)
    return found if isinstance(found, Answer) else await _add(turn, found)


async def _add(turn: Turn, found: Found) -> Answer:
    product = found.product
    pieces = pieces_wanted(turn.slots.quantity(), product.unit, turn.text)
    if pieces.problem:
        return turn.answer(pieces.problem, limit=MAX_PIECES)
    if product.delisted or (product.stock <= 0 and not product.variants):
        return turn.answer("product.sold_out", name=product_name(product, turn.language))
    variant = choose_variant(turn, found)
    if isinstance(variant, Answer):
        return variant
    cart = await _put(turn, product, variant, pieces.count)
    if isinstance(cart, Answer):
        return cart
    set_focus(turn, product, variant.color, variant.size)
    line = next((line for line in cart.lines if _is_line(line, product, variant)), None)
    turn.state.cart_line_id = line.line_id if line else ""
    values = {
        "pieces": spoken_pieces(turn, product, pieces.count, _named(product, variant, turn.language)),
        "total": money_text(cart.total, turn.language),
    }
    many = sum(line.quantity for line in cart.lines) > pieces.count
    return turn.answer("cart.added_to_more" if many else "cart.added", cart_cards(cart, turn.language), **values)


async def _put(turn: Turn, product: shop_pb2.Product, variant: shop_pb2.Variant, count: int) -> shop_pb2.Cart | Answer:
    request = shop_pb2.AddToCartRequest(sku=product.sku, variant_id=variant.variant_id, quantity=count)
    try:
        return await turn.shop.change("AddToCart", request, "add_to_cart", sku=product.sku, quantity=count)
    except (WrongState, InvalidInput):
        stock = variant.stock if variant.variant_id else product.stock
        name = product_name(product, turn.language)
        return turn.answer("cart.not_enough", [product_card(product, turn.language)], name=name, stock=stock)


async def _add_several(turn: Turn, parts: list[Slots]) -> Answer:
    """两箱牛奶和三份苹果: each its own line; what cannot be added is said and the rest is added."""
    whole, added, refused = turn.slots, [], []
    cart = shop_pb2.Cart()
    for part in parts[:MAX_ITEMS_AT_ONCE]:
        turn.slots = part
        found = await find_product(turn, refer=False)
        if isinstance(found, Answer):
            refused.append(spoken_name(part))
            continue
        pieces = pieces_wanted(part.quantity(), found.product.unit, turn.text)
        variant = choose_variant(turn, found)
        if pieces.problem or isinstance(variant, Answer):
            refused.append(spoken_name(part))
            continue
        result = await _put(turn, found.product, variant, pieces.count)
        if isinstance(result, Answer):
            refused.append(spoken_name(part))
            continue
        cart = result
        added.append(spoken_pieces(turn, found.product, pieces.count))
    turn.slots = whole
    if not added:
        return turn.answer("cart.none_added", names=turn.phrases.joined(refused))
    values = {"names": turn.phrases.joined(added), "total": money_text(cart.total, turn.language)}
    if refused:
        values["refused"] = turn.phrases.joined(refused)
        return turn.answer("cart.some_added", cart_cards(cart, turn.language), **values)
    return turn.answer("cart.several_added", cart_cards(cart, turn.language), **values)


def _separate_items(slots: Slots) -> list[Slots]:
    """One Slots a product when several are named, each with the quantity that stands nearest before it."""
    products = [value for value in slots.all("product") if not cues.ITEM_WORDS.match(value.text)]
    if len({value.text for value in products}) < 2:
        return [slots]
    parts: list[Slots] = []
    taken_to = -1
    for index, product in enumerate(products):
        following = products[index + 1].start if index + 1 < len(products) else 1 << 30
        near = [v for v in slots.values if taken_to < v.start < product.start and v.name != "product"]
        after = [v for v in slots.values if product.start < v.start < following and v.name == "quantity"]
        if not any(value.name == "quantity" for value in near) and index + 1 == len(products):
            near += after
        parts.append(Slots([*near, product]))
        taken_to = product.start
    return parts


@skill("remove_from_cart", SHOPPER, changes=True)
async def remove_from_cart(turn: Turn) -> Answer:
    """把牛奶去掉: takes the line out, or some pieces of it."""
    cart = await turn.shop.cart()
    if not cart.lines:
        return turn.answer("cart.empty")
    line = _line_meant(turn, cart)
    if isinstance(line, Answer):
        return line
    if problem := number_problem(turn.slots, turn.text):
        return turn.answer(problem, limit=MAX_PIECES)
    quantity = turn.slots.quantity()
    left = line.quantity - int(quantity.value) if quantity and not cues.EVERYTHING.search(turn.text) else 0
    return await _set_line(turn, line, max(0, left), "remove_from_cart")


@skill("update_cart", SHOPPER, changes=True)
async def update_cart(turn: Turn) -> Answer:
    """牛奶改成三箱, 再加一箱: sets the quantity of a line."""
    cart = await turn.shop.cart()
    if not cart.lines:
        return turn.answer("cart.empty")
    line = _line_meant(turn, cart)
    if isinstance(line, Answer):
        return line
    quantity = _last_quantity(turn.slots)
    if quantity is None and turn.slots.all("color", "size"):
        return await _swap_variant(turn, line)
    if quantity is None:
        question = turn.say("cart.how_many", name=product_name(line.product, turn.language))
        return turn.ask_slot("quantity", question)
    if quantity.value == 0 and quantity.relation == "set" and not cues.NEGATIVE_NUMBER.search(turn.text):
        return await _set_line(turn, line, 0, "remove_from_cart")
    pieces = pieces_wanted(quantity, line.product.unit, turn.text)
    if pieces.problem:
        return turn.answer(pieces.problem, limit=MAX_PIECES)
    relation = "subtract" if cues.LESS.search(turn.text) else quantity.relation
    target = {"add": line.quantity + pieces.count, "subtract": line.quantity - pieces.count}.get(relation, pieces.count)
    if target > MAX_PIECES:
        return turn.answer("quantity.too_many", limit=MAX_PIECES)
    return await _set_line(turn, line, max(0, target), "update_cart")


async def _swap_variant(turn: Turn, line: shop_pb2.CartLine) -> Answer:
    """不对，要蓝色的: the same product in another colour or size, as many pieces."""
    before = next((v for v in line.product.variants if v.variant_id == line.variant_id), shop_pb2.Variant())
    variant = choose_variant(turn, Found(line.product, before.color_code, before.size))
    if isinstance(variant, Answer) or variant.variant_id == line.variant_id:
        return variant if isinstance(variant, Answer) else turn.answer("cart.no_choice", name=line.product.name_zh)
    added = await _put(turn, line.product, variant, line.quantity)
    if isinstance(added, Answer):
        return added
    request = shop_pb2.UpdateCartLineRequest(line_id=line.line_id, quantity=0)
    cart = await turn.shop.change("UpdateCartLine", request, "remove_from_cart", sku=line.product.sku, after=0)
    new_line = next((entry for entry in cart.lines if _is_line(entry, line.product, variant)), None)
    turn.state.cart_line_id = new_line.line_id if new_line else ""
    set_focus(turn, line.product, variant.color_code, variant.size)
    pieces = spoken_pieces(turn, line.product, line.quantity, _named(line.product, variant, turn.language))
    total = money_text(cart.total, turn.language)
    return turn.answer("cart.swapped", cart_cards(cart, turn.language), pieces=pieces, total=total)


def _last_quantity(slots: Slots) -> Quantity | None:
    """两个改成三个: the later number is the new one."""
    values = slots.all("quantity")
    return Slots(values[-1:]).quantity() if values else None


async def _set_line(turn: Turn, line: shop_pb2.CartLine, quantity: int, action: str) -> Answer:
    request = shop_pb2.UpdateCartLineRequest(line_id=line.line_id, quantity=quantity)
    name = product_name(line.product, turn.language)
    try:
        cart = await turn.shop.change(
            "UpdateCartLine", request, action, sku=line.product.sku, before=line.quantity, after=quantity
        )
    except NotFound:
        return turn.answer("cart.not_in_cart", name=name)
    except (WrongState, InvalidInput):
        return turn.answer("cart.not_enough", name=name, stock=line.product.stock)
    _remember_lines(turn, cart)
    turn.state.cart_line_id = line.line_id if quantity else ""
    cards = cart_cards(cart, turn.language)
    if quantity == 0:
        phrase = "cart.removed" if cart.lines else "cart.removed_last"
        return turn.answer(phrase, cards, name=name, total=money_text(cart.total, turn.language))
    total = money_text(cart.total, turn.language)
    return turn.answer("cart.updated", cards, pieces=spoken_pieces(turn, line.product, quantity), total=total)


def _line_meant(turn: Turn, cart: shop_pb2.Cart) -> shop_pb2.CartLine | Answer:
    """The line that is meant: by name (refused ones too: 不要那个耳机了), by number, by the last change."""
    lines = list(cart.lines)
    refused = turn.slots.all("product", "category", negated=True)
    name = spoken_name(turn.slots) or next((value.text for value in refused), "")
    if name and not cues.ITEM_WORDS.match(name):
        return _line_named(turn, lines, name)
    ordinal = turn.slots.ordinal()
    if ordinal is not None:
        item = by_ordinal(_items(turn, cart), ordinal)
        if item is None:
            return turn.answer("product.no_such_ordinal", count=len(lines))
        if turn.state.shown_kind == "products" and (shown := by_ordinal(turn.state.shown, ordinal)):
            match = next((line for line in lines if line.product.sku == shown.sku), None)
            if match is not None:
                return match
        return next(line for line in lines if line.product.sku == item.sku)
    if len(lines) == 1:
        return lines[0]
    last = next((line for line in lines if line.line_id == turn.state.cart_line_id), None)
    focus = turn.state.focus
    focused = next((line for line in lines if focus is not None and line.product.sku == focus.sku), None)
    chosen = last or focused
    return chosen if chosen is not None else _ask_line(turn, lines)


def _line_named(turn: Turn, lines: list[shop_pb2.CartLine], name: str) -> shop_pb2.CartLine | Answer:
    color, size = turn.slots.word("color"), turn.slots.word("size")
    matching = [line for line in lines if _called(line.product, name)]
    if len(matching) > 1 and (color or size):
        chosen = {
            variant.variant_id
            for line in matching
            for variant in line.product.variants
            if (not color or color in {variant.color, variant.color_code}) and (not size or size == variant.size)
        }
        matching = [line for line in matching if line.variant_id in chosen] or matching
    if not matching:
        return turn.answer("cart.not_in_cart", name=name)
    best = best_named([line.product for line in matching], name)
    matching = [line for line in matching if line.product in best]
    last = [line for line in matching if line.line_id == turn.state.cart_line_id]
    if len(matching) > 1 and last and cues.DEMONSTRATIVE.search(turn.text):
        return last[0]
    return matching[0] if len(matching) == 1 else _ask_line(turn, matching)


def _called(product: shop_pb2.Product, name: str) -> bool:
    known = " ".join([product.name_zh, product.name_en, product.brand, product.category, *product.aliases]).lower()
    return all(word in known for word in name.lower().split())


def _ask_line(turn: Turn, lines: list[shop_pb2.CartLine]) -> Answer:
    names = [_line_name(turn, line) for line in lines]
    return turn.ask_slot("product", turn.say("product.which_of", names=turn.phrases.joined(names[:MAX_SPOKEN])), names)


def _items(turn: Turn, cart: shop_pb2.Cart) -> list[Any]:
    return [shown_item(line.product, turn.language) for line in cart.lines]


def _remember_lines(turn: Turn, cart: shop_pb2.Cart) -> None:
    """The cart is what is on the screen now."""
    turn.state.shown = _items(turn, cart)
    turn.state.shown_kind = "cart"
    turn.state.spoken_count = min(MAX_SPOKEN, len(turn.state.shown))


@skill("view_cart", SHOPPER, side=True)
async def view_cart(turn: Turn) -> Answer:
    """我的购物车里有什么: at most three lines aloud."""
    cart = await turn.shop.cart()
    if not cart.lines:
        return turn.answer("cart.empty")
    _remember_lines(turn, cart)
    return turn.answer(
        "cart.view",
        cart_cards(cart, turn.language),
        lines=spoken_lines(turn, list(cart.lines)),
        total=money_text(cart.total, turn.language),
        count=len(cart.lines),
    )


def _line_name(turn: Turn, line: shop_pb2.CartLine) -> str:
    return f"{product_name(line.product, turn.language)} {line_choice(line, turn.language)}".strip()


def spoken_pieces(turn: Turn, product: shop_pb2.Product, count: int, name: str = "") -> str:
    """2箱纯牛奶: a count with the word that the product is counted by."""
    name = name or product_name(product, turn.language)
    return turn.say("cart.pieces", name=name, count=count, measure=product.measure_word or "份")


def spoken_lines(turn: Turn, lines: list[shop_pb2.CartLine]) -> str:
    """The first lines of a cart: 2份新鲜红富士苹果、1箱纯牛奶."""
    said = []
    for line in lines[:MAX_SPOKEN]:
        said.append(spoken_pieces(turn, line.product, line.quantity, _line_name(turn, line)))
    text = turn.phrases.joined(said)
    rest = len(lines) - MAX_SPOKEN
    return turn.say("cart.and_more", lines=text, rest=rest) if rest > 0 else text


@skill("clear_cart", SHOPPER, changes=True)
async def clear_cart(turn: Turn) -> Answer:
    """清空购物车: only after a yes."""
    cart = await turn.shop.cart()
    if not cart.lines:
        return turn.answer("cart.empty")
    question = turn.say("cart.confirm_clear", count=len(cart.lines))
    return turn.ask_confirmation("clear_cart", {}, question, cart_cards(cart, turn.language))


@confirmed("clear_cart")
async def clear_cart_confirmed(turn: Turn, parameters: dict[str, Any]) -> Answer:
    """Yes to emptying the cart."""
    await turn.shop.change("ClearCart", shop_pb2.ClearCartRequest(), "clear_cart")
    turn.state.cart_line_id = ""
    return turn.answer("cart.cleared")


def _is_line(line: shop_pb2.CartLine, product: shop_pb2.Product, variant: shop_pb2.Variant) -> bool:
    return line.product.sku == product.sku and (not variant.variant_id or line.variant_id == variant.variant_id)


def _named(product: shop_pb2.Product, variant: shop_pb2.Variant, language: str) -> str:
    """Name with the choice that matters: 运动鞋 男款 黑色42码."""
    choice = choice_text(variant.color, variant.color_code, variant.size, language)
    return f"{product_name(product, language)} {choice}".strip()
