"""Signs where a recogniser gives none: commas between clauses, a question mark or full stop at the end; by rules."""

from __future__ import annotations

import re

from voxcart_services.asr.results import TextEdit

_SCORE = 0.8
_HAN = re.compile(r"[㐀-䶿一-鿿]")
_WIDE = {",": "，", "?": "？", "!": "！", ";": "；", ":": "："}
_ANY_SIGN = re.compile(r"[，。！？；、,.!?;:：…]")
_LAST_SIGN = re.compile(r"[，。！？；、,.!?;:：…\s]+$")
# A narrow sign beside a Han character; digits keep theirs (1,000 and 3.5).
_NARROW = re.compile(r"(?<=[㐀-䶿一-鿿])\s*([,?!;:])\s*|(?<=[A-Za-z0-9])([?!;])(?=\s*(?:$|[㐀-䶿一-鿿]))\s*")
_QUESTION = re.compile(
    r"(?:吗|呢|么|没有|不行|行不|好不好|是不是|能不能|可不可以|对不对|多少|多少钱|哪里|哪儿|哪个|哪些|哪款|哪家|哪|几个|几件|几点|几天|几双"
    r"|什么|怎么样|怎样|怎么办|多久|多大|多长|多重|为什么|什么时候|谁|啥)(?:呀|啊|了|呢|的|来着)?$"
    r"|^(?:有没有|能不能|可不可以|是不是|为什么|怎么|什么时候|哪里|哪个|哪些|谁)"
    r"|(?:怎么|多少|什么|哪些|哪个|哪里|几[个件双箱瓶斤天点]).{0,6}(?:卖|去|来|用|买|到|有|退|货|钱|付|算|开|办|送|发)(?:的|了|呢)?$"
)
_NO_QUESTION = re.compile(r"^(?:不管|无论|随便|没什么|什么都)|(?:没什么|什么都行|怎么都行|多少都行|都可以)$")
_ENGLISH_QUESTION = re.compile(
    r"^(?:what|how|when|where|which|who|why|is|are|do|does|did|can|could|will|would|have|has|should|may|any)\b",
    re.IGNORECASE,
)
_OPENER = re.compile(
    r"^(?:你好|您好|好的|好吧|好呀|好|嗯|是的|对的|对|不对|不是|不用了|不用|不要了|谢谢你|谢谢|算了|那好吧|行|可以|没问题|对了|还有|请问一下|麻烦你)"
    r"(?=(?:我|你|您|帮|给|请|再|那|这|还有|就|有没有|要|换|谢谢|麻烦|下单|算了|不要|不用|第|把|能|可以|来).)"
)
_CLAUSE_END = re.compile(
    r"(?<=[一-鿿]{3})(?:了|吗|吧|呢)(?=(?:我|你|您|帮我|给我|请|再|那就|那我|还有|有没有|能不能|可不可以|麻烦|顺便|然后).)"
)


def punctuation_edits(text: str) -> list[TextEdit]:
    """Edits that give a text the signs of its language; none for an empty text."""
    body = _LAST_SIGN.sub("", text)
    if not body:
        return []
    is_chinese = bool(_HAN.search(text))
    edits = _widened(text[: len(body)]) if is_chinese else []
    if is_chinese and not _ANY_SIGN.search(body):
        ends = {match.end() for match in (_OPENER.match(body), *_CLAUSE_END.finditer(body)) if match}
        edits += [TextEdit(end, end, "", "，", "punctuation", _SCORE) for end in sorted(ends) if end < len(body)]
    tail = text[len(body) :]
    last = _final_sign(body, tail, is_chinese)
    if last != tail:
        edits.append(TextEdit(len(body), len(text), tail, last, "punctuation", _SCORE))
    return edits


def _widened(body: str) -> list[TextEdit]:
    edits = []
    for match in _NARROW.finditer(body):
        wide = _WIDE[match.group(1) or match.group(2)]
        edits.append(TextEdit(match.start(), match.end(), match.group(), wide, "punctuation", 1.0))
    return edits


def _final_sign(body: str, tail: str, is_chinese: bool) -> str:
    given = next((sign for sign in tail if sign in "？?！!"), "")
    if not is_chinese:
        return given or ("?" if _ENGLISH_QUESTION.match(body) else ".")
    if given:
        return _WIDE.get(given, given)
    clause = re.split(r"[，,。；;]", body)[-1]
    return "？" if _QUESTION.search(clause) and not _NO_QUESTION.search(clause) else "。"
