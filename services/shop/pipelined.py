"""Transactions of few round trips, for what shoppers do most: changes of the cart and checkouts.

A change costs two round trips however many statements it has: what it must know is read in the first, which also begins
the transaction; what it changes is written in the last, which commits. Locks are held no longer than the server needs.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import psycopg
from sqlalchemy import TextClause

from voxcart_services.shop.batches import COMMIT, BatchConnection, Statement

__all__ = ["Connection", "GuessFailed", "Pipelined", "Rows", "Statement", "merged", "placeholders", "unless"]


class Connection(Protocol):
    """What a domain function needs of a transaction: an SQLAlchemy connection is one, and so is :class:`Pipelined`."""

    async def execute(self, statement: Any, parameters: Any = None) -> Any:
        """Runs one statement; its rows."""


@lru_cache(maxsize=256)
def placeholders(sql: str) -> str:
    """SQL with ``:name`` placeholders in the form of a :data:`Statement`."""
    return re.sub(r"(?<!:):(\w+)", r"%(\1)s", sql.replace("%", "%%"))


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


class Rows(list[Any]):
    """Rows of a statement, with the verbs of SQLAlchemy's results that domain functions use."""

    def first(self) -> Any:
        """The first row, ``None`` without any."""
        return self[0] if self else None

    def one(self) -> Any:
        """The only row.

        Raises:
            ValueError: There is another number of rows.
        """
        if len(self) != 1:
            raise ValueError(f"one row was expected, not {len(self)}")
        return self[0]

    def one_or_none(self) -> Any:
        """The only row, ``None`` without any."""
        return self.one() if self else None

    def scalar(self) -> Any:
        """The first value of the first row, ``None`` without any."""
        return self[0][0] if self else None

    def scalar_one(self) -> Any:
        """The first value of the only row."""
        return self.one()[0]


class GuessFailed(Exception):
    """What a transaction took for granted was not so; it was rolled back and is run again without guessing."""


def unless(condition: str) -> str:
    """An SQL expression that makes the whole batch fail with :class:`GuessFailed` unless the condition holds."""
    return f"1 / (CASE WHEN {condition} THEN 1 ELSE 0 END)"


@dataclass(slots=True)
class Pipelined:
    """A transaction whose statements are sent in batches.

    Attributes:
        opening: Begins the transaction and says for whom it acts; sent before all others.
        may_guess: Whether statements may be sent that hold :func:`unless` something, to spare a round trip.
    """

    connection: BatchConnection
    opening: tuple[Statement, ...]
    may_guess: bool = True

    def before_next(self, *statements: Statement) -> None:
        """Sends statements, whose rows nobody needs, ahead of the next ones."""
        self.opening += statements

    async def send(self, *statements: Statement, commit: bool = False) -> list[list[Any]]:
        """Runs statements in one round trip; the rows of each.

        Args:
            commit: End the transaction with them.

        Raises:
            GuessFailed: A condition of :func:`unless` did not hold.
        """
        opening, self.opening = self.opening, ()
        try:
            answers = await self.connection.exchange(*opening, *statements, *((COMMIT,) if commit else ()))
        except psycopg.errors.DivisionByZero as error:
            raise GuessFailed from error
        return answers[len(opening) : len(opening) + len(statements)]

    async def execute(self, statement: TextClause, parameters: Mapping[str, Any] | None = None) -> Rows:
        """Runs one statement of SQLAlchemy's textual form."""
        (rows,) = await self.send((placeholders(statement.text), dict(parameters or {})))
        return Rows(rows)
