"""The demo catalogue and its made-up history: complete, consistent, and readable by name."""

import pytest

from voxcart_services.shop.catalogue_file import CatalogueRow, read_catalogue, read_faq
from voxcart_services.shop.lexicon import Lexicon, Sense
from voxcart_services.shop.lexicon_store import taxonomy_lexicon
from voxcart_services.shop.products import taxonomy
from voxcart_services.shop.search_fields import passage
from voxcart_services.shop.seed_embeddings import digest, read_file
from voxcart_services.shop.seed_history import SHOPPER, HistoryWriter
from voxcart_services.shop.text import compact, index_terms, normalize, pinyin_key, tokens

pytestmark = pytest.mark.unit

NAMED = {
    "新鲜红富士苹果": (3900, "3斤装"),
    "海南香蕉": (1580, "2斤"),
    "东北大米": (4990, "10斤"),
    "纯牛奶": (6500, "250ml×24盒"),
    "华为 Mate 60 手机": (549900, ""),
    "华为 Nova 12 手机": (199900, ""),
    "iPhone 15 Pro": (799900, ""),
    "小米 14 手机": (399900, ""),
    "运动鞋 男款": (29900, ""),
    "连衣裙": (19900, ""),
    "电饭煲 3L": (25900, ""),
    "补水面膜": (8900, "10片"),
    "抽纸": (3990, "24包"),
}


@pytest.fixture(scope="module")
def catalogue() -> list[CatalogueRow]:
    return read_catalogue()


@pytest.fixture(scope="module")
def lexicon(catalogue: list[CatalogueRow]) -> Lexicon:
    shared = taxonomy_lexicon()
    whole = Lexicon(by_sound=dict(shared.by_sound))
    for phrase, senses in shared.phrases.items():
        whole.phrases[phrase] += senses
    for row in catalogue:
        for entry in row.product["search_phrases"]:
            target = entry.get("target", row.product["sku"])
            whole.phrases[entry["phrase"]].append(Sense(entry["type"], target, entry["exact"]))
            whole.by_sound.setdefault(entry["sound"], entry["phrase"])
    return whole


def test_the_named_products_are_there_with_price_and_stock(catalogue: list[CatalogueRow]) -> None:
    by_name = {row.product["name_zh"]: row for row in catalogue}
    assert len(by_name) == len(catalogue) > 550
    assert len(taxonomy().departments) == 12
    for name, (cents, unit) in NAMED.items():
        row = by_name[name]
        assert row.product["price_cents"] == cents, name
        assert unit in row.product["unit_zh"], name
        assert sum(v["stock"] for v in row.variants) > 20, name
    shoes = by_name["运动鞋 男款"].variants
    assert {v["size"] for v in shoes} == {"39", "40", "41", "42", "43", "44"}
    assert {v["color_code"] for v in shoes} == {"black", "white", "blue"}
    earbuds = [row.product["price_cents"] for row in catalogue if row.product["kind"] == "earbuds"]
    assert min(earbuds) == 9900
    assert max(earbuds) == 89900


def test_every_product_is_complete(catalogue: list[CatalogueRow]) -> None:
    for row in catalogue:
        product = row.product
        assert product["name_en"], product["name_zh"]
        assert product["unit_zh"], product["name_zh"]
        assert product["attributes"] or row.variants[0]["variant_id"], product["name_zh"]
        assert product["kind"] in taxonomy().kinds
        assert 0 < product["price_cents"] < 2_000_000
        assert len({v["variant_id"] for v in row.variants}) == len(row.variants)


def test_the_seed_is_embedded_beforehand(catalogue: list[CatalogueRow]) -> None:
    stored = read_file()
    assert all(digest(passage(row.product)) in stored for row in catalogue)
    assert all(digest(q["question"]) in stored for document in read_faq() for q in document["questions"])


