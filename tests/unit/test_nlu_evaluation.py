"""Scores of understanding against hand-worked numbers, and refusal of bad data."""

import json
from pathlib import Path

import pytest

from voxcart.errors import InvalidInput
from voxcart.evaluation.nlu import evaluate, read_lines, same_value
from voxcart_services.nlu.spans import Slot

pytestmark = pytest.mark.unit


def write(path: Path, *rows: dict) -> Path:
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    return path


def test_scores_are_those_worked_out_by_hand(tmp_path: Path) -> None:
    data = write(
        tmp_path / "gold.jsonl",
        # right intent; product strict; price_max only relaxed, value right
        {
            "text": "两千元以下的手机",
            "lang": "zh",
            "role": "shopper",
            "intent": "search_product",
            "tag": "price",
            "slots": [
                {"name": "product", "value": "手机"},
                {"name": "price_max", "value": "两千元以下", "normalized": 2000},
            ],
        },
        # an accepted other intent; one slot missed, one spurious
        {
            "text": "第一个来两份",
            "lang": "zh",
            "role": "shopper",
            "intent": "add_to_cart",
            "intent_alt": ["select_item"],
            "slots": [{"name": "quantity", "value": "两份", "normalized": {"value": 2, "unit": "份"}}],
        },
        # out of scope: slots are not scored; the optional slot counts neither way
        {"text": "讲个笑话", "lang": "zh", "role": "merchant", "intent": "out_of_scope", "slots": []},
        {
            "text": "any apples",
            "lang": "en",
            "role": "shopper",
            "intent": "search_product",
            "slots": [{"name": "product", "value": "apples", "optional": True}],
        },
    )
    answers = {
        "两千元以下的手机": ("search_product", [Slot("category", 6, 8, "手机"), Slot("price_max", 0, 3, "2000")]),
        "第一个来两份": ("select_item", [Slot("ordinal", 0, 3, 1)]),
        "讲个笑话": ("repeat", [Slot("product", 0, 2)]),
        "any apples": ("search_product", []),
    }
    report = evaluate(read_lines(data), lambda line: (answers[line.text][0], 0.9, answers[line.text][1]))
    overall = report["overall"]
    assert overall["intent_accuracy"] == 0.75
    assert overall["slot_f1_strict"] == pytest.approx(2 * 1 / (3 + 3), abs=1e-4)
    assert overall["slot_f1_relaxed"] == pytest.approx(2 * 2 / (3 + 3), abs=1e-4)
    assert overall["value_accuracy"] == 1.0
    assert report["by_role"]["merchant"]["intent_accuracy"] == 0.0
    assert report["by_tag"]["price"]["intent_accuracy"] == 1.0
    assert report["out_of_scope"] == {"recall": 0.0, "precision": None}
    assert [error["text"] for error in report["errors"]] == ["第一个来两份", "讲个笑话"]


@pytest.mark.parametrize(
    ("gold", "found", "same"),
    [
        ({"value": 2, "unit": "箱"}, {"value": 2.0, "unit": "件"}, True),
        ({"value": 1, "unit": "打"}, {"value": 12}, False),
        (42, "42", True),
        ("SF8866", "sf 8866", True),
        ({"from": "2026-10-01", "to": "2026-10-31"}, {"from": "2026-10-01", "to": "2026-10-31"}, True),
        ({"from": "2026-10-01", "to": "2026-10-31"}, {"from": "2026-10-01", "to": "2026-10-30"}, False),
        ("red", "blue", False),
        (2000, None, False),
    ],
)
def test_values_are_compared_by_meaning(gold: object, found: object, same: bool) -> None:
    assert same_value(gold, found) is same


def test_a_refused_or_relative_value_must_be_found_as_such(tmp_path: Path) -> None:
    data = write(
        tmp_path / "gold.jsonl",
        {
            "text": "不要红色",
            "lang": "zh",
            "role": "shopper",
            "intent": "refine_search",
            "slots": [{"name": "color", "value": "红色", "normalized": "red", "negated": True}],
        },
    )
    for negated, accuracy in ((True, 1.0), (False, 0.0)):
        slots = [Slot("color", 2, 4, "red", negated=negated)]
        report = evaluate(read_lines(data), lambda line, slots=slots: ("refine_search", 1.0, slots))
        assert report["overall"]["value_accuracy"] == accuracy


@pytest.mark.parametrize(
    "content", ["", "not json", '{"lang": "zh"}', '["a"]', '{"text": "a", "intent": "b", "clock": "noon"}']
)
def test_bad_data_is_refused_with_the_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"bad\.jsonl"):
        read_lines(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot read"):
        read_lines(tmp_path / "none.jsonl")
