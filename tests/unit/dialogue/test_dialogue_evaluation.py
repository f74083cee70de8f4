"""Written dialogues: reading them, and every expectation that holds or does not."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.dialogue import FakeShop, money

from voxcart.errors import InvalidInput
from voxcart.evaluation.dialogue import ScenarioResult, read_scenarios, summary
from voxcart.evaluation.dialogue_checks import KNOWN_KEYS, ShopView, TurnResult, check_turn
from voxcart_api.bus.v1 import bus_pb2
from voxcart_api.common.v1 import common_pb2
from voxcart_api.shop.v1 import shop_pb2

pytestmark = pytest.mark.unit

DATA = Path(__file__).parents[2] / "data" / "dialogue"


class Stub:
    """The shop in memory behind the calls of a gRPC stub."""

    def __init__(self, shop: FakeShop) -> None:
        self.shop = shop

    def __getattr__(self, rpc: str) -> Any:
        async def call(request: Any, timeout: float) -> Any:
            if rpc == "ListRefunds":
                return shop_pb2.ListRefundsResponse(refunds=self.shop.refunds.values())
            return await self.shop.call(rpc, request, timeout)

        return call


@pytest.fixture
def shop() -> FakeShop:
    return FakeShop()


@pytest.fixture
async def view(shop: FakeShop) -> ShopView:
    view = ShopView(Stub(shop), "demo~x", "u", "m", 5.0)  # type: ignore[arg-type]
    await view.start([{"stock_of": {"name_contains": "纯牛奶"}}])
    return view


def turn(text: str = "好的，订单1", awaiting: str = "none", **card: Any) -> TurnResult:
    understanding = common_pb2.Understanding(intent="search_product")
    understanding.slots.add(name="product", value="苹果")
    understanding.slots.add(name="price_max", value="两千元以下").normalized.number_value = 2000
    understanding.slots.add(name="quantity", value="两箱").normalized.struct_value.update({"value": 2, "unit": "箱"})
    reply = bus_pb2.Reply(text=text, awaiting=awaiting)
    if card:
        facts = card.pop("facts", {})
        shown = reply.cards.add(kind="product", **card)
        shown.facts.update(facts)
    return TurnResult("我想买苹果", understanding, [reply], 12.0)


RED_DRESS = {"name": "连衣裙", "price": money(199), "facts": {"brand": "茵曼", "color_codes": ["red", "blue"]}}


@pytest.mark.parametrize(
    ("expect", "result", "holds"),
    [
        ({"intent": "search_product"}, turn(), True),
        ({"intent": ["ask_price", "search_product"]}, turn(), True),
        ({"intent": "ask_price"}, turn(), False),
        ({"slots": {"price_max": 2000, "product": "苹果", "quantity": {"value": 2, "unit": "盒"}}}, turn(), True),
        ({"slots": {"category": "苹果"}}, turn(), True),
        ({"slots": {"price_max": 200}}, turn(), False),
        ({"slots": {"color": "red"}}, turn(), False),
        ({"cards_contain": ["裙"]}, turn(**RED_DRESS), True),
        ({"cards_contain": [""]}, turn(), False),
        ({"cards_all": {"price_max": 200, "color": "blue", "brand_contains": "茵"}}, turn(**RED_DRESS), True),
        ({"cards_all": {"price_max": 198}}, turn(**RED_DRESS), False),
        ({"cards_all": {"price_min": 200}}, turn(**RED_DRESS), False),
        ({"cards_all": {"color": "green"}}, turn(**RED_DRESS), False),
        ({"cards_all": {"price_max": 1}}, turn(), True),
        ({"awaiting": "confirmation"}, turn(awaiting="confirmation"), True),
        ({"awaiting": "size"}, turn(), False),
        ({"reply_contains": ["好的", "订单"]}, turn(), True),
        ({"reply_contains": "退款"}, turn(), False),
        ({"reply_contains_any": ["退款", "订单"]}, turn(), True),
        ({"reply_not_contains": ["订单"]}, turn(), False),
        ({"cart": []}, turn(), True),
        ({"orders_created": 0, "effects": 0}, turn(), True),
        ({"orders_created": 1}, turn(), False),
        ({"effects": 1}, turn(), False),
        ({"price_of": {"name_contains": "纯牛奶", "value": 65}}, turn(), True),
        ({"price_of": {"name_contains": "纯牛奶", "value": 66}}, turn(), False),
        ({"price_of": {"name_contains": "恐龙蛋", "value": 66}}, turn(), False),
        ({"stock_of": {"name_contains": "纯牛奶", "delta": 0}}, turn(), True),
        ({"stock_of": {"name_contains": "纯牛奶", "value": 99}}, turn(), False),
    ],
)
async def test_expectations(view: ShopView, expect: dict[str, Any], result: TurnResult, holds: bool) -> None:
    problems = await check_turn(expect, result, view)
    assert (not problems) == holds, problems


async def test_the_shop_itself_is_asked(shop: FakeShop, view: ShopView) -> None:
    shop.lines["a"] = ("apple", "", 2)
    assert await check_turn({"effects": 0}, turn(), view) == ["effects: none reported, but the shop changed"]
    wanted = [{"name_contains": "苹果", "quantity": 2}]
    assert await check_turn({"cart": wanted}, turn(), view) == []
    assert await check_turn({"cart": [{"name_contains": "苹果", "quantity": 3}]}, turn(), view)
    shop.orders["100001"].status = "cancelled"
    assert await check_turn({"order_status": "cancelled"}, turn(), view) == []
    assert await check_turn({"order_status": "paid"}, turn(), view)
    shop.orders["100003"].refund.status = "requested"
    assert await check_turn({"refund_status": "requested"}, turn(), view) == []
    shop.products["milk"].stock += 100
    assert await check_turn({"stock_of": {"name_contains": "纯牛奶", "delta": 100}}, turn(), view) == []


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "{}",
        '{"turns": [{}]}',
        '{"role": "king", "turns": []}',
        '{"turns": [{"user": "x", "expect": {"magic": 1}}]}',
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text('{"role": "shopper", "turns": [{"user": "好"}]}\n' + line + "\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"bad\.jsonl:2"):
        read_scenarios(path)


def test_empty_and_missing_files(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("\n")
    for name in ("empty.jsonl", "missing.jsonl"):
        with pytest.raises(InvalidInput):
            read_scenarios(tmp_path / name)


def test_the_projects_own_dialogues_are_well_formed() -> None:
    scenarios = [scenario for path in sorted(DATA.glob("*.jsonl")) for scenario in read_scenarios(path)]
    assert len(scenarios) >= 40
    assert len({scenario.id for scenario in scenarios}) == len(scenarios)
    assert {scenario.role for scenario in scenarios} == {"shopper", "merchant"}
    assert {key for scenario in scenarios for _, expect in scenario.turns for key in expect} <= KNOWN_KEYS


def test_a_dialogue_succeeds_when_every_turn_does(tmp_path: Path) -> None:
    lines = [{"id": str(n), "role": "shopper", "lang": "zh", "turns": [{"user": "a"}, {"user": "b"}]} for n in range(4)]
    path = tmp_path / "d.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines))
    results = [ScenarioResult(scenario, [turn(), turn()]) for scenario in read_scenarios(path)]
    results[0].turns[1].problems = ["cart: wrong"]
    found = summary(results)
    assert (found["task_success"], found["turn_success"]) == (0.75, 0.875)
    assert found["by_role"] == {"shopper": {"dialogues": 4, "task_success": 0.75}}
    assert found["failures"][0]["turn"] == 2
    assert found["latency_ms"]["p50"] == 12.0
