"""Rules, slots, numbers and phrases by themselves."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from voxcart_services.dialogue import cues, policy
from voxcart_services.dialogue.money import amount_text
from voxcart_services.dialogue.phrases import Phraser, phrase_table, placeholders
from voxcart_services.dialogue.quantities import pieces_wanted
from voxcart_services.dialogue.reference import by_ordinal, by_superlative
from voxcart_services.dialogue.slots import Quantity, Slots, SlotValue
from voxcart_services.dialogue.state import Pending, SessionState, ShownItem
from voxcart_services.dialogue.turn import CONFIRMED, SKILLS

pytestmark = pytest.mark.unit

SCHEMA_INTENTS = {
    "search_product", "refine_search", "ask_price", "ask_stock", "ask_product_info", "recommend", "select_item",
    "add_to_cart", "remove_from_cart", "update_cart", "view_cart", "clear_cart", "checkout", "pay", "order_status",
    "list_orders", "cancel_order", "request_refund", "change_address", "ask_faq", "give_feedback",
    "merchant_add_product", "merchant_update_product", "merchant_delist_product", "merchant_query_stock",
    "merchant_list_orders", "merchant_confirm_order", "merchant_ship_order", "merchant_process_refund",
    "merchant_sales_report", "merchant_reviews", "affirm", "deny", "cancel", "repeat", "help", "greet", "thanks",
    "goodbye", "talk_to_human", "out_of_scope",
}  # fmt: skip


def slot(name: str, text: str = "", normalized: Any = None, **fields: Any) -> SlotValue:
    return SlotValue(name=name, text=text, normalized=normalized, **fields)


def decide(text: str, intent: str, pending: Pending | None = None, *slots: SlotValue, **fields: Any) -> policy.Decision:
    state = SessionState(pending=pending, **fields)
    return policy.decide(policy.Heard(text, intent, 0.9, Slots(slots), "shopper"), state, 0.35)


CHECKOUT = Pending(kind="confirmation", intent="checkout", action="checkout", question="下单吗？")
WHY = Pending(kind="slot", intent="request_refund", slot="reason", question="原因是什么？")
PRICE = Pending(kind="slot", intent="merchant_add_product", slot="price", question="多少钱？")


def test_every_intent_of_the_schema_has_a_skill() -> None:
    assert set(SKILLS) == SCHEMA_INTENTS | {"undo"}
    for intent, skill in SKILLS.items():
        expected = {"merchant"} if intent.startswith("merchant_") else {"shopper"}
        assert expected <= skill.roles


@pytest.mark.parametrize("text", ["好的", "是的", "对", "嗯", "可以", "确认", "好的。", "行吧", "OK", "yes", "sure"])
def test_plain_words_of_consent_do_it_whatever_they_were_taken_for(text: str) -> None:
    assert decide(text, "out_of_scope", CHECKOUT).move == "do"


@pytest.mark.parametrize("text", ["不要", "不用了", "算了", "先不要", "no", "cancel"])
def test_plain_words_of_refusal_drop_it(text: str) -> None:
    assert decide(text, "out_of_scope", CHECKOUT).move == "drop"


def test_a_side_question_comes_back_and_another_request_does_not() -> None:
    aside = decide("运费多少", "ask_faq", CHECKOUT)
    assert (aside.move, aside.intent, aside.comes_back) == ("run", "ask_faq", True)
    other = decide("来两箱牛奶", "add_to_cart", CHECKOUT)
    assert (other.move, other.intent, other.comes_back) == ("run", "add_to_cart", False)


def test_any_words_are_a_reason_but_a_cancel_is_not() -> None:
    filled = decide("昨天的订单太慢了", "order_status", WHY)
    assert filled.intent == "request_refund"
    assert filled.slots.text("reason") == "昨天的订单太慢了"
    assert decide("算了", "cancel", WHY).intent == "cancel"


@pytest.mark.parametrize(("text", "value"), [("三十九块九", 39.9), ("39", 39), ("一百五", 150)])
def test_a_bare_number_is_the_price_that_was_asked_for(text: str, value: float) -> None:
    state = SessionState(pending=PRICE)
    decision = policy.decide(policy.Heard(text, "out_of_scope", 0.4, Slots(), "merchant"), state, 0.35)
    assert decision.intent == "merchant_add_product"
    amount = decision.slots.amount("price")
    assert amount is not None
    assert amount.value == pytest.approx(value, abs=1)


def test_slots_read_days_of_the_shops_clock() -> None:
    slots = Slots([slot("time_range", "昨天", {"from": "2026-11-20", "to": "2026-11-20"})])
    time_range = slots.time_range()
    assert time_range is not None
    assert time_range.start == datetime(2026, 11, 19, 16, tzinfo=UTC)
    assert time_range.end == datetime(2026, 11, 20, 16, tzinfo=UTC)
    assert Slots([slot("time_range", "x", {"from": "bad"})]).time_range() is None
    assert Slots([slot("time_range", "x", {"from": "2026-11-20", "to": "2026-11-01"})]).time_range() is None


def test_newer_slots_replace_older_ones_of_their_kind() -> None:
    old = Slots([slot("product", "苹果"), slot("price", "35", 35)])
    new = old.replaced_by(Slots([slot("category", "水果")]))
    assert new.names() == {"category", "price"}
    assert old.replaced_by(Slots([slot("ordinal", "第二个", 2)])).names() == {"ordinal", "price"}


@pytest.mark.parametrize(
    ("quantity", "unit", "text", "count", "problem"),
    [
        (None, "", "来苹果", 1, ""),
        (Quantity(3, "斤"), "3斤装", "", 1, ""),
        (Quantity(5, "斤"), "3斤装", "", 2, ""),
        (Quantity(2, "公斤"), "2斤装", "", 2, ""),
        (Quantity(1, "打"), "1支", "", 12, ""),
        (Quantity(1000, ""), "", "", 0, "quantity.too_many"),
        (Quantity(-1, ""), "", "", 0, "quantity.negative"),
        (Quantity(3, ""), "", "来负三个", 0, "quantity.negative"),
    ],
)
def test_pieces(quantity: Quantity | None, unit: str, text: str, count: int, problem: str) -> None:
    pieces = pieces_wanted(quantity, unit, text)
    assert (pieces.count, pieces.problem) == (count, problem)


def test_ordinals_and_superlatives() -> None:
    items = [ShownItem(sku=name, name=name, price_cents=cents, rating=4.0) for name, cents in (("a", 3), ("b", 1))]
    assert by_ordinal(items, -1) == items[1]
    assert by_ordinal(items, 3) is None
    assert by_superlative(items, "price_asc") == items[1]
    assert by_superlative(items, "newest") is None
    assert by_superlative([], "price_asc") is None


@pytest.mark.parametrize(
    ("text", "detected", "locale", "language"),
    [
        ("iPhone 15 Pro", "en", "zh-CN", "zh"),
        ("show me phones", "en", "zh-CN", "en"),
        ("我要买 iPhone", "mixed", "en-US", "zh"),
        ("phones", "en", "en-US", "en"),
        ("78", "zh", "en-US", "en"),
    ],
)
def test_language_of_the_reply(text: str, detected: str, locale: str, language: str) -> None:
    assert cues.spoken_language(text, detected, locale) == language


@pytest.mark.parametrize(
    ("cents", "text"), [(3900, "39元"), (1580, "15.8元"), (5, "0.05元"), (-300, "负3元"), (0, "0元")]
)
def test_amounts(cents: int, text: str) -> None:
    assert amount_text(cents, "zh") == text


def test_both_languages_have_the_same_phrases_with_the_same_values() -> None:
    chinese, english = phrase_table("zh"), phrase_table("en")
    assert set(chinese) == set(english)
    for name in chinese:
        known = set().union(*map(placeholders, chinese[name])) | {"date", "month", "day", "measure", "percent", "clock"}
        assert set().union(*map(placeholders, english[name])) <= known, name


def test_replies_begin_with_a_short_clause() -> None:
    parts = {"status", "what", "method", "order_kind", "refund_status"}
    fragments = re.compile(
        r"search\.(item|praise|rating|such|offer)|cart\.(pieces|and_more)|info\.(attr|rating|colors|sizes|brand|unit)|"
        r"merchant\.(price_change|stock_change|low_item|refund_item)|report\.sold|orders\.(item|confirm_cancel_again)|"
        r"checkout\.confirm_again|coupon\.(item|percent|amount)|undo\.what|report\.of_category|"
        r"timed\.(day|minute|moment|now|item|status)"
    )
    for name, variants in phrase_table("zh").items():
        if name.split(".")[0] in parts or fragments.match(name):
            continue
        for variant in variants:
            opener = re.split("[，。？；：]", variant)[0]
            assert len(opener) <= 8, f"{name}: {variant}"
            assert "{" not in opener, f"{name}: {variant}"


def test_variants_are_chosen_by_the_utterance() -> None:
    assert Phraser("zh", "s/1").say("talk.greet") == Phraser("zh", "s/1").say("talk.greet")
    assert len({Phraser("zh", f"s/{number}").say("talk.greet") for number in range(20)}) == 2


def test_every_confirmed_action_has_a_handler() -> None:
    assert set(CONFIRMED) == {
        "add_focus", "add_product", "approve_refund", "approve_schedule", "cancel_order", "cancel_schedule", "checkout",
        "clear_cart", "confirm_order", "delist_product", "pay", "process_orders", "reject_schedule", "schedule_price",
        "ship_order", "undo", "update_product",
    }  # fmt: skip
