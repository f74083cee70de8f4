"""A shopper's way from a wish to a paid order."""

import pytest
from support.dialogue import Talk

from voxcart_api.recsys.v1 import recsys_pb2

pytestmark = pytest.mark.unit

TWO = ("quantity", "两份", {"value": 2, "unit": "份"})
FIRST = ("ordinal", "第一个", 1)


async def _buy_two_apples(talk: Talk) -> None:
    await talk.say("我想买苹果", "search_product", ("product", "苹果"))
    await talk.say("第一个来两份", "add_to_cart", FIRST, TWO)


async def test_a_named_product_is_described_in_one_speakable_sentence(talk: Talk) -> None:
    reply = await talk.say("我想买苹果", "search_product", ("product", "苹果"))
    assert "新鲜红富士苹果" in reply.text
    assert "39元" in reply.text
    assert reply.awaiting == "none"
    assert [card.name for card in reply.cards] == ["新鲜红富士苹果"]
    assert len(reply.text.split("，")[0]) <= 8
    assert dict(reply.cards[0].facts)["stock"] == 100
    assert talk.shop.changes == []


async def test_the_way_from_wish_to_payment(talk: Talk) -> None:
    await _buy_two_apples(talk)
    assert talk.in_cart() == {"apple": 2}
    asked = await talk.say("下单", "checkout")
    assert asked.awaiting == "confirmation"
    assert "78元" in asked.text
    assert "Checkout" not in talk.shop.changes
    ordered = await talk.say("好的", "affirm")
    assert talk.shop.changes == ["AddToCart", "Checkout"]
    assert "订单300003" in ordered.text
    assert ordered.awaiting == "payment_method"
    paying = await talk.say("支付宝", "pay", ("payment_method", "支付宝", "alipay"))
    assert paying.awaiting == "confirmation"
    assert "Pay" not in talk.shop.changes
    await talk.say("好的", "affirm")
    assert talk.shop.orders["300003"].status == "paid"
    assert talk.shop.orders["300003"].payment_method == "alipay"
    assert [action.name for action in talk.last.replies[0].actions] == ["pay"]


async def test_no_to_the_read_back_orders_nothing_and_a_later_yes_means_nothing(talk: Talk) -> None:
    await _buy_two_apples(talk)
    await talk.say("下单", "checkout")
    refused = await talk.say("算了", "cancel")
    assert refused.awaiting == "none"
    await talk.say("好的", "affirm")
    assert talk.shop.changes == ["AddToCart"]


async def test_a_side_question_is_answered_and_the_read_back_comes_back(talk: Talk) -> None:
    await _buy_two_apples(talk)
    await talk.say("下单", "checkout")
    aside = await talk.say("运费怎么算", "ask_faq")
    assert "包邮" in aside.text
    assert "78元" in aside.text
    assert aside.awaiting == "confirmation"
    await talk.say("好的", "affirm")
    assert talk.shop.changes[-1] == "Checkout"


async def test_another_request_drops_the_read_back(talk: Talk) -> None:
    await _buy_two_apples(talk)
    await talk.say("下单", "checkout")
    await talk.say("再来一箱牛奶", "add_to_cart", ("quantity", "一箱", {"value": 1, "unit": "箱"}), ("product", "牛奶"))
    await talk.say("好的", "affirm")
    assert talk.shop.changes == ["AddToCart", "AddToCart"]
    assert talk.in_cart() == {"apple": 2, "milk": 1}


async def test_a_total_that_changed_is_read_back_anew(talk: Talk) -> None:
    await _buy_two_apples(talk)
    await talk.say("下单", "checkout")
    talk.shop.products["apple"].price.cents = 4000
    reply = await talk.say("好的", "affirm")
    assert reply.awaiting == "confirmation"
    assert "80元" in reply.text
    assert "Checkout" not in talk.shop.changes


async def test_a_price_limit_and_a_brand_filter_what_is_shown(talk: Talk) -> None:
    reply = await talk.say(
        "两千元以下的华为手机有哪些", "search_product",
        ("price_max", "两千元以下", 2000), ("brand", "华为"), ("product", "手机"),
    )  # fmt: skip
    assert [card.id for card in reply.cards] == ["nova"]


async def test_cheaper_means_below_the_cheapest_that_was_said(talk: Talk) -> None:
    await talk.say("有没有蓝牙耳机", "search_product", ("product", "蓝牙耳机"))
    await talk.say("第二个", "select_item", ("ordinal", "第二个", 2))
    reply = await talk.say("再便宜点的", "refine_search")
    assert [card.id for card in reply.cards] == ["ear1"]
    last = await talk.say("再便宜点的", "refine_search")
    assert "最便宜" in last.text


