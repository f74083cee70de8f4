"""The demo catalogue and FAQ files as table rows, ready for seeding."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from voxcart_services.shop.products import DATA, describe, taxonomy, variant_id_of
from voxcart_services.shop.search_fields import search_fields
from voxcart_services.shop.text import index_terms


@dataclass(frozen=True, slots=True)
class CatalogueRow:
    """A product of the file.

    Attributes:
        product: Columns of ``products`` without tenant, units sold and times.
        variants: Columns of ``variants`` and the stock, at least one.
        popularity: How often it is bought, relative to the others.
        rating: Mean stars its reviews shall come to.
    """

    product: dict[str, Any]
    variants: tuple[dict[str, Any], ...]
    popularity: float
    rating: float


def read_catalogue() -> list[CatalogueRow]:
    """All products of ``data/catalogue.jsonl``."""
    return [_catalogue_row(record) for record in _lines("catalogue.jsonl")]


def read_faq() -> list[dict[str, Any]]:
    """All documents of ``data/faq.jsonl``, each with its ``questions``: number, language, text and terms."""
    documents = []
    for record in _lines("faq.jsonl"):
        asked = [("zh", record["title_zh"]), *(("zh", q) for q in record["questions_zh"])]
        asked += [("en", record["title_en"]), *(("en", q) for q in record["questions_en"])]
        questions = [
            {"number": number, "language": language, "question": question, "terms": index_terms(question)}
            for number, (language, question) in enumerate(asked)
        ]
        names = ("id", "title_zh", "title_en", "answer_zh", "answer_en")
        documents.append({name: record[name] for name in names} | {"questions": questions})
    return documents


def _lines(name: str) -> Iterator[dict[str, Any]]:
    for line in (DATA / name).read_text(encoding="utf-8").splitlines():
        yield json.loads(line)


def _catalogue_row(record: dict[str, Any]) -> CatalogueRow:
    kind = taxonomy().kinds[record["kind"]]
    category = taxonomy().categories[kind.parent]
    attributes = record["attributes"]
    product = {
        "sku": record["sku"],
        "name_zh": record["name_zh"],
        "name_en": record["name_en"],
        "brand_zh": record["brand_zh"],
        "brand_en": record["brand_en"],
        "department": category.parent,
        "category": category.code,
        "kind": kind.code,
        "unit_zh": record["unit_zh"],
        "unit_en": record["unit_en"],
        "price_cents": record["price_cents"],
        "aliases": record["aliases"],
        "attributes": attributes,
        "description_zh": describe(record["name_zh"], record["unit_zh"], attributes, "zh"),
        "description_en": describe(record["name_en"], record["unit_en"], attributes, "en"),
    }
    variants = tuple(
        {
            "variant_id": variant_id_of(v["color_code"], v["size"]),
            "position": position,
            "color": v["color"],
            "color_code": v["color_code"],
            "size": v["size"],
            "stock": v["stock"],
        }
        for position, v in enumerate(record["variants"])
    )
    return CatalogueRow(product | search_fields(product), variants, record["popularity"], record["rating"])
