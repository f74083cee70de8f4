"""What customers say: how many stars, what is praised and blamed most with examples, and adding a review.

Counts and means are the database's, of all reviews; words are read of the newest, each review once
(:mod:`voxcart_services.shop.review_aspects`), so that a new review counts in the next summary.
"""

import asyncio
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.errors import AlreadyExists, InvalidInput, WrongState
from voxcart_services.shop import audit, schema
from voxcart_services.shop.models import Actor, checked_text
from voxcart_services.shop.outbox import add_events, product_changed
from voxcart_services.shop.products import load_product, lock_product
from voxcart_services.shop.review_aspects import aspects, read_review

EXAMPLES = 5
PHRASES = 3
MAX_ASPECTS = 10
MAX_READ = 5000
"""Newest reviews that are read for aspects."""
FEW = 5
"""With fewer reviews, shares and tendencies mean little."""
MAX_REVIEW_LENGTH = 1000

_BOUGHT = text(
    "SELECT 1 FROM orders o JOIN order_lines l USING (tenant, order_id) WHERE o.tenant = :tenant "
    "AND o.user_id = :user_id AND l.sku = :sku AND o.status IN ('delivered', 'completed') LIMIT 1"
)
_SAID_BEFORE = text("SELECT 1 FROM reviews WHERE tenant = :tenant AND sku = :sku AND review_id = :review_id")
_RATE = text(
    "UPDATE products p SET version = version + 1, rating = round((coalesce(p.rating, :stars) + "
    "(:stars - coalesce(p.rating, :stars)) / r.n)::numeric, 4) "
    "FROM (SELECT greatest(count(*), 1)::float AS n FROM reviews WHERE tenant = :tenant AND sku = :sku) r "
    "WHERE p.tenant = :tenant AND p.sku = :sku"
)

_reader = ThreadPoolExecutor(1, "shop-reviews")


@dataclass(frozen=True, slots=True)
class ReviewQuery:
    """Which reviews. Empty fields ask nothing; times are [since, until)."""

    sku: str = ""
    max_stars: int = 0
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Review:
    """One review."""

    sku: str
    product_name: str
    stars: int
    text: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class AspectCount:
    """How many reviews praise or blame an aspect, and what the newest of them says."""

    phrase_zh: str
    phrase_en: str
    is_praise: bool
    count: int
    quote: str


@dataclass(frozen=True, slots=True)
class ReviewSummary:
    """What the reviews say; ``mean_stars`` is ``None`` without any. ``star_counts`` is of 1 to 5 stars."""

    count: int
    mean_stars: float | None
    positive_share: float
    star_counts: tuple[int, ...]
    aspects: tuple[AspectCount, ...]
    examples: tuple[Review, ...]
    read: int

    @property
    def is_few(self) -> bool:
        """Too few reviews for shares and tendencies."""
        return self.count < FEW

    @property
    def praised(self) -> tuple[str, ...]:
        """The aspects praised most, in Chinese."""
        return tuple(said.phrase_zh for said in self.aspects if said.is_praise)[:PHRASES]

    @property
    def blamed(self) -> tuple[str, ...]:
        """The aspects blamed most, in Chinese."""
        return tuple(said.phrase_zh for said in self.aspects if not said.is_praise)[:PHRASES]


async def review_summary(conn: AsyncConnection, actor: Actor, query: ReviewQuery) -> ReviewSummary:
    """Sums up the reviews of a product or of the whole shop.

    Raises:
        NotFound: No such product. ``InvalidInput``: bad number of stars, or a period that ends before it begins.
    """
    if not 0 <= query.max_stars <= 5:
        raise InvalidInput("max_stars must be 0 to 5", field="max_stars")
    if query.since is not None and query.until is not None and query.until <= query.since:
        raise InvalidInput("to must be after from", field="to")
    where, values = await _where(conn, actor, query)
    counted = await conn.execute(text(f"SELECT v.stars, count(*) AS n {where} GROUP BY v.stars"), values)
    by_stars = {row.stars: row.n for row in counted}
    newest = text(
        f"SELECT v.sku, p.name_zh, v.stars, v.text, v.created_at {where} "
        f"ORDER BY v.created_at DESC, v.review_id LIMIT {MAX_READ}"
    )
    rows = list(await conn.execute(newest, values))
    texts = [row.text for row in rows]
    said = await asyncio.get_running_loop().run_in_executor(_reader, count_aspects, texts)
    count = sum(by_stars.values())
    return ReviewSummary(
        count=count,
        mean_stars=sum(stars * n for stars, n in by_stars.items()) / count if count else None,
        positive_share=(by_stars.get(4, 0) + by_stars.get(5, 0)) / count if count else 0.0,
        star_counts=tuple(by_stars.get(stars, 0) for stars in range(1, 6)),
        aspects=said,
        examples=tuple(Review(*row) for row in rows[:EXAMPLES]),
        read=len(rows),
    )


