"""Tells readers on the same machine that a partition has news, for a broker that does not wake waiting fetches.

The embedded broker lets a fetch wait its full time even when data comes. Polling fast enough for speech would keep
every process busy, so a publisher, after the broker acknowledged a record, sends ``<partition> <offset>`` in a Unix
datagram to each process that reads the topic. Readers then fetch exactly what was announced. A ring that gets lost
costs latency only: readers also look by themselves every 1 to 3 s.

Sockets lie in ``<temporary directory>/voxcart-bus-<user>-<broker port>/<topic>/<pid>-<n>``. The directory belongs to
the user alone. Sockets of dead processes are removed by whoever finds them.
"""

import asyncio
import contextlib
import itertools
import os
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from voxcart.telemetry.logs import get_logger

log = get_logger(__name__)

Heard = Callable[[str, int, int], None]
"""Called with topic, partition and offset of a record that was stored."""

_counter = itertools.count()

_CLOCK_STEP_NS = 100_000_000
"""A listing younger than this may miss a socket made in the same step of the file system's clock; it is not kept."""


def doorbell_dir(port: int) -> Path:
    """Where the sockets of the broker on this port lie."""
    return Path(tempfile.gettempdir()) / f"voxcart-bus-{os.getuid()}-{port}"


class Doorbell:
    """Rings and hears the rings of one process. Use from one event loop."""

    def __init__(self, directory: Path) -> None:
        """Makes the directory; where that is refused (or it is another's), the bell is silent: :attr:`works`."""
        self._directory = directory
        self._listeners: dict[str, tuple[socket.socket, Path]] = {}
        self._heard: dict[str, list[Heard]] = {}
        self._targets: dict[str, tuple[int, list[Path]]] = {}
        self._sender: socket.socket | None = None
        self.works = False
        try:
            directory.mkdir(mode=0o700, exist_ok=True)
            if directory.stat().st_uid == os.getuid():
                self._sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                self._sender.setblocking(False)
                self.works = True
        except OSError as error:
            log.warning("no doorbell, readers poll instead", reason=str(error))

    def ring(self, topic: str, partition: int, offset: int) -> None:
        """Tells all readers of the topic. Never blocks; a reader whose buffer is full looks by itself soon."""
        if self._sender is None:
            return
        data = b"%d %d" % (partition, offset)
        for target in self._sockets(topic):
            try:
                self._sender.sendto(data, str(target))
            except ConnectionRefusedError:
                with contextlib.suppress(OSError):
                    target.unlink()
            except OSError:
                continue

    def listen(self, topic: str, heard: Heard) -> None:
        """Calls ``heard`` for each ring of the topic until :meth:`unlisten`."""
        self._heard.setdefault(topic, []).append(heard)
        if not self.works or topic in self._listeners:
            return
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        path = self._directory / topic / f"{os.getpid()}-{next(_counter)}"
        try:
            self._directory.mkdir(mode=0o700, exist_ok=True)
            path.parent.mkdir(mode=0o700, exist_ok=True)
            listener.setblocking(False)
            listener.bind(str(path))
        except OSError as error:
            listener.close()
            self.works = False
            log.warning("no doorbell, readers poll instead", reason=str(error))
            return
        self._listeners[topic] = (listener, path)
        asyncio.get_running_loop().add_reader(listener.fileno(), self._receive, topic, listener)

    def unlisten(self, topic: str, heard: Heard) -> None:
        """Takes back :meth:`listen`."""
        callbacks = self._heard.get(topic, [])
        if heard in callbacks:
            callbacks.remove(heard)
        if not callbacks:
            self._drop(topic)

    def close(self) -> None:
        """Removes this process's sockets."""
        for topic in list(self._listeners):
            self._drop(topic)
        if self._sender is not None:
            self._sender.close()
            self._sender = None
        self.works = False

    def _drop(self, topic: str) -> None:
        listener, path = self._listeners.pop(topic, (None, None))
        if listener is None or path is None:
            return
        asyncio.get_running_loop().remove_reader(listener.fileno())
        listener.close()
        with contextlib.suppress(OSError):
            path.unlink()

    def _receive(self, topic: str, listener: socket.socket) -> None:
        for _ in range(64):
            try:
                partition, offset = map(int, listener.recv(64).split())
            except (BlockingIOError, InterruptedError):
                return
            except (OSError, ValueError):
                continue
            for heard in list(self._heard.get(topic, [])):
                heard(topic, partition, offset)

    def _sockets(self, topic: str) -> list[Path]:
        """The sockets of the topic's readers; listed again whenever the directory changed."""
        directory = self._directory / topic
        try:
            changed_ns = directory.stat().st_mtime_ns
            known = self._targets.get(topic)
            if known is not None and known[0] == changed_ns:
                return known[1]
            targets = list(directory.iterdir())
        except OSError:
            return []
        if time.time_ns() - changed_ns > _CLOCK_STEP_NS:
            self._targets[topic] = (changed_ns, targets)
        return targets


def sweep_doorbell(port: int) -> None:
    """Removes the sockets of dead processes, and the directory if nobody uses it. For the end of a broker."""
    directory = doorbell_dir(port)
    for path in sorted(directory.glob("*/*")):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(str(path))
            except ConnectionRefusedError:
                path.unlink(missing_ok=True)
            except OSError:
                continue
    for folder in [*directory.glob("*"), directory]:
        with contextlib.suppress(OSError):
            folder.rmdir()
