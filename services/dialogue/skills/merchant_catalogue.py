"""The merchant's products: price, stock, new ones, taking one off sale."""

import math
import re
from typing import Any

from voxcart.errors import InvalidInput, NotFound, WrongState
from voxcart.text.amounts import find_amounts
from voxcart_api.shop.v1 import shop_pb2
from voxcart_services.dialogue import cues
from voxcart_services.dialogue.cards import product_card, product_name, unique
from voxcart_services.dialogue.money import amount_text, money_text
from voxcart_services.dialogue.quantities import number_problem
from voxcart_services.dialogue.reference import Found, find_product, set_focus, spoken_name
from voxcart_services.dialogue.skills.timed_prices import ask_timed_price, manage_timed_prices, period_of
from voxcart_services.dialogue.slots import Amount, Quantity, Slots, quantity_of, text_slot
from voxcart_services.dialogue.turn import MERCHANT, Answer, Turn, confirmed, skill

MAX_PRICE_CENTS = 100_000_000
MAX_STOCK = 10_000_000
LOW_STOCK_SHOWN = 10
NEW_PRODUCT = re.compile(
    r"(?:上架|上新|新增|添加)(?:一?[款个种件台双箱瓶本]|新品|新商品|商品)?(.+?)(?=[，,。；;]|价格|售价|定价|库存|卖|单价|\d|$)"
)


@skill("merchant_update_product", MERCHANT, changes=True)
async def update_product(turn: Turn) -> Answer:
    """把苹果的价格改成三十五元, 连衣裙库存加一百: reads back before and after, and asks."""
    if problem := number_problem(turn.slots, turn.text):
        return turn.answer(problem, limit=MAX_STOCK)
    if cues.TIMED_PRICE.search(turn.text) and "price" not in turn.slots:
        return await manage_timed_prices(turn)
    if conflict := _conflict(turn):
        return conflict
    period = period_of(turn)
    price, stock = turn.slots.amount("price"), turn.slots.quantity()
    price, stock = _sorted_out(turn, price, stock)
    if price is None and stock is None:
        price = _price_in(turn)
    if period is not None and price is not None:
        stock = None
    found = await find_product(turn)
    if isinstance(found, Answer):
        return found
    product = found.product
    set_focus(turn, product)
    if period is not None and price is not None:
        cents = new_price_cents(product.price.cents, price)
        if not 0 < cents <= MAX_PRICE_CENTS:
            return turn.answer("merchant.bad_price")
        return ask_timed_price(turn, product, cents, period)
    name = product_name(product, turn.language)
    if price is None and stock is None:
        about_stock = bool(cues.STOCK_WORD.search(turn.text))
        slot, phrase = ("quantity", "merchant.stock_to_what") if about_stock else ("price", "merchant.price_to_what")
        return turn.ask_slot(slot, turn.say(phrase, name=name), cards=[product_card(product, turn.language)])
    return _read_back(turn, product, price, stock)


def _conflict(turn: Turn) -> Answer | None:
    """Two different values for one thing: none of them is taken, the person says which. 从39改成35 is no conflict."""
    for slot in ("price", "quantity"):
        if cues.FROM_TO.search(turn.text) and slot in turn.slots:
            turn.slots = Slots([*turn.slots.without(slot).values, turn.slots.all(slot)[-1]])
        if values := turn.slots.conflicting(slot):
            turn.slots = turn.slots.without(slot)
            return turn.ask_slot(slot, turn.say("merchant.which_value", values=turn.phrases.joined(values)))
    return None


def _price_in(turn: Turn) -> Amount | None:
    """The one sum of money in the words, where the language understanding took it for nothing."""
    if not cues.NEW_PRICE.search(turn.text):
        return None
    sums = [amount.value for amount in find_amounts(turn.text) if amount.kind == "money"]
    return Amount(sums[0]) if len(sums) == 1 and sums[0] is not None else None


def _sorted_out(turn: Turn, price: Amount | None, stock: Quantity | None) -> tuple[Amount | None, Quantity | None]:
    """A bare number belongs to what the sentence names, else to what was talked about (加一百 after a stock)."""
    about_stock = bool(cues.STOCK_WORD.search(turn.text))
    about_price = bool(cues.PRICE_WORD.search(turn.text))
    if not about_stock and not about_price:
        last_names = {value.name for value in turn.state.last_slots}
        updates = turn.state.last_intent == "merchant_update_product"
        about_stock = turn.state.last_intent == "merchant_query_stock" or (updates and "quantity" in last_names)
        about_price = turn.state.last_intent == "ask_price" or (updates and "price" in last_names)
    if price is not None and stock is None and about_stock and not about_price:
        return None, Quantity(price.value, "", price.relation)
    if stock is not None and price is None and about_price and not about_stock:
        return Amount(stock.value, stock.relation), None
    return price, stock


