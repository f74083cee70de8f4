"""Finds the names of the live catalogue and the words of the lexicon in text, also where a name was misheard.

Two Aho-Corasick automata share the work: one over characters (case and spaces ignored), one over pinyin syllables for
names that a recogniser wrote with wrong characters (平果 for 苹果). Building both for 600 products takes less than
half a second, so a change of the catalogue rebuilds them.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import ahocorasick

from voxcart.text.pinyin import is_han, sound_key, syllables
from voxcart.text.spoken import number_to_chinese
from voxcart.text.wordlist import words
from voxcart_services.nlu.lexicon import Lexicon
from voxcart_services.nlu.spans import Mention

# Characters that end many words; sharing one says nothing about having meant the other word.
_WEAK_SHARED = frozenset("子品的")
_SOUND_LABELS = frozenset({"product", "category", "payment_method", "carrier", "metric"})
_MAX_NAME_CHARS = 64
# Common words that sound like a shop word and share a character with it.
_NOT_MISHEARD = frozenset(
    words(
        "事情 时间 大概 一下 地址 支持 电话 号码 订单 价格 加个 打折 书记 包裹 包装 机会 手续 面试 电影 电梯 小时 大家 "
        "水平 果然 牛人 米饭 油价 茶楼 酒店 车票 鱼肉 花样 表示 鞋码 衣柜 开关 灯光 笔者 本来 书店 报名 配合 盒饭 瓶子 "
        "精力 精彩 精心 香港 橡胶 相机里 项目 米线 单子 电视台 手术 收入 手工 首先 手动 收到 收货 受到"
    )
)


@dataclass(frozen=True, slots=True)
class CatalogueProduct:
    """What understanding needs of a product."""

    sku: str
    name_zh: str
    name_en: str = ""
    brand: str = ""
    category: str = ""
    aliases: tuple[str, ...] = ()
    colors: tuple[str, ...] = ()
    materials: tuple[str, ...] = ()

    def names(self) -> Iterable[str]:
        """Everything that people may call the product."""
        yield from (self.name_zh, self.name_en, *self.aliases)


@dataclass(slots=True)
class _Entry:
    surface: str
    options: dict[str, Any] = field(default_factory=dict)
    source: str = "lexicon"


class Gazetteer:
    """Immutable index over lexicon and products; make a new one when the catalogue changes."""

    def __init__(self, lexicon: Lexicon, products: Iterable[CatalogueProduct] = ()) -> None:
        self._entries: dict[str, _Entry] = {}
        for surface, options in lexicon.entries.items():
            self._add(surface, options, "lexicon")
        for product in products:
            self._add_product(product)
        for surface in lexicon.blocked:
            key = _compact(surface)
            if key not in self._entries:
                self._entries[key] = _Entry(surface, {}, "blocked")
        self._characters = ahocorasick.Automaton()
        self._sounds = ahocorasick.Automaton()
        self._syllable_ids: dict[str, str] = {}
        self._build()

    def _add(self, surface: str, options: dict[str, Any], source: str) -> None:
        key = _compact(surface)
        if not key or len(surface) > _MAX_NAME_CHARS:
            return
        entry = self._entries.setdefault(key, _Entry(surface, {}, source))
        for label, value in options.items():
            entry.options.setdefault(label, value)
        if source == "catalogue":
            entry.source = source

    def _add_product(self, product: CatalogueProduct) -> None:
        brand = product.brand.strip()
        if brand:
            self._add(brand, {"brand": None}, "catalogue")
        if product.category:
            self._add(product.category, {"category": None}, "catalogue")
        for name in product.names():
            name = name.strip()
            if not name:
                continue
            existing = self._entries.get(_compact(name))
            if existing and set(existing.options) & {"brand", "category"} and "product" not in existing.options:
                continue
            rest = name[len(brand) :].strip() if brand and name.startswith(brand) else ""
            known = self._entries.get(_compact(rest)) if rest else None
            if known and "category" in known.options:
                continue  # 华为手机 is a brand and a kind of goods, not a name
            for variant in _name_variants(name, product.category):
                self._add(variant, {"product": None}, "catalogue")
        for color in product.colors:
            if color not in self._entries and len(color) > 1:
                self._add(color, {"color": _color_value(color, self._entries)}, "catalogue")
        for material in product.materials:
            self._add(material, {"material": None}, "catalogue")

    def _build(self) -> None:
        for key, entry in self._entries.items():
            self._characters.add_word(key, (len(key), entry))
            if entry.options.keys() & _SOUND_LABELS and entry.source != "blocked":
                surface = entry.surface
                if sum(map(is_han, surface)) == len(surface) >= 2:
                    coded = "".join(self._code(item) for item in syllables(surface))
                    if not self._sounds.exists(coded) or entry.source == "catalogue":
                        self._sounds.add_word(coded, (len(coded), entry))
        self._characters.make_automaton()
        self._sounds.make_automaton()

    def _code(self, syllable: str) -> str:
        """One private-use character per syllable sound."""
        key = sound_key(syllable)
        return self._syllable_ids.setdefault(key, chr(0xE000 + len(self._syllable_ids)))

    def find(self, text: str) -> list[Mention]:
        """Mentions in order without overlaps; the longest wins, catalogue before lexicon."""
        chosen = _longest_first(self._exact(text))
        for mention in _longest_first(self._misheard(text)):
            rivals = [other for other in chosen if other.overlaps(mention.start, mention.end)]
            inside = all(mention.start <= other.start and other.end <= mention.end for other in rivals)
            longer = sum(other.end - other.start for other in rivals) < mention.end - mention.start
            if not rivals or (inside and longer and mention.end - mention.start >= 3):
                chosen = [other for other in chosen if other not in rivals] + [mention]
        return sorted((mention for mention in chosen if mention.source != "blocked"), key=lambda mention: mention.start)

    def _exact(self, text: str) -> list[Mention]:
        positions = [index for index, char in enumerate(text) if not char.isspace()]
        compact = "".join(text[index] for index in positions).lower()
        if not compact:
            return []
        found = []
        for last, (length, entry) in self._characters.iter(compact):
            start, end = positions[last - length + 1], positions[last] + 1
            if _is_whole_word(text, start, end) and _color_in_context(text, start, end, entry.options):
                found.append(Mention(start, end, entry.options, entry.source))
        return found

    def _misheard(self, text: str) -> list[Mention]:
        if not self._syllable_ids:
            return []
        coded = "".join(
            self._syllable_ids.get(sound_key(item), "\x00") if is_han(char) else "\x00"
            for char, item in zip(text, syllables(text), strict=True)
        )
        found = []
        for last, (length, entry) in self._sounds.iter(coded):
            start, end = last - length + 1, last + 1
            heard = text[start:end]
            if heard != entry.surface and _plausibly_misheard(heard, entry.surface):
                found.append(Mention(start, end, entry.options, entry.source, meant=entry.surface))
        return found


def _compact(surface: str) -> str:
    return re.sub(r"\s+", "", surface).lower()


def _color_value(color: str, entries: dict[str, _Entry]) -> str:
    """The closed-set value of a catalogue colour: the one of the longest known colour word in it, else as spoken."""
    best = ""
    value = color
    for surface, entry in entries.items():
        if "color" in entry.options and surface in color and len(surface) > len(best):
            best, value = surface, entry.options["color"]
    return value


def _name_variants(name: str, category: str) -> Iterable[str]:
    """A name as written, without the kind of goods at its end (华为 Mate 60), and with numbers spoken."""
    forms = [name]
    if category and name.endswith(category) and re.search(r"[A-Za-z0-9]", name[: -len(category)]):
        forms.append(name[: -len(category)].strip())
    for form in forms:
        yield form
        if re.search(r"(?:[A-Za-z]|小米|荣耀)\s?\d{1,3}(?!\d)", form):
            yield re.sub(r"\d{1,3}", lambda match: number_to_chinese(int(match.group())), form)


def _is_whole_word(text: str, start: int, end: int) -> bool:
    """Latin words match only as a whole; 15 does not match in 150."""
    first, last = text[start], text[end - 1]
    if start and _same_run(text[start - 1], first):
        return False
    return not (end < len(text) and _same_run(text[end], last))


def _same_run(left: str, right: str) -> bool:
    return (left.isascii() and left.isalpha() and right.isascii() and right.isalpha()) or (
        left.isdigit() and right.isdigit()
    )


def _color_in_context(text: str, start: int, end: int, options: dict[str, Any]) -> bool:
    """A colour of one character counts only where it stands alone: 红的, 红裙子, 要蓝; not in 红火."""
    if end - start != 1 or "color" not in options:
        return True
    before, after = text[max(0, start - 1) : start], text[end : end + 2]
    if after[:1] in ("的", "色") or not after or after[:1] in "，。,.!?？！吧啊呢的":
        return not (is_han(before) and before in "发变脸眼通火网面明空")
    return bool(re.match(r"裙|鞋|衣|裤|帽|包|衬|毛|外|大衣|T恤|t恤|卫|袜|短|长|手机|杯|伞|围|连|运动|板|皮|款", after))


def _plausibly_misheard(heard: str, meant: str) -> bool:
    """Two characters need the same syllables and a shared, telling character; longer names need similar sounds."""
    if heard in _NOT_MISHEARD:
        return False
    if len(meant) >= 3:
        shared = sum(a == b for a, b in zip(heard, meant, strict=True))
        return shared >= 1
    if syllables(heard) != syllables(meant):
        return False
    return any(a == b and a not in _WEAK_SHARED for a, b in zip(heard, meant, strict=True))


def _longest_first(mentions: list[Mention]) -> list[Mention]:
    def rank(mention: Mention) -> tuple[int, int, int]:
        return (mention.start - mention.end, mention.source != "catalogue", mention.start)

    chosen: list[Mention] = []
    for mention in sorted(mentions, key=rank):
        if not any(other.overlaps(mention.start, mention.end) for other in chosen):
            chosen.append(mention)
    return chosen
