"""Changes that happen once.

Every change runs in one transaction together with its idempotency key. The key is claimed first: a second transaction
with the same key waits for the first to end, then either finds its stored answer or, if the first was rolled back,
does the work itself. So a retry, a replay after a crash or two workers at once change the shop once, and all get the
same answer. A change that is refused is rolled back with its key and may be tried again.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy import exc, text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.errors import Conflict, InvalidInput, NotFound, Unavailable, VoxcartError
from voxcart_services.shop.database import Database
from voxcart_services.shop.metrics import EFFECTS_TOTAL
from voxcart_services.shop.models import Actor
from voxcart_services.shop.pipelined import Connection, GuessFailed, Pipelined, Statement, merged

MAX_KEY_LENGTH = 200

_CLAIM = text(
    "INSERT INTO idempotency (tenant, user_id, key, request_hash, operation) "
    "VALUES (:tenant, :user_id, :key, :request_hash, :operation) ON CONFLICT DO NOTHING RETURNING 1"
)
_FIND = text(
    "SELECT request_hash, response FROM idempotency WHERE tenant = :tenant AND user_id = :user_id AND key = :key"
)
_STORE = text(
    "UPDATE idempotency SET response = :response, undo = CAST(:undo AS jsonb) "
    "WHERE tenant = :tenant AND user_id = :user_id AND key = :key"
)
_CLAIM_PIPELINED = (
    "INSERT INTO idempotency (tenant, user_id, key, request_hash, operation) "
    "VALUES (%(tenant)s, %(user_id)s, %(key)s, %(request_hash)s, %(operation)s) ON CONFLICT DO NOTHING RETURNING 1"
)
_STORE_PIPELINED = (
    "UPDATE idempotency SET response = %(response)s, undo = %(undo)s::jsonb "
    "WHERE tenant = %(tenant)s AND user_id = %(user_id)s AND key = %(key)s"
)
_undo: ContextVar[dict[str, Any] | None] = ContextVar("undo", default=None)

Work = Callable[[AsyncConnection], Awaitable[bytes]]
PipelinedWork = Callable[[Pipelined, list[list[Any]]], Awaitable[tuple[bytes, list[Statement]]]]


@dataclass(frozen=True, slots=True)
class Effect:
    """A change that is asked for.

    Attributes:
        operation: Its name; part of what a key is bound to.
        key: The caller's idempotency key.
        request: The request in a deterministic form, without its key.
    """

    actor: Actor
    operation: str
    key: str
    request: bytes

    def parameters(self) -> dict[str, object]:
        """What identifies it in the database."""
        digest = hashlib.sha256(self.operation.encode() + b"\0" + self.request).digest()
        return {
            "tenant": self.actor.tenant,
            "user_id": self.actor.user_id,
            "key": self.key,
            "request_hash": digest,
            "operation": self.operation,
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """The serialised answer, and whether it is that of an earlier try."""

    response: bytes
    replayed: bool


def check_key(key: str) -> None:
    """Raises ``InvalidInput`` unless the key has 1 to 200 printable characters."""
    if not key or len(key) > MAX_KEY_LENGTH or not key.isprintable():
        raise InvalidInput(
            f"idempotency_key must have 1 to {MAX_KEY_LENGTH} printable characters", field="idempotency_key"
        )


async def once(database: Database, effect: Effect, work: Work) -> Outcome:
    """Does ``work`` unless it was done before under the same key.

    Raises:
        InvalidInput: No key, or no user.
        Conflict: The key was used for another request.
        NotFound: No such shop.
    """
    check_key(effect.key)
    effect.actor.need_user()
    return await _counted(effect, database.run(effect.actor.tenant, lambda conn: _attempt(conn, effect, work)))


async def _counted(effect: Effect, attempt: Awaitable[Outcome]) -> Outcome:
    try:
        outcome = await attempt
    except VoxcartError as error:
        EFFECTS_TOTAL.labels(effect.operation, error.code.name).inc()
        raise
    EFFECTS_TOTAL.labels(effect.operation, "replayed" if outcome.replayed else "done").inc()
    return outcome


def undoable(how: dict[str, Any]) -> None:
    """Says how the change under way can be taken back; kept with its key (:mod:`voxcart_services.shop.undo`)."""
    _undo.set(how)


async def _attempt(conn: AsyncConnection, effect: Effect, work: Work) -> Outcome:
    _undo.set(None)
    stored = await claim(conn, effect)
    if stored is not None:
        return Outcome(stored, replayed=True)
    response = await work(conn)
    await store(conn, effect, response)
    return Outcome(response, replayed=False)


async def once_pipelined(
    database: Database, effect: Effect, reads: Sequence[Statement], work: PipelinedWork
) -> Outcome:
    """:func:`once` in few round trips.

    Args:
        reads: Sent together with the claim of the key; their rows are what ``work`` gets.
        work: Gives the serialised answer and the changes that are left to make, of different tables; they are made in
            one statement with the commit.

    Raises:
        InvalidInput, Conflict, NotFound: As :func:`once`.
    """
    check_key(effect.key)
    effect.actor.need_user()

    async def attempt(tx: Pipelined) -> Outcome:
        _undo.set(None)
        values = effect.parameters()
        try:
            claimed, *rows = await tx.send((_CLAIM_PIPELINED, values), *reads)
        except psycopg.errors.ForeignKeyViolation as error:
            raise NotFound(f"there is no shop {effect.actor.tenant!r}") from error
        if not claimed:
            stored = await find(tx, effect)
            if stored is None:
                raise Unavailable("two changes collided; try again")
            return Outcome(stored, replayed=True)
        response, writes = await work(tx, rows)
        undo = _undo.get()
        kept = values | {"response": response, "undo": None if undo is None else json.dumps(undo)}
        await tx.send(merged([*writes, (_STORE_PIPELINED, kept)]), commit=True)
        return Outcome(response, replayed=False)

    async def without_guessing(tx: Pipelined) -> Outcome:
        tx.may_guess = False
        return await attempt(tx)

    async def run() -> Outcome:
        try:
            return await database.run_pipelined(effect.actor.tenant, attempt)
        except GuessFailed:
            return await database.run_pipelined(effect.actor.tenant, without_guessing)

    return await _counted(effect, run())


async def claim(conn: AsyncConnection, effect: Effect) -> bytes | None:
    """Takes the key for this transaction; the stored answer if it was used before.

    Raises:
        Conflict: It was used for another request. ``NotFound``: no such shop.
    """
    parameters = effect.parameters()
    try:
        claimed = (await conn.execute(_CLAIM, parameters)).first()
    except exc.IntegrityError as error:
        raise NotFound(f"there is no shop {effect.actor.tenant!r}") from error
    return None if claimed else await find(conn, effect)


async def find(conn: Connection, effect: Effect) -> bytes | None:
    """The stored answer of this key, ``None`` if there is none yet.

    Raises:
        Conflict: The key was used for another request.
    """
    parameters = effect.parameters()
    row = (await conn.execute(_FIND, parameters)).first()
    if row is None:
        return None
    if bytes(row.request_hash) != parameters["request_hash"]:
        raise Conflict("this idempotency_key was used for another request")
    return bytes(row.response)


async def store(conn: AsyncConnection, effect: Effect, response: bytes) -> None:
    """Keeps the answer for replays, and how the change can be taken back."""
    undo = _undo.get()
    values = {"response": response, "undo": None if undo is None else json.dumps(undo)}
    await conn.execute(_STORE, effect.parameters() | values)
