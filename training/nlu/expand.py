"""Turns the example patterns of ``services/nlu/data/intents.yaml`` into sentences.

A pattern has choices ``(a|b|)`` and placeholders ``{product}``; each sentence draws one of each. A part of the
sentences gets recognition noise: one character replaced by another of the same sound, a filler, a lost particle.
"""

import random
import re
from collections import defaultdict

from voxcart.text.pinyin import is_han, syllables
from voxcart_services.nlu.lexicon import load_lexicon, load_yaml

_CHOICE = re.compile(r"\(([^()]*)\)")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_ZH_COUNTERS = ["个", "箱", "瓶", "件", "双", "斤", "盒", "袋", "包", "份", "台", "条", "桶", "提", "罐"]
_ZH_NUMERALS = ["一", "两", "三", "四", "五", "六", "八", "十", "十二", "二十"]
_FILLERS = ("嗯", "那个", "呃", "就是", "我说", "请问", "麻烦", "哎", "那")
_TAILS = ("啊", "呀", "吧", "呢", "哈", "嘛", "谢谢")
_HAN = re.compile(r"[㐀-鿿]")

EXAMPLE_FILES = ("intents.yaml", "intents_colloquial.yaml")
FILL = {
    "n": lambda rng: _quantity(rng),
    "num": lambda rng: rng.choice(["one", "two", "three", "four", "five", "ten", "2", "3", "10", "fifty", "100"]),
    "price": lambda rng: rng.choice(
        [
            "一百",
            "两百",
            "三百块",
            "五百元",
            "两千",
            "三千块钱",
            "二十",
            "九十九",
            "三十五元",
            "39块9",
            "1000",
            "2000元",
            "五十",
            "一百五",
            "八百块",
            "一千二",
            "两百五",
            "十块",
        ]
    ),
    "order_id": lambda rng: _digits(rng),
    "time": lambda rng: rng.choice(
        [
            "昨天",
            "今天",
            "前天",
            "上周",
            "这周",
            "本周",
            "上个月",
            "这个月",
            "最近",
            "最近七天",
            "近三个月",
            "去年",
            "十月份",
            "十一月三号",
            "今年",
            "上个星期",
            "周一",
            "双十一",
        ]
    ),
    "time_en": lambda rng: rng.choice(
        [
            "today",
            "yesterday",
            "last week",
            "this week",
            "last month",
            "this month",
            "last year",
            "in October",
            "in the last seven days",
        ]
    ),
    "address": lambda rng: rng.choice(
        [
            "公司",
            "家里",
            "我家",
            "学校",
            "单位",
            "北京市朝阳区建国路88号",
            "上海浦东新区张江路一百号",
            "宿舍",
            "我妈家",
            "广州天河区体育西路五号三楼",
            "驿站",
            "深圳南山科技园",
            "老家",
            "办公室",
        ]
    ),
    "address_en": lambda rng: rng.choice(
        ["my office", "my home", "school", "12 Main Street", "the office", "my new apartment"]
    ),
    "reason": lambda rng: rng.choice(
        [
            "尺码不合适",
            "坏了",
            "质量太差",
            "不喜欢",
            "颜色不对",
            "烂了",
            "发错了",
            "大了",
            "小了",
            "有破损",
            "用不了",
            "跟描述不符",
            "买错了",
            "不想要了",
            "掉色",
            "有异味",
            "漏了",
            "屏幕碎了",
            "没声音",
            "过期了",
            "不新鲜",
        ]
    ),
    "reason_m": lambda rng: rng.choice(
        [
            "已经拆封了",
            "已拆封",
            "超过七天",
            "影响二次销售",
            "人为损坏",
            "用过了",
            "没有凭证",
            "吊牌剪了",
            "因为超时了",
            "不符合规定",
        ]
    ),
    "place": lambda rng: rng.choice(
        [
            "门店",
            "火车站",
            "机场",
            "加油站",
            "超市",
            "医院",
            "地铁站",
            "公司",
            "家",
            "万达广场",
            "停车场",
            "人民公园",
            "银行",
            "天安门",
        ]
    ),
    "place_en": lambda rng: rng.choice(
        ["store", "gas station", "airport", "train station", "hospital", "mall", "bank"]
    ),
    "num_zh": lambda rng: rng.choice("一二三四五"),
    "place_city": lambda rng: rng.choice(
        ["new york", "paris", "tokyo", "london", "chicago", "shanghai", "beijing", "canada"]
    ),
    "room_en": lambda rng: rng.choice(("living room", "bedroom", "kitchen")),
}


def _quantity(rng: random.Random) -> str:
    if rng.random() < 0.15:
        return rng.choice(("俩", "一打", "半斤", "三斤半", "两三个", "仨"))
    number = rng.choice(_ZH_NUMERALS) if rng.random() < 0.7 else str(rng.randint(1, 200))
    return number + (rng.choice(_ZH_COUNTERS) if rng.random() < 0.85 else "")


def _digits(rng: random.Random) -> str:
    count = rng.choice((3, 4, 4, 6, 6, 8))
    if rng.random() < 0.4:
        return "".join(str(rng.randint(0, 9)) for _ in range(count))
    return "".join(rng.choice("零一二三四五六七八九幺") for _ in range(count))


