"""Cards: the facts beside a reply, and the names by which products and orders are spoken of."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import zip_longest
from typing import Any

from google.protobuf import json_format, struct_pb2

from voxcart.text.product_names import spoken_forms
from voxcart_api.bus.v1 import bus_pb2
from voxcart_api.common.v1 import common_pb2
from voxcart_api.shop.v1 import shop_pb2
from voxcart_services.dialogue.slots import SHOP_TIME_ZONE
from voxcart_services.dialogue.state import ShownItem

MAX_CARDS = 10
MAX_CART_LINES = 20


def product_name(product: Any, language: str) -> str:
    """Name of a Product, an OrderLine or a ProductChanged in a language."""
    return (product.name_en or product.name_zh) if language == "en" else (product.name_zh or product.name_en)


def unique(words: Any) -> list[str]:
    """The words without empty and repeated ones, in order."""
    return list(dict.fromkeys(word for word in words if word))


def color_name(variant: shop_pb2.Variant, language: str) -> str:
    """The colour as spoken in a language."""
    return (variant.color_code or variant.color) if language == "en" else variant.color


def colors_of(product: shop_pb2.Product, language: str) -> list[str]:
    """Colours as spoken in a language."""
    return unique(color_name(variant, language) for variant in product.variants)


def sizes_of(product: shop_pb2.Product) -> list[str]:
    """Sizes as spoken."""
    return unique(variant.size for variant in product.variants)


def attributes_of(product: shop_pb2.Product, language: str) -> struct_pb2.Struct:
    """The attributes by their names in a language."""
    return product.attributes_en if language == "en" and product.attributes_en.fields else product.attributes


def product_words(product: shop_pb2.Product, language: str) -> list[str]:
    """What people call a product, the fullest name first, and what they choose it by."""
    is_english = language == "en"
    kind = (product.kind_en or product.kind) if is_english else product.kind
    brand = (product.brand_en or product.brand) if is_english else product.brand
    names = spoken_forms(product_name(product, language), brand, kind)
    return unique([*names, kind, brand, *product.aliases, *colors_of(product, language), *sizes_of(product)])


def cart_words(cart: shop_pb2.Cart, language: str) -> list[str]:
    """What people call the goods in a cart, every line's fullest name first."""
    return unique(in_turns([product_words(line.product, language) for line in cart.lines[:MAX_CART_LINES]]))


def in_turns(groups: Iterable[Sequence[str]]) -> list[str]:
    """The first word of every group, then the second of every group, and so on."""
    return [word for row in zip_longest(*groups, fillvalue="") for word in row]


def product_card(product: shop_pb2.Product, language: str, subtitle: str = "") -> common_pb2.Card:
    """All that a screen wants to know of a product."""
    is_english = language == "en"
    unit = (product.unit_en or product.unit) if is_english else product.unit
    card = common_pb2.Card(
        kind="product",
        id=product.sku,
        name=product_name(product, language),
        subtitle=subtitle or unit,
        price=product.price,
    )
    facts: dict[str, Any] = {
        "brand": product.brand,
        "brand_en": product.brand_en,
        "category": product.category_en if is_english else product.category,
        "unit": unit,
        "stock": product.stock,
        "units_sold": product.units_sold,
        "colors": colors_of(product, language),
        "color_codes": unique(variant.color_code for variant in product.variants),
        "sizes": sizes_of(product),
        "name_zh": product.name_zh,
        "name_en": product.name_en,
        "attributes": json_format.MessageToDict(attributes_of(product, language)),
    }
    if product.HasField("rating"):
        facts["rating"] = round(product.rating, 2)
    card.facts.update({name: value for name, value in facts.items() if value or name == "stock"})
    return card


def recommended_product(changed: bus_pb2.ProductChanged) -> shop_pb2.Product:
    """The recommender's view of a product in the shop's form."""
    product = shop_pb2.Product(
        sku=changed.sku,
        name_zh=changed.name_zh,
        name_en=changed.name_en,
        brand=changed.brand,
        category=changed.category,
        price=changed.price,
        unit=changed.unit,
        stock=changed.stock,
        attributes=changed.attributes,
        aliases=changed.aliases,
        units_sold=changed.units_sold,
    )
    if changed.HasField("rating"):
        product.rating = changed.rating
    return product


def shown_item(product: shop_pb2.Product, language: str) -> ShownItem:
    """What is remembered of a shown product."""
    return ShownItem(
        sku=product.sku,
        name=product_name(product, language),
        kind=product.kind_en if language == "en" else product.kind,
        price_cents=product.price.cents,
        rating=product.rating if product.HasField("rating") else None,
        units_sold=product.units_sold,
        words=product_words(product, language),
    )


def choice_text(color: str, color_code: str, size: str, language: str) -> str:
    """红色M码, red M; empty if there is no choice."""
    if language == "en":
        return " ".join(unique([color_code or color, size]))
    return color + (f"{size}码" if size and size.isascii() else size)


def line_choice(line: shop_pb2.CartLine, language: str) -> str:
    """Colour and size of a cart line."""
    codes = [variant.color_code for variant in line.product.variants if variant.variant_id == line.variant_id]
    return choice_text(line.color, next(iter(codes), ""), line.size, language)


def cart_cards(cart: shop_pb2.Cart, language: str) -> list[common_pb2.Card]:
    """One card a line."""
    cards = []
    for line in cart.lines:
        card = common_pb2.Card(
            kind="cart_line",
            id=line.line_id,
            name=product_name(line.product, language),
            subtitle=line_choice(line, language),
            price=line.unit_price,
            quantity=line.quantity,
        )
        card.facts.update({"sku": line.product.sku, "total_cents": line.total.cents, "unit": line.product.unit})
        cards.append(card)
    return cards


def order_card(order: shop_pb2.Order, language: str) -> common_pb2.Card:
    """Lines, state and parcel of an order."""
    card = common_pb2.Card(
        kind="order",
        id=order.order_id,
        name=order_contents(order, language),
        subtitle=order.order_id,
        price=order.total,
        quantity=sum(line.quantity for line in order.lines),
    )
    facts = {
        "status": order.status,
        "created_at": local_time(order.created_at.ToDatetime(SHOP_TIME_ZONE)),
        "payment_method": order.payment_method,
        "carrier": order.shipment.carrier,
        "tracking_no": order.shipment.tracking_no,
        "last_event": order.shipment.last_event,
        "refund_status": order.refund.status,
    }
    card.facts.update({name: value for name, value in facts.items() if value})
    return card


def refund_card(refund: shop_pb2.Refund) -> common_pb2.Card:
    """State, amount and reason of a refund."""
    card = common_pb2.Card(
        kind="refund", id=refund.refund_id, name=refund.order_id, subtitle=refund.reason, price=refund.amount
    )
    card.facts.update({"status": refund.status, "order_id": refund.order_id, "reason": refund.reason})
    return card


def order_contents(order: shop_pb2.Order, language: str, at_most: int = 2) -> str:
    """Names of the first lines: 新鲜红富士苹果等3件."""
    names = unique(product_name(line, language) for line in order.lines)
    separator = "、" if language == "zh" else ", "
    text = separator.join(names[:at_most])
    if len(names) > at_most:
        text += f"等{len(names)}种商品" if language == "zh" else f" and {len(names) - at_most} more"
    return text


def local_time(moment: datetime) -> str:
    """A moment by the shop's clock: 2026-11-21 14:05."""
    return moment.astimezone(SHOP_TIME_ZONE).strftime("%Y-%m-%d %H:%M")
