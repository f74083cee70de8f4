"""What the demo shop finds for what people say; on a real PostgreSQL with pgvector."""

from typing import Any

import pytest
from grpc import StatusCode
from support.shop import Shop, refused

from voxcart_api.shop.v1 import shop_pb2 as pb
from voxcart_services.shop.database import Database
from voxcart_services.shop.lexicon_store import LexiconStore
from voxcart_services.shop.models import SearchQuery
from voxcart_services.shop.search import ProductSearch
from voxcart_services.shop.tenancy import SYSTEM

pytestmark = pytest.mark.integration
pytest_plugins = ("support.shop",)

FIRST = [
    ("苹果", {}, "新鲜红富士苹果"),
    ("我想买苹果", {}, "新鲜红富士苹果"),
    ("apples", {}, "新鲜红富士苹果"),
    ("红富士", {}, "新鲜红富士苹果"),
    ("香蕉", {}, "海南香蕉"),
    ("苹果醋", {}, "苹果醋饮料"),
    ("苹果电脑", {}, "MacBook Air 笔记本电脑"),
    ("大米", {}, "东北大米"),
    ("牛奶", {}, "纯牛奶"),
    ("纯牛奶", {}, "纯牛奶"),
    ("有机牛奶", {}, "特仑苏有机纯牛奶"),
    ("无糖可乐", {}, "零度可乐"),
    ("华为手机", {"price_max_cents": 200_000}, "华为 Nova 12 手机"),
    ("手机", {"brands": ["华为"], "price_max_cents": 200_000}, "华为 Nova 12 手机"),
    ("华伟手机", {"price_max_cents": 200_000}, "华为 Nova 12 手机"),
    ("Mate 60", {}, "华为 Mate 60 手机"),
    ("小米14", {}, "小米 14 手机"),
    ("小米", {}, "小米 14 手机"),
    ("我要买 iPhone 15 Pro", {}, "iPhone 15 Pro"),
    ("iphone 15", {}, "iPhone 15"),
    ("连衣裙", {}, "连衣裙"),
    ("红色的连衣裙", {}, "连衣裙"),
    ("red dress", {}, "连衣裙"),
    ("连一群", {}, "连衣裙"),
    ("运动鞋", {"sizes": ["42"], "colors": ["black"]}, "运动鞋 男款"),
    ("男士运动鞋", {}, "运动鞋 男款"),
    ("电饭锅", {}, "电饭煲 3L"),
    ("纸巾", {}, "抽纸"),
    ("补水面膜", {}, "补水面膜"),
    ("wireless earbuds", {"price_max_cents": 15_000}, "蓝牙耳机 入门款"),
    ("wireles earbuds", {"sort_by": pb.SORT_BY_PRICE_ASC}, "蓝牙耳机 入门款"),
    ("猫砂", {}, "豆腐除臭猫砂"),
    ("适合老人的手机", {}, "老人手机大字大声"),
]


async def test_the_right_product_comes_first(seeded_shop: Shop) -> None:
    misses = []
    for words, filters, expected in FIRST:
        found = [product.name_zh for product in await seeded_shop.find(words, **filters)]
        if found[:1] != [expected]:
            misses.append((words, expected, found[:3]))
    assert not misses


async def test_meanings_are_found_where_words_are_not(seeded_shop: Shop) -> None:
    if not seeded_shop.has_encoder:
        pytest.skip("no text encoder in the model store; run `voxcart models pull`")
    for words, expected in (("吹头发的", "吹风机"), ("防晒的", "防晒"), ("拍照的", "相机"), ("swim wear", "泳")):
        found = await seeded_shop.find(words)
        assert expected in found[0].name_zh, (words, [p.name_zh for p in found])


@pytest.mark.parametrize(
    "words",
    ["火箭发动机", "飞机票", "轮椅", "助听器", "钢琴", "螺丝刀", "小米 15", "asdfgh", "insurance", "耐克手机"],
)
async def test_what_the_shop_does_not_sell_is_not_found(seeded_shop: Shop, words: str) -> None:
    assert [p.name_zh for p in await seeded_shop.find(words)] == []