async def test_a_colour_is_corrected_and_a_size_is_asked_for(talk: Talk) -> None:
    await talk.say("红色的连衣裙", "search_product", ("color", "红色", "red"), ("product", "连衣裙"))
    await talk.say("不对，要蓝色的", "refine_search", ("color", "蓝色", "blue"))
    asked = await talk.say("来一件", "add_to_cart", ("quantity", "一件", {"value": 1, "unit": "件"}))
    assert asked.awaiting == "size"
    assert talk.shop.changes == []
    await talk.say("M码", "out_of_scope", ("size", "M码", "M"))
    assert list(talk.shop.lines) == ["line-dress-blue-M"]
    assert [entry.kind for entry in talk.last.feedback] == []


async def test_size_and_colour_are_asked_for_one_after_the_other(talk: Talk) -> None:
    first = await talk.say("把运动鞋加入购物车", "add_to_cart", ("product", "运动鞋"))
    assert first.awaiting == "size"
    second = await talk.say("42", "out_of_scope")
    assert second.awaiting == "color"
    await talk.say("黑色的", "refine_search", ("color", "黑色", "black"))
    assert list(talk.shop.lines) == ["line-shoes-black-42"]


async def test_which_one_is_asked_when_several_fit(talk: Talk) -> None:
    asked = await talk.say("把蓝牙耳机加入购物车", "add_to_cart", ("product", "蓝牙耳机"))
    assert asked.awaiting == "product"
    assert len(asked.cards) == 3
    await talk.say("最后一个", "select_item", ("ordinal", "最后一个", -1))
    assert talk.in_cart() == {"ear3": 1}


async def test_it_and_the_cheapest_refer_to_what_was_shown(talk: Talk) -> None:
    await talk.say("有没有蓝牙耳机", "search_product", ("product", "蓝牙耳机"))
    chosen = await talk.say("就要最便宜的那个", "select_item", ("sort_by", "最便宜", "price_asc"))
    assert "99元" in chosen.text
    assert chosen.awaiting == "confirmation"
    await talk.say("好的", "affirm")
    assert talk.in_cart() == {"ear1": 1}
    price = await talk.say("它多少钱", "ask_price")
    assert "99元" in price.text


async def test_ellipsis_takes_the_question_to_another_product(talk: Talk) -> None:
    await talk.say("苹果多少钱", "ask_price", ("product", "苹果"))
    reply = await talk.say("那香蕉呢", "search_product", ("product", "香蕉"))
    assert "15.8元" in reply.text


async def test_the_cart_is_changed_line_by_line(talk: Talk) -> None:
    await talk.say(
        "来两箱牛奶和三份苹果", "add_to_cart", ("quantity", "两箱", {"value": 2, "unit": "箱"}), ("product", "牛奶"),
        ("quantity", "三份", {"value": 3, "unit": "份"}), ("product", "苹果"),
    )  # fmt: skip
    assert talk.in_cart() == {"milk": 2, "apple": 3}
    await talk.say("牛奶改成三箱", "update_cart", ("product", "牛奶"), ("quantity", "三箱", {"value": 3, "unit": "箱"}))
    await talk.say("把苹果去掉", "remove_from_cart", ("product", "苹果"))
    assert talk.in_cart() == {"milk": 3}
    seen = await talk.say("购物车里有什么", "view_cart")
    assert "195元" in seen.text
    missing = await talk.say("不要那个耳机了", "remove_from_cart", ("!product", "耳机"))
    assert "没有耳机" in missing.text
    await talk.say("清空购物车", "clear_cart")
    assert talk.in_cart() == {"milk": 3}
    await talk.say("是的", "affirm")
    assert talk.in_cart() == {}


async def test_weight_counts_packs(talk: Talk) -> None:
    await talk.say("来三斤苹果", "add_to_cart", ("quantity", "三斤", {"value": 3, "unit": "斤"}), ("product", "苹果"))
    assert talk.in_cart() == {"apple": 1}


async def test_english_is_answered_in_english(talk: Talk) -> None:
    reply = await talk.say("I'm looking for milk", "search_product", ("product", "milk"), language="en")
    assert reply.language == "en"
    assert "65 yuan" in reply.text
    await talk.say("add two of it", "add_to_cart", ("quantity", "two", {"value": 2}), language="en")
    asked = await talk.say("place the order", "checkout", language="en")
    assert "130 yuan" in asked.text


