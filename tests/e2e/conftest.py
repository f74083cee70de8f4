"""One running system for all end-to-end tests, and a client for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.system import System

from voxcart_client import SyncVoxcartClient


@pytest.fixture(scope="session")
def system(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    running = System(tmp_path_factory.mktemp("system") / "state").start()
    yield running
    running.stop()


@pytest.fixture
def client(system: System) -> Iterator[SyncVoxcartClient]:
    with SyncVoxcartClient(system.gateway) as connected:
        yield connected
