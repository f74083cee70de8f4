"""Words of Chinese text, for readings and for places where a long clause may be cut."""

import logging
import threading
from functools import cache

import jieba

from voxcart_services.tts.text.tables import read_lexicon

_loading = threading.Lock()


def words(text: str) -> list[str]:
    """The words of a text; joined they are the text. The dictionary loads when first needed (about a second)."""
    with _loading:
        tokenizer = _tokenizer()
    return [str(word) for word in tokenizer.lcut(text, cut_all=False)]


@cache
def _tokenizer() -> jieba.Tokenizer:
    jieba.setLogLevel(logging.WARNING)
    tokenizer = jieba.Tokenizer()
    tokenizer.initialize()
    for word in read_lexicon("lexicon_zh.tsv"):
        if len(word) > 1:
            tokenizer.add_word(word)
    return tokenizer