async def test_the_same_turn_says_the_same_words_and_turns_vary(talk: Talk) -> None:
    said = {(await talk.say("谢谢", "thanks")).text for _ in range(12)}
    assert len(said) > 1


async def test_recommendations_come_with_their_reason_and_fall_back_to_best_sellers(talk: Talk) -> None:
    away = await talk.say("有什么推荐的", "recommend")
    assert len(away.cards) == 5
    assert away.cards[0].id == "ear1"
    talk.recommender.answer = _recommended(talk)
    reply = await talk.say("还有什么推荐的", "recommend")
    assert "因为您买过牛奶" in reply.text
    disliked = await talk.say("你推荐得不对", "give_feedback", sentiment=3)
    assert "抱歉" in disliked.text or "对不起" in disliked.text
    assert [(event.sku, event.type) for event in talk.last.user_events] == [("milk", 8)]
    assert [entry.kind for entry in talk.last.feedback] == ["explicit"]


def _recommended(talk: Talk) -> recsys_pb2.RecommendResponse:
    answer = recsys_pb2.RecommendResponse()
    item = answer.items.add(sku="milk", reason="因为您买过牛奶")
    item.product.sku, item.product.name_zh, item.product.price.cents = "milk", "纯牛奶", 6500
    return answer


async def test_a_colour_is_put_right_after_it_was_added(talk: Talk) -> None:
    slots = (("color", "红色", "red"), ("size", "M码", "M"), ("product", "连衣裙"))
    await talk.say("来一件红色M码的连衣裙", "add_to_cart", *slots)
    await talk.say("不对，要蓝色的", "refine_search", ("color", "蓝色", "blue"))
    assert list(talk.shop.lines) == ["line-dress-blue-M"]
    assert talk.in_cart() == {"dress": 1}


async def test_too_dear_after_a_price_looks_for_the_same_kind(talk: Talk) -> None:
    await talk.say("Mate 60多少钱", "ask_price", ("product", "Mate 60"))
    reply = await talk.say("太贵了", "refine_search")
    assert [card.id for card in reply.cards] == ["nova"]


async def test_a_question_about_paying_pays_nothing(talk: Talk) -> None:
    await talk.say("来一份苹果", "add_to_cart", ("product", "苹果"))
    reply = await talk.say("可以货到付款吗", "pay", ("payment_method", "货到付款"))
    assert reply.awaiting == "none"


async def test_several_things_at_once_need_their_own_numbers(talk: Talk) -> None:
    two, three = ("quantity", "两箱", {"value": 2}), ("quantity", "三斤", {"value": 3})
    reply = await talk.say("两箱牛奶三斤苹果", "add_to_cart", two, three, ("product", "苹果"))
    assert "一样一样" in reply.text
    assert talk.in_cart() == {}


async def test_what_is_thought_aloud_is_waited_for(talk: Talk) -> None:
    reply = await talk.say("呃我想想", "out_of_scope")
    assert "您" in reply.text
    assert talk.shop.calls == []


async def test_a_colour_after_a_choice_is_of_the_chosen_product(talk: Talk) -> None:
    await talk.say("运动鞋多少钱", "ask_price", ("product", "运动鞋"))
    reply = await talk.say("要黑色的", "refine_search", ("color", "黑色", "black"))
    assert [card.id for card in reply.cards] == ["shoes"]
    assert reply.awaiting == "confirmation"
    asked = await talk.say("好的", "affirm")
    assert asked.awaiting == "size"
    await talk.say("41", "out_of_scope")
    assert list(talk.shop.lines) == ["line-shoes-black-41"]


async def test_less_of_it_and_a_number_with_a_choice(talk: Talk) -> None:
    await talk.say("有没有蓝牙耳机", "search_product", ("product", "蓝牙耳机"))
    two, one = ("quantity", "两副", {"value": 2}), ("quantity", "一副", {"value": 1})
    await talk.say("评分最高的那款拿两副", "select_item", ("sort_by", "评分最高", "rating_desc"), two)
    assert talk.in_cart() == {"ear2": 2}
    await talk.say("少拿一副吧", "add_to_cart", one)
    assert talk.in_cart() == {"ear2": 1}


async def test_a_question_between_is_no_order(talk: Talk) -> None:
    await talk.say("我的快递呢", "order_status")
    reply = await talk.say("什么时候能到", "ask_faq")
    assert "订单100002" in reply.text
    unknown = await talk.say("我想买一艘宇宙飞船", "out_of_scope")
    assert "宇宙飞船" in unknown.text