def test_the_history_has_an_answer_for_every_question(catalogue: list[CatalogueRow]) -> None:
    history = HistoryWriter(catalogue).write()
    mine = {order["order_id"]: order["status"] for order in history.orders if order["user_id"] == SHOPPER}
    assert {"paid", "shipped", "delivered", "completed"} == set(mine.values())
    statuses = {order["order_id"]: order["status"] for order in history.orders}
    assert statuses["123456"] == "paid"
    assert statuses["123460"] == "confirmed"
    assert [r["order_id"] for r in history.refunds if r["status"] == "requested"] == ["123321"]
    assert len(statuses) == len(history.orders)
    again = HistoryWriter(catalogue).write()
    assert again.orders == history.orders
    assert again.reviews == history.reviews


def test_totals_of_the_history_are_those_of_its_lines(catalogue: list[CatalogueRow]) -> None:
    history = HistoryWriter(catalogue).write()
    sums: dict[str, int] = {}
    for line in history.order_lines:
        sums[line["order_id"]] = sums.get(line["order_id"], 0) + line["quantity"] * line["unit_price_cents"]
    assert sums == {order["order_id"]: order["total_cents"] for order in history.orders}


@pytest.mark.parametrize(
    ("query", "kinds", "brands"),
    [
        ("苹果", {"apple"}, set()),
        ("我想买苹果", {"apple"}, set()),
        ("apples", {"apple"}, set()),
        ("苹果的手机", {"phone"}, {"苹果公司"}),
        ("华为手机", {"phone"}, {"华为"}),
        ("红色的连衣裙", {"dress"}, set()),
        ("手机壳", {"case"}, set()),
        ("手机充电器", {"charger"}, set()),
        ("wireless earbuds", {"earbuds"}, set()),
        ("wireles earbuds", {"earbuds"}, set()),
        ("连一群", {"dress"}, set()),
        ("华伟手机", {"phone"}, {"华为"}),
        ("螺丝刀", set(), set()),
        ("火箭发动机", set(), set()),
    ],
)
def test_queries_are_read_by_their_head_noun(lexicon: Lexicon, query: str, kinds: set[str], brands: set[str]) -> None:
    reading = lexicon.read(query)
    assert set(reading.kinds) == kinds
    assert set(reading.brands) == brands


def test_a_product_name_is_read_as_that_product(lexicon: Lexicon, catalogue: list[CatalogueRow]) -> None:
    for row in catalogue:
        for name in (row.product["name_zh"], row.product["name_en"]):
            assert row.product["sku"] in lexicon.read(name).skus, name


def test_colours_are_read_but_not_inside_words(lexicon: Lexicon) -> None:
    assert lexicon.read("红色的连衣裙").colors == ("red",)
    assert lexicon.read("蓝的连衣裙").colors == ("blue",)
    assert lexicon.read("red dress").colors == ("red",)
    assert lexicon.read("红薯").colors == ()


@pytest.mark.parametrize("text", ["", "   ", "。。。", "\x00\x07", "!!!" * 1000])
def test_a_query_without_words_asks_for_nothing(lexicon: Lexicon, text: str) -> None:
    reading = lexicon.read(text)
    assert not reading.has_target
    assert reading.residual == ()


def test_text_forms() -> None:
    assert normalize("ＩＰＨＯＮＥ\t15\x00 Pro") == "iphone 15 pro"
    assert len(normalize("x" * 10_000)) == 200
    assert tokens("mate60 手机13.5") == ["mate", "60", "手", "机", "13.5"]
    assert compact("小米 14 手机") == "小米14手机"
    assert index_terms("苹果醋 earbuds") == ["earbud", "earbuds", "果醋", "苹果"]
    assert pinyin_key("连衣裙") == pinyin_key("连一群")
    assert pinyin_key("电贩包") == pinyin_key("电饭煲") != pinyin_key("电视机")
    assert pinyin_key("浴缸") != pinyin_key("鱼竿")
