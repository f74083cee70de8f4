"""The manifest: the packaged one is right, and a wrong one is refused with a sentence."""

from pathlib import Path

import pytest

from voxcart.models import UnknownModel, load_manifest
from voxcart.models.converters.whisper import PRECISIONS
from voxcart.models.errors import ManifestError
from voxcart.models.manifest import PROFILES, parse_manifest

pytestmark = pytest.mark.unit

GOOD = """
[model.tiny]
role = "test"
title = "Tiny"
licence = "MIT"
profiles = ["cpu"]
[model.tiny.files]
"voices/a.bin" = { bytes = 3, sha256 = "%s" }
[[model.tiny.source]]
kind = "npm"
packages = [{ name = "tiny", version = "1.0.0", bytes = 10 }]
files = { "voices/*.bin" = "tiny:package/voices/*.bin" }
""" % ("0" * 64)


def test_the_packaged_manifest_has_a_registry_source_for_every_file() -> None:
    """Where the hub cannot be reached, package registries must be enough."""
    manifest = load_manifest()
    assert {model.name for model in manifest.select("cpu")} == {
        "whisper-base",
        "silero-vad",
        "smart-turn",
        "multilingual-e5-small",
        "kokoro-82m",
    }
    for model in (model for model in manifest.models if model.profiles):
        registries = [source for source in model.sources if source.kind in ("pypi", "npm")]
        for file in model.files:
            members = [source.members_of(file.path) for source in registries]
            assert any(members), f"{model.name}/{file.path}"
        for source in registries:
            names = {package.name for package in source.packages}
            assert {m.partition(":")[0] for ms in source.files.values() for m in ms} == names


def test_models_of_no_profile_are_pulled_by_name() -> None:
    by_name = {model.name: model for model in load_manifest().models if not model.profiles}
    zipformers = {"zipformer-zh-14m", "zipformer-zh-en", "zipformer2-zh"}
    whispers = {f"whisper-{size}" for size in ("tiny", "small", "medium", "large-v3", "large-v3-turbo")}
    assert set(by_name) == zipformers | whispers
    for name in whispers:
        (conversion,) = by_name[name].conversions
        assert conversion.options["precision"] in PRECISIONS
        assert set(conversion.outputs) == {"encoder.onnx", "decoder.onnx", "cache_join.onnx", "whisper.json"}
    for model in (by_name[name] for name in zipformers):
        parts = [file.path.split(".")[0].split("-")[0] for file in model.files]
        assert parts[:4] == ["encoder", "decoder", "joiner", "tokens"]


@pytest.mark.parametrize("profile", PROFILES)
def test_every_profile_fills_every_role(profile: str) -> None:
    roles = {model.role for model in load_manifest().select(profile)}
    assert roles == {"speech recognition", "voice activity", "end of turn", "text encoder", "speech synthesis"}


def test_a_pattern_stands_for_one_name() -> None:
    (source,) = parse_manifest(GOOD).models[0].sources
    assert source.members_of("voices/zf_xiaoxiao.bin") == ("tiny:package/voices/zf_xiaoxiao.bin",)
    assert source.members_of("voices.bin") is None


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("[model.tiny]", "[model.tiny", "not valid TOML"),
        ('role = "test"', "", "incomplete: KeyError"),
        ('"cpu"', '"tpu"', "profiles must be some of"),
        ("voices/a.bin", "../a.bin", "leaves the model's folder"),
        ("0" * 64, "abc", "needs a size and a SHA-256"),
        ('"npm"', '"ftp"', "unknown kind of source"),
        ('"voices/*.bin" =', '"other/*.bin" =', "no source provides"),
    ],
)
def test_a_wrong_manifest_is_refused(old: str, new: str, sentence: str) -> None:
    with pytest.raises(ManifestError, match=sentence):
        parse_manifest(GOOD.replace(old, new))


def test_a_conversion_must_read_files_of_its_model() -> None:
    wrong = GOOD + '[[model.tiny.conversion]]\nconverter = "x"\ninputs = ["w.bin"]\noutputs = ["w.onnx"]\n'
    with pytest.raises(ManifestError, match=r"reads \['w.bin'\]"):
        parse_manifest(wrong)


def test_another_manifest_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "models.toml"
    monkeypatch.setenv("VOXCART_MODELS_MANIFEST", str(path))
    with pytest.raises(ManifestError, match="cannot be read"):
        load_manifest()
    path.write_text(GOOD)
    assert [model.name for model in load_manifest().models] == ["tiny"]


def test_an_unknown_model_names_the_known_ones() -> None:
    with pytest.raises(UnknownModel, match="'tini'; the manifest knows: tiny"):
        parse_manifest(GOOD).get("tini")
