"""Transactions of few round trips, for what shoppers do most: changes of the cart and checkouts.

Statements are sent together (PostgreSQL's pipeline mode) and run one after the other on the server, so a change costs
two or three round trips however many statements it has, and locks are held no longer than the server needs.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy.ext.asyncio import AsyncConnection

Statement: TypeAlias = tuple[str, dict[str, Any]]
"""SQL with ``%(name)s`` placeholders, and its values."""


def placeholders(sql: str) -> str:
    """SQL with ``:name`` placeholders in the form of a :data:`Statement`."""
    return re.sub(r"(?<!:):(\w+)", r"%(\1)s", sql)


def merged(statements: Sequence[Statement]) -> Statement:
    """One statement that makes several changes, which must be of different tables; the rows are those of the last."""
    sql = _merged(tuple(sql for sql, _ in statements))
    values = {f"w{n}_{name}": value for n, (_, given) in enumerate(statements) for name, value in given.items()}
    return sql, values


@lru_cache(maxsize=256)
def _merged(texts: tuple[str, ...]) -> str:
    """Every statement but the last as a WITH query; placeholders are numbered so that they do not meet."""
    *first, last = [text.replace("%(", f"%(w{n}_") for n, text in enumerate(texts)]
    return (f"WITH {', '.join(f'w{n} AS ({text})' for n, text in enumerate(first))} " if first else "") + last


@dataclass(slots=True)
class Pipelined:
    """A transaction whose statements are sent in batches.

    Attributes:
        conn: The same transaction for statements that go one by one.
        entry: Says for whom the transaction acts; sent before all others.
    """

    conn: AsyncConnection
    raw: psycopg.AsyncConnection[Any]
    entry: Statement | None

    async def send(self, *statements: Statement, commit: bool = False) -> list[list[Any]]:
        """Runs statements in one round trip; the rows of each.

        Args:
            commit: End the transaction with them.
        """
        cursors = []
        batch = [self.entry, *statements] if self.entry is not None else [*statements]
        self.entry = None
        async with self.raw.pipeline():
            for sql, values in batch:
                cursor = self.raw.cursor(row_factory=namedtuple_row)
                cursors.append(await cursor.execute(sql, values))
            if commit:
                await self.raw.commit()
        wanted: Sequence[Any] = cursors[-len(statements) :] if statements else ()
        return [await cursor.fetchall() if cursor.description else [] for cursor in wanted]
