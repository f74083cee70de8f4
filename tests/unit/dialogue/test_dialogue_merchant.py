"""A merchant's work by voice."""

from typing import Any

import pytest
from support.dialogue import Talk

pytestmark = pytest.mark.unit

APPLE = ("product", "苹果")


async def test_a_price_changes_only_after_a_yes_to_the_read_back(merchant: Talk) -> None:
    asked = await merchant.say("把苹果的价格改成三十五元", "merchant_update_product", APPLE, ("price", "三十五元", 35))
    assert asked.awaiting == "confirmation"
    assert "从39元改成35元" in asked.text
    assert merchant.shop.changes == []
    done = await merchant.say("是的", "affirm")
    assert merchant.shop.products["apple"].price.cents == 3500
    assert dict(done.actions[0].details)["price_before_cents"] == 3900


async def test_a_correction_changes_what_is_read_back(merchant: Talk) -> None:
    await merchant.say("把苹果的价格改成三十五元", "merchant_update_product", APPLE, ("price", "三十五元", 35))
    again = await merchant.say("不对，改成三十六元", "merchant_update_product", ("price", "三十六元", 36))
    assert "改成36元" in again.text
    assert [entry.kind for entry in merchant.last.feedback] == ["corrected"]
    await merchant.say("好的", "affirm")
    assert merchant.shop.products["apple"].price.cents == 3600


async def test_no_keeps_the_price(merchant: Talk) -> None:
    await merchant.say("把苹果的价格改成三十五元", "merchant_update_product", APPLE, ("price", "三十五元", 35))
    await merchant.say("不要", "deny")
    await merchant.say("是的", "affirm")
    assert merchant.shop.changes == []


@pytest.mark.parametrize(
    ("slot", "cents"),
    [
        (("price", "两块", 2, "subtract"), 3700),
        (("price", "两块", 2, "add"), 4100),
        (("price", "八折", 80, "percent"), 3120),
        (("price", "三十五块九毛", 35.9), 3590),
    ],
)
async def test_relative_prices(merchant: Talk, slot: Any, cents: int) -> None:
    await merchant.say("苹果价格" + slot[1], "merchant_update_product", APPLE, slot)
    await merchant.say("好的", "affirm")
    assert merchant.shop.products["apple"].price.cents == cents


async def test_stock_is_added(merchant: Talk) -> None:
    asked = await merchant.say(
        "苹果库存加一百", "merchant_update_product", APPLE, ("quantity", "一百", {"value": 100}, "add")
    )
    assert "从100件改成200件" in asked.text
    await merchant.say("确认", "affirm")
    assert merchant.shop.products["apple"].stock == 200


async def test_a_new_product_is_asked_for_piece_by_piece(merchant: Talk) -> None:
    await merchant.say("上架一款山东大樱桃", "merchant_add_product", ("product", "樱桃"))
    await merchant.say("五十九块九", "merchant_update_product", ("price", "五十九块九", 59.9))
    asked = await merchant.say("一百箱", "repeat")
    assert asked.awaiting == "confirmation"
    assert "山东大樱桃" in asked.text
    assert merchant.shop.changes == []
    await merchant.say("好的", "affirm")
    assert merchant.shop.products["new"].name_zh == "山东大樱桃"
    assert merchant.shop.products["new"].price.cents == 5990
    assert merchant.shop.products["new"].stock == 100


async def test_delisting_needs_a_yes(merchant: Talk) -> None:
    await merchant.say("下架海南香蕉", "merchant_delist_product", ("product", "海南香蕉"))
    assert merchant.shop.changes == []
    await merchant.say("是的", "affirm")
    assert merchant.shop.products["banana"].delisted


async def test_stock_and_what_runs_out(merchant: Talk) -> None:
    one = await merchant.say("苹果还有多少库存", "merchant_query_stock", APPLE)
    assert "100件" in one.text
    other = await merchant.say("那香蕉呢", "out_of_scope", ("product", "香蕉"))
    assert "海南香蕉" in other.text
    low = await merchant.say("哪些商品快没货了", "merchant_query_stock")
    assert "绝版电饭煲" in low.text


async def test_sales_figures_follow_the_metric(merchant: Talk) -> None:
    month = ("time_range", "上个月", {"from": "2026-10-01", "to": "2026-10-31"})
    amount = await merchant.say(
        "上个月的销售额是多少", "merchant_sales_report", month, ("metric", "销售额", "sales_amount")
    )
    assert "12345.5元" in amount.text
    assert "多23%" in amount.text
    units = await merchant.say("苹果上个月卖了多少件", "merchant_sales_report", month, APPLE)
    assert "321件" in units.text
    best = await merchant.say("这周卖得最好的是什么", "merchant_sales_report")
    assert "纯牛奶" in best.text


