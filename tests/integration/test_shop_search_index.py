"""The index of search: kept in the transaction of each change, used under row-level security, apart between tenants."""

from typing import Any

import numpy as np
import pytest
from sqlalchemy import text
from support.shop import Shop

from voxcart_api.shop.v1 import shop_pb2 as pb
from voxcart_services.shop import search_index
from voxcart_services.shop.lexicon_store import LexiconStore
from voxcart_services.shop.models import SearchMode, SearchQuery
from voxcart_services.shop.search import ProductSearch
from voxcart_services.shop.search_index import SearchIndexer, index_name
from voxcart_services.shop.tenancy import SYSTEM

pytestmark = pytest.mark.integration
pytest_plugins = ("support.shop",)

LOOK = text(
    "SELECT set_config('voxcart.search', CAST(search_keys(:named, ARRAY['苹果']) AS text), true), "
    "set_config('voxcart.search_all', '{}', true)"
)
APPLE = "新鲜红富士苹果"


class ScriptedEncoder:
    """Vectors by the first character of a text."""

    def embed(self, texts: list[str], kind: str) -> np.ndarray:
        """float32 [len(texts), 384]."""
        made = np.stack([np.random.default_rng(ord(words[0])).standard_normal(384) for words in texts])
        return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


class ScriptedEmbedder:
    """What the indexer and search need of an embedder, without a model."""

    def __init__(self) -> None:
        self._encoder = ScriptedEncoder()

    async def query(self, words: str) -> np.ndarray:
        """float32 [384]."""
        return self._encoder.embed([words], "query")[0]

    async def passages(self, texts: list[str]) -> np.ndarray:
        """float32 [len(texts), 384]."""
        return self._encoder.embed(texts, "passage")


async def seen(shop: Shop, tenant: str, named: str) -> set[tuple[str, str]]:
    async with shop.parts.database.transaction(tenant) as conn:
        await conn.execute(LOOK, {"named": named})
        return {(row.tenant, row.sku) for row in await conn.execute(text("SELECT tenant, sku FROM search_documents"))}


async def test_documents_are_seen_only_by_words_they_hold_and_by_their_own_tenant(shop: Shop) -> None:
    own = await seen(shop, shop.tenant, shop.tenant)
    assert own
    assert {tenant for tenant, _ in own} == {shop.tenant}
    assert len(own) < 40
    assert await seen(shop, shop.tenant, "demo") == set()
    assert await seen(shop, "demo", shop.tenant) == set()
    async with shop.parts.database.transaction(shop.tenant) as conn:
        assert (await conn.execute(text("SELECT count(*) FROM search_documents"))).scalar_one() == 0


async def test_the_policy_lets_the_index_be_used(shop: Shop) -> None:
    async with shop.parts.database.transaction(shop.tenant) as conn:
        await conn.execute(LOOK, {"named": shop.tenant})
        await conn.execute(text("SET LOCAL enable_seqscan = off"))
        plan = await conn.execute(text("EXPLAIN SELECT sku FROM search_documents"))
        shown = "\n".join(row[0] for row in plan)
    assert "ix_search_documents_keys" in shown
    assert "Index Cond: ((keys &&" in shown


async def test_changes_are_found_in_the_transaction_that_makes_them(shop: Shop) -> None:
    search = ProductSearch(LexiconStore(), None)

    async def found(conn: Any, words: str) -> list[str]:
        return [hit.product.name_zh for hit in (await search.search(conn, shop.tenant, SearchQuery(words))).items]

    async with shop.parts.database.transaction(shop.tenant) as conn:
        assert APPLE in await found(conn, "红富士")
        switch = text("UPDATE products SET delisted = NOT delisted WHERE tenant = :tenant AND sku = 'FR0001'")
        await conn.execute(switch, {"tenant": shop.tenant})
        assert APPLE not in await found(conn, "红富士")
        await conn.execute(switch, {"tenant": shop.tenant})
        assert APPLE in await found(conn, "红富士")


async def test_a_renamed_product_is_found_by_its_new_name_only(shop: Shop) -> None:
    await shop.rpc.UpdateProduct(
        pb.UpdateProductRequest(actor=shop.merchant, idempotency_key=shop.key(), sku="FR0004", name_zh="脆玉小青果")
    )
    assert (await shop.find("脆玉小青果"))[0].sku == "FR0004"
    assert (await shop.find("翠玉小青果"))[0].sku == "FR0004"
    async with shop.parts.database.transaction(shop.tenant) as conn:
        assert not (await LexiconStore().get(conn, shop.tenant, "青苹果")).senses("青苹果")


async def test_what_waits_is_embedded_and_a_large_shop_gets_an_index(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_index, "LARGE", 500)
    database, embedder = shop.parts.database, ScriptedEmbedder()
    indexer = SearchIndexer(database, embedder, 1.0, 64)  # type: ignore[arg-type]
    async with database.transaction(shop.tenant) as conn:
        await conn.execute(
            text("UPDATE products SET search_text = search_text || '|x' WHERE tenant = :t AND sku LIKE 'FR00%'"),
            {"t": shop.tenant},
        )
    while await indexer.embed_batch():
        pass
    async with database.transaction(SYSTEM) as conn:
        assert (await conn.execute(text("SELECT count(*) FROM search_pending"))).scalar_one() == 0
    if not shop.has_encoder:
        return
    assert shop.tenant in await indexer.build_indexes()
    assert shop.tenant not in await indexer.build_indexes()
    search = ProductSearch(LexiconStore(), embedder)  # type: ignore[arg-type]
    async with database.transaction(shop.tenant) as conn:
        page = await search.search(conn, shop.tenant, SearchQuery("新", mode=SearchMode.MEANING))
        assert page.items[0].product.name_zh.startswith("新")
    async with database.maintenance() as conn:
        for row in await conn.execute(text("SELECT tenant FROM tenants")):
            await conn.execute(text(f"DROP INDEX IF EXISTS {index_name(row.tenant)}"))


async def test_facets_count_what_was_found_and_explanations_tell_how(seeded_shop: Shop) -> None:
    request = pb.SearchProductsRequest(
        actor=seeded_shop.shopper(), query="huawei手几", facets=["brand", "price", "color", "kind"], explain=True
    )
    found = await seeded_shop.rpc.SearchProducts(request)
    counted = {facet.name: {value.value: value.count for value in facet.values} for facet in found.facets}
    assert list(counted) == ["brand", "price", "color", "kind"]
    assert counted["brand"] == {"华为": found.total}
    assert counted["kind"] == {"手机": found.total}
    assert sum(counted["price"].values()) == found.total
    prices = next(facet for facet in found.facets if facet.name == "price").values
    assert all(v.price_min_cents < v.price_max_cents for v in prices if v.HasField("price_max_cents"))
    assert found.explanation.route == "lexicon"
    assert set(found.explanation.named) == {"kind phone", "brand 华为"}
    assert all(hit.HasField("word_coverage") for hit in found.hits)
    plain = await seeded_shop.rpc.SearchProducts(pb.SearchProductsRequest(actor=seeded_shop.shopper(), query="手机"))
    assert not plain.facets
    assert not plain.HasField("explanation")


@pytest.mark.parametrize(
    ("words", "sku"),
    [
        ("小米十四", "DG0008"),
        ("Mate六十", "DG0001"),
        ("strawbery", "FR0015"),
        ("kitchen knives", "HO0022"),
        ("乐高", "BA0026"),
    ],
)
async def test_numbers_slips_plurals_and_brands_are_read(seeded_shop: Shop, words: str, sku: str) -> None:
    assert sku in [product.sku for product in (await seeded_shop.find(words))[:2]], words
