"""Parts of search and import that need no database: metrics by hand-worked figures, terms, numbers, records."""

from pathlib import Path

import pytest

from voxcart.errors import InvalidInput
from voxcart.evaluation.search import JudgedQuery, Outcome, read_queries, report
from voxcart_services.shop.catalogue_records import BadRecord, CatalogueReader, Place
from voxcart_services.shop.catalogue_rows import product_row
from voxcart_services.shop.lexicon import Lexicon, Sense, phrase_forms, substrings
from voxcart_services.shop.lexicon_store import taxonomy_lexicon
from voxcart_services.shop.search_fields import search_fields
from voxcart_services.shop.term_stats import TermStats
from voxcart_services.shop.text import compact, singular, tokens, with_digits

pytestmark = pytest.mark.unit


def test_recall_and_reciprocal_rank_by_hand() -> None:
    outcomes = [
        Outcome(JudgedQuery("a", frozenset({"x", "y"}), ("zh",)), ("n", "x", "m"), 0.010),
        Outcome(JudgedQuery("b", frozenset({"z"})), tuple("abcdefghijz"), 0.030),
    ]
    figures = report(outcomes)
    assert figures["recall_at_10"] == 0.25
    assert figures["mrr_at_10"] == 0.25
    assert figures["latency_ms"]["p50"] == 20.0
    assert figures["by_tag"]["zh"] == {"queries": 1, "recall_at_10": 0.5, "mrr_at_10": 0.5}
    assert [miss["query"] for miss in figures["misses"]] == ["a", "b"]


def test_more_relevant_products_than_places_can_still_be_whole() -> None:
    many = frozenset(f"s{n}" for n in range(30))
    assert Outcome(JudgedQuery("a", many), tuple(f"s{n}" for n in range(10)), 0.0).recall == 1.0


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "header"),
        ("query\tskus\n", "header"),
        ("query\trelevant\n", "no queries"),
        ("query\trelevant\na\t\n", "line 2"),
    ],
)
def test_bad_judgements_are_refused_with_the_line(tmp_path: Path, content: str, why: str) -> None:
    path = tmp_path / "data.tsv"
    path.write_text(content)
    with pytest.raises(InvalidInput, match=why):
        read_queries(path)


def test_judgements_are_read_by_column_name(tmp_path: Path) -> None:
    path = tmp_path / "data.tsv"
    path.write_text("\ufefftags\trelevant\tquery\nzh\tA, B\t苹果\n\n", encoding="utf-8")
    assert read_queries(path) == [JudgedQuery("苹果", frozenset({"A", "B"}), ("zh",))]


@pytest.mark.parametrize(
    ("plural", "word"),
    [("knives", "knife"), ("batteries", "battery"), ("brushes", "brush"), ("shoes", "shoe"), ("tennis", "tennis"),
     ("glass", "glass"), ("potatoes", "potato"), ("boxes", "box"), ("bus", "bus")],
)  # fmt: skip
def test_english_plurals(plural: str, word: str) -> None:
    assert singular(plural) == word


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("小米十四", "小米14"),
        ("mate六十", "mate60"),
        ("两万毫安", "20000毫安"),
        ("一加手机", "一加手机"),
        ("三星", "三星"),
    ],
)
def test_spoken_numbers_are_also_digits(said: str, written: str) -> None:
    assert with_digits(said) == written


def test_all_phrases_that_the_cut_looks_for_are_looked_up() -> None:
    found = substrings(tokens("我要 running shoes"))
    assert {"我", "我要", "running", "runningshoes", "runningshoe"} <= set(found)
    assert phrase_forms("Running Shoes") == ["runningshoes", "runningshoe"]
    assert phrase_forms(" !! ") == []


def test_a_brand_wins_over_another_word_for_goods_but_not_over_their_own() -> None:
    lexicon = Lexicon()
    lexicon.add("乐高", Sense("kind", "blocks", exact=False))
    lexicon.add("乐高", Sense("brand", "乐高"))
    lexicon.add("苹果", Sense("kind", "apple"))
    lexicon.add("苹果", Sense("brand", "苹果公司"))
    assert lexicon.read("乐高").brands == {"乐高"}
    assert not lexicon.read("乐高").kinds
    assert lexicon.read("苹果").kinds == {"apple"}


