"""Goods that no catalogue and no lexicon knows: nouns at the place where the intent expects a product."""

import re

from voxcart.text.pinyin import sound_key, syllables
from voxcart.text.wordlist import words
from voxcart_services.nlu.slots.context import SlotContext
from voxcart_services.nlu.spans import Slot

EXPECTING = frozenset({
    "search_product", "add_to_cart", "remove_from_cart", "update_cart", "ask_price", "ask_stock", "recommend",
    "merchant_add_product", "merchant_update_product", "merchant_delist_product", "merchant_query_stock",
    "merchant_reviews", "merchant_sales_report", "request_refund",
})  # fmt: skip
_NOUN_TAGS = frozenset(("n", "nz", "nw", "ORG", "PER", "LOC", "vn", "an", "a", "eng", "j", "s"))
_HEAD_TAGS = frozenset(("n", "nz", "nw", "ORG", "vn", "eng", "PER", "LOC"))
_FRAME = frozenset(words(
    
"价格 价钱 售价 定价 单价 库存 存货 裤存 订单 定单 购物车 够物车 购物 东西 商品 产品 货 "
"新品 新货 新商品 款 数量 钱 多少 推荐 建议 礼物 颜色 尺码 码 号 大小 样子 "

    
"样式 款式 牌子 品牌 价位 预算 现货 质量 材质 店里 店 家里 家 家人 我家 你们家 你们 我们 "
"大家 人 顾客 客户 买家 用户 客人 评价 评论 口碑 差评 好评 反馈 销量 销售额 "

    
"营业额 业绩 生意 报表 情况 数据 退款 退货 快递 物流 地址 单子 单号 货物 仓库 库里 名字 "
"标题 描述 图片 信息 新 好 贵 便宜 大 小 多 少 高 低 有 没有 别的 其他 全部 所有 "

    
"女 男 老 问题 时间 时候 生日 节日 中间 左边 右边 上面 下面 里面 前面 后面 刚才 之前 "
"以前 现在 最近 请问 老板 亲 客服 您好 你好 谢谢 麻烦 那边 这边 这里 那里 市场 网上 "

    
"性价比 功能 效果 用途 样 事 事情 活动 优惠 折扣 特价 原价 意思 感觉 天 冬天 夏天 宿舍 "
"房间 身上 左右 以下 以内 以上 之间 成交额 流水 收入 件 价 份 卖 买 退 换 来 要 "

    
"product item items stuff thing things one ones price cost stock cart basket order "
"orders please some any the a an my your "

    
"of in on for to with and or is are do does did have has get got buy find show me i you "
"it this that these those them how "

    
"much many what which where when can could would like want need looking look search see "
"new put add remove delete take out "

    
"give more less two three four five cheap good nice best left there we us us people "
"customers saying say about from more "

    
"ok okay yes no not please hi hello hey sell shop store available still sold inventory "
"recommend suggest something anything "

    
"under below over above than between around at by off set change make update lower raise "
"drop increase decrease list delist "

    
"don't i'm i'd i'll what's hey add create launch priced sale anymore any more up down "
"just only really very so um uh well each "

    
"today tomorrow yesterday screen battery memory size sizes bigger smaller larger "
"different another color colors same work good "

    "屏幕 电池 内存 续航 容量 保质期 好东西 玩意 玩意儿 人家 主意 想法 昨天 今天 明天 前天 物车 够物车 号码 尾号 折 "
    
"sales revenue reviews review rated think thinks feedback should be them pull stop "
"selling discontinue shelf shelves"

))  # fmt: skip
_BREAK_BEFORE = frozenset(words("的 把 被 和 跟 给 买 卖 要 来"))


def find_unknown_goods(context: SlotContext, taken: list[Slot]) -> list[Slot]:
    """At most one product slot for a noun phrase that no other slot covers.

    Args:
        context: The utterance.
        taken: Slots already found; their characters are left alone. Empty if a product was found among them.
    """
    if context.intent not in EXPECTING or any(slot.name in ("product", "category") for slot in taken):
        return []
    if context.intent in ("recommend", "request_refund", "merchant_sales_report") and any(
        slot.name in ("ordinal", "recipient") for slot in taken
    ):
        return []
    runs = _noun_runs(context, taken)
    if not runs:
        return []
    start, end = max(runs, key=lambda run: (_expected_place(context, *run), run[1] - run[0]))
    if _expected_place(context, start, end) < 1 and context.intent not in ("merchant_add_product",):
        return []
    return [Slot("product", start, end, context.text[start:end].strip(), confidence=0.5)]


def _noun_runs(context: SlotContext, taken: list[Slot]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    start = end = -1
    has_head = False
    for token in context.tokens:
        covered = any(slot.overlaps(token.start, token.end) for slot in taken)
        amount = any(a.start < token.end and token.start < a.end for a in context.mentions.amounts)
        frame = _is_frame(token.text)
        if token.tag in _NOUN_TAGS and not covered and not frame and not amount:
            if start < 0:
                start = token.start
            end = token.end
            has_head = has_head or token.tag in _HEAD_TAGS
            continue
        if start >= 0 and has_head:
            runs.append((start, end))
        start, has_head = -1, False
    if start >= 0 and has_head:
        runs.append((start, end))
    return [
        run for run in runs if len(context.text[run[0] : run[1]].strip()) >= 2 or _expected_place(context, *run) > 1
    ]


def _is_frame(word: str) -> bool:
    """A word that asks rather than names, also where it was misheard (够物车)."""
    if word.lower() in _FRAME or word in _BREAK_BEFORE:
        return True
    return len(word) > 1 and tuple(sound_key(item) for item in syllables(word)) in _FRAME_SOUNDS


_FRAME_SOUNDS = frozenset(
    tuple(sound_key(item) for item in syllables(word)) for word in _FRAME if len(word) > 1 and not word.isascii()
)
_VERB_BEFORE = re.compile(
    r"(?:买|卖|找|搜|要|有没有|有|来|看看|看|换|添|囤|入手|推荐|把|个|条|双|件|台|款|瓶|箱|盒|"
    r"袋|包|斤|份|套|支|只|些|点|的|下架|上架|加|拿|缺|叫|关于|looking for|buy|find|show me|"
    r"have|any|some|the|of|a|get|need|"
    r"add|remove|want|recommend|about|more|stock|for|one|two|three|new product|product)\s*$",
    re.IGNORECASE,
)
_QUESTION_AFTER = re.compile(
    (
        r"^\s?(?:的)?(?:多少钱|价格|价钱|怎么卖|还有|有货|有没有|有吗|卖|什么价|库存|不要|去掉|删|"
        r"改成|下架|下线|来|要|加|打|降|涨|补|还剩|评价|评论|口碑|吗|呢|$|，|under|below|to\b|"
        r"from|in\b|price|cost|is|are|left|please)"
    ),
    re.IGNORECASE,
)


def _expected_place(context: SlotContext, start: int, end: int) -> int:
    """0..2: how much its surroundings make a noun the product."""
    return bool(_VERB_BEFORE.search(context.text[:start])) + bool(_QUESTION_AFTER.match(context.text[end:]))
