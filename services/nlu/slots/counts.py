"""Quantities, ordinals, order and tracking numbers, sizes and times."""

import re
from typing import Any

from voxcart.text.amounts import Amount
from voxcart.text.numbers import ZH_DIGITS, format_number
from voxcart.text.wordlist import words
from voxcart_services.nlu.slots.context import SlotContext
from voxcart_services.nlu.spans import Slot

CART = frozenset(
    {"add_to_cart", "update_cart", "remove_from_cart", "checkout", "request_refund", "ask_price", "select_item"}
)
STOCK = frozenset({"merchant_add_product", "merchant_update_product"})
BROWSING = frozenset({"search_product", "refine_search", "recommend"})
ORDERS = frozenset({
    "order_status", "cancel_order", "request_refund", "list_orders", "change_address", "pay",
    "merchant_confirm_order", "merchant_ship_order", "merchant_process_refund", "merchant_list_orders",
})  # fmt: skip
TIMED = frozenset({
    "order_status", "list_orders", "cancel_order", "request_refund", "pay", "merchant_list_orders",
    "merchant_sales_report", "merchant_reviews", "merchant_update_product",
})  # fmt: skip
NO_ORDINALS = frozenset(
    {"out_of_scope", "ask_faq", "give_feedback", "merchant_sales_report", "home_control", "navigate"}
)
SIZED = frozenset({
    "search_product", "refine_search", "select_item", "ask_stock", "ask_price", "ask_product_info", "add_to_cart",
    "update_cart", "remove_from_cart", "recommend", "request_refund", "merchant_query_stock", "merchant_update_product",
    "merchant_add_product",
})  # fmt: skip

_ADD = re.compile(
    r"(?:多加|多来|多要|再加|再来|再要|增加|加|添|补货?|补上|进货?|入库|到货|上涨|"
    r"increase\b.*by|add)(?:了|个|上)?\s*$",
    re.IGNORECASE,
)
_SUBTRACT = re.compile(
    r"(?:少来|少要|少买|减少|减掉|减去|减|去掉|少|扣除?|(?:reduce|decrease)\b.*by)(?:了|"
    r"个)?\s*$",
    re.IGNORECASE,
)
_ADD_AFTER = re.compile(r"^\s*(?:more|extra|additional)\b", re.IGNORECASE)
_SUBTRACT_AFTER = re.compile(r"^\s*(?:less|fewer)\b", re.IGNORECASE)
_STOCK_BEFORE = re.compile(
    r"库存|裤存|存货|备货|数量|补|进货?|入库|到货|stock|inventory|quantity|restock|units", re.IGNORECASE
)
_ORDER_WORD = re.compile(r"订单|定单|顶单|这单|那单|单子|order|退款|单号|refund", re.IGNORECASE)
_TRACKING_BEFORE = re.compile(
    r"(?:(?<!订)(?<!定)单号|运单号?|快递号|物流号|tracking\s*(?:number|no\.?|code)?)\s*(?:是|"
    r"为|：|:|is)?\s*$",
    re.IGNORECASE,
)
_TRACKING = re.compile(r"[A-Za-z]{1,4}[\s-]?[0-9零一二三四五六七八九幺两]{3,}|[0-9零一二三四五六七八九幺]{4,}")
_ONE_PRONOUN = re.compile(
    r"(?:the|this|that|which|a|an|\w+(?:est|er)|red|blue|black|white|green|first|second|third|"
    r"last|any|no|new|old|other|another|every)\s+$",
    re.IGNORECASE,
)
_ARTICLE_UNITS = frozenset(words("个 款 条 件 双 台 部 只 张 本 把 套 顶 辆 支 床 瓶 盒 箱 包 种 样 份 块 次 批 位 对"))
_EXCLUDED_UNITS = frozenset(words("次 单 位 样 种 批 款 面 身 克 kg 升 层 盒装 袋装 order orders"))


def find_quantities(context: SlotContext) -> list[Slot]:
    """How many: two boxes, 三箱, and bare numbers where the intent asks for a count."""
    if context.intent not in CART | STOCK | BROWSING:
        return []
    slots = []
    for amount in context.mentions.amounts:
        if amount.kind == "quantity" and amount.unit not in _EXCLUDED_UNITS:
            if context.intent in BROWSING | {"select_item"} and amount.value == 1 and amount.unit in _ARTICLE_UNITS:
                continue
            if context.intent == "select_item" or _is_article(context, amount):
                continue
            slots.append(_quantity(context, amount, amount.unit))
        elif amount.kind in ("number", "digits") and _bare_count(context, amount):
            slots.append(_quantity(context, amount, ""))
    return slots


def _is_article(context: SlotContext, amount: Amount) -> bool:
    """一 that counts nothing: 多少钱一袋, 添加一个新商品."""
    if amount.value != 1 or amount.unit not in _ARTICLE_UNITS | {"袋", "斤", "公斤"}:
        return False
    if context.intent == "ask_price":
        return bool(re.search(r"(?:多少钱?|几块钱?|怎么卖|什么价|啥价)$", context.before(amount.start)))
    if context.intent in STOCK:
        return not _STOCK_BEFORE.search(context.before(amount.start))
    return False


def _bare_count(context: SlotContext, amount: Amount) -> bool:
    before = context.before(amount.start, 30)
    if context.intent in STOCK:
        clause = re.split(r"[，,。；;]", before)[-1]
        stock = max((m.end() for m in _STOCK_BEFORE.finditer(clause)), default=-1)
        price = max((m.end() for m in re.finditer(r"价|卖|售|price|at|涨|降", clause)), default=-1)
        restock = re.match(r"\s*(?:more)\b", context.after(amount.end), re.IGNORECASE)
        return stock > price or bool(restock)
    if context.intent not in {"add_to_cart", "update_cart", "remove_from_cart"} or amount.value > 9999:
        return False
    if amount.language == "en" and amount.value == 1 and (_ONE_PRONOUN.search(before) or before.strip() == ""):
        return not before.strip() and bool(re.match(r"\s+more\b|\s+\w+", context.after(amount.end, 20)))
    return amount.digits == "" or len(amount.digits) < 5


