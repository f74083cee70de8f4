"""Mandarin readings: words by jieba, readings by pypinyin, a lexicon and rules on top, tone sandhi.

Kokoro v1.0 was trained on misaki's first Mandarin notation, which writes no third-tone sandhi. The pitch that its
encoder predicts shows that it makes it by itself (你好 has the same contour written 3-3 and 2-3). Inside a word it is
written all the same, for voices that do not. The sandhi of 一 and 不 is always written.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from pypinyin import Style, lazy_pinyin

from voxcart_services.tts.text.segmentation import words
from voxcart_services.tts.text.tables import read_lexicon, read_table

_NUMERALS = frozenset("零〇一二三四五六七八九十百千万亿幺点两")
_DIGIT_LIKE = frozenset("零〇一二三四五六七八九幺点")
_ORDINAL_AFTER_ONE = frozenset("月号日楼层级班期版店代线栋室路环等")
_ENDS_WITH_ONE = (
    "第一",
    "周一",
    "星期一",
    "礼拜一",
    "初一",
    "统一",
    "唯一",
    "之一",
    "万一",
    "合一",
    "不一",
    "单一",
    "专一",
    "如一",
)
_FULL_ER = frozenset("女婴幼少胎孤健男宠侄小患产育弃混")
_DOUBLED = frozenset("妈爸爷奶哥姐弟妹叔伯舅姑婶公婆宝星猩蝈饽娃看想试听说问谢走坐等找尝玩聊歇瞧选挑比查")


@dataclass(frozen=True)
class Reading:
    """A word of a run of Chinese characters: where it is and its numbered syllables, one a character."""

    start: int
    syllables: tuple[str, ...]


@dataclass(frozen=True)
class _Polyphone:
    """A reading of a single character between certain neighbours."""

    before: re.Pattern[str]
    after: re.Pattern[str]
    syllable: str


class MandarinReader:
    """Chinese characters to syllables. Loads the dictionaries when made (about a second); thread-safe then."""

    def __init__(self) -> None:
        words("")
        self._lexicon = {word: tuple(reading.split()) for word, reading in read_lexicon("lexicon_zh.tsv").items()}
        self._polyphones: dict[str, list[_Polyphone]] = {}
        for character, before, after, syllable in read_table("polyphones_zh.tsv"):
            choice = _Polyphone(re.compile(f"(?:{before})$" if before else ""), re.compile(after), syllable)
            self._polyphones.setdefault(character, []).append(choice)

    def __call__(self, run: str) -> list[Reading]:
        """The words of a run of Chinese characters, in order."""
        readings = []
        start = 0
        for word in words(run):
            readings.append(Reading(start, tuple(self._reading(word, run, start))))
            start += len(word)
        return _with_sandhi(run, readings)

    def _reading(self, word: str, run: str, start: int) -> list[str]:
        if word in self._lexicon:
            return list(self._lexicon[word])
        if len(word) == 1:
            return [self._single(word, run, start)]
        syllables = list(_dictionary_reading(word))
        if len(syllables) != len(word):
            return [self._single(character, run, start + offset) for offset, character in enumerate(word)]
        for offset, character in enumerate(word):
            if character == "一" and syllables[offset] != "yi5":
                syllables[offset] = "yi1"
            elif character == "不" and syllables[offset] != "bu5":
                syllables[offset] = "bu4"
            elif character == "只" and offset and word[offset - 1] in _NUMERALS:
                syllables[offset] = "zhi1"
        if word[-1] == "儿" and word[-2] not in _FULL_ER:
            syllables[-1] = "er5"
        if len(word) == 2 and word[0] == word[1] and word[0] in _DOUBLED:
            syllables[1] = syllables[1][:-1] + "5"
        return syllables

    def _single(self, character: str, run: str, start: int) -> str:
        for choice in self._polyphones.get(character, ()):
            if choice.before.search(run[:start]) and choice.after.match(run[start + 1 :]):
                return choice.syllable
        if character == "儿" and start and run[start - 1] not in _FULL_ER:
            return "er5"
        return _dictionary_reading(character)[0]


@lru_cache(maxsize=16384)
def _dictionary_reading(word: str) -> tuple[str, ...]:
    return tuple(lazy_pinyin(word, style=Style.TONE3, neutral_tone_with_five=True))


def _with_sandhi(run: str, readings: list[Reading]) -> list[Reading]:
    syllables = [syllable for reading in readings for syllable in reading.syllables]
    for index, character in enumerate(run):
        following = syllables[index + 1] if index + 1 < len(syllables) else ""
        if character == "一" and syllables[index] == "yi1":
            syllables[index] = _one(run, index, following)
        elif character == "不" and syllables[index] == "bu4":
            is_question = 0 < index < len(run) - 1 and run[index - 1] == run[index + 1]
            syllables[index] = "bu5" if is_question else "bu2" if following.endswith("4") else "bu4"
    changed = []
    for reading in readings:
        own = syllables[reading.start : reading.start + len(reading.syllables)]
        changed.append(Reading(reading.start, tuple(_third_tones(run[reading.start :], own))))
    return changed


def _one(run: str, index: int, following: str) -> str:
    """一 alone, in digits, ordinals and at the end is yi1; else it differs from the tone after it."""
    before, after = run[index - 1 : index], run[index + 1 : index + 2]
    if not after or before == "第" or (before in _DIGIT_LIKE and before) or after in _DIGIT_LIKE:
        return "yi1"
    if (before in _NUMERALS and before) or after == "十" or run[: index + 1].endswith(_ENDS_WITH_ONE):
        return "yi1"
    if after in _ORDINAL_AFTER_ONE and run[index + 1 : index + 3] not in ("日子", "层层", "代代", "等一"):
        return "yi1"
    if before and before == after:
        return "yi5"
    return "yi2" if following[-1:] in ("4", "5") else "yi4"


def _third_tones(word: str, syllables: list[str]) -> list[str]:
    """Inside a word the first of two third tones is said as a second tone. Digits of a number keep theirs."""
    changed = list(syllables)
    for index in range(len(syllables) - 1):
        is_pair = syllables[index].endswith("3") and syllables[index + 1].endswith("3")
        if is_pair and not {word[index], word[index + 1]} <= _NUMERALS:
            changed[index] = syllables[index][:-1] + "2"
    return changed
