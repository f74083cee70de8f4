"""What the tables are made of: naming of constraints, and columns that occur everywhere."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

EMBEDDING_SIZE = 384
"""Width of the multilingual-e5-small sentence embedding."""

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

NOW = sa.text("now()")


def tenant_key() -> sa.Column[str]:
    """The tenant, first in the primary key."""
    return sa.Column("tenant", sa.Text, primary_key=True)


def key(name: str) -> sa.Column[str]:
    """A text in the primary key."""
    return sa.Column(name, sa.Text, primary_key=True)


def text(name: str) -> sa.Column[str]:
    """A text, empty by default."""
    return sa.Column(name, sa.Text, nullable=False, server_default="")


def cents(name: str) -> sa.Column[int]:
    """An amount of money."""
    return sa.Column(name, sa.BigInteger, nullable=False)


def zero(name: str) -> sa.Column[int]:
    """A number, 0 by default."""
    return sa.Column(name, sa.BigInteger, nullable=False, server_default="0")


def moment(name: str, *, default: bool = False) -> sa.Column[object]:
    """A point in time; now by default, or else optional."""
    return sa.Column(name, sa.DateTime(timezone=True), nullable=not default, server_default=NOW if default else None)


def terms(name: str) -> sa.Column[list[str]]:
    """A list of words."""
    return sa.Column(name, ARRAY(sa.Text), nullable=False, server_default="{}")


def belongs_to(parent: str, *columns: str) -> sa.ForeignKeyConstraint:
    """Rows go with the row of the parent with the same tenant and ids."""
    names = ["tenant", *columns]
    return sa.ForeignKeyConstraint(names, [f"{parent}.{name}" for name in names], ondelete="CASCADE")
