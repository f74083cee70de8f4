"""What customers say: counts, mean, and which aspects are praised and blamed most.

Aspects are found by patterns of what people write about goods and service (口感, 物流, 尺码 ...); each review counts
once for an aspect and side.
"""

import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.errors import InvalidInput
from voxcart_services.shop.models import Actor
from voxcart_services.shop.products import load_product

EXAMPLES = 5
PHRASES = 3
MAX_READ = 5000
"""Newest reviews that are read for aspects."""

_PRAISED = {
    "物流快": r"(物流|发货|送货|快递).{0,3}快",
    "包装好": r"包装.{0,3}(严实|好|精美|完好)",
    "客服态度好": r"客服.{0,3}(态度)?.{0,2}(好|耐心)",
    "性价比高": r"性价比.{0,2}高|价格实惠|划算",
    "新鲜": r"(?<!不)(?<!不太)新鲜(?!度)",
    "口感好": r"口感.{0,3}好|又脆又甜|很甜|很香|汁水|味道.{0,2}(好|正宗)|酥脆|好喝|好吃",
    "分量足": r"分量足|个头也大",
    "音质好": r"音质.{0,2}好|低音很足",
    "降噪好": r"降噪.{0,4}(明显|好)",
    "续航好": r"续航.{0,3}(给力|好|长)",
    "运行流畅": r"流畅|不卡|开机很快",
    "拍照清楚": r"拍照.{0,2}清",
    "佩戴舒适": r"佩戴.{0,2}舒服",
    "做工好": r"做工.{0,2}(好|扎实)|质量很好|结实|耐用",
    "声音小": r"声音.{0,2}小|不吵",
    "操作简单": r"操作简单|安装简单|很快.*搞定",
    "面料舒服": r"面料.{0,3}(舒服|柔软)|很柔软",
    "尺码合适": r"尺码标准|很合身",
    "颜色好看": r"颜色.{0,3}(正|显白)|款式好看|外观漂亮|显瘦",
    "补水效果好": r"补水|质地清爽",
    "孩子喜欢": r"(宝宝|孩子).{0,4}(喜欢|爱吃|玩了)",
    "清洁力强": r"洗得.{0,3}干净|吸力很大",
    "正品": r"正品|和描述的一样",
}
_BLAMED = {
    "物流慢": r"(物流|发货|送货|快递).{0,3}慢",
    "包装破损": r"包装.{0,3}破|压扁|漏了|洒了",
    "客服回复慢": r"客服.{0,4}(不回|慢|差)",
    "价格偏贵": r"有点贵|降价了|不太划算",
    "不新鲜": r"不太?新鲜|坏了?，|有.{0,2}坏|哈喇|化冻",
    "口味一般": r"不甜|太甜|偏咸|味道很淡|吃不惯|不爱吃",
    "分量偏少": r"分量偏少|个头偏小",
    "续航差": r"续航一般|没电了|充电有点慢",
    "发热": r"发热|烫手",
    "音质一般": r"音质一般",
    "佩戴不适": r"耳朵.{0,3}疼|磨脚",
    "噪音大": r"噪音.{0,3}大|声音大|异响",
    "质量问题": r"就坏了|质量一般|返修|做工一般|线头|零件少",
    "尺码不准": r"尺码偏|尺寸偏小",
    "有色差": r"色差|掉色|没有图片",
    "有异味": r"塑料味|橡胶味|有一股味道|刺鼻",
    "过敏": r"过敏",
    "漏水漏尿": r"有点漏|湿了床单",
    "操作复杂": r"操作有点复杂|安装有点麻烦|看不懂",
}
_ASPECTS = {
    side: {phrase: re.compile(pattern) for phrase, pattern in patterns.items()}
    for side, patterns in (("praised", _PRAISED), ("blamed", _BLAMED))
}


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
class ReviewSummary:
    """What the reviews say; ``mean_stars`` is ``None`` without any."""

    count: int
    mean_stars: float | None
    positive_share: float
    praised: tuple[str, ...]
    blamed: tuple[str, ...]
    examples: tuple[Review, ...]


async def review_summary(conn: AsyncConnection, actor: Actor, query: ReviewQuery) -> ReviewSummary:
    """Sums up the reviews of a product or of the whole shop.

    Raises:
        NotFound: No such product. ``InvalidInput``: bad number of stars.
    """
    if not 0 <= query.max_stars <= 5:
        raise InvalidInput("max_stars must be 0 to 5")
    where, values = await _where(conn, actor, query)
    counted = (
        await conn.execute(
            text(f"SELECT count(*) AS n, avg(v.stars) AS mean, avg((v.stars >= 4)::int) AS positive {where}"), values
        )
    ).one()
    rows = list(
        await conn.execute(
            text(
                f"SELECT v.sku, p.name_zh, v.stars, v.text, v.created_at {where} "
                f"ORDER BY v.created_at DESC, v.review_id LIMIT {MAX_READ}"
            ),
            values,
        )
    )
    praised, blamed = count_aspects([(row.stars, row.text) for row in rows])
    return ReviewSummary(
        count=counted.n,
        mean_stars=float(counted.mean) if counted.n else None,
        positive_share=float(counted.positive or 0.0),
        praised=praised,
        blamed=blamed,
        examples=tuple(Review(*row) for row in rows[:EXAMPLES]),
    )


def count_aspects(reviews: list[tuple[int, str]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The aspects praised most and blamed most in (stars, text) pairs, at most three each."""
    sides = {side: Counter[str]() for side in _ASPECTS}
    for _, words in reviews:
        for side, patterns in _ASPECTS.items():
            sides[side].update(phrase for phrase, pattern in patterns.items() if pattern.search(words))
    praised, blamed = (
        tuple(phrase for phrase, _ in sides[side].most_common(PHRASES)) for side in ("praised", "blamed")
    )
    return praised, blamed


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
