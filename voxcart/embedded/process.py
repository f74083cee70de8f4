"""A server process: started with its output in a log file, waited for until it answers, stopped without leftovers."""

import asyncio
import os
import signal
import sys
import time
from abc import ABC, abstractmethod
from collections import deque
from pathlib import Path

from voxcart.errors import Unavailable

_LAUNCH = Path(__file__).with_name("launch.py")


class ServerProcess(ABC):
    """One server in a directory of its own. ``start`` after ``stop`` uses the same data and address.

    Args:
        directory: Data and log; made if it is not there.
        start_seconds: How long it may take until it answers.
    """

    name = "server"
    stop_signal = signal.SIGTERM

    def __init__(self, directory: Path, start_seconds: float = 30.0) -> None:
        self.directory = directory
        self._start_seconds = start_seconds
        self._process: asyncio.subprocess.Process | None = None

    @abstractmethod
    async def prepare(self) -> list[str]:
        """Makes the data directory ready; returns the command line."""

    @abstractmethod
    async def answers(self) -> bool:
        """Whether it takes requests now."""

    @property
    def user(self) -> str | None:
        """User to run as; None: the same as this process."""
        return None

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process is not None and self.is_alive() else None

    def is_alive(self) -> bool:
        """Whether its process runs."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Starts it; returns when it answers. Does nothing while it runs.

        Raises:
            Unavailable: It could not be started; the sentence ends with its last log lines.
        """
        if self.is_alive():
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        command = await self.prepare()
        launch = [sys.executable, str(_LAUNCH), str(os.getpid()), str(int(self.stop_signal)), self.user or "-"]
        with self._log_path.open("ab") as log_file:
            self._process = await asyncio.create_subprocess_exec(
                *launch,
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log_file,
                stderr=log_file,
                cwd=self.directory,
                start_new_session=True,
            )
        try:
            await self._wait_until_it_answers()
        except BaseException:
            await self.stop()
            raise

    async def stop(self, timeout_seconds: float = 10.0) -> None:
        """Stops it, by force after ``timeout_seconds``. Does nothing if it does not run."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(self.stop_signal)
        try:
            await asyncio.wait_for(process.wait(), timeout_seconds)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _wait_until_it_answers(self) -> None:
        started = time.monotonic()
        while not await self.answers():
            if not self.is_alive():
                raise Unavailable(f"{self.name} ended while it started; its log ends:\n{self._last_lines()}")
            if time.monotonic() - started > self._start_seconds:
                raise Unavailable(
                    f"{self.name} does not answer after {self._start_seconds:g} s; its log ends:\n{self._last_lines()}"
                )
            await asyncio.sleep(0.03)

    @property
    def _log_path(self) -> Path:
        return self.directory / "server.log"

    def _last_lines(self, count: int = 5) -> str:
        with self._log_path.open(errors="replace") as lines:
            return "".join(deque(lines, maxlen=count)).strip()


async def accepts_connections(port: int) -> bool:
    """Whether somebody listens on a loopback port."""
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), 1.0)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
