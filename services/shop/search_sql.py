"""Conditions and orders of product search as SQL text with named parameters; ``p`` is the product."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from voxcart_services.shop.lexicon import Lexicon, Reading
from voxcart_services.shop.models import SearchFilters
from voxcart_services.shop.text import compact, index_terms

MAX_PIECES = 12
"""Pieces of left-over text that rank."""

FIRST = {
    "relevance": "p.popularity DESC, p.units_sold DESC, p.sku",
    "price_asc": "p.price_cents, p.sku",
    "price_desc": "p.price_cents DESC, p.sku",
    "sales_desc": "p.popularity DESC, p.units_sold DESC, p.sku",
    "rating_desc": "p.rating DESC NULLS LAST, p.units_sold DESC, p.sku",
    "newest": "p.created_at DESC, p.sku",
}
"""Which candidates are looked at first, where there are too many; each has an index."""
LAST = {
    "relevance": "round(CAST(score AS numeric), 2) DESC, units_sold DESC, sku",
    "price_asc": "price_cents, score DESC, sku",
    "price_desc": "price_cents DESC, score DESC, sku",
    "sales_desc": "units_sold DESC, score DESC, sku",
    "rating_desc": "rating DESC NULLS LAST, units_sold DESC, sku",
    "newest": "created_at DESC, score DESC, sku",
}
"""The order of what is found."""


@dataclass(slots=True)
class Conditions:
    """Conditions that must all hold, and their parameters."""

    parts: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)

    def plus(self, *parts: str, **values: Any) -> "Conditions":
        """These and more."""
        return Conditions([*self.parts, *parts], self.values | values)

    @property
    def sql(self) -> str:
        """To stand behind ``WHERE``: on sale in the tenant, and all conditions."""
        return " AND ".join(["p.tenant = :tenant", "NOT p.delisted", *self.parts])


def filter_conditions(filters: SearchFilters, lexicon: Lexicon) -> Conditions:
    """What the filters ask for."""
    found = Conditions()
    if filters.price_min_cents is not None:
        found = found.plus("p.price_cents >= :price_min", price_min=filters.price_min_cents)
    if filters.price_max_cents is not None:
        found = found.plus("p.price_cents <= :price_max", price_max=filters.price_max_cents)
    if filters.brands:
        found = found.plus("p.brand_zh = ANY(:brands)", brands=_brands(filters.brands, lexicon))
    if filters.excluded_brands:
        excluded = _brands(filters.excluded_brands, lexicon)
        found = found.plus("NOT p.brand_zh = ANY(:excluded_brands)", excluded_brands=excluded)
    if filters.categories:
        found = _with_categories(found, filters.categories, lexicon)
    for number, word in enumerate(filters.attributes):
        part = f"strpos(p.search_text, :attribute_{number}) > 0"
        found = found.plus(part, **{f"attribute_{number}": compact(word)})
    return _with_variants(found, filters)


def filter_words(filters: SearchFilters) -> tuple[str, ...]:
    """The names in the filters that a lexicon must know to read them."""
    return (*filters.brands, *filters.excluded_brands, *filters.categories)


def _brands(names: Sequence[str], lexicon: Lexicon) -> list[str]:
    return sorted({brand for name in names for brand in lexicon.brands(name) or {name}})


def _with_categories(found: Conditions, names: Sequence[str], lexicon: Lexicon) -> Conditions:
    """Any of the named groups; a name that is none must occur in the product's text."""
    readings = [lexicon.goods(name) for name in names]
    wanted = Reading(
        kinds=frozenset().union(*(r.kinds for r in readings)),
        categories=frozenset().union(*(r.categories for r in readings)),
        departments=frozenset().union(*(r.departments for r in readings)),
    )
    parts, values = _goods(wanted, "in_goods")
    for number, reading in enumerate(readings):
        if not reading.has_target:
            parts.append(f"strpos(p.search_text, :category_{number}) > 0")
            values[f"category_{number}"] = reading.residual[0]
    return found.plus(f"({' OR '.join(parts)})", **values)


def _with_variants(found: Conditions, filters: SearchFilters) -> Conditions:
    """Colour, size and stock must be met by the same variant."""
    parts, values = [], {}
    if filters.colors:
        parts.append("v.color_code = ANY(:colors)")
        values["colors"] = list(filters.colors)
    if filters.sizes:
        parts.append("lower(v.size) = ANY(:sizes)")
        values["sizes"] = [size.lower() for size in filters.sizes]
    if filters.in_stock_only:
        parts.append("s.available > 0")
    if filters.excluded_colors:
        parts.append("NOT v.color_code = ANY(:excluded_colors)")
        values["excluded_colors"] = list(filters.excluded_colors)
    return found.plus(_variant(" AND ".join(parts)), **values) if parts else found


def in_color(found: Conditions, colors: Sequence[str]) -> Conditions:
    """With a variant in one of the colours."""
    return found.plus(_variant("v.color_code = ANY(:named_colors)"), named_colors=list(colors))


def _variant(condition: str) -> str:
    return (
        "EXISTS (SELECT 1 FROM variants v JOIN stock s USING (tenant, sku, variant_id) "
        f"WHERE v.tenant = :tenant AND v.sku = p.sku AND {condition})"
    )


def goods_conditions(found: Conditions, reading: Reading, *, with_brands: bool) -> Conditions:
    """Any of the products, kinds or groups that are named, of one of the brands that are."""
    parts, values = _goods(reading, "goods")
    if parts:
        found = found.plus(f"({' OR '.join(parts)})", **values)
    if with_brands and reading.brands:
        found = found.plus("p.brand_zh = ANY(:named_brands)", named_brands=sorted(reading.brands))
    return found


def _goods(reading: Reading, prefix: str) -> tuple[list[str], dict[str, Any]]:
    groups = {
        "p.sku": reading.skus,
        "p.kind": reading.kinds,
        "p.category": reading.categories,
        "p.department": reading.departments,
    }
    named = [(column, sorted(wanted)) for column, wanted in groups.items() if wanted]
    parts = [f"{column} = ANY(:{prefix}_{number})" for number, (column, _) in enumerate(named)]
    return parts, {f"{prefix}_{number}": wanted for number, (_, wanted) in enumerate(named)}


def coverage(pieces: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """Share of the left-over text that occurs in a product, 1 if none is left over; each piece by its length.

    A piece counts fully where it stands as it is, else 0.8 times its share of index terms.
    """
    pieces = pieces[:MAX_PIECES]
    if not pieces:
        return "1.0", {}
    values: dict[str, Any] = {}
    parts = []
    for number, piece in enumerate(pieces):
        terms = index_terms(piece)
        values |= {f"piece_{number}": piece, f"terms_{number}": terms}
        shared = f"0.8 * {shared_terms(f'terms_{number}')} / {len(terms)}" if terms else "0.0"
        parts.append(f"{len(piece)} * CASE WHEN strpos(p.search_text, :piece_{number}) > 0 THEN 1.0 ELSE {shared} END")
    total = sum(len(piece) for piece in pieces)
    return f"({' + '.join(parts)}) / {total}.0", values


def shared_terms(parameter: str) -> str:
    """How many of some terms a product has."""
    return f"(SELECT count(*) FROM unnest(CAST(:{parameter} AS text[])) AS t(term) WHERE t.term = ANY(p.search_terms))"
