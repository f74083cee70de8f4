"""Fetching models: for every missing file the sources are tried in order, then converters run.

One process pulls a model at a time (a lock file per model); others wait and then find it done. Files arrive in
``<root>/.staging/<model>``, are hashed there, and move into place atomically, so a reader sees a whole file or
none.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from voxcart.models.conversion import convert_missing
from voxcart.models.errors import PullFailed, SourceError, SourceUnreachable
from voxcart.models.integrity import place_atomically, sha256_of
from voxcart.models.manifest import FileSpec, ModelSpec, SourceSpec
from voxcart.models.progress import Reporter
from voxcart.models.sources import SOURCES, FetchContext
from voxcart.models.store import ModelStore, retry_command


@dataclass
class PullReport:
    """What a pull did for one model."""

    model: str
    fetched: list[str] = field(default_factory=list)
    converted: list[str] = field(default_factory=list)
    skipped_sources: list[str] = field(default_factory=list)


class Puller:
    """Pulls models into a store. Remembers unreachable hosts for its life, so that each is waited for once."""

    def __init__(self, store: ModelStore, reporter: Reporter) -> None:
        self._store = store
        self._reporter = reporter
        self._unreachable: dict[str, str] = {}

    def pull(self, model: ModelSpec) -> PullReport:
        """Fetch and convert what is missing or altered of one model. Blocks; safe beside other processes.

        Raises:
            PullFailed: no source could provide a file; what was fetched before stays for the next try.
        """
        try:
            with self._locked(model):
                return self._pull_locked(model)
        except OSError as error:
            raise PullFailed(
                f"model {model.name}: cannot write to {self._store.root}: {error.strerror or error}; "
                f"make it writable, with free space, and run again: {retry_command(model.name)}"
            ) from error

    @contextmanager
    def _locked(self, model: ModelSpec) -> Iterator[None]:
        """Hold the model's lock, waiting for another process that holds it."""
        lock_folder = self._store.root / ".locks"
        lock_folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(lock_folder / f"{model.name}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            self._reporter.line(f"{model.name}: another process is pulling it; waiting")
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def _pull_locked(self, model: ModelSpec) -> PullReport:
        report = PullReport(model.name)
        missing = self._store.unverified_files(model)
        if missing:
            size_mb = sum(file.size_bytes for file in missing) / 1e6
            self._reporter.line(f"{model.name}: fetching {len(missing)} files, {size_mb:.0f} MB")
            self._fetch(model, missing, report)
        report.converted = convert_missing(self._store, model, self._reporter)
        if not report.fetched and not report.converted:
            self._reporter.line(f"{model.name}: complete")
        return report

    def _fetch(self, model: ModelSpec, missing: list[FileSpec], report: PullReport) -> None:
        staging = self._store.root / ".staging" / model.name
        context = FetchContext(staging, self._reporter, self._unreachable)
        for source in model.sources:
            wanted = [file for file in missing if source.members_of(file.path) is not None]
            if not wanted:
                continue
            try:
                self._fetch_from(model, source, context, wanted, report)
            except SourceError as error:
                report.skipped_sources.append(f"{source.label}: {error}")
                self._reporter.line(f"  skipped {source.label}: {error}")
            missing = [file for file in missing if file.path not in report.fetched]
        if missing:
            names = ", ".join(file.path for file in missing[:5]) + (" ..." if len(missing) > 5 else "")
            tried = "\n".join(f"  - {line}" for line in report.skipped_sources)
            raise PullFailed(
                f"model {model.name}: no source could provide {names}. Sources tried:\n{tried}\n"
                f"Check the network and run again: {retry_command(model.name)}"
            )
        shutil.rmtree(staging, ignore_errors=True)

    def _fetch_from(
        self,
        model: ModelSpec,
        spec: SourceSpec,
        context: FetchContext,
        files: Sequence[FileSpec],
        report: PullReport,
    ) -> None:
        source = SOURCES[spec.kind](spec, context)
        source.prepare(files)
        for file in files:
            staged = context.staging / "files" / file.path
            try:
                source.fetch(file, staged)
                self._check_staged(staged, file)
            except SourceUnreachable:
                raise
            except SourceError:
                source.discard(file)
                raise
            place_atomically(staged, self._store.root / model.name / file.path)
            report.fetched.append(file.path)
        self._store.statuses(model)

    def _check_staged(self, staged: Path, file: FileSpec) -> None:
        size_bytes = staged.stat().st_size
        digest = sha256_of(staged) if size_bytes == file.size_bytes else None
        if digest == file.sha256:
            return
        staged.unlink()
        found = f"{size_bytes} bytes" if digest is None else f"SHA-256 {digest[:12]}..."
        raise SourceError(
            f"{file.path} is not the file of the manifest (found {found}, "
            f"wanted {file.size_bytes} bytes, SHA-256 {file.sha256[:12]}...)"
        )