def _read_back(turn: Turn, product: shop_pb2.Product, price: Amount | None, stock: Quantity | None) -> Answer:
    name = product_name(product, turn.language)
    parameters: dict[str, Any] = {"sku": product.sku, "name": name}
    changes = []
    if price is not None:
        cents = new_price_cents(product.price.cents, price)
        if not 0 < cents <= MAX_PRICE_CENTS:
            return turn.answer("merchant.bad_price")
        parameters["price_cents"] = cents
        before, after = money_text(product.price, turn.language), amount_text(cents, turn.language)
        changes.append(turn.say("merchant.price_change", before=before, after=after))
    if stock is not None:
        after_stock = new_stock(product.stock, stock)
        if stock.value != math.floor(stock.value) or not 0 <= after_stock <= MAX_STOCK:
            return turn.answer("merchant.bad_stock", stock=product.stock)
        parameters["stock"] = {"relation": stock.relation, "value": stock.value}
        changes.append(turn.say("merchant.stock_change", before=product.stock, after=after_stock))
    is_large = _is_large_change(product.price.cents, parameters.get("price_cents"))
    phrase = "merchant.confirm_large_update" if is_large else "merchant.confirm_update"
    question = turn.say(phrase, name=name, changes=turn.phrases.joined(changes))
    return turn.ask_confirmation("update_product", parameters, question, [product_card(product, turn.language)])


def _is_large_change(before_cents: int, after_cents: int | None) -> bool:
    """To less than half or more than double: likely misheard."""
    return after_cents is not None and not before_cents / 2 <= after_cents <= before_cents * 2


def new_price_cents(before_cents: int, change: Amount) -> int:
    """The price after a change, in cents; 打八折 is percent 80 of the price now."""
    if change.relation == "add":
        return before_cents + change.cents
    if change.relation == "subtract":
        return before_cents - change.cents
    if change.relation == "percent":
        return math.floor(before_cents * change.value / 100 + 0.5)
    return change.cents


def new_stock(before: int, change: Quantity) -> int:
    """The stock after a change."""
    value = int(change.value)
    return {
        "add": before + value,
        "subtract": before - value,
        "percent": math.floor(before * change.value / 100 + 0.5),
    }.get(change.relation, value)


@confirmed("update_product")
async def update_product_confirmed(turn: Turn, parameters: dict[str, Any]) -> Answer:
    """Yes to the read-back. The price is set to what was read back; stock moves by what was said."""
    request = shop_pb2.UpdateProductRequest(sku=parameters["sku"])
    if "price_cents" in parameters:
        request.price.set = parameters["price_cents"]
    if stock := parameters.get("stock"):
        relation = stock["relation"] if stock["relation"] in {"add", "subtract", "percent"} else "set"
        setattr(request.stock, relation, stock["value"] if relation == "percent" else int(stock["value"]))
    action = "update_price" if "price_cents" in parameters else "update_stock"
    try:
        changed = await turn.shop.change("UpdateProduct", request, action, sku=parameters["sku"])
    except (WrongState, InvalidInput, NotFound) as error:
        reason = f"timed.{error.reason}" if error.reason in {"below_floor", "price_scheduled"} else ""
        return turn.answer(reason or "merchant.update_refused", name=parameters["name"])
    product = changed.product
    turn.shop.actions[-1].details.update(
        {
            "price_before_cents": changed.price_before_cents,
            "price_cents": product.price.cents,
            "stock_before": changed.stock_before,
            "stock": product.stock,
        }
    )
    phrase = "merchant.price_updated" if "price_cents" in parameters else "merchant.stock_updated"
    cards = [product_card(product, turn.language)]
    price = money_text(product.price, turn.language)
    return turn.answer(phrase, cards, name=parameters["name"], price=price, stock=product.stock)


@skill("merchant_add_product", MERCHANT, changes=True)
async def add_product(turn: Turn) -> Answer:
    """上架一款蓝牙耳机，价格一百九十九，库存五百: asks for what is missing, reads back, and asks."""
    if problem := number_problem(turn.slots, turn.text):
        return turn.answer(problem, limit=MAX_STOCK)
    if conflict := _conflict_of_price(turn):
        return conflict
    name, category = _new_name(turn), turn.slots.text("category")
    if not name:
        return turn.ask_slot("product", turn.say("merchant.add_what"))
    turn.slots = Slots([text_slot("product", name), *turn.slots.without("product", "category").values])
    price = turn.slots.amount("price")
    if price is None:
        return turn.ask_slot("price", turn.say("merchant.add_price", name=name))
    stock = _stock_of_new(turn)
    if stock is None:
        return turn.ask_slot("quantity", turn.say("merchant.add_stock", name=name))
    if not 0 < price.cents <= MAX_PRICE_CENTS:
        turn.slots = turn.slots.without("price")
        return turn.answer("merchant.bad_price")
    if stock.value != math.floor(stock.value) or not 0 <= stock.value <= MAX_STOCK:
        return turn.answer("merchant.bad_new_stock")
    parameters = {
        "name": name,
        "price_cents": price.cents,
        "stock": int(stock.value),
        "category": category,
        "brand": turn.slots.text("brand"),
        "unit": stock.unit,
    }
    price_text = amount_text(price.cents, turn.language)
    question = turn.say("merchant.confirm_add", name=name, price=price_text, stock=int(stock.value))
    return turn.ask_confirmation("add_product", parameters, question)


