"""Products, carts and addresses as protobuf messages."""

from collections.abc import Iterable

from google.protobuf.struct_pb2 import Struct

from voxcart_api.shop.v1 import shop_pb2 as pb
from voxcart_services.shop import models
from voxcart_services.shop.codec.values import money
from voxcart_services.shop.merchant import Changed
from voxcart_services.shop.outbox import product_attributes, spoken_names
from voxcart_services.shop.paging import binding_of, make_token
from voxcart_services.shop.products import category_names, department_names, kind_names


def from_product(product: models.Product) -> pb.Product:
    """A product as clients see it."""
    kind_zh, kind_en, measure_word = kind_names(product)
    category, category_en = category_names(product)
    department, department_en = department_names(product)
    message = pb.Product(
        sku=product.sku,
        name_zh=product.name_zh,
        name_en=product.name_en,
        brand=product.brand_zh,
        category=category,
        category_en=category_en,
        price=money(product.price_cents),
        unit=product.unit_zh,
        stock=product.stock,
        rating=product.rating,
        units_sold=product.units_sold,
        variants=[_variant(v) for v in product.variants],
        attributes=product_attributes(product),
        aliases=spoken_names(product),
        description=product.description_zh,
        delisted=product.delisted,
        brand_en=product.brand_en,
        unit_en=product.unit_en,
        description_en=product.description_en,
        kind=kind_zh,
        kind_en=kind_en,
        measure_word=measure_word,
        department=department,
        department_en=department_en,
    )
    english = Struct()
    english.update({fact["en"]: fact["value_en"] for fact in product.attributes})
    message.attributes_en.CopyFrom(english)
    return message


def _variant(variant: models.Variant) -> pb.Variant:
    return pb.Variant(
        variant_id=variant.variant_id,
        color=variant.color,
        color_code=variant.color_code,
        size=variant.size,
        stock=variant.stock,
    )


def from_search(page: models.SearchPage, request: pb.SearchProductsRequest) -> pb.SearchProductsResponse:
    """A page of the hits of a request."""
    token = "" if page.next_offset is None else make_token(binding_of(request), [page.next_offset])
    found = pb.SearchProductsResponse(next_page_token=token, total=page.total)
    for hit in page.items:
        shown = found.hits.add(product=from_product(hit.product), score=hit.score, name_match=hit.name_match)
        if page.explanation is not None:
            shown.word_coverage = hit.coverage
            if hit.similarity is not None:
                shown.similarity = hit.similarity
    for facet in page.facets:
        counted = found.facets.add(name=facet.name)
        for value in facet.values:
            counted.values.add(
                value=value.value,
                label_en=value.label_en,
                count=value.products,
                price_min_cents=value.price_min_cents,
                price_max_cents=value.price_max_cents,
            )
    if page.explanation is not None:
        found.explanation.CopyFrom(_explanation(page.explanation))
    return found


def _explanation(told: models.SearchExplanation) -> pb.SearchExplanation:
    return pb.SearchExplanation(
        route=told.route, text=told.text, named=told.named, residual=told.residual, terms=told.terms
    )


def from_cart(lines: Iterable[models.CartLine]) -> pb.Cart:
    """The cart."""
    lines = list(lines)
    cart = pb.Cart(total=money(sum(line.total_cents for line in lines)))
    for line in lines:
        variant = line.variant
        cart.lines.add(
            line_id=line.line_id,
            product=from_product(line.product),
            variant_id=line.variant_id,
            quantity=line.quantity,
            unit_price=money(line.product.price_cents),
            total=money(line.total_cents),
            color=variant.color if variant else "",
            size=variant.size if variant else "",
        )
    return cart


def from_address(address: models.Address) -> pb.Address:
    """An address of the address book."""
    return pb.Address(**address.as_json(), is_default=address.is_default)


def from_changed(changed: Changed) -> pb.UpdateProductResponse:
    """A product after a change."""
    return pb.UpdateProductResponse(
        product=from_product(changed.product),
        price_before_cents=changed.price_before_cents,
        stock_before=changed.stock_before,
    )
