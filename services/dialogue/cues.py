"""Words that carry meaning for the policy beside intents and slots, and the one place where they are listed."""

import re

_FLAGS = re.IGNORECASE


def _cue(zh: str, en: str = "") -> re.Pattern[str]:
    return re.compile(zh + (rf"|\b(?:{en})\b" if en else ""), _FLAGS)


CHEAPER = _cue("便宜(一)?[点些]|便宜(一)?点|太贵|更便宜|再低", "cheaper|less expensive|too expensive")
DEARER = _cue("贵(一)?[点些]|好(一)?点的|高档|更好的", "more expensive|pricier|better one")
CHEAPEST = _cue("最便宜", "cheapest")
LARGER = _cue("大(一)?[号码点]|大(一)?个码", "(?:a|one) size (?:up|larger|bigger)|larger|bigger")
SMALLER = _cue("小(一)?[号码点]|小(一)?个码", "(?:a|one) size (?:down|smaller)|smaller")
CORRECTION = re.compile(
    r"^(不对|不是|错了|不，|不,|我(是)?说的是|应该是|不是这个|no[, ]|i meant|actually|wait[, ])", _FLAGS
)
ELLIPSIS = re.compile(r"呢$|^(那|那么)|^(and|what about|how about)\b", _FLAGS)
DEMONSTRATIVE = _cue(
    "[这那][个款双条件部台种些箱只瓶张把本辆](?!月|星期|礼拜|周|季|年|时候)|它",
    "it|them|(?:this|that|these|those)(?! (?:week|month|year|morning|quarter|day|time|weekend))",
)
EVERYTHING = _cue("全部|都|所有", "all|everything")
APPROVE = _cue("同意|通过|批准|退给|可以退", "approve|accept|grant")
REJECT = _cue("拒绝|驳回|不同意|不通过|不批准|不能退|不给退|不退", "reject|refuse|deny|decline")
EXCHANGE = _cue("换货|换(一)?[大小个件双条]|换成|想换", "exchange|swap")
LOW_STOCK = _cue("快没|缺货|不足|卖完|低库存|要补货|补货", "low|running out|out of stock|restock")
BEST_SELLER = _cue(
    "卖得最好|最好卖|最畅销|畅销|卖得好|热销|爆款|销量最", "best.?sell\\w*|top.?sell\\w*|sells best|sold (?:the )?most"
)
BAD_REVIEW = _cue("差评|不满|抱怨|投诉|不好的评", "bad reviews?|negative|complain\\w*")
REFUNDS = _cue("退款|退货|售后", "refunds?|returns?")
REVIEW_WORDS = _cue("评价|评分|口碑|好评", "reviews?|rating|rated")
PRICE_WORD = _cue("价|元|块|打[一二三四五六七八九0-9.]+折", "price|cost|yuan")
STOCK_WORD = _cue("库存|补货|进货|数量", "stock|inventory|units")
NEGATIVE_NUMBER = re.compile(
    r"负\s*[零一二两三四五六七八九十百千万亿0-9]|(?<![\w.])-\s*\d|\b(?:minus|negative)\s+\w+", _FLAGS
)
LATEST = _cue("最后|最近|最新|刚才|刚刚|上一个", "last|latest|most recent|newest")
ORDER_WORD = _cue("订单|单子|包裹|快递|物流", "orders?|parcels?|packages?|deliver\\w*")
ITEM_WORDS = re.compile(
    r"^(东西|商品|产品|货|款式?|物品|things?|something|items?|products?|stuff|ones?|it|this|that|them|这个|那个|它)$",
    _FLAGS,
)

ORDER_STATUS_CUES: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = (
    (
        _cue("待发货|未发货|没发货|还没发|等.*发货|要发货", "to (?:be )?ship\\w*|unshipped|awaiting shipment"),
        ("confirmed",),
    ),
    (_cue("待确认|未确认|新订单|要确认", "to (?:be )?confirm\\w*|unconfirmed|new orders?"), ("paid",)),
    (_cue("待付款|未付款|没付款|未支付|待支付", "unpaid|awaiting payment"), ("pending_payment",)),
    (_cue("待处理|未处理|要处理", "pending|open|to (?:be )?process\\w*"), ("paid", "confirmed")),
    (_cue("已发货|发了货|在路上|运输中|配送中", "shipped|on (?:the|its) way"), ("shipped",)),
    (_cue("已取消|取消的", "cancell?ed"), ("cancelled",)),
    (_cue("已完成|已签收|已送达", "delivered|completed"), ("delivered", "completed")),
)
"""Words for the states of orders, the most particular first."""

