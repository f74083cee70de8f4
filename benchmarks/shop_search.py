"""How long does a search take in a shop of a million products, and what does its index cost?

Starts a PostgreSQL of its own, fills a shop with made-up products, builds the index on their embeddings, and asks it
what shoppers ask: kinds of goods, brands, attributes, misheard and misspelt words, whole names, prices, colours, and
things it does not sell; one query after the other, by the code of the service, without gRPC around it.

Products are the demo catalogue's, varied: the name gets a brand, a series, facts and a model, drawn with a seed, so
that names and terms differ and are as common as in a real shop: some brands and words are everywhere, most are rare.
Their embeddings are not computed one by one, which takes hours on two cores: those of the demo products are mixed,
three quarters of the product itself and a quarter of another one of its department, with noise that leaves cosines to
the original between 0.9 and 0.98 as between real variants of a product; queries are embedded by the real model.

``python benchmarks/shop_search.py [--products 1000000] [--queries 1000] [--directory DIR] [--json]``

With ``--directory`` the filled database is kept there and used again.
"""

import argparse
import asyncio
import json
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import psycopg
from sqlalchemy import text

from voxcart.benchmarking.machine import describe_machine
from voxcart.embedded import EmbeddedPostgres
from voxcart.evaluation.search import latencies
from voxcart.models import ModelStore
from voxcart.paths import models_dir
from voxcart.serving.sessions import SessionOptions
from voxcart.telemetry.logs import configure_logging
from voxcart.text_encoder import TextEncoder
from voxcart_services.shop.catalogue_file import CatalogueRow, read_catalogue
from voxcart_services.shop.database import Database
from voxcart_services.shop.embedding import Embedder
from voxcart_services.shop.lexicon_store import LexiconStore
from voxcart_services.shop.models import SearchFilters, SearchQuery
from voxcart_services.shop.products import taxonomy
from voxcart_services.shop.search import ProductSearch
from voxcart_services.shop.search_fields import passage, search_fields
from voxcart_services.shop.search_index import SearchIndexer, index_name
from voxcart_services.shop.seed_embeddings import digest, read_file

TENANT = "bench"
BATCH = 2000
INDEX_MEMORY_MB = 2200
POSTGRES = {"shared_buffers": "1536MB", "maintenance_work_mem": "256MB", "max_wal_size": "8GB", "jit": "off"}
SEED = 20240607

_SERIES = [
    "经典",
    "时尚",
    "轻奢",
    "简约",
    "复古",
    "智能",
    "便携",
    "加厚",
    "升级",
    "旗舰",
    "家用",
    "商务",
    "学生",
    "限定",
    "联名",
    "礼盒",
    "进口",
    "国潮",
    "环保",
    "静音",
]
_FACTS = [
    "新款",
    "热卖",
    "大容量",
    "防水",
    "耐用",
    "可水洗",
    "无线",
    "双层",
    "超薄",
    "折叠",
    "多功能",
    "高颜值",
    "送礼",
    "正品",
    "一级",
    "清香",
    "原味",
    "有机",
]
_SYLLABLES = (
    "安百宝北长成达大德东方丰福高光国海豪和恒红华吉嘉金京景君康乐利联龙"
    "美明宁平奇千青庆瑞三盛世泰天通旺威欣新鑫兴亚洋伊益永宇裕元悦泽正志中"
)


