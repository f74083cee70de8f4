"""The doorbell between processes of one machine."""

import asyncio
import os
import socket
import tempfile
from pathlib import Path

import pytest

from voxcart.bus.doorbell import Doorbell, doorbell_dir, sweep_doorbell

pytestmark = pytest.mark.unit


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "bell"


def sockets_in(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_socket()]


async def test_a_ring_is_heard_by_every_reader_of_the_topic(directory: Path) -> None:
    ringer, listener = Doorbell(directory), Doorbell(directory)
    heard: asyncio.Queue[tuple[str, int, int]] = asyncio.Queue()
    for topic in ("a", "b"):
        listener.listen(topic, lambda *ring: heard.put_nowait(ring))
    listener.listen("a", lambda *ring: heard.put_nowait(("second", *ring[1:])))
    ringer.ring("a", 3, 17)
    assert {await asyncio.wait_for(heard.get(), 5) for _ in range(2)} == {("a", 3, 17), ("second", 3, 17)}
    ringer.ring("unknown", 0, 0)
    ringer.ring("b", 0, 1)
    assert await asyncio.wait_for(heard.get(), 5) == ("b", 0, 1)
    ringer.close()
    listener.close()
    assert sockets_in(directory) == []


async def test_a_listener_that_comes_later_is_found(directory: Path) -> None:
    ringer = Doorbell(directory)
    heard: asyncio.Queue[int] = asyncio.Queue()
    listeners = []
    for number in range(5):
        ringer.ring("a", 0, number)
        listener = Doorbell(directory)
        listener.listen("a", lambda _topic, _partition, offset: heard.put_nowait(offset))
        listeners.append(listener)
    ringer.ring("a", 0, 99)
    rings = [await asyncio.wait_for(heard.get(), 5) for _ in range(15)]
    assert rings.count(99) == 5
    for bell in (ringer, *listeners):
        bell.close()


async def test_the_socket_of_a_dead_process_is_removed(directory: Path) -> None:
    ringer = Doorbell(directory)
    (directory / "a").mkdir()
    left = directory / "a" / "1-0"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as dead:
        dead.bind(str(left))
    ringer.ring("a", 0, 1)
    assert not left.exists()
    ringer.close()


def test_without_a_directory_the_bell_is_silent_and_says_so(directory: Path) -> None:
    directory.write_text("in the way")
    bell = Doorbell(directory)
    assert not bell.works
    bell.ring("a", 0, 0)
    bell.close()


def test_the_end_of_a_broker_leaves_no_socket_of_the_dead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = doorbell_dir(9092) / "a"
    folder.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as living:
        living.bind(str(folder / "2-0"))
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as dead:
            dead.bind(str(folder / "1-0"))
        sweep_doorbell(9092)
        assert [path.name for path in sockets_in(folder)] == ["2-0"]
    sweep_doorbell(9092)
    assert not folder.parent.exists()


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to give a directory away")
def test_the_directory_of_another_user_is_not_used(directory: Path) -> None:
    directory.mkdir()
    os.chown(directory, 12345, 12345)
    assert not Doorbell(directory).works
