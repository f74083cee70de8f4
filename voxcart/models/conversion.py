"""Running converters, and the lock file that pins what they made.

A converted file has no hash in the manifest, because its bytes may change with the version of the ``onnx``
package. Instead ``<model>/conversions.lock.json`` pins, per conversion, the converter and its version, the
options, the SHA-256 of every input, and the size and SHA-256 of every output. A conversion runs again when
one of the first four differs or an output is missing or altered.
"""

import importlib
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from voxcart.models.errors import ModelError
from voxcart.models.integrity import place_atomically, sha256_of, write_atomically
from voxcart.models.manifest import ConversionSpec, FileSpec, ModelSpec

if TYPE_CHECKING:  # services import this module to verify; progress bars are for pulls only
    from voxcart.models.progress import Reporter
    from voxcart.models.store import ModelStore

LOCK_FILE = "conversions.lock.json"


class Converter(Protocol):
    """What a module in ``voxcart.models.converters`` offers.

    ``VERSION`` is raised whenever the same input would give another output.
    """

    VERSION: int

    def convert(self, source_dir: Path, target_dir: Path, **options: str) -> None:
        """Read fetched files from ``source_dir`` and write the outputs into ``target_dir``. Deterministic."""


class ConversionLock:
    """The lock file of one model folder."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / LOCK_FILE
        try:
            loaded = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            loaded = {}
        self._entries: dict[str, dict[str, Any]] = loaded if isinstance(loaded, dict) else {}

    def output(self, name: str) -> FileSpec | None:
        """Pinned size and hash of a converted file, or None when no finished conversion made it."""
        for entry in self._entries.values():
            found = entry.get("outputs", {}).get(name)
            if found is not None:
                return FileSpec(name, int(found["bytes"]), str(found["sha256"]))
        return None

    def matches(self, recipe: dict[str, Any], outputs: tuple[str, ...]) -> bool:
        """Whether the outputs were made by exactly this recipe."""
        entry = self._entries.get(_key(outputs), {})
        return entry.get("recipe") == recipe and set(entry.get("outputs", {})) == set(outputs)

    def record(self, recipe: dict[str, Any], outputs: dict[str, FileSpec]) -> None:
        """Pin what a conversion made."""
        self._entries[_key(tuple(outputs))] = {
            "recipe": recipe,
            "outputs": {name: {"bytes": spec.size_bytes, "sha256": spec.sha256} for name, spec in outputs.items()},
        }
        write_atomically(self._file, [json.dumps(self._entries, indent=1, sort_keys=True).encode()])


def convert_missing(store: "ModelStore", model: ModelSpec, reporter: "Reporter") -> list[str]:
    """Run the conversions of a model whose outputs are not there, not right, or made by another recipe.

    The caller holds the model's lock. Returns the paths of the outputs made.
    """
    made: list[str] = []
    for conversion in model.conversions:
        recipe = _recipe(model, conversion)
        lock = ConversionLock(store.folder(model))
        states = {status.state for status in store.statuses(model, conversion.outputs)}
        if states == {"ok"} and lock.matches(recipe, conversion.outputs):
            continue
        reporter.line(f"  converting {', '.join(conversion.outputs)}")
        made += _convert(store, model, conversion, recipe, lock)
    return made


def _convert(
    store: "ModelStore", model: ModelSpec, conversion: ConversionSpec, recipe: dict[str, Any], lock: ConversionLock
) -> list[str]:
    target = store.root / ".staging" / f"{model.name}.{conversion.converter}"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    try:
        _run_converter(store.folder(model), target, model, conversion)
        specs = {}
        for name in conversion.outputs:
            made = target / name
            if not made.is_file():
                raise ModelError(f"converter {conversion.converter} of model {model.name} did not write {name}")
            specs[name] = FileSpec(name, made.stat().st_size, sha256_of(made))
        for name in conversion.outputs:
            place_atomically(target / name, store.folder(model) / name)
        lock.record(recipe, specs)
    finally:
        shutil.rmtree(target, ignore_errors=True)
    store.statuses(model, conversion.outputs)
    return list(conversion.outputs)


def _run_converter(source: Path, target: Path, model: ModelSpec, conversion: ConversionSpec) -> None:
    try:
        _load(conversion.converter).convert(source, target, **conversion.options)
    except (ModelError, OSError):
        raise
    except Exception as error:
        raise ModelError(
            f"converter {conversion.converter} of model {model.name} failed: {type(error).__name__}: {error}"
        ) from error


def _recipe(model: ModelSpec, conversion: ConversionSpec) -> dict[str, Any]:
    files = [model.file(name) for name in conversion.inputs]
    return {
        "converter": conversion.converter,
        "version": _load(conversion.converter).VERSION,
        "options": dict(conversion.options),
        "inputs": {file.path: file.sha256 for file in files if file is not None},
    }


def _load(name: str) -> Converter:
    return importlib.import_module(f"voxcart.models.converters.{name}")  # type: ignore[return-value]


def _key(outputs: tuple[str, ...]) -> str:
    return "+".join(sorted(outputs))
