"""Lexicons of the shops, built from the database and kept until the shop's catalogue changes its words.

A shop's ``lexicon_version`` changes in the transaction that adds, renames or delists a product. Copies of a shop share
its version, and so its lexicon, until one of them changes.
"""

import asyncio
import uuid
from collections import OrderedDict

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.errors import NotFound
from voxcart_services.shop.lexicon import BRAND, CATEGORY, DEPARTMENT, KIND, NAME, Lexicon, Sense
from voxcart_services.shop.products import Group, taxonomy

KEPT = 8
"""Lexicons in memory, newest used first."""

_VERSION = text("SELECT lexicon_version FROM tenants WHERE tenant = :tenant")
_WORDS = text(
    "SELECT sku, name_zh, name_en, brand_zh, brand_en, aliases, kind, category, department FROM products "
    "WHERE tenant = :tenant AND NOT delisted"
)
_TOUCH = text("UPDATE tenants SET lexicon_version = :version WHERE tenant = :tenant")


class LexiconStore:
    """Gives the lexicon of a tenant as it is in the database."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Lexicon] = OrderedDict()

    async def get(self, conn: AsyncConnection, tenant: str) -> Lexicon:
        """The lexicon of a shop.

        Raises:
            NotFound: There is no such shop.
        """
        version = (await conn.execute(_VERSION, {"tenant": tenant})).scalar()
        if version is None:
            raise NotFound(f"there is no shop {tenant!r}")
        if version in self._kept:
            self._kept.move_to_end(version)
            return self._kept[version]
        rows = list(await conn.execute(_WORDS, {"tenant": tenant}))
        lexicon = await asyncio.to_thread(build_lexicon, rows)
        self._kept[version] = lexicon
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return lexicon


async def touch_lexicon(conn: AsyncConnection, tenant: str) -> None:
    """Says that the words of a shop's catalogue change with this transaction."""
    await conn.execute(_TOUCH, {"tenant": tenant, "version": new_version()})


def new_version() -> str:
    """A version that no shop has."""
    return uuid.uuid4().hex


def build_lexicon(rows: list) -> Lexicon:
    """The phrases of a catalogue.

    Args:
        rows: Rows with sku, name_zh, name_en, brand_zh, brand_en, aliases, kind, category and department.
    """
    lexicon = Lexicon()
    groups: dict[tuple[str, str], Group | None] = {}
    for row in rows:
        for name in (row.name_zh, row.name_en):
            lexicon.add(name, Sense(NAME, row.sku))
        for alias in row.aliases:
            lexicon.add(alias, Sense(NAME, row.sku, exact=False))
        for brand in (row.brand_zh, row.brand_en, row.brand_zh.removesuffix("公司")):
            lexicon.add(brand, Sense(BRAND, row.brand_zh))
        groups[KIND, row.kind] = taxonomy().kinds.get(row.kind)
        groups[CATEGORY, row.category] = taxonomy().categories.get(row.category)
        groups[DEPARTMENT, row.department] = taxonomy().departments.get(row.department)
    for (level, code), group in groups.items():
        for word in (group.zh, group.en) if group else (code,):
            lexicon.add(word, Sense(level, code))
        for word in group.aliases if group else ():
            lexicon.add(word, Sense(level, code, exact=False))
    return lexicon.freeze()
