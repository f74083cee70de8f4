"""A scripted intent model, a constant encoder and a small catalogue for tests of understanding without weights."""

from collections.abc import Sequence

import numpy as np

from voxcart_services.nlu.engine import UnderstandingEngine
from voxcart_services.nlu.gazetteer import CatalogueProduct, Gazetteer
from voxcart_services.nlu.lexicon import load_lexicon
from voxcart_services.nlu.spans import IntentScore

PRODUCTS = (
    CatalogueProduct("FR1", "新鲜红富士苹果", "Fresh Fuji apples", "", "水果", ("苹果",)),
    CatalogueProduct("PH1", "华为 Mate 60 手机", "Huawei Mate 60", "华为", "手机", ("Mate 60",)),
    CatalogueProduct("SH1", "运动鞋 男款", "Running shoes", "", "鞋", ("运动鞋",), ("雾霾蓝",)),
)


class ConstantEncoder:
    """Every sentence is the same vector; remembers what it was asked for."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def embed(self, texts: Sequence[str], kind: str) -> np.ndarray:
        self.texts += texts
        return np.ones((len(texts), 4), np.float32) / 2


class ScriptedModel:
    """Says the same intent whatever it is asked."""

    def __init__(self, intent: str, confidence: float = 0.9) -> None:
        self.intent, self.confidence = intent, confidence

    def rank(self, text: str, delexicalised: str, embedding: np.ndarray, role: str) -> list[IntentScore]:
        rest = 1.0 - self.confidence
        return [
            IntentScore(self.intent, self.confidence),
            IntentScore("help", rest * 0.6),
            IntentScore("greet", rest * 0.4),
        ]


def gazetteer() -> Gazetteer:
    """Lexicon and the small catalogue."""
    return Gazetteer(load_lexicon(), PRODUCTS)


def engine(intent: str = "search_product", confidence: float = 0.9) -> UnderstandingEngine:
    """An engine whose intent is given."""
    return UnderstandingEngine(ConstantEncoder(), ScriptedModel(intent, confidence))
