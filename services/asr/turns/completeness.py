"""What the words so far say about the end of a turn: whether a sentence may end here, from its last words.

General rules of Mandarin and English grammar, no list of products: function words and verbs after which something must
follow, particles and question words that close a sentence, numbers that have not got their length. The lists hold
closed classes only; a noun at the end says nothing, and the decision is left to the sound.
"""

from __future__ import annotations

import re
from enum import Enum

from voxcart_services.asr.lists import read_words


class Awaiting(Enum):
    """What the dialogue waits for, as far as it matters for the end of a turn."""

    NOTHING = "none"
    CONFIRMATION = "confirmation"
    NUMBER = "number"
    ADDRESS = "address"
    VALUE = "value"


_NUMBERS = {"phone_number", "phone", "order_id", "number", "tracking_no", "recipient_phone"}


def awaiting_from(name: str) -> Awaiting:
    """Maps the dialogue's word (`confirmation`, `phone_number`, `order_id`, `address`, a slot name) to its effect."""
    if name in ("none", ""):
        return Awaiting.NOTHING
    if name == "confirmation":
        return Awaiting.CONFIRMATION
    if name in _NUMBERS:
        return Awaiting.NUMBER
    return Awaiting.ADDRESS if name == "address" else Awaiting.VALUE


class TextOpinion(Enum):
    """What the words so far say about the end of the turn.

    COMPLETE ends the turn, OPEN keeps it open; the others move the threshold for the sound.
    """

    COMPLETE = "complete"
    LIKELY = "likely"
    UNKNOWN = "unknown"
    DOUBTFUL = "doubtful"
    OPEN = "open"


_CONFIRMATIONS = frozenset(read_words("confirmations.txt"))
_CHAINED = sorted((word for word in _CONFIRMATIONS if len(word) > 1 or word in "好行对是"), key=len, reverse=True)
_CHAIN = re.compile(rf"(?:嗯|哦|啊|那|那就|well)*(?:{'|'.join(map(re.escape, _CHAINED))}|please|thanks)+")
_NO_CHAIN = frozenset(("是不是", "please"))
_LIGHT_ANSWERS = frozenset(("要", "是", "有", "来", "买", "那", "就", "我", "这"))
_NAMES = frozenset(read_words("lexicon.txt"))
_FILLER_ONLY = re.compile(
    r"(?:(?:嗯|呃|额|唔|啊|哦|那个|这个|就是|就是说|怎么说呢|这个嘛|well|um|uh|er|erm|hmm|so|like)[\s，,。.、…]*)+",
    re.IGNORECASE,
)

# Something must follow: determiners, conjunctions, prepositions, fillers, verbs that want an object.
_OPEN_ZH = (
    "那个|那种|那款|那些|这种|某个|每个|就是|还有|以及|然后|而且|或者|或|和|跟|与|及|把|将|给|帮我|给我|(?<!申)请|请问|那就|还剩"
    "|(?<!不)我想|(?<!不)想要|(?:我|还|需|就|大概|一共)要|想买|要买|再买|买的是|我买|想找|要找|我找|想看|寻找|来一|给我来|再来"
    "|改成|改为|换成|调成|调到|降到|涨到|设成|送到|寄到|发到|加到|放到|(?:号|话|号码|地址|名字|人|的|它|他|她)是"
    "|因为|由于|所以|如果|要是|假如|但是|可是|不过|比如|比如说|例如|的话|关于|对于|除了|大概|大约|最好是|一共是|而是"
    "|有没有|能不能|可不可以|可以帮我|能帮我|麻烦你|嗯|呃|给.{1,6}买|我的|你们的|他的|她的|最|很|比较|比|在|从|被|让|向|往"
)
_OPEN_EN = (
    "and|or|but|because|if|so|that|which|with|without|for|to|of|in|on|at|from|under|over|about|between|than|by|as"
    "|the|a|an|my|your|some|any|more|is|are|was|do you have|have you got|can you|could you|would you|i|i'd like"
    "|i would like|i'll take|want|need|buy|find|find me|get|get me|give me|show|show me|looking for|add|order number"
    "|um|uh|er|well|like|very|how|what|where|when|and then|it's"
)
_OPEN_END = re.compile(rf"(?:{_OPEN_ZH})$|(?:^|[^a-z'])(?:{_OPEN_EN})$", re.IGNORECASE)
_BARE_REQUEST = re.compile(
    r"(?:嗯|呃|那|请|麻烦你?|你|可以|能不能|能|我想|想|我要)*(?:帮我|给我|替我)?"
    r"(?:查|看|找|搜|推荐|比较|对比|介绍)(?:一下|看|下|找)?[呢啊呀]?"
)
_BA_WITHOUT_VERB = re.compile(
    r"(?:^|[，,。]|[我你请想要能先再就那以烦])把(?:(?![加放删清改换退下上取移发送寄设调降涨减去掉给到成])[^，。？！])*$"
)
_LONELY_CONDITION = re.compile(
    r"(?:如果|要是|假如|因为|由于|if\b|because\b)(?:(?!就|那|所以|能|可以|吗|呢|会|吧|will|can|should|[，,]).)*",
    re.IGNORECASE,
)

