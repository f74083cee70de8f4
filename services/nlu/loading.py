"""Builds the engine from model store, lexicon and catalogue; used by the service and by evaluations."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from voxcart.models import ModelStore
from voxcart.serving.sessions import SessionOptions
from voxcart.text import segment
from voxcart.text.scripts import simplify
from voxcart.text_encoder import TextEncoder
from voxcart_services.nlu.config import NluSettings
from voxcart_services.nlu.engine import UnderstandingEngine
from voxcart_services.nlu.gazetteer import CatalogueProduct, Gazetteer
from voxcart_services.nlu.intent_model import LinearIntentModel
from voxcart_services.nlu.lexicon import load_lexicon


def load_engine(settings: NluSettings) -> UnderstandingEngine:
    """Loads and warms all models. Blocks for about one second.

    Raises:
        ModelMissing, ModelCorrupt: The text encoder is not in the model store.
    """
    encoder = TextEncoder.from_store(
        ModelStore(settings.models_dir), SessionOptions(provider=settings.provider, threads=settings.encoder_threads)
    )
    engine = UnderstandingEngine(encoder, LinearIntentModel(), settings.scope_threshold)
    segment.load()
    simplify("買")
    engine.understand("把第一个加入购物车", "shopper", Gazetteer(load_lexicon()))
    return engine


def read_catalogue(path: Path) -> list[CatalogueProduct]:
    """Products of a catalogue file, one JSON object a line as the shop seeds them.

    Raises:
        OSError, ValueError: The file cannot be read or a line is not JSON.
    """
    with path.open(encoding="utf-8") as lines:
        return [product for line in lines if line.strip() for product in _products_of(json.loads(line))]


def _products_of(row: dict[str, Any]) -> Iterable[CatalogueProduct]:
    attributes = row.get("attributes") or []
    materials = tuple(
        item["value_zh"] for item in attributes if item.get("zh") in ("材质", "面料") and item.get("value_zh")
    )
    colors = tuple({v["color"] for v in row.get("variants") or [] if v.get("color")})
    yield CatalogueProduct(
        row["sku"], row["name_zh"], row.get("name_en", ""), row.get("brand_zh") or row.get("brand", ""), "",
        tuple(row.get("aliases") or ()), colors, tuple(m for m in materials if len(m) <= 6),
    )  # fmt: skip
    if row.get("brand_en") and row.get("brand_en") != row.get("brand_zh"):
        yield CatalogueProduct(row["sku"], row["name_en"], "", row["brand_en"])