def _quantity(context: SlotContext, amount: Amount, unit: str) -> Slot:
    value: dict[str, Any] = {"value": amount.value}
    if unit:
        value["unit"] = unit
    return Slot(
        "quantity", amount.start, amount.end, value,
        relation=_relation(context, amount), approximate=amount.approximate or amount.high is not None,
    )  # fmt: skip


def _relation(context: SlotContext, amount: Amount) -> str:
    if context.intent not in {"update_cart", "merchant_update_product"}:
        return ""
    before, after = context.before(amount.start, 30), context.after(amount.end, 12)
    if re.search(r"(?:加|减|增加|减少|increase|reduce)\w*(?:到|成|至|\s+to)\s*$", before):
        return ""
    if _SUBTRACT.search(before) or _SUBTRACT_AFTER.match(after):
        return "subtract"
    if _ADD.search(before) or _ADD_AFTER.match(after):
        return "add"
    if re.search(r"补|进货|入库|restock", before) or re.match(r"货", after):
        return "add"
    return ""


def find_ordinals(context: SlotContext) -> list[Slot]:
    """Positions: 第二个, the last one, number two."""
    if context.intent in NO_ORDINALS:
        return []
    slots = [
        Slot("ordinal", amount.start, amount.end, int(amount.value))
        for amount in context.mentions.amounts
        if amount.kind == "ordinal" and not re.match(r"次|天|时间|step|time", context.after(amount.end))
    ]
    if not slots and context.intent in {"cancel_order", "order_status", "request_refund", "pay"}:
        match = re.search(r"\b(?:last|latest|most recent)\s+order\b", context.text, re.IGNORECASE)
        latest = re.search(r"最(?:后|近|新)(?:的)?(?:一|那)?(?:个|笔|单)(?=订单|定单|单子)?", context.text)
        if match:
            slots.append(Slot("ordinal", match.start(), match.start() + len(match.group().rsplit(None, 1)[0]), -1))
        elif latest:
            slots.append(Slot("ordinal", latest.start(), latest.end(), -1))
    if not slots and context.intent == "select_item":
        for amount in context.mentions.amounts:
            pronoun = amount.language == "en" and amount.value == 1
            if (
                amount.kind in ("number", "time", "measure")
                and amount.unit in ("", "号")
                and 0 < amount.value <= 20
                and not pronoun
            ):
                slots.append(Slot("ordinal", amount.start, amount.end, int(amount.value)))
    return slots


def find_identifiers(context: SlotContext) -> list[Slot]:
    """Order numbers and tracking numbers, spoken or written, as the machine writes them."""
    if context.intent not in ORDERS:
        return []
    slots: list[Slot] = []
    if context.intent == "merchant_ship_order":
        slots += _tracking(context)
    for start, end in context.mentions.codes:
        if not any(slot.overlaps(start, end) for slot in slots):
            name = "tracking_no" if context.intent == "merchant_ship_order" and slots == [] and not _ORDER_WORD.search(
                context.before(start, 6)
            ) else "order_id"  # fmt: skip
            slots.append(Slot(name, start, end, machine_code(context.text[start:end])))
    for amount in context.mentions.amounts:
        if amount.kind not in ("digits", "number") or any(slot.overlaps(amount.start, amount.end) for slot in slots):
            continue
        digits = amount.digits or (
            format_number(amount.value) if amount.language == "arabic" or _ordered(context, amount) else ""
        )
        if len(digits) >= 3 or (digits and _ORDER_WORD.search(context.before(amount.start, 10))):
            slots.append(Slot("order_id", amount.start, amount.end, digits))
    return slots


def _ordered(context: SlotContext, amount: Amount) -> bool:
    return bool(_ORDER_WORD.search(context.before(amount.start, 10)))


def _tracking(context: SlotContext) -> list[Slot]:
    for match in _TRACKING.finditer(context.text):
        if _TRACKING_BEFORE.search(context.text[: match.start()]):
            return [Slot("tracking_no", match.start(), match.end(), machine_code(match.group()))]
    return []


def machine_code(spoken: str) -> str:
    """Letters and digits only, spoken digits written, upper case: ``SF 八八六六`` -> ``SF8866``."""
    written = "".join(str(ZH_DIGITS.get(char, char)) for char in spoken)
    return re.sub(r"[\s-]", "", written).upper()


def find_sizes(context: SlotContext) -> list[Slot]:
    """42码, XL, and relative ones (大一号)."""
    if context.intent not in SIZED:
        return []
    slots = [Slot("size", item.start, item.end, item.value) for item in context.mentions.sizes]
    if not slots:
        relative = re.search(r"([大小])([一两二三]|半)(?:个)?(?:号|码)", context.text)
        if relative:
            steps = 0.5 if relative.group(2) == "半" else ZH_DIGITS[relative.group(2)]
            relation = "add" if relative.group(1) == "大" else "subtract"
            slots.append(Slot("size", *relative.span(), steps, relation=relation))
    return slots


def find_times(context: SlotContext) -> list[Slot]:
    """Time ranges, for intents that look into a history."""
    if context.intent not in TIMED:
        return []
    return [Slot("time_range", item.start, item.end, item.as_dict()) for item in context.mentions.times]
