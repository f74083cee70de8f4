"""A shopper's orders, refunds, address, questions and the way to a person."""

import pytest
from support.dialogue import Talk

pytestmark = pytest.mark.unit

YESTERDAY = ("time_range", "昨天", {"from": "2026-11-20", "to": "2026-11-20"})


async def test_yesterdays_order_is_found_by_the_sessions_clock(talk: Talk) -> None:
    reply = await talk.say("昨天的订单到哪了", "order_status", YESTERDAY)
    assert "订单100001" in reply.text
    assert reply.cards[0].id == "100001"
    nothing = await talk.say(
        "十月的订单呢", "order_status", ("time_range", "十月", {"from": "2026-10-01", "to": "2026-10-31"})
    )
    assert "没有订单" in nothing.text


async def test_without_a_time_the_parcel_on_its_way_is_meant(talk: Talk) -> None:
    reply = await talk.say("我的快递到哪了", "order_status")
    assert "订单100002" in reply.text
    assert "包裹到了上海" in reply.text


async def test_a_listed_order_is_taken_by_its_place(talk: Talk) -> None:
    listed = await talk.say("查一下我的订单", "list_orders")
    assert [card.id for card in listed.cards] == ["100001", "100002", "100003"]
    reply = await talk.say("第二个到哪了", "order_status", ("ordinal", "第二个", 2))
    assert "订单100002" in reply.text
    none = await talk.say("第九个到哪了", "order_status", ("ordinal", "第九个", 9))
    assert "只有3个" in none.text


async def test_cancelling_needs_a_yes_and_a_shipped_order_stays(talk: Talk) -> None:
    asked = await talk.say("取消昨天的订单", "cancel_order", YESTERDAY)
    assert asked.awaiting == "confirmation"
    assert talk.shop.changes == []
    await talk.say("好的", "affirm")
    assert talk.shop.orders["100001"].status == "cancelled"
    refused = await talk.say("取消订单100002", "cancel_order", ("order_id", "100002", "100002"))
    assert "不能取消" in refused.text
    assert talk.shop.changes == ["CancelOrder"]


async def test_a_bare_request_again_is_a_yes_but_a_cancel_is_not(talk: Talk) -> None:
    await talk.say("取消昨天的订单", "cancel_order", YESTERDAY)
    await talk.say("算了", "cancel")
    assert talk.shop.changes == []
    await talk.say("取消昨天的订单", "cancel_order", YESTERDAY)
    await talk.say("取消吧", "cancel")
    assert talk.shop.changes == ["CancelOrder"]


async def test_a_refund_takes_its_reason_from_the_next_sentence(talk: Talk) -> None:
    asked = await talk.say("我要退款", "request_refund")
    assert asked.awaiting == "reason"
    assert talk.shop.changes == []
    await talk.say("盒子都破了", "give_feedback")
    assert talk.shop.orders["100003"].refund.reason == "盒子都破了"
    again = await talk.say(
        "订单100003退款，坏了", "request_refund", ("order_id", "100003", "100003"), ("reason", "坏了")
    )
    assert "等商家处理" in again.text
    assert talk.shop.changes == ["RequestRefund"]


async def test_an_order_that_is_not_shipped_is_called_off_instead(talk: Talk) -> None:
    reply = await talk.say("订单100001退款", "request_refund", ("order_id", "100001", "100001"))
    assert "取消" in reply.text
    assert talk.shop.changes == []


async def test_the_address_is_asked_for_and_any_words_are_taken(talk: Talk) -> None:
    asked = await talk.say("改一下收货地址", "change_address")
    assert asked.awaiting == "address"
    done = await talk.say("人民路8号", "out_of_scope")
    assert "人民路8号" in done.text
    assert talk.shop.changes == ["ChangeAddress"]


async def test_checkout_without_any_address_asks_for_one_and_goes_on(talk: Talk) -> None:
    talk.shop.addresses.clear()
    await talk.say("来一份苹果", "add_to_cart", ("product", "苹果"))
    asked = await talk.say("下单", "checkout")
    assert asked.awaiting == "address"
    read_back = await talk.say("人民路8号", "navigate")
    assert read_back.awaiting == "confirmation"
    await talk.say("好的", "affirm")
    assert talk.shop.changes == ["AddToCart", "ChangeAddress", "Checkout"]


async def test_rules_are_answered_from_documents_or_not_at_all(talk: Talk) -> None:
    known = await talk.say("运费怎么算", "ask_faq")
    assert known.cards[0].kind == "faq"
    unknown = await talk.say("你们老板是谁", "ask_faq")
    assert "没有提到" in unknown.text
    found_anyway = await talk.say("那运费", "out_of_scope")
    assert "包邮" in found_anyway.text


async def test_help_repeat_and_a_person_with_a_summary(talk: Talk) -> None:
    nothing = await talk.say("再说一遍", "repeat")
    assert nothing.text
    shown = await talk.say("我想买苹果", "search_product", ("product", "苹果"))
    again = await talk.say("再说一遍", "repeat")
    assert shown.text in again.text
    assert [entry.kind for entry in talk.last.feedback] == ["repeated"]
    person = await talk.say("转人工", "talk_to_human")
    assert person.hand_over
    assert dict(person.cards[0].facts)["turns"][1]["user"] == "我想买苹果"
