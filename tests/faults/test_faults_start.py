"""A broker, Redis or PostgreSQL that is not there at start, and a port in use: a clear sentence and status 1."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.system import System

pytestmark = pytest.mark.faults

NOWHERE = "127.0.0.1:1"
START_SECONDS = "4"


@pytest.fixture
def environment(system: System) -> dict[str, str]:
    """The settings of the running system, for one more process beside it."""
    return {**os.environ, **system.run["environment"], "VOXCART_START_SECONDS": START_SECONDS}


def start_and_wait(service: str, environment: dict[str, str]) -> tuple[int, str]:
    """Runs a service until it gives up; returns its status and the reason in its log."""
    done = subprocess.run(
        [sys.executable, "-m", f"voxcart_services.{service}"], env=environment, capture_output=True, timeout=90
    )
    lines = [json.loads(line) for line in done.stderr.decode().splitlines() if line.startswith("{")]
    return done.returncode, " ".join(str(line["reason"]) for line in lines if line["message"] == "cannot start")


@pytest.mark.parametrize("service", ["gateway", "asr", "nlu", "dialogue", "recsys", "tts"])
def test_without_a_broker_a_service_gives_up_with_a_sentence(service: str, environment: dict[str, str]) -> None:
    status, reason = start_and_wait(service, environment | {"VOXCART_BROKER": NOWHERE})
    assert status == 1
    assert NOWHERE in reason
    assert "broker" in reason


def test_without_postgresql_the_shop_gives_up_with_a_sentence(environment: dict[str, str]) -> None:
    url = "postgresql+psycopg://postgres@127.0.0.1:1/voxcart"
    status, reason = start_and_wait("shop", environment | {"VOXCART_DATABASE_URL": url})
    assert status == 1
    assert "database" in reason


def test_up_with_a_broker_that_is_not_there_says_so_and_starts_nothing(models_dir: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "voxcart", "up", "--broker", NOWHERE, "--state-dir", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.strip() == f"no broker answers at {NOWHERE}: Connection refused"
    assert not (tmp_path / "run.json").exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--broker", "kafka"], "--broker must be"),
        (["--port", "70000"], "--port must be"),
        (["--nonsense"], "nonsense"),
    ],
)
def test_bad_usage_is_status_2(options: list[str], sentence: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "voxcart", "up", "--state-dir", str(tmp_path), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert sentence in done.stderr


def test_a_gateway_port_in_use_is_said(system: System, tmp_path: Path) -> None:
    port = system.gateway.rpartition(":")[2]
    command = [sys.executable, "-m", "voxcart", "up", "--state-dir", str(tmp_path), "--port", port]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.strip() == f"port {port} is in use; give another --port"


def test_without_redis_the_dialogue_gives_up_with_a_sentence(environment: dict[str, str]) -> None:
    status, reason = start_and_wait("dialogue", environment | {"VOXCART_REDIS_URL": f"redis://{NOWHERE}/0"})
    assert status == 1
    assert "state of the conversation cannot be reached" in reason
