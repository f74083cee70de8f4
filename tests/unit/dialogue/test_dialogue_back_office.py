"""Undo, coupons and quotes; timed prices, whole lists of orders, comparisons and charts by voice."""

from datetime import UTC, datetime

import pytest
from support.dialogue import Talk

from voxcart.errors import NotAllowed, NotSupported
from voxcart_api.shop.v1 import shop_pb2

pytestmark = pytest.mark.unit

APPLE = ("product", "苹果")
MILK = ("product", "牛奶")
TONIGHT = ("time_range", "今晚", {"from": "2026-11-21", "to": "2026-11-21"})
THIS_MONTH = ("time_range", "这个月", {"from": "2026-11-01", "to": "2026-11-30"})
LAST_MONTH = ("time_range", "上个月", {"from": "2026-10-01", "to": "2026-10-31"})


async def test_what_was_put_in_is_taken_out_at_once(talk: Talk) -> None:
    await talk.say("来两份苹果", "add_to_cart", APPLE, ("quantity", "两份", {"value": 2}))
    undone = await talk.say("撤销", "cancel")
    assert talk.in_cart() == {}
    assert "撤销" in undone.text
    assert undone.actions[0].name == "undo"
    again = await talk.say("撤销", "cancel")
    assert again.awaiting == "confirmation"


async def test_an_order_is_undone_only_after_a_yes(talk: Talk) -> None:
    await talk.say("来两份苹果", "add_to_cart", APPLE, ("quantity", "两份", {"value": 2}))
    await talk.say("下单", "checkout")
    await talk.say("好的", "affirm")
    await talk.say("算了", "cancel")
    asked = await talk.say("撤回刚才的操作", "cancel")
    assert asked.awaiting == "confirmation"
    assert "下单" in asked.text
    before = list(talk.shop.changes)
    done = await talk.say("是的", "affirm")
    assert talk.shop.changes == [*before, "UndoLast"]
    assert "取消" in done.text


async def test_nothing_to_undo_is_said(talk: Talk) -> None:
    await talk.say("undo", "out_of_scope", language="en")
    done = await talk.say("yes", "affirm", language="en")
    assert "nothing to undo" in done.text


async def test_coupons_are_told_and_the_best_one_is_taken(talk: Talk) -> None:
    told = await talk.say("有什么优惠券", "ask_faq", ("coupon", "优惠券"))
    assert "新人立减10" in told.text
    assert [card.kind for card in told.cards] == ["coupon", "coupon"]
    await talk.say("来五箱牛奶", "add_to_cart", MILK, ("quantity", "五箱", {"value": 5}))
    asked = await talk.say("用优惠券下单", "checkout", ("coupon", "优惠券"))
    assert asked.awaiting == "confirmation"
    assert "285元" in asked.text
    done = await talk.say("好的", "affirm")
    assert "285元" in done.text
    assert talk.shop.changes[-1] == "Checkout"


async def test_a_coupon_that_cannot_be_used_leaves_the_order_as_it_is(talk: Talk) -> None:
    await talk.say("来一份苹果", "add_to_cart", APPLE)
    asked = await talk.say("用满300减40结账", "ask_faq", ("coupon", "满300减40"))
    assert "门槛" in asked.text
    assert "39元" in asked.text
    assert asked.awaiting == "confirmation"
    unknown = await talk.say("用神奇券下单", "checkout", ("coupon", "神奇券"))
    assert "没有找到神奇券" in unknown.text


async def test_a_quote_holds_the_price(talk: Talk) -> None:
    await talk.say("来一份苹果", "add_to_cart", APPLE)
    asked = await talk.say("报个价", "ask_price")
    assert "10分钟" in asked.text
    talk.shop.products["apple"].price.cents = 4900
    done = await talk.say("好的", "affirm")
    assert "39元" in done.text


async def test_a_timed_price_is_read_back_with_both_times(merchant: Talk) -> None:
    asked = await merchant.say(
        "今晚八点到十二点把苹果降到二十九", "merchant_update_product", TONIGHT, APPLE, ("price", "二十九", 29)
    )
    assert asked.awaiting == "confirmation"
    for words in ("今天20点", "今天24点", "从39元改成29元"):
        assert words in asked.text
    assert merchant.shop.changes == []
    done = await merchant.say("好的", "affirm")
    schedule = merchant.shop.schedules["s0"]
    assert schedule.starts_at.ToDatetime(UTC) == datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert schedule.ends_at.ToDatetime(UTC) == datetime(2026, 11, 21, 16, tzinfo=UTC)
    assert schedule.price.cents == 2900
    assert merchant.shop.products["apple"].price.cents == 3900
    assert done.cards[0].kind == "price_schedule"


async def test_a_timed_price_needs_an_end_and_keeps_the_floor(merchant: Talk) -> None:
    asked = await merchant.say(
        "今晚八点把苹果降到二十九", "merchant_update_product", TONIGHT, APPLE, ("price", "二十九", 29)
    )
    assert "什么时候结束" in asked.text
    await merchant.say("今晚八点到十点苹果卖九块", "merchant_update_product", TONIGHT, APPLE, ("price", "九块", 9))
    refused = await merchant.say("好的", "affirm")
    assert "最低限价" in refused.text
    past = await merchant.say(
        "今天早上八点到九点苹果卖二十九", "merchant_update_product", TONIGHT, APPLE, ("price", "二十九", 29)
    )
    assert "已经过了" in past.text
    assert merchant.shop.schedules == {}


