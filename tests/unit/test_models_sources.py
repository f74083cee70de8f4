"""Sources: archives that are damaged or lack a member, and machines that lack a client."""

import io
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from voxcart.models.errors import SourceError, SourceUnreachable
from voxcart.models.manifest import SourceSpec
from voxcart.models.progress import PlainReporter, TerminalReporter
from voxcart.models.sources import FetchContext, PypiSource
from voxcart.models.sources import pypi as pypi_module
from voxcart.models.sources.http import hub_url
from voxcart.models.sources.registry import open_member

pytestmark = pytest.mark.unit


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "tiny-1.0.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("tiny/part.bin", bytes(10_000))
    return path


@pytest.fixture
def tarball(tmp_path: Path) -> Path:
    path = tmp_path / "tiny-1.0.0.tgz"
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("package/part.bin")
        member.size = 10_000
        archive.addfile(member, io.BytesIO(bytes(10_000)))
    return path


@pytest.mark.parametrize(("kind", "member"), [("wheel", "tiny/part.bin"), ("tarball", "package/part.bin")])
def test_a_member_is_read_from_either_kind_of_archive(kind: str, member: str, request: pytest.FixtureRequest) -> None:
    archive = request.getfixturevalue(kind)
    with open_member(archive, member) as file:
        assert file.read() == bytes(10_000)
    with pytest.raises(SourceError, match="has no member other"), open_member(archive, "other"):
        pass


@pytest.mark.parametrize(("kind", "member"), [("wheel", "tiny/part.bin"), ("tarball", "package/part.bin")])
def test_a_cut_archive_is_damaged(kind: str, member: str, request: pytest.FixtureRequest) -> None:
    archive = request.getfixturevalue(kind)
    archive.write_bytes(archive.read_bytes()[:40])
    with pytest.raises(SourceError, match="is damaged"), open_member(archive, member) as file:
        file.read()


def test_a_machine_without_pip_is_told_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pypi_module.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(pypi_module.shutil, "which", lambda name: None)
    context = FetchContext(tmp_path, PlainReporter(sys.stderr))
    source = PypiSource(SourceSpec("pypi", "", "", (), (), {}), context)
    with pytest.raises(SourceUnreachable, match="python -m ensurepip"):
        pypi_module.pip_command(source)
    with pytest.raises(SourceUnreachable):
        source.prepare([])


def test_the_hub_address_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    assert hub_url() == "https://huggingface.co"
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.example/")
    assert hub_url() == "https://mirror.example"
    monkeypatch.setenv("VOXCART_HUB_URL", "file:///srv/models")
    assert hub_url() == "file:///srv/models"


def test_a_pipe_gets_lines_and_a_terminal_gets_bars() -> None:
    for reporter_class in (PlainReporter, TerminalReporter):
        stream = io.StringIO()
        reporter = reporter_class(stream)
        reporter.line("fetching [2 files]")
        with reporter.step("  weights.bin", 2_000_000) as step:
            step.advance_to(1_000_000, 3_000_000)
        assert "fetching [2 files]" in stream.getvalue()
        assert ("weights.bin (2 MB)" in stream.getvalue()) == (reporter_class is PlainReporter)