class Expander:
    """Draws sentences; the same seed gives the same sentences."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        lexicon = load_lexicon()
        self._zh = {label: [w for w in words if _HAN.search(w)] for label, words in lexicon.words.items()}
        self._en = {label: [w for w in words if not _HAN.search(w)] for label, words in lexicon.words.items()}
        self._by_sound: dict[str, list[str]] = defaultdict(list)
        chars = {char for words in lexicon.words.values() for word in words for char in word}
        chars |= {c for line in load_yaml("intents.yaml")["both"]["affirm"] for c in line}
        chars |= set("定顶夏推裤驰缺屈无留加夹够勾商嫁价假但担弹货或伙确却家架佳物误务快块退腿查茶单丹付富府直执支知之")
        for char in sorted(chars):
            if is_han(char):
                self._by_sound[syllables(char)[0]].append(char)

    def sentence(self, pattern: str) -> str:
        """One drawing of a pattern."""
        text = pattern
        while "(" in text:
            new = _CHOICE.sub(lambda match: self._rng.choice(match.group(1).split("|")), text)
            if new == text:
                break
            text = new
        english = not _HAN.search(_PLACEHOLDER.sub("", text)) and bool(
            re.search(r"[a-z]{2}", _PLACEHOLDER.sub("", text))
        )
        text = _PLACEHOLDER.sub(lambda match: self._fill(match.group(1), english), text)
        return re.sub(r"\s+", " ", text).strip(" ，")

    def all_sentences(self, pattern: str, limit: int) -> set[str] | None:
        """Every sentence of a pattern without placeholders that has at most ``limit`` of them, else None."""
        if _PLACEHOLDER.search(pattern):
            return None
        open_ones, done = [pattern], set()
        while open_ones:
            text = open_ones.pop()
            match = _CHOICE.search(text)
            if match is None:
                done.add(re.sub(r"\s+", " ", text).strip(" ，"))
            else:
                open_ones += [text[: match.start()] + c + text[match.end() :] for c in match.group(1).split("|")]
            if len(open_ones) + len(done) > limit:
                return None
        return done

    def _fill(self, name: str, english: bool) -> str:
        rng = self._rng
        if name == "ordinal":
            if english:
                return rng.choice(["first", "second", "third", "last", "fourth"])
            return rng.choice(
                ["第一个", "第二个", "第三个", "第四个", "最后一个", "第二款", "第一款", "第五个", "最后那个", "第一双"]
            )
        if name == "size":
            return rng.choice(["42", "38", "43", "S", "M", "L", "XL", "XXL", "四十二", "三十九", "四十", "均"])
        if name == "payment":
            name = "payment_method"
        if name == "price" and english:
            return rng.choice(
                ["two hundred", "50 dollars", "thirty five", "100", "300 yuan", "five hundred", "fifty bucks", "99"]
            )
        if name == "n" and english:
            return rng.choice(
                ["one", "two", "three", "five", "two boxes", "three bottles", "a dozen", "10", "a couple", "six packs"]
            )
        if name == "order_id" and english:
            return rng.choice(["one two three four", "123456", "8866", "five five six seven"])
        if name in FILL:
            return FILL[name](rng)
        choices = (self._en if english else self._zh).get(name) or self._zh[name]
        if name in ("product", "brand") and not english and rng.random() < 0.06:
            choices = self._en[name]
        return rng.choice(choices)

    def noisy(self, text: str) -> str:
        """``text`` as it might come out of speech recognition or a hesitant mouth."""
        rng = self._rng
        han = [index for index, char in enumerate(text) if is_han(char)]
        kind = rng.random()
        if not han:
            return text if kind < 0.6 else f"{rng.choice(('um', 'so', 'please', 'well'))} {text}"
        if kind < 0.45:
            index = rng.choice(han)
            same = [char for char in self._by_sound[syllables(text[index])[0]] if char != text[index]]
            return text[:index] + rng.choice(same) + text[index + 1 :] if same else text
        if kind < 0.65:
            return rng.choice(_FILLERS) + text
        if kind < 0.85:
            return text + rng.choice(_TAILS)
        drop = [index for index in han if text[index] in "的了吧一个我把要下"]
        if drop and len(text) > 4:
            index = rng.choice(drop)
            return text[:index] + text[index + 1 :]
        return text


def training_sentences(seed: int, per_pattern: int, noise: float) -> dict[str, list[tuple[str, str, int]]]:
    """Sentences per role: (text, intent, number of its pattern). Fixed sentences count as patterns of their own.

    Args:
        seed: Of the drawings.
        per_pattern: Sentences drawn of a pattern with choices or placeholders; fixed ones are drawn half as often.
        noise: Share of drawings that get recognition noise, 0..1.
    """
    sources = [load_yaml(name) for name in EXAMPLE_FILES]
    expander = Expander(seed)
    rng = random.Random(seed + 1)
    drawn: dict[str, list[tuple[str, str, int]]] = {"shopper": [], "merchant": []}
    number = 0
    for group in ("shopper", "merchant", "both"):
        for intent in dict.fromkeys(name for source in sources for name in source[group]):
            for pattern in [line for source in sources for line in source[group].get(intent, ())]:
                number += 1
                count = per_pattern if _PLACEHOLDER.search(pattern) or "(" in pattern else max(2, per_pattern // 2)
                sentences = expander.all_sentences(pattern, 3 * per_pattern)
                sentences = sentences or {expander.sentence(pattern) for _ in range(count)}
                noisy = {expander.noisy(text) for text in sorted(sentences) if rng.random() < noise}
                for text in sorted(sentences | noisy):
                    for role in ("shopper", "merchant") if group == "both" else (group,):
                        drawn[role].append((text, intent, number))
    return drawn