class Generator:
    """Made-up products by number; the same number is always the same product."""

    def __init__(self) -> None:
        self._base = read_catalogue()
        vectors = read_file()
        self._vectors = np.stack([vectors[digest(passage(row.product))] for row in self._base])
        self._departments: dict[str, list[int]] = {}
        for index, row in enumerate(self._base):
            self._departments.setdefault(row.product["department"], []).append(index)
        chooser = random.Random(SEED)
        self._brands = ["".join(chooser.sample(_SYLLABLES, chooser.choice((2, 2, 3)))) for _ in range(20_000)]

    def product(self, number: int) -> tuple[dict[str, Any], CatalogueRow, np.ndarray]:
        """Row, the product it was made from, and embedding (float32 [384])."""
        draw = random.Random(SEED * 1_000_003 + number)
        index = draw.randrange(len(self._base))
        origin = self._base[index]
        row = dict(origin.product)
        brand = self._brands[min(len(self._brands) - 1, int(draw.paretovariate(0.6)) - 1)]
        words = [draw.choice(_SERIES), *draw.sample(_FACTS, draw.randint(0, 2))]
        model = f"{draw.choice('ABCDEFGHKLMNPQRSTVWXYZ')}{draw.randint(1, 9999)}"
        row |= {
            "sku": f"B{number:07d}",
            "name_zh": f"{brand}{words[0]}{row['name_zh']}{''.join(words[1:])} {model}",
            "name_en": f"{row['name_en']} {model}",
            "brand_zh": brand,
            "brand_en": "",
            "price_cents": max(100, int(row["price_cents"] * draw.lognormvariate(0, 0.4))),
            "aliases": [f"{brand}{model}"],
        }
        return row | search_fields(row), origin, self._vector(index, number, row["department"], draw)

    def _vector(self, index: int, number: int, department: str, draw: random.Random) -> np.ndarray:
        other = self._vectors[draw.choice(self._departments[department])]
        noise = np.random.default_rng(SEED + number).standard_normal(len(other)).astype(np.float32)
        mixed = 0.75 * self._vectors[index] + 0.25 * other + 0.15 * noise / np.linalg.norm(noise)
        return mixed / np.linalg.norm(mixed)

    def queries(self, count: int, products: int) -> Iterator[tuple[str, SearchQuery]]:
        """Queries with the group they belong to."""
        draw = random.Random(SEED + 1)
        kinds = list(taxonomy().kinds.values())
        groups = ("kind", "kind_filtered", "kind_attribute", "brand_kind", "name", "misheard", "colloquial", "absent")
        for number in range(count):
            group = groups[number % len(groups)]
            kind = draw.choice(kinds)
            row, origin, _ = self.product(draw.randrange(products))
            yield group, self._query(group, draw, kind, row, origin)

    def _query(self, group: str, draw: random.Random, kind: Any, row: dict[str, Any], origin: Any) -> SearchQuery:
        named = draw.choice([kind.zh, kind.en, *kind.aliases])
        if group == "kind":
            return SearchQuery(named)
        if group == "kind_filtered":
            filters = SearchFilters(
                price_max_cents=draw.choice((5_000, 20_000, 100_000)),
                in_stock_only=draw.random() < 0.5,
                colors=("black",) if draw.random() < 0.3 else (),
            )
            return SearchQuery(named, filters, draw.choice(("price_asc", "sales_desc", "rating_desc", "newest")))
        if group == "kind_attribute":
            return SearchQuery(f"{draw.choice(_FACTS)}的{draw.choice(_SERIES)}{kind.zh}")
        if group == "brand_kind":
            return SearchQuery(f"{row['brand_zh']}{taxonomy().kinds[row['kind']].zh}")
        if group == "name":
            return SearchQuery(draw.choice((row["name_zh"], row["name_en"], row["aliases"][0])))
        if group == "misheard":
            return SearchQuery(_misheard(kind.zh, draw) if draw.random() < 0.5 else _misspelt(kind.en, draw))
        if group == "colloquial":
            value = draw.choice(origin.product["attributes"])["value_zh"] if origin.product["attributes"] else kind.zh
            return SearchQuery(f"有没有{value}的东西")
        return SearchQuery(draw.choice(("火箭发动机", "飞机票", "轮椅", "钢琴课", "insurance", "asdfgh", "二手车过户")))


_HOMOPHONES = {
    "机": "鸡",
    "包": "胞",
    "水": "睡",
    "衣": "一",
    "锅": "郭",
    "灯": "登",
    "奶": "乃",
    "鞋": "斜",
    "纸": "止",
}


def _misheard(words: str, draw: random.Random) -> str:
    heard = "".join(_HOMOPHONES.get(character, character) for character in words)
    return heard if heard != words else f"那个{words}"


