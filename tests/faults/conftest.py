"""One system for all fault tests: what they break must be whole again for the next."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.shopper import Books
from support.system import System

from voxcart_client import SyncVoxcartClient


@pytest.fixture(scope="session")
def system(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    running = System(tmp_path_factory.mktemp("faults") / "state").start()
    yield running
    running.stop()


@pytest.fixture
def client(system: System) -> Iterator[SyncVoxcartClient]:
    with SyncVoxcartClient(system.gateway) as connected:
        yield connected


@pytest.fixture
def books(system: System) -> Books:
    return Books(system.address("shop"))
