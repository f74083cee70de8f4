"""Prices: bounds (两千块以下), ranges (一百到三百), targets (改成三十五元), changes (降五块, 打八折)."""

import re
from itertools import pairwise
from typing import Any

from voxcart.text.amounts import Amount
from voxcart_services.nlu.slots.context import SlotContext
from voxcart_services.nlu.spans import Slot

BROWSING = frozenset(
    {"search_product", "refine_search", "recommend", "select_item", "ask_stock", "ask_product_info", "ask_price"}
)
MERCHANT = frozenset({"merchant_add_product", "merchant_update_product"})

_PRICE_KINDS = ("money", "number", "digits", "discount", "percent")
_MAX_AFTER = re.compile(
    r"\s?(?:钱)?(?:的)?(?:以下|以内|之内|之下|以里|内(?!存|衣|裤)|封顶|打住|不到|往下|or less|"
    r"or under|or below|max(?:imum)?)",
    re.IGNORECASE,
)
_MIN_AFTER = re.compile(r"\s?(?:钱)?(?:以上|之上|往上|开外|起(?!订|来)|朝上|or more|or above|and up)", re.IGNORECASE)
_ABOUT_AFTER = re.compile(r"\s?(?:钱)?(?:左右|上下|出头|差不多|or so)", re.IGNORECASE)
_MAX_BEFORE = re.compile(
    r"(?:(?:别|不要|不能|不想|不可以|没有?|不)(?:超过|超出|高于|多于|大于)|不超|低于|少于|"
    r"小于|不到|最多|最高|至多|顶多|"
    r"控制在|上限(?:是|为)?|within|under|below|less than|(?:no|not) more than|not over|up to|at most|"
    r"cheaper than|lower than|max(?:imum)?(?: of)?)\s*$",
    re.IGNORECASE,
)
_MIN_BEFORE = re.compile(
    r"(?:不(?:低于|少于|小于)|高于|超过|大于|多于|至少|最少|最低|起码|over|above|more than|at least|"
    r"starting (?:from|at)|no less than)\s*$",
    re.IGNORECASE,
)
_ABOUT_BEFORE = re.compile(
    r"(?:大概|大约|差不多|约|around|about|roughly|approximately|somewhere around)\s*$", re.IGNORECASE
)
_RANGE_JOIN = re.compile(r"^\s*(?:到|至|-|~|—|–|～|and|to)\s*$", re.IGNORECASE)
_SUBTRACT = re.compile(
    r"(?:降价?|下调|往下调|调低|便宜|减价?|少|直降|下降|打折|让利|(?:lower|reduce|cut|drop|"
    r"decrease|knock)\b.*(?:by|off)?)(?:了|个|它)?\s*$",
    re.IGNORECASE,
)
_ADD = re.compile(
    r"(?:涨价?|加价?|上调|往上调|调高|贵|提价|上涨|(?:raise|increase|bump)\b.*by)(?:了|个|"
    r"它)?\s*$",
    re.IGNORECASE,
)
_PRICE_CUE = re.compile(
    r"(?:价格|价钱|售价|定价|单价|标价|卖价|价|卖|售|特价|priced?(?: at| for| to)?|"
    r"price(?: is)?|for|at|to|改成|改为|调到|降到|涨到|设为|调整为|改到|调成|降至)\s*(?:是|为|"
    r"改成|改为|调到|降到|涨到|到|成|：|:)?\s*(?:of [\w ]{1,30} to\s*)?$",
    re.IGNORECASE,
)
_TARGET = re.compile(
    r"(?:改成|改为|改到|调到|调成|调整为|降到|降至|涨到|设为|设成|定为|变成|(?:to|at)|卖|价格(?:是)?|售价|定价)\s*$",
    re.IGNORECASE,
)
_STOCK_CUE = re.compile(
    r"库存|裤存|存货|备货|数量|补货|补|进货|入库|到货|stock|inventory|quantity|units|restock", re.IGNORECASE
)
_BUDGET_CUE = re.compile(
    r"(?:预算|价位|价格|价钱|budget(?: is| of)?)\s*(?:是|在|大概|大约|about|around)?\s*$", re.IGNORECASE
)


def find_prices(context: SlotContext) -> list[Slot]:
    """Price slots of an utterance; empty for intents that speak of no price."""
    intent = context.intent
    if intent not in BROWSING | MERCHANT:
        return []
    amounts = [amount for amount in context.mentions.amounts if amount.kind in _PRICE_KINDS]
    slots, used = _ranges(context, amounts)
    for amount in amounts:
        if any(slot.overlaps(amount.start, amount.end) for slot in slots) or amount in used:
            continue
        slot = _merchant_price(context, amount) if intent in MERCHANT else _browsing_price(context, amount)
        if slot is not None:
            slots.append(slot)
    return _one_price(context, slots) if intent in MERCHANT else slots