_NUMERAL = "[0-9零〇一二三四五六七八九十百千万两几半]"
_MEASURE = "(?:个|件|条|双|箱|盒|瓶|包|袋|斤|公斤|台|部|只|支|块|张|片|桶|罐|杯|套|本|束|把|床|对|卷|款|种|份|提)"
_OPEN_RANGE = re.compile(rf"{_NUMERAL}到$")

# A sentence may end, and may as well go on: a measure without its noun, an attribute without its noun.
_DOUBTFUL_END = re.compile(
    rf"(?:{_NUMERAL}{_MEASURE}|[^好对是行]的|左右|以下|以上|以内|适合|带|不含|含|{_NUMERAL}|上次|上周|昨天|今天|所有|全部"
    r"|[我你他她它]们?|一下|退掉|(?:查|看|取消|确认|拒绝|退)(?:一下|掉)?订单|路|街|道|小区|弄|巷|号|栋|号楼|单元"
    r"|\bto (?:return|exchange|order|compare|cancel|see|have|try))$",
    re.IGNORECASE,
)
_PRONOUN_END = re.compile(r"[我你他她它]们?$")
_QUESTION_WORD = re.compile(r"有(?:多少|什么|哪些|哪几|几)$")
"""May close a question (有什么) and may as well want its noun (有什么优惠)."""
_FIRST_OF_TWO = re.compile(r"先(?!生).*(?<!吧)(?<!了)")
# What looks like such an end, and is none: a set price, an amount of what was named before, a choice by its quality.
_WHOLE_AMOUNT = re.compile(
    rf"(?:改成|改为|调到|降到|涨到|加|减|调|预算|不超过).*{_NUMERAL}(?:元|块|块钱|千克|{_MEASURE})$|块{_NUMERAL}$"
    rf"|.{{4,}}(?:来|要|加|买){_NUMERAL}+{_MEASURE}$"
)
_WHOLE_CHOICE = re.compile(r"(?:色|号|码|款|最.{1,3}|大|小|新|贵|好|便宜)的$")
_NUMBERED_HOUSE = re.compile(r"(?:[路街道弄巷].*号|(?:栋|楼|单元|号).*[0-9零一二三四五六七八九幺]{2,})$")
_BARE_NUMBER = re.compile(
    rf"(?:{_NUMERAL}|\d(?:st|nd|rd|th)"
    r"|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|\w+teen|\w+ty|hundred))$",
    re.IGNORECASE,
)
_OPEN_ADDRESS = re.compile(r"[省市区县镇乡州]$")
_WHOLE_ADDRESS = re.compile(r"(?:室|房|公司|单位|家|家里|学校|宿舍|地址|驿站|快递柜)$")

