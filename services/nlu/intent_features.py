"""Features of the intent model: sentence embedding, character and pinyin n-grams, lexical cues.

All are computed on the delexicalised sentence. Pinyin n-grams make the model see 夏单 as 下单; they merge sounds that
recognisers mix up.
"""

import re
from collections.abc import Sequence

import numpy as np

from voxcart.text.pinyin import is_han, sound_key, syllables
from voxcart_services.nlu.lexicon import load_yaml

_WORD = re.compile(r"[a-z']+|[0-9]+|[^\sa-z0-9']")
MAX_NGRAM_CHARS = 120


def ngrams(text: str) -> set[str]:
    """Token n-grams (1..4) and pinyin n-grams (2..4, marked ``~``) with sentence boundaries (``^``, ``$``)."""
    tokens = _WORD.findall(text.lower()[:MAX_NGRAM_CHARS])
    bounded = ["^", *tokens, "$"]
    found = {"".join(bounded[i : i + n]) for n in (1, 2, 3, 4) for i in range(len(bounded) - n + 1)}
    sounds = ["^", *(sound_key(syllables(t)[0]) if len(t) == 1 and is_han(t) else t for t in tokens), "$"]
    found |= {"~" + ".".join(sounds[i : i + n]) for n in (2, 3, 4) for i in range(len(sounds) - n + 1)}
    length = len(tokens)
    found.add(f"#len{0 if length < 3 else 1 if length < 6 else 2 if length < 12 else 3 if length < 24 else 4}")
    return found


class FeatureSpace:
    """Turns delexicalised sentences and their embeddings into rows for the linear model.

    Args:
        vocabulary: n-grams in column order; their columns follow the embedding's.
    """

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self._columns = {gram: index for index, gram in enumerate(vocabulary)}
        self._cues = [
            (name, re.compile(rule, re.IGNORECASE)) for name, rule in load_yaml("intents.yaml")["cues"].items()
        ]

    @property
    def cue_names(self) -> list[str]:
        """Cue features in column order."""
        return [name for name, _ in self._cues]

    def sparse_columns(self, delexicalised: str) -> tuple[np.ndarray, float]:
        """Numbers of the n-grams that the sentence has, and the weight of each."""
        columns = [self._columns[gram] for gram in ngrams(delexicalised) if gram in self._columns]
        return np.array(columns, np.int64), 1.0 / max(len(columns), 1) ** 0.5

    def cue_vector(self, text: str) -> np.ndarray:
        """float32 [num_cues]: 1 where the cue's pattern occurs in the sentence as it was said."""
        return np.array([1.0 if rule.search(text) else 0.0 for _, rule in self._cues], np.float32)