COMPLAINT = _cue(
    "不对|不好|不行|不满|太差|差劲|很差|太慢|失望|生气|垃圾|糟|烦|难用|不喜欢|不准|骗",
    "bad|terrible|awful|slow|disappointed|wrong|unhappy|poor|hate|useless",
)
PRAISE = _cue("很好|不错|满意|喜欢|太好|真棒|很棒|好用|点赞|很快", "great|good|excellent|love|nice|helpful|happy")

YES = re.compile(
    r"^(好|好的|好吧|好啊|行|行吧|可以|可以的|是|是的|对|对的|没错|没问题|嗯|嗯嗯|确认|确定|同意|要|要的|需要|成|当然|下单|下单吧|付吧|"
    r"yes|yeah|yep|ok|okay|sure|confirm|correct|right|please do|do it|go ahead)[吧啊呀哦了的,，。.!！ ]*$",
    _FLAGS,
)
NO = re.compile(
    r"^(不|不要|不用|不用了|不是|不行|不对|不了|别|别了|先不|先不要|取消|算了|"
    r"no|nope|don't|do not|cancel|stop|not now)[吧啊呀哦了的,，。.!！ ]*$",
    _FLAGS,
)

ALL_SHIPPED = _cue(
    "(全部?|都|一起|统统|全都)(给我|帮我)?(发货|发出|发走|发了|寄出|寄了)",
    "(?:ship|send|dispatch) (?:them )?(?:all|everything)",
)
ALL_CONFIRMED = _cue(
    "(全部?|都|一起|统统|全都)(给我|帮我)?(确认|接单|接了)", "(?:confirm|accept) (?:them )?(?:all|everything)"
)
UNDO = _cue("撤销|撤消|撤回|回退|反悔|恢复(刚才|上一步)|退回上一步", "undo|take (?:it|that) back|revert")
COUPON = _cue(
    "优惠券|优惠卷|代金券|满\\d*减|折扣券|红包|新人券|券|优惠码", "coupons?|vouchers?|promo codes?|discount codes?"
)
ORDERS_NOW = _cue("(结账|下单|结算|买单|付款)(吧|了)?[。！!]?$", "(?:check ?out|place the order|order it|pay)")
ANY_COUPON = re.compile(
    r"(我?的?|一?张|个)?(优惠券?|优惠卷|代金券|满减券?|折扣券?|红包|券|优惠码)?|(a|my|the|any)?\s*(coupons?|vouchers?)",
    _FLAGS,
)
QUOTE = _cue(
    "报(个|一下|下)?价(?!格)|锁定?(这个)?价|保留(这个)?价|算(一下|下)价", "quote|lock (?:in )?the price|hold the price"
)
TIMED_PRICE = _cue(
    "限时(价|特价|优惠|折扣|活动|降价)?|特价活动|定时(改价|调价|降价|价)|秒杀价?|促销价",
    "timed prices?|flash sales?|scheduled prices?|limited[- ]time",
)
COMPARE = _cue(
    "比.{0,8}(怎么样|如何|多|少|高|低|好|差|增|涨|降|跌)|相比|对比|比较|同比|环比|比上",
    "compared? (?:to|with)|versus|vs|against|than",
)
CHART = _cue("图表?|走势|趋势|曲线|柱状", "charts?|graphs?|trends?|plots?")
NO_GOODS = re.compile(
    r"(销售|销量|营业额?|业绩|订单)?(的)?(图表?|(走势|趋势|曲线|柱状)图?|报表)|(sales )?(charts?|graphs?|trends?)|"
    r"(各|每个?)?(分类|品类|类目|类别|种类)|categor(y|ies)",
    _FLAGS,
)
WORST_SELLER = _cue(
    "(卖得?|销量)(最差|最少|最不好|最低|不好)|最不好卖|卖不动|滞销|没人买|卖不出去",
    "worst.?sell\\w*|slow(?:est)?.?(?:sell|mov)\\w*|sells? (?:worst|least)|sold (?:the )?least",
)
BY_CATEGORY = _cue(
    "(各|每个?|分|哪个)(类|品类|类目|分类|种类)|按(品类|类目|分类|类)", "by category|each category|which category"
)
AMOUNT_ASKED = _cue("多少钱|金额|总共|一共|退了多少|退款(率|额)|多少元", "how much|amount|total")
WHOLE_SHOP = _cue("全店|店里|所有|最近|整个", "shop|store|all|recent")
FILLER = re.compile(
    r"^(那个|这个|嗯|啊|呃|哦|唔|额|哎|我想想|让我想想|想一下|等一下|等等|稍等|um|uh|er|hm|let me think|[，,。.… ])+$",
    _FLAGS,
)
SWAP = _cue("换成|改成|换个|换一个|应该是", "instead|change (?:it )?to|make it")
ORDERING = re.compile(r"^(再|给我|帮我|请)*(来|拿|加)[一二两三四五六七八九十几\d]")
ASKS_PRICE = _cue("多少钱|什么价|价格是多少|怎么卖", "how much|what(?: is|'s) the price")
ASKS_STATE = _cue("什么情况|怎么样|到哪|状态|怎么回事|是什么|有没有|多少|吗$|[?？]$", "status|where|what|how")
CONFIRM_VERB = _cue("确认|接单|接受|通过", "confirm|accept")
SHIP_VERB = _cue("发货|发出|寄|发(顺丰|中通|圆通|韵达|申通|京东|邮政|快递)", "ship|send|dispatch")
SUPERLATIVES: tuple[tuple[re.Pattern[str], str], ...] = (
    (_cue("最便宜|价格最低", "cheapest"), "price_asc"),
    (_cue("最贵|价格最高", "most expensive"), "price_desc"),
    (_cue("评分最高|评价最好|口碑最好", "best rated|highest rated"), "rating_desc"),
    (_cue("卖得最好|销量最[高好]|最畅销|买的人最多", "best.?selling|most popular"), "sales_desc"),
)
TAKES = _cue("(来|拿|加|买|要)[一二两三四五六七八九十几\\d]", "take|add|buy")
_PIECES = (
    r"(?P<pieces>(?:[一二两三四五六七八九十百]+|几|\d+)"
    r"(?P<unit>[个盒箱瓶件双条台部本袋包份支只套副把张罐桶提打斤辆艘块卷对]))"
)
TAKES_PIECES = re.compile(rf"(?:来|拿|加|买|要){_PIECES}(?![以之]?[内下里上外])", _FLAGS)
BUYS_PIECES = re.compile(rf"^(?:请|再|给我|帮我|我)*(?:买|拿|来){_PIECES}", _FLAGS)
LESS = _cue("少(拿|要|来|买|放)|减掉|去掉[一二两三四五六七八九十\\d]", "fewer|less")
WHEN_COMES = _cue("(什么时候|多久|几天|哪天|几号).*(到|送)", "when.*(arrive|come|get here|deliver)")
WISH = re.compile(
    r"(?:想买|要买|买|有没有|想要|找)(?:[一两几]?[点些个台条件双只艘辆本部把张瓶箱袋份套])?(?P<goods>[^，。？?]{1,20}?)[吗呢吧。？?]*$"
)
NEW_PRICE = _cue(
    "(改|调|降|涨|变|设)(成|为|到|至)|(卖|定价?|价格)",
    "(?:price|sell)\\b.*\\b(?:to|at|for)|(?:to|at|for) \\d+(?:\\.\\d+)? yuan",
)
FROM_TO = _cue("从.+[改调降涨变提减加](成|为|到|至)", "from .+ to")
TOTAL = _cue("总共|一共|合计|总价|加起来", "total|altogether|in all")
BECAUSE = re.compile(r"(?:理由是|原因是|理由|因为|由于|because(?: of)?|reason is)[，,:： ]*(.+)$", _FLAGS)
CALL_OFF = _cue("取消", "cancel")
TAKE_OUT = _cue("删|去掉|拿掉|移除|不要这", "remove|delete|take (?:it|that|this) out")
QUESTION = re.compile(
    r"(可以|能|支持|接受).*(吗|么|嘛|[?？])$|能不能|可不可以|支不支持|^(can|do you|is it possible)\b", _FLAGS
)

ENGLISH_WORDS = re.compile(
    r"\b(the|my|is|are|in|i|i'm|to|what|what's|me|a|an|how|please|add|show|it|where|yes|no|do|you|can|and|of|for|order|"
    r"thanks|thank|hello|hi|help|one|want|have|any|this|that|last|week|month|sure|okay|bye|goodbye)\b",
    _FLAGS,
)
CHINESE = re.compile(r"[\u3400-\u9fff]")


def superlative(text: str) -> str:
    """The schema's ``sort_by`` of a superlative in the text; empty if there is none."""
    return next((sort_by for cue, sort_by in SUPERLATIVES if cue.search(text)), "")


def order_statuses(text: str) -> tuple[str, ...]:
    """States of orders that the text asks for; empty if it names none."""
    return next((statuses for cue, statuses in ORDER_STATUS_CUES if cue.search(text)), ())


def spoken_language(text: str, detected: str, locale: str) -> str:
    """``en`` for English sentences, ``zh`` otherwise; a bare name or OK takes the locale's language."""
    if CHINESE.search(text):
        return "zh"
    if locale.lower().startswith("en"):
        return "en"
    return "en" if detected == "en" and ENGLISH_WORDS.search(text) else "zh"
