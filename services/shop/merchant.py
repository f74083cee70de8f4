"""The merchant's changes of the catalogue: adding, changing and delisting products, and low stock."""

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.errors import InvalidInput, NotFound, WrongState
from voxcart_services.shop import audit, schema
from voxcart_services.shop.embedding import Embedder
from voxcart_services.shop.lexicon import CATEGORY, KIND
from voxcart_services.shop.lexicon_store import LexiconStore
from voxcart_services.shop.models import Actor, Page, Product, checked_text
from voxcart_services.shop.outbox import add_events, product_changed
from voxcart_services.shop.paging import PageRequest
from voxcart_services.shop.price_rules import check_direct_price
from voxcart_services.shop.pricing import MAX_PRICE_CENTS, Change, apply_change, checked_price, checked_stock
from voxcart_services.shop.products import (
    describe,
    load_product,
    load_products,
    lock_product,
    taxonomy,
)
from voxcart_services.shop.search_fields import embedded_fields, passage, search_fields
from voxcart_services.shop.shop_settings import NOTE_LOW, checked_threshold
from voxcart_services.shop.vectors import store_vectors

MAX_NAME_LENGTH = 120
SHOPS_THRESHOLD = -1
"""As a product's low-stock threshold: that of the shop."""

_LOCK_STOCK = text(
    "SELECT variant_id, available FROM stock WHERE tenant = :tenant AND sku = :sku ORDER BY sku, variant_id FOR UPDATE"
)
_SET_STOCK = text(
    "UPDATE stock SET available = :available WHERE tenant = :tenant AND sku = :sku AND variant_id = :variant_id"
)
_NEW_SKU = text(
    "SELECT 'NEW' || lpad((count(*) + 1)::text, 4, '0') FROM products WHERE tenant = :tenant AND sku LIKE 'NEW%'"
)
_LOCK_TENANT = text("SELECT 1 FROM tenants WHERE tenant = :tenant FOR UPDATE")
_LOW = """
FROM products p JOIN tenants t USING (tenant)
JOIN (SELECT sku, sum(available) AS units FROM stock WHERE tenant = :tenant GROUP BY sku) s USING (sku)
WHERE p.tenant = :tenant AND NOT p.delisted
  AND s.units <= coalesce(CAST(:threshold AS bigint), p.low_stock_threshold, t.low_stock_threshold)
"""
_FEWEST = text(
    f"SELECT p.sku, p.units_sold, s.units {_LOW} AND (CAST(:sku AS text) IS NULL "
    "OR (s.units, -p.units_sold, p.sku) > (CAST(:units AS bigint), -CAST(:sold AS bigint), CAST(:sku AS text))) "
    "ORDER BY s.units, p.units_sold DESC, p.sku LIMIT :limit"
)


