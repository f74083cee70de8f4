"""Spoken numbers to written ones by the rules of a shop: 三斤 -> 3斤, 两千元以下 -> 2000元以下, 订单号一二 -> 12.

Differs from reading-oriented normalisers on purpose: the currency word stays behind the amount, units stay in the
speaker's language, order numbers become one digit run, and numerals inside words (第一个, 一下, 好的一款) stay words.
Traditional characters become simplified first. Every change is listed with its reason.
"""

import re
from dataclasses import dataclass

from voxcart.text.amounts import Amount, find_amounts
from voxcart.text.numbers import format_number
from voxcart.text.scripts import simplify
from voxcart.text.wordlist import words

# With these counters 一 is an article rather than a count (来一个, 一款手机).
_ARTICLE_COUNTERS = frozenset(words("个 款 件 条 种 次 样 位 面 身 口 把 批 单 对 层 道 级 人 度 期"))
_REFERENCE_BEFORE = re.compile(r"[这那哪前后每头各某另有好]$")
_SIZE_STEP = re.compile(r"[大小][一两半](?:号|码)")
_MODEL_BEFORE = re.compile(
    r"(?:iphone|mate|nova|pro|pura|小米|荣耀|苹果|华为|红米|ipad|watch|reno|p|x|s|v|mi|galaxy|note|型号|[A-Za-z])\s*$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Edit:
    """One change: ``[start, end)`` in the text before it, what stood there, what stands there now, and why.

    ``reason`` is "itn" or "simplified"; ``score`` is 0..1, higher is surer.
    """

    start: int
    end: int
    before: str
    after: str
    reason: str
    score: float


@dataclass(frozen=True, slots=True)
class NormalizedText:
    """The written text and the edits that lead to it, in order of their offsets in the original."""

    text: str
    edits: tuple[Edit, ...]


def normalize_spoken(text: str) -> NormalizedText:
    """Writes the numbers of ``text`` the way a shop does and simplifies its characters.

    Of sentences with well-formed numbers it is idempotent: normalising the result again changes nothing.
    """
    simplified = simplify(text)
    edits = [
        Edit(index, index + 1, old, new, "simplified", 1.0)
        for index, (old, new) in enumerate(zip(text, simplified, strict=True))
        if old != new
    ]
    pieces, position = [], 0
    for amount in find_amounts(simplified):
        written = _written(simplified, amount)
        if written is None or written == simplified[amount.start : amount.end]:
            continue
        pieces += [simplified[position : amount.start], written]
        position = amount.end
        edits = [edit for edit in edits if edit.end <= amount.start or edit.start >= amount.end]
        before = text[amount.start : amount.end]
        edits.append(Edit(amount.start, amount.end, before, written, "itn", 0.95))
    pieces.append(simplified[position:])
    return NormalizedText("".join(pieces), tuple(sorted(edits, key=lambda edit: edit.start)))


def _written(text: str, amount: Amount) -> str | None:
    """The written form of an amount, or None where the words stay."""
    source = text[amount.start : amount.end]
    if amount.language == "arabic" or amount.high is not None:
        return None
    before, after = text[: amount.start], text[amount.end :]
    numeral = text[amount.number_start : amount.number_end]
    tail = text[amount.number_end : amount.end]
    if amount.approximate:
        suffix = re.search(r"(来|多|几|出头|上下)$", numeral)
        if not suffix:
            return None
        return format_number(amount.value) + suffix.group() + tail
    if amount.kind == "ordinal":
        return _written_ordinal(text, amount, numeral, tail)
    if amount.kind == "money":
        return _written_money(source, amount, tail)
    if amount.kind == "percent":
        return format_number(amount.value) + "%"
    if amount.kind == "discount":
        return format_number(amount.value / 10) + "折"
    if amount.kind == "digits":
        return _written_digits(amount, before, after)
    if amount.kind in ("quantity", "measure", "time", "place"):
        return _written_count(amount, numeral, tail, before)
    return _written_number(amount, before, after)


def _written_ordinal(text: str, amount: Amount, numeral: str, tail: str) -> str | None:
    if amount.language == "en" or amount.number_start == amount.start or abs(amount.value) < 10:
        return None
    return text[amount.start : amount.number_start] + format_number(abs(amount.value)) + tail


def _written_money(source: str, amount: Amount, tail: str) -> str | None:
    if amount.language == "en":
        return format_number(amount.value) + tail
    whole_units = {"块", "元", "块钱", "元钱", "圆", "人民币"}
    if tail in whole_units or tail.strip().isascii():
        return format_number(amount.value) + tail
    return format_number(amount.value) + "元"


def _written_digits(amount: Amount, before: str, after: str) -> str | None:
    if len(amount.digits) >= 3:
        return amount.digits
    context = re.search(r"(?:号|号码|尾号|码|单号)(?:是|为)?$", before) or _MODEL_BEFORE.search(before)
    return amount.digits if context else None


def _written_count(amount: Amount, numeral: str, tail: str, before: str) -> str | None:
    if amount.language == "en":
        return format_number(amount.value) + tail if amount.value >= 10 else None
    if amount.unit == "weekday" or _REFERENCE_BEFORE.search(before) or numeral == "半":
        return None
    if not numeral or numeral in ("俩", "仨") or _SIZE_STEP.fullmatch(before[-1:] + numeral + tail):
        return None
    if amount.value == 1 and (amount.unit in _ARTICLE_COUNTERS or amount.kind == "time"):
        return None if amount.unit not in ("号", "月", "日", "点", "点钟", "月份") else "1" + tail
    if tail.endswith("半") and amount.kind == "quantity":
        return format_number(amount.value) + tail[:-1]
    return format_number(amount.value) + tail


def _written_number(amount: Amount, before: str, after: str) -> str | None:
    if amount.language == "en":
        return format_number(amount.value) if amount.value >= 10 or amount.value % 1 else None
    if amount.value >= 10 or amount.value % 1:
        return format_number(amount.value)
    return format_number(amount.value) if _MODEL_BEFORE.search(before) and before[-1:].isascii() else None
