"""Replaces names and values of a sentence by one stand-in each, so that the intent model sees how it is asked.

把三只松鼠的坚果加入购物车 and 把纯牛奶加入购物车 become the same sentence. The stand-ins are ordinary
words, because the text encoder knows ordinary words.
"""

import re

from voxcart.text.scripts import detect_language
from voxcart.text.wordlist import words
from voxcart_services.nlu.mentions import Mentions

# With these counters 一 is an article rather than a count (找一条裙子).
ARTICLE_COUNTERS = frozenset(words("个 款 条 件 双 台 部 张 只 把 本 套 顶 种 辆 支 样 下 些 块"))
# Stand-in per kind: Mandarin, English. An absent kind stays as it was said.
_STAND_INS = {
    "product": ("商品", "product"),
    "category": ("商品", "product"),
    "brand": ("品牌", "brand"),
    "color": ("红色", "red"),
    "size": ("42码", "size 42"),
    "material": ("纯棉", "cotton"),
    "money": ("100元", "100 dollars"),
    "quantity": ("2个", "2"),
    "percent": ("20%", "20%"),
    "discount": ("8折", "20% off"),
    "ordinal": ("第二个", "second one"),
    "digits": ("123456", "123456"),
    "number": ("100", "100"),
    "time": ("昨天", "yesterday"),
    "carrier": ("顺丰", "SF Express"),
    "payment_method": ("微信", "wechat"),
    "recipient": ("妈妈", "mom"),
    "room": ("客厅", "living room"),
}  # fmt: skip
_NAME_ORDER = ("product", "category", "color", "brand", "material", "payment_method", "carrier", "recipient", "room")


def delexicalise(text: str, mentions: Mentions) -> str:
    """``text`` with stand-ins, lower-cased, without punctuation at the end; runs of goods become one."""
    english = detect_language(text) == "en"
    replacements: list[tuple[int, int, str]] = []
    for name in mentions.names:
        kind = next((label for label in _NAME_ORDER if label in name.options), None)
        if kind is not None:
            replacements.append((name.start, name.end, kind))
    for size in mentions.sizes:
        replacements.append((size.start, size.end, "size"))
    for item in mentions.times:
        replacements.append((item.start, item.end, "time"))
    for start, end in mentions.codes:
        replacements.append((start, end, "digits"))
    for amount in mentions.amounts:
        kind = amount.kind if amount.kind in _STAND_INS else None
        small_article = amount.kind == "quantity" and amount.value == 1 and amount.unit in ARTICLE_COUNTERS
        if kind and not small_article and not (kind == "number" and abs(amount.value) < 10):
            replacements.append((amount.start, amount.end, kind))
        elif kind == "number":
            replacements.append((amount.start, amount.end, "quantity"))
    return _apply(text, replacements, english)


def _apply(text: str, replacements: list[tuple[int, int, str]], english: bool) -> str:
    pieces, position = [], 0
    for start, end, kind in sorted(replacements):
        if start < position:
            continue
        stand_in = _STAND_INS[kind][1 if english else 0]
        spaced = start and text[start - 1].isascii() and text[start - 1].isalnum() and stand_in[0].isascii()
        pieces += [text[position:start], " " if spaced else "", stand_in]
        position = end
    pieces.append(text[position:])
    joined = "".join(pieces).lower()
    joined = re.sub(r"(?:商品的?){2,}", "商品", joined)
    joined = re.sub(r"(?:product\s*){2,}", "product ", joined)
    return re.sub(r"[\s。.!！?？，,~～]+$", "", joined).strip()