def _conflict_of_price(turn: Turn) -> Answer | None:
    return _conflict(turn) if turn.slots.conflicting("price") else None


def _new_name(turn: Turn) -> str:
    """What stands between 上架 and the next clause, else brand and product words."""
    name = spoken_name(turn.slots)
    said = NEW_PRODUCT.search(turn.text)
    if said is not None and name and name in said[1]:
        return said[1].strip()
    brand = turn.slots.text("brand")
    if brand and brand.lower() not in name.lower():
        name = f"{brand} {name}" if name else ""
    return name


def _stock_of_new(turn: Turn) -> Quantity | None:
    """The quantity after the price; 一款 and 一个 before the name count nothing."""
    quantities = turn.slots.all("quantity")
    product = turn.slots.first("product", "category")
    after = [value for value in quantities if product is None or value.start > product.start or value.start == 0]
    return quantity_of(after[-1]) if after else None


@confirmed("add_product")
async def add_product_confirmed(turn: Turn, parameters: dict[str, Any]) -> Answer:
    """Yes to the new product."""
    request = shop_pb2.AddProductRequest(**parameters)
    try:
        product = await turn.shop.change("AddProduct", request, "add_product", name=parameters["name"])
    except (WrongState, InvalidInput) as error:
        phrase = "merchant.name_taken" if error.reason == "name_taken" else "merchant.add_refused"
        return turn.answer(phrase, name=parameters["name"])
    set_focus(turn, product)
    turn.shop.actions[-1].details.update({"sku": product.sku})
    return turn.answer("merchant.added", [product_card(product, turn.language)], name=parameters["name"])


@skill("merchant_delist_product", MERCHANT, changes=True)
async def delist_product(turn: Turn) -> Answer:
    """下架海南香蕉: only after a yes."""
    found = await find_product(turn)
    if isinstance(found, Answer):
        return found
    name = product_name(found.product, turn.language)
    if found.product.delisted:
        return turn.answer("merchant.delisted_already", name=name)
    set_focus(turn, found.product)
    parameters = {"sku": found.product.sku, "name": name}
    question = turn.say("merchant.confirm_delist", name=name)
    return turn.ask_confirmation("delist_product", parameters, question, [product_card(found.product, turn.language)])


@confirmed("delist_product")
async def delist_product_confirmed(turn: Turn, parameters: dict[str, Any]) -> Answer:
    """Yes to taking it off sale."""
    request = shop_pb2.DelistProductRequest(sku=parameters["sku"])
    try:
        await turn.shop.change("DelistProduct", request, "delist_product", sku=parameters["sku"])
    except (WrongState, NotFound):
        return turn.answer("merchant.delisted_already", name=parameters["name"])
    turn.state.focus = None
    return turn.answer("merchant.delisted", name=parameters["name"])


@skill("merchant_query_stock", MERCHANT, side=True)
async def query_stock(turn: Turn) -> Answer:
    """苹果还有多少库存, 哪些商品快没货了."""
    named = spoken_name(turn.slots) or turn.slots.text("brand") or turn.slots.ordinal()
    if cues.LOW_STOCK.search(turn.text) or not (named or turn.state.focus):
        return await _low_stock(turn)
    found = await find_product(turn)
    return found if isinstance(found, Answer) else _stock_answer(turn, found)


def _stock_answer(turn: Turn, found: Found) -> Answer:
    product = found.product
    set_focus(turn, product)
    cards = [product_card(product, turn.language)]
    name = product_name(product, turn.language)
    color, size = turn.slots.word("color"), turn.slots.word("size")
    if color or size:
        variants = [
            v
            for v in product.variants
            if (not color or color in {v.color, v.color_code}) and (not size or v.size == size)
        ]
        if variants:
            choice = " ".join(unique([variants[0].color if color else "", size]))
            stock = sum(variant.stock for variant in variants)
            return turn.answer("merchant.variant_stock", cards, name=name, choice=choice, stock=stock)
    return turn.answer("merchant.stock", cards, name=name, stock=product.stock)


async def _low_stock(turn: Turn) -> Answer:
    request = shop_pb2.ListLowStockRequest(page_size=LOW_STOCK_SHOWN)
    response = await turn.shop.read("ListLowStock", request)
    products = list(response.products)
    if not products:
        return turn.answer("merchant.no_low_stock")
    said = [
        turn.say("merchant.low_item", name=product_name(product, turn.language), stock=product.stock)
        for product in products[:3]
    ]
    cards = [product_card(product, turn.language) for product in products]
    total = max(response.total, len(products))
    return turn.answer("merchant.low_stock", cards, count=total, items=turn.phrases.joined(said))