async def test_timed_prices_are_listed_and_called_off(merchant: Talk) -> None:
    none = await merchant.say("有哪些限时价", "merchant_list_orders")
    assert "没有" in none.text
    await merchant.say("今晚八点到十点苹果卖二十九", "merchant_update_product", TONIGHT, APPLE, ("price", "二十九", 29))
    await merchant.say("好的", "affirm")
    listed = await merchant.say("有哪些限时价", "merchant_list_orders")
    assert "29元" in listed.text
    asked = await merchant.say("取消苹果的限时价", "cancel", APPLE)
    assert asked.awaiting == "confirmation"
    await merchant.say("好的", "affirm")
    assert merchant.shop.schedules["s0"].status == "cancelled"


async def test_all_orders_are_confirmed_after_a_yes(merchant: Talk) -> None:
    asked = await merchant.say("把待确认的订单全部确认", "merchant_confirm_order")
    assert asked.awaiting == "confirmation"
    assert "1个" in asked.text
    assert merchant.shop.changes == []
    done = await merchant.say("好的", "affirm")
    assert merchant.shop.changes == ["ConfirmOrders"]
    assert "确认了1个订单，1个没有办成" in done.text
    listed = await merchant.say("看看所有待发货的订单", "merchant_list_orders")
    assert listed.awaiting == "none"
    shipped = await merchant.say("待发货的全部发货", "merchant_list_orders")
    assert shipped.awaiting == "confirmation"


async def test_two_times_are_compared(merchant: Talk) -> None:
    merchant.shop.amounts = {10: 8000}
    compared = await merchant.say("这个月比上个月怎么样", "merchant_sales_report", THIS_MONTH, LAST_MONTH)
    assert "这个月销售额12345.5元，上个月8000元，多了54%" in compared.text
    assert "还没过完" in compared.text
    await merchant.say("这个月水果卖了多少", "merchant_sales_report", THIS_MONTH, ("category", "水果"))
    again = await merchant.say("比上个月怎么样", "merchant_sales_report", LAST_MONTH)
    assert "水果这个月" in again.text
    assert {request.category for request in merchant.shop.reports[-2:]} == {"水果"}


async def test_a_chart_comes_with_the_report_only_when_asked_for(merchant: Talk) -> None:
    plain = await merchant.say("这个月的销售额", "merchant_sales_report", THIS_MONTH)
    assert not plain.cards[0].images
    drawn = await merchant.say("看看这个月的销售图表", "merchant_sales_report", THIS_MONTH, ("product", "销售图表"))
    assert drawn.cards[0].images[0].media_type == "image/svg+xml"
    assert merchant.shop.charted is not None
    merchant.shop.failures["ReportChart"] = [NotSupported("no charts")]
    without = await merchant.say("这个月的走势图", "merchant_sales_report", THIS_MONTH)
    assert "12345.5元" in without.text
    assert not without.cards[0].images


async def test_worst_sellers_categories_and_refunds(merchant: Talk) -> None:
    worst = await merchant.say("上个月卖得最差的是什么", "merchant_sales_report", LAST_MONTH)
    assert "绝版电饭煲，卖了0件" in worst.text
    groups = await merchant.say("上个月各分类卖了多少", "merchant_sales_report", LAST_MONTH, ("product", "分类"))
    assert "水果800元" in groups.text
    refunds = await merchant.say("这个月退款一共多少钱", "merchant_list_orders", THIS_MONTH)
    assert "退款2笔，共99元" in refunds.text


async def test_the_merchant_hears_of_low_stock_at_the_beginning(merchant: Talk) -> None:
    assert "1种商品快没货" in (await merchant.say("你好", "greet")).text
    merchant.shop.failures["ListLowStock"] = [NotAllowed("no")]
    assert "销售、库存还是订单" in (await merchant.say("你好", "greet")).text


async def test_few_reviews_are_called_few(merchant: Talk) -> None:
    summary = shop_pb2.ReviewSummaryResponse(
        count=2, mean_stars=3, is_few=True, examples=[{"text": "还可以。", "stars": 3, "product_name": "纯牛奶"}]
    )
    merchant.shop._ReviewSummary = lambda request: summary  # type: ignore[method-assign]
    told = await merchant.say("牛奶评价怎么样", "merchant_reviews", MILK)
    assert "只有2条" in told.text
    assert "还可以" in told.text
    assert "%" not in told.text


async def test_a_missing_scope_is_said(merchant: Talk) -> None:
    merchant.shop.failures["SalesReport"] = [NotAllowed("lacks reports", reason="missing_scope")]
    told = await merchant.say("这个月的销售额", "merchant_sales_report", THIS_MONTH)
    assert "没有这个权限" in told.text


async def test_pieces_after_a_verb_are_heard(talk: Talk) -> None:
    await talk.say("有没有蓝牙耳机", "search_product", ("product", "蓝牙耳机"))
    await talk.say("第二个拿两副", "select_item", ("ordinal", "第二个", 2))
    assert talk.in_cart() == {"ear2": 2}
    await talk.say("买一箱牛奶", "search_product", MILK)
    assert talk.in_cart() == {"ear2": 2, "milk": 1}


async def test_a_question_for_a_colour_is_answered(talk: Talk) -> None:
    told = await talk.say("连衣裙有红色的吗", "search_product", ("product", "连衣裙"), ("color", "红色", "red"))
    assert "有" in told.text
    assert "红色" in told.text