_LIKELY_END = re.compile(
    r"(?:吧|吗|呢|了|嘛|呀|啦|谢谢|多少|多少钱|几天|哪些|哪里|哪儿|什么|什么时候|怎么样|怎么.{1,2}的?|推荐的|便宜一?点的?|一点的?"
    r"|购物车|库存|退款|退货|发票|客服|人工|付款|支付|结账|下架|上架|发货|到货|清空|删掉|要[这那]个|买这个|就这个|这款"
    r"|\b(?:please|thanks|thank you|it|cart|this|this one|that one|now|today|tomorrow|instead))$",
    re.IGNORECASE,
)
_ORDINAL = "(?:第[一二三四五六七八九十0-9]+|最后一)[个款种件]"
_CHOSEN = re.compile(rf"{_ORDINAL}.*[来要买加]|[来要买加选].*{_ORDINAL}$|^[要选就]?{_ORDINAL}$")

# A request with its object: 我想买苹果, show me the red dress. Unfinished objects have been looked for before.
_REQUEST = re.compile(
    r"(?:买|要|找|看|来|换|退|加|查|搜|选|拿|订|挑|推荐|介绍|取消|确认|删掉?|清空|打开|支持|有没有|有|到|成|给|转|开|留|补|送|发|付|用)"
    r"(?:一下|了|个|点|些)?(?P<object>[^的，。？！]*的)?(?P<head>[^的，。？！]{2,})$"
)
_REQUEST_EN = re.compile(
    r"\b(?:want|need|buy|find|show|get|take|add|return|exchange|cancel|remove|change|pay|send|talk|give|track|compare|have"
    r"|looking for|like)\b(?: \S+)*? (?:\S+ )?[a-z0-9]{2,}$"
)
_RELATIVE = re.compile(r"(?:上次|上周|昨天|前天|之前|刚才|上个月)?[买看下加选]的[^，。？！]{0,6}$")

_MARKS = re.compile(r"[\s，。！？、,.!?…'’]+")
_END_MARKS = " 。！？.!?，,、…"
_DIGIT = re.compile(
    r"[0-9零〇一二三四五六七八九幺两]|\b(?:zero|oh|one|two|three|four|five|six|seven|eight|nine)\b", re.IGNORECASE
)
_SAID_NUMBER = re.compile(
    r"(?P<kind>订单号?|单号|order(?: number)?|电话|手机号?|号码|phone(?: number)?)(?:码?是|\s?is)?"
    r"\s*(?P<digits>[0-9零〇一二三四五六七八九幺\s]+)$",
    re.IGNORECASE,
)
PHONES = frozenset(("phone_number", "phone", "recipient_phone"))
_PHONE_DIGITS, _FEWEST_DIGITS = 11, 6
_CONFIRMATION_WORDS, _ANSWER_WORDS = 3, 8
_WORDS = re.compile(r"[a-z0-9']+|[^\x00-\x7f]", re.IGNORECASE)


def digits_of(awaiting_name: str) -> int:
    """The fewest digits of the number that the dialogue waits for."""
    return _PHONE_DIGITS if awaiting_name in PHONES else _FEWEST_DIGITS


def text_opinion(text: str, awaiting_name: str) -> TextOpinion:
    """Second opinion on the end of a turn, from the transcript so far.

    Args:
        text: Simplified transcript of the utterance up to the pause.
        awaiting_name: What the dialogue waits for, as it named it.
    """
    awaiting = awaiting_from(awaiting_name)
    bare = _MARKS.sub("", text).lower()
    if not bare:
        return TextOpinion.UNKNOWN
    if bare in _CONFIRMATIONS or (_CHAIN.fullmatch(bare) and bare not in _NO_CHAIN):
        asked = awaiting in (Awaiting.NOTHING, Awaiting.CONFIRMATION)
        return TextOpinion.COMPLETE if asked or bare not in _LIGHT_ANSWERS else TextOpinion.OPEN
    if _FILLER_ONLY.fullmatch(text.strip()):
        return TextOpinion.UNKNOWN if awaiting is Awaiting.CONFIRMATION else TextOpinion.OPEN
    if awaiting is Awaiting.VALUE and bare in _LIGHT_ANSWERS:
        return TextOpinion.OPEN
    if awaiting is Awaiting.VALUE and bare in _NAMES:
        return TextOpinion.COMPLETE
    number = _number_opinion(text, awaiting_name if awaiting is Awaiting.NUMBER else "")
    return number if number is not None else _sentence_opinion(text, awaiting)