def _misspelt(words: str, draw: random.Random) -> str:
    place = draw.randrange(1, max(2, len(words) - 1))
    return words[:place] + words[place + 1 :]


async def fill(database: Database, generator: Generator, products: int) -> dict[str, float]:
    """Writes the products that are missing; seconds by step."""
    async with database.transaction(TENANT) as conn:
        there = (await conn.execute(text("SELECT count(*) FROM products"))).scalar_one()
    started = time.monotonic()
    async with database.maintenance() as conn:
        await conn.execute(text(f"INSERT INTO tenants (tenant) VALUES ('{TENANT}') ON CONFLICT DO NOTHING"))
        driver = (await conn.get_raw_connection()).driver_connection
        for first in range(there, products, BATCH):
            await _write(driver, generator, range(first, min(products, first + BATCH)))
            if first % (BATCH * 10) == 0:
                rate = (first - there + BATCH) / (time.monotonic() - started)
                print(f"{first + BATCH} products, {rate:.0f}/s", file=sys.stderr)
        filled = time.monotonic()
        await conn.execute(text("VACUUM ANALYZE products"))
        for table in ("search_documents", "search_phrases", "search_spellings", "product_vectors", "variants", "stock"):
            await conn.execute(text(f"VACUUM ANALYZE {table}"))
    return {"fill": round(filled - started, 1), "vacuum": round(time.monotonic() - filled, 1)}


async def _write(driver: psycopg.AsyncConnection, generator: Generator, numbers: range) -> None:
    from psycopg.types.json import Jsonb

    columns = (
        "sku", "name_zh", "name_en", "brand_zh", "brand_en", "department", "category", "kind", "unit_zh", "unit_en",
        "price_cents", "aliases", "description_zh", "description_en", "search_terms", "search_text", "search_words",
        "search_version",
    )  # fmt: skip
    async with driver.cursor() as cursor:
        await cursor.execute("BEGIN")
        made = [generator.product(number) for number in numbers]
        into = (
            f"COPY products (tenant, {', '.join(columns)}, attributes, search_phrases, rating, units_sold) FROM STDIN"
        )
        async with cursor.copy(into) as copy:
            for row, origin, _ in made:
                draw = random.Random(row["sku"])
                facts = (Jsonb(row["attributes"]), Jsonb(row["search_phrases"]))
                sold = int(draw.paretovariate(0.8) * 10) % 500_000
                rating = round(3 + 2 * draw.random(), 1) if origin.rating else None
                await copy.write_row([TENANT, *(row[name] for name in columns), *facts, rating, sold])
        await _write_variants(cursor, made)
        async with cursor.copy("COPY product_vectors (tenant, sku, embedding) FROM STDIN") as copy:
            for row, _, vector in made:
                await copy.write_row([TENANT, row["sku"], "[" + ",".join(f"{x:.4f}" for x in vector) + "]"])
        await cursor.execute("COMMIT")


async def _write_variants(cursor: psycopg.AsyncCursor, made: list[Any]) -> None:
    columns = ("variant_id", "position", "color", "color_code", "size")
    async with cursor.copy(f"COPY variants (tenant, sku, {', '.join(columns)}) FROM STDIN") as copy:
        for row, origin, _ in made:
            for variant in origin.variants[:4]:
                await copy.write_row([TENANT, row["sku"], *(variant[name] for name in columns)])
    async with cursor.copy("COPY stock (tenant, sku, variant_id, available) FROM STDIN") as copy:
        for row, origin, _ in made:
            for variant in origin.variants[:4]:
                await copy.write_row([TENANT, row["sku"], variant["variant_id"], variant["stock"]])


async def build_index(database: Database) -> float:
    """Builds the index on the embeddings if it is not there; seconds."""
    started = time.monotonic()
    await SearchIndexer(database, None, 1.0, INDEX_MEMORY_MB).build_indexes()
    return round(time.monotonic() - started, 1)


