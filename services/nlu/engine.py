"""The understanding engine: one call from text to intent, slots, sentiment and language. Knows no transport.

Order of work: mentions (names, amounts, times) -> delexicalised sentence -> embedding -> intent -> slots that the
intent can use -> sentiment. An engine is shared by all callers; a call leaves nothing in it but embeddings of
masked sentences. It blocks for about 10 ms, so call it from an executor.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol

import numpy as np

from voxcart.text.scripts import detect_language, half_width, simplify
from voxcart.text.segment import segment
from voxcart_services.nlu import bare_names
from voxcart_services.nlu.bare_names import is_bare_name
from voxcart_services.nlu.delexicalise import delexicalise
from voxcart_services.nlu.gazetteer import Gazetteer
from voxcart_services.nlu.intent_model import IntentModel
from voxcart_services.nlu.mentions import Mentions, find_mentions
from voxcart_services.nlu.sentiment import sentiment_of
from voxcart_services.nlu.slots.context import SlotContext
from voxcart_services.nlu.slots.filler import fill_slots
from voxcart_services.nlu.spans import IntentScore, Understood

MAX_TEXT_CHARS = 2000
"""Longer text is out of scope."""
MAX_MODEL_CHARS = 200
"""The intent is judged on this many characters from the start; longer requests say what they want early."""
REMEMBERED_SENTENCES = 4096
"""Embeddings that are kept, 1.5 KB each."""
OUT_OF_SCOPE = "out_of_scope"
TOP_INTENTS = 3
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f​-‏‪-‮⁠﻿]")
_CONTENT = re.compile(r"[A-Za-z0-9㐀-鿿]")
_FILLER_ONLY = re.compile(
    r"^(?:嗯+|呃+|额+|哦+|噢+|唔+|那个|这个|就是|然后|um+|uh+|er+|hmm+|"
    r"[啊呀哈嘛\s，。,.!！?？…~～])+$",
    re.IGNORECASE,
)
_AFFIRMING_FILLER = re.compile(r"^嗯+[\s，。!！]*$")


class Encoder(Protocol):
    """Turns sentences into vectors; ``voxcart.text_encoder.TextEncoder`` or a fake in tests."""

    def embed(self, texts: Sequence[str], kind: str) -> np.ndarray:
        """float32 [len(texts), dimensions], unit rows."""
        ...


class UnderstandingEngine:
    """Understands utterances.

    Args:
        encoder: Sentence encoder that the intent model was trained with.
        model: Ranks intents.
        scope_threshold: Below this probability of the best intent the utterance is called out of scope, 0..1.
    """

    def __init__(self, encoder: Encoder, model: IntentModel, scope_threshold: float = 0.4) -> None:
        self._encoder = encoder
        self._model = model
        self._scope_threshold = scope_threshold
        self._embed = lru_cache(maxsize=REMEMBERED_SENTENCES)(self._encode)

    def understand(self, text: str, role: str, gazetteer: Gazetteer, clock: datetime | None = None) -> Understood:
        """What ``text`` means for a shopper or merchant.

        Never raises on content: empty, over-long, filler-only or symbol-only text is out of scope.

        Args:
            text: As recognised or typed, any script.
            role: "shopper" or "merchant"; decides which intents are open.
            gazetteer: Names of the shop's catalogue.
            clock: Aware moment that relative dates count from; None means now.
        """
        cleaned = _CONTROL.sub(" ", text)
        language = detect_language(cleaned[:MAX_TEXT_CHARS])
        if len(text) > MAX_TEXT_CHARS or not _CONTENT.search(cleaned) or _is_filler(cleaned):
            return Understood(text, OUT_OF_SCOPE, 1.0, language=language, top_intents=[IntentScore(OUT_OF_SCOPE, 1.0)])
        canonical = half_width(simplify(cleaned))
        mentions = find_mentions(canonical, gazetteer, clock or datetime.now(UTC))
        masked = delexicalise(canonical[:MAX_MODEL_CHARS], _within(mentions, MAX_MODEL_CHARS))
        embedding = self._embed(masked or canonical[:MAX_MODEL_CHARS])
        ranking = self._model.rank(canonical[:MAX_MODEL_CHARS], masked, embedding, role)
        tokens = segment(canonical)
        intent, confidence, top = self._decide(ranking)
        if intent == OUT_OF_SCOPE and role != "merchant" and language != "en" and is_bare_name(tokens):
            intent, confidence = "search_product", bare_names.CONFIDENCE
            top = [IntentScore(intent, confidence), *(item for item in top if item.intent != intent)][:TOP_INTENTS]
        slots = fill_slots(SlotContext(canonical, intent, mentions, tokens))
        sentiment, score = sentiment_of(canonical, intent)
        return Understood(
            text, intent, confidence, slots, sentiment, score, language, top, [token.text for token in tokens]
        )

    def _encode(self, sentence: str) -> np.ndarray:
        """float32 [dimensions]. Most of an utterance's time; masked commands repeat, so results are remembered."""
        return self._encoder.embed([sentence], kind="query")[0]

    def _decide(self, ranking: list[IntentScore]) -> tuple[str, float, list[IntentScore]]:
        best = ranking[0]
        if best.confidence >= self._scope_threshold or best.intent == OUT_OF_SCOPE:
            return best.intent, best.confidence, ranking[:TOP_INTENTS]
        doubt = IntentScore(OUT_OF_SCOPE, 1.0 - best.confidence)
        others = [item for item in ranking if item.intent != OUT_OF_SCOPE]
        return OUT_OF_SCOPE, doubt.confidence, [doubt, *others[: TOP_INTENTS - 1]]


def _is_filler(text: str) -> bool:
    """嗯 alone is a yes; other hesitation sounds say nothing."""
    return bool(_FILLER_ONLY.match(text.strip())) and not _AFFIRMING_FILLER.match(text.strip())


def _within(mentions: Mentions, limit: int) -> Mentions:
    """Mentions that end before ``limit``."""
    return Mentions(
        [item for item in mentions.names if item.end <= limit],
        [item for item in mentions.amounts if item.end <= limit],
        [item for item in mentions.times if item.end <= limit],
        [item for item in mentions.sizes if item.end <= limit],
        [span for span in mentions.codes if span[1] <= limit],
    )
