"""Words that are likely in the next utterance: recognition favours them, the most likely first.

They follow from the state after a turn and the cards of its reply alone, so that a turn that is answered again names
the same words.
"""

import re
from collections.abc import Iterable, Sequence

from voxcart.text.product_names import without_pack_size
from voxcart_api.common.v1 import common_pb2
from voxcart_services.dialogue.cards import in_turns
from voxcart_services.dialogue.state import SessionState

MAX_WORDS = 200
MAX_CHARACTERS = 64
_NAME_SEPARATOR = re.compile(r"、|, ")
_AND_MORE = re.compile(r"等\d+种商品$| and \d+ more$")

# What answers the questions of the dialogue, besides the options that a question names itself.
_ANSWERS: dict[str, dict[str, tuple[str, ...]]] = {
    "zh": {
        "confirmation": ("确认", "取消", "好的", "可以", "不要", "不用了"),
        "payment_method": ("微信支付", "支付宝", "银联", "银行卡", "信用卡", "货到付款"),
        "address": ("收货地址", "收件人", "默认地址", "公司", "家里"),
        "reason": ("质量问题", "尺码不合适", "不想要了", "拍错了", "发错货", "坏了", "破损"),
        "order_id": ("订单号", "订单", "最近的订单"),
        "size": ("均码", "大码", "中码", "小码"),
    },
    "en": {
        "confirmation": ("confirm", "cancel", "yes please", "no thanks"),
        "payment_method": ("WeChat Pay", "Alipay", "UnionPay", "credit card", "cash on delivery"),
        "address": ("delivery address", "recipient", "default address", "office", "home"),
        "reason": ("wrong size", "damaged", "defective", "changed my mind", "wrong item"),
        "order_id": ("order number", "latest order"),
        "size": ("small", "medium", "large", "extra large"),
    },
}


def expected_words(state: SessionState, cards: Sequence[common_pb2.Card]) -> list[str]:
    """The words to favour after a turn, at most 200: answers to the question, what is shown, what is in the cart.

    Args:
        state: As the turn left it.
        cards: Of the turn's reply.
    """
    pending = state.pending
    options = list(pending.options) if pending else []
    answers = _ANSWERS["en" if state.language == "en" else "zh"].get(state.awaiting, ())
    focus = state.focus.words if state.focus else []
    shown = [item.words for item in state.shown]
    on_cards = [without_pack_size(name) for card in cards for name in _names_on(card)]
    words = _distinct([*options, *answers, *on_cards, *focus, *in_turns(shown), *state.cart_words])
    return words[:MAX_WORDS]


def _names_on(card: common_pb2.Card) -> list[str]:
    """An order's card names several products: 纯牛奶、抽纸等3种商品."""
    return _NAME_SEPARATOR.split(_AND_MORE.sub("", card.name)) if card.kind == "order" else [card.name]


def _distinct(words: Iterable[str]) -> list[str]:
    """The words that recognition takes, once each, in order. Numbers alone are no words: they are said in many ways."""
    stripped = dict.fromkeys(" ".join(word.split()) for word in words)
    return [
        word
        for word in stripped
        if len(word) <= MAX_CHARACTERS and word.isprintable() and any(char.isalpha() for char in word)
    ]
