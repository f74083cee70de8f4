"""Candidates from several signals, merged into one list with a reason for each item.

Signals are scaled to 0..1 each, weighted and added; the signal that adds most to an item is the one its reason names.
Diversity follows maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998) over product embeddings.
"""

import math
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from voxcart_api.bus.v1 import bus_pb2
from voxcart_services.recsys.catalogue import Shelf
from voxcart_services.recsys.history import WEIGHTS, Type

SIGNAL_WEIGHTS = {"wish": 3.0, "co_visitation": 1.2, "content": 1.0, "buy_again": 0.6, "popular": 0.5}
"""What each signal counts at its best."""

WISH_FLOOR = 0.80
"""Cosine of e5 embeddings below which a product does not answer a wish; e5 puts unrelated texts near 0.75."""

DIVERSITY = 0.3
"""Weight of sameness with what is already chosen, 0 (off) .. 1."""

SUPPORT = 10.0
"""How often two products must have been wanted together for that to count half: a few times is chance."""

REPLENISHED = {"生鲜水果", "粮油调味", "乳品冲饮", "休闲零食", "个护清洁", "酒水饮料", "肉禽蛋"}
"""Categories that people buy again."""


@dataclass(frozen=True)
class Wish:
    """What was asked for. Prices in cents; an empty field asks for nothing."""

    k: int
    vector: NDArray[np.float32] | None = None
    text: str = ""
    category: str = ""
    price_min_cents: int | None = None
    price_max_cents: int | None = None
    cart_skus: tuple[str, ...] = ()
    exclude_skus: frozenset[str] = frozenset()


@dataclass
class Signals:
    """What is known about the user and the shop. ``anchors`` name the product that a signal goes back to."""

    events: list[bus_pb2.UserEvent] = field(default_factory=list)
    pairs: dict[str, dict[str, float]] = field(default_factory=dict)
    popularity: dict[str, float] = field(default_factory=dict)


@dataclass
class Candidate:
    """One product with what speaks for it."""

    sku: str
    parts: dict[str, float] = field(default_factory=dict)
    anchors: dict[str, str] = field(default_factory=dict)

    @property
    def score(self) -> float:
        """Sum of the weighted signals."""
        return sum(SIGNAL_WEIGHTS[name] * value for name, value in self.parts.items())

    @property
    def signal(self) -> str:
        """The signal that adds most."""
        return max(self.parts, key=lambda name: SIGNAL_WEIGHTS[name] * self.parts[name])


def interest(events: list[bus_pb2.UserEvent], now: datetime, half_life_days: float) -> dict[str, float]:
    """Weight of each product for a user: event weights halved every ``half_life_days``, summed."""
    weights: dict[str, float] = {}
    for event in events:
        if event.sku:
            age_days = max(0.0, (now.timestamp() - event.at.seconds) / 86_400)
            weight = WEIGHTS.get(event.type, 0.0) * 0.5 ** (age_days / half_life_days)
            weights[event.sku] = weights.get(event.sku, 0.0) + weight
    return weights


def recommend(shelf: Shelf, wish: Wish, signals: Signals, now: datetime, half_life_days: float) -> list[Candidate]:
    """The best ``wish.k`` products, best first, never out of stock, excluded or already in the cart."""
    liked = interest(signals.events, now, half_life_days)
    candidates = {sku: Candidate(sku) for sku, product in shelf.products.items() if _allowed(product, wish, liked)}
    _add_popularity(candidates, shelf, signals.popularity)
    _add_pairs(candidates, liked, wish.cart_skus, signals.pairs)
    _add_content(candidates, shelf, liked, wish.cart_skus)
    _add_buy_again(candidates, shelf, signals.events, now)
    if wish.vector is not None:
        candidates = _keep_wished(candidates, shelf, wish)
    ranked = sorted(candidates.values(), key=lambda candidate: (-candidate.score, candidate.sku))
    return _diverse(ranked[: max(50, 4 * wish.k)], shelf, wish.k)


def similar(shelf: Shelf, sku: str, pairs: dict[str, float], k: int) -> list[Candidate]:
    """Products like one product: by embedding, and by what is wanted together with it."""
    vector = shelf.vector(sku)
    near = shelf.similarities(vector) if vector is not None else {}
    most = max(pairs.values(), default=1.0)
    found = []
    for other, product in shelf.products.items():
        if other == sku or product.stock <= 0:
            continue
        parts = {"content": max(0.0, near.get(other, 0.0))}
        if other in pairs:
            parts["co_visitation"] = pairs[other] / most
        found.append(Candidate(other, parts, dict.fromkeys(parts, sku)))
    return sorted(found, key=lambda candidate: (-candidate.score, candidate.sku))[:k]


