"""Gazetteers of the tenants, kept up to date from product changes.

Changes come in bursts (a whole shop at start), so the index of a tenant is rebuilt in the background once the burst
paused, at most ``MAX_DELAY_SECONDS`` after its first change. Until then callers get the previous one.
"""

import asyncio
import time
from concurrent.futures import Executor

from voxcart.tenants import catalogue_tenant
from voxcart.text.scripts import simplify
from voxcart_api.bus.v1.bus_pb2 import ProductChanged
from voxcart_services.nlu.gazetteer import CatalogueProduct, Gazetteer
from voxcart_services.nlu.lexicon import Lexicon
from voxcart_services.nlu.metrics import CATALOGUE_PRODUCTS, GAZETTEER_BUILD_SECONDS

PAUSE_SECONDS = 0.3
MAX_DELAY_SECONDS = 3.0
_COLOR_KEYS = ("color", "colors", "颜色")
_MATERIAL_KEYS = ("material", "materials", "材质", "面料")
_MAX_ATTRIBUTE_CHARS = 12


class CatalogueIndex:
    """Products and gazetteers by tenant. Used from one event loop; gazetteers themselves are immutable."""

    def __init__(self, lexicon: Lexicon, executor: Executor) -> None:
        self._lexicon = lexicon
        self._executor = executor
        self._products: dict[str, dict[str, CatalogueProduct]] = {}
        self._gazetteers: dict[str, Gazetteer] = {}
        self._bare = Gazetteer(lexicon)
        self._dirty: set[str] = set()
        self._changed = asyncio.Event()

    def gazetteer(self, tenant: str) -> Gazetteer:
        """The newest index of the shop that a tenant sells from; the lexicon alone for an unknown one."""
        return self._gazetteers.get(catalogue_tenant(tenant), self._bare)

    def apply(self, change: ProductChanged) -> None:
        """Takes in one product change; :meth:`keep_fresh` makes it effective."""
        tenant = catalogue_tenant(change.tenant)
        products = self._products.setdefault(tenant, {})
        if change.delisted:
            known = products.pop(change.sku, None) is not None
        else:
            product = product_of(change)
            known = products.get(change.sku) != product
            products[change.sku] = product
        CATALOGUE_PRODUCTS.set(sum(map(len, self._products.values())))
        if known:
            self._dirty.add(tenant)
            self._changed.set()

    async def rebuild(self) -> None:
        """Makes all changes so far effective."""
        loop = asyncio.get_running_loop()
        while self._dirty:
            tenant = self._dirty.pop()
            products = tuple(self._products[tenant].values())
            with GAZETTEER_BUILD_SECONDS.time():
                self._gazetteers[tenant] = await loop.run_in_executor(
                    self._executor, Gazetteer, self._lexicon, products
                )

    async def keep_fresh(self) -> None:
        """Rebuilds after changes until cancelled."""
        while True:
            await self._changed.wait()
            give_up_at = time.monotonic() + MAX_DELAY_SECONDS
            while self._changed.is_set() and time.monotonic() < give_up_at:
                self._changed.clear()
                await asyncio.sleep(PAUSE_SECONDS)
            self._changed.clear()
            await self.rebuild()


def product_of(change: ProductChanged) -> CatalogueProduct:
    """What understanding needs of a product change."""
    return CatalogueProduct(
        sku=change.sku,
        name_zh=simplify(change.name_zh),
        name_en=change.name_en,
        brand=simplify(change.brand),
        category=simplify(change.category),
        aliases=tuple(simplify(alias) for alias in change.aliases),
        colors=_attribute_words(change, _COLOR_KEYS),
        materials=_attribute_words(change, _MATERIAL_KEYS),
    )


def _attribute_words(change: ProductChanged, keys: tuple[str, ...]) -> tuple[str, ...]:
    """Words of an attribute given as a string or a list of strings; long descriptions are no words."""
    words: list[str] = []
    for key in keys:
        if key not in change.attributes.fields:
            continue
        value = change.attributes.fields[key]
        kind = value.WhichOneof("kind")
        items = value.list_value.values if kind == "list_value" else [value]
        words += [item.string_value for item in items if item.WhichOneof("kind") == "string_value"]
    return tuple(simplify(word) for word in words if 1 < len(word) <= _MAX_ATTRIBUTE_CHARS)
