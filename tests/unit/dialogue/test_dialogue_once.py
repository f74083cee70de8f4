"""Nothing is done twice and nothing is lost: repeats, crashes between effect and state, servers that are away."""

from typing import Any

import pytest
from support.dialogue import Talk

from voxcart.errors import DeadlineMissed, Unavailable, WrongState

pytestmark = pytest.mark.unit

MILK = ("product", "牛奶")
THREE = ("quantity", "三箱", {"value": 3, "unit": "箱"})


class Crash(Exception):
    """The process died here."""


def crash() -> None:
    raise Crash


async def test_a_repeated_utterance_gives_the_stored_reply_and_does_nothing(talk: Talk) -> None:
    first = await talk.say("来三箱牛奶", "add_to_cart", MILK, THREE)
    calls = len(talk.shop.calls)
    again = await talk.again(talk.understanding("来三箱牛奶", "add_to_cart", (MILK, THREE)))
    assert again == first
    assert len(talk.shop.calls) == calls


STEPS: list[tuple[str, str, tuple[Any, ...]]] = [
    ("来三箱牛奶和两份苹果", "add_to_cart", (THREE, MILK, ("quantity", "两份", {"value": 2}), ("product", "苹果"))),
    ("牛奶改成两箱", "update_cart", (MILK, ("quantity", "两箱", {"value": 2}))),
    ("把苹果去掉", "remove_from_cart", (("product", "苹果"),)),
    ("下单", "checkout", ()),
    ("好的", "affirm", ()),
    ("用支付宝付款", "pay", (("payment_method", "支付宝", "alipay"),)),
    ("好的", "affirm", ()),
    ("取消昨天的订单", "cancel_order", (("time_range", "昨天", {"from": "2026-11-20", "to": "2026-11-20"}),)),
    ("好的", "affirm", ()),
    ("我要退款，坏了", "request_refund", (("reason", "坏了"),)),
]


async def _play(talk: Talk, crash_at: int | None) -> list[str]:
    """Plays all steps; at one of them the process dies after the effect and the utterance comes again."""
    said = []
    for index, (text, intent, slots) in enumerate(STEPS):
        if index == crash_at:
            talk.store.before_save = crash
            with pytest.raises(Crash):
                await talk.say(text, intent, *slots)
            reply = await talk.again(talk.understanding(text, intent, slots))
        else:
            reply = await talk.say(text, intent, *slots)
        said.append(reply.text)
    return said


@pytest.mark.parametrize("crash_at", range(len(STEPS)))
async def test_a_crash_between_effect_and_state_is_harmless(crash_at: int) -> None:
    smooth, crashed = Talk(), Talk()
    expected = await _play(smooth, None)
    assert await _play(crashed, crash_at) == expected
    assert crashed.shop.changes == smooth.shop.changes
    assert crashed.in_cart() == smooth.in_cart()
    assert {k: v.status for k, v in crashed.shop.orders.items()} == {k: v.status for k, v in smooth.shop.orders.items()}


async def test_a_second_worker_that_was_first_wins(talk: Talk) -> None:
    rival = Talk(shop=talk.shop, store=talk.store)

    async def race() -> None:
        await rival.say("来三箱牛奶", "add_to_cart", MILK, THREE)

    import asyncio

    loop_calls = []
    original = talk.store.save

    async def save_after_rival(*arguments: Any) -> bool:
        if not loop_calls:
            loop_calls.append(1)
            await race()
        return await original(*arguments)

    talk.store.save = save_after_rival  # type: ignore[method-assign]
    reply = await asyncio.wait_for(talk.say("来三箱牛奶", "add_to_cart", MILK, THREE), 5)
    assert talk.shop.changes == ["AddToCart"]
    assert reply == rival.last.replies[0]


@pytest.mark.parametrize("error", [Unavailable("away"), DeadlineMissed("late")])
async def test_the_shop_away_is_said_and_the_same_request_keeps_its_key(talk: Talk, error: Exception) -> None:
    talk.shop.failures["AddToCart"] = [error]  # type: ignore[list-item]
    away = await talk.say("来三箱牛奶", "add_to_cart", MILK, THREE)
    assert "连不上" in away.text
    assert [action.status for action in away.actions] == ["failed"]
    assert talk.in_cart() == {}
    await talk.say("来三箱牛奶", "add_to_cart", MILK, THREE)
    assert talk.in_cart() == {"milk": 3}


async def test_an_answer_that_was_lost_is_not_done_again(talk: Talk) -> None:
    talk.shop.lost_answers.add("AddToCart")
    await talk.say("来三箱牛奶", "add_to_cart", MILK, THREE)
    assert talk.in_cart() == {"milk": 3}
    await talk.say("来三箱牛奶", "add_to_cart", MILK, THREE)
    assert talk.in_cart() == {"milk": 3}
    await talk.say("再来三箱牛奶", "add_to_cart", MILK, THREE)
    assert talk.in_cart() == {"milk": 6}


async def test_a_yes_that_met_a_shop_away_may_be_said_again(talk: Talk) -> None:
    await talk.say("来三箱牛奶", "add_to_cart", MILK, THREE)
    await talk.say("下单", "checkout")
    talk.shop.lost_answers.add("Checkout")
    away = await talk.say("好的", "affirm")
    assert away.awaiting == "confirmation"
    done = await talk.say("好的", "affirm")
    assert "订单300003" in done.text
    assert talk.shop.changes == ["AddToCart", "Checkout"]


async def test_questions_when_the_shop_is_away(talk: Talk) -> None:
    talk.shop.failures["SearchProducts"] = [Unavailable("away")] * 9
    reply = await talk.say("我想买苹果", "search_product", ("product", "苹果"))
    assert "请稍后再试" in reply.text
    assert "操作" not in reply.text


async def test_an_unexpected_error_is_an_answer_too(talk: Talk) -> None:
    talk.shop.failures["GetCart"] = [RuntimeError("a mistake")]  # type: ignore[list-item]
    reply = await talk.say("购物车里有什么", "view_cart")
    assert "没有改动" in reply.text


async def test_half_of_a_request_is_not_called_nothing(talk: Talk) -> None:
    talk.shop.failures["Pay"] = [WrongState("no", reason="declined")]
    await talk.say("来一份苹果", "add_to_cart", ("product", "苹果"))
    await talk.say("下单", "checkout")
    await talk.say("好的", "affirm")
    await talk.say("用支付宝", "pay", ("payment_method", "支付宝", "alipay"))
    declined = await talk.say("好的", "affirm")
    assert "拒绝" in declined.text


async def test_what_was_heard_before_a_barge_in_is_remembered(talk: Talk) -> None:
    from voxcart_services.dialogue.engine import DialogueEngine

    first = await talk.say("我想买苹果", "search_product", ("product", "苹果"))
    engine = DialogueEngine(talk.shop, talk.recommender, talk.store)
    await engine.note_interrupt("s", first.utterance_id, 700)
    heard = talk.state().heard
    assert heard is not None
    assert heard.heard_ms == 700
    again = await talk.say("你刚才说什么", "repeat")
    assert again.text.startswith("刚才没说完")
    await engine.note_interrupt("s", "s/99", 1)
    assert talk.state().heard is None
