"""Understanding with the real encoder and intent model: authored development lines and the demo's turns."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from voxcart.evaluation.nlu import evaluate, read_lines
from voxcart_services import shop
from voxcart_services.nlu.config import NluSettings
from voxcart_services.nlu.engine import UnderstandingEngine
from voxcart_services.nlu.gazetteer import Gazetteer
from voxcart_services.nlu.lexicon import load_lexicon
from voxcart_services.nlu.loading import load_engine, read_catalogue

pytestmark = [pytest.mark.integration, pytest.mark.model]

DATA = Path(__file__).parent.parent / "data" / "nlu"
CLOCK = datetime(2026, 11, 21, 4, tzinfo=UTC)


@pytest.fixture(scope="module")
def nlu_engine(models_dir: Path) -> UnderstandingEngine:
    return load_engine(NluSettings(models_dir=models_dir))


@pytest.fixture(scope="module")
def demo_gazetteer() -> Gazetteer:
    catalogue = Path(shop.__file__).parent / "data" / "catalogue.jsonl"
    return Gazetteer(load_lexicon(), read_catalogue(catalogue))


@pytest.mark.parametrize(
    ("name", "intent_floor", "slot_floor", "value_floor"),
    [("dev.jsonl", 0.97, 0.94, 0.97), ("heldout.jsonl", 0.95, 0.87, 0.95)],
)
def test_authored_lines_are_understood_above_the_floor(
    nlu_engine: UnderstandingEngine,
    demo_gazetteer: Gazetteer,
    name: str,
    intent_floor: float,
    slot_floor: float,
    value_floor: float,
) -> None:
    def understand(line):
        found = nlu_engine.understand(line.text, line.role, demo_gazetteer, line.clock or CLOCK)
        return found.intent, found.confidence, found.slots

    report = evaluate(read_lines(DATA / name), understand)
    overall = report["overall"]
    assert overall["intent_accuracy"] >= intent_floor, report["errors"]
    assert overall["slot_f1_strict"] >= slot_floor, report["errors"]
    assert overall["value_accuracy"] >= value_floor, report["errors"]


@pytest.mark.parametrize(
    ("role", "text", "intent", "slots"),
    [
        ("shopper", "我想买苹果", "search_product", {"product": "苹果"}),
        ("shopper", "第一个来两份", "add_to_cart", {"ordinal": 1, "quantity": {"value": 2, "unit": "份"}}),
        ("shopper", "第一个来2份", "add_to_cart", {"ordinal": 1, "quantity": {"value": 2, "unit": "份"}}),
        ("shopper", "你有什么推荐的", "recommend", {}),
        (
            "shopper",
            "两千元以下的华为手机有哪些",
            "search_product",
            {"price_max": 2000, "brand": "华为", "category": "手机"},
        ),
        (
            "shopper",
            "2000元以下的华为手机有哪些",
            "search_product",
            {"price_max": 2000, "brand": "华为", "category": "手机"},
        ),
        ("shopper", "下单吧", "checkout", {}),
        ("shopper", "好的", "affirm", {}),
        ("shopper", "昨天的订单到哪了", "order_status", {"time_range": {"from": "2026-11-20", "to": "2026-11-20"}}),
        ("merchant", "苹果还有多少库存", "merchant_query_stock", {"product": "苹果"}),
        (
            "merchant",
            "上个月的销售额是多少",
            "merchant_sales_report",
            {"time_range": {"from": "2026-10-01", "to": "2026-10-31"}, "metric": "sales_amount"},
        ),
        ("merchant", "把苹果的价格改成三十五元", "merchant_update_product", {"product": "苹果", "price": 35}),
        ("merchant", "把苹果的价格改成35元", "merchant_update_product", {"product": "苹果", "price": 35}),
        ("merchant", "是的", "affirm", {}),
    ],
)
def test_the_turns_of_the_demo(
    nlu_engine: UnderstandingEngine, demo_gazetteer: Gazetteer, role: str, text: str, intent: str, slots: dict
) -> None:
    found = nlu_engine.understand(text, role, demo_gazetteer, CLOCK)
    assert found.intent == intent
    assert {slot.name: slot.normalized for slot in found.slots} == slots


def test_a_merchant_intent_is_never_given_to_a_shopper(
    nlu_engine: UnderstandingEngine, demo_gazetteer: Gazetteer
) -> None:
    for text in ("把苹果的价格改成三十五元", "下架海南香蕉", "上个月的销售额是多少", "同意这个退款"):
        found = nlu_engine.understand(text, "shopper", demo_gazetteer, CLOCK)
        assert not any(item.intent.startswith("merchant_") for item in found.top_intents)
