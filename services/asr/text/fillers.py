"""Words without meaning in what was said: fillers (嗯, 那个, um, you know) and restarts (我要买我要买苹果).

Only what cannot be meant is taken out: 那个 stays where it may point at something, 嗯 stays where it is the answer,
what is said twice stays where that may be emphasis or a count, and a correction (三斤不对五斤) stays for the dialogue.
"""

from __future__ import annotations

import re

from voxcart_services.asr.results import TextEdit

_PAUSE = r"(?:[，,、。…\s]|\.{2,})"
_ASKING = r"(?:我|你|您|咱|帮|请|麻烦|给我|有没有|能不能|可不可以|这边)"
_WANTING = r"(?:想买|要买|想要|买|要|找|来|看)"
_FILLERS: tuple[tuple[re.Pattern[str], float], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), score)
    for pattern, score in (
        # Sounds of hesitation that are no words.
        (rf"[呃嗯唔]+{_PAUSE}*(?=.)|{_PAUSE}*[呃唔]+$", 0.95),
        (rf"(?<=[一-鿿]){_PAUSE}+嗯+$", 0.8),
        (rf"(?:^|(?<=[，,。…]))[额啊诶欸哎哦]+(?:{_PAUSE}+(?=.)|(?={_ASKING}))", 0.9),
        # 那个, 这个, 就是: before the sentence begins, or before a pause behind a verb that wants more.
        (rf"(?:^|(?<=[，,。…]))(?:那个|这个|就是说?|怎么说呢?){_PAUSE}*(?={_ASKING})", 0.85),
        (rf"(?<=[一-鿿])(?:那个|这个){_PAUSE}*(?:[，,…]|\.{{2,}}){_PAUSE}*(?=[一-鿿A-Za-z0-9])", 0.75),
        # English.
        (r"(?<![\w-])(?:um+|uh+|erm+|er|hmm+)(?![\w-]|\s+huh)(?:\s*[,.…]+)?\s*", 0.95),
        (r"(?:^|(?<=,\s)|(?<=,))(?:you know|i mean)\s*,\s*", 0.85),
        (r"(?<=\w),\s*(?:you know|i mean|like)\s*,\s*(?=\w)", 0.85),
    )
)
_BEHIND_VERB = re.compile(rf"{_WANTING}(?:一?[个点些下双台部件]|)$")
_NUMERALS = "零一二三四五六七八九十百千万两半几0-9"
_RESTARTS: tuple[tuple[re.Pattern[str], float], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), score)
    for pattern, score in (
        (rf"(?P<said>(?:(?![{_NUMERALS}])[一-鿿]){{3,10}}){_PAUSE}*(?=(?P=said)[一-鿿A-Za-z0-9])", 0.9),
        (
            rf"(?P<said>(?:我|你|您|帮|给|请|那|这)(?:(?![{_NUMERALS}])[一-鿿])){_PAUSE}*(?=(?P=said)[一-鿿A-Za-z0-9])",
            0.85,
        ),
        (rf"(?P<said>[我你您那这就]){_PAUSE}*(?=(?P=said)[一-鿿])", 0.8),
        (r"\b(?P<said>\w+(?: [\w']+){1,5})[\s,.…]+(?=(?P=said) \w)", 0.9),
        (r"\b(?P<said>i|the|a|an|to|my|we|and|in|for|with)[\s,.…]+(?=(?P=said) \w)", 0.85),
    )
)
_SAID_TWICE = re.compile(r"^(.)\1*$|^(?:你好|您好|我的|你的|这样|那样)$")
_HAS_WORD = re.compile(r"[^\W_]")
_IS_FILLER_ONLY = re.compile(
    r"^[嗯呃额啊哦唔诶欸哎那个这就是，,。.…？?！!\s]*$|^(?:um|uh|er|erm|hmm|mm|huh|[\W_])*$", re.IGNORECASE
)


def find_fillers(text: str) -> list[TextEdit]:
    """Fillers to leave out. A text of nothing else is left as it is: 嗯 may be the answer."""
    if _IS_FILLER_ONLY.match(text):
        return []
    found: list[TextEdit] = []
    for index, (pattern, score) in enumerate(_FILLERS):
        for match in pattern.finditer(text):
            is_behind_verb = index != 4 or _BEHIND_VERB.search(text[: match.start()])
            if match.group() and is_behind_verb and not _overlaps(found, match):
                found.append(_removal(match, "filler", score))
    return _unless_nothing_is_left(text, found)


def find_restarts(text: str) -> list[TextEdit]:
    """Beginnings that are said again at once."""
    found: list[TextEdit] = []
    for pattern, score in _RESTARTS:
        for match in pattern.finditer(text):
            is_restart = len(match["said"]) == 1 or not _SAID_TWICE.match(match["said"])
            if is_restart and not _overlaps(found, match):
                found.append(_removal(match, "restart", score))
    return found


def _removal(match: re.Match[str], reason: str, score: float) -> TextEdit:
    return TextEdit(match.start(), match.end(), match.group(), "", reason, score)


def _overlaps(found: list[TextEdit], match: re.Match[str]) -> bool:
    return any(edit.start < match.end() and match.start() < edit.end for edit in found)


def _unless_nothing_is_left(text: str, edits: list[TextEdit]) -> list[TextEdit]:
    kept = [True] * len(text)
    for edit in edits:
        kept[edit.start : edit.end] = [False] * (edit.end - edit.start)
    rest = "".join(char for char, stays in zip(text, kept, strict=True) if stays)
    return edits if _HAS_WORD.search(rest) else []
