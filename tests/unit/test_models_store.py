"""The store: pulling from a local mirror, noticing missing, cut and altered files, converting, repairing."""

import hashlib
import json
import os
import shutil
import sys
import types
from pathlib import Path

import pytest

from voxcart.models import ModelCorrupt, ModelMissing, ModelStore, PullFailed
from voxcart.models.errors import ModelError
from voxcart.models.manifest import Manifest, parse_manifest
from voxcart.models.progress import PlainReporter
from voxcart.models.pull import Puller, PullReport

pytestmark = pytest.mark.unit

WEIGHTS = b"weights " * 1000
VOCABULARY = b"a b c"
MANIFEST = f"""
[model.tiny]
role = "test"
title = "Tiny"
licence = "MIT"
profiles = ["cpu"]
[model.tiny.files]
"weights.bin" = {{ bytes = {len(WEIGHTS)}, sha256 = "{hashlib.sha256(WEIGHTS).hexdigest()}" }}
"text/vocabulary.txt" = {{ bytes = {len(VOCABULARY)}, sha256 = "{hashlib.sha256(VOCABULARY).hexdigest()}" }}
[[model.tiny.source]]
kind = "hub"
repository = "org/tiny"
revision = "abc"
files = {{ "weights.bin" = "onnx/weights.bin", "text/vocabulary.txt" = "vocab.txt" }}
[[model.tiny.source]]
kind = "hub"
repository = "org/second"
revision = "def"
files = {{ "weights.bin" = "weights.bin", "text/vocabulary.txt" = "vocab.txt" }}
"""
CONVERSION = """
[[model.tiny.conversion]]
converter = "reverse_for_test"
inputs = ["weights.bin"]
outputs = ["reversed.bin"]
"""


@pytest.fixture
def manifest() -> Manifest:
    return parse_manifest(MANIFEST)


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hub on this disk, holding the first repository."""
    folder = tmp_path / "mirror"
    for path, content in (("onnx/weights.bin", WEIGHTS), ("vocab.txt", VOCABULARY)):
        file = folder / "org/tiny/resolve/abc" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    monkeypatch.setenv("VOXCART_HUB_URL", folder.as_uri())
    return folder


@pytest.fixture
def store(tmp_path: Path, manifest: Manifest) -> ModelStore:
    return ModelStore(tmp_path / "store", manifest)


def pull(store: ModelStore, model: str = "tiny") -> PullReport:
    return Puller(store, PlainReporter(sys.stderr)).pull(store.manifest.get(model))


@pytest.fixture
def converter(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A converter that writes its input backwards and counts how often it ran."""
    module = types.ModuleType("voxcart.models.converters.reverse_for_test")
    module.VERSION = 1
    module.runs = 0

    def convert(source_dir: Path, target_dir: Path) -> None:
        module.runs += 1
        (target_dir / "reversed.bin").write_bytes((source_dir / "weights.bin").read_bytes()[::-1])

    module.convert = convert
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


@pytest.mark.usefixtures("mirror")
def test_a_pull_fetches_once_and_leaves_nothing_behind(store: ModelStore) -> None:
    assert pull(store).fetched == ["weights.bin", "text/vocabulary.txt"]
    assert pull(store).fetched == []
    folder = store.require("tiny")
    assert (folder / "weights.bin").read_bytes() == WEIGHTS
    assert store.path("tiny", "text/vocabulary.txt").read_bytes() == VOCABULARY
    assert not (store.root / ".staging" / "tiny").exists()


def test_a_missing_model_names_the_command(store: ModelStore) -> None:
    with pytest.raises(ModelMissing, match=r"weights.bin is missing .*; run: voxcart models pull tiny"):
        store.require("tiny")


@pytest.mark.usefixtures("mirror")
def test_a_file_that_no_model_has_is_refused(store: ModelStore) -> None:
    pull(store)
    with pytest.raises(ModelMissing, match=r"has no file 'other.bin'; it has: weights.bin"):
        store.path("tiny", "other.bin")


@pytest.mark.usefixtures("mirror")
@pytest.mark.parametrize(
    ("content", "sentence"),
    [(WEIGHTS[:-1], "has 7999 bytes instead of 8000"), (b"x" + WEIGHTS[1:], "has another SHA-256")],
    ids=["cut short", "altered"],
)
def test_a_damaged_file_is_noticed_and_repaired(store: ModelStore, content: bytes, sentence: str) -> None:
    pull(store)
    store.path("tiny", "weights.bin").write_bytes(content)
    with pytest.raises(ModelCorrupt, match=rf"weights.bin {sentence}.*; run: voxcart models pull tiny"):
        store.require("tiny")
    assert store.require("tiny", ["text/vocabulary.txt"]), "other files can still be used"
    assert pull(store).fetched == ["weights.bin"]
    assert store.path("tiny", "weights.bin").read_bytes() == WEIGHTS


