"""Mandarin phonemes: words by jieba, readings by pypinyin and the shop lexicon, IPA in Kokoro's notation by misaki.

Kokoro v1.0 was trained on misaki's first Mandarin notation (IPA with an arrow for the tone, no written tone sandhi),
so that is what is made here.
"""

import logging
from functools import lru_cache
from importlib import resources

import jieba
from misaki.zh import ZHG2P
from pypinyin import Style, lazy_pinyin

_COMBINING_MARK = chr(815)


def read_lexicon(name: str) -> dict[str, str]:
    """A two-column lexicon of this package: entry -> pronunciation; ``#`` starts a comment line."""
    text = resources.files("voxcart_services.tts").joinpath("data", name).read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines() if line and not line.startswith("#"))
    return dict(rows)


class MandarinPhonemizer:
    """Chinese characters to phonemes. Loads the dictionaries when made (about a second)."""

    def __init__(self) -> None:
        jieba.setLogLevel(logging.WARNING)
        self._words = jieba.Tokenizer()
        self._words.initialize()
        self._lexicon = {word: reading.split() for word, reading in read_lexicon("lexicon_zh.tsv").items()}
        for word in self._lexicon:
            self._words.add_word(word)

    def __call__(self, text: str) -> str:
        """Phonemes of a run of Chinese characters, words apart by a space."""
        words = self._words.lcut(text, cut_all=False)
        return " ".join("".join(_syllable(pinyin) for pinyin in self._reading(word)) for word in words)

    def _reading(self, word: str) -> list[str]:
        reading = self._lexicon.get(word)
        return reading or lazy_pinyin(word, style=Style.TONE3, neutral_tone_with_five=True)


@lru_cache(maxsize=2048)
def _syllable(pinyin: str) -> str:
    """Phonemes of a numbered syllable; a character that has no reading (兙) stays as it is."""
    if not pinyin[:1].isascii():
        return pinyin.rstrip("012345")
    return ZHG2P.py2ipa(pinyin).replace(_COMBINING_MARK, "")
