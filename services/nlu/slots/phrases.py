"""Free phrases: delivery addresses, reasons of refunds, places to go to, coupons by their terms."""

import re

from voxcart.text.numbers import find_numbers
from voxcart_services.nlu.lexicon import load_lexicon
from voxcart_services.nlu.slots.context import SlotContext
from voxcart_services.nlu.spans import Slot

_ADDRESS_AFTER = re.compile(
    (
        r"(?:地址(?:要|想|得|给我|帮我)?(?:改成|改为|换成|换到|改到|变更为|变成|是|设为|写|填)|"
        r"(?:改|换|送|寄|发|邮|快递)(?:成|到|至|去|往)|地址送|改送|改寄|"
        r"(?:ship|send|deliver)\b(?:\s+(?:it|this|them|my order|the order|the package))?\s+to|"
        r"address\s+(?:to|should be|is)|to)\s*(?:了|我的|我们|咱|我|the|my)?\s*"
    ),
    re.IGNORECASE,
)
_ADDRESS_TAIL = re.compile(
    r"(?:去|吧|了|哦|呀|啊|好吗|可以吗|行吗|就行|谢谢|那边|这边|那儿|那里|来|instead|please|"
    r"now|，.*|。.*|[\s!！.])+$",
    re.IGNORECASE,
)
_NOT_ADDRESS = re.compile(r"^(?:哪|什么|多少|几|一下|别的|其他|新地址|另外|地址|付|大|小|change|update)")

_REASON_MARK = re.compile(
    r"(?:理由(?:是|：|:)?|原因(?:是|：|:)?|因为|由于|because(?: of)?|reason(?: is|:)?|due to|"
    r"since)\s*",
    re.IGNORECASE,
)
_REASON_TAIL = re.compile(r"(?:所以.*|(?:，|,)?(?:我)?(?:想|要|能|可以|申请|怎么|给我).*|了吧|吧|啊|呀|[。.!！\s])$")
_REASON = re.compile(
    r"(?:(?:尺码|尺寸|码数|大小|型号|颜色|款式|质量|味道|做工|图片|描述|包装|屏幕|拉链|电池|"
    r"按键|商品|鞋底|面料)?(?:跟|和|与)?(?:图片|描述|页面|网上|说的)?(?:不|太|有点|特别|很|严重)?"
    r"(?:不合适|不合身|不对|不好|不行|不符|不一样|不匹配|不新鲜|不喜欢|不想要|不好用|不能用|"
    r"不亮|不工作|太差|太大|太小|太薄|太厚|太短|太长|太紧|太松|发错|少发|漏发|买错|拍错|买多|"
    r"买重|发黑|发臭|发酸|发黄|磨脚|扎人|褶皱|发不出声音|充不了电|打不开|不甜|不好吃|碎|开裂|裂|坏|烂|"
    r"破损|破|变质|发霉|过期|掉色|褪色|起球|缩水|异味|有味道|有问题|有瑕疵|有破损|有划痕|"
    r"开不了机|充不进电|没声音|连不上|用不了|漏水|漏|丢失|假货|是假的|差|小|大|紧|松|"
    r"卡)(?:得厉害|得不行|好几个|了)?)"
)
_EN_REASON = re.compile(
    (
        r"\b(?:(?:it|they|the [\w ]+?|is|are|was|were|arrived|came|does|do)\s+)?((?:don't|doesn't|"
        r"does not|do not|didn't) (?:fit|work|match|turn on|look right)|(?:arrived |"
        r"came )?(?:broken|damaged|rotten|defective|expired|cracked|wrong size|"
        r"wrong color)|(?:the )?wrong (?:size|color|item|one)|too (?:small|big|large|tight|loose|"
        r"short|long)|poor quality|bad quality|stopped working|not working|changed my mind|"
        r"it's used|it was opened|already opened)\b"
    ),
    re.IGNORECASE,
)
_RETURN_WISH = re.compile(
    r"(?:，|,)?(?:我|你们)?(?:想|要|能不能|能|可以|给我|帮我|怎么|申请|麻烦)*(?:办|走|"
    r"弄)?(?:退货|退款|退钱|退换|换货|退|换)"
)
_COMPLAINT_LEAD = re.compile(r"(?:，|,|\s|都|全|有点|太|我|的|它|是|怎么)*")
_PLACE_AFTER = re.compile(
    (
        r"(?:导航(?:去|到|回)?|带我去|送我去|开车(?:去|到)|我?(?:要|想)去|去往|规划(?:路线)?(?:到|"
        r"去)|路线(?:到|去)|去|到|回|navigate(?: me)? to|take me to|drive(?: me)? to|"
        r"directions to|get to|route to|nearest|where is|find)\s*(?:the\s+|a\s+)?"
    ),
    re.IGNORECASE,
)
_PLACE_TAIL = re.compile(
    r"(?:怎么走|怎么去|要多久|有多远|的路线|在哪里?|导航过去|走哪条路|吧|啊|呀|的路|好吗|"
    r"please|[\s?？。!！])+$",
    re.IGNORECASE,
)
_FULL_REDUCTION = re.compile(
    r"满(?P<a>[0-9零一二三四五六七八九十百千两]+)(?:块|元)?(?:减|-|"
    r"立减)(?P<b>[0-9零一二三四五六七八九十百千两]+)(?:块|元)?(?:的?(?:满减)?券|优惠券)?"
)