def count_aspects(texts: Iterable[str]) -> tuple[AspectCount, ...]:
    """The aspects that reviews, newest first, speak of most: at most ten, praise and blame apart. Blocks."""
    counts: dict[tuple[int, bool], int] = {}
    quotes: dict[tuple[int, bool], str] = {}
    for words in texts:
        for said in read_review(words):
            key = (said.aspect, said.is_praise)
            counts[key] = counts.get(key, 0) + 1
            quotes.setdefault(key, said.quote)
    known = aspects()
    most = sorted(counts, key=lambda key: (-counts[key], key))
    kept = sorted([*_first(most, True), *_first(most, False)], key=lambda key: (-counts[key], key))
    result = []
    for number, is_praise in kept:
        phrase_zh, phrase_en = known[number].praise if is_praise else known[number].blame
        key = (number, is_praise)
        result.append(AspectCount(phrase_zh, phrase_en, is_praise, counts[key], quotes[key]))
    return tuple(result)


def _first(keys: Sequence[tuple[int, bool]], is_praise: bool) -> list[tuple[int, bool]]:
    return [key for key in keys if key[1] == is_praise][: MAX_ASPECTS // 2]


async def add_review(conn: AsyncConnection, actor: Actor, sku: str, stars: int, words: str) -> Review:
    """Keeps what a shopper says of a product they have received; the product's rating follows.

    Raises:
        InvalidInput: Not 1 to 5 stars, or no or too many words. ``NotFound``: no such product.
        WrongState: The shopper has not received it (``not_bought``). ``AlreadyExists``: said before.
    """
    actor.need_user()
    if not 1 <= stars <= 5:
        raise InvalidInput("stars must be 1 to 5", field="stars")
    words = checked_text(words, "text", MAX_REVIEW_LENGTH)
    product = await lock_product(conn, actor.tenant, sku)
    place: dict[str, Any] = {"tenant": actor.tenant, "sku": sku, "user_id": actor.user_id}
    if (await conn.execute(_BOUGHT, place)).first() is None:
        raise WrongState(f"only who has received {product.name_zh} may review it", reason="not_bought")
    place["review_id"] = f"{actor.user_id}/{sku}"
    if (await conn.execute(_SAID_BEFORE, place)).first() is not None:
        raise AlreadyExists(f"there is a review of {product.name_zh} by this shopper already")
    made = schema.reviews.insert().values(**place, stars=stars, text=words).returning(schema.reviews.c.created_at)
    created_at = (await conn.execute(made)).scalar_one()
    await conn.execute(_RATE, place | {"stars": float(stars)})
    await audit.record(conn, actor, "add_review", sku, stars=stars)
    await add_events(conn, [product_changed(actor.tenant, await load_product(conn, actor.tenant, sku))])
    return Review(sku, product.name_zh, stars, words, created_at)


async def _where(conn: AsyncConnection, actor: Actor, query: ReviewQuery) -> tuple[str, dict[str, Any]]:
    conditions = ["v.tenant = :tenant"]
    values: dict[str, Any] = {"tenant": actor.tenant}
    if query.sku:
        await load_product(conn, actor.tenant, query.sku)
        conditions.append("v.sku = :sku")
        values["sku"] = query.sku
    if query.max_stars:
        conditions.append("v.stars <= :max_stars")
        values["max_stars"] = query.max_stars
    for name, sign, moment in (("since", ">=", query.since), ("until", "<", query.until)):
        if moment is not None:
            conditions.append(f"v.created_at {sign} :{name}")
            values[name] = moment
    return f"FROM reviews v JOIN products p USING (tenant, sku) WHERE {' AND '.join(conditions)}", values
