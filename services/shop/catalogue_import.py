"""Importing a platform's catalogue file into a shop: good records are written, bad ones are listed, nothing is lost.

Records are written in batches. With each batch, in its transaction, the place behind it is kept, so an import that was
cut off goes on where it was; a file that was imported to its end is read again from the start, and records that are as
they were in the shop change nothing. Words are found as soon as a batch is written; embeddings are made afterwards by
the service (:mod:`voxcart_services.shop.search_index`).

Bad records go to a reject file, one JSON object a line: its number, why, and the record. The file is written before
the batch's transaction is committed and cut to the length that the transaction knows when an import goes on.
"""

import base64
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from voxcart.errors import InvalidInput, NotFound
from voxcart_services.shop.catalogue_records import BadRecord, CatalogueReader, Place, Record
from voxcart_services.shop.catalogue_rows import ProductRow, product_row
from voxcart_services.shop.database import Database
from voxcart_services.shop.outbox import add_events, product_changed
from voxcart_services.shop.products import load_products
from voxcart_services.shop.tenancy import SYSTEM

BATCH = 500
SHOWN_REJECTS = 20
"""Rejects that are told at once; all are in the reject file."""

_COLUMNS = (
    "sku", "name_zh", "name_en", "brand_zh", "brand_en", "department", "category", "kind", "unit_zh", "unit_en",
    "price_cents", "aliases", "attributes", "description_zh", "description_en", "search_terms", "search_text",
    "search_phrases", "search_words", "search_version",
)  # fmt: skip
_NEW_ONLY = ("rating", "units_sold")
_COMPARED = tuple(name for name in _COLUMNS if name != "sku")
_TYPES = {
    "price_cents": "bigint", "aliases": "text[]", "attributes": "jsonb", "search_terms": "text[]",
    "search_phrases": "jsonb", "search_words": "text[]", "search_version": "int", "rating": "float8",
    "units_sold": "bigint",
}  # fmt: skip
_ALL = (*_COLUMNS, *_NEW_ONLY)
_RECORD = ", ".join(f"{name} {_TYPES.get(name, 'text')}" for name in _ALL)
_OLD = ", ".join(f"p.{name}" for name in _COMPARED)
_FRESH = ", ".join(f"excluded.{name}" for name in _COMPARED)
_WRITE = text(
    f"INSERT INTO products AS p (tenant, {', '.join(_ALL)}) SELECT :tenant, {', '.join(_ALL)} "
    f"FROM (SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r({_RECORD})) AS r "
    f"ON CONFLICT (tenant, sku) DO UPDATE SET ({', '.join(_COMPARED)}) = ROW({_FRESH}), "
    "delisted = false, version = p.version + 1 "
    f"WHERE p.delisted OR ({_OLD}) IS DISTINCT FROM ({_FRESH}) RETURNING p.sku, p.version = 1 AS is_new"
)
_VARIANT_ROWS = (
    "jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(sku text, variant_id text, position int, color text, "
    "color_code text, size text, stock bigint)"
)
_WRITE_VARIANTS = text(
    "INSERT INTO variants AS v (tenant, sku, variant_id, position, color, color_code, size) "
    f"SELECT :tenant, sku, variant_id, position, color, color_code, size FROM {_VARIANT_ROWS} "
    "ON CONFLICT (tenant, sku, variant_id) DO UPDATE SET position = excluded.position, color = excluded.color, "
    "color_code = excluded.color_code, size = excluded.size WHERE (v.position, v.color, v.color_code, v.size) "
    "IS DISTINCT FROM (excluded.position, excluded.color, excluded.color_code, excluded.size) RETURNING v.sku"
)
_WRITE_STOCK = text(
    "INSERT INTO stock AS s (tenant, sku, variant_id, available) "
    f"SELECT :tenant, sku, variant_id, stock FROM {_VARIANT_ROWS} "
    "ON CONFLICT (tenant, sku, variant_id) DO UPDATE SET available = excluded.available "
    "WHERE s.available <> excluded.available RETURNING s.sku"
)
_EMPTY_VARIANTS = text(
    "UPDATE stock s SET available = 0 WHERE s.tenant = :tenant AND s.available > 0 AND s.sku = ANY(:skus) "
    "AND (s.sku, s.variant_id) NOT IN (SELECT r.sku, r.variant_id FROM "
    f"{_VARIANT_ROWS}) RETURNING s.sku"
)
_PLAIN = text(
    "WITH bare AS (SELECT CAST(sku AS text) AS sku FROM unnest(CAST(:skus AS text[])) AS u(sku) "
    "WHERE NOT EXISTS (SELECT 1 FROM variants v WHERE v.tenant = :tenant AND v.sku = u.sku)), "
    "made AS (INSERT INTO variants (tenant, sku, variant_id) SELECT :tenant, sku, '' FROM bare RETURNING sku) "
    "INSERT INTO stock (tenant, sku, variant_id, available) SELECT :tenant, sku, '', 0 FROM made"
)
_STATE = text("SELECT state FROM catalogue_imports WHERE tenant = :tenant AND file = :file FOR UPDATE")
_KEEP = text(
    "INSERT INTO catalogue_imports (tenant, file, state) VALUES (:tenant, :file, CAST(:state AS jsonb)) "
    "ON CONFLICT (tenant, file) DO UPDATE SET state = excluded.state, updated_at = now()"
)
_HAS_TENANT = text("SELECT EXISTS (SELECT 1 FROM tenants WHERE tenant = :tenant)")
_ADD_TENANT = text("INSERT INTO tenants (tenant) VALUES (:tenant) ON CONFLICT DO NOTHING")


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How a file is imported.

    Attributes:
        encoding: Of the file.
        rejects: Where bad records go.
        restart: Begin at the start although an import of this file was cut off.
        create: Make the shop if there is none.
        events: Tell the other services of each product that is new or changed.
    """

    rejects: Path
    encoding: str = "utf-8"
    restart: bool = False
    create: bool = False
    events: bool = True


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is. Counts are of records of the file; ``line`` and ``offset`` are behind the last of them."""

    imported: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    offset: int = 0
    line: int = 1
    reject_bytes: int = 0
    done: bool = False


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that was not imported."""

    line: int
    reason: str


@dataclass(slots=True)
class Report:
    """What came of an import: the counts, the first rejects, and from which line on if it went on."""

    progress: Progress
    rejects: list[Reject] = field(default_factory=list)
    resumed_at_line: int | None = None


async def import_catalogue(
    database: Database,
    tenant: str,
    path: Path,
    options: ImportOptions,
    on_progress: Callable[[Progress, int], None] = lambda progress, size: None,
) -> Report:
    """Reads a file into a shop's catalogue.

    Args:
        on_progress: Called after each batch with the counts and the size of the file in bytes.

    Raises:
        InvalidInput: The file cannot be read at all. ``NotFound``: there is no such shop.
        Unavailable: The database went away; run it again to go on.
    """
    reader = CatalogueReader(path, options.encoding)
    await _need_tenant(database, tenant, create=options.create)
    batches = _Importer(database, tenant, _digest(path, options.encoding), options)
    start = await batches.start()
    report = Report(start, resumed_at_line=start.line if start.offset else None)
    with _open_rejects(options.rejects, start.reject_bytes) as file:
        batches.reject_file = file
        for record in reader.records(Place(start.offset, start.line)):
            if not batches.holds(record):
                await batches.flush()
                on_progress(batches.progress, reader.size)
            reject = batches.add(record)
            if reject and len(report.rejects) < SHOWN_REJECTS:
                report.rejects.append(reject)
        await batches.flush(done=True)
    on_progress(batches.progress, reader.size)
    if not batches.progress.reject_bytes:
        options.rejects.unlink(missing_ok=True)
    report.progress = batches.progress
    return report


class _Importer:
    """Gathers records and writes them batch by batch."""

    def __init__(self, database: Database, tenant: str, file: str, options: ImportOptions) -> None:
        self._database = database
        self._place = {"tenant": tenant, "file": file}
        self._tenant = tenant
        self._options = options
        self._rows: dict[str, ProductRow] = {}
        self._rejects: list[bytes] = []
        self._next = Place()
        self.progress = Progress()
        self.reject_file: Any = None

    async def start(self) -> Progress:
        """Where to begin: behind what an import that was cut off has written."""

        async def work(conn: AsyncConnection) -> Any:
            return (await conn.execute(_STATE, self._place)).scalar()

        state = await self._database.run(self._tenant, work)
        if state and not state["done"] and not self._options.restart:
            self.progress = Progress(**state)
        self._next = Place(self.progress.offset, self.progress.line)
        return self.progress

    def holds(self, record: Record) -> bool:
        """Whether a record can join the batch: there is room, and no other of the same SKU."""
        full = len(self._rows) + len(self._rejects) >= BATCH
        sku = (record.fields or {}).get("sku")
        return not full and str(sku).strip() not in self._rows

    def add(self, record: Record) -> Reject | None:
        """Takes a record into the batch; the reject if it is bad."""
        self._next = record.next
        try:
            if record.fields is None:
                raise BadRecord(record.problem)
            row = product_row(record.fields)
        except BadRecord as error:
            reject = Reject(record.line, str(error))
            self._rejects.append(_reject_line(record, reject))
            return reject
        self._rows[row.product["sku"]] = row
        return None

    async def flush(self, *, done: bool = False) -> None:
        """Writes the batch and the place behind it, in one transaction."""
        self.reject_file.writelines(self._rejects)
        self.reject_file.flush()
        os.fsync(self.reject_file.fileno())
        reached = replace(
            self.progress,
            rejected=self.progress.rejected + len(self._rejects),
            offset=self._next.offset,
            line=self._next.line,
            reject_bytes=self.reject_file.tell(),
            done=done,
        )

        async def work(conn: AsyncConnection) -> Progress:
            new, changed = await self._write(conn)
            counted = replace(
                reached,
                imported=reached.imported + new,
                updated=reached.updated + changed,
                unchanged=reached.unchanged + len(self._rows) - new - changed,
            )
            await conn.execute(_KEEP, self._place | {"state": json.dumps(asdict(counted))})
            return counted

        self.progress = await self._database.run(self._tenant, work)
        self._rows, self._rejects = {}, []

    async def _write(self, conn: AsyncConnection) -> tuple[int, int]:
        if not self._rows:
            return 0, 0
        products = json.dumps([row.product for row in self._rows.values()])
        written = list(await conn.execute(_WRITE, {"tenant": self._tenant, "rows": products}))
        new = {row.sku for row in written if row.is_new}
        changed = {row.sku for row in written} | await self._write_variants(conn)
        if self._options.events and changed:
            found = await load_products(conn, self._tenant, changed)
            await add_events(conn, [product_changed(self._tenant, found[sku]) for sku in sorted(found)])
        return len(new), len(changed - new)

    async def _write_variants(self, conn: AsyncConnection) -> set[str]:
        """Variants and stock as the file has them; variants it no longer names are sold out. Whose stock changed."""
        listed = {sku: row.variants for sku, row in self._rows.items() if row.variants is not None}
        variants = [{"sku": sku} | variant for sku, found in listed.items() for variant in found]
        values = {"tenant": self._tenant, "rows": json.dumps(variants)}
        changed: set[str] = set()
        for statement in (_WRITE_VARIANTS, _WRITE_STOCK):
            changed |= {row.sku for row in await conn.execute(statement, values)}
        emptied = await conn.execute(_EMPTY_VARIANTS, values | {"skus": sorted(listed)})
        changed |= {row.sku for row in emptied}
        bare = sorted(set(self._rows) - set(listed))
        await conn.execute(_PLAIN, {"tenant": self._tenant, "skus": bare})
        return changed


async def _need_tenant(database: Database, tenant: str, *, create: bool) -> None:
    async def work(conn: AsyncConnection) -> bool:
        if create:
            await conn.execute(_ADD_TENANT, {"tenant": tenant})
        return bool((await conn.execute(_HAS_TENANT, {"tenant": tenant})).scalar())

    if not await database.run(SYSTEM if create else tenant, work):
        raise NotFound(f"there is no shop {tenant!r}; --create makes it")


def _digest(path: Path, encoding: str) -> str:
    """What names the content of a file and how it is read."""
    try:
        with path.open("rb") as file:
            return f"{hashlib.file_digest(file, 'sha256').hexdigest()}/{path.suffix.lower()}/{encoding}"
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}") from error


def _open_rejects(path: Path, length: int) -> Any:
    """The reject file, cut to what an import that goes on has told the database."""
    try:
        if not length:
            return path.open("wb")
        file = path.open("r+b") if path.exists() else path.open("w+b")
        file.truncate(length)
        file.seek(0, os.SEEK_END)
        return file
    except OSError as error:
        raise InvalidInput(f"cannot write the reject file {path}: {error.strerror}") from error


def _reject_line(record: Record, reject: Reject) -> bytes:
    entry: dict[str, Any] = {"line": reject.line, "reason": reject.reason}
    try:
        entry["record"] = record.raw.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        entry["record_base64"] = base64.b64encode(record.raw).decode()
    return json.dumps(entry, ensure_ascii=False).encode() + b"\n"
