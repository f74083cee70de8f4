"""Questions about one product: price, stock, what it is like."""

from typing import Any

from google.protobuf import json_format

from voxcart_api.bus.v1 import bus_pb2
from voxcart_api.shop.v1 import shop_pb2
from voxcart_services.dialogue import cues
from voxcart_services.dialogue.cards import (
    attributes_of,
    choice_text,
    color_name,
    colors_of,
    product_card,
    product_name,
    sizes_of,
    unique,
)
from voxcart_services.dialogue.money import amount_text, money_text, number_text
from voxcart_services.dialogue.quantities import pieces_wanted
from voxcart_services.dialogue.reference import Found, find_product, set_focus
from voxcart_services.dialogue.skills.cart import view_cart
from voxcart_services.dialogue.skills.checkout import checkout
from voxcart_services.dialogue.skills.orders import describe_listed_order
from voxcart_services.dialogue.skills.search import priced
from voxcart_services.dialogue.turn import Answer, Turn, skill

ATTRIBUTE_WORDS: dict[str, tuple[str, ...]] = {
    "材质": ("材料", "面料", "什么做的"),
    "内存": ("运存",),
    "存储": ("多少g", "保存"),
    "屏幕": ("多大屏",),
    "续航": ("电池", "用多久"),
    "电池": ("续航", "电量"),
    "摄像头": ("摄像", "拍照", "像素", "相机"),
    "产地": ("哪里产", "哪儿产", "哪产", "哪里的"),
    "重量": ("多重", "几斤"),
    "保质期": ("放多久", "过期"),
    "功率": ("多少瓦",),
    "容量": ("几升", "多大"),
    "处理器": ("芯片",),
    "防水": ("怕水",),
    "成分": ("配料", "什么做的"),
    "口味": ("味道",),
    "口感": ("味道", "好吃", "甜不甜"),
    "适合": ("适用", "什么人"),
    "功效": ("效果", "作用"),
    "material": ("made of", "fabric"),
    "memory": ("ram",),
    "battery life": ("battery",),
    "origin": ("where is it from", "where does it come from", "come from"),
    "water resistance": ("waterproof",),
    "noise reduction": ("noise",),
    "ingredients": ("ingredient", "made of"),
}
"""Other words that ask for an attribute, by the catalogue's name for it."""


async def _asked_for(turn: Turn) -> Found | Answer:
    found = await find_product(turn)
    if isinstance(found, Found):
        set_focus(turn, found.product, found.color, found.size)
        turn.record_event(bus_pb2.UserEvent.TYPE_VIEW, sku=found.product.sku)
    return found


@skill("ask_price", side=True)
async def ask_price(turn: Turn) -> Answer:
    """这个多少钱, 总共多少钱."""
    if turn.state.shown_kind == "orders" and turn.slots.ordinal() is not None:
        return await describe_listed_order(turn)
    asks_quote = cues.QUOTE.search(turn.text) and not turn.slots.names() & {"product", "category", "ordinal"}
    if asks_quote and (await turn.shop.cart()).lines:
        turn.intent = "checkout"
        return await checkout(turn)
    if cues.TOTAL.search(turn.text) and not turn.slots.names() & {"product", "category", "ordinal"}:
        return await view_cart(turn)
    found = await _asked_for(turn)
    if isinstance(found, Answer):
        return found
    product = found.product
    cards = [product_card(product, turn.language)]
    price, name = money_text(product.price, turn.language), product_name(product, turn.language)
    quantity = turn.slots.quantity()
    if quantity is not None:
        pieces = pieces_wanted(quantity, product.unit, turn.text)
        if not pieces.problem and pieces.count > 1:
            total = amount_text(product.price.cents * pieces.count, turn.language)
            return turn.answer("info.price_of_many", cards, name=name, price=price, count=pieces.count, total=total)
    return turn.answer("info.price", cards, name=name, price=price, priced=priced(product, turn.language))


