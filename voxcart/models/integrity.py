"""File integrity: hashes, atomic writes, and the memory of which files were verified already."""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

CHUNK_BYTES = 1 << 20
VERIFIED_FILE = ".verified.json"


def sha256_of(path: Path, on_bytes: Callable[[int], None] | None = None) -> str:
    """SHA-256 of a file as lower-case hex; ``on_bytes`` is told of every block read (for progress)."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(CHUNK_BYTES):
            digest.update(block)
            if on_bytes is not None:
                on_bytes(len(block))
    return digest.hexdigest()


def sync_file(path: Path) -> None:
    """Flush a file's bytes to the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries to the disk, where the platform allows opening folders."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def place_atomically(source: Path, target: Path) -> None:
    """Move a finished file to its final name: after a power cut the target is the old file or the new one.

    Source and target must be on one file system.
    """
    sync_file(source)
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(source, target)
    sync_folder(target.parent)


def write_atomically(target: Path, blocks: Iterable[bytes]) -> None:
    """Write blocks to a temporary file beside the target, then move it into place."""
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            for block in blocks:
                file.write(block)
        temporary.chmod(0o644)
        place_atomically(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


class VerifiedFiles:
    """Remembers (size, mtime) -> SHA-256 per model folder, so that a service start need not hash 100s of MB.

    The memory lives in ``<model>/.verified.json``. A file whose size or modification time differs is hashed
    again. On a read-only store nothing is remembered and every start hashes.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / VERIFIED_FILE
        self._entries = self._load()

    def sha256(self, name: str, *, force: bool = False) -> str:
        """SHA-256 of ``folder/name``, from memory unless the file changed or ``force`` is set."""
        path = self._folder / name
        stat = path.stat()
        entry = self._entries.get(name)
        if not force and entry is not None and entry[:2] == [stat.st_size, stat.st_mtime_ns]:
            return str(entry[2])
        digest = sha256_of(path)
        self._entries[name] = [stat.st_size, stat.st_mtime_ns, digest]
        return digest

    def save(self) -> None:
        """Persist what was hashed; a store that cannot be written to stays as it is."""
        if self._entries == self._load():
            return
        text = json.dumps(self._entries, indent=0, sort_keys=True)
        try:
            write_atomically(self._file, [text.encode()])
        except (PermissionError, OSError):
            return

    def _load(self) -> dict[str, list[int | str]]:
        try:
            loaded = json.loads(self._file.read_text())
        except (OSError, ValueError):
            return {}
        return loaded if isinstance(loaded, dict) else {}
