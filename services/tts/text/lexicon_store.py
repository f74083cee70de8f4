"""Where the shops' pronunciations come from: a folder of files, and what products of the live catalogue carry.

A file is tab-separated: ``written``, ``notation`` (``say``, ``pinyin``, ``ipa``), ``spoken``; ``#`` starts a comment.
``<tenant>.tsv`` is of one shop, ``all.tsv`` of every shop. A shop's own file comes before its catalogue, that before
``all.tsv``. Files are looked at again every few seconds; one that has become wrong leaves what was read before.
"""

import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from voxcart.errors import InvalidInput
from voxcart.telemetry.logs import get_logger
from voxcart.tenants import catalogue_tenant
from voxcart_services.tts.text.lexicon import EMPTY_LEXICON, MAX_ENTRIES, Entry, Lexicon, checked_entry

log = get_logger(__name__)

EVERY_SHOP = "all"
"""Name of the file whose entries every shop has."""
_MAX_FILE_BYTES = 8 * 1024 * 1024
_Signature = tuple[int, int]


def read_lexicon_file(path: Path) -> list[Entry]:
    """The entries of a file.

    Raises:
        InvalidInput: It cannot be read, or a line does not fit; the sentence names the line.
    """
    try:
        if path.stat().st_size > _MAX_FILE_BYTES:
            raise InvalidInput(f"the lexicon {path.name} is larger than {_MAX_FILE_BYTES} bytes")
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"cannot read the lexicon {path.name}: {error}") from error
    entries: dict[str, Entry] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        entry = _entry(line, f"{path.name} line {number}")
        if entry.written.casefold() in entries:
            raise InvalidInput(f"{path.name} line {number}: {entry.written!r} was there before")
        entries[entry.written.casefold()] = entry
        if len(entries) > MAX_ENTRIES:
            raise InvalidInput(f"the lexicon {path.name} has more than {MAX_ENTRIES} entries")
    return list(entries.values())


def _entry(line: str, place: str) -> Entry:
    cells = [cell.strip() for cell in line.split("\t")]
    if len(cells) != 3:
        raise InvalidInput(f"{place}: expected written, notation, spoken, tab-separated; found {len(cells)} columns")
    try:
        return checked_entry(*cells)
    except InvalidInput as error:
        raise InvalidInput(f"{place}: {error}") from error


class LexiconStore:
    """Lexicons by shop. Thread-safe; a lexicon that was handed out never changes."""

    def __init__(
        self,
        folder: Path | None = None,
        *,
        look_again_seconds: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read the files of ``folder``.

        Raises:
            InvalidInput: The folder is none, or one of its files is wrong; the sentence says which and why.
        """
        self._folder = folder
        self._look_again_seconds = look_again_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._signatures: dict[str, _Signature] = {}
        self._files: dict[str, list[Entry]] = {}
        self._products: dict[str, dict[str, list[Entry]]] = {}
        self._lexicons: dict[str, Lexicon] = {}
        self._looked_at = clock()
        if folder is not None:
            if not folder.is_dir():
                raise InvalidInput(f"the lexicon folder {folder} does not exist")
            for name, (path, signature) in self._found().items():
                self._files[name] = read_lexicon_file(path)
                self._signatures[name] = signature

    def lexicon(self, tenant: str) -> Lexicon:
        """The pronunciations of a shop as they are now. Reads files that have changed, at most every few seconds."""
        shop = catalogue_tenant(tenant)
        with self._lock:
            self._look_again()
            known = self._lexicons.get(shop)
            if known is None:
                known = self._lexicons[shop] = self._made(shop)
            return known

    def set_product(self, tenant: str, sku: str, entries: Iterable[Entry]) -> None:
        """The pronunciations that a product carries now; none when it carries none or is no longer sold."""
        shop = catalogue_tenant(tenant)
        entries = list(entries)
        with self._lock:
            products = self._products.setdefault(shop, {})
            if products.get(sku, []) == entries:
                return
            if entries and (sku in products or len(products) < MAX_ENTRIES):
                products[sku] = entries
            else:
                products.pop(sku, None)
            self._lexicons.pop(shop, None)

    def _made(self, shop: str) -> Lexicon:
        catalogue = [entry for entries in self._products.get(shop, {}).values() for entry in entries]
        entries = [*self._files.get(EVERY_SHOP, ()), *catalogue]
        if shop != EVERY_SHOP:
            entries += self._files.get(shop, ())
        return Lexicon(entries) if entries else EMPTY_LEXICON

    def _found(self) -> dict[str, tuple[Path, _Signature]]:
        if self._folder is None:
            return {}
        found = {}
        for path in sorted(self._folder.glob("*.tsv")):
            try:
                status = path.stat()
            except OSError:
                continue
            found[path.stem] = (path, (status.st_mtime_ns, status.st_size))
        return found

    def _look_again(self) -> None:
        now = self._clock()
        if self._folder is None or now - self._looked_at < self._look_again_seconds:
            return
        self._looked_at = now
        found = self._found()
        for name in self._signatures.keys() - found.keys():
            self._files.pop(name, None)
            del self._signatures[name]
            self._lexicons.clear()
        for name, (path, signature) in found.items():
            if self._signatures.get(name) == signature:
                continue
            self._signatures[name] = signature
            try:
                self._files[name] = read_lexicon_file(path)
            except InvalidInput as error:
                log.warning("a lexicon is wrong; what was read before stays", reason=str(error))
            self._lexicons.clear()
