"""Slots by the conventions of the language schema, with the intent given."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.nlu import engine, gazetteer

pytestmark = pytest.mark.unit

CLOCK = datetime(2026, 11, 21, 4, tzinfo=UTC)
GAZETTEER = gazetteer()


def slots_of(text: str, intent: str, role: str = "shopper") -> list[tuple[str, str, Any]]:
    """(name, span, machine form) of every slot."""
    understood = engine(intent).understand(text, role, GAZETTEER, CLOCK)
    return [(slot.name, text[slot.start : slot.end], slot.normalized) for slot in understood.slots]


@pytest.mark.parametrize(
    ("text", "intent", "expected"),
    [
        ("我想买苹果", "search_product", [("product", "苹果", "苹果")]),
        (
            "两千元以下的华为手机有哪些",
            "search_product",
            [("price_max", "两千元以下", 2000), ("brand", "华为", "华为"), ("category", "手机", "手机")],
        ),
        ("2000元以下的手机", "search_product", [("price_max", "2000元以下", 2000), ("category", "手机", "手机")]),
        ("耳机不超过五百", "search_product", [("product", "耳机", "耳机"), ("price_max", "不超过五百", 500)]),
        (
            "一百到三百的耳机",
            "search_product",
            [("price_min", "一百", 100), ("price_max", "三百", 300), ("product", "耳机", "耳机")],
        ),
        (
            "三到五百的耳机",
            "search_product",
            [("price_min", "三", 300), ("price_max", "五百", 500), ("product", "耳机", "耳机")],
        ),
        ("五百块以上的", "refine_search", [("price_min", "五百块以上", 500)]),
        (
            "i need earbuds under 300",
            "search_product",
            [("product", "earbuds", "earbuds"), ("price_max", "under 300", 300)],
        ),
        ("红色的连衣裙", "search_product", [("color", "红色", "red"), ("product", "连衣裙", "连衣裙")]),
        ("雾霾蓝的运动鞋", "search_product", [("color", "雾霾蓝", "blue"), ("product", "运动鞋", "运动鞋")]),
        ("四十二码的", "refine_search", [("size", "四十二码", "42")]),
        ("有没有XL的", "refine_search", [("size", "XL", "XL")]),
        ("按销量排一下", "refine_search", [("sort_by", "销量", "sales_desc")]),
        ("第一个来两份", "add_to_cart", [("ordinal", "第一个", 1), ("quantity", "两份", {"value": 2, "unit": "份"})]),
        ("add two of these", "add_to_cart", [("quantity", "two", {"value": 2})]),
        ("一打可乐", "add_to_cart", [("quantity", "一打", {"value": 1, "unit": "打"}), ("product", "可乐", "可乐")]),
        (
            "牛奶要三箱不对两箱",
            "add_to_cart",
            [("product", "牛奶", "牛奶"), ("quantity", "两箱", {"value": 2, "unit": "箱"})],
        ),
        ("红的哦不对蓝的", "refine_search", [("color", "蓝", "blue")]),
        ("最后一个", "select_item", [("ordinal", "最后一个", -1)]),
        ("用微信支付", "pay", [("payment_method", "微信支付", "wechat_pay")]),
        ("走知付宝", "pay", [("payment_method", "知付宝", "alipay")]),
        ("订单一二三四五六到哪了", "order_status", [("order_id", "一二三四五六", "123456")]),
        ("昨天的订单到哪了", "order_status", [("time_range", "昨天", {"from": "2026-11-20", "to": "2026-11-20"})]),
        ("收货地址改成公司", "change_address", [("address", "公司", "公司")]),
        (
            "寄到北京市朝阳区建国路88号吧",
            "change_address",
            [("address", "北京市朝阳区建国路88号", "北京市朝阳区建国路88号")],
        ),
        (
            "我要退款，衣服尺码不合适",
            "request_refund",
            [("category", "衣服", "衣服"), ("reason", "尺码不合适", "尺码不合适")],
        ),
        ("推荐个护肤品给我妈", "recommend", [("category", "护肤品", "护肤品"), ("recipient", "我妈", "我妈")]),
        ("平果有没有啊", "search_product", [("product", "平果", "苹果")]),
        ("华为Mate六十有货没", "ask_stock", [("product", "华为Mate六十", "华为Mate六十")]),
        ("有没有卖榫卯凳子的", "search_product", [("product", "凳子", "凳子")]),
        ("我想买曼陀珠", "search_product", [("product", "曼陀珠", "曼陀珠")]),
        ("满三百减四十的券怎么用", "ask_faq", [("coupon", "满三百减四十的券", {"threshold": 300, "discount": 40})]),
        (
            "把客厅的灯打开",
            "home_control",
            [("room", "客厅", "客厅"), ("device", "灯", "灯"), ("action", "打开", "turn_on")],
        ),
        ("导航去最近的门店", "navigate", [("place", "最近的门店", "最近的门店")]),
        ("今天天气怎么样苹果", "out_of_scope", []),
    ],
)
def test_shopper_slots(text: str, intent: str, expected: list[tuple[str, str, Any]]) -> None:
    found = slots_of(text, intent)
    assert [(name, span) for name, span, _ in found] == [(name, span) for name, span, _ in expected]
    for (_, _, value), (_, _, wanted) in zip(found, expected, strict=True):
        assert value == wanted


@pytest.mark.parametrize(
    ("text", "intent", "expected"),
    [
        (
            "把苹果的价格改成三十五元",
            "merchant_update_product",
            [("product", "苹果", "苹果"), ("price", "三十五元", 35)],
        ),
        (
            "上架一款蓝牙耳机，价格一百九十九，库存五百",
            "merchant_add_product",
            [("product", "蓝牙耳机", "蓝牙耳机"), ("price", "一百九十九", 199), ("quantity", "五百", {"value": 500})],
        ),
        (
            "订单一二三四五六发货，顺丰，单号 SF 八八六六",
            "merchant_ship_order",
            [
                ("order_id", "一二三四五六", "123456"),
                ("carrier", "顺丰", "顺丰"),
                ("tracking_no", "SF 八八六六", "SF8866"),
            ],
        ),
        (
            "拒绝订单一二三的退款，理由是已拆封",
            "merchant_process_refund",
            [("order_id", "一二三", "123"), ("reason", "已拆封", "已拆封")],
        ),
        (
            "上个月的销售额是多少",
            "merchant_sales_report",
            [
                ("time_range", "上个月", {"from": "2026-10-01", "to": "2026-10-31"}),
                ("metric", "销售额", "sales_amount"),
            ],
        ),
        ("苹果还有多少库存", "merchant_query_stock", [("product", "苹果", "苹果")]),
        ("8苹果的价格改成35元", "merchant_update_product", [("product", "苹果", "苹果"), ("price", "35元", 35)]),
        ("苹果从三十九改成三十五", "merchant_update_product", [("product", "苹果", "苹果"), ("price", "三十五", 35)]),
        ("销售物是多少", "merchant_sales_report", [("metric", "销售物", "sales_amount")]),
    ],
)
def test_merchant_slots(text: str, intent: str, expected: list[tuple[str, str, Any]]) -> None:
    assert slots_of(text, intent, "merchant") == expected


@pytest.mark.parametrize(
    ("text", "intent", "name", "relation", "value"),
    [
        ("连衣裙库存加一百", "merchant_update_product", "quantity", "add", {"value": 100}),
        ("香蕉降价两块", "merchant_update_product", "price", "subtract", 2),
        ("耳机打八折", "merchant_update_product", "price", "percent", 80),
        ("大米降到五十", "merchant_update_product", "price", "", 50),
        ("苹果少来一斤", "update_cart", "quantity", "subtract", {"value": 1, "unit": "斤"}),
        ("鸡蛋多加一盒", "update_cart", "quantity", "add", {"value": 1, "unit": "盒"}),
    ],
)
def test_relative_amounts_have_a_relation(text: str, intent: str, name: str, relation: str, value: Any) -> None:
    understood = engine(intent).understand(text, "merchant", GAZETTEER, CLOCK)
    (slot,) = [slot for slot in understood.slots if slot.name == name]
    assert (slot.relation, slot.normalized) == (relation, value)


def test_a_refused_value_is_negated_and_a_vague_one_approximate() -> None:
    (slot,) = engine("refine_search").understand("不要红色的", "shopper", GAZETTEER, CLOCK).slots
    assert (slot.normalized, slot.negated) == ("red", True)
    (slot,) = engine("refine_search").understand("预算五百左右", "shopper", GAZETTEER, CLOCK).slots
    assert (slot.normalized, slot.approximate) == (500, True)


def test_what_is_thrown_out_of_the_cart_is_not_a_refused_wish() -> None:
    (slot,) = engine("remove_from_cart").understand("不要那个耳机了", "shopper", GAZETTEER, CLOCK).slots
    assert (slot.normalized, slot.negated) == ("耳机", False)


@pytest.mark.parametrize("text", ["负三个", "一亿箱苹果", "0个", "零元的耳机", "第零个", "第九千九百九十九个"])
def test_numbers_out_of_range_are_values_like_others(text: str) -> None:
    engine("add_to_cart").understand(text, "shopper", GAZETTEER, CLOCK)
