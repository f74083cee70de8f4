"""Checking the records of a catalogue file, and making the rows of products and variants from them."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from voxcart_services.shop.catalogue_records import BadRecord
from voxcart_services.shop.lexicon_store import taxonomy_lexicon
from voxcart_services.shop.models import MAX_ID_LENGTH
from voxcart_services.shop.pricing import MAX_PRICE_CENTS, MAX_STOCK
from voxcart_services.shop.products import describe, taxonomy, variant_id_of
from voxcart_services.shop.search_fields import search_fields
from voxcart_services.shop.text import COLOR_CODES

MAX_NAME = 200
MAX_WORD = 64
MAX_ATTRIBUTES = 50
MAX_ALIASES = 50
MAX_VARIANTS = 200


@dataclass(frozen=True, slots=True)
class ProductRow:
    """A product of a file: columns of ``products`` without tenant and times, and its variants with stock.

    ``variants`` is ``None`` where the file says nothing of variants or stock.
    """

    product: dict[str, Any]
    variants: tuple[dict[str, Any], ...] | None


def product_row(fields: dict[str, Any]) -> ProductRow:
    """Checks a record and makes its row.

    ===================== ==============================================================================
    field                 content
    ===================== ==============================================================================
    ``sku``               required, up to 128 characters
    ``name_zh``           required; ``name`` is the same
    ``price_cents``       required, an integer; or ``price``, a decimal number of yuan
    ``name_en``           and ``brand_zh`` (or ``brand``), ``brand_en``, ``unit_zh`` (or ``unit``),
                          ``unit_en``, ``description_zh``, ``description_en``: text, may be missing
    ``kind``              code or name of the kind of goods; found from the name if it is missing
    ``category``          and ``department``: taken from the kind where it is known
    ``stock``             units, if there are no variants
    ``rating``            0 to 5, and ``units_sold``; for new products
    ``aliases``           list, or words separated by ``|``
    ``attributes``        list of zh, en, value_zh, value_en; or ``材质=纯棉;产地=山东``
    ``variants``          list of color, color_code, size, stock
    ===================== ==============================================================================

    Raises:
        BadRecord: A field is missing or cannot be; the sentence names it.
    """
    name = _text(fields, "name_zh", MAX_NAME) or _text(fields, "name", MAX_NAME)
    sku = _text(fields, "sku", MAX_ID_LENGTH)
    if not sku:
        raise BadRecord("sku is missing")
    if not name:
        raise BadRecord("name_zh is missing")
    kind, category, department = _place(name, fields)
    attributes = _attributes(fields.get("attributes"))
    unit_zh, unit_en = _text(fields, "unit_zh") or _text(fields, "unit"), _text(fields, "unit_en")
    name_en = _text(fields, "name_en", MAX_NAME) or (name if name.isascii() else "")
    product = {
        "sku": sku,
        "name_zh": name,
        "name_en": name_en,
        "brand_zh": _text(fields, "brand_zh") or _text(fields, "brand"),
        "brand_en": _text(fields, "brand_en"),
        "department": department,
        "category": category,
        "kind": kind,
        "unit_zh": unit_zh,
        "unit_en": unit_en or (unit_zh if unit_zh.isascii() else ""),
        "price_cents": _price(fields),
        "rating": _number(fields, "rating", 5.0),
        "units_sold": _integer(fields, "units_sold", 2**53) or 0,
        "aliases": _aliases(fields.get("aliases")),
        "attributes": attributes,
        "description_zh": _text(fields, "description_zh", 1000) or describe(name, unit_zh, attributes, "zh"),
        "description_en": _text(fields, "description_en", 1000) or describe(name_en, unit_en, attributes, "en"),
    }
    return ProductRow(product | search_fields(product), _variants(fields))


def _text(fields: dict[str, Any], name: str, longest: int = MAX_WORD) -> str:
    return checked_word(fields.get(name), name, longest)


def checked_word(value: Any, name: str, longest: int = MAX_WORD) -> str:
    """A text of a record; empty if there is none.

    Raises:
        BadRecord: It is no text, too long, or has control characters.
    """
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise BadRecord(f"{name} is no text")
    value = value.strip()
    if len(value) > longest:
        raise BadRecord(f"{name} is longer than {longest} characters")
    if not value.isprintable():
        raise BadRecord(f"{name} has control characters")
    return value


def _price(fields: dict[str, Any]) -> int:
    given = fields.get("price_cents")
    if given not in (None, ""):
        return _integer(fields, "price_cents", MAX_PRICE_CENTS) or 0
    if fields.get("price") in (None, ""):
        raise BadRecord("price_cents or price is missing")
    cents = _decimal(fields["price"], "price") * 100
    if cents != cents.to_integral_value():
        raise BadRecord("price has more than two decimals")
    if not 0 <= cents <= MAX_PRICE_CENTS:
        raise BadRecord(f"price must be 0 to {MAX_PRICE_CENTS // 100}")
    return int(cents)


def _decimal(value: Any, name: str) -> Decimal:
    try:
        number = Decimal(str(value).strip()) if not isinstance(value, bool) else Decimal("NaN")
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise BadRecord(f"{name} is no number: {str(value)[:40]!r}")
    return number


def _integer(fields: dict[str, Any], name: str, most: int) -> int | None:
    if fields.get(name) in (None, ""):
        return None
    number = _decimal(fields[name], name)
    if not 0 <= number <= most or number != number.to_integral_value():
        raise BadRecord(f"{name} must be a whole number from 0 to {most}")
    return int(number)


def _number(fields: dict[str, Any], name: str, most: float) -> float | None:
    if fields.get(name) in (None, ""):
        return None
    number = float(_decimal(fields[name], name))
    if not math.isfinite(number) or not 0 <= number <= most:
        raise BadRecord(f"{name} must be 0 to {most:g}")
    return number


def _list(value: Any, name: str, most: int, split: Callable[[str], list[Any]]) -> list[Any]:
    """A list as it is, as JSON in a cell, or as the words of a cell."""
    if value in (None, ""):
        return []
    if isinstance(value, str):
        if value.startswith("["):
            try:
                value = json.loads(value)
            except (ValueError, RecursionError) as error:
                raise BadRecord(f"{name} is no JSON list") from error
        else:
            value = split(value)
    if not isinstance(value, list):
        raise BadRecord(f"{name} is no list")
    if len(value) > most:
        raise BadRecord(f"{name} has more than {most} elements")
    return value


def _aliases(value: Any) -> list[str]:
    words = _list(value, "aliases", MAX_ALIASES, lambda cell: cell.split("|"))
    return list(dict.fromkeys(filter(None, (checked_word(word, "aliases") for word in words))))


def _attributes(value: Any) -> list[dict[str, str]]:
    names = ("zh", "en", "value_zh", "value_en")
    found = []
    for item in _list(value, "attributes", MAX_ATTRIBUTES, _pairs):
        if not isinstance(item, dict):
            raise BadRecord("attributes must be objects with zh, en, value_zh and value_en")
        fact = {name: checked_word(item.get(name), f"attributes.{name}", MAX_NAME) for name in names}
        fact["zh"], fact["value_zh"] = fact["zh"] or fact["en"], fact["value_zh"] or fact["value_en"]
        fact["en"], fact["value_en"] = fact["en"] or fact["zh"], fact["value_en"] or fact["value_zh"]
        if not fact["zh"] or not fact["value_zh"]:
            raise BadRecord("an attribute needs a name and a value")
        found.append(fact)
    return found


def _pairs(cell: str) -> list[Any]:
    pairs = []
    for part in filter(None, (part.strip() for part in cell.replace("；", ";").split(";"))):
        name, equals, value = part.partition("=")
        if not equals:
            raise BadRecord(f"attributes: expected name=value, got {part[:40]!r}")
        pairs.append({"zh": name, "value_zh": value})
    return pairs


def _variants(fields: dict[str, Any]) -> tuple[dict[str, Any], ...] | None:
    listed = _list(fields.get("variants"), "variants", MAX_VARIANTS, lambda cell: [cell])
    stock = _integer(fields, "stock", MAX_STOCK)
    if not listed:
        return None if stock is None else (_variant({"stock": stock}, 0),)
    variants = [_variant(item, position) for position, item in enumerate(listed)]
    if len({variant["variant_id"] for variant in variants}) != len(variants):
        raise BadRecord("two variants have the same colour and size")
    return tuple(variants)


def _variant(item: Any, position: int) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise BadRecord("variants must be objects with color, color_code, size and stock")
    color, size = checked_word(item.get("color"), "variants.color"), checked_word(item.get("size"), "variants.size")
    code = checked_word(item.get("color_code"), "variants.color_code") or COLOR_CODES.get(color, color)
    return {
        "variant_id": variant_id_of(code, size),
        "position": position,
        "color": color,
        "color_code": code,
        "size": size,
        "stock": _integer(item, "stock", MAX_STOCK) or 0,
    }


def _place(name: str, fields: dict[str, Any]) -> tuple[str, str, str]:
    """Kind, category and department: by the kind given, else by the head noun of the name."""
    known = taxonomy()
    kind, category, department = (_text(fields, level) for level in ("kind", "category", "department"))
    code = kind if kind in known.kinds else _kind_named(kind) if kind else "" if category else _kind_of(name)
    if code:
        parent = known.kinds[code].parent
        return code, parent, known.categories[parent].parent
    if category in known.categories:
        return kind or category, category, known.categories[category].parent
    return kind or category, category or kind, department or category or kind


@lru_cache(maxsize=10_000)
def _kind_named(words: str) -> str:
    """The code of the kind that is called so; empty if there is none."""
    senses = [sense for sense in taxonomy_lexicon().senses(words) if sense.type == "kind" and sense.exact]
    return senses[0].target if len(senses) == 1 else ""


def _kind_of(name: str) -> str:
    reading = taxonomy_lexicon().read(name)
    return next(iter(reading.kinds)) if len(reading.kinds) == 1 and reading.is_exact else ""
