"""Names and closed sets: products, brands, colours, payment methods, carriers, metrics and the like."""

import re
from typing import Any

from voxcart.text.wordlist import words
from voxcart_services.nlu.slots.context import SlotContext
from voxcart_services.nlu.spans import Mention, Slot

_GOODS = words(
    "search_product refine_search ask_price ask_stock ask_product_info recommend select_item "
    "add_to_cart remove_from_cart "
    "update_cart merchant_add_product merchant_update_product merchant_delist_product merchant_query_stock"
)
_PRODUCT_INTENTS = frozenset(
    [
        *_GOODS,
        "order_status",
        "request_refund",
        "give_feedback",
        "merchant_sales_report",
        "merchant_reviews",
        "cancel_order",
        "list_orders",
    ]
)
ALLOWED: dict[str, frozenset[str]] = {
    "product": _PRODUCT_INTENTS,
    "category": _PRODUCT_INTENTS,
    "brand": _PRODUCT_INTENTS - {"order_status", "list_orders", "give_feedback"},
    "color": frozenset([*_GOODS, "request_refund"]),
    "size": frozenset(_GOODS),
    "material": frozenset(_GOODS),
    "attribute": frozenset(
        {
            "search_product",
            "refine_search",
            "recommend",
            "select_item",
            "merchant_add_product",
            "ask_stock",
            "add_to_cart",
        }
    ),
    "payment_method": frozenset({"pay", "checkout", "ask_faq"}),
    "sort_by": frozenset(
        {
            "search_product",
            "refine_search",
            "select_item",
            "recommend",
            "merchant_sales_report",
            "ask_price",
            "add_to_cart",
        }
    ),
    "metric": frozenset({"merchant_sales_report", "merchant_reviews"}),
    "carrier": frozenset({"merchant_ship_order", "order_status", "ask_faq"}),
    "recipient": frozenset({"search_product", "recommend", "refine_search"}),
    "coupon": frozenset({"ask_faq", "checkout", "pay"}),
    "room": frozenset({"home_control"}),
    "device": frozenset({"home_control"}),
    "action": frozenset({"home_control"}),
}
_PRIORITY = (
    "device",
    "room",
    "action",
    "payment_method",
    "carrier",
    "recipient",
    "metric",
    "sort_by",
    "color",
    "size",
    "material",
    "product",
    "category",
    "brand",
    "attribute",
    "coupon",
)
_BRAND_FOLLOWS = re.compile(r"^\s?(?:的)?(?:牌子?|家的|品牌|手机|电脑|平板|手表|耳机|笔记本|ones?\b|brand)")
_NEGATION = re.compile(
    r"(?:不要|不想要|别要|不用|不(?:太|怎么|是很|大)?喜欢|讨厌|别给我|除了|不看|排除|非|别的?|not|no|except|without|"
    r"don't want|other than)(?:\s|the|any|买|这个|那个|那种|这种|太)*$",
    re.IGNORECASE,
)
# 销售额 whose last syllable recognition lost.
_HALF_HEARD_SALES = re.compile(r"销售(?![量数报情最得员])[一-鿿](?=是|有|怎|多|如|$)")
_NEGATING_INTENTS = frozenset(
    {"search_product", "refine_search", "recommend", "select_item", "ask_stock", "add_to_cart"}
)
_FOR_SOMEONE = re.compile(
    r"(?:给|送|为|帮|替|适合|for|for my|my)\s*(?:我|咱|我们|一下|the|a)?(?:家|的)?$", re.IGNORECASE
)


def find_names(context: SlotContext) -> list[Slot]:
    """Slots of the words and names found in the text that the intent can use."""
    slots = []
    for mention in context.mentions.names:
        label = _label(context, mention)
        if label is None:
            continue
        slots.append(
            Slot(
                label,
                mention.start,
                mention.end,
                _normalized(context, mention, label),
                negated=label not in ("metric", "sort_by") and _is_negated(context, mention),
                confidence=0.7 if mention.meant else 0.95,
            )
        )
    if context.intent == "merchant_sales_report" and not any(slot.name == "metric" for slot in slots):
        half_heard = _HALF_HEARD_SALES.search(context.text)
        if half_heard:
            slots.append(Slot("metric", *half_heard.span(), "sales_amount", confidence=0.6))
    return _goods_once(context, slots)


def _label(context: SlotContext, mention: Mention) -> str | None:
    options = [label for label in _PRIORITY if label in mention.options and context.intent in ALLOWED[label]]
    if "brand" in options and "product" in options and _BRAND_FOLLOWS.match(context.after(mention.end, 6)):
        return "brand"
    if "brand" in options and "product" in options and context.intent == "refine_search":
        only = re.search(r"(?:只看|只要|光看|要|换成|only)\s*$", context.before(mention.start, 6))
        if only and re.match(r"^(?:的|牌|$)", context.after(mention.end, 2)):
            return "brand"
    if (
        "recipient" in options
        and context.intent == "search_product"
        and not _FOR_SOMEONE.search(context.before(mention.start, 6))
    ):
        options.remove("recipient")
    if "metric" in options and context.intent == "merchant_reviews" and mention.options["metric"] != "rating":
        options.remove("metric")
    return options[0] if options else None


def _normalized(context: SlotContext, mention: Mention, label: str) -> Any:
    value = mention.options[label]
    if value is not None:
        return value
    return mention.meant or context.text[mention.start : mention.end]


def _is_negated(context: SlotContext, mention: Mention) -> bool:
    if context.intent not in _NEGATING_INTENTS:
        return False
    return bool(_NEGATION.search(context.before(mention.start, 12)))


def _goods_once(context: SlotContext, slots: list[Slot]) -> list[Slot]:
    """Where product names follow each other (华为Mate 60手机) the kind of goods behind the name adds nothing."""
    kept: list[Slot] = []
    for slot in slots:
        previous = kept[-1] if kept else None
        if previous is not None and previous.name == "brand" and _is_model_of(context.text, previous, slot):
            kept[-1] = Slot(
                "product", previous.start, slot.end, context.text[previous.start : slot.end], confidence=0.95
            )
            continue
        if (
            previous is not None
            and previous.name == "product"
            and slot.name == "category"
            and not context.text[previous.end : slot.start].strip("的 ")
        ):
            continue
        kept.append(slot)
    return kept


def _is_model_of(text: str, brand: Slot, product: Slot) -> bool:
    """华为 before Mate 60 belongs to the name; 华为 before 耳机 is a brand."""
    model = text[product.start : product.end]
    return (
        product.name == "product"
        and not text[brand.end : product.start].strip()
        and not brand.negated
        and model[0].isascii()
        and any(char.isdigit() or char in "零一二三四五六七八九十" for char in model)
    )
