"""Facets: how many of the products that were found have which brand, category, kind, colour or price."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart_services.shop.models import Facet, FacetValue
from voxcart_services.shop.products import Group, taxonomy

MAX_VALUES = 20
"""Values of a facet, the most frequent first."""
PRICE_STEPS_CENTS = (5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000)
"""Where one price range ends and the next begins."""

_VALUES = {
    "brand": "SELECT p.brand_zh AS value, count(*) AS products FROM products p WHERE {found} AND p.brand_zh <> ''",
    "category": "SELECT p.category AS value, count(*) AS products FROM products p WHERE {found}",
    "kind": "SELECT p.kind AS value, count(*) AS products FROM products p WHERE {found}",
    "color": (
        "SELECT p.color_code AS value, count(DISTINCT p.sku) AS products FROM variants p "
        "WHERE {found} AND p.color_code <> ''"
    ),
    "price": (
        "SELECT CAST(width_bucket(p.price_cents, CAST(:steps AS bigint[])) AS text) AS value, "
        "count(*) AS products FROM products p WHERE {found}"
    ),
}
FACETS = frozenset(_VALUES)
_COUNT = "{values} GROUP BY 1 ORDER BY products DESC, value LIMIT {limit}"


async def count_facets(
    conn: AsyncConnection, tenant: str, names: Sequence[str], skus: Sequence[str]
) -> tuple[Facet, ...]:
    """The facets that are asked for, over the products that were found."""
    facets = []
    for name in names:
        values = _VALUES[name].format(found="p.tenant = :tenant AND p.sku = ANY(:skus)")
        statement = text(_COUNT.format(values=values, limit=MAX_VALUES))
        parameters: dict[str, object] = {"tenant": tenant, "skus": list(skus)}
        if name == "price":
            parameters["steps"] = list(PRICE_STEPS_CENTS)
        rows = await conn.execute(statement, parameters)
        facets.append(Facet(name, tuple(_value(name, row.value, row.products) for row in rows)))
    return tuple(facets)


def _value(name: str, value: str, products: int) -> FacetValue:
    if name == "price":
        number = int(value)
        least = PRICE_STEPS_CENTS[number - 1] if number else 0
        most = PRICE_STEPS_CENTS[number] - 1 if number < len(PRICE_STEPS_CENTS) else None
        return FacetValue(f"{least}-{'' if most is None else most}", "", products, least, most)
    groups: dict[str, dict[str, Group]] = {"category": taxonomy().categories, "kind": taxonomy().kinds}
    group = groups.get(name, {}).get(value)
    return FacetValue(group.zh, group.en, products) if group else FacetValue(value, "", products)
