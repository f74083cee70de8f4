"""Text for searching: one normal form, tokens, index terms and pinyin keys."""

import re
import unicodedata
from functools import lru_cache

from pypinyin import lazy_pinyin

from voxcart.text.numbers import format_number, parse_chinese

MAX_QUERY_LENGTH = 200
"""Characters of a query that are looked at; a spoken request is far shorter."""

_STOP_TEXT = """
的 了 吗 呢 吧 啊 呀 我 你 我想 我要 想 要 买 想买 要买 一个 一款 一些 一下 有 有没有 没有 帮我 找 看看 看 推荐
什么 哪些 这个 那个 给 来 点 些 吃 喝 请 请问 一条 一双 一台 一部 一箱 款 和 想吃 想喝
a an the some any for me i we you want to buy looking look show please of with and is are need find get
"""
_STOP_WORDS = frozenset(_STOP_TEXT.split())

_COLORS = {
    "black": "黑色 黑 black",
    "white": "白色 白 white",
    "red": "红色 红 大红色 酒红色 red",
    "orange": "橙色 橙 橘色 orange",
    "yellow": "黄色 黄 yellow",
    "green": "绿色 绿 green",
    "blue": "蓝色 蓝 天蓝色 深蓝色 藏青色 blue navy",
    "purple": "紫色 紫 purple violet",
    "pink": "粉色 粉红色 粉 粉红 pink",
    "gray": "灰色 灰 gray grey",
    "brown": "棕色 咖啡色 褐色 棕 brown",
    "beige": "米色 米白色 杏色 beige",
    "gold": "金色 gold golden",
    "silver": "银色 silver",
}
COLOR_CODES = {word: code for code, words in _COLORS.items() for word in words.split()}
"""Colour word -> code of the language schema."""

_FUZZY_INITIALS = (("zh", "z"), ("ch", "c"), ("sh", "s"))


def normalize(text: str) -> str:
    """NFKC, lower case, control characters and runs of blanks as one space, at most ``MAX_QUERY_LENGTH`` characters."""
    folded = unicodedata.normalize("NFKC", text[: MAX_QUERY_LENGTH * 4]).lower()
    printable = "".join(c if c.isprintable() else " " for c in folded)
    return " ".join(printable.split())[:MAX_QUERY_LENGTH]


def is_cjk(character: str) -> bool:
    """Whether it is a Chinese character."""
    return "\u4e00" <= character <= "\u9fff" or "\u3400" <= character <= "\u4dbf"


def tokens(text: str) -> list[str]:
    """Single Chinese characters, runs of letters, and numbers (``13.5``); everything else separates.

    Args:
        text: Normalised text.
    """
    found: list[str] = []
    run = ""
    run_class = ""
    for character in text:
        kind = _character_class(character, run_class)
        if kind == "cjk":
            found.extend(filter(None, (run, character)))
            run = ""
        elif kind == run_class and kind:
            run += character
        else:
            if run:
                found.append(run)
            run = character if kind else ""
        run_class = kind if kind != "cjk" else ""
    if run:
        found.append(run)
    return [token.rstrip(".") for token in found if token.rstrip(".")]


def _character_class(character: str, run_class: str) -> str:
    if is_cjk(character):
        return "cjk"
    if character.isdigit() or (character == "." and run_class == "digit"):
        return "digit"
    if character.isalpha():
        return "letter"
    return ""


def compact(text: str) -> str:
    """The tokens of a text without anything between them: how phrases are compared."""
    return "".join(tokens(normalize(text)))


def index_terms(text: str) -> list[str]:
    """What a text is found by: words of letters and digits, Chinese characters in pairs.

    Pairs need no dictionary, so a name that no dictionary knows is found like any other (as in Lucene's CJK analyser).
    """
    terms: set[str] = set()
    previous = ""
    for token in tokens(normalize(text)):
        if is_cjk(token):
            if previous and is_cjk(previous):
                terms.add(previous + token)
        elif len(token) > 1:
            terms.add(token)
            terms.add(singular(token))
        previous = token
    return sorted(terms)


_IRREGULAR = {
    "mice": "mouse",
    "knives": "knife",
    "scarves": "scarf",
    "shelves": "shelf",
    "leaves": "leaf",
    "loaves": "loaf",
    "halves": "half",
    "children": "child",
    "women": "woman",
    "men": "man",
    "feet": "foot",
    "teeth": "tooth",
    "tomatoes": "tomato",
    "potatoes": "potato",
    "mangoes": "mango",
    "heroes": "hero",
    "lenses": "lens",
}


def singular(word: str) -> str:
    """An English noun without its plural ending; other words unchanged."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("ches", "shes", "xes", "sses")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


_NUMERALS = re.compile("[零〇一二两三四五六七八九十百千万亿]{2,}|(?<=[a-z0-9])[零一二三四五六七八九十]")


def with_digits(text: str) -> str:
    """A text with its spoken Chinese numbers as digits: ``小米十四`` as ``小米14``; unchanged if it has none.

    Args:
        text: Normalised text.
    """

    def written(match: re.Match[str]) -> str:
        value = parse_chinese(match.group())
        return match.group() if value is None else format_number(value)

    return _NUMERALS.sub(written, text)


def is_stop_word(word: str) -> bool:
    """Whether a word says nothing about what is looked for."""
    return word in _STOP_WORDS


LEAST_FOLDED = 3
"""Characters of a text whose similar sounds count as one; in two characters they would make too many words equal."""


@lru_cache(maxsize=20_000)
def pinyin_key(text: str) -> str:
    """Syllables without tones; letters and digits stay. In longer texts pairs that are often misheard are one.

    The pairs are zh/z, ch/c, sh/s, ng/n and l/n.
    """
    syllables = lazy_pinyin(text)
    return " ".join(syllables if len(text) < LEAST_FOLDED else map(_folded, syllables))


def _folded(syllable: str) -> str:
    for pair, single in _FUZZY_INITIALS:
        if syllable.startswith(pair):
            syllable = single + syllable[2:]
            break
    if syllable.endswith("ng"):
        syllable = syllable[:-1]
    if syllable.startswith("l") and len(syllable) > 1:
        syllable = "n" + syllable[1:]
    return syllable
