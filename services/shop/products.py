"""Reading products, the taxonomy they stand in, and the sentence that describes them."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.errors import NotFound
from voxcart_services.shop.models import Product, Variant, checked_id
from voxcart_services.shop.pipelined import placeholders

DATA = Path(__file__).parent / "data"

_SELECT = """
SELECT p.sku, p.name_zh, p.name_en, p.brand_zh, p.brand_en, p.department, p.category, p.kind, p.unit_zh, p.unit_en,
       p.price_cents, p.rating, p.units_sold, p.aliases, p.attributes, p.description_zh, p.description_en, p.delisted,
       p.version,
       (SELECT json_agg(json_build_array(v.variant_id, v.color, v.color_code, v.size, s.available) ORDER BY v.position)
          FROM variants v JOIN stock s USING (tenant, sku, variant_id)
         WHERE v.tenant = p.tenant AND v.sku = p.sku) AS variants
  FROM products p
 WHERE p.tenant = :tenant AND {condition}
"""
_BY_SKUS = text(_SELECT.format(condition="p.sku = ANY(:skus)"))
IN_CART = placeholders(
    _SELECT.format(
        condition="p.sku = ANY(ARRAY(SELECT c.sku FROM cart_lines c WHERE c.tenant = :tenant "
        "AND c.user_id = :user_id UNION SELECT :sku))"
    )
)
"""The products of a user's cart and one more, as a statement for a pipeline."""
_ALL = text(_SELECT.format(condition="TRUE") + " ORDER BY p.sku")
_LOCK = text("SELECT 1 FROM products WHERE tenant = :tenant AND sku = :sku FOR NO KEY UPDATE")


@dataclass(frozen=True, slots=True)
class Group:
    """A node of the taxonomy: a kind of goods, a category or a department, with all the words for it."""

    code: str
    parent: str
    zh: str
    en: str
    aliases: tuple[str, ...]
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """Departments, categories in them, and kinds of goods in those, by code."""

    departments: dict[str, Group]
    categories: dict[str, Group]
    kinds: dict[str, Group] = field(default_factory=dict)

    def groups_of(self, product_kind: str, category: str, department: str) -> list[Group]:
        """The groups a product is in; codes that are not in the taxonomy are names given by a merchant."""
        found = (self.kinds.get(product_kind), self.categories.get(category), self.departments.get(department))
        return [group for group in found if group]


@lru_cache(maxsize=1)
def taxonomy() -> Taxonomy:
    """The taxonomy of the demo catalogue, read once."""
    data = json.loads((DATA / "taxonomy.json").read_text(encoding="utf-8"))
    return Taxonomy(
        departments={row["code"]: _group(row, "") for row in data["departments"]},
        categories={row["code"]: _group(row, row["department"]) for row in data["groups"]},
        kinds={row["code"]: _group(row, row["group"]) for row in data["kinds"]},
    )


def _group(row: dict[str, Any], parent: str) -> Group:
    return Group(row["code"], parent, row["zh"], row["en"], tuple(row["aliases"]), row.get("unit", ""))


def category_names(product: Product) -> tuple[str, str]:
    """Chinese and English name of a product's category."""
    return _names(taxonomy().categories, product.category)


def department_names(product: Product) -> tuple[str, str]:
    """Chinese and English name of a product's department."""
    return _names(taxonomy().departments, product.department)


def kind_names(product: Product) -> tuple[str, str, str]:
    """Chinese and English head noun of a product, and the Chinese measure word for it; empty if unknown."""
    kind = taxonomy().kinds.get(product.kind)
    return (kind.zh, kind.en, kind.unit) if kind else (product.kind, product.kind, "")


def group_names(code: str) -> tuple[str, str]:
    """Chinese and English name of a category."""
    return _names(taxonomy().categories, code)


def _names(groups: dict[str, Group], code: str) -> tuple[str, str]:
    group = groups.get(code)
    return (group.zh, group.en) if group else (code, code)


async def load_products(conn: AsyncConnection, tenant: str, skus: Iterable[str]) -> dict[str, Product]:
    """Products by SKU, delisted ones included; unknown SKUs are left out."""
    wanted = sorted(set(skus))
    if not wanted:
        return {}
    rows = await conn.execute(_BY_SKUS, {"tenant": tenant, "skus": wanted})
    return {row.sku: read_product(row) for row in rows}


async def load_all_products(conn: AsyncConnection, tenant: str) -> list[Product]:
    """The whole catalogue."""
    return [read_product(row) for row in await conn.execute(_ALL, {"tenant": tenant})]


async def load_product(conn: AsyncConnection, tenant: str, sku: str) -> Product:
    """One product.

    Raises:
        NotFound: There is none with this SKU.
    """
    checked_id(sku, "sku")
    found = await load_products(conn, tenant, [sku])
    if sku not in found:
        raise NotFound(f"there is no product {sku!r}")
    return found[sku]


async def lock_product(conn: AsyncConnection, tenant: str, sku: str) -> Product:
    """One product, locked until the transaction ends.

    Raises:
        NotFound: There is none with this SKU.
    """
    await conn.execute(_LOCK, {"tenant": tenant, "sku": checked_id(sku, "sku")})
    return await load_product(conn, tenant, sku)


def read_product(row: Any) -> Product:
    """A product from its row."""
    return Product(
        sku=row.sku,
        name_zh=row.name_zh,
        name_en=row.name_en,
        brand_zh=row.brand_zh,
        brand_en=row.brand_en,
        department=row.department,
        category=row.category,
        kind=row.kind,
        unit_zh=row.unit_zh,
        unit_en=row.unit_en,
        price_cents=row.price_cents,
        rating=row.rating,
        units_sold=row.units_sold,
        aliases=tuple(row.aliases),
        attributes=tuple(row.attributes),
        description_zh=row.description_zh,
        description_en=row.description_en,
        delisted=row.delisted,
        version=row.version,
        variants=tuple(Variant(*values) for values in row.variants or ()),
    )


def variant_id_of(color_code: str, size: str) -> str:
    """The id of a choice: ``red-L``, ``black``, ``42``; empty if there is no choice."""
    return "-".join(part for part in (color_code, size) if part)


def describe(name: str, unit: str, attributes: Sequence[dict[str, str]], language: str) -> str:
    """One speakable sentence about a product, without its price."""
    if language == "en":
        facts = [f"{a['en']}: {a['value_en']}" for a in attributes[:3]]
        return f"{name}, {unit}; " + "; ".join(facts) + "." if facts else f"{name}, {unit}."
    facts = [f"{a['zh']}{a['value_zh']}" for a in attributes[:3]]
    return "，".join([part for part in (name, unit) if part] + facts) + "。"
