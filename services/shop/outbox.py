"""Events that leave with a change: rows written in its transaction, sent to the bus by the publisher afterwards."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from google.protobuf.struct_pb2 import Struct
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.bus.envelope import make_envelope
from voxcart.bus.topics import ALERTS, CATALOGUE, EVENTS, Topic
from voxcart_api.bus.v1.bus_pb2 import Envelope, LowStock, ProductChanged, UserEvent
from voxcart_api.common.v1.common_pb2 import Money, SessionContext
from voxcart_services.shop.models import Actor, Product
from voxcart_services.shop.pipelined import Statement
from voxcart_services.shop.products import category_names, department_names, kind_names, taxonomy

CURRENCY = "CNY"

_ADD_PIPELINED = (
    "INSERT INTO outbox (topic, key, envelope) "
    "SELECT * FROM unnest(%(topics)s::text[], %(keys)s::text[], %(envelopes)s::bytea[])"
)
_ADD = text(
    "INSERT INTO outbox (topic, key, envelope) SELECT * FROM unnest(CAST(:topics AS text[]), CAST(:keys AS text[]), "
    "CAST(:envelopes AS bytea[]))"
)


async def add_events(conn: AsyncConnection, rows: Iterable[tuple[Topic, str, Envelope]]) -> None:
    """Puts events (topic, key, envelope) into the outbox of this transaction."""
    values = _columns(rows)
    if values["topics"]:
        await conn.execute(_ADD, values)


def events_statement(rows: Iterable[tuple[Topic, str, Envelope]]) -> Statement:
    """:func:`add_events` as a statement for a pipeline."""
    return _ADD_PIPELINED, _columns(rows)


def _columns(rows: Iterable[tuple[Topic, str, Envelope]]) -> dict[str, Any]:
    events = list(rows)
    return {
        "topics": [topic.name for topic, _, _ in events],
        "keys": [key for _, key, _ in events],
        "envelopes": [envelope.SerializeToString() for _, _, envelope in events],
    }


def user_event(
    actor: Actor,
    kind: "UserEvent.Type",
    sku: str,
    *,
    event_id: str,
    quantity: int = 1,
    order_id: str = "",
    at: datetime | None = None,
) -> tuple[Topic, str, Envelope]:
    """Something a person did with a product; ``event_id`` is deterministic."""
    event = UserEvent(
        tenant=actor.tenant, user_id=actor.user_id, type=kind, sku=sku, quantity=quantity, order_id=order_id
    )
    if at is None:
        event.at.GetCurrentTime()
    else:
        event.at.FromDatetime(at)
    session = SessionContext(tenant=actor.tenant, user_id=actor.user_id)
    envelope = make_envelope(session, event, event_id=event_id, occurred_at=event.at)
    return EVENTS, actor.user_id, envelope


def product_changed(tenant: str, product: Product) -> tuple[Topic, str, Envelope]:
    """A product as it is now, for the compacted catalogue topic."""
    kind_zh, kind_en, measure_word = kind_names(product)
    changed = ProductChanged(
        tenant=tenant,
        sku=product.sku,
        delisted=product.delisted,
        name_zh=product.name_zh,
        name_en=product.name_en,
        brand=product.brand_zh,
        category=category_names(product)[0],
        price=Money(currency=CURRENCY, cents=product.price_cents),
        unit=product.unit_zh,
        stock=product.stock,
        attributes=product_attributes(product),
        aliases=spoken_names(product),
        units_sold=product.units_sold,
    )
    changed.attributes.update(
        {
            "kind": kind_zh,
            "kind_en": kind_en,
            "measure_word": measure_word,
            "category_en": category_names(product)[1],
            "department": department_names(product)[0],
            "brand_en": product.brand_en,
            "category_aliases": group_aliases(product),
        }
    )
    if product.rating is not None:
        changed.rating = product.rating
    event_id = f"product/{tenant}/{product.sku}/{product.version}"
    return CATALOGUE, f"{tenant}/{product.sku}", make_envelope(None, changed, event_id=event_id)


def low_stock(row: Any) -> tuple[Topic, str, Envelope]:
    """That a product has fallen to its threshold; from a row of ``low_stock_crossings`` with its names."""
    event = LowStock(
        tenant=row.tenant,
        sku=row.sku,
        name_zh=row.name_zh,
        name_en=row.name_en,
        stock=row.units,
        threshold=row.threshold,
    )
    event.at.FromDatetime(row.at)
    event_id = f"low-stock/{row.tenant}/{row.sku}/{row.crossing_id}"
    return ALERTS, f"{row.tenant}/{row.sku}", make_envelope(None, event, event_id=event_id, occurred_at=event.at)


def product_attributes(product: Product) -> Struct:
    """Facts by Chinese name, and the choices of colour and size as lists."""
    attributes = Struct()
    attributes.update({fact["zh"]: fact["value_zh"] for fact in product.attributes})
    colors = list(dict.fromkeys(v.color for v in product.variants if v.color))
    codes = list(dict.fromkeys(v.color_code for v in product.variants if v.color_code))
    sizes = list(dict.fromkeys(v.size for v in product.variants if v.size))
    if colors:
        attributes.update({"colors": colors, "color_codes": codes})
    if sizes:
        attributes.update({"sizes": sizes})
    return attributes


def spoken_names(product: Product) -> list[str]:
    """Short names people say, the head noun first: 苹果, then the words for it, then those of the product alone."""
    kind = taxonomy().kinds.get(product.kind)
    words = [kind.zh, kind.en, *kind.aliases] if kind else [product.kind]
    return [word for word in dict.fromkeys([*words, *product.aliases]) if word]


def group_aliases(product: Product) -> list[str]:
    """Words for the category and the department of a product: 水果, 生鲜, fruit."""
    groups = taxonomy().groups_of("", product.category, product.department)
    return list(dict.fromkeys(word for g in groups for word in (g.zh, g.en, *g.aliases)))
