"""The model store: verified files in ``<root>/<model>/``, and the questions a service asks of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from voxcart.models.conversion import ConversionLock
from voxcart.models.errors import ModelCorrupt, ModelMissing
from voxcart.models.integrity import VerifiedFiles
from voxcart.models.manifest import FileSpec, Manifest, ModelSpec, load_manifest
from voxcart.paths import models_dir

State = Literal["ok", "missing", "altered"]


def retry_command(model: str) -> str:
    """The command that fetches or repairs a model."""
    return f"voxcart models pull {model}"


@dataclass(frozen=True)
class FileStatus:
    """What the store knows about one file of a model. ``detail`` is empty when the state is ``ok``."""

    path: str
    state: State
    size_bytes: int | None
    detail: str = ""


class ModelStore:
    """Read side of the store. Safe to share between threads of one process and between processes.

    Args:
        root: folder of the store; ``voxcart.paths.models_dir()`` when None.
        manifest: the models it may hold; the packaged manifest when None.
    """

    def __init__(self, root: Path | None = None, manifest: Manifest | None = None) -> None:
        self.root = root or models_dir()
        self.manifest = manifest or load_manifest()

    def path(self, model: str, file: str) -> Path:
        """Path of one verified file, fetched or converted.

        Raises:
            UnknownModel: the manifest has no such model.
            ModelMissing: the file is not there, or no file of that name belongs to the model.
            ModelCorrupt: the file has other bytes than it should.
        """
        return self.require(model, (file,)) / file

    def require(self, model: str, files: Sequence[str] | None = None) -> Path:
        """Folder of a model whose files are all there and right. Call it before loading.

        Files whose size and time are as they were when last hashed are not hashed again, so this takes
        milliseconds after the first call.

        Args:
            model: name in the manifest.
            files: the files that will be used; all of the model when None.

        Raises:
            UnknownModel, ModelMissing, ModelCorrupt: with the command that repairs it.
        """
        spec = self.manifest.get(model)
        statuses = {status.path: status for status in self.statuses(spec, files)}
        for name in files if files is not None else list(statuses):
            status = statuses.get(name)
            if status is None:
                raise ModelMissing(f"model {model} has no file {name!r}; it has: {', '.join(self.file_names(spec))}")
            if status.state == "missing":
                raise ModelMissing(
                    f"model {model} is not complete: {status.path} is missing in {self.folder(spec)}; "
                    f"run: {retry_command(model)}"
                )
            if status.state == "altered":
                raise ModelCorrupt(
                    f"model {model} is damaged: {status.path} {status.detail}; run: {retry_command(model)}"
                )
        return self.folder(spec)

    def folder(self, model: ModelSpec) -> Path:
        """Where a model's files live."""
        return self.root / model.name

    def file_names(self, model: ModelSpec) -> list[str]:
        """Every file that a complete model has, fetched first, then converted."""
        return [file.path for file in model.files] + [o for c in model.conversions for o in c.outputs]

    def statuses(
        self, model: ModelSpec, files: Sequence[str] | None = None, *, force_hash: bool = False
    ) -> list[FileStatus]:
        """State of each file of a model (or of those named), in the order of ``file_names``."""
        verified = VerifiedFiles(self.folder(model))
        lock = ConversionLock(self.folder(model))
        statuses = []
        for name in self.file_names(model):
            if files is not None and name not in files:
                continue
            spec = model.file(name) or lock.output(name)
            statuses.append(self._status(model, name, spec, verified, force_hash))
        verified.save()
        return statuses

    def verify(self, model: ModelSpec) -> list[FileStatus]:
        """Hash every file of a model again, whatever was remembered."""
        return self.statuses(model, force_hash=True)

    def unverified_files(self, model: ModelSpec) -> list[FileSpec]:
        """Fetched files that are missing or altered."""
        wrong = {status.path for status in self.statuses(model) if status.state != "ok"}
        return [file for file in model.files if file.path in wrong]

    def _status(
        self, model: ModelSpec, name: str, spec: FileSpec | None, verified: VerifiedFiles, force_hash: bool
    ) -> FileStatus:
        path = self.folder(model) / name
        if not path.is_file():
            return FileStatus(name, "missing", None, "is missing")
        size_bytes = path.stat().st_size
        if spec is None:
            return FileStatus(name, "missing", size_bytes, "was left by an unfinished conversion")
        if size_bytes != spec.size_bytes:
            detail = f"has {size_bytes} bytes instead of {spec.size_bytes}"
            return FileStatus(name, "altered", size_bytes, detail)
        if verified.sha256(name, force=force_hash) != spec.sha256:
            return FileStatus(name, "altered", size_bytes, "has another SHA-256 than it should")
        return FileStatus(name, "ok", size_bytes)
