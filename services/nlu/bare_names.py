"""Utterances that are only a name: 消毒药片, 女童保暖耳套. In a shop that is a search, even for goods nobody listed."""

from voxcart.text.segment import Token
from voxcart.text.wordlist import words

_NAME_TAGS = frozenset(words("n nz nw ORG PER LOC a an ad vn m q eng f b s"))
_HEAD_TAGS = frozenset(words("n nz nw vn ORG eng"))
_NO_GOODS = frozenset(
    words(
        "天气 新闻 笑话 故事 音乐 歌 歌曲 时间 日期 股票 基金 彩票 比赛 电影 电视剧 航班 机票 "
        "火车票 高铁票 酒店 路况 汇率 油价 闹钟 "
        "测试 问题 事情 事 人 东西 意思 办法 心情 天 话 声音 音量 密码 答案 名字 系统 指令 "
        "数据库 weather news joke music song time "
        "stock movie flight hotel traffic alarm test system password database"
    )
)
MAX_CHARS = 24
CONFIDENCE = 0.5
"""A guess; the search itself shows whether there is such a thing."""


def is_bare_name(tokens: list[Token]) -> bool:
    """Whether the words are a noun phrase of goods and nothing else: no verb, pronoun, time or particle."""
    spoken = [token for token in tokens if token.tag != "w"]
    if not spoken or sum(len(token.text) for token in spoken) > MAX_CHARS:
        return False
    head = spoken[-1]
    for token in spoken:
        inner_verb = token.tag in ("v", "vn") and token is not spoken[0] and token is not head  # 女童(保暖)耳套
        if (token.tag not in _NAME_TAGS and not inner_verb) or token.text.lower() in _NO_GOODS:
            return False
    return head.tag in _HEAD_TAGS and (len(spoken) > 1 or len(head.text) > 1)