def _number_opinion(text: str, awaited: str) -> TextOpinion | None:
    """Opinion on a number that is being said digit by digit; `None` if none is."""
    end = text.rstrip(_END_MARKS)
    said = _SAID_NUMBER.search(end)
    if said is None and not awaited:
        return None
    digits = _DIGIT.findall(end if said is None else said["digits"])
    last = digits[-1] if digits else ""
    if not last or (len(digits) < _FEWEST_DIGITS // 2 and not end.lower().endswith(last.lower())):
        return None
    is_phone = awaited in PHONES or (said is not None and said["kind"][0] in "电手号pP")
    enough = _PHONE_DIGITS if is_phone else _FEWEST_DIGITS
    if len(digits) < enough:
        return TextOpinion.OPEN
    is_whole = len(digits) == enough and awaited != "tracking_no"
    return TextOpinion.COMPLETE if is_whole or is_phone else TextOpinion.UNKNOWN


def _sentence_opinion(text: str, awaiting: Awaiting) -> TextOpinion:
    end = text.rstrip(_END_MARKS).lower()
    if text.rstrip().endswith(("…", "...", "，", ",", "、")) or _OPEN_END.search(end):
        return TextOpinion.OPEN
    if _BARE_REQUEST.fullmatch(end) or _OPEN_RANGE.search(end) or _BA_WITHOUT_VERB.search(end):
        return TextOpinion.OPEN
    if awaiting is Awaiting.NOTHING and _LONELY_CONDITION.fullmatch(end):
        return TextOpinion.OPEN
    if awaiting is Awaiting.ADDRESS and _OPEN_ADDRESS.search(end):
        return TextOpinion.OPEN
    if awaiting is Awaiting.ADDRESS and _WHOLE_ADDRESS.search(end):
        return TextOpinion.LIKELY
    if awaiting is Awaiting.CONFIRMATION and len(_WORDS.findall(end)) <= _CONFIRMATION_WORDS:
        return TextOpinion.LIKELY
    if awaiting is Awaiting.VALUE and len(_WORDS.findall(end)) <= _ANSWER_WORDS and not _PRONOUN_END.search(end):
        return TextOpinion.UNKNOWN if _BARE_NUMBER.search(end) else TextOpinion.LIKELY
    if end in _NAMES and not _DOUBTFUL_END.search(end):
        return TextOpinion.LIKELY
    if _QUESTION_WORD.search(end):
        return TextOpinion.UNKNOWN
    if text.rstrip().endswith(("?", "？")) or _LIKELY_END.search(end) or _CHOSEN.search(end):
        return TextOpinion.DOUBTFUL if _FIRST_OF_TWO.fullmatch(end) else TextOpinion.LIKELY
    if _WHOLE_AMOUNT.search(end):
        return TextOpinion.LIKELY
    if _WHOLE_CHOICE.search(end) or _NUMBERED_HOUSE.search(end):
        return TextOpinion.UNKNOWN
    if _DOUBTFUL_END.search(end):
        return TextOpinion.DOUBTFUL
    has_object = (_REQUEST.search(end) and not _RELATIVE.search(end)) or (
        _REQUEST_EN.search(end) and not end.endswith(" them")
    )
    return TextOpinion.LIKELY if has_object and not _FIRST_OF_TWO.fullmatch(end) else TextOpinion.UNKNOWN
