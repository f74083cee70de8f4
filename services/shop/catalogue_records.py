"""Reading catalogue files of platforms, CSV or JSONL, record by record: what is wrong with one does not touch the next.

A file is read as bytes, a line at a time, so that broken encoding, an open quote or a huge line costs the lines it
stands in and no other. Every record knows the line it begins in and the offset behind it, from where reading can go on.
"""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from voxcart.errors import InvalidInput

MAX_LINE_BYTES = 1_000_000
MAX_QUOTED_LINES = 50
"""Lines that a quoted CSV cell may span."""
ENCODINGS = ("utf-8", "gb18030", "gbk", "big5")
"""Encodings in which a line ends with the byte 0x0A."""
_BOM = b"\xef\xbb\xbf"


class BadRecord(ValueError):
    """A record that cannot be a product; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where reading goes on: bytes before it, and the number of the next line."""

    offset: int = 0
    line: int = 1


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it stands in the file.

    Attributes:
        line: Where it begins, from 1.
        raw: Its bytes, cut at ``MAX_LINE_BYTES``.
        fields: Its values by name; ``None`` if it cannot be read.
        problem: Why it cannot be read.
        next: The place behind it.
    """

    line: int
    raw: bytes
    fields: dict[str, Any] | None
    problem: str
    next: Place


class CatalogueReader:
    """Records of one file, from any place on."""

    def __init__(self, path: Path, encoding: str = "utf-8") -> None:
        """Looks at the file.

        Raises:
            InvalidInput: No such file, an unknown kind of file or encoding, or no header.
        """
        if encoding not in ENCODINGS:
            raise InvalidInput(f"the encoding must be one of {', '.join(ENCODINGS)}, not {encoding!r}")
        if path.suffix.lower() not in (".csv", ".tsv", ".jsonl", ".ndjson"):
            raise InvalidInput(f"{path}: expected a file that ends in .csv, .tsv, .jsonl or .ndjson")
        try:
            self.size = path.stat().st_size
            with path.open("rb") as file:
                self._header, self._start = self._read_header(path, file, encoding)
        except OSError as error:
            raise InvalidInput(f"cannot read {path}: {error.strerror}") from error
        self._path = path
        self._encoding = encoding

    def _read_header(self, path: Path, file: BinaryIO, encoding: str) -> tuple[list[str], Place]:
        self._delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
        skipped = len(_BOM) if file.read(len(_BOM)) == _BOM else 0
        if path.suffix.lower() in (".jsonl", ".ndjson"):
            return [], Place(skipped, 1)
        file.seek(skipped)
        line = file.readline(MAX_LINE_BYTES)
        try:
            names = next(csv.reader([line.decode(encoding)], delimiter=self._delimiter), [])
        except (UnicodeDecodeError, csv.Error) as error:
            raise InvalidInput(f"{path}: line 1 is no header: {error}") from error
        header = [name.strip().lower() for name in names]
        if "sku" not in header or len(set(header)) != len(header):
            raise InvalidInput(f"{path}: line 1 must name the columns, sku among them, each once")
        return header, Place(skipped + len(line), 2)

    def records(self, place: Place | None = None) -> Iterator[Record]:
        """The records from a place on, the first by default; empty lines are skipped."""
        place = place if place and place.offset else self._start
        with self._path.open("rb") as file:
            file.seek(place.offset)
            while True:
                record = self._next(file, place)
                if record is None:
                    return
                place = record.next
                if record.raw.strip():
                    yield record

    def _next(self, file: BinaryIO, place: Place) -> Record | None:
        raw = file.readline(MAX_LINE_BYTES)
        if not raw:
            return None
        if not raw.endswith(b"\n") and len(raw) == MAX_LINE_BYTES:
            _skip_line(file)
            return self._record(place, raw, Place(file.tell(), place.line + 1), "the line is longer than 1 MB")
        record = self._record(place, raw, Place(place.offset + len(raw), place.line + 1))
        if record.fields is None and self._header and raw.count(b'"') % 2:
            return self._quoted(file, place, raw)
        return record

    def _quoted(self, file: BinaryIO, place: Place, first: bytes) -> Record:
        """A CSV record whose quotes span lines; if that makes no record, its first line alone is bad."""
        lines = [first]
        while len(lines) < MAX_QUOTED_LINES and (line := file.readline(MAX_LINE_BYTES)):
            lines.append(line)
            if line.count(b'"') % 2:
                raw = b"".join(lines)
                record = self._record(place, raw, Place(place.offset + len(raw), place.line + len(lines)))
                if record.fields is not None:
                    return record
                break
        behind = Place(place.offset + len(first), place.line + 1)
        file.seek(behind.offset)
        return self._record(place, first, behind, "a quote is not closed")

    def _record(self, place: Place, raw: bytes, behind: Place, problem: str = "") -> Record:
        fields: dict[str, Any] | None = None
        if not problem and raw.strip():
            try:
                fields = self._fields(raw)
            except BadRecord as error:
                problem = str(error)
        return Record(place.line, raw, fields, problem, behind)

    def _fields(self, raw: bytes) -> dict[str, Any]:
        try:
            words = raw.decode(self._encoding)
        except UnicodeDecodeError as error:
            shown = error.object[error.start : error.start + 1].hex()
            raise BadRecord(f"not {self._encoding}: byte 0x{shown} at position {error.start + 1}") from error
        if "\x00" in words:
            raise BadRecord("holds a null character")
        return self._cells(words) if self._header else _json_object(words)

    def _cells(self, words: str) -> dict[str, Any]:
        try:
            rows = list(csv.reader(io.StringIO(words), delimiter=self._delimiter, strict=True))
        except csv.Error as error:
            raise BadRecord(f"not CSV: {error}") from error
        cells: Sequence[str] = rows[0] if rows else ()
        if len(cells) != len(self._header):
            raise BadRecord(f"{len(cells)} cells, but the header names {len(self._header)}")
        return dict(zip(self._header, (cell.strip() for cell in cells), strict=True))


def _skip_line(file: BinaryIO) -> None:
    while (more := file.readline(MAX_LINE_BYTES)) and not more.endswith(b"\n"):
        pass


def _json_object(words: str) -> dict[str, Any]:
    try:
        record = json.loads(words)
    except (ValueError, RecursionError) as error:
        reason = f"{error.msg} at position {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else "too deep"
        raise BadRecord(f"not JSON: {reason}") from error
    if not isinstance(record, dict):
        raise BadRecord("not a JSON object")
    return record