@skill("ask_stock", side=True)
async def ask_stock(turn: Turn) -> Answer:
    """这款还有货吗, 蓝色的有吗."""
    found = await _asked_for(turn)
    if isinstance(found, Answer):
        return found
    product = found.product
    color = turn.slots.word("color") or found.color
    size = (turn.slots.word("size") or found.size).upper().removesuffix("码")
    cards = [product_card(product, turn.language)]
    name = product_name(product, turn.language)
    if not (color or size) or not product.variants:
        phrase = "info.in_stock" if product.stock > 0 else "info.sold_out"
        return turn.answer(phrase, cards, name=name, stock=product.stock)
    variants = [
        variant
        for variant in product.variants
        if (not color or color in {variant.color, variant.color_code}) and (not size or variant.size.upper() == size)
    ]
    stock = sum(variant.stock for variant in variants)
    said = " ".join(unique([*(color_name(variant, turn.language) for variant in variants[:1] if color), size]))
    choice = said or turn.slots.text("color", "size")
    if stock > 0:
        set_focus(turn, product, color, size)
        return turn.answer("info.variant_in_stock", cards, name=name, choice=choice, stock=stock)
    left = [variant for variant in product.variants if variant.stock > 0]
    there = unique(_choice(turn, variant, bool(color), bool(size)) for variant in left)
    return turn.answer("info.variant_sold_out", cards, name=name, choice=choice, others=turn.phrases.joined(there[:6]))


def _choice(turn: Turn, variant: shop_pb2.Variant, by_color: bool, by_size: bool) -> str:
    """What a variant is told apart by: its colour, its size, or both."""
    code = variant.color_code if by_color else ""
    return choice_text(variant.color if by_color else "", code, variant.size if by_size else "", turn.language)


@skill("ask_product_info", side=True)
async def ask_product_info(turn: Turn) -> Answer:
    """这个手机内存多大, tell me more about it."""
    if turn.state.shown and _is_attribute(turn.slots.text("product", "category")):
        turn.slots = turn.slots.without("product", "category")
    found = await _asked_for(turn)
    if isinstance(found, Answer):
        return found
    product = found.product
    cards = [product_card(product, turn.language)]
    name = product_name(product, turn.language)
    asked = _asked_fact(turn, product)
    if asked:
        return turn.answer("info.fact", cards, name=name, fact=asked)
    if _asks_for_attribute(turn.text):
        return turn.answer("info.no_such_fact", cards, name=name)
    return Answer(_whole_description(turn, product), cards)


def _asked_fact(turn: Turn, product: shop_pb2.Product) -> str:
    """The fact that the question names, as a phrase: 内存12GB. Empty if it names none that is known."""
    text = turn.text.lower()
    attributes = json_format.MessageToDict(attributes_of(product, turn.language))
    for key, value in attributes.items():
        if key.lower() in text or any(word in text for word in ATTRIBUTE_WORDS.get(key, ())):
            return turn.say("info.attribute", key=key, value=_value_text(turn, value))
    if cues.REVIEW_WORDS.search(text) and product.HasField("rating"):
        return turn.say("info.rating", rating=number_text(round(product.rating, 1)))
    if ("颜色" in text or "colo" in text) and (colors := colors_of(product, turn.language)):
        return turn.say("info.colors", colors=turn.phrases.joined(colors))
    if any(word in text for word in ("码", "尺寸", "大小", "size")) and (sizes := sizes_of(product)):
        return turn.say("info.sizes", sizes=turn.phrases.joined(sizes))
    if any(word in text for word in ("品牌", "牌子", "brand")) and product.brand:
        return turn.say("info.brand", brand=product.brand)
    if any(word in text for word in ("规格", "多少斤", "几斤", "多少片", "几片", "一箱", "一份")) and product.unit:
        return turn.say("info.unit", unit=product.unit)
    return ""


def _is_attribute(word: str) -> bool:
    return bool(word) and any(word in (key, *words) for key, words in ATTRIBUTE_WORDS.items())


def _asks_for_attribute(text: str) -> bool:
    lowered = text.lower()
    return any(word in lowered for key, words in ATTRIBUTE_WORDS.items() for word in (key, *words))


def _value_text(turn: Turn, value: Any) -> str:
    if isinstance(value, list):
        return turn.phrases.joined([str(entry) for entry in value])
    if isinstance(value, bool):
        return turn.say("info.yes" if value else "info.no")
    return number_text(value) if isinstance(value, float) else str(value)


def _whole_description(turn: Turn, product: shop_pb2.Product) -> str:
    """One speakable sentence about all of it."""
    price = money_text(product.price, turn.language)
    values = {"name": product_name(product, turn.language), "priced": price}
    details = product.description if turn.language == "zh" else product.description_en
    if not details:
        attributes = json_format.MessageToDict(attributes_of(product, turn.language))
        facts = [f"{key} {_value_text(turn, value)}" for key, value in attributes.items()]
        details = turn.phrases.joined(facts[:3])
    return turn.say("info.about" if details else "info.about_short", details=details.rstrip("。."), **values)