def test_plural_names_of_the_taxonomy_are_no_aliases() -> None:
    assert not taxonomy_lexicon().read("strawberries").is_alias
    assert taxonomy_lexicon().read("火锅底料").is_alias


def test_whoever_holds_enough_terms_holds_one_of_the_rarest() -> None:
    stats = TermStats(1000, {"手机": 0.2, "新款": 0.5, "红色": 0.1})
    terms = ["手机", "新款", "红色", "翻盖"]
    chosen = stats.rarest(terms, 3)
    assert chosen == ["翻盖", "红色"]
    for left_out in terms:
        assert set(terms) - {left_out} & set(chosen)
    assert stats.matches(["手机", "红色"]) == pytest.approx(300)
    assert stats.matches_all(["手机", "红色"]) == pytest.approx(20)


def test_records_know_their_lines_and_reading_goes_on_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_bytes(b'sku,name,price\r\nA,"a\nb",1\r\n\r\nB,"open,2\r\nC,c,3\r\nD,\xff,4')
    reader = CatalogueReader(path)
    records = list(reader.records())
    assert [(r.line, bool(r.fields)) for r in records] == [(2, True), (5, False), (6, True), (7, False)]
    assert records[-1].next.offset == reader.size
    for number, record in enumerate(records):
        rest = list(reader.records(Place(record.next.offset, record.next.line)))
        assert [r.line for r in rest] == [r.line for r in records[number + 1 :]]


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({}, "sku"),
        ({"sku": "A"}, "name_zh"),
        ({"sku": "A", "name": "b"}, "price"),
        ({"sku": "A", "name": "b", "price": "NaN"}, "price"),
        ({"sku": "A", "name": "b", "price": "1e30"}, "price"),
        ({"sku": "A", "name": "b", "price_cents": True}, "price_cents"),
        ({"sku": "A", "name": ["b"], "price": 1}, "name"),
        ({"sku": "A", "name": "b", "price": 1, "aliases": "[1"}, "aliases"),
        ({"sku": "A", "name": "b", "price": 1, "attributes": "颜色"}, "attributes"),
        ({"sku": "A", "name": "b", "price": 1, "variants": ["x"]}, "variants"),
        ({"sku": "A", "name": "b", "price": 1, "rating": 9}, "rating"),
        ({"sku": "A\u202e\u0000", "name": "b", "price": 1}, "control"),
    ],
)
def test_records_that_are_no_products_say_why(fields: dict[str, object], why: str) -> None:
    with pytest.raises(BadRecord, match=why):
        product_row(fields)


def test_a_record_becomes_a_product_with_its_place_and_what_it_is_found_by() -> None:
    row = product_row(
        {"sku": "A", "name": "云朵连衣裙", "price": "19.9", "brand": "云朵", "attributes": "材质=纯棉", "stock": "3"}
    )
    assert (row.product["kind"], row.product["department"], row.product["price_cents"]) == ("dress", "fashion", 1990)
    assert row.variants is not None
    assert row.variants[0]["stock"] == 3
    assert {"连衣", "衣裙", "云朵", "纯棉"} <= set(row.product["search_terms"])
    phrases = {(entry["phrase"], entry["type"]) for entry in row.product["search_phrases"]}
    assert {("云朵连衣裙", "name"), ("云朵", "brand")} <= phrases
    assert compact("云朵 连衣裙") in row.product["search_text"]


def test_unknown_groups_become_phrases_of_their_own() -> None:
    row = product_row({"sku": "A", "name": "量子玩偶", "price": 1, "kind": "盲盒"}).product
    assert ("盲盒", "kind", "盲盒") in {(e["phrase"], e["type"], e.get("target")) for e in row["search_phrases"]}
    assert search_fields(row)["search_terms"] == row["search_terms"]