@pytest.mark.usefixtures("mirror")
def test_verify_hashes_even_what_looks_unchanged(store: ModelStore, manifest: Manifest) -> None:
    pull(store)
    path = store.path("tiny", "weights.bin")
    times = path.stat()
    path.write_bytes(b"x" + WEIGHTS[1:])
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    store.require("tiny")
    states = {status.path: status.state for status in store.verify(manifest.get("tiny"))}
    assert states == {"weights.bin": "altered", "text/vocabulary.txt": "ok"}
    with pytest.raises(ModelCorrupt):
        store.require("tiny")


@pytest.mark.usefixtures("mirror")
def test_known_files_are_not_hashed_again(store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    pull(store)

    def fail(path: Path) -> str:
        raise AssertionError(f"{path} was hashed again")

    monkeypatch.setattr("voxcart.models.integrity.sha256_of", fail)
    store.require("tiny")


@pytest.mark.usefixtures("mirror")
def test_a_damaged_memory_of_hashes_is_rebuilt(store: ModelStore) -> None:
    pull(store)
    (store.root / "tiny" / ".verified.json").write_text('{"weights.bin": "nonsense"')
    store.require("tiny")


def test_another_file_on_the_first_source_is_refused_and_the_second_used(store: ModelStore, mirror: Path) -> None:
    second = mirror / "org/second/resolve/def"
    second.mkdir(parents=True)
    (second / "weights.bin").write_bytes(WEIGHTS)
    (second / "vocab.txt").write_bytes(VOCABULARY)
    (mirror / "org/tiny/resolve/abc/onnx/weights.bin").write_bytes(b"y" + WEIGHTS[1:])
    report = pull(store)
    assert report.fetched == ["weights.bin", "text/vocabulary.txt"]
    assert "is not the file of the manifest" in report.skipped_sources[0]


def test_when_no_source_is_left_the_error_names_model_sources_and_command(store: ModelStore, mirror: Path) -> None:
    shutil.rmtree(mirror)
    with pytest.raises(PullFailed) as raised:
        pull(store)
    message = str(raised.value)
    assert "model tiny: no source could provide weights.bin, text/vocabulary.txt" in message
    assert "hub repository org/tiny" in message
    assert "hub repository org/second" in message
    assert message.endswith("voxcart models pull tiny")


def test_what_was_fetched_before_a_failure_stays(store: ModelStore, mirror: Path) -> None:
    vocabulary = mirror / "org/tiny/resolve/abc/vocab.txt"
    vocabulary.unlink()
    with pytest.raises(PullFailed, match=r"no source could provide text/vocabulary.txt"):
        pull(store)
    vocabulary.write_bytes(VOCABULARY)
    assert pull(store).fetched == ["text/vocabulary.txt"]


@pytest.mark.usefixtures("mirror")
def test_a_store_that_cannot_be_written_to_is_named(tmp_path: Path, manifest: Manifest) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the store should be")
    with pytest.raises(PullFailed, match=r"cannot write to .*blocked"):
        pull(ModelStore(blocked, manifest))


@pytest.mark.usefixtures("mirror")
def test_a_conversion_runs_once_and_again_when_its_recipe_or_output_changes(
    tmp_path: Path, converter: types.ModuleType
) -> None:
    store = ModelStore(tmp_path / "store", parse_manifest(MANIFEST + CONVERSION))
    assert pull(store).converted == ["reversed.bin"]
    assert pull(store).converted == []
    path = store.path("tiny", "reversed.bin")
    assert path.read_bytes() == WEIGHTS[::-1]

    path.write_bytes(b"z" + WEIGHTS[::-1][1:])
    with pytest.raises(ModelCorrupt, match=r"reversed.bin has another SHA-256"):
        store.require("tiny")
    assert pull(store).converted == ["reversed.bin"]

    converter.VERSION = 2
    assert pull(store).converted == ["reversed.bin"]
    assert converter.runs == 3
    lock = json.loads((store.root / "tiny" / "conversions.lock.json").read_text())
    assert lock["reversed.bin"]["recipe"]["version"] == 2


@pytest.mark.usefixtures("mirror")
def test_a_converter_that_fails_is_named_and_leaves_no_output(tmp_path: Path, converter: types.ModuleType) -> None:
    def broken(source_dir: Path, target_dir: Path) -> None:
        (target_dir / "reversed.bin").write_bytes(b"half")
        raise ValueError("bad layer")

    converter.convert = broken
    store = ModelStore(tmp_path / "store", parse_manifest(MANIFEST + CONVERSION))
    with pytest.raises(ModelError, match="converter reverse_for_test of model tiny failed: ValueError: bad layer"):
        pull(store)
    with pytest.raises(ModelMissing, match=r"reversed.bin is missing"):
        store.require("tiny")