async def measure(database: Database, generator: Generator, options: argparse.Namespace) -> dict[str, Any]:
    """Latencies over all queries and by group, in milliseconds."""
    encoder = TextEncoder.from_store(ModelStore(models_dir()), SessionOptions(threads=1))
    embedder = Embedder(encoder)
    search = ProductSearch(LexiconStore(), embedder)
    seconds: dict[str, list[float]] = {}
    found: dict[str, int] = {}
    slowest: list[tuple[float, str]] = []
    warm_up = options.queries // 4
    queries = list(generator.queries(warm_up + options.queries, options.products))
    cpu_before = 0.0
    for number, (group, query) in enumerate(queries):
        if number == warm_up:
            cpu_before = cpu_seconds()
        started = time.perf_counter()
        async with database.transaction(TENANT) as conn:
            page = await search.search(conn, TENANT, query)
        took = time.perf_counter() - started
        if number >= warm_up:
            seconds.setdefault(group, []).append(took)
            found[group] = found.get(group, 0) + bool(page.items)
            slowest.append((round(1000 * took, 1), f"{group}: {query.text}"))
    cpu_ms = 1000 * (cpu_seconds() - cpu_before) / options.queries
    await embedder.aclose()
    every = [took for times in seconds.values() for took in times]
    return {
        "queries": len(every),
        "latency_ms": latencies(every),
        "cpu_ms_per_query": round(cpu_ms, 2),
        "by_group": {g: latencies(times) | {"found": found[g], "queries": len(times)} for g, times in seconds.items()},
        "slowest": sorted(slowest, reverse=True)[:10],
    }


async def sizes(database: Database) -> dict[str, float]:
    """MB of tables with their indexes, and of the two that searches lean on most."""
    tables = (
        "products",
        "product_vectors",
        "search_documents",
        "search_phrases",
        "search_spellings",
        "variants",
        "stock",
    )
    async with database.maintenance() as conn:
        found = {}
        for name in (*tables, index_name(TENANT), "ix_search_documents_keys"):
            shown = "hnsw" if name == index_name(TENANT) else name
            size = text("SELECT coalesce(pg_total_relation_size(to_regclass(:name)), 0)")
            found[shown] = round((await conn.execute(size, {"name": name})).scalar_one() / 2**20, 1)
    return found


def cpu_seconds() -> float:
    """Processor time of this process and PostgreSQL so far, which other load on the machine does not blur."""
    own = psutil.Process()
    return sum(sum(process.cpu_times()[:2]) for process in (own, *own.children(recursive=True)))


def postgres_memory_mb(pid: int) -> float:
    """Proportional memory of PostgreSQL's processes, in MB."""
    processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return round(sum(process.memory_full_info().pss for process in processes) / 2**20, 1)


async def run(options: argparse.Namespace) -> dict[str, Any]:
    """The whole benchmark."""
    generator = Generator()
    kept = nullcontext(options.directory) if options.directory else tempfile.TemporaryDirectory(prefix="voxcart-bench-")
    with kept as directory:
        postgres = EmbeddedPostgres(Path(directory), POSTGRES)
        await postgres.start()
        database = Database.open(postgres.url, pool_size=2, statement_seconds=30.0)
        try:
            await database.wait_until_ready(30)
            await database.migrate()
            steps = await fill(database, generator, options.products)
            steps["hnsw"] = await build_index(database)
            figures = await measure(database, generator, options)
            memory = {
                "postgres_mb": postgres_memory_mb(postgres.pid or os.getpid()),
                "search_process_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
            }
            return {"products": options.products, "build_seconds": steps, "size_mb": await sizes(database),
                    "memory": memory, "settings": POSTGRES, **figures}  # fmt: skip
        finally:
            await database.aclose()
            await postgres.stop()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--products", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--directory", type=Path, help="keep the filled database here, and use it again")
    parser.add_argument("--json", action="store_true", help="one JSON object only")
    options = parser.parse_args()
    if options.directory:
        options.directory.mkdir(parents=True, exist_ok=True)
    configure_logging("bench", "WARNING")
    figures = {"machine": describe_machine(), **asyncio.run(run(options))}
    print(json.dumps(figures, indent=None if options.json else 2, ensure_ascii=False))


if __name__ == "__main__":
    main()
