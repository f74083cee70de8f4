"""The checked-in generated code is what the protos give."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = pytest.mark.unit

GENERATOR = Path(__file__).parents[2] / "tools" / "generate_protos.py"


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_protos", GENERATOR)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_code_is_up_to_date(generator: ModuleType) -> None:
    assert generator.stale_files() == []


def test_a_changed_contract_is_noticed(generator: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generator.generate(tmp_path)
    changed = tmp_path / "tts" / "v1" / "tts_pb2.py"
    changed.write_text(changed.read_text() + "# edited\n")
    monkeypatch.setattr(generator, "TARGET_DIR", tmp_path)

    assert generator.stale_files() == ["tts/v1/tts_pb2.py"]
