"""Sentiment of an utterance: a small signed lexicon with negation and degree words.

Shopping commands are neutral unless the speaker judges something. The score is in -1..1; beyond +-0.25 it is called
positive or negative.
"""

import re

from voxcart.text.wordlist import words

_POSITIVE = words(
    "很好 挺好 不错 真好 太好了 非常好 满意 喜欢 好吃 好用 好看 很甜 新鲜 舒服 漂亮 棒 赞 "
    "完美 开心 高兴 谢谢 感谢 多谢 好评 五星 贴心 优秀 靠谱 值得 真香 爱了 给力 划算 精美 "
    "方便 聪明 厉害 great "
    "good love loved like excellent perfect amazing awesome nice wonderful thanks thank "
    "happy satisfied fantastic helpful best"
)
_NEGATIVE = words(
    "不满意 失望 太慢 差劲 太差 真差 很差 垃圾 坑 生气 讨厌 难吃 难用 难看 坏了 烂了 破了 "
    "破损 破烂 破破烂烂 投诉 差评 一星 骗人 假货 恶劣 糟糕 无语 后悔 气死 烦 恶心 太贵 "
    "不好用 不好吃 不好看 不新鲜 不准 不靠谱 受不了 "
    "怎么还没 还没到 等了好久 太烂 退货 退款 发霉 过期 掉色 不合适 笨 傻 质量差 态度差 慢死 再也不 乱七八糟 "
    "bad terrible awful horrible disappointed worst hate slow broken damaged rotten angry "
    "useless poor defective unhappy complaint "
    "annoying ridiculous scam fake refund late wrong"
)
_NEGATORS = re.compile(
    r"(?:不太|不怎么|不是很|不够|不|没那么|没|并不|not|isn't|wasn't|don't|doesn't|didn't|"
    r"never)\s*(?:very|that|so|really|too|是|怎么|特别|很)?\s*$",
    re.IGNORECASE,
)
_DEGREE = re.compile(r"(?:太|很|非常|特别|真|超|极|十分|so|very|really|super|extremely|too)\s*$", re.IGNORECASE)
_SHORT_ASCII = re.compile(r"^[a-z']+$")
_QUESTION_CONTEXT = re.compile(
    r"有没有.{0,6}(?:推荐|好)|好不好|好吗|哪个好|什么好|what's good|any good|good (?:morning|"
    r"afternoon|evening|night)|(?:i'd|would) like|look like|like (?:this|that)"
)


def _pattern(entries: tuple[str, ...]) -> re.Pattern[str]:
    ordered = sorted(entries, key=len, reverse=True)
    return re.compile("|".join(rf"\b{w}\b" if _SHORT_ASCII.match(w) else re.escape(w) for w in ordered), re.IGNORECASE)


_POSITIVE_RE, _NEGATIVE_RE = _pattern(_POSITIVE), _pattern(_NEGATIVE)
_INTENT_PRIOR = {"thanks": 0.5, "request_refund": -0.3}
THRESHOLD = 0.25


def sentiment_of(text: str, intent: str) -> tuple[str, float]:
    """("positive" | "neutral" | "negative", score in -1..1)."""
    cleaned = _QUESTION_CONTEXT.sub(" ", text)
    total = _INTENT_PRIOR.get(intent, 0.0)
    negative_spans = [match.span() for match in _NEGATIVE_RE.finditer(cleaned)]
    for start, _ in negative_spans:
        negated = _NEGATORS.search(cleaned[:start]) and not cleaned[start:].startswith("不")
        total += 0.3 if negated else -_weight(cleaned[:start])
    for match in _POSITIVE_RE.finditer(cleaned):
        if any(start <= match.start() < end for start, end in negative_spans):
            continue
        total += -0.6 if _NEGATORS.search(cleaned[: match.start()]) else _weight(cleaned[: match.start()])
    score = max(-1.0, min(1.0, total))
    if score > THRESHOLD:
        return "positive", score
    return ("negative", score) if score < -THRESHOLD else ("neutral", score)


def _weight(before: str) -> float:
    return 0.8 if _DEGREE.search(before) else 0.5