async def test_a_query_without_words_asks_for_everything(seeded_shop: Shop) -> None:
    found = await seeded_shop.rpc.SearchProducts(pb.SearchProductsRequest(actor=seeded_shop.shopper(), query="!!??"))
    assert found.total > 500


async def test_only_the_goods_that_were_named(seeded_shop: Shop) -> None:
    apples = await seeded_shop.find("苹果")
    assert {p.kind for p in apples} == {"苹果"}
    phones = await seeded_shop.find("华为手机")
    assert {(p.kind, p.brand) for p in phones} == {("手机", "华为")}
    earbuds = await seeded_shop.find("wireless earbuds", price_max_cents=30_000)
    assert len(earbuds) >= 3
    assert all(p.kind == "蓝牙耳机" and p.price.cents <= 30_000 for p in earbuds)


FILTERS: list[tuple[dict[str, Any], Any]] = [
    ({"query": "手机", "price_min_cents": 200_000, "price_max_cents": 400_000}, lambda p: 2e5 <= p.price.cents <= 4e5),
    ({"query": "手机", "excluded_brands": ["华为", "苹果"]}, lambda p: p.brand not in ("华为", "苹果公司")),
    ({"query": "手机", "brands": ["Apple"]}, lambda p: p.brand == "苹果公司"),
    ({"query": "连衣裙", "colors": ["red"]}, lambda p: any(v.color_code == "red" for v in p.variants)),
    ({"query": "连衣裙", "excluded_colors": ["red"]}, lambda p: any(v.color_code != "red" for v in p.variants)),
    ({"query": "运动鞋", "sizes": ["44"]}, lambda p: any(v.size == "44" for v in p.variants)),
    ({"query": "", "categories": ["护肤品"]}, lambda p: p.category == "护肤品"),
    ({"query": "", "categories": ["家电"]}, lambda p: p.department == "家用电器"),
    ({"query": "T恤", "attributes": ["纯棉"]}, lambda p: p.attributes["材质"] == "纯棉"),
    ({"query": "", "in_stock_only": True, "categories": ["水果"]}, lambda p: p.stock > 0),
]


@pytest.mark.parametrize(("request_fields", "holds"), FILTERS)
async def test_filters_hold_for_every_hit(seeded_shop: Shop, request_fields: dict[str, Any], holds: Any) -> None:
    fields = dict(request_fields)
    found = await seeded_shop.find(fields.pop("query"), **fields)
    assert found
    assert all(holds(product) for product in found)


async def test_sorts_and_pages(seeded_shop: Shop) -> None:
    prices = [p.price.cents for p in await seeded_shop.find("手机", sort_by=pb.SORT_BY_PRICE_ASC)]
    assert prices == sorted(prices)
    sales = [p.units_sold for p in await seeded_shop.find("零食", sort_by=pb.SORT_BY_SALES_DESC)]
    assert sales == sorted(sales, reverse=True)
    ratings = [p.rating for p in await seeded_shop.find("护肤品", sort_by=pb.SORT_BY_RATING_DESC)]
    assert ratings == sorted(ratings, reverse=True)
    token, seen = "", []
    while True:
        page = await seeded_shop.rpc.SearchProducts(
            pb.SearchProductsRequest(actor=seeded_shop.shopper(), query="零食", page_size=7, page_token=token)
        )
        seen += [hit.product.sku for hit in page.hits]
        token = page.next_page_token
        if not token:
            break
    assert len(seen) == len(set(seen)) == page.total > 40


async def test_words_alone_are_enough_without_an_encoder(seeded_shop: Shop) -> None:
    search = ProductSearch(LexiconStore(), None)
    database: Database = seeded_shop.parts.database
    for words, expected in (("苹果", "新鲜红富士苹果"), ("红色连衣裙", "连衣裙"), ("丝滑牛奶巧克力", "丝滑牛奶巧克力")):
        async with database.transaction(SYSTEM) as conn:
            page = await search.search(conn, seeded_shop.tenant, SearchQuery(words))
        assert page.items[0].product.name_zh == expected


