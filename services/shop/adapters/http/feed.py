"""The platform's catalogue on the bus, so that asr, nlu, recsys and tts learn its products.

The platform keeps a list of changes: ``GET /changes?cursor=...&limit=...``. At start it is read from its beginning,
which is the whole catalogue; then it is asked again and again from where it was, and at once when the platform says by
a signed webhook that there is something new. Event ids are made of the product's version, so that what is read twice,
or by two processes, is one event for those who listen.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.struct_pb2 import Struct

from voxcart.bus.base import Bus, TopicPartition
from voxcart.bus.envelope import make_envelope
from voxcart.bus.topics import CATALOGUE
from voxcart.errors import VoxcartError
from voxcart.telemetry.logs import get_logger
from voxcart_api.bus.v1.bus_pb2 import Envelope, ProductChanged
from voxcart_api.shop.v1 import shop_pb2 as pb
from voxcart_services.shop.adapters.http.answers import PlatformFault
from voxcart_services.shop.adapters.http.checks import check_product
from voxcart_services.shop.adapters.http.client import HttpRequest, PlatformClient
from voxcart_services.shop.adapters.http.json_form import BadJson, from_json
from voxcart_services.shop.adapters.http.metrics import FEED_FAILURES_TOTAL, FEED_PRODUCTS_TOTAL
from voxcart_services.shop.adapters.http.platform import Platform, actor_headers
from voxcart_services.shop.models import Actor, Role

log = get_logger(__name__)

BATCH = 200
PUBLISH_SECONDS = 2.0
MAX_CURSOR_LENGTH = 512


@dataclass(frozen=True, slots=True)
class Changes:
    """A part of the list of changes: (version, product), and where it goes on."""

    products: Sequence[tuple[int, pb.Product]]
    next_cursor: str
    has_more: bool


class CatalogueFeed:
    """Follows the changes of one tenant's catalogue.

    Attributes:
        tenant: Whose.
    """

    def __init__(self, client: PlatformClient, platform: Platform, bus: Bus, tenant: str, poll_seconds: float) -> None:
        self._client = client
        self._platform = platform
        self._bus = bus
        self.tenant = tenant
        self._poll_seconds = poll_seconds
        self._cursor = ""
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Says that there may be changes."""
        self._woken.set()

    async def run(self) -> None:
        """Takes changes over until cancelled; waits out an absent platform or bus."""
        while True:
            self._woken.clear()
            try:
                await self._begin_again_if_lost()
                while await self.take_over():
                    pass
            except VoxcartError as error:
                FEED_FAILURES_TOTAL.inc()
                log.warning("changes of the catalogue wait", code=error.code.name, reason=str(error))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._poll_seconds):
                    await self._woken.wait()

    async def take_over(self) -> bool:
        """Publishes the next changes; whether there are more. The cursor moves when the bus has them all."""
        changes = await self._read()
        for version, product in changes.products:
            key, envelope = product_event(self.tenant, product, version)
            await self._bus.publish(CATALOGUE, key, envelope, timeout_s=PUBLISH_SECONDS)
            FEED_PRODUCTS_TOTAL.inc()
        if changes.has_more and changes.next_cursor == self._cursor:
            raise PlatformFault("GET /changes has more, but does not move on")
        self._cursor = changes.next_cursor
        return changes.has_more

    async def _begin_again_if_lost(self) -> None:
        """Reads the list from its beginning if the broker has no catalogue (any more)."""
        places = [TopicPartition(CATALOGUE.name, index) for index in range(self._bus.num_partitions)]
        if not any((await self._bus.end_offsets(places)).values()):
            self._cursor = ""

    async def _read(self) -> Changes:
        query = (("limit", str(BATCH)), *((("cursor", self._cursor),) if self._cursor else ()))
        headers = actor_headers(Actor(self.tenant, "", Role.SHOPPER))
        request = HttpRequest("Changes", "GET", "/changes", headers, query)
        return await self._client.send(request, lambda answer: read_changes(answer.body, self._platform.currency))


def read_changes(values: Any, currency: str) -> Changes:
    """A part of the list from plain values.

    Raises:
        PlatformFault: It has not the form of one, or holds a product that cannot be.
    """
    changes = values.get("changes") if isinstance(values, dict) else None
    if not isinstance(changes, list) or len(changes) > BATCH:
        raise PlatformFault(f"changes is no list of at most {BATCH}")
    cursor, has_more = values.get("next_cursor"), values.get("has_more", False)
    if not isinstance(cursor, str) or len(cursor) > MAX_CURSOR_LENGTH or not isinstance(has_more, bool):
        raise PlatformFault("changes has no next_cursor and has_more")
    found = []
    for change in changes:
        version = change.get("version") if isinstance(change, dict) else None
        if not isinstance(version, int) or isinstance(version, bool) or version < 0:
            raise PlatformFault("a change has no version")
        try:
            product = from_json(change.get("product"), pb.Product)
        except BadJson as error:
            raise PlatformFault(str(error)) from error
        check_product(product, currency)
        found.append((version, product))
    return Changes(found, cursor, has_more)


def product_event(tenant: str, product: pb.Product, version: int) -> tuple[str, Envelope]:
    """A product for the compacted catalogue topic, with its key."""
    changed = ProductChanged(
        tenant=tenant,
        sku=product.sku,
        delisted=product.delisted,
        name_zh=product.name_zh,
        name_en=product.name_en,
        brand=product.brand,
        category=product.category,
        price=product.price,
        unit=product.unit,
        stock=product.stock,
        aliases=product.aliases,
        units_sold=product.units_sold,
        attributes=_attributes(product),
    )
    if product.HasField("rating"):
        changed.rating = product.rating
    event_id = f"product/{tenant}/{product.sku}/{version}"
    return f"{tenant}/{product.sku}", make_envelope(None, changed, event_id=event_id)


def _attributes(product: pb.Product) -> Struct:
    """Facts by name, the choices there are, and what the product is called by its kind."""
    attributes = Struct()
    attributes.CopyFrom(product.attributes)
    choices = {
        "colors": [v.color for v in product.variants if v.color],
        "color_codes": [v.color_code for v in product.variants if v.color_code],
        "sizes": [v.size for v in product.variants if v.size],
    }
    attributes.update({name: list(dict.fromkeys(values)) for name, values in choices.items() if values})
    names = ("kind", "kind_en", "measure_word", "category_en", "department", "brand_en")
    attributes.update({name: getattr(product, name) for name in names})
    groups = (product.category, product.category_en, product.department, product.department_en)
    attributes["category_aliases"] = list(dict.fromkeys(word for word in groups if word))
    return attributes
