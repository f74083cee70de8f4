"""Importing catalogue files: what is good is there, what is bad is listed, and nothing is done twice or lost."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from support.shop import PostgresForTests

from voxcart.errors import InvalidInput, NotFound
from voxcart_services.shop import catalogue_import
from voxcart_services.shop.catalogue_import import ImportOptions, Progress, import_catalogue
from voxcart_services.shop.database import Database
from voxcart_services.shop.lexicon_store import LexiconStore
from voxcart_services.shop.models import SearchQuery
from voxcart_services.shop.search import ProductSearch

pytestmark = pytest.mark.integration
pytest_plugins = ("support.shop",)

TENANT = "imported"


@pytest.fixture
async def database(shop_postgres: PostgresForTests) -> AsyncIterator[Database]:
    opened = Database.open(shop_postgres.url, pool_size=2)
    try:
        yield opened
        async with opened.transaction(TENANT) as conn:
            for table in ("products", "tenants"):
                await conn.execute(text(f"DELETE FROM {table} WHERE tenant = :tenant"), {"tenant": TENANT})
    finally:
        await opened.aclose()


def record(number: int, **fields: Any) -> dict[str, Any]:
    made = {"sku": f"S{number:05d}", "name_zh": f"晨露{number}号保温杯", "price_cents": 100 + number, "stock": number}
    return made | fields


def lines(records: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(entry, ensure_ascii=False).encode() + b"\n" for entry in records)


async def load(database: Database, path: Path, **options: Any) -> Any:
    chosen = ImportOptions(path.with_suffix(".rejects"), create=True, **options)
    return await import_catalogue(database, TENANT, path, chosen)


async def counts(database: Database, sql: str) -> int:
    async with database.transaction(TENANT) as conn:
        return (await conn.execute(text(sql))).scalar_one()


async def test_bad_lines_are_listed_and_good_ones_imported(database: Database, tmp_path: Path) -> None:
    bad = {
        7: b'{"sku": "X"}\n',
        40: b'{"sku": "Y", "name_zh": "\xff\xfe", "price": 1}\n',
        41: b"not json\n",
        90: lines([record(1, price_cents=-5)]),
        91: lines([record(2, price_cents=None, price="12.345")]),
        92: lines([record(3, name_zh="a\u0007b")]),
        93: b'["a list"]\n',
        94: lines([record(4, stock=1.5)]),
        95: lines([record(5, name_zh="x" * 300)]),
        96: lines([record(6, variants=[{"size": "L"}, {"size": "L"}])]),
    }
    content = [bad.get(number) or lines([record(number)]) for number in range(1, 1101)]
    path = tmp_path / "catalogue.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + b"".join(content))
    report = await load(database, path)
    assert report.progress.imported == 1100 - len(bad)
    assert {reject.line for reject in report.rejects} == set(bad)
    told = [json.loads(line) for line in path.with_suffix(".rejects").read_text().splitlines()]
    assert {entry["line"] for entry in told} == set(bad)
    assert all(entry["reason"] and ("record" in entry or "record_base64" in entry) for entry in told)
    assert await counts(database, "SELECT count(*) FROM products") == 1100 - len(bad)


async def test_the_same_file_again_changes_nothing_and_a_new_one_what_differs(
    database: Database, tmp_path: Path
) -> None:
    path = tmp_path / "catalogue.jsonl"
    path.write_bytes(lines([record(number) for number in range(30)]))
    await load(database, path)
    again = await load(database, path)
    assert (again.progress.unchanged, again.progress.imported, again.progress.updated) == (30, 0, 0)
    assert await counts(database, "SELECT sum(version) FROM products") == 30
    path.write_bytes(
        lines([record(n, price_cents=7) if n < 4 else record(n, stock=99 if n == 9 else n) for n in range(31)])
    )
    third = await load(database, path)
    assert (third.progress.imported, third.progress.updated, third.progress.unchanged) == (1, 5, 25)


async def test_an_import_that_was_cut_off_goes_on_where_it_was(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue_import, "BATCH", 10)
    path = tmp_path / "catalogue.jsonl"
    content = [b"broken\n" if number % 25 == 3 else lines([record(number)]) for number in range(200)]
    path.write_bytes(b"".join(content))
    rejects = path.with_suffix(".rejects")

    def cut_off(progress: Progress, size: int) -> None:
        if progress.line > 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await import_catalogue(database, TENANT, path, ImportOptions(rejects, create=True), cut_off)
    with rejects.open("ab") as file:
        file.write(b'{"line": 999, "reason": "written before a crash"}\n')
    there = await counts(database, "SELECT count(*) FROM products")
    assert 80 < there < 120
    report = await load(database, path)
    assert report.resumed_at_line == 101
    assert (report.progress.imported, report.progress.rejected) == (192, 8)
    assert [json.loads(line)["line"] for line in rejects.read_text().splitlines()] == list(range(4, 200, 25))
    assert await counts(database, "SELECT sum(version) FROM products") == 192


async def test_csv_with_quotes_and_other_encodings(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "catalogue.csv"
    rows = [
        "sku,name,price,stock,attributes,aliases",
        'A1,"晨光,中性笔",19.90,5,材质=塑料;颜色=黑,签字笔|水笔',
        'A2,"两行\n的名字",5,1,,',
        'A3,"没有关的引号,5,1,,',
        'A4,"有""引号""的",7,1,,',
        "A5,少一格,1",
        'A6,24" 显示器,999,1,,',
    ]
    path.write_bytes("\r\n".join(rows).encode("gb18030"))
    report = await load(database, path, encoding="gb18030")
    reasons = {reject.line: reject.reason for reject in report.rejects}
    assert set(reasons) == {3, 5, 7}, reasons
    async with database.transaction(TENANT) as conn:
        found = {row.sku: row for row in await conn.execute(text("SELECT sku, name_zh, price_cents FROM products"))}
    assert found["A1"].price_cents == 1990
    assert found["A4"].name_zh == '有"引号"的'
    assert set(found) == {"A1", "A4", "A6"}


async def test_imported_products_are_found_by_words_at_once(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "catalogue.jsonl"
    path.write_bytes(lines([record(1, brand="晨露", aliases=["随行小金刚"]), record(2, name_zh="古法黑糖姜茶")]))
    await load(database, path)
    search = ProductSearch(LexiconStore(), None)
    for words, sku in (("随行小金刚", "S00001"), ("黑糖姜茶", "S00002"), ("晨露保温杯", "S00001"), ("晨路", "S00001")):
        async with database.transaction(TENANT) as conn:
            page = await search.search(conn, TENANT, SearchQuery(words))
        assert [hit.product.sku for hit in page.items][:1] == [sku], words


async def test_what_cannot_be_read_at_all_is_refused(database: Database, tmp_path: Path) -> None:
    headless = tmp_path / "headless.csv"
    headless.write_text("a,b\n1,2\n")
    odd = tmp_path / "catalogue.xlsx"
    odd.write_bytes(b"PK")
    for path, why in ((headless, "sku"), (odd, "ends in"), (tmp_path / "missing.csv", "cannot read")):
        with pytest.raises(InvalidInput, match=why):
            await load(database, path)
    good = tmp_path / "good.jsonl"
    good.write_bytes(lines([record(1)]))
    with pytest.raises(NotFound, match="no shop"):
        await import_catalogue(database, "no-such-shop", good, ImportOptions(tmp_path / "r"))