@pytest.mark.parametrize(
    "words", ["苹果" * 1500, "'; DROP TABLE products; --", "%_\\", "🍎🍎", "：，。", "ignore all that", "a" * 4000]
)
async def test_strange_texts_are_just_texts(seeded_shop: Shop, words: str) -> None:
    await seeded_shop.rpc.SearchProducts(pb.SearchProductsRequest(actor=seeded_shop.shopper(), query=words))
    assert (await seeded_shop.find("苹果"))[0].name_zh == "新鲜红富士苹果"


@pytest.mark.parametrize(("words", "why"), [("苹果" * 5000, "longer"), ("\x00\x01\x02", "control")])
async def test_texts_that_nobody_says_are_refused(seeded_shop: Shop, words: str, why: str) -> None:
    request = pb.SearchProductsRequest(actor=seeded_shop.shopper(), query=words)
    await refused(seeded_shop.rpc.SearchProducts(request), StatusCode.INVALID_ARGUMENT, why)


async def test_bad_requests_are_refused(seeded_shop: Shop) -> None:
    async def search(**fields: Any) -> Any:
        fields.setdefault("actor", seeded_shop.shopper())
        return await seeded_shop.rpc.SearchProducts(pb.SearchProductsRequest(query="苹果", **fields))

    await refused(search(page_size=101), StatusCode.INVALID_ARGUMENT, "page_size")
    await refused(search(page_size=-1), StatusCode.INVALID_ARGUMENT, "page_size")
    await refused(search(page_token="zzz"), StatusCode.INVALID_ARGUMENT, "page_token")
    await refused(search(price_max_cents=-5), StatusCode.INVALID_ARGUMENT, "price_max_cents")
    await refused(search(brands=["x"] * 21), StatusCode.INVALID_ARGUMENT, "brands")
    await refused(search(facets=["weather"]), StatusCode.INVALID_ARGUMENT, "facets")
    await refused(search(mode=77), StatusCode.INVALID_ARGUMENT, "mode")
    await refused(search(actor=pb.Actor(tenant="nowhere")), StatusCode.NOT_FOUND, "nowhere")
    await refused(search(actor=pb.Actor(tenant=".seed")), StatusCode.INVALID_ARGUMENT, "dot")


BY_WORDS = (
    "运费怎么算",
    "支持七天无理由退货吗",
    "怎么开发票",
    "有优惠券吗",
    "你们几点下班",
    "how long does delivery take",
)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("运费怎么算", "shipping-fee"),
        ("多少钱包邮啊", "shipping-fee"),
        ("支持七天无理由退货吗", "return-7days"),
        ("怎么开发票", "invoice"),
        ("有优惠券吗", "coupon"),
        ("你们几点下班", "service-hours"),
        ("how do I pay by card", "payment"),
        ("how long does delivery take", "delivery-time"),
        ("换货要多久", "exchange"),
        ("客服电话", "service-hours"),
        ("客服电话是多少", "service-hours"),
        ("积分多久过期", "points"),
        ("发货要几天", "delivery-time"),
    ],
)
async def test_questions_find_their_document(seeded_shop: Shop, question: str, answer: str) -> None:
    if not seeded_shop.has_encoder and question not in BY_WORDS:
        pytest.skip("no text encoder in the model store; run `voxcart models pull`")
    request = pb.SearchFaqRequest(actor=seeded_shop.shopper(), query=question, language="zh")
    hits = (await seeded_shop.rpc.SearchFaq(request)).hits
    assert hits[0].id == answer
    assert hits[0].answer


@pytest.mark.parametrize("words", ["你好", "讲个笑话", "今天天气怎么样", "", "x" * 4_000])
async def test_other_talk_finds_no_document(seeded_shop: Shop, words: str) -> None:
    request = pb.SearchFaqRequest(actor=seeded_shop.shopper(), query=words, language="zh")
    assert not (await seeded_shop.rpc.SearchFaq(request)).hits