async def test_orders_are_listed_confirmed_and_shipped(merchant: Talk) -> None:
    listed = await merchant.say("有几个待确认的订单", "merchant_list_orders")
    assert "1个待确认的订单" in listed.text
    await merchant.say("确认订单100001", "merchant_confirm_order", ("order_id", "100001", "100001"))
    assert merchant.shop.orders["100001"].status == "confirmed"
    wrong = await merchant.say("确认订单100001", "merchant_confirm_order", ("order_id", "100001", "100001"))
    assert "不能" in wrong.text
    shipped = await merchant.say(
        "发货，顺丰，单号SF8866", "merchant_ship_order", ("carrier", "顺丰"), ("tracking_no", "SF8866", "SF8866")
    )
    assert "SF8866" in shipped.text
    unknown = await merchant.say("订单999发货", "merchant_ship_order", ("order_id", "999", "999"))
    assert "没有找到" in unknown.text


async def test_refunds_are_approved_after_a_yes_and_rejected_with_a_reason(merchant: Talk) -> None:
    asked = await merchant.say("同意这个退款", "merchant_process_refund")
    assert asked.awaiting == "confirmation"
    assert "39元" in asked.text
    await merchant.say("算了", "cancel")
    why = await merchant.say("拒绝这个退款", "merchant_process_refund")
    assert why.awaiting == "reason"
    await merchant.say("已经拆封了", "out_of_scope")
    assert merchant.shop.refunds["r1"].status == "rejected"


async def test_reviews_are_summed_up(merchant: Talk) -> None:
    bad = await merchant.say("最近的差评说了什么", "merchant_reviews")
    assert "包装" in bad.text
    one = await merchant.say("顾客对牛奶评价怎么样", "merchant_reviews", ("product", "牛奶"))
    assert "4.5分" in one.text


async def test_roles_are_kept_apart(talk: Talk, merchant: Talk) -> None:
    refused = await talk.say("把苹果的价格改成一元", "merchant_update_product", APPLE, ("price", "一元", 1))
    assert refused.awaiting == "none"
    await talk.say("好的", "affirm")
    assert talk.shop.changes == []
    shopping = await merchant.say("把苹果加入购物车", "add_to_cart", APPLE)
    assert "商家账号" in shopping.text
    assert merchant.shop.changes == []


async def test_two_prices_in_one_sentence_are_asked_about(merchant: Talk) -> None:
    prices = (("price", "8", 8), ("price", "35元", 35))
    asked = await merchant.say("8苹果的价格改成35元", "merchant_update_product", APPLE, *prices)
    assert asked.awaiting == "price"
    assert "8" in asked.text
    read_back = await merchant.say("三十五", "out_of_scope")
    assert "改成35元" in read_back.text


@pytest.mark.parametrize(("yuan", "warns"), [(8, True), (79, True), (35, False), (78, False)])
async def test_a_large_price_change_is_pointed_out(merchant: Talk, yuan: int, warns: bool) -> None:
    reply = await merchant.say("改苹果的价格", "merchant_update_product", APPLE, ("price", f"{yuan}元", yuan))
    assert ("变动很大" in reply.text) == warns
    assert reply.awaiting == "confirmation"


async def test_a_bare_number_after_a_stock_is_stock(merchant: Talk) -> None:
    await merchant.say("苹果还有多少库存", "merchant_query_stock", APPLE)
    reply = await merchant.say("加一百", "merchant_update_product", ("price", "一百", 100, "add"))
    assert "库存从100件改成200件" in reply.text


async def test_a_question_about_an_order_confirms_nothing(merchant: Talk) -> None:
    reply = await merchant.say("订单100001什么情况", "merchant_confirm_order", ("order_id", "100001", "100001"))
    assert "订单100001" in reply.text
    assert merchant.shop.changes == []


async def test_the_old_price_in_the_sentence_is_no_conflict(merchant: Talk) -> None:
    prices = (("price", "三十九", 39), ("price", "三十五", 35))
    reply = await merchant.say("把苹果的价格从三十九改成三十五", "merchant_update_product", APPLE, *prices)
    assert "改成35元" in reply.text
    assert reply.awaiting == "confirmation"