@dataclass(frozen=True, slots=True)
class NewProduct:
    """A product as a merchant names it; empty fields are unknown."""

    name: str
    price_cents: int
    stock: int
    category: str = ""
    brand: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class ProductChange:
    """What to change; ``None`` stays."""

    sku: str
    price: Change | None = None
    stock: Change | None = None
    variant_id: str = ""
    name_zh: str | None = None
    low_stock_threshold: int | None = None
    price_floor_cents: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to change."""
        values = (self.price, self.stock, self.name_zh, self.low_stock_threshold, self.price_floor_cents)
        return all(value is None for value in values)


@dataclass(frozen=True, slots=True)
class Changed:
    """A product after a change, and what was before."""

    product: Product
    price_before_cents: int
    stock_before: int


class Merchant:
    """Changes of the catalogue. New names are indexed and embedded in the transaction that adds them."""

    def __init__(self, lexicons: LexiconStore, embedder: Embedder | None) -> None:
        self._lexicons = lexicons
        self._embedder = embedder

    async def add_product(self, conn: AsyncConnection, actor: Actor, new: NewProduct) -> Product:
        """Puts a product on sale; its kind and category are found from its name if they are not given.

        Raises:
            NotAllowed: Not the merchant. ``InvalidInput``: bad name, price or stock.
            WrongState: A product of this name is on sale already.
        """
        actor.need_merchant()
        name = checked_text(new.name, "name", MAX_NAME_LENGTH)
        checked_price(new.price_cents)
        checked_stock(new.stock)
        await conn.execute(_LOCK_TENANT, {"tenant": actor.tenant})
        await self._check_name_is_free(conn, actor, name)
        sku = (await conn.execute(_NEW_SKU, {"tenant": actor.tenant})).scalar_one()
        row = await self._row(conn, actor, name, new) | {"sku": sku, "price_cents": new.price_cents}
        await self._insert(conn, actor, row, new.stock)
        await audit.record(conn, actor, "add_product", sku, name=name, price_cents=new.price_cents, stock=new.stock)
        product = await load_product(conn, actor.tenant, sku)
        await add_events(conn, [product_changed(actor.tenant, product)])
        return product

    async def _check_name_is_free(self, conn: AsyncConnection, actor: Actor, name: str) -> None:
        taken = text("SELECT 1 FROM products WHERE tenant = :tenant AND name_zh = :name AND NOT delisted")
        if (await conn.execute(taken, {"tenant": actor.tenant, "name": name})).first():
            raise WrongState(f"a product named {name!r} is on sale already", reason="name_taken")

    async def _row(self, conn: AsyncConnection, actor: Actor, name: str, new: NewProduct) -> dict[str, object]:
        kind, category, department = await self._place(conn, actor, name, new.category)
        unit = checked_text(new.unit, "unit", 64, required=False)
        brand = checked_text(new.brand, "brand", 64, required=False)
        return {
            "name_zh": name,
            "name_en": name if name.isascii() else "",
            "brand_zh": brand,
            "brand_en": brand if brand.isascii() else "",
            "department": department,
            "category": category,
            "kind": kind,
            "unit_zh": unit,
            "unit_en": unit,
            "aliases": [],
            "attributes": [],
            "description_zh": describe(name, unit, (), "zh"),
            "description_en": describe(name, unit, (), "en"),
        }

    async def _place(self, conn: AsyncConnection, actor: Actor, name: str, category: str) -> tuple[str, str, str]:
        """Kind, category and department by the category given, else by the head noun of the name."""
        given = checked_text(category, "category", 64, required=False)
        lexicon = await self._lexicons.get(conn, actor.tenant, name, given)
        for words in filter(None, (name, given)):
            reading = lexicon.read(words)
            known = taxonomy()
            kinds = [code for code in sorted(reading.kinds) if code in known.kinds]
            if kinds and reading.is_exact:
                parent = known.kinds[kinds[0]].parent
                return kinds[0], parent, known.categories[parent].parent
        for sense in lexicon.senses(given):
            if sense.type in (KIND, CATEGORY) and sense.target in taxonomy().categories:
                return given, sense.target, taxonomy().categories[sense.target].parent
        return given or name, given, given

    async def _insert(self, conn: AsyncConnection, actor: Actor, row: dict[str, object], units: int) -> None:
        tenant = {"tenant": actor.tenant}
        await conn.execute(schema.products.insert(), tenant | row | search_fields(row))
        await self._embed(conn, actor.tenant, row)
        place = tenant | {"sku": row["sku"], "variant_id": ""}
        await conn.execute(schema.variants.insert(), place)
        await conn.execute(schema.stock.insert(), place | {"available": units})

    async def update_product(self, conn: AsyncConnection, actor: Actor, change: ProductChange) -> Changed:
        """Changes price, stock, name or limits.

        Raises:
            NotAllowed: Not the merchant, or a change of the price that needs approval. ``NotFound``: no such product or
                variant. ``InvalidInput``: nothing to change, or a value that cannot be.
            WrongState: Delisted, a price below the floor, or one that a timed price would undo.
        """
        actor.need_merchant()
        if change.is_empty:
            raise InvalidInput("nothing to change: give a price, a stock, a name, a threshold or a floor")
        before = await _locked(conn, actor, change.sku)
        values = _limits(change)
        if "price_floor_cents" in values:
            await _write(conn, actor, change.sku, values)
        if change.price is not None:
            cents = checked_price(apply_change(before.price_cents, change.price))
            await check_direct_price(conn, actor, before, cents)
            values["price_cents"] = cents
        if change.name_zh is not None:
            values |= await self._renamed(conn, actor, before, change.name_zh)
        if change.stock is not None:
            await _change_stock(conn, actor, before, change)
        await _write(conn, actor, change.sku, values | {"version": before.version + 1})
        if "low_stock_threshold" in values:
            await conn.execute(NOTE_LOW, {"tenant": actor.tenant, "sku": change.sku})
        product = await load_product(conn, actor.tenant, change.sku)
        if change.name_zh is not None:
            await self._embed(conn, actor.tenant, embedded_fields(product))
        await audit.record(
            conn,
            actor,
            "update_product",
            change.sku,
            price_cents=[before.price_cents, product.price_cents],
            stock=[before.stock, product.stock],
            name=[before.name_zh, product.name_zh],
            **_limits(change),
        )
        await add_events(conn, [product_changed(actor.tenant, product)])
        return Changed(product, before.price_cents, before.stock)

    async def _renamed(self, conn: AsyncConnection, actor: Actor, product: Product, name: str) -> dict[str, object]:
        """The columns that follow from a new name."""
        name = checked_text(name, "name_zh", MAX_NAME_LENGTH)
        if name != product.name_zh:
            await self._check_name_is_free(conn, actor, name)
        row = {field: getattr(product, field) for field in ("name_en", "brand_zh", "brand_en", "unit_zh", "unit_en")}
        row |= {"kind": product.kind, "category": product.category, "department": product.department}
        row |= {"name_zh": name, "aliases": list(product.aliases), "attributes": list(product.attributes)}
        values: dict[str, object] = {"name_zh": name} | search_fields(row)
        values["description_zh"] = describe(name, product.unit_zh, product.attributes, "zh")
        return values

    async def _embed(self, conn: AsyncConnection, tenant: str, row: dict[str, object]) -> None:
        """Makes a product findable by meaning; without an encoder its embedding is waited for."""
        if self._embedder is not None:
            vector = (await self._embedder.passages([passage(row)]))[0]
            await store_vectors(conn, tenant, {str(row["sku"]): vector})

    async def delist_product(self, conn: AsyncConnection, actor: Actor, sku: str) -> Product:
        """Takes a product off sale; orders that hold it stay as they are.

        Raises:
            NotAllowed: Not the merchant. ``NotFound``: no such product. ``WrongState``: delisted already.
        """
        actor.need_merchant()
        before = await _locked(conn, actor, sku)
        await _write(conn, actor, sku, {"delisted": True, "version": before.version + 1})
        await audit.record(conn, actor, "delist_product", sku, name=before.name_zh)
        product = await load_product(conn, actor.tenant, sku)
        await add_events(conn, [product_changed(actor.tenant, product)])
        return product


async def _locked(conn: AsyncConnection, actor: Actor, sku: str) -> Product:
    """A product on sale, locked until the transaction ends."""
    product = await lock_product(conn, actor.tenant, sku)
    if product.delisted:
        raise WrongState(f"{product.name_zh} is delisted", reason="delisted")
    return product


async def _write(conn: AsyncConnection, actor: Actor, sku: str, values: dict[str, object]) -> None:
    place = (schema.products.c.tenant == actor.tenant, schema.products.c.sku == sku)
    await conn.execute(schema.products.update().where(*place).values(**values))


def _limits(change: ProductChange) -> dict[str, object]:
    """The columns of a new threshold and a new floor.

    Raises:
        InvalidInput: One that cannot be.
    """
    values: dict[str, object] = {}
    if change.low_stock_threshold is not None:
        own = change.low_stock_threshold != SHOPS_THRESHOLD
        values["low_stock_threshold"] = checked_threshold(change.low_stock_threshold) if own else None
    if change.price_floor_cents is not None:
        if not 0 <= change.price_floor_cents <= MAX_PRICE_CENTS:
            raise InvalidInput(f"price_floor_cents must be 0 to {MAX_PRICE_CENTS}", field="price_floor_cents")
        values["price_floor_cents"] = change.price_floor_cents
    return values


async def _change_stock(conn: AsyncConnection, actor: Actor, product: Product, change: ProductChange) -> None:
    """Changes one variant, or the sum of all: the first variant takes the difference, then the next."""
    place = {"tenant": actor.tenant, "sku": product.sku}
    current = {row.variant_id: row.available for row in await conn.execute(_LOCK_STOCK, place)}
    order = [v.variant_id for v in product.variants]
    if change.variant_id:
        if change.variant_id not in current:
            raise NotFound(f"{product.name_zh} has no variant {change.variant_id!r}")
        order = [change.variant_id]
    now = sum(current[variant_id] for variant_id in order)
    difference = checked_stock(apply_change(now, change.stock)) - now
    for variant_id in order:
        step = max(difference, -current[variant_id])
        if step:
            values = place | {"variant_id": variant_id, "available": current[variant_id] + step}
            await conn.execute(_SET_STOCK, values)
        difference -= step


async def list_low_stock(conn: AsyncConnection, actor: Actor, threshold: int, page: PageRequest) -> Page:
    """Products on sale with few units over all variants, the fewest first.

    Args:
        threshold: At most so many; 0 goes by each product's threshold, else the shop's, as the event does.

    Raises:
        NotAllowed: Not the merchant.
    """
    actor.need_merchant()
    if threshold < 0:
        raise InvalidInput("threshold must not be negative")
    values: dict[str, Any] = {"tenant": actor.tenant, "threshold": threshold or None, "limit": page.size + 1}
    total = (await conn.execute(text(f"SELECT count(*) {_LOW}"), values)).scalar_one()
    units, sold, sku = page.after or (None, None, None)
    rows = list(await conn.execute(_FEWEST, values | {"units": units, "sold": sold, "sku": sku}))
    products = await load_products(conn, actor.tenant, [row.sku for row in rows])
    found = page.of_rows(rows, total, lambda row: (int(row.units), row.units_sold, row.sku))
    return replace(found, items=tuple(products[row.sku] for row in found.items))
