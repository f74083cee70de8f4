"""The products as heard on the catalogue topic, per tenant, with their embeddings for content-based retrieval."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from voxcart_api.bus.v1 import bus_pb2

Embed = Callable[[list[str]], NDArray[np.float32]]
"""Texts to unit vectors, float32 [n, 384]."""


def describe(product: bus_pb2.ProductChanged) -> str:
    """What a product is in few words; the text that is embedded. The encoder knows what they are in other languages."""
    return " ".join(part for part in (product.name_zh, product.category, *product.aliases[:1]) if part)


@dataclass
class Shelf:
    """The products of one tenant that are sold now."""

    products: dict[str, bus_pb2.ProductChanged] = field(default_factory=dict)
    _vectors: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    _texts: dict[str, str] = field(default_factory=dict)
    _matrix: NDArray[np.float32] | None = None
    _skus: list[str] = field(default_factory=list)

    def apply(self, change: bus_pb2.ProductChanged) -> None:
        """Takes a change in; a delisted product leaves."""
        if change.delisted:
            for table in (self.products, self._vectors, self._texts):
                table.pop(change.sku, None)
            self._matrix = None
            return
        self.products[change.sku] = change

    def stale(self, limit: int = 16) -> dict[str, str]:
        """Up to ``limit`` products whose words changed since they were embedded: SKU to text."""
        found: dict[str, str] = {}
        for sku, product in self.products.items():
            if len(found) == limit:
                break
            if self._texts.get(sku) != (text := describe(product)):
                found[sku] = text
        return found

    def put_vectors(self, texts: dict[str, str], vectors: NDArray[np.float32]) -> None:
        """Takes embeddings in, float32 [n, 384], in the order of ``texts``; those of products that left are dropped."""
        for (sku, text), vector in zip(texts.items(), vectors, strict=True):
            if sku in self.products:
                self._vectors[sku] = vector
                self._texts[sku] = text
        self._matrix = None

    def vector(self, sku: str) -> NDArray[np.float32] | None:
        """The unit vector of a product, float32 [384]; None if it is unknown or not embedded yet."""
        return self._vectors.get(sku)

    def similarities(self, query: NDArray[np.float32]) -> dict[str, float]:
        """Cosine of every embedded product with a unit vector, float32 [384]."""
        if self._matrix is None:
            self._skus = [sku for sku in self._vectors if sku in self.products]
            self._matrix = np.stack([self._vectors[sku] for sku in self._skus]) if self._skus else None
        if self._matrix is None:
            return {}
        return dict(zip(self._skus, (self._matrix @ query).tolist(), strict=True))


class Catalogue:
    """Shelves by tenant. Written by the bus reader and read by calls, all in one event loop."""

    def __init__(self) -> None:
        self._shelves: dict[str, Shelf] = {}

    def apply(self, change: bus_pb2.ProductChanged) -> None:
        """Takes one message of the catalogue topic in."""
        self._shelves.setdefault(change.tenant, Shelf()).apply(change)

    def shelf(self, tenant: str) -> Shelf:
        """The tenant's products; an empty shelf if none were heard of."""
        return self._shelves.get(tenant) or Shelf()

    def shelves(self) -> Iterable[Shelf]:
        """All shelves, for background embedding."""
        return list(self._shelves.values())