def _one_price(context: SlotContext, slots: list[Slot]) -> list[Slot]:
    """A merchant sets one price: the one behind 改成 or its like, else the last that was said."""
    prices = [slot for slot in slots if slot.name == "price"]
    if len(prices) < 2:
        return slots
    targeted = [slot for slot in prices if _TARGET.search(context.text[: slot.start])]
    chosen = (targeted or prices)[-1]
    return [slot for slot in slots if slot is chosen or slot.name != "price"]


def _ranges(context: SlotContext, amounts: list[Amount]) -> tuple[list[Slot], list[Amount]]:
    slots: list[Slot] = []
    used: list[Amount] = []
    for low, high in pairwise(amounts):
        between = context.text[low.end : high.start]
        if not _RANGE_JOIN.match(between) or low in used:
            continue
        value = low.value
        if low.kind != "money" and value < 10 and high.value >= 10 * value:
            scale = 10 ** (len(str(int(high.value))) - 1)
            value *= scale  # 三到五百
        if value >= high.value:
            continue
        slots += [
            Slot("price_min", low.start, low.end, value),
            Slot("price_max", high.start, high.end, high.value),
        ]
        used += [low, high]
    if context.intent in BROWSING:
        for amount in amounts:
            if amount.high is not None and amount.kind == "money":
                slots += [
                    Slot("price_min", amount.start, amount.end, amount.value, approximate=True),
                    Slot("price_max", amount.start, amount.end, amount.high, approximate=True),
                ]
                used.append(amount)
    return slots, used


def _browsing_price(context: SlotContext, amount: Amount) -> Slot | None:
    if amount.kind in ("discount", "percent"):
        return None
    before, after = context.text[: amount.start], context.text[amount.end :]
    approximate = amount.approximate
    start, end, name = amount.start, amount.end, "price"
    trailing = _MAX_AFTER.match(after) or _MIN_AFTER.match(after) or _ABOUT_AFTER.match(after)
    if trailing:
        end += trailing.end()
        if _MAX_AFTER.match(after):
            name = "price_max"
        elif _MIN_AFTER.match(after):
            name = "price_min"
        else:
            approximate = True
    else:
        # Both can end here (不超过, 不低于); the longer one carries the negation.
        bounds = [("price_max", _MAX_BEFORE.search(before)), ("price_min", _MIN_BEFORE.search(before))]
        matched = [(match.start(), label) for label, match in bounds if match]
        if matched:
            start, name = min(matched)
    about = _ABOUT_BEFORE.search(before)
    approximate = approximate or bool(about)
    bounded = name != "price" or approximate
    if amount.kind != "money" and not bounded and not (_BUDGET_CUE.search(before) or _is_price_pick(context, amount)):
        return None
    if amount.kind in ("number", "digits") and amount.value < 3:
        return None
    value: Any = amount.value
    return Slot(name, start, end, value, approximate=approximate)


def _is_price_pick(context: SlotContext, amount: Amount) -> bool:
    """三百九十九的那个, the 399 one."""
    if amount.value < 20:
        return False
    return bool(re.match(r"\s?(?:的那|那个|那款|的|one\b)", context.after(amount.end)))


def _merchant_price(context: SlotContext, amount: Amount) -> Slot | None:
    text, before = context.text, context.before(amount.start, 40)
    clause = re.split(r"[，,。；;]", before)[-1]
    if amount.kind in ("discount", "percent"):
        return _percent_price(amount, clause, context.after(amount.end))
    if amount.kind != "money":
        if any(name.start == amount.end for name in context.mentions.names):
            return None  # 8苹果: a slip of recognition for 把苹果
        nearest_stock = max((m.end() for m in _STOCK_CUE.finditer(clause)), default=-1)
        nearest_price = max((m.start() for m in re.finditer(r"价|卖|售|price|降|涨", clause)), default=-1)
        if nearest_stock > nearest_price:
            return None
        if context.intent == "merchant_add_product" and not _PRICE_CUE.search(clause):
            return None
        if _STOCK_CUE.search(text) and nearest_price < 0 and not re.search(r"价|price", text):
            return None
    if context.intent == "merchant_update_product":
        target = re.search(r"(?:降|涨|跌|下调|上调|调)(?:价)?(?:到|至|成|为)\s*$", clause)
        if not target and _SUBTRACT.search(clause):
            return Slot("price", amount.start, amount.end, amount.value, relation="subtract")
        if not target and _ADD.search(clause) and not re.search(r"\bto\s*$", clause):
            return Slot("price", amount.start, amount.end, amount.value, relation="add")
    return Slot("price", amount.start, amount.end, amount.value, approximate=amount.approximate)


def _percent_price(amount: Amount, clause: str, after: str) -> Slot | None:
    value = amount.value
    if amount.kind == "percent":
        if re.match(r"\s*off", after, re.IGNORECASE) or _SUBTRACT.search(clause):
            value = 100 - value
        elif _ADD.search(clause):
            value = 100 + value
    return Slot("price", amount.start, amount.end, round(value, 4), relation="percent")