def find_phrases(context: SlotContext, taken: list[Slot]) -> list[Slot]:
    """Phrase slots of the intents that have one."""
    finder = {
        "change_address": _address,
        "request_refund": _reason,
        "merchant_process_refund": _reason,
        "navigate": _place,
        "ask_faq": _full_reduction,
        "checkout": _full_reduction,
        "pay": _full_reduction,
    }.get(context.intent)
    return finder(context, taken) if finder else []


def _address(context: SlotContext, taken: list[Slot]) -> list[Slot]:
    best: Slot | None = None
    for match in _ADDRESS_AFTER.finditer(context.text):
        start = match.end()
        rest = context.text[start:]
        tail = _ADDRESS_TAIL.search(rest)
        end = start + (tail.start() if tail else len(rest))
        value = context.text[start:end]
        if not value.strip() or _NOT_ADDRESS.match(value) or re.search(r"\bthe office address\b", value):
            continue
        best = Slot("address", start, end, value.strip(), confidence=0.8)
    return [best] if best else _known_address(context)


def _known_address(context: SlotContext) -> list[Slot]:
    """公司, 学校 and the like, wherever they stand."""
    for word in sorted(load_lexicon().address_words, key=len, reverse=True):
        start = context.text.lower().find(word)
        if start >= 0 and len(word) > 1:
            return [Slot("address", start, start + len(word), context.text[start : start + len(word)], confidence=0.7)]
    return []


def _reason(context: SlotContext, taken: list[Slot]) -> list[Slot]:
    mark = _REASON_MARK.search(context.text)
    if mark and mark.end() < len(context.text):
        start = mark.end()
        rest = context.text[start:]
        tail = _REASON_TAIL.search(rest)
        end = start + (tail.start() if tail else len(rest))
        if context.intent == "merchant_process_refund" and rest.endswith("了"):
            end = start + len(rest.rstrip("了。 ")) if context.text[end - 1 : end] == "了" else end
        return [Slot("reason", start, end, context.text[start:end], confidence=0.9)] if end > start else []
    if context.intent == "merchant_process_refund":
        refused = re.search(
            r"(?:拒绝|驳回|不同意|不通过|不给|不批|不能退|不能批|别退).*?(?:退款申请|退货申请|退款|退货|退)(?:，|,|"
            r"\s)?(?P<why>[^，,。]{2,20})$",
            context.text,
        )
        if refused and not re.match(r"(?:吧|了|申请|的|啊|订单)$", refused.group("why")):
            return [Slot("reason", refused.start("why"), refused.end("why"), refused.group("why"), confidence=0.6)]
        return []
    english = _EN_REASON.search(context.text)
    if english:
        return [Slot("reason", *english.span(1), english.group(1), confidence=0.8)]
    for match in _REASON.finditer(context.text):
        if (len(match.group()) == 1 and match.group() in "大小差卡紧松") or re.match(
            r"[大小][一两]?[号码]|一[号码]", context.text[match.end() - 1 : match.end() + 2]
        ):
            continue
        if any(slot.overlaps(match.start(), match.end()) for slot in taken if slot.name == "size"):
            continue
        return [Slot("reason", match.start(), match.end(), match.group(), confidence=0.8)]
    return _complaint_before_wish(context, taken)


def _complaint_before_wish(context: SlotContext, taken: list[Slot]) -> list[Slot]:
    """What stands between the goods and the wish to return them: 这鞋(磨脚)给我办退货."""
    wish = _RETURN_WISH.search(context.text)
    goods = [name for name in context.mentions.names if name.options.keys() & {"product", "category"}]
    if wish is None or not goods or goods[-1].end > wish.start():
        return []
    start, end = goods[-1].end, wish.start()
    start += len(_COMPLAINT_LEAD.match(context.text[start:end]).group())  # type: ignore[union-attr]
    phrase = context.text[start:end].rstrip("，, ")
    if not 2 <= len(phrase) <= 12 or any(slot.overlaps(start, start + len(phrase)) for slot in taken):
        return []
    return [Slot("reason", start, start + len(phrase), phrase, confidence=0.5)]


def _place(context: SlotContext, taken: list[Slot]) -> list[Slot]:
    match = None
    for match in _PLACE_AFTER.finditer(context.text):
        if context.text[match.end() : match.end() + 1] not in ("去", "到", ""):
            break
    if match is None:
        nearest = re.match(r"(?:离我)?最近的[一-鿿]{2,8}?(?=在哪|怎么|$)", context.text)
        return [Slot("place", *nearest.span(), nearest.group())] if nearest else []
    start = match.end()
    rest = context.text[start:]
    tail = _PLACE_TAIL.search(rest)
    end = start + (tail.start() if tail else len(rest))
    return [Slot("place", start, end, context.text[start:end].strip(), confidence=0.8)] if end > start else []


def _full_reduction(context: SlotContext, taken: list[Slot]) -> list[Slot]:
    match = _FULL_REDUCTION.search(context.text)
    if not match:
        return []
    numbers = [span.value for span in find_numbers(match.group())]
    if len(numbers) != 2:
        return []
    return [Slot("coupon", *match.span(), {"threshold": numbers[0], "discount": numbers[1]})]
