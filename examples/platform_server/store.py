"""The platform's database, and the rule that makes a change happen once.

:meth:`Store.once` runs a change in one transaction with its idempotency key and answer. A request that comes again,
because its answer was lost or somebody was impatient, finds the answer and changes nothing. That is all there is to it.
"""

import hashlib
import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS products (
    tenant TEXT, sku TEXT, facts TEXT, price_cents INTEGER, stock INTEGER CHECK (stock >= 0),
    delisted INTEGER DEFAULT 0, version INTEGER, PRIMARY KEY (tenant, sku));
CREATE TABLE IF NOT EXISTS cart_lines (
    tenant TEXT, user_id TEXT, line_id INTEGER, sku TEXT, quantity INTEGER CHECK (quantity > 0),
    PRIMARY KEY (tenant, user_id, line_id), UNIQUE (tenant, user_id, sku));
CREATE TABLE IF NOT EXISTS orders (
    number INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT, user_id TEXT, status TEXT, facts TEXT);
CREATE TABLE IF NOT EXISTS addresses (
    number INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT, user_id TEXT, text TEXT, used_at INTEGER,
    UNIQUE (tenant, user_id, text));
CREATE TABLE IF NOT EXISTS answers (
    tenant TEXT, user_id TEXT, key TEXT, digest TEXT, answer TEXT, PRIMARY KEY (tenant, user_id, key));
CREATE TABLE IF NOT EXISTS versions (number INTEGER PRIMARY KEY AUTOINCREMENT);
INSERT OR IGNORE INTO sqlite_sequence (name, seq) SELECT 'orders', 700000
    WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'orders');
"""


class Refused(Exception):
    """What the platform says no to."""

    def __init__(self, status: int, message: str, reason: str = "", field: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.error = {"message": message, "reason": reason, "field": field}


@dataclass(frozen=True)
class Who:
    """Who asks, in which shop."""

    tenant: str
    user_id: str
    role: str

    def need_merchant(self) -> None:
        """Refuses shoppers."""
        if self.role != "merchant":
            raise Refused(403, "only the merchant may do this")


class Store:
    """SQLite behind a lock: one transaction at a time is plenty for an example."""

    def __init__(self, path: str, tenants: list[str]) -> None:
        self._lock = threading.Lock()
        self._tenants = frozenset(tenants)
        self._conn = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._conn.row_factory = sqlite3.Row
        self._conn.executescript(_SCHEMA)
        for tenant in tenants:
            self._fill(tenant)

    def close(self) -> None:
        """Closes the database."""
        with self._lock:
            self._conn.close()

    @contextmanager
    def transaction(self, tenant: str) -> Iterator[sqlite3.Connection]:
        """Commits at the end, rolls back on any error."""
        if tenant not in self._tenants:
            raise Refused(404, f"there is no shop {tenant!r}")
        with self._lock:
            self._conn.execute("BEGIN IMMEDIATE")
            try:
                yield self._conn
            except BaseException:
                self._conn.execute("ROLLBACK")
                raise
            self._conn.execute("COMMIT")

    def once(self, who: Who, key: str, request: Any, work: Callable[[sqlite3.Connection], Json]) -> tuple[Json, bool]:
        """Does ``work`` unless it was done before under this key; the answer, and whether it is that of before."""
        if not 1 <= len(key) <= 200:
            raise Refused(400, "Idempotency-Key must have 1 to 200 characters", field="idempotency_key")
        digest = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
        place = (who.tenant, who.user_id, key)
        with self.transaction(who.tenant) as conn:
            kept = conn.execute(
                "SELECT digest, answer FROM answers WHERE tenant = ? AND user_id = ? AND key = ?", place
            ).fetchone()
            if kept is not None:
                if kept["digest"] != digest:
                    raise Refused(422, "this Idempotency-Key was used for another request")
                return json.loads(kept["answer"]), True
            answer = work(conn)
            conn.execute("INSERT INTO answers VALUES (?, ?, ?, ?, ?)", (*place, digest, json.dumps(answer)))
        return answer, False

    def _fill(self, tenant: str) -> None:
        """The products of the example, if the shop has none."""
        facts = json.loads((Path(__file__).parent / "products.json").read_text(encoding="utf-8"))
        with self.transaction(tenant) as conn:
            if conn.execute("SELECT 1 FROM products WHERE tenant = ?", (tenant,)).fetchone():
                return
            for product in facts:
                price_cents, stock = product.pop("price_cents"), product.pop("stock")
                conn.execute(
                    "INSERT INTO products (tenant, sku, facts, price_cents, stock, version) VALUES (?, ?, ?, ?, ?, ?)",
                    (tenant, product["sku"], json.dumps(product), price_cents, stock, next_version(conn)),
                )


def next_version(conn: sqlite3.Connection) -> int:
    """A number that is greater than all before: the version of a changed product."""
    return conn.execute("INSERT INTO versions DEFAULT VALUES").lastrowid or 0