def _allowed(product: bus_pb2.ProductChanged, wish: Wish, liked: dict[str, float]) -> bool:
    cents = product.price.cents
    return (
        product.stock > 0
        and product.sku not in wish.exclude_skus
        and product.sku not in wish.cart_skus
        and liked.get(product.sku, 0.0) >= 0.0
        and (not wish.category or wish.category in product.category)
        and (wish.price_min_cents is None or cents >= wish.price_min_cents)
        and (wish.price_max_cents is None or cents <= wish.price_max_cents)
    )


def _add_popularity(candidates: dict[str, Candidate], shelf: Shelf, counts: dict[str, float]) -> None:
    def weight(sku: str) -> float:
        product = shelf.products[sku]
        return math.log1p(product.units_sold + max(0.0, counts.get(sku, 0.0))) * (product.rating or 4.0)

    most = max((weight(sku) for sku in candidates), default=0.0) or 1.0
    for sku, candidate in candidates.items():
        candidate.parts["popular"] = weight(sku) / most


def _add_pairs(
    candidates: dict[str, Candidate], liked: dict[str, float], cart: tuple[str, ...], pairs: dict[str, dict[str, float]]
) -> None:
    totals: dict[str, dict[str, float]] = {}
    counts: dict[str, float] = {}
    for anchor, others in pairs.items():
        trust = 3.0 if anchor in cart else max(0.0, liked.get(anchor, 0.0))
        for other, count in others.items():
            totals.setdefault(other, {})[anchor] = trust * count
            counts[other] = counts.get(other, 0.0) + count
    most = max((sum(by_anchor.values()) for by_anchor in totals.values()), default=0.0)
    for sku, by_anchor in totals.items():
        if sku in candidates and most > 0 and sum(by_anchor.values()) > 0:
            support = counts[sku] / (counts[sku] + SUPPORT)
            candidates[sku].parts["co_visitation"] = support * sum(by_anchor.values()) / most
            candidates[sku].anchors["co_visitation"] = max(by_anchor, key=lambda anchor: by_anchor[anchor])


def _add_content(
    candidates: dict[str, Candidate], shelf: Shelf, liked: dict[str, float], cart: tuple[str, ...]
) -> None:
    trusted = {sku: weight for sku, weight in liked.items() if weight > 0}
    trusted.update(dict.fromkeys(cart, 3.0))
    anchors = {sku: vector for sku in trusted if (vector := shelf.vector(sku)) is not None}
    if not anchors:
        return
    profile = np.sum([trusted[sku] * vector for sku, vector in anchors.items()], axis=0)
    profile /= np.linalg.norm(profile) or 1.0
    near = shelf.similarities(profile.astype(np.float32))
    low, high = min(near.values(), default=0.0), max(near.values(), default=1.0)
    for sku, cosine in near.items():
        if sku in candidates and sku not in anchors and high > low:
            candidates[sku].parts["content"] = (cosine - low) / (high - low)
            own = shelf.vector(sku)
            candidates[sku].anchors["content"] = max(anchors, key=lambda anchor: float(anchors[anchor] @ own))


def _add_buy_again(
    candidates: dict[str, Candidate], shelf: Shelf, events: list[bus_pb2.UserEvent], now: datetime
) -> None:
    for event in events:
        if event.type == Type.TYPE_BUY and event.sku in candidates:
            days = (now.timestamp() - event.at.seconds) / 86_400
            candidate = candidates[event.sku]
            if shelf.products[event.sku].category in REPLENISHED and days >= 5:
                candidate.parts["buy_again"] = 1.0
                candidate.anchors["buy_again"] = event.sku
            else:
                candidate.parts = {"popular": candidate.parts.get("popular", 0.0) * 0.1}


def _keep_wished(candidates: dict[str, Candidate], shelf: Shelf, wish: Wish) -> dict[str, Candidate]:
    """Only products that answer the wish: near in meaning, or named by it. All, if none does."""
    near = shelf.similarities(wish.vector)
    best = max((near.get(sku, 0.0) for sku in candidates), default=0.0)
    kept = {}
    for sku, candidate in candidates.items():
        product = shelf.products[sku]
        named = any(name and name in wish.text for name in (product.category, product.brand, *product.aliases))
        closeness = near.get(sku, 0.0)
        if named or closeness >= max(WISH_FLOOR, best - 0.03):
            candidate.parts["wish"] = 1.0 if named else max(0.0, 1.0 - (best - closeness) / 0.03)
            kept[sku] = candidate
    return kept or candidates


def _diverse(ranked: list[Candidate], shelf: Shelf, k: int) -> list[Candidate]:
    chosen: list[Candidate] = []
    left = list(ranked)
    while left and len(chosen) < k:
        best = max(left, key=lambda candidate: candidate.score - DIVERSITY * _sameness(candidate, chosen, shelf))
        chosen.append(best)
        left.remove(best)
    return chosen


def _sameness(candidate: Candidate, chosen: list[Candidate], shelf: Shelf) -> float:
    own = shelf.vector(candidate.sku)
    others = [vector for other in chosen if (vector := shelf.vector(other.sku)) is not None]
    return max((float(own @ other) for other in others), default=0.0) if own is not None else 0.0
