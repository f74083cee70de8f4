"""``voxcart demo`` on a fresh shop: every spoken turn is heard, understood, done and answered aloud."""

import json
import subprocess
import sys
import wave
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.e2e

EXPECTED_INTENTS = {
    "shopper": [
        "search_product",
        "add_to_cart",
        "recommend",
        "search_product",
        "checkout",
        "affirm",
        "order_status",
    ],
    "merchant": ["merchant_query_stock", "merchant_sales_report", "merchant_update_product", "affirm"],
}


@pytest.fixture(scope="module")
def played(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    out = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "-m", "voxcart", "demo", "--json", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def turns(played: list[dict[str, Any]], role: str) -> list[dict[str, Any]]:
    return [line for line in played if line.get("role") == role]


def done(turn: dict[str, Any]) -> list[str]:
    return [action["name"] for action in turn["actions"] if action["status"] == "done"]


@pytest.mark.parametrize("role", EXPECTED_INTENTS)
def test_every_turn_is_understood(played: list[dict[str, Any]], role: str) -> None:
    assert [turn["intent"] for turn in turns(played, role)] == EXPECTED_INTENTS[role]


def test_every_reply_is_spoken(played: list[dict[str, Any]]) -> None:
    for turn in turns(played, "shopper") + turns(played, "merchant"):
        with wave.open(turn["reply_wav"]) as reply:
            assert reply.getnframes() > reply.getframerate() // 2, turn["said"]


def test_two_apples_are_bought(played: list[dict[str, Any]]) -> None:
    search, add, _, phones, checkout, yes, status = turns(played, "shopper")
    assert "苹果" in search["cards"][0]["name"]
    assert done(add) == ["add_to_cart"]
    assert phones["cards"]
    assert all("华为" in card["name"] and card["price"]["cents"] <= 200_000 for card in phones["cards"])
    assert not checkout["actions"]
    assert "78" in checkout["reply"]
    assert done(yes) == ["checkout"]
    assert status["cards"][0]["kind"] == "order"


def test_the_price_changes_only_after_the_yes(played: list[dict[str, Any]]) -> None:
    stock, report, change, yes = turns(played, "merchant")
    assert any(character.isdigit() for character in stock["reply"] + report["reply"])
    assert not change["actions"]
    assert len(done(yes)) == 1
    assert "35" in yes["reply"]


def test_summary_counts_all_turns(played: list[dict[str, Any]]) -> None:
    summary = played[-1]["summary"]
    assert (summary["turns"], summary["unanswered"]) == (11, 0)
    assert summary["median_speech_end_to_first_audio_ms"] > 0
